package elfmacho

import (
	"encoding/binary"
	"fmt"
)

// symbols reads the one symbol table.
func (p *elfParser) symbols() error {
	var extended []byte
	for i := 1; i < p.count; i++ {
		h := p.section(i)
		switch h.typ {
		case shtSymtab:
			if p.symtab > 0 {
				return bad(h.off, "a second symbol table")
			}
			p.symtab = i
		case shtSymtabShndx:
			var err error
			if extended, err = p.bytes(uint64(i)); err != nil {
				return err
			}
		}
	}
	if p.symtab == 0 {
		return nil
	}
	h := p.section(p.symtab)
	data, err := p.bytes(uint64(p.symtab))
	if err != nil {
		return fmt.Errorf("symbol table: %w", err)
	}
	if len(data)%elfSymbolSize != 0 {
		return bad(h.off, "symbol table of %d bytes is not a multiple of %d", len(data), elfSymbolSize)
	}
	names, err := p.table(h.link, len(data)/elfSymbolSize)
	if err != nil {
		return fmt.Errorf("symbol names: %w", err)
	}
	le := binary.LittleEndian
	p.symbolCount = len(data) / elfSymbolSize
	p.obj.Symbols = make([]Symbol, p.symbolCount)
	for i := 1; i < len(p.obj.Symbols); i++ {
		d := data[i*elfSymbolSize:]
		off := h.off + uint64(i)*elfSymbolSize
		name, ok := names.name(le.Uint32(d))
		if !ok {
			return bad(off, "symbol %d: name offset %#x is not in the string table, or has no end", i, le.Uint32(d))
		}
		s := &p.obj.Symbols[i]
		*s = Symbol{Name: name, Value: le.Uint64(d[8:]), Size: le.Uint64(d[16:])}
		visibility := d[5] & 3
		s.Hidden = visibility == 1 || visibility == 2
		if s.Bind, s.Type, ok = elfSymbolInfo(d[4]); !ok {
			return bad(off, "symbol %s: unknown binding or type (st_info %#x)", name, d[4])
		}
		if p.machine.mapping != nil && s.Bind == Local && s.Type == NoType && p.machine.mapping(name) {
			s.Type = Mapping
		}
		index := uint64(le.Uint16(d[6:]))
		switch {
		case index == shnXindex:
			if len(extended) < 4*(i+1) {
				return bad(off, "symbol %s: no entry in the extended section index table", name)
			}
			index = uint64(le.Uint32(extended[4*i:]))
		case index == shnUndef:
			s.Section = Undefined
			continue
		case index == shnAbs:
			s.Section = Absolute
			continue
		case index == shnCommon:
			s.Section = Common
			if s.Value == 0 || s.Value&(s.Value-1) != 0 || s.Value > maxAlign {
				return bad(off, "common symbol %s: alignment %d is not a power of two up to %d", name, s.Value, maxAlign)
			}
			continue
		case index >= shnLo:
			return bad(off, "symbol %s: reserved section index %#x", name, index)
		}
		if index == 0 || index >= uint64(len(p.obj.Sections)) {
			return bad(off, "symbol %s: section index %d out of range", name, index)
		}
		s.Section = int32(index)
		section := &p.obj.Sections[index]
		if s.Value > section.Size {
			return bad(off, "symbol %s: offset %#x is past the end of section %s (%#x bytes)", name, s.Value, section.Name, section.Size)
		}
		// A size that lies is worth nothing but harms nobody when cut.
		s.Size = min(s.Size, section.Size-s.Value)
	}
	return nil
}

func elfSymbolInfo(info byte) (bind Bind, typ Type, ok bool) {
	switch info >> 4 {
	case 0:
		bind = Local
	case 1, 10: // 10 is STB_GNU_UNIQUE, one per process: a global here
		bind = Global
	case 2:
		bind = Weak
	default:
		return 0, 0, false
	}
	if typ = elfSymbolTypes[info&15]; typ == badType {
		return 0, 0, false
	}
	return bind, typ, true
}

const badType = ^Type(0)

// elfSymbolTypes is indexed by ELF64_ST_TYPE.
var elfSymbolTypes = [16]Type{
	NoType, DataObject, Func, SectionSym, FileSym, DataObject, ThreadLocal, badType,
	badType, badType, IndirectFunc, badType, badType, badType, badType, badType,
}
