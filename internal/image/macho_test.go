package image

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestMachO builds from an object in which the fields of addresses are not zero,
// and where data that is no instruction is in code.
func TestMachO(t *testing.T) {
	as, err := exec.LookPath("llvm-mc-19")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.s"), filepath.Join(dir, "out.o")
	source := `.globl _f
_f:	jmp L1
	.data_region
	.byte 0xe8, 0x06
	.end_data_region
L1:	leaq _d(%rip), %rax
	ret
	.data
	.p2align 3
_d:	.quad L2+8, 7
	.bss
L2:	.space 16
	.subsections_via_symbols
`
	if err := os.WriteFile(in, []byte(source), 0o666); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.Command(as, "-triple", "x86_64-apple-macos11", "-filetype=obj", "-o", out, in).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	object, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	img, err := Build(resolve(t, false, []string{"f"}, object), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(img.Loads) != 1 || img.Loads[0].Off != 4 || img.Loads[0].To != (Address{Data, 0}) {
		t.Errorf("loads: %+v", img.Loads)
	}
	if len(img.Pointers) != 1 || img.Pointers[0] != (Pointer{Data, 0, Address{BSS, 8}}) {
		t.Errorf("pointers: %+v", img.Pointers)
	}
	if want := []byte{0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0}; !bytes.Equal(img.Memory[Data].Data, want) {
		t.Errorf("data: % x, want % x", img.Memory[Data].Data, want)
	}
}
