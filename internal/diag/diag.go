// Package diag is how cargo rustgo says what is wrong with a crate: a value
// that carries a code, source positions, notes and help, and that the command
// renders like rustc does or as JSON.
//
// Every code has a page in docs/diagnostics, which Explain returns.
package diag

import (
	"errors"
	"fmt"
	"strings"
)

// The codes. docs/diagnostics holds one page for each.
const (
	NoStaticlib       = "RG0001" // no library target, or cargo made no staticlib
	NoExports         = "RG0002" // no exported functions
	ExportNotFound    = "RG0003" // a requested export does not exist
	TypeCannotCross   = "RG0004" // a type that cannot cross between Rust and Go
	StackUnbounded    = "RG0005" // recursion or an unresolved indirect call, where a bound is required
	BadSection        = "RG0006" // a section or relocation that cannot go into a Go program
	UndefinedSymbols  = "RG0007" // symbols that nothing defines
	BadConfig         = "RG0008" // a key of metadata.rustgo is unknown or mistyped
	MalformedInput    = "RG0009" // an archive or object that breaks its format
	Bitcode           = "RG0010" // LLVM bitcode where machine code is needed
	TargetUnavailable = "RG0011" // a target that is not supported or not installed
	DuplicateSymbol   = "RG0012" // two strong definitions of one symbol
	OutputConflict    = "RG0013" // the output directory cannot be written as asked
	NoDebugInfo       = "RG0014" // an export without debug information
	Declaration       = "RG0016" // a declaration in Go that does not match
	ObjectRelocations = "RG0017" // a host object that Go's linker would get wrong
	PrebuiltMismatch  = "RG0018" // an archive that is missing, or not for this build
	StaleOutput       = "RG0019" // generated files that the crate would not give today
	RegisterInUse     = "RG0020" // code that uses the register in which Go keeps its goroutine
)

// Diagnostic is one problem, for the user to read and fix.
type Diagnostic struct {
	// Code is one of the constants above.
	Code string `json:"code"`
	// Message is one line: lowercase, without a full stop.
	Message string `json:"message"`
	// Spans are the places the message is about, the most important first.
	Spans []Span `json:"spans,omitempty"`
	// Notes are facts that explain the message, such as a chain of calls.
	Notes []string `json:"notes,omitempty"`
	// Help says what the user can do.
	Help []string `json:"help,omitempty"`
}

// Span is a place in a source file.
type Span struct {
	// File is the path as the user should see it, such as "src/lib.rs".
	File string `json:"file"`
	// Line counts from 1; 0 means that only the file is known.
	Line int `json:"line,omitempty"`
	// Column counts bytes from 1; 0 means that only the line is known.
	Column int `json:"column,omitempty"`
	// Source is the text of the line, without the newline. When it is empty,
	// the renderer shows no excerpt.
	Source string `json:"source,omitempty"`
	// Label is shown after the carets below the line.
	Label string `json:"label,omitempty"`
}

// Error returns the diagnostic on one line, without notes and help. Render
// shows all of it.
func (d *Diagnostic) Error() string {
	var b strings.Builder
	if len(d.Spans) > 0 {
		b.WriteString(d.Spans[0].position())
		b.WriteString(": ")
	}
	fmt.Fprintf(&b, "%s [%s]", d.Message, d.Code)
	return b.String()
}

func (s Span) position() string {
	switch {
	case s.Line == 0:
		return s.File
	case s.Column == 0:
		return fmt.Sprintf("%s:%d", s.File, s.Line)
	}
	return fmt.Sprintf("%s:%d:%d", s.File, s.Line, s.Column)
}

// New returns a diagnostic with a formatted message and nothing else.
func New(code, format string, args ...any) *Diagnostic {
	return &Diagnostic{Code: code, Message: fmt.Sprintf(format, args...)}
}

// List is several diagnostics reported as one error.
type List []*Diagnostic

func (l List) Error() string {
	lines := make([]string, len(l))
	for i, d := range l {
		lines[i] = d.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find each diagnostic.
func (l List) Unwrap() []error {
	errs := make([]error, len(l))
	for i, d := range l {
		errs[i] = d
	}
	return errs
}

// Err returns nil for an empty list, so that `return list.Err()` is right.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}
	return l
}

// Join collects the diagnostics of errs into one error and keeps other errors
// beside them, as errors.Join does. It returns nil when there are none.
func Join(errs ...error) error {
	var list List
	var rest []error
	for _, err := range errs {
		if err == nil {
			continue
		}
		if ds := All(err); ds != nil {
			list = append(list, ds...)
		} else {
			rest = append(rest, err)
		}
	}
	if len(rest) == 0 {
		return list.Err()
	}
	return errors.Join(append(rest, list.Err())...)
}

// All returns the diagnostics inside err, in order, or nil.
func All(err error) List {
	switch e := err.(type) {
	case nil:
		return nil
	case *Diagnostic:
		return List{e}
	case List:
		return e
	case interface{ Unwrap() []error }:
		var list List
		for _, err := range e.Unwrap() {
			list = append(list, All(err)...)
		}
		return list
	}
	return All(errors.Unwrap(err))
}
