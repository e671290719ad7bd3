package emit

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/image"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
)

// execDecls writes the types, and masks of what is not padding.
func execDecls(types map[string]execType) (rust, golang, masks *strings.Builder) {
	rust, golang, masks = new(strings.Builder), new(strings.Builder), new(strings.Builder)
	rust.WriteString("#![no_std]\n#![no_builtins]\n#![allow(improper_ctypes_definitions, dead_code)]\n")
	rust.WriteString("#[no_mangle] pub unsafe extern \"C\" fn memcpy(to: *mut u8, from: *const u8, n: usize) -> *mut u8 { for i in 0..n { *to.add(i) = *from.add(i) } to }\n")
	golang.WriteString("package callee\n\n")
	for name, t := range types {
		rust.WriteString(t.declRust)
		golang.WriteString(t.declGo)
		if t.declGo == "" {
			fmt.Fprintf(golang, "type %s = %s\n", execAlias(t), t.golang)
		}
		mask := make([]byte, t.value.Size)
		for _, s := range t.value.Scalars {
			for i := range s.Size {
				mask[s.Off+i] = 1
			}
		}
		fmt.Fprintf(masks, "const mask%s = %q\n", name, mask)
	}
	return rust, golang, masks
}

// execAlias is the name of a type in the package, which numbers have too.
func execAlias(t execType) string {
	if t.declGo == "" {
		return "Number" + t.rust
	}
	return t.golang
}

// linkedImage makes an image of what a linker makes of callees.o, as one
// function.
func linkedImage(t *testing.T, dir string) *image.Image {
	// What the code needs of constants is behind it.
	execRun(t, dir, "amd64", "ld", "-N", "-Ttext=0", "-e0", "-o", "callees", "callees.o")
	object, err := elf.Open(filepath.Join(dir, "callees"))
	if err != nil {
		t.Fatal(err)
	}
	defer object.Close()
	var text []byte
	for _, prog := range object.Progs {
		if prog.Type == elf.PT_LOAD && prog.Vaddr == 0 {
			text = make([]byte, prog.Filesz)
			if _, err := prog.ReadAt(text, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	table, err := object.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	img := &image.Image{Arch: "amd64"}
	for _, s := range table {
		if elf.ST_BIND(s.Info) == elf.STB_GLOBAL && s.Section < elf.SHN_LORESERVE {
			img.Exports = append(img.Exports, image.Export{Name: s.Name, Off: s.Value})
		}
	}
	part := image.Part{Size: uint64(len(text)), Name: "callees"}
	align := img.FuncAlign()
	end := (uint64(len(text)) + align) &^ (align - 1)
	img.Code = []image.Code{{Part: part, End: end, Align: align}}
	img.Constants = end
	img.Memory[image.Text] = image.Memory{Data: append(text, make([]byte, end-part.Size)...), Size: end, Align: align, Parts: []image.Part{part}}
	for s := image.RelRO; s < image.Segments; s++ {
		img.Memory[s].Align = 1
	}
	return img
}

// builtImage makes an image of callees.o.
func builtImage(t *testing.T, dir string) *image.Image {
	data, err := os.ReadFile(filepath.Join(dir, "callees.o"))
	if err != nil {
		t.Fatal(err)
	}
	lib, err := link.Open("callees.o", data, nil)
	if err != nil {
		t.Fatal(err)
	}
	set, err := link.Resolve([]*link.Library{lib}, slices.DeleteFunc(lib.Names(), func(name string) bool { return !strings.HasPrefix(name, "f") }))
	if err != nil {
		t.Fatal(err)
	}
	img, err := image.Build(set, nil)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func execWrite(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func execRun(t *testing.T, dir, goarch, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GOARCH="+goarch)
	out, err := cmd.CombinedOutput()
	if len(out) > 4000 {
		out = bytes.Join([][]byte{out[:2000], out[len(out)-2000:]}, []byte("\n...\n"))
	}
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	return string(out)
}

const execMain = `package main

import (
	"fmt"
	"os"
	"unsafe"
)

var seed uint64 = 1

// fill returns a value of random bytes.
//
//go:noinline
func fill[T any](int) T {
	var v T
	b := unsafe.Slice((*byte)(unsafe.Pointer(&v)), unsafe.Sizeof(v))
	for i := range b {
		seed = seed*6364136223846793005 + 1442695040888963407
		b[i] = byte(seed >> 56)
	}
	return v
}

var failed bool

//go:noinline
func check[T any](what string, got, want T, mask string) {
	g := unsafe.Slice((*byte)(unsafe.Pointer(&got)), unsafe.Sizeof(got))
	w := unsafe.Slice((*byte)(unsafe.Pointer(&want)), unsafe.Sizeof(want))
	if len(mask) != len(g) {
		fmt.Println(what, "has", len(g), "bytes in Go and", len(mask), "in Rust")
		failed = true
	}
	for i := range min(len(g), len(mask)) {
		if mask[i] != 0 && g[i] != w[i] {
			fmt.Printf("%s:\n got % x\nwant % x\n", what, g, w)
			failed = true
			return
		}
	}
}

func all() {
	for _, call := range calls {
		call()
	}
}

// deeper calls all with the stack pointer 8 or 16 bytes off.
//
//go:noinline
func deeper(n int) int {
	if n == 0 {
		all()
		return 0
	}
	return deeper(n-1) + 1
}

//go:noinline
func odd(x *[3]uint64) uint64 {
	y := *x
	deeper(0)
	return y[seed%3]
}

func main() {
	done := make(chan int)
	go func() { done <- deeper(0) }()
	<-done
	go func() { done <- deeper(1) + int(odd(new([3]uint64))) }()
	<-done
	if failed {
		os.Exit(1)
	}
	fmt.Println("ok")
}
`
