package image

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// On RISC-V code makes an address in two steps: auipc adds the high 20 bits of a
// distance to its own address, and the low 12 bits are the immediate of an
// addition, a load or a store. There may be many of the second kind to one of
// the first, anywhere in the function; their relocations name the label of the
// auipc, so what belongs together is known.
//
// A distance inside of Text is divided between the two as a linker does it. An
// address in another segment is made by the auipc alone, and the low part is 0:
//
//	auipc xN, high(f)          jal x0, thunk
//	auipc xN, got_high(f)      the same as auipc xN, high(f)
//	addi  xM, xN, low(label)   immediate: what is left
//	ld    xM, low(label)(xN)   the same; addi xM, xN, … if the label is one of the GOT
//
// where the last is the relaxation of "RISC-V ABIs Specification", "GOT
// relaxation", without the other half. A thunk is
//
//	auipc xN, …; addi xN, xN, …   finished by Go's assembler and linker
//	jal x0, back
//
// and lies right behind the section of code that it belongs to, since jal reaches
// no further than 1 MiB.

const (
	rvAUIPC  = 0x17 // auipc x0, 0
	rvADDI   = 0x13 // addi x0, x0, 0
	rvLD     = 0x3003
	rvJAL    = 0x6f // jal x0, 0
	rvOpcode = 0x7f
	rvFunct  = 0x707f // opcode and funct3

	riscvThunk = 12 // bytes
)

// riscvCode resolves references of instructions in one section.
type riscvCode struct {
	*builder
	ref link.Ref
}

// riscvRoom returns how many bytes of thunks a section of code needs.
func (b *builder) riscvRoom(r link.Ref) (room uint64, err error) {
	relocs, err := b.set.Relocs(r)
	if err != nil {
		return 0, err
	}
	for _, rel := range relocs {
		if rel.Kind != reloc.High20 && rel.Kind != reloc.GOTHigh20 {
			continue
		}
		// What has no target is reported later.
		if target, err := b.set.Target(r.Object, rel); err == nil && target.Kind == link.InSection {
			if s, err := b.segment(target.Ref); err != nil || s == Text {
				continue
			}
		}
		room += riscvThunk
	}
	return room, nil
}

// at returns the place in Text of the instruction whose immediate is the field
// of rel, and the instruction. The bytes are good until code is appended.
func (c *riscvCode) at(rel elfmacho.Reloc) (off uint64, bytes []byte, word uint32, err error) {
	if c.set.Section(c.ref).Kind != elfmacho.Text {
		return 0, nil, 0, fmt.Errorf("an operand of an instruction among data")
	}
	off = uint64(c.address(c.ref).Off) + rel.Off
	bytes = c.builder.memory[Text].Data[off : off+4]
	return off, bytes, binary.LittleEndian.Uint32(bytes), nil
}

// toData resolves a part of an address, in any segment.
func (c *riscvCode) toData(rel elfmacho.Reloc, to Address) error {
	switch rel.Kind {
	case reloc.High20:
		return c.base(rel, to)
	case reloc.Low12I, reloc.Low12S:
		return c.rest(rel, to)
	}
	return fmt.Errorf("not a part of an address of RISC-V")
}

// base makes an auipc put the address to into its register: what rest leaves of
// it, if it is in Text.
func (c *riscvCode) base(rel elfmacho.Reloc, to Address) error {
	off, bytes, word, err := c.at(rel)
	if err != nil {
		return err
	}
	if to.Off += rel.Addend; to.Off != int64(int32(to.Off)) {
		return fmt.Errorf("the address is more than 2 GiB away from the symbol")
	}
	if word&rvOpcode != rvAUIPC {
		return fmt.Errorf("the field is not the operand of an auipc")
	}
	if to.Segment == Text {
		return reloc.High20.Put(bytes, to.Off-int64(off))
	}
	register := word >> 7 & 31
	if register == 0 {
		return fmt.Errorf("an address that is thrown away")
	}
	thunk := c.thunks[c.ref]
	c.thunks[c.ref] += riscvThunk
	le, code := binary.LittleEndian, c.builder.memory[Text].Data[thunk:thunk+riscvThunk]
	le.PutUint32(code, rvAUIPC|register<<7)
	le.PutUint32(code[4:], rvADDI|register<<7|register<<15)
	le.PutUint32(code[8:], rvJAL)
	c.image.Loads = append(c.image.Loads, Load{thunk, uint8(register), to})
	le.PutUint32(bytes, rvJAL)
	if err := reloc.Jump20.Put(code[8:], int64(off+4)-int64(thunk+8)); err != nil {
		return err
	}
	return reloc.Jump20.Put(bytes, int64(thunk)-int64(off))
}

// rest resolves the low part of an address, whose high part is at a label.
func (c *riscvCode) rest(rel elfmacho.Reloc, label Address) error {
	_, bytes, word, err := c.at(rel)
	if err != nil {
		return err
	}
	if rel.Addend != 0 {
		return fmt.Errorf("an addend to a label")
	}
	high, err := c.high(label)
	if err != nil {
		return err
	}
	target, err := c.set.Target(c.ref.Object, high)
	if err != nil {
		return err
	}
	distance := int64(0)
	if target.Kind == link.InSection {
		if to := c.address(target.Ref); to.Segment == Text {
			distance = to.Off + int64(target.Off) + high.Addend - label.Off
		}
		if high.Kind == reloc.GOTHigh20 {
			if rel.Kind != reloc.Low12I || word&rvFunct != rvLD {
				return fmt.Errorf("the field is not the operand of a load of 8 bytes")
			}
			binary.LittleEndian.PutUint32(bytes, word&^uint32(rvFunct)|rvADDI)
		}
	}
	return rel.Kind.Put(bytes, reloc.Low12(distance))
}

// high returns the relocation of the auipc at a label.
func (c *riscvCode) high(label Address) (elfmacho.Reloc, error) {
	relocs, err := c.set.Relocs(c.ref)
	if err != nil {
		return elfmacho.Reloc{}, err
	}
	off := uint64(label.Off - c.address(c.ref).Off)
	i, ok := slices.BinarySearchFunc(relocs, off, func(r elfmacho.Reloc, off uint64) int { return cmp.Compare(r.Off, off) })
	if label.Segment != Text || !ok || relocs[i].Kind != reloc.High20 && relocs[i].Kind != reloc.GOTHigh20 {
		return elfmacho.Reloc{}, fmt.Errorf("the low part of an address whose high part is not in the same function")
	}
	return relocs[i], nil
}

// throughGOT resolves the high part of the address of the GOT slot of to, so that
// there needs no slot.
func (c *riscvCode) throughGOT(rel elfmacho.Reloc, to Address) error {
	if rel.Addend != 0 {
		return fmt.Errorf("an addend to a GOT slot")
	}
	return c.base(rel, to)
}

// loadNumber resolves the high part of the address of the GOT slot of a plain
// number. The load that follows stays.
func (c *riscvCode) loadNumber(rel elfmacho.Reloc, value int64) error {
	return c.throughGOT(rel, c.number(value))
}
