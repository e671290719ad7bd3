package riscv64

// Register numbers that have a meaning of their own ("RISC-V ABIs Specification",
// "Integer Register Convention").
const (
	Zero = 0
	RA   = 1 // return address
	SP   = 2
	GP   = 3  // global pointer, which no code may change
	TP   = 4  // thread pointer, which no code may change
	T0   = 5  // of functions that save registers for others, the return address
	S0   = 8  // frame pointer
	A0   = 10 // first argument and result
	A1   = 11
	A7   = 17 // last argument, and number of a system call
	S11  = 27 // Go's g
)

// Registers is how many registers a set can hold.
const Registers = 32

// NoReg is what Base returns when there is no such register.
const NoReg = -1

// Op tells instructions apart whose effect is followed.
type Op uint8

const (
	Other     Op = iota // what Reads, Writes and the memory operand say
	Lui                 // Rd = Imm
	Auipc               // Rd = pc + Imm
	Jal                 // Rd = the return address, pc + Imm
	Jalr                // Rd = the return address, to Rs1 + Imm
	Branch              // pc + Imm
	Load                // Rd = what is at Rs1 + Imm
	LoadFloat           //
	Store               // of Rs2
	StoreFloat
	Atomic     // loads and stores at once, lr and sc
	AddImm     // Rd = Rs1 + Imm
	AddImmWord // Rd = Rs1 + Imm in 32 bits, sign-extended
	AndImm     // Rd = Rs1 & Imm
	ShiftLeft  // Rd = Rs1 << Imm
	Add        // Rd = Rs1 + Rs2
	Sub        // Rd = Rs1 - Rs2
	ShiftAdd   // Rd = Rs1 << Shift + Rs2
	Fence      // fence, fence.i
	SystemCall // ecall
	Trapping   // ebreak, unimp, and words of zeros
)

// Inst is a decoded instruction.
type Inst struct {
	// Word is the instruction, or what one of 2 bytes stands for.
	Word uint32
	Len  int // in bytes, 2 or 4
	Op   Op
	row  *row
}

// field is n bits of the instruction from a bit up.
func (i *Inst) field(from, n int) int { return int(i.Word >> from & (1<<n - 1)) }

// signed is such a field with its sign.
func (i *Inst) signed(from, n int) int64 {
	return int64(int32(i.Word<<(32-from-n)) >> (32 - n))
}

// Rd is the destination's number.
func (i *Inst) Rd() int { return i.field(7, 5) }

// Rs1 is the first source's number; of a load or store it is the base.
func (i *Inst) Rs1() int { return i.field(15, 5) }

// Rs2 is the second source's number.
func (i *Inst) Rs2() int { return i.field(20, 5) }

// Imm is the immediate operand of an instruction that has one, with its sign
// ("Immediate Encoding Variants").
func (i *Inst) Imm() int64 {
	switch i.Op {
	case Lui, Auipc:
		return i.signed(12, 20) << 12
	case Jal:
		return i.signed(31, 1)<<20 | int64(i.field(12, 8)<<12|i.field(20, 1)<<11|i.field(21, 10)<<1)
	case Branch:
		return i.signed(31, 1)<<12 | int64(i.field(7, 1)<<11|i.field(25, 6)<<5|i.field(8, 4)<<1)
	case Store, StoreFloat:
		return i.signed(25, 7)<<5 | int64(i.field(7, 5))
	case ShiftLeft:
		return int64(i.field(20, 6))
	case Jalr, Load, LoadFloat, AddImm, AddImmWord, AndImm:
		return i.signed(20, 12)
	}
	return 0
}

// Shift is by how many bits ShiftAdd shifts.
func (i *Inst) Shift() int { return i.field(13, 2) }

// Base is the base register of the memory operand, or NoReg.
func (i *Inst) Base() int {
	switch i.Op {
	case Load, LoadFloat, Store, StoreFloat, Atomic:
		return i.Rs1()
	}
	return NoReg
}

// Size is how many bytes i loads or stores.
func (i *Inst) Size() int64 {
	if i.Base() == NoReg {
		return 0
	}
	return 1 << i.field(12, 2)
}
