package elfmacho

import (
	"cmp"
	"slices"
)

// A linker for Mach-O drops and moves atoms. In objects with the flag
// MH_SUBSECTIONS_VIA_SYMBOLS an atom begins at every symbol, but for labels of
// the assembler's and for N_ALT_ENTRY, a second entry of an atom. Sections of
// literals are split into those, whether they have symbols or not. Without the
// flag nothing is known of what code assumes about its neighbors, and a section
// is one atom.

// atoms fills Object.Sections with the atoms, in the order of the file, each with
// a symbol, and moves the symbols of the file to them.
func (p *machoParser) atoms() error {
	budget := len(p.data)/16 + 1<<16 // no more literals than of a usual length
	total := 1
	for i := range p.sects {
		s := &p.sects[i]
		slices.SortStableFunc(p.defs[i], func(a, b machoDef) int { return cmp.Compare(a.off, b.off) })
		var err error
		if s.starts, err = p.starts(s, p.defs[i], &budget); err != nil {
			return err
		}
		total += len(s.starts)
	}
	p.obj.Sections = make([]Section, 1, total)
	p.obj.Sections[0].LinkOrder = -1
	p.owner = make([]uint8, 1, total)
	p.obj.Symbols = slices.Grow(p.obj.Symbols, total-1)
	for i := range p.sects {
		p.split(i)
	}
	return nil
}

// starts returns where the atoms of a section begin.
func (p *machoParser) starts(s *machoSection, defs []machoDef, budget *int) ([]uint64, error) {
	starts := []uint64{0}
	if !p.subsections || !s.loaded() { // unwind tables and debug data are read as a whole
		return starts, nil
	}
	if size := s.literal(); size > 0 {
		h := elfSection{off: s.off, entsize: size}
		if s.typ() == sCstringLiterals {
			h.flags = shfStrings
		}
		literals, err := pieceStarts(&Section{Name: s.name, Size: s.size, Data: s.data}, &h, *budget)
		if err != nil {
			return nil, err
		}
		if len(literals) > 0 {
			*budget -= len(literals)
			s.mergeable = true
			return literals, nil
		}
	}
	for _, d := range defs {
		if !d.label && d.desc&nAltEntry == 0 && d.off != starts[len(starts)-1] {
			starts = append(starts, d.off)
		}
	}
	return starts, nil
}

// literal returns the size of the constants of a section, 1 for strings, and 0
// if it has none.
func (s *machoSection) literal() uint64 {
	if s.kind != ReadOnly || len(s.relocs) > 0 || s.size == 0 {
		return 0
	}
	switch s.typ() {
	case sCstringLiterals:
		return 1
	case s4ByteLiterals:
		return 4
	case s8ByteLiterals:
		return 8
	case s16ByteLiterals:
		return 16
	}
	return 0
}

// split makes the atoms of a section.
func (p *machoParser) split(index int) {
	s, defs, o := &p.sects[index], p.defs[index], p.obj
	s.first, s.symbol = int32(len(o.Sections)), int32(len(o.Symbols))
	name := s.sectionName()
	for k, start := range s.starts {
		end := s.size
		if k+1 < len(s.starts) {
			end = s.starts[k+1]
		}
		atom := Section{
			Name: name, Kind: s.kind, Align: s.align, Size: end - start, LinkOrder: -1,
			Retain:      s.flags&sAttrNoDeadStrip != 0 && s.loaded(),
			LiveSupport: s.flags&sAttrLiveSupport != 0 && s.loaded(),
			Mergeable:   s.mergeable,
			Continued:   k > 0,
		}
		if start != 0 {
			atom.Align = min(s.align, start&-start) // as far as the offset allows
		}
		if s.data != nil {
			atom.Data = s.data[start:end:end]
		}
		o.Symbols = append(o.Symbols, Symbol{Section: int32(len(o.Sections)), Type: SectionSym})
		o.Sections = append(o.Sections, atom)
		p.owner = append(p.owner, uint8(index))
	}
	next, last := s.size, s.size // offsets of symbols that are no labels
	for i := len(defs) - 1; i >= 0; i-- {
		d := &defs[i]
		k, off := s.find(d.off)
		sym := &o.Symbols[d.symbol]
		sym.Section, sym.Value = s.first+k, off
		atom := &o.Sections[sym.Section]
		if d.desc&(nNoDeadStrip|nReferencedDynamically) != 0 && s.loaded() {
			atom.Retain = true
		}
		if d.label {
			continue
		}
		if d.off < last { // symbols at one offset have one size
			next, last = last, d.off
		}
		sym.Size = min(next-d.off, atom.Size-off)
	}
}

// find returns the atom at an offset of a section, counted from the first, and
// the offset in the atom.
func (s *machoSection) find(off uint64) (int32, uint64) {
	k, exact := slices.BinarySearch(s.starts, off)
	if !exact {
		k--
	}
	return int32(k), off - s.starts[k]
}
