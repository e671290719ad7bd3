package emit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/image"
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
// A program that is compiled for the best of the variants (GOAMD64=v3) has no
// table: cmd/go defines GOAMD64_v3 for the assembler.

// levels are the variants of amd64 by their names, which are those of the levels
// in the System V psABI, "Micro-Architecture Levels", and of GOAMD64.
var levels = map[string]int{"v2": 2, "v3": 3, "v4": 4}

// variants returns the variants of a platform's system, the best first.
func (p *Package) variants(platform *Platform) []string {
	var list []string
	for i := range p.Platforms {
		if q := &p.Platforms[i]; q.GOOS == platform.GOOS && q.GOARCH == platform.GOARCH && q.Variant != "" {
			list = append(list, q.Variant)
		}
	}
	slices.SortFunc(list, func(a, b string) int { return levels[b] - levels[a] })
	return list
}

// systems returns the platforms without variants.
func (p *Package) systems() []*Platform {
	var list []*Platform
	for i := range p.Platforms {
		if p.Platforms[i].Variant == "" {
			list = append(list, &p.Platforms[i])
		}
	}
	return list
}

// suffix is what the names of a platform's trampolines end in.
func (p *Package) suffix(platform *Platform) string {
	switch {
	case platform.Variant != "":
		return "·" + platform.Variant
	case len(p.variants(platform)) > 0:
		return "·baseline"
	}
	return ""
}

// title makes a part of a Go name of a variant.
func title(variant string) string { return strings.ToUpper(variant) }

// dispatch writes the functions that choose, for a system with variants.
func (p *Package) dispatch(platform *Platform, out *printer) {
	variants := p.variants(platform)
	best := levels[variants[0]]
	direct := func() (macros []string) {
		for level := best; level <= 4; level++ {
			macros = append(macros, fmt.Sprintf("GOAMD64_v%d", level))
		}
		return macros
	}()
	// The preprocessor has no "or".
	out.line("")
	for _, macro := range direct {
		out.line("#ifdef %s", macro)
		out.line("#define RUSTGO_BEST")
		out.line("#endif")
	}
	for i := range p.Functions {
		f := &p.Functions[i]
		name, args := f.assemblyName(), p.trampoline(f, platform, image.Export{}).frameArgs()
		out.line("")
		out.line("// %s", f.assembly())
		out.line("TEXT ·%s(SB), NOSPLIT|NOFRAME, $0-%d", name, args)
		out.line("#ifdef RUSTGO_BEST")
		out.line("\tJMP ·%s·%s(SB)", name, variants[0])
		out.line("#else")
		out.line("\tMOVQ ·rustvariant<>+%d(SB), AX", 8*i)
		out.line("\tJMP AX")
		out.line("#endif")
		out.line("")
		out.line("TEXT ·%s·first<>(SB), NOSPLIT|NOFRAME, $0-%d", name, args)
		out.line("\tFUNCDATA $FUNCDATA_ArgsPointerMaps, ·%s·args_stackmap(SB)", name)
		out.line("\tNO_LOCAL_POINTERS")
		out.line("\tPUSHQ AX")
		out.line("\tCALL ·rustChoose(SB)")
		out.line("\tPOPQ AX")
		out.line("\tMOVQ ·rustvariant<>+%d(SB), AX", 8*i)
		out.line("\tJMP AX")
	}
	out.line("")
	for i := range p.Functions {
		out.line("DATA ·rustvariant<>+%d(SB)/8, $·%s·first<>(SB)", 8*i, p.Functions[i].assemblyName())
	}
	out.line("GLOBL ·rustvariant<>(SB), NOPTR, $%d", 8*len(p.Functions))
	out.line("")
	out.line("// func rustUse(level int)")
	out.line("TEXT ·rustUse(SB), NOSPLIT|NOFRAME, $0-8")
	out.line("\tMOVQ level+0(FP), CX")
	for _, v := range append(slices.Clone(variants), "baseline") {
		if v != "baseline" {
			out.line("\tCMPQ CX, $%d", levels[v])
			out.line("\tJLT not%s", v)
		}
		for i := range p.Functions {
			out.line("\tLEAQ ·%s·%s(SB), AX", p.Functions[i].assemblyName(), v)
			out.line("\tMOVQ AX, ·rustvariant<>+%d(SB)", 8*i)
		}
		out.line("\tRET")
		if v != "baseline" {
			out.line("not%s:", v)
		}
	}
	out.WriteString(cpuSource)
}

// cpuSource finds the level of the processor. The bits are those of Intel's
// Software Developer's Manual, CPUID, and AMD's Architecture Programmer's Manual,
// volume 3, appendix E.
const cpuSource = `
// func rustCPU() int
TEXT ·rustCPU(SB), NOSPLIT|NOFRAME, $0-8
	MOVQ $1, R8 // the level
	XORL AX, AX
	XORL CX, CX
	CPUID
	CMPL AX, $7
	JLT done
	MOVL $0x80000000, AX
	CPUID
	CMPL AX, $0x80000001
	JCS done
	MOVL $0x80000001, AX
	CPUID
	MOVL CX, R9 // LAHF, LZCNT
	MOVL $1, AX
	XORL CX, CX
	CPUID
	MOVL CX, R10
	MOVL $7, AX
	XORL CX, CX
	CPUID
	MOVL BX, R11
	// SSE3, SSSE3, CMPXCHG16B, SSE4.1, SSE4.2, POPCNT; LAHF
	MOVL R10, AX
	ANDL $0x982201, AX
	CMPL AX, $0x982201
	JNE done
	TESTL $1, R9
	JEQ done
	MOVQ $2, R8
	// FMA, MOVBE, OSXSAVE, AVX, F16C; LZCNT; BMI1, AVX2, BMI2; the system saves
	// the registers
	MOVL R10, AX
	ANDL $0x38401000, AX
	CMPL AX, $0x38401000
	JNE done
	TESTL $0x20, R9
	JEQ done
	MOVL R11, AX
	ANDL $0x128, AX
	CMPL AX, $0x128
	JNE done
	XORL CX, CX
	XGETBV
	MOVL AX, R12
	ANDL $6, AX
	CMPL AX, $6
	JNE done
	MOVQ $3, R8
	// AVX512F, DQ, CD, BW, VL; the system saves them too
	MOVL R11, AX
	ANDL $0xd0030000, AX
	CMPL AX, $0xd0030000
	JNE done
	ANDL $0xe6, R12
	CMPL R12, $0xe6
	JNE done
	MOVQ $4, R8
done:
	MOVQ R8, ret+0(FP)
	RET
`

// variantsGo writes the Go side of a system with variants.
func (p *Package) variantsGo(platform *Platform) []byte {
	var out printer
	out.line("%s", Header)
	out.line("")
	if platform.GOOS == "linux" {
		out.line("//go:build !android")
		out.line("")
	}
	out.line("package %s", p.Name)
	out.line("")
	out.line("import \"syscall\"")
	variants := p.variants(platform)
	out.line("")
	for _, v := range variants {
		out.line("func rustInOrder%s() bool", title(v))
	}
	var checks, names []string
	for _, v := range variants {
		checks = append(checks, "!rustInOrder"+title(v)+"()")
		names = append(names, fmt.Sprintf("case \"x86-64-%s\": level = min(level, %d)", v, levels[v]))
	}
	out.WriteString(`
func init() {
	if ` + strings.Join(checks, " || ") + ` {
		panic(` + fmt.Sprintf("%q", p.Name+": the linker has shuffled the Rust functions, as it does with -ldflags=-randlayout: link without that flag") + `)
	}
}

// rustCPU returns the level of the processor: 1 to 4, as in GOAMD64.
func rustCPU() int

// rustUse makes all functions those of the best variant up to a level.
func rustUse(level int)

// rustChoose is called by the first call of a function. RUSTGO_CPU in the
// environment holds back from better variants than it names.
func rustChoose() {
	level := rustCPU()
	if name, ok := syscall.Getenv("RUSTGO_CPU"); ok {
		switch name {
		case "baseline": level = 1
		` + strings.Join(names, "\n") + `
		default: panic("` + p.Name + `: RUSTGO_CPU is " + name + ", which is not baseline or ` + "x86-64-" + strings.Join(variants, " or x86-64-") + `")
		}
	}
	rustUse(level)
}
`)
	return gofmt(out.Bytes())
}
