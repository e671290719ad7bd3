package elfmacho

import "github.com/cargo-rustgo/cargo-rustgo/internal/reloc"

// Relocation types of <mach-o/x86_64/reloc.h>. The processor counts from the end
// of an instruction. Where an immediate is between the field and that end the
// assembler has subtracted its size from the field; SIGNED_1, SIGNED_2 and
// SIGNED_4 only tell a linker which address is meant, which matters where the
// relocation names a section.
const (
	x86Unsigned   = 0
	x86Signed     = 1
	x86Branch     = 2
	x86GOTLoad    = 3
	x86GOT        = 4
	x86Subtractor = 5
	x86Signed1    = 6
	x86Signed2    = 7
	x86Signed4    = 8
	x86TLV        = 9
)

func prefixAMD64(typ uint8) bool { return typ == x86Subtractor }

func (p *machoParser) relocAMD64(s *machoSection, list []machoReloc) (out Reloc, n int, err error) {
	r := &list[0]
	switch r.typ() {
	case x86Unsigned:
		out, err = p.unsigned(s, r)
		return out, 1, err
	case x86Subtractor:
		out, err = p.difference(s, list, x86Unsigned)
		return out, 2, err
	}
	out.Type = uint16(r.typ())
	lengths := []uint{2}
	immediate := int64(0) // bytes between the field and the end of the instruction
	switch r.typ() {
	case x86Signed:
		out.Kind = reloc.PC32
	case x86Signed1:
		out.Kind, immediate = reloc.PC32, 1
	case x86Signed2:
		out.Kind, immediate = reloc.PC32, 2
	case x86Signed4:
		out.Kind, immediate = reloc.PC32, 4
	case x86Branch:
		out.Kind = reloc.Call32
		if r.length() == 0 {
			out.Kind, lengths = reloc.PC8, []uint{0}
		}
	case x86GOTLoad, x86GOT:
		out.Kind = reloc.GOT32
	case x86TLV:
		out.Kind = reloc.TLS
	default:
		return out, 0, p.bad(s, r, "unknown relocation type %d", r.typ())
	}
	if err := p.form(s, r, true, lengths...); err != nil {
		return out, 0, err
	}
	value, err := p.field(s, r)
	if err != nil {
		return out, 0, err
	}
	if out.Kind == reloc.GOT32 || out.Kind == reloc.TLS {
		if _, err := p.external(s, r); err != nil {
			return out, 0, err
		}
	}
	// S + A - P, where P is the field.
	end := int64(1) << r.length()
	addr := s.addr + uint64(r.addr) + uint64(end+immediate+value)
	out.Symbol, out.Addend, err = p.target(s, r, value+immediate, addr)
	out.Addend -= end + immediate
	return out, 1, err
}
