package stack

import (
	"cmp"
	"slices"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
)

// Step is a change of the depth of sp from one address to the next, as a
// table by address has it: the instruction before it in memory need not be the
// one before it in time.
//
//	53        push %rbx
//	75 03     jne  cold
//	5b        pop  %rbx    {Off: 1, Depth: 8, Len: 1}
//	c3        ret          {Off: 4, Depth: 0, Len: 1}
//	cold:
//	e8 …      call fail    {Off: 5, Depth: 8, Len: 0}
type Step struct {
	// Off is the offset in the section of the first instruction at Depth.
	Off int64
	// Depth is how many bytes sp is below where it was when the function was
	// entered: on amd64 it points to the return address there.
	Depth int64
	// Len is the length in bytes of the instruction before Off, if it makes the
	// change itself, as push and sub do, and goes on to Off. Else it is 0.
	Len int
}

// span is a run of instructions that lie one after the other in memory and are
// executed with sp at one depth.
type span struct {
	start, end int64 // in the section
	depth      int64
	made       int // Step.Len at the start
}

// depthLog collects the spans of one function in order of their address.
type depthLog struct {
	spans []span
	// through is the length of the previous instruction, if control goes on
	// from it to the next one.
	through int
	// unknown is set where sp is no distance from the entry.
	unknown bool
}

// note adds the n bytes of code at pc, before which sp has a value.
func (d *depthLog) note(pc int64, n int, sp value) {
	if sp.kind != onStack || sp.anchor != entryAnchor {
		d.unknown = true
		return
	}
	next := span{start: pc, end: pc + int64(n), depth: -sp.off}
	if i := len(d.spans) - 1; i >= 0 && d.spans[i].end == pc {
		if last := &d.spans[i]; last.depth == next.depth {
			last.end = next.end
			return
		}
		next.made = d.through
	}
	d.spans = append(d.spans, next)
}

// Depths describes where the depth of sp changes in a section of code, by
// ascending offset; before the first step it is 0. Bytes that are never
// executed, such as padding, have the depth of what is before them.
//
// It is false unless the depth is known at all of the section's instructions:
// where it depends on alignment, or is on another stack, or the code is not
// understood or not one function, which starts where the section starts.
func (a *Analysis) Depths(ref link.Ref) ([]Step, bool) {
	steps, why := a.graph.r.steps(ref)
	return steps, why == ""
}

// steps computes the result of Depths, or says why there is none.
func (p *program) steps(ref link.Ref) (steps []Step, why string) {
	entry, ok := p.index[place{Ref: ref}]
	if !ok {
		return nil, "no function starts where the section starts"
	}
	first := p.functions[entry].depths.spans
	var spans []span
	for _, i := range p.within[ref] {
		f := p.functions[i]
		switch {
		case f.fail != nil:
			return nil, f.fail.Error()
		case f.depths.unknown:
			return nil, p.spName + " is not at a known distance from the entry"
		case !startsIn(first, f.at.off):
			return nil, "two functions"
		}
		spans = append(spans, f.depths.spans...)
	}
	slices.SortStableFunc(spans, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.made, a.made))
	})
	var end, depth int64 // of the spans so far
	for _, s := range spans {
		switch {
		case s.depth == depth:
		case s.start < end:
			return nil, "two functions that do not agree"
		case s.start == end:
			steps = append(steps, Step{s.start, s.depth, s.made})
		default:
			steps = append(steps, Step{s.start, s.depth, 0})
		}
		end, depth = max(end, s.end), s.depth
	}
	return steps, ""
}

// startsIn reports whether a function may be entered at off by the spans of
// another.
func startsIn(spans []span, off int64) bool {
	for _, s := range spans {
		if s.depth == 0 && s.start <= off && off < s.end {
			return true
		}
	}
	return false
}

// walkRest walks the live code that explore had no reason to: what runs only
// once the caller's stack is left. Nothing that was walked before depends on
// it, so that it counts for Depths alone.
func (p *program) walkRest() {
	for _, ref := range p.set.Live {
		sec := p.sections[ref]
		if sec.kind != elfmacho.Text {
			continue
		}
		for _, sym := range sec.symbols {
			if sym.rank < 2 {
				p.function(place{ref, sym.off})
			}
		}
	}
	p.walkAll()
	// What has no name may still be called by its address.
	passed := map[link.Ref][]bool{} // by offset
	for _, f := range p.functions {
		if sec := p.sections[f.at.Ref]; passed[f.at.Ref] == nil && sec != nil {
			passed[f.at.Ref] = make([]bool, len(sec.data))
		}
		for _, s := range f.depths.spans {
			for off := s.start; off < s.end; off++ {
				passed[f.at.Ref][off] = true
			}
		}
	}
	enter := func(at place) {
		sec := p.sections[at.Ref]
		if sec == nil || sec.kind != elfmacho.Text || at.off < 0 || at.off >= int64(len(sec.data)) {
			return
		}
		if seen := passed[at.Ref]; seen == nil || !seen[at.off] {
			p.function(at)
		}
	}
	for _, ref := range p.set.Live {
		sec := p.sections[ref]
		for i := range sec.targets {
			t := &sec.targets[i]
			code := p.codeAt(t)
			if _, low := sec.high(t); low || code == nil || code.inTable(place{ref, t.off}) {
				continue
			}
			at := t.value()
			if t.kind.Info().PCRel && sec.kind == elfmacho.Text {
				at.off += p.fieldEnd
			}
			enter(at)
		}
	}
	for _, f := range p.functions {
		for _, at := range f.elsewhere {
			enter(at)
		}
	}
	p.walkAll()
	p.within = map[link.Ref][]int32{}
	for _, f := range p.functions {
		p.within[f.at.Ref] = append(p.within[f.at.Ref], f.index)
	}
}

// inTable reports whether a field of data belongs to a table of jumps in s.
func (s *section) inTable(field place) bool {
	for i := range s.tables {
		if t := &s.tables[i]; t.base.Ref == field.Ref && field.off >= t.base.off && field.off < t.end {
			return true
		}
	}
	return false
}
