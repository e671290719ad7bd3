package stack

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/riscv64"
)

// Functions that the cases below call, and frames.
const (
	rvFramed = "\nfn foo\naddi sp, sp, -48\naddi sp, sp, 48\nret"
	rvHuge   = "\nfn huge\nli t0, 1 << 20\nsub sp, sp, t0\nebreak" // 1 MiB
	rvStatic = "\ndata stk\n.zero 64"
	// rvPanics leaves for a stack of its own.
	rvPanics = "\nfn die\nlla t1, stk\naddi t1, t1, 64\nandi t1, t1, -16\nmv sp, t1\ncall huge\nebreak" + rvStatic + rvHuge
	rvPush   = "\naddi sp, sp, -16\nsd ra, 8(sp)\n"
	rvPop    = "\nld ra, 8(sp)\naddi sp, sp, 16\nret\n"
	rvTakes  = "\nlla t1, huge\nsd t1, 0(a0)\n"
	rvTable  = "\nlla t1, tab\nslli a0, a0, 2\nadd a0, a0, t1\nlw a0, 0(a0)\nadd a0, a0, t1\njr a0\n"
)

func TestBoundRISCV(t *testing.T) {
	const mib = 1 << 20
	for _, tt := range []struct {
		name   string
		source string // of f and what it calls
		want   int    // bytes
		reason string // part of it, if there is no bound
	}{
		{"leaf", "ret", 0, ""},
		{"compressed", "addi sp, sp, -32\nsd a0, 8(sp)\naddi sp, sp, 32\nret", 32, ""},
		{"of four bytes", ".option norvc\naddi sp, sp, -32\nsd a0, 8(sp)\naddi sp, sp, 32\nret", 32, ""},
		{"frame pointer", "addi sp, sp, -32\nsd s0, 16(sp)\naddi s0, sp, 32\naddi sp, sp, -512\naddi sp, s0, -32\nld s0, 16(sp)\naddi sp, sp, 32\nret", 544, ""},
		{"frame of a constant", "li t0, 0x15680\nsub sp, sp, t0\nadd sp, sp, t0\nret", 0x15680, ""},
		{"frame of a constant that is added", "lui t0, 0xfffff\nadd sp, t0, sp\nli t1, 1\nslli t1, t1, 12\nadd sp, sp, t1\nret", 4096, ""},
		{"below sp, at a constant offset", "sd a0, -32(sp)\nret", 32, ""},
		{"realigned", "addi sp, sp, -16\naddi s0, sp, 16\naddi sp, sp, -496\nandi sp, sp, -256\naddi sp, s0, -16\naddi sp, sp, 16\nret", 16 + 496 + 240, ""},
		{"loop", "addi sp, sp, -16\n1: addi a0, a0, -1\nbnez a0, 1b\naddi sp, sp, 16\nret", 16, ""},
		{"paths disagree", "beqz a0, 1f\naddi sp, sp, -16\n1: ret", 0, "sp depends on the path: 0 bytes below the entry or 16"},
		{"alloca", "sub sp, sp, a0\nret", 0, "sp is set to an unknown value"},
		{"sp from memory", "ld sp, 0(a0)\nret", 0, "sp is set by an instruction that is not understood"},
		{"half of sp", "addiw sp, sp, -16\nret", 0, "sp is set by an instruction that is not understood"},
		{"sp is 0", "li sp, 0\nret", 0, "sp is set to an unknown value"},
		{"unbalanced", "addi sp, sp, -16\nret", 0, "returns with sp 16 bytes below the entry"},
		{"above the entry", "addi sp, sp, 16\naddi sp, sp, -16\nret", 0, "sp rises above the entry"},
		{"odd frame", "addi sp, sp, -8\naddi sp, sp, 8\nret", 0, "not a multiple of 16"},
		{"no alignment", "andi sp, sp, 255\nret", 0, "which is no alignment"},
		{"runs off the end", "nop", 0, "control leaves the code"},
		{"vectors", ".insn 4, 0x0d057557\nret", 0, "0d057557: undefined or unknown instruction"},
		{"system call", "li a7, 1\necall\nret", 0, ""},
		{"writes the zero register", "li t0, 16\nsub sp, sp, t0\nadd zero, t0, t0\nsub sp, sp, zero\nadd sp, sp, t0\nret", 16, ""},

		{"call", rvPush + "call foo" + rvPop + rvFramed, 64, ""},
		{"call inside the section", rvPush + "jal 1f" + rvPop + "1: addi sp, sp, -32\naddi sp, sp, 32\nret", 16 + 32, ""},
		{"tail call", "tail foo" + rvFramed, 48, ""},
		{"tail call with a frame", "addi sp, sp, -16\ntail foo" + rvFramed, 0, "jumps to another function with sp 16 bytes below the entry"},
		{"call that returns to another register", "call t1, foo\nret" + rvFramed, 0, "a call that does not return to ra"},
		{"call by a register", rvPush + "lla a5, foo\njalr a5" + rvPop + rvFramed, 64, ""},
		{"call by a register and an offset", rvPush + "lla a5, foo\njalr 4(a5)" + rvPop + rvFramed, 0, "no function's address is taken"},
		{"a preserved register across a call", rvPush + "sd s1, 0(sp)\nlla s1, foo\ncall bar\njalr s1\nld s1, 0(sp)" + rvPop + rvFramed + "\nfn bar\nret", 64, ""},
		{"a register across a call", rvPush + rvTakes + "lla a5, foo\ncall bar\njalr a5" + rvPop + rvFramed + rvHuge + "\nfn bar\nret", 16 + mib, ""},
		{"the low part of another label", rvPush + "1: auipc a5, %pcrel_hi(foo)\n2: auipc a4, %pcrel_hi(bar)\naddi a5, a5, %pcrel_lo(2b)\njalr a5" + rvPop + rvFramed + "\nfn bar\nret", 64, ""},
		{"indirect call without candidates", rvPush + "jalr a0" + rvPop, 0, "no function's address is taken"},
		{"indirect call of a candidate", rvPush + rvTakes + "jalr a1" + rvPop + rvHuge, 16 + mib, ""},
		{"indirect call of a candidate in data", rvPush + "lla t1, vtable\nld a5, 0(a0)\nsd t1, 0(a0)\njalr a5" + rvPop + rvFramed + "\nrelro vtable\n.quad foo", 64, ""},
		{"candidate by the table of addresses", rvPush + ".option push\n.option pic\nla t1, huge\n.option pop\nsd t1, 0(a0)\njalr a1" + rvPop + rvHuge, 16 + mib, ""},
		{"candidate returned", "lla a0, huge\ntail foo" + rvHuge + "\nfn foo" + rvPush + "jalr a0" + rvPop, 16 + mib, ""},
		{"candidate returned to the caller", rvPush + "call bar\njalr a0" + rvPop + "\nfn bar\nlla a0, huge\nret" + rvHuge, 16 + mib, ""},
		{"definition on one path only", rvPush + "beqz a0, 1f\nlla a5, foo\n1: jalr a5" + rvPop + rvFramed, 64, ""},
		{"recursion", rvPush + "call f" + rvPop, 0, "recursion: f → f"},
		{"loop of tail calls", "beqz a0, foo\nret\nfn foo\naddi sp, sp, -16\naddi sp, sp, 16\ntail f", 16, ""},
		{"jump to what was passed", "lla t1, foo\nsd t1, 0(a1)\njr a0" + rvFramed, 48, ""},
		{"jump to what was computed", "addi a0, a0, 4\njr a0", 0, "indirect jump without a known table"},
		{"jump without a table", "addi sp, sp, -16\njr a0", 0, "indirect jump without a known table"},

		{"outlined", rvPush + "call t0, OUTLINED_FUNCTION_0" + rvPop + "fn OUTLINED_FUNCTION_0\nsd a1, 0(sp)\njr t0", 16, ""},
		{"outlined, which writes a register that functions preserve", rvPush + "lla s1, foo\n" + rvTakes + "call t0, OUTLINED_FUNCTION_0\njalr s1" + rvPop + "fn OUTLINED_FUNCTION_0\nmv s1, s2\njr t0" + rvFramed + rvHuge, 16 + mib, ""},
		{"outlined, which returns elsewhere", rvPush + "call t0, OUTLINED_FUNCTION_0" + rvPop + "fn OUTLINED_FUNCTION_0\nli t0, 4\njr t0", 0, "indirect jump without a known table"},
		{"not outlined", rvPush + "call t0, foo" + rvPop + "fn foo\njr t0", 0, "a call that does not return to ra"},

		{"diverging call", "bnez a0, 1f\nret\n1: addi sp, sp, -16\ncall die\nfn die\naddi sp, sp, -80\nebreak", 16 + 80, ""},
		{"switch to a static stack", "bnez a0, 1f\nret\n1: addi sp, sp, -16\ncall die" + rvPanics, 16, ""},
		{"switch and back as longjmp does", "lla t1, stk\naddi sp, t1, 64\nld ra, 0(a0)\nmv sp, a0\nret" + rvStatic, 0, ""},
		{"switch and return", "lla t1, stk\nmv sp, t1\nret" + rvStatic, 0, "returns after it has switched stacks"},
		{"switch to code", "lla t1, foo\nmv sp, t1\nebreak" + rvFramed, 0, "sp is set to an unknown value"},

		{"table", rvPush + rvTable + "2: call foo\n3:" + rvPop + rvFramed + "\nrodata tab\n.word 2b - tab\n.word 3b - tab", 64, ""},
		{"table, with Zba", ".option arch, +zba\n" + rvPush + "lla t1, tab\nsh2add a0, a0, t1\nlw a0, 0(a0)\nadd a0, t1, a0\njr a0\n2: call foo\n3:" + rvPop + rvFramed + "\nrodata tab\n.word 2b - tab\n.word 3b - tab", 64, ""},
		{"table whose start was put aside", rvPush + "lla t1, tab\nsd t1, 0(sp)\nld t1, 0(sp)\nslli a0, a0, 2\nadd a0, a0, t1\nlw a0, 0(a0)\nadd a0, a0, t1\njr a0\n2: call foo\n3:" + rvPop + rvFramed + "\nrodata tab\n.word 2b - tab\n.word 3b - tab", 64, ""},
		{"table behind its start", rvPush + "lla t1, tab\nslli a0, a0, 2\nadd a0, a0, t1\nlw a0, 4(a0)\nadd a0, a0, t1\njr a0\n2: call foo\n3:" + rvPop + rvFramed + "\nrodata tab\n.word 2b - tab\n.word 3b - tab", 0, "indirect jump without a known table"},
		{"label that is stored", "lla t1, 1f\nsd t1, 0(a0)\n1: ret", 0, "address of a label is not followed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := analyzeFile(t, "test.o", crossRISCV.assemble(t, "fn f\n"+tt.source+"\n"), "f").Bound("f")
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
		})
	}
}

// TestCallFramesRISCV has call frame information agree, and not.
func TestCallFramesRISCV(t *testing.T) {
	for _, tt := range []struct {
		name, source string
		want         int
		reason       string
	}{
		{"agrees", "addi sp, sp, -32\n.cfi_def_cfa_offset 32\naddi s0, sp, 32\n.cfi_def_cfa s0, 0\naddi sp, s0, -32\n.cfi_def_cfa sp, 32\naddi sp, sp, 32\n.cfi_def_cfa_offset 0\nret", 32, ""},
		{"agrees, if code may be shortened", ".option relax\naddi sp, sp, -16\n.cfi_def_cfa_offset 16\nbeqz a0, 1f\ncall foo\n1: addi sp, sp, 16\n.cfi_def_cfa_offset 0\nret", 64, ""},
		{"finds more in use, if code may be shortened", ".option relax\naddi sp, sp, -16\n.cfi_def_cfa_offset 16\nbeqz a0, 1f\ncall foo\n1: nop\n.cfi_def_cfa_offset 32\nnop\naddi sp, sp, 16\n.cfi_def_cfa_offset 0\nret", 0, "says 32 bytes below the entry"},
		{"finds more in use", "addi sp, sp, -16\n.cfi_def_cfa_offset 32\naddi sp, sp, 16\n.cfi_def_cfa_offset 0\nret", 0, "register 2 is 16 bytes below the entry, but the call frame information says 32 bytes below the entry"},
		{"does not tell of a push", "addi sp, sp, -16\naddi sp, sp, 16\nret", 16, ""},
		{"does not tell of an epilogue", "addi sp, sp, -16\n.cfi_def_cfa_offset 16\naddi sp, sp, 16\nnop\nret", 0, "register 2 is 0 bytes below the entry"},
		{"tells of a frame behind a jump", "beqz a0, 1f\naddi sp, sp, -16\n.cfi_def_cfa_offset 16\naddi sp, sp, 16\nj 2f\n1: nop\n2: ret", 0, "says 16 bytes below the entry"},
		{"tells of a frame in a block of another path", "beqz a0, 1f\naddi sp, sp, -16\n.cfi_def_cfa_offset 16\n2: addi a0, a0, 1\nj 2b\n1: nop\nret", 16, ""},
		{"tells of the second of two additions", "addi sp, sp, -2032\n.cfi_def_cfa_offset 2032\naddi sp, sp, -2032\n.cfi_def_cfa_offset 4064\naddi sp, sp, 2032\naddi sp, sp, 2032\n.cfi_def_cfa_offset 0\nret", 4064, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := analyzeFile(t, "test.o", crossRISCV.assemble(t, "fn f\n.option norelax\n.cfi_startproc\n"+tt.source+"\n.cfi_endproc\n"+rvFramed+"\n"), "f").Bound("f")
			if tt.reason == "" && (err != nil || b.Bytes != tt.want) || tt.reason != "" && (err == nil || !strings.Contains(err.Error(), tt.reason)) {
				t.Errorf("got %d bytes, %v; want %d, %q", b.Bytes, err, tt.want, tt.reason)
			}
		})
	}
}

func TestTouchingRISCV(t *testing.T) {
	for _, tt := range []struct {
		name, code string
		want       bool
	}{
		{"neither", "add s10, s11, zero\nadd s10, s9, a0", true},
		{"none", "add s10, s9, a0", false},
		{"writes", "mv s11, a0", true},
		{"writes, compressed", "c.mv s11, a0", true},
		{"reads", "sd s11, 0(a0)", true},
		{"addresses by it", "ld a0, 0(s11)", true},
		{"branches by it", "beqz s11, f", true},
		{"calls it", "jalr s11", true},
		{"converts it", "fmv.d.x fa0, s11", true},
		{"a float of that number", "fadd.d fs11, fs11, fs11\nfld fs11, 0(a0)", false},
		{"an immediate of that number", "csrrwi a0, fflags, 27", false},
		{"data that looks like it", "ret\n.word 0x000d8d93", false},
		{"a word that is not known", ".insn 4, 0x0d057557", true},
	} {
		a := analyzeFile(t, "test.o", crossRISCV.assemble(t, "fn f\n"+tt.code+"\ntail g\nfn g\nret\n"), "f")
		got := a.Touching(riscv64.S11)
		if want := []string{"f"}; tt.want != slices.Equal(got, want) || !tt.want && len(got) > 0 {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
}
