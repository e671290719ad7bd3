package signature

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// GoTypes are the Go types of a package's functions: first all Rust types are
// added, then Of names them.
type GoTypes struct {
	named map[string]*Type   // structs and enums by Rust name
	decls map[string]*GoDecl // by Rust name; nil until Resolve
}

// GoDecl is a type that the package declares.
type GoDecl struct {
	Name   string    // in Go
	Type   *Type     // in Rust; of the types that stand for 128 bits, that integer
	Base   string    // of an enum: its integer; of the message of an error: string
	Values []GoValue // of an enum
	Fields []GoField // of a struct, by offset, with padding
	// Methods are those of an interface, whose Type is a TraitObject.
	Methods []Callback
}

// GoField is a field of a struct. Rust is empty for padding, which is called _.
type GoField struct {
	Name, Type string
	Rust       string
	Checked    bool // HasInvalid of its type, which is a struct or an enum
}

// GoValue is a constant.
type GoValue struct {
	Name  string // in Go
	Rust  string
	Value string // a literal
}

// Add notes what t needs.
func (g *GoTypes) Add(t *Type) error {
	switch t.Kind {
	case Pointer:
		if t.Elem.Kind == CVoid || t.Elem.Kind == Unit {
			return nil
		}
		return g.Add(t.Elem)
	case Array:
		return g.Add(t.Elem)
	case Int128, Uint128:
	case Enum:
	case Struct:
		if elem := t.goSlice(); elem != nil {
			return g.Add(elem)
		}
		if t.isGoString() {
			return nil
		}
		if to := t.Handle(); to != nil {
			return g.add(&Type{Kind: Struct, Name: to.Name, Opaque: true})
		}
		if t.isError() {
			return nil
		}
		if t.goValue() != nil {
			return g.addCallbacks(t)
		}
	default:
		return nil
	}
	return g.add(t)
}

// add notes a type that has to be declared.
func (g *GoTypes) add(t *Type) error {
	if other := g.named[t.Name]; other != nil {
		switch {
		case other.Opaque != t.Opaque:
			return fmt.Errorf("the type `%s` is also behind a rustgo::Handle", t.Name)
		case other != t && !other.sameLayout(t):
			return fmt.Errorf("the crate has two types `%s`", t.Name)
		}
		return nil
	}
	if g.named == nil {
		g.named = map[string]*Type{}
	}
	g.named[t.Name] = t
	for _, f := range t.goFields() {
		if err := g.Add(f.Type); err != nil {
			return err
		}
	}
	return nil
}

// sameLayout compares what two descriptions of one type say.
func (t *Type) sameLayout(o *Type) bool {
	if t.Kind != o.Kind || t.Size != o.Size || t.Align != o.Align || len(t.Fields) != len(o.Fields) || !slices.Equal(t.Enum, o.Enum) {
		return false
	}
	for i, f := range t.Fields {
		if p := o.Fields[i]; f.Name != p.Name || f.Off != p.Off || f.Type.Name != p.Type.Name {
			return false
		}
	}
	return true
}

// goFields are the fields that take memory, by offset. Others, such as
// PhantomData, Go does not need.
func (t *Type) goFields() []Field {
	if t.Kind != Struct {
		return nil
	}
	var list []Field
	for _, f := range t.Fields {
		if f.Type.Size > 0 {
			list = append(list, f)
		}
	}
	slices.SortStableFunc(list, func(a, b Field) int { return int(a.Off - b.Off) })
	return list
}

// The types of the crate rustgo that are Go's own.
const rustgoTypes = "rustgo::types::"

// goSlice returns the type of the elements if t is a Go slice, or nil.
func (t *Type) goSlice() *Type {
	name, ok := strings.CutPrefix(t.Name, rustgoTypes)
	if !ok || !strings.HasPrefix(name, "Slice<") && !strings.HasPrefix(name, "SliceMut<") || t.Size != 24 {
		return nil
	}
	for _, f := range t.Fields {
		if f.Name == "ptr" && f.Type.Kind == Pointer {
			return f.Type.Elem
		}
	}
	return nil
}

// Handle returns what t is a handle to, if it is a Handle of the crate rustgo, or
// nil.
func (t *Type) Handle() *Type {
	if !strings.HasPrefix(t.Name, rustgoTypes+"Handle<") || t.Size != 8 || len(t.Fields) != 1 || t.Fields[0].Type.Kind != Pointer {
		return nil
	}
	return t.Fields[0].Type.Elem
}

// isMessage reports whether t is an error that is a message.
func (t *Type) isMessage() bool { return t.Name == rustgoTypes+"Message" && t.Size == 16 }

// isGoString reports whether t is a Go string.
func (t *Type) isGoString() bool { return t.Name == rustgoTypes+"Str" && t.Size == 16 }

// GoResult returns what a function that returns t returns in Go, a value and an
// error, if t is the Result of the crate rustgo. The value may be ().
func (t *Type) GoResult() (value, err *Type, ok bool) {
	if !strings.HasPrefix(t.Name, rustgoTypes+"Result<") || t.Kind != Struct {
		return nil, nil, false
	}
	for _, f := range t.Fields {
		if f.Type.Kind != Union || len(f.Type.Fields) == 0 {
			continue
		}
		switch f.Name {
		case "value":
			value = f.Type.Fields[0].Type
		case "error":
			err = f.Type.Fields[0].Type
		}
	}
	return value, err, value != nil && err != nil
}

// Resolve gives the types their names. Those in taken, of functions and the
// like, are not used.
func (g *GoTypes) Resolve(taken map[string]bool) {
	g.decls = map[string]*GoDecl{}
	used := maps.Clone(taken)
	if used == nil {
		used = map[string]bool{}
	}
	for _, rust := range slices.Sorted(maps.Keys(g.named)) {
		g.decls[rust] = &GoDecl{Name: g.name(rust, used), Type: g.named[rust]}
	}
	for _, rust := range slices.Sorted(maps.Keys(g.decls)) {
		g.describe(g.decls[rust], used)
	}
}

var pathPrefix = regexp.MustCompile(`([\pL_][\pL\pN_]*::)+`)

// name finds a name for a Rust type: its own, or with the modules that it is in
// if that is taken, or with a number.
func (g *GoTypes) name(rust string, used map[string]bool) string {
	switch g.named[rust].Kind {
	case Int128:
		rust = "Int128"
	case Uint128:
		rust = "Uint128"
	}
	path, args, generic := strings.Cut(rust, "<")
	parts := strings.Split(path, "::")
	suffix := ""
	if generic {
		suffix = " " + pathPrefix.ReplaceAllString(args, "")
	}
	name := ""
	for i := len(parts) - 1; i >= 0; i-- {
		name = GoName(strings.Join(parts[i:], " ") + suffix)
		if !used[name] {
			used[name] = true
			return name
		}
	}
	for n := 2; ; n++ {
		if numbered := name + strconv.Itoa(n); !used[numbered] {
			used[numbered] = true
			return numbered
		}
	}
}

// describe fills in the fields or values of a declaration.
func (g *GoTypes) describe(d *GoDecl, used map[string]bool) {
	t := d.Type
	switch t.Kind {
	case Uint128:
		d.Fields = []GoField{{Name: "Lo", Type: "uint64"}, {Name: "Hi", Type: "uint64"}}
		return
	case Int128:
		d.Fields = []GoField{{Name: "Lo", Type: "uint64"}, {Name: "Hi", Type: "int64"}}
		return
	case Enum:
		d.Base = t.Base.GoScalar()
		for _, v := range t.Enum {
			name := d.Name + GoName(v.Name)
			for used[name] {
				name += "_"
			}
			used[name] = true
			d.Values = append(d.Values, GoValue{name, v.Name, t.Base.literal(v.Value)})
		}
		return
	}
	if t.isMessage() {
		d.Base = "string"
		return
	}
	if t.Kind == TraitObject {
		d.Methods, _ = t.of.Callbacks()
		return
	}
	names := map[string]bool{}
	var end int64
	pad := func(to int64) {
		if to > end {
			d.Fields = append(d.Fields, GoField{Name: "_", Type: fmt.Sprintf("[%d]byte", to-end)})
		}
	}
	for i, f := range t.goFields() {
		// What Go's own alignment adds needs no field.
		if align := f.Type.GoAlign(); (end+align-1)/align*align != f.Off {
			pad(f.Off)
		}
		name := fieldName(f.Name, i)
		for names[name] {
			name += "_"
		}
		names[name] = true
		d.Fields = append(d.Fields, GoField{name, g.of(f.Type, memory), f.Name, f.Type.HasInvalid()})
		end = f.Off + f.Type.Size
	}
	if align := t.GoAlign(); (end+align-1)/align*align != t.Size {
		pad(t.Size)
	}
}

// fieldName is the Go name of a field: of tuple structs F0, F1, ….
func fieldName(rust string, index int) string {
	if n, ok := strings.CutPrefix(rust, "__"); ok && strings.Trim(n, "0123456789") == "" && n != "" {
		return "F" + n
	}
	if strings.Trim(rust, "_") == "" {
		return "F" + strconv.Itoa(index)
	}
	return GoName(rust)
}

// literal writes the bits of a value of the integer type t.
func (t *Type) literal(bits int64) string {
	switch t.Kind {
	case Uint8:
		return fmt.Sprint(uint8(bits))
	case Uint16:
		return fmt.Sprint(uint16(bits))
	case Uint32:
		return fmt.Sprint(uint32(bits))
	case Uint64, Uint:
		return fmt.Sprint(uint64(bits))
	case Int8:
		return fmt.Sprint(int8(bits))
	case Int16:
		return fmt.Sprint(int16(bits))
	case Int32:
		return fmt.Sprint(int32(bits))
	}
	return fmt.Sprint(bits)
}

// Declares reports whether the package declares t, or what t points to.
func (g *GoTypes) Declares(t *Type) bool {
	if t.Kind == Pointer {
		t = t.Elem
	}
	return g.decls[t.Name] != nil
}

// HasInvalid reports whether t is an enum, or a struct that holds one: Go can
// make values of such a type that are undefined behavior in Rust. Elements of
// arrays do not count.
func (t *Type) HasInvalid() bool {
	switch t.Kind {
	case Enum:
		return true
	case Struct:
		for _, f := range t.goFields() {
			if f.Type.HasInvalid() {
				return true
			}
		}
	}
	return false
}

// Declared returns the declarations, sorted by name.
func (g *GoTypes) Declared() []*GoDecl {
	list := slices.Collect(maps.Values(g.decls))
	slices.SortFunc(list, func(a, b *GoDecl) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Of returns the Go type of a parameter or result that Check accepts: "uint32",
// "*[32]byte", "unsafe.Pointer", "Point". A u8 is a uint8 as a value, and a byte
// in memory.
func (g *GoTypes) Of(t *Type) string { return g.of(t, value0) }

func (g *GoTypes) of(t *Type, at place) string {
	switch t.Kind {
	case Pointer:
		if t.Elem.Kind == CVoid || t.Elem.Kind == Unit {
			return "unsafe.Pointer"
		}
		return "*" + g.of(t.Elem, memory)
	case Array:
		return fmt.Sprintf("[%d]%s", t.Len, g.of(t.Elem, memory))
	case Uint8:
		if at == memory {
			return "byte"
		}
	case Struct, Enum, Int128, Uint128:
		if elem := t.goSlice(); elem != nil {
			return "[]" + g.of(elem, memory)
		}
		if t.isGoString() {
			return "string"
		}
		if to := t.Handle(); to != nil {
			return "*" + g.decls[to.Name].Name
		}
		if t.isError() {
			return "error"
		}
		if t.goValue() != nil {
			return g.callable(t)
		}
		return g.decls[t.Name].Name
	}
	return t.GoScalar()
}
