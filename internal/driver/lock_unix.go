//go:build unix

package driver

import (
	"fmt"
	"os"
	"syscall"
)

// lock waits until no other build writes to a directory. The lock is on the
// directory itself and ends with the process, so nothing is left behind.
func lock(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("output directory: %w", err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if err != syscall.EINTR {
			break
		}
	}
	if err != nil && err != syscall.ENOTSUP && err != syscall.ENOLCK { // some network file systems have no locks
		f.Close()
		return nil, fmt.Errorf("output directory %s: cannot be locked: %w", dir, err)
	}
	return func() { f.Close() }, nil
}
