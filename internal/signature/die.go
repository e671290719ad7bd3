package signature

import (
	"debug/dwarf"
	"errors"
	"fmt"
)

// This file reads the tree of debugging information entries (DWARF 4 and 5,
// sections 2 and 7.5):
//
//	.debug_info    units: length, version, offset of the abbreviations, entries
//	entry          abbreviation code (ULEB128; 0 ends a list of children), values
//	.debug_abbrev  per code: tag, has children, then pairs of attribute and form
//
// debug/dwarf would read it too, but it decodes every attribute of every
// entry, and recurses, loops or allocates without bound on hostile input. Here
// all work is charged to a budget in proportion to the size of the input.

// The forms of DWARF 5, section 7.5.6, and GNU's two for split files.
const (
	formAddr          = 0x01
	formBlock2        = 0x03
	formBlock4        = 0x04
	formData2         = 0x05
	formData4         = 0x06
	formData8         = 0x07
	formString        = 0x08
	formBlock         = 0x09
	formBlock1        = 0x0a
	formData1         = 0x0b
	formFlag          = 0x0c
	formSdata         = 0x0d
	formStrp          = 0x0e
	formUdata         = 0x0f
	formRefAddr       = 0x10
	formRef1          = 0x11
	formRef2          = 0x12
	formRef4          = 0x13
	formRef8          = 0x14
	formRefUdata      = 0x15
	formIndirect      = 0x16
	formSecOffset     = 0x17
	formExprloc       = 0x18
	formFlagPresent   = 0x19
	formStrx          = 0x1a
	formAddrx         = 0x1b
	formRefSup4       = 0x1c
	formStrpSup       = 0x1d
	formData16        = 0x1e
	formLineStrp      = 0x1f
	formRefSig8       = 0x20
	formImplicitConst = 0x21
	formLoclistx      = 0x22
	formRnglistx      = 0x23
	formRefSup8       = 0x24
	formStrx1         = 0x25
	formStrx2         = 0x26
	formStrx3         = 0x27
	formStrx4         = 0x28
	formAddrx1        = 0x29
	formAddrx2        = 0x2a
	formAddrx3        = 0x2b
	formAddrx4        = 0x2c
)

// Attributes of DWARF 5 that debug/dwarf does not export.
const (
	attrAlignment     = dwarf.Attr(0x88)
	attrNoreturn      = dwarf.Attr(0x87)
	attrStrOffsetBase = dwarf.Attr(0x72)
)

type abbrev struct {
	tag      dwarf.Tag
	children bool
	fields   []field
	fixed    int // bytes of all values, if that does not depend on them; else -1
}

type field struct {
	attr     dwarf.Attr
	form     uint64
	implicit int64
}

// A unit is one unit of .debug_info.
type unit struct {
	off, end int // in .debug_info
	root     int // offset of the first entry
	version  int
	is64     bool
	addrSize int
	abbrevs  []abbrev // code-1 → abbreviation

	strOffsets uint64 // DW_AT_str_offsets_base
	compDir    string
	lineOff    int // -1 without a line table
	files      []string
	filesErr   error
	filesRead  bool
}

// A value is one decoded attribute. What it means depends on the form.
type value struct {
	form uint64
	n    uint64
	data []byte // of blocks and inline strings
	set  bool
}

// A die holds the attributes of one entry that this package cares about.
type die struct {
	unit     *unit
	off      int
	next     int // offset of the entry that follows in the file
	tag      dwarf.Tag
	null     bool // ends a list of children
	children bool

	name, linkage, typ, specification, origin value
	size, align, count, upper, location       value
	encoding, constant, discr                 value
	declFile, declLine                        value
	external, declaration, noreturn, lowpc    value
	compDir, stmtList, strOffsetsBase         value
	ranges                                    value
}

// slot returns where d keeps attribute a, or nil if nobody wants it.
func (d *die) slot(a dwarf.Attr) *value {
	switch a {
	case dwarf.AttrName:
		return &d.name
	case dwarf.AttrLinkageName:
		return &d.linkage
	case dwarf.AttrType:
		return &d.typ
	case dwarf.AttrSpecification:
		return &d.specification
	case dwarf.AttrAbstractOrigin:
		return &d.origin
	case dwarf.AttrByteSize:
		return &d.size
	case attrAlignment:
		return &d.align
	case dwarf.AttrCount:
		return &d.count
	case dwarf.AttrUpperBound:
		return &d.upper
	case dwarf.AttrDataMemberLoc:
		return &d.location
	case dwarf.AttrEncoding:
		return &d.encoding
	case dwarf.AttrConstValue:
		return &d.constant
	case dwarf.AttrDiscrValue:
		return &d.discr
	case dwarf.AttrDeclFile:
		return &d.declFile
	case dwarf.AttrDeclLine:
		return &d.declLine
	case dwarf.AttrExternal:
		return &d.external
	case dwarf.AttrDeclaration:
		return &d.declaration
	case attrNoreturn:
		return &d.noreturn
	case dwarf.AttrLowpc:
		return &d.lowpc
	case dwarf.AttrRanges:
		return &d.ranges
	case dwarf.AttrCompDir:
		return &d.compDir
	case dwarf.AttrStmtList:
		return &d.stmtList
	case attrStrOffsetBase:
		return &d.strOffsetsBase
	}
	return nil
}

// A tree gives access to all entries of an object.
type tree struct {
	*sections
	units  []*unit
	work   int // what is left of the budget
	tables map[uint64][]abbrev
}

// newTree reads the headers of all units.
func newTree(s *sections) (*tree, error) {
	t := &tree{sections: s, tables: map[uint64][]abbrev{}}
	// Real input needs about one step per byte; strings and types a few more.
	t.work = 16*(len(s.info)+len(s.abbrev)) + 1<<20
	c := cursor{data: s.info}
	for c.off < len(c.data) {
		u := &unit{off: c.off, lineOff: -1}
		length, is64 := c.unitLength()
		if c.err == nil && length > uint64(len(c.data)-c.off) {
			c.fail(errTruncated)
		}
		if c.err != nil {
			return nil, fmt.Errorf(".debug_info+%#x: %w", u.off, c.err)
		}
		u.end, u.is64 = c.off+int(length), is64
		if length > 0 { // padding
			ok, err := t.header(u, cursor{data: s.info[:u.end], off: c.off})
			if err != nil {
				return nil, fmt.Errorf(".debug_info+%#x: %w", u.off, err)
			}
			if ok {
				t.units = append(t.units, u)
			}
		}
		c.off = u.end
	}
	return t, nil
}

// header reads the rest of a unit's header. It reports false for a unit that
// holds no functions.
func (t *tree) header(u *unit, c cursor) (bool, error) {
	u.version = int(c.uint(2))
	if c.err == nil && (u.version < 2 || u.version > 5) {
		return false, fmt.Errorf("DWARF version %d; supported are 2 to 5", u.version)
	}
	kind := uint64(1) // DW_UT_compile
	if u.version >= 5 {
		kind = c.uint(1)
		u.addrSize = int(c.uint(1))
	}
	abbrevOff := c.offset(u.is64)
	if u.version < 5 {
		u.addrSize = int(c.uint(1))
	}
	switch kind {
	case 1, 3: // DW_UT_compile, DW_UT_partial
	case 4, 5: // DW_UT_skeleton, DW_UT_split_compile
		return false, errors.New("debug information split into another file; turn split-debuginfo off")
	default:
		return false, c.err
	}
	u.root = c.off
	if c.err != nil {
		return false, c.err
	}
	var err error
	if u.abbrevs, err = t.table(abbrevOff, u.addrSize, u.is64); err != nil {
		return false, fmt.Errorf(".debug_abbrev+%#x: %w", abbrevOff, err)
	}
	var root die
	if err := t.read(u, u.root, &root); err != nil {
		return false, err
	}
	if root.strOffsetsBase.set {
		u.strOffsets = root.strOffsetsBase.n
	}
	if root.stmtList.set && root.stmtList.n < uint64(len(t.line)) {
		u.lineOff = int(root.stmtList.n)
	}
	u.compDir = t.string(u, root.compDir)
	return true, nil
}

func (t *tree) charge(n int) error {
	if t.work -= n; t.work < 0 {
		return errWork
	}
	return nil
}

// table reads the abbreviations at off.
func (t *tree) table(off uint64, addrSize int, is64 bool) ([]abbrev, error) {
	key := off<<8 | uint64(addrSize)<<1
	if is64 {
		key |= 1
	}
	if table, ok := t.tables[key]; ok {
		return table, nil
	}
	c := cursor{data: t.abbrev}
	c.skip(off)
	var table []abbrev
	for start := c.off; ; start = c.off {
		code := c.uleb()
		if code == 0 {
			break
		}
		if code > uint64(len(table))+256 { // compilers count from 1 without gaps
			return nil, fmt.Errorf("abbreviation code %d follows %d", code, len(table))
		}
		a := abbrev{tag: dwarf.Tag(c.uleb()), children: c.uint(1) != 0}
		for {
			f := field{attr: dwarf.Attr(c.uleb()), form: c.uleb()}
			if f.form == formImplicitConst {
				f.implicit = c.sleb()
			}
			if f.attr == 0 && f.form == 0 {
				break
			}
			a.fields = append(a.fields, f)
			if n := fixedSize(f.form, addrSize, is64); n >= 0 && a.fixed >= 0 {
				a.fixed += n
			} else {
				a.fixed = -1
			}
		}
		if err := t.charge(c.off - start + 256); err != nil {
			return nil, err
		}
		for uint64(len(table)) < code {
			table = append(table, abbrev{})
		}
		table[code-1] = a
	}
	t.tables[key] = table
	return table, c.err
}

// fixedSize returns the bytes that a value of the form takes, or -1 if that
// depends on the value.
func fixedSize(form uint64, addrSize int, is64 bool) int {
	switch form {
	case formFlagPresent, formImplicitConst:
		return 0
	case formData1, formFlag, formRef1, formStrx1, formAddrx1:
		return 1
	case formData2, formRef2, formStrx2, formAddrx2:
		return 2
	case formStrx3, formAddrx3:
		return 3
	case formData4, formRef4, formStrx4, formAddrx4, formRefSup4:
		return 4
	case formData8, formRef8, formRefSig8, formRefSup8:
		return 8
	case formData16:
		return 16
	case formAddr:
		return addrSize
	case formStrp, formLineStrp, formSecOffset, formStrpSup, formRefAddr:
		if is64 {
			return 8
		}
		return 4
	}
	return -1
}

// read decodes the entry at off of .debug_info into d. It replaces all of d.
func (t *tree) read(u *unit, off int, d *die) error {
	c := cursor{data: t.info[:u.end], off: off}
	code := c.uleb()
	if code == 0 {
		*d = die{unit: u, off: off, next: c.off, null: true}
		return errors.Join(c.err, t.charge(1))
	}
	if code > uint64(len(u.abbrevs)) || u.abbrevs[code-1].tag == 0 {
		return fmt.Errorf(".debug_info+%#x: unknown abbreviation %d", off, code)
	}
	a := &u.abbrevs[code-1]
	*d = die{unit: u, off: off, tag: a.tag, children: a.children}
	if err := t.charge(1 + len(a.fields)); err != nil {
		return err
	}
	for i := range a.fields {
		f := &a.fields[i]
		v := u.value(&c, f)
		if slot := d.slot(f.attr); slot != nil {
			*slot = v
		}
	}
	if c.err != nil {
		return fmt.Errorf(".debug_info+%#x: %w", off, c.err)
	}
	d.next = c.off
	return nil
}

// peek is read without the values, which it steps over.
func (t *tree) peek(u *unit, off int, d *die) error {
	c := cursor{data: t.info[:u.end], off: off}
	code := c.uleb()
	if code == 0 || code > uint64(len(u.abbrevs)) {
		return t.read(u, off, d)
	}
	a := &u.abbrevs[code-1]
	if a.fixed < 0 || a.tag == 0 {
		return t.read(u, off, d)
	}
	c.skip(uint64(a.fixed))
	if c.err != nil {
		return fmt.Errorf(".debug_info+%#x: %w", off, c.err)
	}
	*d = die{unit: u, off: off, next: c.off, tag: a.tag, children: a.children}
	return t.charge(1)
}

// tag returns the tag of the entry at off, or 0.
func (t *tree) tag(u *unit, off int) dwarf.Tag {
	c := cursor{data: t.info[:u.end], off: off}
	if code := c.uleb(); code > 0 && code <= uint64(len(u.abbrevs)) {
		return u.abbrevs[code-1].tag
	}
	return 0
}

// value decodes one attribute.
func (u *unit) value(c *cursor, f *field) value {
	v := value{form: f.form, set: true}
	if v.form == formIndirect {
		v.form = c.uleb()
	}
	switch v.form {
	case formFlagPresent:
		v.n = 1
	case formImplicitConst:
		v.n = uint64(f.implicit)
	case formSdata:
		v.n = uint64(c.sleb())
	case formUdata, formRefUdata, formStrx, formAddrx, formLoclistx, formRnglistx:
		v.n = c.uleb()
	case formString:
		v.data = c.cstring()
	case formBlock1:
		v.data = c.take(c.uint(1))
	case formBlock2:
		v.data = c.take(c.uint(2))
	case formBlock4:
		v.data = c.take(c.uint(4))
	case formBlock, formExprloc:
		v.data = c.take(c.uleb())
	case formData16:
		v.data = c.take(16)
	case formRefAddr:
		if u.version < 3 {
			v.n = c.uint(u.addrSize)
		} else {
			v.n = c.offset(u.is64)
		}
	default:
		n := fixedSize(v.form, u.addrSize, u.is64)
		if n < 0 || n > 8 {
			c.fail(fmt.Errorf("unknown form %#x", v.form))
			return value{}
		}
		v.n = c.uint(n)
	}
	return v
}

// bytes returns the text of a string attribute, nil if there is none or it
// refers to nowhere.
func (t *tree) bytes(u *unit, v value) []byte {
	if !v.set {
		return nil
	}
	section, off := t.str, v.n
	switch v.form {
	case formString:
		return v.data
	case formStrp:
	case formLineStrp:
		section = t.lineStr
	case formStrx, formStrx1, formStrx2, formStrx3, formStrx4:
		width := uint64(4)
		if u.is64 {
			width = 8
		}
		if v.n > uint64(len(t.strOffsets)) {
			return nil
		}
		c := cursor{data: t.strOffsets}
		c.skip(u.strOffsets)
		c.skip(v.n * width)
		if off = c.uint(int(width)); c.err != nil {
			return nil
		}
	default:
		return nil
	}
	c := cursor{data: section}
	c.skip(off)
	b := c.cstring()
	if t.charge(len(b)/8) != nil {
		return nil // the next read reports it
	}
	return b
}

func (t *tree) string(u *unit, v value) string {
	b := t.bytes(u, v)
	if t.charge(len(b)) != nil {
		return ""
	}
	return string(b)
}
