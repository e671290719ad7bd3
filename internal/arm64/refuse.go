package arm64

// refuse reports what the tables cannot: fields that must agree with others.
func (i *Inst) refuse() bool {
	switch i.Op {
	case undefined:
		return true
	case Movz, Movn, Movk: // the upper half of a register of 32 bits
		return !i.Wide() && i.field(22, 1) != 0
	case Load, Store:
		return i.unpredictable() || i.Size() == 0 // a structure that does not exist
	}
	// A logical immediate that is no mask, also where flags are all it sets.
	return i.Word>>23&0x3f == 0b100100 && i.mask() == 0
}

// unpredictable reports whether i writes a register twice: the base besides
// what is loaded, or two loads of one register (Arm ARM, section K1.1,
// "CONSTRAINED UNPREDICTABLE behavior"). A store of the base with writeback is
// one, too.
func (i *Inst) unpredictable() bool {
	if i.WritesBack() && i.Rn() != SP && (i.loads() | i.stores()).Has(i.Rn()) {
		return true
	}
	return i.Op == Load && i.row.writes == "da" && i.Rd() == i.Ra()
}
