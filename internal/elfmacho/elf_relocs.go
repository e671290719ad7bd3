package elfmacho

import (
	"encoding/binary"
	"fmt"
	"sort"

	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// relations connects relocation sections and groups with what they apply to.
func (p *elfParser) relations() error {
	p.rela = make([]int32, p.count)
	var grouped []bool
	for i := 1; i < p.count; i++ {
		h, name := p.section(i), p.obj.Sections[i].Name
		switch h.typ {
		case shtRel:
			return bad(h.off, "section %s: relocations without addends, which no compiler for %s writes", name, p.obj.Arch)
		case shtRelr, shtCrel, shtAndroidRel, shtAndroidRela:
			return bad(h.off, "section %s: compact relocations (section type %#x) are not supported; build without -Wa,--crel", name, h.typ)
		case shtRela:
			if h.info == 0 || uint64(h.info) >= uint64(p.count) {
				return bad(h.off, "relocation section %s: target section %d out of range", name, h.info)
			}
			if h.size%elfRelaSize != 0 {
				return bad(h.off, "relocation section %s: %d bytes is not a multiple of %d", name, h.size, elfRelaSize)
			}
			if h.size == 0 {
				continue
			}
			if p.symtab == 0 || h.link != uint32(p.symtab) {
				return bad(h.off, "relocation section %s: sh_link %d is not the symbol table", name, h.link)
			}
			target := &p.obj.Sections[h.info]
			if target.Data == nil && target.Size > 0 {
				return bad(h.off, "relocation section %s: section %s has no contents", name, target.Name)
			}
			if p.rela[h.info] != 0 {
				return bad(h.off, "relocation section %s: section %s has another one", name, target.Name)
			}
			p.rela[h.info] = int32(i)
			target.Relocated = int32(h.size / elfRelaSize)
		case shtGroup:
			if grouped == nil {
				grouped = make([]bool, p.count)
			}
			if err := p.group(i, grouped); err != nil {
				return err
			}
		}
	}
	return nil
}

// group reads one section group: a word of flags and the indexes of the
// members (gABI, "Section Groups").
func (p *elfParser) group(i int, grouped []bool) error {
	h, data := p.section(i), p.obj.Sections[i].Data
	if len(data) < 4 || len(data)%4 != 0 {
		return bad(h.off, "group section of %d bytes", len(data))
	}
	if h.info == 0 || uint64(h.info) >= uint64(len(p.obj.Symbols)) {
		return bad(h.off, "group: signature symbol %d out of range", h.info)
	}
	le := binary.LittleEndian
	flags := le.Uint32(data)
	signature := p.obj.Symbols[h.info]
	g := Group{Signature: signature.Name}
	if signature.Type == SectionSym && signature.Section >= 0 {
		g.Signature = p.obj.Sections[signature.Section].Name
	}
	for data = data[4:]; len(data) > 0; data = data[4:] {
		member := le.Uint32(data)
		if member == 0 || uint64(member) >= uint64(p.count) {
			return bad(h.off, "group %s: section %d out of range", g.Signature, member)
		}
		if grouped[member] {
			return bad(h.off, "group %s: section %s is in two groups", g.Signature, p.obj.Sections[member].Name)
		}
		grouped[member] = true
		g.Sections = append(g.Sections, int32(member))
	}
	// A group without the flag is kept or dropped as the code needs it.
	if flags&grpComdat != 0 {
		p.obj.Groups = append(p.obj.Groups, g)
	}
	return nil
}

// relocs decodes and checks the relocations of one section.
func (p *elfParser) relocs(section int32) ([]Reloc, error) {
	s := &p.obj.Sections[section]
	if int(section) >= len(p.rela) || p.rela[section] == 0 {
		return nil, nil // pieces of a split section have none
	}
	i := p.rela[section]
	data, err := p.bytes(uint64(i))
	if err != nil {
		return nil, fmt.Errorf("section %s: %w", p.obj.Sections[i].Name, err)
	}
	list := make([]Reloc, 0, s.Relocated)
	sorted := true
	for at := p.section(int(i)).off; len(data) > 0; {
		r, n, err := p.decode(section, data)
		if err != nil {
			return nil, bad(at, "%s+%#x: %v", s.Name, r.Off, err)
		}
		data, at = data[n*elfRelaSize:], at+uint64(n)*elfRelaSize
		if r.Kind == reloc.None {
			continue
		}
		width := uint64(r.Kind.Info().Width)
		if r.Off > s.Size || width > s.Size-r.Off {
			return nil, bad(at, "%s+%#x: relocation is past the end of the section (%#x bytes)", s.Name, r.Off, s.Size)
		}
		if n := len(list); n > 0 && list[n-1].Off > r.Off {
			sorted = false
		}
		list = append(list, r)
	}
	if !sorted {
		sort.SliceStable(list, func(i, j int) bool { return list[i].Off < list[j].Off })
	}
	for i := 1; i < len(list); i++ {
		if prev := &list[i-1]; prev.Off+uint64(prev.Kind.Info().Width) > list[i].Off {
			return nil, &FormatError{-1, fmt.Sprintf("%s+%#x: overlapping relocations", s.Name, list[i].Off)}
		}
	}
	return list, nil
}

// decode decodes the relocation at the start of entries, and says how many of
// them it is.
func (p *elfParser) decode(section int32, entries []byte) (Reloc, int, error) {
	if p.machine.special != nil {
		if r, n, err := p.machine.special(p, section, entries); n > 0 || err != nil {
			return r, n, err
		}
	}
	r, typ, err := p.entry(entries)
	if err != nil {
		return r, 0, err
	}
	var ok bool
	if r.Kind, ok = p.machine.kind(typ); !ok {
		return r, 0, fmt.Errorf("unknown relocation type %d", typ)
	}
	return r, 1, p.retarget(&r)
}

// entry reads one entry.
func (p *elfParser) entry(data []byte) (r Reloc, typ uint32, err error) {
	le := binary.LittleEndian
	info := le.Uint64(data[8:])
	r = Reloc{Off: le.Uint64(data), Type: uint16(info), Symbol: int32(info >> 32), Addend: int64(le.Uint64(data[16:]))}
	if symbol := info >> 32; symbol >= uint64(p.symbolCount) {
		return r, 0, fmt.Errorf("relocation symbol %d out of range", symbol)
	}
	return r, uint32(info), nil
}
