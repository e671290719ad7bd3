package bundle

import (
	stdzip "archive/zip"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/zip"
)

// modulePath has upper case, which a proxy's paths escape.
const modulePath = "example.com/Curve/fastMath"

const goMod = "module example.com/Curve/fastMath\n\ngo 1.25\n"

var moduleFiles = []File{
	text("curve.go", "package curve\n\n// Answer is 42.\nfunc Answer() int { return 42 }\n"),
	text("curve_test.go", "package curve\n"),
	text("LICENSE", "ISC\n"),
	text("internal/asm/asm.go", "package asm\n"),
	text("testdata/größe.txt", "x"),
	text("go.mod", goMod),
}

func newModule(version string) Module {
	return Module{Path: modulePath, Version: version, GoMod: []byte(goMod), Files: moduleFiles}
}

func proxy(t testing.TB, m Module) []File {
	t.Helper()
	files, err := m.Proxy()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestModule(t *testing.T) {
	when := time.Date(2026, 7, 1, 12, 30, 15, 99, time.FixedZone("X", 3600))
	for _, tt := range []struct {
		name, path, version, dir, file, list string
		time                                 time.Time
		info                                 string
	}{
		{
			name: "no time", path: "example.com/m", version: "v1.2.3",
			dir: "example.com/m/@v", file: "v1.2.3", list: "v1.2.3\n",
			info: `{"Version":"v1.2.3"}`,
		},
		{
			name: "upper case", path: "github.com/Ab/cD", version: "v0.1.0-RC1", time: when,
			dir: "github.com/!ab/c!d/@v", file: "v0.1.0-!r!c1", list: "v0.1.0-RC1\n",
			info: `{"Version":"v0.1.0-RC1","Time":"2026-07-01T11:30:15Z"}`,
		},
		{
			name: "major version", path: "example.com/m/v2", version: "v2.0.0",
			dir: "example.com/m/v2/@v", file: "v2.0.0", list: "v2.0.0\n",
			info: `{"Version":"v2.0.0"}`,
		},
		{
			name: "gopkg.in", path: "gopkg.in/m.v3", version: "v3.1.0",
			dir: "gopkg.in/m.v3/@v", file: "v3.1.0", list: "v3.1.0\n",
			info: `{"Version":"v3.1.0"}`,
		},
		{
			name: "pseudo-version", path: "example.com/m", version: "v0.0.0-20260701113015-0123456789ab", time: when,
			dir: "example.com/m/@v", file: "v0.0.0-20260701113015-0123456789ab",
			info: `{"Version":"v0.0.0-20260701113015-0123456789ab","Time":"2026-07-01T11:30:15Z"}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mod := "module " + tt.path + "\n"
			m := Module{Path: tt.path, Version: tt.version, Time: tt.time, GoMod: []byte(mod), Files: []File{text("x.go", "package x\n")}}
			files := proxy(t, m)
			prefix := tt.dir + "/" + tt.file
			same(t, files, []File{
				{prefix + ".zip", files[0].Data},
				text(prefix+".mod", mod),
				text(prefix+".info", tt.info),
				text(tt.dir+"/list", tt.list),
			})
			checkZip(t, m, files[0].Data, text("go.mod", mod), text("x.go", "package x\n"))
		})
	}
	m := newModule("v1.0.0")
	want := slices.Clone(moduleFiles)
	slices.SortFunc(want, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	checkZip(t, m, proxy(t, m)[0].Data, want...)
	if names(moduleFiles) == names(want) {
		t.Error("the test's files are sorted already")
	}
}

// checkZip lets x/mod look at a zip, and compares what it unpacks.
func checkZip(t *testing.T, m Module, data []byte, want ...File) {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, File{"m.zip", data})
	v := module.Version{Path: m.Path, Version: m.Version}
	checked, err := zip.CheckZip(v, filepath.Join(dir, "m.zip"))
	if err == nil {
		err = checked.Err()
	}
	if err != nil || len(checked.Omitted) > 0 || len(checked.Valid) != len(want) {
		t.Errorf("CheckZip: %+v, %v", checked, err)
	}
	if err := zip.Unzip(filepath.Join(dir, "m"), v, filepath.Join(dir, "m.zip")); err != nil {
		t.Fatal(err)
	}
	// What the go command hashes in the zip is what it hashes in the directory.
	unpacked := os.DirFS(filepath.Join(dir, "m"))
	got, err := Tree(unpacked, nil)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, want)
	hash, err := dirhash.HashZip(filepath.Join(dir, "m.zip"), dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	if want, err := dirhash.HashDir(filepath.Join(dir, "m"), m.Path+"@"+m.Version, dirhash.Hash1); err != nil || hash != want {
		t.Errorf("zip %s, directory %s, %v", hash, want, err)
	}
	r, err := stdzip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.File {
		if f.ModifiedDate != 0 || f.ModifiedTime != 0 || len(f.Extra) > 0 || f.Comment != "" {
			t.Errorf("%+v", f.FileHeader)
		}
	}
}

func TestModuleBadInput(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Module)
		want   string
	}{
		{"no path", func(m *Module) { m.Path = "" }, "malformed module path"},
		{"path without a dot", func(m *Module) { m.Path = "curve" }, "missing dot in first path element"},
		{"path that is absolute", func(m *Module) { m.Path = "/example.com" }, "empty path element"},
		{"upper case in the domain", func(m *Module) { m.Path = "Example.com/m" }, "invalid char 'E' in first path element"},
		{"path with ..", func(m *Module) { m.Path = "example.com/../x" }, "malformed module path"},
		{"path with v1", func(m *Module) { m.Path = "example.com/m/v1" }, "invalid version"},
		{"no version", func(m *Module) { m.Version = "" }, `version "" is not a canonical`},
		{"short version", func(m *Module) { m.Version = "v1.2" }, `"v1.2" is not a canonical`},
		{"no v", func(m *Module) { m.Version = "1.2.3" }, `"1.2.3" is not a canonical`},
		{"branch", func(m *Module) { m.Version = "latest" }, "not a canonical"},
		{"zeros", func(m *Module) { m.Version = "v1.02.3" }, "not a canonical"},
		{"build", func(m *Module) { m.Version = "v1.2.3+x" }, "not a canonical"},
		{"incompatible", func(m *Module) { m.Version = "v2.0.0+incompatible" }, `version v2.0.0+incompatible with "+incompatible"`},
		{"major without suffix", func(m *Module) { m.Version = "v2.0.0" }, "should be v0 or v1, not v2"},
		{"suffix without major", func(m *Module) { m.Path += "/v2" }, "should be v2, not v1"},
		{"late", func(m *Module) { m.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "year outside of range"},
		{"no go.mod", func(m *Module) { m.GoMod = nil }, "go.mod: no module directive"},
		{"bad go.mod", func(m *Module) { m.GoMod = []byte(goMod + "requires x\n") }, "go.mod:4: unknown directive: requires"},
		{"version of a requirement", func(m *Module) { m.GoMod = []byte(goMod + "require example.com/x main\n") }, "go.mod:4:"},
		{"go.mod of another", func(m *Module) { m.GoMod = []byte("module example.com/other\n") }, "go.mod: module example.com/other, but the path is " + modulePath},
		{"large go.mod", func(m *Module) { m.GoMod = make([]byte, zip.MaxGoMod+1) }, "go.mod: 16777217 bytes"},
		{
			"replace",
			func(m *Module) {
				m.GoMod = []byte(goMod + "replace (\n\texample.com/a => ../a\n\texample.com/b => example.com/c v1.0.0\n\texample.com/d v1.2.0 => ./d\n)\n")
			},
			"go.mod: replaced by directories, which others do not have: line 5: example.com/a => ../a; line 7: example.com/d@v1.2.0 => ./d",
		},
		{"two go.mod", func(m *Module) { m.GoMod = append(m.GoMod, "// changed\n"...) }, "go.mod among the files is another one"},
		{"GO.MOD", func(m *Module) { m.Files = []File{text("GO.MOD", goMod)} }, "GO.MOD: go.mod files must have lowercase names"},
		{"nested module", func(m *Module) {
			m.Files = append(m.Files, text("tools/go.mod", "module x\n"), text("tools/main.go", ""))
		}, "tools/go.mod: file is in another module\ntools/main.go: file is in another module"},
		{"vendor", func(m *Module) { m.Files = append(m.Files, text("vendor/example.com/x/x.go", "")) }, "vendor/example.com/x/x.go: file is in vendor directory"},
		{"twice", func(m *Module) { m.Files = append(m.Files, text("curve.go", "")) }, `"curve.go": twice`},
		{"case", func(m *Module) { m.Files = append(m.Files, text("Curve.go", "")) }, "but for case"},
		{"parent", func(m *Module) { m.Files = append(m.Files, text("../x.go", "")) }, `".."`},
		{"name for Windows", func(m *Module) { m.Files = append(m.Files, text("aux.go", "")) }, "aux.go"},
		{"name with a quote", func(m *Module) { m.Files = append(m.Files, text("it's.go", "")) }, "it's.go"},
		{"large license", func(m *Module) { m.Files = append(m.Files[:2:2], File{"LICENSE", make([]byte, zip.MaxLICENSE+1)}) }, "LICENSE: LICENSE file too large"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newModule("v1.2.3")
			m.GoMod, m.Files = bytes.Clone(m.GoMod), slices.Clone(m.Files)
			tt.change(&m)
			files, err := m.Proxy()
			wantError(t, err, tt.want)
			if files != nil {
				t.Error("files and an error")
			}
		})
	}
}

// The limit is 500 MiB. The files share memory.
func TestModuleTooLarge(t *testing.T) {
	m := newModule("v1.2.3")
	m.Files = slices.Clone(m.Files)
	data := make([]byte, MaxSize/4)
	for _, name := range []string{"a", "b", "c", "d"} {
		m.Files = append(m.Files, File{name, data})
	}
	_, err := m.Proxy()
	wantError(t, err, "module source tree too large")
}

// goProxy returns the environment of a go command that has only the proxy.
func goProxy(t *testing.T, dir string) []string {
	return []string{
		"GOPROXY=file://" + filepath.ToSlash(dir), "GONOSUMDB=*", "GOFLAGS=-mod=mod -modcacherw",
		"GOMODCACHE=" + filepath.Join(t.TempDir(), "modcache"), "GOTOOLCHAIN=local", "GOENV=off", "GOWORK=off",
		"GO111MODULE=on", "GONOPROXY=none", "GOPRIVATE=",
	}
}

func TestModuleGoCommand(t *testing.T) {
	command := tool(t, "go")
	dir := t.TempDir()
	const pseudo = "v1.1.1-0.20260701113015-0123456789ab"
	when := time.Date(2026, 7, 1, 11, 30, 15, 0, time.UTC)
	// Released one after the other, the last an old one, corrected.
	zips := make(map[string]string)
	for _, version := range []string{"v1.9.0", "v1.10.0-RC.1", "v1.10.0", pseudo, "v1.2.0"} {
		m := newModule(version)
		m.Time = when
		files := proxy(t, m)
		zips[version] = filepath.Join(dir, filepath.FromSlash(files[0].Path))
		var old []File
		for _, f := range files {
			if data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(f.Path))); err == nil {
				old = append(old, File{f.Path, data})
			}
		}
		files, err := Update(old, files)
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, files...)
	}
	env := goProxy(t, dir)
	work := t.TempDir()
	for version, path := range zips {
		var download struct {
			Path, Version, Sum, GoModSum, Error string
		}
		out := run(t, work, env, command, "mod", "download", "-json", modulePath+"@"+version)
		if err := json.Unmarshal(out, &download); err != nil || download.Error != "" {
			t.Fatalf("%v: %s", err, out)
		}
		want, err := dirhash.HashZip(path, dirhash.Hash1)
		if err != nil {
			t.Fatal(err)
		}
		if download.Path != modulePath || download.Version != version || download.Sum != want {
			t.Errorf("%+v, want sum %s", download, want)
		}
	}
	var list struct {
		Version  string
		Versions []string
		Time     time.Time
	}
	out := run(t, work, env, command, "list", "-m", "-json", "-versions", modulePath+"@latest")
	if err := json.Unmarshal(out, &list); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if list.Version != "v1.10.0" || !list.Time.Equal(when) || strings.Join(list.Versions, " ") != "v1.2.0 v1.9.0 v1.10.0-RC.1 v1.10.0" {
		t.Errorf("%+v", list)
	}

	// A program that imports it.
	write(t, work,
		text("go.mod", "module example.com/program\n\ngo 1.25\n\nrequire "+modulePath+" v1.10.0\n"),
		text("main.go", "package main\n\nimport (\n\t\"fmt\"\n\n\tcurve \""+modulePath+"\"\n)\n\nfunc main() { fmt.Print(curve.Answer()) }\n"),
	)
	if out := run(t, work, env, command, "run", "."); string(out) != "42" {
		t.Errorf("%q", out)
	}
	if out := run(t, work, env, command, "mod", "verify"); string(out) != "all modules verified\n" {
		t.Errorf("%q", out)
	}
}

func TestUpdate(t *testing.T) {
	files := proxy(t, newModule("v1.2.3"))
	dir := strings.TrimSuffix(files[3].Path, "list")

	// Another compressor, a directory, and another time.
	compressed := recompressed(t, files[0].Data)
	later := newModule("v1.2.3")
	later.Time = time.Unix(1e9, 0)

	changed := newModule("v1.2.3")
	changed.Files = append(slices.Clone(moduleFiles[1:]), text("more.go", "package curve\n"))
	changed.Files[1].Data = []byte("MIT\n")
	changedFiles := proxy(t, changed)
	otherMod := newModule("v1.2.3")
	otherMod.GoMod = []byte(goMod + "\n// Other.\n")
	otherMod.Files = moduleFiles[:5]

	const prefix = `"` + modulePath + "@v1.2.3/"
	for _, tt := range []struct {
		name  string
		old   []File
		files []File
		want  []File // to be written
		err   string
	}{
		{name: "first", files: files, want: files},
		{name: "the same", old: files, files: files},
		{name: "another time", old: files, files: proxy(t, later)},
		{name: "another compressor", old: []File{{files[0].Path, compressed}, files[1], files[2], files[3]}, files: files},
		{name: "broken off", old: files[:1], files: files, want: files[1:]},
		{name: "broken off before the list", old: files[:3], files: files, want: files[3:]},
		{
			name: "another version", files: files,
			old:  []File{text(dir+"list", "v1.10.0\nv1.9.0")},
			want: append(slices.Clone(files[:3]), text(dir+"list", "v1.2.3\nv1.9.0\nv1.10.0\n")),
		},
		{
			name: "list that others wrote", files: files[3:],
			old:  []File{text(dir+"list", "v1.2.3 2026-07-01T11:30:15Z\r\n\n v1.0.0\nv1.0.0\nv0.0.0-20260701113015-0123456789ab\nv2.0.0+incompatible\n")},
			want: []File{text(dir+"list", "v1.0.0\nv1.2.3\nv2.0.0+incompatible\n")},
		},
		{name: "list that is none", files: files, old: []File{text(dir+"list", "<html>")}, err: `list: "<html>" is not a canonical semantic version`},
		{
			name: "other files", old: files, files: changedFiles,
			err: "must not change:\n\t" + prefix + "LICENSE\": different\n\t" + prefix + "curve.go\": missing\n\t" + prefix + "more.go\": extra",
		},
		{name: "another go.mod", old: files, files: proxy(t, otherMod), err: prefix + "go.mod\": different\n\tv1.2.3.mod: different"},
		{name: "cut off", old: []File{{files[0].Path, files[0].Data[:100]}}, files: files, err: files[0].Path + ": zip: not a valid zip file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Update(tt.old, tt.files)
			if tt.err != "" {
				wantError(t, err, tt.err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, tt.want)
		})
	}
}

// recompressed stores what is compressed, and adds a directory.
func recompressed(t testing.TB, data []byte) []byte {
	t.Helper()
	r, err := stdzip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := stdzip.NewWriter(&b)
	if _, err := w.Create(modulePath + "@v1.2.3/internal/"); err != nil {
		t.Fatal(err)
	}
	for _, f := range r.File {
		from, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		to, err := w.CreateHeader(&stdzip.FileHeader{Name: f.Name, Method: stdzip.Store})
		if err != nil {
			t.Fatal(err)
		}
		var contents bytes.Buffer
		if _, err := contents.ReadFrom(from); err != nil {
			t.Fatal(err)
		}
		if _, err := to.Write(contents.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A zip that unpacks to more than a module may have is not read to its end.
func TestUpdateBomb(t *testing.T) {
	files := proxy(t, newModule("v1.2.3"))
	var b bytes.Buffer
	w := stdzip.NewWriter(&b)
	zeros := make([]byte, 1<<20)
	for _, name := range []string{"a", "b"} {
		to, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		for range 300 {
			if _, err := to.Write(zeros); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := Update([]File{{files[0].Path, b.Bytes()}}, files)
	wantError(t, err, `"b": the files of the module have more than 524288000 bytes`)
}

func FuzzUpdate(f *testing.F) {
	files := proxy(f, newModule("v1.2.3"))
	f.Add(files[0].Data, []byte("v1.0.0\n"))
	f.Add(recompressed(f, files[0].Data), []byte("v1.0.0 2026-07-01T11:30:15Z\r\n"))
	f.Add(files[0].Data[:100], []byte("<html>"))
	f.Add([]byte("PK\x05\x06"+strings.Repeat("\x00", 18)), []byte("v2.0.0+incompatible\nv0.0.0-20260701113015-0123456789ab"))
	f.Fuzz(func(t *testing.T, archive, list []byte) {
		got, err := Update([]File{{files[0].Path, archive}, {files[3].Path, list}}, files)
		if err != nil {
			if got != nil {
				t.Errorf("%s and %v", names(got), err)
			}
			return
		}
		// Once it is written there is nothing to do.
		old := append([]File{{files[0].Path, archive}, {files[3].Path, list}}, got...)
		if got, err = Update(old, files); len(got) > 0 || err != nil {
			t.Errorf("%s, %v", names(got), err)
		}
	})
}
