package emit

import (
	"github.com/cargo-rustgo/cargo-rustgo/internal/abi"
	"github.com/cargo-rustgo/cargo-rustgo/internal/image"
)

// trampoline is what the trampolines of all processors have in common: one is a
// function that Go calls.
type trampoline struct {
	*Function
	platform *Platform
	goCall   *abi.Call // where Go has arguments and results
	bound    int       // bytes of stack that Rust needs, if that is known
	export   image.Export
	panics   bool
	onOwn    bool   // it runs on a stack of its own
	text     string // its name in assembly
	space    int    // of a stack of its own (bounds.go)
}

func (p *Package) trampoline(f *Function, platform *Platform, export image.Export) trampoline {
	return trampoline{
		Function: f,
		platform: platform,
		bound:    platform.Stack[f.Symbol] + platform.Image.Spills,
		export:   export,
		panics:   platform.Panics[f.Symbol],
		onOwn:    platform.Own(f),
		text:     f.assemblyName() + p.suffix(platform),
		space:    p.ownSpace(),
	}
}

// slows reports whether a trampoline for a stack of its own has a function NAME.slow
// beside it, which calls Go: for a stack, or to panic.
func (t *trampoline) slows() bool { return !t.Blocking && (!t.CallsGo || t.panics) }

// frameArgs is the size in bytes of Go's arguments and results.
func (t *trampoline) frameArgs() int {
	if t.Blocking {
		return t.outcomeFP() + 8
	}
	return t.goCall.Frame
}

// outcomeFP is the offset of the second result of a blocking function's
// assembly: 0, 1 if there is no stack for it, or the record of a panic.
func (t *trampoline) outcomeFP() int { return (t.goCall.Frame + 7) &^ 7 }

// callFP is the offset of the last parameter of the assembly of a function from
// which Rust may call Go.
func (t *trampoline) callFP() int { return t.goCall.Args[len(t.Params)].FP }

// bySP reports whether the runtime tells by SP on whose stack a thread is.
func (t *trampoline) bySP() bool { return t.platform.bySP() }

// copyRust writes the code of a function that is small and does the same wherever
// it is.
func (t *trampoline) copyRust(out *printer) {
	w := codeWriter{platform: t.platform, arch: arches[t.platform.GOARCH], out: out, code: t.export.Leaf, lines: t.platform.leafLines(t.export), loads: new([]image.Load)}
	w.write()
}
