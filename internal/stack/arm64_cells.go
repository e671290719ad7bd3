package stack

import "github.com/cargo-rustgo/cargo-rustgo/internal/arm64"

// cellAt is the cell that the instruction's operand is, if it accesses it in
// one of the ways that keep a section confined: by a load or store of one
// register.
func (w *arm64Code) cellAt(pc int64, inst *arm64.Inst, s state) (place, bool) {
	if inst.Op != arm64.Load && inst.Op != arm64.Store || inst.Mode() != arm64.Offset || inst.Size() != 8 || !inst.Single() {
		return place{}, false
	}
	at, got, ok := w.operandPlace(pc, inst, s)
	if !ok || got {
		return place{}, false
	}
	return at, w.isCell(at)
}

// through is the cell that an indirect call or jump has its target from.
func through(inst *arm64.Inst, s state) (at place, ok bool) {
	if inst.Rn() == 31 {
		return place{}, false
	}
	v := s[inst.Rn()]
	return v.place, v.kind == content
}
