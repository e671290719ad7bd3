package driver

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/target"
	"github.com/cargo-rustgo/cargo-rustgo/internal/tool"
)

const inspectedSource = `#![no_std]
extern crate rustgo;
use core::hint::black_box;

#[unsafe(no_mangle)]
pub extern "C" fn leaf(n: u64) -> u64 { n.wrapping_add(1) }

#[inline(never)]
fn deeper(n: u64) -> u64 { black_box([n; 16])[3] }

#[unsafe(no_mangle)]
pub extern "C" fn deep(n: u64) -> u64 { deeper(n).wrapping_add(1) }

#[unsafe(no_mangle)]
pub extern "C" fn factorial(n: u64) -> u64 {
    if n < 2 { 1 } else { black_box(factorial(black_box(n - 1))).wrapping_mul(n) }
}

#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn is_even(n: u64) -> u64 {
    if n == 0 { 1 } else { black_box(is_odd(black_box(n - 1))) }
}

#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn is_odd(n: u64) -> u64 {
    if n == 0 { 0 } else { black_box(is_even(black_box(n - 1))) }
}
`

func TestInspect(t *testing.T) {
	if _, err := exec.LookPath("cargo"); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	helper, err := filepath.Abs("../../rust/rustgo")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "src"), 0o777); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{
		"Cargo.toml": "[package]\nname = \"inspected\"\nversion = \"0.1.0\"\nedition = \"2024\"\n" +
			"[dependencies]\nrustgo = { path = '" + helper + "' }\n",
		"src/lib.rs": inspectedSource,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	linux, ok := target.Lookup("linux", "amd64")
	if !ok {
		t.Fatal("no target linux/amd64")
	}
	list, err := Inspect(context.Background(), Options{Cargo: tool.BuildOptions{Cargo: tool.Cargo{Runner: tool.Runner{Dir: dir}}, Offline: true}, Targets: []target.Target{linux}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []Inspected{
		{GoName: "Deep", Path: []string{"Deep", "inspected::deeper"}},
		{GoName: "Factorial", Path: []string{"Factorial", "Factorial"}, Reason: "recursion: factorial → factorial"},
		{GoName: "IsEven", Path: []string{"IsEven", "IsOdd", "IsEven"}, Reason: "recursion: "},
		{GoName: "IsOdd", Path: []string{"IsOdd", "IsEven", "IsOdd"}, Reason: "recursion: "},
		{GoName: "Leaf", Path: []string{"Leaf"}, Bytes: 16},
	} {
		i := slices.IndexFunc(list, func(f Inspected) bool { return f.GoName == want.GoName })
		if i < 0 {
			t.Errorf("%s is missing", want.GoName)
			continue
		}
		got := list[i]
		if !slices.Equal(got.Path, want.Path) {
			t.Errorf("%s: path %q, want %q", got.GoName, got.Path, want.Path)
		}
		if !strings.HasPrefix(got.Reason, want.Reason) || (got.Reason == "") != (want.Reason == "") {
			t.Errorf("%s: reason %q, want %q", got.GoName, got.Reason, want.Reason)
		}
		if (got.Bytes == 0) != (got.Reason != "") || want.Bytes != 0 && got.Bytes != want.Bytes || got.Panics || got.Platform != "linux/amd64" {
			t.Errorf("%s: %+v", got.GoName, got)
		}
	}
	if !slices.IsSortedFunc(list, func(a, b Inspected) int { return strings.Compare(a.GoName, b.GoName) }) || len(list) != 5 {
		t.Errorf("got %+v", list)
	}
}
