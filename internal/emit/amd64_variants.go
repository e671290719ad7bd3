package emit

import "github.com/cargo-rustgo/cargo-rustgo/internal/image"

var amd64Chooser = chooser{
	frameArgs: func(p *Package, f *Function, platform *Platform) int {
		return p.amd64Trampoline(f, platform, image.Export{}).frameArgs()
	},
	jump:   "\tMOVQ ·rustvariant<>+%d(SB), AX\n\tJMP AX",
	direct: "\tJMP ·%s(SB)",
	call:   "\tPUSHQ AX\n\tCALL ·rustChoose(SB)\n\tPOPQ AX",
	enter:  "\tMOVQ variant+0(FP), CX",
	unless: "\tCMPQ CX, $%d\n\tJNE not%[1]d",
	use:    "\tLEAQ ·%s(SB), AX\n\tMOVQ AX, ·rustvariant<>+%d(SB)",
	can:    "rustCPU() >= %d",
	goText: `
// rustCPU returns the level of the processor: 1 to 4, as in GOAMD64.
func rustCPU() uint64
`,
	text: amd64CPU,
}

// amd64CPU finds the level of the processor. The bits are those of Intel's
// Software Developer's Manual, CPUID, and AMD's Architecture Programmer's Manual,
// volume 3, appendix E.
const amd64CPU = `
// func rustCPU() uint64
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
