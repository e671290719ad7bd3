package prebuilt

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"maps"
	"slices"
	"strings"
)

// Declarations returns a digest of what machine code depends on in the Go files
// of a package, given by name: the text of the generated files, which begin with
// the line generated, and in all others the functions without a body. Tests and
// files that are not Go are passed over.
func Declarations(files map[string][]byte, generated string) (string, error) {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		content := files[name]
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		if bytes.HasPrefix(content, []byte(generated)) {
			sum := sha256.Sum256(content)
			fmt.Fprintf(h, "file %s %x\n", name, sum)
			continue
		}
		list, err := withoutBody(name, content)
		if err != nil {
			return "", err
		}
		for _, decl := range list {
			fmt.Fprintf(h, "func %d\n%s\n", len(decl), decl)
		}
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}

// withoutBody returns the functions of a file that have no body, as they are
// written but for comments and spaces.
func withoutBody(name string, content []byte) ([]string, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, content, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var list []string
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body == nil {
			var b strings.Builder
			if err := printer.Fprint(&b, fset, f); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			list = append(list, b.String())
		}
	}
	return list, nil
}
