package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cargo-rustgo/cargo-rustgo/internal/target"
	"github.com/cargo-rustgo/cargo-rustgo/internal/tool"
)

// crateDirective is a line of a Go file that names the directory of the Rust
// crate that the package is made from, relative to that of the file.
const crateDirective = "//rustgo:crate "

// buildCrates brings the packages that are to be built, and those of the same
// modules that they need, up to date with the crates that they name. Other
// modules come with what was generated.
func buildCrates(ctx context.Context, r tool.Runner, dir string, flags, packages []string) error {
	if os.Getenv("GOWRAP_CRATES") == "off" {
		return nil
	}
	r.Dir = dir
	found, err := r.GoList(ctx, append(slices.Clone(flags), "-deps", "-test"), packages...)
	if err != nil {
		return nil // the go command will say it again
	}
	seen := map[string]bool{}
	for _, p := range found {
		if p.Standard || p.Dir == "" || p.Module != nil && !p.Module.Main || seen[p.Dir] {
			continue
		}
		seen[p.Dir] = true
		crate, file, err := crateOf(p.Dir, p.GoFiles)
		if err != nil {
			return err
		}
		switch {
		case crate == "":
			continue
		case !exists(filepath.Join(crate, "Cargo.toml")):
			return fmt.Errorf("%s names the crate %s, which has no Cargo.toml", file, crate)
		case !tool.Has("cargo"):
			return fmt.Errorf("%s names the crate %s, and cargo is not installed: with GOWRAP_CRATES=off, the package is built from the files that are there", file, crate)
		}
		if err := buildCrate(ctx, r, p, crate); err != nil {
			return fmt.Errorf("%s names the crate %s: %w", file, crate, err)
		}
	}
	return nil
}

// crateOf returns the directory of the crate that a file of a package names, and
// that file.
func crateOf(dir string, files []string) (crate, file string, err error) {
	for _, name := range files {
		path := filepath.Join(dir, name)
		content, err := os.ReadFile(path)
		if err != nil {
			return "", "", err
		}
		for line := range bytes.Lines(content) {
			value, ok := bytes.CutPrefix(line, []byte(crateDirective))
			if !ok {
				continue
			}
			named := filepath.Join(dir, filepath.FromSlash(string(bytes.TrimSpace(value))))
			if crate != "" && named != crate {
				return "", "", fmt.Errorf("%s: a package has one crate, and %s names %s", path, file, crate)
			}
			crate, file = named, path
		}
	}
	return crate, file, nil
}

// buildCrate runs cargo rustgo, which leaves files as they are that would not
// change.
func buildCrate(ctx context.Context, r tool.Runner, p tool.GoPackage, crate string) error {
	env, err := r.GoEnv(ctx)
	if err != nil {
		return err
	}
	targets := []string{env.GOOS + "/" + env.GOARCH}
	for _, t := range target.All() {
		// Other platforms must not be left behind.
		if exists(filepath.Join(p.Dir, "rustgo"+t.Suffix()+".s")) && !slices.Contains(targets, t.String()) {
			targets = append(targets, t.String())
		}
	}
	// What takes long says so.
	said := time.AfterFunc(time.Second, func() { fmt.Fprintf(os.Stderr, "gowrap: building %s\n", crate) })
	defer said.Stop()
	r.Dir = crate
	return r.Run(ctx, cargoRustgo(), "build", "--quiet", "--manifest-path", filepath.Join(crate, "Cargo.toml"),
		"--out", p.Dir, "--go-package", p.Name, "--target", strings.Join(targets, ","))
}

// cargoRustgo is the one beside this program, or the one in PATH.
func cargoRustgo() string {
	const name = "cargo-rustgo"
	if self, err := os.Executable(); err == nil {
		if path := filepath.Join(filepath.Dir(self), name+filepath.Ext(self)); exists(path) {
			return path
		}
	}
	return name
}
