package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
	"github.com/cargo-rustgo/cargo-rustgo/internal/prebuilt"
	"github.com/cargo-rustgo/cargo-rustgo/internal/tool"
)

// link runs Go's linker. Each package with a note is replaced by one that has the
// machine code too; these are next to importcfg, in the directory that the go
// command removes at the end.
func link(ctx context.Context, path string, args []string) error {
	config := flag(args, "-importcfg")
	if config == "" {
		return tool.Runner{}.Run(ctx, path, args...)
	}
	text, err := os.ReadFile(config)
	if err != nil {
		return err
	}
	lines := strings.SplitAfter(string(text), "\n")
	packages, err := packagesWithNote(lines)
	if err != nil {
		return err
	}
	if len(packages) == 0 {
		return tool.Runner{}.Run(ctx, path, args...)
	}
	s, err := newSearch(ctx)
	if err != nil {
		return err
	}
	var paths []string
	for _, p := range packages {
		paths = append(paths, p.note.ImportPath)
	}
	dirs, err := s.directories(ctx, paths)
	if err != nil {
		return err
	}
	var errs []error
	shared := slices.Contains([]string{"c-archive", "c-shared", "plugin", "shared"}, flag(args, "-buildmode")) || slices.Contains(args, "-linkshared")
	for i, p := range packages {
		merged, err := s.merge(p, dirs[p.note.ImportPath], shared)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		file := filepath.Join(filepath.Dir(config), fmt.Sprintf("gowrap%d.a", i))
		if err := os.WriteFile(file, merged, 0o666); err != nil {
			return err
		}
		lines[p.line] = fmt.Sprintf("packagefile %s=%s\n", p.note.ImportPath, file)
	}
	if err := diag.Join(errs...); err != nil {
		return err
	}
	edited := filepath.Join(filepath.Dir(config), "importcfg.gowrap")
	if err := os.WriteFile(edited, []byte(strings.Join(lines, "")), 0o666); err != nil {
		return err
	}
	args = slices.Clone(args)
	for i, a := range args {
		switch {
		case a == "-importcfg":
			args[i+1] = edited
		case a == "-importcfg="+config:
			args[i] = "-importcfg=" + edited
		}
	}
	return tool.Runner{}.Run(ctx, path, args...)
}

// compiled is a package of a program that lacks its machine code.
type compiled struct {
	note *prebuilt.Note
	file string
	line int // of importcfg, from 0
}

// packagesWithNote finds them in the lines of an importcfg file, which are like
// "packagefile path=file".
func packagesWithNote(lines []string) ([]compiled, error) {
	var list []compiled
	for i, line := range lines {
		rest, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "packagefile ")
		path, file, ok2 := strings.Cut(rest, "=")
		if !ok || !ok2 {
			continue
		}
		note, err := readNote(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if note == nil {
			continue
		}
		if note.ImportPath != path {
			return nil, fmt.Errorf("%s: is package %s, not %s", file, note.ImportPath, path)
		}
		list = append(list, compiled{note, file, i})
	}
	return list, nil
}

func readNote(file string) (*prebuilt.Note, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return prebuilt.ReadNote(f, info.Size())
}

// merge returns a package with the machine code of its archive.
func (s *search) merge(p compiled, dir string, shared bool) ([]byte, error) {
	path := p.note.ImportPath
	places := s.places(path, dir)
	i := slices.IndexFunc(places, exists)
	if i < 0 {
		return nil, s.missing(path, places)
	}
	file := places[i]
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	a, err := prebuilt.Parse(data)
	if err != nil {
		return nil, diag.New(diag.MalformedInput, "%s: %v", file, err)
	}
	mismatch := func(format string, args ...any) *diag.Diagnostic {
		d := diag.New(diag.PrebuiltMismatch, format, args...)
		d.Spans = []diag.Span{{File: file}}
		if len(a.Note.MadeBy) > 0 {
			d.Notes = append(d.Notes, "it was made of "+strings.Join(a.Note.MadeBy, ", "))
		}
		return d
	}
	own, err := os.ReadFile(p.file)
	if err != nil {
		return nil, err
	}
	header, err := prebuilt.Header(own)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.file, err)
	}
	if a.Note.ImportPath != path {
		d := mismatch("the archive of %s is one of %s", path, a.Note.ImportPath)
		d.Help = []string{"an archive serves the import path that it was made for: make one with `--import-path " + path + "`"}
		return nil, d
	}
	if a.Header != header {
		have, err := prebuilt.ParseHeader(a.Header)
		if err != nil {
			return nil, diag.New(diag.MalformedInput, "%s: %v", file, err)
		}
		want, err := prebuilt.ParseHeader(header)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.file, err)
		}
		var d *diag.Diagnostic
		switch {
		case have.Platform != want.Platform:
			d = mismatch("the archive of %s is for %s, and this program for %s", path, have.Platform, want.Platform)
			d.Help = []string{"make one with `cargo rustgo build --emit archive --target " + want.Platform + "`"}
		case have.Go != want.Go:
			d = mismatch("the archive of %s is for %s, and this is %s", path, have.Go, want.Go)
			d.Help = []string{"set GOTOOLCHAIN=" + have.Go + ", or make an archive with " + want.Go}
		default:
			d = mismatch("the archive of %s is for %s, and this program for %s", path, without(have.Rest, want.Rest), without(want.Rest, have.Rest))
			d.Help = []string{"build with the same GOEXPERIMENT and " + archVariable(want.Platform) + ", or make an archive with these"}
		}
		return nil, d
	}
	if a.Note.Declarations != p.note.Declarations {
		d := mismatch("the declarations of %s are not those that its archive was made for", path)
		d.Notes = append(d.Notes, "the Go files are in "+dir)
		d.Help = []string{"take the Go files that came with the archive, or make both with `cargo rustgo build --emit archive`"}
		return nil, d
	}
	merged, err := prebuilt.Merge(own, a, shared)
	if err != nil {
		return nil, diag.New(diag.MalformedInput, "%s: %v", file, err)
	}
	return merged, nil
}

// without returns the words of a that are not in b.
func without(a, b string) string {
	words := slices.DeleteFunc(strings.Fields(a), func(w string) bool { return slices.Contains(strings.Fields(b), w) })
	return cmp.Or(strings.Join(words, " "), "others")
}

// missing says where an archive has been looked for.
func (s *search) missing(path string, places []string) error {
	d := diag.New(diag.PrebuiltMismatch, "there is no archive of %s for %s/%s", path, s.env.GOOS, s.env.GOARCH)
	var other []string
	for _, place := range places {
		d.Notes = append(d.Notes, "looked for "+place)
		other = append(other, s.otherPlatforms(place)...)
	}
	if len(places) == 0 {
		d.Notes = append(d.Notes, "the directory "+cmp.Or(s.runner.Dir, "of this program")+" is in no module, and so the one of the package is not known")
	}
	if len(other) > 0 {
		slices.Sort(other)
		d.Notes = append(d.Notes, "there is one for "+strings.Join(slices.Compact(other), ", "))
	}
	d.Help = []string{fmt.Sprintf("make one with `cargo rustgo build --emit archive --target %s/%s`, or name its directory in GOWRAP_PATH", s.env.GOOS, s.env.GOARCH)}
	return d
}

// otherPlatforms lists the platforms that have an archive where one for this
// platform could be.
func (s *search) otherPlatforms(place string) []string {
	platform := s.env.GOOS + "_" + s.env.GOARCH
	before, after, ok := strings.Cut(place, platform)
	if !ok {
		return nil
	}
	found, err := filepath.Glob(globQuote(before) + "*_*" + globQuote(after))
	if err != nil {
		return nil
	}
	var list []string
	for _, file := range found {
		name := strings.TrimSuffix(strings.TrimPrefix(file, before), after)
		list = append(list, strings.Replace(name, "_", "/", 1))
	}
	return list
}

func globQuote(path string) string {
	return strings.NewReplacer(`*`, `[*]`, `?`, `[?]`, `[`, `[[]`).Replace(path)
}

// archVariable is the environment variable for variants of an architecture.
func archVariable(platform string) string {
	_, arch, _ := strings.Cut(platform, "/")
	return "GO" + strings.ToUpper(arch)
}

func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
