package elfmacho

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/target"
)

// Mach-O 64-bit relocatable objects, little endian (<mach-o/loader.h>,
// <mach-o/nlist.h>, <mach-o/reloc.h>):
//
//	header    32 bytes: magic, CPU type and subtype, file type, number and
//	          size of the load commands, flags
//	commands  each: type, size, …
//	  segment 72 bytes: type, size, name, address and size in memory, offset
//	          and size in the file, protections, number of sections, flags
//	  section 80 bytes: name, segment name, address, size, offset, alignment
//	          (log2), offset and number of relocations, flags
//	  symtab  24 bytes: type, size, offset and number of symbols, offset and
//	          size of the strings
//	symbols   16 bytes each: name, type, section, description, value
//	relocs     8 bytes each: address, symbol | pcrel | length | extern | type
//
// An object has one segment, which has no name. Addresses are those that its
// sections would have behind each other.
const (
	machoHeaderSize  = 32
	machoSegmentSize = 72
	machoSectionSize = 80
	machoSymtabSize  = 24
	machoSymbolSize  = 16
	machoRelocSize   = 8

	machoMagic = "\xcf\xfa\xed\xfe" // MH_MAGIC_64

	mhObject                = 1
	mhSubsectionsViaSymbols = 0x2000

	lcSymtab    = 0x2
	lcSegment   = 0x1
	lcSegment64 = 0x19

	maxSect = 255 // MAX_SECT: n_sect is a byte

	sZerofill                = 0x1
	sCstringLiterals         = 0x2
	s4ByteLiterals           = 0x3
	s8ByteLiterals           = 0x4
	sNonLazySymbolPointers   = 0x6
	sLazySymbolPointers      = 0x7
	sSymbolStubs             = 0x8
	sModInitFuncPointers     = 0x9
	sModTermFuncPointers     = 0xa
	sGBZerofill              = 0xc
	s16ByteLiterals          = 0xe
	sDtraceDOF               = 0xf
	sLazyDylibSymbolPointers = 0x10
	sThreadLocalRegular      = 0x11
	sThreadLocalZerofill     = 0x12
	sThreadLocalVariables    = 0x13
	sThreadLocalPointers     = 0x14
	sThreadLocalInit         = 0x15
	sInitFuncOffsets         = 0x16

	sAttrPureInstructions = 0x80000000
	sAttrNoDeadStrip      = 0x10000000
	sAttrLiveSupport      = 0x08000000
	sAttrDebug            = 0x02000000
	sAttrSomeInstructions = 0x00000400
)

// machoMachine is what differs between the processors.
type machoMachine struct {
	arch string
	// decode reads the relocation at the start of list, with the entry that
	// belongs to it, and returns the number of entries.
	decode func(p *machoParser, s *machoSection, list []machoReloc) (Reloc, int, error)
	// prefix reports whether an entry of a type is the first of two.
	prefix func(typ uint8) bool
}

// machoMachines is keyed by CPU type.
var machoMachines = map[uint32]machoMachine{
	cpuAMD64: {"amd64", (*machoParser).relocAMD64, prefixAMD64},
	cpuARM64: {"arm64", (*machoParser).relocARM64, prefixARM64},
}

// machoFileTypes names what is refused, by MH_ value.
var machoFileTypes = map[uint32]string{
	2: "an executable", 4: "a core dump", 6: "a dynamic library", 7: "a dynamic linker",
	8: "a bundle", 9: "a stub of a dynamic library", 10: "a file of debug data", 11: "a kernel extension",
}

// machoSection is a section of the file.
type machoSection struct {
	name       string // segment and section: "__TEXT,__text"
	header     uint64 // offset of the header
	addr, size uint64
	off        uint64
	align      uint64 // in bytes
	reloff     uint64
	flags      uint32
	kind       Kind
	data       []byte
	starts     []uint64 // offsets of the atoms, ascending; the first is 0
	first      int32    // Section of the first atom; the others follow
	symbol     int32    // Symbol of the first atom; the others follow
	mergeable  bool     // the atoms are literals
	relocs     []machoReloc
}

func (s *machoSection) typ() uint32 { return s.flags & 0xff }

// zerofill reports whether a section has no bytes in the file.
func (s *machoSection) zerofill() bool {
	return s.typ() == sZerofill || s.typ() == sGBZerofill || s.typ() == sThreadLocalZerofill
}

type machoParser struct {
	data        []byte
	machine     machoMachine
	left        uint64         // bytes of the file that no part of it has yet
	subsections bool           // MH_SUBSECTIONS_VIA_SYMBOLS
	segment     bool           // LC_SEGMENT_64 was there
	sects       []machoSection // n_sect 1 is the first
	symtab      uint64         // offset of the symbols
	symbolCount int            // in the file
	strings     *stringTable   // nil if there is no symbol table
	stabs       []bool         // by symbol of the file: it is for debuggers
	dataInCode  []byte         // the entries of the list; nil if there is none
	dataAt      uint64         // offset of the list
	defs        [][]machoDef   // by section, the symbols in it
	owner       []uint8        // Section → index into sects
	obj         *Object
}

func parseMachO(data []byte) (*Object, error) {
	p, err := readMachO(data)
	if err != nil {
		return nil, err
	}
	return p.obj, nil
}

func readMachO(data []byte) (*machoParser, error) {
	p := &machoParser{data: data, left: uint64(len(data)), obj: &Object{Format: target.MachO}}
	for _, step := range []func() error{p.header, p.disjoint, p.symbols, p.atoms, p.places, p.relations} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	p.obj.decode = p.decode
	return p, nil
}

func (p *machoParser) within(off, size uint64) bool {
	return off <= uint64(len(p.data)) && size <= uint64(len(p.data))-off
}

// take counts a part of the file that nothing else uses. Nothing writes parts
// that share bytes, and n headers over the same bytes would make an input of
// size s take n·s bytes of memory and time.
func (p *machoParser) take(at, off, size uint64, what string) error {
	if size == 0 {
		return nil
	}
	if !p.within(off, size) {
		return bad(at, "%s (%d bytes at %#x) ends past the file", what, size, off)
	}
	if size > p.left {
		return bad(at, "%s overlaps another part of the file: together they are larger than the file", what)
	}
	p.left -= size
	return nil
}

// header checks the file header and walks through the load commands.
func (p *machoParser) header() error {
	d, le := p.data, binary.LittleEndian
	if len(d) < machoHeaderSize {
		return bad(uint64(len(d)), "truncated Mach-O header")
	}
	cpu, subtype := le.Uint32(d[4:]), le.Uint32(d[8:])
	m, ok := machoMachines[cpu]
	if !ok || cpuName(cpu, subtype) == "arm64e" {
		return bad(4, "an object for %s; supported are amd64 and arm64", cpuName(cpu, subtype))
	}
	p.machine = m
	p.obj.Arch = m.arch
	if typ := le.Uint32(d[12:]); typ != mhObject {
		what := machoFileTypes[typ]
		if what == "" {
			what = fmt.Sprintf("a Mach-O file of type %d", typ)
		}
		return bad(12, "%s, not a relocatable object", what)
	}
	p.subsections = le.Uint32(d[24:])&mhSubsectionsViaSymbols != 0

	count, size := le.Uint32(d[16:]), uint64(le.Uint32(d[20:]))
	if !p.within(machoHeaderSize, size) {
		return bad(20, "load commands (%d bytes) end past the file", size)
	}
	p.left -= machoHeaderSize + size
	off, end := uint64(machoHeaderSize), machoHeaderSize+size
	for i := range count {
		if end-off < 8 {
			return bad(off, "load command %d of %d is past the end of the load commands", i, count)
		}
		typ, size := le.Uint32(d[off:]), uint64(le.Uint32(d[off+4:]))
		if size < 8 || size > end-off {
			return bad(off, "load command %d: %d bytes do not fit into the load commands", i, size)
		}
		var err error
		switch command := d[off : off+size]; typ {
		case lcSegment64:
			err = p.sections(off, command)
		case lcSymtab:
			err = p.readSymtab(off, command)
		case lcDataInCode:
			err = p.readDataInCode(off, command)
		case lcSegment:
			err = bad(off, "a 32-bit segment in a 64-bit object")
		}
		// All others say something about the object (who built it for what,
		// which frameworks to link) that the code does not depend on.
		if err != nil {
			return err
		}
		off += size
	}
	return nil
}

// sections reads the headers of the sections of the one segment.
func (p *machoParser) sections(off uint64, command []byte) error {
	le := binary.LittleEndian
	if len(command) < machoSegmentSize {
		return bad(off, "segment command of %d bytes, want at least %d", len(command), machoSegmentSize)
	}
	if p.segment {
		return bad(off, "a second segment, which no object has")
	}
	p.segment = true
	count := le.Uint32(command[64:])
	if count > maxSect {
		return bad(off+64, "%d sections, more than %d", count, maxSect)
	}
	if uint64(count)*machoSectionSize > uint64(len(command)-machoSegmentSize) {
		return bad(off+64, "%d section headers end past their load command", count)
	}
	p.sects = make([]machoSection, count)
	for i := range p.sects {
		at := off + machoSegmentSize + uint64(i)*machoSectionSize
		if err := p.section(&p.sects[i], at, p.data[at:at+machoSectionSize]); err != nil {
			return err
		}
	}
	return nil
}

// section reads the header h at offset at.
func (p *machoParser) section(s *machoSection, at uint64, h []byte) error {
	le := binary.LittleEndian
	*s = machoSection{
		name: field16(h[16:]) + "," + field16(h), header: at,
		addr: le.Uint64(h[32:]), size: le.Uint64(h[40:]), off: uint64(le.Uint32(h[48:])),
		reloff: uint64(le.Uint32(h[56:])), flags: le.Uint32(h[64:]),
	}
	align := le.Uint32(h[52:])
	if align > 63 || 1<<align > maxAlign {
		return bad(at+52, "section %s: alignment 2^%d is not a power of two up to %d", s.name, align, maxAlign)
	}
	s.align = 1 << align
	if s.addr+s.size < s.addr {
		return bad(at+40, "section %s: %#x bytes at address %#x are more than there are", s.name, s.size, s.addr)
	}
	var err error
	if s.kind, err = machoKind(s); err != nil {
		return err
	}
	if !s.zerofill() {
		if err := p.take(at+48, s.off, s.size, "section "+s.name); err != nil {
			return err
		}
		s.data = []byte{}
		if s.size > 0 {
			s.data = p.data[s.off : s.off+s.size : s.off+s.size]
		}
	}
	count := uint64(le.Uint32(h[60:]))
	if count > 0 && s.zerofill() {
		return bad(at+60, "section %s has relocations, but no contents", s.name)
	}
	if err := p.take(at+56, s.reloff, count*machoRelocSize, fmt.Sprintf("%d relocations of section %s", count, s.name)); err != nil {
		return err
	}
	s.relocs = make([]machoReloc, count)
	return nil
}

// field16 cuts the name out of a field of 16 bytes, which it may fill.
func field16(b []byte) string {
	name, _, _ := bytes.Cut(b[:16], []byte{0})
	return string(name)
}

// machoKind classifies a section by its type and attributes, and by its
// segment, which says how it is protected.
func machoKind(s *machoSection) (Kind, error) {
	segment, section, _ := strings.Cut(s.name, ",")
	code := s.flags&(sAttrPureInstructions|sAttrSomeInstructions) != 0
	switch typ := s.typ(); {
	case segment == "__DWARF":
		return Debug, nil
	case s.name == "__TEXT,__eh_frame", s.name == "__LD,__compact_unwind":
		return Unwind, nil
	case segment == "__LLVM", segment == "__LD", s.flags&sAttrDebug != 0, typ == sDtraceDOF:
		return Other, nil
	case typ == sModInitFuncPointers, typ == sModTermFuncPointers, typ == sThreadLocalInit, typ == sInitFuncOffsets:
		return Init, nil
	case section == "__mod_init_func", section == "__mod_term_func", s.name == "__TEXT,__init_offsets":
		return Init, nil
	case typ == sThreadLocalRegular, typ == sThreadLocalZerofill, typ == sThreadLocalVariables, typ == sThreadLocalPointers:
		return TLSData, nil
	case typ == sNonLazySymbolPointers, typ == sLazySymbolPointers, typ == sLazyDylibSymbolPointers, typ == sSymbolStubs:
		return 0, bad(s.header, "section %s: pointers and stubs that a linker makes (section type %#x), which no compiler for 64-bit targets writes", s.name, typ)
	case s.zerofill() && code:
		return 0, bad(s.header, "section %s: executable without contents", s.name)
	case s.zerofill():
		return BSS, nil
	case code && segment != "__TEXT" && strings.HasPrefix(segment, "__DATA"):
		return 0, bad(s.header, "section %s: both writable and executable", s.name)
	case code:
		return Text, nil
	case segment == "__TEXT":
		return ReadOnly, nil
	case segment == "__DATA_CONST", s.name == "__DATA,__const":
		return RelRO, nil
	}
	return Data, nil
}

// loaded reports whether a section is in the memory of a program.
func (s *machoSection) loaded() bool {
	return s.kind != Other && s.kind != Debug && s.kind != Unwind
}

// sectionName is how a section is called after parsing. Readers of DWARF know
// ELF's names; Mach-O cuts them to 16 bytes.
func (s *machoSection) sectionName() string {
	if rest, ok := strings.CutPrefix(s.name, "__DWARF,__debug_"); ok {
		if rest == "str_offs" {
			rest = "str_offsets"
		}
		return ".debug_" + rest
	}
	return s.name
}

// disjoint refuses sections with addresses in common: an address in one would
// be one in the other.
func (p *machoParser) disjoint() error {
	var order []*machoSection
	for i := range p.sects {
		if p.sects[i].size > 0 {
			order = append(order, &p.sects[i])
		}
	}
	slices.SortStableFunc(order, func(a, b *machoSection) int { return cmp.Compare(a.addr, b.addr) })
	for i := 1; i < len(order); i++ {
		if a, b := order[i-1], order[i]; a.addr+a.size > b.addr {
			return bad(b.header, "sections %s and %s overlap", a.name, b.name)
		}
	}
	return nil
}
