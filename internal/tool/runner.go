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

// Runner says how to start programs. The zero value uses this process's
// directory, environment and standard error.
type Runner struct {
	// Dir is the working directory, from which cargo looks for its
	// configuration files, and go for its module. If empty it is this process's.
	Dir string
	// Env is the environment as os.Environ returns it. If nil it is this
	// process's.
	Env []string
	// Stderr receives what programs tell the user. If nil it is os.Stderr.
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

// dir returns the working directory as an absolute path.
func (r Runner) dir() (string, error) { return filepath.Abs(r.Dir) }

func (r Runner) env() []string {
	if r.Env != nil {
		return r.Env
	}
	return os.Environ()
}

func (r Runner) stderr() io.Writer {
	if r.Stderr != nil {
		return r.Stderr
	}
	return os.Stderr
}

func (r Runner) lookupEnv(key string) (string, bool) {
	// The last of several wins, as in os/exec.
	for _, kv := range slices.Backward(r.env()) {
		if value, ok := strings.CutPrefix(kv, key+"="); ok {
			return value, true
		}
	}
	return "", false
}

func (r Runner) getenv(key string) string {
	value, _ := r.lookupEnv(key)
	return value
}

// command prepares a program to run in r's directory and environment. When ctx
// ends it is asked to stop before it is made to.
func (r Runner) command(ctx context.Context, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = r.Dir
	cmd.Env = r.env()
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// Run runs a program with this process's standard input and output. The error is
// an *ExitError if the program failed.
func (r Runner) Run(ctx context.Context, path string, args ...string) error {
	cmd := r.command(ctx, path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, r.stderr()
	if err := cmd.Run(); err != nil {
		if exit := exitError(path, err); exit != nil {
			return exit
		}
		return startError(path, err)
	}
	return nil
}

// Output runs a program and returns its standard output. Standard error is shown
// only if the program fails.
func (r Runner) Output(ctx context.Context, path string, args ...string) ([]byte, error) {
	return r.output(ctx, path, args...)
}

// output runs a quick query and returns its standard output. Standard error is
// shown only if the program fails, so that a query stays invisible.
func (r Runner) output(ctx context.Context, path string, args ...string) ([]byte, error) {
	cmd := r.command(ctx, path, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if exit := exitError(path, err); exit != nil {
			r.stderr().Write(stderr.Bytes())
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
