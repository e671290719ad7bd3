// Package cheader writes the header of a library of Rust functions for C11 and C++11:
// prototypes, the types in them, and assertions that the compiler lays those out as
// rustc did.
package cheader

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/signature"
)

// Library is what a header is about.
type Library struct {
	Name      string   // of the crate's library: a Rust identifier
	Doc       []string // lines without comment marks
	Functions []Function
	// SystemV is set if the functions have the calling convention of System V on a
	// system whose own is another.
	SystemV bool
	// TypeDoc returns the documentation of a type, and of its fields or values by their
	// Rust names. It may be nil.
	TypeDoc func(*signature.Type) (doc []string, members map[string][]string)
}

// Function is a function of the library that Check of package signature lets pass.
type Function struct {
	*signature.Function
	Doc []string // lines without comment marks
}

// Header returns the text of the header. It depends on nothing but the library, and
// not on the order of the functions.
func (l *Library) Header() []byte {
	functions := slices.Clone(l.Functions)
	slices.SortFunc(functions, func(a, b Function) int { return strings.Compare(a.Symbol, b.Symbol) })
	w := &writer{library: l, names: newNames()}
	for _, f := range functions {
		w.names.functions[f.Symbol] = true
	}
	left := map[string]string{} // why functions are left out, by symbol
	for _, f := range functions {
		if why := refuse(f.Function); why != "" {
			left[f.Symbol] = why
			continue
		}
		for _, p := range f.Params {
			w.names.add(p.Type)
		}
		if f.Result != nil {
			w.names.add(f.Result)
		}
	}
	w.names.resolve()
	// From here on every type has its name.

	w.comment(append([]string{"The Rust library " + l.Name + "."}, paragraph(l.Doc)...))
	guard := "RUSTGO_" + strings.ToUpper(identifier(l.Name)) + "_H"
	w.line("#ifndef %s\n#define %s\n", guard, guard)
	w.WriteString(preamble)
	w.types()
	for _, f := range functions {
		w.line("")
		if why := left[f.Symbol]; why != "" {
			w.comment([]string{f.Symbol + " is not declared: " + why + "."})
			continue
		}
		w.comment(f.Doc)
		if l.SystemV {
			w.WriteString("__attribute__((sysv_abi)) ")
		}
		w.line("%s;", w.prototype(&f))
	}
	w.line("\n#ifdef __cplusplus\n}\n#endif\n\n#endif")
	return w.Bytes()
}

// preamble defines what C11 and C++11 write differently. Two headers may be included
// in one file, so all that is not the library's own may be there already.
const preamble = `#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef RUSTGO_ASSERT
#ifdef __cplusplus
#define RUSTGO_ASSERT static_assert
#define RUSTGO_ALIGNAS alignas
#define RUSTGO_ALIGNOF alignof
#else
#define RUSTGO_ASSERT _Static_assert
#define RUSTGO_ALIGNAS _Alignas
#define RUSTGO_ALIGNOF _Alignof
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

RUSTGO_ASSERT(sizeof(void *) == 8 && sizeof(size_t) == 8, "Rust was compiled for 64 bits");
`

// refuse returns why C cannot call a function, or "".
func refuse(f *signature.Function) string {
	if identifier(f.Symbol) != f.Symbol || reserved[f.Symbol] {
		return "that is no name in C and C++"
	}
	for _, p := range f.Params {
		if p.Type.IsGoValue() {
			return "it takes a function or an interface of Go's"
		}
	}
	if f.Result == nil {
		return ""
	}
	if _, failure, ok := f.Result.GoResult(); ok && failure.IsGoValue() {
		return "it returns an error of Go's"
	}
	return ""
}

// writer collects the text.
type writer struct {
	bytes.Buffer
	library *Library
	names   *names
}

func (w *writer) line(format string, args ...any) {
	fmt.Fprintf(&w.Buffer, format, args...)
	w.WriteByte('\n')
}

// comment writes a block comment, which no text can end before its end.
func (w *writer) comment(lines []string) { w.indented("", lines) }

func (w *writer) indented(indent string, lines []string) {
	switch len(lines) {
	case 0:
	case 1:
		w.line("%s/** %s */", indent, commented(lines[0]))
	default:
		w.line("%s/**", indent)
		for _, l := range lines {
			w.line("%s", strings.TrimRight(indent+" * "+commented(l), " "))
		}
		w.line("%s */", indent)
	}
}

// commented takes apart what would end a comment, begin one inside of it, or be a
// trigraph (C11, 5.2.1.1).
func commented(line string) string {
	var out []byte
	var last byte
	for _, c := range []byte(line) {
		if c < ' ' && c != '\t' {
			c = ' '
		}
		switch string([]byte{last, c}) {
		case "*/", "/*", "??":
			out = append(out, ' ')
		}
		out, last = append(out, c), c
	}
	return string(out)
}

// paragraph returns the lines of a further paragraph.
func paragraph(lines []string) []string {
	if len(lines) == 0 {
		return nil
	}
	return append([]string{""}, lines...)
}

// prototype declares a function, without the semicolon.
func (w *writer) prototype(f *Function) string {
	var params []string
	used := map[string]bool{}
	for i, p := range f.Params {
		if p.Type.Size > 0 { // others take no place in registers or memory
			params = append(params, w.param(p.Type, w.names.local(p.Name, fmt.Sprintf("p%d", i), used)))
		}
	}
	if len(params) == 0 {
		params = []string{"void"}
	}
	decl := f.Symbol + "(" + strings.Join(params, ", ") + ")"
	if f.Result == nil || f.Result.Size == 0 {
		return "void " + decl
	}
	return w.declare(f.Result, decl, false)
}

// param declares a parameter. A pointer to an array is written as C programmers do:
// the compiler then knows how long it has to be, and takes any array for it.
//
// A structure that is nothing but a small number is written as the number. It may be
// transparent in Rust, which its debug information does not say: then callers have to
// extend it. For others that changes nothing. A result stays the structure: nobody may
// rely on its extension.
func (w *writer) param(t *signature.Type, name string) string {
	for t.Kind == signature.Struct && t.Size < 4 && len(fields(t)) == 1 {
		part := fields(t)[0].Type
		if part.Size != t.Size || part.Kind == signature.Array {
			break
		}
		t = part
	}
	if t.Kind == signature.Pointer && t.Elem.Kind == signature.Array && t.Elem.Size > 0 {
		return w.declare(t.Elem, name, !t.Mutable)
	}
	return w.declare(t, name, false)
}

// declare writes a declaration from the inside out (C11, 6.7.6): decl is what has the
// type t, or constant t.
func (w *writer) declare(t *signature.Type, decl string, constant bool) string {
	elem, mutable := t.Elem, t.Mutable
	if to := t.Handle(); to != nil {
		elem, mutable = to, true
	}
	switch {
	case t.Kind == signature.Pointer || t.Handle() != nil:
		star := "*"
		if constant {
			star = "*const "
		}
		decl = star + decl
		if elem.Kind == signature.Array && elem.Size > 0 {
			decl = "(" + decl + ")"
		}
		return w.declare(elem, decl, !mutable)
	case t.Kind == signature.Array && t.Size > 0:
		return w.declare(t.Elem, fmt.Sprintf("%s[%d]", decl, t.Len), constant)
	}
	base := w.names.of(t)
	if constant {
		base = "const " + base
	}
	return base + " " + decl
}
