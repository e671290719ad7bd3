package amd64

import "fmt"

// MaxLen is the length in bytes of the longest instruction (SDM volume 2,
// section 2.3.11).
const MaxLen = 15

// Encoding is how the operands beyond ModRM are encoded.
type Encoding uint8

const (
	Legacy Encoding = iota
	VEX
	EVEX
)

func (e Encoding) String() string {
	switch e {
	case Legacy:
		return "legacy"
	case VEX:
		return "VEX"
	case EVEX:
		return "EVEX"
	}
	return fmt.Sprintf("encoding %d", uint8(e))
}

// Map is the opcode map that Opcode indexes (SDM volume 2, appendix A).
type Map uint8

const (
	OneByte Map = 0
	Map0F   Map = 1
	Map0F38 Map = 2
	Map0F3A Map = 3
	Map5    Map = 5 // EVEX only, AVX512-FP16
	Map6    Map = 6 // EVEX only, AVX512-FP16
)

// Register numbers as ModRM, SIB and the opcode encode them.
const (
	RAX = iota
	RCX
	RDX
	RBX
	RSP
	RBP
	RSI
	RDI
	R8
	R9
	R10
	R11
	R12
	R13
	R14
	R15
)

// NoReg is what Base and Index return when there is no such register.
const NoReg = -1

// Inst is a decoded instruction. Offsets are in bytes from its first byte; an
// offset whose field is absent is 0, which no such field can have.
type Inst struct {
	Len int

	OpSize   bool // prefix 66, also when it is a mandatory prefix
	AddrSize bool // prefix 67
	Lock     bool // prefix F0
	Rep      byte // the last of F2 and F3, or 0; also when it is a mandatory prefix
	Seg      byte // the last of 26, 2E, 36, 3E, 64 and 65, or 0
	REX      byte // 40 to 4F, or 0

	Encoding  Encoding
	Map       Map
	Opcode    byte
	OpcodeOff int
	// PP is the mandatory prefix inside VEX and EVEX: 0, 66, F3 or F2. It is 0
	// for legacy encodings: see OpSize and Rep.
	PP byte
	W  bool  // REX.W, VEX.W or EVEX.W
	L  uint8 // vector length of VEX and EVEX: 0 is 128, 1 is 256, 2 is 512 bits
	// V is the register in VEX.vvvv or EVEX.V'vvvv, not inverted; 0 if unused.
	V uint8
	// Broadcast is EVEX.b, Zeroing EVEX.z and Mask EVEX.aaa.
	Broadcast, Zeroing bool
	Mask               uint8

	HasModRM bool
	ModRM    byte
	ModRMOff int
	HasSIB   bool
	SIB      byte
	SIBOff   int

	Disp    int64 // sign-extended; the absolute address of A0 to A3
	DispOff int
	DispLen int // in bytes
	Imm     int64
	ImmOff  int
	ImmLen  int // in bytes; relative branch displacements are immediates

	// ext holds the bits that extend register numbers, not inverted: 8 for
	// REX.R, X and B, 16 for EVEX.R'.
	extR, extX, extB uint8
}

// Mod is the mod field of ModRM: 3 means a register operand.
func (i *Inst) Mod() int { return int(i.ModRM >> 6) }

// Ext is the reg field of ModRM where it extends the opcode ("/4").
func (i *Inst) Ext() int { return int(i.ModRM >> 3 & 7) }

// Reg is the register in ModRM.reg, extended by REX, VEX or EVEX.
func (i *Inst) Reg() int { return int(i.ModRM>>3&7 | i.extR) }

// RM is the general-purpose register in ModRM.rm when Mod is 3.
func (i *Inst) RM() int { return int(i.ModRM&7 | i.extB) }

// OpReg is the register in the low bits of the opcode, as in push and bswap.
func (i *Inst) OpReg() int { return int(i.Opcode&7 | i.extB) }

// Memory reports whether ModRM addresses memory.
func (i *Inst) Memory() bool { return i.HasModRM && i.Mod() != 3 && !i.controlRegister() }

// RIPRelative reports whether the operand is disp32(%rip), the displacement
// counting from the end of the instruction (SDM volume 2, section 2.2.1.6).
func (i *Inst) RIPRelative() bool { return i.Memory() && i.ModRM&0xc7 == 0x05 }

// Base is the base register of the memory operand, or NoReg.
func (i *Inst) Base() int {
	if !i.Memory() || i.RIPRelative() {
		return NoReg
	}
	if !i.HasSIB {
		return i.RM()
	}
	if i.SIB&7 == 5 && i.Mod() == 0 {
		return NoReg
	}
	return int(i.SIB&7 | i.extB)
}

// Index is the index register of the memory operand, or NoReg. It is a vector
// register in a gather or a scatter.
func (i *Inst) Index() int {
	if !i.Memory() || !i.HasSIB {
		return NoReg
	}
	if n := int(i.SIB>>3&7 | i.extX); n != RSP {
		return n
	}
	return NoReg
}

// Scale is what Index is multiplied by: 1, 2, 4 or 8.
func (i *Inst) Scale() int { return 1 << (i.SIB >> 6) }

// controlRegister reports whether i moves to or from a control or debug
// register, whose mod field is ignored (SDM volume 2, "MOV—Move to/from
// Control Registers").
func (i *Inst) controlRegister() bool {
	return i.Encoding == Legacy && i.Map == Map0F && i.Opcode >= 0x20 && i.Opcode <= 0x23
}

// Is reports whether i has the given opcode in the legacy one-byte map.
func (i *Inst) Is(opcode byte) bool {
	return i.Encoding == Legacy && i.Map == OneByte && i.Opcode == opcode
}

// Is0F reports whether i has the given opcode in the legacy map 0F.
func (i *Inst) Is0F(opcode byte) bool {
	return i.Encoding == Legacy && i.Map == Map0F && i.Opcode == opcode
}

// AtError says at which offset code could not be decoded.
type AtError struct {
	Off int
	Err error
}

func (e *AtError) Error() string { return fmt.Sprintf("+%#x: %v", e.Off, e.Err) }
func (e *AtError) Unwrap() error { return e.Err }
