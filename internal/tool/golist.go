package tool

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// GoPackage is what we use of what `go list -json` says of a package.
type GoPackage struct {
	ImportPath string
	Name       string
	Dir        string
	Standard   bool
	GoFiles    []string
	CgoFiles   []string
	SFiles     []string
	EmbedFiles []string
	Imports    []string
	ImportMap  map[string]string // from imports to import paths, where they differ
	// Export is the compiled archive, if it was asked for.
	Export string
	Module *GoModule
	Error  *struct{ Err string }
}

// GoModule is the module of a package; packages in GOPATH mode have none.
type GoModule struct {
	Path, Dir, GoMod, GoVersion string
	Main                        bool
}

// GoList runs `go list -e -json` with the given flags, for packages that
// patterns name. A package that cannot be loaded has its Error set. Programs
// that flags name are started as go would.
func (r Runner) GoList(ctx context.Context, flags []string, patterns ...string) ([]GoPackage, error) {
	args := slices.Concat([]string{"list", "-e", "-json=ImportPath,Name,Dir,Standard,GoFiles,CgoFiles,SFiles,EmbedFiles,Imports,ImportMap,Export,Module,Error"}, flags, []string{"--"}, patterns)
	out, err := r.output(ctx, "go", args...)
	if err != nil {
		return nil, err
	}
	var list []GoPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p GoPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		list = append(list, p)
	}
}
