package emit

import (
	"fmt"

	"github.com/cargo-rustgo/cargo-rustgo/internal/abi"
)

// What a call puts on C's side of the stack for its arguments and its result,
// from SP at the call on, which is aligned to 16:
//
//	| result         |  if it is written to memory and Go's frame is not the
//	|                |  place: it is aligned to 8 bytes, and moves if Rust calls Go
//	| pad to 16      |
//	| arguments      |  psABI 3.2.3
//	+----------------+
//
// Values of more than one scalar have no name in Go assembly that go vet would
// accept for a piece of them (its asmdecl checks the components of structs).
// They are read relative to a register that points to the arguments, and
// written relative to one that points to the result.

var (
	amd64Integer       = [...]string{"DI", "SI", "DX", "CX", "R8", "R9"}
	amd64ResultInteger = [...]string{"AX", "DX"}
)

// amd64MaxAlign is how SP is aligned at a call.
const amd64MaxAlign = 16

// maxBlockingFrame bounds what the Go code of a call that may block has on the
// stack: it is nosplit, and calls runtime.entersyscall, which needs about 320
// of the 792 bytes that Go's linker allows (Go 1.26). The rest is for the code
// without optimizations.
const maxBlockingFrame = 384

// A CallError is why a function cannot be called. Why names the parameter.
type CallError struct{ Symbol, Why string }

func (e *CallError) Error() string { return fmt.Sprintf("`%s`: %s", e.Symbol, e.Why) }

// checkAMD64 returns a *CallError if there is no trampoline for f.
func (f *Function) checkAMD64() error {
	call := f.amd64Call()
	refuse := func(what string, a *abi.Arg) error {
		return &CallError{f.Symbol, fmt.Sprintf("%s is aligned to %d bytes, and what is passed in memory can be aligned to %d", what, a.Align, amd64MaxAlign)}
	}
	for i := range call.Args {
		if a := &call.Args[i]; a.Align > amd64MaxAlign && len(a.Parts) > 0 && a.Parts[0].Register < 0 {
			return refuse("parameter `"+a.Name+"`", a)
		}
	}
	result := 0
	if r := call.Result; r != nil {
		if result = r.Size; call.Indirect && r.Align > amd64MaxAlign {
			return refuse("the result", r)
		}
	}
	if n := call.Frame + 2*result; f.Blocking && n > maxBlockingFrame {
		return &CallError{f.Symbol, fmt.Sprintf("arguments and result of a call that may block take %d bytes of the stack, and %d are possible: pass pointers", n, maxBlockingFrame)}
	}
	return nil
}

// amd64Call lays out a call of f.
func (f *Function) amd64Call() abi.Call { return abi.SystemV(f.values()) }

// values are what f takes and returns.
func (f *Function) values() (params []abi.Value, result *abi.Value) {
	for _, q := range f.Params {
		v := q.Value
		v.Name = q.Name
		params = append(params, v)
	}
	if f.CallsGo {
		params = append(params, abi.Value{Name: "call", GoSize: f.callSize(), GoAlign: 8})
	}
	if f.Result != nil {
		result = &f.Result.Value
	}
	return params, result
}

// amd64Stack returns how many bytes a call has on C's side of the stack, and
// where among them the result is, which is negative if it is not there.
func (f *Function) amd64Stack(c *abi.Call) (size, result int) {
	if !c.Indirect || c.Result.Align <= 8 && !f.CallsGo {
		return c.Stack, -1
	}
	result = alignTo(c.Stack, 16)
	return result + alignTo(c.Result.Size, 8), result
}

// whole reports whether assembly may name the argument i, or the result for -1,
// and move it in one instruction.
func (t *amd64Trampoline) whole(i int) bool {
	a, q := t.call.Result, t.Result
	if i >= 0 {
		a, q = &t.call.Args[i], &t.Params[i]
	}
	return a.Scalar() && !q.Composite
}

// loads puts arguments into registers. AX and R11 are free.
func (t *amd64Trampoline) loads(out *printer) {
	based := false
	if t.call.Indirect && t.result < 0 {
		out.line("\tLEAQ ret+%d(FP), DI", t.call.Result.FP)
	}
	for i := range t.call.Args {
		a := &t.call.Args[i]
		for _, p := range a.Parts {
			if p.Register < 0 {
				continue
			}
			register := fmt.Sprintf("X%d", p.Register)
			if p.Class == abi.Integer {
				register = amd64Integer[p.Register]
			}
			if t.whole(i) {
				out.line("\t%s %s+%d(FP), %s", amd64Load(p), a.Name, a.FP, register)
				continue
			}
			if !based {
				out.line("\tLEAQ argframe+0(FP), R11")
				based = true
			}
			loadPart(out, p, a.FP+p.Off, register, "AX")
		}
	}
}

// stackPart is a part of an argument on C's stack.
type stackPart struct {
	arg int
	abi.Part
}

// stackParts returns what each word of C's stack arguments holds; Size is 0 for
// padding.
func (t *amd64Trampoline) stackParts() []stackPart {
	words := make([]stackPart, t.call.Stack/8)
	for i, a := range t.call.Args {
		for _, p := range a.Parts {
			if p.Register < 0 {
				words[p.Stack/8] = stackPart{i, p}
			}
		}
	}
	return words
}

// loadWord loads a word of C's stack arguments into AX. R11 points to Go's
// frame, where base says so.
func (t *amd64Trampoline) loadWord(out *printer, w stackPart, scratch string) {
	a := &t.call.Args[w.arg]
	// The bits are what counts, also those of a float.
	w.Class = abi.Integer
	if t.whole(w.arg) {
		out.line("\t%s %s+%d(FP), AX", amd64Load(w.Part), a.Name, a.FP)
		return
	}
	loadPart(out, w.Part, a.FP+w.Off, "AX", scratch)
}

// pushes makes room for the result and puts arguments on C's stack. AX, R10 and
// R11 are free.
func (t *amd64Trampoline) pushes(out *printer) {
	words := t.stackParts()
	if n := t.stack - 8*len(words); n > 0 {
		out.line("\tADJSP $%d", n)
	}
	t.base(out, words)
	for i := len(words) - 1; i >= 0; i-- {
		w := words[i]
		switch {
		case w.Size == 0:
			out.line("\tPUSHQ AX")
		case w.Size == 8 && !t.whole(w.arg):
			out.line("\tPUSHQ %d(R11)", t.call.Args[w.arg].FP+w.Off)
		default:
			t.loadWord(out, w, "R10")
			out.line("\tPUSHQ AX")
		}
	}
}

// base makes R11 point to Go's frame, if a word needs it.
func (t *amd64Trampoline) base(out *printer, words []stackPart) {
	for _, w := range words {
		if w.Size > 0 && !t.whole(w.arg) {
			out.line("\tLEAQ argframe+0(FP), R11")
			return
		}
	}
}

// copyResult copies a result from where it is aligned, from the register on.
// R11, CX and X0 are free.
func (t *amd64Trampoline) copyResult(out *printer, from string, off int) {
	out.line("\tLEAQ ret+%d(FP), R11", t.call.Result.FP)
	i := 0
	for ; i+16 <= t.call.Result.Size; i += 16 {
		out.line("\tMOVOU %d(%s), X0", off+i, from)
		out.line("\tMOVOU X0, %d(R11)", i)
	}
	for _, p := range []struct {
		size int
		move string
	}{{8, "MOVQ"}, {4, "MOVL"}, {2, "MOVW"}, {1, "MOVB"}} {
		if t.call.Result.Size&p.size != 0 {
			out.line("\t%s %d(%s), CX", p.move, off+i, from)
			out.line("\t%s CX, %d(R11)", p.move, i)
			i += p.size
		}
	}
}

// ret stores the result and returns.
func (t *amd64Trampoline) ret(out *printer) {
	if r := t.call.Result; r != nil && len(r.Parts) > 0 {
		whole := t.whole(-1)
		if !whole {
			out.line("\tLEAQ ret+%d(FP), R11", r.FP)
		}
		for _, p := range r.Parts {
			register := fmt.Sprintf("X%d", p.Register)
			if p.Class == abi.Integer {
				register = amd64ResultInteger[p.Register]
			}
			if whole {
				out.line("\t%s %s, ret+%d(FP)", amd64Store(p), register, r.FP)
			} else {
				storePart(out, p, register, p.Off)
			}
		}
	}
	out.line("\tRET")
}

// loadPart reads a part from off(R11) into a register, and nothing beyond it:
// sizes that no instruction has in two that overlap.
func loadPart(out *printer, p abi.Part, off int, register, scratch string) {
	load := func(size, off int, register string) {
		p.Size = size
		out.line("\t%s %d(R11), %s", amd64Load(p), off, register)
	}
	switch n := p.Size; n {
	case 3:
		load(2, off+1, register)
		out.line("\tSHLL $8, %s", register)
		load(1, off, scratch)
		out.line("\tORL %s, %s", scratch, register)
	case 5, 6, 7:
		load(4, off+n-4, register)
		out.line("\tSHLQ $%d, %s", 8*(n-4), register)
		load(4, off, scratch)
		out.line("\tORQ %s, %s", scratch, register)
	default:
		load(n, off, register)
	}
}

// storePart writes a part to off(R11), and nothing beyond it.
func storePart(out *printer, p abi.Part, register string, off int) {
	store := func(size, off int) {
		p.Size = size
		out.line("\t%s %s, %d(R11)", amd64Store(p), register, off)
	}
	switch n := p.Size; n {
	case 3:
		store(2, off)
		out.line("\tSHRL $8, %s", register)
		store(2, off+1)
	case 5, 6, 7:
		store(4, off)
		out.line("\tSHRQ $%d, %s", 8*(n-4), register)
		store(4, off+n-4)
	default:
		store(n, off)
	}
}

// amd64Load is the instruction that reads p. Compilers expect callers to widen
// small integers to 32 bits, although the psABI does not say so.
func amd64Load(p abi.Part) string {
	if p.Class == abi.Float {
		return map[int]string{4: "MOVSS", 8: "MOVSD"}[p.Size]
	}
	if p.Signed {
		return map[int]string{1: "MOVBLSX", 2: "MOVWLSX", 4: "MOVL", 8: "MOVQ"}[p.Size]
	}
	return map[int]string{1: "MOVBLZX", 2: "MOVWLZX", 4: "MOVL", 8: "MOVQ"}[p.Size]
}

func amd64Store(p abi.Part) string {
	if p.Class == abi.Float {
		return amd64Load(p)
	}
	return map[int]string{1: "MOVB", 2: "MOVW", 4: "MOVL", 8: "MOVQ"}[p.Size]
}
