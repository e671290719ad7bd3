package tool

import (
	"os"
	"path/filepath"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
)

// stdArgs make cargo compile what no_std crates use of the standard library, with the
// flags of the crate, if it shall
// (https://doc.rust-lang.org/cargo/reference/unstable.html#build-std). The feature
// gives a crate without rustgo memcpy and the like.
func (o BuildOptions) stdArgs() []string {
	if !o.BuildStd {
		return nil
	}
	return []string{"-Zbuild-std=core,alloc,compiler_builtins", "-Zbuild-std-features=compiler-builtins-mem"}
}

// buildStdEnv lets compilers and cargos other than nightly ones do that: the sources
// belong to the compiler, so they use no feature that it does not have.
const buildStdEnv = "RUSTC_BOOTSTRAP=1"

// hasSource reports whether the sources of the standard library are installed.
// Cargo looks for the same file.
func (r *rustc) hasSource() bool {
	info, err := os.Stat(filepath.Join(r.srcDir(), "library", "Cargo.lock"))
	return err == nil && info.Mode().IsRegular()
}

// installSource is the command that installs those.
const installSource = "rustup component add rust-src"

// available says what to install if cargo could not build for a target.
func available(o BuildOptions, r *rustc, config *cargoConfig) error {
	if o.BuildStd {
		if r.hasSource() {
			return nil
		}
		d := diag.New(diag.TargetUnavailable, "the sources of Rust's standard library are not installed")
		d.Notes = []string{r.version + " has them in " + r.srcDir()}
		d.Help = []string{"run `" + installSource + "`"}
		return d
	}
	if r.hasCore() || config.buildsStd(o.Unstable) {
		return nil
	}
	d := diag.New(diag.TargetUnavailable, "the Rust target `%s` is not installed", o.Triple)
	compile := "or have cargo compile the standard library: `--build-std`"
	if !r.hasSource() {
		compile += ", after `" + installSource + "`"
	}
	d.Help = []string{"run `rustup target add " + o.Triple + "`", compile}
	return d
}
