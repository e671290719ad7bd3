package stack

import (
	"slices"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
)

// An address does not count where it appears in a register, but where something
// is done with it, other than to call it. The functions here note that in the
// block, in the last pass.

// blockUse is what one instruction does with an address.
type blockUse struct {
	place
	// escapes is set where the address may outlive the panic path, see the
	// package comment. Otherwise it is stored on the stack or passed to a
	// function that does not return.
	escapes   bool
	elsewhere bool // on another stack
	access    bool // of a cell
}

// note notes that the address of a place is used.
func (w *walker) note(at place, escapes bool, s state) {
	w.block.uses = append(w.block.uses, blockUse{at, escapes, s[w.sp].kind == otherStack, false})
}

// noteAccess notes that a cell is loaded or stored.
func (w *walker) noteAccess(cell place, s state) {
	w.block.uses = append(w.block.uses, blockUse{cell, true, s[w.sp].kind == otherStack, true})
}

// noteAll notes that the addresses which v may be are used.
func (w *walker) noteAll(v value, escapes bool, s state) {
	for _, at := range w.pointees(v) {
		w.note(at, escapes, s)
	}
}

// noteHandedOver notes what a call or a jump to another function passes on. The
// operand is the register that it goes through; if it has its target from
// memory, address are the registers that the memory is addressed by.
func (w *walker) noteHandedOver(escapes bool, operand int, address registers, s state) {
	for r := range s {
		if !s[r].pointer() || r == operand && w.isTarget(s[r]) {
			continue
		}
		if r == operand || w.callerSaved.has(r) || address.has(r) {
			w.noteAll(s[r], escapes, s)
		}
	}
}

// noteResults notes what a return hands over.
func (w *walker) noteResults(s state) {
	for _, r := range w.results {
		w.noteAll(s[r], true, s)
	}
}

// noteReads notes what an instruction does with the registers that it reads,
// and with those it addresses memory by. What it reads is stored on the stack,
// or used anyhow.
func (w *walker) noteReads(reads, address registers, stored bool, s state) {
	for r := range s {
		if !s[r].pointer() {
			continue
		}
		if reads.has(r) {
			w.noteAll(s[r], !stored, s)
		}
		if address.has(r) {
			w.noteAll(s[r], true, s)
		}
	}
}

// noteSwitch notes that sp is set to v, on another stack.
func (w *walker) noteSwitch(v value) {
	if w.final {
		w.block.uses = append(w.block.uses, blockUse{place: v.place, escapes: true, elsewhere: true})
	}
}

// isTarget reports whether v is what an indirect call or jump goes to, and is
// followed there.
func (w *walker) isTarget(v value) bool {
	return v.kind == content || w.isFunction(v)
}

// isFunction reports whether v is one or one of several addresses of code.
func (p *program) isFunction(v value) bool {
	return (v.kind == address || v.kind == oneOf) && !slices.ContainsFunc(p.pointees(v), func(at place) bool { return !p.isCode(at) })
}

func (p *program) isCode(at place) bool {
	sec := p.sections[at.Ref]
	return sec != nil && sec.kind == elfmacho.Text && !sec.isData(at.off)
}

// mayReturn reports whether one of some functions may return.
func (w *walker) mayReturn(targets []place) bool {
	for _, to := range targets {
		if i, ok := w.index[to]; !ok || w.functions[i].returns {
			return true
		}
	}
	return false
}
