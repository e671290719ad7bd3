package emit

import (
	"fmt"
	"go/format"
	"slices"
	"strings"
)

// constraint is true on the platforms that the package has code for.
func (p *Package) constraint() string {
	var terms []string
	systems := p.systems()
	for _, platform := range systems {
		term := platform.condition()
		if len(systems) > 1 {
			term = "(" + term + ")"
		}
		terms = append(terms, term)
	}
	return strings.Join(terms, " || ")
}

// declarations writes the Go side of the platforms that have code.
func (p *Package) declarations() []byte {
	var out printer
	var imports []string
	if p.CallsGo() {
		imports = append(imports, "unsafe")
	}
	p.head(&out, p.constraint(), imports...)
	for i := range p.Functions {
		f := &p.Functions[i]
		if f.Declared {
			continue
		}
		out.line("")
		out.comment(f.Doc)
		if f.wrapped() {
			f.wrapper(&out, p.Name)
		}
		if f.NoEscape && !f.CallsGo {
			if len(f.Doc) > 0 && !f.wrapped() {
				out.line("//")
			}
			out.line("//go:noescape")
		}
		out.line("%s", f.assembly())
	}
	return gofmt(out.Bytes())
}

// wrapped reports whether Go code stands before the assembly.
func (f *Function) wrapped() bool {
	return f.Receiver != "" || f.Fallible != nil || f.Blocking || f.CallsGo || slices.ContainsFunc(f.Params, func(p Param) bool { return p.Check })
}

// assemblyName is the name of the assembly function.
func (f *Function) assemblyName() string {
	if f.wrapped() {
		return "rust" + f.Receiver + f.Name
	}
	return f.Name
}

// assembly is the declaration of the assembly function.
func (f *Function) assembly() string {
	result := ""
	if f.Result != nil {
		result = " " + f.rawType()
	}
	if f.Blocking {
		result = " (outcome uintptr)"
		if f.Result != nil {
			result = fmt.Sprintf(" (ret %s, outcome uintptr)", f.rawType())
		}
	}
	return "func " + f.assemblyName() + parameters(f.rawParams()) + result
}

// rawParams are the parameters in assembly.
func (f *Function) rawParams() []Param {
	if !f.CallsGo {
		return f.Params
	}
	var list []Param
	for _, p := range f.Params {
		if p.Handle {
			p.Type = "uint64"
		}
		list = append(list, p)
	}
	return append(list, Param{Name: "call", Type: f.callType()})
}

// rawType is the type of the result in assembly.
func (f *Function) rawType() string {
	if f.Fallible != nil {
		return f.assemblyName() + "Result"
	}
	return f.Result.Type
}

// wrapper writes the function that Go code calls, and the declarations it
// needs besides the assembly.
func (f *Function) wrapper(out *printer, pkg string) {
	call := f.assemblyName()
	if f.Blocking && !f.onlyBlocks() {
		call += "Blocking"
	}
	if !f.onlyBlocks() {
		out.line("%s {", f.Signature())
		for _, p := range f.Params {
			if p.Check {
				out.line("if !%s.valid() { panic(rustInvalid(%q, %q)) }", p.Name, f.Name, p.Name)
			}
		}
		err := "rustResult.err"
		if f.CallsGo {
			out.line("rustStack := rustCallStackNew()")
			out.line("defer rustStack.free()")
		}
		if f.Fallible != nil && f.Fallible.Handle {
			err = "rustStack.err(rustResult.err)"
		}
		switch {
		case f.Fallible == nil && f.Result == nil:
			out.line("%s(%s)", call, f.arguments())
		case f.Fallible == nil:
			out.line("return %s(%s)", call, f.arguments())
		case f.Fallible.Value == "":
			out.line("rustResult := %s(%s)", call, f.arguments())
			out.line("if rustResult.failed { return %s }", err)
			out.line("return nil")
		default:
			out.line("rustResult := %s(%s)", call, f.arguments())
			out.line("if rustResult.failed { return rustResult.value, %s }", err)
			out.line("return rustResult.value, nil")
		}
		out.line("}")
		out.line("")
	}
	if f.Fallible != nil {
		f.fallible(out)
	}
	if f.CallsGo {
		f.callback(out, pkg)
	}
	if f.Blocking {
		f.blocking(out)
		out.line("")
	}
}

// onlyBlocks reports whether there is no reason for Go code but that the call
// may block.
func (f *Function) onlyBlocks() bool {
	g := *f
	g.Blocking = false
	return f.Blocking && !g.wrapped()
}

// fallible declares the result of the assembly.
func (f *Function) fallible(out *printer) {
	r := f.Fallible
	type field struct {
		off, size int
		decl      string
	}
	err := r.Error
	if r.Handle {
		err = "uint64"
	}
	fields := []field{{r.FailedOff, 1, "failed bool"}, {r.ErrorOff, r.ErrorSize, "err " + err}}
	if r.Value != "" {
		fields = append(fields, field{r.ValueOff, r.ValueSize, "value " + r.Value})
	}
	slices.SortFunc(fields, func(a, b field) int { return a.off - b.off })
	out.line("type %s struct {", f.rawType())
	end := 0
	for _, g := range append(fields, field{off: r.Size}) {
		if g.off > end {
			out.line("_ [%d]byte", g.off-end)
		}
		if g.decl != "" {
			out.line("%s", g.decl)
		}
		end = g.off + g.size
	}
	out.line("}")
	out.line("")
}

// blocking writes a function that may block. Between the two calls of the
// runtime the stack must not grow (runtime.entersyscall, Go 1.26): all that is
// called there is assembly. The function itself may have a frame of any size.
func (f *Function) blocking(out *printer) {
	signature := f.Signature()
	if !f.onlyBlocks() {
		signature = "func " + f.assemblyName() + "Blocking" + parameters(f.Params)
		if f.Result != nil {
			signature += " " + f.rawType()
		}
	} else if len(f.Doc) > 0 {
		out.line("//")
	}
	out.line("//go:norace")
	out.line("%s {", signature)
	out.line("for {")
	out.line("rustEnterBlocking()")
	results, ret := "outcome", ""
	if f.Result != nil {
		results, ret = "ret, outcome", "ret"
	}
	out.line("%s := %s(%s)", results, f.assemblyName(), f.arguments())
	out.line("rustLeaveBlocking()")
	out.line("if outcome == 0 { return %s }", ret)
	out.line("rustBlocked(outcome)")
	out.line("}")
	out.line("}")
}

func (f *Function) arguments() string {
	var names []string
	for i, p := range f.Params {
		if p.Handle {
			names = append(names, fmt.Sprintf("rustStack.handle+%d", f.handle(i)))
			continue
		}
		names = append(names, p.Name)
	}
	if f.CallsGo {
		names = append(names, f.callArgument())
	}
	return strings.Join(names, ", ")
}

// stub writes functions that say what is missing, for all other platforms: a
// program that has an alternative to the package still compiles there.
func (p *Package) stub() []byte {
	var out printer
	p.head(&out, "!("+p.constraint()+")", "runtime")
	for _, f := range p.Functions {
		if f.Declared {
			continue
		}
		out.line("")
		out.comment(f.Doc)
		out.line("%s { panic(notBuilt(%q)) }", f.Signature(), f.Name)
	}
	var built []string
	for _, platform := range p.systems() {
		built = append(built, platform.GOOS+"/"+platform.GOARCH)
	}
	out.line("")
	out.line("func notBuilt(function string) string {")
	out.line("return %q + function + %q + runtime.GOOS + \"/\" + runtime.GOARCH", p.Name+".", " was built by cargo rustgo for "+strings.Join(built, ", ")+", not for ")
	out.line("}")
	return gofmt(out.Bytes())
}

// start begins a Go file that is for certain platforms.
func (p *Package) start(out *printer, constraint string) {
	out.line("%s", Header)
	out.line("")
	if !p.prebuilt {
		out.line("//go:build %s", constraint)
		out.line("")
	}
}

func (p *Package) head(out *printer, constraint string, imports ...string) {
	p.start(out, constraint)
	out.comment(p.Doc)
	out.line("package %s", p.Name)
	for _, f := range p.Functions {
		for _, qualified := range []string{"io.Reader", "io.Writer", "unsafe.Pointer"} {
			if pkg, _, _ := strings.Cut(qualified, "."); strings.Contains(f.Signature(), qualified) && !slices.Contains(imports, pkg) {
				imports = append(imports, pkg)
			}
		}
	}
	out.imports(imports)
}

// Signature returns the declaration of f in Go.
func (f *Function) Signature() string {
	s := "func "
	params := f.Params
	if f.Receiver != "" {
		s += fmt.Sprintf("(%s %s) ", params[0].Name, params[0].Type)
		params = params[1:]
	}
	s += f.Name + parameters(params)
	switch {
	case f.Fallible != nil && f.Fallible.Value == "":
		s += " error"
	case f.Fallible != nil:
		s += " (" + f.Fallible.Value + ", error)"
	case f.Result != nil:
		s += " " + f.Result.Type
	}
	return s
}

// parameters writes a list of parameters.
func parameters(list []Param) string {
	var params []string
	for i, q := range list {
		// Neighbours of one type share it, as people write it.
		if i+1 < len(list) && list[i+1].Type == q.Type {
			params = append(params, q.Name)
			continue
		}
		params = append(params, q.Name+" "+q.Type)
	}
	return "(" + strings.Join(params, ", ") + ")"
}

// gofmt formats a generated file.
func gofmt(source []byte) []byte {
	out, err := format.Source(source)
	if err != nil {
		panic(fmt.Sprintf("internal error: generated Go does not parse: %v\n%s", err, source))
	}
	return out
}
