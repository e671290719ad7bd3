package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
)

// Metadata is what we use of the output of `cargo metadata --no-deps`:
// https://doc.rust-lang.org/cargo/commands/cargo-metadata.html.
type Metadata struct {
	Packages        []Package       `json:"packages"`
	DefaultMembers  []string        `json:"workspace_default_members"`
	TargetDirectory string          `json:"target_directory"`
	BuildDirectory  string          `json:"build_directory"` // since cargo 1.91
	WorkspaceRoot   string          `json:"workspace_root"`
	WorkspaceExtra  json.RawMessage `json:"metadata"`
}

// Package is one member of the workspace.
type Package struct {
	ID           string          `json:"id"`
	Name         string          `json:"name"`
	Version      string          `json:"version"`
	ManifestPath string          `json:"manifest_path"`
	Targets      []CrateTarget   `json:"targets"`
	Dependencies []Dependency    `json:"dependencies"`
	Extra        json.RawMessage `json:"metadata"`
}

// CrateTarget is one thing that cargo can compile in a package.
type CrateTarget struct {
	Name       string   `json:"name"`
	Kind       []string `json:"kind"`
	CrateTypes []string `json:"crate_types"`
	SrcPath    string   `json:"src_path"`
}

// Dependency is a dependency as the manifest declares it.
type Dependency struct {
	Name string `json:"name"`
	Path string `json:"path"` // of a path dependency
}

// Dir returns the directory of the package's manifest.
func (p *Package) Dir() string { return filepath.Dir(p.ManifestPath) }

// Metadata asks cargo for the packages of the workspace.
func (c Cargo) Metadata(ctx context.Context, o BuildOptions) (*Metadata, error) {
	args := append([]string{"metadata", "--format-version", "1", "--no-deps"}, o.commonArgs()...)
	out, err := c.output(ctx, c.path(), args...)
	if err != nil {
		return nil, err
	}
	m := new(Metadata)
	if err := json.Unmarshal(out, m); err != nil {
		return nil, fmt.Errorf("cargo metadata: %w", err)
	}
	if o.TargetDir != "" {
		// cargo metadata does not accept --target-dir.
		dir, err := c.dir()
		if err != nil {
			return nil, err
		}
		target := o.TargetDir
		if !filepath.IsAbs(target) {
			target = filepath.Join(dir, target)
		}
		if m.BuildDirectory == m.TargetDirectory {
			m.BuildDirectory = target
		}
		m.TargetDirectory = target
	}
	return m, nil
}

// Select returns the package that o asks for: the one that o.Package names, or
// the one whose manifest cargo would read.
func (m *Metadata) Select(o BuildOptions) (*Package, error) {
	if o.Package != "" {
		return m.byName(o.Package)
	}
	manifest, err := o.manifest()
	if err != nil {
		return nil, err
	}
	for i := range m.Packages {
		if sameFile(m.Packages[i].ManifestPath, manifest) {
			return &m.Packages[i], nil
		}
	}
	// A virtual workspace. One default member leaves no doubt.
	if len(m.DefaultMembers) == 1 {
		for i := range m.Packages {
			if m.Packages[i].ID == m.DefaultMembers[0] {
				return &m.Packages[i], nil
			}
		}
	}
	d := diag.New(diag.NoStaticlib, "`%s` is the manifest of a workspace, not of a package", manifest)
	d.Help = []string{"choose a package with `-p`: " + strings.Join(m.names(), ", ")}
	return nil, d
}

func (m *Metadata) names() []string {
	var names []string
	for _, p := range m.Packages {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return names
}

// byName accepts the forms of a package ID specification that can name a
// workspace member: NAME, NAME@VERSION and the full ID.
func (m *Metadata) byName(spec string) (*Package, error) {
	for i, p := range m.Packages {
		if spec == p.Name || spec == p.Name+"@"+p.Version || spec == p.ID {
			return &m.Packages[i], nil
		}
	}
	d := diag.New(diag.NoStaticlib, "package `%s` is not a member of the workspace", spec)
	if near := diag.Similar(spec, m.names()); near != "" {
		d.Help = []string{fmt.Sprintf("did you mean `%s`?", near)}
	} else {
		d.Help = []string{"the members are: " + strings.Join(m.names(), ", ")}
	}
	return nil, d
}

// manifest returns the path of the manifest that cargo would read.
func (o BuildOptions) manifest() (string, error) {
	dir, err := o.Cargo.dir()
	if err != nil {
		return "", err
	}
	if path := o.ManifestPath; path != "" {
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		return path, nil
	}
	for d := dir; ; d = filepath.Dir(d) {
		path := filepath.Join(d, "Cargo.toml")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		} else if !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
		if d == filepath.Dir(d) {
			return "", fmt.Errorf("no Cargo.toml in %s or above", dir)
		}
	}
}

func sameFile(a, b string) bool {
	if a == b {
		return true
	}
	ai, err := os.Stat(a)
	if err != nil {
		return false
	}
	bi, err := os.Stat(b)
	return err == nil && os.SameFile(ai, bi)
}

// library returns the package's library target.
func (p *Package) library() (*CrateTarget, error) {
	for i, t := range p.Targets {
		if slices.Contains(t.Kind, "proc-macro") {
			d := diag.New(diag.NoStaticlib, "package `%s` is a procedural macro, which runs inside rustc only", p.Name)
			d.Spans = []diag.Span{{File: p.ManifestPath}}
			return nil, d
		}
		for _, kind := range t.Kind {
			switch kind {
			case "lib", "rlib", "dylib", "cdylib", "staticlib":
				return &p.Targets[i], nil
			}
		}
	}
	d := diag.New(diag.NoStaticlib, "package `%s` has no library target", p.Name)
	d.Spans = []diag.Span{{File: p.ManifestPath}}
	d.Help = []string{"move the functions that Go calls to `src/lib.rs`"}
	return nil, d
}
