package driver

import (
	"fmt"
	"go/token"
	"os"
	"slices"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/emit"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
	"github.com/cargo-rustgo/cargo-rustgo/internal/signature"
	"github.com/cargo-rustgo/cargo-rustgo/internal/tool"
)

// exports finds the functions that Go will call, sorted by symbol, and checks
// that each can be called.
func exports(lib *link.Library, art *tool.Artifact, progress func(Event)) ([]export, error) {
	var list []export
	var err error
	if art.Config != nil && art.Config.Exports != nil {
		list, err = configuredExports(lib, art)
	} else {
		list, err = crateExports(lib, art, progress)
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b export) int { return strings.Compare(a.Symbol, b.Symbol) })
	sources := map[string]*signature.Source{}
	var errs []error
	for i := range list {
		f := &list[i]
		f.path = f.RelFile
		if file := art.SourceFile(f.File); file != "" {
			if _, ok := sources[file]; !ok {
				sources[file] = nil // check says that it is missing
				if text, err := os.ReadFile(file); err == nil {
					sources[file] = signature.NewSource(text)
				}
			}
			f.source = sources[file]
		}
		errs = append(errs, f.check())
	}
	errs = append(errs, uniqueNames(list))
	return list, diag.Join(errs...)
}

// crateExports returns the exported functions that the crate itself defines.
func crateExports(lib *link.Library, art *tool.Artifact, progress func(Event)) ([]export, error) {
	objects, err := crateObjects(lib, art.LibName)
	if err != nil {
		return nil, err
	}
	var list []export
	for _, o := range objects {
		functions, err := signature.Read(o)
		if err != nil {
			return nil, noDebugInfo(err, o.Name)
		}
		for _, f := range functions {
			if f.Crate == art.LibName {
				list = append(list, export{Function: f, goName: goName(f.Symbol)})
			}
		}
		for _, alias := range signature.Undescribed(o, functions) {
			switch {
			case alias.Of != "":
				return nil, merged(alias)
			case !supplied(alias.Symbol):
				progress(Event{"Skipping", fmt.Sprintf("`%s`: a global symbol without a signature, written in assembly or a naked function; export a function that calls it", alias.Symbol)})
			}
		}
	}
	if !slices.ContainsFunc(list, func(f export) bool { return f.Symbol != emit.HeapSymbol }) {
		d := diag.New(diag.NoExports, "the crate `%s` exports no functions", art.LibName)
		d.Help = []string{"mark the functions that Go is to call: `#[unsafe(no_mangle)] pub extern \"C\" fn …`"}
		return nil, d
	}
	return list, nil
}

// supplied reports whether a symbol is one that the compiler calls by itself and
// that compiler_builtins or the crate rustgo defines; with fat LTO they end up
// in the crate's own object. Or it has a mangled name: LTO makes what one object
// has and others need global.
func supplied(symbol string) bool {
	switch symbol {
	case "memcpy", "memmove", "memset", "memcmp", "bcmp", "strlen":
		return true
	}
	return strings.HasPrefix(symbol, "__") || strings.HasPrefix(symbol, "_ZN") || strings.HasPrefix(symbol, "_R")
}

// merged reports a function that LLVM has merged with another, although it was
// asked not to.
func merged(alias signature.Alias) error {
	d := diag.New(diag.NoDebugInfo, "nothing is known about the parameters of `%s`", alias.Symbol)
	d.Notes = []string{fmt.Sprintf("the compiler merged it with `%s`, whose code is the same", alias.Of)}
	d.Help = []string{"export one of the two, or set `opt-level` to 2 or less"}
	return d
}

// crateObjects returns the objects that rustc compiled the crate into. rustc
// names them after the crate; where a name does not tell, all are candidates.
func crateObjects(lib *link.Library, crate string) ([]*elfmacho.Object, error) {
	var members []int
	for i := range lib.Len() {
		if strings.HasPrefix(lib.MemberName(i), crate+"-") || strings.HasPrefix(lib.MemberName(i), crate+".") {
			members = append(members, i)
		}
	}
	var objects []*elfmacho.Object
	for _, i := range members {
		o, err := lib.Object(i)
		if err != nil {
			return nil, diagnoseInput(err)
		}
		objects = append(objects, o)
	}
	return objects, nil
}

// configuredExports returns the functions that Cargo.toml lists, wherever they
// are defined.
func configuredExports(lib *link.Library, art *tool.Artifact) ([]export, error) {
	read := map[int32][]signature.Function{}
	var list []export
	var errs []error
	for _, want := range art.Config.Exports {
		f, err := findExport(lib, want.Symbol, read)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if want.Symbol == emit.HeapSymbol {
			continue // below
		}
		name := want.GoName
		if name == "" {
			name = signature.GoName(want.Symbol)
		}
		if !token.IsIdentifier(name) || !token.IsExported(name) {
			d := diag.New(diag.BadConfig, "`%s` is not the name of an exported Go function", name)
			d.Notes = []string{fmt.Sprintf("`metadata.rustgo.exports` gives it to `%s`", want.Symbol)}
			errs = append(errs, d)
			continue
		}
		list = append(list, export{Function: f, goName: name})
	}
	if len(lib.Defines(emit.HeapSymbol)) > 0 {
		// The crate has a heap, and the package has to see to it.
		f, err := findExport(lib, emit.HeapSymbol, read)
		if err != nil {
			return nil, err
		}
		list = append(list, export{Function: f, goName: goName(f.Symbol)})
	}
	return list, diag.Join(errs...)
}

// goName is the name in Go of an exported function that the manifest does not name.
func goName(symbol string) string {
	if symbol == emit.HeapSymbol {
		return "rustHeap" // for the package itself
	}
	return signature.GoName(symbol)
}

func findExport(lib *link.Library, symbol string, read map[int32][]signature.Function) (signature.Function, error) {
	members := lib.Defines(symbol)
	for _, i := range members {
		functions, ok := read[i]
		if !ok {
			o, err := lib.Object(int(i))
			if err != nil {
				return signature.Function{}, diagnoseInput(err)
			}
			if functions, err = signature.Read(o); err != nil {
				return signature.Function{}, noDebugInfo(err, o.Name)
			}
			read[i] = functions
		}
		for _, f := range functions {
			if f.Symbol == symbol {
				return f, nil
			}
		}
	}
	if len(members) > 0 {
		d := diag.New(diag.NoDebugInfo, "nothing is known about the parameters of `%s`", symbol)
		d.Notes = []string{fmt.Sprintf("%s defines it without debug information", lib.MemberName(int(members[0])))}
		d.Help = []string{"export a Rust function of the crate that calls it"}
		return signature.Function{}, d
	}
	return signature.Function{}, exportNotFound(symbol, lib.Names())
}

func exportNotFound(symbol string, known []string) error {
	d := diag.New(diag.ExportNotFound, "the crate has no exported function `%s`", symbol)
	if near := diag.Similar(symbol, known); near != "" {
		d.Help = append(d.Help, fmt.Sprintf("there is a similar one: `%s`", near))
	}
	d.Help = append(d.Help, "a function is exported by `#[unsafe(no_mangle)] pub extern \"C\"`")
	return d
}

// check reports what keeps f from being called from Go.
func (f *export) check() error {
	if f.source == nil {
		// Debug information does not tell the calling convention.
		d := diag.New(diag.NoDebugInfo, "the source of `%s` cannot be read, so its calling convention is not known", f.Symbol)
		d.Notes = []string{"it should be " + f.File}
		return d
	}
	if err := f.CheckSource(f.source); err != nil {
		return f.diagnose(err)
	}
	if err := f.Check(); err != nil {
		return f.diagnose(err)
	}
	return nil
}

// uniqueNames refuses two functions of one Go name.
func uniqueNames(list []export) error {
	symbols := map[string]string{}
	for _, f := range list {
		if other, ok := symbols[f.goName]; ok {
			d := diag.New(diag.BadConfig, "`%s` and `%s` are both called %s in Go", other, f.Symbol, f.goName)
			d.Help = []string{fmt.Sprintf("name one: `exports = { %s = \"OtherName\", … }` in [package.metadata.rustgo]", f.Symbol)}
			return d
		}
		symbols[f.goName] = f.Symbol
	}
	return nil
}

// packageName returns the name of the Go package.
func packageName(o Options, art *tool.Artifact) (string, error) {
	name, from := strings.ReplaceAll(art.LibName, "_", ""), "the crate's name gives"
	if art.Config != nil && art.Config.GoPackage != "" {
		name, from = art.Config.GoPackage, "`metadata.rustgo.go-package` says"
	}
	if o.GoPackage != "" {
		name, from = o.GoPackage, "`--go-package` says"
	}
	if !token.IsIdentifier(name) || name == "_" || name == "main" {
		d := diag.New(diag.BadConfig, "`%s` cannot be the name of a Go package that others import", name)
		d.Notes = []string{from + " `" + name + "`"}
		d.Help = []string{"choose another one with `--go-package NAME`"}
		return "", d
	}
	return name, nil
}

// crateDoc returns the documentation of the crate.
func crateDoc(art *tool.Artifact) []string {
	source, err := os.ReadFile(art.SrcPath)
	if err != nil {
		return nil
	}
	return signature.CrateDocs(signature.NewSource(source))
}
