package stack

import (
	"fmt"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
)

// setSP gives sp its next value, on the caller's stack or on another one. The
// instruction writes registers besides.
func (w *walker) setSP(pc int64, next value, writes registers, s state) error {
	if w.isStatic(next) {
		w.noteSwitch(next)
		next = value{kind: otherStack}
		w.f.switches = true
	}
	w.forget(writes&^(1<<w.sp), s)
	switch {
	case next.kind == otherStack:
	case next.kind != onStack:
		return failf(pc, "%s is set to an unknown value", w.spName)
	case next.off%w.align != 0:
		return failf(pc, "%s is %s, which is not a multiple of %d", w.spName, next.describe(), w.align)
	case next.anchor == entryAnchor && next.off > 0:
		return failf(pc, "%s rises above %s", w.spName, w.top())
	case next.anchor != entryAnchor && next.off > 0:
		return failf(pc, "%s rises above the point where it was aligned", w.spName)
	}
	s[w.sp] = next
	w.touch(s, 0)
	return nil
}

// top is what sp must stay below.
func (m *processor) top() string {
	if m.pushed > 0 {
		return "the return address"
	}
	return "the entry"
}

// align is v with the low bits cleared that the mask has as zeros. The
// instruction at pc does that.
func (w *walker) alignTo(pc int64, v value, mask int64) (value, error) {
	align := -mask
	if align < w.align || align&(align-1) != 0 {
		return value{}, failf(pc, "%s is masked with %#x, which is no alignment", w.spName, mask)
	}
	// sp is a multiple of w.align at the entry and changes by multiples of that:
	// what is cut off is at most align-w.align bytes.
	w.anchors[pc] = -w.depthOf(v) - (align - w.align)
	return stackValue(pc, 0), nil
}

// moveElsewhere follows an instruction that sets sp on another stack. Of what
// could lead back one form is allowed: to set sp to a register's value and
// return at once, as longjmp does. That leaves all frames up to where sp was
// saved, before the root was called.
func (w *walker) moveElsewhere(from value, writes registers, s state) {
	if w.isStatic(from) {
		w.noteSwitch(from)
	} else if from.kind != otherStack {
		s[w.sp] = value{kind: farStack}
		return
	}
	w.forget(writes&^(1<<w.sp), s)
}

// isStatic reports whether v points to or around a writable static. A static
// has its end exactly where its section may end, so the offset is not checked.
func (w *walker) isStatic(v value) bool {
	if v.kind == inStatic {
		return true
	}
	if v.kind != address {
		return false
	}
	sec := w.sections[v.Ref]
	return sec != nil && (sec.kind == elfmacho.Data || sec.kind == elfmacho.BSS)
}

func (w *walker) forget(regs registers, s state) {
	for r := range s {
		if regs.has(r) {
			s[r] = value{}
		}
	}
}

// asData is what a copy of sp is worth to another register.
func asData(v value) value {
	if v.kind == otherStack || v.kind == farStack {
		return value{}
	}
	return v
}

// codeAddress is the address of a place that code computes: a label if it is in
// the same section and no function.
func (w *walker) codeAddress(at place) value {
	if at.Ref == w.sec.ref && !w.sec.isFunction(at.off) {
		return value{kind: label, place: at}
	}
	return value{kind: address, place: at}
}

// describe says where v is, for messages.
func (v value) describe() string {
	switch v.kind {
	case onStack:
		if v.anchor == entryAnchor {
			return fmt.Sprintf("%d bytes below the entry", -v.off)
		}
		return fmt.Sprintf("%d bytes below the alignment at +%#x", -v.off, v.anchor)
	case otherStack:
		return "on another stack"
	case farStack:
		return "on a stack that was left before"
	}
	return "unknown"
}
