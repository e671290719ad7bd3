package stack

import (
	"encoding/binary"
	"slices"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// A cell is 8 bytes of data, aligned to 8, that code loads or stores as a whole
// and whose place is known where it does: a static with a pointer to the best
// implementation for the processor, say. What the calls through such a pointer
// reach is known where the section is confined:
//
//   - no code does anything with an address in the section but to load, store,
//     compare or call the contents of its cells,
//   - no data holds an address in the section, and no root is in it.
//
// Then a cell holds what it holds at first or what code stores to it: nobody
// else can know where it is. All code of the set counts, also that which runs
// on another stack, as what it leaves in statics stays there.

// cell is what a cell of a confined section may hold.
type cell struct {
	functions []int32
	// anything is set where code stores what is not known: as a function, any
	// whose address is taken.
	anything bool
}

// store is what a function stores to a cell.
type store struct {
	cell, value place
	anything    bool // instead of value
	elsewhere   bool // on another stack
}

// isCell reports whether there can be a cell at a place.
func (p *program) isCell(at place) bool {
	sec := p.sections[at.Ref]
	if sec == nil || sec.kind == elfmacho.Text {
		return false
	}
	size := int64(p.set.Section(at.Ref).Size)
	return at.off >= 0 && at.off <= size-8 && at.off%8 == 0
}

// noteStore notes that v is stored to a cell, and what of it can no longer be
// followed.
func (w *walker) noteStore(at place, v value, s state) {
	add := func(value place, anything bool) {
		w.block.stores = append(w.block.stores, store{at, value, anything, s[w.sp].kind == otherStack})
	}
	switch {
	case v.kind == constant:
	case v.kind == maybe && w.isCode(v.place), w.isFunction(v):
		for _, to := range w.pointees(v) {
			add(to, false)
		}
		if v.kind == maybe {
			add(place{}, true)
		}
	default:
		w.noteAll(v, true, s)
		add(place{}, true)
	}
}

// maxOneOf is as how many addresses a register is followed.
const maxOneOf = 16

// oneOf is the value that is one of two, if both are addresses.
func (p *program) oneOf(a, b value) (value, bool) {
	if a.kind != address && a.kind != oneOf || b.kind != address && b.kind != oneOf {
		return value{}, false
	}
	set := slices.Concat(p.pointees(a), p.pointees(b))
	slices.SortFunc(set, comparePlaces)
	set = slices.Compact(set)
	if len(set) > maxOneOf {
		return value{}, false
	}
	var key []byte
	for _, at := range set {
		for _, n := range []uint64{uint64(at.Object), uint64(at.Section), uint64(at.off)} {
			key = binary.LittleEndian.AppendUint64(key, n)
		}
	}
	i, ok := p.setIndex[string(key)]
	if !ok {
		i = int64(len(p.sets))
		p.sets = append(p.sets, set)
		p.setIndex[string(key)] = i
	}
	return value{kind: oneOf, place: place{off: i}}, true
}

// pointees are the places whose address v may be or, for the content of a
// cell, the cell.
func (p *program) pointees(v value) []place {
	switch {
	case v.kind == oneOf:
		return p.sets[v.off]
	case v.pointer():
		return []place{v.place}
	}
	return nil
}

// findCells finds the confined sections, and what their cells hold. All code
// must have been walked.
func (p *program) findCells() {
	open := map[link.Ref]bool{} // not confined
	for _, root := range p.set.Roots {
		if root.Place.Kind == link.InSection {
			open[root.Place.Ref] = true
		}
	}
	for ref, sec := range p.sections {
		if sec.kind == elfmacho.Text {
			open[ref] = true
			continue
		}
		for i := range sec.targets {
			t := &sec.targets[i]
			if t.inSection() {
				open[t.place.Ref] = true
			}
			if t.kind != reloc.Abs64 || t.off%8 != 0 {
				open[ref] = true
			}
		}
	}
	for _, f := range p.functions {
		for _, u := range f.uses {
			if !u.access {
				open[u.Ref] = true
			}
		}
		for _, at := range f.elsewhere {
			open[at.Ref] = true
		}
	}
	p.cells = map[place]*cell{}
	p.confined = map[link.Ref]bool{}
	at := func(at place) *cell {
		c := p.cells[at]
		if c == nil {
			c = &cell{}
			p.cells[at] = c
		}
		return c
	}
	hold := func(c *cell, to place) {
		if i := p.function(to); !slices.Contains(c.functions, i) {
			c.functions = append(c.functions, i)
		}
	}
	for _, ref := range p.set.Live {
		if open[ref] {
			continue
		}
		p.confined[ref] = true
		sec := p.sections[ref]
		for i := range sec.targets {
			if t := &sec.targets[i]; p.codeAt(t) != nil {
				hold(at(place{ref, t.off}), t.value())
			}
		}
	}
	for _, f := range p.functions {
		for _, s := range f.stores {
			if !p.confined[s.cell.Ref] {
				continue
			}
			if c := at(s.cell); s.anything {
				c.anything = true
			} else {
				hold(c, s.value)
			}
		}
	}
}
