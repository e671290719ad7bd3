package driver

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/abi"
	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
	"github.com/cargo-rustgo/cargo-rustgo/internal/signature"
)

// importDirective precedes a Go function without a body that is a Rust function:
//
//	//rustgo:import scalar_base_mult
//	func ScalarBaseMult(dst, in *[32]byte)
//
// The tool writes no declaration for it then, and checks this one.
const importDirective = "//rustgo:import "

// handwritten is a declaration that people wrote.
type handwritten struct {
	file    string
	line    int
	source  string // the line
	decl    *ast.FuncDecl
	params  []*types.Var
	results []*types.Var
}

// readHandwritten finds the declarations in the Go files of a directory that
// are not generated, by symbol. The generated types are given as a file, since
// declarations may use them.
func readHandwritten(dir string, generatedTypes []byte, arch string) (map[string]*handwritten, error) {
	fset := token.NewFileSet()
	var files []*ast.File
	found := map[string]*handwritten{}
	bySpot := map[*ast.FuncDecl]*handwritten{}
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	for _, path := range names {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if isGenerated(content) || strings.HasSuffix(path, "_test.go") || !bytes.Contains(content, []byte(importDirective)) {
			continue
		}
		file, err := parser.ParseFile(fset, path, content, parser.ParseComments)
		if err != nil {
			return nil, diag.New(diag.Declaration, "%v", err)
		}
		files = append(files, file)
		for _, d := range file.Decls {
			decl, ok := d.(*ast.FuncDecl)
			if !ok || decl.Doc == nil {
				continue
			}
			for _, c := range decl.Doc.List {
				symbol, ok := strings.CutPrefix(c.Text, importDirective)
				if !ok {
					continue
				}
				h := &handwritten{file: path, line: fset.Position(decl.Name.Pos()).Line, decl: decl}
				if lines := strings.Split(string(content), "\n"); h.line <= len(lines) {
					h.source = lines[h.line-1]
				}
				symbol = strings.TrimSpace(symbol)
				switch {
				case found[symbol] != nil:
					return nil, h.problem("`%s` is imported twice", symbol)
				case decl.Body != nil || decl.Recv != nil || decl.Type.TypeParams != nil:
					return nil, h.problem("%s has a body, a receiver or type parameters, and so cannot be the Rust function `%s`", decl.Name.Name, symbol)
				}
				found[symbol], bySpot[decl] = h, h
			}
		}
	}
	if len(found) == 0 {
		return nil, nil
	}
	if generatedTypes != nil {
		file, err := parser.ParseFile(fset, "rustgo_types.go", generatedTypes, 0)
		if err != nil {
			return nil, fmt.Errorf("internal error: %w", err)
		}
		files = append(files, file)
	}
	// What is imported is not looked at: a type from elsewhere is invalid, and
	// accepted.
	info := &types.Info{Defs: map[*ast.Ident]types.Object{}}
	config := types.Config{IgnoreFuncBodies: true, Error: func(error) {}, Sizes: types.SizesFor("gc", arch)}
	_, _ = config.Check("p", fset, files, info)
	for decl, h := range bySpot {
		f, ok := info.Defs[decl.Name].(*types.Func)
		if !ok {
			return nil, h.problem("%s is declared twice", decl.Name.Name)
		}
		s := f.Signature()
		for i := range s.Params().Len() {
			h.params = append(h.params, s.Params().At(i))
		}
		for i := range s.Results().Len() {
			h.results = append(h.results, s.Results().At(i))
		}
	}
	return found, nil
}

func (h *handwritten) span() diag.Span {
	return diag.Span{File: filepath.Base(h.file), Line: h.line, Source: h.source, Column: len(h.source) - len(strings.TrimLeft(h.source, " \t")) + 1}
}

func (h *handwritten) problem(format string, args ...any) error {
	d := diag.New(diag.Declaration, format, args...)
	d.Spans = []diag.Span{h.span()}
	return d
}

// check compares a declaration with the function, and returns the names that it
// gives to the parameters.
func (h *handwritten) check(f *export, sizes types.Sizes) ([]string, error) {
	var errs []error
	mismatch := func(format string, args ...any) {
		d := diag.New(diag.Declaration, "%s does not match `%s`: %s", h.decl.Name.Name, f.Symbol, fmt.Sprintf(format, args...))
		d.Spans = []diag.Span{h.span(), f.span(f.Line, "the Rust function")}
		errs = append(errs, d)
	}
	if len(h.params) != len(f.Params) {
		mismatch("it has %s in Go, and %s in Rust", plural(len(h.params), "parameter"), plural(len(f.Params), "parameter"))
		return nil, diag.Join(errs...)
	}
	var names []string
	for i, p := range h.params {
		name := p.Name()
		if name == "" || name == "_" {
			mismatch("parameter %d has no name, which assembly needs", i+1)
		}
		names = append(names, name)
		if why := differs(p.Type(), f.Params[i].Type, sizes); why != "" {
			mismatch("parameter `%s`: %s", name, why)
		}
	}
	switch {
	case len(h.results) > 1:
		mismatch("it has %d results in Go", len(h.results))
	case len(h.results) == 1 && f.Result == nil:
		mismatch("it has a result in Go, and none in Rust")
	case len(h.results) == 0 && f.Result != nil:
		mismatch("it has no result in Go, and `%s` in Rust", f.Result.Name)
	case len(h.results) == 1:
		if n := h.results[0].Name(); n != "" && n != "_" && n != "ret" {
			mismatch("its result is called `%s`; leave the name out", n)
		}
		if why := differs(h.results[0].Type(), f.Result, sizes); why != "" {
			mismatch("the result: %s", why)
		}
	}
	return names, diag.Join(errs...)
}

// differs says in what a Go type differs from a Rust one, or "".
func differs(t types.Type, rust *signature.Type, sizes types.Sizes) string {
	if t.Underlying() == types.Typ[types.Invalid] {
		return ""
	}
	want := value(rust)
	if n := sizes.Sizeof(t); n != int64(want.Size) {
		return fmt.Sprintf("`%s` has %d bytes in Go, and `%s` %d in Rust", t, n, rust.Name, want.Size)
	}
	if n := sizes.Alignof(t); n != int64(want.GoAlign) && want.Size > 0 {
		return fmt.Sprintf("`%s` is aligned to %d bytes in Go, and `%s` to %d", t, n, rust.Name, want.GoAlign)
	}
	got, ok := goScalars(nil, t, 0, sizes)
	if !ok {
		return fmt.Sprintf("`%s` cannot cross", t)
	}
	if int(want.Size) > maxFlat {
		return ""
	}
	wanted := want.Scalars
	if len(got) != len(wanted) {
		return fmt.Sprintf("`%s` consists of %d numbers and pointers, and `%s` of %d", t, len(got), rust.Name, len(wanted))
	}
	for i := range got {
		if got[i] != wanted[i] {
			return fmt.Sprintf("`%s` has %s at offset %d, and `%s` has %s at %d", t, kindOf(got[i]), got[i].Off, rust.Name, kindOf(wanted[i]), wanted[i].Off)
		}
	}
	return ""
}

func kindOf(s abi.Scalar) string {
	switch {
	case s.Class == abi.Float:
		return fmt.Sprintf("a float of %d bytes", s.Size)
	case s.Signed:
		return fmt.Sprintf("a signed integer of %d bytes", s.Size)
	}
	return fmt.Sprintf("an unsigned integer or pointer of %d bytes", s.Size)
}

// goScalars appends what a Go type consists of.
func goScalars(list []abi.Scalar, t types.Type, off int64, sizes types.Sizes) ([]abi.Scalar, bool) {
	pointer := sizes.Sizeof(types.Typ[types.Uintptr])
	word := func(i int64) { list = append(list, abi.Scalar{Off: int(off + i*pointer), Size: int(pointer)}) }
	switch t := t.Underlying().(type) {
	case *types.Basic:
		switch {
		case t.Kind() == types.String:
			word(0)
			word(1)
			return list, true
		case t.Info()&(types.IsBoolean|types.IsInteger|types.IsFloat) == 0 && t.Kind() != types.UnsafePointer:
			return list, false
		}
		s := abi.Scalar{Off: int(off), Size: int(sizes.Sizeof(t))}
		if t.Info()&types.IsFloat != 0 {
			s.Class = abi.Float
		}
		s.Signed = t.Info()&types.IsInteger != 0 && t.Info()&types.IsUnsigned == 0
		return append(list, s), true
	case *types.Pointer:
		word(0)
		return list, true
	case *types.Slice:
		word(0)
		word(1)
		word(2)
		return list, true
	case *types.Array:
		ok := true
		for i := int64(0); i < t.Len() && ok; i++ {
			list, ok = goScalars(list, t.Elem(), off+i*sizes.Sizeof(t.Elem()), sizes)
		}
		return list, ok
	case *types.Struct:
		var fields []*types.Var
		for i := range t.NumFields() {
			fields = append(fields, t.Field(i))
		}
		for i, o := range sizes.Offsetsof(fields) {
			if fields[i].Name() == "_" {
				continue
			}
			var ok bool
			if list, ok = goScalars(list, fields[i].Type(), off+o, sizes); !ok {
				return list, false
			}
		}
		return list, true
	}
	return list, false
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
