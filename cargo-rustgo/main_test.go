package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"cargo-rustgo": main})
}

// Scripts run the tool, cargo and Go programs. In testdata/*.txtar.
func TestScripts(t *testing.T) {
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			// Toolchains and caches are the user's; settings that change what
			// a build prints or compiles are not.
			for key, fallback := range map[string]string{
				"CARGO_HOME":  filepath.Join(home, ".cargo"),
				"RUSTUP_HOME": filepath.Join(home, ".rustup"),
				"GOCACHE":     goEnv(t, "GOCACHE"),
				"GOMODCACHE":  goEnv(t, "GOMODCACHE"),
			} {
				value := os.Getenv(key)
				if value == "" {
					value = fallback
				}
				env.Setenv(key, value)
			}
			for _, key := range []string{"RUSTUP_TOOLCHAIN", "GOPROXY", "GOTOOLCHAIN"} {
				if value, ok := os.LookupEnv(key); ok {
					env.Setenv(key, value)
				}
			}
			// Some mangle paths with spaces and letters outside ASCII.
			env.Cd = filepath.Join(env.Cd, "wörk dir")
			if err := os.MkdirAll(env.Cd, 0o777); err != nil {
				return err
			}
			return moveInto(env.WorkDir, env.Cd)
		},
		Condition: func(cond string) (bool, error) {
			if program, ok := strings.CutPrefix(cond, "have:"); ok {
				_, err := exec.LookPath(program)
				if err != nil && os.Getenv("CI") != "" {
					t.Errorf("%s is not installed", program)
				}
				return err == nil, nil
			}
			if triple, ok := strings.CutPrefix(cond, "target:"); ok {
				dir, err := exec.Command("rustc", "--print=target-libdir", "--target="+triple).Output()
				if err == nil {
					_, err = os.Stat(strings.TrimSpace(string(dir)))
				}
				if err != nil && os.Getenv("CI") != "" {
					t.Errorf("rustc has no core for %s", triple)
				}
				return err == nil, nil
			}
			if path, ok := strings.CutPrefix(cond, "exists:"); ok {
				_, err := os.Stat(path)
				return err == nil, nil
			}
			if cond == "rust-src" {
				root, err := exec.Command("rustc", "--print=sysroot").Output()
				if err == nil {
					_, err = os.Stat(filepath.Join(strings.TrimSpace(string(root)), "lib/rustlib/src/rust/library/Cargo.lock"))
				}
				if err != nil && os.Getenv("CI") != "" {
					t.Errorf("rust-src is not installed")
				}
				return err == nil, nil
			}
			return false, nil
		},
	})
}

func goEnv(t *testing.T, key string) string {
	out, err := exec.Command("go", "env", key).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// moveInto moves the files of a script into dir, a directory inside theirs.
func moveInto(from, dir string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == filepath.Base(dir) || strings.HasPrefix(e.Name(), ".") {
			continue // .tmp is testscript's own
		}
		if err := os.Rename(filepath.Join(from, e.Name()), filepath.Join(dir, e.Name())); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

// A panic of ours exits 101 and asks for a report.
func TestInternalError(t *testing.T) {
	dir := t.TempDir()
	out, err := os.Create(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	u := newUI(out, out)
	u.internalError("boom", []byte("stack\n"))
	text, err := fs.ReadFile(os.DirFS(dir), "out")
	if err != nil || !strings.Contains(string(text), "error: internal error: boom") {
		t.Errorf("%q, %v", text, err)
	}
}
