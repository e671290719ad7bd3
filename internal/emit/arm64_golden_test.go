package emit

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/abi"
	"github.com/cargo-rustgo/cargo-rustgo/internal/debuginfo"
	"github.com/cargo-rustgo/cargo-rustgo/internal/image"
	"github.com/cargo-rustgo/cargo-rustgo/internal/stack"
)

func TestARM64Account(t *testing.T) {
	const ret = "\xc0\x03\x5f\xd6"
	for _, test := range []struct {
		name  string
		code  string
		steps []stack.Step
		known bool
		want  bool
	}{
		{name: "return", code: ret, known: true, want: true},
		{name: "not known", code: ret},
		{name: "frame", code: ret, steps: []stack.Step{{Off: 4, Depth: 16}}, known: true},
		{name: "bl", code: "\x00\x00\x00\x94" + ret, known: true},
		{name: "blr", code: "\x00\x00\x3f\xd6" + ret, known: true},
		{name: "blraa", code: "\x01\x08\x3f\xd7" + ret, known: true},
		{name: "br", code: "\x00\x02\x1f\xd6", known: true, want: true},
		{name: "b", code: "\x00\x00\x00\x14", known: true, want: true},
	} {
		if moves, got := arm64Account([]byte(test.code), test.steps, test.known); got != test.want || len(moves) > 0 {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

// sampleARM64 has an argument of each kind, in registers, on C's stack and
// behind pointers, a load, and pointers.
func sampleARM64(goos string) *Package {
	p := sample()
	scalar := func(name, typ string, s abi.Scalar) Param {
		return Param{Name: name, Type: typ, Value: abi.Of("", s)}
	}
	word := abi.Scalar{Size: 8}
	var words []Param
	for _, name := range strings.Split("abcdefhi", "") {
		words = append(words, scalar(name, "uint64", word))
	}
	odd := Param{Name: "o", Type: "[3]byte", Composite: true, Value: abi.Value{Size: 3, Align: 1, Aggregate: true, Scalars: []abi.Scalar{{Size: 1}, {Off: 1, Size: 1}, {Off: 2, Size: 1}}}}
	floats := Param{Name: "f", Type: "[3]float32", Composite: true, Value: abi.Value{Size: 12, Align: 4, Aggregate: true, Scalars: []abi.Scalar{
		{Size: 4, Class: abi.Float}, {Off: 4, Size: 4, Class: abi.Float}, {Off: 8, Size: 4, Class: abi.Float},
	}}}
	large := Param{Name: "w", Type: "[4]uint64", Composite: true, Value: abi.Value{Size: 32, Align: 16, Aggregate: true, Scalars: []abi.Scalar{word, {Off: 8, Size: 8}, {Off: 16, Size: 8}, {Off: 24, Size: 8}}}}
	short := scalar("s", "int16", abi.Scalar{Size: 2, Signed: true})
	float := scalar("x", "float64", abi.Scalar{Size: 8, Class: abi.Float})
	p.Functions = append(p.Functions,
		Function{Name: "Stacked", Symbol: "stacked", Params: slices.Concat(words, []Param{short, odd, scalar("k", "uint8", abi.Scalar{Size: 1}), odd2(large)}), StackLimit: DefaultStackLimit},
		Function{Name: "Floats", Symbol: "floats", Params: []Param{floats, float, short}, Result: &floats, StackLimit: DefaultStackLimit},
		Function{Name: "Copies", Symbol: "copies", Params: []Param{short, large}, Result: &large, StackLimit: DefaultStackLimit},
		Function{Name: "Odd", Symbol: "odd", Params: []Param{odd}, Result: &odd, StackLimit: DefaultStackLimit},
	)
	code := []byte("\x00\x00\x00\x90\x00\x00\x00\x91\xff\xff\xff\x17\xc0\x03\x5f\xd6") // the first two are a load
	text := make([]byte, 64)
	copy(text, "\x20\x00\x80\xd2\xc0\x03\x5f\xd6") // mov x0, 1; ret
	copy(text[32:], code)
	text = append(text, "0123456789abcdef"...)
	img := p.Platforms[0].Image
	img.Arch = "arm64"
	img.Memory[image.Text] = image.Memory{Data: text, Size: uint64(len(text)), Align: 32}
	img.Code = []image.Code{
		{Part: image.Part{Size: 8, Name: "_RNvCs1234_5crate4leaf"}, End: 32, Align: 32},
		{Part: image.Part{Off: 32, Size: uint64(len(code)), Name: "deep"}, Start: 32, End: 64, Align: 16},
	}
	img.Constants = 64
	img.Loads = []image.Load{{Off: 32, Register: 18, To: image.Address{Segment: image.Data, Off: -4096}}}
	img.Pointers[0].To.Off = 66
	img.Exports = nil
	for _, f := range p.Functions {
		off := uint64(32)
		if f.Symbol == "copies" {
			off = 36 // behind the start of a function
		}
		img.Exports = append(img.Exports, image.Export{Name: f.Symbol, Off: off})
	}
	p.Platforms[0] = Platform{
		GOOS: goos, GOARCH: "arm64", Image: img,
		Stack:  map[string]int{"leaf": 0, "many": 5000, "fails": 200, "structs": 100, "wide": 100, "stacked": 700, "floats": 0, "copies": 16, "odd": 0, "waits": 300},
		Panics: map[string]bool{"fails": true, "own": true, "waits": true, "stacked": true},
		Code: []Code{
			{Known: true, Lines: []debuginfo.Line{{Off: 0, File: "src/lib.rs", Line: 3}, {Off: 3, File: "src/lib.rs", Line: 4}}},
			{Known: true, Steps: []stack.Step{{Off: 4, Depth: 16, Len: 4}}},
		},
	}
	return p
}

// odd2 is a value that Go does not align.
func odd2(p Param) Param {
	p.Name, p.Value.GoAlign = "z", 1
	return p
}

func TestARM64Golden(t *testing.T) {
	for _, goos := range []string{"linux", "darwin", "windows"} {
		files, err := sampleARM64(goos).Files()
		if err != nil {
			t.Fatal(err)
		}
		name := "rustgo_" + goos + "_arm64.s"
		golden(t, map[string][]byte{name: files[name]})
		if name := "rustgo_stack_arm64.go"; goos == "linux" {
			golden(t, map[string][]byte{name: files[name]})
		}
	}
}

// Code that ended in data of an odd size was read beyond its end.
func TestARM64OddSize(t *testing.T) {
	for size := range uint64(9) {
		p := sampleARM64("linux")
		img := p.Platforms[0].Image
		img.Code[1].Size = 12 + size
		p.Platforms[0].Code[1].Lines = []debuginfo.Line{{Off: 1, File: "a.rs", Line: 1}, {Off: 11 + size, File: "a.rs", Line: 2}}
		asm, err := p.assembly(&p.Platforms[0])
		if err != nil {
			t.Fatal(err)
		}
		_, text, _ := strings.Cut(string(asm), "TEXT rust∕deep<>")
		text, _, _ = strings.Cut(text, "TEXT")
		if got, want := 8*strings.Count(text, "DWORD")+4*strings.Count(text, "\tWORD")+4*strings.Count(text, " WORD")+8*strings.Count(text, "MOVD"), int(12+size+3)&^3+4; got != want {
			t.Errorf("%d bytes of code are %d with the trap, want %d\n%s", 12+size, got, want, text)
		}
	}
}

// TestARM64Frames checks that the frame holds the bound, C's arguments, copies,
// and what Go wants to find.
func TestARM64Frames(t *testing.T) {
	value := func(size, align int) Param {
		return Param{Name: "a", Type: "T", Composite: true, Value: abi.Value{Size: size, Align: align, Aggregate: true, Scalars: []abi.Scalar{{Size: 8}}}}
	}
	words := func(n int) (list []Param) {
		for i := range n {
			list = append(list, Param{Name: string(rune('A' + i)), Type: "uint64", Value: abi.Of("", abi.Scalar{Size: 8})})
		}
		return list
	}
	for _, test := range []struct {
		bound  int
		params []Param
		result int // alignment of one of 32 bytes
		want   []string
	}{
		{0, nil, 0, []string{"NOSPLIT|NOFRAME, $0-0", "SUB $16, RSP"}},
		{1, nil, 0, []string{"NOSPLIT|NOFRAME, $0-0", "SUB $32, RSP", "SUB $48, RSP"}},
		{16, nil, 0, []string{"SUB $32, RSP", "SUB $48, RSP"}},
		{608, nil, 0, []string{"NOSPLIT|NOFRAME, $0-0", "SUB $640, RSP"}},
		{609, nil, 0, []string{"0, $640-0", "ADD $624, RSP"}},
		{4080, nil, 0, []string{"0, $4096-0", "ADD $4080, RSP"}},
		{4081, nil, 0, []string{"0, $4112-0", "ADD $4096, RSP"}},
		{4097, nil, 0, []string{"0, $8208-0", "ADD $8192, RSP"}},
		{0, words(9), 0, []string{"NOSPLIT|NOFRAME, $0-72", "CALL ·F·call<>", "SUB $16, RSP", "SUB $48, RSP"}},
		{16, words(11), 0, []string{"SUB $32, RSP", "SUB $80, RSP"}},
		{16, []Param{value(24, 8)}, 0, []string{"SUB $32, RSP", "ADD $0, R9, R0"}},
		{16, []Param{value(32, 16)}, 0, []string{"SUB $80, RSP", "SUB $96, RSP", "SUB $64, RSP, R0"}},
		{16, append(words(1), value(32, 16)), 0, []string{"SUB $32, RSP", "ADD $8, R9, R1"}},
		{16, nil, 8, []string{"SUB $32, RSP", "MOVD $ret+0(FP), R8"}},
		{16, nil, 16, []string{"SUB $80, RSP", "SUB $64, RSP, R8"}},
		{16, words(1), 16, []string{"SUB $32, RSP", "MOVD $ret+8(FP), R8"}},
		{16, []Param{value(8000, 16)}, 0, []string{"0, $8192-8000", "ADD $16, RSP", "LDP 8168(RSP)"}},
	} {
		p := sampleARM64("linux")
		f := Function{Name: "F", Symbol: "leaf", StackLimit: DefaultStackLimit, Params: test.params}
		if test.result > 0 {
			r := value(32, test.result)
			f.Result = &r
		}
		p.Functions = []Function{f}
		p.Platforms[0].Stack["leaf"] = test.bound
		asm, err := p.assembly(&p.Platforms[0])
		if err != nil {
			t.Fatal(err)
		}
		text, _, _ := strings.Cut(string(asm), "rust∕crate·leaf<>(SB), NOSPLIT")
		for _, want := range test.want {
			if !strings.Contains(text, want) {
				t.Errorf("bound %d: want %s in\n%s", test.bound, want, text)
			}
		}
	}
}

// TestARM64Refused checks what there is no trampoline for.
func TestARM64Refused(t *testing.T) {
	scalars := []abi.Scalar{{Size: 8}}
	aligned := Param{Name: "a", Value: abi.Value{Size: 32, Align: 32, Aggregate: true, Scalars: scalars}}
	var many []Param
	for i := range 600 {
		many = append(many, Param{Name: fmt.Sprint("p", i), Value: abi.Of("", abi.Scalar{Size: 8})})
	}
	for _, test := range []struct {
		f    Function
		want string
	}{
		{Function{Params: []Param{aligned}}, "`leaf`: parameter `a` is aligned to 32 bytes, and what is passed in memory can be aligned to 16"},
		{Function{Result: &aligned}, "`leaf`: the result is aligned to 32 bytes, and what is passed in memory can be aligned to 16"},
		{Function{Params: many}, "`leaf`: 4736 bytes of arguments on the stack, and 4095 are possible: pass pointers"},
	} {
		p := sampleARM64("linux")
		test.f.Name, test.f.Symbol, test.f.StackLimit = "F", "leaf", DefaultStackLimit
		p.Functions = []Function{test.f}
		p.Platforms[0].Stack = map[string]int{"leaf": 16}
		_, err := p.Files()
		var refused *CallError
		if !errors.As(err, &refused) || err.Error() != test.want {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}
