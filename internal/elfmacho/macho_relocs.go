package elfmacho

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"sort"

	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// A Mach-O relocation names a symbol, or a section: then the address that is
// meant is in the field, as it is in the file. What else there is to an address
// is in the field too, or in an entry of its own before. After decoding all of it
// is in Addend, as in ELF, and the bytes of the field mean nothing.

// machoReloc is a struct relocation_info.
type machoReloc struct {
	addr  uint32 // offset of the field in the section
	info  uint32 // from bit 0: 24 of symbol or section, pcrel, 2 of length, extern, 4 of type
	index uint32 // in the file
}

func (r *machoReloc) symbol() uint32 { return r.info & 0xffffff }
func (r *machoReloc) pcrel() bool    { return r.info>>24&1 != 0 }
func (r *machoReloc) length() uint   { return uint(r.info >> 25 & 3) } // log2 of the bytes
func (r *machoReloc) extern() bool   { return r.info>>27&1 != 0 }
func (r *machoReloc) typ() uint8     { return uint8(r.info >> 28) }

// relations sorts the relocations of each section and counts those of each atom.
func (p *machoParser) relations() error {
	le := binary.LittleEndian
	for i := range p.sects {
		s := &p.sects[i]
		for j := range s.relocs {
			off := s.reloff + uint64(j)*machoRelocSize
			r := machoReloc{le.Uint32(p.data[off:]), le.Uint32(p.data[off+4:]), uint32(j)}
			if r.addr>>31 != 0 {
				return bad(off, "%s: a scattered relocation, which no 64-bit target has", s.name)
			}
			if uint64(r.addr) >= s.size {
				return bad(off, "%s+%#x: relocation is past the end of the section (%#x bytes)", s.name, r.addr, s.size)
			}
			s.relocs[j] = r
		}
		// Compilers write them from the end of the section to its start.
		slices.SortFunc(s.relocs, func(a, b machoReloc) int {
			return cmp.Or(cmp.Compare(a.addr, b.addr), cmp.Compare(a.index, b.index))
		})
		k := 0
		for j := range s.relocs {
			r := &s.relocs[j]
			for k+1 < len(s.starts) && uint64(r.addr) >= s.starts[k+1] {
				k++
			}
			if !p.machine.prefix(r.typ()) {
				p.obj.Sections[s.first+int32(k)].Relocated++
			}
		}
	}
	return nil
}

// decode decodes and checks the relocations of one atom.
func (p *machoParser) decode(section int32) ([]Reloc, error) {
	if section == 0 {
		return nil, nil
	}
	s, atom := &p.sects[p.owner[section]], &p.obj.Sections[section]
	start := s.starts[section-s.first]
	from := func(off uint64) int {
		return sort.Search(len(s.relocs), func(i int) bool { return uint64(s.relocs[i].addr) >= off })
	}
	entries := s.relocs[from(start):from(start+atom.Size)]
	list := make([]Reloc, 0, atom.Relocated)
	for len(entries) > 0 {
		r, n, err := p.machine.decode(p, s, entries)
		if err != nil {
			return nil, err
		}
		r.Off = uint64(entries[0].addr) - start
		if width := uint64(r.Kind.Info().Width); width > atom.Size-r.Off {
			return nil, p.bad(s, &entries[0], "relocation is past the end of the atom (%#x bytes)", atom.Size)
		}
		if k := len(list); k > 0 && list[k-1].Off+uint64(list[k-1].Kind.Info().Width) > r.Off {
			return nil, p.bad(s, &entries[0], "overlapping relocations")
		}
		list, entries = append(list, r), entries[n:]
	}
	return list, nil
}

func (p *machoParser) bad(s *machoSection, r *machoReloc, format string, args ...any) error {
	return bad(s.reloff+uint64(r.index)*machoRelocSize, "%s+%#x: %s", s.name, r.addr, fmt.Sprintf(format, args...))
}

// form checks the parts of an entry that its type settles.
func (p *machoParser) form(s *machoSection, r *machoReloc, pcrel bool, lengths ...uint) error {
	if r.pcrel() != pcrel || !slices.Contains(lengths, r.length()) {
		return p.bad(s, r, "relocation type %d of %d bytes, relative to the field: %v", r.typ(), 1<<r.length(), r.pcrel())
	}
	return nil
}

// field returns what is in the field, sign-extended.
func (p *machoParser) field(s *machoSection, r *machoReloc) (int64, error) {
	width := uint64(1) << r.length()
	if uint64(r.addr)+width > s.size {
		return 0, p.bad(s, r, "relocation is past the end of the section (%#x bytes)", s.size)
	}
	le, b := binary.LittleEndian, s.data[r.addr:]
	switch width {
	case 1:
		return int64(int8(b[0])), nil
	case 2:
		return int64(int16(le.Uint16(b))), nil
	case 4:
		return int64(int32(le.Uint32(b))), nil
	}
	return int64(le.Uint64(b)), nil
}

// external returns the symbol that an entry names.
func (p *machoParser) external(s *machoSection, r *machoReloc) (int32, error) {
	i := r.symbol()
	switch {
	case !r.extern():
		return 0, p.bad(s, r, "relocation type %d of a section, where a symbol is needed", r.typ())
	case int64(i) >= int64(p.symbolCount):
		return 0, p.bad(s, r, "relocation symbol %d out of range", i)
	case p.stabs[i]:
		return 0, p.bad(s, r, "relocation symbol %d is for debuggers", i)
	}
	return int32(i) + 1, nil
}

// target returns the symbol and the addend of what is meant: of an entry that
// names a symbol, addend is added to it; of one that names a section, what is
// meant is at addr in the file.
func (p *machoParser) target(s *machoSection, r *machoReloc, addend int64, addr uint64) (int32, int64, error) {
	if r.extern() {
		symbol, err := p.external(s, r)
		return symbol, addend, err
	}
	i := r.symbol()
	if i == 0 || int64(i) > int64(len(p.sects)) {
		return 0, 0, p.bad(s, r, "relocation section %d out of range", i)
	}
	t := &p.sects[i-1]
	if addr < t.addr || addr-t.addr > t.size {
		return 0, 0, p.bad(s, r, "a reference to address %#x, which is not in section %s", addr, t.name)
	}
	k, off := t.find(addr - t.addr)
	return t.symbol + k, int64(off), nil
}

// unsigned decodes an address in data, of the same form on all processors.
func (p *machoParser) unsigned(s *machoSection, r *machoReloc) (out Reloc, err error) {
	if err := p.form(s, r, false, 2, 3); err != nil {
		return out, err
	}
	value, err := p.field(s, r)
	if err != nil {
		return out, err
	}
	out = Reloc{Kind: reloc.Abs64, Type: uint16(r.typ())}
	addr := uint64(value)
	if r.length() == 2 {
		out.Kind, addr = reloc.Abs32, uint64(uint32(value))
	}
	out.Symbol, out.Addend, err = p.target(s, r, value, addr)
	return out, err
}

// difference decodes the pair SUBTRACTOR, UNSIGNED: the address of the second
// minus that of the first.
func (p *machoParser) difference(s *machoSection, list []machoReloc, unsigned uint8) (out Reloc, err error) {
	r := &list[0]
	if !pair(list) || list[1].typ() != unsigned || list[1].length() != r.length() {
		return out, p.bad(s, r, "SUBTRACTOR without UNSIGNED behind it")
	}
	if err := p.form(s, r, false, 2, 3); err != nil {
		return out, err
	}
	from, err := p.external(s, r)
	if err != nil {
		return out, err
	}
	to, err := p.unsigned(s, &list[1])
	if err != nil {
		return out, err
	}
	a, b := &p.obj.Symbols[to.Symbol], &p.obj.Symbols[from]
	k, off := s.find(uint64(r.addr))
	wide := r.length() == 3
	out = Reloc{Type: uint16(r.typ()), Symbol: to.Symbol, Addend: to.Addend}
	switch {
	case b.Section <= 0:
		return out, p.bad(s, r, "a distance from `%s`, which is not in this object", b.Name)
	case a.Section == b.Section && a.Bind != Weak:
		// A number that is known. The null symbol is at 0.
		out.Kind, out.Symbol, out.Addend = reloc.Abs32S, 0, to.Addend+int64(a.Value)-int64(b.Value)
		if wide {
			out.Kind = reloc.Abs64
		}
	case b.Section == s.first+k:
		out.Kind, out.Addend = reloc.PC32, to.Addend+int64(off)-int64(b.Value)
		if wide {
			out.Kind = reloc.PC64
		}
	default:
		return out, p.bad(s, r, "the distance from `%s` to `%s`, which is not relative to the place where it is stored, is not supported", b.Name, a.Name)
	}
	return out, nil
}

// pair reports whether the first two entries are one behind the other in the
// file and apply to one field.
func pair(list []machoReloc) bool {
	return len(list) > 1 && list[1].addr == list[0].addr && list[1].index == list[0].index+1
}
