package reloc

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

// TestPut tries the edges of every kind: Min-1, Min, Max and Max+1.
func TestPut(t *testing.T) {
	for k := None; k < kinds; k++ {
		info := k.Info()
		if info.Width == 0 {
			continue // nothing to write: refused, or left to another linker
		}
		tests := []struct {
			value int64
			ok    bool
		}{{info.Min, true}, {info.Max, true}, {0, true}}
		if info.Min > math.MinInt64 {
			tests = append(tests, struct {
				value int64
				ok    bool
			}{info.Min - 1, false})
		}
		if info.Max < math.MaxInt64 {
			tests = append(tests, struct {
				value int64
				ok    bool
			}{info.Max + 1, false})
		}
		for _, test := range tests {
			field := bytes.Repeat([]byte{0xaa}, 10)
			err := k.Put(field[1:], test.value)
			if test.ok != (err == nil) {
				t.Errorf("%v: Put(%#x): %v", k, test.value, err)
			}
			if field[0] != 0xaa || field[1+info.Width] != 0xaa {
				t.Errorf("%v: Put(%#x) wrote outside of the field: % x", k, test.value, field)
			}
			if err != nil {
				if !strings.Contains(err.Error(), info.Name) || !strings.Contains(err.Error(), "out of range") {
					t.Errorf("%v: message %q", k, err)
				}
				if !bytes.Equal(field, bytes.Repeat([]byte{0xaa}, 10)) {
					t.Errorf("%v: Put(%#x) failed and wrote % x", k, test.value, field)
				}
				continue
			}
			var got uint64
			for i := range info.Width {
				got |= uint64(field[1+i]) << (8 * i)
			}
			if want := uint64(test.value) << (64 - 8*info.Width) >> (64 - 8*info.Width); got != want {
				t.Errorf("%v: Put(%#x) wrote %#x", k, test.value, got)
			}
		}
		if err := k.Put(make([]byte, info.Width-1), 0); err == nil {
			t.Errorf("%v: no error for a field that is cut off", k)
		}
	}
}

// TestRanges states the ranges of the System V x86-64 psABI, table 4.9, apart
// from the table that the code uses.
func TestRanges(t *testing.T) {
	tests := []struct {
		kind     Kind
		min, max int64
	}{
		{Abs8, math.MinInt8, math.MaxUint8},
		{Abs16, math.MinInt16, math.MaxUint16},
		{Abs32, 0, math.MaxUint32},
		{Abs32S, math.MinInt32, math.MaxInt32},
		{Abs64, math.MinInt64, math.MaxInt64},
		{PC8, math.MinInt8, math.MaxInt8},
		{PC16, math.MinInt16, math.MaxInt16},
		{PC32, math.MinInt32, math.MaxInt32},
		{PC64, math.MinInt64, math.MaxInt64},
		{Call32, math.MinInt32, math.MaxInt32},
		{GOT32, math.MinInt32, math.MaxInt32},
		{Size32, 0, math.MaxUint32},
		{Size64, math.MinInt64, math.MaxInt64},
	}
	for _, test := range tests {
		if info := test.kind.Info(); info.Min != test.min || info.Max != test.max {
			t.Errorf("%v: range [%#x, %#x], want [%#x, %#x]", test.kind, info.Min, info.Max, test.min, test.max)
		}
	}
	if got := Kind(200).String(); got != "relocation 200" {
		t.Errorf("unknown kind is called %q", got)
	}
}
