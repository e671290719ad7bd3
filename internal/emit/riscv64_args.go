package emit

import (
	"fmt"

	"github.com/cargo-rustgo/cargo-rustgo/internal/abi"
)

// What a call needs on the stack besides Rust's part, as on arm64
// (arm64_args.go). But SP at the entry is known to be aligned to 8 only, so all that
// wants more is copied.

// riscvLayout lays out a call of f.
func (f *Function) riscvLayout(panics bool) layout {
	params, result := f.values()
	l := layout{call: abi.LP64D(params, result)}
	if panics {
		l.copies = 16
	}
	l.args = alignTo(l.call.Stack, 16)
	place := func(a *abi.Arg, inMemory bool) {
		at := -1
		if inMemory && (a.Align > 8 || f.CallsGo) {
			at = l.copies
			l.copies += alignTo(a.Size, 16)
		}
		l.places = append(l.places, at)
	}
	for i := range l.call.Args {
		place(&l.call.Args[i], l.call.Args[i].ByReference)
	}
	if l.call.Indirect {
		place(l.call.Result, true)
	} else {
		l.places = append(l.places, -1)
	}
	l.frame = copyOff + l.copies
	return l
}

// riscvSize is what a call takes of the stack, with so many bytes for Rust and
// where SP is 8 bytes off.
func (l *layout) riscvSize(bound int) int { return alignTo(l.frame+8+l.args+bound, 16) }

// whole reports whether assembly may name the argument i, or the result for -1,
// and move it in one instruction. On a stack of its own nothing has a name.
func (t *riscvTrampoline) whole(i int) bool {
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
// where SP at the call is from SP on. X5 points to Go's frame; X6, X7 and X28 are
// free.
func (t *riscvTrampoline) loads(out *printer, sp int) {
	t.base(out)
	t.loadsFrom(out, sp)
}

// base makes X5 point to Go's frame, if that is needed, and on a stack of its own
// X10 to the result.
func (t *riscvTrampoline) base(out *printer) {
	if t.onOwn && t.call.Indirect && t.result() < 0 {
		out.line("\tMOV $ret+%d(FP), X10", t.call.Result.FP)
	}
	for i := range t.call.Args {
		if !t.whole(i) && len(t.call.Args[i].Parts) > 0 {
			out.line("\tMOV $argframe+0(FP), X5")
			break
		}
	}
}

func (t *riscvTrampoline) loadsFrom(out *printer, sp int) {
	for i := range t.call.Args {
		a := &t.call.Args[i]
		if at := t.places[i]; at >= 0 {
			riscvCopy(out, a, "X5", a.FP, "X2", sp+copyOff+at)
		}
		for _, p := range a.Parts {
			if p.Register < 0 {
				t.load(out, i, p, "X6", sp)
				out.line("\tMOV X6, %d(X2)", sp-t.args+p.Stack)
			}
		}
	}
	for i := range t.call.Args {
		for _, p := range t.call.Args[i].Parts {
			if p.Register >= 0 {
				t.load(out, i, p, riscvRegister(p), sp)
			}
		}
	}
	if t.call.Indirect {
		switch at := t.result(); {
		case at >= 0:
			out.line("\tADDI $%d, X2, X10", sp+copyOff+at)
		case !t.onOwn:
			out.line("\tMOV $ret+%d(FP), X10", t.call.Result.FP)
		}
	}
}

// riscvRegister is the register that passes p: from a0 or fa0 on.
func riscvRegister(p abi.Part) string {
	if p.Class == abi.Float {
		return fmt.Sprintf("F%d", 10+p.Register)
	}
	return fmt.Sprintf("X%d", 10+p.Register)
}

// load puts a part of an argument into a register. X7 is free.
func (t *riscvTrampoline) load(out *printer, i int, p abi.Part, register string, sp int) {
	a := &t.call.Args[i]
	switch {
	case a.ByReference && t.places[i] >= 0:
		out.line("\tADDI $%d, X2, %s", sp+copyOff+t.places[i], register)
	case a.ByReference:
		out.line("\tADDI $%d, X5, %s", a.FP, register)
	case t.whole(i):
		out.line("\t%s %s+%d(FP), %s", riscvLoad(p), a.Name, a.FP, register)
	default:
		for at := 0; at < p.Size; {
			q := piece(p, a.FP+p.Off+at, p.Size-at)
			to := register
			if at > 0 {
				q.Signed, to = false, "X7"
			}
			load := riscvLoad(q)
			if q.Size < p.Size && q.Size == 4 {
				load = "MOVWU" // a word that is not all
			}
			out.line("\t%s %d(X5), %s", load, a.FP+p.Off+at, to)
			if at > 0 {
				out.line("\tSLLI $%d, X7", 8*at)
				out.line("\tOR X7, %s", register)
			}
			at += q.Size
		}
	}
}

// piece is what one instruction can move of p, of which there are n bytes left
// at an offset in Go's frame: an access that is not aligned may be one that the
// system has to emulate.
func piece(p abi.Part, off, n int) abi.Part {
	if p.Class == abi.Float {
		return p
	}
	q := abi.Part{Size: 8, Signed: p.Signed && n == p.Size}
	for q.Size > n || off%q.Size != 0 {
		q.Size /= 2
	}
	q.Signed = q.Signed && q.Size == n
	return q
}

// ret stores the result and returns, given where SP was at the call.
func (t *riscvTrampoline) ret(out *printer, sp int) {
	t.storeResult(out, "X2", sp)
	out.line("\tRET")
}

// storeResult gives Go the result, given a register and how far from there SP
// was at the call. X5, X6 and X7 are free.
func (t *riscvTrampoline) storeResult(out *printer, base string, sp int) {
	if r := t.call.Result; r != nil {
		whole := t.whole(-1)
		at := t.result()
		if at >= 0 || !whole && len(r.Parts) > 0 {
			out.line("\tMOV $ret+%d(FP), X5", r.FP)
		}
		if at >= 0 {
			riscvCopy(out, r, base, sp+copyOff+at, "X5", 0)
		}
		for _, p := range r.Parts {
			register := riscvRegister(p)
			if whole {
				out.line("\t%s %s, ret+%d(FP)", riscvStore(p), register, r.FP)
				continue
			}
			for at := 0; at < p.Size; {
				q := piece(p, r.FP+p.Off+at, p.Size-at)
				out.line("\t%s %s, %d(X5)", riscvStore(q), register, p.Off+at)
				if at += q.Size; at < p.Size {
					out.line("\tSRLI $%d, %s", 8*q.Size, register)
				}
			}
		}
	}
}

// riscvCopy copies a value from one register on to another on. X6 is free.
func riscvCopy(out *printer, a *abi.Arg, from string, fromOff int, to string, toOff int) {
	for off := 0; off < a.Size; {
		p := piece(abi.Part{}, a.FP+off, a.Size-off)
		out.line("\t%s %d(%s), X6", riscvLoad(p), fromOff+off, from)
		out.line("\t%s X6, %d(%s)", riscvStore(p), toOff+off, to)
		off += p.Size
	}
}

// riscvLoad is the instruction that reads p. 32 bits are always sign-extended.
func riscvLoad(p abi.Part) string {
	if p.Class == abi.Float {
		return riscvStore(p)
	}
	if p.Signed {
		return map[int]string{1: "MOVB", 2: "MOVH", 4: "MOVW", 8: "MOV"}[p.Size]
	}
	return map[int]string{1: "MOVBU", 2: "MOVHU", 4: "MOVW", 8: "MOV"}[p.Size]
}

func riscvStore(p abi.Part) string {
	if p.Class == abi.Float {
		return map[int]string{4: "MOVF", 8: "MOVD"}[p.Size]
	}
	return map[int]string{1: "MOVB", 2: "MOVH", 4: "MOVW", 8: "MOV"}[p.Size]
}
