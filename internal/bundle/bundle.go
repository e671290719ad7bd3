// Package bundle makes the forms in which a Go package that cargo rustgo built is
// given to others: a tarball for GOPATH, a version of a module in the layout of a
// module proxy, and a record of what a package was built from. It takes bytes and
// returns bytes; Tree reads what it is given as an fs.FS.
//
// The same files make the same bytes, in whatever order they come, on every
// machine. Only a release of Go with another compressor changes them.
package bundle

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/zip"
)

// MaxSize is how large the files of a module are together at most, in bytes
// (https://go.dev/ref/mod#zip-path-size-constraints).
const MaxSize = zip.MaxZipFile

// maxPath bounds a path, in bytes. It is Linux's PATH_MAX.
const maxPath = 4096

// File is a regular file of a bundle.
type File struct {
	// Path is relative to the root of the bundle. It is clean, has slashes, and
	// is valid UTF-8 without control characters, backslashes and colons. No two
	// paths of a bundle are the same but for case, since file systems of macOS
	// and Windows cannot hold both.
	Path string
	Data []byte
}

// sorted returns the files in the order of their paths, once these are checked.
func sorted(files []File) ([]File, error) {
	entries := make([]entry, len(files))
	for i, f := range files {
		entries[i].path = f.Path
	}
	if err := checkEntries(entries); err != nil {
		return nil, err
	}
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return files, nil
}

// entry is the name of a file or of a directory.
type entry struct {
	path string
	dir  bool
}

// checkEntries reports the first bad path, or the first two that cannot both be
// in a file system.
func checkEntries(entries []entry) error {
	type folded struct {
		entry
		key string
	}
	list := make([]folded, len(entries))
	for i, e := range entries {
		if err := checkPath(e.path); err != nil {
			return err
		}
		// With zeros for slashes, which sort before all else, a directory comes
		// right before what is in it.
		list[i] = folded{e, strings.ReplaceAll(fold(e.path), "/", "\x00")}
	}
	slices.SortFunc(list, func(a, b folded) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.path, b.path))
	})
	// From here on neighbors have most in common, so only they are compared.
	for i := 1; i < len(list); i++ {
		a, b := list[i-1], list[i]
		aKeys, bKeys := strings.Split(a.key, "\x00"), strings.Split(b.key, "\x00")
		aNames, bNames := strings.Split(a.path, "/"), strings.Split(b.path, "/")
		n := 0
		for n < len(aKeys) && n < len(bKeys) && aKeys[n] == bKeys[n] {
			if aNames[n] != bNames[n] {
				return fmt.Errorf("%q and %q: the same path but for case", a.path, b.path)
			}
			n++
		}
		switch {
		case n < len(aKeys):
		case n == len(bKeys) && a.dir == b.dir:
			return fmt.Errorf("%q: twice", a.path)
		case n == len(bKeys) || !a.dir:
			return fmt.Errorf("%q: both a file and a directory", a.path)
		}
	}
	return nil
}

// checkPath reports a path that File's rules do not allow.
func checkPath(path string) error {
	switch {
	case path == "":
		return fmt.Errorf("empty path")
	case len(path) > maxPath:
		return fmt.Errorf("%.64q…: path of %d bytes; the limit is %d", path, len(path), maxPath)
	case !utf8.ValidString(path):
		return fmt.Errorf("%q: path is not UTF-8", path)
	case strings.ContainsFunc(path, unicode.IsControl):
		return fmt.Errorf("%q: path with a control character", path)
	case strings.ContainsAny(path, `\:`):
		return fmt.Errorf("%q: path with a backslash or a colon, which Windows understands otherwise", path)
	case path[0] == '/':
		return fmt.Errorf("%q: absolute path", path)
	case slices.Contains(strings.Split(path, "/"), ".."):
		return fmt.Errorf("%q: path with an element \"..\"", path)
	case path == "." || !fs.ValidPath(path):
		return fmt.Errorf("%q: path is not clean", path)
	}
	return nil
}

// fold returns what all strings that strings.EqualFold takes for equal have in
// common.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		// SimpleFold goes up through the runes that are equal, and from the
		// largest to the smallest.
		for {
			next := unicode.SimpleFold(r)
			if next <= r {
				return next
			}
			r = next
		}
	}, s)
}
