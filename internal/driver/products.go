package driver

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
	"github.com/cargo-rustgo/cargo-rustgo/internal/emit"
	"github.com/cargo-rustgo/cargo-rustgo/internal/prebuilt"
	"github.com/cargo-rustgo/cargo-rustgo/internal/tool"
)

// products makes what is written below o.Products:
//
//	pkg/GOOS_GOARCH/IMPORT/PATH.a     the package, compiled
//	src/IMPORT/PATH/                  its Go files, for gowrap
//	lib/GOOS_GOARCH/NAME.o            the machine code, for C
//	lib/GOOS_GOARCH/libNAME.a         the same with a symbol table
//	lib/GOOS_GOARCH/NAME.h            its declarations
func (g *generated) products(ctx context.Context, o Options) ([]output, error) {
	var list []output
	add := func(name string, content []byte, ours bool) {
		list = append(list, output{filepath.Join(o.Products, filepath.FromSlash(name)), content, ours})
	}
	if o.emits(ArchiveForm) {
		a, err := g.archives(ctx, o)
		if err != nil {
			return nil, err
		}
		for _, name := range sortedKeys(a.archives) {
			add(name, a.archives[name], false)
		}
		for _, name := range sortedKeys(a.source) {
			add(path.Join("src", a.importPath, name), a.source[name], isGenerated(a.source[name]))
		}
	}
	for i := range g.p.Platforms {
		platform := &g.p.Platforms[i]
		if platform.Variant.Name != "" {
			continue // is with the platform itself
		}
		if object := g.objects[platform.GOOS+"/"+platform.GOARCH]; object != nil {
			dir := "lib/" + platform.GOOS + "_" + platform.GOARCH
			add(path.Join(dir, object.name+".o"), object.data, false)
			add(path.Join(dir, "lib"+object.name+".a"), object.library, false)
			add(path.Join(dir, object.name+".h"), object.header, false)
		}
	}
	return list, nil
}

// archives are the compiled packages.
type archives struct {
	importPath string
	archives   map[string][]byte // by path: pkg/GOOS_GOARCH/IMPORT/PATH.a
	goVersion  string            // that compiled them, such as go1.26.1
	source     map[string][]byte // the Go files to compile with them, by name
}

// archives compiles the package for every platform.
func (g *generated) archives(ctx context.Context, o Options) (*archives, error) {
	a := &archives{archives: map[string][]byte{}}
	own, err := ownFiles(o.GoDir)
	if err != nil {
		return nil, err
	}
	if a.source, err = g.prebuiltSource(ctx, o, own); err != nil {
		return nil, err
	}
	note := prebuilt.Note{MadeBy: g.madeBy(o)}
	if note.Declarations, err = prebuilt.Declarations(a.source, emit.Header); err != nil {
		return nil, diag.New(diag.Declaration, "%v", err)
	}
	dir := o.GoDir
	if len(own) == 0 && o.ImportPath != "" {
		dir = "" // where it is says nothing
	}
	goMod, err := goMod(ctx, o, dir)
	if err != nil {
		return nil, err
	}
	for i := range g.p.Platforms {
		platform := &g.p.Platforms[i]
		if platform.Variant.Name != "" {
			continue // is with the platform itself
		}
		overlay := map[string][]byte{}
		if dir != "" {
			if overlay, err = generatedFiles(dir); err != nil {
				return nil, err
			}
		}
		for name, content := range a.source {
			if own[name] == nil && name != prebuilt.Stub {
				overlay[name] = content
			}
		}
		for j := range g.p.Platforms {
			if q := &g.p.Platforms[j]; q.GOOS == platform.GOOS && q.GOARCH == platform.GOARCH {
				overlay[q.File()] = g.files[q.File()]
			}
		}
		if goMod != nil {
			overlay["go.mod"] = goMod
		}
		// Code for libraries is no different on Windows.
		p, err := o.Cargo.Cargo.GoBuild(ctx, tool.GoBuildOptions{Dir: dir, GOOS: platform.GOOS, GOARCH: platform.GOARCH, Overlay: overlay, Shared: platform.GOOS != "windows"})
		if err != nil {
			return nil, err
		}
		if o.ImportPath != "" && p.ImportPath != o.ImportPath {
			d := diag.New(diag.BadConfig, "the import path should be %q, but that of %s is %q", o.ImportPath, o.GoDir, p.ImportPath)
			d.Help = []string{"change `import-path`, or the module's path in go.mod"}
			return nil, d
		}
		a.importPath, note.ImportPath = p.ImportPath, p.ImportPath
		data, err := prebuilt.Marshal(p.Archive, p.Objects, p.SharedObjects, &note)
		if err != nil {
			return nil, fmt.Errorf("archive for %s/%s: %w", platform.GOOS, platform.GOARCH, err)
		}
		a.archives[prebuilt.InTree(platform.GOOS+"_"+platform.GOARCH, p.ImportPath)] = data
		header, err := prebuilt.Header(p.Archive)
		if err != nil {
			return nil, err
		}
		toolchain, err := prebuilt.ParseHeader(header)
		if err != nil {
			return nil, err
		}
		a.goVersion = toolchain.Go
	}
	return a, nil
}

// prebuiltSource returns the Go files for those who have the archives: those that
// are generated, and those of people's own.
func (g *generated) prebuiltSource(ctx context.Context, o Options, own map[string][]byte) (map[string][]byte, error) {
	defined, called := map[string][]byte{}, map[string][]byte{}
	for i := range g.p.Platforms {
		platform := &g.p.Platforms[i]
		d, c, err := o.Cargo.Cargo.SymABIs(ctx, platform.GOOS, platform.GOARCH, g.files[platform.File()])
		if err != nil {
			return nil, err
		}
		for _, name := range d {
			defined[name] = nil
		}
		for _, name := range c {
			called[name] = nil
		}
	}
	files := g.p.PrebuiltFiles(prebuilt.Stub, sortedKeys(defined), sortedKeys(called))
	for name, content := range own {
		if files[name] != nil {
			d := diag.New(diag.OutputConflict, "%s exists and was not written by cargo rustgo", filepath.Join(o.GoDir, name))
			d.Help = []string{"rename that file"}
			return nil, d
		}
		files[name] = content
	}
	return files, nil
}

// madeBy says where the machine code comes from.
func (g *generated) madeBy(o Options) []string {
	lines := []string{
		"crate " + g.art.PackageName + " " + g.art.PackageVersion,
		g.art.RustcVersion,
		"cargo-rustgo " + o.Version,
	}
	if lock, err := os.ReadFile(filepath.Join(g.art.WorkspaceRoot, "Cargo.lock")); err == nil {
		lines = append(lines, fmt.Sprintf("Cargo.lock sha256:%x", sha256.Sum256(lock)))
	}
	return lines
}

// goMod returns a go.mod for a package that is in no module, or nil.
func goMod(ctx context.Context, o Options, dir string) ([]byte, error) {
	if dir != "" {
		r := o.Cargo.Cargo.Runner
		r.Dir = dir
		env, err := r.GoEnv(ctx)
		if err != nil {
			return nil, err
		}
		if env.GOMOD != os.DevNull {
			return nil, nil // a module, or GOPATH mode
		}
	}
	if o.ImportPath == "" {
		d := diag.New(diag.BadConfig, "the import path of the Go package is not known: %s is in no Go module", o.GoDir)
		d.Help = []string{"set `import-path` in [package.metadata.rustgo], or give `--import-path`"}
		return nil, d
	}
	return []byte("module " + o.ImportPath + "\n\ngo " + oldestGo + "\n"), nil
}

// oldestGo is the oldest Go that generated packages are made for.
const oldestGo = "1.25"

// ownFiles returns the files of a directory that are part of its Go package and
// not generated. If there is no such directory there are none.
func ownFiles(dir string) (map[string][]byte, error) {
	return goDirFiles(dir, func(content []byte) bool { return !isGenerated(content) })
}

// generatedFiles returns the names of the generated files in a directory.
func generatedFiles(dir string) (map[string][]byte, error) {
	files, err := goDirFiles(dir, isGenerated)
	for name := range files {
		files[name] = nil
	}
	return files, err
}

func goDirFiles(dir string, match func(content []byte) bool) (map[string][]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	files := map[string][]byte{}
	for _, e := range entries {
		name := e.Name()
		switch filepath.Ext(name) {
		case ".go", ".s", ".h":
		default:
			continue
		}
		if !e.Type().IsRegular() || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		if match(content) {
			files[name] = content
		}
	}
	return files, nil
}
