package stack

import "github.com/cargo-rustgo/cargo-rustgo/internal/amd64"

// redZoneSize is the number of bytes below rsp that a function may use without
// moving rsp (System V psABI, section 3.2.2).
const redZoneSize = 128

// redZone collects how a function refers to memory on its stack.
//
// A function reaches memory below rsp through registers that hold an address
// on the stack. While such a register is followed, and the offsets are
// constant, they say how deep. Where one has an index, or goes where it is not
// followed, an access through a register of unknown content may lead to any
// byte of the red zone. Arguments of calls are exempt: what is below rsp does
// not survive a call, so nothing there is passed.
type redZone struct {
	deepest int64 // bytes below the entry that constant offsets reach
	away    bool  // an address on the stack is not followed
	blind   bool  // there is an access to an unknown address
}

// below returns how deep a function reaches that moves rsp down by own bytes.
func (r *redZone) below(own int64) int64 {
	if r.away && r.blind {
		own += redZoneSize
	}
	return max(own, r.deepest)
}

// noteStack looks at the operands of an instruction that lie on the stack.
func (w *walker) noteStack(pc int64, inst *amd64.Inst, s *state) {
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
func (w *walker) leaksStack(pc int64, inst *amd64.Inst, s *state) bool {
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
