package driver

import (
	"bytes"
	"context"
	"debug/macho"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// machoSource is a crate that depends on nothing: formatting has tables, vtables,
// jumps and data of all kinds.
const machoSource = `#![no_std]
#![no_builtins]
use core::fmt::Write;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }

macro_rules! copy { ($to:ident, $from:ident, $n:ident, $list:expr) => {{
    for i in $list { unsafe { *$to.add(i) = *$from.add(i) } }
    $to
}} }
#[no_mangle]
pub extern "C" fn memcpy(to: *mut u8, from: *const u8, n: usize) -> *mut u8 { copy!(to, from, n, 0..n) }
#[no_mangle]
pub extern "C" fn memmove(to: *mut u8, from: *const u8, n: usize) -> *mut u8 {
    if (to as usize) < from as usize { copy!(to, from, n, 0..n) } else { copy!(to, from, n, (0..n).rev()) }
}
#[no_mangle]
pub extern "C" fn memset(to: *mut u8, c: i32, n: usize) -> *mut u8 {
    for i in 0..n { unsafe { *to.add(i) = c as u8 } }
    to
}
#[no_mangle]
pub extern "C" fn bzero(to: *mut u8, n: usize) { memset(to, 0, n); }
#[export_name = "__bzero"]
pub extern "C" fn bzero2(to: *mut u8, n: usize) { memset(to, 0, n); }
#[no_mangle]
pub extern "C" fn memcmp(a: *const u8, b: *const u8, n: usize) -> i32 {
    for i in 0..n {
        let (x, y) = unsafe { (*a.add(i), *b.add(i)) };
        if x != y { return x as i32 - y as i32; }
    }
    0
}
#[no_mangle]
pub extern "C" fn bcmp(a: *const u8, b: *const u8, n: usize) -> i32 { memcmp(a, b, n) }

static mut CALLS: u64 = 40;
static mut ZEROS: [u64; 5000] = [0; 5000];
static NAMES: [&str; 3] = ["one", "two", "three"];
static OPERATIONS: [fn(u64) -> u64; 3] = [double, square, zeros];

fn double(x: u64) -> u64 { x * 2 }
fn square(x: u64) -> u64 { x * x }
fn zeros(x: u64) -> u64 { unsafe { ZEROS[x as usize % 5000] += x; ZEROS[17] } }

struct Buffer<'a>(&'a mut [u8], usize);
impl Write for Buffer<'_> {
    fn write_str(&mut self, s: &str) -> core::fmt::Result {
        for c in s.bytes() { *self.0.get_mut(self.1).ok_or(core::fmt::Error)? = c; self.1 += 1; }
        Ok(())
    }
}

#[no_mangle]
pub extern "C" fn format(n: u64, out: *mut u8, size: usize) -> usize {
    let mut b = Buffer(unsafe { core::slice::from_raw_parts_mut(out, size) }, 0);
    let x = unsafe { CALLS += n; CALLS as f64 / 7.0 };
    let _ = write!(b, "{:>9.3} {:e} {:?} {:#x} {:?} {}", x, x, NAMES[n as usize % 3], n, Some((n, 'é', "a\n")), OPERATIONS[n as usize % 3](n));
    b.1
}

#[no_mangle]
pub extern "C" fn unused(n: u64) -> u64 { n }
`

// machoLoader maps a program that needs no libraries at its own addresses and
// prints what a function of it writes.
const machoLoader = `#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static uint32_t u32(char *p) { uint32_t v; memcpy(&v, p, 4); return v; }
static uint64_t u64(char *p) { uint64_t v; memcpy(&v, p, 8); return v; }

int main(int argc, char **argv) {
	static char file[1 << 24];
	FILE *f = fopen(argv[1], "rb");
	if (!f || !fread(file, 1, sizeof file, f)) return 1;
	size_t (*format)(uint64_t, char *, size_t) = 0;
	char *command = file + 32;
	for (uint32_t i = 0; i < u32(file + 16); i++, command += u32(command + 4)) {
		if (u32(command) == 0x19 && u64(command + 32) && u32(command + 60)) { // not __PAGEZERO
			char *at = (char *)u64(command + 24);
			if (mmap(at, (u64(command + 32) + 4095) & ~4095ull, 7, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != at) return 2;
			memcpy(at, file + u64(command + 40), u64(command + 48));
			__builtin___clear_cache(at, at + u64(command + 48));
		}
		if (u32(command) == 2)
			for (uint32_t j = 0; j < u32(command + 12); j++) {
				char *s = file + u32(command + 8) + 16 * j;
				if (!strcmp(file + u32(command + 16) + u32(s), "_format")) format = (void *)u64(s + 8);
			}
	}
	if (!format) return 3;
	for (uint64_t n = 0; n < 200; n++) {
		char out[300];
		size_t size = format(n * n * n, out, sizeof out);
		printf("%.*s\n", (int)size, out);
	}
}
`

// TestStripMachO strips libraries for macOS. What ld64.lld makes of the objects does
// the same as what it makes of the libraries, and so does what is stripped again.
func TestStripMachO(t *testing.T) {
	for _, tt := range []struct {
		triple, arch string
		compiler     []string
		runner       []string
	}{
		{"x86_64-apple-darwin", "x86_64", []string{"gcc"}, nil},
		{"aarch64-apple-darwin", "arm64", []string{"aarch64-linux-gnu-gcc", "-static"}, []string{"qemu-aarch64"}},
	} {
		t.Run(tt.arch, func(t *testing.T) {
			missing := func(reason string) {
				t.Helper()
				if os.Getenv("CI") == "true" {
					t.Fatal(reason)
				}
				t.Skip(reason)
			}
			for _, tool := range append([]string{"rustc", tt.compiler[0], "ld64.lld-19", "llvm-objdump-19", "llvm-nm-19"}, tt.runner...) {
				if _, err := exec.LookPath(tool); err != nil {
					missing(err.Error())
				}
			}
			if tt.arch == "x86_64" && runtime.GOARCH != "amd64" {
				t.Skip("this processor cannot run the code")
			}
			dir := t.TempDir()
			path := func(name string) string { return filepath.Join(dir, name) }
			for name, text := range map[string]string{"lib.rs": machoSource, "loader.c": machoLoader} {
				if err := os.WriteFile(path(name), []byte(text), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			out, err := exec.Command("rustc", "--target="+tt.triple, "--crate-type=staticlib", "--edition=2021", "-Copt-level=2", "-Cpanic=abort", "-g", "-o", path("lib.a"), path("lib.rs")).CombinedOutput()
			if err != nil {
				missing(string(out))
			}
			run(t, tt.compiler[0], append(tt.compiler[1:], "-o", path("loader"), path("loader.c"))...)
			link := func(input string) string {
				t.Helper()
				args := []string{"-execute", "-e", "_format", "-arch", tt.arch, "-platform_version", "macos", "11.0", "11.0", "-dead_strip", "-no_fixup_chains",
					"-fatal_warnings", "-exported_symbol", "_format", "-u", "_format", "-o", path("linked"), input}
				run(t, "ld64.lld-19", args...)
				command := append(tt.runner, path("loader"), path("linked"))
				return run(t, command[0], command[1:]...)
			}
			want := link(path("lib.a"))
			if !strings.Contains(want, `    6.000 6e0 "two" 0x1 Some((1, 'é', "a\n")) 1`) && !strings.Contains(want, `"one" 0x0 Some((0, 'é', "a\n")) 0`) {
				t.Errorf("the library prints\n%s", want)
			}
			for _, keep := range []bool{false, true} {
				object, again := path("out.o"), path("again.o")
				for _, o := range []StripOptions{
					{Exports: []string{"format"}, Output: object, Inputs: []string{path("lib.a")}, KeepGlobals: keep},
					{Exports: []string{"format"}, Output: again, Inputs: []string{object}},
				} {
					if err := Strip(context.Background(), o); err != nil {
						t.Fatal(err)
					}
					if got := link(o.Output); got != want {
						t.Errorf("%s, keep globals %v: got\n%s", filepath.Base(o.Output), keep, got)
					}
					checkMachO(t, o.Output, o.KeepGlobals)
				}
			}
		})
	}
}

// checkMachO has other readers look at an object that exports format.
func checkMachO(t *testing.T, file string, globals bool) {
	t.Helper()
	f, err := macho.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var exported []string
	d := f.Dysymtab
	for i, s := range f.Symtab.Syms {
		local, undefined := uint32(i) < d.Nlocalsym, uint32(i) >= d.Iundefsym
		if global := s.Type&1 != 0; global == local || undefined != (s.Type&0xe == 0) {
			t.Errorf("symbol %d, %+v: not where LC_DYSYMTAB says", i, s)
		}
		if !local {
			exported = append(exported, s.Name)
		}
	}
	if int(d.Nlocalsym+d.Nextdefsym+d.Nundefsym) != len(f.Symtab.Syms) || d.Nundefsym != 0 {
		t.Errorf("%d symbols, LC_DYSYMTAB: %+v", len(f.Symtab.Syms), d.DysymtabCmd)
	}
	if !slices.Contains(exported, "_format") || slices.Contains(exported, "_unused") || globals != (len(exported) > 10) {
		t.Errorf("exported: %q", exported)
	}
	if names := run(t, "llvm-nm-19", "-g", "-j", file); !slices.Equal(strings.Fields(names), exported) {
		t.Errorf("llvm-nm: %q, want %q", names, exported)
	}
	headers := run(t, "llvm-objdump-19", "--macho", "--private-headers", file)
	for _, want := range []string{"SUBSECTIONS_VIA_SYMBOLS", "LC_BUILD_VERSION", "platform macos", "LC_DYSYMTAB"} {
		if !strings.Contains(headers, want) {
			t.Errorf("llvm-objdump: no %s in\n%s", want, headers)
		}
	}
	if listing := run(t, "llvm-objdump-19", "--macho", "-r", file); strings.Contains(strings.ReplaceAll(listing, "?( 3)", "quad"), "?") || // which it knows of no arm64
		!strings.Contains(listing, "UNSIGNED") && !strings.Contains(listing, "UNSIGND") {
		t.Errorf("llvm-objdump -r:\n%s", listing)
	}
	first, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(first, []byte("lib.rs")) {
		t.Error("there are debug data")
	}
}
