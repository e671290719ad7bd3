// Package tool runs cargo, rustc and go. It is the only package that starts
// other programs, and it leaves no decision of theirs to guesswork: paths come
// from cargo's JSON, and settings of the user's stay in force.
package tool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Cargo says how to start cargo. The zero value uses this process's directory,
// environment and standard error.
type Cargo struct {
	// Path is the cargo to run. If empty it is $CARGO, which cargo sets for
	// its subcommands, or "cargo".
	Path string
	// Dir is the working directory, from which cargo looks for its
	// configuration files. If empty it is this process's.
	Dir string
	// Env is the environment as os.Environ returns it. If nil it is this
	// process's.
	Env []string
	// Stderr receives what cargo tells the user. If nil it is os.Stderr.
	Stderr io.Writer
}

// ExitError reports that a program failed after telling the user why.
type ExitError struct {
	// Program is the base name, such as "cargo".
	Program string
	// Code is the exit code, or -1 after a signal.
	Code int
}

func (e *ExitError) Error() string {
	if e.Code < 0 {
		return e.Program + " was stopped by a signal"
	}
	return fmt.Sprintf("%s failed with exit code %d", e.Program, e.Code)
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

// dir returns the working directory as an absolute path.
func (c Cargo) dir() (string, error) { return filepath.Abs(c.Dir) }

func (c Cargo) env() []string {
	if c.Env != nil {
		return c.Env
	}
	return os.Environ()
}

func (c Cargo) stderr() io.Writer {
	if c.Stderr != nil {
		return c.Stderr
	}
	return os.Stderr
}

func (c Cargo) lookupEnv(key string) (string, bool) {
	// The last of several wins, as in os/exec.
	for _, kv := range slices.Backward(c.env()) {
		if value, ok := strings.CutPrefix(kv, key+"="); ok {
			return value, true
		}
	}
	return "", false
}

func (c Cargo) getenv(key string) string {
	value, _ := c.lookupEnv(key)
	return value
}

// command prepares a program to run in c's directory and environment. When ctx
// ends it is asked to stop before it is made to.
func (c Cargo) command(ctx context.Context, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = c.Dir
	cmd.Env = c.env()
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// output runs a quick query and returns its standard output. Standard error is
// shown only if the program fails, so that a query stays invisible.
func (c Cargo) output(ctx context.Context, path string, args ...string) ([]byte, error) {
	cmd := c.command(ctx, path, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if exit := exitError(path, err); exit != nil {
			c.stderr().Write(stderr.Bytes())
			return nil, exit
		}
		return nil, startError(path, err)
	}
	return stdout.Bytes(), nil
}

// exitError returns the *ExitError for err if the program ran and failed.
func exitError(path string, err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return nil
	}
	return &ExitError{Program: filepath.Base(path), Code: exit.ExitCode()}
}

func startError(path string, err error) error {
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%s is not installed, or not in PATH", path)
	}
	return fmt.Errorf("running %s: %w", path, err)
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
