package arm64

// Flow is where control goes after an instruction.
type Flow uint8

const (
	Next         Flow = iota // to the next instruction
	Call                     // to Target, then to the next instruction
	CallIndirect             // to the address in Rn, then on
	Jump                     // to Target
	JumpIndirect             // to the address in Rn
	CondJump                 // to Target or to the next instruction
	Return                   // to the address in Rn
	Trap                     // nowhere: udf, brk, hlt
	Far                      // to another exception level, but for system calls, or back
)

func (f Flow) String() string {
	names := [...]string{"next", "call", "indirect call", "jump", "indirect jump", "conditional jump", "return", "trap", "far transfer"}
	return names[f]
}

// Flow returns where control goes after i.
func (i *Inst) Flow() Flow {
	switch i.Op {
	case BranchLink:
		return Call
	case BranchLinkReg:
		return CallIndirect
	case Branch:
		return Jump
	case BranchReg:
		return JumpIndirect
	case BranchCond:
		return CondJump
	case Ret:
		return Return
	case Trapping:
		return Trap
	case Privileged:
		return Far
	}
	return Next
}

// Target is the offset that the branch i at the offset pc goes to. It is
// meaningful for Call, Jump and CondJump whose field has no relocation.
func (i *Inst) Target(pc int) int {
	switch {
	case i.Op != BranchCond:
		return pc + 4*int(i.signed(0, 26))
	case i.Word>>25&0x3f == 0b011011: // tbz, tbnz
		return pc + 4*int(i.signed(5, 14))
	}
	return pc + 4*int(i.signed(5, 19))
}
