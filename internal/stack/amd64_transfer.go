package stack

import (
	"github.com/cargo-rustgo/cargo-rustgo/internal/amd64"
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// transfer carries s over an instruction that goes on to the next one.
func (w *amd64Code) transfer(pc int64, inst *amd64.Inst, s state) error {
	rsp := s[amd64.RSP]
	effect := inst.Stack()
	writes := registers(inst.Writes())
	if effect.Kind == amd64.StackKeep {
		reg, v, ok := w.eval(pc, inst, s)
		w.forget(writes, s)
		if ok {
			s[reg] = v
		}
		return nil
	}
	if rsp.kind == otherStack {
		switch effect.Kind {
		case amd64.StackMove, amd64.StackLeave:
			w.moveElsewhere(s[effect.Reg], writes, s)
		case amd64.StackOther:
			return failf(pc, "rsp is set again after the switch to another stack")
		default:
			w.forget(writes&^(1<<amd64.RSP), s)
		}
		return nil
	}
	var next value // of rsp
	var err error
	switch effect.Kind {
	case amd64.StackAdd:
		next = rsp.plus(effect.Delta)
	case amd64.StackAlign:
		next, err = w.alignTo(pc, rsp, effect.Delta)
	case amd64.StackMove, amd64.StackLeave:
		next = s[effect.Reg].plus(effect.Delta)
	case amd64.StackOther:
		next, err = w.otherEffect(pc, inst, s)
	}
	if err != nil {
		return err
	}
	return w.setSP(pc, next, writes, s)
}

// otherEffect handles two forms that amd64 leaves to their operands:
// "sub %rax, %rsp" with a constant in rax, as it follows __rust_probestack,
// and "lea static(%rip), %rsp".
func (w *amd64Code) otherEffect(pc int64, inst *amd64.Inst, s state) (value, error) {
	switch {
	case inst.Is(0x29) && inst.W && inst.Mod() == 3 && inst.RM() == amd64.RSP && s[inst.Reg()].kind == constant:
		return s[amd64.RSP].plus(-s[inst.Reg()].off), nil
	case inst.Is(0x2b) && inst.W && inst.Mod() == 3 && inst.Reg() == amd64.RSP && s[inst.RM()].kind == constant:
		return s[amd64.RSP].plus(-s[inst.RM()].off), nil
	case inst.Is(0x8d) && inst.W && inst.Reg() == amd64.RSP && inst.RIPRelative():
		if at, got, ok := w.operandPlace(pc, inst); ok && !got {
			return value{kind: address, place: at}, nil
		}
	}
	return value{}, failf(pc, "rsp is set by an instruction that is not understood (% x)", w.sec.data[pc:pc+int64(inst.Len)])
}

// eval computes the value that an instruction gives to a register, if it is
// one that the analysis follows.
func (w *amd64Code) eval(pc int64, inst *amd64.Inst, s state) (reg int, v value, ok bool) {
	if inst.Encoding == amd64.Legacy && inst.Map == amd64.Map0F && inst.Opcode&0xf0 == 0x40 && inst.W && inst.Mod() == 3 { // cmov
		v, ok = w.oneOf(s[inst.Reg()], s[inst.RM()])
		return inst.Reg(), v, ok
	}
	if inst.Encoding != amd64.Legacy || inst.Map != amd64.OneByte {
		return 0, value{}, false
	}
	register := inst.HasModRM && inst.Mod() == 3
	switch op := inst.Opcode; {
	case op == 0x89 && inst.W && register: // mov
		return inst.RM(), asData(s[inst.Reg()]), true
	case op == 0x8b && inst.W && register:
		return inst.Reg(), asData(s[inst.RM()]), true
	case op == 0x8b && inst.W:
		if at, got, ok := w.operandPlace(pc, inst); ok && got {
			return inst.Reg(), value{kind: address, place: at}, true
		}
		if at, ok := w.cellAt(pc, inst, s); ok {
			return inst.Reg(), value{kind: content, place: at}, true
		}
		return inst.Reg(), value{kind: loaded}, true
	case op == 0x8d && inst.W && !inst.AddrSize: // lea
		if at, got, ok := w.operandPlace(pc, inst); ok && !got {
			return inst.Reg(), value{kind: address, place: at}, true
		}
		if inst.Base() != amd64.NoReg && inst.Index() == amd64.NoReg {
			return inst.Reg(), asData(s[inst.Base()]).plus(inst.Disp), true
		}
	case op&0xf8 == 0xb8 || op == 0xc7 && register && inst.Ext() == 0: // mov immediate
		reg = inst.OpReg()
		if op == 0xc7 {
			reg = inst.RM()
		}
		if t, found := w.sec.relocIn(pc + int64(inst.ImmOff)); found {
			if t.inSection() && (t.kind == reloc.Abs64 || t.kind == reloc.Abs32 || t.kind == reloc.Abs32S) {
				return reg, value{kind: address, place: t.value()}, true
			}
			return 0, value{}, false
		}
		if inst.OpSize && !inst.W {
			return 0, value{}, false
		}
		if inst.W {
			return reg, constantValue(inst.Imm), true
		}
		return reg, constantValue(int64(uint32(inst.Imm))), true
	case (op == 0x31 || op == 0x33) && register && inst.Reg() == inst.RM() && !inst.OpSize: // xor
		return inst.RM(), constantValue(0), true
	case (op == 0x81 || op == 0x83) && inst.W && register:
		return w.immediate(inst.RM(), inst.Ext(), inst.Imm, s)
	case op < 0x40 && op&7 == 5 && inst.W: // the short forms for rax
		return w.immediate(amd64.RAX, int(op>>3), inst.Imm, s)
	case (op == 0x01 || op == 0x03) && inst.W && register: // add
		a, b := s[inst.RM()], s[inst.Reg()]
		if b.kind == tableEntry {
			a, b = b, a
		}
		reg = inst.RM()
		if op == 0x03 {
			reg = inst.Reg()
		}
		if a.kind == tableEntry && b.kind == address && a.place == b.place {
			return reg, value{kind: tableTarget, place: a.place}, true
		}
	case op == 0x63 && inst.W && !register: // movslq
		if base := inst.Base(); base != amd64.NoReg && s[base].kind == address && inst.Index() != amd64.NoReg && inst.Scale() == 4 {
			return inst.Reg(), value{kind: tableEntry, place: s[base].place}, true
		}
	}
	return 0, value{}, false
}

// immediate computes add, and, sub of a register and a constant; ext is the
// operation as ModRM.reg encodes it.
func (w *amd64Code) immediate(reg, ext int, imm int64, s state) (int, value, bool) {
	switch v := s[reg]; {
	case ext == 0:
		return reg, v.plus(imm), true
	case ext == 5:
		return reg, v.plus(-imm), true
	case ext == 4 && w.isStatic(v):
		return reg, value{kind: inStatic, place: place{Ref: v.Ref}}, true
	}
	return 0, value{}, false
}
