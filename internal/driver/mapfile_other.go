//go:build !unix

package driver

import (
	"fmt"
	"io"
)

// mapFile returns the content of a file and a function to call when it is no
// longer needed.
func mapFile(path string) ([]byte, func(), error) {
	f, size, err := openInput(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	data := make([]byte, size)
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, nil, fmt.Errorf("cannot read the input: %s: %w", path, err)
	}
	return data, func() {}, nil
}
