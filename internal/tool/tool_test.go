package tool

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
	"golang.org/x/tools/txtar"
)

const linuxAMD64 = "x86_64-unknown-linux-gnu"

func needCargo(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs cargo")
	}
	if _, err := exec.LookPath("cargo"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("cargo is not installed: ", err)
	}
}

// write extracts a txtar archive.
func write(t *testing.T, dir, archive string) {
	t.Helper()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// realDir is t.TempDir without symbolic links, as cargo prints it.
func realDir(t *testing.T) string {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// env is the environment without anything that could add compiler flags.
func env(add ...string) []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasSuffix(name, "RUSTFLAGS") || strings.HasPrefix(name, "CARGO_BUILD_") || strings.HasPrefix(name, "CARGO_TARGET_") || name == "RUSTC" {
			continue
		}
		env = append(env, kv)
	}
	return append(env, add...)
}

const crate = `
-- Cargo.toml --
[package]
name = "one-crate"
version = "0.1.0"
edition = "2021"
[lints.rust]
unexpected_cfgs = "allow"
[workspace]
-- src/lib.rs --
#![no_std]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
#[no_mangle]
pub extern "C" fn get(p: &[u8; 4], i: usize) -> u8 { p[i] }
#[cfg(not(rustgo))]
compile_error!("flags of ours missing");
#[cfg(user)]
compile_error!("got user");
#[cfg(user2)]
compile_error!("got user2");
#[cfg(weak)]
compile_error!("got weak");
`

// Cargo itself is the judge of which flags are in force: the flags that our
// build used must be those that a build by cargo alone uses, with ours added.
func TestUserRustFlagsStayInForce(t *testing.T) {
	needCargo(t)
	tests := []struct {
		name   string
		config string // .cargo/config.toml of the crate
		parent string // .cargo/config.toml above
		home   string // $CARGO_HOME/config.toml
		args   []string
		env    []string
	}{
		{name: "none"},
		{name: "build array", config: "build.rustflags = ['--cfg', 'user']"},
		{name: "build string", config: "build.rustflags = '--cfg user  --cfg user2'"},
		{name: "build arrays merge", config: "build.rustflags = ['--cfg=user']", parent: "build.rustflags = ['--cfg=user2']"},
		{name: "build strings do not", config: "build.rustflags = '--cfg=user'", parent: "build.rustflags = '--cfg=weak'"},
		{name: "home", home: "build.rustflags = ['--cfg=user']", parent: "build.rustflags = ['--cfg=user2']"},
		{name: "triple", config: "target.x86_64-unknown-linux-gnu.rustflags = '--cfg user'\nbuild.rustflags = ['--cfg=weak']"},
		{name: "other triple", config: "target.aarch64-apple-darwin.rustflags = ['--cfg=weak']\nbuild.rustflags = ['--cfg=user']"},
		{name: "cfg", config: "target.'cfg(all(unix, target_pointer_width = \"64\"))'.rustflags = ['--cfg=user']\nbuild.rustflags = ['--cfg=weak']"},
		{name: "cfg and triple", config: "target.'cfg(not(windows))'.rustflags = ['--cfg=user']\ntarget.x86_64-unknown-linux-gnu.rustflags = ['--cfg=user2']"},
		{name: "cfg that does not match", config: "target.'cfg(any(windows, target_os=\"macos\",))'.rustflags = ['--cfg=weak']\nbuild.rustflags = '--cfg=user'"},
		{name: "triple empty", config: "target.x86_64-unknown-linux-gnu.rustflags = []\nbuild.rustflags = ['--cfg=user']"},
		{name: "argument", args: []string{"build.rustflags=['--cfg=user']"}, config: "build.rustflags = ['--cfg=user2']"},
		{name: "arguments", args: []string{"build.rustflags='--cfg=weak'", "build.rustflags='--cfg=user'"}},
		{name: "argument file", args: []string{"extra.toml"}},
		{name: "RUSTFLAGS", env: []string{"RUSTFLAGS=--cfg user"}, config: "target.x86_64-unknown-linux-gnu.rustflags = ['--cfg=weak']"},
		{name: "RUSTFLAGS empty", env: []string{"RUSTFLAGS="}, config: "build.rustflags = ['--cfg=weak']"},
		{name: "encoded", env: []string{"RUSTFLAGS=--cfg weak", "CARGO_ENCODED_RUSTFLAGS=--cfg\x1fuser"}},
		{name: "encoded empty", env: []string{"CARGO_ENCODED_RUSTFLAGS="}, config: "build.rustflags = ['--cfg=weak']"},
		{name: "CARGO_BUILD_RUSTFLAGS", env: []string{"CARGO_BUILD_RUSTFLAGS=--cfg user"}, config: "build.rustflags = '--cfg=user2'"},
		{name: "CARGO_TARGET_RUSTFLAGS", env: []string{"CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS=--cfg=user"}, config: "build.rustflags = '--cfg=weak'"},
		{name: "include", config: "include = ['more.toml']\nbuild.rustflags = ['--cfg=user']"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			top := realDir(t)
			dir := filepath.Join(top, "with space")
			write(t, dir, crate)
			write(t, top, "-- home/config.toml --\n"+tt.home+"\n-- .cargo/config.toml --\n"+tt.parent+
				"\n-- with space/.cargo/config.toml --\n"+tt.config+
				"\n-- with space/.cargo/more.toml --\nbuild.rustflags = ['--cfg=user2']"+
				"\n-- with space/extra.toml --\nbuild.rustflags = ['--cfg=user2']\n")
			// Only rustup's home is needed, not cargo's registry.
			env := env(append(tt.env, "CARGO_HOME="+filepath.Join(top, "home"))...)

			// The crate reports what it was given by failing to compile.
			report := func(stderr string) string {
				var got []string
				for _, flag := range []string{"user", "user2", "weak"} {
					if strings.Contains(stderr, `"got `+flag+`"`) {
						got = append(got, flag)
					}
				}
				return strings.Join(got, " ")
			}
			args := []string{"rustc", "--lib", "--crate-type", "staticlib", "--target", linuxAMD64}
			for _, a := range tt.args {
				args = append(args, "--config", a)
			}
			cmd := exec.Command("cargo", args...)
			cmd.Dir, cmd.Env = dir, env
			out, _ := cmd.CombinedOutput()
			if !strings.Contains(string(out), "flags of ours missing") {
				t.Fatalf("cargo alone:\n%s", out)
			}
			want := report(string(out))

			var stderr bytes.Buffer
			o := BuildOptions{
				Cargo:  Cargo{Runner: Runner{Dir: dir, Env: env, Stderr: &stderr}},
				Triple: linuxAMD64, Config: tt.args,
			}
			_, err := BuildStaticlib(context.Background(), o)
			if got := report(stderr.String()); got != want || strings.Contains(stderr.String(), "flags of ours") {
				t.Errorf("got flags %q, cargo has %q\nerror: %v\n%s", got, want, err, stderr.String())
			}
			if exit := new(ExitError); want != "" && (!errors.As(err, &exit) || exit.Code != 101) {
				t.Errorf("error = %v, want cargo's exit code 101", err)
			} else if want == "" && err != nil {
				t.Error(err)
			}
		})
	}
}

const workspace = `
-- ws/Cargo.toml --
[workspace]
members = ["member"]
resolver = "2"
[patch.crates-io]
patched = { path = "../patched" }
-- ws/member/Cargo.toml --
[package]
name = "the-member"
version = "1.2.3"
edition = "2021"
[lib]
name = "renamed"
[dependencies]
outside = { path = "../../outside" }
patched = "0.1.0"
[package.metadata.rustgo]
go-package = "member"
[package.metadata.rustgo.exports]
get = "Get"
-- ws/member/src/lib.rs --
#![no_std]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
mod sub;
/// Doc.
#[no_mangle]
pub extern "C" fn get(p: &[u8; 4], i: usize) -> u8 { p[sub::sub(i)] + outside::twice(i) + patched::thrice(i) }
-- ws/member/src/sub.rs --
#[inline(never)]
pub fn sub(i: usize) -> usize { if i == 77 { panic!("sub") } i - 1 }
-- outside/Cargo.toml --
[package]
name = "outside"
version = "0.3.0"
edition = "2021"
[dependencies]
inner = { path = "../inner" }
-- outside/src/lib.rs --
#![no_std]
#[inline(never)]
pub fn twice(i: usize) -> u8 { if i > 4 { panic!("big") } inner::id(i) * 2 }
-- inner/Cargo.toml --
[package]
name = "inner"
version = "0.4.0"
edition = "2021"
-- inner/src/lib.rs --
#![no_std]
#[inline(never)]
pub fn id(i: usize) -> u8 { if i > 8 { panic!("bigger") } i as u8 }
-- patched/Cargo.toml --
[package]
name = "patched"
version = "0.1.0"
edition = "2021"
-- patched/src/lib.rs --
#![no_std]
#[inline(never)]
pub fn thrice(i: usize) -> u8 { if i > 9 { panic!("odd") } i as u8 * 3 }
`

func TestBuildStaticlib(t *testing.T) {
	needCargo(t)
	top := realDir(t)
	write(t, top, workspace)
	o := BuildOptions{
		Cargo:   Cargo{Runner: Runner{Dir: filepath.Join(top, "ws"), Env: env(), Stderr: io.Discard}},
		Triple:  linuxAMD64,
		Package: "the-member",
		Offline: true,
	}
	a, err := BuildStaticlib(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(top, "ws/target", linuxAMD64, "release/librenamed.a"); a.Path != want {
		t.Errorf("Path = %s, want %s", a.Path, want)
	}
	if a.LibName != "renamed" || a.PackageName != "the-member" || a.PackageVersion != "1.2.3" {
		t.Errorf("names: %+v", a)
	}
	if a.SrcPath != filepath.Join(top, "ws/member/src/lib.rs") || a.ManifestDir != filepath.Join(top, "ws/member") {
		t.Errorf("places: %+v", a)
	}
	if a.Config == nil || a.Config.GoPackage != "member" || len(a.Config.Exports) != 1 || a.Config.Exports[0] != (Export{"get", "Get"}) {
		t.Errorf("Config = %+v", a.Config)
	}
	if !strings.HasPrefix(a.RustcVersion, "rustc 1.") {
		t.Errorf("RustcVersion = %q", a.RustcVersion)
	}

	library, err := os.ReadFile(a.Path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(library, []byte(top)) {
		t.Error("the library contains the name of the directory it was built in")
	}
	for dwarf, want := range map[string]string{
		"member/src/lib.rs":                        "ws/member/src/lib.rs",
		"member/src/sub.rs":                        "ws/member/src/sub.rs",
		"member/src/lib.rs/@/renamed.f00-cgu.0":    "ws/member/src/lib.rs",
		"/cargo/path/outside-0.3.0/src/lib.rs":     "outside/src/lib.rs",
		"/cargo/path/inner-0.4.0/src/lib.rs":       "inner/src/lib.rs",
		"/cargo/path/patched-0.1.0/src/lib.rs":     "patched/src/lib.rs",
		"/cargo/path/patched-0.1.0/src/missing.rs": "",
		"member/src": "",
	} {
		got := a.SourceFile(dwarf)
		if want != "" {
			want = filepath.Join(top, want)
			if strings.HasPrefix(dwarf, "/") && !bytes.Contains(library, []byte(dwarf)) {
				t.Errorf("%s is not in the library", dwarf)
			}
		}
		if got != want {
			t.Errorf("SourceFile(%q) = %q, want %q", dwarf, got, want)
		}
	}
}

// A package that only the command line names is found after the build.
func TestBuildStaticlibStrayPackage(t *testing.T) {
	needCargo(t)
	top := realDir(t)
	write(t, top, strings.Replace(workspace, "[patch.crates-io]\npatched = { path = \"../patched\" }\n", "", 1))
	a, err := BuildStaticlib(context.Background(), BuildOptions{
		Cargo:   Cargo{Runner: Runner{Dir: filepath.Join(top, "ws/member"), Env: env(), Stderr: io.Discard}},
		Triple:  linuxAMD64,
		Offline: true,
		Config:  []string{"patch.crates-io.patched.path='" + top + "/patched'"},
	})
	if err != nil {
		t.Fatal(err)
	}
	library, err := os.ReadFile(a.Path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(library, []byte(top)) {
		t.Error("the library contains the name of the directory it was built in")
	}
	if got, want := a.SourceFile("/cargo/path/patched/src/lib.rs"), filepath.Join(top, "patched/src/lib.rs"); got != want {
		t.Errorf("SourceFile = %q, want %q", got, want)
	}
}

// What Go consumers get is made from the library, so it must not depend on
// where the crate lies. (That holds for workspaces that contain all their path
// dependencies: of others, cargo hashes the absolute path into symbol names.)
func TestBuildStaticlibSameInTwoDirectories(t *testing.T) {
	needCargo(t)
	build := func(elems ...string) []byte {
		dir := filepath.Join(append([]string{realDir(t)}, elems...)...)
		write(t, dir, strings.Replace(crate, "#[cfg", "include!(concat!(env!(\"OUT_DIR\"), \"/gen.rs\"));\n#[cfg", 1)+`
-- build.rs --
fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    std::fs::write(out + "/gen.rs", "#[no_mangle] pub extern \"C\" fn made(p: &[u8; 9], i: usize) -> u8 { p[i] }").unwrap();
}
`)
		a, err := BuildStaticlib(context.Background(), BuildOptions{
			Cargo:  Cargo{Runner: Runner{Dir: dir, Env: env(), Stderr: io.Discard}},
			Triple: linuxAMD64,
		})
		if err != nil {
			t.Fatal(err)
		}
		library, err := os.ReadFile(a.Path)
		if err != nil {
			t.Fatal(err)
		}
		if i := bytes.Index(library, []byte(dir)); i >= 0 {
			t.Errorf("the library contains the name of the directory it was built in: %q", library[i:i+200])
		}
		return library
	}
	if !bytes.Equal(build("a"), build("b", "deeper in another one")) {
		t.Error("libraries differ")
	}
}

func TestMissingTarget(t *testing.T) {
	needCargo(t)
	dir := realDir(t)
	write(t, dir, crate)
	o := BuildOptions{Cargo: Cargo{Runner: Runner{Dir: dir, Env: env(), Stderr: io.Discard}}}
	for triple, help := range map[string]string{
		"sparc64-unknown-netbsd": "rustup target add sparc64-unknown-netbsd",
		"no-such-thing":          "",
	} {
		o.Triple = triple
		_, err := BuildStaticlib(context.Background(), o)
		var d *diag.Diagnostic
		if !errors.As(err, &d) || d.Code != diag.TargetUnavailable || !strings.Contains(strings.Join(d.Help, ""), help) {
			t.Errorf("%s: %v", triple, err)
		}
	}
}

func TestSelect(t *testing.T) {
	needCargo(t)
	top := realDir(t)
	write(t, top, workspace+`
-- two/Cargo.toml --
[workspace]
members = ["alpha", "beta"]
[workspace.metadata.rustgo]
go-package = "shared"
-- two/alpha/Cargo.toml --
[package]
name = "alpha"
-- two/alpha/src/main.rs --
fn main() {}
-- two/beta/Cargo.toml --
[package]
name = "beta"
-- two/beta/src/lib.rs --
`)
	tests := []struct {
		dir, manifest, pkg string
		want, wantErr      string
	}{
		{dir: "ws", want: "the-member"},
		{dir: "ws/member/src", want: "the-member"},
		{dir: "ws", pkg: "the-member@1.2.3", want: "the-member"},
		{dir: "two", wantErr: "choose a package with `-p`: alpha, beta"},
		{dir: "two", pkg: "bet", wantErr: "did you mean `beta`?"},
		{dir: "two/beta", want: "beta"},
		{dir: ".", manifest: "two/beta/Cargo.toml", want: "beta"},
		{dir: "two/alpha", want: "alpha"},
	}
	for _, tt := range tests {
		_, p, config, err := Inspect(context.Background(), BuildOptions{
			Cargo:        Cargo{Runner: Runner{Dir: filepath.Join(top, tt.dir), Env: env(), Stderr: io.Discard}},
			ManifestPath: tt.manifest, Package: tt.pkg, Offline: true,
		})
		if tt.wantErr != "" {
			var d *diag.Diagnostic
			if !errors.As(err, &d) || !strings.Contains(strings.Join(d.Help, ""), tt.wantErr) {
				t.Errorf("%+v: %v", tt, err)
			}
			continue
		}
		if err != nil || p.Name != tt.want {
			t.Errorf("%+v: got %+v, %v", tt, p, err)
		}
		if strings.HasPrefix(tt.dir, "two/") && (config == nil || config.GoPackage != "shared") {
			t.Errorf("%+v: the workspace's table is not used: %+v", tt, config)
		}
	}
	_, err := BuildStaticlib(context.Background(), BuildOptions{
		Cargo:  Cargo{Runner: Runner{Dir: filepath.Join(top, "two/alpha"), Env: env(), Stderr: io.Discard}},
		Triple: linuxAMD64,
	})
	if err == nil || !strings.Contains(err.Error(), "no library target") {
		t.Errorf("package without a library: %v", err)
	}
}

func TestGoEnv(t *testing.T) {
	got, err := Cargo{}.GoEnv(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(got.GOVERSION, "go1.") || got.GOOS == "" || got.GOARCH == "" || filepath.Base(got.GOMOD) != "go.mod" {
		t.Errorf("%+v", got)
	}
}
