package arm64

// StackKind is how an instruction changes sp.
type StackKind uint8

const (
	StackKeep  StackKind = iota // not at all
	StackAdd                    // sp += Delta: add, sub, loads and stores that write back
	StackAlign                  // sp = Reg & Delta
	StackMove                   // sp = Reg + Delta
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
	other := StackEffect{Kind: StackOther}
	switch i.Mode() {
	case PreIndex, PostIndex:
		return StackEffect{Kind: StackAdd, Delta: i.Disp()}
	case PostReg:
		return other
	}
	// Without 64 bits the upper half of sp is cleared: that is no stack.
	if !i.Wide() {
		return other
	}
	switch {
	case (i.Op == Add || i.Op == Sub) && i.Immediate():
		e := StackEffect{Kind: StackMove, Delta: i.Imm(), Reg: i.Rn()}
		if i.Op == Sub {
			e.Delta = -e.Delta
		}
		if e.Reg == SP {
			e.Kind, e.Reg = StackAdd, 0
		}
		return e
	case i.Op == And && i.Immediate() && i.Rn() != 31:
		return StackEffect{Kind: StackAlign, Delta: i.Imm(), Reg: i.Rn()}
	case i.Op == Sub && i.Rn() == SP && i.Plain() && i.Rm() != 31:
		return StackEffect{Kind: StackSub, Reg: i.Rm()}
	}
	return other
}
