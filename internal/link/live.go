package link

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
)

// missing is a symbol that live code needs and nothing defines, yet, and the
// first relocation that names it.
type missing struct {
	name string
	from Ref
	off  uint64
}

// mark computes Live and the places of the roots, loading what defines a symbol
// when it is first needed. It returns the symbols that are needed and not
// defined, each once, in the order in which they were met.
func (r *resolver) mark() ([]missing, error) {
	m := marker{resolver: r, lost: map[string]bool{}, support: map[Ref][]Ref{}}
	set := r.set
	set.Live, set.reasons, set.nowhere = nil, nil, map[string]bool{}
	for i := range set.parts {
		set.parts[i].used, set.parts[i].asked = false, false
		clear(set.parts[i].live)
	}
	for i := range set.Roots {
		root := &set.Roots[i]
		def := set.table[root.Name]
		root.Object, root.Symbol = def.object, def.symbol
		place, err := set.place(def.object, &set.Objects[def.object].Symbols[def.symbol])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", set.Objects[def.object].Name, err)
		}
		root.Place = place
		if place.Kind == InSection {
			m.pending = append(m.pending, place.Ref)
		}
	}
	for len(m.pending) > 0 {
		if err := m.drain(); err != nil {
			return nil, err
		}
		// What is reached may have loaded objects that bring more.
		if m.pending = set.unasked(); len(m.pending) == 0 {
			var err error
			if m.pending, err = m.supporters(); err != nil {
				return nil, err
			}
		}
	}
	return m.missing, nil
}

type marker struct {
	*resolver
	pending, next []Ref
	lost          map[string]bool
	missing       []missing

	support   map[Ref][]Ref // what stays when a section does
	supported int           // objects whose sections support has
	waiting   []Ref         // sections that support lacks: they refer to what nothing defines, yet
}

// drain marks all that is reached from pending, depth first, so that what
// belongs together lies together.
func (m *marker) drain() error {
	slices.Reverse(m.pending)
	set := m.set
	for len(m.pending) > 0 {
		ref := m.pending[len(m.pending)-1]
		m.pending = m.pending[:len(m.pending)-1]
		if set.parts[ref.Object].live[ref.Section] {
			continue
		}
		set.parts[ref.Object].live[ref.Section] = true
		set.parts[ref.Object].used = true
		set.Live = append(set.Live, ref)
		m.pending = append(m.pending, m.support[ref]...)
		if err := set.admit(ref); err != nil {
			return err
		}
		relocs, err := set.Relocs(ref)
		if err != nil {
			return err
		}
		m.next = m.next[:0]
		for _, rel := range relocs {
			place, err := m.reach(ref, rel)
			if err != nil {
				return err
			}
			if place.Kind == InSection && !set.parts[place.Object].live[place.Section] {
				m.next = append(m.next, place.Ref)
			}
		}
		slices.Reverse(m.next)
		m.pending = append(m.pending, m.next...)
	}
	return nil
}

// supporters enters the sections that stay when something that they refer to
// does, of objects that came since it was called last, and returns those that
// are live now. References of theirs load nothing.
func (m *marker) supporters() ([]Ref, error) {
	set := m.set
	if m.supported == len(set.Objects) {
		return nil, nil
	}
	list := m.waiting
	m.waiting = nil
	for ; m.supported < len(set.Objects); m.supported++ {
		for j := range set.Objects[m.supported].Sections {
			r := Ref{int32(m.supported), int32(j)}
			if set.Section(r).LiveSupport && !set.dropped(r) {
				list = append(list, r)
			}
		}
	}
	var live []Ref
	for _, r := range list {
		relocs, err := set.Relocs(r)
		if err != nil {
			return nil, err
		}
		waiting := false
		for _, rel := range relocs {
			place, err := set.target(r.Object, rel)
			if _, lacking := err.(undefined); lacking {
				waiting = true
			}
			switch {
			case err != nil || place.Kind != InSection:
			case set.parts[place.Object].live[place.Section]:
				live = append(live, r)
			default:
				m.support[place.Ref] = append(m.support[place.Ref], r)
			}
		}
		if waiting {
			m.waiting = append(m.waiting, r)
		}
	}
	return live, nil
}

// reach returns the target of a live relocation, loading what defines it.
func (m *marker) reach(ref Ref, rel elfmacho.Reloc) (Place, error) {
	for {
		place, err := m.set.target(ref.Object, rel)
		name, lacking := err.(undefined)
		switch {
		case err == nil && place.Kind == Nowhere:
			m.set.nowhere[m.set.Objects[ref.Object].Symbols[rel.Symbol].Name] = true
			return place, m.set.checkBounds(ref, rel)
		case err == nil:
			return place, nil
		case !lacking:
			return place, m.set.sectionError(ref, rel.Off, err.Error())
		}
		if loaded, err := m.load(string(name)); err != nil {
			return place, err
		} else if loaded {
			continue
		}
		if !m.set.partial && !m.lost[string(name)] {
			m.lost[string(name)] = true
			m.missing = append(m.missing, missing{string(name), ref, rel.Off})
		}
		return Place{Kind: External}, m.set.checkBounds(ref, rel)
	}
}

// checkBounds refuses the symbols that a linker makes from the sections of one
// name: sections lose their names here. They are __start_NAME and __stop_NAME, and
// section$start$SEGMENT$NAME and section$end$SEGMENT$NAME of Mach-O, which have no
// underscore.
func (s *Set) checkBounds(ref Ref, rel elfmacho.Reloc) error {
	name := strings.TrimPrefix(s.Objects[ref.Object].Symbols[rel.Symbol].Name, "\x01")
	for _, prefix := range []string{"__start_", "__stop_", "section$start$", "section$end$"} {
		list, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		if prefix[0] == 's' {
			list = strings.Replace(list, "$", ",", 1)
		}
		if s.hasSection(list) {
			return s.sectionError(ref, rel.Off, fmt.Sprintf("`%s` needs a linker to collect the sections named %s, which is not supported", name, list))
		}
	}
	return nil
}

// hasSection reports whether an object has a section of a name.
func (s *Set) hasSection(name string) bool {
	if s.named == nil {
		s.named = map[string]bool{}
	}
	for ; s.indexed < len(s.Objects); s.indexed++ {
		o := s.Objects[s.indexed]
		for i := range o.Sections {
			s.named[o.Sections[i].Name] = true
		}
	}
	return s.named[name]
}

// unasked returns the sections that stay whether something refers to them or
// not, and are not live yet: retained ones, and in an object the initializers
// of what takes part, which ld -r keeps too.
func (s *Set) unasked() []Ref {
	var list []Ref
	for i, o := range s.Objects {
		p := &s.parts[i]
		if p.asked && p.used == p.askedUsed {
			continue
		}
		p.asked, p.askedUsed = true, p.used
		for j := range o.Sections {
			r := Ref{int32(i), int32(j)}
			keep := o.Sections[j].Retain || s.partial && p.used && o.Sections[j].Kind == elfmacho.Init
			if keep && !p.live[j] && !s.dropped(r) {
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
		if s.partial {
			return nil
		}
		msg = "thread-local data, which a Go program cannot provide"
	case elfmacho.Init:
		if s.partial && section.Name != ".init" && section.Name != ".fini" { // pieces of one function
			return nil
		}
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
	for i, o := range s.Objects {
		if !s.parts[i].used {
			continue
		}
		for j := range o.Sections {
			section := &o.Sections[j]
			if section.Kind != elfmacho.Init || section.Size == 0 || s.dropped(Ref{int32(i), int32(j)}) {
				continue
			}
			first := slices.IndexFunc(s.Live, func(r Ref) bool { return r.Object == int32(i) })
			return s.sectionError(s.Live[first], 0, fmt.Sprintf("the object has initializers (section %s), which nothing would run in a Go program", section.Name))
		}
	}
	return nil
}
