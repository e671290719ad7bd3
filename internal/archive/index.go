package archive

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// An index is a symbol table to be written; see table for its forms. Its size
// does not depend on the offsets in it, so it is known before they are.
type index struct {
	format  Format
	word    int // bytes of an integer: 4 or 8
	symbols int
	text    int // bytes of the names, each with its zero byte
}

// newIndex counts what the index of members has to hold.
func newIndex(format Format, members []Input) (*index, error) {
	x := &index{format: format, word: 4}
	for _, m := range members {
		for _, s := range m.Symbols {
			if strings.Contains(s, "\x00") {
				return nil, fmt.Errorf("member %q: symbol %q contains a zero byte", m.Name, s)
			}
			x.symbols++
			x.text += len(s) + 1
		}
	}
	return x, nil
}

// build returns the entry of the index. It stands in front of tables, and these
// in front of the entries of the members. From limit on, the offset of a header
// in bytes needs a word of 64 bits.
func (x *index) build(members []Input, entries, tables []entry, limit int64) entry {
	first := int64(len(magic)) // offset of the first member
	for i := range tables {
		first += tables[i].span()
	}
	last := first
	for i := range entries[:max(len(entries)-1, 0)] {
		last += entries[i].span()
	}
	e := x.entry()
	if last+e.span() >= limit {
		x.word = 8
		e = x.entry()
	}
	first += e.span()

	// From here on offsets are final. What is left of the data is zeros.
	b := e.data[:0]
	if x.format == Darwin {
		b = x.appendBSD(b, members, entries, first)
	} else {
		b = x.appendGNU(b, members, entries, first)
	}
	if len(b) > len(e.data) {
		panic(fmt.Sprintf("internal error: symbol index of %d bytes instead of %d", len(b), len(e.data)))
	}
	return e
}

// size returns the bytes of the index. Members that follow it stay aligned, as
// Marshal promises.
func (x *index) size() int {
	if x.format == Darwin {
		n := 2*x.word + 2*x.word*x.symbols + x.text
		return n + padding(n, 8)
	}
	n := x.word + x.word*x.symbols + x.text
	return n + padding(n, 2)
}

// entry returns the entry of the index, with zeros for its data.
func (x *index) entry() entry {
	e := entry{data: make([]byte, x.size())}
	switch {
	case x.format != Darwin && x.word == 4:
		e.field = "/"
	case x.format != Darwin:
		e.field = "/SYM64/"
	case x.word == 4:
		e.name = []byte("__.SYMDEF\x00\x00\x00")
	default:
		e.name = []byte("__.SYMDEF_64")
	}
	if len(e.name) > 0 {
		// With the magic and the header these 12 bytes make 80, so that the
		// index is aligned.
		e.field = fmt.Sprintf("#1/%d", len(e.name))
	}
	return e
}

// appendGNU appends the forms gnu32 and gnu64. The first entry is at off.
func (x *index) appendGNU(b []byte, members []Input, entries []entry, off int64) []byte {
	b = x.appendWord(b, binary.BigEndian, int64(x.symbols))
	for i, m := range members {
		for range m.Symbols {
			b = x.appendWord(b, binary.BigEndian, off)
		}
		off += entries[i].span()
	}
	return appendNames(b, members)
}

// appendBSD appends the forms bsd32 and bsd64. The first entry is at off.
//
// <mach-o/ranlib.h> knows two orders of the pairs: that of the members and their
// symbol tables, which is __.SYMDEF, and that of the names, which is __.SYMDEF
// SORTED. This is the first, as in LLVM.
func (x *index) appendBSD(b []byte, members []Input, entries []entry, off int64) []byte {
	b = x.appendWord(b, binary.LittleEndian, int64(2*x.word*x.symbols))
	text := int64(0)
	for i, m := range members {
		for _, s := range m.Symbols {
			b = x.appendWord(b, binary.LittleEndian, text)
			b = x.appendWord(b, binary.LittleEndian, off)
			text += int64(len(s)) + 1
		}
		off += entries[i].span()
	}
	b = x.appendWord(b, binary.LittleEndian, text)
	return appendNames(b, members)
}

func (x *index) appendWord(b []byte, order binary.AppendByteOrder, n int64) []byte {
	if x.word == 8 {
		return order.AppendUint64(b, uint64(n))
	}
	return order.AppendUint32(b, uint32(n))
}

func appendNames(b []byte, members []Input) []byte {
	for _, m := range members {
		for _, s := range m.Symbols {
			b = append(append(b, s...), 0)
		}
	}
	return b
}
