package stack

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
)

// Frame is one function on a path of calls.
type Frame struct {
	Function string // demangled
	Symbol   string
	// Bytes is the function's part of the bound: what its call pushed, and its
	// stack at the call to the next function, or at its deepest.
	Bytes int
	// Pointer is set where the function is called through a pointer.
	Pointer bool
}

// Bound is the proven worst case of a function.
type Bound struct {
	// Bytes is all that is below sp before the call. On amd64 that includes the
	// return address, 8 bytes, and the red zone of the deepest function; on arm64
	// there is no return address, and a red zone in Mach-O only.
	Bytes int
	// Path is where the bytes go: the sum over its frames is Bytes.
	Path []Frame
	// Panics is set if a path leads to a panic handler: code that leaves the
	// caller's stack for one of its own.
	Panics bool
	// CallsGo is set if a path leads to a call of Go.
	CallsGo bool
}

// Unbounded is the error for a function without a bound.
type Unbounded struct {
	Root   string
	Reason string
	// Path leads from the root to the function that is the reason, or around
	// the recursion once.
	Path []Frame
	// Panics and CallsGo are set unless no path leads to a panic handler, or to a
	// call of Go.
	Panics, CallsGo bool
}

func (e *Unbounded) Error() string {
	var names []string
	for _, f := range e.Path {
		names = append(names, f.Function)
	}
	if len(names) < 2 || strings.HasPrefix(e.Reason, "recursion") {
		return fmt.Sprintf("%s: no stack bound: %s", e.Root, e.Reason)
	}
	return fmt.Sprintf("%s: no stack bound: %s, which is called by %s", e.Root, e.Reason, strings.Join(names, " → "))
}

// Function is what the analysis found out about one function.
type Function struct {
	Function string // demangled
	Symbol   string
	Frame    int    // bytes below the entry that it uses by itself
	Bytes    int    // bound from sp before the call, as Bound.Bytes
	Reason   string // why there is no bound; else empty
	// Panics is set for functions that only the panic path reaches.
	Panics bool
}

// Analysis holds the bounds of a set.
type Analysis struct {
	set   *link.Set
	roots map[string]int32
	graph *graph
}

// Analyze computes the bounds of the roots of a set, whose objects are all for
// one processor, as link sees to. Its errors are about objects that are malformed; what has no
// bound is an error of Bound.
func Analyze(set *link.Set) (*Analysis, error) {
	m := &amd64Processor
	for _, o := range set.Objects {
		if m = processorOf(o); m == nil {
			return nil, fmt.Errorf("%s: stack bounds of %s code are not implemented", o.Name, o.Arch)
		}
	}
	p, err := newProgram(set, m)
	if err != nil {
		return nil, err
	}
	a := &Analysis{set: set, roots: map[string]int32{}}
	var roots []int32
	for _, root := range set.Roots {
		at := place{root.Place.Ref, int64(root.Place.Off)}
		if sec := p.sections[at.Ref]; root.Place.Kind == link.InSection && sec != nil && sec.kind == elfmacho.Text {
			f := p.function(at)
			a.roots[root.Name] = f
			roots = append(roots, f)
		}
	}
	a.graph = newGraph(p.explore(roots))
	return a, nil
}

// errNotFunction is returned for roots that are data.
var errNotFunction = errors.New("not a function of the set")

// Bound returns the bound of a root. The error is *Unbounded if it has none.
func (a *Analysis) Bound(root string) (Bound, error) {
	f, ok := a.roots[root]
	if !ok {
		return Bound{}, fmt.Errorf("%s: %w", root, errNotFunction)
	}
	id := a.graph.id(node{f, normal})
	s := &a.graph.sums[id]
	path := a.graph.path(id)
	if s.why != "" {
		return Bound{}, &Unbounded{Root: root, Reason: s.why, Path: path, Panics: a.graph.switches(id), CallsGo: a.graph.callsGo(id)}
	}
	return Bound{Bytes: int(s.bytes + a.graph.r.pushed), Path: path, Panics: a.graph.switches(id), CallsGo: a.graph.callsGo(id)}, nil
}

// Functions lists the functions that the roots reach on the caller's stack, by
// their place in the set.
func (a *Analysis) Functions() []Function {
	r := a.graph.r
	order := make([]int32, 0, len(r.functions))
	for i := range r.functions {
		if r.seen[node{int32(i), normal}] || r.seen[node{int32(i), panicking}] {
			order = append(order, int32(i))
		}
	}
	slices.SortFunc(order, func(x, y int32) int { return comparePlaces(r.functions[x].at, r.functions[y].at) })
	list := make([]Function, 0, len(order))
	for _, i := range order {
		f := r.functions[i]
		n := node{i, normal}
		if !r.seen[n] {
			n.ctx = panicking
		}
		s := &a.graph.sums[a.graph.id(n)]
		entry := Function{Function: f.name, Symbol: f.symbol, Frame: int(f.own), Reason: s.why, Panics: n.ctx == panicking}
		if s.why == "" {
			entry.Bytes = int(s.bytes + a.graph.r.pushed)
		}
		list = append(list, entry)
	}
	return list
}
