package signature

import (
	"debug/dwarf"
	"fmt"
	"strings"
)

// file returns the name of a file of u's line table, as DW_AT_decl_file gives
// it by number. Every unit has a table of its own.
func (t *tree) file(u *unit, index uint64) (string, error) {
	if !u.filesRead {
		u.filesRead = true
		if u.lineOff >= 0 {
			u.files, u.filesErr = t.lineFiles(u)
		}
	}
	if u.filesErr != nil {
		return "", fmt.Errorf(".debug_line+%#x: %w", u.lineOff, u.filesErr)
	}
	if index >= uint64(len(u.files)) {
		return "", nil
	}
	return u.files[index], nil
}

// lineFiles reads the header of u's line number program (DWARF 5, section
// 6.2.4) as far as the names of the files:
//
//	length, version, [address and segment size,] header length,
//	parameters of the program, directories, files
func (t *tree) lineFiles(u *unit) ([]string, error) {
	c := cursor{data: t.line, off: u.lineOff}
	_, is64 := c.unitLength()
	version := c.uint(2)
	if c.err == nil && (version < 2 || version > 5) {
		return nil, fmt.Errorf("version %d of the line table", version)
	}
	if version >= 5 {
		c.skip(2)
	}
	c.offset(is64)
	c.skip(1) // minimum_instruction_length
	if version >= 4 {
		c.skip(1) // maximum_operations_per_instruction
	}
	c.skip(3) // default_is_stmt, line_base, line_range
	if n := c.uint(1); n > 0 {
		c.skip(n - 1) // standard_opcode_lengths
	}
	if version >= 5 {
		dirs, err := t.entries(u, &c, is64, nil)
		if err != nil {
			return nil, err
		}
		return t.entries(u, &c, is64, dirs)
	}
	dirs := []string{u.compDir}
	for c.err == nil {
		name := c.cstring()
		if len(name) == 0 {
			break
		}
		dirs = append(dirs, string(name))
	}
	files := []string{""} // numbered from 1
	for c.err == nil {
		name := c.cstring()
		if len(name) == 0 {
			break
		}
		dir := c.uleb()
		c.uleb() // time
		c.uleb() // size
		file := string(name)
		if dir < uint64(len(dirs)) {
			file = join(dirs[dir], file)
		}
		if err := t.charge(len(file)); err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, c.err
}

// The content types of DWARF 5, section 6.2.4.1.
const (
	lnctPath           = 1
	lnctDirectoryIndex = 2
)

// entries reads a list of directories (dirs nil) or files of version 5.
func (t *tree) entries(u *unit, c *cursor, is64 bool, dirs []string) ([]string, error) {
	var format []field
	for n := c.uint(1); n > 0 && c.err == nil; n-- {
		format = append(format, field{attr: dwarf.Attr(c.uleb()), form: c.uleb()})
	}
	line := &unit{version: 5, is64: is64, addrSize: u.addrSize, strOffsets: u.strOffsets}
	var list []string
	for n := c.uleb(); n > 0 && c.err == nil; n-- {
		var name string
		var dir uint64
		for i := range format {
			v := line.value(c, &format[i])
			switch format[i].attr {
			case lnctPath:
				name = t.string(line, v)
			case lnctDirectoryIndex:
				dir = v.n
			}
		}
		if dir < uint64(len(dirs)) {
			name = join(dirs[dir], name)
		}
		if err := t.charge(1 + len(format) + len(name)); err != nil {
			return nil, err
		}
		list = append(list, name)
	}
	if c.err != nil {
		return nil, fmt.Errorf("file table: %w", c.err)
	}
	return list, nil
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

// joinFile returns file as a full name and relative to dir, where it lies below.
func joinFile(dir, file string) (full, rel string) {
	if file == "" {
		return "", ""
	}
	full = join(dir, file)
	if dir != "" {
		if rel, ok := strings.CutPrefix(full, strings.TrimSuffix(dir, "/")+"/"); ok {
			return full, rel
		}
	}
	return full, file
}
