package image

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
)

func TestLeaf(t *testing.T) {
	for _, test := range []struct {
		name string
		code []byte
		want int // bytes; -1 if it must be called
	}{
		{"multiply", []byte{0x48, 0x89, 0xf8, 0x48, 0x0f, 0xaf, 0xc6, 0xc3}, 7},
		{"loop", []byte{0x31, 0xc0, 0xff, 0xc0, 0xff, 0xcf, 0x75, 0xfa, 0xc3}, 8},
		{"jump to the return", []byte{0x31, 0xc0, 0x85, 0xff, 0x74, 0x02, 0xff, 0xc0, 0xc3}, 8},
		{"frame pointer", []byte{0x55, 0x48, 0x89, 0xe5, 0x48, 0x89, 0xf8, 0x5d, 0xc3}, 3},
		{"frame pointer used", []byte{0x55, 0x48, 0x89, 0xe5, 0x48, 0x8b, 0x45, 0x08, 0x5d, 0xc3}, -1},
		{"red zone", []byte{0x48, 0x89, 0x7c, 0x24, 0xf8, 0xc3}, -1},
		{"push and pop", []byte{0x53, 0x5b, 0xc3}, -1},
		{"two returns", []byte{0x85, 0xff, 0x74, 0x01, 0xc3, 0x31, 0xc0, 0xc3}, -1},
		{"return in an immediate", []byte{0xb8, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3}, 5},
		{"ends in an immediate", []byte{0xb8, 0x00, 0x00, 0x00, 0xc3}, -1},
		{"constant", []byte{0x8b, 0x05, 0, 0, 0, 0, 0xc3}, -1},
		{"call", []byte{0xe8, 0, 0, 0, 0, 0xc3}, -1},
		{"jump away", []byte{0x74, 0x7f, 0xc3}, -1},
		{"jump into an instruction", []byte{0x74, 0x01, 0x31, 0xc0, 0xc3}, -1},
		{"trap", []byte{0x0f, 0x0b, 0xc3}, -1},
		{"falls through", []byte{0x31, 0xc0}, -1},
		{"only a return", []byte{0xc3}, -1},
		{"padding", []byte{0x48, 0x89, 0xf8, 0xc3, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0, 0x90}, 3},
		{"padding after a frame", []byte{0x55, 0x48, 0x89, 0xe5, 0x48, 0x89, 0xf8, 0x5d, 0xc3, 0x0f, 0x1f, 0x00}, 3},
		{"nop before the return", []byte{0x48, 0x89, 0xf8, 0x90, 0xc3}, 4},
		{"jump to padding", []byte{0x75, 0x01, 0xc3, 0x90, 0x90}, -1},
		{"long", append(make([]byte, 300), 0xc3), -1},
	} {
		got, _ := amd64Leaf(test.code)
		if n := len(got); got == nil && test.want >= 0 || got != nil && n != test.want {
			t.Errorf("%s: %x of %x, want %d bytes", test.name, got, test.code, test.want)
		}
	}
}

func TestARM64Leaf(t *testing.T) {
	for _, test := range []struct {
		name string
		code string
		want int // instructions; -1 if it must be called
	}{
		{"multiply", "mul x0, x0, x1; ret", 1},
		{"vectors", "ldr q0, [x0]; ldr q1, [x1]; add v0.4s, v0.4s, v1.4s; str q0, [x0]; fmov w0, s1; ret", 5},
		{"everything", "add x0, x1, 5; and w0, w1, 7; movz x2, 1; movk x2, 2, lsl 16; ubfx x0, x0, 3, 4; ror x0, x1, 3; udiv x0, x1, x2; lsl x0, x1, x2; crc32b w0, w1, w2; clz x0, x1; rev x0, x1; madd x0, x1, x2, x3; cmp x0, 5; cmp x0, x1, uxtw; csel x0, x1, x2, eq; ldp x3, x4, [x5]; ldr x1, [x2, x3]; ldaxr x1, [x2]; nop; ret", 19},
		{"loop", "mov x2, xzr; 1: add x2, x2, x0; subs x1, x1, 1; b.ne 1b; mov x0, x2; ret", 5},
		{"jumps to the return", "cbz x0, 1f; tbnz x0, 3, 1f; b 1f; add x0, x0, 1; 1: ret", 4},
		{"frame pointer", "stp x29, x30, [sp, -16]!; mov x29, sp; mul x0, x0, x1; ldp x29, x30, [sp], 16; ret", 1},
		{"jump to the end of a frame", "stp x29, x30, [sp, -16]!; mov x29, sp; cbz x0, 1f; mov x0, 1; 1: ldp x29, x30, [sp], 16; ret", 2},
		{"only a return", "ret", 0},
		{"only a frame", "stp x29, x30, [sp, -16]!; mov x29, sp; ldp x29, x30, [sp], 16; ret", 0},
		{"half a frame", "stp x29, x30, [sp, -16]!; mov x29, sp; ret", -1},
		{"frame pointer used", "stp x29, x30, [sp, -16]!; mov x29, sp; ldr x0, [x29, 16]; ldp x29, x30, [sp], 16; ret", -1},
		{"jump to the end of the end", "stp x29, x30, [sp, -16]!; mov x29, sp; cbz x0, 1f; mov x0, 1; ldp x29, x30, [sp], 16; 1: ret", -1},
		{"return address", "mov x0, x30; ret", -1},
		{"stack", "str x0, [sp, -16]!; ldr x0, [sp], 16; ret", -1},
		{"stack pointer", "mov x0, sp; ret", -1},
		{"to the stack pointer", "mov sp, x0; ret", -1},
		{"stack in a logical", "and sp, x0, -16; ret", -1},
		{"stack extended", "add x0, sp, w1, uxtw; ret", -1},
		{"compare stack", "cmp sp, 5; ret", -1},
		{"adr", "adr x0, f; ret", -1},
		{"adrp", "adrp x0, 0; ret", -1},
		{"literal", "ldr x0, f; ret", -1},
		{"call", "bl f; ret", -1},
		{"call by register", "blr x0; ret", -1},
		{"jump by register", "br x0; ret", -1},
		{"two returns", "cbz x0, 1f; ret; 1: mov x0, 1; ret", -1},
		{"jump away", "cbz x0, f+64; ret", -1},
		{"jump before", "cbz x0, f-4; ret", -1},
		{"trap", "brk 1; ret", -1},
		{"pointer authentication", "paciasp; ret", -1},
		{"system register", "mrs x0, nzcv; ret", -1},
		{"falls through", "mov x0, 1", -1},
		{"long", ".rept 64; mov x0, 1; .endr; ret", -1},
	} {
		o, err := elfmacho.Parse("f.o", assemble(t, arm64Assembler, "f", ".arch armv8-a+crc\nf: "+test.code+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		code := o.Sections[1].Data
		got, off := arm64Leaf(code)
		if n := len(got) / 4; got == nil && test.want >= 0 || got != nil && (n != test.want || !bytes.Equal(got, code[off:int(off)+len(got)])) {
			t.Errorf("%s: %x of %x, want %d instructions", test.name, got, code, test.want)
		}
	}
}

// TestARM64Movable has a disassembler read random instructions that may be
// moved.
func TestARM64Movable(t *testing.T) {
	mc, err := exec.LookPath("llvm-mc-19")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("no disassembler: ", err)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	var words strings.Builder
	for n := 0; n < 300_000; {
		word := rnd.Uint32()
		if n%4 == 0 { // the stack pointer more often than it would be
			word |= 31 << (5 * (n / 4 % 2))
		}
		if _, jump := arm64Jump(word, 0); jump || !arm64Movable(word) {
			continue
		}
		n++
		b := binary.LittleEndian.AppendUint32(nil, word)
		fmt.Fprintf(&words, "%#02x %#02x %#02x %#02x\n", b[0], b[1], b[2], b[3])
	}
	cmd := exec.Command(mc, "-disassemble", "-triple=aarch64", "-mattr=+all")
	cmd.Stdin = strings.NewReader(words.String())
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	bad := regexp.MustCompile(`\b(w?sp|[wx](28|29|30)|lr)\b|^\s*(adrp?|b|b\..*|br.*|bl.*|cbn?z|tbn?z|ret.*|eret.*|svc|hvc|smc|brk|hlt|udf|m[rs][sr].*|sys.*|pac.*|aut.*|irg|gmi|subp.*|st[2z]*g|ldg.*|rmif|setf.*|cfinv|wf.*)\s`)
	lines := strings.Split(string(out), "\n")
	for _, line := range lines {
		if bad.MatchString(line) {
			t.Errorf("may not be moved: %s", line)
		}
	}
	if len(lines) < 100_000 {
		t.Errorf("only %d instructions", len(lines))
	}
}
