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
//	| free                  |
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
// Rust keeps X8, X9 and X18 to X27, and so g, which is X27. X31 is the assembler's.

// riscv64 writes the trampoline of f.
func (p *Package) riscv64(f *Function, platform *Platform, export image.Export, out *printer) error {
	t := &riscvTrampoline{
		Function: f,
		layout:   f.riscvLayout(),
		platform: platform,
		bound:    platform.Stack[f.Symbol] + platform.Image.Spills,
		export:   export,
	}
	if err := t.check(); err != nil {
		return err
	}
	t.write(out)
	return nil
}

// riscvTrampoline is one function that Go calls.
type riscvTrampoline struct {
	*Function
	layout
	platform *Platform
	bound    int // bytes of stack that Rust needs
	export   image.Export
}

// check returns an error if there is no trampoline for the function.
func (t *riscvTrampoline) check() error {
	switch {
	case t.platform.Panics[t.Symbol]:
		return &CallError{t.Symbol, "panics that come back to Go are not implemented for riscv64"}
	case t.Blocking:
		return &CallError{t.Symbol, "calls that may block are not implemented for riscv64"}
	case t.platform.Own(t.Function):
		return &CallError{t.Symbol, "stacks of their own are not implemented for riscv64"}
	}
	return t.layout.check(t.Symbol)
}

func (t *riscvTrampoline) write(out *printer) {
	out.line("")
	out.line("// %s", t.assembly())
	need := t.riscvSize(t.bound)
	switch plain := t.args == 0 && t.copies == 0; {
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
	w := codeWriter{platform: t.platform, arch: arches["riscv64"], out: out, code: t.export.Leaf, lines: t.platform.leafLines(t.export), loads: new([]image.Load)}
	w.write()
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
		t.callNext(out)
		out.line("\tMOV (X2), X1")
		out.line("\tADDI $%d, X2", take)
		t.ret(out, -take)
	})
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
		t.callNext(out)
		out.line("\tMOV (X2), X1")
		out.line("\tMOV X1, %d(X2)", -give)
		out.line("\tADDI $%d, X2", -give)
		t.ret(out, give)
	})
}

// ways writes both ways through: odd is 8 where SP is 8 bytes off, else 0.
func (t *riscvTrampoline) ways(out *printer, way func(odd int)) {
	out.line("\tANDI $8, X2, X5")
	out.line("\tBNEZ X5, odd")
	way(0)
	out.line("odd:")
	way(8)
}

// callNext calls Rust, or what has arguments for it on the stack.
func (t *riscvTrampoline) callNext(out *printer) {
	if t.args > 0 {
		out.line("\tCALL ·%s·call<>(SB)", t.assemblyName())
		return
	}
	t.callRust(out)
}

// callWithArgs writes the function that makes C's arguments part of the stack.
func (t *riscvTrampoline) callWithArgs(out *printer) {
	out.line("")
	out.line("TEXT ·%s·call<>(SB), NOSPLIT|NOFRAME|TOPFRAME, $0-0", t.assemblyName())
	out.line("\tMOV X1, X9")
	out.line("\tADDI $%d, X2", -t.args)
	t.callRust(out)
	out.line("\tADDI $%d, X2", t.args)
	out.line("\tJMP (X9)")
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

// riscvAccount reports whether SP stays as it is at the entry and the return
// address in X1.
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
