package driver

import (
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/cargo-rustgo/cargo-rustgo/internal/archive"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
)

// ListArchive writes a line for each member of an archive: its name, a tab, its
// size in bytes, a tab and its SHA-256 in hexadecimal. Symbol and name tables
// are not members.
func ListArchive(path string, w io.Writer) error {
	files := inputs{}
	defer files.close()
	data, err := files.read(path)
	if err != nil {
		return err
	}
	f, err := archive.Parse(data)
	if err != nil {
		return diagnoseInput(fmt.Errorf("%s: %w", path, err))
	}
	for i, m := range f.Members {
		content, err := link.MemberData(f, i, func(name string) ([]byte, error) { return files.read(beside(path, name)) })
		if err != nil {
			return diagnoseInput(fmt.Errorf("%s(%s): %w", path, m.Name, err))
		}
		if _, err := fmt.Fprintf(w, "%s\t%d\t%x\n", m.Name, len(content), sha256.Sum256(content)); err != nil {
			return err
		}
	}
	return nil
}
