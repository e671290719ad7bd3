package tool

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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
	// Export is the compiled archive, if it was asked for.
	Export string
	Module *GoModule
	Error  *struct{ Err string }
}

// GoModule is the module of a package; packages in GOPATH mode have none.
type GoModule struct {
	Path, Dir, GoMod string
	Main             bool
}

// GoList runs `go list -e -json` with the given flags, for packages that
// patterns name. A package that cannot be loaded has its Error set. Programs
// that flags name are started as go would.
func (r Runner) GoList(ctx context.Context, flags []string, patterns ...string) ([]GoPackage, error) {
	args := slices.Concat([]string{"list", "-e", "-json=ImportPath,Name,Dir,Standard,GoFiles,CgoFiles,SFiles,Export,Module,Error"}, flags, []string{"--"}, patterns)
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

// GoArchive has the go command compile the package of a directory for a
// platform, as if the directory had the files of overlay too; a file that is nil
// there is as good as removed. With no directory, overlay is all there is, and has
// a go.mod. The result's data is what is in the file Export of p.
//
// flags are flags of go list.
func (r Runner) GoArchive(ctx context.Context, dir, goos, goarch string, overlay map[string][]byte, flags ...string) (p *GoPackage, data []byte, err error) {
	temp, err := os.MkdirTemp("", "cargo-rustgo-")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(temp)
	r.Env = append(slices.Clone(r.env()), "GOOS="+goos, "GOARCH="+goarch)
	if dir == "" {
		if dir, err = os.MkdirTemp(temp, "package-"); err != nil {
			return nil, nil, err
		}
		r.Env = append(r.Env, "GO111MODULE=on", "GOWORK=off", "GOFLAGS=-mod=mod")
	} else if dir, err = filepath.Abs(filepath.Join(r.Dir, dir)); err != nil {
		return nil, nil, err
	}
	replace := map[string]string{}
	n := 0
	for name, content := range overlay {
		path := filepath.Join(dir, name)
		if content == nil {
			replace[path] = ""
			continue
		}
		n++
		file := filepath.Join(temp, strconv.Itoa(n)+filepath.Ext(name))
		if err := os.WriteFile(file, content, 0o666); err != nil {
			return nil, nil, err
		}
		replace[path] = file
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return nil, nil, err
	}
	list := filepath.Join(temp, "overlay.json")
	if err := os.WriteFile(list, text, 0o666); err != nil {
		return nil, nil, err
	}
	r.Dir = dir
	packages, err := r.GoList(ctx, append([]string{"-export", "-trimpath", "-overlay=" + list}, flags...), ".")
	if err != nil {
		return nil, nil, err
	}
	if len(packages) != 1 {
		return nil, nil, fmt.Errorf("go list: %d packages instead of one", len(packages))
	}
	p = &packages[0]
	if p.Error != nil {
		return nil, nil, fmt.Errorf("compiling the Go package: %s", p.Error.Err)
	}
	if data, err = os.ReadFile(p.Export); err != nil {
		return nil, nil, err
	}
	return p, data, nil
}
