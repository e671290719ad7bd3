package amd64

// StackKind is how an instruction changes rsp.
type StackKind uint8

const (
	StackKeep  StackKind = iota // not at all, or back when a callee returns
	StackAdd                    // rsp += Delta: push, pop, add, sub, lea, ret
	StackAlign                  // rsp &= Delta
	StackMove                   // rsp = Reg + Delta
	StackLeave                  // rsp = rbp + 8, rbp = the 8 bytes below
	StackOther                  // rsp gets a value that the instruction alone does not tell
)

// StackEffect is what an instruction does to rsp.
type StackEffect struct {
	Kind  StackKind
	Delta int64 // in bytes
	Reg   int
}

// Stack returns what i does to rsp. For a call it is the effect at the next
// instruction, once the callee has returned; below it the callee has the
// return address of 8 bytes.
func (i *Inst) Stack() StackEffect {
	if i.Encoding == Legacy && i.Map == OneByte {
		if e, ok := i.stackOneByte(); ok {
			return e
		}
	}
	if i.Encoding == Legacy && i.Map == Map0F {
		switch i.Opcode {
		case 0xa0, 0xa8: // push fs, gs
			return StackEffect{Kind: StackAdd, Delta: -i.slot()}
		case 0xa1, 0xa9: // pop fs, gs
			return StackEffect{Kind: StackAdd, Delta: i.slot()}
		}
	}
	if i.Writes().Has(RSP) {
		return StackEffect{Kind: StackOther}
	}
	return StackEffect{}
}

// slot is what push and pop move rsp by: operands of 32 bits do not exist
// (SDM volume 2, "PUSH").
func (i *Inst) slot() int64 {
	if i.OpSize && !i.W {
		return 2
	}
	return 8
}

func (i *Inst) stackOneByte() (StackEffect, bool) {
	add := func(n int64) (StackEffect, bool) { return StackEffect{Kind: StackAdd, Delta: n}, true }
	other := StackEffect{Kind: StackOther}
	// Forms that write a register write all of rsp only with REX.W: the zero
	// extension of esp is not a stack.
	toRSP := i.HasModRM && i.W
	switch op := i.Opcode; {
	case op&0xf8 == 0x50, op == 0x68, op == 0x6a, op == 0x9c:
		return add(-i.slot())
	case op == 0xff && i.Ext() == 6:
		return add(-i.slot())
	case op&0xf8 == 0x58:
		if i.OpReg() == RSP {
			return other, true
		}
		return add(i.slot())
	case op == 0x8f:
		if i.rm().Has(RSP) {
			return other, true
		}
		return add(i.slot())
	case op == 0x9d:
		return add(i.slot())
	case op == 0xc3:
		return add(8)
	case op == 0xc2:
		return add(8 + i.Imm&0xffff)
	case op == 0xc8: // enter: rbp is pushed and replaced
		return other, true
	case op == 0xc9:
		if i.OpSize && !i.W {
			return other, true
		}
		return StackEffect{Kind: StackLeave, Delta: 8, Reg: RBP}, true
	case (op == 0x81 || op == 0x83) && toRSP && i.rm().Has(RSP):
		switch i.Ext() {
		case 0:
			return add(i.Imm)
		case 4:
			return StackEffect{Kind: StackAlign, Delta: i.Imm}, true
		case 5:
			return add(-i.Imm)
		}
	case op == 0x8d && toRSP && i.Reg() == RSP && i.Index() == NoReg && i.Base() != NoReg && !i.AddrSize:
		if i.Base() == RSP {
			return add(i.Disp)
		}
		return StackEffect{Kind: StackMove, Delta: i.Disp, Reg: i.Base()}, true
	case op == 0x89 && toRSP && i.rm().Has(RSP):
		return StackEffect{Kind: StackMove, Reg: i.Reg()}, true
	case op == 0x8b && toRSP && i.Reg() == RSP && i.Mod() == 3:
		return StackEffect{Kind: StackMove, Reg: i.RM()}, true
	}
	return StackEffect{}, false
}
