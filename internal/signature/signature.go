// Package signature reads what exported Rust functions look like from Go: their
// parameters and results from the DWARF that rustc writes, their calling
// convention and doc comments from the source at DW_AT_decl_line.
package signature

// Function is an exported function as DWARF describes it.
type Function struct {
	Symbol string // the unmangled name that the object defines
	Name   string // Rust's name of the item; differs from Symbol under export_name
	Crate  string // the outermost namespace: the crate that defines it
	Params []Param
	Result *Type // nil for ()
	// Diverges is set if the function never returns.
	Diverges bool

	File    string // of the declaration, joined with CompDir if DWARF has it relative
	RelFile string // the file relative to CompDir if it is below it: "src/lib.rs"
	CompDir string // the directory in which rustc ran
	Line    int    // of the declaration's fn, 1-based; 0 if DWARF does not say
}

// Param is one parameter of a Function, in the order of the declaration.
type Param struct {
	Name string // "" for _ and for patterns
	Type *Type
	Line int
	// Borrowed is set by CheckSource for a parameter that the source shows to be
	// a reference with a lifetime other than 'static.
	Borrowed bool
}

// Kind classifies a Type.
type Kind uint8

const (
	Other Kind = iota // nothing below; Type.Name says what
	Bool
	Int8
	Int16
	Int32
	Int64
	Int128
	Int // isize
	Uint8
	Uint16
	Uint32
	Uint64
	Uint128
	Uint // usize
	Float16
	Float32
	Float64
	Float128
	Char
	Unit        // ()
	Never       // !
	CVoid       // core::ffi::c_void
	Pointer     // thin: raw, reference, NonNull, and the Option of the latter two
	Slice       // a fat pointer to [T]
	Str         // a fat pointer to str
	TraitObject // a fat pointer to dyn Trait
	FuncPointer
	Box // owns memory of Rust's allocator
	Array
	Struct
	Tuple
	Union
	Enum    // without fields
	Variant // an enum with fields: Option, Result and their like
)

// Type is a Rust type with the layout that rustc gave it.
type Type struct {
	Kind  Kind
	Name  string // Rust's name with its path: "&[u8; 32]", "mycrate::Point"
	Size  int64  // in bytes
	Align int64  // in bytes; 0 if DWARF does not say

	Elem *Type // of Pointer, Slice and Array; never nil there
	Len  int64 // of Array

	Fields []Field // of Struct, Tuple, Union and Variant, where it holds one member per variant
	Enum   []Value // the values of an Enum, in the order of the declaration
	Base   *Type   // the integer that represents an Enum

	Opaque    bool // a Struct that Go knows by name only
	Nullable  bool // a Pointer whose value may be null
	Mutable   bool // a Pointer that Rust may write through: &mut, *mut
	Reference bool // a Pointer that is &T, &mut T, or the Option of one

	Func    *Subroutine // of FuncPointer
	Phantom *Type       // T of PhantomData<T>

	elem uint64 // where Elem, Func or Phantom is described, in .debug_info
	of   *Type  // of the TraitObject that stands for an interface of Go's
}

// Field is one field of a Struct, Tuple, Union or Variant.
type Field struct {
	Name string // "__0" in tuples
	Type *Type
	Off  int64 // in bytes

	untagged bool // the case of a Variant that has no discriminant
}

// Value is one value of an Enum.
type Value struct {
	Name  string
	Value int64 // the bits; for unsigned enums reinterpret them
}

// holdsPointer reports whether a value of t holds anything that could keep
// memory of Go's reachable, as far as Rust's rules for safe code go.
func (t *Type) holdsPointer() bool {
	switch t.Kind {
	case Pointer, Slice, Str, TraitObject, FuncPointer, Box, Other, CVoid:
		return true
	case Struct:
		if t.goValue() != nil {
			return true
		}
	}
	switch t.Kind {
	case Array:
		return t.Elem.holdsPointer()
	case Struct, Tuple, Union, Variant:
		for _, f := range t.Fields {
			if f.Type.holdsPointer() {
				return true
			}
		}
	}
	return false
}

// NoEscape reports whether Go memory passed to f is out of Rust's hands when f
// returns, so that the Go declaration may say //go:noescape. It needs
// CheckSource, as DWARF does not tell a 'static reference from any other.
//
// A reference is not enough: through a pointee that itself holds pointers, one
// argument can be stored in another, and a result can alias an argument.
func (f *Function) NoEscape() bool {
	if f.Result != nil && f.Result.holdsPointer() {
		return false
	}
	for _, p := range f.Params {
		if !p.Type.holdsPointer() {
			continue
		}
		elem := p.Type.Elem
		if s := p.Type.goSlice(); s != nil {
			elem = s
		}
		if !p.Borrowed || elem != nil && elem.holdsPointer() || elem == nil && !p.Type.isGoString() {
			return false
		}
	}
	return true
}
