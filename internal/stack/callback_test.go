package stack

import (
	"errors"
	"testing"
)

// TestCallsGo finds the ways to Go: the call in rustgo_callback, whose address
// is none of the program's, takes no stack of Rust's beyond its own, and any
// other call of that kind has no bound.
func TestCallsGo(t *testing.T) {
	const x64Callback = "55  48 89 e5  41 ff 53 c8  5d  c3" // push %rbp; mov %rsp, %rbp; call *-56(%r11); pop %rbp; ret
	x64 := func(name string) testSection { return testSection{name: name, code: x64Callback} }
	const a64Callback = "\nstr x30, [sp, #-16]!\nldur x17, [x16, #-56]\nblr x17\nldr x30, [sp], #16\nret"
	for _, tt := range []struct {
		name     string
		amd64    []testSection
		arm64    string
		x64, a64 int // bytes; -1 without a bound
		callsGo  bool
	}{
		{
			"called",
			[]testSection{{name: "f", code: "50  e8 00 00 00 00  58  c3", relocs: []testReloc{{2, rPLT32, callback, -4}}}, x64(callback)},
			"str x30, [sp, #-16]!\nbl rustgo_callback\nldr x30, [sp], #16\nret\nfn rustgo_callback" + a64Callback,
			8 + 8 + 8 + 8 + 8, 32, true,
		},
		{
			"called by another name",
			[]testSection{{name: "f", code: "50  e8 00 00 00 00  58  c3", relocs: []testReloc{{2, rPLT32, "foo", -4}}}, x64("foo")},
			"str x30, [sp, #-16]!\nbl foo\nldr x30, [sp], #16\nret\nfn foo" + a64Callback,
			-1, -1, false,
		},
		{
			"called beside",
			[]testSection{
				{name: "f", code: "c3"},
				{name: "other", code: "e9 00 00 00 00", relocs: []testReloc{{1, rPLT32, callback, -4}}}, x64(callback),
			},
			"ret\nfn other\nb rustgo_callback\nfn rustgo_callback" + a64Callback,
			8, 0, false,
		},
		{
			"called by recursion",
			[]testSection{
				{name: "f", code: "50  e8 00 00 00 00  e8 00 00 00 00  58  c3", relocs: []testReloc{{2, rPLT32, callback, -4}, {7, rPLT32, "f", -4}}},
				x64(callback),
			},
			"str x30, [sp, #-16]!\nbl rustgo_callback\nbl f\nldr x30, [sp], #16\nret\nfn rustgo_callback" + a64Callback,
			-1, -1, true,
		},
		{
			"called by a pointer",
			[]testSection{
				{name: "f", code: "48 8d 05 00 00 00 00  50  ff 57 18  58  c3", relocs: []testReloc{{3, rPC32, "vtable", -4}}},
				{name: "vtable", kind: "relro", code: "0000000000000000", relocs: []testReloc{{0, rAbs64, callback, 0}}}, x64(callback),
			},
			"str x30, [sp, #-16]!\nadrp x8, vtable\nadd x8, x8, :lo12:vtable\nstr x8, [x1]\nblr x0\nldr x30, [sp], #16\nret\nrelro vtable\n.xword rustgo_callback\nfn rustgo_callback" + a64Callback,
			8 + 8 + 8 + 8 + 8, 32, true,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check := func(arch string, a *Analysis, want int) {
				b, err := a.Bound("f")
				callsGo := b.CallsGo
				var unbounded *Unbounded
				if errors.As(err, &unbounded) {
					callsGo = unbounded.CallsGo
				} else if err != nil {
					t.Fatal(err)
				}
				if (err != nil) != (want < 0) || err == nil && b.Bytes != want {
					t.Errorf("%s: got %d bytes, %v, want %d", arch, b.Bytes, err, want)
				}
				if callsGo != tt.callsGo {
					t.Errorf("%s: CallsGo is %v", arch, callsGo)
				}
			}
			check("amd64", analyze(t, tt.amd64...), tt.x64)
			check("arm64", analyzeFile(t, "test.o", crossARM64.assemble(t, "fn f\n"+tt.arm64+"\n"), "f"), tt.a64)
		})
	}
}
