package bundle

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

func file(data string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(data)} }

func TestTree(t *testing.T) {
	root := fstest.MapFS{
		"go.mod":                      file("module m\n"),
		"CACHEDIR.TAG":                file(""),
		"modules.txt":                 file(""),
		".gitignore":                  file(""),
		".git/HEAD":                   file(""),
		"a/.hidden/x.go":              file(""),
		"a/b.go":                      file("b"),
		"a/b_test.go":                 file(""),
		"a/testdata/x.bin":            file("\x00"),
		"a-b.go":                      file(""),
		"_drafts/x.go":                file(""),
		"target/CACHEDIR.TAG":         file("Signature: 8a477f597d28d172789f06886806bc55"),
		"target/release/x.rlib":       file(""),
		"tools/go.mod":                file("module m/tools\n"),
		"tools/deep/x.go":             file(""),
		"directory/go.mod/x.go":       file(""),
		"vendor/modules.txt":          file(""),
		"vendor/example.com/x/x.go":   file(""),
		"rust/vendor/modules.txt":     file(""),
		"rust/vendor/x.rs":            file(""),
		"own/vendor/x.go":             file(""),
		"vendored/modules.txt":        file(""),
		"dist/proxy/x.zip":            file(""),
		"docs/dist/x.txt":             file(""),
		"docs/secret.txt":             file(""),
		"link":                        {Mode: fs.ModeSymlink},
		".link":                       {Mode: fs.ModeSymlink},
		"excluded/link":               {Mode: fs.ModeSymlink},
		"target/link":                 {Mode: fs.ModeSymlink},
		"src/lib.rs":                  file("fn"),
		"Cargo.toml":                  file(""),
		"internal/testdata/größe.txt": file(""),
	}
	got, err := Tree(root, []string{"dist", "docs/secret.txt", "excluded", "link", "none"})
	if err != nil {
		t.Fatal(err)
	}
	want := "CACHEDIR.TAG Cargo.toml _drafts/x.go a-b.go a/b.go a/b_test.go a/testdata/x.bin directory/go.mod/x.go docs/dist/x.txt " +
		"go.mod internal/testdata/größe.txt modules.txt own/vendor/x.go src/lib.rs vendored/modules.txt"
	if names(got) != want {
		t.Errorf("got  %s\nwant %s", names(got), want)
	}
	if string(got[4].Data) != "b" {
		t.Errorf("%q", got[4].Data)
	}
}

func TestTreeBadInput(t *testing.T) {
	for _, tt := range []struct {
		name    string
		root    fstest.MapFS
		exclude []string
		want    string
	}{
		{name: "symbolic link", root: fstest.MapFS{"a/b/link": {Mode: fs.ModeSymlink}}, want: `"a/b/link": a symbolic link`},
		{name: "fifo", root: fstest.MapFS{"a/pipe": {Mode: fs.ModeNamedPipe}}, want: `"a/pipe": not a regular file`},
		{name: "device", root: fstest.MapFS{"a/dev": {Mode: fs.ModeDevice}}, want: `"a/dev": not a regular file`},
		{name: "case", root: fstest.MapFS{"a/x": file(""), "A/y": file("")}, want: "but for case"},
		{name: "backslash", root: fstest.MapFS{`a\b`: file("")}, want: "backslash"},
		{name: "control character", root: fstest.MapFS{"a\nb/x": file("")}, want: "control character"},
		{name: "too large", root: fstest.MapFS{"a": file("123456"), "b": file("12345")}, want: `"b": the files have more than 10 bytes together`},
		{name: "exclude the root", exclude: []string{"."}, want: `".": not the path`},
		{name: "exclude an absolute path", exclude: []string{"/dist"}, want: `"/dist": not the path`},
		{name: "exclude the parent", exclude: []string{"../dist"}, want: `"../dist": not the path`},
		{name: "exclude what is not clean", exclude: []string{"dist/"}, want: `"dist/": not the path`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files, err := tree(tt.root, tt.exclude, 10)
			wantError(t, err, tt.want)
			if files != nil {
				t.Error("files and an error")
			}
		})
	}
	if _, err := tree(fstest.MapFS{"a": file("12345"), "b": file("12345")}, nil, 10); err != nil {
		t.Error(err)
	}
	if _, err := Tree(os.DirFS(filepath.Join(t.TempDir(), "none")), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// A file that grows while it is read does not get past the limit.
func TestTreeGrowingFile(t *testing.T) {
	_, err := tree(growing{fstest.MapFS{"a": file("123456789ab")}}, nil, 10)
	wantError(t, err, "more than 10 bytes")
}

// growing says of all files that they are empty.
type growing struct{ fstest.MapFS }

func (g growing) Open(name string) (fs.File, error) {
	f, err := g.MapFS.Open(name)
	if _, ok := f.(fs.ReadDirFile); ok || err != nil {
		return f, err
	}
	return growingFile{f}, nil
}

type growingFile struct{ fs.File }

func (f growingFile) Stat() (fs.FileInfo, error) {
	info, err := f.File.Stat()
	return emptyInfo{info}, err
}

type emptyInfo struct{ fs.FileInfo }

func (emptyInfo) Size() int64 { return 0 }

// The operating system's links are found, and not followed.
func TestTreeLinks(t *testing.T) {
	for _, target := range []string{"x.go", "dir", "none", "/etc", "."} {
		dir := t.TempDir()
		write(t, dir, text("x.go", ""), text("dir/y.go", ""))
		if err := os.Symlink(target, filepath.Join(dir, "link")); err != nil {
			skip(t, "no symbolic links: %v", err)
		}
		_, err := Tree(os.DirFS(dir), nil)
		wantError(t, err, `"link": a symbolic link`)
		files, err := Tree(os.DirFS(dir), []string{"link"})
		if err != nil || names(files) != "dir/y.go x.go" {
			t.Errorf("%s, %v", names(files), err)
		}
	}
}

// cargo marks its target directory as Tree expects.
func TestTreeCargo(t *testing.T) {
	command := tool(t, "cargo")
	dir := t.TempDir()
	write(t, dir,
		text("Cargo.toml", "[package]\nname = \"x\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[lib]\npath = \"lib.rs\"\n\n[workspace]\n"),
		text("lib.rs", ""))
	run(t, dir, []string{"CARGO_TARGET_DIR=" + filepath.Join(dir, "elsewhere")}, command, "check", "--quiet", "--offline")
	if entries, err := os.ReadDir(filepath.Join(dir, "elsewhere")); err != nil || len(entries) == 0 {
		t.Fatal("cargo wrote nothing", err)
	}
	files, err := Tree(os.DirFS(dir), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := names(files); strings.Contains(got, "elsewhere") || got != "Cargo.lock Cargo.toml lib.rs" {
		t.Error(got)
	}
}
