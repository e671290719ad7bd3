package emit

import (
	"encoding/binary"
	"fmt"

	"github.com/cargo-rustgo/cargo-rustgo/internal/image"
	"github.com/cargo-rustgo/cargo-rustgo/internal/stack"
)

// A trampoline on arm64. Go and C agree on more than on amd64: SP is always
// aligned to 16, and a frame record, the caller's R29 and the return address,
// is where R29 points to. They differ in where the rest of a frame is:
//
//   - Go's unwinder looks for the return address of a function at its SP, as
//     soon as SP has moved (runtime.(*unwinder).resolveInternal, Go 1.26).
//   - A Go function keeps its caller's R29 in the 8 bytes below its SP
//     (cmd/internal/obj/arm64.preprocess, Go 1.26), which belong to what it
//     calls: C would write there.
//
// So Rust gets a stack that starts below these, and below a copy of the return
// address:
//
//	| arguments, results    |  FP
//	| caller's return       |
//	|-----------------------|  SP at the entry
//	| R29 of caller's caller|
//	| return address        |  frame record, to which R29 points
//	| R29                   |
//	| copies, pads          |  of what has to be aligned to 16 (arm64_args.go)
//	| return address        |
//	|-----------------------|  SP at the call, or at that of NAME.call
//	| C's arguments         |
//	|-----------------------|
//	| Rust                  |
//	+-----------------------+  what is known to be there
//
// Every change of SP is one that the assembler accounts for, an ADD or SUB of a
// constant, in one instruction. What is at SP then is written before: signals
// have stacks of their own, so nothing is lost below SP. Windows has no signals,
// and writes there for a fault only, of which there is none in between.
//
// There are five forms:
//
//   - A function that is small and does the same wherever it is is copied into
//     the trampoline.
//   - A function that uses no stack needs only the return address.
//   - A function that uses little has a trampoline without a frame. Code behind
//     its end, which is never executed, takes what Rust needs with SUB, so
//     that Go's linker counts it (cmd/link/internal/ld.stackCheck, Go 1.26).
//   - A function that needs more has a trampoline with a frame of that size,
//     for which Go's prologue grows the stack, and gives it to Rust with ADD.
//   - One that needs too much, or nobody knows how much, runs on a stack of its
//     own (arm64_own.go).
//
// C's arguments in memory would be where the unwinder looks for the return
// address. They are for a function beside the trampoline, NAME.call, that ends
// tracebacks (TOPFRAME) and does nothing but to move SP and call.
//
// Where Rust can panic, the copies begin with the address that it returns to and
// the cookie: SP at the call, exclusive-or a number. The panic handler of
// rust/rustgo finds them, and comes back with a record of the panic in R19, which
// is 0 at the call. NAME.call keeps its return address between the other one
// and these. On Darwin g follows the cookie: Rust may use R28 there, and a panic
// does not bring it back. On Windows it is g0 (bounds.go).
//
// Rust keeps R19 to R29 when it returns, and so g, which is R28. It may change R26 and R27,
// which Go's assembler uses for itself, only as Go may, and R18, which is
// nobody's on Linux and untouched on Darwin.

// maxImmediate is the greatest constant that ADD and SUB take, and the unit of
// what they take shifted by 12 bits.
const maxImmediate = 1<<12 - 1

// immediate rounds what SP is moved by up to what one instruction can do.
func immediate(n int) int {
	n = alignTo(n, 16)
	if n > maxImmediate {
		n = alignTo(n, maxImmediate+1)
	}
	return n
}

func alignTo(n, to int) int { return (n + to - 1) &^ (to - 1) }

// arm64 writes the trampoline of f.
func (p *Package) arm64(f *Function, platform *Platform, export image.Export, out *printer) error {
	t := p.arm64Trampoline(f, platform, export)
	if err := t.layout.check(f.Symbol); err != nil {
		return err
	}
	t.write(out)
	return nil
}

// arm64Trampoline is one function that Go calls.
type arm64Trampoline struct {
	trampoline
	layout
}

func (p *Package) arm64Trampoline(f *Function, platform *Platform, export image.Export) *arm64Trampoline {
	t := &arm64Trampoline{p.trampoline(f, platform, export), f.arm64Layout(platform.GOOS, platform.Panics[f.Symbol])}
	t.goCall = &t.call
	return t
}

func (t *arm64Trampoline) write(out *printer) {
	out.line("")
	out.line("// %s", t.assembly())
	switch need := t.size(t.bound); {
	case t.onOwn:
		t.own(out)
		return
	case t.export.Leaf != nil && t.args == 0 && t.copies == 0:
		t.copied(out)
	case t.bound == 0 && t.args == 0 && t.copies == 0:
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
func (t *arm64Trampoline) copied(out *printer) {
	out.line("TEXT ·%s(SB), NOSPLIT|NOFRAME, $0-%d", t.text, t.call.Frame)
	t.loads(out, 0)
	t.copyRust(out)
	t.ret(out, 0)
}

func (t *arm64Trampoline) leaf(out *printer) {
	out.line("TEXT ·%s(SB), NOSPLIT|NOFRAME, $0-%d", t.text, t.call.Frame)
	out.line("\tNO_LOCAL_POINTERS")
	t.loads(out, 0)
	out.line("\tMOVD R30, -16(RSP)")
	out.line("\tSUB $16, RSP")
	t.callRust(out)
	out.line("\tMOVD (RSP), R30")
	out.line("\tADD $16, RSP")
	t.ret(out, 0)
}

func (t *arm64Trampoline) small(out *printer, need int) {
	out.line("TEXT ·%s(SB), NOSPLIT|NOFRAME, $0-%d", t.text, t.call.Frame)
	out.line("\tNO_LOCAL_POINTERS")
	t.loads(out, -t.frame)
	out.line("\tSTP (R29, R30), -24(RSP)")
	out.line("\tMOVD R30, %d(RSP)", -t.frame)
	if t.chained() {
		out.line("\tSUB $24, RSP, R29")
	}
	out.line("\tSUB $%d, RSP", t.frame)
	t.callNext(out)
	out.line("\tLDP %d(RSP), (R29, R30)", t.frame-24)
	out.line("\tADD $%d, RSP", t.frame)
	t.ifPanicked(out)
	t.ret(out, -t.frame)
	if t.panics {
		out.line("panicked:")
		out.line("\tMOVD R30, -32(RSP)")
		out.line("\tMOVD R29, -40(RSP)")
		out.line("\tSUB $32, RSP")
		t.panicGo(out)
		out.line("\tADD $32, RSP")
	}
	out.line("\tSUB $%d, RSP", need)
	out.line("\tUNDEF")
	out.line("\tADD $%d, RSP", need)
	out.line("\tRET")
}

// large gives Rust the frame but for its upper end. Below its SP the prologue
// has stored what the epilogue wants to find there; Rust overwrites it.
func (t *arm64Trampoline) large(out *printer) {
	give := immediate(t.bound + t.args)
	out.line("TEXT ·%s(SB), 0, $%d-%d", t.text, give+t.frame-16, t.call.Frame)
	out.line("\tNO_LOCAL_POINTERS")
	t.loads(out, give)
	out.line("\tLDP -8(RSP), (R9, R30)")
	out.line("\tADD $%d, RSP, R10", give)
	out.line("\tSTP (R9, R30), %d(R10)", t.frame-24)
	out.line("\tMOVD R30, (R10)")
	if t.chained() {
		out.line("\tADD $%d, R10, R29", t.frame-24)
	} else {
		out.line("\tMOVD R9, R29")
	}
	out.line("\tADD $%d, RSP", give)
	t.callNext(out)
	out.line("\tLDP %d(RSP), (R29, R30)", t.frame-24)
	out.line("\tSUB $%d, RSP, R10", give)
	out.line("\tSTP (R29, R30), -8(R10)")
	out.line("\tSUB $%d, RSP", give)
	t.ifPanicked(out)
	t.ret(out, give)
	if t.panics {
		out.line("panicked:")
		t.panicGo(out)
	}
}

// chained reports whether R29 points to the trampoline's frame record when Rust
// gets it. A fault in a function without a frame can be recovered, and the
// goroutine goes on above what is left of the call; when the stack moves then,
// nothing corrects the record (runtime.adjustframe, Go 1.26). Such a function gets
// the R29 of Go, and has no use for it. What needs no more stack than a red zone may
// be one.
func (t *arm64Trampoline) chained() bool {
	return t.panics || t.bound > 128 || t.bound > 0 && !t.darwin
}

// ifPanicked goes to where Go panics, if Rust did.
func (t *arm64Trampoline) ifPanicked(out *printer) {
	if t.panics {
		out.line("\tCBNZ R19, panicked")
	}
}

// panicGo makes the panic one of Go's. SP is that of a Go function that has
// stored its caller's R29 below.
func (t *arm64Trampoline) panicGo(out *printer) {
	out.line("\tSUB $8, RSP, R29")
	out.line("\tMOVD R19, 8(RSP)")
	out.line("\tCALL ·rustPanic(SB)")
	out.line("\tUNDEF")
}

// callNext calls Rust, or what has arguments for it on the stack.
func (t *arm64Trampoline) callNext(out *printer) {
	if t.args > 0 {
		out.line("\tCALL ·%s·call<>(SB)", t.text)
		return
	}
	t.leaveCookie(out, "RSP", copyOff, 0)
	t.callRust(out)
	t.takeCookie(out, copyOff)
}

// leaveCookie stores where Rust returns to and the cookie, at off from a
// register, given how far SP is above that at the call. R10 and R11 are free.
func (t *arm64Trampoline) leaveCookie(out *printer, base string, off, args int) {
	if !t.panics {
		return
	}
	out.line("\tMOVD ZR, R19")
	out.line("\tADR back, R10")
	out.line("\tSUB $%d, RSP, R11", args)
	out.line("\tMOVD $%#x, R12", uint64(panicMagic))
	out.line("\tEOR R12, R11")
	out.line("\tSTP (R10, R11), %d(%s)", off, base)
	switch {
	case t.darwin, t.bySP() && t.onOwn: // g is g0
		out.line("\tMOVD g, %d(%s)", off+16, base)
	case t.bySP():
		out.line("\tMOVD %d(g), R10", gM)
		out.line("\tMOVD %d(R10), R10", mG0)
		out.line("\tMOVD R10, %d(%s)", off+16, base)
	}
}

// takeCookie is behind the call. A cookie that is left could be taken for that
// of another call.
func (t *arm64Trampoline) takeCookie(out *printer, off int) {
	if t.panics {
		out.line("back:")
		out.line("\tMOVD ZR, %d(RSP)", off+8)
		if t.darwin {
			out.line("\tMOVD %d(RSP), g", off+16)
		}
	}
}

// callWithArgs writes the function that makes C's arguments part of the stack.
func (t *arm64Trampoline) callWithArgs(out *printer) {
	out.line("")
	out.line("TEXT ·%s·call<>(SB), NOSPLIT|NOFRAME|TOPFRAME, $0-0", t.text)
	if t.panics {
		// R20 is lost in a panic.
		out.line("\tMOVD R30, 8(RSP)")
		t.leaveCookie(out, "RSP", copyOff, t.args)
	} else {
		out.line("\tMOVD R30, R20")
	}
	out.line("\tSUB $%d, RSP", t.args)
	t.callRust(out)
	t.takeCookie(out, t.args+copyOff)
	out.line("\tADD $%d, RSP", t.args)
	if t.panics {
		out.line("\tMOVD 8(RSP), R20")
	}
	out.line("\tRET (R20)")
}

// callRust calls by address where it would need an addend: Darwin's linker has
// none in a call.
func (t *arm64Trampoline) callRust(out *printer) {
	place, off := t.platform.near(image.Address{Segment: image.Text, Off: int64(t.export.Off)})
	if off == 0 {
		out.line("\tCALL %s(SB)", place)
		return
	}
	out.line("\tMOVD $%s%+d(SB), R16", place, off)
	out.line("\tCALL (R16)")
}

// arm64Name is what the assembler calls a register.
func arm64Name(register uint8) string {
	switch register {
	case 18:
		return "R18_PLATFORM"
	case 28:
		return "g"
	}
	return fmt.Sprintf("R%d", register)
}

// arm64Word writes DWORDs, which the assembler reads fastest. The assembler pads
// functions to more than 4 bytes, and what is in the image is padded too.
func arm64Word(words []string, b []byte) ([]string, int64) {
	if len(b) >= 8 {
		return append(words, fmt.Sprintf("DWORD $%#x", binary.LittleEndian.Uint64(b))), 8
	}
	return append(words, fmt.Sprintf("WORD $%#x", binary.LittleEndian.Uint32(b))), 4
}

// arm64Account reports whether SP stays as it is at the entry and the return
// address in R30.
func arm64Account(code []byte, steps []stack.Step, known bool) ([]move, bool) {
	if !known || len(steps) > 0 {
		return nil, false
	}
	for ; len(code) >= 4; code = code[4:] {
		word := binary.LittleEndian.Uint32(code)
		call := word>>26 == 0x25 // bl
		// Of the branches to registers, those that are plain br and ret.
		register := word>>25 == 0x6b && word&0xfffffc1f != 0xd61f0000 && word&0xfffffc1f != 0xd65f0000
		if call || register {
			return nil, false
		}
	}
	return nil, true
}

// arm64InOrder compares the table of n functions with where they are.
func arm64InOrder(out *printer, n int) {
	out.line("\tMOVD $·rustorder<>(SB), R0")
	out.line("\tMOVD 0(R0), R1")
	out.line("\tMOVD $%d, R2", n)
	out.line("next:")
	out.line("\tLDP.P 16(R0), (R3, R4)")
	out.line("\tSUB R1, R3")
	out.line("\tCMP R4, R3")
	out.line("\tBNE done")
	out.line("\tSUBS $1, R2, R2")
	out.line("\tBNE next")
	out.line("done:")
	out.line("\tCSET EQ, R3")
	out.line("\tMOVB R3, ret+0(FP)")
}
