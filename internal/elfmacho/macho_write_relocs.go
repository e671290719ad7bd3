package elfmacho

import (
	"fmt"
	"math/bits"

	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// relocations encodes the relocations of all sections.
func (w *machoWriter) relocations() error {
	for i := range w.sects {
		s := &w.sects[i]
		if s.Relocated == 0 {
			continue
		}
		list, err := w.o.Relocs(s.index)
		if err != nil {
			return err
		}
		for _, r := range list {
			if width := uint64(r.Kind.Info().Width); s.zerofill || r.Off > s.Size || width > s.Size-r.Off {
				return fmt.Errorf("internal error: %s+%#x: a relocation that is not in the section", s.Name, r.Off)
			}
			if err := w.encoder.encode(w, s, r); err != nil {
				return fmt.Errorf("%s+%#x: %s: %w", s.Name, r.Off, r.Kind, err)
			}
		}
	}
	return nil
}

// target returns the symbol of a relocation and what is to be added to it.
func (w *machoWriter) target(r Reloc) (symbol int32, addend int64, err error) {
	if r.Symbol <= 0 || int(r.Symbol) >= len(w.index) {
		return 0, 0, fmt.Errorf("internal error: symbol %d", r.Symbol)
	}
	s := &w.o.Symbols[r.Symbol]
	if s.Type == SectionSym && s.Section > 0 && int(s.Section) < len(w.number) && w.number[s.Section] > 0 {
		symbol, addend = w.anchor(s.Section, int64(s.Value)+r.Addend)
		return symbol, addend, nil
	}
	if w.index[r.Symbol] < 0 {
		return 0, 0, fmt.Errorf("internal error: symbol %d names nothing", r.Symbol)
	}
	return w.index[r.Symbol], r.Addend, nil
}

// errKind is returned for what the format cannot say.
func errKind(r Reloc) error {
	return fmt.Errorf("internal error: relocation type %d cannot be written", r.Type)
}

// put adds an entry, and what is in the field.
func (s *machoOut) put(e machoEntry, field int64) error {
	width := 1 << e.length
	if width < 8 && field != int64(uint64(field)<<(64-8*width))>>(64-8*width) {
		return fmt.Errorf("the addend %#x does not fit into %d bytes", field, width)
	}
	s.entries = append(s.entries, e)
	s.patches = append(s.patches, machoPatch{uint64(e.addr), width, field})
	return nil
}

// absolute encodes an address in data.
func (w *machoWriter) absolute(s *machoOut, r Reloc) error {
	symbol, addend, err := w.target(r)
	if err != nil {
		return err
	}
	length := uint8(bits.TrailingZeros(uint(r.Kind.Info().Width)))
	return s.put(machoEntry{addr: uint32(r.Off), symbol: symbol, typ: x86Unsigned, length: length}, addend)
}

// distance encodes S + A - P in data as the pair SUBTRACTOR, UNSIGNED, with a
// label near the field in the place of P.
func (w *machoWriter) distance(s *machoOut, r Reloc, subtractor uint8) error {
	symbol, addend, err := w.target(r)
	if err != nil {
		return err
	}
	from, off := w.anchor(s.index, int64(r.Off))
	length := uint8(bits.TrailingZeros(uint(r.Kind.Info().Width)))
	s.entries = append(s.entries, machoEntry{addr: uint32(r.Off), symbol: from, typ: subtractor, length: length})
	return s.put(machoEntry{addr: uint32(r.Off), symbol: symbol, typ: x86Unsigned, length: length}, addend-off)
}

func (w *machoWriter) relocAMD64(s *machoOut, r Reloc) error {
	e := machoEntry{addr: uint32(r.Off), length: 2, pcrel: true}
	switch typ := uint8(r.Type); r.Kind {
	case reloc.Abs64, reloc.Abs32:
		return w.absolute(s, r)
	case reloc.PC64:
		return w.distance(s, r, x86Subtractor)
	case reloc.PC32:
		switch typ {
		case x86Subtractor:
			return w.distance(s, r, x86Subtractor)
		case x86Signed, x86Signed1, x86Signed2, x86Signed4:
			e.typ = typ
		default:
			e.typ = x86Signed
		}
	case reloc.PC8:
		e.typ, e.length = x86Branch, 0
	case reloc.Call32:
		e.typ = x86Branch
	case reloc.GOT32:
		if e.typ = x86GOT; typ == x86GOTLoad {
			e.typ = x86GOTLoad
		}
	case reloc.TLS:
		e.typ = x86TLV
	default:
		return errKind(r)
	}
	symbol, addend, err := w.target(r)
	if err != nil {
		return err
	}
	// The processor counts from the end of the field, at the least.
	e.symbol = symbol
	return s.put(e, addend+1<<e.length)
}

func (w *machoWriter) relocARM64(s *machoOut, r Reloc) error {
	e := machoEntry{addr: uint32(r.Off), length: 2}
	addends := false
	switch r.Kind {
	case reloc.Abs64, reloc.Abs32:
		return w.absolute(s, r)
	case reloc.PC32, reloc.PC64:
		return w.distance(s, r, armSubtractor)
	case reloc.GOT32:
		e.typ, e.pcrel = armPointerToGOT, true
	case reloc.Branch26:
		e.typ, e.pcrel, addends = armBranch26, true, true
	case reloc.Page21:
		e.typ, e.pcrel, addends = armPage21, true, true
	case reloc.PageOff12, reloc.PageOff12S1, reloc.PageOff12S2, reloc.PageOff12S3, reloc.PageOff12S4:
		e.typ, addends = armPageOff12, true
	case reloc.GOTPage21:
		e.typ, e.pcrel = armGOTLoadPage21, true
	case reloc.GOTPageOff12:
		e.typ = armGOTLoadPageOff12
	case reloc.TLS:
		if e.typ = uint8(r.Type); e.typ != armTLVPLoadPage21 && e.typ != armTLVPLoadPageOff {
			return errKind(r)
		}
		e.pcrel = e.typ == armTLVPLoadPage21
	default:
		return errKind(r)
	}
	symbol, addend, err := w.target(r)
	if err != nil {
		return err
	}
	if addend != 0 {
		if !addends || addend < -machoAddend || addend >= machoAddend {
			return fmt.Errorf("the addend %#x cannot be said in a Mach-O object", addend)
		}
		s.entries = append(s.entries, machoEntry{addr: e.addr, symbol: int32(addend), typ: armAddend, length: 2, addend: true})
	}
	e.symbol = symbol
	s.entries = append(s.entries, e)
	return nil
}
