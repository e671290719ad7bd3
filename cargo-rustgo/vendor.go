package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
	"github.com/cargo-rustgo/cargo-rustgo/rust"
	"github.com/urfave/cli/v2"
)

func vendorCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name:        "vendor",
		Usage:       "write the Rust crate rustgo into a directory",
		UsageText:   "cargo rustgo vendor [DIR]",
		Description: "DIR is ./rustgo by default. A copy that the tool wrote before is replaced.",
		Flags:       outputFlags(),
		Action:      func(c *cli.Context) error { return vendor(c, u) },
	}
}

func vendor(c *cli.Context, u *ui) error {
	if err := u.configure(c); err != nil {
		return err
	}
	dir := "rustgo"
	switch c.Args().Len() {
	case 0:
	case 1:
		dir = c.Args().First()
	default:
		return usageErrorf("vendor needs one directory, not %d", c.Args().Len())
	}
	crate, err := rustgoCrate()
	if err != nil {
		return err
	}
	// A directory is ours to replace if it holds nothing else than this crate.
	old, err := os.ReadFile(filepath.Join(dir, "Cargo.toml"))
	entries, dirErr := os.ReadDir(dir)
	switch {
	case err == nil && !bytes.Contains(old, []byte(`name = "rustgo"`)),
		err != nil && dirErr == nil && len(entries) > 0,
		dirErr != nil && !errors.Is(dirErr, fs.ErrNotExist):
		d := diag.New(diag.OutputConflict, "`%s` exists and is not a copy of the crate rustgo", dir)
		d.Help = []string{"name another directory: `cargo rustgo vendor DIR`"}
		return d
	}
	if err := replaceDir(dir, crate); err != nil {
		return err
	}
	u.status("Vendored", "rustgo into `%s`", dir)
	u.status("Next", "add `rustgo = { path = %q }` to [dependencies] and `extern crate rustgo;` to src/lib.rs", filepath.ToSlash(dir))
	return nil
}

// rustgoCrate returns the files of the embedded crate, by their path in it.
func rustgoCrate() (map[string][]byte, error) {
	crate := map[string][]byte{}
	err := fs.WalkDir(rust.FS, "rustgo", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := rust.FS.ReadFile(path)
		if err != nil {
			return err
		}
		if path == "rustgo/Cargo.toml" {
			// In our repository the crate is a workspace of its own. In a
			// user's it must not be: cargo refuses nested workspaces.
			data = bytes.Replace(data, []byte("\n[workspace]\n"), []byte("\n"), 1)
			data = append(bytes.TrimRight(data, "\n"), '\n')
		}
		crate[path[len("rustgo/"):]] = data
		return nil
	})
	return crate, err
}

// replaceDir makes dir hold exactly files: a directory is written beside it
// and renamed, so that an interruption leaves the old one or the new one.
func replaceDir(dir string, files map[string][]byte) (err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return err
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return fmt.Errorf("creating a directory: %w", err)
	}
	tmp, err := os.MkdirTemp(parent, "."+filepath.Base(dir)+"-*")
	if err != nil {
		return fmt.Errorf("creating a directory: %w", err)
	}
	defer os.RemoveAll(tmp)
	fresh := filepath.Join(tmp, "new") // MkdirTemp's own has mode 0700
	for name, data := range files {
		path := filepath.Join(fresh, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o666); err != nil {
			return err
		}
	}
	// Only an empty directory can be renamed over, so a full one moves away.
	if err := os.Rename(dir, filepath.Join(tmp, "old")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(fresh, dir)
}
