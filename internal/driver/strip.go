package driver

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/image"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
)

// StripOptions are what Strip needs to know.
type StripOptions struct {
	Exports     []string // the symbols to keep, with all that they need
	Output      string   // the object to write
	Inputs      []string // archives and objects
	KeepGlobals bool     // leave the other global symbols global
}

// Strip links archives and objects into one object that holds what is live from
// the exports, as ld -r --gc-sections -u does, without debug data and unwind
// tables. Errors are diagnostics where the user can do something about them;
// they leave Output as it was.
func Strip(ctx context.Context, o StripOptions) error {
	// Nearly all that is allocated is needed to the end: a collection at the
	// usual 4 MB would find nothing and take as long as the work itself.
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	files := inputs{}
	defer files.close()
	var libs []*link.Library
	for _, path := range o.Inputs {
		lib, err := files.open(path)
		if err != nil {
			return err
		}
		libs = append(libs, lib)
	}
	set, err := link.ResolveObject(libs, o.Exports)
	if err != nil {
		return diagnoseLink(err, nil)
	}
	object, err := image.BuildObject(set, o.KeepGlobals)
	if err != nil {
		return diagnoseImage(err)
	}
	data, err := elfmacho.Marshal(object)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return writeFile(o.Output, data)
}

// inputs holds the files that are mapped.
type inputs struct{ unmap []func() }

func (f *inputs) close() {
	for _, unmap := range f.unmap {
		unmap()
	}
}

// read maps a file until close.
func (f *inputs) read(path string) ([]byte, error) {
	data, unmap, err := mapFile(path)
	if err != nil {
		return nil, err
	}
	f.unmap = append(f.unmap, unmap)
	return data, nil
}

// open opens an archive or an object. The members of a thin archive are files
// relative to its directory.
func (f *inputs) open(path string) (*link.Library, error) {
	data, err := f.read(path)
	if err != nil {
		return nil, err
	}
	lib, err := link.Open(path, data, func(name string) ([]byte, error) { return f.read(beside(path, name)) })
	if err != nil {
		return nil, diagnoseInput(err)
	}
	return lib, nil
}

// beside is the path of a member of a thin archive.
func beside(archive, member string) string {
	if filepath.IsAbs(member) {
		return member
	}
	return filepath.Join(filepath.Dir(archive), filepath.FromSlash(member))
}

// openInput opens a file that has contents, and returns its size in bytes.
func openInput(path string) (*os.File, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, diag.New(diag.MalformedInput, "cannot read the input: %v", err)
	}
	info, err := f.Stat()
	reason := ""
	switch {
	case err != nil:
		reason = err.Error()
	case info.IsDir():
		reason = "is a directory, not an archive or an object file"
	case !info.Mode().IsRegular():
		reason = "is not a regular file"
	case info.Size() == 0:
		reason = "is empty"
	case info.Size() > math.MaxInt:
		reason = "is too large for this system"
	}
	if reason != "" {
		f.Close()
		return nil, 0, diag.New(diag.MalformedInput, "%s %s", path, reason)
	}
	return f, info.Size(), nil
}

// writeFile replaces a file as a whole or not at all.
func writeFile(path string, content []byte) error {
	failed := func(err error) error {
		d := diag.New(diag.OutputConflict, "cannot write %s: %v", path, err)
		d.Help = []string{"choose another file with `--output`"}
		return d
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return failed(errors.New("it exists and is not a regular file"))
	}
	temporary, err := writeTemp(filepath.Dir(path), filepath.Base(path), content)
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		if temporary != "" {
			os.Remove(temporary)
		}
		return failed(err)
	}
	return nil
}
