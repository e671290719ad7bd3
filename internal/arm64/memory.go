package arm64

// Mode is how a load or store finds its address (Arm ARM, section C1.3.3).
type Mode uint8

const (
	NoMemory  Mode = iota
	Offset         // [base, #disp]
	Indexed        // [base, index]
	PreIndex       // [base, #disp]!
	PostIndex      // [base], #disp
	PostReg        // [base], index
	Literal        // pc + disp
)

// Mode returns how i addresses memory.
func (i *Inst) Mode() Mode {
	switch i.row.address {
	case "":
		return NoMemory
	case "reg":
		return Indexed
	case "post9", "post7":
		return PostIndex
	case "pre9", "pre7":
		return PreIndex
	case "literal":
		return Literal
	case "struct+":
		if i.Rm() == 31 {
			return PostIndex
		}
		return PostReg
	}
	return Offset
}

// Base is the base register of the memory operand, or NoReg.
func (i *Inst) Base() int {
	if m := i.Mode(); m == NoMemory || m == Literal {
		return NoReg
	}
	return i.Rn()
}

// Index is the register that is added to the base before the access, or NoReg.
// The zero register is none.
func (i *Inst) Index() int {
	if i.Mode() == Indexed && i.Rm() != 31 {
		return i.Rm()
	}
	return NoReg
}

// Disp is what is added to the base, in bytes: before the access, or, in
// PostIndex, after it. It is meaningful if no relocation is on the instruction.
func (i *Inst) Disp() int64 {
	switch i.row.address {
	case "imm12":
		return int64(i.field(10, 12)) * i.element()
	case "imm9", "pre9", "post9":
		return i.signed(12, 9)
	case "imm7", "pre7", "post7":
		return i.signed(15, 7) * i.element()
	case "literal":
		return i.signed(5, 19) * 4
	case "struct+":
		if i.Mode() == PostIndex {
			return i.Size()
		}
	}
	return 0
}

// Size is how many bytes i loads or stores in all.
func (i *Inst) Size() int64 {
	switch a := i.row.address; a {
	case "":
		return 0
	case "imm7", "pre7", "post7", "pair":
		return 2 * i.element()
	case "struct", "struct+":
		return i.structSize()
	}
	return i.element()
}

// element is the size in bytes of one register that is loaded or stored.
func (i *Inst) element() int64 {
	size := i.field(30, 2)
	vector := i.Word>>26&1 != 0
	switch i.row.address {
	case "imm7", "pre7", "post7":
		if vector {
			return 4 << size
		}
		return 4 << (size >> 1) // ldpsw is 01: 4 bytes each
	case "literal":
		if size == 2 { // ldrsw of the general, 16 bytes of the vector registers
			if vector {
				return 16
			}
			return 4
		}
		return 4 << size
	case "pair":
		if i.Word>>31 == 0 { // casp
			return 4 << (size & 1)
		}
		return 1 << size
	}
	if vector && i.Word>>23&1 != 0 { // opc<1>: 16 bytes
		return 16
	}
	return 1 << size
}

// structSize is the size of what ld1 to ld4 and st1 to st4 access (Arm ARM,
// "Advanced SIMD load/store multiple structures" and "single structure").
func (i *Inst) structSize() int64 {
	if i.Word>>24&1 == 0 {
		registers := [16]int64{0: 4, 2: 4, 4: 3, 6: 3, 7: 1, 8: 2, 10: 2}[i.field(12, 4)]
		return registers * int64(8<<i.field(30, 1))
	}
	opcode, selem := i.field(13, 3), int64(i.field(13, 1)<<1|i.field(21, 1)+1)
	switch opcode >> 1 {
	case 0:
		return selem
	case 1:
		return 2 * selem
	case 2:
		return (4 << i.field(10, 1)) * selem
	}
	return selem << i.field(10, 2) // ld1r to ld4r
}

// WritesBack reports whether the base gets a new value.
func (i *Inst) WritesBack() bool {
	switch i.Mode() {
	case PreIndex, PostIndex, PostReg:
		return true
	}
	return false
}

// Single reports whether i loads or stores one general-purpose register.
func (i *Inst) Single() bool { return i.row.writes+i.row.reads == "d" }
