package debuginfo

import "strings"

// A lineHeader is the header of a line number program (DWARF 5, section 6.2.4):
//
//	unit_length                          4 bytes, or 12 in 64-bit DWARF
//	version                              2 bytes
//	address_size, segment_selector_size  a byte each, from version 5
//	header_length                        from here to the program
//	minimum_instruction_length           1 byte: what address advances count
//	maximum_operations_per_instruction   1 byte, from version 4
//	default_is_stmt                      1 byte
//	line_base, line_range, opcode_base   a byte each: what opcodes mean
//	standard_opcode_lengths              opcode_base-1 bytes
//	directories, files
type lineHeader struct {
	start, program, end int // in .debug_line: the table, its opcodes
	version             int
	minInst             uint64
	lineBase            int64
	lineRange           uint64
	opcodeBase          uint64
	opcodeLengths       []byte // of opcode i at i-1

	compDir string
	dirs    [][]byte
	files   []lineFile
}

type lineFile struct {
	name  []byte
	dir   uint64
	path  string // joined, once somebody asked for it
	clean string // likewise, for rows
}

// lineHeader reads the header of the line table at off. The unit u is the one
// that the table belongs to; it may be nil.
func (d *Data) lineHeader(off int, u *Unit) (*lineHeader, error) {
	if u == nil {
		u = &Unit{}
	}
	h := &lineHeader{start: off, compDir: u.CompDir}
	// Strings of version 5 are encoded like those of entries.
	line := &Unit{Version: 5, AddrSize: u.AddrSize, strOffsets: u.strOffsets}
	c := Cursor{Data: d.Line, Off: off}
	var length uint64
	if length, line.Is64 = c.UnitLength(); c.Err == nil && length > uint64(len(c.Data)-c.Off) {
		c.Fail(errTruncated)
	}
	if c.Err != nil {
		return nil, bad(".debug_line", off, "%v", c.Err)
	}
	h.end = c.Off + int(length)
	c.Data = c.Data[:h.end]
	h.version = int(c.Uint(2))
	if c.Err == nil && (h.version < 2 || h.version > 5) {
		return nil, bad(".debug_line", off, "version %d of the line table; supported are 2 to 5", h.version)
	}
	if h.version >= 5 {
		line.AddrSize = int(c.Uint(1))
		c.Skip(1) // segment_selector_size
	}
	if length = c.Offset(line.Is64); c.Err == nil && length > uint64(h.end-c.Off) {
		c.Fail(errTruncated)
	}
	if c.Err != nil {
		return nil, bad(".debug_line", off, "header: %v", c.Err)
	}
	h.program = c.Off + int(length)
	c.Data = c.Data[:h.program]
	h.minInst = c.Uint(1)
	if h.version >= 4 {
		// More than one are for very long instruction words.
		if n := c.Uint(1); n != 1 && c.Err == nil {
			return nil, bad(".debug_line", off, "%d operations per instruction", n)
		}
	}
	c.Skip(1) // default_is_stmt
	h.lineBase = int64(int8(c.Uint(1)))
	h.lineRange = c.Uint(1)
	if h.opcodeBase = c.Uint(1); h.opcodeBase > 0 {
		h.opcodeLengths = c.Take(h.opcodeBase - 1)
	}
	if c.Err == nil && (h.minInst == 0 || h.lineRange == 0 || h.opcodeBase == 0) {
		return nil, bad(".debug_line", off, "minimum_instruction_length %d, line_range %d, opcode_base %d", h.minInst, h.lineRange, h.opcodeBase)
	}
	var err error
	if h.version >= 5 {
		err = d.fileTables(&c, line, h)
	} else {
		err = d.oldFileTables(&c, h)
	}
	if err == nil && c.Err != nil {
		err = bad(".debug_line", off, "header: %v", c.Err)
	}
	return h, err
}

// perFile is what a file or a directory costs of the budget: it takes more
// memory than input.
const perFile = 8

// oldFileTables reads the directories and files of versions 2 to 4: two lists
// that an empty name ends, counted from 1.
func (d *Data) oldFileTables(c *Cursor, h *lineHeader) error {
	h.dirs = append(h.dirs, nil) // the compilation directory
	for {
		name := c.CString()
		if len(name) == 0 {
			break
		}
		if err := d.Charge(perFile); err != nil {
			return err
		}
		h.dirs = append(h.dirs, name)
	}
	h.files = append(h.files, lineFile{})
	for {
		f := lineFile{name: c.CString()}
		if len(f.name) == 0 {
			return nil
		}
		f.rest(c)
		if err := d.Charge(perFile); err != nil {
			return err
		}
		h.files = append(h.files, f)
	}
}

// rest reads what follows the name of a file before version 5.
func (f *lineFile) rest(c *Cursor) {
	f.dir = c.Uleb()
	c.Uleb() // time
	c.Uleb() // size
}

// The content types of DWARF 5, section 6.2.4.1.
const (
	lnctPath           = 1
	lnctDirectoryIndex = 2
)

// fileTables reads the directories and files of version 5: two lists, each after
// the description of its fields, and counted from 0.
func (d *Data) fileTables(c *Cursor, line *Unit, h *lineHeader) error {
	dirs, err := d.fileTable(c, line)
	if err != nil {
		return err
	}
	for i := range dirs {
		h.dirs = append(h.dirs, dirs[i].name)
	}
	if h.compDir == "" && len(dirs) > 0 {
		if err := d.Charge(len(dirs[0].name)); err != nil {
			return err
		}
		h.compDir = string(dirs[0].name)
	}
	h.files, err = d.fileTable(c, line)
	return err
}

func (d *Data) fileTable(c *Cursor, line *Unit) ([]lineFile, error) {
	var format []Field
	for n := c.Uint(1); n > 0 && c.Err == nil; n-- {
		format = append(format, Field{Attr: uint32(c.Uleb()), Form: c.Uleb()})
	}
	var list []lineFile
	for n := c.Uleb(); n > 0 && c.Err == nil; n-- {
		if err := d.Charge(perFile + len(format)); err != nil {
			return nil, err
		}
		var f lineFile
		for i := range format {
			v := line.Value(c, &format[i])
			switch format[i].Attr {
			case lnctPath:
				f.name = d.Bytes(line, v)
			case lnctDirectoryIndex:
				f.dir = v.N
			}
		}
		list = append(list, f)
	}
	return list, nil
}

// filePath returns the joined name of a file, "" if there is no such file.
func (d *Data) filePath(h *lineHeader, index uint64) (string, error) {
	if index >= uint64(len(h.files)) {
		return "", nil
	}
	f := &h.files[index]
	if f.path == "" && len(f.name) > 0 {
		path := string(f.name)
		if 0 < f.dir && f.dir < uint64(len(h.dirs)) {
			path = join(string(h.dirs[f.dir]), path)
		}
		path = join(h.compDir, path)
		if err := d.Charge(len(path)); err != nil {
			return "", err
		}
		f.path = path
	}
	return f.path, nil
}

// File returns the name of a file of u's line table, as DW_AT_decl_file gives
// it by number. Relative names are joined with the directory of the unit. Every
// unit has a table of its own.
func (d *Data) File(u *Unit, index uint64) (string, error) {
	if u.lines == nil && u.linesErr == nil && u.lineOff >= 0 {
		u.lines, u.linesErr = d.lineHeader(u.lineOff, u)
	}
	if u.linesErr != nil || u.lines == nil {
		return "", u.linesErr
	}
	return d.filePath(u.lines, index)
}

// join puts dir before a relative name.
func join(dir, name string) string {
	if dir == "" || absolute(name) {
		return name
	}
	return strings.TrimSuffix(dir, "/") + "/" + name
}

// absolute reports whether a path is one of the build machine's, which may have
// been a Windows machine.
func absolute(name string) bool {
	return strings.HasPrefix(name, "/") || strings.HasPrefix(name, `\`) || len(name) > 2 && name[1] == ':'
}
