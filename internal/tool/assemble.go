package tool

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Assemble runs Go's assembler over the source of an assembly file of a
// package and returns the object file. It returns nil without an error if
// there is no go command.
func (r Runner) Assemble(ctx context.Context, goos, goarch, pkg string, source []byte) ([]byte, error) {
	if _, err := exec.LookPath("go"); err != nil {
		return nil, nil
	}
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
	include := filepath.Join(strings.TrimSpace(string(root)), "pkg", "include")
	cmd := r.command(ctx, "go", "tool", "asm", "-p", pkg, "-I", include, "-o", output, input)
	cmd.Env = append(cmd.Environ(), "GOOS="+goos, "GOARCH="+goarch)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go tool asm: %w\n%s", err, out)
	}
	return os.ReadFile(output)
}
