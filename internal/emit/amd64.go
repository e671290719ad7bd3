package emit

import (
	"fmt"

	"github.com/cargo-rustgo/cargo-rustgo/internal/abi"
	"github.com/cargo-rustgo/cargo-rustgo/internal/image"
)

// A trampoline takes its arguments from Go's frame, where ABI0 puts them, into
// the registers where the System V psABI wants them, and gives its own frame
// to Rust as stack:
//
//	    | arguments, results |  FP
//	    | return address     |
//	    | BP                 |  saved by Go's prologue
//	SP, | frame:             |  after ADJSP
//	 ↓  |   pad to 16 bytes  |
//	    |   C's stack args   |
//	    |   Rust, its return |
//	    |   address and red  |
//	    |   zone included    |
//	    +--------------------+  what Go's prologue made sure of
//
// ADJSP keeps the assembler's account of SP right at every instruction, so that
// the runtime can always find the caller; a move to SP would not, and the
// runtime would refuse to trace through it (SPWRITE, runtime.(*unwinder).next,
// Go 1.26). Go aligns stacks to 8 bytes, C to 16, so there are two ways
// through, each with its own account.
//
// Where Rust can panic, the word below BP is a cookie that the panic handler of
// rust/rustgo finds: it holds SP at the call, exclusive-or a number. Back from a
// panic, R12 points to a record of it; R12 is 0 at the call, and Rust keeps it.
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
	// maxFrame bounds what a call may take from the goroutine's stack.
	maxFrame = 64 << 10
)

// A FrameError reports a function that needs more stack than a trampoline may
// take.
type FrameError struct {
	Function     string
	Bytes, Limit int
}

func (e *FrameError) Error() string {
	return fmt.Sprintf("%s needs %d bytes of stack; a call on a goroutine's stack may take %d", e.Function, e.Bytes, e.Limit)
}

var (
	amd64Integer = [...]string{"DI", "SI", "DX", "CX", "R8", "R9"}
	amd64Names   = [...]string{"AX", "CX", "DX", "BX", "SP", "BP", "SI", "DI", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15"}
)

func (p *Package) amd64(platform *Platform) ([]byte, error) {
	var out printer
	out.line("%s", Header)
	out.line("")
	out.line("//go:build !android")
	out.line("")
	out.line("#include \"funcdata.h\"")
	out.line("#include \"textflag.h\"")
	exports := map[string]image.Export{}
	for _, e := range platform.Image.Exports {
		exports[e.Name] = e
	}
	for i := range p.Functions {
		f := &p.Functions[i]
		export, ok := exports[f.Symbol]
		bound, bounded := platform.Stack[f.Symbol]
		if !ok || !bounded {
			return nil, fmt.Errorf("internal error: `%s` has no code or no stack bound", f.Symbol)
		}
		if err := trampoline(&out, f, bound+platform.Image.Spills, export, platform.Panics[f.Symbol]); err != nil {
			return nil, err
		}
	}
	text(&out, platform.Image, func(l image.Load) string {
		return fmt.Sprintf("LEAQ %s, %s", address(l.To), amd64Names[l.Register])
	})
	data(&out, platform.Image)
	return out.Bytes(), nil
}

// trampoline writes the function that Go calls. Bound is in bytes.
func trampoline(out *printer, f *Function, bound int, export image.Export, panics bool) error {
	var params []abi.Value
	for _, q := range f.Params {
		v := q.Value
		v.Name = q.Name
		params = append(params, v)
	}
	var result *abi.Value
	if f.Result != nil {
		result = &f.Result.Value
	}
	call := abi.SystemV(params, result)
	cookie := 0
	if panics {
		cookie = 8
	}
	frame := (bound + 8*(call.Slots+1) + cookie + 7) &^ 7
	if frame > maxFrame {
		return &FrameError{f.Name, frame, maxFrame}
	}
	flags := "0"
	if frame+call.Frame <= maxNosplit {
		flags = "NOSPLIT"
	}
	// A function that uses no stack but its return address does not mind how
	// that is aligned, and the trampoline needs no frame to give it.
	leaf := bound <= returnAddress && call.Slots == 0
	if leaf {
		flags, frame = "NOSPLIT|NOFRAME", 0
	}

	out.line("")
	out.line("// %s", f.Signature())
	out.line("TEXT ·%s(SB), %s, $%d-%d", f.Name, flags, frame, call.Frame)
	if !leaf {
		out.line("\tNO_LOCAL_POINTERS")
	}
	for _, a := range call.Args {
		if a.Register >= 0 {
			register := fmt.Sprintf("X%d", a.Register)
			if a.Class == abi.Integer {
				register = amd64Integer[a.Register]
			}
			out.line("\t%s %s+%d(FP), %s", amd64Load(a.Value), a.Name, a.FP, register)
		}
	}
	switch {
	case leaf && export.Leaf != nil:
		out.raw(export.Leaf) // a call would cost more than what it calls
	case leaf:
		amd64Call(out, &call, 0, export.Off, false)
	default:
		out.line("\tADJSP $%d", cookie-frame)
		out.line("\tMOVQ SP, R11")
		if panics {
			out.line("\tMOVQ $%#x, R10", uint64(panicMagic))
			out.line("\tXORL R12, R12")
		}
		out.line("\tTESTB $8, R11")
		out.line("\tJEQ aligned")
		amd64Call(out, &call, 1, export.Off, panics)
		out.line("\tJMP done")
		out.line("aligned:")
		amd64Call(out, &call, 0, export.Off, panics)
		out.line("done:")
		if panics {
			out.line("\tMOVQ $0, 0(SP)")
		}
		out.line("\tADJSP $%d", frame-cookie)
		if panics {
			out.line("\tTESTQ R12, R12")
			out.line("\tJNE panicked")
		}
	}
	if r := call.Result; r != nil {
		register := "X0"
		if r.Class == abi.Integer {
			register = "AX"
		}
		out.line("\t%s %s, ret+%d(FP)", amd64Store(r.Value), register, r.FP)
	}
	out.line("\tRET")
	if panics {
		// Go code below needs BP as the prologue set it: to where the caller's
		// is saved (runtime.fpTracebackPCs, Go 1.26).
		out.line("panicked:")
		out.line("\tLEAQ %d(SP), BP", frame)
		out.line("\tMOVQ R12, 0(SP)")
		out.line("\tCALL ·rustPanic(SB)")
		out.line("\tUNDEF")
	}
	return nil
}

// amd64Call writes one of the two ways: odd is 1 where SP is 8 bytes off.
func amd64Call(out *printer, call *abi.Call, odd int, off uint64, panics bool) {
	pushed := call.Slots
	if (call.Slots+odd)%2 == 1 {
		out.line("\tPUSHQ AX")
		pushed++
	}
	for i := len(call.Args) - 1; i >= 0; i-- {
		if a := &call.Args[i]; a.Register < 0 {
			// The bits are what counts, also those of a float.
			v := a.Value
			v.Class = abi.Integer
			out.line("\t%s %s+%d(FP), AX", amd64Load(v), a.Name, a.FP)
			out.line("\tPUSHQ AX")
		}
	}
	if panics {
		if pushed > 0 {
			out.line("\tMOVQ SP, R11")
		}
		out.line("\tXORQ R10, R11")
		out.line("\tMOVQ R11, %d(SP)", 8*pushed)
	}
	out.line("\tCALL %s", address(image.Address{Segment: image.Text, Off: int64(off)}))
	if pushed > 0 {
		out.line("\tADJSP $%d", -8*pushed)
	}
}

// amd64Load is the instruction that reads v. Compilers expect callers to widen
// small integers to 32 bits, although the psABI does not say so.
func amd64Load(v abi.Value) string {
	if v.Class == abi.Float {
		return map[int]string{4: "MOVSS", 8: "MOVSD"}[v.Size]
	}
	if v.Signed {
		return map[int]string{1: "MOVBLSX", 2: "MOVWLSX", 4: "MOVL", 8: "MOVQ"}[v.Size]
	}
	return map[int]string{1: "MOVBLZX", 2: "MOVWLZX", 4: "MOVL", 8: "MOVQ"}[v.Size]
}

func amd64Store(v abi.Value) string {
	if v.Class == abi.Float {
		return amd64Load(v)
	}
	return map[int]string{1: "MOVB", 2: "MOVW", 4: "MOVL", 8: "MOVQ"}[v.Size]
}
