package archive

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"iter"
	"math"
	"math/bits"
)

// A symbol table says which member defines which global symbol, so that a
// linker need not open all members. It names a member by the offset of its
// header. The forms, with N symbols:
//
//	gnu32, "/"            count N          u32, big-endian
//	                      N offsets        u32, big-endian
//	                      N names          each ended by a zero byte
//
//	gnu64, "/SYM64/"      the same with u64
//
//	coff, second "/"      count M          u32, little-endian
//	                      M offsets        u32, of all members
//	                      count N          u32
//	                      N indices        u16, 1 for the first of the M
//	                      N names          sorted; each ended by a zero byte
//
//	bsd32, __.SYMDEF      bytes of pairs   u32, little-endian here
//	                      N pairs          u32 offset in names, u32 member
//	                      bytes of names   u32
//	                      names            each ended by a zero byte
//
//	bsd64, __.SYMDEF_64   the same with u64
//
// BSD's is in the byte order of the machine; all we know are little-endian. COFF
// is specified in "PE Format", Archive (Library) File Format: the second member
// repeats the first, which is the gnu32 form, and is used if that is broken.
type table struct {
	kind      tableKind
	off, size int64
}

type tableKind uint8

const (
	gnu32 tableKind = iota
	gnu64
	coff
	bsd32
	bsd64
)

var symdefs = map[string]tableKind{
	"__.SYMDEF":           bsd32,
	"__.SYMDEF SORTED":    bsd32,
	"__.SYMDEF_64":        bsd64,
	"__.SYMDEF_64 SORTED": bsd64,
}

// symbols is a decoded table with a hash index over it. The names stay where
// they are in the archive: a map[string]int32 takes twice the time to build and
// four times the memory, see BenchmarkParseLarge.
type symbols struct {
	text    []byte // names
	spans   []span // name of each symbol, in text
	members []int32

	// Open addressing: slots holds 1 + the first symbol of a name, and next
	// links a symbol to the next of its name, in table order. next is nil while
	// no name repeats.
	seed  maphash.Seed
	slots []int32
	next  []int32
}

type span struct{ start, end uint32 }

// HasSymbols reports whether there is a usable symbol table that is not empty. A
// table that is absurd in any way (a count larger than the table, an offset that
// is no member's) is not used at all. An empty one proves nothing: GNU ar writes
// it for objects with bitcode that is newer than its LLVM plugin. Without symbols
// callers scan all members.
func (f *File) HasSymbols() bool { return f.symbols() != nil }

// SymbolCount returns the number of entries of the symbol table.
func (f *File) SymbolCount() int {
	if t := f.symbols(); t != nil {
		return len(t.members)
	}
	return 0
}

// Defines returns the indices of the members that define symbol according to the
// symbol table, in the order of the table. The result must not be modified. It is
// safe to call from several goroutines.
func (f *File) Defines(symbol string) []int32 {
	if t := f.symbols(); t != nil {
		return t.lookup(symbol)
	}
	return nil
}

// All iterates over the symbol table in its order: name and member index. The
// names are copies and outlive the archive's bytes.
func (f *File) All() iter.Seq2[string, int32] {
	return func(yield func(string, int32) bool) {
		t := f.symbols()
		if t == nil {
			return
		}
		text := string(t.text) // one copy, which all names share
		for i, s := range t.spans {
			if !yield(text[s.start:s.end], t.members[i]) {
				return
			}
		}
	}
}

func (f *File) symbols() *symbols {
	f.once.Do(func() {
		for _, t := range f.tables {
			if syms := f.decode(t); syms != nil && len(syms.members) > 0 {
				syms.index()
				f.syms = syms
				return
			}
		}
	})
	return f.syms
}

// decode returns nil if the table is not usable.
func (f *File) decode(t table) *symbols {
	data := f.data[t.off : t.off+t.size]
	switch t.kind {
	case gnu32:
		return f.decodeGNU(data, 4, func(b []byte) uint64 { return uint64(binary.BigEndian.Uint32(b)) })
	case gnu64:
		return f.decodeGNU(data, 8, binary.BigEndian.Uint64)
	case coff:
		return f.decodeCOFF(data)
	case bsd32:
		return f.decodeBSD(data, 4, func(b []byte) uint64 { return uint64(binary.LittleEndian.Uint32(b)) })
	case bsd64:
		return f.decodeBSD(data, 8, binary.LittleEndian.Uint64)
	}
	panic("internal error: unknown symbol table kind")
}

func (f *File) decodeGNU(data []byte, word int, get func([]byte) uint64) *symbols {
	if len(data) < word {
		return nil
	}
	count := get(data)
	data = data[word:]
	// A symbol takes a word and at least the end of its name.
	if count > uint64(len(data)/(word+1)) {
		return nil
	}
	n := int(count)
	t := &symbols{text: data[n*word:], members: make([]int32, n)}
	find := f.finder()
	for i := range t.members {
		member, ok := find(get(data[i*word:]))
		if !ok {
			return nil
		}
		t.members[i] = member
	}
	if !t.splitNames() {
		return nil
	}
	return t
}

func (f *File) decodeCOFF(data []byte) *symbols {
	if len(data) < 4 {
		return nil
	}
	offsetCount := uint64(binary.LittleEndian.Uint32(data))
	data = data[4:]
	if offsetCount > uint64(len(data)/4) {
		return nil
	}
	offsets := data[:offsetCount*4]
	data = data[len(offsets):]
	if len(data) < 4 {
		return nil
	}
	count := uint64(binary.LittleEndian.Uint32(data))
	data = data[4:]
	if count > uint64(len(data)/3) {
		return nil
	}
	n := int(count)
	t := &symbols{text: data[n*2:], members: make([]int32, n)}
	find := f.finder()
	for i := range t.members {
		k := int(binary.LittleEndian.Uint16(data[i*2:])) - 1
		if k < 0 || k >= len(offsets)/4 {
			return nil
		}
		member, ok := find(uint64(binary.LittleEndian.Uint32(offsets[k*4:])))
		if !ok {
			return nil
		}
		t.members[i] = member
	}
	if !t.splitNames() {
		return nil
	}
	return t
}

func (f *File) decodeBSD(data []byte, word int, get func([]byte) uint64) *symbols {
	if len(data) < 2*word {
		return nil
	}
	pairBytes := get(data)
	data = data[word:]
	if pairBytes > uint64(len(data)-word) || pairBytes%uint64(2*word) != 0 {
		return nil
	}
	pairs := data[:pairBytes]
	data = data[pairBytes:]
	textBytes := get(data)
	data = data[word:]
	if textBytes > uint64(len(data)) || textBytes > math.MaxUint32 {
		return nil
	}
	n := len(pairs) / (2 * word)
	t := &symbols{text: data[:textBytes], spans: make([]span, n), members: make([]int32, n)}
	find := f.finder()
	// Pairs may share a name, but tables that make every pair share a long one
	// must not cost time that grows with the square of their size.
	budget := 16*len(t.text) + 1<<16
	for i := range n {
		start, header := get(pairs[2*i*word:]), get(pairs[(2*i+1)*word:])
		if start >= textBytes {
			return nil
		}
		length := bytes.IndexByte(t.text[start:], 0)
		if budget -= length; length < 0 || budget < 0 {
			return nil
		}
		member, ok := find(header)
		if !ok {
			return nil
		}
		t.spans[i] = span{uint32(start), uint32(start) + uint32(length)}
		t.members[i] = member
	}
	return t
}

// finder returns a function like MemberAt that remembers its last answer: the
// symbols of a member mostly follow each other.
func (f *File) finder() func(header uint64) (int32, bool) {
	last, index := uint64(0), int32(-1) // no header is at 0
	return func(header uint64) (int32, bool) {
		if header == last {
			return index, index >= 0
		}
		if header > math.MaxInt64 {
			return -1, false
		}
		i, ok := f.MemberAt(int64(header))
		if ok {
			last, index = header, i
		}
		return i, ok
	}
}

// splitNames sets the spans of len(t.members) names that follow each other in
// t.text. It reports whether all were there.
func (t *symbols) splitNames() bool {
	if uint64(len(t.text)) > math.MaxUint32 {
		return false
	}
	t.spans = make([]span, len(t.members))
	at := 0
	for i := range t.spans {
		n := bytes.IndexByte(t.text[at:], 0)
		if n < 0 {
			return false
		}
		t.spans[i] = span{uint32(at), uint32(at + n)}
		at += n + 1
	}
	t.text = t.text[:at]
	return true
}

// index builds the hash table, at most half full.
func (t *symbols) index() {
	n := len(t.spans)
	t.seed = maphash.MakeSeed()
	t.slots = make([]int32, 1<<bits.Len(uint(2*n-1)))
	// From the last to the first, so that prepending to the list of a name
	// leaves the list in table order.
	for i := n - 1; i >= 0; i-- {
		name := t.name(i)
		slot := t.slot(maphash.Bytes(t.seed, name), name)
		if first := t.slots[slot]; first != 0 {
			if t.next == nil {
				t.next = make([]int32, n)
			}
			t.next[i] = first
		}
		t.slots[slot] = int32(i) + 1
	}
}

func (t *symbols) name(i int) []byte {
	s := t.spans[i]
	return t.text[s.start:s.end]
}

// slot returns the slot that holds name, or the free one where it belongs.
func (t *symbols) slot(hash uint64, name []byte) int {
	mask := len(t.slots) - 1
	i := int(hash) & mask
	for t.slots[i] != 0 && !bytes.Equal(t.name(int(t.slots[i])-1), name) {
		i = (i + 1) & mask
	}
	return i
}

func (t *symbols) lookup(symbol string) []int32 {
	i := t.slots[t.slot(maphash.String(t.seed, symbol), []byte(symbol))] - 1
	if i < 0 {
		return nil
	}
	if t.next == nil || t.next[i] == 0 {
		return t.members[i : i+1 : i+1]
	}
	var all []int32
	for ; i >= 0; i = t.next[i] - 1 {
		all = append(all, t.members[i])
	}
	return all
}
