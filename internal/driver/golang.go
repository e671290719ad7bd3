package driver

import (
	"go/types"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/cargo-rustgo/cargo-rustgo/internal/abi"
	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
	"github.com/cargo-rustgo/cargo-rustgo/internal/emit"
	"github.com/cargo-rustgo/cargo-rustgo/internal/signature"
	"github.com/cargo-rustgo/cargo-rustgo/internal/tool"
)

// golang translates the exports, which check has accepted, and their types.
func golang(pkg string, art *tool.Artifact, functions []export) ([]emit.Function, []emit.Type, error) {
	t := translator{pkg: pkg, errors: map[string]bool{}}
	taken := map[string]bool{"RustPanic": true}
	for i := range functions {
		f := &functions[i]
		taken[f.goName] = true
		for _, p := range f.Params {
			if err := t.types.Add(p.Type); err != nil {
				return nil, nil, f.typesClash(err)
			}
		}
		if f.Result == nil {
			continue
		}
		results := []*signature.Type{f.Result}
		if value, failure, ok := f.Result.GoResult(); ok {
			results = []*signature.Type{value, failure}
			t.errors[failure.Name] = true
		}
		for _, r := range results {
			if err := t.types.Add(r); err != nil {
				return nil, nil, f.typesClash(err)
			}
		}
	}
	t.types.Resolve(taken)
	// From here on every type has its name.

	var out []emit.Function
	var errs []error
	for i := range functions {
		f, err := t.function(&functions[i], art.Config)
		out, errs = append(out, f), append(errs, err)
	}
	return out, t.declarations(newTypeDocs(art)), diag.Join(errs...)
}

// declared lets hand-written declarations stand for generated ones.
func declared(p *emit.Package, functions []export, dir string, arch string) error {
	var generated []byte
	if len(p.Types) > 0 {
		generated = p.TypesFile()
	}
	found, err := readHandwritten(dir, generated, arch)
	if err != nil {
		return err
	}
	var errs []error
	for i := range functions {
		f := &functions[i]
		h := found[f.Symbol]
		if h == nil {
			continue
		}
		delete(found, f.Symbol)
		out := &p.Functions[i]
		if out.Fallible != nil || out.Blocking || out.CallsGo || out.Receiver != "" {
			errs = append(errs, h.problem("`%s` is more than its assembly: a method, a call that may block, or one that returns an error or calls Go; let the tool declare it", f.Symbol))
			continue
		}
		names, err := h.check(f, types.SizesFor("gc", arch))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out.Declared, out.Name = true, h.decl.Name.Name
		for j := range out.Params {
			out.Params[j].Name, out.Params[j].Check = names[j], false
		}
	}
	for _, symbol := range slices.Sorted(maps.Keys(found)) {
		var known []string
		for _, f := range functions {
			known = append(known, f.Symbol)
		}
		errs = append(errs, exportNotFound(symbol, known))
	}
	return diag.Join(errs...)
}

func (f *export) typesClash(err error) error {
	d := diag.New(diag.TypeCannotCross, "`%s` cannot be called from Go: %v", f.Symbol, err)
	d.Spans = []diag.Span{f.span(f.Line, "")}
	d.Help = []string{"rename one of the two types"}
	return d
}

// translator knows the Go types of a package.
type translator struct {
	pkg    string
	types  signature.GoTypes
	errors map[string]bool // the Rust names of the types of errors
}

// function translates an export.
func (t *translator) function(f *export, config *tool.Config) (emit.Function, error) {
	out := emit.Function{Name: f.goName, Symbol: f.Symbol, NoEscape: f.NoEscape()}
	names := signature.GoParams(f.Params)
	for i, p := range f.Params {
		q := emit.Param{Name: names[i], Type: t.types.Of(p.Type), Value: value(p.Type), Check: p.Type.HasInvalid(), Composite: composite(p.Type)}
		switch q.Name {
		case "g", "ret", "outcome": // a register and results to Go's assemblers
			q.Name += "_"
		}
		if list, ok := p.Type.Callbacks(); ok {
			q.Handle, out.CallsGo = true, true
			for _, c := range list {
				out.Callbacks = append(out.Callbacks, t.callback(&c, i))
			}
		}
		out.Params = append(out.Params, q)
	}
	if f.Result != nil && f.Result.Size > 0 {
		r := emit.Param{Value: value(f.Result), Composite: composite(f.Result)}
		if v, failure, ok := f.Result.GoResult(); ok {
			out.Fallible = t.fallible(f.Result, v, failure)
			out.CallsGo = out.CallsGo || out.Fallible.Handle
		} else {
			r.Type = t.types.Of(f.Result)
		}
		out.Result = &r
	}
	out.Doc = functionDoc(f)
	if config != nil && config.Functions[f.Symbol].Method != "" {
		return out, t.method(&out, f, config.Functions[f.Symbol].Method)
	}
	return out, nil
}

// callback translates a function that Rust calls.
func (t *translator) callback(c *signature.Callback, param int) emit.Callback {
	out := emit.Callback{Param: param, Method: c.Name, Error: c.Error}
	for _, p := range c.Params {
		out.Params = append(out.Params, emit.Param{Type: t.types.Argument(p)})
	}
	if c.Result != nil {
		out.Result = &emit.Param{Type: t.types.Of(c.Result), Check: c.Result.HasInvalid()}
	}
	return out
}

// method makes a method of a function whose first parameter is a value of a type
// that the package declares, or a pointer to one.
func (t *translator) method(out *emit.Function, f *export, name string) error {
	fail := func(format string, args ...any) error {
		d := diag.New(diag.BadConfig, format, args...)
		d.Spans = []diag.Span{f.span(f.Line, "")}
		return d
	}
	if len(out.Params) == 0 || !t.types.Declares(f.Params[0].Type) {
		return fail("`%s` cannot be a method: its first parameter is not a struct or an enum, or a pointer to one", f.Symbol)
	}
	receiver := strings.TrimPrefix(out.Params[0].Type, "*")
	if name == "true" {
		// point_norm of Point is Norm.
		name = strings.TrimPrefix(out.Name, receiver)
		if name == "" || !unicode.IsUpper([]rune(name)[0]) {
			name = out.Name
		}
	}
	out.Receiver, out.Name = receiver, name
	return nil
}

// fallible describes the Result of the crate rustgo.
func (t *translator) fallible(result, value, failure *signature.Type) *emit.Fallible {
	r := &emit.Fallible{Error: t.types.Of(failure), ValueSize: int(value.Size), ErrorSize: int(failure.Size), Size: int(result.Size)}
	if value.Size > 0 {
		r.Value = t.types.Of(value)
	}
	for _, f := range result.Fields {
		switch f.Name {
		case "failed":
			r.FailedOff = int(f.Off)
		case "value":
			r.ValueOff = int(f.Off)
		case "error":
			r.ErrorOff = int(f.Off)
			r.Handle = r.Error == "error"
		}
	}
	return r
}

// declarations translates the declarations of types.
func (t *translator) declarations(docs *typeDocs) []emit.Type {
	var list []emit.Type
	for _, d := range t.types.Declared() {
		rust := lastName(d.Type)
		doc := docs.byName[rust]
		out := emit.Type{Name: d.Name, Doc: renamed(doc.Doc, rust, d.Name), Base: d.Base, Error: t.errors[d.Type.Name]}
		switch {
		case d.Type.Kind == signature.Int128 || d.Type.Kind == signature.Uint128:
			out.Doc = []string{d.Name + " is an integer of 128 bits."}
		case d.Base == "string":
			out.Doc = []string{d.Name + " is an error of Rust's."}
		}
		out.Interface = d.Type.Kind == signature.TraitObject
		for _, m := range d.Methods {
			out.Methods = append(out.Methods, emit.Method{
				Name: m.Name, Type: t.types.Signature(&m, signature.GoParams(doc.Params[m.Method])),
				Doc: renamed(doc.Members[m.Method], m.Method, m.Name),
			})
		}
		for _, f := range d.Fields {
			out.Fields = append(out.Fields, emit.Field{Name: f.Name, Type: f.Type, Doc: renamed(doc.Members[f.Rust], f.Rust, f.Name), Check: f.Checked})
		}
		for _, v := range d.Values {
			text := v.Rust
			if out.Error {
				text = t.pkg + ": " + spaced(v.Rust)
			}
			out.Values = append(out.Values, emit.Constant{Name: v.Name, Value: v.Value, Text: text, Doc: renamed(doc.Members[v.Rust], v.Rust, v.Name)})
		}
		list = append(list, out)
	}
	return list
}

// spaced writes the name of a variant for people: InvalidDigit is "invalid
// digit".
func spaced(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte(' ')
		}
		if unicode.IsUpper(r) && (i+1 == len(runes) || !unicode.IsUpper(runes[i+1])) {
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// composite reports whether t is more than a number or pointer in Go.
func composite(t *signature.Type) bool {
	switch t.Kind {
	case signature.Struct, signature.Int128, signature.Uint128:
		return true
	}
	return false
}

// value says how t crosses.
func value(t *signature.Type) abi.Value {
	v := abi.Value{Size: int(t.Size), Align: int(max(t.Align, 1)), GoAlign: int(t.GoAlign())}
	if t.Size > maxFlat {
		v.Aggregate = true
		return v
	}
	v.Scalars = scalars(nil, t, 0)
	slices.SortFunc(v.Scalars, func(a, b abi.Scalar) int { return a.Off - b.Off })
	// A struct that is nothing but a number is passed like one, which matters
	// for repr(transparent) and changes nothing otherwise.
	v.Aggregate = t.Kind == signature.Struct && (len(v.Scalars) != 1 || v.Scalars[0].Size != v.Size)
	return v
}

// maxFlat is the size in bytes above which no calling convention looks at what
// is in a value: four vector registers.
const maxFlat = 64

// scalars appends what t consists of.
func scalars(list []abi.Scalar, t *signature.Type, off int) []abi.Scalar {
	switch t.Kind {
	case signature.Array:
		for i := range t.Len {
			list = scalars(list, t.Elem, off+int(i*t.Elem.Size))
		}
		return list
	case signature.Struct, signature.Tuple, signature.Union:
		for _, f := range t.Fields {
			list = scalars(list, f.Type, off+int(f.Off))
		}
		return list
	case signature.Int128, signature.Uint128:
		return append(list, abi.Scalar{Off: off, Size: 8}, abi.Scalar{Off: off + 8, Size: 8})
	case signature.Enum:
		return scalars(list, t.Base, off)
	case signature.Unit:
		return list
	}
	s := abi.Scalar{Off: off, Size: int(t.Size)}
	switch t.Kind {
	case signature.Int8, signature.Int16, signature.Int32, signature.Int64, signature.Int:
		s.Signed = true
	case signature.Float32, signature.Float64:
		s.Class = abi.Float
	}
	return append(list, s)
}
