package bundle

import (
	stdzip "archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
	"golang.org/x/mod/zip"
)

// Module is one version of a Go module.
type Module struct {
	// Path is the module path, with the suffix /vN from major version 2 on.
	Path string
	// Version is a canonical semantic version, such as v1.2.3, or a pseudo-version.
	Version string
	// Time is when the version was made. Zero leaves it out.
	Time time.Time
	// GoMod is the module's go.mod.
	GoMod []byte
	// Files are those of the module, by paths relative to its root. If go.mod is
	// among them, it is the same as GoMod.
	Files []File
}

// info is a file .info (https://go.dev/ref/mod#goproxy-protocol).
type info struct {
	Version string
	Time    *time.Time `json:",omitempty"`
}

// Proxy returns the module in the layout of a module proxy
// (https://go.dev/ref/mod#goproxy-protocol), in the order in which the files
// have to be written, so that whoever sees one can rely on those before:
//
//	PATH/@v/VERSION.zip
//	PATH/@v/VERSION.mod
//	PATH/@v/VERSION.info
//	PATH/@v/list
//
// The list has no other version; Update adds those released before. Anything
// that would be left out of the zip, such as files of another module or in a
// vendor directory, is an error.
func (m *Module) Proxy() ([]File, error) {
	dir, version, err := m.escape()
	if err != nil {
		return nil, err
	}
	if err := m.checkGoMod(); err != nil {
		return nil, err
	}
	archive, err := m.zip()
	if err != nil {
		return nil, fmt.Errorf("module %s@%s: %w", m.Path, m.Version, err)
	}
	about := info{Version: m.Version}
	if !m.Time.IsZero() {
		t := m.Time.UTC().Truncate(time.Second)
		about.Time = &t
	}
	encoded, err := json.Marshal(about)
	if err != nil {
		return nil, fmt.Errorf("module %s@%s: %w", m.Path, m.Version, err)
	}
	var list []byte
	if !module.IsPseudoVersion(m.Version) {
		list = []byte(m.Version + "\n")
	}
	return []File{
		{path.Join(dir, version+".zip"), archive},
		{path.Join(dir, version+".mod"), bytes.Clone(m.GoMod)},
		{path.Join(dir, version+".info"), encoded},
		{path.Join(dir, "list"), list},
	}, nil
}

// escape checks the path and the version, and returns the directory in a proxy
// and the version in file names. Upper case letters become "!" and lower case.
func (m *Module) escape() (dir, version string, err error) {
	if err := module.CheckPath(m.Path); err != nil {
		return "", "", err
	}
	if !semver.IsValid(m.Version) || module.CanonicalVersion(m.Version) != m.Version {
		return "", "", fmt.Errorf("module %s: version %q is not a canonical semantic version, such as v1.2.3", m.Path, m.Version)
	}
	// A module with a go.mod is never incompatible (https://go.dev/ref/mod#incompatible-versions).
	if semver.Build(m.Version) != "" {
		return "", "", fmt.Errorf("module %s: version %s with %q", m.Path, m.Version, semver.Build(m.Version))
	}
	if err := module.Check(m.Path, m.Version); err != nil {
		return "", "", err
	}
	dir, err = module.EscapePath(m.Path)
	if err != nil {
		return "", "", err
	}
	version, err = module.EscapeVersion(m.Version)
	return path.Join(dir, "@v"), version, err
}

// checkGoMod reports a go.mod that means something else to those who depend on
// the module.
func (m *Module) checkGoMod() error {
	if len(m.GoMod) > zip.MaxGoMod {
		return fmt.Errorf("go.mod: %d bytes; the limit is %d", len(m.GoMod), zip.MaxGoMod)
	}
	f, err := modfile.Parse("go.mod", m.GoMod, nil)
	if err != nil {
		return err
	}
	if f.Module == nil {
		return errors.New("go.mod: no module directive")
	}
	if f.Module.Mod.Path != m.Path {
		return fmt.Errorf("go.mod: module %s, but the path is %s", f.Module.Mod.Path, m.Path)
	}
	var local []string
	for _, r := range f.Replace {
		if r.New.Version == "" {
			local = append(local, fmt.Sprintf("line %d: %s => %s", r.Syntax.Start.Line, r.Old, r.New.Path))
		}
	}
	if len(local) > 0 {
		return fmt.Errorf("go.mod: replaced by directories, which others do not have: %s", strings.Join(local, "; "))
	}
	return nil
}

// zip returns the module zip (https://go.dev/ref/mod#zip-files).
func (m *Module) zip() ([]byte, error) {
	files, err := sorted(m.Files)
	if err != nil {
		return nil, err
	}
	i, found := slices.BinarySearchFunc(files, "go.mod", func(f File, name string) int { return strings.Compare(f.Path, name) })
	switch {
	case !found:
		files = slices.Insert(files, i, File{"go.mod", m.GoMod})
	case !bytes.Equal(files[i].Data, m.GoMod):
		return nil, errors.New("go.mod among the files is another one")
	}
	inputs := make([]zip.File, len(files))
	for i, f := range files {
		inputs[i] = zipInput{f}
	}
	checked, err := zip.CheckFiles(inputs)
	if err != nil {
		return nil, err
	}
	if len(checked.Omitted) > 0 {
		return nil, zip.FileErrorList(checked.Omitted)
	}
	var b bytes.Buffer
	if err := zip.Create(&b, module.Version{Path: m.Path, Version: m.Version}, inputs); err != nil {
		return nil, err
	}
	if b.Len() > MaxSize {
		return nil, fmt.Errorf("zip of %d bytes; the limit is %d", b.Len(), MaxSize)
	}
	return b.Bytes(), nil
}

// zipInput is a File as x/mod/zip wants it, and that file's fs.FileInfo.
type zipInput struct{ f File }

func (z zipInput) Path() string                 { return z.f.Path }
func (z zipInput) Lstat() (fs.FileInfo, error)  { return z, nil }
func (z zipInput) Open() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(z.f.Data)), nil }
func (z zipInput) Name() string                 { return path.Base(z.f.Path) }
func (z zipInput) Size() int64                  { return int64(len(z.f.Data)) }
func (z zipInput) Mode() fs.FileMode            { return 0o644 }
func (z zipInput) ModTime() time.Time           { return time.Time{} }
func (z zipInput) IsDir() bool                  { return false }
func (z zipInput) Sys() any                     { return nil }

// Update returns those of the files, which Proxy made, that have to be written,
// given those of the same paths that are there already. The list keeps the
// versions it has.
//
// What has been released does not change: it is an error if the version is there
// with another go.mod or with other files, all of which are named. It is the same
// if only the time differs, or the compression; then nothing is written.
func Update(old, files []File) ([]File, error) {
	there := make(map[string][]byte, len(old))
	for _, f := range old {
		there[f.Path] = f.Data
	}
	var write []File
	var changes []string
	for _, f := range files {
		data, ok := there[f.Path]
		switch {
		case path.Base(f.Path) == "list":
			list, err := mergeLists(data, f.Data)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.Path, err)
			}
			if !ok || !bytes.Equal(list, data) {
				write = append(write, File{f.Path, list})
			}
		case !ok:
			write = append(write, f)
		case path.Ext(f.Path) == ".mod" && !bytes.Equal(data, f.Data):
			changes = append(changes, path.Base(f.Path)+": different")
		case path.Ext(f.Path) == ".zip":
			was, err := zipDigests(data)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.Path, err)
			}
			is, err := zipDigests(f.Data)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.Path, err)
			}
			changes = append(changes, differences(was, is)...)
		}
	}
	if len(changes) > 0 {
		return nil, fmt.Errorf("this version has been released with other contents, and must not change:\n\t%s", strings.Join(changes, "\n\t"))
	}
	return write, nil
}

// mergeLists returns the release versions of both, a line each, in the order of
// semantic versions. A list may have more on a line, which the go command does
// not look at, and is lost.
func mergeLists(a, b []byte) ([]byte, error) {
	var versions []string
	for line := range strings.Lines(string(a) + "\n" + string(b)) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0 || module.IsPseudoVersion(fields[0]):
		case module.CanonicalVersion(fields[0]) != fields[0]:
			return nil, fmt.Errorf("%.64q is not a canonical semantic version", fields[0])
		default:
			versions = append(versions, fields[0])
		}
	}
	semver.Sort(versions)
	versions = slices.Compact(versions)
	if len(versions) == 0 {
		return nil, nil
	}
	return []byte(strings.Join(versions, "\n") + "\n"), nil
}

// zipDigests returns the digests of the files in a module zip. It reads no more
// of them than the limit of a module.
func zipDigests(data []byte) ([]Digest, error) {
	r, err := stdzip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	var digests []Digest
	left := int64(MaxSize)
	for _, f := range r.File {
		if strings.HasSuffix(f.Name, "/") {
			continue // directories do not count
		}
		contents, err := f.Open()
		if err != nil {
			return nil, fmt.Errorf("%q: %w", f.Name, err)
		}
		h := sha256.New()
		n, err := io.Copy(h, io.LimitReader(contents, left+1))
		if err = errors.Join(err, contents.Close()); err != nil {
			return nil, fmt.Errorf("%q: %w", f.Name, err)
		}
		if left -= n; left < 0 {
			return nil, fmt.Errorf("%q: the files of the module have more than %d bytes", f.Name, MaxSize)
		}
		digests = append(digests, Digest{Path: f.Name, SHA256: hex.EncodeToString(h.Sum(nil)), Size: n})
	}
	return digests, nil
}
