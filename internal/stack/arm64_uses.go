package stack

import (
	"slices"

	"github.com/cargo-rustgo/cargo-rustgo/internal/arm64"
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// addressed are the registers that the instruction addresses memory by.
func addressed(inst *arm64.Inst) registers {
	var regs registers
	for _, r := range []int{inst.Base(), inst.Index()} {
		if r != arm64.NoReg {
			regs |= 1 << r
		}
	}
	return regs
}

// noteUses looks at what an instruction does with addresses.
func (w *arm64Code) noteUses(pc int64, inst *arm64.Inst, s state) {
	if !w.final {
		return
	}
	cell, inCell := w.cellAt(pc, inst, s)
	if inCell {
		w.noteAccess(cell, s)
	}
	w.noteFormed(pc, inst, inCell, s)
	switch inst.Flow() {
	case arm64.CondJump:
		// A jump within the function passes nothing, but then what it leads to
		// is not known here; the conditional ones never leave with arguments.
	case arm64.Call, arm64.Jump:
		to, err := w.branchTarget(pc, inst)
		if inst.Flow() == arm64.Call || err != nil || to.Ref != w.sec.ref {
			var also registers
			if w.f.outlined() || err == nil && w.isOutlined(to) {
				also = w.allRegisters()
			}
			w.noteHandedOver(err != nil || w.mayReturn([]place{to}), noReg, also, s)
		}
	case arm64.CallIndirect, arm64.JumpIndirect:
		targets, ok := w.callees(inst, s)
		if v := s[inst.Rn()]; inst.Flow() == arm64.JumpIndirect && v.kind == tableTarget {
			return // stays in the function
		}
		var also registers
		if w.f.outlined() {
			also = w.allRegisters()
		}
		w.noteHandedOver(!ok || w.mayReturn(targets), inst.Rn(), also, s)
	case arm64.Return:
		if w.f.outlined() {
			w.noteReads(w.allRegisters(), 0, false, s)
		} else {
			w.noteResults(s)
		}
	default:
		if inst.Op == arm64.Compare || inst.Op == arm64.Nop || inst.Op == arm64.Prefetch {
			return
		}
		v, known := w.eval(pc, inst, s)
		if known && v.kind == constant {
			return
		}
		if inCell && inst.Op == arm64.Store {
			stored := constantValue(0)
			if inst.Rd() != 31 {
				stored = s[inst.Rd()]
			}
			w.noteStore(cell, stored, s)
			return
		}
		reads, address := registers(inst.Reads()), addressed(inst)
		if known && (v.pointer() || v.kind == page || v.kind == gotPage || v.kind == tableTarget && v.anchor != fromItself) {
			return // copied
		}
		if inCell {
			return
		}
		for r := range s {
			if k := s[r].kind; (k == page || k == gotPage) && (reads | address).has(r) {
				w.note(s[r].place, true, s)
			}
		}
		stored := inst.Op == arm64.Store && s[inst.Base()].kind == onStack
		w.noteReads(reads, address, stored, s)
	}
}

// noteFormed notes the address that the relocation of the instruction names.
// What it does with a cell is noted elsewhere.
func (w *arm64Code) noteFormed(pc int64, inst *arm64.Inst, inCell bool, s state) {
	t, ok := w.sec.relocIn(pc)
	if !ok || !t.inSection() || inCell {
		return
	}
	switch t.kind {
	case reloc.Page21, reloc.GOTPage21, reloc.Adr21, reloc.Branch26, reloc.Branch19, reloc.Branch14:
		return // followed in the register, or where control goes
	}
	// What is done with an address in a register is seen where it is done. Else
	// it goes anywhere, and so do the contents of data that is accessed by its
	// address.
	if v, followed := w.eval(pc, inst, s); followed && v.kind == address {
		return
	}
	if w.sections[t.place.Ref] != nil {
		w.note(t.value(), true, s)
	}
}

// checkLabels refuses what might let the address of a label get away, so that
// control could come back to it in ways that are not known.
func (w *arm64Code) checkLabels(pc int64, inst *arm64.Inst, s state) error {
	if inst.Flow() != arm64.Next || inst.Op == arm64.Compare {
		return nil
	}
	if inst.Mode() == arm64.Literal {
		if at, got, ok := w.operandPlace(pc, inst, s); ok && !got && w.isCode(at) {
			if sec := w.sections[at.Ref]; slices.ContainsFunc(sec.targets, func(t target) bool { return t.off >= at.off && t.off < at.off+inst.Size() }) {
				return failf(pc, "loads an address from code")
			}
		}
	}
	reads := registers(inst.Reads()) | addressed(inst)
	for r := range s {
		if !reads.has(r) || !s[r].isLabel() {
			continue
		}
		if v, ok := w.eval(pc, inst, s); !ok || v.kind != label && v.kind != maybeLabel && v.kind != tableTarget {
			return failf(pc, "the address of a label is not followed")
		}
	}
	return nil
}
