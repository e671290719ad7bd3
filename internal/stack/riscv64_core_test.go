package stack

import (
	"encoding/binary"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
)

const riscvTarget = "riscv64gc-unknown-linux-gnu"

// coreRISCV compiles a crate with all of core, alloc and compiler_builtins.
func coreRISCV(t testing.TB) []byte {
	t.Helper()
	needTarget(t, riscvTarget)
	return compileFor(t, riscvTarget, allocates+`
		core::arch::global_asm!(".globl memcpy, memmove, memset, memcmp, bcmp, strlen, _Unwind_Resume, rust_eh_personality",
			"memcpy: memmove: memset: memcmp: bcmp: strlen: li a0, 0", "ret", "_Unwind_Resume: rust_eh_personality: unimp");`)
}

// TestCoreRISCV does the same as TestCore with code for RISC-V.
func TestCoreRISCV(t *testing.T) { testCore(t, coreRISCV(t)) }

// TestDepthsFramesRISCV does the same as TestDepthsFrames with code for RISC-V.
func TestDepthsFramesRISCV(t *testing.T) {
	needTarget(t, riscvTarget)
	testDepthsFrames(t, "riscv64-linux-gnu-", 20, func(t testing.TB, level string) ([]byte, *link.Set) {
		return popularFor(t, riscvTarget, level)
	})
}

// FuzzAnalyzeRISCV feeds arbitrary code to the walk.
func FuzzAnalyzeRISCV(f *testing.F) {
	for _, words := range [][]uint16{
		{0x8082},
		{0x7119, 0xfc86, 0xf8a2, 0x0100, 0x7113, 0xfc01, 0x0113, 0xf804, 0x70e6, 0x7446, 0x6109, 0x8082}, // an aligned frame
		{0x7141, 0x65b7, 0x0002, 0x0133, 0x40b1, 0x912e, 0x617d, 0x8082},                                 // a large one
		{0x0597, 0, 0x8593, 0x0005, 0x952e, 0x4108, 0x952e, 0x8502},                                      // a jump table
		{0x0097, 0, 0x80e7, 0x0080, 0x8282, 0x9502}, {0xa001}, {0x1141, 0xbffd}, {0xc909, 0x82e7, 0x0002},
	} {
		var code []byte
		for _, w := range words {
			code = binary.LittleEndian.AppendUint16(code, w)
		}
		f.Add(code)
	}
	fuzz(f, &riscvProcessor)
}
