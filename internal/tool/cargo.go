// Package tool runs cargo, rustc and go. It is the only package that starts
// other programs, and it leaves no decision of theirs to guesswork: paths come
// from cargo's JSON, and settings of the user's stay in force.
package tool

import (
	"fmt"
	"os"
	"path/filepath"
)

// Cargo says how to start cargo.
type Cargo struct {
	// Path is the cargo to run. If empty it is $CARGO, which cargo sets for
	// its subcommands, or "cargo".
	Path string
	Runner
}

func (c Cargo) path() string {
	if c.Path != "" {
		return c.Path
	}
	if path := c.getenv("CARGO"); path != "" {
		return path
	}
	return "cargo"
}

// cargoHome returns the directory of cargo's registry and user configuration:
// https://doc.rust-lang.org/cargo/guide/cargo-home.html.
func (c Cargo) cargoHome() (string, error) {
	if home := c.getenv("CARGO_HOME"); home != "" {
		if filepath.IsAbs(home) {
			return filepath.Clean(home), nil
		}
		dir, err := c.dir()
		return filepath.Join(dir, home), err
	}
	home := c.getenv("HOME")
	if home == "" {
		var err error
		if home, err = os.UserHomeDir(); err != nil {
			return "", fmt.Errorf("finding CARGO_HOME: %w", err)
		}
	}
	return filepath.Join(home, ".cargo"), nil
}
