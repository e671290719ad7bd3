package driver

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/ianlancetaylor/demangle"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
	"github.com/cargo-rustgo/cargo-rustgo/internal/emit"
	"github.com/cargo-rustgo/cargo-rustgo/internal/image"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
	"github.com/cargo-rustgo/cargo-rustgo/internal/signature"
	"github.com/cargo-rustgo/cargo-rustgo/internal/stack"
)

// diagnoseInput explains an archive or object that cannot be read.
func diagnoseInput(err error) error {
	if link.IsBitcode(err) {
		d := diag.New(diag.Bitcode, "%v", err)
		d.Help = []string{"turn linker-plugin LTO off: remove `-C linker-plugin-lto`; `lto = true` in the profile is fine"}
		return d
	}
	return diag.New(diag.MalformedInput, "%v", err)
}

// diagnoseLink explains why the exports cannot be linked.
func diagnoseLink(err error, functions []export) error {
	var missing *link.MissingError
	var undefined *link.UndefinedError
	var duplicate *link.DuplicateError
	var section *link.SectionError
	switch {
	case errors.As(err, &missing):
		return exportNotFound(missing.Name, missing.Known)
	case errors.As(err, &undefined):
		return diagnoseUndefined(undefined, functions)
	case errors.As(err, &duplicate):
		d := diag.New(diag.DuplicateSymbol, "`%s` is defined twice", demangled(duplicate.Name))
		d.Notes = []string{"in " + duplicate.First, "and in " + duplicate.Second}
		d.Help = []string{"rename one, or drop one of the two crates"}
		return d
	case errors.As(err, &section):
		d := diag.New(diag.BadSection, "%s", section.Msg)
		d.Notes = []string{fmt.Sprintf("%s: %s+%#x", section.Object, section.Section, section.Off), "reached by " + chain(section.Chain)}
		return d
	}
	return diagnoseInput(err)
}

// diagnoseUndefined reports all undefined symbols in one diagnostic for each
// export that needs them.
func diagnoseUndefined(err *link.UndefinedError, functions []export) error {
	byRoot := map[string][]link.UndefinedSymbol{}
	var order []string
	for _, s := range err.Symbols {
		root := s.Chain[0]
		if _, ok := byRoot[root]; !ok {
			order = append(order, root)
		}
		byRoot[root] = append(byRoot[root], s)
	}
	var errs []error
	for _, root := range order {
		symbols := byRoot[root]
		var names []string
		for _, s := range symbols {
			names = append(names, "`"+demangled(s.Name)+"`")
		}
		d := diag.New(diag.UndefinedSymbols, "`%s` needs %s, which nothing defines", demangled(root), list(names, 4))
		if f := find(functions, root); f != nil {
			d.Spans = append(d.Spans, f.span(f.Line, ""))
		}
		for _, s := range symbols {
			d.Notes = append(d.Notes, chain(append(s.Chain, s.Name)))
		}
		d.Help = undefinedHelp(symbols)
		errs = append(errs, d)
	}
	return diag.Join(errs...)
}

// undefinedHelp says where missing symbols usually come from.
func undefinedHelp(symbols []link.UndefinedSymbol) []string {
	for _, s := range symbols {
		switch s.Name {
		case "memcpy", "memmove", "memset", "memcmp", "bcmp":
			return []string{"depend on the crate `rustgo`, which has them, and say `extern crate rustgo;`: `cargo rustgo vendor` puts it beside the crate"}
		}
		if strings.Contains(s.Name, "rust_begin_unwind") {
			return []string{"depend on the crate `rustgo`, which has the panic handler, and say `extern crate rustgo;`: `cargo rustgo vendor` puts it beside the crate"}
		}
		if strings.HasPrefix(s.Name, "_R") || strings.HasPrefix(s.Name, "_ZN") {
			return []string{"a Rust symbol is missing: is there a `#[global_allocator]`, if the crate uses `alloc`?"}
		}
	}
	return []string{"a Go program without cgo has no libc: return an error code or a buffer instead, and use `#![no_std]`"}
}

// diagnoseStack explains why a function has no bound.
func diagnoseStack(unbounded *stack.Unbounded, f export) error {
	d := diag.New(diag.StackUnbounded, "no bound can be proven for the stack that `%s` needs: %s", f.Symbol, unbounded.Reason)
	d.Spans = append(d.Spans, f.span(f.Line, ""))
	var names []string
	for _, frame := range unbounded.Path {
		names = append(names, frame.Function)
	}
	if len(names) > 0 {
		d.Notes = append(d.Notes, "the path: "+strings.Join(names, " > "))
	}
	d.Notes = append(d.Notes, "`metadata.rustgo.require-bounds` asks for one")
	d.Help = []string{"replace the recursion or the indirect call by a loop, or do not export the function"}
	return d
}

// diagnoseRegister explains that functions use a register that is not theirs.
func diagnoseRegister(functions []string, r register) error {
	if len(functions) == 0 {
		return nil
	}
	var names []string
	for _, f := range functions {
		names = append(names, "`"+f+"`")
	}
	d := diag.New(diag.RegisterInUse, "%s, which is %s, is used by %s", r.name, r.owner, list(names, 4))
	d.Notes = []string{r.why}
	d.Help = []string{"if these are functions of `core` or `alloc`, have cargo compile them: `--build-std`; compile C with `-ffixed-" + r.name + "`"}
	return d
}

// diagnoseImage explains what cannot be laid out or relocated.
func diagnoseImage(err error) error {
	var errs []error
	for _, err := range flatten(err) {
		var e *image.Error
		if !errors.As(err, &e) {
			errs = append(errs, err)
			continue
		}
		d := diag.New(diag.BadSection, "%s", e.Msg)
		d.Notes = []string{fmt.Sprintf("%s: %s+%#x", e.Object, e.Section, e.Off), "reached by " + chain(e.Chain)}
		if e.Help != "" {
			d.Help = []string{e.Help}
		}
		errs = append(errs, d)
	}
	return diag.Join(errs...)
}

func flatten(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var list []error
		for _, e := range joined.Unwrap() {
			list = append(list, flatten(e)...)
		}
		return list
	}
	return []error{err}
}

// diagnoseCall explains why there is no trampoline for a function.
func diagnoseCall(err error) error {
	var call *emit.CallError
	if !errors.As(err, &call) {
		return err
	}
	d := diag.New(diag.TypeCannotCross, "%v", call)
	d.Help = []string{"pass it by a pointer"}
	return d
}

func noDebugInfo(err error, object string) error {
	return diag.New(diag.NoDebugInfo, "%s: the debug information cannot be read: %v", object, err)
}

// diagnose explains why f cannot be called from Go.
func (f *export) diagnose(err error) error {
	var typ *signature.TypeError
	var decl *signature.DeclError
	var d *diag.Diagnostic
	var help string
	switch {
	case errors.As(err, &typ):
		d = diag.New(diag.TypeCannotCross, "`%s` cannot be called from Go: %s of type `%s`: %s", typ.Function, typ.Param, typ.RustType, typ.Reason)
		help = typ.Help
	case errors.As(err, &decl):
		d = diag.New(diag.TypeCannotCross, "`%s` cannot be called from Go: %s", decl.Function, decl.Reason)
		help = decl.Help
	default:
		return err
	}
	d.Spans = []diag.Span{f.span(f.Line, "")}
	if help != "" {
		d.Help = []string{help}
	}
	return d
}

// span is a line of the source of f.
func (f *export) span(line int, label string) diag.Span {
	s := diag.Span{File: filepath.ToSlash(f.path), Line: line, Label: label}
	if f.source == nil {
		return s
	}
	lines := strings.Split(string(f.source.Text), "\n")
	if line > 0 && line <= len(lines) {
		s.Source = lines[line-1]
		s.Column = len(s.Source) - len(strings.TrimLeft(s.Source, " \t")) + 1
	}
	return s
}

func find(functions []export, symbol string) *export {
	for i := range functions {
		if functions[i].Symbol == symbol {
			return &functions[i]
		}
	}
	return nil
}

// chain writes a chain of symbols for people.
func chain(symbols []string) string {
	var names []string
	for _, s := range symbols {
		names = append(names, demangled(s))
	}
	return strings.Join(names, " > ")
}

func demangled(symbol string) string { return demangle.Filter(symbol, demangle.NoClones) }

// list joins the first n names and counts the rest.
func list(names []string, n int) string {
	if len(names) > n {
		return fmt.Sprintf("%s and %d more symbols", strings.Join(names[:n], ", "), len(names)-n)
	}
	return strings.Join(names, ", ")
}
