package link

import (
	"fmt"
	"slices"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
)

// missing is a symbol that live code needs and nothing defines, yet, and the
// first relocation that names it.
type missing struct {
	name string
	from Ref
	off  uint64
}

// mark computes Live and the places of the roots from the definitions known so
// far. It returns the symbols that are needed and not defined, each once, in
// the order in which they were met.
func (s *Set) mark() ([]missing, error) {
	s.Live, s.reasons = nil, nil
	live := map[Ref]bool{}
	var pending, next []Ref
	for i := range s.Roots {
		root := &s.Roots[i]
		def := s.table[root.Name] // a stronger definition may have come since
		root.Object, root.Symbol = def.object, def.symbol
		place, err := s.place(def.object, &s.Objects[def.object].Symbols[def.symbol])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Objects[def.object].Name, err)
		}
		root.Place = place
		if place.Kind == InSection {
			pending = append(pending, place.Ref)
		}
	}
	pending = append(pending, s.retained()...)
	slices.Reverse(pending)

	var lost []missing
	seen := map[string]bool{}
	// Depth first, so that what belongs together lies together.
	for len(pending) > 0 {
		ref := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		if live[ref] {
			continue
		}
		live[ref] = true
		s.Live = append(s.Live, ref)
		if err := s.admit(ref); err != nil {
			return nil, err
		}
		relocs, err := s.Relocs(ref)
		if err != nil {
			return nil, err
		}
		next = next[:0]
		for _, r := range relocs {
			place, err := s.Target(ref.Object, r)
			if name, ok := err.(undefined); ok {
				if !seen[string(name)] {
					seen[string(name)] = true
					lost = append(lost, missing{string(name), ref, r.Off})
				}
				continue
			}
			if err != nil {
				return nil, s.sectionError(ref, r.Off, err.Error())
			}
			if place.Kind == InSection && !live[place.Ref] {
				next = append(next, place.Ref)
			}
		}
		slices.Reverse(next)
		pending = append(pending, next...)
	}
	return lost, nil
}

// retained returns the sections that stay whether something refers to them or
// not.
func (s *Set) retained() []Ref {
	var list []Ref
	for i, o := range s.Objects {
		for j := range o.Sections {
			if r := (Ref{int32(i), int32(j)}); o.Sections[j].Retain && !s.dropped[r] {
				list = append(list, r)
			}
		}
	}
	return list
}

// admit refuses a live section that cannot be part of a Go program.
func (s *Set) admit(r Ref) error {
	var msg string
	switch section := s.Section(r); section.Kind {
	case elfmacho.TLSData:
		msg = "thread-local data, which a Go program cannot provide"
	case elfmacho.Init:
		msg = "an initializer, which nothing would run in a Go program"
	case elfmacho.Other, elfmacho.Debug, elfmacho.Unwind:
		msg = fmt.Sprintf("live code refers to section %s, which is not loaded into memory", section.Name)
	default:
		return nil
	}
	return s.sectionError(r, 0, msg)
}

// checkInitializers refuses objects that take part and bring initializers: a
// linker runs them at start-up, whoever refers to them.
func (s *Set) checkInitializers() error {
	live := map[int32]Ref{}
	for _, r := range s.Live {
		if _, ok := live[r.Object]; !ok {
			live[r.Object] = r
		}
	}
	for i, o := range s.Objects {
		r, ok := live[int32(i)]
		if !ok {
			continue
		}
		for j := range o.Sections {
			section := &o.Sections[j]
			if section.Kind == elfmacho.Init && section.Size > 0 && !s.dropped[Ref{int32(i), int32(j)}] {
				return s.sectionError(r, 0, fmt.Sprintf("the object has initializers (section %s), which nothing would run in a Go program", section.Name))
			}
		}
	}
	return nil
}
