package emit

import (
	"github.com/cargo-rustgo/cargo-rustgo/internal/abi"
	"github.com/cargo-rustgo/cargo-rustgo/internal/image"
)

// A trampoline takes its arguments from Go's frame, where ABI0 puts them, into
// the registers where the System V psABI wants them, and calls Rust with as
// much of the stack below it as Rust needs:
//
//	| arguments, results |  FP
//	| return address     |
//	| BP                 |  if Rust can panic, or the frame is large
//	| pad to 16 bytes    |
//	| g0                 |  on Windows, if Rust can panic (amd64_bounds.go)
//	| cookie             |  if Rust can panic
//	| C's result, args   |  in memory (amd64_args.go)
//	|--------------------|  SP at the call
//	| Rust, its return   |
//	| address and red    |
//	| zone included      |
//	+--------------------+  what is known to be there
//
// Go aligns stacks to 8 bytes, C to 16, so there are two ways through. Every
// change of SP is one that the assembler accounts for, so that the runtime can
// find the caller at every instruction; a plain move to SP would make it refuse
// to trace through the function (SPWRITE, runtime.(*unwinder).next, Go 1.26).
//
// There are four forms:
//
//   - A function that uses no stack does not mind how it is aligned. It is
//     called as it is, or, if it is small, copied into the trampoline, without
//     its frame pointer.
//   - A function that uses little has a trampoline without a frame. Code behind
//     its end, which is never executed, takes what Rust needs with ADJSP, so
//     that Go's linker counts it when it checks that chains of nosplit
//     functions fit (cmd/link/internal/ld.stackCheck, Go 1.26).
//   - A function that needs more has a trampoline with a frame of that size,
//     for which Go's prologue grows the stack, and gives it to Rust with ADJSP.
//   - One that needs too much, or nobody knows how much, runs on a stack of its
//     own (amd64_own.go).
//
// Where Rust can panic, the cookie holds SP at the call, exclusive-or a number;
// the panic handler of rust/rustgo finds it, and tells a trampoline by what
// follows the call. Back from a panic, R12 points to a record of it; R12 is 0 at
// the call, and Rust keeps it.
//
// Rust keeps BP (psABI 3.2.1). It may change R14 and X15, which ABI0 functions
// need not keep (Go internal ABI, "Assembly").

const (
	// maxNosplit bounds the frame, arguments included, of trampolines without
	// a stack check. Go's linker allows chains of 800 bytes (StackNosplitBase,
	// internal/abi, Go 1.26), of which the ABI wrapper of the trampoline takes
	// a copy of the arguments and the rest is left for nosplit callers.
	maxNosplit = 640
	// returnAddress is the bound of a function that uses no stack.
	returnAddress = 8
	// panicMagic makes a cookie (rust/rustgo/src/panic/x86_64.rs).
	panicMagic = 0x9e3779b97f4a7c15
)

var amd64Names = [...]string{"AX", "CX", "DX", "BX", "SP", "BP", "SI", "DI", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15"}

// amd64 writes the trampoline of f.
func (p *Package) amd64(f *Function, platform *Platform, export image.Export, out *printer) error {
	if err := f.checkAMD64(); err != nil {
		return err
	}
	p.amd64Trampoline(f, platform, export).write(out)
	return nil
}

// amd64Trampoline is one function that Go calls. Its bound includes the return
// address.
type amd64Trampoline struct {
	trampoline
	call   abi.Call
	stack  int // bytes of arguments and result on C's side of the stack
	result int // where among them the result is; negative if it is not
}

func (p *Package) amd64Trampoline(f *Function, platform *Platform, export image.Export) *amd64Trampoline {
	t := &amd64Trampoline{trampoline: p.trampoline(f, platform, export), call: f.amd64Call()}
	t.goCall = &t.call
	t.stack, t.result = t.amd64Stack(&t.call)
	return t
}

// words is the number of 8-byte words between Go's part of the stack and
// Rust's, without padding.
func (t *amd64Trampoline) words() int {
	words := t.stack / 8
	if t.panics {
		words++
		if t.bySP() {
			words++
		}
	}
	return words
}

func (t *amd64Trampoline) write(out *printer) {
	out.line("")
	out.line("// %s", t.assembly())
	frame := t.frame()
	switch {
	case t.onOwn:
		t.own(out)
	case t.stack == 0 && (t.export.Leaf != nil || t.bound <= returnAddress):
		t.leaf(out)
	case frame+t.call.Frame <= maxNosplit:
		t.small(out, frame)
	default:
		t.large(out, frame)
	}
}

// frame is what is below the return address of a trampoline on the goroutine's
// stack: BP, padding, words, Rust.
func (t *amd64Trampoline) frame() int { return frame(t.bound, t.words()) }

func (t *amd64Trampoline) leaf(out *printer) {
	out.line("TEXT ·%s(SB), NOSPLIT|NOFRAME, $0-%d", t.text, t.call.Frame)
	t.loads(out)
	if t.export.Leaf != nil {
		// A call would cost more than what it calls.
		t.copyRust(out)
	} else {
		t.callRust(out)
	}
	t.ret(out)
}

func (t *amd64Trampoline) small(out *printer, frame int) {
	out.line("TEXT ·%s(SB), NOSPLIT|NOFRAME, $0-%d", t.text, t.call.Frame)
	out.line("\tNO_LOCAL_POINTERS")
	t.loads(out)
	if t.panics {
		out.line("\tPUSHQ BP")
	}
	t.body(out)
	if t.panics {
		out.line("\tPOPQ BP")
		out.line("\tTESTQ R12, R12")
		out.line("\tJNE panicked")
	}
	t.ret(out)
	if t.panics {
		out.line("panicked:")
		out.line("\tPUSHQ R12")
		out.line("\tCALL ·rustPanic(SB)")
		out.line("\tUNDEF")
		out.line("\tADJSP $-8")
	}
	out.line("\tADJSP $%d", frame)
	out.line("\tUNDEF")
	out.line("\tADJSP $%d", -frame)
	out.line("\tRET")
}

func (t *amd64Trampoline) large(out *printer, frame int) {
	out.line("TEXT ·%s(SB), 0, $%d-%d", t.text, frame, t.call.Frame)
	out.line("\tNO_LOCAL_POINTERS")
	t.loads(out)
	out.line("\tADJSP $%d", -frame)
	t.body(out)
	out.line("\tADJSP $%d", frame)
	if t.panics {
		out.line("\tTESTQ R12, R12")
		out.line("\tJNE panicked")
	}
	t.ret(out)
	if t.panics {
		// Go code below needs BP as the prologue set it: to where the caller's
		// is saved (runtime.fpTracebackPCs, Go 1.26).
		out.line("panicked:")
		out.line("\tLEAQ %d(SP), BP", frame)
		out.line("\tMOVQ R12, 0(SP)")
		out.line("\tCALL ·rustPanic(SB)")
		out.line("\tUNDEF")
	}
}

func (t *amd64Trampoline) callRust(out *printer) {
	out.line("\tCALL %s", t.platform.place(image.Address{Segment: image.Text, Off: int64(t.export.Off)}))
}

// body aligns the stack, calls Rust, and leaves SP as it was.
func (t *amd64Trampoline) body(out *printer) {
	if t.panics {
		if t.bySP() {
			t.loadG0(out)
		}
		out.line("\tMOVQ $%#x, R10", uint64(panicMagic))
		out.line("\tXORL R12, R12")
	}
	out.line("\tMOVQ SP, R11")
	out.line("\tTESTB $8, R11")
	out.line("\tJEQ aligned")
	t.way(out, 1)
	out.line("\tJMP done")
	out.line("aligned:")
	t.way(out, 0)
	out.line("done:")
}

// way writes one of the two ways: odd is 1 where SP is 8 bytes off.
func (t *amd64Trampoline) way(out *printer, odd int) {
	pushed := t.words()
	if (pushed+odd)%2 == 1 {
		out.line("\tPUSHQ AX")
		pushed++
	}
	if t.panics {
		if t.bySP() {
			out.line("\tPUSHQ AX")
		}
		out.line("\tLEAQ %d(SP), R11", -8-t.stack)
		out.line("\tXORQ R10, R11")
		out.line("\tPUSHQ R11")
	}
	t.pushes(out)
	if t.result >= 0 {
		out.line("\tLEAQ %d(SP), DI", t.result)
	}
	t.callRust(out)
	if t.panics {
		// A cookie that is left could be taken for that of another call.
		out.line("\tMOVQ $0, %d(SP)", t.stack)
	}
	if t.result >= 0 {
		t.copyResult(out, "SP", t.result)
	}
	if pushed > 0 {
		out.line("\tADJSP $%d", -8*pushed)
	}
}
