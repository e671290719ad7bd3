package stack

import (
	"github.com/cargo-rustgo/cargo-rustgo/internal/arm64"
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// transfer carries s over an instruction that goes on to the next one.
func (w *arm64Code) transfer(pc int64, inst *arm64.Inst, s state) error {
	sp := s[arm64.SP]
	effect := inst.Stack()
	writes := registers(inst.Writes())
	if effect.Kind == arm64.StackKeep {
		moved, reg := value{}, arm64.NoReg
		if inst.WritesBack() {
			reg, moved = inst.Base(), s[inst.Base()]
			if inst.Mode() == arm64.PostReg {
				moved = value{}
			}
			moved = moved.plus(inst.Disp())
		}
		v, ok := w.eval(pc, inst, s)
		w.forget(writes, s)
		w.noteLoads(inst, s)
		switch {
		case reg != arm64.NoReg:
			s[reg] = moved
			if ok && inst.Rd() != reg {
				s[inst.Rd()] = v
			}
		case ok:
			s[inst.Rd()] = v
		}
		return nil
	}
	if sp.kind == otherStack {
		switch effect.Kind {
		case arm64.StackMove:
			w.moveElsewhere(s[effect.Reg], writes, s)
		case arm64.StackAdd:
			w.forget(writes&^(1<<arm64.SP), s)
		default:
			return failf(pc, "sp is set again after the switch to another stack")
		}
		return nil
	}
	var next value // of sp
	var err error
	if _, relocated := w.sec.relocIn(pc); relocated {
		effect.Kind = arm64.StackOther
	}
	switch effect.Kind {
	case arm64.StackAdd:
		next = sp.plus(effect.Delta)
	case arm64.StackAlign:
		if from := s[effect.Reg]; from.kind == onStack && from.off%w.align == 0 {
			next, err = w.alignTo(pc, from, effect.Delta)
		} else if w.isStatic(from) {
			next = from
		}
	case arm64.StackMove:
		next = s[effect.Reg].plus(effect.Delta)
	case arm64.StackSub:
		if n := s[effect.Reg]; n.kind == constant {
			next = sp.plus(-n.off)
		}
	case arm64.StackOther:
		v, ok := w.eval(pc, inst, s)
		if !ok {
			return failf(pc, "sp is set by an instruction that is not understood (%08x)", inst.Word)
		}
		next = v
	}
	if err != nil {
		return err
	}
	if err := w.setSP(pc, next, writes, s); err != nil {
		return err
	}
	w.noteLoads(inst, s)
	return nil
}

// noteLoads says of registers that are loaded with 8 bytes that they are.
func (w *arm64Code) noteLoads(inst *arm64.Inst, s state) {
	if inst.Op != arm64.Load || inst.Size() < 8 {
		return
	}
	loads := inst.Writes() &^ (1 << arm64.SP)
	if inst.WritesBack() {
		loads &^= 1 << inst.Base()
	}
	for r := range s {
		if loads.Has(r) {
			s[r] = value{kind: loaded}
		}
	}
}

// eval computes the value that an instruction gives to Rd, if it is one that the
// analysis follows. Loads are followed elsewhere unless it is known of what.
func (w *arm64Code) eval(pc int64, inst *arm64.Inst, s state) (v value, ok bool) {
	t, relocated := w.sec.relocIn(pc)
	// Register 31 as destination is sp or nothing.
	if inst.Rd() == 31 && !inst.WritesSP() {
		return value{}, false
	}
	switch inst.Op {
	case arm64.Adr, arm64.Adrp:
		if relocated {
			return w.formed(t)
		}
		if inst.Op == arm64.Adrp {
			return value{}, false
		}
		return w.codeAddress(place{w.sec.ref, pc + inst.Imm()}), true
	case arm64.Load:
		return w.evalLoad(pc, inst, s)
	case arm64.Movz, arm64.Movn, arm64.Movk:
		if relocated {
			return value{}, false
		}
		return evalMove(inst, s)
	}
	if !inst.Wide() {
		if inst.Op == arm64.Orr && inst.Immediate() && inst.Rn() == 31 {
			return constantValue(inst.Imm()), true
		}
		return value{}, false
	}
	switch inst.Op {
	case arm64.Add, arm64.Sub:
		if !inst.Immediate() {
			return w.evalAdd(inst, s)
		}
		if relocated {
			base := s[inst.Rn()]
			if inst.Op != arm64.Add || t.kind != reloc.PageOff12 || !t.inSection() || base.kind != page || base.Ref != t.place.Ref {
				return value{}, false
			}
			return value{kind: address, place: t.value()}, true
		}
		n := inst.Imm()
		if inst.Op == arm64.Sub {
			n = -n
		}
		if n == 0 { // mov from or to sp
			return asData(s[inst.Rn()]), true
		}
		return asData(s[inst.Rn()]).plus(n), true
	case arm64.Orr:
		switch {
		case inst.Rn() != 31:
		case inst.Immediate():
			return constantValue(inst.Imm()), true
		case inst.Plain() && inst.ShiftLeft() == 0: // mov
			if inst.Rm() == 31 {
				return constantValue(0), true
			}
			return s[inst.Rm()], true
		}
	case arm64.And:
		if !inst.Immediate() || inst.Rn() == 31 {
			return value{}, false
		}
		switch v := s[inst.Rn()]; {
		case w.isStatic(v):
			return value{kind: inStatic, place: place{Ref: v.Ref}}, true
		case v.kind == onStack && v.off%w.align == 0:
			v, err := w.alignTo(pc, v, inst.Imm())
			return v, err == nil
		}
	case arm64.Csel:
		if inst.Rn() == 31 || inst.Rm() == 31 {
			return value{}, false
		}
		a, b := s[inst.Rn()], s[inst.Rm()]
		if a.kind == loaded && b.kind == loaded {
			return a, true
		}
		return w.oneOf(a, b)
	}
	return value{}, false
}

// formed is the value of adr and adrp with a relocation.
func (w *arm64Code) formed(t *target) (value, bool) {
	if !t.inSection() {
		return value{}, false
	}
	switch t.kind {
	case reloc.Page21:
		return value{kind: page, place: t.value()}, true
	case reloc.GOTPage21:
		return value{kind: gotPage, place: t.value()}, true
	case reloc.Adr21:
		return w.codeAddress(t.value()), true
	}
	return value{}, false
}

// evalLoad computes what is loaded where it is known from where: the address of
// a symbol from the GOT, what a cell holds, a field of a jump table.
func (w *arm64Code) evalLoad(pc int64, inst *arm64.Inst, s state) (value, bool) {
	if !inst.Writes().Has(inst.Rd()) { // a vector
		return value{}, false
	}
	if at, got, ok := w.operandPlace(pc, inst, s); ok && got {
		return value{kind: address, place: at}, true
	}
	if at, ok := w.cellAt(pc, inst, s); ok {
		return value{kind: content, place: at}, true
	}
	return w.loadField(inst, s)
}

// evalMove computes a constant. It is what 32 or 64 bits of movz, movn and movk
// make.
func evalMove(inst *arm64.Inst, s state) (value, bool) {
	n := inst.Imm()
	switch inst.Op {
	case arm64.Movn:
		n = ^n
	case arm64.Movk:
		old := s[inst.Rd()]
		if old.kind != constant {
			return value{}, false
		}
		n |= old.off &^ (0xffff << inst.Shift())
	}
	if !inst.Wide() {
		n = int64(uint32(n))
	}
	return constantValue(n), true
}

// evalAdd computes the sum or the difference of two registers.
func (w *arm64Code) evalAdd(inst *arm64.Inst, s state) (value, bool) {
	if inst.Op == arm64.Add {
		if v, ok := w.addField(inst, s); ok {
			return v, true
		}
	}
	if !inst.Plain() || inst.Rm() == 31 || inst.Rn() == 31 && !inst.ReadsSP() || s[inst.Rm()].kind != constant {
		return value{}, false
	}
	n := s[inst.Rm()].off
	if inst.Op == arm64.Sub {
		n = -n
	}
	return asData(s[inst.Rn()]).plus(n), true
}
