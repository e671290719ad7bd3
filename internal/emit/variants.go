package emit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/target"
)

// A package can have its machine code several times for one system: for every
// processor, and for those that can do more. All trampolines of a function are
// there then, and the function itself jumps to one of them, through a table:
//
//	TEXT ·F                  JMP to what the table says
//	TEXT ·F·baseline         the trampoline of the code for every processor
//	TEXT ·F·v3               that of the code for x86-64-v3
//	TEXT ·F·first            what the table says at first: choose, and start over
//
// Each variant has its own statics, so a program must never mix them. That is why
// the table is filled in by the first call, whoever makes it, and not when the
// package is initialized: other variables may be initialized by calls before.
//
// A program that is compiled for nothing but processors of the best variant
// (GOAMD64=v3, GOARM64=v8.1) has no table: a Go file with that build constraint has
// a constant, which cmd/go tells the assembler (go_asm.h).

// variants returns the variants of a platform's system, the best first.
func (p *Package) variants(platform *Platform) []target.Variant {
	var list []target.Variant
	for i := range p.Platforms {
		if q := &p.Platforms[i]; q.GOOS == platform.GOOS && q.GOARCH == platform.GOARCH && q.Variant.Name != "" {
			list = append(list, q.Variant)
		}
	}
	slices.SortStableFunc(list, target.Variant.Compare)
	return list
}

// systems returns the platforms without variants.
func (p *Package) systems() []*Platform {
	var list []*Platform
	for i := range p.Platforms {
		if p.Platforms[i].Variant.Name == "" {
			list = append(list, &p.Platforms[i])
		}
	}
	return list
}

// suffix is what the names of a platform's trampolines end in.
func (p *Package) suffix(platform *Platform) string {
	switch {
	case platform.Variant.Name != "":
		return "·" + platform.Variant.ID
	case len(p.variants(platform)) > 0:
		return "·baseline"
	}
	return ""
}

// title makes a part of a Go name of a variant.
func title(v target.Variant) string { return strings.ToUpper(v.ID) }

// A chooser is what differs between the processors. The texts are formats.
type chooser struct {
	// frameArgs is the size of what a function's assembly gets and returns.
	frameArgs func(p *Package, f *Function, platform *Platform) int

	jump   string // to what the table has at an offset
	direct string // jump to a function
	call   string // of Go, to choose; nothing is in registers
	enter  string // before the comparisons
	unless string // is variant N what Go has chosen, go to notN
	use    string // put a function into the table, at an offset
	can    string // Go: can this processor run code that needs so much
	// imports and goText are of the Go file, text is assembly.
	imports      []string
	goText, text string
}

var choosers = map[string]*chooser{"amd64": &amd64Chooser, "arm64": &arm64Chooser}

// dispatch writes the functions that choose, for a system with variants.
func (p *Package) dispatch(platform *Platform, out *printer) {
	variants, c := p.variants(platform), choosers[platform.GOARCH]
	for i := range p.Functions {
		f := &p.Functions[i]
		name, args := f.assemblyName(), c.frameArgs(p, f, platform)
		out.line("")
		out.line("// %s", f.assembly())
		out.line("TEXT ·%s(SB), NOSPLIT|NOFRAME, $0-%d", name, args)
		out.line("#ifdef const_rustBest")
		out.line(c.direct, name+"·"+variants[0].ID)
		out.line("#else")
		out.line(c.jump, 8*i)
		out.line("#endif")
		out.line("")
		out.line("TEXT ·%s·first<>(SB), NOSPLIT|NOFRAME, $0-%d", name, args)
		out.line("\tFUNCDATA $FUNCDATA_ArgsPointerMaps, ·%s·args_stackmap(SB)", name)
		out.line("\tNO_LOCAL_POINTERS")
		out.line("%s", c.call)
		out.line(c.jump, 8*i)
	}
	out.line("")
	for i := range p.Functions {
		out.line("DATA ·rustvariant<>+%d(SB)/8, $·%s·first<>(SB)", 8*i, p.Functions[i].assemblyName())
	}
	out.line("GLOBL ·rustvariant<>(SB), NOPTR, $%d", 8*len(p.Functions))
	out.line("")
	out.line("// func rustUse(variant int)")
	out.line("TEXT ·rustUse(SB), NOSPLIT|NOFRAME, $0-8")
	out.line("%s", c.enter)
	for n := range len(variants) + 1 {
		id := "baseline"
		if n < len(variants) {
			id = variants[n].ID
			out.line(c.unless, n)
		}
		for i := range p.Functions {
			out.line(c.use, p.Functions[i].assemblyName()+"·"+id, 8*i)
		}
		out.line("\tRET")
		if n < len(variants) {
			out.line("not%d:", n)
		}
	}
	out.WriteString(c.text)
}

// variantsGo writes the Go side of a system with variants.
func (p *Package) variantsGo(platform *Platform) map[string][]byte {
	name := "rustgo_variants_" + platform.GOOS + "_" + platform.GOARCH
	variants, c := p.variants(platform), choosers[platform.GOARCH]
	files := map[string][]byte{}
	if tag := variants[0].Tag; tag != "" && !p.prebuilt {
		var best printer
		best.line("%s\n\n//go:build %s && %s\n", Header, platform.condition(), tag)
		best.line("package %s", p.Name)
		best.line("")
		best.line("// rustBest is there if no program has to choose.")
		best.line("const rustBest = 1")
		files[name+"_best.go"] = gofmt(best.Bytes())
	}
	var out printer
	out.line("%s\n\n//go:build %s\n", Header, platform.condition())
	out.line("package %s", p.Name)
	out.line("")
	out.line("import (")
	for _, i := range append([]string{"\"syscall\""}, c.imports...) {
		out.line("%s", i)
	}
	out.line(")")
	out.line("")
	var shuffled, names, cans, known []string
	for n, v := range variants {
		out.line("func rustInOrder%s() bool", title(v))
		shuffled = append(shuffled, "!rustInOrder"+title(v)+"()")
		names = append(names, fmt.Sprintf("case %q: variant = %d", v.Name, n))
		cans = append(cans, fmt.Sprintf("case variant <= %d && %s: variant = %[1]d", n, fmt.Sprintf(c.can, v.Needs)))
		known = append(known, v.Name)
	}
	out.WriteString(`
func init() {
	if ` + strings.Join(shuffled, " || ") + ` {
		panic(` + fmt.Sprintf("%q", p.Name+": the linker has shuffled the Rust functions, as it does with -ldflags=-randlayout: link without that flag") + `)
	}
}
` + c.goText + `
// rustUse makes all functions those of a variant: 0 is the best.
func rustUse(variant int)

// rustChoose is called by the first call of a function. RUSTGO_CPU in the
// environment holds back from better variants than it names.
func rustChoose() {
	variant := 0
	if name, ok := syscall.Getenv("RUSTGO_CPU"); ok {
		switch name {
		` + strings.Join(names, "\n") + `
		case "baseline": variant = ` + fmt.Sprint(len(variants)) + `
		default: panic("` + p.Name + `: RUSTGO_CPU is " + name + ", which is not baseline or ` + strings.Join(known, " or ") + `")
		}
	}
	switch {
	` + strings.Join(cans, "\n") + `
	default: variant = ` + fmt.Sprint(len(variants)) + `
	}
	rustUse(variant)
}
`)
	files[name+".go"] = gofmt(out.Bytes())
	return files
}
