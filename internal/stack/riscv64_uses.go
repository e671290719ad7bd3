package stack

import (
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
	"github.com/cargo-rustgo/cargo-rustgo/internal/riscv64"
)

// noteStack looks at the operand of an instruction that lies on the stack. There
// is no red zone; assembly may use one all the same, at constant offsets.
func (w *riscvCode) noteStack(inst *riscv64.Inst, s state) {
	base := inst.Base()
	if !w.final || s[riscv64.SP].kind != onStack || base == riscv64.NoReg || s[base].kind != onStack {
		return
	}
	w.red.deepest = max(w.red.deepest, w.depthOf(s[base].plus(inst.Imm())))
}

// addressed are the registers that the instruction addresses memory by.
func (w *riscvCode) addressed(inst *riscv64.Inst) registers {
	if base := inst.Base(); base != riscv64.NoReg {
		return 1 << base &^ 1
	}
	return 0
}

// noteUses looks at what an instruction does with addresses. A branch that is
// direct goes to the place.
func (w *riscvCode) noteUses(pc int64, inst *riscv64.Inst, to place, direct bool, s state) {
	if !w.final {
		return
	}
	cell, inCell := w.cellAt(pc, inst, s)
	if inCell {
		w.noteAccess(cell, s)
	}
	w.noteFormed(pc, inst, inCell, s)
	var also registers
	if w.f.outlined() {
		also = w.allRegisters()
	}
	switch flow := inst.Flow(); flow {
	case riscv64.CondJump, riscv64.Trap:
		// A jump within the function passes nothing, but then what it leads to
		// is not known here; the conditional ones never leave with arguments.
	case riscv64.Call, riscv64.Jump, riscv64.CallIndirect, riscv64.JumpIndirect:
		call := flow == riscv64.Call || flow == riscv64.CallIndirect
		switch {
		case direct && (call || to.Ref != w.sec.ref):
			if w.isOutlined(to) {
				also = w.allRegisters()
			}
			w.noteHandedOver(w.mayReturn([]place{to}), riscv64.NoReg, also, s)
		case !direct:
			if !call && w.register(inst.Rs1(), s).kind == tableTarget {
				return // stays in the function
			}
			targets, ok := w.callees(inst, s)
			w.noteHandedOver(!ok || w.mayReturn(targets), inst.Rs1(), also, s)
		}
	case riscv64.Return:
		if w.f.outlined() {
			w.noteReads(w.allRegisters(), 0, false, s)
		} else {
			w.noteResults(s)
		}
	default:
		w.noteOther(pc, inst, cell, inCell, s)
	}
}

// noteOther looks at an instruction that is no branch.
func (w *riscvCode) noteOther(pc int64, inst *riscv64.Inst, cell place, inCell bool, s state) {
	v, known := w.eval(pc, inst, s)
	if known && v.kind == constant {
		return
	}
	if inCell && inst.Op == riscv64.Store {
		w.noteStore(cell, w.register(inst.Rs2(), s), s)
		return
	}
	if known && (v.pointer() || v.kind == page || v.kind == gotPage) || inCell {
		return // copied
	}
	reads, address := registers(inst.Reads()), w.addressed(inst)
	for r := range s {
		if k := s[r].kind; (k == page || k == gotPage) && (reads | address).has(r) {
			w.note(s[r].place, true, s)
		}
	}
	stored := inst.Op == riscv64.Store && w.register(inst.Base(), s).kind == onStack
	w.noteReads(reads, address, stored, s)
}

// noteFormed notes the address that the relocation of the instruction names.
// What it does with a cell is noted elsewhere.
func (w *riscvCode) noteFormed(pc int64, inst *riscv64.Inst, inCell bool, s state) {
	t, ok := w.sec.relocIn(pc)
	if !ok || inCell {
		return
	}
	switch t.kind {
	case reloc.High20, reloc.GOTHigh20, reloc.CallPair, reloc.Jump20, reloc.Branch12, reloc.JumpC, reloc.BranchC:
		return // followed in the register, or where control goes
	case reloc.Low12I, reloc.Low12S:
		if t, ok = w.sec.high(t); !ok {
			return
		}
	}
	// What is done with an address in a register is seen where it is done. Else
	// it goes anywhere, and so do the contents of data that is accessed by its
	// address.
	if v, followed := w.eval(pc, inst, s); followed && v.kind == address || !t.inSection() {
		return
	}
	if w.sections[t.place.Ref] != nil {
		w.note(t.value(), true, s)
	}
}

// checkLabels refuses what might let the address of a label get away, so that
// control could come back to it in ways that are not known.
func (w *riscvCode) checkLabels(pc int64, inst *riscv64.Inst, s state) error {
	if inst.Flow() != riscv64.Next {
		return nil
	}
	reads := registers(inst.Reads()) | w.addressed(inst)
	for r := range s {
		if !reads.has(r) || !s[r].isLabel() {
			continue
		}
		if v, ok := w.eval(pc, inst, s); !ok || v.kind != label && v.kind != maybeLabel {
			return failf(pc, "the address of a label is not followed")
		}
	}
	return nil
}
