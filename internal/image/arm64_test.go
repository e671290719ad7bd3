package image

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// arm64Source is the object around a piece of code. The constants at far are
// beyond what adr reaches.
func arm64Source(r rewrite) string {
	return `
	.arch armv8-a+lse
	.section .text.f, "ax", @progbits
	.globl f
	.type f, @function
f:	mov x20, x30
	` + r.code + `
	mov x30, x20
	ret
	.size f, .-f
	.section .text.g, "ax", @progbits
	.type g, @function
g:	mov x0, 42
	ret
	.section .rodata.far, "a", @progbits
	.balign 64
far:	.zero 0x110000
	.section .rodata.konst, "a", @progbits
	.balign 16
konst:	.quad 0x1234567890, 0x1234567891, 0x1234567892, 0x1234567893
	.section .data.var, "aw", @progbits
	.balign 32
	.globl var
var:	.quad 0x8102030405060708, 0x1112131415161718, 0x4045000000000000, 0x3ff8000000000000
	.quad 0x0123456789abcdef, 0xfedcba9876543210, 0x5555555555555555, 0x3333333333333333
	.section .data.fn, "aw", @progbits
	.balign 8
fn:	.quad g
	.section .data.rel.ro.table, "aw", @progbits
	.balign 8
table:	.quad var+4, f, konst+8
	.section .rodata.relative, "a", @progbits
	.balign 4
relative: .long g-relative, 0
	.section .bss.zeros, "aw", @nobits
	.globl zeros
	.balign 32
zeros:	.skip 0x3000
	.weak nowhere
	.globl number
number = 1234
bignumber = 0x123456789abc
`
}

// pages are registers that hold the address of a page, which is another one
// after the rewrite.
func pages(registers ...int) (mask uint32) {
	for _, r := range registers {
		mask |= 1 << r
	}
	return mask
}

var arm64Rewrites = []rewrite{
	{name: "address", code: "adrp x0, var; add x0, x0, :lo12:var; adrp x13, var+24; add x13, x13, :lo12:var+24"},
	{name: "address of zeros", code: "adrp x1, zeros+0x2ff8; add x1, x1, :lo12:zeros+0x2ff8; str x2, [x1]; adrp x3, zeros+8; str x4, [x3, :lo12:zeros+8]", ignore: pages(3)},
	{name: "address of a constant", code: "adrp x0, konst+8; add x0, x0, :lo12:konst+8; ldr x1, [x0]"},
	{name: "address of a function", code: "adrp x0, g; add x0, x0, :lo12:g; blr x0"},
	{name: "before and behind", code: "adrp x0, var-8; add x0, x0, :lo12:var-8; adrp x1, zeros+0x3000; add x1, x1, :lo12:zeros+0x3000; adrp x2, f-0x1004; add x2, x2, :lo12:f-0x1004; sub x0, x0, 8"},
	{name: "far constant", code: "adrp x0, konst; add x0, x0, :lo12:konst; adrp x1, far+0x10fff8; ldr x1, [x1, :lo12:far+0x10fff8]; adrp x2, far+0xfffe0; add x2, x2, :lo12:far+0xfffe0; adrp x3, far; add x3, x3, :lo12:far"},
	{name: "two registers", code: "adrp x2, var; add x3, x2, :lo12:var; add x4, x2, :lo12:var+8", ignore: pages(2)},
	{name: "load 8", code: "adrp x0, var; ldrb w1, [x0, :lo12:var+3]; ldrsb x2, [x0, :lo12:var+7]; ldrsb w0, [x0, :lo12:var+7]"},
	{name: "load 16", code: "adrp x0, var; ldrh w1, [x0, :lo12:var+2]; ldrsh x2, [x0, :lo12:var+6]; ldrsh w0, [x0, :lo12:var+6]"},
	{name: "load 32", code: "adrp x0, var; ldr w1, [x0, :lo12:var+4]; ldrsw x2, [x0, :lo12:var+4]; ldr s1, [x0, :lo12:var+20]; ldr w0, [x0, :lo12:var]"},
	{name: "load 64", code: "adrp x0, var; ldr x1, [x0, :lo12:var+8]; ldr d1, [x0, :lo12:var+16]; ldr x0, [x0, :lo12:var]"},
	{name: "load 128", code: "adrp x0, var; ldr q7, [x0, :lo12:var]; ldr q31, [x0, :lo12:var+48]; mov x0, xzr"},
	{name: "store", code: "adrp x9, var; strb w1, [x9, :lo12:var]; strh w2, [x9, :lo12:var+2]; str w3, [x9, :lo12:var+4]; str x4, [x9, :lo12:var+8]; str q5, [x9, :lo12:var+16]; str s6, [x9, :lo12:var+36]; str d7, [x9, :lo12:var+40]; mov x9, xzr"},
	{name: "store zeros", code: "adrp x9, zeros+0x1000; str x1, [x9, :lo12:zeros+0x1000]; str xzr, [x9, :lo12:zeros+0x1008]; adrp x9, zeros+0x2ff0; str x2, [x9, :lo12:zeros+0x2ff0]; mov x9, xzr"},
	{name: "atomic", code: "adrp x9, var; add x9, x9, :lo12:var; 1: ldaxr x1, [x9]; add x1, x1, 5; stlxr w2, x1, [x9]; cbnz w2, 1b"},
	{name: "all registers", code: allRegisters()},
	{name: "link register", code: "adrp x30, var; add x30, x30, :lo12:var; mov x0, x30; adrp x29, var; ldr x29, [x29, :lo12:var]"},
	{name: "flags", code: "cmp x0, x1; adrp x2, var; ldr x2, [x2, :lo12:var]; cset x3, lo; cset x4, vs"},
	{name: "got data", code: "adrp x0, :got:var; ldr x0, [x0, :got_lo12:var]; ldr x1, [x0]; adrp x2, :got:zeros; ldr x3, [x2, :got_lo12:zeros]; str x1, [x3]", ignore: pages(2)},
	{name: "got text", code: "adrp x8, :got:g; ldr x8, [x8, :got_lo12:g]; blr x8; adrp x1, :got:konst; ldr x1, [x1, :got_lo12:konst]; ldr x1, [x1]"},
	{name: "got far text", code: "adrp x1, :got:konst; ldr x1, [x1, :got_lo12:konst]; ldr x1, [x1]; adrp x2, far; add x2, x2, :lo12:far"},
	{name: "weak undefined", code: "adrp x0, :got:nowhere; ldr x0, [x0, :got_lo12:nowhere]; cbz x0, 1f; bl nowhere; 1:"},
	{name: "absolute", code: "adrp x0, :got:number; ldr x0, [x0, :got_lo12:number]; adrp x1, :got:bignumber; ldr x1, [x1, :got_lo12:bignumber]; adrp x2, :got:number; ldr x2, [x2, :got_lo12:number]"},
	{name: "adr", code: "adr x0, g; adr x1, konst+3; adr x2, var+5; adr x3, zeros"},
	{name: "literal", code: "ldr x0, konst; ldr w1, konst+8; ldr q2, konst+16; ldrsw x3, konst+4"},
	{name: "branches", code: "bl g; mov x1, x0; mov x0, 0; cbnz x0, g; tbnz x0, 63, g; cmp x0, 1; b.eq g; bl 1f; b 2f; 1: b g; 2:"},
	{name: "call through memory", code: "adrp x16, fn; ldr x16, [x16, :lo12:fn]; blr x16"},
	{name: "pointers", code: "adrp x0, table; ldr x1, [x0, :lo12:table]; ldr x2, [x0, :lo12:table+8]; ldr x3, [x0, :lo12:table+16]; adrp x0, relative; ldr w4, [x0, :lo12:relative]; ldr x5, [x3]; mov x0, xzr"},
	{name: "stack", code: "stp x19, x21, [sp, -32]!; adrp x19, var; add x19, x19, :lo12:var; str x19, [sp, 16]; ldr x1, [x19]; ldp x19, x21, [sp], 32"},
	{name: "many thunks", code: strings.Repeat("adrp x0, var; ldr x1, [x0, :lo12:var+8]; add x1, x1, 1; str x1, [x0, :lo12:var+8]; ", 40) + "mov x0, xzr"},
}

// allRegisters loads an address into every register but x20 and x28, which the
// frame and the Go runtime need.
func allRegisters() string {
	var b strings.Builder
	for _, r := range strings.Fields("x0 x1 x2 x3 x4 x5 x6 x7 x8 x9 x10 x11 x12 x13 x14 x15 x16 x17 x18 x19 x21 x22 x23 x24 x25 x26 x27 x29") {
		b.WriteString("adrp " + r + ", var+8; add " + r + ", " + r + ", :lo12:var+8; ")
	}
	return b.String()
}

const arm64Assembler = "aarch64-linux-gnu-as"

// TestARM64RewriteBytes has the bytes of every rewrite.
func TestARM64RewriteBytes(t *testing.T) {
	goldenRewrites(t, "testdata/rewrites_arm64.txt", arm64Rewrites, func(r rewrite) []byte {
		return assemble(t, arm64Assembler, "f", arm64Source(r))
	})
}

// TestARM64Emulated runs the tests that need the processor with an emulator.
func TestARM64Emulated(t *testing.T) {
	if runtime.GOARCH == "arm64" {
		t.Skip("runs by itself")
	}
	for _, tool := range []string{"qemu-aarch64", "go", arm64Assembler} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	cmd := exec.Command("go", "test", "-exec", "qemu-aarch64", "-run", "^TestARM64Rewrites$", "-v", ".")
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0", "GOFLAGS=")
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(out), "--- PASS: TestARM64Rewrites/") != len(arm64Rewrites) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestARM64Refuses(t *testing.T) {
	const (
		adrp = "\x00\x00\x00\x90"
		adr  = "\x00\x00\x00\x10"
		nop  = "\x1f\x20\x03\xd5"
		ldr  = "\x00\x00\x40\xf9"
		ret  = "\xc0\x03\x5f\xd6"
	)
	tests := []struct {
		name string
		text string
		rel  elfmacho.Reloc
		want string
	}{
		{"not adrp", nop, elfmacho.Reloc{Kind: reloc.Page21}, "the field is not the operand of an adrp"},
		{"adr for adrp", adr, elfmacho.Reloc{Kind: reloc.Page21}, "the field is not the operand of an adrp"},
		{"adrp for adr", adrp, elfmacho.Reloc{Kind: reloc.Adr21}, "the field is not the operand of an adr"},
		{"zero register", "\x1f\x00\x00\x90", elfmacho.Reloc{Kind: reloc.Page21}, "an address that is thrown away"},
		{"not aligned", "\x00" + adrp + ret, elfmacho.Reloc{Off: 1, Kind: reloc.Page21}, "not aligned to 4 bytes"},
		{"offset not scaled", ldr, elfmacho.Reloc{Kind: reloc.PageOff12S3, Addend: 4}, "is not a multiple of 8"},
		{"addend far away", adrp, elfmacho.Reloc{Kind: reloc.Page21, Addend: 1 << 33}, "more than 2 GiB away"},
		{"addend that wraps", adrp, elfmacho.Reloc{Kind: reloc.Page21, Addend: -1 << 63}, "more than 2 GiB away"},
		{"addend to a GOT slot", adrp, elfmacho.Reloc{Kind: reloc.GOTPage21, Addend: 8}, "an addend to a GOT slot"},
		{"GOT without load", nop, elfmacho.Reloc{Kind: reloc.GOTPageOff12}, "the field is not the operand of a load of 8 bytes"},
		{"GOT load to nowhere", "\x1f\x00\x40\xf9", elfmacho.Reloc{Kind: reloc.GOTPageOff12}, "the field is not the operand of a load of 8 bytes"},
		{"GOT load from the stack", "\xe0\x03\x40\xf9", elfmacho.Reloc{Kind: reloc.GOTPageOff12}, "the field is not the operand of a load of 8 bytes"},
		{"branch to data", "\x00\x00\x00\x94", elfmacho.Reloc{Kind: reloc.Branch26}, "the distance from text to data is not known"},
		{"condition to data", "\x00\x00\x00\x54", elfmacho.Reloc{Kind: reloc.Branch19}, "the distance from text to data is not known"},
		{"literal in data", "\x00\x00\x00\x58", elfmacho.Reloc{Kind: reloc.Load19}, "the distance from text to data is not known"},
		{"distance to data", nop, elfmacho.Reloc{Kind: reloc.PC32}, "the distance from text to data is not known"},
		{"movz", "\x00\x00\x80\xd2", elfmacho.Reloc{Kind: reloc.MovAbs, Type: 263}, "an address in pieces, which"},
		{"address in code", nop + nop, elfmacho.Reloc{Kind: reloc.Abs64}, "an absolute address inside code"},
		{"address of 32 bits in code", nop, elfmacho.Reloc{Kind: reloc.Abs32}, "an address in 4 bytes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.rel.Symbol = 2
			data := arm64Object(t, []elfmacho.Section{
				{Name: ".text.f", Kind: elfmacho.Text, Data: []byte(test.text)},
				{Name: ".data.x", Kind: elfmacho.Data, Align: 8, Data: make([]byte, 64)},
			}, []elfmacho.Symbol{function, variable}, map[int32][]elfmacho.Reloc{1: {test.rel}})
			_, err := Build(resolve(t, false, []string{"f"}, data), nil)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// An instruction among constants would be changed where nobody executes it.
func TestARM64OperandAmongData(t *testing.T) {
	data := arm64Object(t, []elfmacho.Section{
		{Name: ".text.f", Kind: elfmacho.Text, Data: []byte("\x00\x00\x00\x10")},
		{Name: ".rodata.x", Kind: elfmacho.ReadOnly, Align: 4, Data: []byte("\x00\x00\x00\x90")},
	}, []elfmacho.Symbol{function, variable}, map[int32][]elfmacho.Reloc{
		1: {{Kind: reloc.Adr21, Symbol: 2}},
		2: {{Kind: reloc.Page21, Symbol: 1}},
	})
	_, err := Build(resolve(t, false, []string{"f"}, data), nil)
	if want := "an operand of an instruction among data"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

// TestARM64Reach checks that code is not larger than what a branch reaches.
func TestARM64Reach(t *testing.T) {
	data := arm64Object(t, []elfmacho.Section{
		{Name: ".text.f", Kind: elfmacho.Text, Align: 4, Data: []byte("\x00\x00\x00\x10")},
		{Name: ".rodata.x", Kind: elfmacho.ReadOnly, Align: 4, Data: make([]byte, 1<<27)},
	}, []elfmacho.Symbol{function, variable}, map[int32][]elfmacho.Reloc{1: {{Kind: reloc.Adr21, Symbol: 2}}})
	_, err := Build(resolve(t, false, []string{"f"}, data), nil)
	if want := "the text segment is larger than 128 MiB"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

// TestARM64Layout checks where functions start, and that there is an
// instruction behind each.
func TestARM64Layout(t *testing.T) {
	img, err := Build(resolve(t, false, []string{"f"}, assemble(t, arm64Assembler, "f", arm64Source(rewrite{code: "bl g; nop; nop"}))), nil)
	if err != nil {
		t.Fatal(err)
	}
	if img.Arch != "arm64" || img.FuncAlign() != 16 || len(img.Code) != 2 {
		t.Fatalf("%s, aligned to %d, %d functions", img.Arch, img.FuncAlign(), len(img.Code))
	}
	for _, c := range img.Code {
		if c.Start%16 != 0 || c.End%16 != 0 || c.End < c.Off+c.Size+4 || c.Start != c.Off {
			t.Errorf("%+v", c)
		}
	}
}
