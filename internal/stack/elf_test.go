package stack

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
)

// ELF relocation types (System V x86-64 psABI, table 4.9).
const (
	rAbs64    = 1
	rPC32     = 2
	rPLT32    = 4
	rGOTPCREL = 9
)

// testSection is a section of a hand-made object. Each defines one symbol of
// its name at its start.
type testSection struct {
	name   string
	kind   string // "text", "rodata", "relro", "data"; empty is text
	code   string // hexadecimal, spaces allowed
	relocs []testReloc
	// labels are more functions in the section.
	labels map[string]int64
}

type testReloc struct {
	off    uint64
	typ    uint32
	symbol string
	addend int64
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// object writes a relocatable ELF object.
func object(t testing.TB, sections []testSection) []byte {
	t.Helper()
	type header struct {
		name, typ              uint32
		flags, addr, off, size uint64
		link, info             uint32
		align, entsize         uint64
		data                   []byte
	}
	names, strtab := []byte{0}, []byte{0}
	str := func(table *[]byte, s string) uint32 {
		n := len(*table)
		*table = append(append(*table, s...), 0)
		return uint32(n)
	}
	type symbol struct {
		name    uint32
		info    byte
		other   byte
		section uint16
		value   uint64
		size    uint64
	}
	symbols := []symbol{{}}
	index := map[string]int{}
	headers := []header{{}}
	symtab := uint32(2*len(sections) + 1)
	for i, s := range sections {
		typ, flags := byte(0x12), uint64(2|4) // a global function; alloc, exec
		switch s.kind {
		case "rodata":
			typ, flags = 0x11, 2
		case "relro", "data":
			typ, flags = 0x11, 2|1
		}
		prefix := map[string]string{"": ".text.", "rodata": ".rodata.", "relro": ".data.rel.ro.", "data": ".data."}[s.kind]
		code := unhex(t, s.code)
		headers = append(headers, header{name: str(&names, prefix+s.name), typ: 1, flags: flags, align: 16, data: code},
			header{name: str(&names, ".rela"+prefix+s.name), typ: 4, link: symtab, info: uint32(2*i + 1), align: 8, entsize: 24})
		index[s.name] = len(symbols)
		symbols = append(symbols, symbol{str(&strtab, s.name), typ, 0, uint16(2*i + 1), 0, uint64(len(code))})
		for label, off := range s.labels {
			index[label] = len(symbols)
			symbols = append(symbols, symbol{str(&strtab, label), typ, 0, uint16(2*i + 1), uint64(off), 0})
		}
	}
	le := binary.LittleEndian
	for i, s := range sections {
		for _, r := range s.relocs {
			n, ok := index[r.symbol]
			if !ok {
				t.Fatalf("no symbol %s", r.symbol)
			}
			b := le.AppendUint64(nil, r.off)
			b = le.AppendUint64(b, uint64(n)<<32|uint64(r.typ))
			headers[2*i+2].data = append(headers[2*i+2].data, le.AppendUint64(b, uint64(r.addend))...)
		}
	}
	var table bytes.Buffer
	_ = binary.Write(&table, le, symbols)
	headers = append(headers, header{name: str(&names, ".symtab"), typ: 2, link: symtab + 1, info: 1, align: 8, entsize: 24, data: table.Bytes()},
		header{name: str(&names, ".strtab"), typ: 3, align: 1, data: strtab})
	headers = append(headers, header{name: str(&names, ".shstrtab"), typ: 3, align: 1})
	headers[len(headers)-1].data = names

	out := make([]byte, 64)
	copy(out, "\x7fELF\x02\x01\x01")
	le.PutUint16(out[16:], 1)
	le.PutUint16(out[18:], 62)
	le.PutUint32(out[20:], 1)
	le.PutUint16(out[52:], 64)
	le.PutUint16(out[58:], 64)
	le.PutUint16(out[60:], uint16(len(headers)))
	le.PutUint16(out[62:], uint16(len(headers)-1))
	for i := range headers {
		h := &headers[i]
		for len(out)%16 != 0 {
			out = append(out, 0)
		}
		h.off, h.size = uint64(len(out)), uint64(len(h.data))
		out = append(out, h.data...)
	}
	for len(out)%16 != 0 {
		out = append(out, 0)
	}
	le.PutUint64(out[40:], uint64(len(out)))
	for _, h := range headers {
		out = le.AppendUint32(out, h.name)
		out = le.AppendUint32(out, h.typ)
		for _, v := range []uint64{h.flags, h.addr, h.off, h.size} {
			out = le.AppendUint64(out, v)
		}
		out = le.AppendUint32(out, h.link)
		out = le.AppendUint32(out, h.info)
		out = le.AppendUint64(out, h.align)
		out = le.AppendUint64(out, h.entsize)
	}
	return out
}

// analyze analyses a hand-made object with its first section as the root.
func analyze(t testing.TB, sections ...testSection) *Analysis {
	t.Helper()
	return analyzeFile(t, "test.o", object(t, sections), sections[0].name)
}

func analyzeFile(t testing.TB, name string, data []byte, roots ...string) *Analysis {
	t.Helper()
	a, err := Analyze(resolve(t, name, data, roots...))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func resolve(t testing.TB, name string, data []byte, roots ...string) *link.Set {
	t.Helper()
	lib, err := link.Open(name, data, nil)
	if err != nil {
		t.Fatal(err)
	}
	set, err := link.Resolve([]*link.Library{lib}, roots)
	if err != nil {
		t.Fatal(err)
	}
	return set
}
