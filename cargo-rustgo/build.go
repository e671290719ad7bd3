package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
	"github.com/cargo-rustgo/cargo-rustgo/internal/driver"
	"github.com/cargo-rustgo/cargo-rustgo/internal/target"
	"github.com/cargo-rustgo/cargo-rustgo/internal/tool"
	"github.com/urfave/cli/v2"
	"golang.org/x/mod/module"
)

func buildCommand(u *ui) *cli.Command {
	var platforms []string
	for _, t := range target.All() {
		platforms = append(platforms, t.String())
	}
	return &cli.Command{
		Name:      "build",
		Aliases:   []string{"b"},
		Usage:     "compile a crate and write the Go package for it",
		UsageText: "cargo rustgo build [OPTION...] [-- RUSTC-ARGUMENT...]",
		Description: "The Go package holds every function that the crate exports with the C ABI and\n" +
			"an unmangled name, or those that package.metadata.rustgo.exports lists.\n\n" +
			"Supported platforms: " + strings.Join(platforms, ", "),
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "write into `DIR`", DefaultText: "the directory of the crate for Go, target/rustgo for the rest"},
			&cli.StringSliceFlag{Name: "emit", Usage: "write `FORM`: go, archive (with import path, for go tool link and gowrap) or object (for C, with a header); a list with commas for several", DefaultText: "go"},
			&cli.StringFlag{Name: "go-package", Usage: "call the Go package `NAME`"},
			&cli.StringFlag{Name: "import-path", Usage: "take `PATH` for the import path of archives", DefaultText: "what go.mod says"},
			&cli.StringSliceFlag{Name: "target", Usage: "build for `GOOS/GOARCH`, or a Rust target triple; a list with commas builds for several, all for all that every function can be built for", DefaultText: "what `go env` says"},

			&cli.StringFlag{Name: "manifest-path", Usage: "use the crate of the manifest `PATH`"},
			&cli.StringFlag{Name: "package", Aliases: []string{"p"}, Usage: "build the workspace member `SPEC`"},
			&cli.BoolFlag{DisableDefaultText: true, Name: "workspace", Usage: "build every member that has a rustgo table in its metadata"},
			&cli.StringSliceFlag{Name: "features", Aliases: []string{"F"}, Usage: "activate `FEATURES`"},
			&cli.BoolFlag{DisableDefaultText: true, Name: "all-features", Usage: "activate all features"},
			&cli.BoolFlag{DisableDefaultText: true, Name: "no-default-features", Usage: "do not activate the default features"},
			&cli.BoolFlag{DisableDefaultText: true, Name: "release", Aliases: []string{"r"}, Usage: "use the release profile, which is the default"},
			&cli.StringFlag{Name: "profile", Usage: "use the cargo profile `NAME`", DefaultText: "release"},
			&cli.StringFlag{Name: "target-dir", Usage: "let cargo keep its files in `DIR`"},
			&cli.StringFlag{Name: "jobs", Aliases: []string{"j"}, Usage: "compile `N` crates at a time"},
			&cli.BoolFlag{DisableDefaultText: true, Name: "locked", Usage: "require that Cargo.lock is up to date"},
			&cli.BoolFlag{DisableDefaultText: true, Name: "offline", Usage: "do not use the network"},
			&cli.BoolFlag{DisableDefaultText: true, Name: "frozen", Usage: "like --locked and --offline"},
			&cli.StringSliceFlag{Name: "config", Usage: "override cargo's configuration with `KEY=VALUE` or a file"},
			&cli.BoolFlag{DisableDefaultText: true, Name: "build-std", Usage: "compile Rust's core and alloc too, from the component rust-src: for targets that rustup does not have"},
			&cli.StringSliceFlag{Name: "Z", Usage: "pass the unstable `FLAG` to cargo"},
		}, outputFlags()...),
		Action: func(c *cli.Context) error { return build(c, u) },
	}
}

func build(c *cli.Context, u *ui) error {
	if err := u.configure(c); err != nil {
		return err
	}
	o, err := buildOptions(c, u)
	if err != nil {
		return err
	}
	if !c.Bool("workspace") {
		return buildPackage(c, u, o)
	}
	packages, err := configuredMembers(c, o.Cargo)
	if err != nil {
		return err
	}
	if len(packages) > 1 && (o.Out != "" || o.GoPackage != "") {
		return usageErrorf("--out and --go-package cannot serve %d packages at once", len(packages))
	}
	for _, p := range packages {
		o := o
		o.Cargo.Package = p.ID
		if err := buildPackage(c, u, o); err != nil {
			return err
		}
	}
	return nil
}

func buildPackage(c *cli.Context, u *ui, o driver.Options) error {
	start := time.Now()
	if err := directories(c, &o); err != nil {
		return err
	}
	r, err := driver.Build(c.Context, o)
	if err != nil {
		return err
	}
	u.built(r, time.Since(start))
	return nil
}

// directories fills in where the package's files are read and written.
func directories(c *cli.Context, o *driver.Options) error {
	m, p, config, err := tool.Inspect(c.Context, o.Cargo)
	if err != nil {
		return err
	}
	o.GoDir = p.Dir()
	if config != nil {
		if config.GoDir != "" {
			o.GoDir = filepath.Join(p.Dir(), filepath.FromSlash(config.GoDir))
		}
		o.ImportPath = cmp.Or(o.ImportPath, config.ImportPath)
	}
	o.Products = cmp.Or(o.Out, filepath.Join(m.TargetDirectory, "rustgo"))
	if o.Out == "" {
		o.Out = o.GoDir
	} else if slices.Contains(o.Emit, driver.GoForm) {
		o.GoDir = o.Out
	}
	return nil
}

// buildOptions reads the flags.
func buildOptions(c *cli.Context, u *ui) (driver.Options, error) {
	positional, rustcArgs := splitRest(c.Args().Slice())
	if err := noArguments(positional); err != nil {
		return driver.Options{}, err
	}
	if c.Bool("release") && c.IsSet("profile") {
		return driver.Options{}, usageErrorf("--release and --profile contradict each other")
	}
	if c.Bool("workspace") && c.IsSet("package") {
		return driver.Options{}, usageErrorf("--workspace and --package contradict each other")
	}
	forms, err := emitForms(c)
	if err != nil {
		return driver.Options{}, err
	}
	if path := c.String("import-path"); path != "" {
		if err := module.CheckImportPath(path); err != nil {
			return driver.Options{}, usageErrorf("--import-path: %v", err)
		}
	}
	o := driver.Options{
		Out:        c.String("out"),
		Emit:       forms,
		GoPackage:  c.String("go-package"),
		ImportPath: c.String("import-path"),
		Version:    version(),
		Progress:   func(e driver.Event) { u.status(e.Verb, "%s", e.Text) },
		Cargo: tool.BuildOptions{
			ManifestPath:      c.String("manifest-path"),
			Package:           c.String("package"),
			Features:          c.StringSlice("features"),
			AllFeatures:       c.Bool("all-features"),
			NoDefaultFeatures: c.Bool("no-default-features"),
			Profile:           c.String("profile"),
			TargetDir:         c.String("target-dir"),
			Jobs:              c.String("jobs"),
			Locked:            c.Bool("locked"),
			Offline:           c.Bool("offline"),
			Frozen:            c.Bool("frozen"),
			Config:            c.StringSlice("config"),
			Unstable:          c.StringSlice("Z"),
			BuildStd:          c.Bool("build-std"),
			Verbose:           c.Count("verbose"),
			Quiet:             c.Bool("quiet"),
			Color:             c.String("color"),
			RustcArgs:         rustcArgs,
		},
	}
	if u.json {
		o.Cargo.Messages = u.stdout
	}
	o.Targets, err = buildTargets(c, o.Cargo.Cargo)
	return o, err
}

// emitForms returns what --emit asks for.
func emitForms(c *cli.Context) ([]driver.Form, error) {
	names := commaList(c.StringSlice("emit"))
	if len(names) == 0 {
		return []driver.Form{driver.GoForm}, nil
	}
	var known []string
	for _, f := range driver.Forms {
		known = append(known, string(f))
	}
	var forms []driver.Form
	for _, name := range names {
		if !slices.Contains(known, name) {
			e := usageErrorf("--emit: there is no form `%s`", name)
			e.hint = fmt.Sprintf("did you mean `%s`?", diag.Nearest(name, known))
			return nil, e
		}
		if f := driver.Form(name); !slices.Contains(forms, f) {
			forms = append(forms, f)
		}
	}
	return forms, nil
}

// buildTargets returns the targets of --target, or else Go's own.
func buildTargets(c *cli.Context, cargo tool.Cargo) ([]target.Target, error) {
	names := commaList(c.StringSlice("target"))
	if len(names) == 0 {
		env, err := cargo.GoEnv(c.Context)
		if err != nil {
			return nil, err
		}
		names = []string{env.GOOS + "/" + env.GOARCH}
	}
	var targets []target.Target
	if slices.Equal(names, []string{"all"}) {
		return target.All(), nil
	}
	for _, name := range names {
		t, err := target.Parse(name)
		if unknown, ok := err.(*target.UnknownError); ok {
			d := diag.New(diag.TargetUnavailable, "the target `%s` is not supported", unknown.Name)
			d.Help = []string{fmt.Sprintf("the nearest is `%s`", unknown.Nearest)}
			return nil, d
		} else if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(targets, func(other target.Target) bool { return other.String() == t.String() }) {
			targets = append(targets, t)
		}
	}
	return targets, nil
}

// configuredMembers returns the workspace members that --workspace is about.
func configuredMembers(c *cli.Context, o tool.BuildOptions) ([]*tool.Package, error) {
	m, err := o.Cargo.Metadata(c.Context, o)
	if err != nil {
		return nil, err
	}
	var packages []*tool.Package
	for i := range m.Packages {
		p := &m.Packages[i]
		if p.HasConfig() {
			packages = append(packages, p)
		}
	}
	if len(packages) == 0 {
		d := diag.New(diag.NoStaticlib, "no member of the workspace has a table `package.metadata.rustgo`")
		d.Help = []string{"add an empty one to each crate that becomes a Go package"}
		return nil, d
	}
	return packages, nil
}

// built reports a finished build.
func (u *ui) built(r *driver.Result, took time.Duration) {
	if u.json {
		u.writeJSON(map[string]any{
			"reason":    "rustgo-finished",
			"package":   r.Package,
			"dir":       r.Dir,
			"functions": functionsJSON(r.Functions),
			"platforms": r.Platforms,
			"files":     r.Files,
			"products":  r.Products,
			"changed":   r.Changed,
		})
	}
	width := 0
	for _, f := range r.Functions {
		width = max(width, min(len(f.GoSignature), 60))
	}
	for _, f := range r.Functions {
		u.status("Exporting", "%-*s  %s", width, f.GoSignature, stackText(f))
	}
	where := ""
	if r.Dir != "" {
		where = directory(r.Dir) + " "
	}
	for _, path := range r.Products {
		if slices.Contains([]string{".a", ".h", ".o", ".gz", ".zip"}, filepath.Ext(path)) {
			u.status("Writing", "%s", relative(path))
		}
	}
	u.status("Finished", "%s(%s, %s) in %.1fs", where,
		plural(len(r.Functions), "func"), plural(len(r.Platforms), "platform"), took.Seconds())
}

// stackText says how a function uses the stack.
func stackText(f driver.Function) string {
	text := fmt.Sprintf("stack %d B", f.StackBytes)
	if f.OwnStack != 0 {
		text = fmt.Sprintf("own stack of %d KiB", f.OwnStack>>10)
		if f.Unbounded != "" {
			text += ": " + f.Unbounded
		}
	}
	if f.Blocking {
		text += ", blocking"
	}
	return text
}

func functionsJSON(functions []driver.Function) []map[string]any {
	list := []map[string]any{}
	for _, f := range functions {
		v := map[string]any{
			"symbol":       f.Symbol,
			"go_name":      f.GoName,
			"go_signature": f.GoSignature,
			"stack_bytes":  f.StackBytes,
		}
		if f.Unbounded != "" {
			delete(v, "stack_bytes")
			v["unbounded"] = f.Unbounded
		}
		if f.OwnStack != 0 {
			v["own_stack_bytes"] = f.OwnStack
		}
		if f.Blocking {
			v["blocking"] = true
		}
		list = append(list, v)
	}
	return list
}

// directory writes a directory the way a Go user names a package: "./", "./x/".
func directory(dir string) string {
	dir = relative(dir)
	sep := string(os.PathSeparator)
	if !filepath.IsAbs(dir) {
		dir = strings.TrimSuffix("."+sep+filepath.Clean(dir), sep+".")
	}
	return strings.TrimSuffix(dir, sep) + sep
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// splitRest separates the arguments that arrange put before and after "--".
func splitRest(args []string) (positional, rest []string) {
	if i := slices.Index(args, "--"); i >= 0 {
		return args[:i], args[i+1:]
	}
	return args, nil
}
