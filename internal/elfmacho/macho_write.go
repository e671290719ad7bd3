package elfmacho

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
)

const (
	lcDysymtab       = 0xb
	lcBuildVersion   = 0x32
	machoDysymtab    = 80 // bytes
	machoBuild       = 24
	platformMacOS    = 1
	machoProtAll     = 7       // VM_PROT_READ, WRITE and EXECUTE
	machoAlign       = 1 << 15 // the most that ld64 takes (MAX_SECTALIGN)
	machoAddend      = 1 << 23 // ADDEND has 24 bits, one of which is the sign
	machoAnchors     = 1 << 22 // bytes from one anchor of a section to the next
	machoMostSymbols = 1 << 24 // r_symbolnum has 24 bits
)

// machoEncoder is what differs between the processors.
type machoEncoder struct {
	cpu, subtype uint32
	// system is the first macOS that there is for the processor and that rustc
	// builds for, as 16 bits of major and 8 of minor version and patch. Linkers
	// warn of objects for later systems than the program is for.
	system uint32
	encode func(w *machoWriter, s *machoOut, r Reloc) error
}

var machoEncoders = map[string]machoEncoder{
	"amd64": {cpuAMD64, 3, 10<<16 | 12<<8, (*machoWriter).relocAMD64},
	"arm64": {cpuARM64, 0, 11 << 16, (*machoWriter).relocARM64},
}

// machoOut is a section of the file.
type machoOut struct {
	*Section
	index    int32 // in Object.Sections
	addr     uint64
	zerofill bool
	entries  []machoEntry
	patches  []machoPatch
}

// machoEntry is a relocation_info, for whose symbol there is no number yet.
type machoEntry struct {
	addr   uint32
	symbol int32 // index into machoWriter.symbols; of ADDEND the addend
	typ    uint8
	length uint8 // log2 of the bytes
	pcrel  bool
	addend bool // names no symbol
}

// machoPatch is what is in a field for the linker to add.
type machoPatch struct {
	off   uint64
	width int
	value int64
}

// machoSymbol is an nlist_64.
type machoSymbol struct {
	name  string
	typ   uint8
	sect  uint8
	desc  uint16
	value uint64
}

type machoWriter struct {
	o       *Object
	encoder machoEncoder
	sects   []machoOut // as in the file: those without contents are last
	number  []uint8    // Object.Sections → n_sect
	symbols []machoSymbol
	index   []int32            // Object.Symbols → symbols, -1 for section symbols
	anchors map[[2]int64]int32 // of a section, by its index and the offset
	labels  int
}

// marshalMachO writes an object as Mach-O:
//
//	header, LC_SEGMENT_64, LC_BUILD_VERSION, LC_SYMTAB, LC_DYSYMTAB
//	contents of the sections, as far apart as their addresses
//	relocations, in the order of their sections
//	symbols: local ones, defined ones by name, undefined ones by name
//	strings
//
// Each section is an atom: in it only the first symbol begins one (all others are
// N_ALT_ENTRY), and there is a label at its start if there is no other symbol. What
// relocations say of sections is said of labels, which are called ltmpN as LLVM
// calls them, since those of arm64 cannot name sections and take addends of 24
// bits only.
func marshalMachO(o *Object) ([]byte, error) {
	encoder, ok := machoEncoders[o.Arch]
	if !ok {
		return nil, fmt.Errorf("internal error: writing a Mach-O object for %s", o.Arch)
	}
	w := &machoWriter{o: o, encoder: encoder, anchors: map[[2]int64]int32{}}
	for _, step := range []func() error{w.place, w.globals, w.relocations} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return w.finish()
}

// place orders the sections and gives them addresses.
func (w *machoWriter) place() error {
	w.number = make([]uint8, len(w.o.Sections))
	for _, zerofill := range []bool{false, true} {
		for i := range w.o.Sections {
			s := &w.o.Sections[i]
			if i == 0 || (s.Data == nil && s.Size > 0) != zerofill {
				continue
			}
			segment, name, ok := strings.Cut(s.Name, ",")
			if !ok || len(segment) > 16 || len(name) > 16 {
				return fmt.Errorf("internal error: writing a section %s of Mach-O", s.Name)
			}
			if s.Align > machoAlign {
				return fmt.Errorf("section %s is aligned to %d bytes; linkers for Mach-O align to at most %d", s.Name, s.Align, machoAlign)
			}
			if len(w.sects) == maxSect {
				return fmt.Errorf("more than %d sections in a Mach-O object", maxSect)
			}
			addr := uint64(0)
			if n := len(w.sects); n > 0 {
				addr = w.sects[n-1].addr + w.sects[n-1].Size
			}
			align := max(s.Align, 1)
			w.sects = append(w.sects, machoOut{Section: s, index: int32(i), addr: (addr + align - 1) &^ (align - 1), zerofill: zerofill})
			w.number[i] = uint8(len(w.sects))
		}
	}
	return nil
}

// globals enters the symbols of the object.
func (w *machoWriter) globals() error {
	w.index = make([]int32, len(w.o.Symbols))
	begins := make([]bool, len(w.o.Sections))
	for i := range w.o.Symbols {
		s := &w.o.Symbols[i]
		w.index[i] = -1
		if i == 0 || s.Type == SectionSym || s.Type == FileSym || s.Type == Mapping {
			continue
		}
		out := machoSymbol{name: MachOName(s.Name)}
		switch {
		case s.Name == "":
			out.name = w.label()
		case s.Bind == Local:
			out.name = "_" + s.Name
		default:
			out.typ = nExt
		}
		if s.Hidden && s.Bind != Local {
			out.typ |= nPext
		}
		switch {
		case s.Section == Undefined:
			out.typ |= nExt
			if s.Bind == Weak {
				out.desc |= nWeakRef
			}
		case s.Section == Absolute:
			out.typ, out.value = out.typ|nAbs, s.Value
		case s.Section == Common:
			out.typ, out.value = out.typ|nExt, s.Size
			out.desc = uint16(bits.TrailingZeros64(max(s.Value, 1))&15) << 8
		case s.Section > 0 && int(s.Section) < len(w.o.Sections) && w.number[s.Section] > 0:
			out.typ, out.sect = out.typ|nSect, w.number[s.Section]
			out.value = w.sects[out.sect-1].addr + s.Value
			if s.Value > 0 {
				out.desc |= nAltEntry
			}
			begins[s.Section] = begins[s.Section] || s.Value == 0
			if s.Bind == Weak {
				out.desc |= nWeakDef
			}
			if s.Type == IndirectFunc {
				out.desc |= nSymbolResolver
			}
		default:
			return fmt.Errorf("internal error: symbol %s in section %d of %d", s.Name, s.Section, len(w.o.Sections))
		}
		w.index[i] = int32(len(w.symbols))
		w.symbols = append(w.symbols, out)
	}
	for i := range w.sects {
		if s := &w.sects[i]; !begins[s.index] {
			w.anchor(s.index, 0)
		}
	}
	return nil
}

// label names a symbol that has no name.
func (w *machoWriter) label() string {
	w.labels++
	return fmt.Sprintf("ltmp%d", w.labels-1)
}

// anchor returns a label at most machoAnchors bytes before a place in a section,
// and how far.
func (w *machoWriter) anchor(section int32, off int64) (int32, int64) {
	s := &w.sects[w.number[section]-1]
	at := min(max(off, 0), int64(s.Size)) &^ (machoAnchors - 1)
	key := [2]int64{int64(section), at}
	symbol, ok := w.anchors[key]
	if !ok {
		symbol = int32(len(w.symbols))
		w.anchors[key] = symbol
		out := machoSymbol{name: w.label(), typ: nSect, sect: w.number[section], value: s.addr + uint64(at)}
		if at > 0 {
			out.desc = nAltEntry
		}
		w.symbols = append(w.symbols, out)
	}
	return symbol, off - at
}

// sort orders the symbols as LC_DYSYMTAB wants them, and returns where each one is
// then and how many there are of each kind.
func (w *machoWriter) sort() (at []uint32, counts [3]uint32) {
	kind := func(s *machoSymbol) int {
		switch {
		case s.typ&nExt == 0:
			return 0
		case s.typ&nType != nUndf || s.value != 0:
			return 1
		}
		return 2
	}
	order := make([]int32, len(w.symbols))
	for i := range order {
		order[i] = int32(i)
		counts[kind(&w.symbols[i])]++
	}
	slices.SortStableFunc(order, func(x, y int32) int {
		a, b := &w.symbols[x], &w.symbols[y]
		if c := cmp.Compare(kind(a), kind(b)); c != 0 || kind(a) == 0 {
			return c
		}
		return cmp.Compare(a.name, b.name)
	})
	at = make([]uint32, len(order))
	sorted := make([]machoSymbol, len(order))
	for i, from := range order {
		at[from], sorted[i] = uint32(i), w.symbols[from]
	}
	w.symbols = sorted
	return at, counts
}

// finish writes the file. Offsets in it have 32 bits.
func (w *machoWriter) finish() ([]byte, error) {
	at, counts := w.sort()
	commands := machoSegmentSize + machoSectionSize*len(w.sects) + machoBuild + machoSymtabSize + machoDysymtab
	start := uint64(machoHeaderSize+commands+15) &^ 15
	var memory, contents, entries uint64
	for i := range w.sects {
		s := &w.sects[i]
		if memory = s.addr + s.Size; !s.zerofill {
			contents = memory
		}
		entries += uint64(len(s.entries))
	}
	relocs := (start + contents + 7) &^ 7
	symtab := relocs + entries*machoRelocSize
	names := []byte{0}
	offsets := make([]uint32, len(w.symbols))
	for i := range w.symbols {
		offsets[i] = uint32(len(names))
		names = append(append(names, w.symbols[i].name...), 0)
	}
	for len(names)%8 != 0 {
		names = append(names, 0)
	}
	strtab := symtab + uint64(len(w.symbols))*machoSymbolSize
	size := strtab + uint64(len(names))
	if size > math.MaxUint32 || len(w.symbols) >= machoMostSymbols {
		return nil, fmt.Errorf("a Mach-O object of %d bytes and %d symbols, which is too large for the format", size, len(w.symbols))
	}

	le := binary.LittleEndian
	words := func(b []byte, list ...uint32) []byte {
		for _, v := range list {
			b = le.AppendUint32(b, v)
		}
		return b
	}
	name := func(b []byte, s string) []byte { return append(append(b, s...), make([]byte, 16-len(s))...) }

	b := append(make([]byte, 0, size), machoMagic...)
	b = words(b, w.encoder.cpu, w.encoder.subtype, mhObject, 4, uint32(commands), mhSubsectionsViaSymbols, 0)
	b = words(b, lcSegment64, uint32(machoSegmentSize+machoSectionSize*len(w.sects)))
	b = name(b, "")
	for _, v := range []uint64{0, memory, start, contents} {
		b = le.AppendUint64(b, v)
	}
	b = words(b, machoProtAll, machoProtAll, uint32(len(w.sects)), 0)
	next := relocs
	for i := range w.sects {
		s := &w.sects[i]
		segment, section, _ := strings.Cut(s.Name, ",")
		b = name(name(b, section), segment)
		b = le.AppendUint64(le.AppendUint64(b, s.addr), s.Size)
		off, reloff := uint32(start+s.addr), uint32(next)
		if s.zerofill {
			off = 0
		}
		if len(s.entries) == 0 {
			reloff = 0
		}
		b = words(b, off, uint32(bits.TrailingZeros64(max(s.Align, 1))), reloff, uint32(len(s.entries)), s.machoFlags(), 0, 0, 0)
		next += uint64(len(s.entries)) * machoRelocSize
	}
	b = words(b, lcBuildVersion, machoBuild, platformMacOS, w.encoder.system, w.encoder.system, 0)
	b = words(b, lcSymtab, machoSymtabSize, uint32(symtab), uint32(len(w.symbols)), uint32(strtab), uint32(len(names)))
	b = words(b, lcDysymtab, machoDysymtab, 0, counts[0], counts[0], counts[1], counts[0]+counts[1], counts[2])
	b = append(b, make([]byte, 48)...) // tables that only linked files have

	b = append(b, make([]byte, relocs-uint64(len(b)))...)
	for i := range w.sects {
		s := &w.sects[i]
		data := b[min(start+s.addr, uint64(len(b))):]
		if !s.zerofill {
			copy(data, s.Data)
		}
		for _, p := range s.patches {
			for j := range p.width {
				data[p.off+uint64(j)] = byte(p.value >> (8 * j))
			}
		}
	}
	for i := range w.sects {
		for _, e := range w.sects[i].entries {
			info := uint32(e.symbol) & 0xffffff
			if !e.addend {
				info = at[e.symbol] | 1<<27
			}
			if e.pcrel {
				info |= 1 << 24
			}
			b = words(b, e.addr, info|uint32(e.length)<<25|uint32(e.typ)<<28)
		}
	}
	for i, s := range w.symbols {
		b = append(le.AppendUint32(b, offsets[i]), s.typ, s.sect)
		b = le.AppendUint64(le.AppendUint16(b, s.desc), s.value)
	}
	return append(b, names...), nil
}

// machoFlags is the inverse of machoKind.
func (s *machoOut) machoFlags() uint32 {
	_, name, _ := strings.Cut(s.Name, ",")
	var flags uint32
	switch {
	case s.Kind == Text:
		flags = sAttrPureInstructions | sAttrSomeInstructions
	case s.Kind == TLSData:
		switch {
		case s.zerofill:
			flags = sThreadLocalZerofill
		case name == "__thread_vars":
			flags = sThreadLocalVariables
		case name == "__thread_ptr":
			flags = sThreadLocalPointers
		default:
			flags = sThreadLocalRegular
		}
	case s.zerofill:
		flags = sZerofill
	case s.Kind == Init:
		flags = map[string]uint32{"__mod_init_func": sModInitFuncPointers, "__mod_term_func": sModTermFuncPointers, "__thread_init": sThreadLocalInit, "__init_offsets": sInitFuncOffsets}[name]
	}
	if s.Retain {
		flags |= sAttrNoDeadStrip
	}
	if s.LiveSupport {
		flags |= sAttrLiveSupport
	}
	return flags
}
