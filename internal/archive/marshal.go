package archive

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Format is a dialect that Marshal writes. What it writes is reproducible: times
// and ids are zero, and the mode of every member is 644.
type Format uint8

const (
	// GNU is for ELF. It is what GNU ar rcD writes:
	//
	//	"!<arch>\n"
	//	/     symbol index     if there are symbols; /SYM64/ if they need it
	//	//    name table       if there are names that need it
	//	members                name/ or /offset; "\n" after data of odd size
	GNU Format = iota
	// Darwin is for Mach-O. It is what llvm-ar --format=darwin rcsD writes:
	//
	//	"!<arch>\n"
	//	__.SYMDEF              symbol index, always; or __.SYMDEF_64
	//	members                #1/n, name, zeros, data, newlines
	//
	// Data starts at a multiple of 8 bytes and takes up a multiple of 8, which
	// Apple's ld asks for. The newlines that see to it count as data.
	Darwin
	// Go is for cmd/link. It is what go tool pack writes:
	//
	//	"!<arch>\n"
	//	__.PKGDEF              export data, which the compiler made
	//	_go_.o                 its object
	//	members                names cut to 16 bytes; zero after data of odd size
	//
	// There is no symbol index. Of the members with a name of less than 16 bytes
	// cmd/link loads those that end in .o or .syso, and is silent about others
	// (loadobjfile in cmd/link/internal/ld/lib.go).
	Go
)

const (
	fieldSize = 16         // of a name in a header
	maxSize   = 9999999999 // 10 decimal digits, in bytes
	fileMode  = 0o644

	// limit32 is the first offset of a header, in bytes, that a symbol index
	// with words of 32 bits cannot hold.
	limit32 = 1 << 32
)

// Input is a member to be written.
type Input struct {
	// Name is not empty, has at most 4096 bytes, neither line ends nor zero
	// bytes, and is not that of a symbol index. In the Go format it is cut to 16
	// bytes and loses spaces at its end, and must not be a path.
	Name string
	Data []byte
	// Symbols are the global symbols that the member defines, in the order of its
	// own symbol table and in its spelling: with the underscore in Mach-O. The Go
	// format has no place for them.
	Symbols []string
}

// Marshal returns an archive of members, in their order. Names may repeat. It is
// an error if a name, a symbol or the size of a member cannot be written such that
// Parse, and the tools that the format is for, read what was meant.
func Marshal(format Format, members []Input) ([]byte, error) {
	return marshal(format, members, limit32)
}

// marshal takes the limit of 32-bit indices as a parameter for tests.
func marshal(format Format, members []Input, limit int64) ([]byte, error) {
	entries, names, err := layout(format, members)
	if err != nil {
		return nil, err
	}
	var tables []entry
	if len(names) > 0 {
		names = append(names, "\n"[:len(names)&1]...)
		tables = append(tables, entry{field: "//", blank: true, data: names})
	}

	// From here on only the index is open: its size, and the offsets in it, which
	// depend on its size.
	if format != Go {
		x, err := newIndex(format, members)
		if err != nil {
			return nil, err
		}
		// ld64 refuses an archive without an index, even one without members;
		// so says writeSymbolTable in LLVM's ArchiveWriter.cpp.
		if x.symbols > 0 || format == Darwin {
			tables = append([]entry{x.build(members, entries, tables, limit)}, tables...)
		}
	}
	for i := range tables {
		if err := tables[i].check(); err != nil {
			return nil, fmt.Errorf("table %q: %w", tables[i].field, err)
		}
	}
	return join([]byte(magic), append(tables, entries...))
}

// entry is a member or a table with the fields of its header.
type entry struct {
	field string // name, at most 16 bytes
	blank bool   // date, ids and mode are spaces
	date  int64
	mode  uint32
	name  []byte // Darwin: the name with its zeros, in front of the data
	data  []byte
	fill  int  // newlines after the data that count as data
	pad   byte // after data of odd size
}

// size returns what the header says, in bytes.
func (e *entry) size() int64 {
	return int64(len(e.name)) + int64(len(e.data)) + int64(e.fill)
}

// span returns the bytes from this header to the next.
func (e *entry) span() int64 {
	n := e.size()
	return headerSize + n + n&1
}

// check reports a size that the header has no room for.
func (e *entry) check() error {
	if n := e.size(); n > maxSize {
		return fmt.Errorf("%d bytes; the limit is %d", n, int64(maxSize))
	}
	return nil
}

// layout returns an entry for each member, and GNU's name table.
func layout(format Format, members []Input) (entries []entry, names []byte, err error) {
	repeats, dates := make(map[string]int64), make(map[string]int64) // Darwin only
	if format == Darwin {
		for _, m := range members {
			repeats[m.Name]++
		}
	}
	entries = make([]entry, len(members))
	for i, m := range members {
		if err := checkName(m.Name); err != nil {
			return nil, nil, err
		}
		e := entry{mode: fileMode, data: m.Data, pad: '\n'}
		switch format {
		case GNU:
			if needsTable(m.Name) {
				e.field = "/" + strconv.Itoa(len(names))
				names = append(append(names, m.Name...), "/\n"...)
			} else {
				e.field = m.Name + "/"
			}
		case Darwin:
			e.name = append([]byte(m.Name), make([]byte, padding(headerSize+len(m.Name), 8))...)
			e.field = "#1/" + strconv.Itoa(len(e.name))
			e.fill = padding(len(m.Data), 8)
			// Debuggers find a member by its name and date, and take the
			// date 0 to mean any. So members that share a name are
			// numbered (UniqueTimestamps in LLVM's ArchiveWriter.cpp).
			if repeats[m.Name] > 1 {
				dates[m.Name]++
				e.date = dates[m.Name]
			}
		case Go:
			if e.field, err = goField(m); err != nil {
				return nil, nil, err
			}
			e.pad = 0
		default:
			panic("internal error: unknown archive format")
		}
		if err := e.check(); err != nil {
			return nil, nil, fmt.Errorf("member %q: %w", m.Name, err)
		}
		entries[i] = e
	}
	return entries, names, nil
}

// checkName reports names that no format can tell from something else.
func checkName(name string) error {
	_, isIndex := symdefs[name]
	switch {
	case name == "":
		return fmt.Errorf("member without a name")
	case len(name) > maxName:
		return fmt.Errorf("member name of %d bytes; the limit is %d", len(name), maxName)
	case strings.ContainsAny(name, "\n\x00"):
		return fmt.Errorf("member name %q: contains a line end or a zero byte", name)
	case isIndex:
		return fmt.Errorf("member name %q: reserved for a symbol index", name)
	}
	return nil
}

// needsTable reports whether GNU's header has no room for name/. A name with a
// slash may look like the name of a table. "#1" would look like BSD's form, to
// LLVM and to us; GNU ar writes it all the same.
func needsTable(name string) bool {
	return len(name) >= fieldSize || strings.Contains(name, "/") || name == "#1"
}

// goField returns the name field of a member of a Go archive.
func goField(m Input) (string, error) {
	// cmd/go cuts in the middle of a rune, go tool pack before it.
	name := m.Name
	for len(name) > fieldSize {
		_, n := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-n]
	}
	// The padding of the field swallows spaces at the end.
	name = strings.TrimRight(name, " ")
	_, isIndex := symdefs[name]
	switch {
	case isIndex:
		return "", fmt.Errorf("member name %q: %q is reserved for a symbol index", m.Name, name)
	case name == "":
		return "", fmt.Errorf("member name %q: is blank in a Go archive", m.Name)
	case strings.ContainsAny(m.Name, `/\`), name == ".", name == "..":
		// go tool pack refuses to open such an archive.
		return "", fmt.Errorf("member name %q: a Go archive has no paths", m.Name)
	case IsArchive(m.Data):
		// cmd/link does not look into it. If the Go compiler wrote it, go tool
		// pack puts in the _go_.o from it, under the name of the archive, which
		// cmd/link skips.
		return "", fmt.Errorf("member %q of a Go archive is itself an archive", m.Name)
	}
	return name, nil
}

// padding returns the bytes from n to a multiple of align, a power of two.
func padding(n, align int) int { return -n & (align - 1) }

// join returns head, with which an archive begins, and entries after it.
func join(head []byte, entries []entry) ([]byte, error) {
	size := int64(len(head))
	for i := range entries {
		size += entries[i].span()
	}
	if int64(int(size)) != size {
		return nil, fmt.Errorf("archive of %d bytes does not fit in memory", size)
	}
	b := append(make([]byte, 0, size), head...)
	for i := range entries {
		b = appendEntry(b, &entries[i])
	}
	if int64(len(b)) != size {
		panic(fmt.Sprintf("internal error: archive of %d bytes instead of %d", len(b), size))
	}
	return b, nil
}

func appendEntry(b []byte, e *entry) []byte {
	b = appendField(b, e.field, fieldSize)
	if e.blank {
		b = appendField(b, "", 12+6+6+8)
	} else {
		b = appendField(b, strconv.FormatInt(e.date, 10), 12)
		b = appendField(b, "0", 6)
		b = appendField(b, "0", 6)
		b = appendField(b, strconv.FormatUint(uint64(e.mode), 8), 8)
	}
	b = appendField(b, strconv.FormatInt(e.size(), 10), 10)
	b = append(b, headerEnd...)
	b = append(b, e.name...)
	b = append(b, e.data...)
	b = append(b, bytes.Repeat([]byte{'\n'}, e.fill)...)
	if e.size()&1 != 0 {
		b = append(b, e.pad)
	}
	return b
}

// appendField appends a field of a header. fmt would count runes, not bytes.
func appendField(b []byte, s string, width int) []byte {
	if len(s) > width {
		panic(fmt.Sprintf("internal error: %q in a header field of %d bytes", s, width))
	}
	b = append(b, s...)
	return append(b, strings.Repeat(" ", width-len(s))...)
}
