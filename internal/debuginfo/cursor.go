package debuginfo

import (
	"bytes"
	"encoding/binary"
	"errors"
)

var (
	errTruncated = errors.New("truncated")
	errWork      = errors.New("the debug information takes too long to read")
)

// A Cursor decodes little-endian fields of one section. The first error sticks
// and everything read after it is zero.
type Cursor struct {
	Data []byte
	Off  int
	Err  error
}

// Fail notes the first error, and ends what can be read.
func (c *Cursor) Fail(err error) {
	if c.Err == nil {
		c.Err = err
	}
	c.Off = len(c.Data)
}

// Take returns the next n bytes, or nil.
func (c *Cursor) Take(n uint64) []byte {
	if c.Err != nil || n > uint64(len(c.Data)-c.Off) {
		c.Fail(errTruncated)
		return nil
	}
	b := c.Data[c.Off : c.Off+int(n)]
	c.Off += int(n)
	return b
}

// Skip steps over n bytes.
func (c *Cursor) Skip(n uint64) { c.Take(n) }

// Uint reads an unsigned field of 1 to 8 bytes.
func (c *Cursor) Uint(width int) uint64 {
	b := c.Take(uint64(width))
	if b == nil {
		return 0
	}
	switch width {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	case 8:
		return binary.LittleEndian.Uint64(b)
	}
	var v uint64
	for i, x := range b {
		v |= uint64(x) << (8 * i)
	}
	return v
}

// Offset reads a section offset, whose width depends on the DWARF format.
func (c *Cursor) Offset(is64 bool) uint64 {
	if is64 {
		return c.Uint(8)
	}
	return c.Uint(4)
}

// UnitLength reads an initial length (DWARF 5, section 7.4).
func (c *Cursor) UnitLength() (n uint64, is64 bool) {
	switch n = c.Uint(4); {
	case n == 0xffffffff:
		return c.Uint(8), true
	case n >= 0xfffffff0:
		c.Fail(errors.New("reserved unit length"))
	}
	return n, false
}

// Uleb reads an unsigned number in LEB128 (DWARF 5, section 7.6).
func (c *Cursor) Uleb() uint64 {
	var v uint64
	for shift := 0; c.Off < len(c.Data) && shift < 70; shift += 7 {
		b := c.Data[c.Off]
		c.Off++
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v
		}
	}
	c.Fail(errTruncated)
	return 0
}

// Sleb reads a signed number in LEB128.
func (c *Cursor) Sleb() int64 {
	var v int64
	for shift := 0; c.Off < len(c.Data) && shift < 70; {
		b := c.Data[c.Off]
		c.Off++
		v |= int64(b&0x7f) << shift
		shift += 7
		if b < 0x80 {
			if shift < 64 && b&0x40 != 0 {
				v |= -1 << shift
			}
			return v
		}
	}
	c.Fail(errTruncated)
	return 0
}

// CString returns the bytes up to the next NUL and skips both.
func (c *Cursor) CString() []byte {
	n := bytes.IndexByte(c.Data[c.Off:], 0)
	if n < 0 || c.Err != nil {
		c.Fail(errTruncated)
		return nil
	}
	b := c.Data[c.Off : c.Off+n]
	c.Off += n + 1
	return b
}
