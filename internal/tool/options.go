package tool

import (
	"io"
	"path/filepath"
	"strconv"
)

// BuildOptions are cargo's own options, which mean here what they mean for
// `cargo build`.
type BuildOptions struct {
	Cargo Cargo

	ManifestPath string
	// Package is a package ID specification; empty means the package whose
	// manifest is in or above the working directory.
	Package string

	Features          []string
	AllFeatures       bool
	NoDefaultFeatures bool

	// Profile is the cargo profile; empty means "release".
	Profile   string
	TargetDir string
	Jobs      string
	Locked    bool
	Offline   bool
	Frozen    bool
	// Config and Unstable are the values of --config and -Z.
	Config   []string
	Unstable []string
	// BuildStd has cargo compile Rust's standard library, too.
	BuildStd bool

	Verbose int // the number of -v
	Quiet   bool
	Color   string // "", "auto", "always" or "never"

	// Triple is the Rust target to build for.
	Triple string
	// Variant is the name of a directory of its own, below rustgo in cargo's
	// target directory, for builds with other flags than usual. Without it, cargo
	// would compile everything again whenever flags change.
	Variant string
	// RustFlags are flags of ours for every crate of the target.
	RustFlags []string
	// RustcArgs are passed to rustc for the package itself only.
	RustcArgs []string

	// Messages receives cargo's JSON messages, unchanged, and makes cargo put
	// the compiler's diagnostics there. If nil, cargo renders them to standard
	// error.
	Messages io.Writer
}

func (o BuildOptions) profile() string {
	if o.Profile == "" {
		return "release"
	}
	return o.Profile
}

// configure adds what the package's configuration asks for, which may be nil.
func (o *BuildOptions) configure(config *Config) {
	o.BuildStd = o.BuildStd || config != nil && config.BuildStd
}

// commonArgs are the arguments that cargo metadata and cargo rustc share.
func (o BuildOptions) commonArgs() []string {
	var args []string
	if o.ManifestPath != "" {
		args = append(args, "--manifest-path", o.ManifestPath)
	}
	if o.Locked {
		args = append(args, "--locked")
	}
	if o.Offline {
		args = append(args, "--offline")
	}
	if o.Frozen {
		args = append(args, "--frozen")
	}
	for _, config := range o.Config {
		args = append(args, "--config", config)
	}
	for _, flag := range o.Unstable {
		args = append(args, "-Z", flag)
	}
	if o.Color != "" {
		args = append(args, "--color", o.Color)
	}
	return args
}

// rustcCommand returns the arguments of the cargo command that builds the
// static library of the package called spec. targetDir is cargo's target
// directory.
//
// The profile settings are given on the command line, so that the user's
// manifest needs no edit: a panic must not unwind into Go, signatures are read
// from full debug information, and that has to be inside the objects.
func (o BuildOptions) rustcCommand(spec, targetDir string) []string {
	profile := o.profile()
	args := []string{"rustc", "--lib", "--crate-type", "staticlib", "--package", spec,
		"--profile", profile, "--target", o.Triple}
	args = append(args, o.commonArgs()...)
	key := "profile." + tomlKey(profile) + "."
	args = append(args,
		"--config", key+`panic="abort"`,
		"--config", key+`debug=2`,
		"--config", key+`strip="none"`,
		"--config", key+`split-debuginfo="off"`,
	)
	for _, f := range o.Features {
		args = append(args, "--features", f)
	}
	if o.AllFeatures {
		args = append(args, "--all-features")
	}
	if o.NoDefaultFeatures {
		args = append(args, "--no-default-features")
	}
	if o.Variant != "" {
		args = append(args, "--target-dir", filepath.Join(targetDir, "rustgo", o.Variant))
	} else if o.TargetDir != "" {
		args = append(args, "--target-dir", o.TargetDir)
	}
	if o.Jobs != "" {
		args = append(args, "--jobs", o.Jobs)
	}
	args = append(args, o.stdArgs()...)
	for range o.Verbose {
		args = append(args, "-v")
	}
	if o.Quiet {
		args = append(args, "--quiet")
	}
	if o.Messages != nil {
		args = append(args, "--message-format", "json")
	} else {
		args = append(args, "--message-format", "json-render-diagnostics")
	}
	if len(o.RustcArgs) > 0 {
		args = append(args, "--")
		args = append(args, o.RustcArgs...)
	}
	return args
}

// tomlKey quotes a key of a --config argument unless it is a bare key.
func tomlKey(key string) string {
	for _, r := range key {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_') {
			return strconv.Quote(key)
		}
	}
	return key
}
