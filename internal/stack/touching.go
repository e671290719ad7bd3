package stack

import (
	"cmp"
	"slices"
	"sort"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
)

// Touching lists the functions in live code that read or write a
// general-purpose register, by their place in the set. It looks at all code, not
// only at what the roots are known to reach, and counts a word that it cannot
// decode, unless mapping symbols say that it is data ("ELF for the Arm 64-bit
// Architecture", section "Mapping symbols"; "RISC-V ABIs Specification", section
// "Mapping Symbol"). For amd64 code the list is empty.
//
// Go's signal handler on Linux takes the goroutine from x28 of arm64 and from x27 of
// riscv64, and darwin keeps x18 of arm64 for itself.
func (a *Analysis) Touching(register int) []string {
	return a.touching(register, func(link.Ref) bool { return true })
}

// TouchingHere is Touching without the functions that the roots only reach on
// another stack than that of their caller, behind a panic handler that switches
// stacks.
func (a *Analysis) TouchingHere(register int) []string {
	r := a.graph.r
	known, here := map[link.Ref]bool{}, map[link.Ref]bool{}
	for i, f := range r.functions {
		known[f.at.Ref] = true
		for ctx := range contexts {
			if r.seen[node{int32(i), ctx}] {
				here[f.at.Ref] = true
			}
		}
	}
	return a.touching(register, func(ref link.Ref) bool { return here[ref] || !known[ref] })
}

func (a *Analysis) touching(register int, in func(link.Ref) bool) []string {
	p := a.graph.r.program
	if p.touches == nil {
		return nil
	}
	var names []string
	for _, ref := range p.set.Live {
		sec := p.sections[ref]
		if sec.kind != elfmacho.Text || !in(ref) {
			continue
		}
		data := p.dataIn(ref)
		last := place{off: -1}
		for off, n := int64(0), 0; off < int64(len(sec.data)); off += int64(n) {
			var touched registers
			if touched, n = p.touches(sec.data[off:]); !touched.has(register) || data(off) {
				continue
			}
			if at := sec.functionOf(off); at != last {
				_, name := p.nameOf(at)
				names = append(names, name)
				last = at
			}
		}
	}
	return names
}

// functionOf is where the function starts that off is in, as far as symbols
// tell.
func (s *section) functionOf(off int64) place {
	i := sort.Search(len(s.symbols), func(i int) bool { return s.symbols[i].off > off })
	for i--; i >= 0; i-- {
		if s.symbols[i].rank < 2 {
			return place{s.ref, s.symbols[i].off}
		}
	}
	return place{Ref: s.ref}
}

// dataIn tells which bytes of a section of code are data: those from a symbol $d
// on to the next $x.
func (p *program) dataIn(ref link.Ref) func(off int64) bool {
	type mark struct {
		off  int64
		data bool
	}
	var marks []mark
	symbols := p.set.Objects[ref.Object].Symbols
	for i := range symbols {
		s := &symbols[i]
		if s.Section != ref.Section {
			continue
		}
		if kind := mapping(s.Name); kind != "" {
			marks = append(marks, mark{int64(s.Value), kind == "$d"})
		}
	}
	slices.SortStableFunc(marks, func(a, b mark) int { return cmp.Compare(a.off, b.off) })
	return func(off int64) bool {
		i := sort.Search(len(marks), func(i int) bool { return marks[i].off > off })
		return i > 0 && marks[i-1].data
	}
}

// mapping returns $x or $d if a name is that of a mapping symbol.
func mapping(name string) string {
	if kind, _, _ := strings.Cut(name, "."); kind == "$x" || kind == "$d" {
		return kind
	}
	if strings.HasPrefix(name, "$xrv") { // with an instruction set
		return "$x"
	}
	return ""
}
