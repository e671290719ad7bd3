package link

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
)

// MissingError reports a root that nothing defines.
type MissingError struct {
	Name  string
	Known []string // the global symbols that there are, sorted
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("symbol `%s` is not defined in the input", e.Name)
}

// UndefinedError reports everything that live code needs and nothing defines.
type UndefinedError struct{ Symbols []UndefinedSymbol }

// UndefinedSymbol is a missing definition and the chain of symbols, from a
// root, that needs it.
type UndefinedSymbol struct {
	Name  string
	Chain []string
}

func (e *UndefinedError) Error() string {
	var b strings.Builder
	for i, s := range e.Symbols {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "undefined symbol `%s`, needed by %s", s.Name, strings.Join(s.Chain, " > "))
	}
	return b.String()
}

// DuplicateError reports two strong definitions of one symbol.
type DuplicateError struct{ Name, First, Second string }

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("symbol `%s` is defined twice: in %s and in %s", e.Name, e.First, e.Second)
}

// SectionError reports something live that cannot go into a Go program.
type SectionError struct {
	Object, Section string
	Off             uint64
	Msg             string
	Chain           []string // of symbols, from a root
}

func (e *SectionError) Error() string {
	return fmt.Sprintf("%s: %s+%#x: %s (reached by %s)", e.Object, e.Section, e.Off, e.Msg, strings.Join(e.Chain, " > "))
}

func (s *Set) sectionError(r Ref, off uint64, msg string) error {
	return &SectionError{s.Objects[r.Object].Name, s.Section(r).Name, off, msg, s.Chain(r, off)}
}

func (s *Set) undefinedError(list []missing) error {
	e := &UndefinedError{}
	for _, m := range list {
		e.Symbols = append(e.Symbols, UndefinedSymbol{m.name, s.Chain(m.from, m.off)})
	}
	return e
}

// Why returns the chain of symbols, from a root to name, through which name is
// live. It is nil if name is not live.
func (s *Set) Why(name string) []string {
	d, ok := s.table[name]
	if !ok {
		return nil
	}
	sym := &s.Objects[d.object].Symbols[d.symbol]
	p, err := s.place(d.object, sym)
	if err != nil || p.Kind != InSection {
		return nil
	}
	s.explain()
	if _, ok := s.reasons[p.Ref]; !ok {
		return nil
	}
	return s.Chain(p.Ref, p.Off)
}

// reason is why a section is live: a relocation of another, or, where root is
// set, being asked for.
type reason struct {
	from Ref
	off  uint64 // of the relocation in from
	root bool
}

// explain finds the shortest chain of relocations to every live section. It
// goes breadth first, apart from mark, whose order is made for the layout.
func (s *Set) explain() {
	if s.reasons != nil {
		return
	}
	s.reasons = map[Ref]reason{}
	var queue []Ref
	reach := func(r Ref, why reason) {
		if _, ok := s.reasons[r]; !ok {
			s.reasons[r] = why
			queue = append(queue, r)
		}
	}
	for _, root := range s.Roots {
		if root.Place.Kind == InSection {
			reach(root.Place.Ref, reason{root: true})
		}
	}
	for _, r := range s.Live { // what stays unasked is its own reason
		if section := s.Section(r); section.Retain || section.LiveSupport || section.Kind == elfmacho.Init {
			reach(r, reason{root: true})
		}
	}
	for i := 0; i < len(queue); i++ {
		relocs, err := s.Relocs(queue[i])
		if err != nil {
			continue // the chain is for a message: what is known is enough
		}
		for _, r := range relocs {
			if place, err := s.Target(queue[i].Object, r); err == nil && place.Kind == InSection {
				reach(place.Ref, reason{from: queue[i], off: r.Off})
			}
		}
	}
}

// Chain returns the shortest chain of symbols, from a root, that leads to an
// offset of a live section.
func (s *Set) Chain(r Ref, off uint64) []string {
	s.explain()
	var chain []string
	for {
		chain = append(chain, s.NameAt(r, off))
		why, ok := s.reasons[r]
		if why.root || !ok {
			break
		}
		r, off = why.from, why.off
	}
	slices.Reverse(chain)
	return slices.Compact(chain)
}

// NameAt returns the name of the symbol that covers an offset of a section, or
// the name of the section where no symbol does.
func (s *Set) NameAt(r Ref, off uint64) string {
	if sym := s.SymbolAt(r, off); sym != nil {
		return sym.Name
	}
	return s.Section(r).Name
}

// SymbolAt returns the named symbol that starts nearest before or at an offset
// of a section, or nil.
func (s *Set) SymbolAt(r Ref, off uint64) *elfmacho.Symbol {
	symbols := s.Objects[r.Object].Symbols
	list := s.symbols(r)
	i, exact := slices.BinarySearchFunc(list, off, func(i int32, off uint64) int {
		return cmp.Compare(symbols[i].Value, off)
	})
	if !exact {
		i--
	}
	if i < 0 {
		return nil
	}
	return &symbols[list[i]]
}

// symbols returns the indexes of the named symbols in a section by ascending
// offset; of several at one offset, functions and then globals come first.
func (s *Set) symbols(r Ref) []int32 {
	bySection := s.parts[r.Object].symbols
	if bySection == nil {
		o := s.Objects[r.Object]
		bySection = make([][]int32, len(o.Sections))
		for i := range o.Symbols {
			sym := &o.Symbols[i]
			if sym.Section > 0 && sym.Name != "" && sym.Type != elfmacho.SectionSym && sym.Type != elfmacho.FileSym && sym.Type != elfmacho.Mapping {
				bySection[sym.Section] = append(bySection[sym.Section], int32(i))
			}
		}
		order := func(sym *elfmacho.Symbol) int {
			rank := 0
			if sym.Type != elfmacho.Func {
				rank += 2
			}
			if sym.Bind == elfmacho.Local {
				rank++
			}
			return rank
		}
		for _, list := range bySection {
			slices.SortStableFunc(list, func(i, j int32) int {
				a, b := &o.Symbols[i], &o.Symbols[j]
				return cmp.Or(cmp.Compare(a.Value, b.Value), cmp.Compare(order(a), order(b)))
			})
		}
		s.parts[r.Object].symbols = bySection
	}
	return bySection[r.Section]
}

// Symbols returns the named symbols of a section by ascending offset.
func (s *Set) Symbols(r Ref) []*elfmacho.Symbol {
	o := s.Objects[r.Object]
	var list []*elfmacho.Symbol
	for _, i := range s.symbols(r) {
		list = append(list, &o.Symbols[i])
	}
	return list
}
