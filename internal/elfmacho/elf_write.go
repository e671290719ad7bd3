package elfmacho

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/cargo-rustgo/cargo-rustgo/internal/target"
)

const osabiGNU = 3 // what SHF_GNU_RETAIN and STT_GNU_IFUNC belong to

// Marshal writes an object in its format; one without a format, as ELF. The output
// depends on nothing but o. The signature of a group must be the name of a symbol
// of o.
func Marshal(o *Object) ([]byte, error) {
	switch o.Format {
	case target.MachO:
		return marshalMachO(o)
	case target.COFF:
		return marshalCOFF(o)
	}
	return marshalELF(o)
}

// marshalELF writes an object as ELF:
//
//	header
//	contents of the sections, at most 16-aligned
//	relocations, 8-aligned, in the order of their sections
//	group words, symbols, extended section indexes, strings
//	section headers: null; groups; o.Sections[1:]; relocations; .symtab;
//	  .symtab_shndx if needed; .strtab; .note.GNU-stack
//
// One string table serves sections and symbols. The empty .note.GNU-stack says
// that the code needs no executable stack. Sections of kind Other are written
// as SHT_PROGBITS that is not loaded.
func marshalELF(o *Object) ([]byte, error) {
	i := slices.IndexFunc(elfMachines, func(m elfMachine) bool { return m.arch == o.Arch })
	if i < 0 {
		return nil, fmt.Errorf("internal error: writing an object for %s", o.Arch)
	}
	w := &elfWriter{o: o, machine: &elfMachines[i], strings: []byte{0}, offsets: map[string]uint32{"": 0}}
	w.sections()
	for _, step := range []func() error{w.symbols, w.relocations, w.groups} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return w.finish(), nil
}

type elfWriter struct {
	o       *Object
	machine *elfMachine
	out     []byte
	headers []elfSection
	strings []byte
	offsets map[string]uint32 // in strings
	index   []uint32          // symbol of o → symbol of the file
	symtab  []byte
	shndx   []byte // nil unless a section index needs more than 16 bits
	locals  uint32 // symbols that are local, the null symbol included
}

// section is the index in the file of section i of o.
func (w *elfWriter) section(i int32) uint32 { return uint32(int(i) + len(w.o.Groups)) }

// symtabIndex is the index in the file of the symbol table.
func (w *elfWriter) symtabIndex() uint32 {
	n := len(w.o.Sections) + len(w.o.Groups)
	for i := range w.o.Sections {
		if w.o.Sections[i].Relocated > 0 {
			n++
		}
	}
	return uint32(n)
}

// text returns the offset of s in the string table.
func (w *elfWriter) text(s string) uint32 {
	off, ok := w.offsets[s]
	if !ok {
		off = uint32(len(w.strings))
		w.offsets[s] = off
		w.strings = append(append(w.strings, s...), 0)
	}
	return off
}

// pad aligns the output, whose length it returns.
func (w *elfWriter) pad(align uint64) uint64 {
	n := uint64(len(w.out))
	w.out = append(w.out, make([]byte, (n+align-1)&^(align-1)-n)...)
	return uint64(len(w.out))
}

// write appends data as the content of a section.
func (w *elfWriter) write(h elfSection, data []byte) {
	// The file need not be aligned as memory is: 16 serves readers that map it.
	h.off, h.size = w.pad(min(h.align, 16)), uint64(len(data))
	w.out = append(w.out, data...)
	w.headers = append(w.headers, h)
}

func (w *elfWriter) sections() {
	size := elfHeaderSize // a guess at all of the output, too high rather than too low
	for i := range w.o.Sections {
		s := &w.o.Sections[i]
		size += len(s.Data) + int(min(s.Align, 16)) + int(s.Relocated)*elfRelaSize + 2*elfSectionSize + 2*len(s.Name) + 16
	}
	for i := range w.o.Symbols {
		size += elfSymbolSize + len(w.o.Symbols[i].Name) + 1
	}
	size += 4*elfSectionSize + 64
	w.out = make([]byte, elfHeaderSize, size)
	w.headers = make([]elfSection, 1+len(w.o.Groups), len(w.o.Sections)+len(w.o.Groups)+4)
	for i := range w.o.Sections {
		if i == 0 {
			continue
		}
		s := &w.o.Sections[i]
		h := elfSection{align: max(s.Align, 1)}
		h.typ, h.flags = elfTypeAndFlags(s)
		if s.Relocated > 0 {
			h.name = w.text(".rela"+s.Name) + uint32(len(".rela"))
		} else {
			h.name = w.text(s.Name)
		}
		if s.LinkOrder > 0 {
			h.flags, h.link = h.flags|shfLinkOrder, w.section(s.LinkOrder)
		}
		if s.Retain {
			h.flags |= shfRetain
		}
		if h.typ == shtNobits {
			h.off, h.size = uint64(len(w.out)), s.Size
			w.headers = append(w.headers, h)
			continue
		}
		w.write(h, s.Data)
	}
}

// elfTypeAndFlags is the inverse of elfKind.
func elfTypeAndFlags(s *Section) (typ uint32, flags uint64) {
	typ = shtProgbits
	switch s.Kind {
	case Text:
		flags = shfAlloc | shfExec
	case ReadOnly, Unwind:
		flags = shfAlloc
	case RelRO, Data:
		flags = shfAlloc | shfWrite
	case BSS:
		typ, flags = shtNobits, shfAlloc|shfWrite
	case TLSData:
		flags = shfAlloc | shfWrite | shfTLS
		if s.Data == nil && s.Size > 0 {
			typ = shtNobits
		}
	case Init:
		flags = shfAlloc | shfWrite
		switch {
		case hasSection(s.Name, ".init_array"):
			typ = shtInitArray
		case hasSection(s.Name, ".fini_array"):
			typ = shtFiniArray
		case hasSection(s.Name, ".preinit_array"):
			typ = shtPreinit
		case s.Name == ".init", s.Name == ".fini":
			flags = shfAlloc | shfExec
		}
	}
	return typ, flags
}

// symbols orders the symbols as the gABI demands, local ones first.
func (w *elfWriter) symbols() error {
	w.index = make([]uint32, len(w.o.Symbols))
	w.symtab = make([]byte, elfSymbolSize, elfSymbolSize*max(len(w.o.Symbols), 1))
	w.locals = 1
	for _, local := range []bool{true, false} {
		for i := range w.o.Symbols {
			s := &w.o.Symbols[i]
			if i == 0 || (s.Bind == Local) != local {
				continue
			}
			n := uint32(len(w.symtab) / elfSymbolSize)
			w.index[i] = n
			if local {
				w.locals = n + 1
			}
			if err := w.symbol(s, n); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *elfWriter) symbol(s *Symbol, n uint32) error {
	var section uint32
	switch {
	case s.Section == Undefined:
		section = shnUndef
	case s.Section == Absolute:
		section = shnAbs
	case s.Section == Common:
		section = shnCommon
	case s.Section > 0 && int(s.Section) < len(w.o.Sections):
		if section = w.section(s.Section); section >= shnLo {
			if w.shndx == nil {
				w.shndx = make([]byte, 0, 4*len(w.o.Symbols))
			}
			// Entries before n stay 0, which says that st_shndx holds.
			w.shndx = append(w.shndx, make([]byte, 4*int(n)-len(w.shndx))...)
			w.shndx = binary.LittleEndian.AppendUint32(w.shndx, section)
			section = shnXindex
		}
	default:
		return fmt.Errorf("internal error: symbol %s in section %d of %d", s.Name, s.Section, len(w.o.Sections))
	}
	var other byte
	if s.Hidden {
		other = 2 // STV_HIDDEN
	}
	le := binary.LittleEndian
	b := le.AppendUint32(w.symtab, w.text(s.Name))
	b = append(b, elfBinds[s.Bind]<<4|elfTypes[s.Type], other)
	b = le.AppendUint16(b, uint16(section))
	b = le.AppendUint64(b, s.Value)
	w.symtab = le.AppendUint64(b, s.Size)
	return nil
}

var (
	elfBinds = [...]byte{Local: 0, Global: 1, Weak: 2}
	elfTypes = [...]byte{NoType: 0, DataObject: 1, Func: 2, SectionSym: 3, FileSym: 4, ThreadLocal: 6, IndirectFunc: 10, Mapping: 0}
)

func (w *elfWriter) relocations() error {
	symtab := w.symtabIndex()
	le := binary.LittleEndian
	for i := range w.o.Sections {
		s := &w.o.Sections[i]
		if s.Relocated == 0 {
			continue
		}
		list, err := w.o.Relocs(int32(i))
		if err != nil {
			return err
		}
		h := elfSection{
			name: w.text(".rela" + s.Name), typ: shtRela, flags: shfInfoLink, off: w.pad(8),
			size: uint64(len(list)) * elfRelaSize, link: symtab, info: w.section(int32(i)), align: 8, entsize: elfRelaSize,
		}
		for _, r := range list {
			typ, ok := uint32(r.Type), true
			if typ == 0 {
				typ, ok = w.machine.typ(r.Kind)
			}
			if !ok || r.Symbol < 0 || int(r.Symbol) >= len(w.index) {
				return fmt.Errorf("internal error: %s+%#x: %s to symbol %d cannot be written", s.Name, r.Off, r.Kind, r.Symbol)
			}
			w.out = le.AppendUint64(w.out, r.Off)
			w.out = le.AppendUint64(w.out, uint64(w.index[r.Symbol])<<32|uint64(typ))
			w.out = le.AppendUint64(w.out, uint64(r.Addend))
		}
		w.headers = append(w.headers, h)
	}
	return nil
}

func (w *elfWriter) groups() error {
	for i, g := range w.o.Groups {
		h := elfSection{name: w.text(".group"), typ: shtGroup, link: w.symtabIndex(), align: 4, entsize: 4, off: w.pad(4)}
		for j := range w.o.Symbols {
			if j > 0 && w.o.Symbols[j].Name == g.Signature {
				h.info = w.index[j]
				break
			}
		}
		if h.info == 0 {
			return fmt.Errorf("internal error: no symbol is the signature %s of a group", g.Signature)
		}
		w.out = binary.LittleEndian.AppendUint32(w.out, grpComdat)
		for _, s := range g.Sections {
			w.out = binary.LittleEndian.AppendUint32(w.out, w.section(s))
			w.headers[w.section(s)].flags |= shfGroup
		}
		h.size = uint64(len(w.out)) - h.off
		w.headers[1+i] = h
	}
	return nil
}

// finish writes the symbols, the strings and the section headers.
func (w *elfWriter) finish() []byte {
	symtab := uint32(len(w.headers))
	strtab := symtab + 1
	if w.shndx != nil {
		strtab++
	}
	h := elfSection{name: w.text(".symtab"), typ: shtSymtab, link: strtab, info: w.locals, align: 8, entsize: elfSymbolSize}
	w.write(h, w.symtab)
	if w.shndx != nil {
		w.shndx = append(w.shndx, make([]byte, len(w.symtab)/elfSymbolSize*4-len(w.shndx))...)
		w.write(elfSection{name: w.text(".symtab_shndx"), typ: shtSymtabShndx, link: symtab, align: 4, entsize: 4}, w.shndx)
	}
	h = elfSection{name: w.text(".strtab"), typ: shtStrtab, align: 1}
	note := elfSection{name: w.text(".note.GNU-stack"), typ: shtProgbits, align: 1}
	w.write(h, w.strings)
	w.write(note, nil)

	off := w.pad(8)
	le := binary.LittleEndian
	count := uint16(len(w.headers))
	if len(w.headers) >= shnLo { // gABI, "Section Header": index 0 holds what does not fit
		count = 0
		w.headers[0].size = uint64(len(w.headers))
	}
	names := uint16(strtab)
	if strtab >= shnLo {
		names = shnXindex
		w.headers[0].link = strtab
	}
	for _, h := range w.headers {
		b := le.AppendUint32(w.out, h.name)
		b = le.AppendUint32(b, h.typ)
		b = le.AppendUint64(b, h.flags)
		b = le.AppendUint64(b, 0) // sh_addr
		b = le.AppendUint64(b, h.off)
		b = le.AppendUint64(b, h.size)
		b = le.AppendUint32(b, h.link)
		b = le.AppendUint32(b, h.info)
		b = le.AppendUint64(b, h.align)
		w.out = le.AppendUint64(b, h.entsize)
	}

	d := w.out
	copy(d, "\x7fELF\x02\x01\x01") // 64-bit, little endian, version 1
	if w.needsGNU() {
		d[7] = osabiGNU
	}
	le.PutUint16(d[16:], etRel)
	le.PutUint16(d[18:], w.machine.number)
	le.PutUint32(d[20:], 1) // e_version
	le.PutUint64(d[40:], off)
	le.PutUint32(d[48:], w.machine.flags)
	le.PutUint16(d[52:], elfHeaderSize)
	le.PutUint16(d[58:], elfSectionSize)
	le.PutUint16(d[60:], count)
	le.PutUint16(d[62:], names)
	return d
}

func (w *elfWriter) needsGNU() bool {
	for i := range w.o.Sections {
		if w.o.Sections[i].Retain {
			return true
		}
	}
	for i := range w.o.Symbols {
		if w.o.Symbols[i].Type == IndirectFunc {
			return true
		}
	}
	return false
}
