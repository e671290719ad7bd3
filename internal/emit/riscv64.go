package emit

import (
	"encoding/binary"
	"fmt"

	"github.com/cargo-rustgo/cargo-rustgo/internal/image"
	"github.com/cargo-rustgo/cargo-rustgo/internal/stack"
)

// A trampoline on riscv64. Go's unwinder looks for the return address of a
// function at its SP, as soon as SP has moved (runtime.(*unwinder).resolveInternal,
// Go 1.26), so there is a copy of it where Rust's stack starts:
//
//	| arguments, results    |  FP
//	| caller's return       |
//	|-----------------------|  SP at the entry
//	| pad to 16 bytes       |
//	| copies                |  of what has to be aligned to 16 (riscv64_args.go)
//	| free                  |  the return address of NAME.call, if Rust can panic
//	| return address        |
//	|-----------------------|  SP at the call, or at that of NAME.call
//	| C's arguments         |
//	|-----------------------|
//	| Rust                  |
//	+-----------------------+  what is known to be there
//
// Go aligns stacks to 8 bytes, C to 16, so there are two ways through. Every change
// of SP is an ADDI, which the assembler accounts for, and which changes SP with
// one instruction whatever the number is
// (cmd/internal/obj/riscv.instructionsForOpImmediate, Go 1.25 to 1.27). What is at
// SP then is written before: signals have stacks of their own, so nothing is lost
// below SP.
//
// The forms are those of arm64 (arm64.go), and C's arguments in memory, which
// would be where the return address has to be, are for a function beside the
// trampoline, NAME.call, that ends tracebacks, here too.
//
// Where Rust can panic, the copies begin with the address that it returns to and
// the cookie, here too. The panic handler of rust/rustgo comes back with a record
// of the panic in X9, which is 0 at the call.
//
// Rust keeps X8, X9 and X18 to X27, and so g, which is X27. X31 is the assembler's.

// riscv64 writes the trampoline of f.
func (p *Package) riscv64(f *Function, platform *Platform, export image.Export, out *printer) error {
	t := &riscvTrampoline{p.trampoline(f, platform, export), f.riscvLayout(platform.Panics[f.Symbol])}
	t.goCall = &t.call
	if err := t.layout.check(f.Symbol); err != nil {
		return err
	}
	t.write(out)
	return nil
}

// riscvTrampoline is one function that Go calls.
type riscvTrampoline struct {
	trampoline
	layout
}

func (t *riscvTrampoline) write(out *printer) {
	out.line("")
	out.line("// %s", t.assembly())
	need := t.riscvSize(t.bound)
	switch plain := t.args == 0 && t.copies == 0; {
	case t.onOwn:
		t.own(out)
		return
	case t.export.Leaf != nil && plain:
		t.copied(out)
	case t.bound == 0 && plain:
		t.leaf(out)
	case need+t.call.Frame <= maxNosplit:
		t.small(out, need)
	default:
		t.large(out)
	}
	if t.args > 0 {
		t.callWithArgs(out)
	}
}

// copied does without a call, which would cost more than what it calls.
func (t *riscvTrampoline) copied(out *printer) {
	out.line("TEXT ·%s(SB), NOSPLIT|NOFRAME, $0-%d", t.assemblyName(), t.call.Frame)
	t.loads(out, 0)
	t.copyRust(out)
	t.ret(out, 0)
}

// leaf calls a function that does not mind how SP is aligned.
func (t *riscvTrampoline) leaf(out *printer) {
	out.line("TEXT ·%s(SB), NOSPLIT|NOFRAME, $0-%d", t.assemblyName(), t.call.Frame)
	out.line("\tNO_LOCAL_POINTERS")
	t.loads(out, 0)
	out.line("\tMOV X1, -8(X2)")
	out.line("\tADDI $-8, X2")
	t.callRust(out)
	out.line("\tMOV (X2), X1")
	out.line("\tADDI $8, X2")
	t.ret(out, 0)
}

func (t *riscvTrampoline) small(out *printer, need int) {
	out.line("TEXT ·%s(SB), NOSPLIT|NOFRAME, $0-%d", t.assemblyName(), t.call.Frame)
	out.line("\tNO_LOCAL_POINTERS")
	t.ways(out, func(odd int) {
		take := t.frame + odd
		t.loads(out, -take)
		out.line("\tMOV X1, %d(X2)", -take)
		out.line("\tADDI $%d, X2", -take)
		t.callNext(out, odd)
		out.line("\tMOV (X2), X1")
		out.line("\tADDI $%d, X2", take)
		t.ifPanicked(out)
		t.ret(out, -take)
	})
	if t.panics {
		out.line("panicked:")
		out.line("\tMOV X1, -16(X2)")
		out.line("\tADDI $-16, X2")
		t.panicGo(out)
		out.line("\tADDI $16, X2")
	}
	out.line("\tADDI $%d, X2", -need)
	out.line("\tUNDEF")
	out.line("\tADDI $%d, X2", need)
	out.line("\tRET")
}

// large gives Rust the frame but for its upper end. At its SP the prologue has
// stored what the epilogue wants to find there; Rust overwrites it.
func (t *riscvTrampoline) large(out *printer) {
	size := alignTo(t.bound+t.args, 16)
	out.line("TEXT ·%s(SB), 0, $%d-%d", t.assemblyName(), size+t.frame, t.call.Frame)
	out.line("\tNO_LOCAL_POINTERS")
	t.ways(out, func(odd int) {
		give := size + odd
		t.loads(out, give)
		out.line("\tMOV X1, %d(X2)", give)
		out.line("\tADDI $%d, X2", give)
		t.callNext(out, odd)
		out.line("\tMOV (X2), X1")
		out.line("\tMOV X1, %d(X2)", -give)
		out.line("\tADDI $%d, X2", -give)
		t.ifPanicked(out)
		t.ret(out, give)
	})
	if t.panics {
		out.line("panicked:")
		t.panicGo(out)
	}
}

// ifPanicked goes to where Go panics, if Rust did.
func (t *riscvTrampoline) ifPanicked(out *printer) {
	if t.panics {
		out.line("\tBNEZ X9, panicked")
	}
}

// panicGo makes the panic one of Go's. There are 16 bytes at SP for a call of Go.
func (t *riscvTrampoline) panicGo(out *printer) {
	out.line("\tMOV X9, 8(X2)")
	out.line("\tCALL ·rustPanic(SB)")
	out.line("\tUNDEF")
}

// ways writes both ways through: odd is 8 where SP is 8 bytes off, else 0.
func (t *riscvTrampoline) ways(out *printer, way func(odd int)) {
	out.line("\tANDI $8, X2, X5")
	out.line("\tBNEZ X5, odd")
	way(0)
	out.line("odd:")
	way(8)
}

// callNext calls Rust, or what has arguments for it on the stack. way tells the
// labels of one way from those of the other.
func (t *riscvTrampoline) callNext(out *printer, way int) {
	if t.args > 0 {
		out.line("\tCALL ·%s·call<>(SB)", t.assemblyName())
		return
	}
	t.leaveCookie(out, 0, way)
	t.callRust(out)
	t.takeCookie(out, 0, way)
}

// leaveCookie stores where Rust returns to and the cookie in the copies, given how
// far SP is above that at the call. The assembler cannot say the address of a
// label, but a jump leaves one: that of a jump to what is behind the call. X6, X7
// and X28 are free.
func (t *riscvTrampoline) leaveCookie(out *printer, args, way int) {
	if !t.panics {
		return
	}
	out.line("\tMOV ZERO, X9")
	out.line("\tJAL X6, leave%d", way)
	out.line("\tJMP back%d", way)
	out.line("leave%d:", way)
	out.line("\tADDI $%d, X2, X7", -args)
	out.line("\tMOV $%d, X28", panicMagic-1<<64)
	out.line("\tXOR X28, X7")
	out.line("\tMOV X6, %d(X2)", copyOff)
	out.line("\tMOV X7, %d(X2)", copyOff+8)
}

// takeCookie is behind the call. A cookie that is left could be taken for that
// of another call.
func (t *riscvTrampoline) takeCookie(out *printer, args, way int) {
	if t.panics {
		out.line("back%d:", way)
		out.line("\tMOV ZERO, %d(X2)", args+copyOff+8)
	}
}

// callWithArgs writes the function that makes C's arguments part of the stack.
func (t *riscvTrampoline) callWithArgs(out *printer) {
	out.line("")
	out.line("TEXT ·%s·call<>(SB), NOSPLIT|NOFRAME|TOPFRAME, $0-0", t.assemblyName())
	if t.panics {
		// X18 is lost in a panic.
		out.line("\tMOV X1, 8(X2)")
		t.leaveCookie(out, t.args, 0)
	} else {
		out.line("\tMOV X1, X18")
	}
	out.line("\tADDI $%d, X2", -t.args)
	t.callRust(out)
	t.takeCookie(out, t.args, 0)
	out.line("\tADDI $%d, X2", t.args)
	if t.panics {
		out.line("\tMOV 8(X2), X18")
	}
	out.line("\tJMP (X18)")
}

// callRust calls by address where it would need an addend.
func (t *riscvTrampoline) callRust(out *printer) {
	place, off := t.platform.near(image.Address{Segment: image.Text, Off: int64(t.export.Off)})
	if off == 0 {
		out.line("\tCALL %s(SB)", place)
		return
	}
	out.line("\tMOV $%s%+d(SB), X6", place, off)
	out.line("\tJALR X1, X6")
}

// riscvName is what the assembler calls a register.
func riscvName(register uint8) string {
	switch register {
	case 4:
		return "TP"
	case 27:
		return "g"
	}
	return fmt.Sprintf("X%d", register)
}

// riscvWord writes WORDs. What is in the image is padded to them.
func riscvWord(words []string, b []byte) ([]string, int64) {
	return append(words, fmt.Sprintf("WORD $%#x", binary.LittleEndian.Uint32(b))), 4
}

// riscvAccount has tracebacks end in all of Rust, so that no fault in it is
// recovered. The panic handler relies on that (rust/rustgo/src/panic/riscv64.rs).
func riscvAccount(code []byte, steps []stack.Step, known bool) ([]move, bool) {
	return nil, false
}

// riscvInOrder compares the table of n functions with where they are.
func riscvInOrder(out *printer, n int) {
	out.line("\tMOV $·rustorder<>(SB), X5")
	out.line("\tMOV 0(X5), X6")
	out.line("\tMOV $%d, X7", n)
	out.line("next:")
	out.line("\tMOV 0(X5), X28")
	out.line("\tMOV 8(X5), X29")
	out.line("\tSUB X6, X28")
	out.line("\tSUB X29, X28")
	out.line("\tBNEZ X28, done")
	out.line("\tADDI $16, X5")
	out.line("\tADDI $-1, X7")
	out.line("\tBNEZ X7, next")
	out.line("done:")
	out.line("\tSEQZ X28, X28")
	out.line("\tMOVB X28, ret+0(FP)")
}
