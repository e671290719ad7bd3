// Package diagnostics holds one page for every diagnostic of cargo rustgo, for
// people who browse the repository and for `cargo rustgo explain`.
package diagnostics

import "embed"

// Pages are the files RGnnnn.md.
//
//go:embed RG*.md
var Pages embed.FS
