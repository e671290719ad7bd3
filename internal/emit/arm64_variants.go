package emit

import "github.com/cargo-rustgo/cargo-rustgo/internal/image"

// A call of Go keeps the return address at SP, and the frame pointer of its
// caller below (arm64.go).
var arm64Chooser = chooser{
	frameArgs: func(p *Package, f *Function, platform *Platform) int {
		return p.arm64Trampoline(f, platform, image.Export{}).frameArgs()
	},
	jump:   "\tMOVD ·rustvariant<>+%d(SB), R16\n\tJMP (R16)",
	direct: "\tB ·%s(SB)",
	call: `	MOVD R30, -32(RSP)
	MOVD R29, -40(RSP)
	SUB $32, RSP
	SUB $8, RSP, R29
	CALL ·rustChoose(SB)
	LDP -8(RSP), (R29, R30)
	ADD $32, RSP`,
	enter:   "\tMOVD variant+0(FP), R0",
	unless:  "\tCMP $%d, R0\n\tBNE not%[1]d",
	use:     "\tMOVD $·%s(SB), R1\n\tMOVD R1, ·rustvariant<>+%d(SB)",
	can:     "rustCPU()&%#[1]x == %#[1]x",
	imports: []string{"_ \"unsafe\" // for linkname"},
	goText: `
// rustAuxv is there for golang.org/x/sys/cpu (runtime.getAuxv, Go 1.25 to 1.27).
//
//go:linkname rustAuxv runtime.getAuxv
func rustAuxv() []uintptr

// rustCPU returns what the processor can do, as AT_HWCAP of Linux's auxiliary
// vector says.
func rustCPU() uint64 {
	auxv := rustAuxv()
	for i := 0; i+1 < len(auxv); i += 2 {
		if auxv[i] == 16 {
			return uint64(auxv[i+1])
		}
	}
	return 0
}
`,
}
