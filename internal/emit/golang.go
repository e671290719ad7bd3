package emit

import (
	"fmt"
	"go/format"
	"strings"
)

// constraint is true on the platforms that the package has code for.
func (p *Package) constraint() string {
	var terms []string
	for _, platform := range p.Platforms {
		term := platform.GOOS + " && " + platform.GOARCH
		if platform.GOOS == "linux" {
			term += " && !android" // which also satisfies linux
		}
		if len(p.Platforms) > 1 {
			term = "(" + term + ")"
		}
		terms = append(terms, term)
	}
	return strings.Join(terms, " || ")
}

// declarations writes the Go side of the platforms that have code.
func (p *Package) declarations() []byte {
	var out printer
	p.head(&out, p.constraint())
	for _, f := range p.Functions {
		out.line("")
		out.comment(f.Doc)
		if f.Blocking {
			f.blocking(&out)
			continue
		}
		if f.NoEscape {
			if len(f.Doc) > 0 {
				out.line("//")
			}
			out.line("//go:noescape")
		}
		out.line("%s", f.Signature())
	}
	return gofmt(out.Bytes())
}

// blocking writes a function that may block. Between the two calls of the
// runtime the stack must not grow, so that all of it is nosplit
// (runtime.entersyscall, Go 1.26).
func (f *Function) blocking(out *printer) {
	if len(f.Doc) > 0 {
		out.line("//")
	}
	out.line("//go:nosplit")
	out.line("//go:norace")
	out.line("%s {", f.Signature())
	out.line("for {")
	out.line("rustEnterBlocking()")
	var args []string
	for _, p := range f.Params {
		args = append(args, p.Name)
	}
	results, ret := "outcome", ""
	if f.Result != nil {
		results, ret = "ret, outcome", "ret"
	}
	out.line("%s := %s(%s)", results, f.blockingName(), strings.Join(args, ", "))
	out.line("rustLeaveBlocking()")
	out.line("if outcome == 0 { return %s }", ret)
	out.line("rustBlocked(outcome)")
	out.line("}")
	out.line("}")
	out.line("")
	if f.NoEscape {
		out.line("//go:noescape")
	}
	signature := strings.TrimSuffix(strings.TrimPrefix(f.Signature(), "func "+f.Name), f.resultType())
	if f.Result != nil {
		out.line("func %s%s (ret%s, outcome uintptr)", f.blockingName(), strings.TrimSuffix(signature, " "), f.resultType())
	} else {
		out.line("func %s%s (outcome uintptr)", f.blockingName(), signature)
	}
}

func (f *Function) resultType() string {
	if f.Result == nil {
		return ""
	}
	return " " + f.Result.Type
}

// stub writes functions that say what is missing, for all other platforms: a
// program that has an alternative to the package still compiles there.
func (p *Package) stub() []byte {
	var out printer
	p.head(&out, "!("+p.constraint()+")", "runtime")
	for _, f := range p.Functions {
		out.line("")
		out.comment(f.Doc)
		out.line("%s { panic(notBuilt(%q)) }", f.Signature(), f.Name)
	}
	var built []string
	for _, platform := range p.Platforms {
		built = append(built, platform.GOOS+"/"+platform.GOARCH)
	}
	out.line("")
	out.line("func notBuilt(function string) string {")
	out.line("return %q + function + %q + runtime.GOOS + \"/\" + runtime.GOARCH", p.Name+".", " was built by cargo rustgo for "+strings.Join(built, ", ")+", not for ")
	out.line("}")
	return gofmt(out.Bytes())
}

func (p *Package) head(out *printer, constraint string, imports ...string) {
	out.line("%s", Header)
	out.line("")
	out.line("//go:build %s", constraint)
	out.line("")
	out.comment(p.Doc)
	out.line("package %s", p.Name)
	for _, f := range p.Functions {
		if strings.Contains(f.Signature(), "unsafe.Pointer") {
			imports = append(imports, "unsafe")
			break
		}
	}
	if len(imports) == 1 {
		out.line("\nimport %q", imports[0])
		return
	}
	if len(imports) > 1 {
		out.line("\nimport (")
		for _, name := range imports {
			out.line("%q", name)
		}
		out.line(")")
	}
}

// Signature returns the declaration of f in Go.
func (f *Function) Signature() string {
	var params []string
	for i, q := range f.Params {
		// Neighbours of one type share it, as people write it.
		if i+1 < len(f.Params) && f.Params[i+1].Type == q.Type {
			params = append(params, q.Name)
			continue
		}
		params = append(params, q.Name+" "+q.Type)
	}
	s := fmt.Sprintf("func %s(%s)", f.Name, strings.Join(params, ", "))
	return s + f.resultType()
}

// gofmt formats a generated file.
func gofmt(source []byte) []byte {
	out, err := format.Source(source)
	if err != nil {
		panic(fmt.Sprintf("internal error: generated Go does not parse: %v\n%s", err, source))
	}
	return out
}
