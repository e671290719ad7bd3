package stack

import (
	"github.com/cargo-rustgo/cargo-rustgo/internal/amd64"
	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
)

// cellAt is the cell that the instruction's operand is, if it accesses it in
// one of the ways that keep a section confined. Comparisons may read any part.
func (w *amd64Code) cellAt(pc int64, inst *amd64.Inst, s state) (place, bool) {
	if !inst.Memory() || inst.Encoding != amd64.Legacy || inst.Map != amd64.OneByte || inst.AddrSize || inst.Seg == 0x64 || inst.Seg == 0x65 {
		return place{}, false
	}
	at, got, ok := w.operandPlace(pc, inst)
	if base := inst.Base(); base != amd64.NoReg && inst.Index() == amd64.NoReg && s[base].kind == address {
		at, got, ok = s[base].plus(inst.Disp).place, false, true
	}
	if !ok || got {
		return place{}, false
	}
	sec := w.sections[at.Ref]
	if sec == nil || sec.kind == elfmacho.Text {
		return place{}, false
	}
	size := int64(w.set.Section(at.Ref).Size)
	switch {
	case compares(inst):
		return at, at.off >= 0 && at.off < size
	case at.off < 0 || at.off > size-8 || at.off%8 != 0:
	case inst.Is(0x8b) && inst.W, inst.Is(0x89) && inst.W, inst.Flow() == amd64.CallIndirect, inst.Flow() == amd64.JumpIndirect:
		return at, true
	case inst.Is(0xc7) && inst.W:
		_, relocated := w.sec.relocIn(pc + int64(inst.ImmOff))
		return at, !relocated
	}
	return place{}, false
}

// storesRegister reports whether an instruction for which cellAt found a cell
// stores a register there.
func storesRegister(inst *amd64.Inst) bool { return inst.Is(0x89) }

// through is the cell that an indirect call or jump loads its target from.
func (w *amd64Code) through(pc int64, inst *amd64.Inst, s state) (at place, ok bool) {
	if inst.Memory() {
		return w.cellAt(pc, inst, s)
	}
	v := s[inst.RM()]
	return v.place, v.kind == content
}
