package signature

import (
	"debug/dwarf"
	"fmt"
	"strings"
)

// composite reads a struct or union, and finds out which of the types that
// rustc describes as structs it is:
//
//	&[T], &str      data_ptr, length; named like the pointer
//	&dyn Trait      pointer, vtable
//	(A, B)          __0, __1
//	NonNull<T>      pointer
//	an enum         a DW_TAG_variant_part with a variant per case; in Option<&T>,
//	                Some has no discriminant, since None is the null pointer
func (r *reader) composite(d *die, t *Type, depth int) error {
	t.Kind = Struct
	if d.tag == dwarf.TagUnionType {
		t.Kind = Union
	}
	parts := 0
	err := r.each(d, func(child *die) error {
		switch child.tag {
		case dwarf.TagMember:
			f, err := r.member(child, depth)
			if err != nil {
				return fmt.Errorf("%s: %w", t.Name, err)
			}
			t.Fields = append(t.Fields, f)
		case dwarf.TagVariantPart:
			parts++
			part := *child
			return r.variants(&part, t, depth)
		case dwarf.TagTemplateTypeParameter:
			if strings.HasPrefix(t.Name, "core::marker::PhantomData<") && child.typ.Set && t.elem == 0 {
				off, err := target(child.unit, child.typ)
				r.point(t, off)
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	switch {
	case parts > 0:
		t.Kind = Variant
		if parts == 1 {
			r.option(t)
		}
	case t.Kind == Union || d.declaration.N != 0:
	case t.has("data_ptr", "length"):
		t.Kind = Slice
		t.Elem = t.Fields[0].Type.Elem
		if strings.HasSuffix(t.Name, "str") && !strings.Contains(t.Name, "::") {
			t.Kind = Str
		} else if p := t.Fields[0].Type; p.Kind == Pointer {
			if t.elem = p.elem; t.elem != 0 {
				r.point(t, t.elem)
			}
		}
		t.Reference = strings.HasPrefix(t.Name, "&")
		t.Mutable = strings.HasPrefix(t.Name, "&mut ") || strings.HasPrefix(t.Name, "*mut ")
	case t.has("pointer", "vtable"):
		t.Kind = TraitObject
	case strings.HasPrefix(t.Name, "("):
		t.Kind = Tuple
	case strings.HasPrefix(t.Name, "core::ptr::non_null::NonNull<") && t.has("pointer"):
		if p := t.Fields[0].Type; p.Kind == Pointer && p.Size == t.Size {
			r.like(t, p)
			t.Nullable, t.Mutable = false, true
		}
	}
	return nil
}

// has reports whether t has exactly the named fields, and starts with the first.
func (t *Type) has(names ...string) bool {
	if len(t.Fields) != len(names) || t.Fields[0].Off != 0 {
		return false
	}
	for i, name := range names {
		if t.Fields[i].Name != name {
			return false
		}
	}
	return true
}

func (r *reader) member(d *die, depth int) (Field, error) {
	f := Field{Name: r.String(d.unit, d.name), Off: int64(d.location.N)}
	if f.Off < 0 || d.location.Data != nil {
		return f, fmt.Errorf("field %s: no constant offset", f.Name)
	}
	if !d.typ.Set {
		return f, fmt.Errorf("field %s: no type", f.Name)
	}
	var err error
	if f.Type, err = r.typeOf(d.unit, d.typ, depth+1); err != nil {
		return f, fmt.Errorf("field %s: %w", f.Name, err)
	}
	return f, nil
}

// variants appends the cases of an enum to t.Fields.
func (r *reader) variants(part *die, t *Type, depth int) error {
	return r.each(part, func(child *die) error {
		if child.tag != dwarf.TagVariant {
			return nil
		}
		tagged, variant := child.discr.Set, *child
		return r.each(&variant, func(child *die) error {
			if child.tag != dwarf.TagMember {
				return nil
			}
			f, err := r.member(child, depth)
			f.untagged = !tagged
			t.Fields = append(t.Fields, f)
			return err
		})
	})
}

// option turns an Option<P> of the size of P, which must be a pointer that is
// never null, into that pointer made nullable. Rust guarantees this layout
// (core::option, "Representation").
func (r *reader) option(t *Type) {
	if !strings.HasPrefix(t.Name, "core::option::Option<") || len(t.Fields) != 2 {
		return
	}
	none, some := t.Fields[0], t.Fields[1]
	if none.Name != "None" || some.Name != "Some" || none.untagged || !some.untagged ||
		len(none.Type.Fields) != 0 || len(some.Type.Fields) != 1 || some.Off+some.Type.Fields[0].Off != 0 {
		return
	}
	p := some.Type.Fields[0].Type
	if p.Size != t.Size || p.Nullable {
		return
	}
	switch p.Kind {
	case Pointer, FuncPointer, Box:
		r.like(t, p)
		t.Nullable = true
	}
}
