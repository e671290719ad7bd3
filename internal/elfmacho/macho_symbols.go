package elfmacho

import (
	"encoding/binary"
	"math/bits"
	"strings"
)

// Bits of n_type and n_desc (<mach-o/nlist.h>).
const (
	nStab = 0xe0
	nPext = 0x10
	nType = 0x0e
	nExt  = 0x01

	nUndf = 0x0
	nAbs  = 0x2
	nSect = 0xe
	nIndr = 0xa

	nReferencedDynamically = 0x10
	nNoDeadStrip           = 0x20
	nWeakRef               = 0x40
	nWeakDef               = 0x80
	nSymbolResolver        = 0x100
	nAltEntry              = 0x200
)

// MachOName returns the name in a Mach-O file of a global symbol that is called
// name in C, where \x01 takes the place of the underscore that a name lacks, as
// in LLVM.
func MachOName(name string) string {
	if rest, ok := strings.CutPrefix(name, "\x01"); ok {
		return rest
	}
	return "_" + name
}

// CName is the inverse of MachOName.
func CName(name string) string {
	if rest, ok := strings.CutPrefix(name, "_"); ok {
		return rest
	}
	return "\x01" + name
}

// readSymtab reads the load command at off.
func (p *machoParser) readSymtab(off uint64, command []byte) error {
	le := binary.LittleEndian
	if len(command) < machoSymtabSize {
		return bad(off, "symbol table command of %d bytes, want %d", len(command), machoSymtabSize)
	}
	if p.strings != nil {
		return bad(off, "a second symbol table")
	}
	p.strings = &stringTable{}
	p.symtab = uint64(le.Uint32(command[8:]))
	count := uint64(le.Uint32(command[12:]))
	if err := p.take(off+8, p.symtab, count*machoSymbolSize, "symbol table"); err != nil {
		return err
	}
	p.symbolCount = int(count)
	names, size := uint64(le.Uint32(command[16:])), uint64(le.Uint32(command[20:]))
	if err := p.take(off+16, names, size, "string table"); err != nil {
		return err
	}
	if size > 0 {
		p.strings.text = string(p.data[names : names+size])
	}
	p.strings.budget = 16*len(p.strings.text) + 256*p.symbolCount
	return nil
}

// machoDef is what splitting needs to know of a symbol in a section.
type machoDef struct {
	symbol int32  // index into Object.Symbols
	off    uint64 // in the section
	desc   uint16
	label  bool // of the assembler's: it names no atom
}

// symbols fills Object.Symbols: symbol i of the file becomes symbol i+1. Until
// they are split sections are numbered as in the file.
func (p *machoParser) symbols() error {
	le := binary.LittleEndian
	p.obj.Symbols = make([]Symbol, p.symbolCount+1)
	p.stabs = make([]bool, p.symbolCount)
	p.defs = make([][]machoDef, len(p.sects))
	for i := range p.symbolCount {
		off := p.symtab + uint64(i)*machoSymbolSize
		d := p.data[off:]
		typ, sect, desc, value := d[4], d[5], le.Uint16(d[6:]), le.Uint64(d[8:])
		if typ&nStab != 0 {
			p.stabs[i] = true // the symbol stays empty
			continue
		}
		name, ok := p.strings.name(le.Uint32(d))
		if !ok {
			return bad(off, "symbol %d: name offset %#x is not in the string table, or has no end", i, le.Uint32(d))
		}
		s := &p.obj.Symbols[i+1]
		switch {
		case typ&nExt != 0:
			s.Name, s.Bind, s.Hidden = CName(name), Global, typ&nPext != 0
		default:
			s.Name = strings.TrimPrefix(name, "_")
		}
		switch typ & nType {
		case nUndf:
			s.Section = Undefined
			if typ&nExt != 0 && value != 0 {
				s.Section, s.Type, s.Size, s.Value = Common, DataObject, value, commonAlign(value, desc)
			} else if desc&nWeakRef != 0 && s.Bind == Global {
				s.Bind = Weak
			}
			continue
		case nAbs:
			s.Section, s.Value = Absolute, value
		case nSect:
			if sect == 0 || int(sect) > len(p.sects) {
				return bad(off+5, "symbol %s: section index %d out of range", name, sect)
			}
			section := &p.sects[sect-1]
			if value < section.addr || value-section.addr > section.size {
				return bad(off+8, "symbol %s: address %#x is outside of section %s (%#x bytes at %#x)", name, value, section.name, section.size, section.addr)
			}
			def := machoDef{symbol: int32(i + 1), off: value - section.addr, desc: desc, label: s.Bind == Local && isLabel(name)}
			s.Section, s.Value, s.Type = int32(sect), def.off, machoType(section, desc)
			if def.label {
				s.Name, s.Type = "", SectionSym
			}
			p.defs[sect-1] = append(p.defs[sect-1], def)
		case nIndr:
			return bad(off+4, "symbol %s: another name of a symbol elsewhere (N_INDR), which is not supported", name)
		default:
			return bad(off+4, "symbol %s: unknown type (n_type %#x)", name, typ)
		}
		if desc&nWeakDef != 0 && s.Bind == Global {
			s.Bind = Weak
		}
	}
	return nil
}

// isLabel reports whether a local symbol is one of the assembler's own, at which
// no atom starts: L…, which is seldom kept, and ltmp…, at the start of each
// section of arm64. They name a place and nothing else. Private symbols of
// compilers are called l… and name atoms.
func isLabel(name string) bool {
	return strings.HasPrefix(name, "L") || strings.HasPrefix(name, "ltmp")
}

func machoType(s *machoSection, desc uint16) Type {
	switch {
	case s.kind == TLSData:
		return ThreadLocal
	case s.kind != Text:
		return DataObject
	case desc&nSymbolResolver != 0:
		return IndirectFunc
	}
	return Func
}

// commonAlign is the alignment of a tentative definition. Where the file has
// none the linker has to find one (GET_COMM_ALIGN is 0): the size, up to what
// the largest type of C asks for.
func commonAlign(size uint64, desc uint16) uint64 {
	if log := desc >> 8 & 15; log != 0 {
		return 1 << log
	}
	if size >= 16 {
		return 16
	}
	return 1 << bits.Len64(size-1)
}
