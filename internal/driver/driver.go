// Package driver is the whole flow, from a crate to a Go package, a phase a
// call.
package driver

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
	"github.com/cargo-rustgo/cargo-rustgo/internal/emit"
	"github.com/cargo-rustgo/cargo-rustgo/internal/image"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
	"github.com/cargo-rustgo/cargo-rustgo/internal/signature"
	"github.com/cargo-rustgo/cargo-rustgo/internal/stack"
	"github.com/cargo-rustgo/cargo-rustgo/internal/target"
	"github.com/cargo-rustgo/cargo-rustgo/internal/tool"
)

// Options are what Build needs to know.
type Options struct {
	Cargo     tool.BuildOptions // Triple is set from Targets
	GoPackage string            // the name of the Go package; empty means the configured one or the crate's
	// GoDir is the directory of the Go files that people wrote for the package.
	GoDir string
	// Out is the directory for the generated files of the Go package.
	Out string
	// Products is the directory for archives and objects.
	Products   string
	ImportPath string // of the Go package; empty means what its directory says
	Emit       []Form // what to write; none means Go
	Targets    []target.Target
	Version    string      // of this tool
	Progress   func(Event) // called at every step; may be nil
}

// Form is a form of output.
type Form string

const (
	GoForm      Form = "go"      // a Go package: Go files and assembly
	ArchiveForm Form = "archive" // Go archives, and Go files without the machine code
	ObjectForm  Form = "object"  // objects and static libraries for C and cgo
)

// Forms lists all of them.
var Forms = []Form{GoForm, ArchiveForm, ObjectForm}

// emits reports whether a form is wanted.
func (o *Options) emits(f Form) bool {
	return slices.Contains(o.Emit, f) || len(o.Emit) == 0 && f == GoForm
}

// Event is a step of the build, for the user.
type Event struct{ Verb, Text string }

// Result is what Build made.
type Result struct {
	Package   string // the name of the Go package
	Functions []Function
	Platforms []string // GOOS/GOARCH
	Dir       string   // with Files, if there are any
	Files     []string // of the Go package, sorted
	Products  []string // paths of archives and objects and what goes with them, sorted
	Changed   int      // how many of Files and Products were written
}

// Function is an exported function.
type Function struct {
	Symbol, GoName, GoSignature string
	StackBytes                  int    // proven; 0 if there is no bound
	Unbounded                   string // why there is none
	OwnStack                    int    // bytes of the stack of its own; 0 if it runs on the goroutine's
	Blocking                    bool
}

// Build compiles a crate and writes what was asked for. Errors are diagnostics
// where the user can do something about them.
func Build(ctx context.Context, o Options) (*Result, error) {
	g, err := generate(ctx, o)
	if err != nil {
		return nil, err
	}
	r := g.result()
	var outputs []output
	if o.emits(GoForm) {
		r.Dir, r.Files = o.Out, sortedKeys(g.files)
		outputs = append(outputs, goFiles(o.Out, g.files)...)
	}
	products, err := g.products(ctx, o)
	if err != nil {
		return nil, err
	}
	for _, out := range products {
		r.Products = append(r.Products, out.path)
	}
	// From here on everything has been made, and nothing written.
	if r.Changed, err = write(append(outputs, products...)); err != nil {
		return nil, err
	}
	return r, nil
}

// generated is what a crate becomes, in memory.
type generated struct {
	p       *emit.Package
	art     *tool.Artifact
	files   map[string][]byte // of the Go package
	objects map[string]*hostObject
	// rustFlags are the flags of rustc for each platform, without paths.
	rustFlags map[string][]string
}

// generate compiles a crate for all targets.
func generate(ctx context.Context, o Options) (*generated, error) {
	if o.Progress == nil {
		o.Progress = func(Event) {}
	}
	if len(o.Targets) == 0 {
		return nil, errors.New("no target to build for")
	}
	_, _, config, err := tool.Inspect(ctx, o.Cargo)
	if err != nil {
		return nil, err
	}
	if err := available(ctx, o, config); err != nil {
		return nil, err
	}
	built, err := buildAll(ctx, o, config)
	if err != nil {
		return nil, err
	}
	g := &generated{objects: map[string]*hostObject{}, rustFlags: map[string][]string{}}
	for _, b := range built {
		if g.p, err = merge(g.p, b.p, b.target); err != nil {
			return nil, err
		}
		if b.variant.Name != "" {
			continue
		}
		g.art, g.rustFlags[b.target.String()] = b.art, withoutPaths(b.art.RustFlags)
		if b.object != nil {
			g.objects[b.target.String()] = b.object
		}
	}
	if err := checkCallStacks(g.p); err != nil {
		return nil, err
	}
	if g.files, err = g.p.Files(); err != nil {
		return nil, diagnoseCall(err)
	}
	return g, verify(ctx, o, g.p, g.files)
}

// keepApart keeps LLVM from making two exports with the same code one symbol:
// the debug information of all but one would be lost, and with it their types.
var keepApart = []string{"-Cllvm-args=-mergefunc-use-aliases=false", "-Cllvm-args=-mergefunc-preserve-debug-info"}

// input is a crate that was compiled for one target. close ends its use.
type input struct {
	art       *tool.Artifact
	size      int // of the library, in bytes
	lib       *link.Library
	functions []export
	set       *link.Set
	close     func()
}

// compile compiles the crate, and finds its exports and all that they need.
func compile(ctx context.Context, o Options, t job) (_ *input, err error) {
	o.Cargo.Triple = t.target.Triple
	o.Cargo.RustFlags = slices.Concat(o.Cargo.RustFlags, t.target.RustFlags)
	o.Cargo.RustcArgs = slices.Concat(o.Cargo.RustcArgs, keepApart)
	if t.variant.Name != "" {
		o.Cargo.RustFlags = append(o.Cargo.RustFlags, t.variant.Flag)
	}
	if t.target.Foreign || t.variant.Name != "" {
		o.Cargo.Variant = strings.NewReplacer("/", "_", " ", "_").Replace(t.String())
	}
	art, err := tool.BuildStaticlib(ctx, o.Cargo)
	if err != nil {
		return nil, err
	}
	data, unmap, err := mapFile(art.Path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			unmap()
		}
	}()
	lib, err := link.OpenArch(filepath.Base(art.Path), data, t.target.GOARCH, nil)
	if err != nil {
		return nil, diagnoseInput(err)
	}
	functions, err := exports(lib, art, o.Progress)
	if err != nil {
		return nil, err
	}
	// From here on every export can cross: its types, its name and its
	// calling convention are known.

	var roots []string
	for _, f := range functions {
		roots = append(roots, f.Symbol)
	}
	set, err := link.Resolve([]*link.Library{lib}, roots)
	if err != nil {
		return nil, diagnoseLink(err, functions)
	}
	return &input{art, len(data), lib, functions, set, unmap}, nil
}

// built is the package for one target.
type built struct {
	job
	p      *emit.Package
	art    *tool.Artifact
	object *hostObject
}

// build makes the package for one target.
func build(o Options, t job, in *input) (*built, error) {
	analysis, err := stack.Analyze(in.set)
	if err != nil {
		return nil, diagnoseInput(err)
	}
	if err := reserved(analysis, in, t.target); err != nil {
		return nil, err
	}
	bounds, err := bound(analysis, in)
	if err != nil {
		return nil, err
	}
	img, err := image.Build(in.set, func(r link.Ref) bool { return deep(analysis, r) })
	if err != nil {
		return nil, diagnoseImage(err)
	}
	o.Progress(Event{"Stripping", fmt.Sprintf("%s -> %s", size(uint64(in.size)), size(imageSize(img)))})
	p, err := assemble(o, t.target, in.art, in.functions, bounds, img)
	if err != nil {
		return nil, err
	}
	p.Platforms[0].Variant = t.variant
	b := &built{job: t, p: p, art: in.art}
	if o.emits(ObjectForm) && t.variant.Name == "" {
		if b.object, err = newHostObject(in, img, t.target); err != nil {
			return nil, err
		}
	}
	p.Platforms[0].Code = describe(analysis, in.set, img)
	return b, nil
}

// recovers is defined by panic handlers that come back to the trampoline: that
// of rust/rustgo. Others end the process, or spin.
const recovers = "__RUSTGO_PANIC_V1"

// bounds is what is known of the stack that exports use, by symbol.
type bounds struct {
	bytes     map[string]int
	unbounded map[string]string // why there is no bound
	panics    map[string]bool
	callsGo   map[string]bool
}

// bound proves what each export needs of the stack, and finds those that can
// panic.
func bound(analysis *stack.Analysis, in *input) (*bounds, error) {
	out := &bounds{map[string]int{}, map[string]string{}, map[string]bool{}, map[string]bool{}}
	requireBounds := in.art.Config != nil && in.art.Config.RequireBounds
	recovers := len(in.lib.Defines(recovers)) > 0
	var errs []error
	for _, f := range in.functions {
		b, err := analysis.Bound(f.Symbol)
		var unbounded *stack.Unbounded
		switch {
		case errors.As(err, &unbounded) && requireBounds:
			errs = append(errs, diagnoseStack(unbounded, f))
		case errors.As(err, &unbounded):
			out.unbounded[f.Symbol] = unbounded.Reason
			b.Panics, b.CallsGo = unbounded.Panics, unbounded.CallsGo
		case err != nil:
			return nil, err
		default:
			out.bytes[f.Symbol] = b.Bytes
		}
		if b.Panics && recovers {
			out.panics[f.Symbol] = true
		}
		if b.CallsGo {
			out.callsGo[f.Symbol] = true
		}
	}
	return out, diag.Join(errs...)
}

// merge adds the platform of q to p.
func merge(p, q *emit.Package, t target.Target) (*emit.Package, error) {
	if p == nil {
		return q, nil
	}
	if len(p.Functions) != len(q.Functions) {
		return nil, fmt.Errorf("the crate exports %d functions on %s and %d on %s/%s; exports must not depend on the target",
			len(q.Functions), t, len(p.Functions), p.Platforms[0].GOOS, p.Platforms[0].GOARCH)
	}
	for i := range p.Functions {
		if a, b := p.Functions[i].Signature(), q.Functions[i].Signature(); a != b {
			return nil, fmt.Errorf("the Go declaration depends on the target: `%s` on %s/%s, `%s` on %s",
				a, p.Platforms[0].GOOS, p.Platforms[0].GOARCH, b, t)
		}
		p.Functions[i].CallsGo = p.Functions[i].CallsGo || q.Functions[i].CallsGo
	}
	p.Platforms = append(p.Platforms, q.Platforms...)
	return p, nil
}

func imageSize(img *image.Image) uint64 {
	var n uint64
	for _, m := range img.Memory {
		n += uint64(len(m.Data))
	}
	return n
}

// size writes a number of bytes for people.
func size(n uint64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1000)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1000_000)
}

func (g *generated) result() *Result {
	p := g.p
	r := &Result{Package: p.Name}
	for i := range p.Functions {
		f := &p.Functions[i]
		if f.Symbol == emit.HeapSymbol {
			continue // the package's own
		}
		out := Function{Symbol: f.Symbol, GoName: f.Name, GoSignature: strings.TrimPrefix(f.Signature(), "func "), Blocking: f.Blocking}
		for j := range p.Platforms {
			platform := &p.Platforms[j]
			out.StackBytes = max(out.StackBytes, platform.Stack[f.Symbol])
			if why := platform.Unbounded[f.Symbol]; why != "" {
				out.Unbounded = why
			}
			if platform.Own(f) {
				out.OwnStack = p.OwnStackSize()
			}
		}
		if out.Unbounded != "" {
			out.StackBytes = 0
		}
		r.Functions = append(r.Functions, out)
	}
	for _, platform := range p.Platforms {
		if platform.Variant.Name != "" {
			continue
		}
		r.Platforms = append(r.Platforms, platform.GOOS+"/"+platform.GOARCH)
	}
	return r
}

// export is a function of the crate that Go will call.
type export struct {
	signature.Function
	goName string
	source *signature.Source // of the file that declares it; nil if it cannot be read
	path   string            // of that file, as the user knows it
}
