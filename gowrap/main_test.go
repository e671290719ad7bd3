package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/tool"
)

func TestDescribe(t *testing.T) {
	for _, test := range []struct {
		args, flags, packages []string
	}{
		{args: []string{"./..."}, packages: []string{"./..."}},
		{args: []string{"-o", "x", "-v", "./cmd/x"}, packages: []string{"x", "./cmd/x"}},
		{args: []string{"-tags", "a,b", "-mod=mod", "--modfile=y", "-run", "F", "."}, flags: []string{"-tags=a,b", "-mod=mod", "--modfile=y"}, packages: []string{"F", "."}},
		{args: []string{".", "-args", "-tags=a", "b"}, packages: []string{"."}},
		{args: []string{"-tags"}},
	} {
		flags, packages := describe(test.args)
		if !slices.Equal(flags, test.flags) || !slices.Equal(packages, test.packages) {
			t.Errorf("%q: %q, %q", test.args, flags, packages)
		}
	}
}

func TestCutChdir(t *testing.T) {
	for _, test := range []struct{ args, chdir, rest []string }{
		{[]string{"-C", "d", "."}, []string{"-C", "d"}, []string{"."}},
		{[]string{"-C=d", "."}, []string{"-C=d"}, []string{"."}},
		{[]string{"--C=d"}, []string{"--C=d"}, nil},
		{[]string{"-v", "-C", "d"}, nil, []string{"-v", "-C", "d"}},
		{nil, nil, nil},
	} {
		chdir, rest := cutChdir(test.args)
		if !slices.Equal(chdir, test.chdir) || !slices.Equal(rest, test.rest) {
			t.Errorf("%q: %q, %q", test.args, chdir, rest)
		}
	}
}

func TestQuote(t *testing.T) {
	for path, want := range map[string]string{
		"/bin/gowrap":     "/bin/gowrap",
		"/a b/gowrap":     `"/a b/gowrap"`,
		`/a "b" c/gowrap`: `'/a "b" c/gowrap'`,
	} {
		if got := quote(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// What gowrap changes has its hash, and is a line that the go command accepts;
// what it does not change is as it was.
func TestToolID(t *testing.T) {
	out, err := exec.Command("go", "env", "GOTOOLDIR").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name, changes := range map[string]bool{"compile": false, "asm": true, "link": true} {
		path := filepath.Join(strings.TrimSpace(string(out)), name)
		plain, err := exec.Command(path, "-V=full").Output()
		if err != nil {
			t.Fatal(err)
		}
		var wrapped bytes.Buffer
		if err := toolexec(context.Background(), &wrapped, path, []string{"-V=full"}); err != nil {
			t.Fatal(err)
		}
		before, after, ok := strings.Cut(wrapped.String(), "gowrap")
		if ok != changes || ok && (!strings.HasPrefix(string(plain), strings.TrimRight(before, " +")) || len(after) < 32 || strings.Count(wrapped.String(), "\n") != 1) {
			t.Errorf("%s: %q, and %q wrapped", name, plain, wrapped.String())
		}
	}
}

func TestPlaces(t *testing.T) {
	s := &search{roots: []string{"/r"}, mains: []string{"/m"}, env: goEnv("linux", "amd64")}
	got := s.places("example.com/x", "/gopath/src/example.com/x")
	want := []string{
		"/r/pkg/linux_amd64/example.com/x.a",
		"/gopath/src/example.com/x/rustgo_linux_amd64.a",
		"/gopath/pkg/linux_amd64/example.com/x.a",
		"/m/pkg/linux_amd64/example.com/x.a",
	}
	for i := range want {
		want[i] = filepath.FromSlash(want[i])
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestTwoCrates(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a.go": "package p\n\n//rustgo:crate ./one\n", "b.go": "package p\n//rustgo:crate two\n", "c.go": "package p\n//rustgo:crate one/\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	crate, file, err := crateOf(dir, []string{"a.go", "c.go"})
	if err != nil || crate != filepath.Join(dir, "one") || file != filepath.Join(dir, "c.go") {
		t.Errorf("%s, %s, %v", crate, file, err)
	}
	if _, _, err := crateOf(dir, []string{"a.go", "b.go"}); err == nil || !strings.Contains(err.Error(), "a package has one crate") {
		t.Errorf("two crates: %v", err)
	}
}

func goEnv(goos, goarch string) *tool.GoEnv { return &tool.GoEnv{GOOS: goos, GOARCH: goarch} }
