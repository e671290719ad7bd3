package arm64

import "math/bits"

// Len is the length in bytes of every instruction.
const Len = 4

// Register numbers that have a meaning of their own (AAPCS64, section 6.1.1).
// SP is not the zero register: sets of registers leave that out.
const (
	X0  = 0
	X8  = 8  // the address of an indirect result
	X16 = 16 // with X17, for linkers
	X18 = 18 // the platform's, darwin's for example
	X19 = 19 // the first that a callee preserves
	X28 = 28 // the last, and Go's g
	X29 = 29 // frame pointer
	X30 = 30 // link register
	SP  = 31
)

// Registers is how many registers a set can hold.
const Registers = 32

// NoReg is what Base and Index return when there is no such register.
const NoReg = -1

// Op tells instructions apart whose effect is followed.
type Op uint8

const (
	Other    Op = iota // what Reads, Writes and the memory operand say
	Nop                // hints and barriers, too
	Adr                // Rd = pc + Imm
	Adrp               // Rd = the page of pc + Imm
	Add                // Rd = Rn + the second operand
	Sub                // Rd = Rn - the second operand
	And                // Rd = Rn & the second operand
	Orr                // Rd = Rn | the second operand
	Movz               // Rd = Imm
	Movn               // Rd = ^Imm
	Movk               // 16 bits of Rd = Imm
	Csel               // Rd = Rn or Rm
	Compare            // flags only: cmp, cmn, tst, ccmp, ccmn
	Load               // of one or two registers, or of vectors
	Store              //
	Atomic             // loads and stores at once, exclusive stores
	Prefetch           //
	Branch             // b
	BranchLink
	BranchReg
	BranchLinkReg
	BranchCond // b.cond, cbz, cbnz, tbz, tbnz
	Ret
	Trapping   // udf, brk, hlt
	Supervisor // svc
	Privileged // another call of another exception level, or a return from one
	undefined  // no instruction
)

// Inst is a decoded instruction.
type Inst struct {
	Word uint32
	Op   Op
	row  *row
}

// field is n bits of the instruction from a bit up.
func (i *Inst) field(from, n int) int { return int(i.Word >> from & (1<<n - 1)) }

// signed is such a field with its sign.
func (i *Inst) signed(from, n int) int64 {
	return int64(int32(i.Word<<(32-from-n)) >> (32 - n))
}

// Rd is the destination's number; of a load or store it is the first register.
func (i *Inst) Rd() int { return i.field(0, 5) }

// Rn is the first source's number; of a load or store it is the base.
func (i *Inst) Rn() int { return i.field(5, 5) }

// Rm is the second source's number, or the index of a load or store.
func (i *Inst) Rm() int { return i.field(16, 5) }

// Ra is the third source's number; of a pair it is the second register.
func (i *Inst) Ra() int { return i.field(10, 5) }

// Wide reports whether i computes 64 bits.
func (i *Inst) Wide() bool { return i.Word>>31 != 0 }

// Immediate reports whether the second operand of Add, Sub and And is Imm, and
// not Rm.
func (i *Inst) Immediate() bool { return i.Word>>26&7 == 4 }

// WritesSP reports whether register 31 as destination is sp.
func (i *Inst) WritesSP() bool { return i.row.has('D') }

// ReadsSP reports whether register 31 as first source is sp.
func (i *Inst) ReadsSP() bool { return i.row.has('N') }

// Plain reports whether the second operand Rm is used as it is: not shifted,
// and not extended from fewer bits.
func (i *Inst) Plain() bool {
	if i.row.has('N') { // extended: option and imm3
		return i.field(10, 6) == 0b011000 || !i.Wide() && i.field(10, 6) == 0b010000
	}
	return i.field(10, 6) == 0
}

// ShiftLeft is by how many bits Rm is shifted to the left, or extended and then
// shifted. It is -1 for the other shifts.
func (i *Inst) ShiftLeft() int {
	switch {
	case i.row.has('N'):
		return i.field(10, 3)
	case i.field(22, 2) == 0:
		return i.field(10, 6)
	}
	return -1
}

// Imm is the immediate operand of an instruction that has one.
func (i *Inst) Imm() int64 {
	switch i.Op {
	case Adr:
		return i.signed(5, 19)<<2 | int64(i.field(29, 2))
	case Adrp:
		return (i.signed(5, 19)<<2 | int64(i.field(29, 2))) << 12
	case Add, Sub:
		return int64(i.field(10, 12)) << (12 * i.field(22, 1))
	case And, Orr:
		return i.mask()
	case Movz, Movn, Movk:
		return int64(uint64(i.field(5, 16)) << i.Shift())
	}
	return 0
}

// Shift is by how many bits movz, movn and movk shift their immediate.
func (i *Inst) Shift() int { return 16 * i.field(21, 2) }

// mask is the immediate of a logical instruction: a run of ones, rotated and
// repeated (Arm ARM, "DecodeBitMasks"). It is 0 if there is no such mask.
func (i *Inst) mask() int64 {
	n, rotate, ones := i.field(22, 1), i.field(16, 6), i.field(10, 6)
	size := 1 << bits.Len(uint(n<<6|^ones&63)) / 2
	if size < 2 || !i.Wide() && n != 0 || ones&(size-1) == size-1 {
		return 0
	}
	rotate &= size - 1
	element := uint64(1)<<(ones&(size-1)+1) - 1
	if rotate > 0 {
		element = element>>rotate | element<<(size-rotate)
	}
	if size < 64 {
		element &= 1<<size - 1
	}
	for ; size < 64; size *= 2 {
		element |= element << size
	}
	if !i.Wide() {
		element &= 1<<32 - 1
	}
	return int64(element)
}
