package amd64

// implicit are the registers that instructions name without a field.
const implicit Regs = 1<<RAX | 1<<RCX | 1<<RDX | 1<<RBX

// Reads returns the general-purpose registers whose values i may use for
// anything but to address memory through ModRM, to count, or to move rsp by
// push, pop and the like. It returns rather too many than too few.
func (i *Inst) Reads() Regs {
	switch {
	case i.Encoding == VEX:
		return i.readsVEX()
	case i.Encoding == EVEX:
		return i.readsEVEX()
	case i.Map == OneByte:
		return i.readsOneByte()
	case i.Map == Map0F:
		return i.reads0F()
	case i.Map == Map0F38:
		if i.Opcode >= 0xf0 {
			return i.reg() | i.rm()
		}
	case i.Opcode == 0x20 || i.Opcode == 0x22: // pinsrb, pinsrd, pinsrq
		return i.rm()
	}
	return 0
}

func (i *Inst) readsOneByte() Regs {
	switch op := i.Opcode; {
	case op < 0x40 && op&7 < 4, op >= 0x84 && op <= 0x87: // arithmetic, test, xchg
		return i.reg() | i.rm()
	case op < 0x40: // arithmetic with al and rax
		return 1 << RAX
	case op&0xf8 == 0x50: // push
		return 1 << i.OpReg()
	case op&0xf8 == 0x58, op == 0x8f, op&0xf0 == 0x70, op >= 0xb0 && op <= 0xbf, op == 0xc6, op == 0xc7, op == 0x8d:
		return 0 // pop, jcc, mov of an immediate, lea
	case op == 0x63, op == 0x8a, op == 0x8b, op == 0x8e, op == 0x69, op == 0x6b: // movslq, mov, imul
		return i.rm()
	case op == 0x88, op == 0x89: // mov
		return i.reg()
	case op == 0x80, op == 0x81, op == 0x83: // arithmetic with an immediate
		return i.rm()
	case op == 0x90:
		return i.Writes()
	case op&0xf8 == 0x90: // xchg
		return 1<<RAX | 1<<i.OpReg()
	case op == 0xc0, op == 0xc1, op >= 0xd0 && op <= 0xd3: // shifts
		return i.rm()
	case op >= 0xe0 && op <= 0xe3, op == 0xe8, op == 0xe9, op == 0xeb, op == 0xc2, op == 0xc3, op == 0xcc, op == 0xf4:
		return 0 // branches
	case op == 0x68, op == 0x6a, op >= 0xd8 && op <= 0xdf, op == 0x9b:
		return 0 // push of an immediate, x87
	case op == 0xc9: // leave
		return 1 << RBP
	case op == 0xf6 || op == 0xf7:
		if i.Ext() < 4 {
			return i.rm()
		}
		return i.rm() | 1<<RAX | 1<<RDX
	case op == 0xfe || op == 0xff:
		return i.rm()
	}
	// The string instructions are the rest that compilers use.
	r := implicit | 1<<RSI | 1<<RDI
	if i.HasModRM {
		r |= i.reg() | i.rm()
	}
	return r
}

func (i *Inst) reads0F() Regs {
	switch op := i.Opcode; {
	case op == 0x2a, op == 0x6e, op == 0xc4: // cvtsi2s*, movd, pinsrw
		return i.rm()
	case op >= 0x10 && op <= 0x1f, op >= 0x28 && op <= 0x2f, op >= 0x50 && op <= 0x77, op >= 0x7c && op <= 0x7f,
		op == 0xc2, op == 0xc6, op >= 0xd0 && op < 0xff:
		return 0 // SSE, prefetch, nop
	case op == 0x0b, op == 0x0d, op&0xf0 == 0x80, op&0xf0 == 0x90:
		return 0 // ud2, prefetch, jcc, setcc
	case op == 0xb6, op == 0xb7, op == 0xbe, op == 0xbf, op >= 0xb8 && op <= 0xbd && op != 0xbb && op != 0xb9:
		return i.rm() // movzx, movsx, popcnt, bit tests and scans
	case op&0xf0 == 0x40, op == 0xaf: // cmov, imul
		return i.reg() | i.rm()
	case op >= 0xc8 && op <= 0xcf: // bswap
		return i.opReg()
	case op == 0xae: // fences, and loads and stores of state
		return i.rm()
	}
	r := implicit
	if i.HasModRM {
		r |= i.reg() | i.rm()
	}
	return r
}

func (i *Inst) readsVEX() Regs {
	switch op := i.Opcode; i.Map {
	case Map0F:
		switch op {
		case 0x2a, 0x6e, 0x92, 0xc4: // vcvtsi2s*, vmovd, kmov, vpinsrw
			return i.rm()
		}
	case Map0F38:
		switch {
		case op >= 0xf0: // BMI
			return i.rm() | 1<<(i.V&15) | 1<<RDX
		case op >= 0xe0: // cmpccxadd
			return i.reg() | 1<<(i.V&15)
		}
	case Map0F3A:
		switch op {
		case 0x20, 0x22, 0xf0: // vpinsr*, rorx
			return i.rm()
		}
	}
	return 0
}

func (i *Inst) readsEVEX() Regs {
	switch op := i.Opcode; i.Map {
	case Map0F, Map5:
		switch op {
		case 0x2a, 0x6e, 0x7b, 0xc4: // vcvtsi2s*, vmov[dqw], vcvtusi2s*, vpinsrw
			return i.rm()
		}
	case Map0F38:
		if op >= 0x7a && op <= 0x7c { // vpbroadcast*
			return i.rm()
		}
	case Map0F3A:
		if op == 0x20 || op == 0x22 { // vpinsr*
			return i.rm()
		}
	}
	return 0
}
