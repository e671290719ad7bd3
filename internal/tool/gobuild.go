package tool

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
)

// GoBuild is a Go package that was compiled.
type GoBuild struct {
	ImportPath string
	// Archive is what the compiler made of the Go files.
	Archive []byte
	// Objects is what the assembler made of each assembly file, by the name of
	// the file without its extension. SharedObjects is the same for shared
	// libraries, if that was asked for.
	Objects, SharedObjects map[string][]byte
}

// GoBuildOptions say what GoBuild compiles.
type GoBuildOptions struct {
	// Dir is the directory of the package. If it is empty, the package is what
	// Overlay has, which then has a go.mod.
	Dir          string
	GOOS, GOARCH string
	// Overlay are files that stand for those in Dir. One that is nil is not
	// there.
	Overlay map[string][]byte
	Shared  bool // makes SharedObjects
}

// GoBuild compiles a package with Go's compiler and assembler, without a build
// ID and without paths of this machine: the same files give the same bytes. The
// packages that it imports are those that the go command compiles for a program
// that is built with no flags.
func (r Runner) GoBuild(ctx context.Context, o GoBuildOptions) (*GoBuild, error) {
	temp, err := os.MkdirTemp("", "cargo-rustgo-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temp)
	b := &goBuilder{Runner: r, temp: temp, replaced: map[string]string{}}
	b.Env = append(slices.Clone(r.env()), "GOOS="+o.GOOS, "GOARCH="+o.GOARCH)
	if o.Dir == "" {
		b.Dir = filepath.Join(temp, "package")
		if err := os.Mkdir(b.Dir, 0o777); err != nil {
			return nil, err
		}
		b.Env = append(b.Env, "GO111MODULE=on", "GOWORK=off", "GOFLAGS=-mod=mod")
	} else if b.Dir, err = filepath.Abs(filepath.Join(r.Dir, o.Dir)); err != nil {
		return nil, err
	}
	overlay, err := b.overlay(o.Overlay)
	if err != nil {
		return nil, err
	}
	packages, err := b.GoList(ctx, []string{overlay}, ".")
	if err != nil {
		return nil, err
	}
	if len(packages) != 1 {
		return nil, fmt.Errorf("go list: %d packages instead of one", len(packages))
	}
	p := &packages[0]
	if err := compilable(p); err != nil {
		return nil, err
	}
	if err := b.imports(ctx, p, overlay); err != nil {
		return nil, err
	}
	// From here on the compiler finds everything.
	return b.build(ctx, p, o)
}

// compilable refuses what GoBuild does not know how to compile.
func compilable(p *GoPackage) error {
	problem := func(format string, args ...any) error {
		d := diag.New(diag.Declaration, "the Go package "+format, args...)
		d.Spans = []diag.Span{{File: p.Dir}}
		return d
	}
	switch {
	case p.Error != nil:
		return problem("cannot be loaded: %s", p.Error.Err)
	case len(p.CgoFiles) > 0:
		return problem("uses cgo, in %s, and so cannot be an archive", p.CgoFiles[0])
	case len(p.EmbedFiles) > 0:
		return problem("embeds files, such as %s, and so cannot be an archive", p.EmbedFiles[0])
	case p.Name == "main":
		return problem("is called main, and so cannot be imported")
	}
	return nil
}

type goBuilder struct {
	Runner
	temp     string
	replaced map[string]string // the files of the overlay, by name
	trim     string            // the flag -trimpath
}

// overlay writes the files that stand for others, and returns the flag for go
// list.
func (b *goBuilder) overlay(files map[string][]byte) (string, error) {
	replace := map[string]string{}
	for name, content := range files {
		path := filepath.Join(b.Dir, name)
		if content == nil {
			replace[path] = ""
			continue
		}
		file := filepath.Join(b.temp, strconv.Itoa(len(b.replaced))+"_"+name)
		if err := os.WriteFile(file, content, 0o666); err != nil {
			return "", err
		}
		replace[path], b.replaced[name] = file, file
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	list := filepath.Join(b.temp, "overlay.json")
	return "-overlay=" + list, os.WriteFile(list, text, 0o666)
}

// file returns the path of a file of the package.
func (b *goBuilder) file(name string) string {
	if path, ok := b.replaced[name]; ok {
		return path
	}
	return filepath.Join(b.Dir, name)
}

func (b *goBuilder) importcfg() string { return filepath.Join(b.temp, "importcfg") }

// imports has the go command compile what the package imports.
func (b *goBuilder) imports(ctx context.Context, p *GoPackage, overlay string) error {
	var config strings.Builder
	var paths []string
	for _, path := range p.Imports {
		if to, ok := p.ImportMap[path]; ok {
			fmt.Fprintf(&config, "importmap %s=%s\n", path, to)
			path = to
		}
		if path != "unsafe" {
			paths = append(paths, path)
		}
	}
	if len(paths) > 0 {
		deps, err := b.GoList(ctx, []string{"-export", "-deps", overlay}, paths...)
		if err != nil {
			return err
		}
		for _, d := range deps {
			if d.Error != nil {
				return fmt.Errorf("compiling %s: %s", d.ImportPath, d.Error.Err)
			}
			if d.Export != "" {
				fmt.Fprintf(&config, "packagefile %s=%s\n", d.ImportPath, d.Export)
			}
		}
	}
	return os.WriteFile(b.importcfg(), []byte(config.String()), 0o666)
}

// build does what cmd/go does to a package with assembly (gcToolchain in
// cmd/go/internal/work/gc.go, Go 1.26).
func (b *goBuilder) build(ctx context.Context, p *GoPackage, o GoBuildOptions) (*GoBuild, error) {
	out := &GoBuild{ImportPath: p.ImportPath, Objects: map[string][]byte{}, SharedObjects: map[string][]byte{}}
	trim := []string{b.Dir + "=>" + p.ImportPath}
	for name, file := range b.replaced {
		trim = append(trim, file+"=>"+p.ImportPath+"/"+name)
	}
	slices.Sort(trim)
	b.trim = strings.Join(trim, ";")

	symabis, header, archive := filepath.Join(b.temp, "symabis"), filepath.Join(b.temp, "go_asm.h"), filepath.Join(b.temp, "package.a")
	if len(p.SFiles) > 0 {
		if err := os.WriteFile(header, nil, 0o666); err != nil {
			return nil, err
		}
		var files []string
		for _, name := range p.SFiles {
			files = append(files, b.file(name))
		}
		if err := b.asm(ctx, p, o, append([]string{"-gensymabis", "-o", symabis}, files...)); err != nil {
			return nil, err
		}
	}
	args := []string{"tool", "compile", "-o", archive, "-trimpath", b.trim, "-p", p.ImportPath, "-pack", "-importcfg", b.importcfg()}
	if p.Module != nil && p.Module.GoVersion != "" {
		args = append(args, "-lang=go"+language(p.Module.GoVersion))
	}
	if len(p.SFiles) > 0 {
		args = append(args, "-symabis", symabis, "-asmhdr", header)
	} else {
		args = append(args, "-complete")
	}
	for _, name := range p.GoFiles {
		args = append(args, b.file(name))
	}
	if err := b.tool(ctx, args); err != nil {
		return nil, err
	}
	var err error
	if out.Archive, err = os.ReadFile(archive); err != nil {
		return nil, err
	}
	for _, name := range p.SFiles {
		base := strings.TrimSuffix(name, filepath.Ext(name))
		if out.Objects[base], err = b.object(ctx, p, o, name); err != nil {
			return nil, err
		}
		if !o.Shared {
			continue
		}
		// Plugins need this form, and it does for all other libraries.
		if out.SharedObjects[base], err = b.object(ctx, p, o, name, "-dynlink"); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// object assembles one file.
func (b *goBuilder) object(ctx context.Context, p *GoPackage, o GoBuildOptions, name string, flags ...string) ([]byte, error) {
	file := filepath.Join(b.temp, "object.o")
	if err := b.asm(ctx, p, o, slices.Concat(flags, []string{"-o", file, b.file(name)})); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
}

func (b *goBuilder) asm(ctx context.Context, p *GoPackage, o GoBuildOptions, args []string) error {
	root, err := b.output(ctx, "go", "env", "GOROOT")
	if err != nil {
		return err
	}
	include := filepath.Join(strings.TrimSpace(string(root)), "pkg", "include")
	return b.tool(ctx, slices.Concat([]string{"tool", "asm", "-p", p.ImportPath, "-trimpath", b.trim,
		"-I", b.temp, "-I", b.Dir, "-I", include, "-D", "GOOS_" + o.GOOS, "-D", "GOARCH_" + o.GOARCH}, args))
}

// tool runs one of Go's tools.
func (b *goBuilder) tool(ctx context.Context, args []string) error {
	cmd := b.command(ctx, "go", args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s %s: %w\n%s", args[0], args[1], err, out)
	}
	return nil
}

// language returns the language version of a Go version: 1.25 for 1.25.3.
func language(version string) string {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return version
	}
	minor := strings.TrimRight(strings.SplitN(strings.SplitN(parts[1], "rc", 2)[0], "beta", 2)[0], "-")
	return parts[0] + "." + minor
}
