package tool

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Has reports whether there is a program in PATH.
func Has(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// Assemble runs Go's assembler over the source of an assembly file of a
// package and returns the object file.
func (r Runner) Assemble(ctx context.Context, goos, goarch, pkg string, source []byte) ([]byte, error) {
	return r.asm(ctx, goos, goarch, pkg, source)
}

// SymABIs returns the names of the functions of a package that an assembly file
// of it defines, and of those that it refers to.
func (r Runner) SymABIs(ctx context.Context, goos, goarch string, source []byte) (defined, called []string, err error) {
	const pkg = "p"
	text, err := r.asm(ctx, goos, goarch, pkg, source, "-gensymabis")
	if err != nil {
		return nil, nil, err
	}
	// Lines are like "def p.F ABI0" (ReadSymABIs in
	// cmd/compile/internal/ssagen/abi.go, Go 1.26).
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			continue
		}
		name, ok := strings.CutPrefix(fields[1], pkg+".")
		switch {
		case !ok || strings.Contains(name, "."):
			// of another package, or what the compiler adds to functions
		case fields[0] == "def":
			defined = append(defined, name)
		case fields[0] == "ref":
			called = append(called, name)
		}
	}
	slices.Sort(defined)
	slices.Sort(called)
	return slices.Compact(defined), slices.Compact(called), nil
}

func (r Runner) asm(ctx context.Context, goos, goarch, pkg string, source []byte, flags ...string) ([]byte, error) {
	root, err := r.output(ctx, "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "cargo-rustgo-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	input, output := filepath.Join(dir, "rustgo.s"), filepath.Join(dir, "rustgo.o")
	if err := os.WriteFile(input, source, 0o666); err != nil {
		return nil, err
	}
	// Constants of the Go files, of which there are none.
	if err := os.WriteFile(filepath.Join(dir, "go_asm.h"), nil, 0o666); err != nil {
		return nil, err
	}
	include := filepath.Join(strings.TrimSpace(string(root)), "pkg", "include")
	args := slices.Concat([]string{"tool", "asm", "-p", pkg, "-I", dir, "-I", include, "-o", output}, flags, []string{input})
	cmd := r.command(ctx, "go", args...)
	cmd.Env = append(cmd.Environ(), "GOOS="+goos, "GOARCH="+goarch)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go tool asm: %w\n%s", err, out)
	}
	return os.ReadFile(output)
}
