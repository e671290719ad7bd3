// Package reloc says what a relocation computes and what fits into its field,
// apart from the file format that carries it.
//
// The letters are those of the System V psABIs: S is the address of the
// symbol, A the addend, P the address of the field, G the address of the
// symbol's slot in the global offset table.
package reloc

import "fmt"

// Kind is one relocation computation with one field.
type Kind uint8

const (
	None   Kind = iota // nothing to do
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
}

// Info returns the description of k.
func (k Kind) Info() Info {
	if k >= kinds {
		return Info{Name: fmt.Sprintf("relocation %d", k)}
	}
	return infos[k]
}

func (k Kind) String() string { return k.Info().Name }

// Put writes value into the field at the start of b, little endian. The error
// says how far the value is out of range.
func (k Kind) Put(b []byte, value int64) error {
	info := k.Info()
	if value < info.Min || value > info.Max {
		return fmt.Errorf("%s: value %#x is out of range [%#x, %#x]", info.Name, value, info.Min, info.Max)
	}
	if len(b) < info.Width {
		return fmt.Errorf("%s: field of %d bytes ends past the section", info.Name, info.Width)
	}
	for i := range info.Width {
		b[i] = byte(value >> (8 * i))
	}
	return nil
}
