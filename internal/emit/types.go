package emit

import (
	"slices"
	"strings"
)

// Type is a type that the package declares: a struct, or an integer with
// constants.
type Type struct {
	Name   string
	Doc    []string
	Fields []Field // of a struct, with padding
	Base   string  // of an enum: the integer; string of a message; else ""
	Values []Constant
	Error  bool // of an enum: it is an error
	// Methods are those of an interface; it may have none.
	Interface bool
	Methods   []Method
}

// Method is a method of an interface. Type are its parameters and results.
type Method struct {
	Name, Type string
	Doc        []string
}

// Field is a field of a struct.
type Field struct {
	Name, Type string
	Doc        []string
	Check      bool // the type has the method valid
}

// Constant is a value of an enum.
type Constant struct {
	Name, Value string
	Text        string // what it is called in Rust; of an error, its message
	Doc         []string
}

// TypesFile writes the declarations of the types.
func (p *Package) TypesFile() []byte {
	var out printer
	out.line("%s", Header)
	out.line("")
	out.line("package %s", p.Name)
	var imports []string
	if slices.ContainsFunc(p.Types, func(t Type) bool { return len(t.Values) > 0 }) {
		imports = append(imports, "strconv")
	}
	if slices.ContainsFunc(p.Types, func(t Type) bool {
		return slices.ContainsFunc(t.Fields, func(f Field) bool { return strings.Contains(f.Type, "unsafe.Pointer") })
	}) {
		imports = append(imports, "unsafe")
	}
	out.imports(imports)
	for i := range p.Types {
		t := &p.Types[i]
		out.line("")
		out.comment(t.Doc)
		switch t.Base {
		case "":
			if t.Interface {
				t.contract(&out)
			} else {
				t.structure(&out)
			}
		case "string":
			out.line("type %s string", t.Name)
			out.line("")
			out.line("// Error returns the message.")
			out.line("func (v %s) Error() string { return string(v) }", t.Name)
		default:
			t.enum(&out)
		}
	}
	if p.checks() {
		out.line("")
		out.line("func rustInvalid(function, parameter string) string {")
		out.line("return %q + function + \": \" + parameter + \" has a value that its type does not have in Rust\"", p.Name+".")
		out.line("}")
	}
	if p.checksReturned() {
		out.line("")
		out.line("func rustReturned(typ string) string {")
		out.line("return %q + typ + \" that the type does not have in Rust\"", p.Name+": a Go function returned a value of type ")
		out.line("}")
	}
	return gofmt(out.Bytes())
}

// checksReturned reports whether Go functions return what has to be checked.
func (p *Package) checksReturned() bool {
	return slices.ContainsFunc(p.Functions, func(f Function) bool {
		return slices.ContainsFunc(f.Callbacks, func(c Callback) bool { return c.Result != nil && c.Result.Check })
	})
}

// checks reports whether a function checks its parameters.
func (p *Package) checks() bool {
	return slices.ContainsFunc(p.Functions, func(f Function) bool {
		return slices.ContainsFunc(f.Params, func(q Param) bool { return q.Check })
	})
}

func (t *Type) structure(out *printer) {
	out.line("type %s struct {", t.Name)
	for i, f := range t.Fields {
		if len(f.Doc) > 0 && i > 0 {
			out.line("")
		}
		out.comment(f.Doc)
		out.line("%s %s", f.Name, f.Type)
	}
	out.line("}")
	var checks []string
	for _, f := range t.Fields {
		if f.Check {
			checks = append(checks, "v."+f.Name+".valid()")
		}
	}
	if len(checks) > 0 {
		out.line("")
		out.line("func (v *%s) valid() bool { return %s }", t.Name, strings.Join(checks, " && "))
	}
}

func (t *Type) contract(out *printer) {
	out.line("type %s interface {", t.Name)
	for i, m := range t.Methods {
		if len(m.Doc) > 0 && i > 0 {
			out.line("")
		}
		out.comment(m.Doc)
		out.line("%s%s", m.Name, m.Type)
	}
	out.line("}")
}

func (t *Type) enum(out *printer) {
	out.line("type %s %s", t.Name, t.Base)
	out.line("")
	out.line("// The values of %s. Others are refused by functions that take one.", t.Name)
	out.line("const (")
	for _, c := range t.Values {
		out.comment(c.Doc)
		out.line("%s %s = %s", c.Name, t.Name, c.Value)
	}
	out.line(")")
	out.line("")
	if t.Error {
		out.line("// Error returns what v means.")
		out.line("func (v %s) Error() string {", t.Name)
	} else {
		out.line("// String returns the name of v in Rust.")
		out.line("func (v %s) String() string {", t.Name)
	}
	out.line("switch v {")
	for _, c := range t.Values {
		out.line("case %s: return %q", c.Name, c.Text)
	}
	out.line("}")
	number := "strconv.FormatUint(uint64(v), 10)"
	if !strings.HasPrefix(t.Base, "u") {
		number = "strconv.FormatInt(int64(v), 10)"
	}
	out.line("return %q + %s + \")\"", t.Name+"(", number)
	out.line("}")
	out.line("")
	out.line("func (v %s) valid() bool {", t.Name)
	out.line("switch v {")
	var names []string
	for _, c := range t.Values {
		names = append(names, c.Name)
	}
	out.line("case %s: return true", strings.Join(names, ", "))
	out.line("}")
	out.line("return false")
	out.line("}")
}
