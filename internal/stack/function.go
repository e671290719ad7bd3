package stack

import (
	"fmt"
	"slices"
)

// function is a piece of code that is entered at one place.
type function struct {
	at     place
	index  int32
	symbol string // mangled; empty if the place has none
	name   string

	// What the walk over its code found out; see walker.
	walked  bool
	returns bool  // or may do so
	fail    error // why nothing below can be trusted
	// switches is set where it leaves the caller's stack for a static one.
	switches bool
	// callsGo is set in the function by which code calls Go.
	callsGo bool
	own     int64 // bytes below sp at the entry that it uses by itself
	edges   []edge
	uses    []use
	// elsewhere are the addresses that it uses on another stack.
	elsewhere []place
	stores    []store
	depths    depthLog
}

// edge is a transfer of control to another function.
type edge struct {
	to    int32 // function, or indirect
	depth int64 // bytes below the caller's entry that are in use, without the return address
	call  bool  // a return address is pushed; else it is a jump
	// panics is set where no path leads on to a return of the caller.
	panics bool
	// elsewhere is set when sp is on another stack: the edge costs nothing.
	elsewhere bool
	// cell is where an indirect edge has its target from, if inCell is set.
	cell   place
	inCell bool
	pc     int64
}

// indirect as the target of an edge means any function whose address is taken.
const indirect = -1

// use is a place whose address the function forms.
type use struct {
	place
	// normal is set where code forms it that may lead on to a return.
	normal bool
	// escapes is set where the address may outlive the panic path, see the
	// package comment.
	escapes bool
	// access is set where all that is done is to access the cell at the place.
	access bool
}

// codeError is a reason that lies at one instruction.
type codeError struct {
	pc  int64
	msg string
}

func (e *codeError) Error() string { return fmt.Sprintf("+%#x: %s", e.pc, e.msg) }

func failf(pc int64, format string, args ...any) error {
	return &codeError{pc, fmt.Sprintf(format, args...)}
}

// addEdge keeps of equal edges the costlier one.
func (f *function) addEdge(e edge) {
	for i := range f.edges {
		o := &f.edges[i]
		if o.to == e.to && o.call == e.call && o.panics == e.panics && o.elsewhere == e.elsewhere && o.inCell == e.inCell && o.cell == e.cell {
			if e.depth > o.depth {
				o.depth, o.pc = e.depth, e.pc
			}
			return
		}
	}
	f.edges = append(f.edges, e)
}

// addUse records an address, once for all that is done with it.
func (f *function) addUse(u use) {
	i, found := slices.BinarySearchFunc(f.uses, u, func(a, b use) int { return comparePlaces(a.place, b.place) })
	if !found {
		f.uses = slices.Insert(f.uses, i, u)
		return
	}
	f.uses[i].normal = f.uses[i].normal || u.normal
	f.uses[i].escapes = f.uses[i].escapes || u.escapes
	f.uses[i].access = f.uses[i].access && u.access
}

func comparePlaces(a, b place) int {
	switch {
	case a.Object != b.Object:
		return int(a.Object - b.Object)
	case a.Section != b.Section:
		return int(a.Section - b.Section)
	case a.off < b.off:
		return -1
	case a.off > b.off:
		return 1
	}
	return 0
}
