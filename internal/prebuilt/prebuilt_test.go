package prebuilt

import (
	"bytes"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/archive"
)

const header = "go object linux amd64 go1.26.1 GOAMD64=v1 X:a,b"

func object(s string) []byte { return []byte(header + "\n" + s) }

// goArchive is what the compiler makes of a package.
func goArchive(t *testing.T) []byte {
	t.Helper()
	data, err := archive.Marshal(archive.Go, []archive.Input{
		{Name: "__.PKGDEF", Data: object("exports")},
		{Name: "_go_.o", Data: object("go")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

var note = Note{ImportPath: "example.com/x", Declarations: "sha256:00", MadeBy: []string{"crate x 1.0.0", "rustc 1.90.0"}}

func members(t *testing.T, data []byte) string {
	t.Helper()
	f, err := archive.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for i, m := range f.Members {
		_, content, _ := strings.Cut(string(f.Data(i)), "\n")
		list = append(list, m.Name+"="+strings.ReplaceAll(content, "\n", ";"))
	}
	return strings.Join(list, " ")
}

func TestMerge(t *testing.T) {
	objects := map[string][]byte{"other_amd64": object("other"), "rustgo_linux_amd64": object("static")}
	data, err := Marshal(goArchive(t), objects, map[string][]byte{"other_amd64": object("x"), "rustgo_linux_amd64": object("shared")}, &note)
	if err != nil {
		t.Fatal(err)
	}
	want := "__.PKGDEF=exports _go_.o=go other_amd64.o=other rustgo_linux_amd=static rustgo.shared=shared " +
		"rustgo.note=package example.com/x;declarations sha256:00;made-by crate x 1.0.0;made-by rustc 1.90.0;"
	if got := members(t, data); got != want {
		t.Errorf("Marshal: %s\nwant %s", got, want)
	}
	a, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if a.Header != header || a.Note.ImportPath != note.ImportPath || len(a.Note.MadeBy) != 2 {
		t.Errorf("Parse: %+v", a)
	}
	compiled, err := archive.Marshal(archive.Go, []archive.Input{{Name: "__.PKGDEF", Data: object("e")}, {Name: "_go_.o", Data: object("g")}})
	if err != nil {
		t.Fatal(err)
	}
	for shared, want := range map[bool]string{false: "static", true: "shared"} {
		merged, err := Merge(compiled, a, shared)
		if err != nil {
			t.Fatal(err)
		}
		if got := members(t, merged); got != "__.PKGDEF=e _go_.o=g rustgo.o="+want {
			t.Errorf("Merge with shared %v: %s", shared, got)
		}
	}
	// Where libraries need no code of their own.
	if data, err = Marshal(goArchive(t), objects, nil, &note); err != nil {
		t.Fatal(err)
	}
	if a, err = Parse(data); err != nil {
		t.Fatal(err)
	}
	if merged, err := Merge(compiled, a, true); err != nil || !strings.HasSuffix(members(t, merged), "rustgo.o=static") {
		t.Errorf("Merge without shared code: %s, %v", members(t, merged), err)
	}
}

func TestReadNote(t *testing.T) {
	with, err := AddNote(goArchive(t), &note)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadNote(bytes.NewReader(with), int64(len(with)))
	if err != nil || got == nil || got.Declarations != "sha256:00" {
		t.Errorf("%+v, %v", got, err)
	}
	for name, data := range map[string][]byte{"without": goArchive(t), "empty": nil, "other": []byte("\x7fELF and so on")} {
		if got, err := ReadNote(bytes.NewReader(data), int64(len(data))); got != nil || err != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for n := range len(with) - 1 { // the last byte is padding
		got, err := ReadNote(bytes.NewReader(with[:n]), int64(n))
		if got != nil && err == nil {
			t.Errorf("a note in the first %d of %d bytes", n, len(with))
		}
	}
}

func TestParseErrors(t *testing.T) {
	text := note.Marshal()
	code := archive.Input{Name: "rustgo_linux_amd64.o", Data: object("code")}
	for _, test := range []struct {
		name    string
		members []archive.Input
		want    string
	}{
		{"no note", []archive.Input{code}, "no member rustgo.note"},
		{"no code", []archive.Input{{Name: noteName, Data: text}}, "no machine code"},
		{"two notes", []archive.Input{code, {Name: noteName, Data: text}, {Name: noteName, Data: text}}, "two members rustgo.note"},
		{"a host object", []archive.Input{{Name: "rustgo_x.o", Data: []byte("\x7fELF")}, {Name: noteName, Data: text}}, "not a Go object"},
		{"a header without end", []archive.Input{{Name: "rustgo_x.o", Data: []byte("go object linux")}, {Name: noteName, Data: text}}, "not a Go object"},
		{"mixed", []archive.Input{code, {Name: sharedName, Data: []byte("go object linux arm64 go1.26.1 X:\n")}, {Name: noteName, Data: text}}, "another toolchain"},
		{"another note", []archive.Input{code, {Name: noteName, Data: []byte("hello")}}, "unknown kind of note"},
		{"an incomplete note", []archive.Input{code, {Name: noteName, Data: []byte(noteMagic + "package x\n")}}, "incomplete note"},
		{"a strange line", []archive.Input{code, {Name: noteName, Data: append(bytes.Clone(text), "what is this\n"...)}}, "unexpected line"},
	} {
		data, err := archive.Marshal(archive.Go, test.members)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(data); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
	if _, err := Parse([]byte("no archive")); err == nil {
		t.Error("no archive: no error")
	}
}

func TestParseHeader(t *testing.T) {
	got, err := ParseHeader(header)
	if err != nil || got != (Toolchain{"linux/amd64", "go1.26.1", "GOAMD64=v1 X:a,b"}) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"", "go object linux", "object linux amd64 go1.26"} {
		if _, err := ParseHeader(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func FuzzParse(f *testing.F) {
	data, err := archive.Marshal(archive.Go, []archive.Input{
		{Name: "_go_.o", Data: object("go")}, {Name: "rustgo_x.o", Data: object("x")},
		{Name: sharedName, Data: object("y")}, {Name: noteName, Data: note.Marshal()}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("!<arch>\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := ReadNote(bytes.NewReader(data), int64(len(data)))
		if err == nil && n != nil && n.ImportPath == "" {
			t.Error("a note without a path")
		}
		a, err := Parse(data)
		if err != nil {
			return
		}
		if n == nil || n.ImportPath != a.Note.ImportPath {
			t.Errorf("ReadNote found %+v, Parse %+v", n, a.Note)
		}
	})
}
