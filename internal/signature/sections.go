package signature

import (
	"encoding/binary"
	"fmt"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
)

// sections are the parts of DWARF that declarations need. Machine addresses,
// locations and line programs are of no use here and stay unread.
type sections struct {
	info, abbrev, str, strOffsets, line, lineStr []byte
}

// loadSections copies the debug sections of o and relocates them. Only offsets
// from one debug section into another matter; a field that refers to anything
// else, such as code, becomes 0, and so does one whose target was dropped.
func loadSections(o *elfmacho.Object) (*sections, error) {
	var s sections
	byName := map[string]*[]byte{
		".debug_info": &s.info, ".debug_abbrev": &s.abbrev,
		".debug_str": &s.str, ".debug_str_offsets": &s.strOffsets,
		".debug_line": &s.line, ".debug_line_str": &s.lineStr,
	}
	for i := range o.Sections {
		section := &o.Sections[i]
		field := byName[section.Name]
		if section.Kind != elfmacho.Debug || field == nil {
			continue
		}
		if *field != nil {
			return nil, fmt.Errorf("a second section %s", section.Name)
		}
		*field = section.Data
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
