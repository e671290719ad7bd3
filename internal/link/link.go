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

	table   map[string]definition
	dropped map[Ref]bool // sections of COMDAT groups that lost
	commons map[string]Ref
	relocs  map[Ref][]elfmacho.Reloc
	reasons map[Ref]reason
	bounds  map[int32][][]int32 // object → section → symbols by offset
}

// Section returns the section that r names.
func (s *Set) Section(r Ref) *elfmacho.Section {
	return &s.Objects[r.Object].Sections[r.Section]
}

// Relocs returns the relocations of a section by ascending offset.
func (s *Set) Relocs(r Ref) ([]elfmacho.Reloc, error) {
	if list, ok := s.relocs[r]; ok {
		return list, nil
	}
	if s.Section(r).Relocated == 0 {
		return nil, nil
	}
	list, err := s.Objects[r.Object].Relocs(r.Section)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Objects[r.Object].Name, err)
	}
	s.relocs[r] = list
	return list, nil
}

// Target returns where the symbol of a relocation of an object is; the addend
// is not part of it. It fails for a symbol that has no definition, that is
// thread-local or indirect, or whose section was discarded.
func (s *Set) Target(object int32, r elfmacho.Reloc) (Place, error) {
	o := s.Objects[object]
	sym := &o.Symbols[r.Symbol]
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
	case sym.Type == elfmacho.ThreadLocal:
		return Place{}, fmt.Errorf("`%s` is thread-local, which a Go program cannot provide", sym.Name)
	case sym.Type == elfmacho.IndirectFunc:
		return Place{}, fmt.Errorf("`%s` is an indirect function, which only a dynamic loader can resolve", sym.Name)
	case sym.Section == elfmacho.Absolute:
		return Place{Kind: AtValue, Off: sym.Value}, nil
	case sym.Section == elfmacho.Common:
		return Place{Ref: s.common(sym.Name)}, nil
	case sym.Section == elfmacho.Undefined: // index 0, the null symbol, included
		return Place{}, undefined(sym.Name)
	case sym.Section == 0:
		return Place{Kind: AtValue}, nil
	}
	ref := Ref{object, sym.Section}
	if s.dropped[ref] {
		return Place{}, fmt.Errorf("refers to section %s, which was discarded with its COMDAT group", s.Section(ref).Name)
	}
	return Place{Ref: ref, Off: sym.Value}, nil
}

// undefined is the name of a symbol that nothing defines.
type undefined string

func (u undefined) Error() string { return fmt.Sprintf("undefined symbol `%s`", string(u)) }
