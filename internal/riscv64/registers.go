package riscv64

import "strings"

// Regs is a set of integer registers, bit n for register n. Register 0 is in none.
type Regs uint32

// Has reports whether register n is in the set.
func (r Regs) Has(n int) bool { return r>>n&1 != 0 }

// Writes returns the registers that i writes. It does not count what the callee
// of a call writes.
func (i *Inst) Writes() Regs {
	r := i.operand('d', i.Rd())
	if i.Op == SystemCall {
		r |= 1 << A0
	}
	return r
}

// Reads returns the registers whose values i uses for anything but to address
// memory.
func (i *Inst) Reads() Regs {
	if i.Op == SystemCall {
		return 1<<(A7+1) - 1<<A0
	}
	r := i.operand('2', i.Rs2())
	if i.Base() == NoReg {
		r |= i.operand('1', i.Rs1())
	}
	return r
}

// Touches returns all registers that i has as operands.
func (i *Inst) Touches() Regs {
	return i.Writes() | i.Reads() | i.operand('1', i.Rs1())
}

func (i *Inst) operand(letter rune, n int) Regs {
	if !strings.ContainsRune(i.row.operands, letter) {
		return 0
	}
	return 1 << n &^ 1
}
