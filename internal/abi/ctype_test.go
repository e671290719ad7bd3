package abi

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// ctype is a type of C and Rust.
type ctype struct {
	c, rust string // names
	decl    [2]string
	Value
}

// The languages, as indices of what is written in them.
const (
	inC = iota
	inRust
)

func number1(c, rust string, size int, class Class, signed bool) ctype {
	return ctype{c: c, rust: rust, Value: Of("", Scalar{Size: size, Class: class, Signed: signed})}
}

var numbers = []ctype{
	number1("int8_t", "i8", 1, Integer, true), number1("uint8_t", "u8", 1, Integer, false),
	number1("int16_t", "i16", 2, Integer, true), number1("uint16_t", "u16", 2, Integer, false),
	number1("int32_t", "i32", 4, Integer, true), number1("uint32_t", "u32", 4, Integer, false),
	number1("int64_t", "i64", 8, Integer, true), number1("uint64_t", "u64", 8, Integer, false),
	number1("float", "f32", 4, Float, false), number1("double", "f64", 8, Float, false),
	{
		c: "unsigned __int128", rust: "u128",
		Value: Value{Size: 16, Align: 16, Scalars: []Scalar{{Size: 8}, {Off: 8, Size: 8}}},
	},
}

// structure makes a struct with a name: of arrays of count members, or of
// single ones for count 0.
func structure(name string, packed bool, aligned int, fields []ctype, counts []int) ctype {
	t := ctype{c: "struct " + name, rust: name, Value: Value{Align: 1, Aggregate: true}}
	var c, rust strings.Builder
	for i, f := range fields {
		to := f.Align
		if packed {
			to = 1
		}
		t.Align = max(t.Align, to)
		t.Size = align(t.Size, to)
		for range max(counts[i], 1) {
			for _, s := range f.Scalars {
				s.Off += t.Size
				t.Scalars = append(t.Scalars, s)
			}
			t.Size += f.Size
		}
		if counts[i] == 0 {
			fmt.Fprintf(&c, " %s f%d;", f.c, i)
			fmt.Fprintf(&rust, " f%d: %s,", i, f.rust)
		} else {
			fmt.Fprintf(&c, " %s f%d[%d];", f.c, i, counts[i])
			fmt.Fprintf(&rust, " f%d: [%s; %d],", i, f.rust, counts[i])
		}
	}
	t.Natural = t.Align
	t.Align = max(t.Align, aligned)
	t.Size = align(t.Size, t.Align)
	var attributes, repr string
	switch {
	case packed:
		attributes, repr = " __attribute__((packed))", ", packed"
	case aligned > 0:
		attributes, repr = fmt.Sprintf(" __attribute__((aligned(%d)))", aligned), fmt.Sprintf(", align(%d)", aligned)
	}
	t.decl[inC] = fmt.Sprintf("struct%s %s {%s };\n", attributes, name, c.String())
	t.decl[inRust] = fmt.Sprintf("#[derive(Clone, Copy)] #[repr(C%s)] pub struct %s {%s }\n", repr, name, rust.String())
	return t
}

// randomTypes returns numbers and structs, and the declarations of the structs.
func randomTypes(r *rand.Rand) (types []ctype, decls [2]string) {
	types = append(types, numbers...)
	add := func(packed bool, aligned int, fields []ctype, counts []int) {
		t := structure(fmt.Sprintf("S%d", len(types)), packed, aligned, fields, counts)
		types = append(types, t)
		decls[inC] += t.decl[inC]
		decls[inRust] += t.decl[inRust]
	}
	add(false, 0, nil, nil)
	for _, n := range numbers { // one field and more
		for count := 1; count <= 5; count++ {
			add(false, 0, []ctype{n}, []int{count})
		}
		add(false, 16, []ctype{n}, []int{0})
	}
	for range 120 {
		var fields []ctype
		var counts []int
		packed := r.IntN(8) == 0
		for range 1 + r.IntN(4) {
			f := numbers[r.IntN(len(numbers))]
			if r.IntN(4) == 0 {
				f = types[r.IntN(len(types))]
			}
			count := 0
			if r.IntN(4) == 0 {
				count = 1 + r.IntN(3)
			}
			if packed && f.Natural != f.Align && f.Aggregate {
				continue // rustc refuses aligned types in packed ones
			}
			fields, counts = append(fields, f), append(counts, count)
		}
		aligned := 0
		if !packed && r.IntN(8) == 0 {
			aligned = 16
		}
		add(packed, aligned, fields, counts)
	}
	return types, decls
}
