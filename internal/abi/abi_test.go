package abi

import (
	"fmt"
	"strings"
	"testing"
)

func value(s string) Value {
	v := map[string]Value{
		"i8": {Size: 1, Signed: true}, "u8": {Size: 1}, "u16": {Size: 2}, "i32": {Size: 4, Signed: true},
		"u64": {Size: 8}, "f32": {Size: 4, Class: Float}, "f64": {Size: 8, Class: Float},
	}[s]
	v.Name = s
	return v
}

func TestSystemV(t *testing.T) {
	for _, test := range []struct {
		params, result string
		want           string
	}{
		{"", "", "frame 0 slots 0"},
		{"", "u8", "ret+0 frame 1 slots 0"},
		{"u64 u64", "u64", "u64+0 r0, u64+8 r1, ret+16 frame 24 slots 0"},
		{"u8 u64 u16 i32", "i8", "u8+0 r0, u64+8 r1, u16+16 r2, i32+20 r3, ret+24 frame 25 slots 0"},
		{"f32 i32 f64", "f64", "f32+0 x0, i32+4 r0, f64+8 x1, ret+16 frame 24 slots 0"},
		{"u8 u8 u8 u8 u8 u8 u8 u64", "", "u8+0 r0, u8+1 r1, u8+2 r2, u8+3 r3, u8+4 r4, u8+5 r5, u8+6 s0, u64+8 s1 frame 16 slots 2"},
		{strings.Repeat("f64 ", 9) + "u64", "f32", "f64+0 x0, f64+8 x1, f64+16 x2, f64+24 x3, f64+32 x4, f64+40 x5, f64+48 x6, f64+56 x7, f64+64 s0, u64+72 r0, ret+80 frame 84 slots 1"},
	} {
		var params []Value
		for _, p := range strings.Fields(test.params) {
			params = append(params, value(p))
		}
		var result *Value
		if test.result != "" {
			v := value(test.result)
			result = &v
		}
		c := SystemV(params, result)
		var parts []string
		for _, a := range c.Args {
			place := fmt.Sprintf("s%d", a.Slot)
			if a.Register >= 0 {
				place = fmt.Sprintf("%c%d", "rx"[a.Class], a.Register)
			}
			parts = append(parts, fmt.Sprintf("%s+%d %s", a.Name, a.FP, place))
		}
		if c.Result != nil {
			parts = append(parts, fmt.Sprintf("ret+%d", c.Result.FP))
		}
		got := strings.TrimSpace(fmt.Sprintf("%s frame %d slots %d", strings.Join(parts, ", "), c.Frame, c.Slots))
		if got != test.want {
			t.Errorf("SystemV(%s) %s\n got %s\nwant %s", test.params, test.result, got, test.want)
		}
	}
}
