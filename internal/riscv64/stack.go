package riscv64

// StackKind is how an instruction changes sp.
type StackKind uint8

const (
	StackKeep  StackKind = iota // not at all
	StackAdd                    // sp += Delta
	StackAlign                  // sp = Reg & Delta
	StackMove                   // sp = Reg + Delta
	StackReg                    // sp += Reg
	StackSub                    // sp -= Reg
	StackOther                  // sp gets a value that the instruction alone does not tell
)

// StackEffect is what an instruction does to sp.
type StackEffect struct {
	Kind  StackKind
	Delta int64 // in bytes
	Reg   int
}

// Stack returns what i does to sp. If a relocation is on the instruction, that
// says something else.
func (i *Inst) Stack() StackEffect {
	if !i.Writes().Has(SP) {
		return StackEffect{}
	}
	switch {
	case i.Op == AddImm && i.Rs1() == SP:
		return StackEffect{Kind: StackAdd, Delta: i.Imm()}
	case i.Op == AddImm && i.Rs1() != Zero:
		return StackEffect{Kind: StackMove, Delta: i.Imm(), Reg: i.Rs1()}
	case i.Op == AndImm && i.Rs1() != Zero:
		return StackEffect{Kind: StackAlign, Delta: i.Imm(), Reg: i.Rs1()}
	case i.Op == Add && i.Rs1() == Zero:
		return StackEffect{Kind: StackMove, Reg: i.Rs2()} // c.mv
	case i.Op == Add && i.Rs1() == SP:
		return StackEffect{Kind: StackReg, Reg: i.Rs2()}
	case i.Op == Add && i.Rs2() == SP:
		return StackEffect{Kind: StackReg, Reg: i.Rs1()}
	case i.Op == Sub && i.Rs1() == SP:
		return StackEffect{Kind: StackSub, Reg: i.Rs2()}
	}
	return StackEffect{Kind: StackOther}
}
