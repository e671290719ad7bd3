// Package rust holds the Rust side of cargo rustgo, so that the installed tool
// can put it into crates without a download.
package rust

import "embed"

// FS holds the crate rustgo in the directory "rustgo".
//
//go:embed rustgo/Cargo.toml rustgo/README.md rustgo/src
var FS embed.FS
