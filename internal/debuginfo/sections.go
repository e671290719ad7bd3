package debuginfo

import (
	"encoding/binary"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
)

// Sections are the parts of DWARF that declarations and lines need. Where
// variables are and which ranges functions occupy is of no use here and stays
// unread.
type Sections struct {
	Info, Abbrev, Str, StrOffsets, Line, LineStr []byte

	line int32 // which of the object's sections Line is; -1 if it has none
}

// Load copies the debug sections of o and relocates them. Only offsets from one
// debug section into another matter; a field that refers to anything else, such
// as code, becomes 0, and so does one whose target was dropped.
func Load(o *elfmacho.Object) (*Sections, error) {
	s := Sections{line: -1}
	byName := map[string]*[]byte{
		".debug_info": &s.Info, ".debug_abbrev": &s.Abbrev,
		".debug_str": &s.Str, ".debug_str_offsets": &s.StrOffsets,
		".debug_line": &s.Line, ".debug_line_str": &s.LineStr,
	}
	for i := range o.Sections {
		section := &o.Sections[i]
		field := byName[section.Name]
		if section.Kind != elfmacho.Debug || field == nil {
			continue
		}
		if *field != nil {
			return nil, bad(section.Name, 0, "a second section of that name")
		}
		*field = section.Data
		if field == &s.Line {
			s.line = int32(i)
		}
		if section.Relocated == 0 {
			continue
		}
		data, err := relocate(o, int32(i))
		if err != nil {
			return nil, err
		}
		*field = data
	}
	return &s, nil
}

// relocate returns the bytes of a debug section with its relocations applied.
func relocate(o *elfmacho.Object, index int32) ([]byte, error) {
	section := &o.Sections[index]
	relocs, err := o.Relocs(index)
	if err != nil {
		return nil, err
	}
	data := append([]byte(nil), section.Data...)
	for _, r := range relocs {
		var value uint64
		if sym := &o.Symbols[r.Symbol]; sym.Section >= 0 && o.Sections[sym.Section].Kind == elfmacho.Debug {
			value = sym.Value + uint64(r.Addend)
		}
		// Offsets are unsigned fields of 4 bytes, or of 8 in 64-bit DWARF.
		switch field := data[r.Off:]; r.Kind.Info().Width {
		case 4:
			binary.LittleEndian.PutUint32(field, uint32(value))
		case 8:
			binary.LittleEndian.PutUint64(field, value)
		}
	}
	return data, nil
}
