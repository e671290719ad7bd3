package image

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

const picHelp = "build the crate with position-independent code: remove `-C relocation-model=static` and code models other than small"

// maxErrors is how many errors are worth reading.
const maxErrors = 50

// relocate applies the relocations of all live sections.
func (b *builder) relocate() error {
	var errs []error
	for _, r := range b.set.Live {
		relocs, err := b.set.Relocs(r)
		if err != nil {
			return err
		}
		code := b.code(r)
		for _, rel := range relocs {
			if err := b.apply(r, code, rel); err != nil {
				if errs = append(errs, err); len(errs) == maxErrors {
					return errors.Join(errs...)
				}
			}
		}
	}
	return errors.Join(errs...)
}

// instructions resolves references of instructions in one section that depend
// on more than a distance.
type instructions interface {
	// toData is for addresses in another segment.
	toData(rel elfmacho.Reloc, to Address) error
	// throughGOT is for the GOT slot of an address, and loadNumber for that of
	// a plain number.
	throughGOT(rel elfmacho.Reloc, to Address) error
	loadNumber(rel elfmacho.Reloc, value int64) error
}

func (b *builder) code(r link.Ref) instructions {
	switch b.image.Arch {
	case "arm64":
		return &arm64Code{b, r}
	case "riscv64":
		return &riscvCode{b, r}
	}
	return &amd64Code{builder: b, ref: r}
}

// apply resolves one relocation: now, where the distance is known, and
// otherwise as an instruction or pointer that is left to the assembler.
func (b *builder) apply(ref link.Ref, c instructions, rel elfmacho.Reloc) error {
	kind := rel.Kind
	info := kind.Info()
	target, err := b.set.Target(ref.Object, rel)
	if err != nil {
		return b.errorf(ref, rel.Off, err.Error(), "")
	}
	from := b.address(ref)
	p := from.Off + int64(rel.Off)
	fail := func(msg, help string) error {
		return b.errorf(ref, rel.Off, fmt.Sprintf("%s to `%s`: %s", info.Name, b.targetName(ref, rel), msg), help)
	}
	put := func(value int64) error {
		if err := kind.Put(b.memory[from.Segment].Data[p:], value); err != nil {
			return fail(err.Error(), "")
		}
		return nil
	}

	// An address that is a plain number: absolute symbols, and 0 for weak
	// symbols that nothing defines.
	if target.Kind != link.InSection {
		value := int64(0)
		if target.Kind == link.AtValue {
			value = int64(target.Off)
		}
		switch {
		case info.GOT:
			if err := c.loadNumber(rel, value); err != nil {
				return fail(err.Error(), "")
			}
			return nil
		case (kind == reloc.Call32 || kind == reloc.Branch26 || kind == reloc.CallPair) && target.Kind == link.Nowhere && from.Segment == Text:
			// Never called: code tests such a symbol first.
			return put(int64(b.trap()) + rel.Addend - p)
		case info.PCRel || kind.Instruction():
			return fail("the distance to an absolute address is not known before the program is linked", picHelp)
		}
		return put(value + rel.Addend)
	}

	to := b.address(target.Ref)
	to.Off += int64(target.Off)
	switch {
	case kind == reloc.Abs64:
		if from.Segment == Text {
			return fail("an absolute address inside code", picHelp)
		}
		if to.Off += rel.Addend; to.Off != int64(int32(to.Off)) {
			return fail("the address is more than 2 GiB away from the symbol", "")
		}
		b.image.Pointers = append(b.image.Pointers, Pointer{from.Segment, uint64(p), to})
		return put(0) // Mach-O has a part of the address here
	case kind == reloc.Size32 || kind == reloc.Size64:
		return put(int64(b.set.Symbol(ref.Object, rel.Symbol).Size) + rel.Addend)
	case kind == reloc.MovAbs:
		return fail("an address in pieces, which a position-independent program does not know", picHelp)
	case !info.PCRel && !kind.Instruction():
		return fail(fmt.Sprintf("an address in %d bytes, which is not enough in a position-independent program", info.Width), picHelp)
	case info.GOT:
		if err := c.throughGOT(rel, to); err != nil {
			return fail(err.Error(), "")
		}
		return nil
	case partial(kind):
		if err := c.toData(rel, to); err != nil {
			return fail(err.Error(), "")
		}
		return nil
	case to.Segment == from.Segment:
		return put(to.Off + rel.Addend - p)
	case b.set.Section(ref).Kind == elfmacho.Text && info.Width == 4 && b.image.Arch == "amd64":
		if err := c.toData(rel, to); err != nil {
			return fail(err.Error(), "")
		}
		return nil
	}
	return fail(fmt.Sprintf("the distance from %s to %s is not known before the program is linked", from.Segment, to.Segment), "")
}

// partial reports whether a relocation is for a part of an address, of which
// another instruction has the rest, or for the whole address in adr.
func partial(k reloc.Kind) bool {
	switch k {
	case reloc.Page21, reloc.Adr21, reloc.PageOff12, reloc.PageOff12S1, reloc.PageOff12S2, reloc.PageOff12S3, reloc.PageOff12S4,
		reloc.High20, reloc.Low12I, reloc.Low12S:
		return true
	}
	return false
}

// trap returns the offset in Text of an instruction that faults, which stands for
// a function at address 0.
func (b *builder) trap() uint64 {
	if b.trapAt == 0 {
		b.trapAt = b.appendCode(b.arch.trap)
	}
	return b.trapAt
}

func (b *builder) targetName(ref link.Ref, rel elfmacho.Reloc) string {
	sym := &b.set.Objects[ref.Object].Symbols[rel.Symbol]
	if sym.Name == "" && sym.Section > 0 {
		return b.set.NameAt(link.Ref{Object: ref.Object, Section: sym.Section}, uint64(max(rel.Addend, 0)))
	}
	return sym.Name
}

// slot returns the offset in RelRO of a pointer to an address.
func (b *builder) slot(to Address) Address {
	off, ok := b.slots[to]
	if !ok {
		off = b.newSlot()
		b.image.Pointers = append(b.image.Pointers, Pointer{RelRO, off, to})
		b.slots[to] = off
	}
	return Address{RelRO, int64(off)}
}

// number returns the place in RelRO of a pointer-sized constant.
func (b *builder) number(value int64) Address {
	off, ok := b.numbers[value]
	if !ok {
		off = b.newSlot()
		binary.LittleEndian.PutUint64(b.memory[RelRO].Data[off:], uint64(value))
		b.numbers[value] = off
	}
	return Address{RelRO, int64(off)}
}

func (b *builder) newSlot() uint64 {
	m := &b.memory[RelRO]
	off := (m.Size + 7) &^ 7
	m.Data = append(m.Data, make([]byte, off+8-m.Size)...)
	m.Size = off + 8
	m.Align = max(m.Align, 8)
	m.Parts = append(m.Parts, Part{Off: off, Size: 8, Name: "GOT"})
	return off
}

// fragment is a piece of appended code; load is set if it loads an address.
type fragment struct {
	bytes []byte
	load  *Load
}

// appendCode adds code at the end of Text and returns its offset.
func (b *builder) appendCode(parts ...any) uint64 {
	m := &b.memory[Text]
	start := alignUp(m.Size, b.arch.unit)
	m.Data = append(m.Data, make([]byte, start-m.Size)...)
	for _, part := range parts {
		f, ok := part.(fragment)
		if !ok {
			f = fragment{bytes: part.([]byte)}
		}
		if f.load != nil {
			f.load.Off = uint64(len(m.Data))
			b.image.Loads = append(b.image.Loads, *f.load)
		}
		m.Data = append(m.Data, f.bytes...)
	}
	m.Size = uint64(len(m.Data))
	m.Parts = append(m.Parts, Part{Off: start, Size: m.Size - start, Name: "thunk"})
	return start
}
