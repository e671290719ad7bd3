package driver

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/stack"
	"github.com/cargo-rustgo/cargo-rustgo/internal/target"
)

// Inspected is what is known of an exported function on one platform.
type Inspected struct {
	Symbol, GoName, GoSignature string
	Platform                    string // GOOS/GOARCH
	Frame                       int    // bytes of stack that it uses by itself
	Bytes                       int    // bound, its callees and its return address included
	Reason                      string // why there is no bound, with demangled names; else empty
	// Path leads to the deepest place, or to what is unbounded, in a recursion
	// once around. Exports are named as in Go, what they call is demangled.
	Path   []string
	Panics bool
}

// Inspect compiles a crate and describes its exports, sorted by Go name. That
// a function has no stack bound is no error.
func Inspect(ctx context.Context, o Options) ([]Inspected, error) {
	if o.Progress == nil {
		o.Progress = func(Event) {}
	}
	var list []Inspected
	for _, t := range o.Targets {
		some, err := inspect(ctx, o, t)
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	slices.SortStableFunc(list, func(a, b Inspected) int { return cmp.Compare(a.GoName, b.GoName) })
	return list, nil
}

func inspect(ctx context.Context, o Options, t target.Target) ([]Inspected, error) {
	in, err := compile(ctx, o, job{target: t})
	if err != nil {
		return nil, err
	}
	defer in.close()
	analysis, err := stack.Analyze(in.set)
	if err != nil {
		return nil, diagnoseInput(err)
	}
	frames := map[string]int{}
	for _, f := range analysis.Functions() {
		frames[f.Symbol] = f.Frame
	}
	var list []Inspected
	exported := map[string]string{} // symbol → name in Go
	functions, _, err := golang("", in.art, in.functions)
	if err != nil {
		return nil, err
	}
	for i := range functions {
		exported[functions[i].Symbol] = functions[i].Name
	}
	for i := range functions {
		f := &functions[i]
		entry := Inspected{
			Symbol: f.Symbol, GoName: f.Name, GoSignature: strings.TrimPrefix(f.Signature(), "func "),
			Platform: t.String(), Frame: frames[f.Symbol],
		}
		b, err := analysis.Bound(f.Symbol)
		path := b.Path
		var unbounded *stack.Unbounded
		if errors.As(err, &unbounded) {
			entry.Reason, path = unbounded.Reason, unbounded.Path
		} else if err != nil {
			return nil, err
		}
		entry.Bytes, entry.Panics = b.Bytes, b.Panics
		for _, frame := range path {
			entry.Path = append(entry.Path, cmp.Or(exported[frame.Symbol], frame.Function))
		}
		list = append(list, entry)
	}
	return list, nil
}
