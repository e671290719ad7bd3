package emit

import (
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/abi"
	"github.com/cargo-rustgo/cargo-rustgo/internal/image"
)

// sampleCallbacks has functions from which Rust calls Go: one with an interface
// and a function between other parameters, more than fit into registers, one
// that returns an error of Go's, and one with a result in memory.
func sampleCallbacks(goarch string, code string) *Package {
	value := func(name, typ string, size int) Param {
		return Param{Name: name, Type: typ, Value: abi.Of("", abi.Scalar{Size: size})}
	}
	handle := func(name, typ string) Param {
		p := value(name, typ, 8)
		p.Handle = true
		return p
	}
	integer, flag, turn := value("", "int32", 4), value("", "bool", 1), value("", "Turn", 1)
	turn.Check = true
	large := Param{Type: "[3]uint64", Composite: true, Value: abi.Value{Size: 24, Align: 8, Aggregate: true, Scalars: []abi.Scalar{{Size: 8}, {Off: 8, Size: 8}, {Off: 16, Size: 8}}}}
	fallible := Param{Value: abi.Value{Size: 24, Align: 8, Aggregate: true, Scalars: []abi.Scalar{{Size: 1}, {Off: 8, Size: 4}, {Off: 16, Size: 8}}}}
	words := []Param{value("c", "uint64", 8), value("d", "uint64", 8), value("e", "uint64", 8), value("h", "uint64", 8), value("i", "uint64", 8), value("j", "uint64", 8), value("k", "uint64", 8)}
	p := &Package{
		Name: "calls",
		Functions: []Function{
			{
				Name: "Both", Symbol: "both", Doc: []string{"Both calls both."}, CallsGo: true,
				Params: append([]Param{value("a", "uint8", 1), handle("s", "Sortable"), value("b", "int16", 2), handle("f", "func([]byte, *int32) bool")}, words...),
				Result: &integer,
				Callbacks: []Callback{
					{Param: 1, Method: "Len", Result: &integer},
					{Param: 1, Method: "Swap", Params: []Param{{Type: "int"}, {Type: "int"}}},
					{Param: 1, Method: "Turn", Result: &turn},
					{Param: 3, Params: []Param{{Type: "[]byte"}, {Type: "*int32"}}, Result: &flag},
				},
			},
			{
				Name: "Fails", Symbol: "fails", CallsGo: true, Result: &fallible,
				Params:   []Param{handle("r", "io.Reader"), handle("f", "func() error")},
				Fallible: &Fallible{Value: "int32", Error: "error", Handle: true, ValueOff: 8, ErrorOff: 16, ValueSize: 4, ErrorSize: 8, Size: 24},
				Callbacks: []Callback{
					{Param: 0, Method: "Read", Params: []Param{{Type: "[]byte"}}, Result: &Param{Type: "int"}, Error: true},
					{Param: 1, Error: true},
				},
			},
			{Name: "Large", Symbol: "large", CallsGo: true, Result: &large, Params: []Param{handle("f", "func()")}, Callbacks: []Callback{{}}},
		},
		Types: []Type{
			{Name: "Sortable", Interface: true, Methods: []Method{{Name: "Len", Type: "() int32", Doc: []string{"Len is the length."}}, {Name: "Swap", Type: "(i int, j int)"}, {Name: "Turn", Type: "() Turn"}}},
			{Name: "Turn", Base: "uint8", Values: []Constant{{Name: "TurnLeft", Value: "1", Text: "Left"}}},
		},
	}
	text := make([]byte, 32)
	copy(text, code)
	img := &image.Image{
		Arch:      goarch,
		Memory:    [image.Segments]image.Memory{image.Text: {Data: text, Size: 32, Align: 32, Parts: []image.Part{{Size: uint64(len(code)), Name: "both"}}}},
		Code:      []image.Code{{Part: image.Part{Size: uint64(len(code)), Name: "both"}, End: 32, Align: 32}},
		Constants: 32,
		Exports:   []image.Export{{Name: "both"}, {Name: "fails"}, {Name: "large"}},
	}
	p.Platforms = []Platform{{
		GOOS: "linux", GOARCH: goarch, Image: img,
		Panics: map[string]bool{"both": true, "fails": true}, Code: []Code{{Known: true}},
	}}
	return p
}

// TestCallbacksGolden has what is written for functions from which Rust calls Go.
func TestCallbacksGolden(t *testing.T) {
	for goarch, code := range map[string]string{"amd64": "\x31\xc0\xc3", "arm64": "\x00\x00\x80\x52\xc0\x03\x5f\xd6"} {
		files, err := sampleCallbacks(goarch, code).Files()
		if err != nil {
			t.Fatal(err)
		}
		checked := map[string][]byte{}
		for name, data := range files {
			switch {
			case strings.HasSuffix(name, ".s"), goarch == "amd64" && (name == "rustgo.go" || name == "rustgo_call.go" || name == "rustgo_types.go"):
				checked["callbacks_"+name] = data
			}
		}
		golden(t, checked)
	}
}
