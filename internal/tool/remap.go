package tool

import (
	"context"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Remapped paths depend on nothing but the sources: the Go package must come
// out the same on every machine and in every directory. The names are those of
// cargo's unstable trim-paths where it has one.
const (
	remapRegistry = "/cargo/registry"
	remapGit      = "/cargo/git"
	remapBuild    = "/cargo/build-dir"
	remapPackage  = "/cargo/path/" // NAME-VERSION follows
)

// remap is a --remap-path-prefix: rustc replaces from by to.
type remap struct{ from, to string }

// remaps is a list in the order in which rustc must get them. Rustc applies
// the last that matches, so directories inside others come after them.
type remaps []remap

func (r remaps) add(from, to string) remaps {
	if from == "" || slices.ContainsFunc(r, func(m remap) bool { return m.from == from }) {
		return r
	}
	r = append(slices.Clone(r), remap{filepath.Clean(from), to})
	slices.SortStableFunc(r, func(a, b remap) int { return len(a.from) - len(b.from) })
	return r
}

// flags returns the rustc flags. One argument each, so that a path may contain
// anything.
func (r remaps) flags() []string {
	var flags []string
	for _, m := range r {
		flags = append(flags, "--remap-path-prefix="+m.from+"="+m.to)
	}
	return flags
}

// covers reports whether a path on disk is remapped.
func (r remaps) covers(dir string) bool {
	return slices.ContainsFunc(r, func(m remap) bool { return within(dir, m.from) })
}

// within reports whether a path is dir or inside it.
func within(path, dir string) bool {
	rest, ok := strings.CutPrefix(path, dir)
	return ok && (rest == "" || rest[0] == '/' || rest[0] == os.PathSeparator || strings.HasSuffix(dir, "/"))
}

// remaps returns the remappings for the packages that m can be built from.
//
// The workspace becomes "", because cargo gives rustc the paths of its members
// relative to it anyway: `src/lib.rs` in messages, panics and debug
// information.
func (c Cargo) remaps(ctx context.Context, o BuildOptions, m *Metadata, r *rustc) (remaps, error) {
	home, err := c.cargoHome()
	if err != nil {
		return nil, err
	}
	var list remaps
	list = list.add(m.WorkspaceRoot, "")
	// The directories below these are named after the registry's URL and the
	// git revision, so they are the same everywhere. They are not listed one
	// by one, because on a fresh machine they appear only during the build.
	list = list.add(filepath.Join(home, "registry", "src"), remapRegistry)
	list = list.add(filepath.Join(home, "git", "checkouts"), remapGit)
	list = list.add(m.TargetDirectory, remapBuild)
	list = list.add(m.BuildDirectory, remapBuild)
	list = list.add(r.srcDir(), "/rustc/"+r.commit)
	return c.remapPathPackages(ctx, o, m, list), nil
}

// remapPathPackages adds the packages outside the workspace that the manifests
// refer to by path. Their manifests refer to others.
func (c Cargo) remapPathPackages(ctx context.Context, o BuildOptions, m *Metadata, list remaps) remaps {
	queue := patchPaths(m.WorkspaceRoot)
	visit := func(m *Metadata) {
		for i := range m.Packages {
			p := &m.Packages[i]
			if !list.covers(p.Dir()) {
				list = list.add(p.Dir(), p.remapName())
			}
			for _, d := range p.Dependencies {
				queue = append(queue, d.Path)
			}
		}
	}
	visit(m)
	for len(queue) > 0 {
		dir := queue[0]
		queue = queue[1:]
		if dir == "" || list.covers(dir) {
			continue
		}
		o := o
		o.ManifestPath = filepath.Join(dir, "Cargo.toml")
		quiet := c
		quiet.Stderr = io.Discard
		other, err := quiet.Metadata(ctx, o)
		if err != nil {
			// Perhaps the dependency is optional and missing. If it is
			// needed, the build fails or finds the package.
			continue
		}
		visit(other)
	}
	return list
}

func (p *Package) remapName() string { return remapPackage + p.Name + "-" + p.Version }

// patchPaths returns the directories that the workspace's [patch] and
// [replace] tables name.
func patchPaths(root string) []string {
	text, err := os.ReadFile(filepath.Join(root, "Cargo.toml"))
	if err != nil {
		return nil
	}
	type source struct {
		Path string `toml:"path"`
	}
	var manifest struct {
		Patch   map[string]map[string]source `toml:"patch"`
		Replace map[string]source            `toml:"replace"`
	}
	// Cargo has read the manifest before us and reports what is wrong in it.
	if toml.Unmarshal(text, &manifest) != nil {
		return nil
	}
	var dirs []string
	add := func(s source) {
		if s.Path != "" && !filepath.IsAbs(s.Path) {
			s.Path = filepath.Join(root, s.Path)
		}
		if s.Path != "" {
			dirs = append(dirs, s.Path)
		}
	}
	for _, patches := range manifest.Patch {
		for _, s := range patches {
			add(s)
		}
	}
	for _, s := range manifest.Replace {
		add(s)
	}
	slices.Sort(dirs)
	return dirs
}

// unmap returns the file on disk that a path in debug information stands for,
// or "".
func (r remaps) unmap(name string) string {
	// The name of a compilation unit has the codegen unit's after "/@/".
	name, _, _ = strings.Cut(name, "/@/")
	name = path.Clean(filepath.ToSlash(name))
	var candidates []string
	for _, m := range r {
		switch {
		case m.to == "" && !path.IsAbs(name):
			candidates = append(candidates, filepath.Join(m.from, name))
		case m.to != "" && within(name, m.to):
			candidates = append(candidates, filepath.Join(m.from, name[len(m.to):]))
		}
	}
	if path.IsAbs(name) {
		candidates = append(candidates, name)
	}
	for _, file := range candidates {
		if info, err := os.Stat(file); err == nil && !info.IsDir() {
			return file
		}
	}
	return ""
}
