// Package internal_test checks the house rules of docs/DESIGN.md: which package
// may import which.
package internal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/cargo-rustgo/cargo-rustgo/"

// only lists imports that are reserved for some packages.
var only = []struct {
	imported string
	users    []string
}{
	{"debug/elf", []string{"internal/elfmacho"}},
	{"debug/macho", []string{"internal/elfmacho"}},
	{"debug/pe", []string{"internal/elfmacho"}},
	{"debug/dwarf", []string{"internal/elfmacho", "internal/signature"}},
	{"os/exec", []string{"internal/tool"}},
	{"os", []string{"internal/driver", "internal/tool", "cargo-rustgo", "gowrap"}},
	{"syscall", []string{"internal/driver", "internal/tool", "cargo-rustgo", "gowrap"}},
	{"unsafe", nil},
	{module + "internal/driver", []string{"cargo-rustgo"}},
	{module + "internal/tool", []string{"internal/driver", "cargo-rustgo", "gowrap"}},
}

// never lists imports between our packages that are forbidden.
var never = []struct{ importer, imported string }{
	{"internal/emit", "internal/link"},
	{"internal/emit", "internal/tool"},
	{"internal/stack", "internal/emit"},
	{"internal/signature", "internal/emit"},
	{"gowrap", "internal/driver"},
	{"internal/elfmacho", "internal/link"},
	{"internal/link", "internal/image"},
}

// alone lists packages that import no others of ours but these.
var alone = []struct {
	importer string
	but      []string
}{
	{"internal/bundle", []string{"internal/diag"}},
	{"internal/cheader", []string{"internal/signature"}},
}

// skipped are directories of other modules, of what was built, and of test data.
var skipped = map[string]bool{"bench": true, "bin": true, "consumer": true, "template": true, "testdata": true, ".git": true}

func TestImports(t *testing.T) {
	files := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && skipped[d.Name()] {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		files++
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		importer := filepath.ToSlash(filepath.Dir(strings.TrimPrefix(path, "../")))
		for _, spec := range f.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			check(t, path, importer, imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 20 {
		t.Fatalf("looked at %d files only", files)
	}
}

func check(t *testing.T, path, importer, imported string) {
	t.Helper()
	for _, rule := range only {
		if imported != rule.imported {
			continue
		}
		allowed := false
		for _, user := range rule.users {
			allowed = allowed || user == importer
		}
		if !allowed {
			t.Errorf("%s: imports %s, which only %s may", path, imported, strings.Join(rule.users, ", "))
		}
	}
	for _, rule := range never {
		if importer == rule.importer && imported == module+rule.imported {
			t.Errorf("%s: %s must not import %s", path, rule.importer, rule.imported)
		}
	}
	for _, rule := range alone {
		ours, ok := strings.CutPrefix(imported, module)
		if importer == rule.importer && ok && !slices.Contains(rule.but, ours) {
			t.Errorf("%s: imports %s; of ours, %s may import %s only", path, ours, importer, strings.Join(rule.but, ", "))
		}
	}
}
