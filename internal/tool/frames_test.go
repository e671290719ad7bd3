package tool

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// frames has a function that calls, and one that does not and has a use for every
// register.
const frames = `#![no_std]
#![crate_type = "lib"]

#[inline(never)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn calls(p: *const u64, q: *mut u64) -> u64 {
    unsafe { leaf(p, q) };
    unsafe { p.read_volatile() }
}

#[inline(never)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn leaf(p: *const u64, q: *mut u64) {
    let mut a = [0u64; 40];
    for i in 0..40 {
        a[i] = unsafe { p.add(i).read_volatile() };
    }
    for i in 0..40 {
        unsafe { q.add(i).write_volatile(a[i].wrapping_mul(a[39 - i])) };
    }
}
`

// TestFramePointersKept checks what keepsFramePointers says of the compiler that
// is there.
func TestFramePointersKept(t *testing.T) {
	for _, triple := range []string{"aarch64-unknown-linux-gnu", "aarch64-apple-darwin"} {
		r, err := Cargo{}.rustc(context.Background(), &cargoConfig{}, triple)
		if err != nil {
			t.Fatal(err)
		}
		if !r.keepsFramePointers() {
			t.Skip(r.version)
		}
		if !r.hasCore() {
			if os.Getenv("CI") == "true" {
				t.Fatal("rustc has no core for " + triple)
			}
			t.Skip("rustc has no core for " + triple)
		}
		source := filepath.Join(t.TempDir(), "frames.rs")
		if err := os.WriteFile(source, []byte(frames), 0o666); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("rustc", "-O", "--edition=2024", "--target="+triple, "--emit=asm", "-o-", source).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if !regexp.MustCompile(`(?s)\n_?calls:.*?(mov|add)\tx29, sp.*?\tret\n`).Match(out) {
			t.Errorf("%s: no frame pointer in\n%s", triple, out)
		}
		leaf := regexp.MustCompile(`(?s)\n_?leaf:.*?\tret\n`).Find(out)
		if !bytes.Contains(leaf, []byte("x27")) {
			t.Errorf("%s: not all registers are used in\n%s", triple, leaf)
		}
		// Apple's systems save it with x30, for their unwind tables.
		frame := regexp.MustCompile(`^\t((stp|ldp)\tx29, x30, |(mov|add)\tx29, sp)`)
		for line := range bytes.Lines(leaf) {
			if regexp.MustCompile(`^\t[a-z].*[xw]29`).Match(line) && !frame.Match(line) {
				t.Errorf("%s: x29 is used for something else: %s", triple, line)
			}
		}
	}
}
