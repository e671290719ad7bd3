package signature

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/archive"
	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
)

const (
	prelude = "#![no_std]\n#![allow(unused, improper_ctypes_definitions)]\n" +
		"use core::{ffi::c_void, ptr::NonNull};\n" +
		"#[panic_handler] fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }\n"
	export = "#[unsafe(no_mangle)] pub extern \"C\" "
)

// apart keeps functions with the same code from losing their DWARF.
var apart = []string{"-Cllvm-args=-mergefunc-use-aliases=false", "-Cllvm-args=-mergefunc-preserve-debug-info"}

// compile builds source as the crate named sample and returns its object.
func compile(t testing.TB, source string, flags ...string) *elfmacho.Object {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "sample.rs"), []byte(source), 0o666); err != nil {
		t.Fatal(err)
	}
	rustc(t, dir, append([]string{"--edition=2024", "--crate-type=staticlib", "--emit=obj", "-Cdebuginfo=2", "-O",
		"-Cpanic=abort", "-Ccodegen-units=1", "--target=x86_64-unknown-linux-gnu", "-o", "sample.o", "sample.rs"}, flags...)...)
	return parse(t, filepath.Join(dir, "sample.o"))
}

func rustc(t testing.TB, dir string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath("rustc"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("rustc is missing")
		}
		t.Skip("rustc is missing")
	}
	cmd := exec.Command("rustc", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("rustc %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func parse(t testing.TB, file string) *elfmacho.Object {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	o, err := elfmacho.Parse(filepath.Base(file), data)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// read returns what Read finds in o, by symbol.
func read(t testing.TB, o *elfmacho.Object) map[string]*Function {
	t.Helper()
	functions, err := Read(o)
	if err != nil {
		t.Fatal(err)
	}
	bySymbol := map[string]*Function{}
	for i := range functions {
		bySymbol[functions[i].Symbol] = &functions[i]
	}
	return bySymbol
}

// declare writes f as Go would.
func declare(t testing.TB, f *Function) string {
	t.Helper()
	var g GoTypes
	add := func(typ *Type) {
		if err := g.Add(typ); err != nil {
			t.Errorf("%s: %v", f.Symbol, err)
		}
	}
	for _, p := range f.Params {
		add(p.Type)
	}
	if f.Result != nil {
		add(f.Result)
	}
	g.Resolve(nil)
	var b strings.Builder
	b.WriteString("func " + GoName(f.Symbol) + "(")
	for i, name := range GoParams(f.Params) {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(name + " " + g.Of(f.Params[i].Type))
	}
	b.WriteString(")")
	if f.Result != nil {
		b.WriteString(" " + g.Of(f.Result))
	}
	return b.String()
}

// readArchive returns what Read finds in all members of a static library.
func readArchive(t testing.TB, file string) []Function {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lib, err := archive.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	var list []Function
	for i, m := range lib.Members {
		if !elfmacho.IsObject(lib.Data(i)) {
			continue
		}
		o, err := elfmacho.Parse(m.Name, lib.Data(i))
		if err != nil {
			t.Fatal(err)
		}
		functions, err := Read(o)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, functions...)
	}
	return list
}
