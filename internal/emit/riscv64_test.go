package emit

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/abi"
	"github.com/cargo-rustgo/cargo-rustgo/internal/image"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
)

// sampleRISCV64 is sampleARM64 with other code.
func sampleRISCV64() *Package {
	p := sampleARM64("linux")
	platform := &p.Platforms[0]
	platform.GOARCH = "riscv64"
	img := platform.Image
	img.Arch = "riscv64"
	text := img.Memory[image.Text].Data
	copy(text, "\x05\x45\x82\x80\x00\x00\x00\x00")                                      // li a0, 1; ret
	copy(text[32:], "\x17\x09\x00\x00\x13\x09\x09\x00\x01\x11\x05\x61\x82\x80\x01\x00") // the first two are a load
	return p
}

func TestRISCV64Golden(t *testing.T) {
	files, err := sampleRISCV64().Files()
	if err != nil {
		t.Fatal(err)
	}
	const name = "rustgo_linux_riscv64.s"
	golden(t, map[string][]byte{name: files[name]})
}

// TestRISCV64Refused checks what there is no trampoline for.
func TestRISCV64Refused(t *testing.T) {
	aligned := Param{Name: "a", Value: abi.Value{Size: 32, Align: 32, Aggregate: true, Scalars: []abi.Scalar{{Size: 8}}}}
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
		p := sampleRISCV64()
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

// riscvWhere returns SP and the low end of the goroutine's stack (g.stack.lo).
const riscvWhere = `
	.section .text.where, "ax", @progbits
	.globl where
	.type where, @function
where:	mv a0, sp
	ld a1, 0(s11)
	ret
	.size where, .-where
`

const riscvMain = `package main

import (
	"fmt"
	"os"

	"example.com/exec/callee"
)

// checkWhere looks at SP of Rust and at the end of the stack.
func checkWhere(bound int, got [2]uintptr) {
	if got[0]%16 != 0 && bound > 0 || got[0] < got[1]+uintptr(bound) { // what uses no stack needs no alignment
		fmt.Printf("SP %#x: %d bytes of stack, want %d\n", got[0], got[0]-got[1], bound)
		os.Exit(1)
	}
}

// deep calls where SP is aligned to 16, and where it is not, with all amounts of
// stack left.
//
//go:noinline
func deep(n int) (sum byte) {
	var pad [8]byte
	pad[n%8] = byte(n)
WHERES	if n > 0 {
		sum = deep(n - 1)
	}
	return sum + pad[0]
}

//go:noinline
func deeper(n int) (sum byte) {
	var pad [24]byte
	pad[n%24] = byte(n)
	sum = deep(n)
	return sum + pad[0]
}

func main() {
	for n := range 200 {
		done := make(chan byte)
		go func() { done <- deep(n) + deeper(n) }()
		<-done
	}
	fmt.Println("ok")
}
`

// TestRISCV64Stack checks that there is as much stack as was asked for, by all
// forms of trampolines.
func TestRISCV64Stack(t *testing.T) {
	tools := []string{"go", "riscv64-linux-gnu-as"}
	run := []string{"./program"}
	if runtime.GOARCH != "riscv64" || runtime.GOOS != "linux" {
		tools = append(tools, "qemu-riscv64")
		run = []string{"qemu-riscv64", "./program"}
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	dir := t.TempDir()
	execWrite(t, dir, "rust/where.s", riscvWhere)
	execRun(t, dir, "riscv64", "riscv64-linux-gnu-as", "-o", "where.o", "rust/where.s")
	data, err := os.ReadFile(filepath.Join(dir, "where.o"))
	if err != nil {
		t.Fatal(err)
	}
	lib, err := link.Open("where.o", data, nil)
	if err != nil {
		t.Fatal(err)
	}
	set, err := link.Resolve([]*link.Library{lib}, []string{"where"})
	if err != nil {
		t.Fatal(err)
	}
	img, err := image.Build(set, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &Package{Name: "callee"}
	platform := Platform{GOOS: "linux", GOARCH: "riscv64", Image: img, Stack: map[string]int{}, Panics: map[string]bool{}}
	functions, bounds := arm64Functions()
	off := img.Exports[0].Off
	var wheres strings.Builder
	for _, f := range functions {
		if !strings.HasPrefix(f.Symbol, "where") {
			continue
		}
		args := ""
		if len(f.Params) > 0 {
			args = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11"
		}
		for _, panics := range []bool{false, true} {
			f, bound := f, bounds[f.Symbol]
			if panics {
				f.Name, f.Symbol = f.Name+"Panics", f.Symbol+"panics"
				platform.Panics[f.Symbol] = true
			}
			platform.Stack[f.Symbol] = bound
			p.Functions = append(p.Functions, f)
			img.Exports = append(img.Exports, image.Export{Name: f.Symbol, Off: off})
			fmt.Fprintf(&wheres, "\tcheckWhere(%d, callee.%s(%s))\n", bound, f.Name, args)
		}
	}
	p.Platforms = []Platform{platform}
	files, err := p.Files()
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		execWrite(t, dir, "callee/"+name, string(data))
	}
	execWrite(t, dir, "go.mod", "module example.com/exec\n\ngo 1.25\n")
	execWrite(t, dir, "main.go", strings.Replace(riscvMain, "WHERES", wheres.String(), 1))
	execRun(t, dir, "riscv64", "go", "vet", "./callee")
	execRun(t, dir, "riscv64", "go", "build", "-o", "program", ".")
	if out := execRun(t, dir, "riscv64", run[0], run[1:]...); out != "ok\n" {
		t.Error(out)
	}
}
