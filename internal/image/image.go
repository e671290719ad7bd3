// Package image lays live sections out in memory and resolves every relocation
// that does not need the final addresses. What is left is written so that any
// assembler can finish it: instructions that load the address of writable
// data, and 8-byte pointers in data.
package image

import (
	"fmt"

	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
)

// Segment is a run of memory that a linker places as a whole. Distances inside
// a segment are final, distances between segments are not.
type Segment uint8

const (
	Text  Segment = iota // machine code and constants without addresses
	RelRO                // constants that hold addresses
	Data                 // writable
	BSS                  // writable, all zero
	Segments
)

func (s Segment) String() string {
	if s < Segments {
		return [...]string{"text", "relro", "data", "bss"}[s]
	}
	return fmt.Sprintf("segment %d", s)
}

// Image is a program without addresses.
type Image struct {
	Arch string
	// Memory holds the segments. Fields that Loads and Pointers describe are
	// zero.
	Memory [Segments]Memory
	// Loads are the instructions in Text that load an address, by offset.
	Loads []Load
	// Pointers are the addresses in RelRO and Data, by segment and offset.
	Pointers []Pointer
	// Code are the sections of machine code in Text, by ascending offset; each
	// can be a function of its own. Constants and thunks follow.
	Code []Code
	// Constants is the offset in Text of what follows the code.
	Constants uint64
	// Exports are the roots in the order of the set.
	Exports []Export
	// Spills is the number of bytes that the image's own code may use below
	// the deepest stack pointer of the code as compiled.
	Spills int
}

// Memory is one segment.
type Memory struct {
	Data  []byte // nil for BSS
	Size  uint64 // in bytes
	Align uint64 // in bytes, a power of two
	Parts []Part // by ascending offset
}

// Part is a run of a segment with one origin.
type Part struct {
	Off, Size uint64
	Name      string // the symbol it starts with, mangled; else the section
}

// Code is a section of machine code, with the thunks right behind it, if there are
// any.
type Code struct {
	Part
	Section link.Ref
	// Start and End are the room that it has in Text. Start is a multiple of
	// Image.FuncAlign, and End is where the next one starts: there is room for
	// an instruction after the code. Start is Off unless it is split.
	Start, End uint64
	// Split is set where there are Align bytes before the code for a prologue,
	// which are not executed, and room for FuncAlign more bytes after the code,
	// from a multiple of FuncAlign on.
	Split bool
	Align uint64
}

// Address is a place in a segment. Off may lie outside of the segment: code
// computes with such addresses and adds the rest later.
type Address struct {
	Segment Segment
	Off     int64
}

// Load is what puts an address into a register. On amd64 it is LEAQ
// disp32(IP), Register: seven bytes, REX.W 8D ModRM disp32. On arm64 and
// riscv64 it is the two instructions that Go's assembler calls MOVD and MOV
// $symbol(SB), Register: adrp and add, auipc and addi.
type Load struct {
	Off      uint64 // of the first instruction, in Text
	Register uint8  // as the processor numbers it
	To       Address
}

// Pointer is an 8-byte address in data.
type Pointer struct {
	From Segment
	Off  uint64
	To   Address
}

// Export is the address of a root in Text.
type Export struct {
	Name string
	Off  uint64
	// Leaf is the code of a small function that uses no stack, without its
	// return and frame pointer, if that does the same wherever it lies; else
	// nil. It starts LeafOff bytes after Off.
	Leaf    []byte
	LeafOff uint64
}

// An Error reports a relocation or a section that cannot become part of a Go
// program.
type Error struct {
	Object  string
	Section string
	Off     uint64 // in the section
	Msg     string
	Help    string   // what to do, if anything can be done
	Chain   []string // of symbols, from a root
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s+%#x: %s", e.Object, e.Section, e.Off, e.Msg)
}

// arch is what the layout has to know of a processor.
type arch struct {
	// funcAlign is the multiple of bytes at which Go's linker places functions
	// (funcAlign in cmd/link/internal/amd64, arm64 and riscv64, Go 1.25 to
	// 1.27).
	funcAlign uint64
	// unit is what the assembler writes at once, in bytes: an instruction,
	// or two compressed ones.
	unit uint64
	// trap is an instruction that faults.
	trap []byte
	// reach bounds the size of Text: a branch must reach across it.
	reach uint64
	// split is set where the assembler knows the frames of functions, so that
	// those with large ones need a prologue.
	split bool
	// leaf is what Export.Leaf says.
	leaf func(code []byte) (body []byte, off uint64)
	// room is how many bytes of thunks are right behind a section of code; nil
	// if all are at the end of Text.
	room func(b *builder, r link.Ref) (uint64, error)
}

var arches = map[string]arch{
	"amd64":   {32, 1, []byte{0x0f, 0x0b}, maxSize, true, amd64Leaf, nil},                  // ud2
	"arm64":   {16, 4, []byte{0, 0, 0, 0}, 1 << 27, false, arm64Leaf, nil},                 // udf #0
	"riscv64": {8, 4, []byte{0, 0, 0, 0}, maxSize, false, riscvLeaf, (*builder).riscvRoom}, // unimp
}

// FuncAlign is the multiple of bytes at which Go's linker places functions.
func (i *Image) FuncAlign() uint64 { return arches[i.Arch].funcAlign }

const (
	// maxData is the strictest alignment that Go's linker gives a data symbol
	// (cmd/link/internal/amd64.maxAlign, Go 1.26).
	maxData = 32
	// minFunc is the least room in bytes that Go's linker gives a function
	// (internal/abi.MINFUNC, Go 1.25 to 1.27).
	minFunc = 16
	// maxText is the strictest alignment that PCALIGN accepts
	// (cmd/internal/obj.AlignmentPadding, Go 1.26).
	maxText = 2048
	// maxSize bounds a segment: distances in it must fit into 32 bits.
	maxSize = 1 << 30
	// maxPadding bounds what a few small sections of strict alignment can ask
	// for: rustc accepts up to 512 MiB.
	maxPadding = 64 << 20
)

// Build lays out the live sections of a set and applies their relocations.
// Sections of code for which split, if not nil, is true have room for a
// prologue, on processors where Go's assembler knows their frames. Errors are of
// type *Error, joined if there are several.
func Build(set *link.Set, split func(link.Ref) bool) (*Image, error) {
	b, err := newBuilder(set)
	if err != nil {
		return nil, err
	}
	b.split = split
	if err := b.layout(); err != nil {
		return nil, err
	}
	// From here on every live section has its place.
	if err := b.relocate(); err != nil {
		return nil, err
	}
	return b.finish()
}
