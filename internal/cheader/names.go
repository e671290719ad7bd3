package cheader

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/signature"
)

// names are the types of a header and what they are called: first all are added, then
// resolve names them.
type names struct {
	types     map[string]*named // by Rust name
	functions map[string]bool   // which share one space in C with types
	used      map[string]bool   // names of types and macros
	wide      bool              // there are integers of 128 bits
}

// named is a structure or an enum.
type named struct {
	*signature.Type
	c      string   // its name in C
	values []string // of an enum, the names of its values
	opaque bool     // C sees it behind pointers only
	shared bool     // it is of the crate rustgo, and other headers may define it, too
}

func newNames() *names {
	return &names{types: map[string]*named{}, functions: map[string]bool{}, used: map[string]bool{}}
}

// add notes what a declaration of t needs.
func (n *names) add(t *signature.Type) {
	switch t.Kind {
	case signature.Pointer, signature.Array:
		n.add(t.Elem)
	case signature.Int128, signature.Uint128:
		n.wide = true
	case signature.Enum:
		n.note(t, false)
	case signature.Struct:
		if to := t.Handle(); to != nil {
			n.note(&signature.Type{Kind: signature.Struct, Name: to.Name}, true)
			return
		}
		n.note(t, t.Size == 0) // C has no structures without members
	}
}

func (n *names) note(t *signature.Type, opaque bool) {
	if n.types[t.Name] != nil {
		return
	}
	n.types[t.Name] = &named{Type: t, opaque: opaque, shared: strings.HasPrefix(t.Name, "rustgo::")}
	if opaque {
		return
	}
	for _, f := range fields(t) {
		n.add(f.Type)
	}
}

var (
	// A path in the name of a type. Only that of the crate rustgo says something.
	path = regexp.MustCompile(`([\pL_][\pL\pN_]*::)+`)
	// What identifiers of C have no use for.
	others = regexp.MustCompile(`[^A-Za-z0-9_]+`)
)

// resolve names the types: by their Rust names without paths, with them if that is
// taken, or with a number.
func (n *names) resolve() {
	for _, rust := range slices.Sorted(maps.Keys(n.types)) {
		t := n.types[rust]
		short := path.ReplaceAllString(rust, "")
		if t.shared {
			short = "rustgo_" + short
		}
		t.c = n.unique(identifier(short), identifier(rust))
		for _, v := range t.Enum {
			t.values = append(t.values, n.unique(t.c+"_"+identifier(v.Name)))
		}
	}
}

// unique returns the first of the candidates that is free, or the last with a number.
func (n *names) unique(candidates ...string) string {
	last := candidates[len(candidates)-1]
	for i := 2; ; i++ {
		for _, c := range candidates {
			if c != "" && !n.used[c] && !n.functions[c] && !reserved[c] {
				n.used[c] = true
				return c
			}
		}
		candidates = []string{fmt.Sprintf("%s_%d", last, i)}
	}
}

// local returns the name of a parameter or a field. It is none of the used ones, and
// no type or macro: those hold everywhere.
func (n *names) local(rust, fallback string, used map[string]bool) string {
	name := identifier(rust)
	if n, ok := strings.CutPrefix(name, "__"); ok && n != "" && strings.Trim(n, "0123456789") == "" {
		name = "f" + n // of a tuple
	} else if strings.Trim(name, "_0123456789") == "" {
		name = fallback
	}
	for used[name] || n.used[name] || reserved[name] {
		name += "_"
	}
	used[name] = true
	return name
}

// of returns the name of a type that has one.
func (n *names) of(t *signature.Type) string {
	if c := n.types[t.Name]; c != nil {
		return c.c
	}
	if c := scalars[t.Kind]; c != "" {
		return c
	}
	return "void" // behind a pointer: (), c_void, and arrays without elements
}

// identifier makes an identifier of a name: what is between letters and digits
// becomes an underscore.
func identifier(name string) string {
	name = strings.TrimRight(others.ReplaceAllString(name, "_"), "_")
	if name != "" && name[0] >= '0' && name[0] <= '9' {
		name = "_" + name
	}
	return name
}

// scalars are the types of C's with the sizes of Rust's, where pointers have 64 bits.
var scalars = map[signature.Kind]string{
	signature.Bool: "bool",
	signature.Int8: "int8_t", signature.Int16: "int16_t", signature.Int32: "int32_t", signature.Int64: "int64_t", signature.Int: "ptrdiff_t",
	signature.Uint8: "uint8_t", signature.Uint16: "uint16_t", signature.Uint32: "uint32_t", signature.Uint64: "uint64_t", signature.Uint: "size_t",
	signature.Int128: "rustgo_i128", signature.Uint128: "rustgo_u128",
	signature.Float32: "float", signature.Float64: "double",
}

// reserved are the keywords of C23 and C++23, what the headers define that this one
// includes, and macros that compilers and <errno.h>, <stdio.h> and <complex.h> define
// under names that others use.
var reserved = map[string]bool{}

func init() {
	const words = `alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t
		class co_await co_return co_yield compl concept const const_cast consteval constexpr constinit continue decltype
		default delete do double dynamic_cast else enum explicit export extern false float for friend goto if inline int long
		mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public register reinterpret_cast
		requires restrict return short signed sizeof static static_assert static_cast struct switch template this thread_local
		throw true try typedef typeid typename typeof typeof_unqual union unsigned using virtual void volatile wchar_t while
		xor xor_eq
		int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t intptr_t uintptr_t intmax_t uintmax_t
		size_t ptrdiff_t max_align_t nullptr_t offsetof unreachable NULL INT64_MIN
		RUSTGO_ASSERT RUSTGO_ALIGNAS RUSTGO_ALIGNOF rustgo_i128 rustgo_u128
		linux unix i386 errno stdin stdout stderr I complex imaginary main`
	for _, word := range strings.Fields(words) {
		reserved[word] = true
	}
}
