package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/prebuilt"
	"github.com/cargo-rustgo/cargo-rustgo/internal/tool"
)

// The go command runs the tools with its own environment, and in its own directory
// unless a shared library is linked. What else they need to know is in these.
const (
	envDir      = "GOWRAP_DIR"      // the directory of the go command
	envFlags    = "GOWRAP_FLAGS"    // that change which directory a package has
	envPackages = "GOWRAP_PACKAGES" // that are named; both one to a line
)

func envLines(key string) []string {
	return strings.FieldsFunc(os.Getenv(key), func(r rune) bool { return r == '\n' })
}

// search finds the archives of packages.
type search struct {
	runner tool.Runner
	env    *tool.GoEnv
	roots  []string // of trees with archives, in the order of GOWRAP_PATH
	mains  []string // the directories of main modules
}

func newSearch(ctx context.Context) (*search, error) {
	s := &search{runner: tool.Runner{Dir: os.Getenv(envDir)}}
	var err error
	if s.env, err = s.runner.GoEnv(ctx); err != nil {
		return nil, err
	}
	s.roots = list(os.Getenv("GOWRAP_PATH"))
	for _, file := range []string{s.env.GOWORK, s.env.GOMOD} {
		if file != "" && file != os.DevNull && file != "off" {
			s.mains = append(s.mains, filepath.Dir(file))
		}
	}
	return s, nil
}

func list(path string) []string {
	return slices.DeleteFunc(filepath.SplitList(path), func(dir string) bool { return dir == "" })
}

// gopath reports whether there are no modules.
func (s *search) gopath() bool { return s.env.GOMOD == "" }

// places lists where the archive of a package can be, the first to be used
// first.
func (s *search) places(path, dir string) []string {
	platform := s.env.GOOS + "_" + s.env.GOARCH
	inTree := filepath.FromSlash(prebuilt.InTree(platform, path))
	var places []string
	for _, root := range s.roots {
		places = append(places, filepath.Join(root, inTree))
	}
	if dir != "" {
		places = append(places, filepath.Join(dir, prebuilt.InPackage(platform)))
		if root, ok := strings.CutSuffix(dir, filepath.Join(string(filepath.Separator)+"src", filepath.FromSlash(path))); ok {
			places = append(places, filepath.Join(root, inTree))
		}
	}
	for _, root := range s.mains {
		places = append(places, filepath.Join(root, inTree))
	}
	return slices.Compact(places)
}

// directories asks the go command for the directories of packages.
func (s *search) directories(ctx context.Context, paths []string) (map[string]string, error) {
	packages, err := s.runner.GoList(ctx, envLines(envFlags), paths...)
	if err != nil {
		return nil, err
	}
	dirs := map[string]string{}
	for _, p := range packages {
		dirs[p.ImportPath] = p.Dir
	}
	return dirs, nil
}

// hashArchives adds the archives that programs which are built here could get,
// by their contents. It is asked before the programs are known, so these are the
// archives of all packages that the main module uses, and of those that gowrap
// was told of.
func hashArchives(ctx context.Context, h io.Writer) error {
	s, err := newSearch(ctx)
	if err != nil {
		return err
	}
	var files []string
	patterns := append([]string{"all"}, envLines(envPackages)...)
	if s.gopath() {
		patterns[0] = "./..."
		// A program can come from anywhere in GOPATH.
		for _, root := range list(s.env.GOPATH) {
			files = append(files, archivesBelow(filepath.Join(root, "pkg", s.env.GOOS+"_"+s.env.GOARCH))...)
		}
	}
	// Outside of a module there is nothing to list, which is no error here.
	quiet := s.runner
	quiet.Stderr = io.Discard
	packages, err := quiet.GoList(ctx, append(envLines(envFlags), "-deps"), patterns...)
	if err == nil {
		for _, p := range packages {
			if slices.Contains(p.SFiles, prebuilt.Stub) {
				places := s.places(p.ImportPath, p.Dir)
				if i := slices.IndexFunc(places, exists); i >= 0 {
					files = append(files, places[i])
				}
			}
		}
	}
	slices.Sort(files)
	for _, file := range slices.Compact(files) {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "archive %d\n", len(data))
		h.Write(data)
	}
	return nil
}

// archivesBelow lists the archives below a directory that have a note.
func archivesBelow(dir string) []string {
	var files []string
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && filepath.Ext(path) == ".a" {
			if note, err := readNote(path); err == nil && note != nil {
				files = append(files, path)
			}
		}
		return nil
	})
	return files
}
