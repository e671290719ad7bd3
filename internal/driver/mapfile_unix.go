//go:build unix

package driver

import (
	"fmt"
	"os"
	"syscall"
)

// mapFile maps a file into memory, so that only the parts that are looked at
// are read. The function it returns ends the mapping. The file must not shrink
// before that: the system would end the process.
func mapFile(path string) ([]byte, func(), error) {
	f, size, err := openInput(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	data, err := syscall.Mmap(int(f.Fd()), 0, int(size), syscall.PROT_READ, syscall.MAP_PRIVATE)
	if err != nil { // some file systems cannot
		if data, err = os.ReadFile(path); err != nil {
			return nil, nil, fmt.Errorf("cannot read the input: %w", err)
		}
		return data, func() {}, nil
	}
	return data, func() { syscall.Munmap(data) }, nil
}
