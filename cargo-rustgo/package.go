package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
	"github.com/cargo-rustgo/cargo-rustgo/internal/driver"
	"github.com/cargo-rustgo/cargo-rustgo/internal/target"
	"github.com/urfave/cli/v2"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

func packageCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name:      "package",
		Usage:     "write the Go package as something to hand on",
		UsageText: "cargo rustgo package --format FORMAT --out DIR [OPTION...] [-- RUSTC-ARGUMENT...]",
		Description: "The formats:\n\n" +
			"gopath   a tarball to be unpacked in a GOPATH: DIR/NAME_goVERSION.tar.gz\n" +
			"module   a version of a Go module, as a module proxy serves it\n" +
			"tree     the files of the Go module, to be committed and tagged\n\n" +
			"All hold the module that the package is part of, the crate, and a record of what\n" +
			"they were made from.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "format", Usage: "write `FORMAT`: gopath, module or tree"},
			&cli.StringFlag{Name: "version", Usage: "the `VERSION` of the module, such as v1.2.3"},
			&cli.StringFlag{Name: "go-dir", Usage: "the Go package is in `DIR`", DefaultText: "go-dir of the manifest, or the directory of the crate"},
		}, buildFlagsBut(u, "workspace")...),
		Action: func(c *cli.Context) error { return packageCrate(c, u) },
	}
}

func verifyCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "compare the generated files with what the crate gives today",
		UsageText: "cargo rustgo verify [OPTION...] [-- RUSTC-ARGUMENT...]",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "go-dir", Usage: "the Go package is in `DIR`", DefaultText: "go-dir of the manifest, or the directory of the crate"},
		}, buildFlagsBut(u, "workspace", "out", "emit", "import-path")...),
		Action: func(c *cli.Context) error { return verify(c, u) },
	}
}

// buildFlagsBut returns the flags of build without some.
func buildFlagsBut(u *ui, names ...string) []cli.Flag {
	return slices.DeleteFunc(buildCommand(u).Flags, func(f cli.Flag) bool { return slices.Contains(names, f.Names()[0]) })
}

func packageCrate(c *cli.Context, u *ui) error {
	if err := u.configure(c); err != nil {
		return err
	}
	start := time.Now()
	o := driver.PackageOptions{Format: driver.Format(c.String("format")), Version: c.String("version")}
	var known []string
	for _, f := range driver.Formats {
		known = append(known, string(f))
	}
	switch {
	case o.Format == "":
		return &usageError{msg: "no format", hint: "choose one with `--format`: gopath, module or tree"}
	case !slices.Contains(known, string(o.Format)):
		return &usageError{msg: fmt.Sprintf("--format: there is no format `%s`", o.Format), hint: fmt.Sprintf("did you mean `%s`?", diag.Nearest(string(o.Format), known))}
	case c.String("out") == "":
		return &usageError{msg: "no output directory", hint: "name one with `--out`"}
	case o.Format == driver.ModuleFormat && o.Version == "":
		return &usageError{msg: "no version of the module", hint: "name one with `--version`, such as v1.2.3"}
	case o.Format != driver.ModuleFormat && o.Version != "":
		return usageErrorf("--version is for `--format module`")
	case o.Version != "" && module.CanonicalVersion(o.Version) != o.Version:
		e := usageErrorf("--version: `%s` is not a canonical version", o.Version)
		if fixed := semver.Canonical("v" + o.Version); fixed != "" {
			e.hint = "did you mean `" + fixed + "`?"
		} else {
			e.hint = "a version is like v1.2.3"
		}
		return e
	}
	forms, err := emitForms(c)
	if err != nil {
		return err
	}
	if len(forms) > 1 || forms[0] == driver.ObjectForm {
		return usageErrorf("--emit: a bundle has Go packages of one form, go or archive")
	}
	if !c.IsSet("emit") && o.Format == driver.GOPATHFormat {
		forms = []driver.Form{driver.ArchiveForm}
	}
	if o.Options, err = installedOptions(c, u); err != nil {
		return err
	}
	if o.Options.Out, err = filepath.Abs(c.String("out")); err != nil {
		return err
	}
	o.Options.Emit = forms
	if text := os.Getenv("SOURCE_DATE_EPOCH"); text != "" {
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return usageErrorf("SOURCE_DATE_EPOCH is %q, not a number of seconds", text)
		}
		o.Time = time.Unix(seconds, 0).UTC()
	}
	r, err := driver.Package(c.Context, o)
	if err != nil {
		return err
	}
	u.built(r, time.Since(start))
	return nil
}

func verify(c *cli.Context, u *ui) error {
	if err := u.configure(c); err != nil {
		return err
	}
	o, err := installedOptions(c, u)
	if err != nil {
		return err
	}
	start := time.Now()
	r, err := driver.Verify(c.Context, o)
	if err != nil {
		return err
	}
	u.built(r, time.Since(start))
	return nil
}

// installedOptions are the options for a Go package that has been built. Without
// --target they are for the platforms that it was built for.
func installedOptions(c *cli.Context, u *ui) (driver.Options, error) {
	o, err := buildOptions(c, u)
	if err != nil {
		return o, err
	}
	o.Out = "" // is not where the Go package is
	if err := directories(c, &o); err != nil {
		return o, err
	}
	if c.IsSet("go-dir") {
		if o.GoDir, err = filepath.Abs(c.String("go-dir")); err != nil {
			return o, err
		}
	}
	if c.IsSet("target") {
		return o, nil
	}
	var built []target.Target
	for _, t := range target.All() {
		if _, err := os.Stat(filepath.Join(o.GoDir, "rustgo"+t.Suffix()+".s")); err == nil {
			built = append(built, t)
		}
	}
	if len(built) > 0 {
		o.Targets = built
	}
	return o, nil
}
