package stack

import (
	"fmt"
	"slices"
	"strings"
)

// hop is an edge of the call graph between nodes by number: function and
// context, or all that an indirect call of a context may reach.
type hop struct {
	to   int
	cost int64 // bytes in use below the entry of from at the entry of to
	call bool
	// pointer is set where it is an indirect call or jump.
	pointer bool
}

// graph computes bounds. Its strongly connected components are found in an
// order in which callees come before callers (Tarjan's algorithm).
type graph struct {
	r     *reach
	hops  [][]hop
	order []int // when a node was met, from 1; 0 if not yet
	low   []int
	stack []int
	on    []bool
	count int
	sums  []sum
}

// sum is the outcome for one node.
type sum struct {
	done  bool
	bytes int64 // below the entry
	next  *hop  // on the way to the deepest place, or to why there is no bound
	why   string
}

func (g *graph) id(n node) int { return int(n.f)*int(contexts) + int(n.ctx) }

// pointers is the node that stands for the targets of indirect calls.
func (g *graph) pointers(ctx context) int { return len(g.r.functions)*int(contexts) + int(ctx) }

func (g *graph) isPointers(id int) bool { return id >= len(g.r.functions)*int(contexts) }

func (g *graph) function(id int) *function { return g.r.functions[id/int(contexts)] }

func newGraph(r *reach) *graph {
	n := (len(r.functions) + 1) * int(contexts)
	g := &graph{r: r, hops: make([][]hop, n), order: make([]int, n), low: make([]int, n), on: make([]bool, n), sums: make([]sum, n)}
	for _, n := range r.nodes {
		f := r.functions[n.f]
		for i := range f.edges {
			e := &f.edges[i]
			if e.elsewhere {
				continue
			}
			ctx := e.context(n.ctx)
			h := hop{cost: e.depth, call: e.call, pointer: e.to == indirect}
			if e.call {
				h.cost += r.pushed
			}
			known, all := r.targets(e)
			for _, to := range known {
				h.to = g.id(node{to, ctx})
				g.hops[g.id(n)] = append(g.hops[g.id(n)], h)
			}
			if all {
				h.to = g.pointers(ctx)
				g.hops[g.id(n)] = append(g.hops[g.id(n)], h)
			}
		}
	}
	for ctx := range contexts {
		for _, f := range r.taken[ctx] {
			g.hops[g.pointers(ctx)] = append(g.hops[g.pointers(ctx)], hop{to: g.id(node{f, ctx})})
		}
	}
	for _, n := range r.nodes {
		g.visit(g.id(n))
	}
	return g
}

func (g *graph) visit(id int) {
	if g.order[id] != 0 {
		return
	}
	g.count++
	g.order[id], g.low[id] = g.count, g.count
	g.stack = append(g.stack, id)
	g.on[id] = true
	for _, h := range g.hops[id] {
		g.visit(h.to)
		if g.on[h.to] {
			g.low[id] = min(g.low[id], g.low[h.to])
		}
	}
	if g.low[id] != g.order[id] {
		return
	}
	first := len(g.stack) - 1
	for g.stack[first] != id {
		first--
	}
	component := append([]int(nil), g.stack[first:]...)
	g.stack = g.stack[:first]
	for _, m := range component {
		g.on[m] = false
	}
	g.sum(component)
}

// sum computes the bound of the nodes of a component, whose callees outside of
// it are done.
func (g *graph) sum(component []int) {
	inside := map[int]bool{}
	for _, id := range component {
		inside[id] = true
	}
	// A cycle of jumps is a loop: it needs no more stack the second time.
	// Anything else is a recursion.
	for _, id := range component {
		for i := range g.hops[id] {
			if h := &g.hops[id][i]; inside[h.to] && (h.cost > 0 || h.call) {
				g.recursion(component, inside, id, h)
				return
			}
		}
	}
	best := component[0]
	for _, id := range component {
		g.sums[id] = g.alone(id, inside)
		if s, b := &g.sums[id], &g.sums[best]; s.why != "" && b.why == "" || (s.why == "") == (b.why == "") && s.bytes > b.bytes {
			best = id
		}
	}
	g.lead(component, best, func(id int) sum {
		return sum{bytes: g.sums[best].bytes, why: g.sums[best].why}
	})
}

// alone computes the bound of a node from itself and the callees outside of
// its component.
func (g *graph) alone(id int, inside map[int]bool) sum {
	s := sum{done: true}
	if g.isPointers(id) {
		if len(g.hops[id]) == 0 {
			s.why = "an indirect call, but no function's address is taken"
		}
	} else if f := g.function(id); f.fail != nil {
		s.why = fmt.Sprintf("%s%v", f.name, f.fail)
		return s
	} else {
		s.bytes = f.own
	}
	for i := range g.hops[id] {
		h := &g.hops[id][i]
		if inside[h.to] {
			continue
		}
		to := &g.sums[h.to]
		if to.why != "" {
			return sum{done: true, why: to.why, next: h}
		}
		if bytes := h.cost + to.bytes; bytes > s.bytes {
			s.bytes, s.next = bytes, h
		}
	}
	return s
}

// lead gives every node of a component a way to target inside of it, and the
// outcome that result says.
func (g *graph) lead(component []int, target int, result func(id int) sum) {
	done := map[int]bool{target: true}
	for changed := true; changed; {
		changed = false
		for _, id := range component {
			if done[id] {
				continue
			}
			for i := range g.hops[id] {
				if h := &g.hops[id][i]; done[h.to] && h.to != id && g.within(component, h.to) {
					g.sums[id] = result(id)
					g.sums[id].done, g.sums[id].next = true, h
					done[id], changed = true, true
					break
				}
			}
		}
	}
}

func (g *graph) within(component []int, id int) bool {
	for _, m := range component {
		if m == id {
			return true
		}
	}
	return false
}

// recursion marks a component that the edge h out of the node from makes
// unbounded.
func (g *graph) recursion(component []int, inside map[int]bool, from int, h *hop) {
	cycle := append([]int{from}, g.way(h.to, from, inside)...)
	var names []string
	for i, id := range cycle {
		if g.isPointers(id) {
			continue
		}
		name := g.function(id).name
		if i > 0 && (g.isPointers(cycle[i-1]) || g.onlyByPointer(cycle[i-1], id)) {
			name = "(by pointer) " + name
		}
		names = append(names, name)
	}
	// A cycle that starts at the node for pointers is told from a function on.
	if g.isPointers(from) {
		names = append(names, names[0])
	}
	why := "recursion: " + strings.Join(names, " → ")
	g.sums[from] = sum{done: true, why: why, next: h}
	g.lead(component, from, func(int) sum { return sum{why: why} })
}

// onlyByPointer reports whether all hops between two nodes are indirect calls or
// jumps.
func (g *graph) onlyByPointer(from, to int) bool {
	for _, h := range g.hops[from] {
		if h.to == to && !h.pointer {
			return false
		}
	}
	return true
}

// way returns the nodes on a shortest way from one node to another, both
// included, inside a component.
func (g *graph) way(from, to int, inside map[int]bool) []int {
	before := map[int]int{from: -1}
	queue := []int{from}
	for i := 0; i < len(queue); i++ {
		id := queue[i]
		if id == to {
			var back []int
			for ; id >= 0; id = before[id] {
				back = append(back, id)
			}
			for i, j := 0, len(back)-1; i < j; i, j = i+1, j-1 {
				back[i], back[j] = back[j], back[i]
			}
			return back
		}
		for _, h := range g.hops[id] {
			if _, seen := before[h.to]; !seen && inside[h.to] {
				before[h.to] = id
				queue = append(queue, h.to)
			}
		}
	}
	return nil
}

// switches reports whether a path leads from a node to a function that leaves
// the caller's stack, or that is not understood.
func (g *graph) switches(id int) bool {
	return g.leads(id, func(f *function) bool { return f.switches || f.fail != nil })
}

// callsGo reports whether a path leads from a node to a call of Go.
func (g *graph) callsGo(id int) bool {
	// A function that is not understood may call any other.
	any := slices.ContainsFunc(g.r.functions, func(f *function) bool { return f.callsGo })
	return any && g.leads(id, func(f *function) bool { return f.callsGo || f.fail != nil })
}

// leads reports whether a path leads from a node to a function that is so.
func (g *graph) leads(id int, is func(*function) bool) bool {
	seen := map[int]bool{id: true}
	queue := []int{id}
	for i := 0; i < len(queue); i++ {
		if id := queue[i]; !g.isPointers(id) && is(g.function(id)) {
			return true
		}
		for _, h := range g.hops[queue[i]] {
			if !seen[h.to] {
				seen[h.to] = true
				queue = append(queue, h.to)
			}
		}
	}
	return false
}

// path follows a node to its deepest place, or to why it has no bound.
func (g *graph) path(id int) []Frame {
	var frames []Frame
	seen := map[int]bool{}
	entered, byPointer := g.r.pushed, false
	for {
		s := &g.sums[id]
		if !g.isPointers(id) {
			f := g.function(id)
			frame := Frame{Function: f.name, Symbol: f.symbol, Pointer: byPointer}
			switch {
			case s.next != nil:
				frame.Bytes = int(entered + s.next.cost)
				if s.next.call {
					frame.Bytes -= int(g.r.pushed)
				}
			case f.fail == nil:
				frame.Bytes = int(entered + f.own)
			}
			frames = append(frames, frame)
			byPointer = false
		}
		if s.next == nil || seen[id] {
			return frames
		}
		seen[id] = true
		byPointer = byPointer || s.next.pointer
		if !g.isPointers(id) {
			entered = 0
			if s.next.call {
				entered = g.r.pushed
			}
		}
		id = s.next.to
	}
}
