package stack

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// assemble makes an object of assembly, a statement a line. A line "fn f" starts
// a function in a section of its own; "data", "relro" and "rodata" start data.
func (m *cross) assemble(t testing.TB, source string) []byte {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(source) {
		line = strings.TrimSpace(line)
		kind, name, _ := strings.Cut(line, " ")
		section := map[string]string{"fn": `.text.%,"ax"`, "data": `.data.%,"aw"`, "relro": `.data.rel.ro.%,"aw"`, "rodata": `.rodata.%,"a"`}[kind]
		if section == "" {
			b.WriteString(line + "\n")
			continue
		}
		typ := "object"
		if kind == "fn" {
			typ = "function"
		}
		b.WriteString(strings.ReplaceAll(".section "+section+"\n.balign 16\n.globl %\n.type %, "+typ+"\n%:\n", "%", name))
	}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "a.s"), filepath.Join(dir, "a.o")
	if err := os.WriteFile(in, []byte(strings.ReplaceAll(b.String(), ", function", ", %function")), 0o666); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.Command(m.gcc(t), "-c", "-o", out, in).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, text, b.String())
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Functions that the cases below call.
const (
	a64Framed = "\nfn foo\nsub sp, sp, #48\nadd sp, sp, #48\nret"
	a64Dies   = "\nfn die\nsub sp, sp, #80\nbrk #1"
	a64Huge   = "\nfn huge\nsub sp, sp, #256, lsl #12\nbrk #1" // 1 MiB
	a64Static = "\ndata stk\n.zero 64"
	// a64Panics leaves for a stack of its own.
	a64Panics = "\nfn die\nadrp x8, stk\nadd x8, x8, :lo12:stk\nadd x8, x8, #64\nand x8, x8, #-16\nmov sp, x8\nbl huge\nbrk #1" + a64Static + a64Huge
	// a64Call calls with the link register saved; a64Takes stores the address of
	// huge, so that an indirect call may reach it.
	a64Call  = "\nstr x30, [sp, #-16]!\nbl foo\nldr x30, [sp], #16\nret\n"
	a64Takes = "\nadrp x8, huge\nadd x8, x8, :lo12:huge\nstr x8, [x0]\n"
	a64Table = "\nadrp x9, tab\nadd x9, x9, :lo12:tab\nadr x10, 2f\n"
)

func TestBoundARM64(t *testing.T) {
	const mib = 1 << 20
	for _, tt := range []struct {
		name   string
		source string // of f and what it calls
		want   int    // bytes
		reason string // part of it, if there is no bound
	}{
		{"leaf", "ret", 0, ""},
		{"sub, add", "sub sp, sp, #32\nstr x0, [sp, #8]\nadd sp, sp, #32\nret", 32, ""},
		{"pre- and post-index", "stp x29, x30, [sp, #-48]!\nstp d8, d9, [sp, #16]\nldp x29, x30, [sp], #48\nret", 48, ""},
		{"frame pointer", "stp x29, x30, [sp, #-16]!\nmov x29, sp\nsub sp, sp, #1, lsl #12\nsub sp, sp, #16\nmov sp, x29\nldp x29, x30, [sp], #16\nret", 16 + 4096 + 16, ""},
		{"back from the frame pointer", "stp x29, x30, [sp, #-32]!\nadd x29, sp, #16\nsub sp, sp, #64\nsub sp, x29, #16\nldp x29, x30, [sp], #32\nret", 32 + 64, ""},
		{"frame of a constant", "mov w9, #0x5680\nmovk w9, #1, lsl #16\nsub sp, sp, x9\nadd sp, sp, x9\nret", 0x15680, ""},
		{"frame of 64 bits of constant", "movn x9, #0xfff\nadd sp, sp, x9\nsub sp, sp, x9\nret", 4096, ""},
		{"frame of a constant that is patched", "mov x9, #0x5680\nmovk x9, #0x30\nsub sp, sp, x9\nadd sp, sp, #48\nret", 48, ""},
		{"below sp, at a constant offset", "str x0, [sp, #-32]\nret", 32, ""},
		{"realigned", "stp x29, x30, [sp, #-16]!\nmov x29, sp\nsub x9, sp, #0x1f0\nand sp, x9, #-256\nmov sp, x29\nldp x29, x30, [sp], #16\nret", 16 + 0x1f0 + 240, ""},
		{"realigned from an odd place", "mov x29, sp\nsub x9, sp, #0x1f8\nand sp, x9, #-256\nmov sp, x29\nret", 0, "sp is set to an unknown value"},
		{"probe loop", "sub x9, sp, #5, lsl #12\n1: sub sp, sp, #1, lsl #12\ncmp sp, x9\nstr xzr, [sp]\nb.ne 1b\nsub sp, sp, #16\nadd sp, sp, #16\nadd sp, sp, #5, lsl #12\nret", 0x5010, ""},
		{"probe loop in another order", "sub x9, sp, #2, lsl #12\n1: sub sp, sp, #1, lsl #12\nstr xzr, [sp]\ncmp sp, x9\nb.ne 1b\nadd sp, sp, #2, lsl #12\nret", 0x2000, ""},
		{"probe loop of GCC", "sub x12, sp, #0x20, lsl #12\n1: sub sp, sp, #0x10, lsl #12\nstr xzr, [sp, #1024]\ncmp sp, x12\nb.ne 1b\nadd sp, sp, #0x20, lsl #12\nret", 0x20000, ""},
		{"probe loop that misses its end", "sub x9, sp, #0x800\n1: sub sp, sp, #1, lsl #12\ncmp sp, x9\nstr xzr, [sp]\nb.ne 1b\nadd sp, sp, #0x800\nret", 0, "returns with sp 2048 bytes below the entry"},
		{"probe loop of an aligned frame", "mov x29, sp\nsub x9, sp, #4, lsl #12\nand x9, x9, #-256\n1: sub sp, sp, #1, lsl #12\ncmp sp, x9\nb.le 2f\nstr xzr, [sp]\nb 1b\n2: mov sp, x9\nmov sp, x29\nret", 0x4000 + 240 + 4096, ""},
		{"probe loop of an aligned frame, rotated", "mov x29, sp\nsub x9, sp, #4, lsl #12\nand x9, x9, #-256\nsub sp, sp, #1, lsl #12\ncmp sp, x9\nb.le 2f\n1: str xzr, [sp]\nsub sp, sp, #1, lsl #12\ncmp sp, x9\nb.gt 1b\n2: mov sp, x9\nldr xzr, [sp]\nmov sp, x29\nret", 0x4000 + 240 + 4096, ""},
		{"loop", "str x30, [sp, #-16]!\n1: subs w0, w0, #1\nb.ne 1b\nldr x30, [sp], #16\nret", 16, ""},
		{"hints", "bti c\npaciasp\nsub sp, sp, #16\nadd sp, sp, #16\nautiasp\nret", 16, ""},
		{"paths disagree", "cbz x0, 1f\nsub sp, sp, #16\n1: ret", 0, "f+0x8: sp depends on the path: 0 bytes below the entry or 16"},
		{"alloca", "sub sp, sp, x0\nret", 0, "f+0x0: sp is set to an unknown value"},
		{"sp from memory", "ldr x8, [x0]\nmov sp, x8\nret", 0, "f+0x4: sp is set to an unknown value"},
		{"half of sp", "sub wsp, wsp, #16\nret", 0, "f+0x0: sp is set by an instruction that is not understood (510043ff)"},
		{"unbalanced", "str x30, [sp, #-16]!\nret", 0, "f+0x4: returns with sp 16 bytes below the entry"},
		{"above the entry", "ldr x30, [sp], #16\nsub sp, sp, #16\nret", 0, "sp rises above the entry"},
		{"odd frame", "sub sp, sp, #8\nadd sp, sp, #8\nret", 0, "not a multiple of 16"},
		{"no alignment", "and sp, x29, #0xff0\nret", 0, "sp is set to an unknown value"},
		{"runs off the end", "nop", 0, "control leaves the code"},
		{"SVE", ".inst 0x043f503f\nret", 0, "f+0x0: 043f503f: undefined or unknown instruction"},
		{"system call", "sub sp, sp, #16\nsvc #0\nadd sp, sp, #16\nret", 16, ""},
		{"system call with a frame of a register that it may change", "mov x9, #16\nsub sp, sp, x9\nsvc #0\nadd sp, sp, x9\nret", 0, "sp is set by an instruction that is not understood"},
		{"call of a hypervisor", "hvc #0\nret", 0, "another exception level"},

		{"call", a64Call + a64Framed, 16 + 48, ""},
		{"call inside the section", "str x30, [sp, #-16]!\nbl 1f\nldr x30, [sp], #16\nret\n1: sub sp, sp, #32\nadd sp, sp, #32\nret", 16 + 32, ""},
		{"tail call", "b foo" + a64Framed, 48, ""},
		{"conditional tail calls", "cbz x0, foo\ntbnz x1, #3, foo\nb.eq foo\nret" + a64Framed, 48, ""},
		{"tail call with a frame", "sub sp, sp, #16\nb foo" + a64Framed, 0, "f+0x4: jumps to another function with sp 16 bytes below the entry"},
		{"jump that diverges with a frame", "sub sp, sp, #16\nb die" + a64Dies, 16 + 80, ""},
		{"call of a register from the GOT", "str x30, [sp, #-16]!\nadrp x8, :got:foo\nldr x8, [x8, :got_lo12:foo]\nblr x8\nldr x30, [sp], #16\nret" + a64Framed, 64, ""},
		{"call of a register from adrp", "stp x30, x19, [sp, #-16]!\nadrp x19, foo\nadd x19, x19, :lo12:foo\nblr x19\nblr x19\nldp x30, x19, [sp], #16\nret" + a64Framed, 64, ""},
		{"call of a register from adr", "str x30, [sp, #-16]!\nadr x8, foo\nblr x8\nldr x30, [sp], #16\nret" + a64Framed, 64, ""},
		{"call of one of two", "str x30, [sp, #-16]!\nadr x8, foo\nadr x9, bar\ncmp x0, #0\ncsel x8, x8, x9, eq\nblr x8\nldr x30, [sp], #16\nret" + a64Framed + "\nfn bar\nret", 64, ""},
		{"a preserved register across a call", "stp x30, x19, [sp, #-16]!\nadr x19, foo\nbl bar\nblr x19\nldp x30, x19, [sp], #16\nret" + a64Framed + "\nfn bar\nret", 64, ""},
		{"page and offset of different sections", "str x30, [sp, #-16]!\nadrp x8, foo\nadd x8, x8, :lo12:bar\nblr x8\nldr x30, [sp], #16\nret" + a64Framed + "\nfn bar\nret", 64, ""},
		{"indirect call without candidates", "str x30, [sp, #-16]!\nblr x0\nldr x30, [sp], #16\nret", 0, "no function's address is taken"},
		{"indirect call of a candidate in data", "str x30, [sp, #-16]!\nadrp x8, vtable\nadd x8, x8, :lo12:vtable\nldr x9, [x0]\nstr x8, [x0]\nblr x9\nldr x30, [sp], #16\nret" + a64Framed + "\nrelro vtable\n.xword foo", 64, ""},
		{"indirect call of a candidate in a register", "str x30, [sp, #-16]!\n" + a64Takes + "blr x1\nldr x30, [sp], #16\nret" + a64Huge, 16 + mib, ""},
		{"candidate in a pair", "str x30, [sp, #-16]!\nadr x8, huge\nstp x8, x1, [x0]\nblr x1\nldr x30, [sp], #16\nret" + a64Huge, 16 + mib, ""},
		{"candidate passed to a function", "str x30, [sp, #-16]!\nadr x0, huge\nbl bar\nldr x30, [sp], #16\nret" + a64Huge + "\nfn bar\nbr x0", 16 + mib, ""},
		{"candidate returned", "adr x0, huge\nb foo" + a64Huge + "\nfn foo\nstr x30, [sp, #-16]!\nblr x0\nldr x30, [sp], #16\nret", 16 + mib, ""},
		{"candidate returned to the caller", "str x30, [sp, #-16]!\nbl bar\nblr x0\nldr x30, [sp], #16\nret\nfn bar\nadr x0, huge\nret" + a64Huge, 16 + mib, ""},
		{"the link register across a call", "str x30, [sp, #-16]!" + a64Takes + "adr x30, foo\nbl bar\nblr x30\nldr x30, [sp], #16\nret" + a64Framed + a64Huge + "\nfn bar\nret", 16 + mib, ""},
		{"definition on one path only", "str x30, [sp, #-16]!\ncbz x0, 1f\nadr x8, foo\n1: blr x8\nldr x30, [sp], #16\nret" + a64Framed, 64, ""},
		{"address loaded from code", "ldr x8, 1f\nbr x8\n1: .xword foo" + a64Framed, 0, "loads an address from code"},
		{"recursion", "str x30, [sp, #-16]!\nbl f\nldr x30, [sp], #16\nret", 0, "recursion: f → f"},
		{"recursion without a frame", "bl f\nret", 0, "recursion: f → f"},
		{"loop of tail calls", "cbz x0, foo\nret\nfn foo\nsub sp, sp, #16\nadd sp, sp, #16\nb f", 16, ""},
		{"return through another register", "mov x9, x30\nbl bar\nret x9\nfn bar\nret", 0, ""},

		{"outlined", "str x30, [sp, #-16]!\nbl OUTLINED_FUNCTION_0\nldr x30, [sp], #16\nret\nfn OUTLINED_FUNCTION_0\nadd x0, sp, #8\nstr x1, [sp, #8]\nb foo" + a64Framed, 64, ""},
		{"outlined, which writes a register that functions preserve", "stp x30, x19, [sp, #-16]!\nadr x19, foo\n" + a64Takes + "bl OUTLINED_FUNCTION_0\nblr x19\nldp x30, x19, [sp], #16\nret\nfn OUTLINED_FUNCTION_0\nmov x19, x20\nret" + a64Framed + a64Huge, 16 + mib, ""},
		{"outlined, which passes on such a register", "stp x30, x19, [sp, #-16]!\nadr x19, huge\nbl OUTLINED_FUNCTION_0\nldp x30, x19, [sp], #16\nret\nfn OUTLINED_FUNCTION_0\nmov x0, x19\nb bar\nfn bar\nstr x30, [sp, #-16]!\nblr x0\nldr x30, [sp], #16\nret" + a64Huge, 16 + 16 + mib, ""},
		{"outlined, which returns an address in such a register", "stp x30, x19, [sp, #-16]!\nbl OUTLINED_FUNCTION_0\nblr x19\nldp x30, x19, [sp], #16\nret\nfn OUTLINED_FUNCTION_0\nadr x19, huge\nret" + a64Huge, 16 + mib, ""},
		{"outlined epilogue", "str x30, [sp, #-16]!\nb OUTLINED_FUNCTION_0\nfn OUTLINED_FUNCTION_0\nldr x30, [sp], #16\nret", 0, "f+0x4: jumps to another function with sp 16 bytes below the entry"},

		{"diverging call", "cbnz x0, 1f\nret\n1: sub sp, sp, #16\nbl die" + a64Dies, 16 + 80, ""},
		{"switch to a static stack", "cbnz x0, 1f\nret\n1: sub sp, sp, #16\nbl die" + a64Panics, 16, ""},
		{"switch and back as longjmp does", "adrp x8, stk\nadd x8, x8, :lo12:stk\nadd sp, x8, #64\nldr x30, [x9]\nmov sp, x9\nret" + a64Static, 0, ""},
		{"switch and back to a place", "adrp x8, stk\nadd x8, x8, :lo12:stk\nmov sp, x8\nldp x9, x10, [x1]\nmov sp, x9\nbr x10" + a64Static, 0, ""},
		{"switch, back and a store", "adrp x8, stk\nadd x8, x8, :lo12:stk\nmov sp, x8\nmov sp, x9\nstp x4, x5, [x3]\nret" + a64Static, 0, ""},
		{"switch, back and a push", "adrp x8, stk\nadd x8, x8, :lo12:stk\nmov sp, x8\nmov sp, x9\nstr x0, [sp, #-16]!\nret" + a64Static, 0, "sp is set again after the switch"},
		{"switch, back and a store below sp", "adrp x8, stk\nadd x8, x8, :lo12:stk\nmov sp, x8\nmov sp, x9\nstur x0, [sp, #-16]\nret" + a64Static, 0, "sp is set again after the switch"},
		{"switch, back and on", "adrp x8, stk\nadd x8, x8, :lo12:stk\nmov sp, x8\nmov sp, x9\nsub sp, sp, #16\nret" + a64Static, 0, "sp is set again after the switch"},
		{"switch and return", "adrp x8, stk\nadd x8, x8, :lo12:stk\nmov sp, x8\nret" + a64Static, 0, "returns after it has switched stacks"},
		{"switch to code", "adr x8, foo\nmov sp, x8\nbrk #1" + a64Framed, 0, "sp is set to an unknown value"},
		{"stored on the panic path's stack", "cbnz x1, 1f\nstr x30, [sp, #-16]!\nadr x8, foo\nstr x8, [x0]\nblr x2\nldr x30, [sp], #16\nret\n1: sub sp, sp, #32\nadr x8, huge\nstr x8, [sp, #8]\nmov x0, sp\nbl die" + a64Framed + a64Huge + a64Dies, 32 + 80, ""},
		{"left behind by the panic path", "cbnz x1, 1f\nstr x30, [sp, #-16]!\nadr x8, foo\nstr x8, [x0]\nblr x2\nldr x30, [sp], #16\nret\n1: sub sp, sp, #32\nadr x8, huge\nstr x8, [x0, #8]\nmov x0, sp\nbl die" + a64Framed + a64Huge + a64Dies, 16 + mib, ""},
		{"called by the panic path with its own pointers", "cbnz x1, 1f\nret\n1: sub sp, sp, #32\nadr x8, huge\nstr x8, [sp, #8]\nmov x0, sp\nbl foo\nbrk #1\nfn foo\nstr x30, [sp, #-16]!\nldr x8, [x0, #8]\nblr x8\nldr x30, [sp], #16\nret" + a64Huge, 32 + 16 + mib, ""},

		{"table of bytes", "str x30, [sp, #-16]!" + a64Table + "ldrb w11, [x9, x0]\nadd x10, x10, x11, lsl #2\nbr x10\n2: ldr x30, [sp], #16\nret\n3: bl foo\nb 2b" + a64Framed + "\nrodata tab\n.byte 0, 2", 64, ""},
		{"table of halves", "str x30, [sp, #-16]!" + a64Table + "ldrh w11, [x9, x0, lsl #1]\nadd x10, x10, x11, lsl #2\nbr x10\n2: ldr x30, [sp], #16\nret\n3: bl foo\nb 2b" + a64Framed + "\nrodata tab\n.2byte 2, 0", 64, ""},
		{"table of words", "str x30, [sp, #-16]!" + a64Table + "ldrsw x11, [x9, x0, lsl #2]\nadd x10, x10, x11\nbr x10\n3: bl foo\n2: ldr x30, [sp], #16\nret" + a64Framed + "\nrodata tab\n.4byte 0, -4", 64, ""},
		{"table of signed bytes", "str x30, [sp, #-16]!" + a64Table + "ldrb w11, [x9, w0, uxtw]\nadd x10, x10, w11, sxtb #2\nbr x10\n3: bl foo\n2: ldr x30, [sp], #16\nret" + a64Framed + "\nrodata tab\n.byte 0, -1", 64, ""},
		{"table that counts from itself", "str x30, [sp, #-16]!\nadrp x9, tab\nadd x9, x9, :lo12:tab\nldrsw x11, [x9, x0, lsl #2]\nadd x9, x9, x11\nbr x9\n3: bl foo\n2: ldr x30, [sp], #16\nret" + a64Framed + "\nrodata tab\n.word f + 28 - .\n.word f + 24 + 4 - .", 64, ""},
		{"table with a hoisted label", "str x30, [sp, #-16]!" + a64Table + "1: ldrb w11, [x9, x0]\nadd x12, x10, x11, lsl #2\nbr x12\n2: sub x0, x0, #1\nb 1b\n3: ldr x30, [sp], #16\nbl foo\nbrk #1" + a64Framed + "\nrodata tab\n.byte 0, 2", 48, ""},
		{"fields behind the table", "sub sp, sp, #16" + a64Table + "ldrb w11, [x9, x0]\nadd x10, x10, x11, lsl #2\nbr x10\n2: add sp, sp, #16\n3: ret\nadrp x0, end\nadd x0, x0, :lo12:end" + "\nrodata tab\n.byte 0, 0, 0\nend: .byte 1", 16, ""},
		{"fields behind the table that lead nowhere", "sub sp, sp, #16" + a64Table + "ldrb w11, [x9, x0]\nadd x10, x10, x11, lsl #2\nbr x10\n2: add sp, sp, #16\nret\nrodata tab\n.byte 0, 200, 1", 16, ""},
		{"jump without a table", "sub sp, sp, #16\nbr x0", 0, "indirect jump without a known table"},
		{"jump to what was computed", "add x0, x0, #4\nbr x0", 0, "indirect jump without a known table"},
		{"jump to what was passed", "adr x8, foo\nstr x8, [x1]\nbr x0" + a64Framed, 48, ""},
		{"jump to one of two that were passed", "adr x8, foo\nstr x8, [x2]\ncmp x3, #0\ncsel x8, x0, x1, eq\nbr x8" + a64Framed, 48, ""},
		{"label that is stored", "adr x8, 1f\nstr x8, [x0]\n1: ret", 0, "address of a label is not followed"},
		{"label on one path that is stored", "cbz x1, 2f\nadr x8, 1f\n2: str x8, [x0]\n1: ret", 0, "address of a label is not followed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := analyzeFile(t, "test.o", crossARM64.assemble(t, "fn f\n"+tt.source+"\n"), "f").Bound("f")
			var unbounded *Unbounded
			switch {
			case tt.reason == "" && err != nil:
				t.Fatal(err)
			case tt.reason != "" && !errors.As(err, &unbounded):
				t.Fatalf("got %d bytes, want an *Unbounded with %q", b.Bytes, tt.reason)
			case tt.reason != "" && !strings.Contains(unbounded.Reason, tt.reason):
				t.Fatalf("got %q, want %q in it", unbounded.Reason, tt.reason)
			case b.Bytes != tt.want:
				t.Fatalf("got %d bytes by %+v, want %d", b.Bytes, b.Path, tt.want)
			}
			sum := 0
			for _, f := range b.Path {
				sum += f.Bytes
			}
			if sum != b.Bytes {
				t.Errorf("the path %+v adds up to %d, not %d", b.Path, sum, b.Bytes)
			}
		})
	}
}

// TestCellsARM64 does as TestCells does.
func TestCellsARM64(t *testing.T) {
	const few, many = 16 + 48, 16 + 1<<20
	// No address is left in a register that a callee might read.
	const call = "mov x9, xzr\nmov x10, xzr\nmov x11, xzr\nadrp x8, cell\nldr x8, [x8, :lo12:cell]\nblr x8\nldr x30, [sp], #16\nret\n"
	const cell = "\ndata cell\n.xword foo\n"
	const pair = "\ndata cell\n.xword foo\n.xword foo\n"
	for _, tt := range []struct {
		name, code, rest string
		want             int
	}{
		{"called", call, cell, few},
		{"called by the whole address", "adrp x8, cell\nadd x8, x8, :lo12:cell\nldr x8, [x8]\nblr x8\nldr x30, [sp], #16\nret", cell, few},
		{"called by acquiring", "adrp x8, cell\nadd x8, x8, :lo12:cell\nldar x8, [x8]\nblr x8\nldr x30, [sp], #16\nret", cell, few},
		{"tail call", "ldr x30, [sp], #16\nadrp x8, cell\nldr x8, [x8, :lo12:cell]\nbr x8", cell, 16 + 0},
		{"bar stored", "adrp x9, cell\nadr x10, bar\nstr x10, [x9, :lo12:cell]\n" + call, cell, few},
		{"null stored", "adrp x9, cell\nstr xzr, [x9, :lo12:cell]\n" + call, cell, few},
		{"huge stored", "adrp x9, cell\nadr x10, huge\nstr x10, [x9, :lo12:cell]\n" + call, cell, many},
		{"huge or bar stored", "adrp x9, cell\nadr x10, huge\nadr x11, bar\ncmp x0, #0\ncsel x10, x10, x11, eq\nstr x10, [x9, :lo12:cell]\n" + call, cell, many},
		{"anything stored", "adrp x9, cell\nstr x1, [x9, :lo12:cell]\n" + call, cell, many},
		{"half stored", "adrp x9, cell\nstr wzr, [x9, :lo12:cell]\n" + call, cell, many},
		{"stored across two cells", "adrp x9, cell\nadd x9, x9, :lo12:cell\nstr x1, [x9, #4]\n" + call, pair, many},
		{"the other cell is stored to", "adrp x9, cell+8\nstr x1, [x9, :lo12:cell+8]\n" + call, pair, few},
		{"a pair is stored", "adrp x9, cell\nadd x9, x9, :lo12:cell\nstp xzr, x2, [x9]\n" + call, pair, many},
		{"a vector register is stored", "adrp x9, cell\nstr d31, [x9, :lo12:cell]\n" + call, cell, many},
		{"an exclusive store", "adrp x9, cell\nadd x9, x9, :lo12:cell\nstxr w2, x1, [x9]\n" + call, cell, many},
		{"an atomic exchange", "adrp x9, cell\nadd x9, x9, :lo12:cell\n.arch armv8.2-a\nswp x1, x2, [x9]\n" + call, cell, many},
		{"the address passed", "adrp x0, cell\nadd x0, x0, :lo12:cell\nbl bar\n" + call, cell, many},
		{"the address in data", call, cell + "\nrelro p\n.xword cell\nfn use\nadrp x0, p\nldr x0, [x0, :lo12:p]\nret", few},
		{"the address in live data", "adrp x9, p\nldr x9, [x9, :lo12:p]\n" + call, cell + "\nrelro p\n.xword cell\n", many},
		{"the address indexed", "adrp x9, cell\nadd x9, x9, :lo12:cell\nstr x1, [x9, x0, lsl #3]\n" + call, cell, many},
		{"the page of another section", "adrp x9, stk\nstr xzr, [x9, :lo12:cell]\n" + call, cell + a64Static, many},
	} {
		t.Run(tt.name, func(t *testing.T) {
			source := "fn f\nstr x30, [sp, #-16]!" + a64Takes + tt.code + "\n" + tt.rest + a64Framed + a64Huge + "\nfn bar\nret\n"
			b, err := analyzeFile(t, "test.o", crossARM64.assemble(t, source), "f").Bound("f")
			want := tt.want
			if tt.name == "tail call" {
				want = 48
			}
			if err != nil || b.Bytes != want {
				t.Fatalf("got %d bytes by %+v, %v, want %d", b.Bytes, b.Path, err, want)
			}
		})
	}
}

// TestCallFramesARM64 has call frame information agree, and not.
func TestCallFramesARM64(t *testing.T) {
	for _, tt := range []struct {
		name, source string
		want         int
		reason       string
	}{
		{"agrees", "stp x29, x30, [sp, #-32]!\n.cfi_def_cfa_offset 32\nmov x29, sp\n.cfi_def_cfa w29, 32\nsub sp, sp, #16\nmov sp, x29\n.cfi_def_cfa wsp, 32\nldp x29, x30, [sp], #32\n.cfi_def_cfa_offset 0\nret", 48, ""},
		{"signs the return address", "paciasp\n.cfi_negate_ra_state\nsub sp, sp, #16\n.cfi_def_cfa_offset 16\nadd sp, sp, #16\n.cfi_def_cfa_offset 0\nret", 16, ""},
		{"finds more in use", "sub sp, sp, #16\n.cfi_def_cfa_offset 32\nadd sp, sp, #16\n.cfi_def_cfa_offset 0\nret", 0, "f+0x4: register 31 is 16 bytes below the entry, but the call frame information says 32 bytes below the entry"},
		{"does not tell of a push", "str x0, [sp, #-16]!\nldr x0, [sp], #16\nret", 16, ""},
		{"does not tell of a pop that is a load", "sub sp, sp, #16\n.cfi_def_cfa_offset 16\nldp x0, x1, [sp], #16\ncmp x0, x1\nret", 16, ""},
		{"does not tell of the epilogue", "stp x29, x30, [sp, #-32]!\n.cfi_def_cfa_offset 32\nmov x29, sp\n.cfi_def_cfa w29, 32\nldp x29, x30, [sp]\nadd sp, sp, #32\nret", 32, ""},
		{"does not tell of the epilogue, without a frame pointer", "sub sp, sp, #16\n.cfi_def_cfa_offset 16\nadd sp, sp, #16\ncmp x0, x1\nret", 16, ""},
		{"does not tell of half a pop", "sub sp, sp, #32\n.cfi_def_cfa_offset 32\nadd sp, sp, #16\nadd sp, sp, #16\nret", 0, "register 31 is 16 bytes below the entry, but the call frame information says 32"},
		{"tells of a push that is not there", ".cfi_def_cfa_offset 16\nnop\nret", 0, "register 31 is 0 bytes below the entry"},
		{"counts from x29, which has not been set", "stp x29, x30, [sp, #-16]!\n.cfi_def_cfa w29, 16\nnop\nldp x29, x30, [sp], #16\n.cfi_def_cfa wsp, 0\nret", 0, "register 29 is unknown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := analyzeFile(t, "test.o", crossARM64.assemble(t, "fn f\n.cfi_startproc\n"+tt.source+"\n.cfi_endproc\n"), "f").Bound("f")
			if tt.reason == "" && (err != nil || b.Bytes != tt.want) || tt.reason != "" && (err == nil || !strings.Contains(err.Error(), tt.reason)) {
				t.Errorf("got %d bytes, %v; want %d, %q", b.Bytes, err, tt.want, tt.reason)
			}
		})
	}
}

func TestDepthsARM64(t *testing.T) {
	for _, tt := range []struct {
		name, source string
		want         []Step
		reason       string
	}{
		{"leaf", "ret", nil, ""},
		{"frame", "stp x29, x30, [sp, #-16]!\nmov x29, sp\nsub sp, sp, #32\nadd sp, sp, #32\nldp x29, x30, [sp], #16\nret", []Step{{4, 16, 4}, {12, 48, 4}, {16, 16, 4}, {20, 0, 4}}, ""},
		{"cold block after the return", "str x30, [sp, #-16]!\ncbnz x0, 1f\nldr x30, [sp], #16\nret\n1: brk #1", []Step{{4, 16, 4}, {12, 0, 4}, {16, 16, 0}}, ""},
		{"probe loop", "sub x9, sp, #5, lsl #12\n1: sub sp, sp, #1, lsl #12\ncmp sp, x9\nstr xzr, [sp]\nb.ne 1b\nadd sp, sp, #5, lsl #12\nret", nil, "sp is not at a known distance"},
		{"realigned", "mov x29, sp\nsub x9, sp, #0x1f0\nand sp, x9, #-256\nmov sp, x29\nret", nil, "sp is not at a known distance"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := analyzeFile(t, "test.o", crossARM64.assemble(t, "fn f\n"+tt.source+"\n"), "f")
			steps, why := a.graph.r.steps(a.set.Roots[0].Place.Ref)
			if !slices.Equal(steps, tt.want) || !strings.Contains(why, tt.reason) || (why == "") != (tt.reason == "") {
				t.Errorf("got %v, %q, want %v, %q", steps, why, tt.want, tt.reason)
			}
		})
	}
}
