package archive

import (
	"bytes"
	"debug/macho"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// compare reports where two archives differ first.
func compare(t *testing.T, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	excerpt := func(b []byte) []byte { return b[max(0, min(i-64, len(b))):min(i+64, len(b))] }
	t.Errorf("%d bytes, want %d; they differ at offset %#x:\n got %q\nwant %q", len(got), len(want), i, excerpt(got), excerpt(want))
}

// pack writes members to a directory, runs an archiver on them there, and returns
// what it wrote. Members of the same name are put into subdirectories.
func pack(t *testing.T, members []Input, env []string, command ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	for i, m := range members {
		path := m.Name
		if slices.ContainsFunc(members[:i], func(o Input) bool { return o.Name == m.Name }) {
			path = filepath.Join(fmt.Sprintf("d%d", i), m.Name)
			if err := os.Mkdir(filepath.Join(dir, filepath.Dir(path)), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, path), m.Data, 0o644); err != nil {
			t.Fatal(err)
		}
		command = append(command, path)
	}
	run(t, dir, "env", append(env, command...)...)
	data, err := os.ReadFile(filepath.Join(dir, "out.a"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The assembly is data, so that any architecture will do. GNU's tools know that
// of the machine.
var linuxTriple = map[string]string{"amd64": "x86_64-unknown-linux-gnu", "arm64": "aarch64-unknown-linux-gnu"}[runtime.GOARCH]

const appleTriple = "arm64-apple-macos"

const assembly = `
	.globl first, second_of_odd_length, weak, third
	.globl undefined
	.data
third:
	.quad undefined
second_of_odd_length:
	.quad 0
local:
	.quad 0
weak:
	.quad 0
first:
	.quad 0
`

// assemble returns objects for an object format, with their symbols in the order
// of the objects.
func assemble(t *testing.T, triple string) []Input {
	t.Helper()
	if triple == "" {
		skip(t, "no Linux triple for %s", runtime.GOARCH)
	}
	mc := tool(t, "llvm-mc-19", "llvm-mc")
	dir := t.TempDir()
	darwin := triple == appleTriple
	attributes := ".weak weak\n.hidden third\n.comm common, 8, 8\n"
	if darwin {
		attributes = ".weak_definition weak\n.private_extern third\n.comm common, 8\n"
	}
	var members []Input
	for _, m := range []struct{ name, source string }{
		{"first.o", assembly + attributes},
		{"a_name_of_more_than_sixteen_bytes.o", ".globl f\nf:\n.byte 1\n"},
		{"a.o", ".globl f\nf:\n.byte 1, 2, 3\n"},
		{"fifteen_bytes.o", ".globl " + strings.Repeat("g", 99) + "\n" + strings.Repeat("g", 99) + ":\n.byte 1, 2, 3\n"},
	} {
		if err := os.WriteFile(filepath.Join(dir, "in.s"), []byte(m.source), 0o644); err != nil {
			t.Fatal(err)
		}
		run(t, dir, mc, "-triple="+triple, "-filetype=obj", "-o", "out.o", "in.s")
		data, err := os.ReadFile(filepath.Join(dir, "out.o"))
		if err != nil {
			t.Fatal(err)
		}
		in := Input{Name: m.name, Data: data}
		if darwin {
			in.Symbols = machoGlobals(t, data)
		} else {
			in.Symbols = elfGlobals(t, data)
		}
		members = append(members, in)
	}
	if n := len(members[0].Symbols); n != 5 {
		t.Fatalf("symbols: %q", members[0].Symbols)
	}
	return members
}

func elfGlobals(t *testing.T, data []byte) []string {
	t.Helper()
	names, err := globalsInOrder(data)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// machoGlobals returns the external symbols that a Mach-O object defines. Bits
// of n_type are from <mach-o/nlist.h>.
func machoGlobals(t *testing.T, data []byte) []string {
	t.Helper()
	f, err := macho.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	const stab, ext, typ = 0xe0, 0x01, 0x0e
	var names []string
	for _, s := range f.Symtab.Syms {
		// An undefined symbol with a value is common, of this size.
		if s.Type&stab == 0 && s.Type&ext != 0 && (s.Type&typ != 0 || s.Value != 0) {
			names = append(names, s.Name)
		}
	}
	return names
}

// Marshal writes what the archivers write.
func TestMarshalTools(t *testing.T) {
	twice := func(members []Input) []Input { return append(members, members[0], members[2]) }
	for _, tt := range []struct {
		name    string
		format  Format
		limit   int64
		members func() []Input
		env     []string
		tool    []string
		args    []string
	}{
		{"GNU ar, no objects", GNU, limit32, marshalInputs, nil, []string{"ar"}, []string{"rcsD"}},
		{"GNU ar, no members", GNU, limit32, func() []Input { return nil }, nil, []string{"ar"}, []string{"rcsD"}},
		{"GNU ar", GNU, limit32, func() []Input { return assemble(t, linuxTriple) }, nil, []string{"ar"}, []string{"rcsD"}},
		{"GNU ar, names twice", GNU, limit32, func() []Input { return twice(assemble(t, linuxTriple)) }, nil, []string{"ar"}, []string{"qcsD"}},
		{"llvm-ar gnu", GNU, limit32, func() []Input { return twice(assemble(t, linuxTriple)) }, nil, llvmAr, []string{"--format=gnu", "qcsD"}},
		{"llvm-ar gnu64", GNU, 1, func() []Input { return assemble(t, linuxTriple) }, []string{"SYM64_THRESHOLD=1"}, llvmAr, []string{"--format=gnu", "rcsD"}},
		{"llvm-ar darwin, no objects", Darwin, limit32, marshalInputs, nil, llvmAr, []string{"--format=darwin", "rcsD"}},
		{"llvm-ar darwin, no members", Darwin, limit32, func() []Input { return nil }, nil, llvmAr, []string{"--format=darwin", "rcsD"}},
		{"llvm-ar darwin", Darwin, limit32, func() []Input { return assemble(t, appleTriple) }, nil, llvmAr, []string{"--format=darwin", "rcsD"}},
		{"llvm-ar darwin, names twice", Darwin, limit32, func() []Input { return twice(assemble(t, appleTriple)) }, nil, llvmAr, []string{"--format=darwin", "qcsD"}},
		{"llvm-ar darwin64", Darwin, 1, func() []Input { return assemble(t, appleTriple) }, []string{"SYM64_THRESHOLD=1"}, llvmAr, []string{"--format=darwin", "rcsD"}},
		{"go tool pack", Go, limit32, marshalInputs, nil, []string{"go"}, []string{"tool", "pack", "c"}},
		{"go tool pack, objects", Go, limit32, func() []Input { return assemble(t, linuxTriple) }, nil, []string{"go"}, []string{"tool", "pack", "c"}},
		{"go tool pack, rune cut", Go, limit32, func() []Input {
			return []Input{{Name: "fifteen_bytes__éè.o", Data: []byte("odd")}, {Name: "ünïcödé_näme.o", Data: []byte("even")}}
		}, nil, []string{"go"}, []string{"tool", "pack", "c"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			command := slices.Concat([]string{tool(t, tt.tool...)}, tt.args, []string{"out.a"})
			members := tt.members()
			want := pack(t, members, tt.env, command...)
			got, err := marshal(tt.format, members, tt.limit)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, got, want)
		})
	}
}

// A library of the sysroot, taken apart and put together again.
func TestMarshalRealLibrary(t *testing.T) {
	ar := tool(t, llvmAr...)
	var path string
	for _, p := range rlibs(t) {
		if strings.HasPrefix(filepath.Base(p), "liballoc-") {
			path = p
		}
	}
	if path == "" {
		skip(t, "no liballoc in the sysroot")
	}
	_, f := parseFile(t, path)
	var members []Input
	for i, m := range f.Members {
		in := Input{Name: m.Name, Data: f.Data(i)}
		if strings.HasSuffix(m.Name, ".o") {
			in.Symbols = elfGlobals(t, in.Data)
		}
		members = append(members, in)
	}
	if f.SymbolCount() == 0 {
		t.Fatal("no symbols")
	}
	got, err := Marshal(GNU, members)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, got, pack(t, members, nil, ar, "--format=gnu", "rcsD", "out.a"))
}

// Linkers that go by the index find f, which two members define, in the first.
// GNU ld and ld64.lld do; ld.lld looks into the members.
func TestMarshalIndexLinks(t *testing.T) {
	for _, tt := range []struct {
		format  Format
		triple  string
		linker  []string
		args    []string
		globals func(t *testing.T, data []byte) []string
	}{
		{GNU, linuxTriple, []string{"ld.bfd", "ld"}, []string{"-r", "-u", "f"}, elfGlobals},
		{Darwin, appleTriple, []string{"ld64.lld-19", "ld64.lld"}, []string{"-dylib", "-arch", "arm64", "-platform_version", "macos", "11.0", "11.0", "-u", "f"}, machoGlobals},
	} {
		for _, limit := range []int64{limit32, 1} {
			t.Run(fmt.Sprintf("%s/%d", tt.triple, limit), func(t *testing.T) {
				linker := tool(t, tt.linker...)
				data, err := marshal(tt.format, assemble(t, tt.triple), limit)
				if err != nil {
					t.Fatal(err)
				}
				dir := t.TempDir()
				if err := os.WriteFile(filepath.Join(dir, "lib.a"), data, 0o644); err != nil {
					t.Fatal(err)
				}
				run(t, dir, linker, append(tt.args, "-o", "out", "lib.a")...)
				out, err := os.ReadFile(filepath.Join(dir, "out"))
				if err != nil {
					t.Fatal(err)
				}
				if got := tt.globals(t, out); !slices.Equal(got, []string{"f"}) {
					t.Errorf("linked %q, want f alone", got)
				}
			})
		}
	}
}
