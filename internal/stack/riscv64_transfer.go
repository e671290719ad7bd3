package stack

import (
	"slices"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
	"github.com/cargo-rustgo/cargo-rustgo/internal/riscv64"
)

// transfer carries s over an instruction that goes on to the next one.
func (w *riscvCode) transfer(pc int64, inst *riscv64.Inst, s state) error {
	sp := s[riscv64.SP]
	effect := inst.Stack()
	writes := registers(inst.Writes())
	if effect.Kind == riscv64.StackKeep {
		v, ok := w.eval(pc, inst, s)
		w.forget(writes, s)
		switch {
		case ok:
			s[inst.Rd()] = v
		case inst.Op == riscv64.Load && inst.Size() == 8 && inst.Rd() != riscv64.Zero:
			s[inst.Rd()] = value{kind: loaded}
		}
		return nil
	}
	if sp.kind == otherStack {
		switch effect.Kind {
		case riscv64.StackMove:
			w.moveElsewhere(s[effect.Reg], writes, s)
		case riscv64.StackAdd:
			w.forget(writes&^(1<<riscv64.SP), s)
		default:
			return failf(pc, "sp is set again after the switch to another stack")
		}
		return nil
	}
	var next value // of sp
	var err error
	if _, relocated := w.sec.relocIn(pc); relocated {
		effect.Kind = riscv64.StackOther
	}
	switch effect.Kind {
	case riscv64.StackAdd:
		next = sp.plus(effect.Delta)
	case riscv64.StackAlign:
		if from := s[effect.Reg]; from.kind == onStack && from.off%w.align == 0 {
			next, err = w.alignTo(pc, from, effect.Delta)
		} else if w.isStatic(from) {
			next = from
		}
	case riscv64.StackMove:
		next = s[effect.Reg].plus(effect.Delta)
	case riscv64.StackReg:
		if n := w.register(effect.Reg, s); n.kind == constant {
			next = sp.plus(n.off)
		}
	case riscv64.StackSub:
		if n := w.register(effect.Reg, s); n.kind == constant {
			next = sp.plus(-n.off)
		}
	case riscv64.StackOther:
		v, ok := w.eval(pc, inst, s)
		if !ok {
			return failf(pc, "sp is set by an instruction that is not understood (%08x)", inst.Word)
		}
		next = v
	}
	if err != nil {
		return err
	}
	return w.setSP(pc, next, writes, s)
}

// eval computes the value that an instruction gives to Rd, if it is one that the
// analysis follows.
func (w *riscvCode) eval(pc int64, inst *riscv64.Inst, s state) (v value, ok bool) {
	if inst.Rd() == riscv64.Zero || inst.Writes() == 0 {
		return value{}, false
	}
	t, relocated := w.sec.relocIn(pc)
	a := w.register(inst.Rs1(), s)
	switch inst.Op {
	case riscv64.Auipc:
		return w.formed(pc, inst, t)
	case riscv64.Load:
		return w.evalLoad(pc, inst, s)
	case riscv64.AddImm:
		switch {
		case relocated:
			high, ok := w.sec.high(t)
			if !ok || high.kind != reloc.High20 || !high.inSection() || a.kind != page || a.anchor == unrelocated || a.place != high.value() {
				return value{}, false
			}
			return w.codeAddress(a.place), true
		case a.kind == page && a.anchor == unrelocated:
			a.off += inst.Imm()
			return w.codeAddress(a.place), true
		case inst.Imm() == 0: // mv
			return asData(a), true
		}
		return asData(a).plus(inst.Imm()), true
	}
	if relocated {
		return value{}, false
	}
	b := w.register(inst.Rs2(), s)
	switch inst.Op {
	case riscv64.Lui:
		return constantValue(inst.Imm()), true
	case riscv64.AddImmWord:
		if a.kind == tableEntry && inst.Imm() == 0 { // sext.w, which the load has done
			return a, true
		}
		return constantValue(int64(int32(a.off + inst.Imm()))), a.kind == constant
	case riscv64.ShiftLeft:
		return constantValue(a.off << inst.Imm()), a.kind == constant
	case riscv64.AndImm:
		switch {
		case w.isStatic(a):
			return value{kind: inStatic, place: place{Ref: a.Ref}}, true
		case a.kind == onStack && a.off%w.align == 0:
			v, err := w.alignTo(pc, a, inst.Imm())
			return v, err == nil
		}
	case riscv64.Add, riscv64.ShiftAdd:
		return w.evalAdd(inst, a, b)
	case riscv64.Sub:
		return asData(a).plus(-b.off), b.kind == constant
	}
	return value{}, false
}

// formed is the value of auipc.
func (w *riscvCode) formed(pc int64, inst *riscv64.Inst, t *target) (value, bool) {
	switch {
	case t == nil:
		return value{kind: page, anchor: unrelocated, place: place{w.sec.ref, pc + inst.Imm()}}, true
	case !t.inSection():
		return value{}, false
	case t.kind == reloc.High20:
		return value{kind: page, place: t.value()}, true
	case t.kind == reloc.GOTHigh20:
		return value{kind: gotPage, place: t.value()}, true
	}
	return value{}, false
}

// evalAdd computes a sum. Jump tables hold distances from their start, in 4
// bytes with relocations:
//
//	auipc a1, %pcrel_hi(table)
//	addi  a1, a1, %pcrel_lo(…)
//	slli  a0, a0, 2
//	add   a0, a0, a1             sh2add a0, a0, a1
//	lw    a0, 0(a0)
//	add   a0, a0, a1
//	jr    a0
func (w *riscvCode) evalAdd(inst *riscv64.Inst, a, b value) (value, bool) {
	if inst.Op == riscv64.Add {
		switch {
		case inst.Rs1() == riscv64.Zero: // mv
			return asData(b), true
		case b.kind == constant:
			return asData(a).plus(b.off), true
		case a.kind == constant:
			return asData(b).plus(a.off), true
		}
		if b.kind == tableEntry {
			a, b = b, a
		}
		if a.kind == tableEntry {
			return value{kind: tableTarget, anchor: fromItself, place: a.place}, b.kind == address && a.place == b.place
		}
		if a.kind == address {
			a, b = b, a
		}
	}
	if b.kind != address || a.pointer() || a.isLabel() {
		return value{}, false
	}
	if sec := w.sections[b.Ref]; sec == nil || sec.kind == elfmacho.Text {
		return value{}, false
	}
	return value{kind: tableField, place: b.place}, true
}

// evalLoad computes what is loaded where it is known from where: the address of
// a symbol from the GOT, what a cell holds, a field of a jump table.
func (w *riscvCode) evalLoad(pc int64, inst *riscv64.Inst, s state) (value, bool) {
	if at, got, ok := w.operandPlace(pc, inst, s); ok && got && inst.Size() == 8 {
		return value{kind: address, place: at}, true
	}
	if at, ok := w.cellAt(pc, inst, s); ok {
		return value{kind: content, place: at}, true
	}
	const lw = 2 // funct3
	base := w.register(inst.Base(), s)
	if inst.Imm() != 0 || inst.Word>>12&7 != lw {
		return value{}, false
	}
	if base.kind == tableField {
		return value{kind: tableEntry, place: base.place}, true
	}
	// The index is known on this path, perhaps.
	i := slices.IndexFunc(w.sec.tables, func(t table) bool {
		return t.base.Ref == base.Ref && base.off >= t.base.off && base.off < t.end
	})
	if base.kind != address || i < 0 {
		return value{}, false
	}
	return value{kind: tableEntry, place: w.sec.tables[i].base}, true
}
