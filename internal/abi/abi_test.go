package abi

import (
	"fmt"
	"strings"
	"testing"
)

// values parses types: names of numbers, structs in braces, with n*type for
// an array and @16 behind the brace for a struct that wants to be aligned.
func values(t *testing.T, s string) []Value {
	t.Helper()
	var list []Value
	for _, f := range parse(t, s) {
		v := f.Value
		if v.Name = f.rust; v.Aggregate {
			v.Name = "s"
		}
		list = append(list, v)
	}
	return list
}

func parse(t *testing.T, s string) []ctype {
	t.Helper()
	var list []ctype
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		if !strings.HasPrefix(s, "{") {
			name, rest, _ := strings.Cut(s, " ")
			s = rest
			list = append(list, named(t, name))
			continue
		}
		var fields []ctype
		var counts []int
		body, rest, found := strings.Cut(s[1:], "}")
		if !found {
			t.Fatalf("no } in %s", s)
		}
		for _, f := range strings.Fields(body) {
			count := 0
			if n, typ, found := strings.Cut(f, "*"); found {
				fmt.Sscan(n, &count)
				f = typ
			}
			fields, counts = append(fields, named(t, f)), append(counts, count)
		}
		aligned := 0
		packed := strings.HasPrefix(rest, "@1 ") || rest == "@1"
		if strings.HasPrefix(rest, "@") {
			number, tail, _ := strings.Cut(rest[1:], " ")
			fmt.Sscan(number, &aligned)
			rest = tail
		}
		s = rest
		list = append(list, structure("s", packed, aligned, fields, counts))
	}
	return list
}

func named(t *testing.T, name string) ctype {
	t.Helper()
	for _, n := range numbers {
		if n.rust == name {
			return n
		}
	}
	t.Fatalf("no type %q", name)
	return ctype{}
}

// describe writes a layout: for each argument its name, its place in Go's
// frame, and its parts, as offset:size and r, x (vector) or s (stack).
func describe(c Call) string {
	arg := func(name string, a *Arg) string {
		s := fmt.Sprintf("%s+%d", name, a.FP)
		if a.ByReference {
			s += " *"
		}
		for _, p := range a.Parts {
			s += " "
			if len(a.Parts) > 1 || p.Off > 0 || p.Size != a.Size {
				s += fmt.Sprintf("%d:%d", p.Off, p.Size)
			}
			if p.Register >= 0 {
				s += fmt.Sprintf("%c%d", "rx"[p.Class], p.Register)
			} else {
				s += fmt.Sprintf("s%d", p.Stack)
			}
		}
		return s
	}
	var parts []string
	for i := range c.Args {
		parts = append(parts, arg(c.Args[i].Name, &c.Args[i]))
	}
	if c.Result != nil {
		s := arg("ret", c.Result)
		if c.Indirect {
			s += " indirect"
		}
		parts = append(parts, s)
	}
	return strings.TrimSpace(fmt.Sprintf("%s frame %d stack %d", strings.Join(parts, ", "), c.Frame, c.Stack))
}

type layoutTest struct{ params, result, want string }

func testLayouts(t *testing.T, layout func([]Value, *Value) Call, tests []layoutTest) {
	for _, test := range tests {
		var result *Value
		if list := values(t, test.result); len(list) > 0 {
			result = &list[0]
		}
		if got := describe(layout(values(t, test.params), result)); got != test.want {
			t.Errorf("(%s) %s\n got %s\nwant %s", test.params, test.result, got, test.want)
		}
	}
}

func TestSystemV(t *testing.T) {
	testLayouts(t, SystemV, []layoutTest{
		// Numbers.
		{"", "", "frame 0 stack 0"},
		{"", "u8", "ret+0 r0 frame 1 stack 0"},
		{"u64 u64", "u64", "u64+0 r0, u64+8 r1, ret+16 r0 frame 24 stack 0"},
		{"u8 u64 u16 i32", "i8", "u8+0 r0, u64+8 r1, u16+16 r2, i32+20 r3, ret+24 r0 frame 25 stack 0"},
		{"f32 i32 f64", "f64", "f32+0 x0, i32+4 r0, f64+8 x1, ret+16 x0 frame 24 stack 0"},
		{"u8 u8 u8 u8 u8 u8 u8 u64", "", "u8+0 r0, u8+1 r1, u8+2 r2, u8+3 r3, u8+4 r4, u8+5 r5, u8+6 s0, u64+8 s8 frame 16 stack 16"},
		{
			strings.Repeat("f64 ", 9) + "u64", "f32",
			"f64+0 x0, f64+8 x1, f64+16 x2, f64+24 x3, f64+32 x4, f64+40 x5, f64+48 x6, f64+56 x7, f64+64 s0, u64+72 r0, ret+80 x0 frame 84 stack 8",
		},
		// Classes of eightbytes; INTEGER wins.
		{"{ u8 u8 u8 }", "{ f32 f32 }", "s+0 r0, ret+8 x0 frame 16 stack 0"},
		{"{ f32 u8 }", "{ f64 u64 }", "s+0 r0, ret+8 0:8x0 8:8r0 frame 24 stack 0"},
		{"{ u64 f64 }", "{ 4*f32 }", "s+0 0:8r0 8:8x0, ret+16 0:8x0 8:8x1 frame 32 stack 0"},
		{"{ f32 f32 f32 }", "{ u64 u8 }", "s+0 0:8x0 8:4x1, ret+16 0:8r0 8:8r1 frame 32 stack 0"},
		{"{ u32 u32 f32 u8 }", "{ 9*u8 }", "s+0 0:8r0 8:8r1, ret+16 0:8r0 8:1r1 frame 25 stack 0"},
		// NO_CLASS: padding has no register.
		{"{ u64 }@16 u64", "{ f32 }@16", "s+0 0:8r0, u64+16 r1, ret+24 0:8x0 frame 40 stack 0"},
		// MEMORY: more than 16 bytes, or unaligned.
		{"{ 3*u64 } u64", "", "s+0 0:8s0 8:8s8 16:8s16, u64+24 r0 frame 32 stack 24"},
		{"{ 17*u8 } u64", "{ 17*u8 }", "s+0 0:8s0 8:8s8 16:1s16, u64+24 r1, ret+32 indirect frame 49 stack 24"},
		{"{ u8 u32 }@1 u64", "{ u8 f32 }@1", "s+0 s0, u64+8 r1, ret+16 indirect frame 21 stack 8"},
		{"{ f32 u8 }@1", "{ u32 u8 }@1", "s+0 r0, ret+8 r0 frame 13 stack 0"},
		{"u8", "{ 3*u64 }", "u8+0 r1, ret+8 indirect frame 32 stack 0"},
		// All or nothing; what fits still gets a register.
		{
			"u64 u64 u64 u64 u64 { u64 u64 } u64 u64", "",
			"u64+0 r0, u64+8 r1, u64+16 r2, u64+24 r3, u64+32 r4, s+40 0:8s0 8:8s8, u64+56 r5, u64+64 s16 frame 72 stack 24",
		},
		{
			"u64 u64 u64 u64 u64 u64 { f64 u64 } f64", "",
			"u64+0 r0, u64+8 r1, u64+16 r2, u64+24 r3, u64+32 r4, u64+40 r5, s+48 0:8s0 8:8s8, f64+64 x0 frame 72 stack 16",
		},
		// 128 bits: two registers, in memory aligned to 16.
		{"u8 u128", "u128", "u8+0 r0, u128+8 0:8r1 8:8r2, ret+24 0:8r0 8:8r1 frame 40 stack 0"},
		{
			"u64 u64 u64 u64 u64 u128 u64 u64 { u128 }", "",
			"u64+0 r0, u64+8 r1, u64+16 r2, u64+24 r3, u64+32 r4, u128+40 0:8s0 8:8s8, u64+56 r5, u64+64 s16, s+72 0:8s32 8:8s40 frame 88 stack 48",
		},
		{"{ 3*u64 }@16 u8 { 3*u64 } { 5*u64 }@16", "", "s+0 0:8s0 8:8s8 16:8s16 24:8s24, u8+32 r0, s+40 0:8s32 8:8s40 16:8s48, s+64 0:8s64 8:8s72 16:8s80 24:8s88 32:8s96 40:8s104 frame 112 stack 112"},
		// Nothing.
		{"{ } u8", "{ }", "s+0, u8+0 r0, ret+8 frame 8 stack 0"},
	})
}

var aapcs64Tests = []layoutTest{
	{"u8 f32 u64 f64", "i8", "u8+0 r0, f32+4 x0, u64+8 r1, f64+16 x1, ret+24 r0 frame 25 stack 0"},
	// Homogeneous aggregates, of up to four, without padding.
	{"{ f32 f32 } f32", "{ 4*f64 }", "s+0 0:4x0 4:4x1, f32+8 x2, ret+16 0:8x0 8:8x1 16:8x2 24:8x3 frame 48 stack 0"},
	{"{ 5*f32 } u64", "{ 5*f32 }", "s+0 * 0:8r0, u64+24 r1, ret+32 indirect frame 52 stack 0"},
	{"{ f32 f64 } { f32 }@16", "{ f32 u32 }", "s+0 0:8r0 8:8r1, s+16 0:8r2 8:8r3, ret+32 r0 frame 40 stack 0"},
	// Up to 16 bytes.
	{"{ u8 u8 u8 } { u64 u8 }", "{ 9*u8 }", "s+0 r0, s+8 0:8r1 8:8r2, ret+24 0:8r0 8:1r1 frame 33 stack 0"},
	// By reference; the result does not take an X register.
	{"{ 3*u64 } u64", "{ 17*u8 }", "s+0 * 0:8r0, u64+24 r1, ret+32 indirect frame 49 stack 0"},
}

func TestAAPCS64(t *testing.T) {
	layout := func(params []Value, result *Value) Call { return AAPCS64(params, result, false) }
	testLayouts(t, layout, aapcs64Tests)
	testLayouts(t, layout, []layoutTest{
		// An even register for 128 bits, if that is what the members want.
		{"u8 u128 u8", "u128", "u8+0 r0, u128+8 0:8r2 8:8r3, u8+24 r4, ret+32 0:8r0 8:8r1 frame 48 stack 0"},
		{"u8 { u128 }", "", "u8+0 r0, s+8 0:8r2 8:8r3 frame 24 stack 0"},
		{"u8 { u64 u64 }@16", "", "u8+0 r0, s+8 0:8r1 8:8r2 frame 24 stack 0"},
		// Once on the stack, always on the stack.
		{
			strings.Repeat("u64 ", 7) + "{ u64 u64 } u8 f32 u8", "",
			"u64+0 r0, u64+8 r1, u64+16 r2, u64+24 r3, u64+32 r4, u64+40 r5, u64+48 r6, s+56 0:8s0 8:8s8, u8+72 s16, f32+76 x0, u8+80 s24 frame 81 stack 32",
		},
		{
			strings.Repeat("f64 ", 6) + "{ 3*f32 } f32 u64", "",
			"f64+0 x0, f64+8 x1, f64+16 x2, f64+24 x3, f64+32 x4, f64+40 x5, s+48 0:4s0 4:4s4 8:4s8, f32+60 s16, u64+64 r0 frame 72 stack 24",
		},
		{
			strings.Repeat("u64 ", 8) + "u8 u128 { 3*u64 } u16", "",
			"u64+0 r0, u64+8 r1, u64+16 r2, u64+24 r3, u64+32 r4, u64+40 r5, u64+48 r6, u64+56 r7, u8+64 s0, u128+72 0:8s16 8:8s24, s+88 * 0:8s32, u16+112 s40 frame 114 stack 48",
		},
	})
}

func TestAAPCS64Darwin(t *testing.T) {
	layout := func(params []Value, result *Value) Call { return AAPCS64(params, result, true) }
	testLayouts(t, layout, aapcs64Tests)
	testLayouts(t, layout, []layoutTest{
		{"u8 u128 u8", "u128", "u8+0 r0, u128+8 0:8r1 8:8r2, u8+24 r3, ret+32 0:8r0 8:8r1 frame 48 stack 0"},
		// Numbers are packed on the stack; pieces of composite types are not.
		{
			strings.Repeat("u64 ", 8) + "u8 u16 u8 u32 { u8 } u8 { 3*u64 } u8", "",
			"u64+0 r0, u64+8 r1, u64+16 r2, u64+24 r3, u64+32 r4, u64+40 r5, u64+48 r6, u64+56 r7, u8+64 s0, u16+66 s2, u8+68 s4, u32+72 s8, s+76 s16, u8+77 s24, s+80 * 0:8s32, u8+104 s40 frame 105 stack 48",
		},
		{
			strings.Repeat("f64 ", 7) + "{ 3*f32 } f32 { 2*f64 } u64", "",
			"f64+0 x0, f64+8 x1, f64+16 x2, f64+24 x3, f64+32 x4, f64+40 x5, f64+48 x6, s+56 0:4s0 4:4s4 8:4s8, f32+68 s12, s+72 0:8s16 8:8s24, u64+88 r0 frame 96 stack 32",
		},
		// As rustc 1.95 compiles for aarch64-apple-darwin.
		{"u8 u128 u8 { 2*u64 }@16 u8 { u128 }", "", "u8+0 r0, u128+8 0:8r1 8:8r2, u8+24 r3, s+32 0:8r4 8:8r5, u8+48 r6, s+56 0:8s0 8:8s8 frame 72 stack 16"},
		{
			strings.Repeat("u64 ", 8) + "u8 { 2*u64 }@16 u8 { u128 } u8 u128", "",
			"u64+0 r0, u64+8 r1, u64+16 r2, u64+24 r3, u64+32 r4, u64+40 r5, u64+48 r6, u64+56 r7, u8+64 s0, s+72 0:8s16 8:8s24, u8+88 s32, s+96 0:8s48 8:8s56, u8+112 s64, u128+120 0:8s80 8:8s88 frame 136 stack 96",
		},
	})
}

func TestLP64D(t *testing.T) {
	testLayouts(t, LP64D, []layoutTest{
		{"u8 f32 u64 f64", "f64", "u8+0 r0, f32+4 x0, u64+8 r1, f64+16 x1, ret+24 x0 frame 32 stack 0"},
		{"{ f32 } { 2*f64 } { f32 u8 } { i32 f64 }", "{ u8 f32 }", "s+0 x0, s+8 0:8x1 8:8x2, s+24 0:4x3 4:1r0, s+32 0:4r1 8:8x4, ret+48 0:1r0 4:4x0 frame 56 stack 0"},
		// Three members are none of these, and neither are two integers.
		{"{ 3*f32 } { 2*u32 }", "", "s+0 0:8r0 8:4r1, s+12 r2 frame 20 stack 0"},
		// No even registers for 128 bits, and a half on the stack.
		{"u8 u128 u8", "u128", "u8+0 r0, u128+8 0:8r1 8:8r2, u8+24 r3, ret+32 0:8r0 8:8r1 frame 48 stack 0"},
		{
			strings.Repeat("u64 ", 7) + "u128 u8 u128", "",
			"u64+0 r0, u64+8 r1, u64+16 r2, u64+24 r3, u64+32 r4, u64+40 r5, u64+48 r6, u128+56 0:8r7 8:8s0, u8+72 s8, u128+80 0:8s16 8:8s24 frame 96 stack 32",
		},
		// The result's pointer is the first argument, and larger ones are pointers.
		{"u8 { 3*u64 }", "{ 3*u64 }", "u8+0 r1, s+8 * 0:8r2, ret+32 indirect frame 56 stack 0"},
		// Without fa registers floats are like integers.
		{
			strings.Repeat("f64 ", 8) + "f32 { f64 u8 } { 2*f64 }", "",
			"f64+0 x0, f64+8 x1, f64+16 x2, f64+24 x3, f64+32 x4, f64+40 x5, f64+48 x6, f64+56 x7, f32+64 r0, s+72 0:8r1 8:8r2, s+88 0:8r3 8:8r4 frame 104 stack 0",
		},
	})
}

// TestGoAlign checks that a Go type that is aligned to less than the C type, or
// to more, has its place.
func TestGoAlign(t *testing.T) {
	v := Value{Name: "v", Size: 8, Align: 8, GoAlign: 4, Aggregate: true, Scalars: []Scalar{{Size: 8}}}
	b := Of("b", Scalar{Size: 1})
	b.GoAlign = 8
	c := SystemV([]Value{Of("a", Scalar{Size: 1}), v, b}, &b)
	if got, want := describe(c), "a+0 r0, v+4 r1, b+16 r2, ret+24 r0 frame 25 stack 0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
