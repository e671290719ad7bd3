package signature

import (
	"debug/dwarf"
	"fmt"

	"github.com/cargo-rustgo/cargo-rustgo/internal/debuginfo"
)

// Attributes of DWARF 5 that debug/dwarf does not export.
const (
	attrAlignment = dwarf.Attr(0x88)
	attrNoreturn  = dwarf.Attr(0x87)
)

// A die holds the attributes of one entry that this package cares about.
type die struct {
	unit     *debuginfo.Unit
	off      int
	next     int // offset of the entry that follows in the file
	tag      dwarf.Tag
	null     bool // ends a list of children
	children bool

	name, linkage, typ, specification, origin debuginfo.Value
	size, align, count, upper, location       debuginfo.Value
	encoding, constant, discr                 debuginfo.Value
	declFile, declLine                        debuginfo.Value
	external, declaration, noreturn, lowpc    debuginfo.Value
	ranges                                    debuginfo.Value
}

// slot returns where d keeps attribute a, or nil if nobody wants it.
func (d *die) slot(a dwarf.Attr) *debuginfo.Value {
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
	}
	return nil
}

// read decodes the entry at off of .debug_info into d. It replaces all of d.
func (r *reader) read(u *debuginfo.Unit, off int, d *die) error {
	c := r.Entry(u, off)
	a, err := u.Abbrev(&c)
	if err != nil {
		return err
	}
	if a == nil {
		*d = die{unit: u, off: off, next: c.Off, null: true}
		return r.Charge(1)
	}
	*d = die{unit: u, off: off, tag: dwarf.Tag(a.Tag), children: a.Children}
	if err := r.Charge(1 + len(a.Fields)); err != nil {
		return err
	}
	for i := range a.Fields {
		f := &a.Fields[i]
		v := u.Value(&c, f)
		if slot := d.slot(dwarf.Attr(f.Attr)); slot != nil {
			*slot = v
		}
	}
	if c.Err != nil {
		return fmt.Errorf(".debug_info+%#x: %w", off, c.Err)
	}
	d.next = c.Off
	return nil
}

// peek is read without the values, which it steps over.
func (r *reader) peek(u *debuginfo.Unit, off int, d *die) error {
	c := r.Entry(u, off)
	a, err := u.Abbrev(&c)
	if err != nil || a == nil || a.Fixed < 0 {
		return r.read(u, off, d)
	}
	c.Skip(uint64(a.Fixed))
	if c.Err != nil {
		return fmt.Errorf(".debug_info+%#x: %w", off, c.Err)
	}
	*d = die{unit: u, off: off, next: c.Off, tag: dwarf.Tag(a.Tag), children: a.Children}
	return r.Charge(1)
}

// tag returns the tag of the entry at off, or 0.
func (r *reader) tag(u *debuginfo.Unit, off int) dwarf.Tag {
	c := r.Entry(u, off)
	if a, err := u.Abbrev(&c); err == nil && a != nil {
		return dwarf.Tag(a.Tag)
	}
	return 0
}
