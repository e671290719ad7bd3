package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
	"github.com/urfave/cli/v2"
	"golang.org/x/mod/module"
)

// The template's files have the suffix .tmpl, so that neither Go nor cargo
// takes the directory for one of their own.
//
//go:embed template
var templates embed.FS

func newCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name:        "new",
		Usage:       "create a crate that becomes a Go package",
		UsageText:   "cargo rustgo new NAME --go-module PATH",
		Description: "NAME is the directory to create; its last element names the crate.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "go-module", Usage: "the Go module `PATH`, by which Go programs will import the package"},
		}, outputFlags()...),
		Action: func(c *cli.Context) error { return newCrate(c, u) },
	}
}

func newCrate(c *cli.Context, u *ui) error {
	if err := u.configure(c); err != nil {
		return err
	}
	if c.Args().Len() != 1 {
		return usageErrorf("new needs one name, not %d", c.Args().Len())
	}
	dir := filepath.Clean(c.Args().First())
	name := filepath.Base(dir)
	if why := badCrateName(name); why != "" {
		return usageErrorf("%q cannot be the name of a crate: %s", name, why)
	}
	goModule := c.String("go-module")
	if goModule == "" {
		return &usageError{
			msg:  "the Go module has no path",
			hint: fmt.Sprintf("give one: `--go-module example.com/%s`", name),
		}
	}
	if err := module.CheckImportPath(goModule); err != nil {
		return usageErrorf("--go-module: %v", err)
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		d := diag.New(diag.OutputConflict, "`%s` exists already", dir)
		d.Help = []string{"choose another name, or add the rustgo crate to the crate there: `cargo rustgo vendor`"}
		return d
	}
	files, err := crateFiles(name, goModule, insideWorkspace(dir))
	if err != nil {
		return err
	}
	if err := replaceDir(dir, files); err != nil {
		return err
	}
	u.status("Created", "`%s` (no_std, Go package, test)", dir)
	u.status("Next", "cd %s && cargo rustgo build && go test", dir)
	return nil
}

// crateFiles returns the files of a new crate by their paths.
func crateFiles(name, goModule string, standalone bool) (map[string][]byte, error) {
	data := struct {
		Crate, GoModule, GoPackage string
		Standalone                 bool
	}{name, goModule, goPackage(name), standalone}
	files := map[string][]byte{}
	err := fs.WalkDir(templates, "template", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		t, err := template.ParseFS(templates, path)
		if err != nil {
			return err
		}
		var b bytes.Buffer
		if err := t.Execute(&b, data); err != nil {
			return err
		}
		out := strings.TrimSuffix(strings.TrimPrefix(path, "template/"), ".tmpl")
		switch out {
		case "gitignore": // go:embed leaves out names with a leading dot
			out = ".gitignore"
		case "package_test.go":
			out = data.GoPackage + "_test.go"
		}
		files[out] = b.Bytes()
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("internal error: %w", err)
	}
	crate, err := rustgoCrate()
	for path, data := range crate {
		files["rustgo/"+path] = data
	}
	return files, err
}

// goPackage derives the name of the Go package from that of the crate: lower
// case and without underscores, as Go packages are called.
func goPackage(crate string) string {
	name := strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(crate))
	if name == "" || !token.IsIdentifier(name) || name == "main" {
		name += "rs"
	}
	return name
}

// badCrateName returns what is wrong with the name of a crate, or "":
// https://doc.rust-lang.org/cargo/reference/manifest.html#the-name-field.
func badCrateName(name string) string {
	for i, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '_' || r == '-' && i > 0:
		case r >= '0' && r <= '9':
			if i == 0 {
				return "it begins with a digit"
			}
		default:
			return "it may have letters, digits, - and _ only"
		}
	}
	switch name {
	case "":
		return "it is empty"
	case "rustgo", "core", "std", "alloc", "test", "proc_macro", "proc-macro":
		return "another crate that it needs has that name"
	case "build", "deps", "examples", "incremental":
		return "cargo has a directory of that name"
	}
	for keyword := range strings.FieldsSeq(rustKeywords) {
		if name == keyword {
			return "it is a keyword of Rust"
		}
	}
	return ""
}

// rustKeywords are the strict and reserved keywords of edition 2024:
// https://doc.rust-lang.org/reference/keywords.html.
const rustKeywords = `
	_ as async await break const continue crate dyn else enum extern false fn
	for gen if impl in let loop match mod move mut pub ref return self Self
	static struct super trait true type unsafe use where while abstract become
	box do final macro override priv try typeof unsized virtual yield`

// insideWorkspace reports whether cargo would look above dir for a workspace
// and find a manifest there. A new crate must work at once, so it then becomes
// a workspace of its own.
func insideWorkspace(dir string) bool {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	for dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
		if _, err := os.Stat(filepath.Join(dir, "Cargo.toml")); err == nil {
			return true
		}
	}
	return false
}
