package archive

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// AppendGo adds members as go tool pack r does. That tool cannot read back an
// archive whose last member has less than 8 bytes, so members end in more.
func TestAppendGo(t *testing.T) {
	command := tool(t, "go")
	first := []Input{{Name: "__.PKGDEF", Data: []byte("odd")}, {Name: "_go_.o", Data: []byte("an object")}}
	more := append(marshalInputs(), Input{Name: "_go_.o", Data: []byte("again, odd")})
	archive, err := Marshal(Go, first)
	if err != nil {
		t.Fatal(err)
	}
	before := bytes.Clone(archive)
	got, err := AppendGo(archive[:len(archive):len(archive)], more)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(archive, before) {
		t.Error("the archive given was changed")
	}
	all, err := Marshal(Go, append(first, more...))
	if err != nil {
		t.Fatal(err)
	}
	compare(t, got, all)

	dir, _ := writeInputs(t)
	if err := os.WriteFile(filepath.Join(dir, "out.a"), archive, 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"tool", "pack", "r", "out.a"}
	for _, m := range more {
		if err := os.WriteFile(filepath.Join(dir, m.Name), m.Data, 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, m.Name)
	}
	run(t, dir, command, args...)
	want, _ := parseFile(t, filepath.Join(dir, "out.a"))
	compare(t, got, want)
}

func TestAppendGoBadInput(t *testing.T) {
	more := []Input{{Name: "a.o", Data: []byte("ab")}}
	var fe *FormatError
	if _, err := AppendGo([]byte("go object linux amd64"), more); !errors.As(err, &fe) {
		t.Errorf("object for an archive: %v, want a *FormatError", err)
	}
	if _, err := AppendGo(newArchive().raw("a.o", "0", "0", "0", "644", "3", "odd").b, more); !errors.As(err, &fe) {
		t.Errorf("missing pad byte: %v, want a *FormatError", err)
	}
	for name, in := range map[string][]byte{
		"thin":  newThin().external("a.o/", 3).b,
		"index": threeSymbols()["gnu32"].b,
	} {
		if got, err := AppendGo(in, more); err == nil || !strings.Contains(err.Error(), "not a Go archive") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	archive, err := Marshal(Go, more)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := AppendGo(archive, []Input{{Name: "dir/a.o"}}); err == nil {
		t.Error("a path for a name")
	}
}

// packageAssembly is func Add(a, b int) int, by architecture.
var packageAssembly = map[string]string{
	"amd64": "MOVQ a+0(FP), AX\n\tADDQ b+8(FP), AX\n\tMOVQ AX, ret+16(FP)\n\tRET\n",
	"arm64": "MOVD a+0(FP), R0\n\tMOVD b+8(FP), R1\n\tADD R1, R0, R0\n\tMOVD R0, ret+16(FP)\n\tRET\n",
}

// A package with assembly is compiled, assembled, merged by AppendGo as cmd/go
// merges it, linked, and run.
func TestAppendGoLinks(t *testing.T) {
	code, ok := packageAssembly[runtime.GOARCH]
	if !ok {
		skip(t, "no assembly for %s", runtime.GOARCH)
	}
	command := tool(t, "go")
	dir := t.TempDir()
	write := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	gotool := func(args ...string) { t.Helper(); run(t, dir, command, append([]string{"tool"}, args...)...) }
	write("add.go", []byte("package add\n\nfunc Add(a, b int) int\n"))
	write("add.s", []byte("TEXT ·Add(SB), 4, $0-24 // NOSPLIT\n\t"+code))
	write("main.go", []byte("package main\n\nimport (\"os\"; \"example.com/add\")\n\nfunc main() { os.Stdout.WriteString(string(rune(add.Add(40, 2)))) }\n"))

	gotool("asm", "-p", "example.com/add", "-gensymabis", "-o", "symabis", "add.s")
	gotool("compile", "-p", "example.com/add", "-symabis", "symabis", "-pack", "-o", "compiled.a", "add.go")
	gotool("asm", "-p", "example.com/add", "-o", "add.o", "add.s")
	compiled, f := parseFile(t, filepath.Join(dir, "compiled.a"))
	if got := strings.Join(memberNames(f), " "); got != "__.PKGDEF _go_.o" {
		t.Fatalf("the compiler wrote %s", got)
	}
	// What the compiler writes is what Marshal writes.
	again, err := Marshal(Go, []Input{{Name: "__.PKGDEF", Data: f.Data(0)}, {Name: "_go_.o", Data: f.Data(1)}})
	if err != nil {
		t.Fatal(err)
	}
	compare(t, again, compiled)

	object, err := os.ReadFile(filepath.Join(dir, "add.o"))
	if err != nil {
		t.Fatal(err)
	}
	merged, err := AppendGo(compiled, []Input{{Name: "add.o", Data: object}})
	if err != nil {
		t.Fatal(err)
	}
	write("merged.a", merged)
	gotool("pack", "r", "compiled.a", "add.o")
	want, _ := parseFile(t, filepath.Join(dir, "compiled.a"))
	compare(t, merged, want)

	config := run(t, dir, command, "list", "-export", "-deps", "-f", "{{if .Export}}packagefile {{.ImportPath}}={{.Export}}{{end}}", "os")
	write("importcfg", append(config, "packagefile example.com/add=merged.a\n"...))
	gotool("compile", "-p", "main", "-importcfg", "importcfg", "-pack", "-o", "main.a", "main.go")
	gotool("link", "-importcfg", "importcfg", "-o", "program", "main.a")
	if got := string(run(t, dir, filepath.Join(dir, "program"))); got != "*" {
		t.Errorf("40 + 2 is %q, want %q", got, "*")
	}
}

func memberNames(f *File) []string {
	var names []string
	for _, m := range f.Members {
		names = append(names, m.Name)
	}
	return names
}
