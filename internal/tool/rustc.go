package tool

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
)

// rustc describes the compiler that cargo will run, for one target.
type rustc struct {
	version string // the first line of rustc -V: "rustc 1.90.0 (1159e78c4 2025-09-14)"
	release string // "1.90.0"
	commit  string // the full commit hash, or "unknown"
	sysroot string
	libdir  string   // holds the target's standard library, if installed
	cfg     []string // lines like `unix` and `target_os="linux"`
}

// rustc asks the compiler about itself. It has to be the one that cargo runs:
// https://doc.rust-lang.org/cargo/reference/config.html#buildrustc.
func (c Cargo) rustc(ctx context.Context, config *cargoConfig, triple string) (*rustc, error) {
	path := c.getenv("RUSTC")
	if path == "" {
		path = c.getenv("CARGO_BUILD_RUSTC")
	}
	if path == "" {
		path = config.rustcPath()
	}
	if path == "" {
		path = "rustc"
	}
	r := new(rustc)
	out, err := c.output(ctx, path, "-vV")
	if err != nil {
		return nil, err
	}
	for i, line := range strings.Split(string(out), "\n") {
		if i == 0 {
			r.version = line
		}
		if v, ok := strings.CutPrefix(line, "release: "); ok {
			r.release = v
		}
		if v, ok := strings.CutPrefix(line, "commit-hash: "); ok {
			r.commit = v
		}
	}
	out, err = c.output(ctx, path, "--print", "sysroot", "--print", "target-libdir", "--print", "cfg", "--target", triple)
	if errors.As(err, new(*ExitError)) {
		return nil, diag.New(diag.TargetUnavailable, "%s does not know the target `%s`", r.version, triple)
	} else if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) < 3 {
		return nil, fmt.Errorf("rustc --print: unexpected output %q", out)
	}
	r.sysroot, r.libdir, r.cfg = lines[0], lines[1], lines[2:]
	return r, nil
}

// keepsFramePointers reports whether the compiler keeps frame pointers in all
// functions that call, and its hands off the register in the others: so it does
// for AArch64 (rust-lang/rust#140832, and FramePointerIsReserved of LLVM's
// TargetOptions; seen in 1.95, and not yet in 1.85). To be told to keep them would
// only give the others a frame, and there Go's unwinder follows no function with
// one (internal/emit, code.go).
func (r *rustc) keepsFramePointers() bool {
	return slices.Contains(r.cfg, `target_arch="aarch64"`) && r.atLeast(95)
}

// hasCore reports whether the target's prebuilt standard library is installed.
func (r *rustc) hasCore() bool {
	found, _ := filepath.Glob(filepath.Join(globQuote(r.libdir), "libcore-*.rlib"))
	return len(found) > 0
}

func globQuote(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// atLeast reports whether the compiler is 1.minor or later.
func (r *rustc) atLeast(minor int) bool {
	parts := strings.SplitN(r.release, ".", 3)
	if len(parts) < 2 {
		return false
	}
	major, err1 := strconv.Atoi(parts[0])
	got, err2 := strconv.Atoi(parts[1])
	return err1 == nil && err2 == nil && (major > 1 || major == 1 && got >= minor)
}

// srcDir is where the rust-src component puts the standard library's sources,
// which rustc then names in debug information.
func (r *rustc) srcDir() string {
	return filepath.Join(r.sysroot, "lib", "rustlib", "src", "rust")
}
