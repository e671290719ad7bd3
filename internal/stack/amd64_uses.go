package stack

import (
	"github.com/cargo-rustgo/cargo-rustgo/internal/amd64"
	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
)

// noteUses looks at what an instruction does with addresses.
func (w *amd64Code) noteUses(pc int64, inst *amd64.Inst, s state) {
	if !w.final {
		return
	}
	cell, inCell := w.cellAt(pc, inst, s)
	if inCell {
		w.noteAccess(cell, s)
	}
	w.noteFormed(pc, inst, inCell, s)

	var address registers
	for _, r := range []int{inst.Base(), inst.Index()} {
		if r != amd64.NoReg && !inCell {
			address |= 1 << r
		}
	}
	switch inst.Flow() {
	case amd64.CondJump:
		// A jump within the function passes nothing, but then what it leads to
		// is not known here; the conditional ones never leave with arguments.
	case amd64.Call, amd64.Jump:
		to, err := w.branchTarget(pc, inst)
		if inst.Flow() == amd64.Call || err != nil || to.Ref != w.sec.ref {
			w.noteHandedOver(err != nil || w.mayReturn([]place{to}), noReg, 0, s)
		}
	case amd64.CallIndirect, amd64.JumpIndirect:
		targets, ok := w.callees(pc, inst, s)
		w.noteHandedOver(!ok || w.mayReturn(targets), registerOperand(inst), address, s)
	case amd64.Return:
		w.noteResults(s)
	default:
		if compares(inst) {
			return
		}
		_, v, known := w.eval(pc, inst, s)
		if known && v.kind == constant { // xor of a register with itself
			return
		}
		if inCell && storesRegister(inst) {
			w.noteStore(cell, s[inst.Reg()], s)
			return
		}
		if known && v.pointer() { // copied
			return
		}
		if isNop(inst) {
			address = 0
		}
		stored := inst.Is(0x89) && inst.Memory() && inst.Base() != amd64.NoReg && s[inst.Base()].kind == onStack ||
			inst.Encoding == amd64.Legacy && inst.Map == amd64.OneByte && inst.Opcode&0xf8 == 0x50
		w.noteReads(registers(inst.Reads()), address, stored, s)
	}
}

// registerOperand is the register that an indirect call goes through.
func registerOperand(inst *amd64.Inst) int {
	if inst.HasModRM && inst.Mod() == 3 {
		return inst.RM()
	}
	return amd64.NoReg
}

func isNop(inst *amd64.Inst) bool { return inst.Is0F(0x1f) }

// noteFormed notes the addresses that the instruction itself holds, in
// relocations. What it does with a cell is noted elsewhere.
func (w *amd64Code) noteFormed(pc int64, inst *amd64.Inst, inCell bool, s state) {
	for _, field := range []int{inst.DispOff, inst.ImmOff} {
		if field == 0 || inCell && field == inst.DispOff {
			continue
		}
		t, ok := w.sec.relocIn(pc + int64(field))
		if !ok || !t.inSection() {
			continue
		}
		at := t.value()
		if t.kind.Info().PCRel {
			at.off += int64(inst.Len - field)
		}
		target := w.sections[at.Ref]
		if target == nil {
			continue
		}
		_, v, followed := w.eval(pc, inst, w.nothing)
		followed = followed && v.kind == address // lea, mov
		// What is done with an address in a register is seen where it is done.
		// Else it goes anywhere, and so do the contents of data that is
		// accessed by its address.
		if !followed && (target.kind != elfmacho.Text || !isDirect(inst)) {
			w.note(at, true, s)
		}
	}
}

// isDirect reports whether the code address in the instruction is where
// control goes: call, jmp and jcc, also through a GOT slot.
func isDirect(inst *amd64.Inst) bool {
	switch inst.Flow() {
	case amd64.Call, amd64.Jump, amd64.CondJump, amd64.CallIndirect, amd64.JumpIndirect:
		return true
	}
	return false
}
