package bundle

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/semver"
)

// schema is the version of the record's format.
const schema = 1

// maxProvenance is how large a record may be, in bytes: some 100,000 files.
const maxProvenance = 16 << 20

// Provenance records what a bundle was made from and what is in it. No string in
// it may have the path of a file on the machine that made it.
type Provenance struct {
	Crate     Crate
	CargoLock string   // SHA-256 of Cargo.lock, in hexadecimal
	Rustc     string   // the line that rustc --version prints
	Go        string   // the Go release that compiled archives; "" if there are none
	Tool      string   // the version of cargo rustgo
	Profile   string   // of cargo, such as "release"
	Features  []string // of the crate, those that were on; in any order
	Targets   []Target // in any order
	// Files are those of the bundle but for the one that holds the record.
	Files []Digest
}

// Crate is a version of a crate.
type Crate struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Target is a platform that a bundle has code for.
type Target struct {
	GOARCH    string   `json:"goarch"`
	GOOS      string   `json:"goos"`
	RustFlags []string `json:"rustflags"` // what rustc was given, in that order
	Triple    string   `json:"triple"`    // what Rust calls the platform
}

// Digest stands for the contents of a file.
type Digest struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"` // in hexadecimal, lower case
	Size   int64  `json:"size"`   // in bytes
}

// Digests returns the digest of each file.
func Digests(files []File) []Digest {
	digests := make([]Digest, len(files))
	for i, f := range files {
		sum := sha256.Sum256(f.Data)
		digests[i] = Digest{f.Path, hex.EncodeToString(sum[:]), int64(len(f.Data))}
	}
	return digests
}

// Marshal returns the record as indented JSON. Keys and lists are sorted, but for
// the flags of rustc, whose order matters.
func (p *Provenance) Marshal() ([]byte, error) {
	p = p.sorted()
	if err := p.validate(); err != nil {
		return nil, err
	}
	// Package json sorts the keys of maps; fields of structs stay in order.
	data, err := json.MarshalIndent(map[string]any{
		"schema":     schema,
		"crate":      p.Crate,
		"cargo_lock": p.CargoLock,
		"rustc":      p.Rustc,
		"go":         p.Go,
		"tool":       p.Tool,
		"profile":    p.Profile,
		"features":   p.Features,
		"targets":    p.Targets,
		"files":      p.Files,
	}, "", "  ")
	if err != nil {
		return nil, err
	}
	if data = append(data, '\n'); len(data) > maxProvenance {
		return nil, fmt.Errorf("record of %d bytes; the limit is %d", len(data), maxProvenance)
	}
	return data, nil
}

// sorted returns a copy with lists in order, none of them nil.
func (p *Provenance) sorted() *Provenance {
	q := *p
	q.Features = append([]string{}, p.Features...)
	slices.Sort(q.Features)
	q.Targets = append([]Target{}, p.Targets...)
	for i := range q.Targets {
		q.Targets[i].RustFlags = append([]string{}, q.Targets[i].RustFlags...)
	}
	slices.SortFunc(q.Targets, func(a, b Target) int {
		return cmp.Or(cmp.Compare(a.GOOS, b.GOOS), cmp.Compare(a.GOARCH, b.GOARCH))
	})
	q.Files = append([]Digest{}, p.Files...)
	slices.SortFunc(q.Files, func(a, b Digest) int { return cmp.Compare(a.Path, b.Path) })
	return &q
}

// validate checks a record whose lists are sorted.
func (p *Provenance) validate() error {
	for _, s := range []struct{ key, value string }{
		{"crate.name", p.Crate.Name},
		{"rustc", p.Rustc},
		{"tool", p.Tool},
		{"profile", p.Profile},
	} {
		if err := checkText(s.key, s.value); err != nil {
			return err
		}
	}
	if err := checkText("go", p.Go); p.Go != "" && err != nil {
		return err
	}
	if !semver.IsValid("v" + p.Crate.Version) {
		return fmt.Errorf("crate.version: %q is not a semantic version", p.Crate.Version)
	}
	if err := checkSHA256(p.CargoLock); err != nil {
		return fmt.Errorf("cargo_lock: %w", err)
	}
	for i, f := range p.Features {
		if err := checkText("features", f); err != nil {
			return err
		}
		if i > 0 && f == p.Features[i-1] {
			return fmt.Errorf("features: %q twice", f)
		}
	}
	if len(p.Targets) == 0 {
		return errors.New("targets: none")
	}
	for i, t := range p.Targets {
		for _, s := range append([]string{t.GOOS, t.GOARCH, t.Triple}, t.RustFlags...) {
			if err := checkText("targets", s); err != nil {
				return err
			}
		}
		if i > 0 && t.GOOS == p.Targets[i-1].GOOS && t.GOARCH == p.Targets[i-1].GOARCH {
			return fmt.Errorf("targets: %s/%s twice", t.GOOS, t.GOARCH)
		}
	}
	entries := make([]entry, len(p.Files))
	for i, f := range p.Files {
		entries[i].path = f.Path
		if err := checkSHA256(f.SHA256); err != nil {
			return fmt.Errorf("files: %q: %w", f.Path, err)
		}
		if f.Size < 0 {
			return fmt.Errorf("files: %q: %d bytes", f.Path, f.Size)
		}
	}
	if err := checkEntries(entries); err != nil {
		return fmt.Errorf("files: %w", err)
	}
	return nil
}

// HasMachinePath reports whether a text seems to have an absolute path.
func HasMachinePath(s string) bool { return machinePath.MatchString(s) }

// machinePath finds an absolute path, in Unix or Windows, where one can begin in
// an argument of rustc: at its start, after punctuation, or after -L. What has a
// slash within, such as linux/amd64, or is an address, is none.
var machinePath = regexp.MustCompile(`(^|[\s=:,;@"'(]|^-[A-Za-z])(/([^/]|$)|~)|\\|file://`)

func checkText(key, s string) error {
	switch {
	case s == "":
		return fmt.Errorf("%s: empty", key)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		return fmt.Errorf("%s: %q is not a line of text", key, s)
	case HasMachinePath(s):
		return fmt.Errorf("%s: %q has a path of this machine", key, s)
	}
	return nil
}

func checkSHA256(s string) error {
	sum, err := hex.DecodeString(s)
	if err != nil || len(sum) != sha256.Size || strings.ToLower(s) != s {
		return fmt.Errorf("%.80q is not a SHA-256 in hexadecimal", s)
	}
	return nil
}

// Check compares files with the record. They are those of the bundle but for the
// one that holds the record. The error has a line for each file that is missing,
// extra or different, sorted by path.
func (p *Provenance) Check(files []File) error {
	changes := differences(p.Files, Digests(files))
	if len(changes) == 0 {
		return nil
	}
	return fmt.Errorf("not the files that were recorded:\n\t%s", strings.Join(changes, "\n\t"))
}

// differences says of each path that is not the same in both what is wrong with
// it. The result is sorted.
func differences(want, got []Digest) []string {
	const missing, extra, different, twice = "missing", "extra", "different", "twice"
	wanted := make(map[string]Digest, len(want))
	for _, d := range want {
		wanted[d.Path] = d
	}
	wrong := make(map[string]string)
	seen := make(map[string]bool, len(got))
	for _, d := range got {
		w, ok := wanted[d.Path]
		switch {
		case seen[d.Path]:
			wrong[d.Path] = twice
		case !ok:
			wrong[d.Path] = extra
		case w != d:
			wrong[d.Path] = different
		}
		seen[d.Path] = true
	}
	for _, d := range want {
		if !seen[d.Path] {
			wrong[d.Path] = missing
		}
	}
	paths := make([]string, 0, len(wrong))
	for path := range wrong {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for i, path := range paths {
		paths[i] = fmt.Sprintf("%q: %s", path, wrong[path])
	}
	return paths
}
