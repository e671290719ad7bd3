// Package reloc says what a relocation computes and what fits into its field,
// apart from the file format that carries it.
//
// The letters are those of the System V psABIs: S is the address of the
// symbol, A the addend, P the address of the field, G the address of the
// symbol's slot in the global offset table, page(x) the address of the 4 KiB
// that x is in.
package reloc

import (
	"encoding/binary"
	"fmt"
)

// Kind is one relocation computation with one field.
type Kind uint8

const (
	None   Kind = iota // nothing to do
	Abs6               // S + A in the low 6 bits of a byte
	Abs8               // S + A in 8 bits
	Abs16              // S + A in 16 bits
	Abs32              // S + A in 32 bits, zero-extended
	Abs32S             // S + A in 32 bits, sign-extended
	Abs64              // S + A
	PC8                // S + A - P in 8 bits
	PC16               // S + A - P in 16 bits
	PC32               // S + A - P in 32 bits
	PC64               // S + A - P
	Call32             // S + A - P in 32 bits, the operand of a branch
	GOT32              // G + A - P in 32 bits: an operand that names a slot of the GOT
	Size32             // size of the symbol + A in 32 bits
	Size64             // size of the symbol + A
	TLS                // any thread-local model: refused
	IRel               // address of an indirect function: refused

	// Immediates of AArch64 instructions ("ELF for the Arm 64-bit
	// Architecture", "Static AArch64 relocations"). The field is the
	// instruction.

	Page21       // page(S + A) - page(P), of adrp
	PageOff12    // low 12 bits of S + A, of add, or of a load or store of a byte
	PageOff12S1  // the same of a load or store of 2 bytes, which counts in its size
	PageOff12S2  // … of 4 bytes
	PageOff12S3  // … of 8 bytes
	PageOff12S4  // … of 16 bytes
	Branch26     // S + A - P, of b and bl
	Branch19     // S + A - P, of b.cond, cbz and cbnz
	Branch14     // S + A - P, of tbz and tbnz
	Adr21        // S + A - P, of adr
	Load19       // S + A - P, of ldr from a literal
	GOTPage21    // page(G + A) - page(P), of adrp
	GOTPageOff12 // low 12 bits of G + A, of a load of 8 bytes

	// Immediates of RISC-V instructions ("RISC-V ABIs Specification", "Relocations").
	// The low 12 bits of a distance are signed: the high 20 are those of the
	// distance + 0x800. Both count from the address P of the high part, and the
	// symbol of the low part is a label there: S, A and P are those of that
	// relocation.

	High20    // high 20 bits of S + A - P, of auipc
	Low12I    // low 12 bits of S + A - P, of an addition, a load or jalr
	Low12S    // … of a store
	GOTHigh20 // high 20 bits of G + A - P, of auipc
	CallPair  // S + A - P, of auipc and the jalr behind it
	Jump20    // S + A - P, of jal
	Branch12  // S + A - P, of beq and its like
	JumpC     // S + A - P, of c.j
	BranchC   // S + A - P, of c.beqz and c.bnez

	// MovAbs is a part of S + A: 16 bits, of movz, movn or movk of AArch64, or
	// what lui of RISC-V and the instructions behind it have. Refused.
	MovAbs
	kinds
)

// Info describes a Kind: the name used in messages, the width of the field in
// bytes, and the values that fit into it.
type Info struct {
	Name     string
	Width    int
	Min, Max int64
	PCRel    bool
	GOT      bool
}

const (
	min32, max32, umax32 = -1 << 31, 1<<31 - 1, 1<<32 - 1
	min64, max64         = -1 << 63, 1<<63 - 1
)

var infos = [kinds]Info{
	None:   {"none", 0, 0, 0, false, false},
	Abs6:   {"abs6", 1, 0, 1<<6 - 1, false, false},
	Abs8:   {"abs8", 1, -1 << 7, 1<<8 - 1, false, false},
	Abs16:  {"abs16", 2, -1 << 15, 1<<16 - 1, false, false},
	Abs32:  {"abs32", 4, 0, umax32, false, false},
	Abs32S: {"abs32s", 4, min32, max32, false, false},
	Abs64:  {"abs64", 8, min64, max64, false, false},
	PC8:    {"pcrel8", 1, -1 << 7, 1<<7 - 1, true, false},
	PC16:   {"pcrel16", 2, -1 << 15, 1<<15 - 1, true, false},
	PC32:   {"pcrel32", 4, min32, max32, true, false},
	PC64:   {"pcrel64", 8, min64, max64, true, false},
	Call32: {"call32", 4, min32, max32, true, false},
	GOT32:  {"gotpcrel32", 4, min32, max32, true, true},
	Size32: {"size32", 4, 0, umax32, false, false},
	Size64: {"size64", 8, min64, max64, false, false},
	TLS:    {"thread-local", 0, 0, 0, false, false},
	IRel:   {"indirect function", 0, 0, 0, false, false},

	Page21:       {"page21", 4, -1 << 32, 1<<32 - 1<<12, true, false},
	PageOff12:    {"pageoff12", 4, 0, 1<<12 - 1, false, false},
	PageOff12S1:  {"pageoff12 of 2 bytes", 4, 0, 1<<12 - 2, false, false},
	PageOff12S2:  {"pageoff12 of 4 bytes", 4, 0, 1<<12 - 4, false, false},
	PageOff12S3:  {"pageoff12 of 8 bytes", 4, 0, 1<<12 - 8, false, false},
	PageOff12S4:  {"pageoff12 of 16 bytes", 4, 0, 1<<12 - 16, false, false},
	Branch26:     {"branch26", 4, -1 << 27, 1<<27 - 4, true, false},
	Branch19:     {"branch19", 4, -1 << 20, 1<<20 - 4, true, false},
	Branch14:     {"branch14", 4, -1 << 15, 1<<15 - 4, true, false},
	Adr21:        {"adr21", 4, -1 << 20, 1<<20 - 1, true, false},
	Load19:       {"load19", 4, -1 << 20, 1<<20 - 4, true, false},
	GOTPage21:    {"gotpage21", 4, -1 << 32, 1<<32 - 1<<12, true, true},
	GOTPageOff12: {"gotpageoff12", 4, 0, 1<<12 - 8, false, true},

	High20:    {"high20", 4, min32 - 1<<11, max32 - 1<<11, true, false},
	Low12I:    {"low12", 4, -1 << 11, 1<<11 - 1, true, false},
	Low12S:    {"low12 of a store", 4, -1 << 11, 1<<11 - 1, true, false},
	GOTHigh20: {"gothigh20", 4, min32 - 1<<11, max32 - 1<<11, true, true},
	CallPair:  {"call", 8, min32 - 1<<11, max32 - 1<<11, true, false},
	Jump20:    {"jump20", 4, -1 << 20, 1<<20 - 2, true, false},
	Branch12:  {"branch12", 4, -1 << 12, 1<<12 - 2, true, false},
	JumpC:     {"jump of 2 bytes", 2, -1 << 11, 1<<11 - 2, true, false},
	BranchC:   {"branch of 2 bytes", 2, -1 << 8, 1<<8 - 2, true, false},

	MovAbs: {"part of an address", 0, 0, 0, false, false},
}

// field is where an instruction has its immediate: the value is a multiple of
// 1<<shift, or rounded to the nearest one, and of the quotient the low bits go to
// the first run of bits.
type field struct {
	shift uint8
	runs  []run
	round bool
}

// run is a run of bits in a word.
type run struct{ at, size uint8 }

// fields follow the Arm Architecture Reference Manual, "A64 instruction set
// encoding", and the RISC-V Instruction Set Manual, volume I, "Immediate Encoding
// Variants" and "Compressed Instruction Formats".
var fields = [kinds]field{
	Abs6: {runs: []run{{0, 6}}},

	Page21:       {shift: 12, runs: adrImm},
	PageOff12:    {shift: 0, runs: imm12},
	PageOff12S1:  {shift: 1, runs: imm12},
	PageOff12S2:  {shift: 2, runs: imm12},
	PageOff12S3:  {shift: 3, runs: imm12},
	PageOff12S4:  {shift: 4, runs: imm12},
	Branch26:     {shift: 2, runs: []run{{0, 26}}},
	Branch19:     {shift: 2, runs: imm19},
	Branch14:     {shift: 2, runs: []run{{5, 14}}},
	Adr21:        {shift: 0, runs: adrImm},
	Load19:       {shift: 2, runs: imm19},
	GOTPage21:    {shift: 12, runs: adrImm},
	GOTPageOff12: {shift: 3, runs: imm12},

	High20:    {shift: 12, runs: upper20, round: true},
	Low12I:    {runs: []run{{20, 12}}},
	Low12S:    {runs: []run{{7, 5}, {25, 7}}},
	GOTHigh20: {shift: 12, runs: upper20, round: true},
	Jump20:    {shift: 1, runs: []run{{21, 10}, {20, 1}, {12, 8}, {31, 1}}},
	Branch12:  {shift: 1, runs: []run{{8, 4}, {25, 6}, {7, 1}, {31, 1}}},
	JumpC:     {shift: 1, runs: []run{{3, 3}, {11, 1}, {2, 1}, {7, 1}, {6, 1}, {9, 2}, {8, 1}, {12, 1}}},
	BranchC:   {shift: 1, runs: []run{{3, 2}, {10, 2}, {2, 1}, {5, 2}, {12, 1}}},
}

var (
	adrImm  = []run{{29, 2}, {5, 19}} // immlo, immhi
	imm12   = []run{{10, 12}}
	imm19   = []run{{5, 19}}
	upper20 = []run{{12, 20}}
)

// Info returns the description of k.
func (k Kind) Info() Info {
	if k >= kinds {
		return Info{Name: fmt.Sprintf("relocation %d", k)}
	}
	return infos[k]
}

// Instruction reports whether the field is the immediate of an AArch64 or RISC-V
// instruction.
func (k Kind) Instruction() bool { return k >= Page21 && k <= MovAbs }

func (k Kind) String() string { return k.Info().Name }

// Put writes value into the field at the start of b, little endian. Of an
// instruction it changes nothing but the immediate. The error says how far the
// value is out of range, or what it should be a multiple of.
func (k Kind) Put(b []byte, value int64) error {
	info := k.Info()
	if value < info.Min || value > info.Max {
		return fmt.Errorf("%s: value %#x is out of range [%#x, %#x]", info.Name, value, info.Min, info.Max)
	}
	if len(b) < info.Width {
		return fmt.Errorf("%s: field of %d bytes ends past the section", info.Name, info.Width)
	}
	if k == CallPair {
		if err := High20.Put(b, value); err != nil {
			return err
		}
		return Low12I.Put(b[4:], Low12(value))
	}
	if k < kinds && fields[k].runs != nil {
		return fields[k].put(b[:info.Width], info.Name, value)
	}
	for i := range info.Width {
		b[i] = byte(value >> (8 * i))
	}
	return nil
}

// Low12 is what High20 leaves of a distance.
func Low12(value int64) int64 { return value << 52 >> 52 }

// put writes value into the immediate of the instruction b.
func (f field) put(b []byte, name string, value int64) error {
	if f.round {
		value += 1 << f.shift / 2
	} else if value&(1<<f.shift-1) != 0 {
		return fmt.Errorf("%s: value %#x is not a multiple of %d", name, value, 1<<f.shift)
	}
	word := [4]byte{}
	copy(word[:], b)
	bits := binary.LittleEndian.Uint32(word[:])
	rest := uint32(value >> f.shift)
	for _, r := range f.runs {
		mask := uint32(1)<<r.size - 1
		bits = bits&^(mask<<r.at) | rest&mask<<r.at
		rest >>= r.size
	}
	binary.LittleEndian.PutUint32(word[:], bits)
	copy(b, word[:])
	return nil
}
