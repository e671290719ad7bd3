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
	return resolve(libs, roots, false)
}

// ResolveObject is like Resolve for an outcome that another linker completes,
// as with ld -r: symbols may stay undefined, thread-local data and indirect
// functions are kept, and so are the initializers of objects that take part.
func ResolveObject(libs []*Library, roots []string) (*Set, error) {
	return resolve(libs, roots, true)
}

func resolve(libs []*Library, roots []string, partial bool) (*Set, error) {
	r := &resolver{
		set:    &Set{partial: partial, table: map[string]definition{}, commons: map[string]tentative{}},
		libs:   libs,
		loaded: map[member]bool{},
		groups: map[string]bool{},
	}
	if err := r.start(roots); err != nil {
		return nil, err
	}
	// Liveness decides what is loaded, and what is loaded may define what
	// liveness took for undefined or weak: repeat until nothing changes.
	for {
		r.set.stale = false
		lost, err := r.mark()
		if err != nil {
			return nil, err
		}
		switch {
		case r.set.stale:
			continue
		case len(lost) > 0:
			return nil, r.set.undefinedError(lost)
		case partial:
			return r.set, nil
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
		ok, err := r.find(name)
		if err != nil {
			return err
		}
		if !ok {
			return &MissingError{Name: name, Known: r.known()}
		}
		r.set.Roots = append(r.set.Roots, Root{Name: name})
	}
	return nil
}

// find reports whether name has a definition, loading members until it does.
func (r *resolver) find(name string) (bool, error) {
	for {
		if _, ok := r.set.table[name]; ok {
			return true, nil
		}
		if ok, err := r.load(name); !ok || err != nil {
			return false, err
		}
	}
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
		for _, i := range lib.Defines(name) {
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
	if len(set.Objects) > 0 && set.Objects[0].Format != o.Format {
		return fmt.Errorf("%s: a %s object among %s objects (%s)", o.Name, o.Format, set.Objects[0].Format, set.Objects[0].Name)
	}
	index := set.append(o)
	for _, g := range o.Groups {
		if r.groups[g.Signature] {
			p := &set.parts[index]
			if p.dropped == nil {
				p.dropped = make([]bool, len(o.Sections))
			}
			for _, s := range g.Sections {
				p.dropped[s] = true
			}
		}
		r.groups[g.Signature] = true
	}
	for i := range o.Symbols {
		s := &o.Symbols[i]
		if s.Bind == elfmacho.Local || !s.Defined() || s.Section >= 0 && set.dropped(Ref{index, s.Section}) {
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
	if d.rank == common {
		s.tentative(sym)
	}
	old, ok := s.table[sym.Name]
	switch {
	case !ok:
		s.table[sym.Name] = d
		s.stale = s.stale || s.nowhere[sym.Name]
	case d.rank > old.rank:
		s.table[sym.Name] = d
		s.stale = true
	case d.rank == strong && old.rank == strong:
		return &DuplicateError{sym.Name, s.Objects[old.object].Name, s.Objects[d.object].Name}
	}
	return nil
}

// tentative is what the common symbols of one name ask for together.
type tentative struct {
	size, align uint64
	ref         Ref // the section made for it, if Section is not 0
}

// tentative takes the largest size and the strictest alignment.
func (s *Set) tentative(sym *elfmacho.Symbol) {
	t := s.commons[sym.Name]
	if sym.Size > t.size || sym.Value > t.align {
		s.stale = s.stale || t.ref.Section != 0
		t = tentative{size: max(sym.Size, t.size), align: max(sym.Value, t.align)}
	}
	s.commons[sym.Name] = t
}

// common returns the section that stands for a common symbol, making it when it
// is first asked for.
func (s *Set) common(name string) Ref {
	t := s.commons[name]
	if t.ref.Section == 0 {
		d := s.table[name]
		t.ref = Ref{s.append(&elfmacho.Object{
			Name:     s.Objects[d.object].Name,
			Arch:     s.Objects[d.object].Arch,
			Format:   s.Objects[d.object].Format,
			Sections: []elfmacho.Section{{LinkOrder: -1}, {Name: ".bss." + name, Kind: elfmacho.BSS, Align: t.align, Size: t.size, LinkOrder: -1}},
			Symbols:  []elfmacho.Symbol{{}, {Name: name, Section: 1, Size: t.size, Bind: elfmacho.Global, Type: elfmacho.DataObject}},
		}), 1}
		s.commons[name] = t
	}
	return t.ref
}
