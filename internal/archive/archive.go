// Package archive reads and writes ar archives: static libraries, rlibs, import
// libraries and Go packages. It takes bytes and does no file access. Parse reads
// all dialects, Marshal writes three.
//
// An archive has no written standard. All dialects share this frame, described
// by the ar(5) manual pages:
//
//	"!<arch>\n"                      8 bytes; "!<thin>\n" for a thin archive
//	header of member 0              60 bytes
//	data of member 0                size bytes
//	pad                              1 byte if size is odd; "\n" or zero
//	header of member 1 …
//
// and this header, which is text, left-justified and padded with spaces:
//
//	 0  16  name
//	16  12  date     decimal, seconds since 1970
//	28   6  uid      decimal
//	34   6  gid      decimal
//	40   8  mode     octal
//	48  10  size     decimal, bytes of data that follow
//	58   2  "`\n"
//
// The dialects differ in how they write a name of more than 15 or 16 bytes, and
// in how they store the symbol table, which is itself a member. A name field is
// one of
//
//	foo.o/            GNU and System V: a slash ends the name
//	foo.o             BSD and Go: spaces end it; Go cuts names to 16 bytes
//	#1/20             BSD: the name is the first 20 bytes of the data
//	/123              GNU: the name is at offset 123 of the name table
//	/123:456          GNU thin: the same, and the member is the one whose header
//	                  is at offset 456 of the archive of that name
//	//                GNU: this is the name table
//	/                 GNU: a symbol table; the second one is COFF's own
//	/SYM64/           GNU: a symbol table with 64-bit offsets
//	/<ECSYMBOLS>/     COFF: an index for ARM64EC (also /<XFGHASHMAP>/)
//	__.SYMDEF         BSD: a symbol table (also __.SYMDEF_64, either of them
//	                  followed by " SORTED", in the field or behind #1/)
//
// In a thin archive only the tables have data. The other members are files next
// to the archive, and size is the size of the file.
package archive

import (
	"bytes"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"sync"
)

const (
	magic     = "!<arch>\n"
	thinMagic = "!<thin>\n"
	bigMagic  = "<bigaf>\n" // AIX, which has a frame of its own

	headerSize = 60
	headerEnd  = "`\n"

	// maxName bounds the bytes of one member name. It is Linux's PATH_MAX; a
	// thin archive stores paths. Without a bound a name table without line ends
	// makes the time to read n members grow with n squared.
	maxName = 4096
)

// File is a parsed archive. It refers to the bytes given to Parse, which must
// stay mapped and unchanged for as long as the File is in use.
type File struct {
	// Members are the members in file order, without symbol and name tables.
	// Names may repeat, so a member is identified by its index.
	Members []Member
	// Thin reports a GNU thin archive, all of whose members are External.
	Thin bool

	data    []byte
	headers []int64 // offset of each member's header, ascending
	tables  []table // symbol tables, in file order

	once sync.Once
	syms *symbols // the first usable table; nil if there is none
}

// Member describes one member.
type Member struct {
	// Name is what the archive says, and may be anything: "../x", "/etc/passwd",
	// not UTF-8. The member of a thin archive is a path, relative to the
	// directory of the archive unless absolute.
	Name string
	// Date is in seconds since 1970. Date, UID, GID and Mode are zero where the
	// field is blank or not a number: no linker depends on them, rustc and Microsoft's
	// tools leave them blank, and GNU ar cuts ids that do not fit.
	Date     int64
	UID, GID int
	Mode     uint32 // permission bits as in stat(2)
	// Off and Size locate the data in the archive, in bytes. A BSD name in front
	// of the data is not part of it; zeros or newlines that Darwin's tools append
	// to it are. Off is zero for an External member.
	Off, Size int64
	// External reports that the data is outside, in the file Name.
	External bool
	// Nested is not zero if the file Name is itself an archive: it is the offset
	// in that archive of the header of the member. See File.MemberAt.
	Nested int64
}

// FormatError reports input that is not a well-formed archive.
type FormatError struct {
	Off int64 // in the archive, in bytes
	Msg string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%s at offset %#x", e.Msg, e.Off)
}

func errorf(off int64, format string, args ...any) error {
	return &FormatError{Off: off, Msg: fmt.Sprintf(format, args...)}
}

// IsArchive reports whether data starts like an archive that Parse can read.
func IsArchive(data []byte) bool {
	return bytes.HasPrefix(data, []byte(magic)) || bytes.HasPrefix(data, []byte(thinMagic))
}

// Parse reads the headers of an archive. It touches no member's data, and keeps
// a reference to data. All errors are of type *FormatError. An archive without
// members is not an error.
func Parse(data []byte) (*File, error) {
	if !IsArchive(data) {
		if bytes.HasPrefix(data, []byte(bigMagic)) {
			return nil, errorf(0, "AIX big archives are not supported")
		}
		return nil, errorf(0, "not an ar archive: bad magic %q", data[:min(len(data), len(magic))])
	}
	p := parser{
		data: data,
		file: &File{Thin: bytes.HasPrefix(data, []byte(thinMagic)), data: data},
	}
	for off := int64(len(magic)); off < int64(len(data)); {
		next, err := p.member(off)
		if err != nil {
			return nil, err
		}
		off = next
	}
	return p.file, nil
}

// Data returns the data of member i, or nil if the member is External. The
// result aliases the bytes given to Parse.
func (f *File) Data(i int) []byte {
	m := &f.Members[i]
	if m.External {
		return nil
	}
	return f.data[m.Off : m.Off+m.Size : m.Off+m.Size]
}

// MemberAt returns the index of the member whose header is at offset header, as
// symbol tables and Member.Nested give it.
func (f *File) MemberAt(header int64) (int32, bool) {
	i := sort.Search(len(f.headers), func(i int) bool { return f.headers[i] >= header })
	if i == len(f.headers) || f.headers[i] != header {
		return -1, false
	}
	return int32(i), true
}

type parser struct {
	data []byte
	file *File

	// The name table. It is copied once, into a string that the names share, so
	// that many members with one long name cost no more than the table.
	names    string
	hasNames bool
	slashes  int // members called "/"
}

// member reads the member whose header is at off and returns the offset of the
// next header.
func (p *parser) member(off int64) (int64, error) {
	end := int64(len(p.data))
	if end-off < headerSize {
		return 0, errorf(off, "truncated member header: %d of %d bytes", end-off, headerSize)
	}
	h := p.data[off : off+headerSize]
	if string(h[58:60]) != headerEnd {
		return 0, errorf(off+58, "bad member header terminator %q", h[58:60])
	}
	size, err := parseSize(trim(h[48:58]))
	if err != nil {
		return 0, errorf(off+48, "bad member size %q: %v", h[48:58], err)
	}
	field := string(trim(h[:16]))
	start := off + headerSize

	if p.file.Thin && !isTable(field) {
		m := Member{Size: size, External: true}
		if m.Name, m.Nested, err = p.name(field, off); err != nil {
			return 0, err
		}
		p.add(off, h, m)
		return start, nil
	}

	if size > end-start {
		return 0, errorf(off+48, "member %q of %d bytes is longer than the %d bytes left", field, size, end-start)
	}
	next := start + size + size&1
	if next > end {
		// LLVM and Go refuse this too, and GNU ar does not. No archive of 655
		// that were looked at (rustc, GCC, LLVM, Go) lacks the byte.
		return 0, errorf(end, "missing pad byte after member %q", field)
	}
	body := p.data[start : start+size]

	switch field {
	case "//":
		if p.hasNames {
			return 0, errorf(off, "second name table")
		}
		p.names, p.hasNames = string(body), true
		return next, nil
	case "/":
		p.slashes++
		kind := gnu32
		if p.slashes > 1 {
			kind = coff
		}
		p.addTable(kind, start, size)
		return next, nil
	case "/SYM64/":
		p.addTable(gnu64, start, size)
		return next, nil
	case "/<ECSYMBOLS>/", "/<XFGHASHMAP>/":
		return next, nil
	}

	m := Member{Off: start, Size: size}
	if digits, ok := strings.CutPrefix(field, "#1/"); ok {
		n, err := parseSize([]byte(digits))
		if err != nil {
			return 0, errorf(off, "bad length in member name %q: %v", field, err)
		}
		if n > size {
			return 0, errorf(off, "member name of %d bytes is longer than its member of %d bytes", n, size)
		}
		if n > maxName {
			return 0, errorf(off, "member name of %d bytes; the limit is %d", n, maxName)
		}
		// Darwin pads names with zeros to align the data that follows.
		name, _, _ := bytes.Cut(body[:n], []byte{0})
		m.Name, m.Off, m.Size = string(name), start+n, size-n
	} else if m.Name, m.Nested, err = p.name(field, off); err != nil {
		return 0, err
	}
	if kind, ok := symdefs[m.Name]; ok {
		p.addTable(kind, m.Off, m.Size)
		return next, nil
	}
	p.add(off, h, m)
	return next, nil
}

// isTable reports whether a name field marks one of the members that have data
// in a thin archive.
func isTable(field string) bool {
	switch field {
	case "/", "//", "/SYM64/":
		return true
	}
	return false
}

// name resolves a name field other than BSD's "#1/" form. The header at off is
// for errors.
func (p *parser) name(field string, off int64) (name string, nested int64, err error) {
	if field == "" {
		return "", 0, errorf(off, "member without a name")
	}
	// A slash in front of anything but a number is an absolute path, which some
	// tools store as it is.
	if len(field) < 2 || field[0] != '/' || !strings.ContainsRune("0123456789-+", rune(field[1])) {
		return strings.TrimSuffix(field, "/"), 0, nil
	}
	// GNU ar leaves the slash of a name of 15 bytes in column 16: "/8             /".
	digits := strings.TrimRight(strings.TrimSuffix(field[1:], "/"), " ")
	digits, origin, isNested := strings.Cut(digits, ":")
	at, err := parseSize([]byte(digits))
	if err != nil {
		return "", 0, errorf(off, "bad long-name offset in %q: %v", field, err)
	}
	if isNested {
		if !p.file.Thin {
			return "", 0, errorf(off, "nested member %q in an archive that is not thin", field)
		}
		nested, err = parseSize([]byte(origin))
		if err != nil || nested < int64(len(magic)) {
			return "", 0, errorf(off, "bad offset of a nested member in %q", field)
		}
	}
	if !p.hasNames {
		return "", 0, errorf(off, "long name %q, but no name table (//) in front of it", field)
	}
	if at >= int64(len(p.names)) {
		return "", 0, errorf(off, "long-name offset %d outside the name table of %d bytes", at, len(p.names))
	}
	// GNU ends a name with "/\n" and COFF with a zero byte. A slash alone does
	// not end it: names in thin archives are paths.
	name = p.names[at:min(at+maxName+2, int64(len(p.names)))]
	line, zero := strings.IndexByte(name, '\n'), strings.IndexByte(name, 0)
	switch {
	case zero >= 0 && (line < 0 || zero < line):
		name = name[:zero]
	case line >= 0:
		name = strings.TrimSuffix(name[:line], "/")
	default:
		return "", 0, errorf(off, "name at offset %d of the name table has no end in %d bytes", at, len(name))
	}
	if name == "" {
		return "", 0, errorf(off, "empty name at offset %d of the name table", at)
	}
	return name, nested, nil
}

func (p *parser) add(off int64, h []byte, m Member) {
	m.Date = number(h[16:28], 10)
	m.UID = int(number(h[28:34], 10))
	m.GID = int(number(h[34:40], 10))
	m.Mode = uint32(number(h[40:48], 8))
	p.file.Members = append(p.file.Members, m)
	p.file.headers = append(p.file.headers, off)
}

func (p *parser) addTable(kind tableKind, off, size int64) {
	p.file.tables = append(p.file.tables, table{kind, off, size})
}

func trim(field []byte) []byte {
	return bytes.TrimRight(field, " ")
}

// parseSize parses a decimal number without sign, of as many digits as fit in a
// header.
func parseSize(digits []byte) (int64, error) {
	if len(digits) == 0 {
		return 0, fmt.Errorf("blank")
	}
	var n int64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("not a decimal number")
		}
		n = n*10 + int64(c-'0') // at most 15 digits: no overflow
	}
	return n, nil
}

// number reads a field that has no influence on the rest; see Member.Date.
func number(field []byte, base int) int64 {
	n, err := strconv.ParseInt(string(trim(field)), base, 64)
	if err != nil {
		return 0
	}
	return n
}
