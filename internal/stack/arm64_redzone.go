package stack

import "github.com/cargo-rustgo/cargo-rustgo/internal/arm64"

// noteStack looks at the operands of an instruction that lie on the stack. Where
// there is no red zone (AAPCS64, section 6.4.5.1), assembly may use one all the
// same, at constant offsets.
func (w *arm64Code) noteStack(pc int64, inst *arm64.Inst, s state) {
	if !w.final || s[arm64.SP].kind != onStack {
		return
	}
	base, index := inst.Base(), inst.Index()
	if base != arm64.NoReg && s[base].kind == onStack {
		v := s[base]
		if m := inst.Mode(); m == arm64.Offset || m == arm64.PreIndex {
			v = v.plus(inst.Disp())
		}
		w.red.deepest = max(w.red.deepest, w.depthOf(v))
		if index != arm64.NoReg {
			w.red.away, w.red.blind = true, true
		}
	} else if base != arm64.NoReg {
		_, _, known := w.operandPlace(pc, inst, s)
		w.red.blind = w.red.blind || !known && !w.isStatic(s[base])
	}
	if index != arm64.NoReg && s[index].kind == onStack {
		w.red.away = true
	}
	w.red.away = w.red.away || w.leaksStack(pc, inst, s)
}

// leaksStack reports whether the instruction uses an address on the stack in a
// way that the walk does not follow.
func (w *arm64Code) leaksStack(pc int64, inst *arm64.Inst, s state) bool {
	if inst.Op == arm64.Compare || inst.Stack().Kind != arm64.StackKeep && inst.Op != arm64.Store {
		return false
	}
	reads := inst.Reads()
	for r := range s {
		if !reads.Has(r) || s[r].kind != onStack {
			continue
		}
		if v, ok := w.eval(pc, inst, s); !ok || v.kind != onStack {
			return true
		}
	}
	return false
}
