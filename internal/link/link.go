// Package link resolves symbols across objects and archives and marks the
// sections that are live, as a linker does with --gc-sections, remembering why.
package link

import (
	"fmt"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
)

// Ref is a section of one of the objects of a Set.
type Ref struct{ Object, Section int32 }

// Place is where a symbol ended up.
type Place struct {
	Kind PlaceKind
	Ref         // for InSection
	Off  uint64 // in the section; the value itself for AtValue
}

// PlaceKind says what a Place is.
type PlaceKind uint8

const (
	InSection PlaceKind = iota // Off bytes into the section Ref
	AtValue                    // an absolute symbol
	Nowhere                    // an undefined weak symbol, whose address is 0
	External                   // undefined, weak or not, in a set of ResolveObject
)

// Root is a symbol that Resolve was asked for.
type Root struct {
	Name           string
	Place          Place
	Object, Symbol int32 // its definition
}

// Set is the outcome of resolution: what is live, and where symbols are.
type Set struct {
	Objects []*elfmacho.Object
	// Live lists the live sections in the order in which they were reached
	// from the roots: it depends on the code, not on the names of files.
	Live []Ref
	// Roots are in the order in which they were asked for.
	Roots []Root

	partial bool // the outcome is an object, which another linker completes
	table   map[string]definition
	parts   []part // by object
	commons map[string]tentative
	nowhere map[string]bool // weak symbols that were live and undefined
	stale   bool            // a symbol got another definition: Live and Roots may be wrong
	named   map[string]bool // names of sections of the first indexed objects
	indexed int
	reasons map[Ref]reason
}

// part is what is known about one object.
type part struct {
	used      bool // a section is live
	asked     bool // unasked has seen the object, used as askedUsed says
	askedUsed bool
	live      []bool
	dropped   []bool  // sections of COMDAT groups that lost; nil if none
	decoded   []int32 // section → 1 + index into relocs; 0 until decoded
	relocs    [][]elfmacho.Reloc
	symbols   [][]int32 // by section, by offset; nil until sorted
}

// append adds an object and returns its index.
func (s *Set) append(o *elfmacho.Object) int32 {
	s.Objects = append(s.Objects, o)
	s.parts = append(s.parts, part{live: make([]bool, len(o.Sections)), decoded: make([]int32, len(o.Sections))})
	return int32(len(s.Objects) - 1)
}

func (s *Set) dropped(r Ref) bool {
	list := s.parts[r.Object].dropped
	return list != nil && list[r.Section]
}

// Section returns the section that r names.
func (s *Set) Section(r Ref) *elfmacho.Section {
	return &s.Objects[r.Object].Sections[r.Section]
}

// Relocs returns the relocations of a section by ascending offset.
func (s *Set) Relocs(r Ref) ([]elfmacho.Reloc, error) {
	if s.Section(r).Relocated == 0 {
		return nil, nil
	}
	p := &s.parts[r.Object]
	if i := p.decoded[r.Section]; i > 0 {
		return p.relocs[i-1], nil
	}
	list, err := s.Objects[r.Object].Relocs(r.Section)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Objects[r.Object].Name, err)
	}
	p.relocs = append(p.relocs, list)
	p.decoded[r.Section] = int32(len(p.relocs))
	return list, nil
}

// Target returns where the symbol of a relocation of an object is; the addend
// is not part of it. It fails for a symbol that has no definition, that is
// thread-local or indirect, or whose section was discarded. In a set of
// ResolveObject only the last is a failure.
func (s *Set) Target(object int32, r elfmacho.Reloc) (Place, error) {
	place, err := s.target(object, r)
	if s.partial {
		if _, ok := err.(undefined); ok || err == nil && place.Kind == Nowhere {
			return Place{Kind: External}, nil
		}
	}
	return place, err
}

// Symbol returns the definition that a symbol of an object stands for, or the
// symbol itself if nothing defines it.
func (s *Set) Symbol(object, symbol int32) *elfmacho.Symbol {
	sym := &s.Objects[object].Symbols[symbol]
	if sym.Bind != elfmacho.Local {
		if def, ok := s.table[sym.Name]; ok {
			return &s.Objects[def.object].Symbols[def.symbol]
		}
	}
	return sym
}

// Global reports whether a symbol of an object is what its name stands for.
func (s *Set) Global(object, symbol int32) bool {
	sym := &s.Objects[object].Symbols[symbol]
	if sym.Bind == elfmacho.Local || !sym.Defined() {
		return false
	}
	def, ok := s.table[sym.Name]
	return ok && def.object == object && def.symbol == symbol
}

func (s *Set) target(object int32, r elfmacho.Reloc) (Place, error) {
	sym := &s.Objects[object].Symbols[r.Symbol]
	if sym.Bind != elfmacho.Local {
		def, ok := s.table[sym.Name]
		switch {
		case ok:
			object, sym = def.object, &s.Objects[def.object].Symbols[def.symbol]
		case sym.Bind == elfmacho.Weak && !sym.Defined():
			return Place{Kind: Nowhere}, nil
		default:
			return Place{}, undefined(sym.Name)
		}
	}
	return s.place(object, sym)
}

func (s *Set) place(object int32, sym *elfmacho.Symbol) (Place, error) {
	switch {
	case sym.Section == elfmacho.Undefined:
		return Place{}, undefined(sym.Name)
	case sym.Type == elfmacho.ThreadLocal && !s.partial:
		return Place{}, fmt.Errorf("`%s` is thread-local, which a Go program cannot provide", sym.Name)
	case sym.Type == elfmacho.IndirectFunc && !s.partial:
		return Place{}, fmt.Errorf("`%s` is an indirect function, which only a dynamic loader can resolve", sym.Name)
	case sym.Section == elfmacho.Absolute:
		return Place{Kind: AtValue, Off: sym.Value}, nil
	case sym.Section == elfmacho.Common:
		return Place{Ref: s.common(sym.Name)}, nil
	case sym.Section == 0: // the null symbol
		return Place{Kind: AtValue}, nil
	}
	ref := Ref{object, sym.Section}
	if s.dropped(ref) {
		return Place{}, fmt.Errorf("refers to section %s, which was discarded with its COMDAT group", s.Section(ref).Name)
	}
	return Place{Ref: ref, Off: sym.Value}, nil
}

// undefined is the name of a symbol that nothing defines.
type undefined string

func (u undefined) Error() string { return fmt.Sprintf("undefined symbol `%s`", string(u)) }

// Globals returns the global symbols in live sections other than the roots, in
// the order of their objects.
func (s *Set) Globals() []Root {
	roots := map[string]bool{}
	for _, r := range s.Roots {
		roots[r.Name] = true
	}
	var list []Root
	for i, o := range s.Objects {
		if !s.parts[i].used && len(s.commons) == 0 {
			continue
		}
		for j := range o.Symbols {
			sym := &o.Symbols[j]
			if !s.Global(int32(i), int32(j)) || roots[sym.Name] || sym.Section == elfmacho.Common && s.commons[sym.Name].ref.Section == 0 {
				continue
			}
			place, err := s.place(int32(i), sym)
			if err == nil && place.Kind == InSection && s.parts[place.Object].live[place.Section] {
				list = append(list, Root{Name: sym.Name, Place: place, Object: int32(i), Symbol: int32(j)})
			}
		}
	}
	return list
}
