package driver

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
	"github.com/cargo-rustgo/cargo-rustgo/internal/emit"
)

func content(s string) []byte { return []byte(emit.Header + "\n" + s) }

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return strings.Join(list, " ")
}

func TestWriteOnlyWhatChanged(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "Ünïcode dir")
	files := map[string][]byte{"rustgo.go": content("a"), "rustgo_linux_amd64.s": content("b")}
	if n, err := write(goFiles(dir, files)); n != 2 || err != nil {
		t.Fatalf("wrote %d, %v", n, err)
	}
	past := time.Now().Add(-time.Hour)
	for name := range files {
		if err := os.Chtimes(filepath.Join(dir, name), past, past); err != nil {
			t.Fatal(err)
		}
	}
	files["rustgo.go"] = content("c")
	if n, err := write(goFiles(dir, files)); n != 1 || err != nil {
		t.Fatalf("wrote %d, %v", n, err)
	}
	info, err := os.Stat(filepath.Join(dir, "rustgo_linux_amd64.s"))
	if err != nil || !info.ModTime().Equal(past.Truncate(0)) && time.Since(info.ModTime()) < time.Minute {
		t.Errorf("an unchanged file was written again: %v, %v", info.ModTime(), err)
	}
	if got := names(t, dir); got != "rustgo.go rustgo_linux_amd64.s" {
		t.Errorf("the directory holds %s", got)
	}
}

func TestWriteKeepsForeignFiles(t *testing.T) {
	dir := t.TempDir()
	put := func(name, s string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(s), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	put("extra.go", "package x")
	put("rustgo_hand.go", "package x")
	put("rustgo_old_arm64.s", emit.Header)
	put(".rustgo-123-rustgo.go", "left by a build that was killed")
	if _, err := write(goFiles(dir, map[string][]byte{"rustgo.go": content("a")})); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); got != "extra.go rustgo.go rustgo_hand.go" {
		t.Errorf("the directory holds %s", got)
	}
}

// A file that is not ours stops the build before anything is written.
func TestWriteRefusesToOverwrite(t *testing.T) {
	dir := t.TempDir()
	foreign := filepath.Join(dir, "rustgo_stub.go")
	if err := os.WriteFile(foreign, []byte("package mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	_, err := write(goFiles(dir, map[string][]byte{"rustgo.go": content("a"), "rustgo_stub.go": content("b")}))
	var d *diag.Diagnostic
	if !errors.As(err, &d) || d.Code != diag.OutputConflict || !strings.Contains(d.Message, foreign) {
		t.Errorf("got %v, want %s naming the file", err, diag.OutputConflict)
	}
	if got := names(t, dir); got != "rustgo_stub.go" {
		t.Errorf("the directory holds %s", got)
	}
}

// A failure half way leaves the old files as they were.
func TestWriteAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	old := map[string][]byte{"rustgo.go": content("old")}
	if _, err := write(goFiles(dir, old)); err != nil {
		t.Fatal(err)
	}
	// A directory in the place of a file cannot be replaced.
	if err := os.Mkdir(filepath.Join(dir, "rustgo_stub.go"), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := write(goFiles(dir, map[string][]byte{"rustgo.go": content("new"), "rustgo_stub.go": content("b")})); err == nil {
		t.Fatal("no error")
	}
	got, err := os.ReadFile(filepath.Join(dir, "rustgo.go"))
	if err != nil || !bytes.Equal(got, old["rustgo.go"]) {
		t.Errorf("rustgo.go is %q, %v", got, err)
	}
	if got := names(t, dir); got != "rustgo.go rustgo_stub.go" {
		t.Errorf("the directory holds %s", got)
	}
}

// Two builds at once end with the files of one of them.
func TestWriteTwoBuilds(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for _, s := range []string{"one", "two"} {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 50 {
				if _, err := write(goFiles(dir, map[string][]byte{"rustgo.go": content(s), "rustgo_stub.go": content(s)})); err != nil {
					t.Error(err)
					return
				}
			}
		}()
	}
	wg.Wait()
	a, errA := os.ReadFile(filepath.Join(dir, "rustgo.go"))
	b, errB := os.ReadFile(filepath.Join(dir, "rustgo_stub.go"))
	if errA != nil || errB != nil || !bytes.Equal(a, b) {
		t.Errorf("a mix of two builds: %q and %q (%v, %v)", a, b, errA, errB)
	}
}
