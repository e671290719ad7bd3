package stack

import (
	"encoding/binary"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
)

const arm64Target = "aarch64-unknown-linux-gnu"

// needTarget skips a test if rustc has no core for a target. That may be so in CI,
// too: it comes from rustup's server, and no package has it for this rustc.
func needTarget(t testing.TB, target string) {
	t.Helper()
	out, err := exec.Command("rustc", "--print", "target-libdir", "--target", target).Output()
	if err != nil {
		missing(t, "rustc is missing")
	}
	if found, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "libcore-*.rlib")); len(found) == 0 {
		t.Skipf("rustc has no core for %s: rustup target add %[1]s", target)
	}
}

// coreARM64 compiles a crate with all of core, alloc and compiler_builtins.
func coreARM64(t testing.TB) []byte {
	t.Helper()
	needTarget(t, arm64Target)
	return compileFor(t, arm64Target, allocates+`
		core::arch::global_asm!(".globl memcpy, memmove, memset, memcmp, bcmp, strlen, getauxval, _Unwind_Resume, rust_eh_personality",
			"memcpy: memmove: memset: memcmp: bcmp: strlen: getauxval: mov w0, #0", "ret", "_Unwind_Resume: rust_eh_personality: udf #0");`)
}

// TestCoreARM64 does the same as TestCore with code for AArch64.
func TestCoreARM64(t *testing.T) { testCore(t, coreARM64(t)) }

// TestDepthsFramesARM64 does the same as TestDepthsFrames with code for AArch64,
// where the frame information counts from x29 in most functions that call others.
func TestDepthsFramesARM64(t *testing.T) {
	needTarget(t, arm64Target)
	testDepthsFrames(t, "aarch64-linux-gnu-", 20, func(t testing.TB, level string) ([]byte, *link.Set) {
		return popularFor(t, arm64Target, level, arm64Flags...)
	})
}

// FuzzAnalyzeARM64 feeds arbitrary code to the walk.
func FuzzAnalyzeARM64(f *testing.F) {
	for _, words := range [][]uint32{
		{0xd65f03c0},
		{0xa9bf7bfd, 0x910003fd, 0xd107c3e9, 0x9278dd3f, 0x910003bf, 0xa8c17bfd, 0xd65f03c0},
		{0xd14063e9, 0xd14007ff, 0xeb2963ff, 0xf90003ff, 0x54ffffa1, 0xd65f03c0},
		{0xd14033e9, 0x9278dd29, 0xd14007ff, 0xeb2963ff, 0x540000ad, 0xf90003ff, 0xd14007ff, 0xeb2963ff, 0x54ffffac, 0x9100013f, 0xd65f03c0},
		{0x10000040, 0xd61f0000, 0x94000000, 0x17ffffff},
		{0x58303030, 0xd65f03c0}, {0xd10043ff, 0x14000000}, {0x9278dd29, 0x17ffffff},
	} {
		var code []byte
		for _, w := range words {
			code = binary.LittleEndian.AppendUint32(code, w)
		}
		f.Add(code)
	}
	fuzz(f, &arm64Processor)
}
