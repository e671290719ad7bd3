package bundle

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// skip skips a test that lacks a tool, except in CI.
func skip(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// tool returns the program, or skips the test.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		skip(t, "not installed: %s", name)
	}
	return path
}

// gnuTar returns GNU tar.
func gnuTar(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"tar", "gtar"} {
		if out, err := exec.Command(name, "--version").Output(); err == nil && bytes.Contains(out, []byte("GNU tar")) {
			return name
		}
	}
	skip(t, "not installed: GNU tar")
	return ""
}

// run runs a program with more in its environment.
func run(t testing.TB, dir string, env []string, name string, args ...string) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stderr = dir, &stderr
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", cmd, err, out, &stderr)
	}
	return out
}

func write(t testing.TB, root string, files ...File) {
	t.Helper()
	for _, f := range files {
		path := filepath.Join(root, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// text is a file by its path and its contents.
func text(path, data string) File { return File{path, []byte(data)} }

func names(files []File) string {
	var list []string
	for _, f := range files {
		list = append(list, f.Path)
	}
	return strings.Join(list, " ")
}

// same compares files, in order.
func same(t testing.TB, got, want []File) {
	t.Helper()
	if names(got) != names(want) {
		t.Fatalf("got  %s\nwant %s", names(got), names(want))
	}
	for i := range got {
		if !bytes.Equal(got[i].Data, want[i].Data) {
			t.Errorf("%s: got %.80q, want %.80q", got[i].Path, got[i].Data, want[i].Data)
		}
	}
}

// wantError checks that an error has a text.
func wantError(t testing.TB, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one with %q", err, want)
	}
}
