package tool

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
)

// Artifact is a static library that cargo has built.
type Artifact struct {
	// Path is the archive.
	Path string
	// LibName is the name of the library crate, with underscores, as it
	// begins the names of its symbols and object files.
	LibName        string
	PackageName    string
	PackageVersion string
	// Config is the package's configuration, or nil.
	Config        *Config
	ManifestDir   string
	WorkspaceRoot string
	// SrcPath is the root source file of the library.
	SrcPath string
	Triple  string
	// RustcVersion is "rustc 1.90.0 (1159e78c4 2025-09-14)".
	RustcVersion string
	// RustcCommit is the compiler's full commit hash.
	RustcCommit string
	// RustFlags are the flags of every crate of the target, but for those about
	// where sources are, followed by those of the package itself. First come those
	// that have cargo compile the standard library.
	RustFlags []string
	// Features are those of the package that were on.
	Features []string
	// Profile is cargo's.
	Profile string

	remaps remaps
}

// SourceFile returns the file on disk that a path in the library's debug
// information stands for, or "" if there is none. Debug information holds
// remapped paths, which are the same on every machine.
func (a *Artifact) SourceFile(dwarfPath string) string { return a.remaps.unmap(dwarfPath) }

// Inspect finds the package that o asks for and its configuration, which may be
// nil, without building anything.
func Inspect(ctx context.Context, o BuildOptions) (*Metadata, *Package, *Config, error) {
	m, err := o.Cargo.Metadata(ctx, o)
	if err != nil {
		return nil, nil, nil, err
	}
	p, err := m.Select(o)
	if err != nil {
		return nil, nil, nil, err
	}
	config, err := m.Config(p)
	if err != nil {
		return nil, nil, nil, err
	}
	return m, p, config, nil
}

// BuildStaticlib compiles the package's library and everything it depends on
// into one archive. The error is an *ExitError if cargo failed and told the
// user why, or a diagnostic.
func BuildStaticlib(ctx context.Context, o BuildOptions) (*Artifact, error) {
	c := o.Cargo
	m, p, config, err := Inspect(ctx, o)
	if err != nil {
		return nil, err
	}
	lib, err := p.library()
	if err != nil {
		return nil, err
	}
	o.configure(config)
	cargoConfig, err := c.loadConfig(o.Config)
	if err != nil {
		return nil, err
	}
	r, err := c.rustc(ctx, cargoConfig, o.Triple)
	if err != nil {
		return nil, err
	}
	if err := available(o, r, cargoConfig); err != nil {
		return nil, err
	}
	list, err := c.remaps(ctx, o, m, r)
	if err != nil {
		return nil, err
	}
	user := c.userRustFlags(cargoConfig, o.Triple, r.cfg)
	if (config == nil || !config.OmitFramePointers) && !r.keepsFramePointers() {
		// As in Go and in Rust's own core: the execution tracer and others
		// follow them, and so does the panic handler. A flag of the user's
		// cannot switch them off again, only the manifest can.
		user = slices.Concat([]string{"-Cforce-frame-pointers=yes"}, user)
	}
	for {
		flags := slices.Concat(user, o.RustFlags, ourFlags(r))
		built, err := runRustc(ctx, o, p, m.TargetDirectory, slices.Concat(flags, list.flags()))
		if err != nil {
			return nil, err
		}
		// A package can come from a place that no manifest of the workspace
		// names, such as a `paths` override. Its paths must not end up in the
		// library either.
		stray := list
		for _, dir := range built.packageDirs {
			if !stray.covers(dir) {
				stray = stray.add(dir, remapPackage+filepath.Base(dir))
			}
		}
		if len(stray) > len(list) {
			list = stray
			continue
		}
		return &Artifact{
			Path:           built.staticlib,
			LibName:        strings.ReplaceAll(lib.Name, "-", "_"),
			PackageName:    p.Name,
			PackageVersion: p.Version,
			Config:         config,
			ManifestDir:    p.Dir(),
			WorkspaceRoot:  m.WorkspaceRoot,
			SrcPath:        lib.SrcPath,
			Triple:         o.Triple,
			RustcVersion:   r.version,
			RustcCommit:    r.commit,
			RustFlags:      slices.Concat(o.stdArgs(), flags, o.RustcArgs),
			Features:       built.features,
			Profile:        o.profile(),
			remaps:         list,
		}, nil
	}
}

// Available reports whether cargo could build for a target, by a diagnostic that
// says what to install if it could not. The package's configuration may be nil.
func (o BuildOptions) Available(ctx context.Context, p *Config, triple string) error {
	o.configure(p)
	config, err := o.Cargo.loadConfig(o.Config)
	if err != nil {
		return err
	}
	r, err := o.Cargo.rustc(ctx, config, triple)
	if err != nil {
		return err
	}
	o.Triple = triple
	return available(o, r, config)
}

// ourFlags are the flags for every crate. `cfg(rustgo)` is how the rustgo
// crate knows that it has to supply the panic handler and memcpy.
func ourFlags(r *rustc) []string {
	flags := []string{"--cfg=rustgo"}
	if r.atLeast(80) { // the first release with --check-cfg
		flags = append(flags, "--check-cfg=cfg(rustgo,rustgo_foreign,rustgo_freebsd,rustgo_windows)")
	}
	return flags
}

// built is what cargo's messages say about a finished build.
type built struct {
	staticlib string
	// packageDirs are the directories of the packages compiled for the
	// target.
	packageDirs []string
	features    []string // of the package
}

// runRustc runs cargo rustc with exactly these flags for the target's crates.
func runRustc(ctx context.Context, o BuildOptions, p *Package, targetDir string, flags []string) (*built, error) {
	c := o.Cargo
	cmd := c.command(ctx, c.path(), o.rustcCommand(p.ID, targetDir)...)
	cmd.Env = append(slices.Clone(c.env()), "CARGO_ENCODED_RUSTFLAGS="+strings.Join(flags, "\x1f"))
	if o.BuildStd {
		cmd.Env = append(cmd.Env, buildStdEnv)
	}
	cmd.Stderr = c.stderr()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, startError(c.path(), err)
	}
	out := o.Messages
	if out == nil {
		out = io.Discard
	}
	built, readErr := readMessages(io.TeeReader(stdout, out), p.ID, o.Triple)
	if readErr != nil {
		// Cargo blocks on a full pipe, and its own error matters more.
		io.Copy(io.Discard, stdout)
	}
	if err := cmd.Wait(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if exit := exitError(c.path(), err); exit != nil {
			return nil, exit
		}
		return nil, startError(c.path(), err)
	}
	if readErr != nil {
		return nil, fmt.Errorf("reading cargo's messages: %w", readErr)
	}
	if built.staticlib == "" {
		return nil, diag.New(diag.NoStaticlib, "cargo built no static library for package `%s`", p.Name)
	}
	return built, nil
}

// message is what we use of cargo's JSON messages:
// https://doc.rust-lang.org/cargo/reference/external-tools.html#json-messages.
type message struct {
	Reason       string      `json:"reason"`
	PackageID    string      `json:"package_id"`
	ManifestPath string      `json:"manifest_path"`
	Target       CrateTarget `json:"target"`
	Filenames    []string    `json:"filenames"`
	Features     []string    `json:"features"`
}

func readMessages(r io.Reader, packageID, triple string) (*built, error) {
	b := new(built)
	lines := bufio.NewReader(r)
	for {
		// A message has no bounded size: it can quote whole source files.
		line, err := lines.ReadBytes('\n')
		var m message
		// Compilers and their wrappers may print to the same place.
		if len(line) > 0 && line[0] == '{' && json.Unmarshal(line, &m) == nil && m.Reason == "compiler-artifact" {
			b.add(m, packageID, triple)
		}
		if err == io.EOF {
			return b, nil
		} else if err != nil {
			return nil, err
		}
	}
}

func (b *built) add(m message, packageID, triple string) {
	// Build scripts and procedural macros, and what they depend on, are built
	// for the host and leave nothing in the library.
	forTarget := slices.ContainsFunc(m.Filenames, func(name string) bool {
		return slices.Contains(strings.Split(filepath.ToSlash(name), "/"), triple)
	})
	if forTarget {
		b.packageDirs = append(b.packageDirs, filepath.Dir(m.ManifestPath))
	}
	if m.PackageID != packageID || !slices.Contains(m.Target.CrateTypes, "staticlib") {
		return
	}
	b.features = m.Features
	for _, name := range m.Filenames {
		if filepath.Ext(name) == ".a" || filepath.Ext(name) == ".lib" {
			b.staticlib = name
		}
	}
}
