package arm64

// Regs is a set of general-purpose registers, bit n for register n; bit 31 is
// sp.
type Regs uint32

// Has reports whether register n is in the set.
func (r Regs) Has(n int) bool { return r>>n&1 != 0 }

// Writes returns the registers that i writes, whatever part of them. It does
// not count what the callee of a call writes.
func (i *Inst) Writes() Regs {
	r := i.loads()
	if i.WritesBack() {
		r |= 1 << i.Rn()
	}
	if i.Op == BranchLink || i.Op == BranchLinkReg {
		r |= 1 << X30
	}
	return r
}

// Reads returns the registers whose values i uses for anything but to address
// memory.
func (i *Inst) Reads() Regs { return i.stores() }

// Touches returns all registers that i has as operands, or that it names
// without an operand.
func (i *Inst) Touches() Regs {
	r := i.Writes() | i.Reads()
	if n := i.Base(); n != NoReg {
		r |= 1 << n
	}
	if n := i.Index(); n != NoReg {
		r |= 1 << n
	}
	if i.Mode() == PostReg {
		r |= 1 << i.Rm()
	}
	return r
}

// loads and stores are the operands as the table has them.
func (i *Inst) loads() Regs  { return i.operands(i.row.writes) }
func (i *Inst) stores() Regs { return i.operands(i.row.reads) }

func (i *Inst) operands(letters string) Regs {
	var r Regs
	for _, letter := range []byte(letters) {
		switch letter {
		case 'd':
			r |= general(i.Rd())
		case 'n':
			r |= general(i.Rn())
		case 'm':
			r |= general(i.Rm())
		case 'a':
			r |= general(i.Ra())
		case 'D':
			r |= 1 << i.Rd()
		case 'N':
			r |= 1 << i.Rn()
		case 'M':
			r |= general(i.Rm()) | general(i.Rm()|1)
		case 'p':
			r |= general(i.Rd()) | general(i.Rd()|1)
		case 'k':
			r |= 1<<16 | 1<<17
		case 's':
			r |= 1<<18 - 1
		case 'l':
			r |= 1 << X30
		}
	}
	return r
}

// general is register n where 31 is the zero register.
func general(n int) Regs { return 1 << n &^ (1 << SP) }
