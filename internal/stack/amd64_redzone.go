package stack

import "github.com/cargo-rustgo/cargo-rustgo/internal/amd64"

// noteStack looks at the operands of an instruction that lie on the stack.
func (w *amd64Code) noteStack(pc int64, inst *amd64.Inst, s state) {
	if !w.final || s[amd64.RSP].kind != onStack {
		return
	}
	base, index := inst.Base(), inst.Index()
	if base != amd64.NoReg && s[base].kind == onStack {
		v := s[base].plus(inst.Disp)
		if v.anchor != entryAnchor {
			v.off += w.anchors[v.anchor]
		}
		w.red.deepest = max(w.red.deepest, -v.off)
		if index != amd64.NoReg || isGather(inst) {
			w.red.away, w.red.blind = true, true
		}
	} else if base != amd64.NoReg || index != amd64.NoReg {
		known := base != amd64.NoReg && (s[base].kind == address || w.isStatic(s[base]))
		w.red.blind = w.red.blind || !known && !inst.Is(0x8d) && !inst.Is0F(0x1f)
	}
	if index != amd64.NoReg && s[index].kind == onStack {
		w.red.away = true
	}
	w.red.blind = w.red.blind || isString(inst)
	w.red.away = w.red.away || w.leaksStack(pc, inst, s)
}

// isGather reports whether the index of the instruction's address is a vector
// register: gathers and scatters (SDM volume 2, section 2.3.12).
func isGather(inst *amd64.Inst) bool {
	op := inst.Opcode
	return inst.Encoding != amd64.Legacy && inst.Map == amd64.Map0F38 && (op&0xfc == 0x90 || op&0xfc == 0xa0 || op == 0xc6 || op == 0xc7)
}

// isString reports whether the instruction addresses memory through rsi and
// rdi: movs, cmps, stos, lods, scas.
func isString(inst *amd64.Inst) bool {
	op := inst.Opcode
	return inst.Encoding == amd64.Legacy && inst.Map == amd64.OneByte && (op >= 0xa4 && op <= 0xa7 || op >= 0xaa && op <= 0xaf)
}

// leaksStack reports whether the instruction uses an address on the stack in a
// way that the walk does not follow.
func (w *amd64Code) leaksStack(pc int64, inst *amd64.Inst, s state) bool {
	if compares(inst) || inst.Stack().Kind != amd64.StackKeep && inst.Opcode&0xf8 != 0x50 {
		return false
	}
	reads := inst.Reads()
	for r := range s {
		if !reads.Has(r) || s[r].kind != onStack {
			continue
		}
		if _, v, ok := w.eval(pc, inst, s); !ok || v.kind != onStack {
			return true
		}
	}
	return false
}

// compares reports whether the instruction changes flags only: cmp, test.
func compares(inst *amd64.Inst) bool {
	if inst.Encoding != amd64.Legacy || inst.Map != amd64.OneByte {
		return false
	}
	switch op := inst.Opcode; {
	case op >= 0x38 && op <= 0x3d, op == 0x84, op == 0x85, op == 0xa8, op == 0xa9:
		return true
	case op == 0x80 || op == 0x81 || op == 0x83:
		return inst.Ext() == 7
	case op == 0xf6 || op == 0xf7:
		return inst.Ext() < 2
	}
	return false
}
