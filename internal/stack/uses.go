package stack

import (
	"github.com/cargo-rustgo/cargo-rustgo/internal/amd64"
	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
)

// blockUse is what one instruction does with an address.
type blockUse struct {
	place
	// escapes is set where the address may outlive the panic path, see the
	// package comment. Otherwise it is stored on the stack or passed to a
	// function that does not return.
	escapes   bool
	elsewhere bool // on another stack
}

// noteUses looks at what an instruction does with addresses. An address does
// not count where it appears in a register, but where something is done with
// it, other than to call it.
func (w *walker) noteUses(pc int64, inst *amd64.Inst, s *state) {
	if !w.final {
		return
	}
	note := func(at place, escapes bool) {
		w.block.uses = append(w.block.uses, blockUse{at, escapes, s[amd64.RSP].kind == otherStack})
	}
	w.noteFormed(pc, inst, note)

	switch inst.Flow() {
	case amd64.Call, amd64.CallIndirect, amd64.Jump, amd64.CondJump, amd64.JumpIndirect:
		// A jump within the function passes nothing, but then what it leads to
		// is not known here; the conditional ones never leave with arguments.
		if inst.Flow() == amd64.CondJump || inst.Flow() == amd64.Jump && w.stays(pc, inst) {
			return
		}
		escapes := w.mayReturn(pc, inst, s)
		through := amd64.NoReg
		if to, ok := w.pointee(pc, inst, s); ok && !inst.Memory() && w.isCode(to) {
			through = inst.RM()
		}
		for r := range s {
			if r != through && s[r].pointer() && (callerSaved.Has(r) || r == inst.Base() || r == inst.Index() || through == amd64.NoReg && r == registerOperand(inst)) {
				note(s[r].place, escapes)
			}
		}
	case amd64.Return:
		for _, r := range []int{amd64.RAX, amd64.RDX} {
			if s[r].pointer() {
				note(s[r].place, true)
			}
		}
	default:
		if compares(inst) {
			return
		}
		reads := inst.Reads()
		_, v, copied := w.eval(pc, inst, s)
		copied = copied && v.pointer()
		stored := inst.Is(0x89) && inst.Memory() && inst.Base() != amd64.NoReg && s[inst.Base()].kind == onStack ||
			inst.Encoding == amd64.Legacy && inst.Map == amd64.OneByte && inst.Opcode&0xf8 == 0x50
		for r := range s {
			if !s[r].pointer() {
				continue
			}
			if reads.Has(r) && !copied {
				note(s[r].place, !stored)
			}
			if (r == inst.Base() || r == inst.Index()) && !copied && !isNop(inst) {
				note(s[r].place, true)
			}
		}
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
// relocations.
func (w *walker) noteFormed(pc int64, inst *amd64.Inst, note func(at place, escapes bool)) {
	for _, field := range []int{inst.DispOff, inst.ImmOff} {
		if field == 0 {
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
		_, v, followed := w.eval(pc, inst, &state{})
		followed = followed && v.kind == address // lea, mov
		// What is done with an address in a register is seen where it is done.
		// Else it goes anywhere, and so do the contents of data that is
		// accessed by its address.
		if !followed && (target.kind != elfmacho.Text || !isDirect(inst)) {
			note(at, true)
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

func (w *walker) isCode(at place) bool {
	sec := w.sections[at.Ref]
	return sec != nil && sec.kind == elfmacho.Text
}

// stays reports whether a direct jump stays in the function.
func (w *walker) stays(pc int64, inst *amd64.Inst) bool {
	to, err := w.branchTarget(pc, inst)
	return err == nil && to.Ref == w.sec.ref
}

// mayReturn reports whether the target of a call or jump may return.
func (w *walker) mayReturn(pc int64, inst *amd64.Inst, s *state) bool {
	var to place
	switch inst.Flow() {
	case amd64.Call, amd64.Jump:
		var err error
		if to, err = w.branchTarget(pc, inst); err != nil {
			return true
		}
	default:
		var ok bool
		if to, ok = w.pointee(pc, inst, s); !ok {
			return true
		}
	}
	i, ok := w.index[to]
	return !ok || w.functions[i].returns
}
