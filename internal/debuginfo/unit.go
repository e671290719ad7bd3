// Package debuginfo reads the DWARF of relocatable objects: units and the
// encoding of their entries, and which line of which file code comes from.
package debuginfo

// This file reads units and the encoding of their debugging information entries
// (DWARF 4 and 5, sections 2 and 7.5); what entries mean is left to others:
//
//	.debug_info    units: length, version, offset of the abbreviations, entries
//	entry          abbreviation code (ULEB128; 0 ends a list of children), values
//	.debug_abbrev  per code: tag, has children, then pairs of attribute and form
//
// debug/dwarf would read it too, but it decodes every attribute of every
// entry, and recurses, loops or allocates without bound on hostile input. Here
// all work is charged to a budget in proportion to the size of the input.

// An Abbrev says which attributes an entry has (DWARF 5, section 7.5.3).
type Abbrev struct {
	Tag      uint32
	Children bool
	Fields   []Field
	Fixed    int // bytes of all values, if that does not depend on them; else -1
}

// A Field is an attribute and the form of its value.
type Field struct {
	Attr     uint32
	Form     uint64
	Implicit int64
}

// A Unit is one unit of .debug_info.
type Unit struct {
	Off, End int // in .debug_info
	Root     int // offset of the first entry
	Version  int
	Is64     bool     // the 64-bit DWARF format
	AddrSize int      // in bytes
	Abbrevs  []Abbrev // code-1 → abbreviation
	CompDir  string   // what relative names of files are relative to

	strOffsets uint64      // DW_AT_str_offsets_base
	lineOff    int         // of the line table, in .debug_line; -1 without one
	lines      *lineHeader // nil until read
	linesErr   error
}

// Data gives access to all entries of an object.
type Data struct {
	*Sections
	Units []*Unit

	work   int // what is left of the budget
	tables map[uint64][]Abbrev
}

// New reads the headers of all units.
func New(s *Sections) (*Data, error) {
	d := &Data{Sections: s, tables: map[uint64][]Abbrev{}}
	// Real input needs about one step per byte; strings and types a few more.
	d.work = 16*(len(s.Info)+len(s.Abbrev)+len(s.Line)) + 1<<20
	c := Cursor{Data: s.Info}
	for c.Off < len(c.Data) {
		u := &Unit{Off: c.Off, lineOff: -1}
		length, is64 := c.UnitLength()
		if c.Err == nil && length > uint64(len(c.Data)-c.Off) {
			c.Fail(errTruncated)
		}
		if c.Err != nil {
			return nil, bad(".debug_info", u.Off, "%v", c.Err)
		}
		u.End, u.Is64 = c.Off+int(length), is64
		if length > 0 { // padding
			ok, err := d.header(u, Cursor{Data: s.Info[:u.End], Off: c.Off})
			if err != nil {
				return nil, err
			}
			if ok {
				d.Units = append(d.Units, u)
			}
		}
		c.Off = u.End
	}
	return d, nil
}

// header reads the rest of a unit's header. It reports false for a unit that
// holds no functions.
func (d *Data) header(u *Unit, c Cursor) (bool, error) {
	u.Version = int(c.Uint(2))
	if c.Err == nil && (u.Version < 2 || u.Version > 5) {
		return false, bad(".debug_info", u.Off, "DWARF version %d; supported are 2 to 5", u.Version)
	}
	kind := uint64(1) // DW_UT_compile
	if u.Version >= 5 {
		kind = c.Uint(1)
		u.AddrSize = int(c.Uint(1))
	}
	abbrevOff := c.Offset(u.Is64)
	if u.Version < 5 {
		u.AddrSize = int(c.Uint(1))
	}
	switch kind {
	case 1, 3: // DW_UT_compile, DW_UT_partial
	case 4, 5: // DW_UT_skeleton, DW_UT_split_compile
		return false, bad(".debug_info", u.Off, "debug information split into another file; turn split-debuginfo off")
	default: // of types
		return false, nil
	}
	u.Root = c.Off
	if c.Err != nil {
		return false, bad(".debug_info", u.Off, "%v", c.Err)
	}
	var err error
	if u.Abbrevs, err = d.table(abbrevOff, u.AddrSize, u.Is64); err != nil {
		return false, err
	}
	return true, d.root(u)
}

// Attributes of units (DWARF 5, section 7.5.4).
const (
	attrStmtList       = 0x10
	attrCompDir        = 0x1b
	attrStrOffsetsBase = 0x72
)

// root reads what u's first entry says about the whole unit.
func (d *Data) root(u *Unit) error {
	c := d.Entry(u, u.Root)
	a, err := u.Abbrev(&c)
	if err != nil || a == nil {
		return err
	}
	if err := d.Charge(1 + len(a.Fields)); err != nil {
		return err
	}
	var compDir Value
	for i := range a.Fields {
		v := u.Value(&c, &a.Fields[i])
		switch a.Fields[i].Attr {
		case attrStmtList:
			if v.N < uint64(len(d.Line)) {
				u.lineOff = int(v.N)
			}
		case attrCompDir:
			compDir = v
		case attrStrOffsetsBase:
			u.strOffsets = v.N
		}
	}
	if c.Err != nil {
		return bad(".debug_info", u.Root, "%v", c.Err)
	}
	u.CompDir = d.String(u, compDir)
	return nil
}

// Entry returns a cursor on the entry at off of .debug_info, which is in u.
func (d *Data) Entry(u *Unit, off int) Cursor {
	return Cursor{Data: d.Info[:u.End], Off: off}
}

// Abbrev reads the code that an entry starts with: nil for 0, which ends a list
// of children.
func (u *Unit) Abbrev(c *Cursor) (*Abbrev, error) {
	off := c.Off
	code := c.Uleb()
	switch {
	case c.Err != nil:
		return nil, bad(".debug_info", off, "%v", c.Err)
	case code == 0:
		return nil, nil
	case code > uint64(len(u.Abbrevs)) || u.Abbrevs[code-1].Tag == 0:
		return nil, bad(".debug_info", off, "unknown abbreviation %d", code)
	}
	return &u.Abbrevs[code-1], nil
}

// Charge takes n steps from the budget. All work that input can multiply is
// charged.
func (d *Data) Charge(n int) error {
	if d.work -= n; d.work < 0 {
		return errWork
	}
	return nil
}

// table reads the abbreviations at off.
func (d *Data) table(off uint64, addrSize int, is64 bool) ([]Abbrev, error) {
	key := off<<8 | uint64(addrSize)<<1
	if is64 {
		key |= 1
	}
	if table, ok := d.tables[key]; ok {
		return table, nil
	}
	c := Cursor{Data: d.Abbrev}
	c.Skip(off)
	var table []Abbrev
	for start := c.Off; ; start = c.Off {
		code := c.Uleb()
		if code == 0 {
			break
		}
		if code > uint64(len(table))+256 { // compilers count from 1 without gaps
			return nil, bad(".debug_abbrev", start, "abbreviation code %d follows %d", code, len(table))
		}
		a := Abbrev{Tag: uint32(c.Uleb()), Children: c.Uint(1) != 0}
		for {
			f := Field{Attr: uint32(c.Uleb()), Form: c.Uleb()}
			if f.Form == FormImplicitConst {
				f.Implicit = c.Sleb()
			}
			if f.Attr == 0 && f.Form == 0 {
				break
			}
			a.Fields = append(a.Fields, f)
			if n := fixedSize(f.Form, addrSize, is64); n >= 0 && a.Fixed >= 0 {
				a.Fixed += n
			} else {
				a.Fixed = -1
			}
		}
		if err := d.Charge(c.Off - start + 256); err != nil {
			return nil, err
		}
		for uint64(len(table)) < code {
			table = append(table, Abbrev{})
		}
		table[code-1] = a
	}
	if c.Err != nil {
		return nil, bad(".debug_abbrev", len(c.Data), "%v", c.Err)
	}
	d.tables[key] = table
	return table, nil
}
