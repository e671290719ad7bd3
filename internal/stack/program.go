package stack

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/ianlancetaylor/demangle"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// place is an offset in a section.
type place struct {
	link.Ref
	off int64
}

// program is the live code and data of a set, indexed for the analysis.
type program struct {
	*processor
	set      *link.Set
	sections map[link.Ref]*section
	// functions are the entries found so far; index finds them.
	functions []*function
	index     map[place]int32
	callers   map[int32][]int32
	// within lists the functions by their section, once all are walked.
	within map[link.Ref][]int32
	// sets are the values of kind oneOf; setIndex finds them.
	sets     [][]place
	setIndex map[string]int64
	// references are the offsets in sections that relocations refer to, by
	// ascending offset; nil until they are asked for.
	references map[link.Ref][]int64
	// confined are the sections whose cells are known; see cells.go.
	confined map[link.Ref]bool
	cells    map[place]*cell
}

// section is a live section with what refers to where from it.
type section struct {
	ref  link.Ref
	kind elfmacho.Kind
	name string
	data []byte
	// targets are the section's relocations by ascending offset.
	targets []target
	// symbols are the functions' symbols that the section defines, by
	// ascending offset; of several at one offset the best name comes first.
	symbols []symbol
	tables  []table          // of jumps in this section, if it is Text
	inCode  []elfmacho.Range // data in it, if it is Text
	frames  []frameInfo
}

type symbol struct {
	off  int64
	name string
	rank int
}

// target is a relocation with its symbol resolved.
type target struct {
	off    int64 // of the field
	kind   reloc.Kind
	addend int64
	place  link.Place
}

// value is S + A as a place in the section that the symbol is in.
func (t *target) value() place { return place{t.place.Ref, int64(t.place.Off) + t.addend} }

// inSection reports whether t refers to a section, not to an absolute address.
func (t *target) inSection() bool { return t.place.Kind == link.InSection }

// table is a run of 4-byte distances from base to code: a jump table as LLVM
// writes it for position-independent code.
type table struct {
	base    place
	end     int64   // offset after the last field
	targets []int64 // offsets in the section that the table leads to
	// mixed is set where the table also leads to other sections.
	mixed bool
}

func newProgram(set *link.Set, m *processor) (*program, error) {
	p := &program{processor: m, set: set, sections: map[link.Ref]*section{}, index: map[place]int32{}, callers: map[int32][]int32{}, setIndex: map[string]int64{}}
	for _, ref := range set.Live {
		s := set.Section(ref)
		sec := &section{ref: ref, kind: s.Kind, name: s.Name, data: s.Data, inCode: s.DataInCode}
		relocs, err := set.Relocs(ref)
		if err != nil {
			return nil, err
		}
		for _, r := range relocs {
			if r.Kind == reloc.None {
				continue
			}
			to, err := set.Target(ref.Object, r)
			if err != nil {
				return nil, fmt.Errorf("%s: %s+%#x: %w", set.Objects[ref.Object].Name, s.Name, r.Off, err)
			}
			sec.targets = append(sec.targets, target{int64(r.Off), r.Kind, r.Addend, to})
		}
		p.sections[ref] = sec
	}
	p.nameFunctions()
	p.findTables()
	return p, p.readFrames()
}

// nameFunctions collects the symbols of code, once for each object.
func (p *program) nameFunctions() {
	for object := range p.set.Objects {
		for i := range p.set.Objects[object].Symbols {
			s := &p.set.Objects[object].Symbols[i]
			if s.Section < 0 || s.Name == "" {
				continue
			}
			sec := p.sections[link.Ref{Object: int32(object), Section: s.Section}]
			if sec == nil || sec.kind != elfmacho.Text {
				continue
			}
			rank := 0
			switch {
			case s.Type == elfmacho.Func && s.Bind != elfmacho.Local:
			case s.Type == elfmacho.Func:
				rank = 1
			case s.Type == elfmacho.NoType && !strings.HasPrefix(s.Name, ".L") && mapping(s.Name) == "":
				rank = 2
			default:
				continue
			}
			sec.symbols = append(sec.symbols, symbol{int64(s.Value), s.Name, rank})
		}
	}
	for _, sec := range p.sections {
		slices.SortStableFunc(sec.symbols, func(a, b symbol) int {
			if a.off != b.off {
				return int(a.off - b.off)
			}
			return a.rank - b.rank
		})
	}
}

// symbolAt returns the symbol at off.
func (s *section) symbolAt(off int64) (symbol, bool) {
	i := sort.Search(len(s.symbols), func(i int) bool { return s.symbols[i].off >= off })
	if i < len(s.symbols) && s.symbols[i].off == off {
		return s.symbols[i], true
	}
	return symbol{}, false
}

// isFunction reports whether a function starts at off as far as symbols tell.
func (s *section) isFunction(off int64) bool {
	sym, ok := s.symbolAt(off)
	return ok && sym.rank < 2
}

// relocIn returns the relocation whose field is at off.
func (s *section) relocIn(off int64) (*target, bool) {
	i := sort.Search(len(s.targets), func(i int) bool { return s.targets[i].off >= off })
	if i < len(s.targets) && s.targets[i].off == off {
		return &s.targets[i], true
	}
	return nil, false
}

// function returns the number of the function that starts at a place,
// entering it if it is new.
func (p *program) function(at place) int32 {
	if i, ok := p.index[at]; ok {
		return i
	}
	i := int32(len(p.functions))
	p.index[at] = i
	f := &function{at: at, index: i}
	f.symbol, f.name = p.nameOf(at)
	p.functions = append(p.functions, f)
	return i
}

// called remembers that a function calls or jumps to another.
func (p *program) called(to, from int32) {
	if list := p.callers[to]; !slices.Contains(list, from) {
		p.callers[to] = append(list, from)
	}
}

// nameOf returns the symbol at a place, and how messages call it.
func (p *program) nameOf(at place) (mangled, name string) {
	sec := p.sections[at.Ref]
	if sec == nil {
		return "", fmt.Sprintf("%s+%#x", p.set.Section(at.Ref).Name, at.off)
	}
	if sym, ok := sec.symbolAt(at.off); ok {
		// Without its parameters a C++ name is as short as a Rust one.
		return sym.name, demangle.Filter(sym.name, demangle.NoParams)
	}
	return "", fmt.Sprintf("%s+%#x", sec.name, at.off)
}

// findTables finds the jump tables of all code: in read-only data a run of
// PC-relative fields that lead to code, starting at an address that code forms.
// The field at P of a table at base holds S + A - P, and the code adds base. On
// amd64 it is
//
//	lea  table(%rip), %rcx
//	movslq (%rcx,%rax,4), %rax
//	add  %rcx, %rax
//	jmp  *%rax
func (p *program) findTables() {
	bases := map[link.Ref]map[int64]bool{}
	for _, sec := range p.sections {
		if sec.kind != elfmacho.Text {
			continue
		}
		for i := range sec.targets {
			to, ok := p.forms(sec, &sec.targets[i])
			if !ok {
				continue
			}
			if bases[to.Ref] == nil {
				bases[to.Ref] = map[int64]bool{}
			}
			bases[to.Ref][to.off] = true
		}
	}
	for _, ref := range p.set.Live {
		if sec := p.sections[ref]; sec.kind != elfmacho.Text {
			p.tablesIn(sec, bases[ref])
		}
	}
	p.findTablesInCode()
}

// tablesIn finds the tables in one section of data.
func (p *program) tablesIn(sec *section, bases map[int64]bool) {
	base := int64(-1)
	var end int64 // of the previous field
	var before *section
	for i := range sec.targets {
		t := &sec.targets[i]
		code := p.codeAt(t)
		if code == nil || t.kind != reloc.PC32 {
			continue
		}
		mixed := false
		switch {
		case bases[t.off]:
			base = t.off
		case t.off != end:
			base = -1 // no code points here: not a table of jumps
		case base >= 0 && code != before:
			mixed = true
			before.tables[len(before.tables)-1].mixed = true
		}
		end, before = t.off+4, code
		if base < 0 {
			continue
		}
		at := place{sec.ref, base}
		if n := len(code.tables); n == 0 || code.tables[n-1].base != at {
			code.tables = append(code.tables, table{base: at})
		}
		last := &code.tables[len(code.tables)-1]
		last.targets = append(last.targets, t.value().off-(t.off-base))
		last.end = end
		last.mixed = last.mixed || mixed
	}
}

// codeAt returns the section of code that a relocation refers to, or nil.
func (p *program) codeAt(t *target) *section {
	if !t.inSection() {
		return nil
	}
	if sec := p.sections[t.place.Ref]; sec != nil && sec.kind == elfmacho.Text {
		return sec
	}
	return nil
}

// codeAt returns the code of the section from pc on.
func (s *section) codeAt(pc int64) ([]byte, error) {
	if pc < 0 || pc >= int64(len(s.data)) {
		return nil, fmt.Errorf("control leaves the code of section %s", s.name)
	}
	if s.isData(pc) {
		return nil, fmt.Errorf("control goes to data in section %s", s.name)
	}
	return s.data[pc:], nil
}
