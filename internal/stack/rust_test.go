package stack

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
)

// missing ends a test for want of a tool: a skip, but not in CI.
func missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

var fixtureNames = []string{
	"consttables", "deep", "dyndispatch", "edwards25519", "floats", "jumptables", "multiplytwo", "panics", "statics", "wide",
}

// buildFixture compiles a fixture and returns its archive.
func buildFixture(t testing.TB, name string) []byte {
	t.Helper()
	return buildCrate(t, name, filepath.Join("../../fixtures", name, "target"))
}

// buildCrate compiles a crate below fixtures and returns its archive. Cargo
// keeps its files in target, and gets flags too.
func buildCrate(t testing.TB, name, target string, flags ...string) []byte {
	t.Helper()
	return buildCrateFor(t, "x86_64-unknown-linux-gnu", name, target, flags...)
}

func buildCrateFor(t testing.TB, triple, name, target string, flags ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath("cargo"); err != nil {
		missing(t, "cargo is missing")
	}
	target, err := filepath.Abs(target)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", append([]string{"../../fixtures/build.sh", name}, flags...)...)
	cmd.Env = append(os.Environ(), "CARGO_TARGET_DIR="+target, "TARGET="+triple)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(filepath.Join(target, triple, "release/lib"+filepath.Base(name)+".a"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// popular compiles the crate popular at an optimization level. It returns its
// archive, and the set of the functions to paint.
func popular(t testing.TB, level string) ([]byte, *link.Set) {
	t.Helper()
	return popularFor(t, "x86_64-unknown-linux-gnu", level)
}

func popularFor(t testing.TB, triple, level string, flags ...string) ([]byte, *link.Set) {
	t.Helper()
	data := buildCrateFor(t, triple, "real/popular", "../../fixtures/real/target/"+strings.Trim(level, `"`),
		append(flags, "--config", "profile.release.debug=false", "--config", "profile.release.opt-level="+level)...)
	lib, err := link.Open("libpopular.a", data, nil)
	if err != nil {
		t.Fatal(err)
	}
	var roots []string
	for _, name := range lib.Names() {
		if strings.HasPrefix(name, "paint_") {
			roots = append(roots, name)
		}
	}
	return data, resolve(t, "libpopular.a", data, roots...)
}

// export is an exported function as its source declares it.
type export struct {
	name   string
	params []string // types
}

var exportPattern = regexp.MustCompile(`(?s)no_mangle\)\]\s*pub (?:unsafe )?extern "C" fn (\w+)\((.*?)\)(?:\s*->[^{]*)?\s*\{`)

func fixtureExports(t testing.TB, name string) []export {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("../../fixtures", name, "src/lib.rs"))
	if err != nil {
		t.Fatal(err)
	}
	var list []export
	for _, match := range exportPattern.FindAllStringSubmatch(string(src), -1) {
		e := export{name: match[1]}
		for _, p := range strings.Split(match[2], ",") {
			if _, typ, ok := strings.Cut(p, ":"); ok {
				e.params = append(e.params, strings.TrimSpace(typ))
			}
		}
		list = append(list, e)
	}
	if len(list) == 0 {
		t.Fatalf("no exports found in fixture %s", name)
	}
	return list
}

// arguments makes argument lists: buffers for pointers, numbers for integers.
// The registers of floating-point arguments keep what they have.
func (e *export) arguments(buffer func(int) uintptr) [][]uintptr {
	var lists [][]uintptr
	for _, n := range []uintptr{0, 1, 2, 3, 5, 8, 13, 40, 200} {
		for step := range uintptr(3) {
			var args []uintptr
			for i, typ := range e.params {
				switch {
				case typ == "f32" || typ == "f64":
					continue
				case strings.ContainsAny(typ, "&*"): // also Option<&T>
					args = append(args, buffer(len(args)))
				case typ == "u128" || typ == "i128":
					args = append(args, n+step*uintptr(i), n)
				case typ == "bool":
					args = append(args, n&1)
				default:
					args = append(args, n+step*uintptr(i))
				}
			}
			lists = append(lists, args)
		}
	}
	return lists
}
