package emit

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/abi"
	"github.com/cargo-rustgo/cargo-rustgo/internal/image"
)

// execType is a type in Rust and in Go.
type execType struct {
	rust, golang     string // names
	declRust, declGo string
	value            abi.Value
	composite        bool
}

// execTypes are numbers and the structs of execStructs, by name.
func execTypes() map[string]execType {
	types := map[string]execType{}
	number := func(rust, golang string, size int, class abi.Class, signed bool) {
		types[rust] = execType{rust: rust, golang: golang, value: abi.Of("", abi.Scalar{Size: size, Class: class, Signed: signed})}
	}
	number("i8", "int8", 1, abi.Integer, true)
	number("u8", "uint8", 1, abi.Integer, false)
	number("i16", "int16", 2, abi.Integer, true)
	number("u32", "uint32", 4, abi.Integer, false)
	number("u64", "uint64", 8, abi.Integer, false)
	number("f32", "float32", 4, abi.Float, false)
	number("f64", "float64", 8, abi.Float, false)
	types["u128"] = execType{
		rust: "u128", golang: "[2]uint64", composite: true,
		value: abi.Value{Size: 16, Align: 16, Scalars: []abi.Scalar{{Size: 8}, {Off: 8, Size: 8}}},
	}
	for name, fields := range execStructs {
		types[name] = execStruct(types, name, fields)
	}
	// A struct that C sees as a number.
	types["Transparent"] = execType{
		rust: "Transparent", golang: "Transparent", composite: true, value: types["i16"].value,
		declRust: "#[repr(transparent)] pub struct Transparent(i16);\n", declGo: "type Transparent struct { F0 int16 }\n",
	}
	types["TransparentFloat"] = execType{
		rust: "TransparentFloat", golang: "TransparentFloat", composite: true, value: types["f32"].value,
		declRust: "#[repr(transparent)] pub struct TransparentFloat(f32);\n", declGo: "type TransparentFloat struct { F0 float32 }\n",
	}
	return types
}

// execStructs are fields: types and n*type; @16 aligns, @1 packs.
var execStructs = map[string]string{
	"Empty": "", "I8": "i8", "F1": "f32", "D1": "f64", "U1": "u64",
	"B2": "2*u8", "B3": "u8 u8 u8", "B5": "5*u8", "B6": "6*u8", "B7": "7*u8", "B9": "9*u8", "B11": "11*u8", "B13": "13*u8", "B14": "14*u8", "B15": "15*u8", "B16": "16*u8", "B17": "17*u8",
	"H3": "3*i16", "H7": "7*i16", "W3": "3*u32",
	"F2": "f32 f32", "F3": "3*f32", "F4": "4*f32", "F5": "5*f32", "D2": "f64 f64", "D3": "3*f64",
	"FI": "f32 u32", "FU": "f64 u64", "UF": "u64 f32", "UD": "u64 f64", "Mixed": "u8 i16 f32 f64",
	"U2": "u64 u64", "U3": "u64 u64 u64", "U6": "6*u64", "B100": "100*u8",
	"Q": "u128", "QU": "u128 u64", "A1": "u64 @16", "A2": "u64 u64 @16", "A3": "3*u64 @16", "AB": "u8 @16", "AF": "f32 @16",
	"P5": "u8 u32 @1", "P13": "u8 u32 f64 @1", "PF": "f32 u8 @1",
}

func execStruct(types map[string]execType, name, fields string) execType {
	t := execType{rust: name, golang: name, composite: true, value: abi.Value{Align: 1, Aggregate: true}}
	v := &t.value
	list := strings.Fields(fields)
	repr, packed := "C", false
	if n := len(list) - 1; n >= 0 && strings.HasPrefix(list[n], "@") {
		if packed = list[n] == "@1"; packed {
			repr = "C, packed"
		} else {
			repr, v.Align = "C, align(16)", 16
		}
		list = list[:n]
	}
	var rust, golang strings.Builder
	for i, f := range list {
		n, count := 1, ""
		if c, typ, found := strings.Cut(f, "*"); found {
			fmt.Sscan(c, &n)
			f, count = typ, c
		}
		field := types[f]
		to := field.value.Align
		if packed {
			to = 1
		}
		v.Align, v.Natural = max(v.Align, to), max(v.Natural, to)
		v.Size = (v.Size + to - 1) / to * to
		for range n {
			for _, s := range field.value.Scalars {
				s.Off += v.Size
				v.Scalars = append(v.Scalars, s)
			}
			v.Size += field.value.Size
		}
		if count != "" {
			fmt.Fprintf(&rust, "f%d: [%s; %s], ", i, field.rust, count)
			fmt.Fprintf(&golang, "F%d [%s]%s; ", i, count, field.golang)
		} else {
			fmt.Fprintf(&rust, "f%d: %s, ", i, field.rust)
			fmt.Fprintf(&golang, "F%d %s; ", i, field.golang)
		}
	}
	end := v.Size
	v.Size = (v.Size + v.Align - 1) / v.Align * v.Align
	if v.Align == 16 && (end+7)/8*8 < v.Size {
		fmt.Fprintf(&golang, "_ [%d]byte", v.Size-end) // Go aligns to 8 at most
		v.GoAlign = 8
	}
	if packed || v.Align == 16 && len(list) == 1 && v.Scalars[0].Size < 8 {
		golang.Reset()
		fmt.Fprintf(&golang, "F [%d]byte", v.Size)
		v.GoAlign = 1
	}
	t.declRust = fmt.Sprintf("#[derive(Clone, Copy)] #[repr(%s)] pub struct %s { %s}\n", repr, name, rust.String())
	t.declGo = fmt.Sprintf("type %s struct { %s }\n", name, golang.String())
	return t
}

// execSignatures are parameters, each of which some function returns.
var execSignatures = []string{
	"B3", "u8 B3 u8 B5 B6 B7 u8", "B2 B9 B11 u8 B13", "B14 B15 B16", "F2", "f32 F2 F3 F4 f64", "FI FU UF UD", "Mixed u8 Mixed",
	"I8 F1 D1 U1", "H3 H7 W3", "U2 U2 U2 u8", "U3", "u64 U3 u8 U3", "u8 U6", "B17", "u8 B17 f32", "B100 u8", "u8 B100 B100 F2 B100 f64",
	"u64 u64 u64 u64 u64 U2 u64 u64", "u64 u64 u64 u64 u64 u64 FU f64", "u64 u64 u64 u64 u64 UD F2 u64",
	"f64 f64 f64 f64 f64 f64 f64 D2 f64 f32 u64", "F4 F4 F4 D1 F4 f32 f32", "D2 D2 D2 D2 F1 F2 f64", "D3 u8",
	"u128", "u8 u128 u8", "u64 u64 u64 u64 u64 u128 u64 u64 u128 u8", "u64 u64 u64 u64 u64 u64 u64 u128", "Q u8 Q u64 u64 u64 Q u8 Q",
	"QU", "u8 QU u8 QU", "A1 A2 u8 A3", "u64 u64 u64 u64 u64 u64 u8 A1 u8 A2 A3 u8", "AB AF u8 AF", "A3 B3 A3",
	"P5 u8 P13", "PF u64 PF", "P13 f64", "u64 u64 u64 u64 u64 u64 B3 B5 B6 B7 B11 P5 B2 u8", "Empty u8 Empty U3", "F5 u8 F5 f32",
	"i8 i16 u32 f32 Transparent u8", "u64 u64 u64 u64 u64 u64 i8 i16 u32 f32 Transparent B3", "U3 i8 i16 B17 i8",
	"f64 f64 f64 f64 f64 f64 f64 f64 TransparentFloat F1 u8", // a struct that is a float, on C's stack
}

// execForm is a form of a trampoline (amd64.go, arm64.go), and the bound of the
// stack that makes one; -1 is for no bound.
type execForm struct {
	name             string
	bound            int
	panics, blocking bool
}

// execPlatforms are the platforms, and what runs their programs if it is
// not the host.
var execPlatforms = []struct {
	goarch, triple, runner string
	features               string // of the processor, for rustc
	tools                  []string
	forms                  []execForm
	image                  func(t *testing.T, dir string) *image.Image
}{
	{
		goarch: "amd64", triple: "x86_64-unknown-linux-gnu", tools: []string{"ld"}, image: linkedImage,
		forms: []execForm{
			{name: "Leaf", bound: 8},
			{name: "Small", bound: 64},
			{name: "SmallPanics", bound: 72, panics: true},
			{name: "Large", bound: 2000},
			{name: "LargePanics", bound: 2008, panics: true},
			{name: "Own", bound: -1},
			{name: "OwnPanics", bound: -1, panics: true},
			{name: "Blocking", bound: 64, blocking: true},
			{name: "BlockingPanics", bound: -1, panics: true, blocking: true},
		},
	},
	{
		// x28 holds g, which Go wants to find there when a signal arrives.
		goarch: "arm64", triple: "aarch64-unknown-linux-gnu", runner: "qemu-aarch64", features: "+reserve-x28", image: builtImage,
		forms: []execForm{
			{name: "Copied"},
			{name: "Leaf"},
			{name: "Small", bound: 64},
			{name: "SmallPanics", bound: 64, panics: true},
			{name: "Large", bound: 2000},
			{name: "LargePanics", bound: 2000, panics: true},
			{name: "Huge", bound: 20000},
			{name: "Own", bound: -1},
			{name: "OwnPanics", bound: -1, panics: true},
			{name: "Blocking", bound: 64, blocking: true},
			{name: "BlockingPanics", bound: -1, panics: true, blocking: true},
		},
	},
	{
		goarch: "riscv64", triple: "riscv64gc-unknown-linux-gnu", runner: "qemu-riscv64", features: "+reserve-x27", image: builtImage,
		forms: []execForm{
			{name: "Copied"},
			{name: "Leaf"},
			{name: "Small", bound: 64},
			{name: "SmallPanics", bound: 64, panics: true},
			{name: "Large", bound: 2000},
			{name: "LargePanics", bound: 2000, panics: true},
			{name: "Huge", bound: 20000},
			{name: "Own", bound: -1},
			{name: "OwnPanics", bound: -1, panics: true},
			{name: "Blocking", bound: 64, blocking: true},
			{name: "BlockingPanics", bound: -1, panics: true, blocking: true},
		},
	},
}

// TestExec calls functions that rustc has compiled through trampolines of every
// form: each returns one of its arguments.
func TestExec(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("runs ELF code")
	}
	for _, on := range execPlatforms {
		t.Run(on.goarch, func(t *testing.T) {
			tools := append([]string{"rustc", "go"}, on.tools...)
			var run []string
			if runtime.GOARCH != on.goarch {
				if on.runner == "" {
					t.Skip("not the host")
				}
				tools = append(tools, on.runner)
				run = []string{"-exec", on.runner}
			}
			for _, tool := range tools {
				if _, err := exec.LookPath(tool); err != nil {
					if os.Getenv("CI") == "true" {
						t.Fatal(err)
					}
					t.Skip(err)
				}
			}
			needTarget(t, on.triple)
			testExec(t, on.goarch, []string{"--target=" + on.triple, "-Ctarget-feature=" + on.features}, run, on.forms, on.image)
		})
	}
}

// refused reports whether there is no trampoline for f.
func (f *Function) refused(goarch string) bool {
	var l layout
	switch goarch {
	case "amd64":
		return f.checkAMD64() != nil
	case "arm64":
		l = f.arm64Layout("linux", false)
	case "riscv64":
		l = f.riscvLayout(false)
	}
	return l.check("") != nil
}

// needTarget skips a test if rustc has no library for a target.
func needTarget(t *testing.T, triple string) {
	t.Helper()
	out, err := exec.Command("rustc", "--print", "target-libdir", "--target", triple).Output()
	if err == nil {
		_, err = os.Stat(strings.TrimSpace(string(out)))
	}
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal(err)
	} else if err != nil {
		t.Skip(err)
	}
}

func testExec(t *testing.T, goarch string, compile, run []string, forms []execForm, build func(t *testing.T, dir string) *image.Image) {
	types := execTypes()
	p := &Package{Name: "callee"}
	platform := Platform{GOOS: "linux", GOARCH: goarch, Stack: map[string]int{}, Panics: map[string]bool{}}
	rust, golang, masks := execDecls(types)
	calls := new(strings.Builder)
	for i, signature := range execSignatures {
		params := strings.Fields(signature)
		for k, result := range params {
			symbol := fmt.Sprintf("f%d_%d", i, k)
			fmt.Fprintf(rust, "#[no_mangle] pub extern \"C\" fn %s(", symbol)
			for j, q := range params {
				fmt.Fprintf(rust, "_a%d: %s, ", j, q)
			}
			fmt.Fprintf(rust, ") -> %s { _a%d }\n", result, k)
			if types[result].value.Size == 0 {
				continue
			}
			for _, form := range forms {
				f := Function{Name: fmt.Sprintf("F%d_%d%s", i, k, form.name), Symbol: symbol + form.name, StackLimit: DefaultStackLimit, Blocking: form.blocking}
				var values, args []string
				for j, q := range params {
					typ := types[q]
					f.Params = append(f.Params, Param{Name: fmt.Sprintf("p%d", j), Type: typ.golang, Value: typ.value, Composite: typ.composite})
					values = append(values, fmt.Sprintf("\ta%d := fill[callee.%s](%d)\n", j, execAlias(typ), j))
					args = append(args, fmt.Sprintf("a%d", j))
				}
				f.Result = &Param{Type: types[result].golang, Value: types[result].value, Composite: types[result].composite}
				if f.refused(goarch) {
					continue
				}
				fmt.Fprintf(calls, "func() {\n%s\tcheck(%q, callee.%s(%s), a%d, mask%s)\n},\n", strings.Join(values, ""), f.Name+"("+signature+")", f.Name, strings.Join(args, ", "), k, result)
				p.Functions = append(p.Functions, f)
				if form.bound >= 0 {
					platform.Stack[f.Symbol] = form.bound
				}
				if form.panics {
					platform.Panics[f.Symbol] = true
				}
			}
		}
	}
	dir := t.TempDir()
	execWrite(t, dir, "callees.rs", rust.String())
	execRun(t, dir, goarch, "rustc", append(compile, "--edition=2021", "--crate-type=lib", "--emit=obj", "-Copt-level=2", "-Cpanic=abort", "-o", "callees.o", "callees.rs")...)
	platform.Image = build(t, dir)
	var exports []image.Export
	for _, e := range platform.Image.Exports {
		for _, form := range forms {
			export := image.Export{Name: e.Name + form.name, Off: e.Off}
			if form.name == "Copied" {
				export.Leaf, export.LeafOff = e.Leaf, e.LeafOff
			}
			exports = append(exports, export)
		}
	}
	platform.Image.Exports = exports
	p.Platforms = []Platform{platform}
	files, err := p.Files()
	if err != nil {
		t.Fatal(err)
	}
	execWrite(t, dir, "go.mod", "module example.com/exec\n\ngo 1.25\n")
	for name, data := range files {
		execWrite(t, dir, "callee/"+name, string(data))
	}
	execWrite(t, dir, "callee/types.go", golang.String())
	execWrite(t, dir, "main.go", execMain)
	execWrite(t, dir, "calls.go", "package main\n\nimport \"example.com/exec/callee\"\n\n"+masks.String()+"\nvar calls = []func(){\n"+calls.String()+"}\n")
	execRun(t, dir, goarch, "go", "vet", "./callee")
	if out := execRun(t, dir, goarch, "go", slices.Concat([]string{"run"}, run, []string{"."})...); out != "ok\n" {
		t.Error(out)
	}
}
