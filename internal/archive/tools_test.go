package archive

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	blakesmith "github.com/blakesmith/ar"
)

// staticlib is a build product and not in the repository.
const staticlib = "../../fixtures/edwards25519/target/x86_64-unknown-linux-gnu/release/libedwards25519.a"

// skip skips a test that lacks a tool, except in CI.
func skip(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// tool returns the first of the named programs that is installed.
func tool(t testing.TB, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	skip(t, "not installed: %s", strings.Join(names, ", "))
	return ""
}

func run(t testing.TB, dir, name string, args ...string) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stderr = dir, &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, &stderr)
	}
	return out
}

func parseFile(t testing.TB, path string) ([]byte, *File) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse(data)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return data, f
}

// rlibs returns the libraries of the installed Rust targets.
func rlibs(t testing.TB) []string {
	t.Helper()
	sysroot := strings.TrimSpace(string(run(t, "", tool(t, "rustc"), "--print", "sysroot")))
	paths, err := filepath.Glob(filepath.Join(sysroot, "lib/rustlib/*-linux-*/lib/*.rlib"))
	if err != nil || len(paths) == 0 {
		skip(t, "no rlibs in %s", sysroot)
	}
	return paths
}

// inputs are members of odd and even size with short and long names.
var inputs = []struct{ name, data string }{
	{"a.o", "abc"},
	{"fifteenbytes1.o", "fifteen"},
	{"sixteen_bytes1.o", "sixteen!"},
	{"with space.o", "s p"},
	{longName, "long"},
	{"empty.o", ""},
	{"z.o", "odd"},
}

// writeInputs writes the inputs to a directory and returns it and their names.
func writeInputs(t *testing.T) (dir string, names []string) {
	t.Helper()
	dir = t.TempDir()
	for _, in := range inputs {
		if err := os.WriteFile(filepath.Join(dir, in.name), []byte(in.data), 0o644); err != nil {
			t.Fatal(err)
		}
		names = append(names, in.name)
	}
	return dir, names
}

func TestToolMembers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		tools  []string
		args   []string
		cut    int    // names are cut to this many bytes
		append string // to the data, up to a multiple of 8 bytes
	}{
		{name: "GNU ar", tools: []string{"ar"}, args: []string{"rc"}},
		{name: "GNU ar with dates and ids", tools: []string{"ar"}, args: []string{"rcU"}},
		{name: "llvm-ar gnu", tools: llvmAr, args: []string{"--format=gnu", "rc"}},
		{name: "llvm-ar bsd", tools: llvmAr, args: []string{"--format=bsd", "rc"}},
		{name: "llvm-ar darwin", tools: llvmAr, args: []string{"--format=darwin", "rc"}, append: "\n"},
		{name: "llvm-ar coff", tools: llvmAr, args: []string{"--format=coff", "rc"}},
		{name: "go tool pack", tools: []string{"go"}, args: []string{"tool", "pack", "c"}, cut: 16},
	} {
		t.Run(tt.name, func(t *testing.T) {
			program := tool(t, tt.tools...)
			dir, names := writeInputs(t)
			run(t, dir, program, slices.Concat(tt.args, []string{"out.a"}, names)...)
			data, f := parseFile(t, filepath.Join(dir, "out.a"))
			if len(f.Members) != len(inputs) {
				t.Fatalf("%d members, want %d: %+v", len(f.Members), len(inputs), f.Members)
			}
			for i, in := range inputs {
				wantName, want := in.name, in.data
				if tt.cut > 0 {
					wantName = wantName[:min(len(wantName), tt.cut)]
				}
				for tt.append != "" && len(want)%8 != 0 {
					want += tt.append
				}
				m := f.Members[i]
				if got := string(f.Data(i)); m.Name != wantName || got != want {
					t.Errorf("member %d: %q = %q, want %q = %q", i, m.Name, got, wantName, want)
				}
				if m.Mode&0o777 != 0o644 {
					t.Errorf("member %d: mode %o, want 644", i, m.Mode)
				}
			}
			if strings.Contains(tt.name, "dates") && f.Members[0].Date == 0 {
				t.Error("date is 0")
			}
			check(t, data, f)
		})
	}
}

var llvmAr = []string{"llvm-ar-19", "llvm-ar"}

func TestToolThin(t *testing.T) {
	for _, tt := range []struct {
		name  string
		tools []string
		args  []string
	}{
		{"GNU ar", []string{"ar"}, []string{"rcT"}},
		{"llvm-ar", llvmAr, []string{"--thin", "rc"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			program := tool(t, tt.tools...)
			dir, names := writeInputs(t)
			if err := os.Mkdir(filepath.Join(dir, "sub"), 0o755); err != nil {
				t.Fatal(err)
			}
			// From a directory below, names are paths.
			run(t, dir, program, slices.Concat(tt.args, []string{"sub/out.a"}, names)...)
			data, f := parseFile(t, filepath.Join(dir, "sub/out.a"))
			if !f.Thin || len(f.Members) != len(inputs) {
				t.Fatalf("Thin = %v, members = %+v", f.Thin, f.Members)
			}
			for i, in := range inputs {
				m := f.Members[i]
				if !m.External || m.Name != "../"+in.name || m.Size != int64(len(in.data)) {
					t.Errorf("member %d: %+v, want ../%s of %d bytes", i, m, in.name, len(in.data))
				}
			}
			check(t, data, f)
		})
	}
}

// GNU ar refers to the members of an archive put into a thin one.
func TestToolThinNested(t *testing.T) {
	ar := tool(t, "ar")
	dir, _ := writeInputs(t)
	run(t, dir, ar, "rc", "inner.a", "a.o", longName)
	run(t, dir, ar, "rcT", "outer.a", "inner.a", "z.o")
	_, outer := parseFile(t, filepath.Join(dir, "outer.a"))
	_, inner := parseFile(t, filepath.Join(dir, "inner.a"))
	if len(outer.Members) != 3 {
		t.Fatalf("members = %+v", outer.Members)
	}
	for i, want := range []string{"abc", "long"} {
		m := outer.Members[i]
		j, ok := inner.MemberAt(m.Nested)
		if m.Name != "inner.a" || !m.External || !ok {
			t.Fatalf("member %d: %+v, found %v", i, m, ok)
		}
		if got := string(inner.Data(int(j))); got != want {
			t.Errorf("member %d: %q, want %q", i, got, want)
		}
	}
	if m := outer.Members[2]; m.Name != "z.o" || m.Nested != 0 {
		t.Errorf("member 2: %+v", m)
	}
}

// An object goes through the symbol table of each dialect.
func TestToolSymbols(t *testing.T) {
	ar := tool(t, "ar")
	dir := t.TempDir()
	source := "#![no_std]\n"
	for i := range 500 {
		source += fmt.Sprintf("#[no_mangle] pub fn symbol_number_%d() -> i32 { %[1]d }\n", i)
	}
	if err := os.WriteFile(filepath.Join(dir, "lib.rs"), []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	// With bitcode in the object, GNU ar may write an empty table: see HasSymbols.
	run(t, dir, tool(t, "rustc"), "--crate-type=lib", "--emit=obj", "-Cembed-bitcode=no", "-Ccodegen-units=1", "-olib.o", "lib.rs")
	object, err := os.ReadFile(filepath.Join(dir, "lib.o"))
	if err != nil {
		t.Fatal(err)
	}
	symbols, err := globals(object)
	if err != nil || len(symbols) < 500 {
		t.Fatalf("%d symbols, %v", len(symbols), err)
	}
	llvm := tool(t, llvmAr...)
	for _, tt := range []struct {
		name    string
		command []string
		env     string
	}{
		{"GNU ar", []string{ar, "rcs"}, ""},
		{"GNU ar thin", []string{ar, "rcsT"}, ""},
		{"llvm-ar gnu", []string{llvm, "--format=gnu", "rcs"}, ""},
		{"llvm-ar gnu64", []string{llvm, "--format=gnu", "rcs"}, "SYM64_THRESHOLD=1"},
		{"llvm-ar thin", []string{llvm, "--thin", "rcs"}, ""},
		{"llvm-ar bsd", []string{llvm, "--format=bsd", "rcs"}, ""},
		{"llvm-ar darwin", []string{llvm, "--format=darwin", "rcs"}, ""},
		{"llvm-ar darwin64", []string{llvm, "--format=darwin", "rcs"}, "SYM64_THRESHOLD=1"},
		{"llvm-ar coff", []string{llvm, "--format=coff", "rcs"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, name := range []string{"first.o", "second.o"} {
				if err := os.WriteFile(filepath.Join(dir, name), object, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command(tt.command[0], append(tt.command[1:], "out.a", "first.o", "second.o")...)
			cmd.Dir, cmd.Env = dir, append(os.Environ(), tt.env)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			data, f := parseFile(t, filepath.Join(dir, "out.a"))
			want := []int32{0, 1}
			if tt.name == "llvm-ar coff" {
				want = want[:1] // COFF's tables have each name once
			}
			if f.SymbolCount() != len(want)*len(symbols) {
				t.Errorf("%d symbols, want %d times %d", f.SymbolCount(), len(want), len(symbols))
			}
			for _, s := range symbols {
				if got := f.Defines(s); !reflect.DeepEqual(got, want) {
					t.Fatalf("Defines(%q) = %d, want %d", s, got, want)
				}
			}
			check(t, data, f)
		})
	}
}

// globals returns the sorted names of the global symbols that an object defines.
func globals(data []byte) ([]string, error) {
	names, err := globalsInOrder(data)
	slices.Sort(names)
	return names, err
}

// globalsInOrder returns them in the order of the object.
func globalsInOrder(data []byte) ([]string, error) {
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	syms, err := f.Symbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return nil, err
	}
	var names []string
	for _, s := range syms {
		if elf.ST_BIND(s.Info) != elf.STB_LOCAL && s.Section != elf.SHN_UNDEF {
			names = append(names, s.Name)
		}
	}
	return names, nil
}

// What rustc and ar wrote agrees with what ar and debug/elf read.
func TestRealLibraries(t *testing.T) {
	ar := tool(t, "ar")
	paths := rlibs(t)
	if _, err := os.Stat(staticlib); err == nil {
		paths = append(paths, staticlib)
	} else {
		t.Logf("not built: %s", staticlib)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, f := parseFile(t, path)
			var names []string
			var contents []byte
			for i, m := range f.Members {
				names = append(names, m.Name)
				contents = append(contents, f.Data(i)...)
			}
			if got, want := strings.Join(names, "\n")+"\n", string(run(t, "", ar, "t", path)); got != want {
				t.Errorf("names:\n%s\nwant:\n%s", got, want)
			}
			// ar p prints the members one after the other, ar tv their fields.
			if want := run(t, "", ar, "p", path); !bytes.Equal(contents, want) {
				t.Errorf("contents differ: %d bytes, want %d", len(contents), len(want))
			}
			compareVerbose(t, f, run(t, "", ar, "tv", path))

			want := make(map[string][]int32)
			count := 0
			for i := range f.Members {
				symbols, err := globals(f.Data(i))
				if err != nil {
					t.Fatalf("member %d: %v", i, err)
				}
				for _, s := range symbols {
					want[s] = append(want[s], int32(i))
				}
				count += len(symbols)
			}
			if f.SymbolCount() != count || f.HasSymbols() != (count > 0) {
				t.Errorf("%d symbols in the table, %d in the members", f.SymbolCount(), count)
			}
			for s, members := range want {
				if got := f.Defines(s); !reflect.DeepEqual(got, members) {
					t.Errorf("Defines(%q) = %d, want %d", s, got, members)
				}
			}
			check(t, data, f)
		})
	}
}

// compareVerbose checks sizes and ids against lines of "ar tv":
// "rw-r--r-- 0/0 5 Jan  1 00:00 1970 name".
func compareVerbose(t *testing.T, f *File, out []byte) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != len(f.Members) {
		t.Fatalf("%d members, ar tv prints %d", len(f.Members), len(lines))
	}
	for i, line := range lines {
		fields := strings.Fields(line)
		m := f.Members[i]
		got := []string{fmt.Sprintf("%d/%d", m.UID, m.GID), strconv.FormatInt(m.Size, 10)}
		if len(fields) < 3 || !slices.Equal(got, fields[1:3]) {
			t.Errorf("member %d: %q, ar tv prints %q", i, got, line)
		}
	}
}

// github.com/blakesmith/ar reads and writes short names with a full mode only.
func TestBlakesmith(t *testing.T) {
	var buf bytes.Buffer
	w := blakesmith.NewWriter(&buf)
	if err := w.WriteGlobalHeader(); err != nil {
		t.Fatal(err)
	}
	for _, in := range []struct{ name, data string }{{"a.o", "abc"}, {"exactly_sixteen_", "defg"}, {"c.o", "h"}} {
		header := &blakesmith.Header{Name: in.name, Uid: 501, Gid: 20, Mode: 0o100644, Size: int64(len(in.data))}
		if err := w.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, in.data); err != nil {
			t.Fatal(err)
		}
	}
	f, err := Parse(buf.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	r := blakesmith.NewReader(bytes.NewReader(buf.Bytes()))
	for i, m := range f.Members {
		h, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if m.Name != h.Name || m.Size != h.Size || m.UID != h.Uid || m.GID != h.Gid || m.Date != h.ModTime.Unix() {
			t.Errorf("member %d: %+v, want %+v", i, m, h)
		}
		if !bytes.Equal(f.Data(i), data) {
			t.Errorf("member %d: %q, want %q", i, f.Data(i), data)
		}
	}
	if _, err := r.Next(); err != io.EOF || len(f.Members) != 3 {
		t.Errorf("%d members, want 3; after them %v", len(f.Members), err)
	}
}
