package elfmacho

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// file changes a marshalled object in place.
type file struct{ b []byte }

func (f *file) set16(at int, v uint16) { binary.LittleEndian.PutUint16(f.b[at:], v) }
func (f *file) set32(at int, v uint32) { binary.LittleEndian.PutUint32(f.b[at:], v) }
func (f *file) set64(at int, v uint64) { binary.LittleEndian.PutUint64(f.b[at:], v) }

func (f *file) section(i int) *file {
	off := binary.LittleEndian.Uint64(f.b[40:])
	return &file{f.b[off+uint64(i)*elfSectionSize:]}
}

// typed returns the header of the n-th section of a type.
func (f *file) typed(typ uint32, n int) *file {
	for i := 0; ; i++ {
		s := f.section(i)
		if binary.LittleEndian.Uint32(s.b[4:]) == typ {
			if n == 0 {
				return s
			}
			n--
		}
	}
}

// content is what a section header points to.
func (f *file) content(s *file) *file { return &file{f.b[binary.LittleEndian.Uint64(s.b[24:]):]} }

func patch(data []byte, f func(*file)) []byte {
	data = bytes.Clone(data)
	f(&file{data})
	return data
}

// malformed are changes to sample and what Parse, or Relocs of a section, says.
var malformed = []struct {
	name string
	edit func(f *file)
	want string
}{
	{"32 bits", func(f *file) { f.b[4] = 1 }, "a 32-bit ELF object; only 64-bit objects can go into a Go program at offset 0x4"},
	{"big endian", func(f *file) { f.b[5] = 2 }, "a big-endian ELF object; only little-endian targets are supported at offset 0x5"},
	{"other machine", func(f *file) { f.set16(18, 22) }, "an object for s390x; supported are amd64, arm64 and riscv64 at offset 0x12"},
	{"other calling convention", func(f *file) { f.set16(18, 243) }, "an object for another calling convention than lp64d (e_flags 0x0) at offset 0x30"},
	{"relocations of another machine", func(f *file) { f.set16(18, 183) }, ".text.f+0x1: unknown relocation type 4"},
	{"unknown machine", func(f *file) { f.set16(18, 9999) }, "an object for an unknown machine (e_machine 9999) at offset 0x12"},
	{"executable", func(f *file) { f.set16(16, 2) }, "an executable, not a relocatable object at offset 0x10"},
	{"shared library", func(f *file) { f.set16(16, 3) }, "a shared library, not a relocatable object at offset 0x10"},
	{"no section headers", func(f *file) { f.set64(40, 0) }, "no section headers at offset 0x28"},
	{"section headers past the end", func(f *file) { f.set64(40, 1<<62) }, "section headers end past the file at offset 0x28"},
	{"lying e_shnum", func(f *file) { f.set16(60, 0xfe00) }, "65024 section headers end past the file at offset 0x28"},
	{"no sections at all", func(f *file) { f.set16(60, 0) }, "no section headers"},
	{"absurd extended count", func(f *file) { f.set16(60, 0); f.section(0).set64(32, 1<<60) }, "1152921504606846976 section headers end past the file"},
	{"section header size", func(f *file) { f.set16(58, 40) }, "section header size 40, want 64 at offset 0x3a"},
	{"section names out of range", func(f *file) { f.set16(62, 999) }, "section names: section index 999 out of range"},
	{"section 0 with contents", func(f *file) { f.set16(62, 0); f.section(0).set32(4, 1); f.section(0).set64(32, 1<<62) }, "section names: section index 0 out of range"},
	{"section name out of range", func(f *file) { f.section(2).set32(0, 1<<30) }, "section 2: name offset 0x40000000 is not in the string table, or has no end"},
	{"section past the end", func(f *file) { f.section(2).set64(32, 1<<40) }, "section 2 (1099511627776 bytes) ends past the file"},
	{"section size wraps", func(f *file) { f.section(2).set64(24, 1<<63); f.section(2).set64(32, 1<<63) }, "section 2 (9223372036854775808 bytes) ends past the file"},
	{"sections overlap", func(f *file) {
		for i := 2; i < 6; i++ {
			f.section(i).set64(24, 0)
			f.section(i).set64(32, uint64(len(f.b)/3))
		}
	}, "sections overlap: together they are larger than the file"},
	{"alignment is no power of two", func(f *file) { f.section(2).set64(48, 12) }, "section .text.f: alignment 12 is not a power of two up to 536870912"},
	{"alignment is absurd", func(f *file) { f.section(2).set64(48, 1<<40) }, "section .text.f: alignment 1099511627776 is not a power of two up to 536870912"},
	{"writable and executable", func(f *file) { f.section(2).set64(8, 7) }, "section .text.f: both writable and executable"},
	{"code without contents", func(f *file) { f.section(2).set32(4, shtNobits) }, "section .text.f: executable without contents"},
	{"compressed code", func(f *file) { f.section(2).set64(8, shfAlloc|shfExec|shfCompressed) }, "section .text.f: compressed, but part of the program"},
	{"link order out of range", func(f *file) { f.section(9).set32(40, 77) }, "section .rodata.c: sh_link 77 out of range"},
	{"unterminated strings", func(f *file) { f.section(9).set64(8, shfAlloc|shfMerge|shfStrings); f.section(9).set64(56, 1) }, "section .rodata.c: the last string has no end"},
	{"second symbol table", func(f *file) { f.section(4).set32(4, shtSymtab) }, "a second symbol table"},
	{"symbol table size", func(f *file) { s := f.typed(shtSymtab, 0); s.set64(32, 25) }, "symbol table of 25 bytes is not a multiple of 24"},
	{"symbol names out of range", func(f *file) { f.typed(shtSymtab, 0).set32(40, 99) }, "symbol names: section index 99 out of range"},
	{"symbol name out of range", func(f *file) { f.content(f.typed(shtSymtab, 0)).set32(24, 1<<20) }, "symbol 1: name offset 0x100000 is not in the string table, or has no end"},
	{"symbol name without end", func(f *file) {
		s := f.typed(shtStrtab, 0)
		off := binary.LittleEndian.Uint64(s.b[24:])
		size := binary.LittleEndian.Uint64(s.b[32:])
		f.b[off+size-1] = 'x'
		f.content(f.typed(shtSymtab, 0)).set32(24, uint32(size)-1)
	}, "is not in the string table, or has no end"},
	{"unknown binding", func(f *file) { f.content(f.typed(shtSymtab, 0)).b[4*24+4] = 0x52 }, "symbol f: unknown binding or type (st_info 0x52)"},
	{"unknown type", func(f *file) { f.content(f.typed(shtSymtab, 0)).b[4*24+4] = 0x1d }, "symbol f: unknown binding or type (st_info 0x1d)"},
	{"symbol section out of range", func(f *file) { f.content(f.typed(shtSymtab, 0)).set16(4*24+6, 200) }, "symbol f: section index 200 out of range"},
	{"reserved section index", func(f *file) { f.content(f.typed(shtSymtab, 0)).set16(4*24+6, 0xff20) }, "symbol f: reserved section index 0xff20"},
	{"no extended index", func(f *file) { f.content(f.typed(shtSymtab, 0)).set16(4*24+6, 0xffff) }, "symbol f: no entry in the extended section index table"},
	{"symbol past its section", func(f *file) { f.content(f.typed(shtSymtab, 0)).set64(4*24+8, 7) }, "symbol f: offset 0x7 is past the end of section .text.f (0x6 bytes)"},
	{"alignment of a common symbol", func(f *file) { f.content(f.typed(shtSymtab, 0)).set64(8*24+8, 3) }, "common symbol common: alignment 3 is not a power of two"},
	{"relocations without addends", func(f *file) { f.typed(shtRela, 0).set32(4, shtRel) }, "section .rela.text.f: relocations without addends, which no compiler for amd64 writes"},
	{"compact relocations", func(f *file) { f.typed(shtRela, 0).set32(4, shtCrel) }, "section .rela.text.f: compact relocations (section type 0x40000014) are not supported"},
	{"relocations of section 0", func(f *file) { f.typed(shtRela, 0).set32(44, 0) }, "relocation section .rela.text.f: target section 0 out of range"},
	{"relocations out of range", func(f *file) { f.typed(shtRela, 0).set32(44, 1000) }, "relocation section .rela.text.f: target section 1000 out of range"},
	{"relocations of bss", func(f *file) { f.typed(shtRela, 0).set32(44, 5) }, "relocation section .rela.text.f: section .bss.b has no contents"},
	{"relocations twice", func(f *file) { f.typed(shtRela, 0).set32(44, 3) }, "relocation section .rela.data.rel.ro.t: section .data.rel.ro.t has another one"},
	{"relocations of other symbols", func(f *file) { f.typed(shtRela, 0).set32(40, 3) }, "relocation section .rela.text.f: sh_link 3 is not the symbol table"},
	{"size of relocations", func(f *file) { f.typed(shtRela, 0).set64(32, 23) }, "relocation section .rela.text.f: 23 bytes is not a multiple of 24"},
	{"relocation offset", func(f *file) { f.content(f.typed(shtRela, 0)).set64(0, 3) }, ".text.f+0x3: relocation is past the end of the section (0x6 bytes)"},
	{"relocation offset that wraps", func(f *file) { f.content(f.typed(shtRela, 0)).set64(0, 1<<64-2) }, ".text.f+0xfffffffffffffffe: relocation is past the end of the section (0x6 bytes)"},
	{"relocation symbol", func(f *file) { f.content(f.typed(shtRela, 0)).set32(12, 50) }, ".text.f+0x1: relocation symbol 50 out of range"},
	{"negative relocation symbol", func(f *file) { f.content(f.typed(shtRela, 0)).set32(12, 1<<31) }, ".text.f+0x1: relocation symbol 2147483648 out of range"},
	{"unknown relocation", func(f *file) { f.content(f.typed(shtRela, 0)).set32(8, 43) }, ".text.f+0x1: unknown relocation type 43"},
	{"reserved relocation", func(f *file) { f.content(f.typed(shtRela, 0)).set32(8, 39) }, ".text.f+0x1: unknown relocation type 39"},
	{"overlapping relocations", func(f *file) { f.content(f.typed(shtRela, 1)).set64(24, 4) }, ".data.rel.ro.t+0x4: overlapping relocations"},
	{"group of nothing", func(f *file) { f.typed(shtGroup, 0).set64(32, 2) }, "group section of 2 bytes"},
	{"group signature", func(f *file) { f.typed(shtGroup, 0).set32(44, 99) }, "group: signature symbol 99 out of range"},
	{"group member", func(f *file) { f.content(f.typed(shtGroup, 0)).set32(4, 99) }, "group f: section 99 out of range"},
	{"group member twice", func(f *file) { f.content(f.typed(shtGroup, 0)).set32(8, 2) }, "group f: section .text.f is in two groups"},
}

// parseAll reads an object and all relocations.
func parseAll(data []byte) error {
	o, err := Parse("x.o", data)
	if err != nil {
		return err
	}
	for i := range o.Sections {
		if _, err := o.Relocs(int32(i)); err != nil {
			return err
		}
	}
	return nil
}

func TestMalformed(t *testing.T) {
	data := marshal(t, sample())
	for _, test := range malformed {
		err := parseAll(patch(data, test.edit))
		var format *FormatError
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s:\ngot  %v\nwant %s", test.name, err, test.want)
		} else if !errors.As(err, &format) {
			t.Errorf("%s: %T", test.name, err)
		}
	}
	for _, test := range []struct{ data, want string }{
		{"", "x.o: empty file"},
		{"hello", "x.o: not an object file: unknown magic at offset 0x0"},
		{"\x7fELF\x02\x01", "x.o: truncated ELF header at offset 0x6"},
		{"\xcf\xfa\xed\xfe", "x.o: truncated Mach-O header at offset 0x4"},
		{"BC\xc0\xde", "x.o: LLVM bitcode instead of machine code"},
	} {
		if err := parseAll([]byte(test.data)); err == nil || err.Error() != test.want {
			t.Errorf("%q: got %v, want %s", test.data, err, test.want)
		}
	}
	for n := range data {
		if err := parseAll(data[:n]); err == nil {
			t.Errorf("no error when cut to %d of %d bytes", n, len(data))
		}
	}
}
