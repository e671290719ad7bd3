package driver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cargo-rustgo/cargo-rustgo/internal/bundle"
	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
	"github.com/cargo-rustgo/cargo-rustgo/internal/prebuilt"
	"golang.org/x/mod/modfile"
)

// PackageOptions are what Package needs to know besides.
type PackageOptions struct {
	Options        // Out is the directory for the bundle, and Emit has one form
	Format  Format // of the bundle
	Version string // of the module, such as v1.2.3
	Time    time.Time
}

// Format is a form of distribution.
type Format string

const (
	GOPATHFormat Format = "gopath" // a tarball to be unpacked in a GOPATH
	ModuleFormat Format = "module" // a module, as a module proxy serves it
	TreeFormat   Format = "tree"   // the files of a module, to be committed
)

// Formats lists all of them.
var Formats = []Format{GOPATHFormat, ModuleFormat, TreeFormat}

// provenanceName is the file that says what a bundle was made from.
const provenanceName = "rustgo_provenance.json"

// Package compiles a crate and writes its Go package in a form for others, with
// the module around it. Generated files that are in the directory of the package
// and not what the crate gives today are refused: they are what has been tested.
func Package(ctx context.Context, o PackageOptions) (*Result, error) {
	g, err := generate(ctx, o.Options)
	if err != nil {
		return nil, err
	}
	if err := g.stale(o.GoDir, false); err != nil {
		return nil, err
	}
	m, err := g.module(ctx, o)
	if err != nil {
		return nil, err
	}
	var outputs []output
	switch o.Format {
	case GOPATHFormat:
		outputs, err = g.gopath(ctx, o, m)
	case ModuleFormat:
		outputs, err = g.proxy(o, m)
	case TreeFormat:
		outputs, err = g.tree(o, m)
	}
	if err != nil {
		return nil, err
	}
	r := g.result()
	for _, out := range outputs {
		r.Products = append(r.Products, out.path)
	}
	r.Changed, err = write(outputs)
	return r, err
}

// Verify compiles a crate and compares the generated files in the directory of
// its Go package with what it gives today.
func Verify(ctx context.Context, o Options) (*Result, error) {
	g, err := generate(ctx, o)
	if err != nil {
		return nil, err
	}
	r := g.result()
	r.Dir, r.Files = o.GoDir, sortedKeys(g.files)
	return r, g.stale(o.GoDir, true)
}

// stale refuses generated files in a directory that are others than those of
// the package. If none is there, that is an error only if they must be.
func (g *generated) stale(dir string, must bool) error {
	there, err := goDirFiles(dir, isGenerated)
	if err != nil {
		return err
	}
	if len(there) == 0 && !must {
		return nil
	}
	var list diag.List
	report := func(name, what string) {
		d := diag.New(diag.StaleOutput, "%s %s", name, what)
		d.Spans = []diag.Span{{File: filepath.Join(dir, name)}}
		list = append(list, d)
	}
	for _, name := range sortedKeys(g.files) {
		switch content, ok := there[name]; {
		case !ok:
			report(name, "is missing")
		case !bytes.Equal(content, g.files[name]):
			report(name, "is not what the crate gives today")
		}
	}
	for _, name := range sortedKeys(there) {
		if _, ok := g.files[name]; !ok {
			report(name, "is left from an earlier build")
		}
	}
	if len(list) > 0 {
		list[len(list)-1].Help = []string{"run `cargo rustgo build` with the same options, and test what it writes"}
	}
	return list.Err()
}

// goModule is the Go module around a package, with the package in it.
type goModule struct {
	path  string // of the module
	rel   string // of the package in it, with slashes
	goMod []byte
	files []bundle.File // by paths in the module
	goVer string        // that compiled archives; "" if there are none
	libs  map[string][]byte
}

// module collects the files of the module.
func (g *generated) module(ctx context.Context, o PackageOptions) (*goModule, error) {
	m := new(goModule)
	root, err := g.moduleRoot(ctx, o, m)
	if err != nil {
		return nil, err
	}
	if m.path, err = modulePath(m.goMod, filepath.Join(root, "go.mod")); err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(root, o.GoDir)
	if err != nil || !filepath.IsLocal(rel) {
		return nil, fmt.Errorf("the Go package in %s is not in its module in %s", o.GoDir, root)
	}
	m.rel = filepath.ToSlash(rel)

	source := g.files
	if o.emits(ArchiveForm) || o.Format == GOPATHFormat {
		o.ImportPath = m.importPath()
		a, err := g.archives(ctx, o.Options)
		if err != nil {
			return nil, err
		}
		if m.libs, m.goVer = a.archives, a.goVersion; o.emits(ArchiveForm) {
			source = a.source
		}
	}
	tree, err := m.walk(root, o)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, f := range tree {
		if path.Dir(f.Path) == m.rel && isGenerated(f.Data) {
			continue // another form, perhaps
		}
		files[f.Path] = f.Data
	}
	if err := g.addCrate(files, root); err != nil {
		return nil, err
	}
	for name, content := range source {
		files[path.Join(m.rel, name)] = content
	}
	if o.Format != GOPATHFormat && o.emits(ArchiveForm) {
		for name, content := range m.libs {
			// The second element says for which platform.
			platform := strings.Split(name, "/")[1]
			files[path.Join(m.rel, prebuilt.InPackage(platform))] = content
		}
	}
	files["go.mod"] = m.goMod
	delete(files, provenanceName)
	for _, name := range sortedKeys(files) {
		m.files = append(m.files, bundle.File{Path: name, Data: files[name]})
	}
	return m, nil
}

// importPath is that of the package.
func (m *goModule) importPath() string { return path.Join(m.path, m.rel) }

// moduleRoot finds the directory of the module. A package that is in none is one
// by itself, with the crate.
func (g *generated) moduleRoot(ctx context.Context, o PackageOptions, m *goModule) (string, error) {
	r := o.Cargo.Cargo.Runner
	r.Dir = o.GoDir
	env, err := r.GoEnv(ctx)
	if err != nil {
		return "", err
	}
	own, err := goDirFiles(o.GoDir, func([]byte) bool { return true })
	if err != nil {
		return "", err
	}
	// With no Go files yet, the directory does not say what the package is part
	// of, if something else does.
	alone := len(own) == 0 && o.ImportPath != ""
	if env.GOMOD != os.DevNull && env.GOMOD != "" && !alone {
		m.goMod, err = os.ReadFile(env.GOMOD)
		return filepath.Dir(env.GOMOD), err
	}
	if m.goMod, err = goMod(ctx, o.Options, ""); err != nil {
		return "", err
	}
	return o.GoDir, nil
}

func modulePath(goMod []byte, file string) (string, error) {
	f, err := modfile.Parse(file, goMod, nil)
	if err != nil {
		return "", diag.New(diag.BadConfig, "%v", err)
	}
	if f.Module == nil {
		return "", diag.New(diag.BadConfig, "%s: no module path", file)
	}
	return f.Module.Mod.Path, nil
}

// walk reads the files of the module's directory, but for what is built there.
func (m *goModule) walk(root string, o PackageOptions) ([]bundle.File, error) {
	var exclude []string
	for _, dir := range []string{o.Out, o.Products} {
		if rel, err := filepath.Rel(root, dir); err == nil && filepath.IsLocal(rel) && rel != "." {
			exclude = append(exclude, filepath.ToSlash(rel))
		}
	}
	tree, err := bundle.Tree(os.DirFS(root), exclude)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", root, err)
	}
	return tree, nil
}

// addCrate adds Cargo.lock, and the crate if it is outside of the module.
func (g *generated) addCrate(files map[string][]byte, root string) error {
	at := "rust"
	if rel, err := filepath.Rel(root, g.art.ManifestDir); err == nil && filepath.IsLocal(rel) {
		at = filepath.ToSlash(rel)
	} else {
		tree, err := bundle.Tree(os.DirFS(g.art.ManifestDir), nil)
		if err != nil {
			return fmt.Errorf("%s: %w", g.art.ManifestDir, err)
		}
		for _, f := range tree {
			name := path.Join(at, f.Path)
			if files[name] != nil {
				return diag.New(diag.OutputConflict, "the crate would be in %s of the module, where it has files already", at)
			}
			files[name] = f.Data
		}
	}
	lock, err := os.ReadFile(filepath.Join(g.art.WorkspaceRoot, "Cargo.lock"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		files[path.Join(at, "Cargo.lock")] = lock
	}
	return nil
}

// gopath makes the tarball.
func (g *generated) gopath(ctx context.Context, o PackageOptions, m *goModule) ([]output, error) {
	var files []bundle.File
	for _, f := range m.files {
		files = append(files, bundle.File{Path: path.Join("src", m.path, f.Path), Data: f.Data})
	}
	for _, name := range sortedKeys(m.libs) {
		files = append(files, bundle.File{Path: name, Data: m.libs[name]})
	}
	record, err := g.provenance(o, m, files)
	if err != nil {
		return nil, err
	}
	files = append(files, bundle.File{Path: path.Join("src", m.importPath(), provenanceName), Data: record})
	data, err := bundle.GOPATH(files, o.Time)
	if err != nil {
		return nil, err
	}
	return []output{{filepath.Join(o.Out, g.art.PackageName+"_"+m.goVer+".tar.gz"), data, false}}, nil
}

// proxy makes a module for a proxy.
func (g *generated) proxy(o PackageOptions, m *goModule) ([]output, error) {
	files, err := g.withProvenance(o, m)
	if err != nil {
		return nil, err
	}
	made, err := (&bundle.Module{Path: m.path, Version: o.Version, Time: o.Time, GoMod: m.goMod, Files: files}).Proxy()
	if err != nil {
		return nil, diag.New(diag.BadConfig, "%v", err)
	}
	var old []bundle.File
	for _, f := range made {
		content, err := os.ReadFile(filepath.Join(o.Out, filepath.FromSlash(f.Path)))
		switch {
		case err == nil:
			old = append(old, bundle.File{Path: f.Path, Data: content})
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	update, err := bundle.Update(old, made)
	if err != nil {
		d := diag.New(diag.OutputConflict, "%s@%s: %v", m.path, o.Version, err)
		d.Help = []string{"a version that is released stays as it is: choose a new one"}
		return nil, d
	}
	var outputs []output
	for _, f := range update {
		outputs = append(outputs, output{filepath.Join(o.Out, filepath.FromSlash(f.Path)), f.Data, false})
	}
	return outputs, nil
}

// tree makes the files of the module. A directory that has other files is
// refused, unless they come from an earlier call or begin with a dot.
func (g *generated) tree(o PackageOptions, m *goModule) ([]output, error) {
	files, err := g.withProvenance(o, m)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, f := range files {
		known[f.Path] = true
	}
	earlier := map[string]bool{}
	if text, err := os.ReadFile(filepath.Join(o.Out, provenanceName)); err == nil {
		p, err := bundle.ParseProvenance(text)
		if err != nil {
			return nil, diag.New(diag.OutputConflict, "%s: %v", filepath.Join(o.Out, provenanceName), err)
		}
		for _, f := range p.Files {
			earlier[f.Path] = true
		}
	}
	there, err := bundle.Tree(os.DirFS(o.Out), nil)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var outputs []output
	for _, f := range there {
		if !known[f.Path] && !earlier[f.Path] && f.Path != provenanceName {
			d := diag.New(diag.OutputConflict, "%s is not part of the module", filepath.Join(o.Out, f.Path))
			d.Help = []string{"choose an empty directory, or one of an earlier `cargo rustgo package --format tree`"}
			return nil, d
		}
		if !known[f.Path] && earlier[f.Path] {
			outputs = append(outputs, output{path: filepath.Join(o.Out, filepath.FromSlash(f.Path))})
		}
	}
	for _, f := range files {
		outputs = append(outputs, output{filepath.Join(o.Out, filepath.FromSlash(f.Path)), f.Data, false})
	}
	return outputs, nil
}

// withProvenance returns the files of the module and the record of them.
func (g *generated) withProvenance(o PackageOptions, m *goModule) ([]bundle.File, error) {
	record, err := g.provenance(o, m, m.files)
	if err != nil {
		return nil, err
	}
	return append(slices.Clone(m.files), bundle.File{Path: provenanceName, Data: record}), nil
}

// withoutPaths returns flags with what could be a path of this machine left out.
func withoutPaths(flags []string) []string {
	flags = slices.Clone(flags)
	for i, f := range flags {
		if bundle.HasMachinePath(f) {
			name, _, _ := strings.Cut(f, "=")
			if bundle.HasMachinePath(name) {
				name = ""
			}
			flags[i] = name + "=(a path)"
		}
	}
	return flags
}

// provenance writes the record of a bundle.
func (g *generated) provenance(o PackageOptions, m *goModule, files []bundle.File) ([]byte, error) {
	p := bundle.Provenance{
		Crate:    bundle.Crate{Name: g.art.PackageName, Version: g.art.PackageVersion},
		Rustc:    g.art.RustcVersion,
		Go:       m.goVer,
		Tool:     o.Options.Version,
		Profile:  g.art.Profile,
		Features: g.art.Features,
		Files:    bundle.Digests(files),
	}
	lock, err := os.ReadFile(filepath.Join(g.art.WorkspaceRoot, "Cargo.lock"))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(lock)
	p.CargoLock = hex.EncodeToString(sum[:])
	for _, t := range o.Targets {
		p.Targets = append(p.Targets, bundle.Target{GOOS: t.GOOS, GOARCH: t.GOARCH, Triple: t.Triple, RustFlags: g.rustFlags[t.String()]})
	}
	return p.Marshal()
}
