package emit

import (
	"fmt"

	"github.com/cargo-rustgo/cargo-rustgo/internal/abi"
)

// What a call needs on the stack besides Rust's part. A composite type that
// is passed as a pointer to a copy is passed as a pointer to Go's copy, the
// argument, and a result in memory is written to Go's frame, unless the type
// wants to be aligned more strictly than it is there, which is known: SP at the
// entry is aligned to 16. If Rust may call Go, Go's frame may move, and there are
// copies of all.

// layout is the layout of a call on C's side.
type layout struct {
	call   abi.Call
	darwin bool
	args   int // bytes of arguments on C's stack, a multiple of 16
	// copies is how many bytes hold what the frame does not align, and places
	// where each argument is among them; the last is the result's. Negative
	// means that there is no copy.
	copies int
	places []int
	// frame is what is between SP at the entry and SP at the call: 32 bytes,
	// as arm64.go draws them, and the copies. The first copies are the return
	// address and the cookie, if Rust can panic, on Darwin g, and on Windows g0.
	frame int
}

// arm64MaxAlign is how SP is aligned.
const arm64MaxAlign = 16

// arm64Layout lays out a call of f.
func (f *Function) arm64Layout(goos string, panics bool) layout {
	params, result := f.values()
	l := layout{darwin: goos == "darwin" || goos == "ios"}
	if panics {
		l.copies = 16
		if l.darwin || goos == "windows" {
			l.copies = 32
		}
	}
	l.call = abi.AAPCS64(params, result, l.darwin)
	l.args = alignTo(l.call.Stack, 16)
	copied := func(a *abi.Arg) int {
		if (8+a.FP)%a.Align == 0 && !f.CallsGo {
			return -1
		}
		at := l.copies
		l.copies += alignTo(a.Size, 16)
		return at
	}
	for i := range l.call.Args {
		at := -1
		if a := &l.call.Args[i]; a.ByReference {
			at = copied(a)
		}
		l.places = append(l.places, at)
	}
	at := -1
	if l.call.Indirect {
		at = copied(l.call.Result)
	}
	l.places = append(l.places, at)
	l.frame = 32
	if l.copies > 0 {
		l.frame = immediate(l.copies + 48)
	}
	return l
}

// size is what a call takes of the stack, with so many bytes for Rust.
func (l *layout) size(bound int) int { return immediate(l.frame + l.args + bound) }

// check returns a *CallError if there is no trampoline.
func (l *layout) check(symbol string) error {
	refuse := func(what string, a *abi.Arg) error {
		return &CallError{symbol, fmt.Sprintf("%s is aligned to %d bytes, and what is passed in memory can be aligned to %d", what, a.Align, arm64MaxAlign)}
	}
	for i := range l.call.Args {
		a := &l.call.Args[i]
		if a.Align > arm64MaxAlign && len(a.Parts) > 0 && (a.ByReference || a.Parts[0].Register < 0) {
			return refuse("parameter `"+a.Name+"`", a)
		}
	}
	if r := l.call.Result; l.call.Indirect && r.Align > arm64MaxAlign {
		return refuse("the result", r)
	}
	if l.args > maxImmediate {
		return &CallError{symbol, fmt.Sprintf("%d bytes of arguments on the stack, and %d are possible: pass pointers", l.args, maxImmediate)}
	}
	return nil
}

// result is where the result is among the copies, or negative.
func (l *layout) result() int { return l.places[len(l.places)-1] }

// copyOff is where the copies are, from SP at the call on.
const copyOff = 16

// whole reports whether assembly may name the argument i, or the result for -1,
// and move it in one instruction. On a stack of its own nothing has a name.
func (t *arm64Trampoline) whole(i int) bool {
	if t.onOwn {
		return false
	}
	a, q := t.call.Result, t.Result
	if i >= 0 {
		a, q = &t.call.Args[i], &t.Params[i]
	}
	return a.Scalar() && !q.Composite
}

// loads puts arguments into registers, and the others where they belong, given
// where SP at the call is from SP on. R9 points to Go's frame; R10 to R15 are
// free.
func (t *arm64Trampoline) loads(out *printer, sp int) {
	t.base(out)
	t.loadsFrom(out, sp)
}

// base makes R9 point to Go's frame, if that is needed, and on a stack of its
// own R8 to the result.
func (t *arm64Trampoline) base(out *printer) {
	if t.onOwn && t.call.Indirect && t.result() < 0 {
		out.line("\tMOVD $ret+%d(FP), R8", t.call.Result.FP)
	}
	needed := false
	for i := range t.call.Args {
		needed = needed || !t.whole(i) && len(t.call.Args[i].Parts) > 0
	}
	if needed {
		out.line("\tMOVD $argframe+0(FP), R9")
	}
}

func (t *arm64Trampoline) loadsFrom(out *printer, sp int) {
	for i := range t.call.Args {
		a := &t.call.Args[i]
		if at := t.places[i]; at >= 0 {
			arm64Copy(out, a.Size, "R9", a.FP, "RSP", sp+copyOff+at)
		}
		for _, p := range a.Parts {
			if p.Register < 0 {
				t.load(out, i, p, "R10", "F16", sp)
				t.push(out, a, p, sp)
			}
		}
	}
	for i := range t.call.Args {
		for _, p := range t.call.Args[i].Parts {
			if p.Register >= 0 {
				t.load(out, i, p, fmt.Sprintf("R%d", p.Register), fmt.Sprintf("F%d", p.Register), sp)
			}
		}
	}
	if t.call.Indirect {
		switch at := t.result(); {
		case at >= 0:
			arm64Address(out, sp+copyOff+at, "R8")
		case !t.onOwn:
			out.line("\tMOVD $ret+%d(FP), R8", t.call.Result.FP)
		}
	}
}

// load puts a part of an argument into one of two registers, by its class. R11
// is free.
func (t *arm64Trampoline) load(out *printer, i int, p abi.Part, integer, float string, sp int) {
	a := &t.call.Args[i]
	register := integer
	if p.Class == abi.Float {
		register = float
	}
	switch {
	case a.ByReference && t.places[i] >= 0:
		arm64Address(out, sp+copyOff+t.places[i], register)
	case a.ByReference:
		out.line("\tADD $%d, R9, %s", a.FP, register)
	case t.whole(i):
		out.line("\t%s %s+%d(FP), %s", arm64Load(p), a.Name, a.FP, register)
	default:
		arm64LoadPart(out, p, a.FP+p.Off, register)
	}
}

// arm64Address puts an address near SP into a register.
func arm64Address(out *printer, off int, register string) {
	op := "ADD"
	if off < 0 {
		op, off = "SUB", -off
	}
	out.line("\t%s $%d, RSP, %s", op, off, register)
}

// push stores a part, which is in R10 or F16, among C's arguments on the stack.
// Apple's are as wide as they are, those of others fill words.
func (t *arm64Trampoline) push(out *printer, a *abi.Arg, p abi.Part, sp int) {
	off := sp - t.args + p.Stack
	switch {
	case p.Class == abi.Float:
		out.line("\t%s F16, %d(RSP)", arm64Store(p), off)
	case t.darwin && a.Scalar() && !a.ByReference:
		out.line("\t%s R10, %d(RSP)", arm64Store(p), off)
	default:
		out.line("\tMOVD R10, %d(RSP)", off)
	}
}

// ret stores the result and returns, given where SP was at the call.
func (t *arm64Trampoline) ret(out *printer, sp int) {
	t.storeResult(out, "RSP", sp)
	out.line("\tRET")
}

// storeResult gives Go the result, given a register and how far from there SP
// was at the call.
func (t *arm64Trampoline) storeResult(out *printer, base string, sp int) {
	if r := t.call.Result; r != nil {
		whole := t.whole(-1)
		at := t.result()
		if at >= 0 || !whole && len(r.Parts) > 0 {
			out.line("\tMOVD $ret+%d(FP), R9", r.FP)
		}
		if at >= 0 {
			arm64Copy(out, r.Size, base, sp+copyOff+at, "R9", 0)
		}
		for _, p := range r.Parts {
			register := fmt.Sprintf("R%d", p.Register)
			if p.Class == abi.Float {
				register = fmt.Sprintf("F%d", p.Register)
			}
			if whole {
				out.line("\t%s %s, ret+%d(FP)", arm64Store(p), register, r.FP)
			} else {
				arm64StorePart(out, p, register)
			}
		}
	}
}

// arm64Copy copies memory from one register on to another on. R10 is free.
func arm64Copy(out *printer, size int, from string, fromOff int, to string, toOff int) {
	for off := 0; off < size; {
		p := abi.Part{Size: 8}
		for p.Size > size-off {
			p.Size /= 2
		}
		out.line("\t%s %d(%s), R10", arm64Load(p), fromOff+off, from)
		out.line("\t%s R10, %d(%s)", arm64Store(p), toOff+off, to)
		off += p.Size
	}
}

// arm64LoadPart reads a part from off(R9) into a register, and nothing beyond
// it: sizes that no instruction has in two that may overlap. R11 is free.
func arm64LoadPart(out *printer, p abi.Part, off int, register string) {
	load := func(size, off int, register string) {
		p.Size = size
		out.line("\t%s %d(R9), %s", arm64Load(p), off, register)
	}
	switch n := p.Size; n {
	case 3:
		load(2, off, register)
		load(1, off+2, "R11")
		out.line("\tORR R11<<16, %s", register)
	case 5, 6, 7:
		load(4, off, register)
		load(4, off+n-4, "R11")
		out.line("\tORR R11<<%d, %s", 8*(n-4), register)
	default:
		load(n, off, register)
	}
}

// arm64StorePart writes a part to where it is from R9 on, and nothing beyond it.
func arm64StorePart(out *printer, p abi.Part, register string) {
	store := func(size, off int) {
		q := p
		q.Size = size
		out.line("\t%s %s, %d(R9)", arm64Store(q), register, off)
	}
	switch n := p.Size; n {
	case 3:
		store(2, p.Off)
		out.line("\tLSR $16, %s", register)
		store(1, p.Off+2)
	case 5, 6, 7:
		store(4, p.Off)
		out.line("\tLSR $%d, %s", 8*(n-4), register)
		store(4, p.Off+n-4)
	default:
		store(n, p.Off)
	}
}

// arm64Load is the instruction that reads p. Apple's compilers expect callers to
// widen small integers to 32 bits.
func arm64Load(p abi.Part) string {
	if p.Class == abi.Float {
		return map[int]string{4: "FMOVS", 8: "FMOVD"}[p.Size]
	}
	if p.Signed {
		return map[int]string{1: "MOVB", 2: "MOVH", 4: "MOVW", 8: "MOVD"}[p.Size]
	}
	return map[int]string{1: "MOVBU", 2: "MOVHU", 4: "MOVWU", 8: "MOVD"}[p.Size]
}

func arm64Store(p abi.Part) string {
	if p.Class == abi.Float {
		return arm64Load(p)
	}
	return map[int]string{1: "MOVB", 2: "MOVH", 4: "MOVW", 8: "MOVD"}[p.Size]
}
