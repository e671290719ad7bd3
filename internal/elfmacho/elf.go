package elfmacho

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
	"github.com/cargo-rustgo/cargo-rustgo/internal/target"
)

// ELF-64 relocatable objects, little endian (System V gABI, chapter 4):
//
//	header    64 bytes: magic, class, data, …, type at 16, machine at 18,
//	          section header offset at 40, entry size, count, names at 58
//	sections  64 bytes each: name, type, flags, address, offset, size,
//	          link, info, alignment, entry size
//	symbols   24 bytes each: name, info, other, section, value, size
//	rela      24 bytes each: offset, symbol<<32 | type, addend
const (
	elfHeaderSize  = 64
	elfSectionSize = 64
	elfSymbolSize  = 24
	elfRelaSize    = 24

	etRel = 1

	shtNull        = 0
	shtProgbits    = 1
	shtSymtab      = 2
	shtStrtab      = 3
	shtRela        = 4
	shtNote        = 7
	shtNobits      = 8
	shtRel         = 9
	shtInitArray   = 14
	shtFiniArray   = 15
	shtPreinit     = 16
	shtGroup       = 17
	shtSymtabShndx = 18
	shtRelr        = 19
	shtCrel        = 0x40000014 // LLVM 20, -Wa,--crel
	shtAndroidRel  = 0x60000001
	shtAndroidRela = 0x60000002
	shtAMD64Unwind = 0x70000001

	shfWrite      = 0x1
	shfAlloc      = 0x2
	shfExec       = 0x4
	shfInfoLink   = 0x40
	shfMerge      = 0x10
	shfStrings    = 0x20
	shfLinkOrder  = 0x80
	shfTLS        = 0x400
	shfCompressed = 0x800
	shfGroup      = 0x200
	shfRetain     = 0x200000
	shfExclude    = 0x80000000

	shnUndef  = 0
	shnLo     = 0xff00
	shnAbs    = 0xfff1
	shnCommon = 0xfff2
	shnXindex = 0xffff

	grpComdat = 1

	// rustc accepts #[repr(align(N))] up to 2^29.
	maxAlign = 1 << 29
)

// elfMachine is what differs between the processors.
type elfMachine struct {
	arch   string
	number uint16       // e_machine
	kinds  []reloc.Kind // by relocation type; None for those that do not exist
	// operand is how far the address that an instruction refers to lies beyond
	// S + A of its PC-relative field.
	operand int64
	// mapping reports whether a local symbol without a type is a Mapping; nil
	// if the processor has none.
	mapping func(name string) bool
	// flags is e_flags of what is written, and check refuses those of what is
	// read; nil if the processor has none.
	flags uint32
	check func(flags uint32) error
	// special decodes what is at the start of the relocations of a section if it
	// is more than one entry, or does nothing. It returns the number of entries;
	// 0 if the first is an ordinary one. It is nil if all are.
	special func(p *elfParser, section int32, entries []byte) (Reloc, int, error)
}

// kind translates a relocation type. Type 0 does nothing on every processor.
func (m *elfMachine) kind(typ uint32) (reloc.Kind, bool) {
	if uint64(typ) >= uint64(len(m.kinds)) || typ != 0 && m.kinds[typ] == reloc.None {
		return reloc.None, false
	}
	return m.kinds[typ], true
}

// typ returns the first relocation type of a kind, the plainest.
func (m *elfMachine) typ(k reloc.Kind) (uint32, bool) {
	for typ, kind := range m.kinds {
		if kind == k && k != reloc.TLS && k != reloc.MovAbs {
			return uint32(typ), true
		}
	}
	return 0, false
}

var elfMachines = []elfMachine{
	{arch: "amd64", number: 62, kinds: elfAMD64Relocs, operand: 4}, // the field counts from the end of the instruction
	{arch: "arm64", number: 183, kinds: elfARM64Relocs, mapping: elfARM64Mapping},
	{
		arch: "riscv64", number: 243, kinds: elfRISCVRelocs, mapping: elfRISCVMapping,
		flags: riscvRVC | riscvDoubleABI, check: checkRISCV,
		special: (*elfParser).specialRISCV,
	},
}

// elfOther names machines that are refused, for the message.
var elfOther = map[uint16]string{
	3: "386", 40: "arm", 22: "s390x", 21: "ppc64", 258: "loong64",
}

type elfSection struct {
	name, typ, link, info uint32
	flags, off, size      uint64
	align, entsize        uint64
}

type elfParser struct {
	data        []byte
	machine     elfMachine
	headers     []byte                 // of the sections
	count       int                    // of sections
	tables      map[uint32]stringTable // by section
	symtab      int                    // index of the symbol table; 0 if there is none
	rela        []int32                // section → its relocation section; 0 if there is none
	symbolCount int                    // in the file: splitting adds more
	pieces      map[int32]*elfPieces   // by section, of those that merge has split
	obj         *Object
}

func parseELF(data []byte) (*Object, error) {
	p, err := readELF(data)
	if err != nil {
		return nil, err
	}
	return p.obj, p.merge()
}

// readELF reads an object with its sections as they are in the file.
func readELF(data []byte) (*elfParser, error) {
	p := &elfParser{data: data, obj: &Object{Format: target.ELF}, tables: map[uint32]stringTable{}}
	for _, step := range []func() error{p.header, p.sections, p.symbols, p.relations} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	p.obj.decode = p.relocs
	return p, nil
}

func bad(off uint64, format string, args ...any) error {
	return &FormatError{int64(off), fmt.Sprintf(format, args...)}
}

// header checks the file header and reads the section headers.
func (p *elfParser) header() error {
	d := p.data
	if len(d) < elfHeaderSize {
		return bad(uint64(len(d)), "truncated ELF header")
	}
	if d[4] != 2 {
		return bad(4, "a 32-bit ELF object; only 64-bit objects can go into a Go program")
	}
	if d[5] != 1 {
		return bad(5, "a big-endian ELF object; only little-endian targets are supported")
	}
	le := binary.LittleEndian
	machine := le.Uint16(d[18:])
	i := slices.IndexFunc(elfMachines, func(m elfMachine) bool { return m.number == machine })
	if i < 0 {
		if name := elfOther[machine]; name != "" {
			return bad(18, "an object for %s; supported are amd64, arm64 and riscv64", name)
		}
		return bad(18, "an object for an unknown machine (e_machine %d)", machine)
	}
	p.machine = elfMachines[i]
	p.obj.Arch = p.machine.arch
	if p.machine.check != nil {
		if err := p.machine.check(le.Uint32(d[48:])); err != nil {
			return err
		}
	}
	if typ := le.Uint16(d[16:]); typ != etRel {
		what := map[uint16]string{2: "an executable", 3: "a shared library", 4: "a core dump"}[typ]
		if what == "" {
			what = fmt.Sprintf("an ELF file of type %d", typ)
		}
		return bad(16, "%s, not a relocatable object", what)
	}

	off, count := le.Uint64(d[40:]), uint64(le.Uint16(d[60:]))
	if size := le.Uint16(d[58:]); off != 0 && size != elfSectionSize {
		return bad(58, "section header size %d, want %d", size, elfSectionSize)
	}
	if off == 0 {
		return bad(40, "no section headers")
	}
	if !p.within(off, elfSectionSize) {
		return bad(40, "section headers end past the file")
	}
	if count == 0 { // more than 0xff00 sections: gABI, "Section Header", sh_size of index 0
		count = le.Uint64(d[off+32:])
	}
	if count == 0 {
		return bad(off, "no section headers")
	}
	if count > uint64(len(d))/elfSectionSize || !p.within(off, count*elfSectionSize) {
		return bad(40, "%d section headers end past the file", count)
	}
	p.headers, p.count = d[off:off+count*elfSectionSize], int(count)
	return p.disjoint()
}

// section decodes a section header. Headers are not kept: objects have tens of
// thousands, most of which are looked at once or twice.
func (p *elfParser) section(i int) elfSection {
	le, h := binary.LittleEndian, p.headers[i*elfSectionSize:][:elfSectionSize]
	return elfSection{
		name: le.Uint32(h), typ: le.Uint32(h[4:]), flags: le.Uint64(h[8:]),
		off: le.Uint64(h[24:]), size: le.Uint64(h[32:]),
		link: le.Uint32(h[40:]), info: le.Uint32(h[44:]),
		align: le.Uint64(h[48:]), entsize: le.Uint64(h[56:]),
	}
}

// disjoint refuses sections that share bytes of the file. Nothing writes them,
// and with n headers over the same bytes an input of size s would take n·s
// bytes of memory and time.
func (p *elfParser) disjoint() error {
	left := uint64(len(p.data))
	for i := 1; i < p.count; i++ { // the size of section 0 is the number of sections
		h := p.section(i)
		if h.typ == shtNull || h.typ == shtNobits {
			continue
		}
		if !p.within(h.off, h.size) {
			return bad(h.off, "section %d (%d bytes) ends past the file", i, h.size)
		}
		if h.size > left {
			return bad(h.off, "sections overlap: together they are larger than the file")
		}
		left -= h.size
	}
	return nil
}

func (p *elfParser) within(off, size uint64) bool {
	return off <= uint64(len(p.data)) && size <= uint64(len(p.data))-off
}

// bytes returns the content of section i.
func (p *elfParser) bytes(i uint64) ([]byte, error) {
	if i == 0 || i >= uint64(p.count) { // section 0 is none, whatever its header says
		return nil, bad(0, "section index %d out of range", i)
	}
	h := p.section(int(i))
	if h.typ == shtNobits || h.typ == shtNull {
		return nil, nil
	}
	return p.data[h.off : h.off+h.size : h.off+h.size], nil
}

// stringTable cuts names out of a string table. It is copied once, so that
// names cost no allocation each and outlive the input.
type stringTable struct {
	text string
	// budget is how many bytes of names may still be read. Names may share
	// bytes, but a table that makes each of n names a long one must not cost
	// time that grows with the square of its size.
	budget int
}

// table returns the string table in section i, for count names. LLVM has one
// for sections and symbols.
func (p *elfParser) table(i uint32, count int) (stringTable, error) {
	t, ok := p.tables[i]
	if !ok {
		data, err := p.bytes(uint64(i))
		if err != nil {
			return stringTable{}, err
		}
		t.text = string(data)
		p.tables[i] = t
	}
	t.budget = 16*len(t.text) + 256*count
	return t, nil
}

// name returns the NUL-terminated string at off.
func (t *stringTable) name(off uint32) (string, bool) {
	if uint64(off) >= uint64(len(t.text)) {
		return "", off == 0
	}
	end := strings.IndexByte(t.text[off:], 0)
	if t.budget -= end; end < 0 || t.budget < 0 {
		return "", false
	}
	return t.text[off : int(off)+end], true
}

// sections fills Object.Sections, index for index.
func (p *elfParser) sections() error {
	names := uint32(binary.LittleEndian.Uint16(p.data[62:]))
	if names == shnXindex {
		names = p.section(0).link
	}
	table, err := p.table(names, p.count)
	if err != nil {
		return fmt.Errorf("section names: %w", err)
	}
	p.obj.Sections = make([]Section, p.count)
	for i := range p.obj.Sections {
		if i == 0 {
			p.obj.Sections[0].LinkOrder = -1
			continue
		}
		h := p.section(i)
		name, ok := table.name(h.name)
		if !ok {
			return bad(h.off, "section %d: name offset %#x is not in the string table, or has no end", i, h.name)
		}
		s := &p.obj.Sections[i]
		*s = Section{Name: name, Align: max(h.align, 1), Size: h.size, LinkOrder: -1, Retain: h.flags&shfRetain != 0}
		if s.Kind, err = elfKind(name, &h); err != nil {
			return err
		}
		if s.Align&(s.Align-1) != 0 || s.Align > maxAlign {
			return bad(h.off, "section %s: alignment %d is not a power of two up to %d", name, s.Align, maxAlign)
		}
		if s.Data, err = p.bytes(uint64(i)); err != nil {
			return fmt.Errorf("section %s: %w", name, err)
		}
		if h.flags&shfLinkOrder != 0 && h.link != 0 {
			if uint64(h.link) >= uint64(p.count) {
				return bad(h.off, "section %s: sh_link %d out of range", name, h.link)
			}
			s.LinkOrder = int32(h.link)
		}
	}
	return nil
}

// elfKind classifies a section by its type, flags and, where the gABI leaves
// the meaning to convention, its name.
func elfKind(name string, h *elfSection) (Kind, error) {
	switch {
	case h.flags&shfAlloc == 0:
		if h.flags&(shfCompressed|shfExclude) == 0 && h.typ == shtProgbits && strings.HasPrefix(name, ".debug_") {
			return Debug, nil
		}
		return Other, nil
	case h.flags&shfCompressed != 0:
		return 0, bad(h.off, "section %s: compressed, but part of the program", name)
	case h.typ == shtInitArray, h.typ == shtFiniArray, h.typ == shtPreinit:
		return Init, nil
	case hasSection(name, ".ctors"), hasSection(name, ".dtors"), name == ".init", name == ".fini":
		return Init, nil
	case h.flags&shfTLS != 0:
		return TLSData, nil
	case h.flags&shfExec != 0:
		if h.flags&shfWrite != 0 {
			return 0, bad(h.off, "section %s: both writable and executable", name)
		}
		if h.typ == shtNobits {
			return 0, bad(h.off, "section %s: executable without contents", name)
		}
		return Text, nil
	case h.typ == shtNote:
		return Other, nil
	case h.typ == shtAMD64Unwind, name == ".eh_frame":
		return Unwind, nil
	case h.typ == shtNobits:
		return BSS, nil
	case h.typ != shtProgbits:
		return Other, nil
	case hasSection(name, ".data.rel.ro"):
		return RelRO, nil
	case h.flags&shfWrite != 0:
		return Data, nil
	}
	return ReadOnly, nil
}

// hasSection reports whether name is base or base with a suffix: .ctors.65535.
func hasSection(name, base string) bool {
	rest, ok := strings.CutPrefix(name, base)
	return ok && (rest == "" || rest[0] == '.')
}
