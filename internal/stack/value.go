package stack

// valueKind is what is known of a register.
type valueKind uint8

const (
	unknown     valueKind = iota
	onStack               // the anchor plus off
	constant              // off
	address               // the place
	maybe                 // the place, or anything else
	lost                  // addresses that were given up following, or anything else
	oneOf                 // one of the addresses in the set with the number off
	loaded                // 8 bytes of memory
	content               // 8 bytes of memory: the cell at the place
	inStatic              // somewhere around the writable static in place.Ref
	tableField            // the address of a field of the jump table at the place
	tableEntry            // a field of the jump table at the place
	tableTarget           // what a field of that table leads to: a label
	page                  // the 4 KiB that the place is in, to which an offset is added
	gotPage               // the 4 KiB that the place's slot in the GOT is in
	label                 // the place, which is in this function and not to be called
	maybeLabel            // a label, or anything else
	otherStack            // sp only: no longer the caller's stack
	farStack              // sp only: a stack that was left before, far above the function
)

// entryAnchor is the anchor of distances from sp at the function's entry.
// Other anchors are the offset of the instruction that aligned sp.
const entryAnchor = -1

// value is the abstract value of a register. Two values are the same if they
// are equal.
type value struct {
	kind   valueKind
	anchor int64
	place
}

func stackValue(anchor, off int64) value {
	return value{kind: onStack, anchor: anchor, place: place{off: off}}
}

func constantValue(v int64) value { return value{kind: constant, place: place{off: v}} }

// plus is v moved by n bytes.
func (v value) plus(n int64) value {
	switch v.kind {
	case onStack, constant, address:
		v.off += n
	case inStatic:
	default:
		return value{}
	}
	return v
}

// state is what is known of each register before an instruction.
type state []value

// entryState is the state at the entry of a function.
func (m *processor) entryState() state {
	s := make(state, m.registers)
	for r := range s {
		s[r].kind = m.handed
	}
	s[m.sp] = stackValue(entryAnchor, 0)
	return s
}

// atEntry reports whether sp is where it was at the entry.
func (m *processor) atEntry(s state) bool { return s[m.sp] == stackValue(entryAnchor, 0) }

// join makes s hold what is true on both paths. It reports whether s changed.
func (w *walker) join(s, t state) bool {
	changed := false
	for i := range s {
		v := w.joinValues(s[i], t[i])
		changed = changed || v != s[i]
		s[i] = v
	}
	return changed
}

// joinValues is the least upper bound in
//
//	any value but those below < unknown < maybe A < lost
//	address A                           < maybe A
//	address A < one of A, B, …                    < lost
//	content A                                     < lost
//
// where labels are apart: what may be one must not be stored.
// It remembers the addresses that can no longer be followed.
func (w *walker) joinValues(a, b value) value {
	if a == b {
		return a
	}
	if v, ok := w.oneOf(a, b); ok {
		return v
	}
	if a.isLabel() || b.isLabel() {
		w.lost = append(append(w.lost, w.pointees(a)...), w.pointees(b)...)
		return value{kind: maybeLabel}
	}
	if !a.pointer() && a.kind != lost {
		a, b = b, a
	}
	switch other := !b.pointer() && b.kind != lost; {
	case !a.pointer() && a.kind != lost:
		return value{}
	case a.single() && (other || b.single() && a.place == b.place):
		return value{kind: maybe, place: a.place}
	}
	w.lost = append(append(w.lost, w.pointees(a)...), w.pointees(b)...)
	return value{kind: lost}
}

func (v value) isLabel() bool { return v.kind == label || v.kind == maybeLabel }

// single reports whether v is an address, if anything that is followed.
func (v value) single() bool { return v.kind == address || v.kind == maybe }

// pointer reports whether v may be an address, or hold one, that is worth
// following.
func (v value) pointer() bool { return v.single() || v.kind == oneOf || v.kind == content }
