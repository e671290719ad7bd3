// Package prebuilt is about Go packages whose machine code comes as an archive
// that was made elsewhere. Such a package has its Go files and, for the code, an
// assembly file called Stub; the archive has the objects and says, in a member
// that Go's linker passes over, for what it was made:
//
//	__.PKGDEF          export data
//	_go_.o             the Go files, compiled where the archive was made
//	rustgo_linux_amd…  the machine code, a Go object
//	rustgo.shared     the same for shared libraries, if the platform needs that
//	rustgo.note        the note
//
// Go's linker takes the first three, with nobody's help.
//
// Whoever builds the package compiles its Go files with their own flags. So it
// is the machine code alone that is taken from the archive (Merge).
package prebuilt

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/archive"
)

// Stub is the assembly file of a package in this form.
const Stub = "rustgo_archive.s"

// InTree returns the path of a package's archive below the root of a tree, as in
// GOPATH. The platform is GOOS_GOARCH.
func InTree(platform, importPath string) string {
	return "pkg/" + platform + "/" + importPath + ".a"
}

// InPackage returns the name of the archive in the directory of its package.
func InPackage(platform string) string { return "rustgo_" + platform + ".a" }

// cmd/link loads no member with a name of less than 16 bytes that does not end in
// .o or .syso (loadobjfile in cmd/link/internal/ld/lib.go, Go 1.26).
const (
	noteName   = "rustgo.note"
	sharedName = "rustgo.shared"
	codePrefix = "rustgo_" // of the member with the machine code
)

// Note is what an archive says of itself.
type Note struct {
	// ImportPath is the package's; the names of its symbols begin with it.
	ImportPath string
	// Declarations is what Declarations returned for the package's files.
	Declarations string
	// MadeBy are lines on where the archive came from; empty in a package that
	// was only compiled.
	MadeBy []string
}

const noteMagic = "rustgo archive 1\n"

// maxNote bounds a note, in bytes.
const maxNote = 1 << 20

// Marshal returns the note as a text.
func (n *Note) Marshal() []byte {
	var b bytes.Buffer
	b.WriteString(noteMagic)
	fmt.Fprintf(&b, "package %s\n", n.ImportPath)
	fmt.Fprintf(&b, "declarations %s\n", n.Declarations)
	for _, line := range n.MadeBy {
		fmt.Fprintf(&b, "made-by %s\n", line)
	}
	return b.Bytes()
}

// ParseNote reads what Marshal wrote.
func ParseNote(text []byte) (*Note, error) {
	rest, ok := strings.CutPrefix(string(text), noteMagic)
	if !ok {
		return nil, fmt.Errorf("unknown kind of note")
	}
	n := new(Note)
	for line := range strings.Lines(rest) {
		key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch {
		case ok && key == "package" && n.ImportPath == "":
			n.ImportPath = value
		case ok && key == "declarations" && n.Declarations == "":
			n.Declarations = value
		case ok && key == "made-by":
			n.MadeBy = append(n.MadeBy, value)
		default:
			return nil, fmt.Errorf("unexpected line %q", line)
		}
	}
	if n.ImportPath == "" || n.Declarations == "" {
		return nil, fmt.Errorf("incomplete note")
	}
	return n, nil
}

// AddNote returns a Go archive with a note at its end.
func AddNote(goArchive []byte, n *Note) ([]byte, error) {
	return archive.AppendGo(goArchive, []archive.Input{{Name: noteName, Data: n.Marshal()}})
}

// Marshal returns the archive of a package: what the Go compiler made of its Go
// files; the objects of its assembly files, by their names without extension; the
// same for shared libraries, of which there are none where they are no different;
// and the note.
func Marshal(compiled []byte, objects, shared map[string][]byte, n *Note) ([]byte, error) {
	var members []archive.Input
	for _, name := range slices.Sorted(maps.Keys(objects)) {
		members = append(members, archive.Input{Name: name + ".o", Data: objects[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(shared)) {
		if strings.HasPrefix(name, codePrefix) {
			members = append(members, archive.Input{Name: sharedName, Data: shared[name]})
		}
	}
	return archive.AppendGo(compiled, append(members, archive.Input{Name: noteName, Data: n.Marshal()}))
}

// ReadNote finds the note in an archive of size bytes. It reads no more of it
// than the headers of its members. It returns nil without an error if there is no
// note.
func ReadNote(r io.ReaderAt, size int64) (*Note, error) {
	const headerSize = 60
	magic := make([]byte, 8)
	if _, err := r.ReadAt(magic, 0); err != nil || !archive.IsArchive(magic) {
		return nil, nil // a shared library, for one
	}
	var header [headerSize]byte
	for off := int64(8); off+headerSize <= size; {
		if _, err := r.ReadAt(header[:], off); err != nil {
			return nil, err
		}
		n, err := strconv.ParseInt(strings.TrimSpace(string(header[48:58])), 10, 64)
		if err != nil || n < 0 {
			return nil, &archive.FormatError{Off: off, Msg: "bad member header"}
		}
		if strings.TrimRight(string(header[:16]), " ") == noteName {
			if n > maxNote || off+headerSize+n > size {
				return nil, &archive.FormatError{Off: off, Msg: "note that is too long"}
			}
			text := make([]byte, n)
			if _, err := r.ReadAt(text, off+headerSize); err != nil {
				return nil, err
			}
			return ParseNote(text)
		}
		off += headerSize + n + n&1
	}
	return nil, nil
}

// Archive is the archive of a package.
type Archive struct {
	Note Note
	// Header is the line that Go's objects begin with. Go's linker accepts no
	// other than its own (HeaderString in cmd/internal/objabi, Go 1.26).
	Header string

	code, shared []archive.Input
}

// Parse reads an archive.
func Parse(data []byte) (*Archive, error) {
	f, err := archive.Parse(data)
	if err != nil {
		return nil, err
	}
	a := new(Archive)
	for i, m := range f.Members {
		content := f.Data(i)
		add := func(to *[]archive.Input) error {
			header, ok := objectHeader(content)
			if !ok {
				return fmt.Errorf("member %q is not a Go object", m.Name)
			}
			if a.Header != "" && a.Header != header {
				return fmt.Errorf("member %q is for another toolchain than the rest", m.Name)
			}
			a.Header = header
			*to = append(*to, archive.Input{Name: "rustgo.o", Data: content})
			return nil
		}
		switch {
		case m.Name == noteName && a.Note.ImportPath != "":
			return nil, fmt.Errorf("two members %s", noteName)
		case m.Name == noteName:
			n, err := ParseNote(content)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", noteName, err)
			}
			a.Note = *n
		case m.Name == sharedName:
			err = add(&a.shared)
		case strings.HasPrefix(m.Name, codePrefix):
			err = add(&a.code)
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case a.Note.ImportPath == "":
		return nil, fmt.Errorf("no member %s: not an archive that cargo rustgo made", noteName)
	case len(a.code) == 0:
		return nil, fmt.Errorf("no machine code")
	}
	return a, nil
}

// Header returns the line that the objects of a Go archive begin with.
func Header(goArchive []byte) (string, error) {
	f, err := archive.Parse(goArchive)
	if err != nil {
		return "", err
	}
	for i := range f.Members {
		if header, ok := objectHeader(f.Data(i)); ok {
			return header, nil
		}
	}
	return "", fmt.Errorf("no Go object in the archive")
}

const headerMagic = "go object "

func objectHeader(object []byte) (string, bool) {
	if !bytes.HasPrefix(object, []byte(headerMagic)) {
		return "", false
	}
	line, _, ok := bytes.Cut(object[:min(len(object), 1024)], []byte("\n"))
	return string(line), ok
}

// Toolchain is what a header says.
type Toolchain struct {
	Platform string // "linux/amd64"
	Go       string // "go1.26.1"
	Rest     string // "GOAMD64=v1 X:regabiwrappers"
}

// ParseHeader takes a header apart.
func ParseHeader(header string) (Toolchain, error) {
	fields := strings.SplitN(strings.TrimPrefix(header, headerMagic), " ", 4)
	if !strings.HasPrefix(header, headerMagic) || len(fields) < 3 {
		return Toolchain{}, fmt.Errorf("bad header of a Go object: %q", header)
	}
	return Toolchain{fields[0] + "/" + fields[1], fields[2], strings.Join(fields[3:], " ")}, nil
}

// Merge returns the archive of a package that was compiled here, with the
// machine code of a: that for shared libraries if shared is set.
func Merge(compiled []byte, a *Archive, shared bool) ([]byte, error) {
	code := a.code
	if shared && len(a.shared) > 0 {
		code = a.shared
	}
	return archive.AppendGo(compiled, code)
}
