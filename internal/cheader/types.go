package cheader

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/cargo-rustgo/cargo-rustgo/internal/signature"
)

// types declares all types: first their names, which any of them may refer to behind
// pointers, then what they are, those in others first.
func (w *writer) types() {
	list := slices.SortedFunc(maps.Values(w.names.types), func(a, b *named) int { return cmp.Compare(a.c, b.c) })
	if w.names.wide {
		w.line("\n__extension__ typedef __int128 %s;\n__extension__ typedef unsigned __int128 %s;", scalars[signature.Int128], scalars[signature.Uint128])
	}
	w.line("")
	for _, n := range list {
		if n.Kind == signature.Struct {
			// To say it twice is no error.
			w.line("typedef struct %s %s;", n.c, n.c)
		}
	}
	done := map[string]bool{}
	for _, n := range list {
		w.define(n, done)
	}
}

// define defines a type once, after those that are parts of it.
func (w *writer) define(n *named, done map[string]bool) {
	if done[n.Name] {
		return
	}
	done[n.Name] = true
	if n.opaque {
		return // C knows it by its name
	}
	for _, f := range fields(n.Type) {
		t := f.Type
		for t.Kind == signature.Array {
			t = t.Elem
		}
		if part := w.names.types[t.Name]; part != nil && t.Handle() == nil {
			w.define(part, done)
		}
	}
	w.line("")
	if n.shared {
		w.line("#ifndef %s_defined\n#define %s_defined", n.c, n.c)
	}
	var doc []string
	var members map[string][]string
	if w.library.TypeDoc != nil {
		doc, members = w.library.TypeDoc(n.Type)
	}
	w.comment(doc)
	if n.Kind == signature.Enum {
		w.enum(n, members)
	} else {
		w.structure(n, members)
	}
	if n.shared {
		w.line("#endif")
	}
}

// enum defines an integer and its values. An enum of C's would have the size of an
// int, whatever Rust's has.
func (w *writer) enum(n *named, members map[string][]string) {
	w.line("typedef %s %s;", w.names.of(n.Base), n.c)
	for i, v := range n.Enum {
		w.comment(members[v.Name])
		w.line("#define %s ((%s)%s)", n.values[i], n.c, literal(n.Base, v.Value))
	}
	w.line("RUSTGO_ASSERT(sizeof(%s) == %d, \"the size of %s\");", n.c, n.Size, n.c)
}

// structure defines a structure with the layout that Rust has given it, whatever
// order its fields are declared in.
func (w *writer) structure(n *named, members map[string][]string) {
	list, used := fields(n.Type), map[string]bool{}
	natural := int64(1)
	for _, f := range list {
		natural = max(natural, align(f.Type))
	}
	aligned := ""
	if n.Align > natural {
		natural, aligned = n.Align, fmt.Sprintf("RUSTGO_ALIGNAS(%d) ", n.Align)
	}
	w.line("struct %s {", n.c)
	var end int64
	pad := func(to int64) {
		w.line("\t%suint8_t %s[%d];", aligned, w.names.local("padding", "", used), to-end)
		aligned = ""
	}
	var names []string
	for i, f := range list {
		if up(end, align(f.Type)) != f.Off {
			pad(f.Off)
		}
		w.indented("\t", members[f.Name])
		name := w.names.local(f.Name, fmt.Sprintf("f%d", i), used)
		names = append(names, name)
		w.line("\t%s%s;", aligned, w.declare(f.Type, name, false))
		aligned, end = "", f.Off+f.Type.Size
	}
	if up(end, natural) != n.Size {
		pad(n.Size)
	}
	w.line("};")
	w.line("RUSTGO_ASSERT(sizeof(%s) == %d && RUSTGO_ALIGNOF(%s) == %d, \"the layout of %s\");", n.c, n.Size, n.c, cmp.Or(n.Align, natural), n.c)
	for i, f := range list {
		w.line("RUSTGO_ASSERT(offsetof(%s, %s) == %d && sizeof(((%s *)0)->%s) == %d, \"the layout of %s\");",
			n.c, names[i], f.Off, n.c, names[i], f.Type.Size, n.c)
	}
}

// fields are those that take memory, by offset. What the crate rustgo has in a union
// with nothing is as if it was alone: so says the layout, and so do the C ABIs.
func fields(t *signature.Type) []signature.Field {
	var list []signature.Field
	if t.Kind != signature.Struct {
		return nil
	}
	for _, f := range t.Fields {
		if f.Type.Kind == signature.Union && len(f.Type.Fields) > 0 {
			f.Type = f.Type.Fields[0].Type
		}
		if f.Type.Size > 0 {
			list = append(list, f)
		}
	}
	slices.SortStableFunc(list, func(a, b signature.Field) int { return cmp.Compare(a.Off, b.Off) })
	return list
}

// align returns the alignment in bytes of t's counterpart in C.
func align(t *signature.Type) int64 {
	switch t.Kind {
	case signature.Array:
		return align(t.Elem)
	case signature.Struct:
		n := max(t.Align, 1)
		for _, f := range fields(t) {
			n = max(n, align(f.Type))
		}
		return n
	}
	return max(t.Size, 1)
}

func up(n, to int64) int64 { return (n + to - 1) / to * to }

// literal writes the bits of a value of an integer type. Without the macros of
// <stdint.h> (C11, 7.20.4) large ones would have another type.
func literal(t *signature.Type, bits int64) string {
	switch t.Kind {
	case signature.Int8, signature.Int16, signature.Int32, signature.Int64, signature.Int:
		if bits == math.MinInt64 {
			return "INT64_MIN" // the digits alone are too large for a constant
		}
		return fmt.Sprintf("INT%d_C(%d)", t.Size*8, bits)
	}
	mask := ^uint64(0) >> (64 - 8*t.Size)
	return fmt.Sprintf("UINT%d_C(%d)", t.Size*8, uint64(bits)&mask)
}
