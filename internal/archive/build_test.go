package archive

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// builder writes archives by hand, including broken ones.
type builder struct{ b []byte }

func newArchive() *builder { return &builder{[]byte(magic)} }
func newThin() *builder    { return &builder{[]byte(thinMagic)} }

// raw appends a header with exactly these fields, then body.
func (b *builder) raw(name, date, uid, gid, mode, size, body string) *builder {
	b.b = fmt.Appendf(b.b, "%-16s%-12s%-6s%-6s%-8s%-10s`\n%s", name, date, uid, gid, mode, size, body)
	return b
}

// member appends a member with its pad byte.
func (b *builder) member(name, body string) *builder {
	b.raw(name, "0", "0", "0", "644", fmt.Sprint(len(body)), body)
	if len(body)%2 != 0 {
		b.b = append(b.b, '\n')
	}
	return b
}

// blank appends a member like rustc's tables: all fields but size are spaces.
func (b *builder) blank(name, body string) *builder {
	b.raw(name, "", "", "", "", fmt.Sprint(len(body)), body)
	if len(body)%2 != 0 {
		b.b = append(b.b, '\n')
	}
	return b
}

// bsd appends a member with its name in front of its data.
func (b *builder) bsd(name, body string) *builder {
	return b.member(fmt.Sprintf("#1/%d", len(name)), name+body)
}

// external appends the header of a thin archive's member.
func (b *builder) external(name string, size int) *builder {
	return b.raw(name, "0", "0", "0", "644", fmt.Sprint(size), "")
}

// order is a byte order that can also append.
type order interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// words encodes integers of 4 or 8 bytes.
func words(o order, size int, values ...int) string {
	var b []byte
	for _, v := range values {
		if size == 8 {
			b = o.AppendUint64(b, uint64(v))
		} else {
			b = o.AppendUint32(b, uint32(v))
		}
	}
	return string(b)
}

// gnuTable encodes a GNU symbol table: the names and, for each, an offset.
func gnuTable(size int, names []string, offsets ...int) string {
	return words(binary.BigEndian, size, len(names)) +
		words(binary.BigEndian, size, offsets...) +
		strings.Join(names, "\x00") + "\x00"
}

// bsdTable encodes a BSD symbol table.
func bsdTable(size int, names []string, offsets ...int) string {
	var pairs []int
	var text string
	for i, name := range names {
		pairs = append(pairs, len(text), offsets[i])
		text += name + "\x00"
	}
	return words(binary.LittleEndian, size, len(pairs)*size) +
		words(binary.LittleEndian, size, pairs...) +
		words(binary.LittleEndian, size, len(text)) + text
}

// coffTable encodes the second linker member of COFF. The indices count from 1.
func coffTable(offsets []int, names []string, indices ...int) string {
	b := []byte(words(binary.LittleEndian, 4, len(offsets)) +
		words(binary.LittleEndian, 4, offsets...) +
		words(binary.LittleEndian, 4, len(names)))
	for _, i := range indices {
		b = binary.LittleEndian.AppendUint16(b, uint16(i))
	}
	return string(b) + strings.Join(names, "\x00") + "\x00"
}

// at returns the offset of the first member after a table of tableSize bytes,
// and those of the members that follow it, with bodies of the given sizes.
func at(tableSize int, sizes ...int) []int {
	off := len(magic) + headerSize + tableSize + tableSize&1
	offsets := []int{off}
	for _, n := range sizes {
		off += headerSize + n + n&1
		offsets = append(offsets, off)
	}
	return offsets
}
