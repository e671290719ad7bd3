package driver

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
	"github.com/cargo-rustgo/cargo-rustgo/internal/emit"
	"github.com/cargo-rustgo/cargo-rustgo/internal/image"
	"github.com/cargo-rustgo/cargo-rustgo/internal/signature"
	"github.com/cargo-rustgo/cargo-rustgo/internal/target"
	"github.com/cargo-rustgo/cargo-rustgo/internal/tool"
)

// assemble puts together what the emitters write.
func assemble(o Options, t target.Target, art *tool.Artifact, functions []export, b *bounds, img *image.Image) (*emit.Package, error) {
	name, err := packageName(o, art)
	if err != nil {
		return nil, err
	}
	p := &emit.Package{
		Name:      name,
		Doc:       packageDoc(name, art),
		Platforms: []emit.Platform{{GOOS: t.GOOS, GOARCH: t.GOARCH, Image: img, Stack: b.bytes, Unbounded: b.unbounded, Panics: b.panics}},
	}
	config := art.Config
	if config == nil {
		config = new(tool.Config)
	}
	p.StackSize, p.HeapSize = config.StackSize, config.HeapSize
	if err := unknownFunctions(config, functions); err != nil {
		return nil, err
	}
	if p.Functions, p.Types, err = golang(name, art, functions); err != nil {
		return nil, err
	}
	for i := range p.Functions {
		f := &p.Functions[i]
		configure(f, config)
		f.CallsGo = f.CallsGo || b.callsGo[f.Symbol]
		if f.CallsGo && f.Blocking {
			return nil, diag.New(diag.BadConfig, "`%s` cannot be `blocking`, since it may call Go; what it calls may block", f.Symbol)
		}
	}
	return p, declared(p, functions, o.GoDir, t.GOARCH)
}

// configure applies what the manifest says of a function.
func configure(f *emit.Function, config *tool.Config) {
	own := config.Functions[f.Symbol]
	f.StackLimit = cmp.Or(own.StackLimit, config.StackLimit, emit.DefaultStackLimit)
	if own.OwnStack {
		f.StackLimit = 0
	}
	f.Blocking = own.Blocking
}

// unknownFunctions refuses settings of functions that are not there.
func unknownFunctions(config *tool.Config, functions []export) error {
	var known []string
	for _, f := range functions {
		known = append(known, f.Symbol)
	}
	var errs []error
	for _, symbol := range slices.Sorted(maps.Keys(config.Functions)) {
		if !slices.Contains(known, symbol) {
			d := diag.New(diag.BadConfig, "`metadata.rustgo.functions` has settings for `%s`, which is not exported", symbol)
			if near := diag.Similar(symbol, known); near != "" {
				d.Help = []string{fmt.Sprintf("there is a similar one: `%s`", near)}
			}
			errs = append(errs, d)
		}
	}
	return diag.Join(errs...)
}

// packageDoc returns the package comment: what the crate says of itself, as
// godoc wants it to begin.
func packageDoc(name string, art *tool.Artifact) []string {
	doc := crateDoc(art)
	intro := fmt.Sprintf("Package %s is the Rust crate %s.", name, art.PackageName)
	if len(doc) == 0 {
		return []string{intro}
	}
	if strings.HasPrefix(doc[0], "Package "+name+" ") {
		return doc
	}
	return append([]string{intro, ""}, doc...)
}

// functionDoc returns the doc comment of f, beginning with its Go name where
// the Rust one begins with the Rust name.
func functionDoc(f *export) []string {
	return renamed(signature.Docs(f.source, f.Line, f.Name), f.Name, f.goName)
}

// checkCallStacks refuses stacks that are too large for calls of Go: where one ends is
// found by the stack pointer.
func checkCallStacks(p *emit.Package) error {
	if !p.CallsGo() || p.OwnStackSize() <= emit.MaxCallStack {
		return nil
	}
	d := diag.New(diag.BadConfig, "stacks would have %d bytes, and those on which Rust calls Go can have %d", p.OwnStackSize(), emit.MaxCallStack)
	for i := range p.Functions {
		for j := range p.Platforms {
			if f := &p.Functions[i]; p.Platforms[j].Stack[f.Symbol] > emit.MaxCallStack {
				d.Notes = []string{fmt.Sprintf("`%s` needs %d bytes on %s", f.Symbol, p.Platforms[j].Stack[f.Symbol], p.Platforms[j].GOOS+"/"+p.Platforms[j].GOARCH)}
			}
		}
	}
	d.Help = []string{"lower `stack-size`, and have what is large in statics or on the heap (`rustgo::heap!`)"}
	return d
}
