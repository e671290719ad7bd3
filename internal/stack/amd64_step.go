package stack

import (
	"github.com/cargo-rustgo/cargo-rustgo/internal/amd64"
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// step carries s over the instruction at pc and into the blocks it jumps to.
// It reports whether control also goes on to the next instruction.
func (w *amd64Code) step(pc int64, s state) (on bool, err error) {
	inst := &w.inst
	if s[amd64.RSP].kind == farStack {
		if inst.Is(0xc3) {
			return false, nil
		}
		// What the stack that was left has been used for can be told to others
		// now, as long as nothing is pushed here.
		if inst.Flow() == amd64.Next && inst.Stack().Kind == amd64.StackKeep {
			w.forget(registers(inst.Writes()), s)
			return true, nil
		}
		return false, failf(pc, "rsp is set again after the switch to another stack")
	}
	w.noteStack(pc, inst, s)
	w.noteUses(pc, inst, s)
	switch inst.Flow() {
	case amd64.Next:
		return true, w.transfer(pc, inst, s)
	case amd64.Call:
		to, err := w.branchTarget(pc, inst)
		if err != nil {
			return false, err
		}
		return w.callOneOf(pc, []place{to}, s), nil
	case amd64.CallIndirect:
		if targets, ok := w.callees(pc, inst, s); ok {
			return w.callOneOf(pc, targets, s), nil
		}
		cell, inCell := w.through(pc, inst, s)
		w.noteEdge(edge{to: indirect, call: true, cell: cell, inCell: inCell, pc: pc}, s)
		w.clobber(s)
		return true, nil
	case amd64.Jump, amd64.CondJump:
		to, err := w.branchTarget(pc, inst)
		if err != nil {
			return false, err
		}
		if err := w.jump(pc, to, s); err != nil || inst.Flow() == amd64.Jump {
			return false, err
		}
		// What follows is a block of its own: only one of the two ways may be
		// on the panic path.
		return false, w.flow(pc+int64(inst.Len), s)
	case amd64.JumpIndirect:
		return false, w.jumpIndirect(pc, inst, s)
	case amd64.Return:
		if inst.Opcode == 0xc2 && inst.Imm != 0 && w.atEntry(s) {
			return false, failf(pc, "pops its arguments")
		}
		return false, w.ret(pc, s)
	case amd64.Trap:
		return false, nil
	}
	return false, failf(pc, "far transfer of control")
}

// callOneOf notes a call of one of some functions. It reports whether one
// returns.
func (w *amd64Code) callOneOf(pc int64, targets []place, s state) bool {
	if len(targets) == 1 {
		if n, ok := w.probedBytes(targets[0], s); ok {
			// The function pushes rbp and stores below rsp down to n bytes from
			// here; it preserves all registers.
			w.touch(s, n+24)
			return true
		}
	}
	return w.call(pc, targets, s)
}

// branchTarget is where a direct call or jump goes.
func (w *amd64Code) branchTarget(pc int64, inst *amd64.Inst) (place, error) {
	end := pc + int64(inst.Len)
	field := pc + int64(inst.ImmOff)
	t, ok := w.sec.relocIn(field)
	if !ok {
		return place{w.sec.ref, end + inst.Imm}, nil
	}
	if t.kind != reloc.PC32 && t.kind != reloc.Call32 || inst.ImmLen != 4 {
		return place{}, failf(pc, "branch with a relocation %v", t.kind)
	}
	if w.codeAt(t) == nil {
		return place{}, failf(pc, "branch to a place that is not code")
	}
	to := t.value()
	to.off += end - field
	return to, nil
}

// operandPlace is what the address in the instruction's displacement is: the
// symbol of a GOT slot, or a place in a section.
func (w *amd64Code) operandPlace(pc int64, inst *amd64.Inst) (at place, got, ok bool) {
	if !inst.RIPRelative() {
		return place{}, false, false
	}
	field := pc + int64(inst.DispOff)
	end := pc + int64(inst.Len)
	t, found := w.sec.relocIn(field)
	if !found {
		return place{w.sec.ref, end + inst.Disp}, false, true
	}
	if !t.inSection() {
		return place{}, false, false
	}
	at = t.value()
	at.off += end - field
	switch t.kind {
	case reloc.PC32, reloc.Call32:
		return at, false, true
	case reloc.GOT32:
		return at, true, true
	}
	return place{}, false, false
}

// callees are the functions that an indirect call or jump may go to, where they
// are known.
func (w *amd64Code) callees(pc int64, inst *amd64.Inst, s state) ([]place, bool) {
	if inst.Memory() {
		at, got, ok := w.operandPlace(pc, inst)
		return []place{at}, ok && got
	}
	v := s[inst.RM()]
	return w.pointees(v), w.isFunction(v)
}

// jumpIndirect follows a jump table, or notes a jump to another function.
func (w *amd64Code) jumpIndirect(pc int64, inst *amd64.Inst, s state) error {
	if targets, ok := w.callees(pc, inst, s); ok {
		for _, to := range targets {
			if err := w.jump(pc, to, s); err != nil {
				return err
			}
		}
		return nil
	}
	tables := w.sec.tables
	if v := s[inst.RM()]; !inst.Memory() && v.kind == tableTarget {
		for i := range w.sec.tables {
			if w.sec.tables[i].base == v.place {
				return w.follow(pc, w.sec.tables[i:i+1], s)
			}
		}
	}
	// Without a frame it is a jump to another function, if the address comes
	// from memory: a jump table holds distances.
	atEntry := s[amd64.RSP] == stackValue(entryAnchor, 0)
	cell, inCell := w.through(pc, inst, s)
	away := edge{to: indirect, cell: cell, inCell: inCell, pc: pc}
	if atEntry && (inst.Memory() || inCell || s[inst.RM()].kind == loaded) {
		return w.tailCall(away, s)
	}
	// Any table that leads into this code might be meant.
	if err := w.follow(pc, tables, s); err != nil {
		return err
	}
	switch {
	case atEntry:
		return w.tailCall(away, s)
	case len(tables) == 0:
		return failf(pc, "indirect jump without a known table, with rsp %s", s[amd64.RSP].describe())
	}
	return nil
}
