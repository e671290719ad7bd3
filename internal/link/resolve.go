package link

import (
	"fmt"
	"slices"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
)

// definition is what a global name stands for.
type definition struct {
	object, symbol int32
	rank           rank
}

// rank orders definitions: of two the higher wins (gABI chapter 4, "Symbol
// Table": a weak definition yields to a common symbol, both to a strong one).
type rank uint8

const (
	weak rank = iota + 1
	common
	strong
)

func rankOf(s *elfmacho.Symbol) rank {
	switch {
	case s.Section == elfmacho.Common:
		return common
	case s.Bind == elfmacho.Weak:
		return weak
	}
	return strong
}

// Resolve finds the definitions of roots and of all that they need, loading
// members of archives as it must, and marks what is live.
//
// The errors are *MissingError for a root that nothing defines,
// *UndefinedError for everything else that is missing, *DuplicateError, and
// *SectionError for what a Go program cannot hold.
func Resolve(libs []*Library, roots []string) (*Set, error) {
	r := &resolver{
		set: &Set{
			table:   map[string]definition{},
			dropped: map[Ref]bool{},
			relocs:  map[Ref][]elfmacho.Reloc{},
			bounds:  map[int32][][]int32{},
		},
		libs:   libs,
		loaded: map[member]bool{},
		groups: map[string]bool{},
	}
	if err := r.start(roots); err != nil {
		return nil, err
	}
	// Liveness decides what is loaded, and what is loaded decides, through
	// weak definitions, what is live: repeat until nothing more is loaded.
	for {
		missing, err := r.set.mark()
		if err != nil {
			return nil, err
		}
		progress := false
		for _, m := range missing {
			ok, err := r.load(m.name)
			if err != nil {
				return nil, err
			}
			progress = progress || ok
		}
		if progress {
			continue
		}
		if len(missing) > 0 {
			return nil, r.set.undefinedError(missing)
		}
		return r.set, r.set.checkInitializers()
	}
}

type member struct {
	lib *Library
	i   int32
}

type resolver struct {
	set    *Set
	libs   []*Library
	loaded map[member]bool
	groups map[string]bool // COMDAT signatures seen
}

// start adds the objects that take part in any case and defines the roots.
func (r *resolver) start(roots []string) error {
	for _, lib := range r.libs {
		if lib.file == nil {
			if err := r.add(member{lib, 0}); err != nil {
				return err
			}
		}
	}
	for _, name := range roots {
		if _, ok := r.set.table[name]; !ok {
			if _, err := r.load(name); err != nil {
				return err
			}
		}
		def, ok := r.set.table[name]
		if !ok {
			return &MissingError{Name: name, Known: r.known()}
		}
		r.set.Roots = append(r.set.Roots, Root{Name: name, Object: def.object, Symbol: def.symbol})
	}
	return nil
}

// known returns the sorted names of all global symbols of the libraries.
func (r *resolver) known() []string {
	var names []string
	for _, lib := range r.libs {
		lib.names(func(name string) { names = append(names, name) })
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// load adds the first member that defines name and reports whether there was
// one that had not been added before.
func (r *resolver) load(name string) (bool, error) {
	for _, lib := range r.libs {
		for _, i := range lib.defines(name) {
			m := member{lib, i}
			if r.loaded[m] {
				continue
			}
			return true, r.add(m)
		}
	}
	return false, nil
}

// add makes an object part of the link: from here on its COMDAT groups and
// global definitions take part.
func (r *resolver) add(m member) error {
	o, err := m.lib.Object(int(m.i))
	if err != nil {
		return err
	}
	r.loaded[m] = true
	set := r.set
	if len(set.Objects) > 0 && set.Objects[0].Arch != o.Arch {
		return fmt.Errorf("%s: code for %s among objects for %s (%s)", o.Name, o.Arch, set.Objects[0].Arch, set.Objects[0].Name)
	}
	index := int32(len(set.Objects))
	set.Objects = append(set.Objects, o)
	for _, g := range o.Groups {
		if r.groups[g.Signature] {
			for _, s := range g.Sections {
				set.dropped[Ref{index, s}] = true
			}
		}
		r.groups[g.Signature] = true
	}
	for i := range o.Symbols {
		s := &o.Symbols[i]
		if s.Bind == elfmacho.Local || !s.Defined() || s.Section >= 0 && set.dropped[Ref{index, s.Section}] {
			continue
		}
		if err := set.define(definition{index, int32(i), rankOf(s)}, s); err != nil {
			return err
		}
	}
	return nil
}

// define enters a definition into the table unless a better one is there.
func (s *Set) define(d definition, sym *elfmacho.Symbol) error {
	old, ok := s.table[sym.Name]
	delete(s.commons, sym.Name) // made anew, with the larger size
	switch {
	case !ok || d.rank > old.rank:
		s.table[sym.Name] = d
	case d.rank < old.rank || d.rank == weak:
	case d.rank == common:
		// The largest size wins; the strictest alignment is taken in common.
		if sym.Size > s.Objects[old.object].Symbols[old.symbol].Size {
			s.table[sym.Name] = d
		}
	default:
		return &DuplicateError{sym.Name, s.Objects[old.object].Name, s.Objects[d.object].Name}
	}
	return nil
}

// common returns the section that stands for a common symbol.
func (s *Set) common(name string) Ref {
	if r, ok := s.commons[name]; ok {
		return r
	}
	d := s.table[name]
	size, align := s.Objects[d.object].Symbols[d.symbol].Size, uint64(1)
	for _, o := range s.Objects {
		for i := range o.Symbols {
			if c := &o.Symbols[i]; c.Section == elfmacho.Common && c.Name == name {
				align = max(align, c.Value)
			}
		}
	}
	o := &elfmacho.Object{
		Name:     s.Objects[d.object].Name,
		Arch:     s.Objects[d.object].Arch,
		Sections: []elfmacho.Section{{LinkOrder: -1}, {Name: ".bss." + name, Kind: elfmacho.BSS, Align: align, Size: size, LinkOrder: -1}},
		Symbols:  []elfmacho.Symbol{{}, {Name: name, Section: 1, Size: size, Bind: elfmacho.Global, Type: elfmacho.DataObject}},
	}
	if s.commons == nil {
		s.commons = map[string]Ref{}
	}
	s.commons[name] = Ref{int32(len(s.Objects)), 1}
	s.Objects = append(s.Objects, o)
	return s.commons[name]
}
