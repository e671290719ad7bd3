package stack

import (
	"github.com/cargo-rustgo/cargo-rustgo/internal/arm64"
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// step carries s over the instruction at pc and into the blocks it jumps to.
// It reports whether control also goes on to the next instruction.
func (w *arm64Code) step(pc int64, s state) (on bool, err error) {
	inst := &w.inst
	if s[arm64.SP].kind == farStack {
		if inst.Op == arm64.Ret || inst.Op == arm64.BranchReg {
			return false, nil
		}
		// What the stack that was left has been used for can be told to others
		// now, as long as nothing is stored here.
		if inst.Flow() == arm64.Next && inst.Stack().Kind == arm64.StackKeep && !addressed(inst).has(int(arm64.SP)) {
			w.noteUses(pc, inst, s)
			w.forget(registers(inst.Writes()), s)
			return true, nil
		}
		return false, failf(pc, "sp is set again after the switch to another stack")
	}
	if err := w.checkLabels(pc, inst, s); err != nil {
		return false, err
	}
	w.noteStack(pc, inst, s)
	w.noteUses(pc, inst, s)
	switch inst.Flow() {
	case arm64.Next:
		return true, w.transfer(pc, inst, s)
	case arm64.Call:
		to, err := w.branchTarget(pc, inst)
		if err != nil {
			return false, err
		}
		returns := w.call(pc, []place{to}, s)
		w.forget(w.clobbers(to), s)
		return returns, nil
	case arm64.CallIndirect:
		if targets, ok := w.callees(inst, s); ok {
			return w.call(pc, targets, s), nil
		}
		cell, inCell := through(inst, s)
		w.noteEdge(edge{to: indirect, call: true, cell: cell, inCell: inCell, pc: pc}, s)
		w.clobber(s)
		return true, nil
	case arm64.Jump, arm64.CondJump:
		to, err := w.branchTarget(pc, inst)
		if err != nil {
			return false, err
		}
		if err := w.jump(pc, to, s); err != nil || inst.Flow() == arm64.Jump {
			return false, err
		}
		// What follows is a block of its own: only one of the two ways may be
		// on the panic path.
		return false, w.flow(pc+arm64.Len, s)
	case arm64.JumpIndirect:
		return false, w.jumpIndirect(pc, inst, s)
	case arm64.Return:
		return false, w.ret(pc, s)
	case arm64.Trap:
		return false, nil
	}
	return false, failf(pc, "a call of another exception level")
}

// branchTarget is where a direct call or jump goes.
func (w *arm64Code) branchTarget(pc int64, inst *arm64.Inst) (place, error) {
	t, ok := w.sec.relocIn(pc)
	if !ok {
		return place{w.sec.ref, int64(inst.Target(int(pc)))}, nil
	}
	switch t.kind {
	case reloc.Branch26, reloc.Branch19, reloc.Branch14:
	default:
		return place{}, failf(pc, "branch with a relocation %v", t.kind)
	}
	if w.codeAt(t) == nil {
		return place{}, failf(pc, "branch to a place that is not code")
	}
	return t.value(), nil
}

// operandPlace is what a load or store accesses: the slot of a symbol in the
// GOT, or a place in a section. The low bits of an address are in the
// instruction where the others were computed by adrp:
//
//	adrp x8, symbol             page
//	ldr  x0, [x8, :lo12:symbol]
func (w *arm64Code) operandPlace(pc int64, inst *arm64.Inst, s state) (at place, got, ok bool) {
	base := inst.Base()
	if t, found := w.sec.relocIn(pc); found {
		if !t.inSection() || base == arm64.NoReg && t.kind != reloc.Load19 {
			return place{}, false, false
		}
		switch t.kind {
		case reloc.PageOff12, reloc.PageOff12S1, reloc.PageOff12S2, reloc.PageOff12S3, reloc.PageOff12S4:
			return t.value(), false, s[base].kind == page && s[base].Ref == t.place.Ref
		case reloc.GOTPageOff12:
			return t.value(), true, s[base].kind == gotPage && s[base].place == t.value()
		case reloc.Load19:
			return t.value(), false, true
		}
		return place{}, false, false
	}
	switch inst.Mode() {
	case arm64.Literal:
		return place{w.sec.ref, pc + inst.Disp()}, false, true
	case arm64.Offset, arm64.PreIndex:
		return s[base].plus(inst.Disp()).place, false, s[base].kind == address
	case arm64.PostIndex, arm64.PostReg:
		return s[base].place, false, s[base].kind == address
	}
	return place{}, false, false
}

// callees are the functions that an indirect call or jump may go to, where they
// are known.
func (w *arm64Code) callees(inst *arm64.Inst, s state) ([]place, bool) {
	if inst.Rn() == 31 {
		return nil, false
	}
	v := s[inst.Rn()]
	if v.kind == label {
		return []place{v.place}, true
	}
	return w.pointees(v), w.isFunction(v)
}

// jumpIndirect follows a jump table, or notes a jump to another function. Jump
// tables have no relocations by which they could be found: a jump of which it
// is not known that it is by no table, or by which, is not understood.
func (w *arm64Code) jumpIndirect(pc int64, inst *arm64.Inst, s state) error {
	if targets, ok := w.callees(inst, s); ok {
		for _, to := range targets {
			if err := w.jump(pc, to, s); err != nil {
				return err
			}
		}
		return nil
	}
	if inst.Rn() == 31 {
		return failf(pc, "jump to address 0")
	}
	v := s[inst.Rn()]
	if v.kind == tableTarget {
		if t, ok := w.tableOf(v); ok {
			return w.follow(pc, []table{t}, s)
		}
		return failf(pc, "indirect jump by a table that is not understood")
	}
	cell, inCell := through(inst, s)
	if w.atEntry(s) && (inCell || v.kind == loaded) {
		return w.tailCall(edge{to: indirect, cell: cell, inCell: inCell, pc: pc}, s)
	}
	return failf(pc, "indirect jump without a known table, with sp %s", s[arm64.SP].describe())
}
