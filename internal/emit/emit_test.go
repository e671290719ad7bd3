package emit

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/abi"
	"github.com/cargo-rustgo/cargo-rustgo/internal/debuginfo"
	"github.com/cargo-rustgo/cargo-rustgo/internal/image"
	"github.com/cargo-rustgo/cargo-rustgo/internal/stack"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// sample has one of everything: each width and class, arguments on C's stack,
// a load, pointers at odd places, all four segments.
func sample() *Package {
	leaf := []byte{0x48, 0x8d, 0x05, 0, 0, 0, 0, 0xc3}
	// A frame of 5000 bytes, and an epilogue before the end.
	deep := []byte{
		0x41, 0x56, 0x53, // push r14; push rbx
		0x48, 0x81, 0xec, 0x88, 0x13, 0, 0, // sub rsp, 5000
		0x85, 0xff, 0x74, 0x0b, // test edi, edi; je
		0x48, 0x81, 0xc4, 0x88, 0x13, 0, 0, // add rsp, 5000
		0x5b, 0x41, 0x5e, 0xc3, // pop rbx; pop r14; ret
		0x0f, 0x0b, // ud2
	}
	text := make([]byte, 128)
	copy(text, leaf)
	copy(text[64:], deep)
	text = append(text, "0123456789abcdefghi"...)
	img := &image.Image{
		Arch: "amd64",
		Memory: [image.Segments]image.Memory{
			image.Text: {
				Data: text, Size: uint64(len(text)), Align: 64,
				Parts: []image.Part{{Off: 0, Size: 8, Name: "_RNvCs1234_5crate4leaf"}, {Off: 64, Size: uint64(len(deep)), Name: "deep"}, {Off: 128, Size: 19, Name: ".rodata"}},
			},
			image.RelRO: {Data: make([]byte, 24), Size: 24, Align: 8, Parts: []image.Part{{Off: 0, Size: 24, Name: "vtable"}}},
			image.Data:  {Data: []byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 3}, Size: 14, Align: 2, Parts: []image.Part{{Off: 0, Size: 14, Name: "packed"}}},
			image.BSS:   {Size: 4096, Align: 32, Parts: []image.Part{{Size: 4096, Name: "zeros"}}},
		},
		Code: []image.Code{
			{Part: image.Part{Off: 0, Size: uint64(len(leaf)), Name: "_RNvCs1234_5crate4leaf"}, Start: 0, End: 32, Align: 32},
			{Part: image.Part{Off: 64, Size: uint64(len(deep)), Name: "deep"}, Start: 32, End: 128, Align: 32, Split: true},
		},
		Constants: 128,
		Loads:     []image.Load{{Off: 0, Register: 0, To: image.Address{Segment: image.Data, Off: -4}}},
		Pointers: []image.Pointer{
			{From: image.RelRO, Off: 8, To: image.Address{Segment: image.Text, Off: 130}},
			{From: image.Data, Off: 3, To: image.Address{Segment: image.BSS, Off: 16}},
		},
		Exports: []image.Export{{Name: "leaf", Off: 0}, {Name: "many", Off: 64}, {Name: "fails", Off: 0}, {Name: "own", Off: 0}, {Name: "waits", Off: 0}, {Name: "structs", Off: 0}, {Name: "wide", Off: 0}, {Name: "ownwide", Off: 0}},
	}
	integer := func(name, typ string, size int, signed bool) Param {
		return Param{Name: name, Type: typ, Value: abi.Of("", abi.Scalar{Size: size, Signed: signed})}
	}
	float := func(name, typ string, size int) Param {
		return Param{Name: name, Type: typ, Value: abi.Of("", abi.Scalar{Size: size, Class: abi.Float})}
	}
	result := integer("", "bool", 1, false)
	structure := func(name, typ string, size, align int, scalars ...abi.Scalar) Param {
		return Param{Name: name, Type: typ, Value: abi.Value{Size: size, Align: align, Aggregate: true, Scalars: scalars}, Composite: true}
	}
	bytes := make([]abi.Scalar, 7)
	for i := range bytes {
		bytes[i] = abi.Scalar{Off: i, Size: 1}
	}
	pair := []abi.Scalar{{Size: 8, Class: abi.Float}, {Off: 8, Size: 4}}
	wide := structure("", "[4]uint64", 32, 16, abi.Scalar{Size: 8}, abi.Scalar{Off: 8, Size: 8}, abi.Scalar{Off: 16, Size: 8})
	mixed := structure("", "struct { A float64; B uint32 }", 16, 8, pair...)
	return &Package{
		Name: "sample",
		Doc:  []string{"Package sample is a sample.", "", "It has two functions."},
		Functions: []Function{
			{
				Name: "Leaf", Symbol: "leaf", Doc: []string{"Leaf returns whether dst is full."}, NoEscape: true, StackLimit: DefaultStackLimit,
				Params: []Param{integer("dst", "*[32]byte", 8, false)}, Result: &result,
			},
			{
				Name: "Many", Symbol: "many", StackLimit: DefaultStackLimit,
				Params: []Param{
					integer("a", "int8", 1, true), integer("b", "uint8", 1, false), integer("c", "int16", 2, true),
					integer("d", "uint16", 2, false), integer("e", "int32", 4, true), integer("f", "uint32", 4, false),
					integer("q", "unsafe.Pointer", 8, false), integer("h", "int16", 2, true), float("x", "float32", 4), float("y", "float64", 8),
				},
				Result: &Param{Type: "float64", Value: abi.Of("", abi.Scalar{Size: 8, Class: abi.Float})},
			},
			{Name: "Fails", Symbol: "fails", Params: []Param{integer("n", "uint", 8, false)}, StackLimit: DefaultStackLimit},
			{
				Name: "Own", Symbol: "own", Doc: []string{"Own runs on a stack of its own."}, NoEscape: true,
				Params: []Param{
					integer("a", "int8", 1, true), integer("b", "uint8", 1, false), integer("c", "int16", 2, true),
					integer("d", "uint16", 2, false), integer("e", "int32", 4, true), integer("f", "uint32", 4, false),
					integer("q", "unsafe.Pointer", 8, false),
				},
				Result: &result,
			},
			{Name: "Waits", Symbol: "waits", Params: []Param{float("x", "float32", 4)}, Result: &result, StackLimit: DefaultStackLimit, Blocking: true},
			{
				Name: "Structs", Symbol: "structs", StackLimit: DefaultStackLimit, Result: &mixed,
				Params: []Param{
					integer("a", "uint8", 1, false), structure("b", "[7]byte", 7, 1, bytes...), structure("c", "[3]byte", 3, 1, bytes[:3]...),
					structure("d", "struct { A float64; B uint32 }", 16, 8, pair...), structure("e", "[4]uint64", 32, 16, wide.Value.Scalars...),
					structure("f", "[2]float32", 8, 4, abi.Scalar{Size: 4, Class: abi.Float}, abi.Scalar{Off: 4, Size: 4, Class: abi.Float}),
				},
			},
			{Name: "Wide", Symbol: "wide", StackLimit: DefaultStackLimit, Result: &wide, Params: []Param{integer("a", "uint8", 1, false), structure("b", "[3]uint64", 24, 8, wide.Value.Scalars...)}},
			{Name: "OwnWide", Symbol: "ownwide", Result: &wide, Params: []Param{integer("a", "uint8", 1, false), structure("b", "[3]uint64", 24, 8, wide.Value.Scalars...)}},
		},
		Platforms: []Platform{{GOOS: "linux", GOARCH: "amd64", Image: img, Stack: map[string]int{"leaf": 136, "many": 5000, "fails": 200, "waits": 300, "structs": 100, "wide": 100}, Panics: map[string]bool{"fails": true, "own": true, "waits": true, "wide": true},
			Code: []Code{
				{Known: true, Lines: []debuginfo.Line{{Off: 0, File: "src/lib.rs", Line: 3}, {Off: 7, File: "src/lib.rs", Line: 0}}},
				{
					Known: true,
					Steps: []stack.Step{{Off: 2, Depth: 8, Len: 2}, {Off: 3, Depth: 16, Len: 1}, {Off: 10, Depth: 5016, Len: 7}, {Off: 21, Depth: 16, Len: 7}, {Off: 22, Depth: 8, Len: 1}, {Off: 24, Depth: 0, Len: 2}, {Off: 25, Depth: 5016, Len: 0}},
					Lines: []debuginfo.Line{{Off: 0, File: "src/lib.rs", Line: 8}, {Off: 10, File: "src/deep.rs", Line: 20}, {Off: 14, File: ""}},
				},
			},
		}},
	}
}

func TestGolden(t *testing.T) {
	files, err := sample().Files()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, files)
}

// TestGoldenWindows has what is different there: functions that panic, and stacks
// of their own.
func TestGoldenWindows(t *testing.T) {
	p := sample()
	p.Platforms[0].GOOS = "windows"
	p.Functions = slices.DeleteFunc(p.Functions, func(f Function) bool { return !slices.Contains([]string{"fails", "own", "waits"}, f.Symbol) })
	files, err := p.Files()
	if err != nil {
		t.Fatal(err)
	}
	const asm, memory = "rustgo_windows_amd64.s", "rustgo_stack_windows.go"
	golden(t, map[string][]byte{asm: files[asm], memory: files[memory]})
}

func golden(t *testing.T, files map[string][]byte) {
	t.Helper()
	for name, got := range files {
		path := filepath.Join("testdata", name+".golden")
		if *update {
			if err := os.WriteFile(path, got, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s:\n%s\nwant:\n%s", name, got, want)
		}
	}
}

// TestFrames checks that the frame holds the bound, what a thunk may push, the
// arguments on C's stack and the padding.
func TestFrames(t *testing.T) {
	for _, test := range []struct {
		bound, spills, slots int
		panics               bool
		want, account        string
	}{
		{8, 0, 0, false, "NOSPLIT|NOFRAME, $0-0", ""},
		{8, 8, 0, false, "NOSPLIT|NOFRAME, $0-0", "ADJSP $32"},
		{8, 0, 1, false, "NOSPLIT|NOFRAME, $0-56", "ADJSP $32"},
		{136, 0, 0, false, "NOSPLIT|NOFRAME, $0-0", "ADJSP $152"},
		{137, 0, 0, false, "NOSPLIT|NOFRAME, $0-0", "ADJSP $160"},
		{136, 0, 2, false, "NOSPLIT|NOFRAME, $0-64", "ADJSP $168"},
		{136, 0, 2, true, "NOSPLIT|NOFRAME, $0-64", "ADJSP $176"},
		{624, 0, 0, false, "NOSPLIT|NOFRAME, $0-0", "ADJSP $640"},
		{625, 0, 0, false, "0, $648-0", "ADJSP $-648"},
		{625, 0, 0, true, "0, $656-0", "ADJSP $-656"},
	} {
		p := sample()
		f := Function{Name: "F", Symbol: "leaf", StackLimit: DefaultStackLimit}
		if test.slots > 0 {
			for i := range 6 + test.slots {
				f.Params = append(f.Params, Param{Name: string(rune('a' + i)), Type: "uint64", Value: abi.Of("", abi.Scalar{Size: 8})})
			}
		}
		p.Functions = []Function{f}
		p.Platforms[0].Stack["leaf"] = test.bound
		p.Platforms[0].Image.Spills = test.spills
		p.Platforms[0].Panics = map[string]bool{"leaf": test.panics}
		asm, err := p.assembly(&p.Platforms[0])
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(asm), "TEXT ·F(SB), "+test.want+"\n") || !strings.Contains(string(asm), test.account+"\n") {
			t.Errorf("bound %d spills %d slots %d panics %v: want %s and %s in\n%s", test.bound, test.spills, test.slots, test.panics, test.want, test.account, asm)
		}
	}
}

// TestFramesOfStructs checks that the frame holds what C has in memory: words of
// arguments, and a result that is aligned to 16.
func TestFramesOfStructs(t *testing.T) {
	value := func(size, align int) *Param {
		return &Param{Name: "a", Type: "T", Value: abi.Value{Size: size, Align: align, Aggregate: true, Scalars: []abi.Scalar{{Size: 8}}}}
	}
	for _, test := range []struct {
		param, result *Param
		panics        bool
		account       string
	}{
		{value(16, 8), nil, false, "ADJSP $152"},           // in registers
		{value(24, 8), nil, false, "ADJSP $176"},           // 3 words
		{value(24, 8), value(24, 8), false, "ADJSP $176"},  // the result is in Go's frame
		{value(24, 8), value(32, 16), false, "ADJSP $216"}, // 3 words, padding, 4 words
		{value(24, 8), value(32, 16), true, "ADJSP $224"},  // and the cookie
		{value(600, 8), nil, false, "TEXT ·F(SB), 0, $752-600"},
	} {
		p := sample()
		f := Function{Name: "F", Symbol: "leaf", StackLimit: DefaultStackLimit, Result: test.result}
		if test.param != nil {
			f.Params = []Param{*test.param}
		}
		p.Functions = []Function{f}
		p.Platforms[0].Panics = map[string]bool{"leaf": test.panics}
		asm, err := p.assembly(&p.Platforms[0])
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(asm), test.account+"\n") {
			t.Errorf("want %s in\n%s", test.account, asm)
		}
	}
}

// TestRefused checks what there is no trampoline for.
func TestRefused(t *testing.T) {
	scalars := []abi.Scalar{{Size: 8}}
	aligned := Param{Name: "a", Value: abi.Value{Size: 32, Align: 32, Aggregate: true, Scalars: scalars}}
	large := Param{Name: "a", Value: abi.Value{Size: 400, Align: 8, Aggregate: true, Scalars: scalars}}
	for _, test := range []struct {
		f    Function
		want string
	}{
		{Function{Params: []Param{aligned}}, "`leaf`: parameter `a` is aligned to 32 bytes, and what is passed in memory can be aligned to 16"},
		{Function{Result: &aligned}, "`leaf`: the result is aligned to 32 bytes, and what is passed in memory can be aligned to 16"},
		{Function{Params: []Param{large}, Blocking: true}, "`leaf`: arguments and result of a call that may block take 400 bytes of the stack, and 384 are possible: pass pointers"},
	} {
		p := sample()
		test.f.Name, test.f.Symbol = "F", "leaf"
		p.Functions = []Function{test.f}
		_, err := p.assembly(&p.Platforms[0])
		var refused *CallError
		if !errors.As(err, &refused) || err.Error() != test.want {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}

// TestOwnStackSize checks that the stacks are large enough for what is known.
func TestOwnStackSize(t *testing.T) {
	p := sample()
	if got, want := p.OwnStackSize(), DefaultStackSize; got != want {
		t.Errorf("got %d bytes, want %d", got, want)
	}
	p.StackSize = 20_000
	if got, want := p.OwnStackSize(), 20_480; got != want {
		t.Errorf("got %d bytes, want %d", got, want)
	}
	p.Platforms[0].Stack["leaf"] = 1_000_000
	if got := p.OwnStackSize(); got < 1_004_000 {
		t.Errorf("%d bytes are too few for 1,000,000 and a red zone", got)
	}
}
