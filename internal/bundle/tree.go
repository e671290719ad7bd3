package bundle

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// Tree returns the files below root that belong to a module or a package, sorted
// by path. Left out are
//
//   - what has a name that begins with a dot;
//   - directories with a file CACHEDIR.TAG, such as cargo's target directory;
//   - directories with a go.mod of their own, which are other modules;
//   - directories called vendor with a modules.txt, which go mod vendor writes;
//   - exclude: paths of directories or files, with slashes, that need not exist.
//
// The root is not looked at in this way. A link, or anything else that is not a
// regular file, is an error that says where; so is a path that File's rules do
// not allow, and more than MaxSize bytes.
func Tree(root fs.FS, exclude []string) ([]File, error) {
	return tree(root, exclude, MaxSize)
}

// tree takes the limit as a parameter for tests.
func tree(root fs.FS, exclude []string, limit int64) ([]File, error) {
	excluded := make(map[string]bool, len(exclude))
	for _, name := range exclude {
		if name == "." || !fs.ValidPath(name) {
			return nil, fmt.Errorf("%q: not the path of a directory below the root", name)
		}
		excluded[name] = true
	}
	var files []File
	left := limit
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		if excluded[name] || strings.HasPrefix(d.Name(), ".") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if err := checkPath(name); err != nil {
			return err
		}
		if d.IsDir() {
			return enter(root, name)
		}
		if !d.Type().IsRegular() {
			return irregular(name, d.Type())
		}
		data, err := readFile(root, name, left)
		if errors.Is(err, errTooLarge) {
			return fmt.Errorf("%q: the files have more than %d bytes together", name, limit)
		}
		left -= int64(len(data))
		files = append(files, File{name, data})
		return err
	})
	if err != nil {
		return nil, err
	}
	return sorted(files)
}

// enter returns fs.SkipDir for a directory that does not belong to what is around
// it.
func enter(root fs.FS, dir string) error {
	signs := []string{"CACHEDIR.TAG", "go.mod"}
	if path.Base(dir) == "vendor" {
		signs = append(signs, "modules.txt")
	}
	for _, sign := range signs {
		info, err := fs.Stat(root, path.Join(dir, sign))
		if err == nil && info.Mode().IsRegular() {
			return fs.SkipDir
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func irregular(name string, mode fs.FileMode) error {
	if mode&fs.ModeSymlink != 0 {
		return fmt.Errorf("%q: a symbolic link, which a bundle cannot hold", name)
	}
	return fmt.Errorf("%q: not a regular file", name)
}

var errTooLarge = errors.New("too large")

// readFile reads a file of at most limit bytes.
func readFile(root fs.FS, name string, limit int64) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, irregular(name, info.Mode()) // since the directory was read
	}
	if info.Size() > limit {
		return nil, errTooLarge
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = errTooLarge // it grows
	}
	return data, err
}
