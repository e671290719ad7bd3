package riscv64

// Flow is where control goes after an instruction.
type Flow uint8

const (
	Next         Flow = iota // to the next instruction
	Call                     // to Target, then to the next instruction
	CallIndirect             // to Rs1 + Imm, then on
	Jump                     // to Target
	JumpIndirect             // to Rs1 + Imm
	CondJump                 // to Target or to the next instruction
	Return                   // to the address in ra
	Trap                     // nowhere: ebreak, unimp
)

func (f Flow) String() string {
	names := [...]string{"next", "call", "indirect call", "jump", "indirect jump", "conditional jump", "return", "trap"}
	return names[f]
}

// Flow returns where control goes after i. A call is what keeps the return address;
// a jump to where one is kept is a return.
func (i *Inst) Flow() Flow {
	switch i.Op {
	case Jal:
		if i.Rd() != Zero {
			return Call
		}
		return Jump
	case Jalr:
		switch {
		case i.Rd() != Zero:
			return CallIndirect
		case i.Rs1() == RA && i.Imm() == 0:
			return Return
		}
		return JumpIndirect
	case Branch:
		return CondJump
	case Trapping:
		return Trap
	}
	return Next
}

// Target is the offset that the branch i at the offset pc goes to. It is
// meaningful for Call, Jump and CondJump whose field has no relocation.
func (i *Inst) Target(pc int64) int64 { return pc + i.Imm() }
