package bundle

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
)

const sha = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" // of nothing

// provenance returns a record whose lists are not sorted.
func provenance() *Provenance {
	return &Provenance{
		Crate:     Crate{"curve", "1.2.3-beta.1+build"},
		CargoLock: sha,
		Rustc:     "rustc 1.95.0 (f8a41b2c0 2026-04-14) (Distribution 1.95.0~rc+dfsg-1)",
		Go:        "go1.26.8",
		Tool:      "0.1.0",
		Profile:   "release",
		Features:  []string{"std", "alloc", "dep/feature"},
		Targets: []Target{
			{GOOS: "linux", GOARCH: "arm64", Triple: "aarch64-unknown-linux-gnu", RustFlags: []string{"-Cpanic=abort", "-Cllvm-args=-x=1"}},
			{GOOS: "darwin", GOARCH: "arm64", Triple: "aarch64-apple-darwin"},
			{GOOS: "linux", GOARCH: "amd64", Triple: "x86_64-unknown-linux-gnu", RustFlags: []string{"-Ctarget-feature=+avx2,-fma", "--cfg", `feature="x"`}},
		},
		Files: Digests(gopathFiles()),
	}
}

func marshal(t testing.TB, p *Provenance) []byte {
	t.Helper()
	data, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestProvenance(t *testing.T) {
	p := provenance()
	data := marshal(t, p)
	if !reflect.DeepEqual(p, provenance()) {
		t.Error("Marshal changed the record")
	}
	got, err := ParseProvenance(data)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(marshal(t, got), data) || !reflect.DeepEqual(got, p.sorted()) {
		t.Errorf("got %+v\nwant %+v", got, p)
	}
	if err := got.Check(gopathFiles()); err != nil {
		t.Error(err)
	}

	// Package json sorts the keys of maps.
	var v map[string]any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	sorted, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if string(data) != string(sorted)+"\n" {
		t.Errorf("keys are not sorted:\n%s", data)
	}
	var order []string
	for _, target := range v["targets"].([]any) {
		order = append(order, target.(map[string]any)["triple"].(string))
	}
	if got := strings.Join(order, " "); got != "aarch64-apple-darwin x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu" {
		t.Error(got)
	}
	if strings.Contains(string(data), "null") {
		t.Errorf("null:\n%s", data)
	}
}

func TestProvenanceNoMachinePath(t *testing.T) {
	data := string(marshal(t, provenance()))
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	home, _ := os.UserHomeDir()
	for _, s := range []string{dir, home, os.TempDir()} {
		if s != "" && s != "/" && strings.Contains(data, s) {
			t.Errorf("%q in\n%s", s, data)
		}
	}
	for _, s := range []string{
		"/home/user/x", "/", "~/x", "--remap-path-prefix=/home/user=x", "--remap-path-prefix=x=/home/user", "-L/usr/lib",
		"-Lnative=/usr/lib", "-Clinker=/usr/bin/cc", `-Clinker=C:\bin\link.exe`, "-LC:/lib", `\\server\share`, "@/tmp/args",
		"-Clink-args=-L /usr/lib", "-Clink-args=-a,/usr", `--cfg=dir="/usr"`, "rustc 1.95.0 (/opt/rust)", "file:///usr/lib", "--extern=x=~/x.rlib",
	} {
		for name, change := range map[string]func(*Provenance){
			"flag":    func(p *Provenance) { p.Targets[0].RustFlags = append(p.Targets[0].RustFlags, s) },
			"rustc":   func(p *Provenance) { p.Rustc = s },
			"profile": func(p *Provenance) { p.Profile = s },
			"tool":    func(p *Provenance) { p.Tool = s },
			"go":      func(p *Provenance) { p.Go = s },
			"feature": func(p *Provenance) { p.Features[0] = s },
			"triple":  func(p *Provenance) { p.Targets[0].Triple = s },
		} {
			p := provenance()
			change(p)
			if _, err := p.Marshal(); err == nil || !strings.Contains(err.Error(), "path of this machine") {
				t.Errorf("%s %q: %v", name, s, err)
			}
		}
	}
	for _, s := range []string{
		"-Ctarget-cpu=x86-64-v3", "linux/amd64", "https://example.com/x", "feature=a/b", "-Lnative=lib", "--remap-path-prefix=src=lib/src", "1.0~beta",
	} {
		p := provenance()
		p.Targets[0].RustFlags = []string{s}
		if _, err := p.Marshal(); err != nil {
			t.Error(err)
		}
	}
}

func TestProvenanceBadRecord(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Provenance)
		want   string
	}{
		{"no crate", func(p *Provenance) { p.Crate.Name = "" }, "crate.name: empty"},
		{"no version", func(p *Provenance) { p.Crate.Version = "" }, `crate.version: "" is not a semantic version`},
		{"v", func(p *Provenance) { p.Crate.Version = "v1.0.0" }, "crate.version"},
		{"no rustc", func(p *Provenance) { p.Rustc = "" }, "rustc: empty"},
		{"two lines", func(p *Provenance) { p.Rustc += "\n" }, "is not a line of text"},
		{"not UTF-8", func(p *Provenance) { p.Tool = "\xff" }, "tool: \"\\xff\" is not a line of text"},
		{"no lock", func(p *Provenance) { p.CargoLock = "" }, `cargo_lock: "" is not a SHA-256`},
		{"upper case", func(p *Provenance) { p.CargoLock = strings.ToUpper(sha) }, "cargo_lock"},
		{"short", func(p *Provenance) { p.Files[0].SHA256 = sha[2:] }, `files: "src/example.com/curve/curve.go": `},
		{"size", func(p *Provenance) { p.Files[0].Size = -1 }, "-1 bytes"},
		{"file twice", func(p *Provenance) { p.Files = append(p.Files, p.Files[0]) }, "twice"},
		{"bad path", func(p *Provenance) { p.Files[0].Path = "/x" }, "absolute path"},
		{"feature twice", func(p *Provenance) { p.Features = append(p.Features, "std") }, `features: "std" twice`},
		{"empty feature", func(p *Provenance) { p.Features[0] = "" }, "features: empty"},
		{"no targets", func(p *Provenance) { p.Targets = nil }, "targets: none"},
		{"no GOOS", func(p *Provenance) { p.Targets[0].GOOS = "" }, "targets: empty"},
		{"target twice", func(p *Provenance) { p.Targets[1] = p.Targets[0] }, "targets: linux/arm64 twice"},
		{"too large", func(p *Provenance) { p.Rustc = strings.Repeat("x", maxProvenance) }, "the limit is 16777216"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := provenance()
			tt.change(p)
			data, err := p.Marshal()
			wantError(t, err, tt.want)
			if data != nil {
				t.Error("data and an error")
			}
		})
	}
}

// badRecords is what ParseProvenance refuses, made by replacing text of a record.
var badRecords = []struct{ name, old, new, want string }{
	{"another schema", `"schema": 1`, `"schema": 2`, "schema 2 is unknown; the one known is 1"},
	{"fraction", `"schema": 1`, `"schema": 1.5`, "schema 1.5 is unknown"},
	{"text for the schema", `"schema": 1`, `"schema": "1"`, `schema "1" is unknown`},
	{"null schema", `"schema": 1`, `"schema": null`, "schema null is unknown"},
	{"schema of another case", `"schema": 1`, `"Schema": 1`, `"Schema": unknown key`},
	{"no schema", `"schema": 1,`, "", `"schema": missing`},
	{"schema twice", `"schema": 1,`, `"schema": 1, "schema": 1,`, `"schema": twice`},
	{"no profile", `"profile": "release",`, "", `"profile": missing`},
	{"no go", `"go": "go1.26.8",`, "", `"go": missing`},
	{"null", `"go": "go1.26.8"`, `"go": null`, "go: null"},
	{"profile twice", `"profile"`, `"profile": "x", "profile"`, `"profile": twice`},
	{"unknown", `"profile"`, `"more": [], "profile"`, `"more": unknown key`},
	{"number for text", `"release"`, `1`, "profile: json: cannot unmarshal number"},
	{"text for a list", `"features": [`, `"features": "", "x": [`, `features: "", want "["`},
	{"null for a list", `"features": [`, `"features": null, "x": [`, `features: "<nil>", want "["`},
	{"list for an object", `"crate": {`, `"crate": [], "x": {`, `crate: "[", want "{"`},
	{"null in a list", `"alloc",`, `null,`, "features: 0: null"},
	{"crate without a name", `"name": "curve",`, "", `crate: "name": missing`},
	{"target without flags", `"rustflags": [],`, "", `targets: 0: "rustflags": missing`},
	{"file without a size", `"size": 0`, `"x": 0`, `"x": unknown key`},
	{"negative size", `"size": 0`, `"size": -1`, "-1 bytes"},
	{"huge size", `"size": 0`, `"size": 9223372036854775808`, "cannot unmarshal number"},
	{"path twice in a file", `"path": "src/`, `"path": "src/x", "path": "src/`, `"path": twice`},
	{"parent", `"path": "pkg/`, `"path": "../`, `".."`},
	{"hash", sha, sha[1:], "not a SHA-256"},
	{"machine path", `"release"`, `"/usr"`, "path of this machine"},
	{"not UTF-8", `"release"`, "\"\xff\"", "not UTF-8"},
	{"bad JSON", `"release"`, `release`, "invalid character"},
	{"more after it", "\n}\n", "\n}\n{}", "invalid character '{' after top-level value"},
	{"cut off", "\n}\n", "", "unexpected end of JSON input"},
}

func badRecord(t testing.TB, i int) []byte {
	t.Helper()
	data := marshal(t, provenance())
	tt := badRecords[i]
	if !bytes.Contains(data, []byte(tt.old)) {
		t.Fatalf("%s: no %q in\n%s", tt.name, tt.old, data)
	}
	return bytes.Replace(data, []byte(tt.old), []byte(tt.new), 1)
}

func TestParseProvenanceBadInput(t *testing.T) {
	for i, tt := range badRecords {
		t.Run(tt.name, func(t *testing.T) {
			p, err := ParseProvenance(badRecord(t, i))
			wantError(t, err, tt.want)
			if p != nil {
				t.Error("a record and an error")
			}
		})
	}
	for in, want := range map[string]string{
		"": "unexpected end", "null": "want", "[]": "cannot unmarshal array", "{}": "missing", "1": "cannot unmarshal number",
		strings.Repeat("[", 1<<20):                     "exceeded max depth",
		strings.Repeat(" ", maxProvenance+1):           "the limit is 16777216",
		`{"crate":` + strings.Repeat(`{"name":`, 5000): "unexpected end",
	} {
		_, err := ParseProvenance([]byte(in))
		wantError(t, err, want)
	}
}

func TestProvenanceCheck(t *testing.T) {
	p := &Provenance{Files: Digests([]File{text("a", "1"), text("b", "2"), text("c", "3"), text("d", "")})}
	for _, tt := range []struct {
		name  string
		files []File
		want  string
	}{
		{name: "same", files: []File{text("d", ""), text("c", "3"), text("b", "2"), text("a", "1")}},
		{
			name:  "all at once",
			files: []File{text("z", ""), text("c", "4"), text("a", "1"), text("B", "2"), text("a/b", "")},
			want:  "not the files that were recorded:\n\t\"B\": extra\n\t\"a/b\": extra\n\t\"b\": missing\n\t\"c\": different\n\t\"d\": missing\n\t\"z\": extra",
		},
		{name: "twice", files: []File{text("a", "1"), text("a", "1"), text("b", "2"), text("c", "3"), text("d", "")}, want: "recorded:\n\t\"a\": twice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := p.Check(tt.files)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || err.Error() != tt.want && !strings.HasSuffix(err.Error(), tt.want)) {
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
		})
	}
}

func FuzzParseProvenance(f *testing.F) {
	f.Add(marshal(f, provenance()))
	for i := range badRecords {
		f.Add(badRecord(f, i))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParseProvenance(data)
		if err != nil {
			if p != nil {
				t.Error("a record and an error")
			}
			return
		}
		out := marshal(t, p)
		again, err := ParseProvenance(out)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(p, again) {
			t.Errorf("got %+v\nwant %+v", again, p)
		}
	})
}
