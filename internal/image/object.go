package image

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
	"github.com/cargo-rustgo/cargo-rustgo/internal/target"
)

// Segments that only objects have. Initializers follow: one segment for each
// name, since the name holds the priority. So does thread-local data of Mach-O,
// whose sections are different things.
const (
	tlsData Segment = Segments + iota
	tlsBSS
	firstInit
)

// objectBuilder adds to a builder what an object has in place of an Image.
type objectBuilder struct {
	*builder
	out     *elfmacho.Object
	named   []elfmacho.Section // name and kind of the segments from firstInit on
	relocs  [][]elfmacho.Reloc
	symbols map[symbolKey]int32 // in out
}

// symbolKey identifies a symbol of the output: a place in memory, a section
// symbol if the type says so, or a name from outside.
type symbolKey struct {
	name string
	to   Address
	typ  elfmacho.Type
}

// BuildObject lays the live sections of a set of link.ResolveObject out as one
// relocatable object. Distances inside a segment are final; the rest stays a
// relocation, against the section where it can be, so that the object needs few
// symbols. Roots become global symbols, and with keepGlobals so does every
// other live global symbol; references between what is kept are final all the
// same.
func BuildObject(set *link.Set, keepGlobals bool) (*elfmacho.Object, error) {
	inner, err := newBuilder(set)
	if err != nil {
		return nil, err
	}
	b := &objectBuilder{builder: inner, symbols: map[symbolKey]int32{}}
	b.builder.object = b
	b.memory = make([]Memory, firstInit)
	if err := b.layout(); err != nil {
		return nil, err
	}
	// From here on every live section has its place.
	b.relocs = make([][]elfmacho.Reloc, len(b.memory))
	b.out = &elfmacho.Object{Arch: b.image.Arch, Format: set.Objects[0].Format, Symbols: make([]elfmacho.Symbol, 1)}
	for _, root := range set.Roots {
		b.export(root, elfmacho.Global)
	}
	if keepGlobals {
		for _, global := range set.Globals() {
			b.export(global, set.Objects[global.Object].Symbols[global.Symbol].Bind)
		}
	}
	var errs []error
	for _, r := range set.Live {
		relocs, err := set.Relocs(r)
		if err != nil {
			return nil, err
		}
		for _, rel := range relocs {
			if err := b.apply(r, rel); err != nil {
				if errs = append(errs, err); len(errs) == maxErrors {
					return nil, errors.Join(errs...)
				}
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	b.finish()
	return b.out, nil
}

// segment says where thread-local data and initializers belong.
func (b *objectBuilder) segment(s *elfmacho.Section) Segment {
	name := s.Name
	switch {
	case s.Kind != elfmacho.TLSData:
	case b.set.Objects[0].Format == target.MachO:
		if name == "__DATA,__thread_bss" {
			name = "__DATA,__thread_data" // all of a segment has contents, or nothing
		}
	case s.Data == nil:
		return tlsBSS
	default:
		return tlsData
	}
	i := slices.IndexFunc(b.named, func(n elfmacho.Section) bool { return n.Name == name })
	if i < 0 {
		i = len(b.named)
		b.named = append(b.named, elfmacho.Section{Name: name, Kind: s.Kind})
		b.memory = append(b.memory, Memory{})
	}
	return firstInit + Segment(i)
}

func (b *objectBuilder) export(root link.Root, bind elfmacho.Bind) {
	sym := b.set.Objects[root.Object].Symbols[root.Symbol]
	sym.Bind, sym.Hidden = bind, false
	switch root.Place.Kind {
	case link.InSection:
		a := b.address(root.Place.Ref)
		sym.Section, sym.Value = sectionOf(a.Segment), uint64(a.Off)+root.Place.Off
	case link.AtValue:
		sym.Section = elfmacho.Absolute
	}
	b.out.Symbols = append(b.out.Symbols, sym)
}

// sectionOf is the section of the output for a segment, until finish drops the
// empty ones.
func sectionOf(s Segment) int32 { return int32(s) + 1 }

// symbol returns the symbol of the output for a key, made by the function if it
// is new.
func (b *objectBuilder) symbol(key symbolKey, made func() elfmacho.Symbol) int32 {
	i, ok := b.symbols[key]
	if !ok {
		i = int32(len(b.out.Symbols))
		b.symbols[key] = i
		b.out.Symbols = append(b.out.Symbols, made())
	}
	return i
}

// section returns the symbol of a segment.
func (b *objectBuilder) section(s Segment) int32 {
	return b.symbol(symbolKey{to: Address{Segment: s}, typ: elfmacho.SectionSym}, func() elfmacho.Symbol {
		return elfmacho.Symbol{Section: sectionOf(s), Type: elfmacho.SectionSym}
	})
}

// external returns the symbol for an undefined one.
func (b *objectBuilder) external(sym *elfmacho.Symbol) int32 {
	i := b.symbol(symbolKey{name: sym.Name}, func() elfmacho.Symbol {
		return elfmacho.Symbol{Name: sym.Name, Section: elfmacho.Undefined, Bind: sym.Bind, Type: sym.Type, Hidden: sym.Hidden}
	})
	if out := &b.out.Symbols[i]; sym.Bind == elfmacho.Global {
		out.Bind = elfmacho.Global // one reference that is not weak is enough
	}
	return i
}

// local returns a local symbol for a definition that relocations must name.
func (b *objectBuilder) local(def *elfmacho.Symbol, to Address) int32 {
	typ := def.Type
	if to.Segment == tlsData || to.Segment == tlsBSS {
		typ = elfmacho.ThreadLocal // also where a section symbol stands for it
	}
	return b.symbol(symbolKey{to: to, typ: typ}, func() elfmacho.Symbol {
		return elfmacho.Symbol{Name: def.Name, Section: sectionOf(to.Segment), Value: uint64(to.Off), Size: def.Size, Type: typ}
	})
}

// absolute returns a local symbol for a number.
func (b *objectBuilder) absolute(value uint64) int32 {
	return b.symbol(symbolKey{name: "\x00absolute", to: Address{Off: int64(value)}}, func() elfmacho.Symbol {
		return elfmacho.Symbol{Section: elfmacho.Absolute, Value: value}
	})
}

// apply resolves one relocation or writes it back.
func (b *objectBuilder) apply(ref link.Ref, rel elfmacho.Reloc) error {
	place, err := b.set.Target(ref.Object, rel)
	if err != nil {
		return b.errorf(ref, rel.Off, err.Error(), "")
	}
	from, info := b.address(ref), rel.Kind.Info()
	p := from.Off + int64(rel.Off)
	keep := func(typ uint16, symbol int32, addend int64) {
		b.keep(from.Segment, elfmacho.Reloc{Off: uint64(p), Kind: rel.Kind, Type: typ, Symbol: symbol, Addend: addend})
	}
	put := func(kind reloc.Kind, value int64) error {
		if err := kind.Put(b.memory[from.Segment].Data[p:], value); err != nil {
			return b.errorf(ref, rel.Off, fmt.Sprintf("%s to `%s`: %v", info.Name, b.targetName(ref, rel), err), "")
		}
		return nil
	}
	def := b.set.Symbol(ref.Object, rel.Symbol)
	switch {
	case rel.Kind == reloc.IRel:
		return b.errorf(ref, rel.Off, "an IRELATIVE relocation, which only linkers write", "")
	case place.Kind == link.External:
		keep(rel.Type, b.external(&b.set.Objects[ref.Object].Symbols[rel.Symbol]), rel.Addend)
		return nil
	case place.Kind == link.AtValue && (info.PCRel || rel.Kind == reloc.TLS || rel.Kind.Instruction()):
		keep(rel.Type, b.absolute(place.Off), rel.Addend)
		return nil
	case rel.Kind == reloc.Size32 || rel.Kind == reloc.Size64:
		return put(rel.Kind, int64(def.Size)+rel.Addend)
	case place.Kind == link.AtValue:
		return put(rel.Kind, int64(place.Off)+rel.Addend)
	}
	to := b.address(place.Ref)
	to.Off += int64(place.Off)
	switch {
	case rel.Kind == reloc.TLS || to.Segment == tlsData || to.Segment == tlsBSS || def.Type == elfmacho.IndirectFunc:
		// What these compute is for the next linker to decide.
		keep(rel.Type, b.local(def, to), rel.Addend)
		return nil
	case info.GOT && rel.Kind.Instruction():
		// Two instructions share a slot: the next linker relaxes both or none.
		keep(rel.Type, b.local(def, to), rel.Addend)
		return nil
	case partial(rel.Kind) && rel.Kind != reloc.Adr21, rel.Kind == reloc.MovAbs:
		// The segment may be anywhere in a page.
		keep(rel.Type, b.section(to.Segment), to.Off+rel.Addend)
		return nil
	case info.GOT:
		if b.relax(ref, rel, to) {
			return nil
		}
		// An operand that stays in memory gets a slot of our own.
		rel.Kind, rel.Type, to = reloc.PC32, 0, b.objectSlot(to)
	}
	if info.PCRel && to.Segment == from.Segment {
		return put(rel.Kind, to.Off+rel.Addend-p)
	}
	keep(rel.Type, b.section(to.Segment), to.Off+rel.Addend)
	return nil
}

func (b *objectBuilder) keep(from Segment, r elfmacho.Reloc) {
	b.relocs[from] = append(b.relocs[from], r)
}

// relax makes an instruction do without the GOT (psABI B.2), if it can:
//
//	mov  f@GOTPCREL(%rip), %reg   lea f(%rip), %reg
//	call *f@GOTPCREL(%rip)        addr32 call f
//	jmp  *f@GOTPCREL(%rip)        jmp f; nop
//
// It goes by the bytes before the field, also where the relocation is not one
// that promises these forms, since rustc asks for those seldom: in no other
// instruction that reads 8 bytes do such bytes come before disp32(%rip).
func (b *objectBuilder) relax(ref link.Ref, rel elfmacho.Reloc, to Address) bool {
	if b.set.Section(ref).Kind != elfmacho.Text || rel.Addend != -4 || rel.Off < 3 {
		return false
	}
	from := b.address(ref)
	p := from.Off + int64(rel.Off)
	code := b.memory[from.Segment].Data[p-3 : p+4] // a byte before, opcode, ModRM, field
	put := func(at []byte, end int64) {
		binary.LittleEndian.PutUint32(at, uint32(to.Off-end)) // segments are smaller than 2 GiB
	}
	near := to.Segment == from.Segment
	switch rex, opcode, modrm := code[0], code[1], code[2]; {
	case rex&0xf8 == 0x48 && opcode == 0x8b && modrm&0xc7 == 0x05:
		code[1] = 0x8d
		if near {
			put(code[3:], p+4)
		} else {
			b.keep(from.Segment, elfmacho.Reloc{Off: uint64(p), Kind: reloc.PC32, Symbol: b.section(to.Segment), Addend: to.Off - 4})
		}
	case near && opcode == 0xff && modrm == 0x15:
		code[1], code[2] = 0x67, 0xe8
		put(code[3:], p+4)
	case near && opcode == 0xff && modrm == 0x25:
		code[1], code[6] = 0xe9, 0x90
		put(code[2:], p+3)
	default:
		return false
	}
	return true
}

// objectSlot returns the place in RelRO of a pointer to an address.
func (b *objectBuilder) objectSlot(to Address) Address {
	off, ok := b.slots[to]
	if !ok {
		off = b.newSlot()
		b.slots[to] = off
		b.keep(RelRO, elfmacho.Reloc{Off: off, Kind: reloc.Abs64, Symbol: b.section(to.Segment), Addend: to.Off})
	}
	return Address{RelRO, int64(off)}
}

// machoSections are the names of segments in Mach-O.
var machoSections = [Segments]string{Text: "__TEXT,__text", RelRO: "__DATA,__const", Data: "__DATA,__data", BSS: "__DATA,__bss"}

// objectSections are the names and kinds of the segments before firstInit.
var objectSections = [firstInit]elfmacho.Section{
	Text:    {Name: ".text", Kind: elfmacho.Text},
	RelRO:   {Name: ".data.rel.ro", Kind: elfmacho.RelRO},
	Data:    {Name: ".data", Kind: elfmacho.Data},
	BSS:     {Name: ".bss", Kind: elfmacho.BSS},
	tlsData: {Name: ".tdata", Kind: elfmacho.TLSData},
	tlsBSS:  {Name: ".tbss", Kind: elfmacho.TLSData},
}

// finish makes sections of the segments that are not empty.
func (b *objectBuilder) finish() {
	used := make([]bool, len(b.memory))
	for i := range b.memory {
		used[i] = b.memory[i].Size > 0
	}
	for i := range b.out.Symbols {
		if s := b.out.Symbols[i].Section; s > 0 {
			used[s-1] = true // a section of no size can have a symbol
		}
	}
	index := make([]int32, len(b.memory)+1) // section until here → in the output
	b.out.Sections = []elfmacho.Section{{LinkOrder: -1}}
	for i, m := range b.memory {
		if !used[i] {
			continue
		}
		var s elfmacho.Section
		switch macho := b.out.Format == target.MachO; {
		case Segment(i) >= firstInit:
			s = b.named[i-int(firstInit)]
		case macho:
			s = elfmacho.Section{Name: machoSections[i], Kind: objectSections[i].Kind}
		default:
			s = objectSections[i]
		}
		s.Align, s.Size, s.Data, s.LinkOrder = m.Align, m.Size, m.Data, -1
		index[sectionOf(Segment(i))] = int32(len(b.out.Sections))
		b.out.Sections = append(b.out.Sections, s)
		if list := b.relocs[i]; len(list) > 0 {
			// Sections were not visited in the order of their places.
			slices.SortFunc(list, func(x, y elfmacho.Reloc) int { return int(int64(x.Off) - int64(y.Off)) })
			b.out.SetRelocs(index[sectionOf(Segment(i))], list)
		}
	}
	for i := range b.out.Symbols {
		if s := &b.out.Symbols[i]; s.Section > 0 {
			s.Section = index[s.Section]
		}
	}
}
