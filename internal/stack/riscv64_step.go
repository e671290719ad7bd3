package stack

import (
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
	"github.com/cargo-rustgo/cargo-rustgo/internal/riscv64"
)

// step carries s over the instruction at pc and into the blocks it jumps to.
// It reports whether control also goes on to the next instruction.
func (w *riscvCode) step(pc int64, s state) (on bool, err error) {
	inst := &w.inst
	flow := inst.Flow()
	if s[riscv64.SP].kind == farStack {
		if flow == riscv64.Return || flow == riscv64.JumpIndirect {
			return false, nil
		}
		return false, failf(pc, "sp is set again after the switch to another stack")
	}
	direct := flow == riscv64.Call || flow == riscv64.Jump || flow == riscv64.CondJump
	var to place
	if direct || w.pair != nil || w.near(inst, s) {
		if to, err = w.branchTarget(pc, inst, s); err != nil {
			return false, err
		}
		direct = true
	}
	if err := w.checkLabels(pc, inst, s); err != nil {
		return false, err
	}
	w.noteStack(inst, s)
	w.noteUses(pc, inst, to, direct, s)
	if w.pair != nil {
		w.forget(1<<inst.Rs1(), s)
	}
	switch flow {
	case riscv64.Next:
		return true, w.transfer(pc, inst, s)
	case riscv64.Call, riscv64.CallIndirect:
		return w.stepCall(pc, inst, to, direct, s)
	case riscv64.Jump, riscv64.CondJump:
		if err := w.jump(pc, to, s); err != nil || flow == riscv64.Jump {
			return false, err
		}
		// What follows is a block of its own: only one of the two ways may be
		// on the panic path.
		return false, w.flow(pc+int64(inst.Len), s)
	case riscv64.JumpIndirect:
		if direct {
			return false, w.jump(pc, to, s)
		}
		return false, w.jumpIndirect(pc, inst, s)
	case riscv64.Return:
		return false, w.ret(pc, s)
	}
	return false, nil // a trap
}

// stepCall notes a call. Code that LLVM's outliner has moved may have its return
// address in t0; all else returns to ra.
func (w *riscvCode) stepCall(pc int64, inst *riscv64.Inst, to place, direct bool, s state) (on bool, err error) {
	if link := inst.Rd(); link != riscv64.RA && (link != riscv64.T0 || !direct || !w.isOutlined(to)) {
		return false, failf(pc, "a call that does not return to ra")
	}
	if direct {
		returns := w.call(pc, []place{to}, s)
		w.forget(w.clobbers(to), s)
		return returns, nil
	}
	if targets, ok := w.callees(inst, s); ok {
		return w.call(pc, targets, s), nil
	}
	cell, inCell := w.through(inst, s)
	w.noteEdge(edge{to: indirect, call: true, cell: cell, inCell: inCell, pc: pc}, s)
	w.clobber(s)
	return true, nil
}

// near reports whether jalr adds to what auipc has computed without a relocation.
func (w *riscvCode) near(inst *riscv64.Inst, s state) bool {
	return inst.Op == riscv64.Jalr && inst.Rs1() != riscv64.Zero && s[inst.Rs1()].kind == page && s[inst.Rs1()].anchor == unrelocated
}

// unrelocated is the anchor of a page that is the address of a place, computed
// by auipc without a relocation.
const unrelocated = 1

// branchTarget is where a direct call or jump goes.
func (w *riscvCode) branchTarget(pc int64, inst *riscv64.Inst, s state) (place, error) {
	t, ok := w.pair, w.pair != nil
	if !ok {
		t, ok = w.sec.relocIn(pc)
	}
	switch {
	case !ok && inst.Op == riscv64.Jalr:
		to := s[inst.Rs1()].place
		to.off += inst.Imm()
		return to, nil
	case !ok:
		return place{w.sec.ref, inst.Target(pc)}, nil
	}
	switch t.kind {
	case reloc.CallPair, reloc.Jump20, reloc.Branch12, reloc.JumpC, reloc.BranchC:
	default:
		return place{}, failf(pc, "branch with a relocation %v", t.kind)
	}
	if w.codeAt(t) == nil {
		return place{}, failf(pc, "branch to a place that is not code")
	}
	return t.value(), nil
}

// through is the cell that an indirect call or jump has its target from.
func (w *riscvCode) through(inst *riscv64.Inst, s state) (at place, ok bool) {
	v := w.register(inst.Rs1(), s)
	return v.place, v.kind == content && inst.Imm() == 0
}

// callees are the functions that an indirect call or jump may go to, where they
// are known.
func (w *riscvCode) callees(inst *riscv64.Inst, s state) ([]place, bool) {
	if inst.Imm() != 0 {
		return nil, false
	}
	v := w.register(inst.Rs1(), s)
	if v.kind == label {
		return []place{v.place}, true
	}
	return w.pointees(v), w.isFunction(v)
}

// jumpIndirect follows a jump table, or notes a jump to another function. A jump
// of which it is not known that it is by no table, or by which, is not
// understood.
func (w *riscvCode) jumpIndirect(pc int64, inst *riscv64.Inst, s state) error {
	if targets, ok := w.callees(inst, s); ok {
		for _, to := range targets {
			if err := w.jump(pc, to, s); err != nil {
				return err
			}
		}
		return nil
	}
	if inst.Rs1() == riscv64.T0 && inst.Imm() == 0 && w.f.outlined() && !w.clobbers(w.f.at).has(riscv64.T0) {
		return w.ret(pc, s)
	}
	v := w.register(inst.Rs1(), s)
	if v.kind == tableTarget && inst.Imm() == 0 {
		for i := range w.sec.tables {
			if w.sec.tables[i].base == v.place {
				return w.follow(pc, w.sec.tables[i:i+1], s)
			}
		}
		return failf(pc, "indirect jump by a table that is not understood")
	}
	// The start of the table may have been put aside on the stack: then any that
	// leads into this code might be meant.
	if v.kind == unknown && !w.atEntry(s) && len(w.sec.tables) > 0 {
		return w.follow(pc, w.sec.tables, s)
	}
	cell, inCell := w.through(inst, s)
	if w.atEntry(s) && (inCell || v.kind == loaded && inst.Imm() == 0) {
		return w.tailCall(edge{to: indirect, cell: cell, inCell: inCell, pc: pc}, s)
	}
	return failf(pc, "indirect jump without a known table, with sp %s", s[riscv64.SP].describe())
}

// clobbers returns the registers that a call may change although a calling
// convention preserves them.
func (w *riscvCode) clobbers(to place) registers {
	if !w.isOutlined(to) {
		return 0
	}
	sec := w.sections[to.Ref]
	var written registers
	for off := max(to.off, 0); off < int64(len(sec.data)); {
		if _, another := sec.symbolAt(off); another && off != to.off {
			break
		}
		inst, err := riscv64.Decode(sec.data[off:])
		if err != nil {
			return w.allRegisters()
		}
		if t, ok := sec.relocIn(off); ok && w.codeAt(t) != nil && w.isOutlined(t.value()) {
			return w.allRegisters()
		}
		written |= registers(inst.Writes())
		off += int64(inst.Len)
	}
	return written &^ (1 << riscv64.SP)
}

// cellAt is the cell that the instruction's operand is, if it accesses it in
// one of the ways that keep a section confined: by a load or store of one
// register.
func (w *riscvCode) cellAt(pc int64, inst *riscv64.Inst, s state) (place, bool) {
	if inst.Op != riscv64.Load && inst.Op != riscv64.Store || inst.Size() != 8 {
		return place{}, false
	}
	at, got, ok := w.operandPlace(pc, inst, s)
	if !ok || got {
		return place{}, false
	}
	return at, w.isCell(at)
}

// operandPlace is what a load or store accesses: the slot of a symbol in the
// GOT, or a place in a section. The low bits of an address are in the
// instruction where the others were computed by auipc.
func (w *riscvCode) operandPlace(pc int64, inst *riscv64.Inst, s state) (at place, got, ok bool) {
	if inst.Base() == riscv64.NoReg || inst.Op == riscv64.Atomic && s[inst.Base()].kind != address {
		return place{}, false, false
	}
	base := w.register(inst.Base(), s)
	if t, found := w.sec.relocIn(pc); found {
		high, ok := w.sec.high(t)
		if !ok || !high.inSection() || base.place != high.value() {
			return place{}, false, false
		}
		switch {
		case high.kind == reloc.High20 && base.kind == page && base.anchor != unrelocated:
			return high.value(), false, true
		case high.kind == reloc.GOTHigh20 && base.kind == gotPage:
			return high.value(), true, true
		}
		return place{}, false, false
	}
	if base.kind == page && base.anchor == unrelocated {
		base.off += inst.Imm()
		return base.place, false, true
	}
	return base.plus(inst.Imm()).place, false, base.kind == address
}
