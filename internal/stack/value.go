package stack

import "github.com/cargo-rustgo/cargo-rustgo/internal/amd64"

// valueKind is what is known of a register.
type valueKind uint8

const (
	unknown     valueKind = iota
	onStack               // the anchor plus off
	constant              // off
	address               // the place
	maybe                 // the place, or anything else
	lost                  // addresses that were given up following, or anything else
	loaded                // 8 bytes of memory
	inStatic              // somewhere around the writable static in place.Ref
	tableEntry            // a field of the jump table at the place
	tableTarget           // that field plus the place: a label
	otherStack            // rsp only: no longer the caller's stack
	farStack              // rsp only: a stack that was left before, far above the function
)

// entryAnchor is the anchor of distances from rsp at the function's entry.
// Other anchors are the offset of the instruction that aligned rsp.
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

// state is what is known before an instruction.
type state [16]value

func entryState() *state {
	var s state
	s[amd64.RSP] = stackValue(entryAnchor, 0)
	return &s
}

// join makes s hold what is true on both paths. It reports whether s changed,
// and calls lose for each address that can no longer be followed.
func (s *state) join(t *state, lose func(place)) bool {
	before := *s
	for i := range s {
		s[i] = joinValues(s[i], t[i], lose)
	}
	return *s != before
}

// joinValues is the least upper bound in
//
//	any value but an address < unknown < maybe A < lost
//	address A                          < maybe A
func joinValues(a, b value, lose func(place)) value {
	if a == b {
		return a
	}
	if !a.pointer() && a.kind != lost {
		a, b = b, a
	}
	switch {
	case !a.pointer() && a.kind != lost:
		return value{}
	case a.pointer() && (!b.pointer() && b.kind != lost || b.pointer() && a.place == b.place):
		return value{kind: maybe, place: a.place}
	}
	for _, v := range []value{a, b} {
		if v.pointer() {
			lose(v.place)
		}
	}
	return value{kind: lost}
}

// pointer reports whether v may be an address that is worth following.
func (v value) pointer() bool { return v.kind == address || v.kind == maybe }
