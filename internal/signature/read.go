package signature

import (
	"debug/dwarf"
	"fmt"
	"sort"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/debuginfo"
	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
)

// Read returns the functions that o defines under unmangled global names and
// that its debug information describes, sorted by symbol. A function that is
// defined but not described is missing: Undescribed finds those.
//
// Malformed debug information gives an error in time proportional to its size.
func Read(o *elfmacho.Object) ([]Function, error) {
	wanted := exports(o)
	if len(wanted) == 0 {
		return nil, nil
	}
	s, err := debuginfo.Load(o)
	if err != nil {
		return nil, fmt.Errorf("%s: debug information: %w", o.Name, err)
	}
	functions, err := readSections(s, func(symbol []byte) bool { return wanted[string(symbol)] != nil })
	if err != nil {
		return nil, fmt.Errorf("%s: debug information: %w", o.Name, err)
	}
	return functions, nil
}

// exports returns the unmangled global functions that o defines, by name.
func exports(o *elfmacho.Object) map[string]*elfmacho.Symbol {
	names := map[string]*elfmacho.Symbol{}
	for i := range o.Symbols {
		s := &o.Symbols[i]
		if s.Bind != elfmacho.Local && s.Type == elfmacho.Func && s.Section >= 0 && !Mangled(s.Name) {
			names[s.Name] = s
		}
	}
	return names
}

// Mangled reports whether the name of a symbol is one that rustc made up, in
// the legacy mangling (_ZN…17h<hash>E) or v0 (_R…).
func Mangled(symbol string) bool {
	if rest, ok := strings.CutPrefix(symbol, "_R"); ok && rest != "" && ('A' <= rest[0] && rest[0] <= 'Z' || '0' <= rest[0] && rest[0] <= '9') {
		return true
	}
	return strings.HasPrefix(symbol, "_ZN") && strings.HasSuffix(symbol, "E")
}

// An Alias is an exported function without debug information of its own.
type Alias struct {
	Symbol string
	// Of is the described function that shares its code, or "".
	Of string
}

// Undescribed returns the exported functions of o that are not among functions,
// which Read returned for it, sorted by symbol. LLVM merges functions whose code
// is the same, and what rustc knew of all but one is lost then; rustc leaves
// them apart with -Cllvm-args=-mergefunc-use-aliases=false and
// -Cllvm-args=-mergefunc-preserve-debug-info.
func Undescribed(o *elfmacho.Object, functions []Function) []Alias {
	type place struct {
		section int32
		off     uint64
	}
	names := exports(o)
	at := map[place]string{}
	for i := len(functions) - 1; i >= 0; i-- {
		if s := names[functions[i].Symbol]; s != nil {
			at[place{s.Section, s.Value}] = s.Name
			delete(names, s.Name)
		}
	}
	var list []Alias
	for name, s := range names {
		list = append(list, Alias{name, at[place{s.Section, s.Value}]})
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Symbol < list[j].Symbol })
	return list
}

// reader collects what scan finds in the units of one object.
type reader struct {
	*debuginfo.Data
	wanted func(symbol []byte) bool
	found  []die        // subprograms that define a wanted symbol
	scopes []scopeStart // by ascending offset

	types map[int]*Type
	busy  map[int]bool // types under construction, against cycles
	later []*Type      // pointers whose Elem is still to be read
}

// A scope is a namespace: a crate, or a module in it.
type scope struct {
	parent *scope
	name   string
	depth  int // in the tree of entries
}

// A scopeStart says that the entries from off on belong to scope.
type scopeStart struct {
	off   int
	scope *scope
}

// readSections returns the functions whose symbols are wanted.
func readSections(s *debuginfo.Sections, wanted func(symbol []byte) bool) ([]Function, error) {
	data, err := debuginfo.New(s)
	if err != nil {
		return nil, err
	}
	r := &reader{Data: data, wanted: wanted, types: map[int]*Type{}, busy: map[int]bool{}}
	for _, u := range data.Units {
		if err := r.scan(u); err != nil {
			return nil, err
		}
	}
	// From here on scopes are complete, so that types know their paths.
	best := map[string]*subprogram{}
	for i := range r.found {
		p, err := r.subprogram(&r.found[i])
		if err != nil {
			return nil, err
		}
		if old := best[p.symbol]; wanted([]byte(p.symbol)) && p.external && (old == nil || p.code && !old.code) {
			best[p.symbol] = p
		}
	}
	var functions []Function
	for symbol, p := range best {
		f, err := r.function(p)
		if err != nil {
			return nil, fmt.Errorf("function %s: %w", symbol, err)
		}
		functions = append(functions, f)
	}
	if err := r.pointees(); err != nil {
		return nil, err
	}
	sort.Slice(functions, func(i, j int) bool { return functions[i].Symbol < functions[j].Symbol })
	return functions, nil
}

// maxModules bounds how deep modules nest; no crate comes near it.
const maxModules = 256

// scan walks all entries of u and notes namespaces and wanted subprograms.
func (r *reader) scan(u *debuginfo.Unit) error {
	var d die
	var current *scope
	depth, modules := 0, 0
	r.enter(u.Root, nil)
	for off := u.Root; off < u.End; off = d.next {
		if err := r.peek(u, off, &d); err != nil {
			return err
		}
		switch d.tag {
		case 0:
			if !d.null {
				break
			}
			depth--
			if current != nil && depth == current.depth {
				current = current.parent
				modules--
				r.enter(d.next, current)
			}
			if depth <= 0 {
				return nil
			}
		case dwarf.TagNamespace:
			if err := r.read(u, off, &d); err != nil {
				return err
			}
			if d.children {
				if modules++; modules > maxModules {
					return fmt.Errorf(".debug_info+%#x: modules nested more than %d deep", off, maxModules)
				}
				if err := r.Charge(64); err != nil { // they cost memory
					return err
				}
				current = &scope{current, r.String(u, d.name), depth}
				r.enter(d.next, current)
			}
		case dwarf.TagSubprogram:
			if err := r.read(u, off, &d); err != nil {
				return err
			}
			if d.declaration.N != 0 {
				break
			}
			if symbol, ok := r.symbol(&d); ok && r.wanted(symbol) {
				r.found = append(r.found, d)
			}
		}
		if d.children {
			depth++
		}
	}
	return nil
}

func (r *reader) enter(off int, s *scope) {
	r.scopes = append(r.scopes, scopeStart{off, s})
}

// scopeOf returns the scope of the entry at off, nil outside of all namespaces.
func (r *reader) scopeOf(off int) *scope {
	i := sort.Search(len(r.scopes), func(i int) bool { return r.scopes[i].off > off })
	if i == 0 {
		return nil
	}
	return r.scopes[i-1].scope
}

// path returns the names from the crate down to s, each followed by "::".
func (r *reader) path(s *scope) string {
	var names []string
	for ; s != nil; s = s.parent {
		names = append(names, s.name+"::")
	}
	for i, j := 0, len(names)-1; i < j; i, j = i+1, j-1 {
		names[i], names[j] = names[j], names[i]
	}
	path := strings.Join(names, "")
	if r.Charge(len(path)) != nil {
		return ""
	}
	return path
}
