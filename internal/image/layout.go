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
	set   *link.Set
	image *Image
	at    map[link.Ref]Address
	slots map[Address]uint64 // addresses with a slot in RelRO
}

// layout gives every live section its place. Code comes first, in the order in
// which it was reached, so that callers and callees are neighbours; constants
// and data are ordered by alignment, so that little padding is needed.
func (b *builder) layout() error {
	var segments [Segments][]link.Ref
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
		segments[segment] = append(segments[segment], r)
	}
	byAlign := func(list []link.Ref) {
		slices.SortStableFunc(list, func(x, y link.Ref) int {
			return cmp.Compare(b.set.Section(y).Align, b.set.Section(x).Align)
		})
	}
	byAlign(constants)
	for _, s := range []Segment{RelRO, Data, BSS} {
		byAlign(segments[s])
	}
	segments[Text] = append(segments[Text], constants...)

	var errs []error
	for i, list := range segments {
		segment := Segment(i)
		m := &b.image.Memory[segment]
		m.Align = 1
		for _, r := range list {
			if err := b.place(segment, m, r); err != nil {
				errs = append(errs, err)
			}
		}
		if segment != BSS {
			m.Data = make([]byte, m.Size)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, r := range b.set.Live {
		if a := b.at[r]; a.Segment != BSS {
			copy(b.image.Memory[a.Segment].Data[a.Off:], b.set.Section(r).Data)
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

// place appends a section to a segment.
func (b *builder) place(segment Segment, m *Memory, r link.Ref) error {
	s := b.set.Section(r)
	limit := uint64(maxData)
	if segment == Text {
		limit = maxText
	}
	if s.Align > limit {
		return b.errorf(r, 0, fmt.Sprintf("`%s` is aligned to %d bytes; Go's linker aligns %s to at most %d", b.set.NameAt(r, 0), s.Align, segment, limit),
			"align the type to 32 bytes or less, or align inside a larger buffer at run time")
	}
	off := (m.Size + s.Align - 1) &^ (s.Align - 1)
	if s.Size > maxSize || off+s.Size > maxSize {
		return b.errorf(r, 0, fmt.Sprintf("the %s segment is larger than %d MiB", segment, maxSize>>20), "make the static smaller")
	}
	b.at[r] = Address{segment, int64(off)}
	m.Align = max(m.Align, s.Align)
	m.Size = off + s.Size
	m.Parts = append(m.Parts, Part{Off: off, Size: s.Size, Name: b.set.NameAt(r, 0)})
	return nil
}

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
		a, ok := b.at[root.Place.Ref]
		if !ok || a.Segment != Text {
			return nil, fmt.Errorf("%s: `%s` is not a function", b.set.Objects[root.Object].Name, root.Name)
		}
		img.Exports = append(img.Exports, Export{root.Name, uint64(a.Off) + root.Place.Off})
	}
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
