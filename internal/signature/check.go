package signature

import (
	"fmt"
	"strings"
)

// A TypeError reports a parameter or result that cannot cross between Go and
// Rust. File and Line are those of the function.
type TypeError struct {
	Function string
	Param    string // its name, "parameter 2" for one without, or "result"
	RustType string
	Reason   string
	Help     string // what to write instead
	File     string
	Line     int
}

func (e *TypeError) Error() string {
	return fmt.Sprintf("%s%s: %s: %s: %s; %s", position(e.File, e.Line), e.Function, e.Param, e.RustType, e.Reason, e.Help)
}

func position(file string, line int) string {
	switch {
	case file == "":
		return ""
	case line == 0:
		return file + ": "
	}
	return fmt.Sprintf("%s:%d: ", file, line)
}

// Check returns a *TypeError for the first parameter or result of f that
// cannot cross, or nil. It trusts the debug information to list all parameters;
// CheckSource finds out.
func (f *Function) Check() error {
	for i, p := range f.Params {
		if reason, help := refuse(p.Type, value0); reason != "" {
			return f.typeError(p.describe(i), p.Type, reason, help)
		}
	}
	if f.Result == nil {
		return nil
	}
	result := f.Result
	if value, failure, ok := result.GoResult(); ok {
		if failure.Kind != Enum && !failure.isMessage() && !failure.isError() {
			return f.typeError("result", f.Result, "its error is not an enum without fields", "use an enum with #[repr(u8)], rustgo::Message, or rustgo::Error as the error")
		}
		if result = value; result.Kind == Unit {
			if failure.isError() {
				return nil
			}
			result = failure
		}
	}
	if result.goValue() != nil {
		return f.typeError("result", f.Result, "what Go passes may be called until the call returns", "let Go keep it")
	}
	if reason, help := refuse(result, value0); reason != "" {
		return f.typeError("result", f.Result, reason, help)
	}
	if reason, help := refuseDangling(result); reason != "" {
		return f.typeError("result", f.Result, reason, help)
	}
	return nil
}

func (f *Function) typeError(param string, t *Type, reason, help string) error {
	return &TypeError{f.Symbol, param, t.Name, reason, help, f.RelFile, f.Line}
}

// describe returns how messages call the parameter with the given index.
func (p *Param) describe(i int) string {
	if p.Name == "" {
		return fmt.Sprintf("parameter %d", i+1)
	}
	return p.Name
}

// place says where a type stands.
type place int

const (
	value0 place = iota // passed by value
	inside              // in a struct that is
	memory              // behind a pointer
)

// refuse returns why t cannot cross and what could, or "".
func refuse(t *Type, at place) (reason, help string) {
	c := checker{map[*Type]bool{}}
	return c.refuse(t, at, 0)
}

// checker remembers the structs on the way, which may contain pointers to
// themselves.
type checker struct{ busy map[*Type]bool }

// refuse counts in depth the types since the last struct.
func (c *checker) refuse(t *Type, at place, depth int) (reason, help string) {
	if depth > maxDepth || len(c.busy) > maxDepth {
		return "it is nested too deeply", "use *mut c_void"
	}
	switch t.Kind {
	case Bool, Int8, Int16, Int32, Int64, Int, Uint8, Uint16, Uint32, Uint64, Uint, Float32, Float64:
		return "", ""
	case Int128, Uint128:
		if at == memory {
			return "Go aligns memory to 8 bytes, and Rust relies on 16", "pass it by value, or a pointer to [u64; 2]"
		}
		return "", ""
	case Pointer:
		if t.Size != 8 {
			return fmt.Sprintf("pointers of %d bytes are not supported", t.Size), "build for a 64-bit target"
		}
		if t.Elem.Kind == CVoid || t.Elem.Kind == Unit {
			return "", ""
		}
		reason, help = c.refuse(t.Elem, memory, depth+1)
		if reason != "" && !strings.HasPrefix(reason, "it points to") {
			reason = fmt.Sprintf("it points to %s: %s", t.Elem.Name, reason)
		}
		return reason, help
	case Array:
		if at == value0 {
			return "C passes no array by value, so extern \"C\" has no rule for it", "pass a pointer to it, such as &" + t.Name
		}
		return c.refuse(t.Elem, at, depth+1)
	case CVoid:
		return "c_void has no values", "use it behind a pointer"
	case Struct:
		if c.busy[t] {
			return "", "" // decided where it was met first
		}
		c.busy[t] = true
		defer delete(c.busy, t)
		return c.refuseStruct(t, at)
	case Enum:
		if t.Base == nil || goScalars[t.Base.Kind] == "" {
			return "an enum of a size that no Go integer has", "give it a #[repr(u8)] or the like, and at least one variant"
		}
		return "", ""
	}
	return refuseKind(t, at)
}

// refuseKind explains the kinds that never cross.
func refuseKind(t *Type, at place) (reason, help string) {
	switch t.Kind {
	case Unit:
		if at == memory {
			return "() takes no memory", "use c_void"
		}
		return "() carries no value", "leave the parameter out"
	case Never:
		return "it has no values", "leave the parameter out"
	case Char:
		return "Go's rune may hold numbers that are no Unicode scalar value, which is undefined behavior in Rust", "use u32 and char::from_u32"
	case Float16, Float128:
		return "Go has no such float", "use f32 or f64"
	case Slice:
		if t.Elem != nil && !strings.Contains(t.Name, "[") {
			return "it is a fat pointer, for which extern \"C\" has no rule", "pass *const c_void"
		}
		return "a slice is a fat pointer, for which extern \"C\" has no rule", slice(t)
	case Str:
		return "a string is a fat pointer, for which extern \"C\" has no rule", "pass *const u8 and a usize length"
	case TraitObject:
		return "a trait object is a fat pointer to a vtable that only Rust knows", "pass *mut c_void, or a pointer to a concrete type"
	case FuncPointer:
		return "a function of Go's cannot be called with Rust's calling convention, nor the other way round", "export the functions and choose with an integer"
	case Box:
		return "a Box owns memory of Rust's allocator, which Go would neither keep alive nor free", "return Box::into_raw as *mut c_void, and export a function that frees it"
	case Tuple:
		return "the layout of a tuple is not specified", "use several parameters, or a pointer to an array"
	case Union:
		return "unions cannot cross", "pass a pointer to an array of bytes, or *mut c_void"
	case Variant:
		if strings.HasPrefix(t.Name, "core::result::Result<") {
			return "a Result has no layout that Go knows", "return an integer as error code and write the value through a pointer"
		}
		if strings.HasPrefix(t.Name, "core::option::Option<") {
			return "an Option crosses only around a reference or NonNull, where None is the null pointer", "return a bool and write the value through a pointer"
		}
		return "an enum with fields has no layout that Go knows", "use integers, or *mut c_void"
	}
	return "it has no counterpart in Go", "use integers, floats, bool, or pointers to them or to arrays of them"
}

// refuseStruct says whether a Go struct can have the layout of t.
func (c *checker) refuseStruct(t *Type, at place) (reason, help string) {
	switch {
	case t.Handle() != nil:
		return "", ""
	case strings.HasPrefix(t.Name, rustgoCall):
		if at != value0 || t.isError() {
			return "it stands for a Go value only as a parameter of its own, or as the error of a Result", "make it a parameter of the function"
		}
		return t.refuseCallbacks()
	case strings.HasPrefix(t.Name, "core::num::nonzero::NonZero<"):
		inner := strings.TrimSuffix(strings.TrimPrefix(t.Name, "core::num::nonzero::NonZero<"), ">")
		return "Go could pass 0, which is undefined behavior in Rust", "use " + inner + " and check it"
	case strings.HasPrefix(t.Name, "core::ptr::non_null::NonNull<"):
		return "it is a fat pointer, for which extern \"C\" has no rule", "pass a thin pointer and a length"
	case strings.HasPrefix(t.Name, "core::") || strings.HasPrefix(t.Name, "alloc::") || strings.HasPrefix(t.Name, "std::"):
		return "the layout of types of Rust's library is not specified", "use integers, floats, bool, pointers, or a #[repr(C)] struct of them"
	case t.Align > 8 && at == memory:
		return fmt.Sprintf("Go aligns memory to 8 bytes, and Rust relies on %d", t.Align), "align it less, or pass it by value"
	}
	where := at
	if at == value0 {
		where = inside
	}
	var end int64
	for _, f := range t.goFields() {
		if f.Off < end || f.Type.Size > t.Size-f.Off {
			return fmt.Sprintf("its field `%s` overlaps another", f.Name), "use *mut c_void"
		}
		end = f.Off + f.Type.Size
		if reason, help := c.refuse(f.Type, where, 0); reason != "" {
			return fmt.Sprintf("its field `%s` of type `%s`: %s", f.Name, f.Type.Name, reason), help
		}
		if f.Off%f.Type.GoAlign() != 0 {
			return fmt.Sprintf("its field `%s` is not aligned, as in a packed struct, which Go does not have", f.Name), "make it an array of bytes, or remove `packed`"
		}
	}
	return "", ""
}

// GoAlign returns the alignment in bytes of t's counterpart in Go.
func (t *Type) GoAlign() int64 {
	switch t.Kind {
	case Array:
		return t.Elem.GoAlign()
	case Struct:
		n := int64(1)
		for i := range t.Fields {
			if f := &t.Fields[i]; f.Type.Size > 0 {
				n = max(n, f.Type.GoAlign())
			}
		}
		return n
	}
	return max(min(t.Size, 8), 1)
}

// slice returns what to write instead of the slice t.
func slice(t *Type) string {
	elem := "T"
	if t.Elem != nil {
		elem = t.Elem.Name
	}
	if t.Mutable {
		return fmt.Sprintf("pass *mut %s and a usize length, or &mut [%s; N]", elem, elem)
	}
	return fmt.Sprintf("pass *const %s and a usize length, or &[%s; N]", elem, elem)
}

// goScalars are the Go types of values.
var goScalars = map[Kind]string{
	Bool: "bool",
	Int8: "int8", Int16: "int16", Int32: "int32", Int64: "int64", Int: "int",
	Uint8: "uint8", Uint16: "uint16", Uint32: "uint32", Uint64: "uint64", Uint: "uint",
	Float32: "float32", Float64: "float64",
}

// GoScalar returns the Go type of a number or bool, or "".
func (t *Type) GoScalar() string { return goScalars[t.Kind] }
