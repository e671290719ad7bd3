package image

import (
	"encoding/binary"
	"fmt"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// On AArch64 code makes an address in two steps: adrp puts the page of a symbol
// into a register, 4 KiB that the processor counts from its own page, and the
// offset in the page, the low 12 bits, is the immediate of an add, a load or a
// store. Neither instruction knows where the other is, and there may be many of
// the second kind to one of the first.
//
// An image does not know where in a page it will be. So pages are counted from
// the start of each segment, in place of from address 0: what was the address
// of a page becomes the address at which a page of the segment starts, which
// may be anywhere, and the low 12 bits are those of the offset in the segment.
// Each instruction is resolved by itself:
//
//	adrp xN, f           adr xN, page of f in the segment
//	adrp xN, f           b thunk, if f is in another segment, or beyond ±1 MiB
//	adrp xN, :got:f      the same
//	add  xN, xN, lo12    immediate: offset of f in its page
//	ldr  xN, [xM, lo12]  the same, counted in the size of what is loaded
//	ldr  xN, [xM, :got_lo12:f]   add xN, xM, offset of f in its page
//
// where the last is the relaxation of "ELF for the Arm 64-bit Architecture",
// "Relocation optimization", for one instruction. A thunk is
//
//	adrp xN, page of f; add xN, xN, …   finished by Go's assembler and linker
//	b back
//
// Offsets in a page are scaled as compilers expect, since segments are aligned
// as strictly as anything in them is.

// arm64Code resolves references of instructions in one section.
type arm64Code struct {
	*builder
	ref link.Ref
}

const (
	pageMask = 1<<12 - 1

	a64ADR     = 0x10000000 // adr xN, 0
	a64ADRP    = 0x90000000 // adrp xN, 0
	a64ADRMask = 0x9f000000
	a64ADD     = 0x91000000 // add xN, xM, 0
	a64LDR     = 0xf9400000 // ldr xN, [xM, 0]
	a64LDRMask = 0xffc00000
	a64B       = 0x14000000 // b 0
	a64ZR      = 31         // xzr, or sp
)

// at returns the place in Text of the instruction whose immediate is the field
// of rel, and the instruction. The bytes are good until code is appended.
func (c *arm64Code) at(rel elfmacho.Reloc) (off uint64, bytes []byte, word uint32, err error) {
	if c.set.Section(c.ref).Kind != elfmacho.Text {
		return 0, nil, 0, fmt.Errorf("an operand of an instruction among data")
	}
	off = uint64(c.address(c.ref).Off) + rel.Off
	if off%4 != 0 {
		return 0, nil, 0, fmt.Errorf("an instruction that is not aligned to 4 bytes")
	}
	bytes = c.builder.memory[Text].Data[off : off+4]
	return off, bytes, binary.LittleEndian.Uint32(bytes), nil
}

// toData resolves a part of an address, in any segment.
func (c *arm64Code) toData(rel elfmacho.Reloc, to Address) error {
	if to.Off += rel.Addend; to.Off != int64(int32(to.Off)) {
		return fmt.Errorf("the address is more than 2 GiB away from the symbol")
	}
	off, bytes, word, err := c.at(rel)
	if err != nil {
		return err
	}
	switch rel.Kind {
	case reloc.Page21:
		if word&a64ADRMask != a64ADRP {
			return fmt.Errorf("the field is not the operand of an adrp")
		}
		to.Off &^= pageMask
		return c.base(off, bytes, word, to)
	case reloc.Adr21:
		if word&a64ADRMask != a64ADR {
			return fmt.Errorf("the field is not the operand of an adr")
		}
		return c.base(off, bytes, word, to)
	}
	return rel.Kind.Put(bytes, to.Off&pageMask)
}

// base makes the instruction at off, an adr or adrp, put the address to into
// its register.
func (c *arm64Code) base(off uint64, bytes []byte, word uint32, to Address) error {
	register := word & 31
	if register == a64ZR {
		return fmt.Errorf("an address that is thrown away")
	}
	if to.Segment == Text {
		adr := binary.LittleEndian.AppendUint32(nil, a64ADR|register)
		if reloc.Adr21.Put(adr, to.Off-int64(off)) == nil {
			copy(bytes, adr)
			return nil
		}
	}
	thunk, err := c.thunk(uint8(register), to, off+4)
	if err != nil {
		return err
	}
	bytes = c.builder.memory[Text].Data[off : off+4]
	binary.LittleEndian.PutUint32(bytes, a64B)
	return reloc.Branch26.Put(bytes, int64(thunk)-int64(off))
}

// thunk appends code that puts an address into a register and goes back.
func (c *arm64Code) thunk(register uint8, to Address, back uint64) (uint64, error) {
	code := make([]byte, 12)
	le := binary.LittleEndian
	le.PutUint32(code, a64ADRP|uint32(register))
	le.PutUint32(code[4:], a64ADD|uint32(register)<<5|uint32(register))
	le.PutUint32(code[8:], a64B)
	thunk := c.appendCode(fragment{code[:8], &Load{0, register, to}}, code[8:])
	return thunk, reloc.Branch26.Put(c.builder.memory[Text].Data[thunk+8:], int64(back)-int64(thunk)-8)
}

// throughGOT resolves a part of the address of the GOT slot of to, so that there
// needs no slot.
func (c *arm64Code) throughGOT(rel elfmacho.Reloc, to Address) error {
	if rel.Addend != 0 {
		return fmt.Errorf("an addend to a GOT slot")
	}
	if rel.Kind == reloc.GOTPage21 {
		rel.Kind = reloc.Page21
		return c.toData(rel, to)
	}
	_, bytes, word, err := c.at(rel)
	if err != nil {
		return err
	}
	target, base := word&31, word>>5&31
	if word&a64LDRMask != a64LDR || target == a64ZR || base == a64ZR {
		return fmt.Errorf("the field is not the operand of a load of 8 bytes")
	}
	binary.LittleEndian.PutUint32(bytes, a64ADD|base<<5|target)
	rel.Kind = reloc.PageOff12
	return c.toData(rel, to)
}

// loadNumber resolves a part of the address of the GOT slot of a plain number.
func (c *arm64Code) loadNumber(rel elfmacho.Reloc, value int64) error {
	if rel.Addend != 0 {
		return fmt.Errorf("an addend to a GOT slot")
	}
	rel.Kind = map[reloc.Kind]reloc.Kind{reloc.GOTPage21: reloc.Page21, reloc.GOTPageOff12: reloc.PageOff12S3}[rel.Kind]
	return c.toData(rel, c.number(value))
}
