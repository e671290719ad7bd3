package stack

import (
	"errors"
	"strings"
	"testing"
)

// Functions that the cases below call.
var (
	leaf     = testSection{name: "foo", code: "c3"}                           // ret
	framed   = testSection{name: "foo", code: "48 83 ec 38  48 83 c4 38  c3"} // 56 bytes
	diverges = testSection{name: "die", code: "48 83 ec 48  0f 0b"}           // sub $72, %rsp; ud2
	panics   = testSection{name: "die", code: "48 8d 05 00 00 00 00  48 05 00 10 00 00  48 83 e0 f0  48 89 c4  e8 00 00 00 00  0f 0b", relocs: []testReloc{{3, rPC32, "stk", -4}, {21, rPLT32, "huge", -4}}}
	huge     = testSection{name: "huge", code: "48 81 ec 00 00 10 00  0f 0b"} // 1 MiB
	static   = testSection{name: "stk", kind: "data", code: strings.Repeat("00", 64)}
)

func TestBound(t *testing.T) {
	for _, tt := range []struct {
		name     string
		sections []testSection
		want     int    // bytes, the return address included
		reason   string // part of it, if there is no bound
	}{
		{"leaf", []testSection{{name: "f", code: "c3"}}, 8, ""},
		{"push, sub, add, pop", []testSection{{name: "f", code: "55  53  48 83 ec 18  48 89 04 24  48 83 c4 18  5b  5d  c3"}}, 8 + 40, ""},
		{"red zone at constant offsets", []testSection{{name: "f", code: "48 89 44 24 e0  48 8b 44 24 e0  c3"}}, 8 + 32, ""},
		{"red zone with an index", []testSection{{name: "f", code: "48 89 44 fc b8  c3"}}, 8 + 128, ""},
		{"red zone by an address", []testSection{{name: "f", code: "48 8d 44 24 f0  48 01 f8  88 10  c3"}}, 8 + 128, ""}, // lea -16(%rsp), %rax; add %rdi, %rax; mov %dl, (%rax)
		{"red zone by an address in a loop", []testSection{{name: "f", code: "48 8d 44 24 f0  48 ff c8  88 10  ff cf  75 f7  c3"}}, 8 + 128, ""},
		{"red zone by a gather", []testSection{{name: "f", code: "c4 e2 71 92 54 64 c0  c3"}}, 8 + 128, ""}, // vgatherdps %xmm1, -64(%rsp,%xmm4,2), %xmm2
		{"frame pointer", []testSection{{name: "f", code: "55  48 89 e5  48 81 ec 00 01 00 00  48 89 ec  5d  c3"}}, 8 + 8 + 256, ""},
		{"leave", []testSection{{name: "f", code: "55  48 89 e5  48 81 ec 00 01 00 00  c9  c3"}}, 8 + 8 + 256, ""},
		{"realigned", []testSection{{name: "f", code: "55  48 89 e5  53  48 83 e4 c0  48 81 ec 80 00 00 00  48 8d 65 f8  5b  5d  c3"}}, 8 + 16 + (64 - 8) + 128, ""},
		{"probe loop", []testSection{{name: "f", code: "4c 8d 9c 24 00 b0 ff ff  48 81 ec 00 10 00 00  48 c7 04 24 00 00 00 00  4c 39 dc  75 ec  48 83 ec 10  48 81 c4 10 50 00 00  c3"}}, 8 + 0x5010, ""},
		{"probe loop with or", []testSection{{name: "f", code: "4c 8d 9c 24 00 e0 ff ff  48 81 ec 00 10 00 00  48 83 0c 24 00  4c 39 dc  75 ef  48 81 c4 00 20 00 00  c3"}}, 8 + 0x2000, ""},
		{"probe loop that misses its end", []testSection{{name: "f", code: "4c 8d 9c 24 00 d8 ff ff  48 81 ec 00 10 00 00  48 c7 04 24 00 00 00 00  4c 39 dc  75 ec  48 81 c4 00 28 00 00  c3"}}, 0, "rsp rises above"},
		{"__rust_probestack", []testSection{
			{name: "f", code: "b8 00 30 00 00  e8 00 00 00 00  48 29 c4  48 81 c4 00 30 00 00  c3", relocs: []testReloc{{6, rPLT32, "__rust_probestack", -4}}},
			{name: "__rust_probestack", code: "48 94 c3"}}, 8 + 0x3000 + 24, ""},
		{"loop", []testSection{{name: "f", code: "53  ff cf  75 fc  5b  c3"}}, 8 + 8, ""},
		{"paths disagree", []testSection{{name: "f", code: "85 ff  74 04  48 83 ec 08  c3"}}, 0, "f+0x8: rsp depends on the path"},
		{"alloca", []testSection{{name: "f", code: "48 29 fc  c3"}}, 0, "f+0x0: rsp is set by an instruction that is not understood (48 29 fc)"},
		{"rsp from memory", []testSection{{name: "f", code: "48 8b 27  c3"}}, 0, "rsp is set by"},
		{"xchg", []testSection{{name: "f", code: "48 94  c3"}}, 0, "rsp is set by"},
		{"enter", []testSection{{name: "f", code: "c8 10 00 00  c9  c3"}}, 0, "rsp is set by"},
		{"unbalanced", []testSection{{name: "f", code: "50  c3"}}, 0, "f+0x1: returns with rsp 8 bytes below the entry"},
		{"above the return address", []testSection{{name: "f", code: "58  50  c3"}}, 0, "rsp rises above the return address"},
		{"pops arguments", []testSection{{name: "f", code: "c2 08 00"}}, 0, "pops its arguments"},
		{"odd frame", []testSection{{name: "f", code: "48 83 ec 04  48 83 c4 04  c3"}}, 0, "not a multiple of 8"},
		{"runs off the end", []testSection{{name: "f", code: "90"}}, 0, "control leaves the code"},
		{"invalid", []testSection{{name: "f", code: "06"}}, 0, "undefined opcode"},
		{"call", []testSection{{name: "f", code: "50  e8 00 00 00 00  58  c3", relocs: []testReloc{{2, rPLT32, "foo", -4}}}, framed}, 8 + 8 + 8 + 56, ""},
		{"call inside the section", []testSection{{name: "f", code: "e8 01 00 00 00  c3  50 58 c3"}}, 8 + 8 + 8, ""},
		{"call to read the pc", []testSection{{name: "f", code: "e8 00 00 00 00  58  c3"}}, 0, "rsp rises above the return address"},
		{"tail call", []testSection{{name: "f", code: "e9 00 00 00 00", relocs: []testReloc{{1, rPLT32, "foo", -4}}}, framed}, 8 + 56, ""},
		{"conditional tail call", []testSection{{name: "f", code: "85 ff  0f 84 00 00 00 00  c3", relocs: []testReloc{{4, rPLT32, "foo", -4}}}, framed}, 8 + 56, ""},
		{"tail call with a frame", []testSection{{name: "f", code: "50  e9 00 00 00 00", relocs: []testReloc{{2, rPLT32, "foo", -4}}}, framed}, 0, "f+0x1: jumps to another function with rsp 8 bytes below the entry"},
		{"jump that diverges with a frame", []testSection{{name: "f", code: "50  e9 00 00 00 00", relocs: []testReloc{{2, rPLT32, "die", -4}}}, diverges}, 8 + 8 + 72, ""},
		{"call through the GOT", []testSection{{name: "f", code: "50  ff 15 00 00 00 00  58  c3", relocs: []testReloc{{3, rGOTPCREL, "foo", -4}}}, framed}, 8 + 8 + 8 + 56, ""},
		{"jump through the GOT", []testSection{{name: "f", code: "ff 25 00 00 00 00", relocs: []testReloc{{2, rGOTPCREL, "foo", -4}}}, framed}, 8 + 56, ""},
		{"call of a register from the GOT", []testSection{{name: "f", code: "53  48 8b 1d 00 00 00 00  ff d3  ff d3  5b  c3", relocs: []testReloc{{4, rGOTPCREL, "foo", -4}}}, framed}, 8 + 8 + 8 + 56, ""},
		{"call of a register from lea", []testSection{{name: "f", code: "50  48 8d 05 00 00 00 00  ff d0  59  c3", relocs: []testReloc{{4, rPC32, "foo", -4}}}, framed}, 8 + 8 + 8 + 56, ""},
		{"indirect call without candidates", []testSection{{name: "f", code: "50  ff 57 18  58  c3"}}, 0, "no function's address is taken"},
		{"indirect call of a candidate in data", []testSection{
			{name: "f", code: "48 8d 05 00 00 00 00  50  ff 57 18  58  c3", relocs: []testReloc{{3, rPC32, "vtable", -4}}},
			{name: "vtable", kind: "relro", code: "0000000000000000", relocs: []testReloc{{0, rAbs64, "foo", 0}}}, framed}, 8 + 8 + 8 + 56, ""},
		{"indirect call of a candidate in a register", []testSection{
			{name: "f", code: "48 8d 05 00 00 00 00  48 89 07  50  ff 57 18  58  c3", relocs: []testReloc{{3, rPC32, "foo", -4}}}, framed}, 8 + 8 + 8 + 56, ""},
		{"definition on one path only", []testSection{
			{name: "f", code: "85 ff  74 07  48 8d 05 00 00 00 00  50  ff d0  58  c3", relocs: []testReloc{{7, rPC32, "foo", -4}}}, framed}, 8 + 8 + 8 + 56, ""},
		{"recursion", []testSection{{name: "f", code: "50  e8 00 00 00 00  58  c3", relocs: []testReloc{{2, rPLT32, "f", -4}}}}, 0, "recursion: f → f"},
		{"recursion of two", []testSection{
			{name: "f", code: "e8 00 00 00 00  c3", relocs: []testReloc{{1, rPLT32, "foo", -4}}},
			{name: "foo", code: "e8 00 00 00 00  c3", relocs: []testReloc{{1, rPLT32, "f", -4}}}}, 0, "recursion: "},
		{"recursion by a pointer", []testSection{
			{name: "f", code: "48 8d 05 00 00 00 00  50  ff 17  58  c3", relocs: []testReloc{{3, rPC32, "vtable", -4}}},
			{name: "vtable", kind: "relro", code: "0000000000000000", relocs: []testReloc{{0, rAbs64, "f", 0}}}}, 0, "recursion: f → (by pointer) f"},
		{"loop of tail calls", []testSection{
			{name: "f", code: "85 ff  0f 84 00 00 00 00  c3", relocs: []testReloc{{4, rPLT32, "foo", -4}}},
			{name: "foo", code: "50 58  e9 00 00 00 00", relocs: []testReloc{{3, rPLT32, "f", -4}}}}, 8 + 8, ""},
		{"diverging call", []testSection{{name: "f", code: "85 ff  75 01  c3  50  e8 00 00 00 00", relocs: []testReloc{{7, rPLT32, "die", -4}}}, diverges}, 8 + 8 + 8 + 72, ""},
		{"switch to a static stack", []testSection{{name: "f", code: "85 ff  75 01  c3  50  e8 00 00 00 00", relocs: []testReloc{{7, rPLT32, "die", -4}}}, panics, static, huge}, 8 + 8 + 8, ""},
		{"switch by lea", []testSection{{name: "f", code: "48 8d 25 00 00 00 00  e8 00 00 00 00  0f 0b", relocs: []testReloc{{3, rPC32, "stk", 60}, {8, rPLT32, "huge", -4}}}, static, huge}, 8, ""},
		{"switch and return", []testSection{{name: "f", code: "48 8d 05 00 00 00 00  48 89 c4  c3", relocs: []testReloc{{3, rPC32, "stk", -4}}}, static}, 0, "returns after it has switched stacks"},
		{"switch, back and a store", []testSection{{name: "f", code: "48 8d 05 00 00 00 00  48 89 c4  48 89 fc  48 89 0e  c3", relocs: []testReloc{{3, rPC32, "stk", -4}}}, static}, 8, ""},
		{"switch, back and a push", []testSection{{name: "f", code: "48 8d 05 00 00 00 00  48 89 c4  48 89 fc  50  c3", relocs: []testReloc{{3, rPC32, "stk", -4}}}, static}, 0, "rsp is set again after the switch"},
		{"switch to code", []testSection{{name: "f", code: "48 8d 05 00 00 00 00  48 89 c4  0f 0b", relocs: []testReloc{{3, rPC32, "foo", -4}}}, leaf}, 0, "rsp is set to an unknown value"},
		{"stored on the panic path's stack", []testSection{ // the address of huge is no candidate for the call in f
			{name: "f", code: "85 ff  74 0f  48 8d 05 00 00 00 00  48 89 07  50  ff 16  58  c3  48 83 ec 18  48 8d 05 00 00 00 00  48 89 44 24 08  48 89 e7  e8 00 00 00 00",
				relocs: []testReloc{{7, rPC32, "foo", -4}, {26, rPC32, "huge", -4}, {39, rPLT32, "die", -4}}}, framed, huge, diverges}, 8 + 24 + 8 + 72, ""},
		{"one of two passed on the panic path", []testSection{ // in rdi, to a function that does not return
			{name: "f", code: "85 ff  74 0f  48 8d 05 00 00 00 00  48 89 07  50  ff 16  58  c3  85 f6  74 09  48 8d 3d 00 00 00 00  eb 07  48 8d 3d 00 00 00 00  48 83 ec 18  e8 00 00 00 00",
				relocs: []testReloc{{7, rPC32, "foo", -4}, {26, rPC32, "huge", -4}, {35, rPC32, "huge too", -4}, {44, rPLT32, "die", -4}}},
			framed, huge, {name: "huge too", code: huge.code}, diverges}, 8 + 24 + 8 + 72, ""},
		{"left behind by the panic path", []testSection{ // mov %rax, (%rdi) instead
			{name: "f", code: "85 ff  74 0f  48 8d 05 00 00 00 00  48 89 07  50  ff 16  58  c3  48 83 ec 18  48 8d 05 00 00 00 00  48 89 47 08 90  48 89 e7  e8 00 00 00 00",
				relocs: []testReloc{{7, rPC32, "foo", -4}, {26, rPC32, "huge", -4}, {39, rPLT32, "die", -4}}}, framed, huge, diverges}, 8 + 8 + 8 + 1<<20, ""},
		{"called by the panic path with its own pointers", []testSection{ // foo calls what it is handed on the stack
			{name: "f", code: "85 ff  75 01  c3  48 83 ec 18  48 8d 05 00 00 00 00  48 89 44 24 08  48 89 e7  e8 00 00 00 00  0f 0b",
				relocs: []testReloc{{12, rPC32, "huge", -4}, {25, rPLT32, "foo", -4}}},
			{name: "foo", code: "50  ff 57 08  58  c3"}, huge}, 8 + 24 + 8 + 8 + 8 + 1<<20, ""},
		{"jump table", []testSection{
			{name: "f", code: "50  48 8d 0d 00 00 00 00  48 63 04 b9  48 01 c8  ff e0  58  c3  e8 00 00 00 00  58  c3",
				relocs: []testReloc{{4, rPC32, "tab", -4}, {20, rPLT32, "foo", -4}}},
			{name: "tab", kind: "rodata", code: "0000000000000000", relocs: []testReloc{{0, rPC32, "f", 17}, {4, rPC32, "f", 19 + 4}}}, framed}, 8 + 8 + 8 + 56, ""},
		{"jump without a table", []testSection{{name: "f", code: "50  ff e7"}}, 0, "indirect jump without a known table"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := tt.sections[0].name
			b, err := analyze(t, tt.sections...).Bound(root)
			var unbounded *Unbounded
			switch {
			case tt.reason == "" && err != nil:
				t.Fatal(err)
			case tt.reason != "" && !errors.As(err, &unbounded):
				t.Fatalf("got %d bytes, want an *Unbounded with %q", b.Bytes, tt.reason)
			case tt.reason != "" && !strings.Contains(unbounded.Reason, tt.reason):
				t.Fatalf("got %q, want %q in it", unbounded.Reason, tt.reason)
			case b.Bytes != tt.want:
				t.Fatalf("got %d bytes by %+v, want %d", b.Bytes, b.Path, tt.want)
			}
			sum := 0
			for _, f := range b.Path {
				sum += f.Bytes
			}
			if sum != b.Bytes {
				t.Errorf("the path %+v adds up to %d, not %d", b.Path, sum, b.Bytes)
			}
		})
	}
}
