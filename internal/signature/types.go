package signature

import (
	"debug/dwarf"
	"errors"
	"fmt"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/debuginfo"
)

// typeOf returns the type that the attribute v of an entry in u refers to. What
// pointers point to is left for pointees: only types that contain each other
// recurse, and those cannot be circular.
func (r *reader) typeOf(u *debuginfo.Unit, v debuginfo.Value, depth int) (*Type, error) {
	off, err := target(u, v)
	if err != nil {
		return nil, err
	}
	return r.typeAt(off, depth)
}

func (r *reader) typeAt(off uint64, depth int) (*Type, error) {
	if t := r.types[int(off)]; t != nil {
		return t, nil
	}
	u, err := r.unitAt(off)
	if err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("types nested more than %d deep", maxDepth)
	}
	if r.busy[int(off)] {
		return nil, errors.New("a type that contains itself")
	}
	r.busy[int(off)] = true
	defer delete(r.busy, int(off))

	var d die
	if err := r.read(u, int(off), &d); err != nil {
		return nil, err
	}
	t, err := r.build(&d, depth)
	if err != nil {
		return nil, err
	}
	r.types[int(off)] = t
	return t, nil
}

// pointees fills in what the pointers seen so far point to, and PhantomData.
func (r *reader) pointees() error {
	for len(r.later) > 0 {
		t := r.later[len(r.later)-1]
		r.later = r.later[:len(r.later)-1]
		var err error
		switch t.Kind {
		case FuncPointer:
			t.Func, err = r.subroutine(t.elem)
		case Struct:
			t.Phantom, err = r.typeAt(t.elem, 0)
		default:
			t.Elem, err = r.typeAt(t.elem, 0)
		}
		if err != nil {
			return fmt.Errorf("type %s: %w", t.Name, err)
		}
	}
	return nil
}

// subroutine reads what a pointer to a function points to.
func (r *reader) subroutine(off uint64) (*Subroutine, error) {
	u, err := r.unitAt(off)
	if err != nil {
		return nil, err
	}
	var d die
	if err := r.read(u, int(off), &d); err != nil {
		return nil, err
	}
	s := new(Subroutine)
	if d.typ.Set {
		if s.Result, err = r.typeOf(d.unit, d.typ, 0); err != nil {
			return nil, err
		}
		if s.Result.Kind == Unit {
			s.Result = nil
		}
	}
	err = r.each(&d, func(child *die) error {
		if child.tag != dwarf.TagFormalParameter {
			return nil
		}
		if !child.typ.Set {
			return errors.New("parameter without a type")
		}
		t, err := r.typeOf(child.unit, child.typ, 0)
		s.Params = append(s.Params, t)
		return err
	})
	return s, err
}

// build makes the type that d describes.
func (r *reader) build(d *die, depth int) (*Type, error) {
	if d.size.N > 1<<62 || d.align.N > 1<<32 {
		return nil, fmt.Errorf("a type of %d bytes aligned to %d", d.size.N, d.align.N)
	}
	t := &Type{Name: r.String(d.unit, d.name), Size: int64(d.size.N), Align: int64(d.align.N)}
	switch d.tag {
	case dwarf.TagBaseType:
		t.Kind = baseKind(t.Name, d)
		if t.Align == 0 {
			t.Align = max(t.Size, 1)
		}
		return t, nil
	case dwarf.TagPointerType:
		return t, r.pointer(d, t)
	case dwarf.TagArrayType:
		return t, r.array(d, t, depth)
	case dwarf.TagStructType, dwarf.TagClassType, dwarf.TagUnionType:
		t.Name = r.path(r.scopeOf(d.off)) + t.Name
		return t, r.composite(d, t, depth)
	case dwarf.TagEnumerationType:
		t.Name = r.path(r.scopeOf(d.off)) + t.Name
		return t, r.enum(d, t, depth)
	case dwarf.TagTypedef, dwarf.TagConstType, dwarf.TagVolatileType, dwarf.TagRestrictType:
		if d.typ.Set {
			return r.typeOf(d.unit, d.typ, depth+1)
		}
	}
	if t.Name == "" {
		t.Name = "an unnamed type (" + d.tag.String() + ")"
	}
	return t, nil
}

// Base types are recognized by name, encoding and size together: the name alone
// would trust that nobody else calls a type usize.
var baseKinds = map[string]struct {
	kind     Kind
	encoding uint64
	size     uint64 // 0 for that of an address
}{
	"bool": {Bool, encBoolean, 1},
	"i8":   {Int8, encSigned, 1}, "i16": {Int16, encSigned, 2}, "i32": {Int32, encSigned, 4},
	"i64": {Int64, encSigned, 8}, "i128": {Int128, encSigned, 16}, "isize": {Int, encSigned, 0},
	"u8": {Uint8, encUnsigned, 1}, "u16": {Uint16, encUnsigned, 2}, "u32": {Uint32, encUnsigned, 4},
	"u64": {Uint64, encUnsigned, 8}, "u128": {Uint128, encUnsigned, 16}, "usize": {Uint, encUnsigned, 0},
	"f16": {Float16, encFloat, 2}, "f32": {Float32, encFloat, 4}, "f64": {Float64, encFloat, 8},
	"f128": {Float128, encFloat, 16},
	"char": {Char, encUTF, 4},
}

// DW_ATE_*, DWARF 5, section 7.8.
const (
	encBoolean  = 0x02
	encFloat    = 0x04
	encSigned   = 0x05
	encUnsigned = 0x07
	encUTF      = 0x10
)

func baseKind(name string, d *die) Kind {
	switch {
	case name == "()" && d.size.N == 0:
		return Unit
	case name == "!":
		return Never
	}
	b, ok := baseKinds[name]
	if b.size == 0 {
		b.size = uint64(d.unit.AddrSize)
	}
	if !ok || b.encoding != d.encoding.N || b.size != d.size.N {
		return Other
	}
	return b.kind
}

// pointer reads a thin pointer, whose name says which it is: &T, &mut T,
// *const T, *mut T, Box<T>, or the type of a function.
func (r *reader) pointer(d *die, t *Type) error {
	t.Kind = Pointer
	t.Size = int64(d.unit.AddrSize)
	t.Align = t.Size
	switch {
	case strings.HasPrefix(t.Name, "&"):
		t.Reference = true
		t.Mutable = strings.HasPrefix(t.Name, "&mut ")
	case strings.HasPrefix(t.Name, "alloc::boxed::Box<"):
		t.Kind = Box
	default:
		t.Nullable = true
		t.Mutable = !strings.HasPrefix(t.Name, "*const ")
	}
	if !d.typ.Set { // C's void *
		t.Elem = &Type{Kind: CVoid, Name: "void", Size: 1, Align: 1}
		return nil
	}
	off, err := target(d.unit, d.typ)
	if err != nil {
		return err
	}
	u, err := r.unitAt(off)
	if err != nil {
		return err
	}
	if r.tag(u, int(off)) == dwarf.TagSubroutineType {
		t.Kind, t.Nullable, t.Mutable = FuncPointer, false, false
	}
	r.point(t, off)
	return nil
}

// point makes t point to what is at off, once pointees gets to it.
func (r *reader) point(t *Type, off uint64) {
	t.elem = off
	r.later = append(r.later, t)
}

// like makes t a pointer like p, under its own name.
func (r *reader) like(t, p *Type) {
	name := t.Name
	*t = *p
	t.Name = name
	if t.Elem == nil && t.elem != 0 {
		r.point(t, t.elem)
	}
}

func (r *reader) array(d *die, t *Type, depth int) error {
	t.Kind = Array
	elem, err := r.typeOf(d.unit, d.typ, depth+1)
	if err != nil {
		return fmt.Errorf("array: %w", err)
	}
	var counts []int64
	err = r.each(d, func(child *die) error {
		if child.tag != dwarf.TagSubrangeType {
			return nil
		}
		n := child.count.N
		if !child.count.Set {
			if !child.upper.Set {
				return errors.New("array without a length")
			}
			n = child.upper.N + 1
		}
		counts = append(counts, int64(n))
		if int64(n) < 0 || len(counts) > maxDepth {
			return fmt.Errorf("array of %d elements", n)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(counts) == 0 {
		return errors.New("array without a length")
	}
	// Rust nests arrays, but several dimensions mean the same.
	for i := len(counts) - 1; i > 0; i-- {
		inner := &Type{Kind: Array}
		if err := inner.setArray(elem, counts[i]); err != nil {
			return err
		}
		elem = inner
	}
	return t.setArray(elem, counts[0])
}

func (t *Type) setArray(elem *Type, n int64) error {
	if elem.Size != 0 && n > (1<<62)/elem.Size {
		return fmt.Errorf("array of %d elements of %d bytes", n, elem.Size)
	}
	t.Elem, t.Len, t.Size, t.Align = elem, n, elem.Size*n, elem.Align
	t.Name = fmt.Sprintf("[%s; %d]", elem.Name, n)
	if len(t.Name) > 1<<16 {
		return errors.New("array with an overlong name")
	}
	return nil
}

func (r *reader) enum(d *die, t *Type, depth int) error {
	t.Kind = Enum
	if t.Align == 0 {
		t.Align = t.Size
	}
	if t.Name == "core::ffi::c_void" {
		t.Kind = CVoid
		return nil
	}
	if d.typ.Set {
		var err error
		if t.Base, err = r.typeOf(d.unit, d.typ, depth+1); err != nil {
			return err
		}
	}
	return r.each(d, func(child *die) error {
		if child.tag == dwarf.TagEnumerator {
			t.Enum = append(t.Enum, Value{r.String(child.unit, child.name), int64(child.constant.N)})
		}
		return nil
	})
}
