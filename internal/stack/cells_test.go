package stack

import (
	"errors"
	"testing"
)

// TestCells calls a function through a static while another function, huge, is
// one whose address is taken: it is stored to where rdi points. What the root
// does then is in the table.
func TestCells(t *testing.T) {
	const (
		few  = 8 + 8 + 8 + 56
		many = 8 + 8 + 8 + 1<<20
	)
	// lea huge(%rip), %rax; mov %rax, (%rdi); xor %eax, %eax
	const takes = "48 8d 05 00 00 00 00  48 89 07  31 c0 "
	const call = "50  ff 15 00 00 00 00  58  c3" // push %rax; call *cell(%rip); pop %rax; ret
	const n = 12                                 // bytes in takes
	cell := testSection{name: "cell", kind: "data", code: "0000000000000000", relocs: []testReloc{{0, rAbs64, "foo", 0}}}
	empty := testSection{name: "cell", kind: "data", code: "0000000000000000"}
	pair := testSection{name: "cell", kind: "data", code: "0000000000000000 0000000000000000", relocs: []testReloc{{8, rAbs64, "foo", 0}}}
	relocs := func(list ...testReloc) []testReloc {
		for i := range list {
			list[i].off += n
		}
		return append([]testReloc{{3, rPC32, "huge", -4}}, list...)
	}
	for _, tt := range []struct {
		name  string
		code  string // after takes
		list  []testReloc
		cell  testSection
		other []testSection
		want  int
	}{
		{name: "call", code: call, list: relocs(testReloc{3, rPC32, "cell", -4}), cell: cell, want: few},
		{name: "call of the second cell", code: call, list: relocs(testReloc{3, rPC32, "cell", -4 + 8}), cell: pair, want: few},
		{name: "jump", code: "ff 25 00 00 00 00", list: relocs(testReloc{2, rPC32, "cell", -4}), cell: cell, want: 8 + 56},
		{name: "through the GOT", code: "50  48 8b 05 00 00 00 00  48 8b 00  ff d0  58  c3", list: relocs(testReloc{4, rGOTPCREL, "cell", -4}), cell: cell, want: few},
		{name: "jump through a register", code: "48 8b 05 00 00 00 00  ff e0", list: relocs(testReloc{3, rPC32, "cell", -4}), cell: cell, want: 8 + 56},
		{name: "stored", code: "48 8d 05 00 00 00 00  48 89 05 00 00 00 00 " + call,
			list: relocs(testReloc{3, rPC32, "foo", -4}, testReloc{10, rPC32, "cell", -4}, testReloc{17, rPC32, "cell", -4}), cell: empty, want: few},
		{name: "one of two stored", code: "48 8d 05 00 00 00 00  48 8d 15 00 00 00 00  48 0f 44 c2  48 89 05 00 00 00 00  31 d2 " + call,
			list: relocs(testReloc{3, rPC32, "foo", -4}, testReloc{10, rPC32, "die", -4}, testReloc{21, rPC32, "cell", -4}, testReloc{30, rPC32, "cell", -4}), cell: empty, other: []testSection{diverges}, want: 8 + 8 + 8 + 72},
		{name: "zero stored and compared", code: "48 c7 05 00 00 00 00 00 00 00 00  48 83 3d 00 00 00 00 00 " + call,
			list: relocs(testReloc{3, rPC32, "cell", -8}, testReloc{14, rPC32, "cell", -5}, testReloc{22, rPC32, "cell", -4}), cell: cell, want: few},
		{name: "huge stored", code: "48 8d 05 00 00 00 00  48 89 05 00 00 00 00 " + call,
			list: relocs(testReloc{3, rPC32, "huge", -4}, testReloc{10, rPC32, "cell", -4}, testReloc{17, rPC32, "cell", -4}), cell: cell, want: many},
		{name: "an argument stored", code: "48 89 3d 00 00 00 00 " + call, list: relocs(testReloc{3, rPC32, "cell", -4}, testReloc{10, rPC32, "cell", -4}), cell: cell, want: many},
		{name: "half of an argument stored", code: "89 3d 00 00 00 00 " + call, list: relocs(testReloc{2, rPC32, "cell", -4}, testReloc{9, rPC32, "cell", -4}), cell: cell, want: many},
		{name: "exchanged", code: "48 87 3d 00 00 00 00 " + call, list: relocs(testReloc{3, rPC32, "cell", -4}, testReloc{10, rPC32, "cell", -4}), cell: cell, want: many},
		{name: "stored across two cells", code: "48 89 3d 00 00 00 00 " + call, list: relocs(testReloc{3, rPC32, "cell", -4 + 4}, testReloc{10, rPC32, "cell", -4 + 8}), cell: pair, want: many},
		{name: "the other cell is stored to", code: "48 89 3d 00 00 00 00 " + call, list: relocs(testReloc{3, rPC32, "cell", -4}, testReloc{10, rPC32, "cell", -4 + 8}), cell: pair, want: few},
		{name: "the address passed", code: "50  48 8d 3d 00 00 00 00  e8 00 00 00 00  58 " + call,
			list: relocs(testReloc{4, rPC32, "cell", -4}, testReloc{9, rPLT32, "leaf", -4}, testReloc{17, rPC32, "cell", -4}), cell: cell, other: []testSection{{name: "leaf", code: "c3"}}, want: many},
		{name: "the address in data", code: "48 8b 05 00 00 00 00 " + call, list: relocs(testReloc{3, rPC32, "pointer", -4}, testReloc{10, rPC32, "cell", -4}), cell: cell,
			other: []testSection{{name: "pointer", kind: "relro", code: "0000000000000000", relocs: []testReloc{{0, rAbs64, "cell", 0}}}}, want: many},
		{name: "the address indexed", code: "48 8d 0d 00 00 00 00  48 89 34 f9 " + call, list: relocs(testReloc{3, rPC32, "cell", -4}, testReloc{14, rPC32, "cell", -4}), cell: cell, want: many},
		{name: "the address on one path", code: "85 f6  74 07  48 8d 3d 00 00 00 00  48 89 37 " + call, list: relocs(testReloc{7, rPC32, "cell", -4}, testReloc{17, rPC32, "cell", -4}), cell: cell, want: many},
		{name: "huge stored on another stack", code: "85 f6  74 05  e8 00 00 00 00 " + call, list: relocs(testReloc{5, rPLT32, "leave", -4}, testReloc{12, rPC32, "cell", -4}), cell: cell,
			other: []testSection{static,
				{name: "leave", code: "48 8d 25 00 00 00 00  e8 00 00 00 00  0f 0b", relocs: []testReloc{{3, rPC32, "stk", 60}, {8, rPLT32, "sets", -4}}},
				{name: "sets", code: "48 8d 05 00 00 00 00  48 89 05 00 00 00 00  c3", relocs: []testReloc{{3, rPC32, "huge", -4}, {10, rPC32, "cell", -4}}}}, want: many},
		{name: "nothing stored", code: call, list: relocs(testReloc{3, rPC32, "cell", -4}), cell: empty, want: many},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sections := append([]testSection{{name: "f", code: takes + tt.code, relocs: tt.list}, tt.cell, framed, huge}, tt.other...)
			b, err := analyze(t, sections...).Bound("f")
			if err != nil || b.Bytes != tt.want {
				t.Fatalf("got %d bytes by %+v, %v, want %d", b.Bytes, b.Path, err, tt.want)
			}
		})
	}
}

func TestCellRecursion(t *testing.T) {
	a := analyze(t, testSection{name: "f", code: "50  ff 15 00 00 00 00  58  c3", relocs: []testReloc{{3, rPC32, "cell", -4}}},
		testSection{name: "cell", kind: "data", code: "0000000000000000", relocs: []testReloc{{0, rAbs64, "f", 0}}})
	_, err := a.Bound("f")
	var unbounded *Unbounded
	if !errors.As(err, &unbounded) || unbounded.Reason != "recursion: f → (by pointer) f" {
		t.Fatalf("got %v", err)
	}
}
