package stack

import (
	"slices"

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
	access    bool // of a cell
}

// noteUses looks at what an instruction does with addresses. An address does
// not count where it appears in a register, but where something is done with
// it, other than to call it.
func (w *walker) noteUses(pc int64, inst *amd64.Inst, s *state) {
	if !w.final {
		return
	}
	elsewhere := s[amd64.RSP].kind == otherStack
	note := func(at place, escapes bool) {
		w.block.uses = append(w.block.uses, blockUse{at, escapes, elsewhere, false})
	}
	noteAll := func(v value, escapes bool) {
		for _, at := range w.pointees(v) {
			note(at, escapes)
		}
	}
	cell, inCell := w.cellAt(pc, inst, s)
	if inCell {
		w.block.uses = append(w.block.uses, blockUse{cell, true, elsewhere, true})
	}
	w.noteFormed(pc, inst, inCell, note)

	switch inst.Flow() {
	case amd64.Call, amd64.CallIndirect, amd64.Jump, amd64.CondJump, amd64.JumpIndirect:
		// A jump within the function passes nothing, but then what it leads to
		// is not known here; the conditional ones never leave with arguments.
		if inst.Flow() == amd64.CondJump || inst.Flow() == amd64.Jump && w.stays(pc, inst) {
			return
		}
		escapes := w.mayReturn(pc, inst, s)
		indirect := inst.Flow() == amd64.CallIndirect || inst.Flow() == amd64.JumpIndirect
		for r := range s {
			if !s[r].pointer() {
				continue
			}
			switch operand := indirect && r == registerOperand(inst); {
			case operand && w.isTarget(s[r]):
			case operand, callerSaved.Has(r), !inCell && (r == inst.Base() || r == inst.Index()):
				noteAll(s[r], escapes)
			}
		}
	case amd64.Return:
		for _, r := range []int{amd64.RAX, amd64.RDX} {
			noteAll(s[r], true)
		}
	default:
		if compares(inst) {
			return
		}
		reads := inst.Reads()
		_, v, known := w.eval(pc, inst, s)
		if known && v.kind == constant { // xor of a register with itself
			return
		}
		copied := known && v.pointer()
		stored := inst.Is(0x89) && inst.Memory() && inst.Base() != amd64.NoReg && s[inst.Base()].kind == onStack ||
			inst.Encoding == amd64.Legacy && inst.Map == amd64.OneByte && inst.Opcode&0xf8 == 0x50
		if inCell && storesRegister(inst) {
			w.noteStore(cell, s[inst.Reg()], elsewhere, note)
			return
		}
		for r := range s {
			if !s[r].pointer() {
				continue
			}
			if reads.Has(r) && !copied {
				noteAll(s[r], !stored)
			}
			if (r == inst.Base() || r == inst.Index()) && !copied && !inCell && !isNop(inst) {
				noteAll(s[r], true)
			}
		}
	}
}

// noteSwitch notes that rsp is set to v, on another stack.
func (w *walker) noteSwitch(v value) {
	if w.final {
		w.block.uses = append(w.block.uses, blockUse{place: v.place, escapes: true, elsewhere: true})
	}
}

// isTarget reports whether v is what an indirect call or jump goes to, and is
// followed there.
func (w *walker) isTarget(v value) bool {
	return v.kind == content || w.isFunction(v)
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
func (w *walker) noteFormed(pc int64, inst *amd64.Inst, inCell bool, note func(at place, escapes bool)) {
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

// isFunction reports whether v is one or one of several addresses of code.
func (p *program) isFunction(v value) bool {
	return (v.kind == address || v.kind == oneOf) && !slices.ContainsFunc(p.pointees(v), func(at place) bool { return !p.isCode(at) })
}

func (p *program) isCode(at place) bool {
	sec := p.sections[at.Ref]
	return sec != nil && sec.kind == elfmacho.Text
}

// stays reports whether a direct jump stays in the function.
func (w *walker) stays(pc int64, inst *amd64.Inst) bool {
	to, err := w.branchTarget(pc, inst)
	return err == nil && to.Ref == w.sec.ref
}

// mayReturn reports whether the target of a call or jump may return.
func (w *walker) mayReturn(pc int64, inst *amd64.Inst, s *state) bool {
	var targets []place
	switch inst.Flow() {
	case amd64.Call, amd64.Jump:
		to, err := w.branchTarget(pc, inst)
		if err != nil {
			return true
		}
		targets = []place{to}
	default:
		var ok bool
		if targets, ok = w.callees(pc, inst, s); !ok {
			return true
		}
	}
	for _, to := range targets {
		if i, ok := w.index[to]; !ok || w.functions[i].returns {
			return true
		}
	}
	return false
}
