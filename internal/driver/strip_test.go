package driver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const stdSource = `
use std::collections::HashMap;
#[no_mangle]
pub extern "C" fn word_count(p: *const u8, n: usize) -> usize {
    let s = unsafe { std::slice::from_raw_parts(p, n) };
    let s = String::from_utf8_lossy(s);
    let mut m: HashMap<String, usize> = HashMap::new();
    for w in s.split_whitespace() { *m.entry(w.to_lowercase()).or_insert(0) += 1; }
    let mut v: Vec<_> = m.into_iter().collect();
    v.sort();
    format!("{:?} {:.3}", v, n as f64 / 3.0).len()
}
#[no_mangle]
pub extern "C" fn factorial(n: u64) -> u64 { (1..=n).product() }
`

const mainSource = `
#include <stdio.h>
#include <string.h>
extern size_t word_count(const unsigned char *, size_t);
int main(void) {
	const char *s = "the quick brown fox the lazy dog the end";
	printf("%zu\n", word_count((const unsigned char *)s, strlen(s)));
}
`

func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip(err)
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// staticlib compiles a library that uses std: more than 20 MB, nearly all of it
// dead.
func staticlib(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	source, out := filepath.Join(dir, "words.rs"), filepath.Join(dir, "libwords.a")
	if err := os.WriteFile(source, []byte(stdSource), 0o666); err != nil {
		t.Fatal(err)
	}
	run(t, "rustc", "--crate-type=staticlib", "--edition=2021", "-Copt-level=3", "-Cpanic=abort", "-g", "-o", out, source)
	return out
}

func strip(t testing.TB, o StripOptions) *elf.File {
	t.Helper()
	if err := Strip(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	f, err := elf.Open(o.Output)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// TestStripRuns links the output into a C program.
func TestStripRuns(t *testing.T) {
	lib, dir := staticlib(t), t.TempDir()
	source := filepath.Join(dir, "main.c")
	if err := os.WriteFile(source, []byte(mainSource), 0o666); err != nil {
		t.Fatal(err)
	}
	libs := []string{"-lpthread", "-ldl", "-lm", "-lgcc_eh", "-lc"}
	original := filepath.Join(dir, "original")
	run(t, "gcc", append([]string{"-o", original, source, lib}, libs...)...)
	want := run(t, original)
	for _, keep := range []bool{false, true} {
		object := filepath.Join(dir, fmt.Sprintf("out%v.o", keep))
		strip(t, StripOptions{Exports: []string{"word_count"}, Output: object, Inputs: []string{lib}, KeepGlobals: keep})
		for _, mode := range []string{"-pie", "-no-pie", "-static", "-static-pie"} {
			program := filepath.Join(dir, "program")
			run(t, "gcc", append([]string{mode, "-Wl,-z,defs", "-Wl,--fatal-warnings", "-o", program, source, object}, libs...)...)
			if got := run(t, program); got != want {
				t.Errorf("%s, keep globals %v: got %q, want %q", mode, keep, got, want)
			}
		}
		if linker, err := exec.LookPath("ld.lld-19"); err == nil {
			// gcc looks for a linker by the name of ld.
			bin := filepath.Join(dir, "bin")
			os.Mkdir(bin, 0o777)
			os.Symlink(linker, filepath.Join(bin, "ld"))
			program := filepath.Join(dir, "lld")
			run(t, "gcc", append([]string{"-B" + bin, "-o", program, source, object}, libs...)...)
			if got := run(t, program); got != want {
				t.Errorf("lld, keep globals %v: got %q, want %q", keep, got, want)
			}
		}
	}
}

// TestStripKeeps compares the functions that are kept with those of ld.
func TestStripKeeps(t *testing.T) {
	lib, dir := staticlib(t), t.TempDir()
	ours := strip(t, StripOptions{Exports: []string{"word_count"}, Output: filepath.Join(dir, "our.o"), Inputs: []string{lib}, KeepGlobals: true})
	for _, ld := range []string{"ld", "ld.lld-19"} {
		t.Run(ld, func(t *testing.T) {
			theirs := filepath.Join(dir, ld+".o")
			run(t, ld, "-r", "--gc-sections", "-u", "word_count", "-o", theirs, lib)
			f, err := elf.Open(theirs)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			got, want := globals(t, ours), globals(t, f)
			// ld keeps what only unwind tables refer to, which we drop.
			want = slices.DeleteFunc(want, func(s string) bool { return strings.Contains(s, "rust_eh_personality") && !slices.Contains(got, s) })
			if !slices.Equal(got, want) {
				t.Errorf("only ours: %q\nonly theirs: %q", minus(got, want), minus(want, got))
			}
			if len(got) < 100 {
				t.Errorf("only %d functions are kept", len(got))
			}
		})
	}
}

// globals are the sorted names of the global functions that a file defines.
func globals(t *testing.T, f *elf.File) []string {
	t.Helper()
	list, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range list {
		if elf.ST_BIND(s.Info) != elf.STB_LOCAL && elf.ST_TYPE(s.Info) == elf.STT_FUNC && s.Section != elf.SHN_UNDEF {
			names = append(names, s.Name)
		}
	}
	slices.Sort(names)
	return names
}

func minus(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// TestStripSize holds the output to what is live: contents, and the relocations
// that only the next linker can apply.
func TestStripSize(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.o")
	f := strip(t, StripOptions{Exports: []string{"word_count"}, Output: out, Inputs: []string{staticlib(t)}})
	var live, relocs, headers uint64
	for _, s := range f.Sections {
		switch {
		case s.Flags&elf.SHF_ALLOC != 0 && s.Type != elf.SHT_NOBITS:
			live += s.Size
		case s.Type == elf.SHT_RELA:
			relocs += s.Size
		case strings.HasPrefix(s.Name, ".debug") || s.Name == ".eh_frame" || s.Name == ".comment":
			t.Errorf("section %s", s.Name)
		default:
			headers++
		}
	}
	info, err := os.Stat(out)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes: %d live, %d of relocations", info.Size(), live, relocs)
	if ratio := float64(info.Size()) / float64(live+relocs); ratio > 1.02 {
		t.Errorf("the output is %.3f times what is live", ratio)
	}
}

// TestStripReproducible strips copies in two directories.
func TestStripReproducible(t *testing.T) {
	lib := staticlib(t)
	data, err := os.ReadFile(lib)
	if err != nil {
		t.Fatal(err)
	}
	var outputs [2][]byte
	for i := range outputs {
		dir := t.TempDir()
		in, out := filepath.Join(dir, fmt.Sprintf("lib%d.a", i)), filepath.Join(dir, "out.o")
		if err := os.WriteFile(in, data, 0o666); err != nil {
			t.Fatal(err)
		}
		strip(t, StripOptions{Exports: []string{"word_count", "factorial"}, Output: out, Inputs: []string{in}, KeepGlobals: true})
		if outputs[i], err = os.ReadFile(out); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(outputs[0], outputs[1]) {
		t.Error("the outputs differ")
	}
}

func compileC(t testing.TB, dir, name, source string) string {
	t.Helper()
	in, out := filepath.Join(dir, name+".c"), filepath.Join(dir, name+".o")
	if err := os.WriteFile(in, []byte(source), 0o666); err != nil {
		t.Fatal(err)
	}
	run(t, "gcc", "-c", "-O1", "-fPIC", "-fcommon", "-ffunction-sections", "-fdata-sections", "-o", out, in)
	return out
}

// TestStripC covers what Rust has seldom: thread-local and common variables,
// constructors, indirect functions and weak symbols, in a thin archive.
func TestStripC(t *testing.T) {
	dir := t.TempDir()
	os.Mkdir(filepath.Join(dir, "objects"), 0o777)
	objects := filepath.Join(dir, "objects")
	compileC(t, objects, "a", `
		__thread int counter = 5;
		static __thread int zeroed[3];
		int tentative;
		extern int other(int);
		extern int optional(void) __attribute__((weak));
		static int twice(int x) { return 2 * x; }
		static int (*resolve(void))(int) { return twice; }
		int indirect(int) __attribute__((ifunc("resolve")));
		static int started;
		__attribute__((constructor)) static void start(void) { started = 100; }
		int dead(void) { return other(9); }
		int f(int x) { counter += x; zeroed[1]++; tentative++; return counter + zeroed[1] + tentative + other(x) + indirect(x) + started + (optional ? optional() : 0); }
	`)
	compileC(t, objects, "b", `
		int tentative;
		static int table[] = {10, 20, 30};
		int (*callback)(int);
		__attribute__((weak)) int helper(int x) { return table[x]; }
		int other(int x) { callback = helper; return callback(x); }
	`)
	lib := filepath.Join(dir, "thin.a")
	run(t, "sh", "-c", `cd "$0" && ar rcsT thin.a objects/a.o objects/b.o`, dir)
	source := compileC(t, dir, "main", `
		#include <stdio.h>
		extern int f(int);
		int counter = 77, tentative = 88; // ours are local
		int main(void) { int x = f(1); printf("%d %d %d %d\n", x, f(2), counter, tentative); }
	`)
	out, program := filepath.Join(dir, "out.o"), filepath.Join(dir, "program")
	f := strip(t, StripOptions{Exports: []string{"f"}, Output: out, Inputs: []string{lib}})
	if got := globals(t, f); !slices.Equal(got, []string{"f"}) {
		t.Errorf("globals %q", got)
	}
	for _, mode := range []string{"-pie", "-no-pie"} {
		run(t, "gcc", mode, "-o", program, source, out)
		if got, want := run(t, program), "130 146 77 88\n"; got != want {
			t.Errorf("%s: got %q, want %q", mode, got, want)
		}
	}
}

func TestStripErrors(t *testing.T) {
	dir := t.TempDir()
	object := compileC(t, dir, "a", "int f(void) { return 1; }")
	empty := filepath.Join(dir, "empty.o")
	os.WriteFile(empty, nil, 0o666)
	thin := filepath.Join(dir, "thin.a")
	gone := compileC(t, dir, "gone", "int g(void) { return 1; }")
	run(t, "ar", "rcsT", thin, gone)
	os.Remove(gone)
	sections := compileC(t, dir, "list", `
		extern const int __start_list[] __attribute__((weak));
		static const int one __attribute__((section("list"), used)) = 1;
		int h(void) { return __start_list ? __start_list[0] : 0; }
	`)
	out := filepath.Join(dir, "out.o")
	tests := []struct {
		name string
		o    StripOptions
		want string
	}{
		{"directory as input", StripOptions{Exports: []string{"f"}, Inputs: []string{dir}}, "is a directory, not an archive or an object file"},
		{"empty input", StripOptions{Exports: []string{"f"}, Inputs: []string{empty}}, "is empty"},
		{"no such input", StripOptions{Exports: []string{"f"}, Inputs: []string{dir + "/none.a"}}, "no such file"},
		{"not an object", StripOptions{Exports: []string{"f"}, Inputs: []string{filepath.Join(dir, "a.c")}}, "unknown magic"},
		{"missing root", StripOptions{Exports: []string{"ff"}, Inputs: []string{object}}, "`ff`"},
		{"missing member of a thin archive", StripOptions{Exports: []string{"g"}, Inputs: []string{thin}}, "gone.o"},
		{"collected sections", StripOptions{Exports: []string{"h"}, Inputs: []string{sections}}, "needs a linker to collect the sections named list"},
	}
	for _, test := range tests {
		test.o.Output = out
		err := Strip(context.Background(), test.o)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: there is output", test.name)
		}
	}
	for _, bad := range []string{dir, filepath.Join(dir, "none", "out.o")} {
		if err := Strip(context.Background(), StripOptions{Exports: []string{"f"}, Inputs: []string{object}, Output: bad}); err == nil || !strings.Contains(err.Error(), "cannot write "+bad) {
			t.Errorf("output %s: %v", bad, err)
		}
	}
	left, _ := filepath.Glob(filepath.Join(dir, tempPrefix+"*"))
	if len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestListArchive(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"one.txt", "two"} {
		os.WriteFile(filepath.Join(dir, name), []byte(name+"\n"), 0o666)
	}
	for _, flags := range []string{"rc", "rcT"} {
		lib := filepath.Join(dir, flags+".a")
		run(t, "sh", "-c", `cd "$0" && ar "$1" "$1.a" one.txt two`, dir, flags)
		var got, want strings.Builder
		if err := ListArchive(lib, &got); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"one.txt", "two"} {
			content := []byte(name + "\n")
			fmt.Fprintf(&want, "%s\t%d\t%x\n", name, len(content), sha256.Sum256(content))
		}
		if got.String() != want.String() {
			t.Errorf("%s: got %q, want %q", flags, got.String(), want.String())
		}
	}
}

// BenchmarkStrip compares Strip of a std staticlib with GNU ld, lld and reading
// the file. Each is a process of its own but ours, which is also measured as
// one where the command has been built: RUSTGO names it.
func BenchmarkStrip(b *testing.B) {
	lib := staticlib(b)
	out := filepath.Join(b.TempDir(), "out.o")
	b.Run("here", func(b *testing.B) {
		for b.Loop() {
			if err := Strip(context.Background(), StripOptions{Exports: []string{"word_count"}, Output: out, Inputs: []string{lib}}); err != nil {
				b.Fatal(err)
			}
		}
	})
	processes := [][]string{
		{"ld", "-r", "-S", "--gc-sections", "-u", "word_count", "-o", out, lib},
		{"ld.lld-19", "-r", "-S", "--gc-sections", "-u", "word_count", "-o", out, lib},
		{"cat", lib},
	}
	if rustgo := os.Getenv("RUSTGO"); rustgo != "" {
		processes = append(processes, []string{rustgo, "strip", "--export", "word_count", "-o", out, lib}, []string{rustgo, "version"})
	}
	for _, p := range processes {
		b.Run(filepath.Base(p[0])+" "+p[1], func(b *testing.B) {
			if _, err := exec.LookPath(p[0]); err != nil {
				b.Skip(err)
			}
			for b.Loop() {
				if err := exec.Command(p[0], p[1:]...).Run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
