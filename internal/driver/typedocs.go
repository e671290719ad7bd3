package driver

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/signature"
	"github.com/cargo-rustgo/cargo-rustgo/internal/tool"
)

// typeDocs are the doc comments of the crate's types. Debug information does not
// say where a type is declared, so they are found by name.
type typeDocs struct{ byName map[string]signature.TypeDoc }

// newTypeDocs reads the sources of the crate.
func newTypeDocs(art *tool.Artifact) *typeDocs {
	d := &typeDocs{map[string]signature.TypeDoc{}}
	twice := map[string]bool{}
	// Without a source, or a part of it, there are no docs; that is no error.
	_ = filepath.WalkDir(filepath.Dir(art.SrcPath), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if entry.IsDir() && entry.Name() == "target" {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".rs") {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		for name, doc := range signature.TypeDocs(signature.NewSource(source)) {
			if _, ok := d.byName[name]; ok {
				twice[name] = true
			}
			d.byName[name] = doc
		}
		return nil
	})
	for name := range twice {
		delete(d.byName, name)
	}
	return d
}

// lastName is the name of a type without its path and generic arguments.
func lastName(t *signature.Type) string {
	name, _, _ := strings.Cut(t.Name, "<")
	return name[strings.LastIndex(name, ":")+1:]
}

// renamed returns a doc comment that begins with the Go name if the Rust one
// begins with the Rust name.
func renamed(doc []string, rust, golang string) []string {
	if len(doc) == 0 {
		return nil
	}
	for _, name := range []string{"`" + rust + "`", rust} {
		if rest, ok := strings.CutPrefix(doc[0], name); ok && (rest == "" || strings.ContainsAny(rest[:1], " ,.:;")) {
			return append([]string{golang + rest}, doc[1:]...)
		}
	}
	return doc
}
