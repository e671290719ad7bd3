package signature

import (
	"bytes"
	"encoding/binary"
	"errors"
)

var (
	errTruncated = errors.New("truncated")
	errWork      = errors.New("the debug information takes too long to read")
)

// A cursor decodes little-endian fields of one section. The first error sticks
// and everything read after it is zero.
type cursor struct {
	data []byte
	off  int
	err  error
}

func (c *cursor) fail(err error) {
	if c.err == nil {
		c.err = err
	}
	c.off = len(c.data)
}

// take returns the next n bytes, or nil.
func (c *cursor) take(n uint64) []byte {
	if c.err != nil || n > uint64(len(c.data)-c.off) {
		c.fail(errTruncated)
		return nil
	}
	b := c.data[c.off : c.off+int(n)]
	c.off += int(n)
	return b
}

func (c *cursor) skip(n uint64) { c.take(n) }

// uint reads an unsigned field of 1 to 8 bytes.
func (c *cursor) uint(width int) uint64 {
	b := c.take(uint64(width))
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

// offset reads a section offset, whose width depends on the DWARF format.
func (c *cursor) offset(is64 bool) uint64 {
	if is64 {
		return c.uint(8)
	}
	return c.uint(4)
}

// unitLength reads an initial length (DWARF 5, section 7.4).
func (c *cursor) unitLength() (n uint64, is64 bool) {
	switch n = c.uint(4); {
	case n == 0xffffffff:
		return c.uint(8), true
	case n >= 0xfffffff0:
		c.fail(errors.New("reserved unit length"))
	}
	return n, false
}

func (c *cursor) uleb() uint64 {
	var v uint64
	for shift := 0; c.off < len(c.data) && shift < 70; shift += 7 {
		b := c.data[c.off]
		c.off++
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v
		}
	}
	c.fail(errTruncated)
	return 0
}

func (c *cursor) sleb() int64 {
	var v int64
	for shift := 0; c.off < len(c.data) && shift < 70; {
		b := c.data[c.off]
		c.off++
		v |= int64(b&0x7f) << shift
		shift += 7
		if b < 0x80 {
			if shift < 64 && b&0x40 != 0 {
				v |= -1 << shift
			}
			return v
		}
	}
	c.fail(errTruncated)
	return 0
}

// cstring returns the bytes up to the next NUL and skips both.
func (c *cursor) cstring() []byte {
	n := bytes.IndexByte(c.data[c.off:], 0)
	if n < 0 || c.err != nil {
		c.fail(errTruncated)
		return nil
	}
	b := c.data[c.off : c.off+n]
	c.off += n + 1
	return b
}
