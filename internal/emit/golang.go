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
	if f.Result != nil {
		s += " " + f.Result.Type
	}
	return s
}

// gofmt formats a generated file.
func gofmt(source []byte) []byte {
	out, err := format.Source(source)
	if err != nil {
		panic(fmt.Sprintf("internal error: generated Go does not parse: %v\n%s", err, source))
	}
	return out
}
