package image

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

type builder struct {
	set       *link.Set
	image     *Image
	arch      arch
	object    *objectBuilder       // nil unless the outcome is an object
	memory    []Memory             // by segment
	at        [][]Address          // by object and section, of live sections
	slots     map[Address]uint64   // addresses with a slot in RelRO
	numbers   map[int64]uint64     // numbers with a slot in RelRO
	constants map[constant]Address // of mergeable sections
	split     func(link.Ref) bool  // may be nil
	padding   uint64               // bytes between sections
	thunks    map[link.Ref]uint64  // offsets in Text of the next thunk of sections with room for some
	trapAt    uint64               // offset of the trap in Text, which follows code; 0 if there is none
}

func newBuilder(set *link.Set) (*builder, error) {
	if len(set.Objects) == 0 {
		return nil, errors.New("no objects")
	}
	first := set.Objects[0] // link.Resolve takes objects for one processor only
	arch, ok := arches[first.Arch]
	if !ok {
		return nil, fmt.Errorf("%s: images of %s code are not implemented", first.Name, first.Arch)
	}
	b := &builder{
		set: set, image: &Image{Arch: first.Arch}, arch: arch, memory: make([]Memory, Segments),
		at: make([][]Address, len(set.Objects)), slots: map[Address]uint64{}, numbers: map[int64]uint64{}, constants: map[constant]Address{},
		thunks: map[link.Ref]uint64{},
	}
	for _, r := range set.Live {
		if b.at[r.Object] == nil {
			b.at[r.Object] = make([]Address, len(set.Objects[r.Object].Sections))
		}
	}
	return b, nil
}

// address is where a live section starts.
func (b *builder) address(r link.Ref) Address { return b.at[r.Object][r.Section] }

// layout gives every live section its place. Code comes first, in the order in
// which it was reached, so that callers and callees are neighbours; constants
// and data are ordered by alignment, so that little padding is needed.
func (b *builder) layout() error {
	segments := make([][]link.Ref, len(b.memory))
	var constants []link.Ref
	for _, r := range b.set.Live {
		segment, err := b.segment(r)
		if err != nil {
			return err
		}
		if segment == Text && b.set.Section(r).Kind != elfmacho.Text {
			constants = append(constants, r)
			continue
		}
		for int(segment) >= len(segments) { // an object has segments of its own
			segments = append(segments, nil)
		}
		segments[segment] = append(segments[segment], r)
	}
	byAlign := func(list []link.Ref) {
		slices.SortStableFunc(list, func(x, y link.Ref) int {
			return cmp.Compare(b.set.Section(y).Align, b.set.Section(x).Align)
		})
	}
	byAlign(constants)
	for s := range segments {
		if Segment(s) != Text {
			byAlign(segments[s])
		}
	}
	code := len(segments[Text])
	segments[Text] = append(segments[Text], constants...)

	var errs []error
	for i, list := range segments {
		m := &b.memory[i]
		m.Align = 1
		for j, r := range list {
			if b.object == nil && Segment(i) == Text && j >= code {
				b.endCode(m, b.set.Section(r).Align)
			}
			if err := b.place(Segment(i), m, r); err != nil {
				errs = append(errs, err)
			}
		}
		if b.object == nil && Segment(i) == Text {
			b.endCode(m, 1)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for i := range b.memory {
		if Segment(i) != BSS && Segment(i) != tlsBSS {
			b.memory[i].Data = make([]byte, b.memory[i].Size)
		}
	}
	for _, r := range b.set.Live {
		a := b.address(r)
		if data := b.memory[a.Segment].Data; data != nil {
			copy(data[a.Off:], b.set.Section(r).Data)
		}
	}
	return nil
}

// segment says where a section belongs.
func (b *builder) segment(r link.Ref) (Segment, error) {
	switch b.set.Section(r).Kind {
	case elfmacho.Text:
		return Text, nil
	case elfmacho.BSS:
		return BSS, nil
	case elfmacho.Data:
		return Data, nil
	case elfmacho.TLSData, elfmacho.Init: // of an object: link.Resolve refuses them
		return b.object.segment(b.set.Section(r)), nil
	}
	// Constants join the code unless they hold addresses.
	relocs, err := b.set.Relocs(r)
	if err != nil {
		return 0, err
	}
	for _, rel := range relocs {
		if !rel.Kind.Info().PCRel && rel.Kind != reloc.None {
			return RelRO, nil
		}
	}
	return Text, nil
}

// constant is what makes mergeable sections equal.
type constant struct {
	segment Segment
	align   uint64
	data    string
}

// place appends a section to a segment.
func (b *builder) place(segment Segment, m *Memory, r link.Ref) error {
	s := b.set.Section(r)
	limit := uint64(maxData)
	if segment == Text {
		limit = maxText
	}
	if s.Align > limit && b.object == nil {
		return b.errorf(r, 0, fmt.Sprintf("`%s` is aligned to %d bytes; Go's linker aligns %s to at most %d", b.set.NameAt(r, 0), s.Align, segment, limit),
			"align the type to 32 bytes or less, or align inside a larger buffer at run time")
	}
	// Of equal constants one is enough: those whose address does not matter.
	key := constant{segment, s.Align, ""}
	if s.Mergeable {
		key.data = string(s.Data)
		if at, ok := b.constants[key]; ok {
			b.at[r.Object][r.Section] = at
			return nil
		}
	}
	off, size := alignUp(m.Size, s.Align), s.Size
	if b.object == nil && s.Kind == elfmacho.Text {
		c, err := b.placeCode(m, r)
		if err != nil {
			return err
		}
		off, size = c.Off, c.Size
	}
	most := uint64(maxSize)
	if segment == Text {
		most = b.arch.reach
	}
	if size > most || off+size > most {
		return b.errorf(r, 0, fmt.Sprintf("the %s segment is larger than %d MiB", segment, most>>20), "make the static smaller")
	}
	if b.padding += off - m.Size; b.padding > maxPadding {
		return b.errorf(r, 0, fmt.Sprintf("the alignment of sections, of `%s` to %d bytes, takes more than %d MiB", b.set.NameAt(r, 0), s.Align, maxPadding>>20), "align less strictly")
	}
	b.at[r.Object][r.Section] = Address{segment, int64(off)}
	if s.Mergeable {
		b.constants[key] = Address{segment, int64(off)}
	}
	m.Align = max(m.Align, s.Align)
	m.Size = off + size
	if b.object == nil && s.Kind == elfmacho.Text {
		m.Size = max(m.Size+b.arch.unit, off+minFunc) // for a trap
		if b.image.Code[len(b.image.Code)-1].Split {
			m.Size = alignUp(m.Size, b.arch.funcAlign) + b.arch.funcAlign
		}
	}
	if b.object == nil {
		m.Parts = append(m.Parts, Part{Off: off, Size: size, Name: b.set.NameAt(r, 0)})
	}
	return nil
}

// placeCode gives a section of code its room. How long
// what an assembler adds is depends on how the program is linked, so that it
// gets whole multiples of the alignment of functions.
func (b *builder) placeCode(m *Memory, r link.Ref) (Code, error) {
	s := b.set.Section(r)
	c := Code{Section: r, Align: max(s.Align, b.arch.funcAlign), Split: b.arch.split && b.split != nil && b.split(r)}
	c.Start = alignUp(m.Size, c.Align)
	c.Off = c.Start
	if c.Split {
		c.Off += c.Align
	}
	c.Size, c.Name = s.Size, b.set.NameAt(r, 0)
	if b.arch.room != nil {
		room, err := b.arch.room(b, r)
		if err != nil {
			return c, err
		}
		if room > 0 {
			b.thunks[r] = c.Off + alignUp(c.Size, b.arch.unit)
			c.Size = alignUp(c.Size, b.arch.unit) + room
		}
	}
	if n := len(b.image.Code); n > 0 {
		b.image.Code[n-1].End = c.Start
	}
	b.image.Code = append(b.image.Code, c)
	return c, nil
}

// endCode ends the code. What follows starts where a function with the alignment
// of the segment could. It has no effect the second time.
func (b *builder) endCode(m *Memory, align uint64) {
	if n := len(b.image.Code); n > 0 && b.image.Code[n-1].End == 0 {
		m.Align = max(m.Align, align, b.arch.funcAlign)
		m.Size = alignUp(m.Size, m.Align)
		b.image.Code[n-1].End = m.Size
		b.image.Constants = m.Size
	}
}

func alignUp(n, to uint64) uint64 { return (n + to - 1) &^ (to - 1) }

func (b *builder) errorf(r link.Ref, off uint64, msg, help string) error {
	return &Error{
		Object: b.set.Objects[r.Object].Name, Section: b.set.Section(r).Name, Off: off,
		Msg: msg, Help: help, Chain: b.set.Chain(r, off),
	}
}

// finish orders what is left to the assembler and pads the segments.
func (b *builder) finish() (*Image, error) {
	img := b.image
	slices.SortFunc(img.Loads, func(x, y Load) int { return cmp.Compare(x.Off, y.Off) })
	slices.SortFunc(img.Pointers, func(x, y Pointer) int {
		return cmp.Or(cmp.Compare(x.From, y.From), cmp.Compare(x.Off, y.Off))
	})
	for _, root := range b.set.Roots {
		if root.Place.Kind != link.InSection || b.set.Section(root.Place.Ref).Kind != elfmacho.Text {
			return nil, fmt.Errorf("%s: `%s` is not a function", b.set.Objects[root.Object].Name, root.Name)
		}
		a := b.address(root.Place.Ref)
		off := uint64(a.Off) + root.Place.Off
		size := b.set.Objects[root.Object].Symbols[root.Symbol].Size
		e := Export{Name: root.Name, Off: off}
		e.Leaf, e.LeafOff = b.arch.leaf(b.memory[Text].Data[off : off+size])
		img.Exports = append(img.Exports, e)
	}
	copy(img.Memory[:], b.memory)
	for i := range img.Memory {
		m := &img.Memory[i]
		if m.Size == 0 {
			continue
		}
		// Go's linker aligns a symbol no stricter than its size
		// (cmd/link/internal/ld.symalign, Go 1.26).
		size := (m.Size + m.Align - 1) &^ (m.Align - 1)
		if m.Data != nil {
			m.Data = append(m.Data, make([]byte, size-m.Size)...)
		}
		m.Size = size
	}
	return img, nil
}
