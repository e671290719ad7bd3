package stack

import (
	"slices"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// context is who runs a piece of code.
type context int32

const (
	normal    context = iota // code that may return to the caller of the root
	panicking                // the panic path
	contexts
)

// node is a function in a context.
type node struct {
	f   int32
	ctx context
}

// reach is the code and data that the roots reach, up to the switch to another
// stack.
type reach struct {
	*program
	nodes []node
	seen  map[node]bool
	data  [contexts]map[link.Ref]bool
	// taken are the functions whose address the context may hold, in order of
	// their place. What normal code holds, the panic path holds too.
	taken   [contexts][]int32
	isTaken [contexts]map[int32]bool
	// called is set where the context makes an indirect call: else nobody runs
	// what is taken.
	called [contexts]bool
}

// explore walks all code, and tells what of it the roots reach.
func (p *program) explore(roots []int32) *reach {
	// What cells hold is found in all functions, and may lead to more.
	for known := -1; ; {
		r := p.reachFrom(roots)
		p.walkRest()
		if len(p.functions) == known {
			return r
		}
		known = len(p.functions)
		p.findCells()
	}
}

// reachFrom walks everything that the roots reach, until neither the set of
// functions nor what is known of them changes.
func (p *program) reachFrom(roots []int32) *reach {
	for {
		p.walkAll()
		known := len(p.functions)
		r := &reach{program: p, seen: map[node]bool{}}
		for ctx := range contexts {
			r.data[ctx] = map[link.Ref]bool{}
			r.isTaken[ctx] = map[int32]bool{}
		}
		for _, f := range roots {
			r.visit(node{f, normal})
		}
		for i := 0; i < len(r.nodes); i++ {
			r.spread(r.nodes[i])
		}
		if len(p.functions) == known {
			for ctx := range contexts {
				slices.SortFunc(r.taken[ctx], func(a, b int32) int {
					return comparePlaces(p.functions[a].at, p.functions[b].at)
				})
			}
			return r
		}
	}
}

// walkAll walks the functions that were not yet walked, and those again that
// call one that turned out to return: the least set of functions that return.
func (p *program) walkAll() {
	var pending []int32
	queued := map[int32]bool{}
	push := func(i int32) {
		if !queued[i] {
			queued[i] = true
			pending = append(pending, i)
		}
	}
	for known := 0; ; {
		for ; known < len(p.functions); known++ {
			if !p.functions[known].walked {
				push(int32(known))
			}
		}
		if len(pending) == 0 {
			return
		}
		// Callees come after their callers in the list: the last first.
		i := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		queued[i] = false
		f := p.functions[i]
		before := f.returns
		p.walk(f)
		if f.returns && !before {
			for _, caller := range p.callers[i] {
				if p.functions[caller].walked {
					push(caller)
				}
			}
		}
		// What was once found to return, stays: a walk with more of the
		// program known only finds more.
		f.returns = f.returns || before
	}
}

func (r *reach) visit(n node) {
	if !r.seen[n] {
		r.seen[n] = true
		r.nodes = append(r.nodes, n)
	}
}

// spread visits what a function reaches in its context.
func (r *reach) spread(n node) {
	f := r.functions[n.f]
	for i := range f.edges {
		e := &f.edges[i]
		ctx := e.context(n.ctx)
		if e.elsewhere {
			continue
		}
		known, all := r.targets(e)
		for _, to := range known {
			r.visit(node{to, ctx})
		}
		if all && !r.called[ctx] {
			r.called[ctx] = true
			for _, f := range r.taken[ctx] {
				r.visit(node{f, ctx})
			}
		}
	}
	for _, s := range f.stores {
		if !s.elsewhere && !s.anything && !r.confined[s.cell.Ref] {
			r.take(s.value, normal)
		}
	}
	for _, u := range f.uses {
		if u.access && r.confined[u.Ref] {
			continue
		}
		ctx := panicking
		if u.escapes || u.normal && n.ctx == normal {
			ctx = normal
		}
		r.take(u.place, ctx)
	}
}

// targets are the functions that an edge leads to, and whether it also leads to
// all whose address its context may hold.
func (p *program) targets(e *edge) (known []int32, all bool) {
	if e.to != indirect {
		return []int32{e.to}, false
	}
	if e.inCell && p.confined[e.cell.Ref] {
		// A cell without a function is not understood, or never called.
		if c := p.cells[e.cell]; c != nil && len(c.functions) > 0 {
			return c.functions, c.anything
		}
	}
	return nil, true
}

// context is the context of e's target when e's function runs in ctx.
func (e *edge) context(ctx context) context {
	if e.panics {
		return panicking
	}
	return ctx
}

// take makes an address known to a context, and what lies there.
func (r *reach) take(at place, ctx context) {
	sec := r.sections[at.Ref]
	if sec == nil {
		return
	}
	if sec.kind == elfmacho.Text && sec.isData(at.off) {
		r.takeDataInCode(sec, at.Ref, ctx)
		return
	}
	if sec.kind == elfmacho.Text {
		if at.off >= 0 && at.off < int64(len(sec.data)) {
			r.takeFunction(r.function(at), ctx)
		}
		return
	}
	for c := ctx; c < contexts; c++ {
		if r.data[c][at.Ref] {
			continue
		}
		r.data[c][at.Ref] = true
		for i := range sec.targets {
			if t := &sec.targets[i]; t.inSection() {
				r.takeTarget(at.Ref, t, c)
			}
		}
	}
}

func (r *reach) takeFunction(f int32, ctx context) {
	for c := ctx; c < contexts; c++ {
		if !r.isTaken[c][f] {
			r.isTaken[c][f] = true
			r.taken[c] = append(r.taken[c], f)
			if r.called[c] {
				r.visit(node{f, c})
			}
		}
	}
}

// takeTarget takes an address that data holds. A distance from a table's base
// to a label inside a function is for that function's own jumps; the start of
// a function may be there to be called.
func (r *reach) takeTarget(from link.Ref, t *target, ctx context) {
	code := r.codeAt(t)
	if code == nil || t.kind != reloc.PC32 {
		r.take(t.value(), ctx)
		return
	}
	for _, table := range code.tables {
		if table.base.Ref == from && t.off >= table.base.off && t.off < table.end {
			if to := t.value().off - (t.off - table.base.off); code.isFunction(to) {
				r.take(place{code.ref, to}, ctx)
			}
			return
		}
	}
	// A distance from an unknown base.
	r.take(t.value(), ctx)
	r.take(place{t.place.Ref, int64(t.place.Off)}, ctx)
}
