package driver

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
	"github.com/cargo-rustgo/cargo-rustgo/internal/emit"
)

func sortedKeys(files map[string][]byte) []string {
	return slices.Sorted(maps.Keys(files))
}

// output is a file to be written.
type output struct {
	path    string
	content []byte // nil to remove the file
	// ours is set for files that must not replace one that is not generated.
	ours bool
}

// goFiles are the generated files of a Go package.
func goFiles(dir string, files map[string][]byte) []output {
	var list []output
	for _, name := range sortedKeys(files) {
		list = append(list, output{filepath.Join(dir, name), files[name], true})
	}
	return list
}

// write writes files, and removes from their directories what earlier builds
// generated there and this one has not. It returns how many it wrote. Files are
// prepared under other names first, so that a failure leaves the old ones as they
// were. Files whose content is the same are not touched: builds that look at times
// stay up to date.
func write(files []output) (int, error) {
	byDir := map[string]map[string]bool{}
	for _, f := range files {
		dir, name := filepath.Split(f.path)
		if dir = filepath.Clean(dir); byDir[dir] == nil {
			byDir[dir] = map[string]bool{}
		}
		byDir[dir][name] = true
	}
	var stale []string
	for _, dir := range slices.Sorted(maps.Keys(byDir)) {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return 0, diag.New(diag.OutputConflict, "cannot create the output directory: %v", err)
		}
		// In the order of their names, so that two builds do not wait for each
		// other.
		unlock, err := lock(dir)
		if err != nil {
			return 0, err
		}
		defer unlock()
		list, err := staleFiles(dir, byDir[dir])
		if err != nil {
			return 0, err
		}
		stale = append(stale, list...)
	}
	var prepared [][2]string // temporary name, final name
	defer func() {
		for _, p := range prepared {
			os.Remove(p[0])
		}
	}()
	for _, f := range files {
		if f.content == nil {
			stale = append(stale, f.path)
			continue
		}
		old, err := os.ReadFile(f.path)
		switch {
		case err == nil && bytes.Equal(old, f.content):
			continue
		case err == nil && f.ours && !isGenerated(old):
			d := diag.New(diag.OutputConflict, "%s exists and was not written by cargo rustgo", f.path)
			d.Help = []string{"rename that file, or choose another directory with `--out`"}
			return 0, d
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return 0, diag.New(diag.OutputConflict, "cannot replace a file: %v", err)
		}
		temporary, err := writeTemp(filepath.Dir(f.path), filepath.Base(f.path), f.content)
		if temporary != "" {
			prepared = append(prepared, [2]string{temporary, f.path})
		}
		if err != nil {
			return 0, diag.New(diag.OutputConflict, "cannot write the output: %v", err)
		}
	}
	// From here on everything is on the disk; only names change.
	for _, p := range prepared {
		if err := os.Rename(p[0], p[1]); err != nil {
			return 0, diag.New(diag.OutputConflict, "cannot write the output: %v", err)
		}
	}
	for _, path := range stale {
		if err := os.Remove(path); err != nil {
			return 0, diag.New(diag.OutputConflict, "cannot remove a file of an earlier build: %v", err)
		}
	}
	return len(prepared), nil
}

// isGenerated reports whether a file is one of ours.
func isGenerated(content []byte) bool {
	return bytes.HasPrefix(content, []byte(emit.Header))
}

// tempPrefix makes the go command pass over a file.
const tempPrefix = ".rustgo-"

// writeTemp writes a file under a name that the go command passes over.
func writeTemp(dir, name string, content []byte) (path string, err error) {
	f, err := os.CreateTemp(dir, tempPrefix+"*-"+name)
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(0o644)
	}
	return f.Name(), errors.Join(err, f.Close())
}

// staleFiles lists the files that an earlier build wrote and this one has not.
func staleFiles(dir string, files map[string]bool) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("output directory: %w", err)
	}
	var stale []string
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, tempPrefix) {
			stale = append(stale, filepath.Join(dir, name)) // of a build that was killed
			continue
		}
		if files[name] || !e.Type().IsRegular() || !strings.HasPrefix(name, "rustgo") {
			continue
		}
		if ext := filepath.Ext(name); ext != ".go" && ext != ".s" {
			continue
		}
		path := filepath.Join(dir, name)
		content, err := os.ReadFile(path)
		if err == nil && isGenerated(content) {
			stale = append(stale, path)
		}
	}
	return stale, nil
}
