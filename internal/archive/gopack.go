package archive

import "fmt"

// AppendGo returns an archive that consists of archive, which the Go compiler
// wrote, and of members after its own. This is what go tool pack r does, and what
// cmd/go does with the objects of assembly files:
//
//	"!<arch>\n"
//	__.PKGDEF     from go tool compile -pack
//	_go_.o        from go tool compile -pack
//	x_amd64.o     from go tool asm, or a host object
//
// It does not look for members of the same name. An archive that Parse cannot
// read is a *FormatError. The archive given is not changed.
func AppendGo(archive []byte, members []Input) ([]byte, error) {
	f, err := Parse(archive)
	if err != nil {
		return nil, err
	}
	// Symbol indices would not know of the new members.
	if f.Thin || len(f.tables) > 0 {
		return nil, fmt.Errorf("not a Go archive: it is thin or has a symbol index")
	}
	entries, _, err := layout(Go, members)
	if err != nil {
		return nil, err
	}
	return join(archive, entries)
}
