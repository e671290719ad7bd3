package elfmacho

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// Sizes and limits of "PE Format" (Microsoft), "COFF File Header (Object and
// Image)", "Section Table", "COFF Relocations" and "COFF Symbol Table".
const (
	coffHeaderSize   = 20
	coffSectionSize  = 40
	coffRelocSize    = 10
	coffSymbolSize   = 18 // of an auxiliary record too
	coffShortName    = 8
	coffMostSections = 0xfeff // IMAGE_SYM_SECTION_MAX in winnt.h
	coffMostRelocs   = 0xfffe // that NumberOfRelocations says; 0xffff means more
	coffAlign        = 8192   // IMAGE_SCN_ALIGN_8192BYTES, the most that there is
)

const (
	scnCode          = 0x00000020 // IMAGE_SCN_CNT_CODE
	scnInitialized   = 0x00000040 // IMAGE_SCN_CNT_INITIALIZED_DATA
	scnUninitialized = 0x00000080 // IMAGE_SCN_CNT_UNINITIALIZED_DATA
	scnManyRelocs    = 0x01000000 // IMAGE_SCN_LNK_NRELOC_OVFL
	scnExecute       = 0x20000000 // IMAGE_SCN_MEM_EXECUTE
	scnRead          = 0x40000000 // IMAGE_SCN_MEM_READ
	scnWrite         = 0x80000000 // IMAGE_SCN_MEM_WRITE
)

const (
	classExternal = 2      // IMAGE_SYM_CLASS_EXTERNAL
	classStatic   = 3      // IMAGE_SYM_CLASS_STATIC
	coffAbsolute  = 0xffff // IMAGE_SYM_ABSOLUTE, as 16 bits
	coffFunction  = 0x20   // a symbol's Type: IMAGE_SYM_DTYPE_FUNCTION, of no basic type
)

// coffMachine is what differs between the processors but for instructions: numbers
// of the machine, and of the relocations ADDR64 and REL32.
type coffMachine struct{ number, addr64, rel32 uint16 }

var coffMachines = map[string]coffMachine{
	"amd64": {0x8664, 0x0001, 0x0004},
	"arm64": {0xaa64, 0x000e, 0x0011},
}

// coffSections are the names and flags of sections, by which linkers put together
// what is alike. Data with addresses is for reading only once the program is
// loaded.
var coffSections = map[Kind]struct {
	name  string
	flags uint32
}{
	Text:     {".text", scnCode | scnExecute | scnRead},
	ReadOnly: {".rdata", scnInitialized | scnRead},
	RelRO:    {".rdata", scnInitialized | scnRead},
	Data:     {".data", scnInitialized | scnRead | scnWrite},
	BSS:      {".bss", scnUninitialized | scnRead | scnWrite},
}

// coffOut is what becomes of a section.
type coffOut struct {
	data   []byte // with addends in the fields
	relocs []coffReloc
}

type coffReloc struct {
	off, symbol uint32
	typ         uint16
}

type coffSymbol struct {
	name    string
	value   uint32
	section uint16
	typ     uint16
	class   uint8
}

type coffWriter struct {
	o       *Object
	machine coffMachine
	out     []coffOut // as Object.Sections
	symbols []coffSymbol
	index   []int32            // Object.Symbols → symbols, -1 for what is named by its place
	labels  map[[2]int64]int32 // by section and offset
}

// marshalCOFF writes an object as COFF:
//
//	header
//	headers of the sections, which have the numbers that they have in o
//	of each section: contents, 4-aligned, and relocations
//	symbols: of each section, with an auxiliary record; others; labels
//	strings, with their size before them
//
// There are no addends but those in the fields. A place in a section is its symbol
// and an addend, but for instructions of arm64 a label: their fields are small,
// and Go's linker takes the addend of an adrp for positive (cmd/link/internal/loadpe,
// Go 1.26 and 1.27). Names of labels must not begin with a dot, by which it knows
// the symbols of sections.
//
// Addresses of 32 bits are refused: programs for 64 bits are above them, and not
// every linker says so.
func marshalCOFF(o *Object) ([]byte, error) {
	machine, ok := coffMachines[o.Arch]
	if !ok {
		return nil, fmt.Errorf("internal error: writing a COFF object for %s", o.Arch)
	}
	w := &coffWriter{o: o, machine: machine, labels: map[[2]int64]int32{}}
	for _, step := range []func() error{w.sections, w.globals, w.relocations} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return w.finish()
}

// sections checks that the sections can be written.
func (w *coffWriter) sections() error {
	if n := len(w.o.Sections) - 1; n < 0 || n > coffMostSections {
		return fmt.Errorf("%d sections in a COFF object, which has %d at most", n, coffMostSections)
	}
	w.out = make([]coffOut, len(w.o.Sections))
	for i := range w.o.Sections {
		s := &w.o.Sections[i]
		if i == 0 {
			continue
		}
		if _, ok := coffSections[s.Kind]; !ok {
			return fmt.Errorf("section %s: %s cannot be in a COFF object", s.Name, s.Kind)
		}
		if s.Align > coffAlign || s.Align&(s.Align-1) != 0 {
			return fmt.Errorf("section %s is aligned to %d bytes; COFF aligns to at most %d", s.Name, s.Align, coffAlign)
		}
		if s.Size > math.MaxUint32 {
			return fmt.Errorf("section %s has %d bytes, which is too large for COFF", s.Name, s.Size)
		}
		if s.Kind == BSS && s.Data != nil || s.Kind != BSS && uint64(len(s.Data)) != s.Size {
			return fmt.Errorf("internal error: section %s of %d bytes with contents of %d", s.Name, s.Size, len(s.Data))
		}
		w.out[i].data = s.Data
	}
	return nil
}

// globals enters the symbols of the object.
func (w *coffWriter) globals() error {
	w.index = make([]int32, len(w.o.Symbols))
	for i := range w.o.Symbols {
		s := &w.o.Symbols[i]
		w.index[i] = -1
		if i == 0 {
			continue
		}
		out := coffSymbol{name: s.Name, value: uint32(s.Value), class: classExternal}
		if s.Bind == Local {
			out.class = classStatic
		}
		if s.Type == Func {
			out.typ = coffFunction
		}
		switch {
		case s.Bind == Weak || s.Section == Common || s.Type == ThreadLocal || s.Type == IndirectFunc:
			return fmt.Errorf("symbol %s: COFF has no weak, common, thread-local or indirect symbols as ELF has them", s.Name)
		case s.Section == Undefined:
			out.value, out.class = 0, classExternal
		case s.Section == Absolute && s.Value <= math.MaxUint32:
			out.section = coffAbsolute
		case s.Section > 0 && int(s.Section) < len(w.o.Sections) && s.Value <= w.o.Sections[s.Section].Size:
			out.section = uint16(s.Section)
		default:
			return fmt.Errorf("internal error: symbol %s at %#x in section %d of %d", s.Name, s.Value, s.Section, len(w.o.Sections))
		}
		if s.Type == SectionSym || s.Type == FileSym || s.Type == Mapping || s.Name == "" {
			continue
		}
		w.index[i] = int32(len(w.symbols))
		w.symbols = append(w.symbols, out)
	}
	return nil
}

// relocations encodes the relocations of all sections.
func (w *coffWriter) relocations() error {
	for i := range w.o.Sections {
		s, out := &w.o.Sections[i], &w.out[i]
		if s.Relocated == 0 {
			continue
		}
		list, err := w.o.Relocs(int32(i))
		if err != nil {
			return err
		}
		out.data = bytes.Clone(s.Data)
		for _, r := range list {
			if size, width := uint64(len(out.data)), uint64(r.Kind.Info().Width); r.Off > size || width > size-r.Off {
				return fmt.Errorf("internal error: %s+%#x: a relocation that is not in the section", s.Name, r.Off)
			}
			if r.Symbol <= 0 || int(r.Symbol) >= len(w.o.Symbols) {
				return fmt.Errorf("internal error: %s+%#x: %s to symbol %d", s.Name, r.Off, r.Kind, r.Symbol)
			}
			if err := w.relocation(out, r); err != nil {
				to := &w.o.Symbols[r.Symbol]
				name := to.Name
				if name == "" && to.Section > 0 {
					name = w.o.Sections[to.Section].Name
				}
				return fmt.Errorf("%s+%#x: %s to %s%+#x: %w", s.Name, r.Off, r.Kind, cmp.Or(name, "a number"), r.Addend, err)
			}
		}
	}
	return nil
}

// relocation encodes a relocation whose field is in the section.
func (w *coffWriter) relocation(out *coffOut, r Reloc) error {
	field := out.data[r.Off:]
	switch r.Kind {
	case reloc.Abs64:
		symbol, addend, err := w.target(r)
		if err != nil {
			return err
		}
		out.relocs = append(out.relocs, coffReloc{uint32(r.Off), symbol, w.machine.addr64})
		return r.Kind.Put(field, addend)
	case reloc.PC32, reloc.Call32:
		symbol, addend, err := w.target(r)
		if err != nil {
			return err
		}
		out.relocs = append(out.relocs, coffReloc{uint32(r.Off), symbol, w.machine.rel32})
		if addend > math.MaxInt32 {
			return fmt.Errorf("the addend %#x does not fit", addend)
		}
		return r.Kind.Put(field, addend+4) // counts from the end of the field
	}
	if w.o.Arch != "arm64" || r.Kind < reloc.Page21 || r.Kind > reloc.GOTPageOff12 {
		return fmt.Errorf("there is no such relocation in COFF")
	}
	if r.Kind.Info().GOT && r.Addend != 0 {
		return fmt.Errorf("an addend to a GOT slot")
	}
	typ, kind, err := coffInstruction(field, r.Kind)
	if err != nil {
		return err
	}
	symbol, err := w.label(r)
	if err != nil {
		return err
	}
	out.relocs = append(out.relocs, coffReloc{uint32(r.Off), symbol, typ})
	return kind.Put(field, 0)
}

// target returns the symbol of a relocation and what is to be added to it.
func (w *coffWriter) target(r Reloc) (symbol uint32, addend int64, err error) {
	s := &w.o.Symbols[r.Symbol]
	switch {
	case s.Section > 0 && s.Bind == Local:
		return w.sectionSymbol(s.Section), int64(s.Value) + r.Addend, nil
	case s.Section == Absolute || w.index[r.Symbol] < 0:
		return 0, 0, fmt.Errorf("the target is not in memory")
	}
	return w.number(w.index[r.Symbol]), r.Addend, nil
}

// label returns a symbol for the place that a relocation leads to. LLVM folds no
// addends that lead out of an object into instructions of arm64
// (performGlobalAddressCombine in AArch64ISelLowering.cpp).
func (w *coffWriter) label(r Reloc) (uint32, error) {
	s := &w.o.Symbols[r.Symbol]
	if s.Section <= 0 {
		symbol, addend, err := w.target(r)
		if err == nil && addend != 0 {
			err = fmt.Errorf("an addend of an instruction, which COFF has no room for")
		}
		return symbol, err
	}
	off := int64(s.Value) + r.Addend
	if off < 0 || off > int64(w.o.Sections[s.Section].Size) {
		return 0, fmt.Errorf("the target is not in its section")
	}
	key := [2]int64{int64(s.Section), off}
	symbol, ok := w.labels[key]
	if !ok {
		symbol = int32(len(w.symbols))
		w.symbols = append(w.symbols, coffSymbol{name: fmt.Sprintf("$L%d", len(w.labels)), value: uint32(off), section: uint16(s.Section), class: classStatic})
		w.labels[key] = symbol
	}
	return w.number(symbol), nil
}

// sectionSymbol is where in the file the symbol of a section is.
func (w *coffWriter) sectionSymbol(section int32) uint32 { return 2 * uint32(section-1) }

// number is where in the file a symbol is, behind those of the sections.
func (w *coffWriter) number(symbol int32) uint32 {
	return w.sectionSymbol(int32(len(w.o.Sections))) + uint32(symbol)
}

// coffInstruction returns the relocation for an instruction of arm64. One that
// loads an address from the GOT is made to compute it, as linkers do.
func coffInstruction(field []byte, kind reloc.Kind) (uint16, reloc.Kind, error) {
	word := binary.LittleEndian.Uint32(field)
	switch kind {
	case reloc.Branch26:
		return 0x03, kind, nil // BRANCH26
	case reloc.Branch19:
		return 0x0f, kind, nil // BRANCH19
	case reloc.Branch14:
		return 0x10, kind, nil // BRANCH14
	case reloc.Adr21:
		return 0x05, kind, nil // REL21
	case reloc.Page21, reloc.GOTPage21:
		return 0x04, reloc.Page21, nil // PAGEBASE_REL21
	case reloc.GOTPageOff12:
		if word&0xffc00000 != 0xf9400000 || word&31 == 31 || word>>5&31 == 31 { // ldr of 8 bytes; xzr, sp
			return 0, 0, fmt.Errorf("the field is not the operand of a load of 8 bytes")
		}
		binary.LittleEndian.PutUint32(field, 0x91000000|word&0x3ff) // add of the same registers
		return 0x06, reloc.PageOff12, nil
	case reloc.PageOff12, reloc.PageOff12S1, reloc.PageOff12S2, reloc.PageOff12S3, reloc.PageOff12S4:
		switch {
		case kind == reloc.PageOff12 && word&0x1fc00000 == 0x11000000: // add
			return 0x06, kind, nil // PAGEOFFSET_12A
		case word&0x3b000000 == 0x39000000: // load or store, whose size the linker takes from it
			scale := word >> 30
			if word&0x04800000 == 0x04800000 {
				scale += 4
			}
			if kind == reloc.PageOff12+reloc.Kind(scale) {
				return 0x07, kind, nil // PAGEOFFSET_12L
			}
		}
		return 0, 0, fmt.Errorf("the field is not the operand of such an instruction")
	}
	return 0, 0, fmt.Errorf("there is no such relocation in COFF")
}

// finish writes the file. Offsets in it have 32 bits.
func (w *coffWriter) finish() ([]byte, error) {
	le := binary.LittleEndian
	names := make([]byte, 4)
	name := func(b []byte, s string) []byte {
		var short [coffShortName]byte
		if len(s) <= coffShortName {
			copy(short[:], s)
		} else {
			le.PutUint32(short[4:], uint32(len(names)))
			names = append(append(names, s...), 0)
		}
		return append(b, short[:]...)
	}
	end := uint64(coffHeaderSize + coffSectionSize*(len(w.out)-1))
	var headers, body, symtab []byte
	for i := range w.out {
		if i == 0 {
			continue
		}
		s, out := &w.o.Sections[i], &w.out[i]
		kind := coffSections[s.Kind]
		flags := kind.flags | uint32(bits.Len64(max(s.Align, 1)))<<20
		relocs := out.relocs
		if n := len(relocs); n > coffMostRelocs {
			flags |= scnManyRelocs
			relocs = slices.Insert(slices.Clone(relocs), 0, coffReloc{off: uint32(n + 1)}) // itself included
		}
		body = append(body, make([]byte, -(end+uint64(len(body)))&3)...)
		contents, table := uint32(end)+uint32(len(body)), uint32(0)
		if body = append(body, out.data...); len(out.data) == 0 {
			contents = 0
		}
		if len(relocs) > 0 {
			table = uint32(end) + uint32(len(body))
		}
		for _, r := range relocs {
			body = le.AppendUint16(le.AppendUint32(le.AppendUint32(body, r.off), r.symbol), r.typ)
		}
		if end+uint64(len(body)) > math.MaxUint32 {
			return nil, fmt.Errorf("a COFF object of more than 4 GiB")
		}
		count := uint16(min(len(relocs), coffMostRelocs+1))
		headers = name(headers, kind.name)
		for _, v := range []uint32{0, 0, uint32(s.Size), contents, table, 0} { // no addresses; no line numbers
			headers = le.AppendUint32(headers, v)
		}
		headers = le.AppendUint32(le.AppendUint32(headers, uint32(count)), flags)

		symtab = coffSymbol{kind.name, 0, uint16(i), 0, classStatic}.append(symtab, name, 1)
		aux := le.AppendUint16(le.AppendUint32(nil, uint32(s.Size)), count)
		symtab = append(append(symtab, aux...), make([]byte, coffSymbolSize-len(aux))...)
	}
	for _, s := range w.symbols {
		symtab = s.append(symtab, name, 0)
	}
	le.PutUint32(names, uint32(len(names)))
	if end += uint64(len(body)); end+uint64(len(symtab)+len(names)) > math.MaxUint32 {
		return nil, fmt.Errorf("a COFF object of more than 4 GiB")
	}
	b := make([]byte, 0, int(end)+len(symtab)+len(names))
	b = le.AppendUint16(le.AppendUint16(b, w.machine.number), uint16(len(w.out)-1))
	b = le.AppendUint32(b, 0) // the time
	b = le.AppendUint32(le.AppendUint32(b, uint32(end)), uint32(len(symtab)/coffSymbolSize))
	b = le.AppendUint32(b, 0) // no optional header, no characteristics
	return slices.Concat(append(b, headers...), body, symtab, names), nil
}

// append writes a symbol, which has auxiliary records behind it.
func (s coffSymbol) append(b []byte, name func([]byte, string) []byte, records uint8) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(name(b, s.name), s.value)
	b = le.AppendUint16(le.AppendUint16(b, s.section), s.typ)
	return append(b, s.class, records)
}
