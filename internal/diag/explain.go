package diag

import (
	"io/fs"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/docs/diagnostics"
)

// Codes returns every code that has a page, sorted.
func Codes() []string {
	// ReadDir of an embed.FS is sorted and cannot fail for its root.
	entries, err := fs.ReadDir(diagnostics.Pages, ".")
	if err != nil {
		panic("internal error: " + err.Error())
	}
	var codes []string
	for _, e := range entries {
		codes = append(codes, strings.TrimSuffix(e.Name(), ".md"))
	}
	return codes
}

// Explain returns the page of a code as Markdown. The code's case does not
// matter.
func Explain(code string) (string, bool) {
	page, err := diagnostics.Pages.ReadFile(strings.ToUpper(code) + ".md")
	return string(page), err == nil
}
