package elfmacho

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// machoFile changes an object in place.
type machoFile struct{ file }

// command returns the n-th load command of a type.
func (f *machoFile) command(typ uint32, n int) *file {
	le := binary.LittleEndian
	for off := uint32(machoHeaderSize); ; off += le.Uint32(f.b[off+4:]) {
		if le.Uint32(f.b[off:]) != typ {
			continue
		}
		if n == 0 {
			return &file{f.b[off:]}
		}
		n--
	}
}

// section returns the header of a section, named as in testdata.
func (f *machoFile) section(name string) *file {
	segment := f.command(lcSegment64, 0)
	for i := range binary.LittleEndian.Uint32(segment.b[64:]) {
		h := &file{segment.b[machoSegmentSize+machoSectionSize*i:]}
		if field16(h.b[16:])+","+field16(h.b) == name {
			return h
		}
	}
	panic("no section " + name)
}

// reloc returns a relocation of a section, counted from the section's start.
func (f *machoFile) reloc(section string, n uint32) *file {
	h := f.section(section)
	le := binary.LittleEndian
	count := le.Uint32(h.b[60:])
	return &file{f.b[le.Uint32(h.b[56:])+machoRelocSize*(count-1-n):]}
}

// content returns the bytes of a section.
func (f *machoFile) content(section string) *file {
	return &file{f.b[binary.LittleEndian.Uint32(f.section(section).b[48:]):]}
}

// symbol returns a symbol by its name in the file.
func (f *machoFile) symbol(name string) *file {
	le, command := binary.LittleEndian, f.command(lcSymtab, 0)
	symbols, text := f.b[le.Uint32(command.b[8:]):], f.b[le.Uint32(command.b[16:]):]
	for i := range le.Uint32(command.b[12:]) {
		s := symbols[machoSymbolSize*i:]
		if strings.HasPrefix(string(text[le.Uint32(s):]), name+"\x00") {
			return &file{s}
		}
	}
	panic("no symbol " + name)
}

// index returns the number of a symbol.
func (f *machoFile) index(name string) uint32 {
	symbols := f.b[binary.LittleEndian.Uint32(f.command(lcSymtab, 0).b[8:]):]
	return uint32(len(symbols)-len(f.symbol(name).b)) / machoSymbolSize
}

// addr returns the address of a section.
func (f *machoFile) addr(section string) uint64 {
	return binary.LittleEndian.Uint64(f.section(section).b[32:])
}

// info is the second word of a relocation.
func info(symbol uint32, pcrel, length, extern, typ uint32) uint32 {
	return symbol&0xffffff | pcrel<<24 | length<<25 | extern<<27 | typ<<28
}

func patchMachO(data []byte, f func(*machoFile)) []byte {
	return patch(data, func(plain *file) { f(&machoFile{*plain}) })
}

const (
	machoText  = "__TEXT,__text"
	machoConst = "__TEXT,__const"
	machoData  = "__DATA,__data"
)

// malformedMachO are changes to an object of testdata and what Parse, or Relocs of
// a section, says.
var malformedMachO = []struct {
	name, arch string
	edit       func(f *machoFile)
	want       string
}{
	{"other machine", "amd64", func(f *machoFile) { f.set32(4, 18) }, "an object for ppc; supported are amd64 and arm64 at offset 0x4"},
	{"unknown machine", "amd64", func(f *machoFile) { f.set32(4, 99) }, "an object for an unknown machine (CPU type 0x63); supported are amd64 and arm64 at offset 0x4"},
	{"arm64e", "arm64", func(f *machoFile) { f.set32(8, 0x80000002) }, "an object for arm64e; supported are amd64 and arm64 at offset 0x4"},
	{"executable", "amd64", func(f *machoFile) { f.set32(12, 2) }, "an executable, not a relocatable object at offset 0xc"},
	{"dynamic library", "arm64", func(f *machoFile) { f.set32(12, 6) }, "a dynamic library, not a relocatable object at offset 0xc"},
	{"unknown file type", "amd64", func(f *machoFile) { f.set32(12, 77) }, "a Mach-O file of type 77, not a relocatable object at offset 0xc"},
	{"lying ncmds", "amd64", func(f *machoFile) { f.set32(16, 1<<31) }, "load command 5 of 2147483648 is past the end of the load commands"},
	{"load commands past the end", "amd64", func(f *machoFile) { f.set32(20, 1<<30) }, "load commands (1073741824 bytes) end past the file at offset 0x14"},
	{"load commands cut short", "amd64", func(f *machoFile) { f.set32(20, 100) }, "load command 0: 1272 bytes do not fit into the load commands at offset 0x20"},
	{"load command past the end", "amd64", func(f *machoFile) { f.command(lcSymtab, 0).set32(4, 1<<20) }, "load command 2: 1048576 bytes do not fit into the load commands"},
	{"empty load command", "amd64", func(f *machoFile) { f.command(lcSymtab, 0).set32(4, 0) }, "load command 2: 0 bytes do not fit into the load commands"},
	{"short segment", "amd64", func(f *machoFile) { f.command(lcSymtab, 0).set32(0, lcSegment64) }, "segment command of 24 bytes, want at least 72"},
	{"32-bit segment", "amd64", func(f *machoFile) { f.command(lcSymtab, 0).set32(0, lcSegment) }, "a 32-bit segment in a 64-bit object"},
	{"second segment", "amd64", func(f *machoFile) { f.command(0xb, 0).set32(0, lcSegment64) }, "a second segment, which no object has"},
	{"second symbol table", "amd64", func(f *machoFile) { f.command(0xb, 0).set32(0, lcSymtab) }, "a second symbol table"},
	{"lying nsects", "amd64", func(f *machoFile) { f.command(lcSegment64, 0).set32(64, 200) }, "200 section headers end past their load command at offset 0x60"},
	{"absurd nsects", "amd64", func(f *machoFile) { f.command(lcSegment64, 0).set32(64, 1<<31) }, "2147483648 sections, more than 255 at offset 0x60"},
	{"section past the end", "amd64", func(f *machoFile) { f.section(machoText).set64(40, 1<<40) }, "section __TEXT,__text (1099511627776 bytes at 0x"},
	{"section offset", "amd64", func(f *machoFile) { f.section(machoText).set32(48, 1<<30) }, "section __TEXT,__text (187 bytes at 0x40000000) ends past the file"},
	{"section that wraps", "amd64", func(f *machoFile) { f.section("__DATA,__bss").set64(40, 1<<64-1) }, "section __DATA,__bss: 0xffffffffffffffff bytes at address 0x"},
	{"overlapping addresses", "amd64", func(f *machoFile) { f.section(machoData).set64(32, 8) }, "sections __TEXT,__text and __DATA,__data overlap"},
	{"overlapping contents", "amd64", func(f *machoFile) {
		for i, name := range []string{machoText, machoConst, machoData} {
			f.section(name).set64(32, uint64(1<<32+i<<16))
			f.section(name).set64(40, 1000)
			f.section(name).set32(48, 0)
		}
	}, "overlaps another part of the file: together they are larger than the file"},
	{"absurd alignment", "amd64", func(f *machoFile) { f.section(machoText).set32(52, 30) }, "section __TEXT,__text: alignment 2^30 is not a power of two up to 536870912"},
	{"absurd alignment that wraps", "amd64", func(f *machoFile) { f.section(machoText).set32(52, 1<<31) }, "section __TEXT,__text: alignment 2^2147483648 is not"},
	{"writable and executable", "amd64", func(f *machoFile) { f.section(machoData).set32(64, sAttrSomeInstructions) }, "section __DATA,__data: both writable and executable"},
	{"code without contents", "amd64", func(f *machoFile) { f.section(machoText).set32(64, sZerofill|sAttrPureInstructions) }, "section __TEXT,__text: executable without contents"},
	{"stubs", "amd64", func(f *machoFile) { f.section(machoData).set32(64, sSymbolStubs) }, "section __DATA,__data: pointers and stubs that a linker makes (section type 0x8)"},
	{"unterminated strings", "amd64", func(f *machoFile) { f.content("__TEXT,__cstring").b[13] = 'x' }, "section __TEXT,__cstring: the last string has no end"},
	{"symbols past the end", "amd64", func(f *machoFile) { f.command(lcSymtab, 0).set32(8, 1<<30) }, "symbol table (432 bytes at 0x40000000) ends past the file"},
	{"lying nsyms", "amd64", func(f *machoFile) { f.command(lcSymtab, 0).set32(12, 1<<31) }, "symbol table (34359738368 bytes at 0x"},
	{"strings past the end", "amd64", func(f *machoFile) { f.command(lcSymtab, 0).set32(20, 1<<30) }, "string table (1073741824 bytes at 0x"},
	{"symbol name out of range", "amd64", func(f *machoFile) { f.symbol("_g").set32(0, 1<<20) }, "name offset 0x100000 is not in the string table, or has no end"},
	{"symbol section out of range", "amd64", func(f *machoFile) { f.symbol("_g").b[5] = 99 }, "symbol _g: section index 99 out of range"},
	{"symbol of no section", "amd64", func(f *machoFile) { f.symbol("_g").b[5] = 0 }, "symbol _g: section index 0 out of range"},
	{"symbol past its section", "amd64", func(f *machoFile) { f.symbol("_g").set64(8, 0x1000) }, "symbol _g: address 0x1000 is outside of section __TEXT,__text (0xbb bytes at 0x0)"},
	{"symbol before its section", "amd64", func(f *machoFile) { f.symbol("_data").set64(8, 0) }, "symbol _data: address 0x0 is outside of section __DATA,__data"},
	{"indirect symbol", "amd64", func(f *machoFile) { f.symbol("_g").b[4] = nIndr | nExt }, "symbol _g: another name of a symbol elsewhere (N_INDR), which is not supported"},
	{"unknown symbol type", "amd64", func(f *machoFile) { f.symbol("_g").b[4] = 4 | nExt }, "symbol _g: unknown type (n_type 0x5)"},
	{"relocations past the end", "amd64", func(f *machoFile) { f.section(machoText).set32(56, 1<<30) }, "21 relocations of section __TEXT,__text (168 bytes at 0x40000000) ends past the file"},
	{"lying nreloc", "amd64", func(f *machoFile) { f.section(machoText).set32(60, 1<<31) }, "2147483648 relocations of section __TEXT,__text (17179869184 bytes at 0x"},
	{"relocations of bss", "amd64", func(f *machoFile) { f.section("__DATA,__bss").set32(60, 1) }, "section __DATA,__bss has relocations, but no contents"},
	{"scattered", "amd64", func(f *machoFile) { f.reloc(machoText, 0).b[3] |= 0x80 }, "__TEXT,__text: a scattered relocation, which no 64-bit target has"},
	{"relocation offset", "amd64", func(f *machoFile) { f.reloc(machoText, 0).set32(0, 0x1000) }, "__TEXT,__text+0x1000: relocation is past the end of the section (0xbb bytes)"},
	{"relocation at the end", "amd64", func(f *machoFile) { f.reloc(machoText, 20).set32(0, 0xb9) }, "__TEXT,__text+0xb9: relocation is past the end of the section (0xbb bytes)"},
	{"relocation out of its atom", "amd64", func(f *machoFile) { f.reloc(machoText, 16).set32(0, 0x8f) }, "__TEXT,__text+0x8f: relocation is past the end of the atom (0x17 bytes)"},
	{"relocation symbol", "amd64", func(f *machoFile) { f.reloc(machoText, 0).set32(4, info(99, 1, 2, 1, x86Branch)) }, "__TEXT,__text+0x1: relocation symbol 99 out of range"},
	{"relocation of a debugger's symbol", "amd64", func(f *machoFile) { f.symbol("_g").b[4] = 0x24 }, "is for debuggers"},
	{"relocation section", "amd64", func(f *machoFile) { f.reloc(machoText, 0).set32(4, info(99, 1, 2, 0, x86Branch)) }, "__TEXT,__text+0x1: relocation section 99 out of range"},
	{"relocation of no section", "amd64", func(f *machoFile) { f.reloc(machoText, 0).set32(4, info(0, 1, 2, 0, x86Branch)) }, "__TEXT,__text+0x1: relocation section 0 out of range"},
	{"address out of its section", "amd64", func(f *machoFile) { f.reloc(machoText, 0).set32(4, info(2, 1, 2, 0, x86Branch)) }, "__TEXT,__text+0x1: a reference to address 0x5, which is not in section __TEXT,__cstring"},
	{"unknown relocation", "amd64", func(f *machoFile) { f.reloc(machoText, 0).set32(4, info(0, 1, 2, 1, 11)) }, "__TEXT,__text+0x1: unknown relocation type 11"},
	{"relocation length", "amd64", func(f *machoFile) { f.reloc(machoText, 0).set32(4, info(0, 1, 3, 1, x86Branch)) }, "__TEXT,__text+0x1: relocation type 2 of 8 bytes, relative to the field: true"},
	{"branch to an absolute address", "amd64", func(f *machoFile) { f.reloc(machoText, 0).set32(4, info(0, 0, 2, 1, x86Branch)) }, "__TEXT,__text+0x1: relocation type 2 of 4 bytes, relative to the field: false"},
	{"address relative to the field", "amd64", func(f *machoFile) { f.reloc(machoData, 0).set32(4, info(0, 1, 3, 1, x86Unsigned)) }, "__DATA,__data+0x0: relocation type 0 of 8 bytes, relative to the field: true"},
	{"GOT of a section", "amd64", func(f *machoFile) { f.reloc(machoText, 0).set32(4, info(1, 1, 2, 0, x86GOT)) }, "__TEXT,__text+0x1: relocation type 4 of a section, where a symbol is needed"},
	{"overlapping relocations", "amd64", func(f *machoFile) { f.reloc(machoText, 1).set32(0, 4) }, "__TEXT,__text+0x4: overlapping relocations"},
	{"SUBTRACTOR alone", "amd64", func(f *machoFile) { f.reloc(machoData, 0).set32(4, info(0, 0, 3, 1, x86Subtractor)) }, "__DATA,__data+0x0: SUBTRACTOR without UNSIGNED behind it"},
	{"SUBTRACTOR before SIGNED", "amd64", func(f *machoFile) { f.reloc(machoConst, 0).set32(4, info(0, 1, 2, 1, x86Signed)) }, "__TEXT,__const+0x0: SUBTRACTOR without UNSIGNED behind it"},
	{"SUBTRACTOR of another length", "amd64", func(f *machoFile) { f.reloc(machoConst, 1).set32(4, info(0, 0, 3, 1, x86Subtractor)) }, "__TEXT,__const+0x0: SUBTRACTOR without UNSIGNED behind it"},
	{"SUBTRACTOR of a section", "amd64", func(f *machoFile) { f.reloc(machoConst, 1).set32(4, info(1, 0, 2, 0, x86Subtractor)) }, "__TEXT,__const+0x0: relocation type 5 of a section, where a symbol is needed"},
	{"distance from elsewhere", "amd64", func(f *machoFile) { f.symbol("l_table").b[4] = nUndf | nExt }, "__TEXT,__const+0x0: a distance from `\x01l_table`, which is not in this object"},
	{"distance between others", "amd64", func(f *machoFile) { f.reloc(machoConst, 1).set32(4, info(f.index("_data"), 0, 2, 1, x86Subtractor)) }, "the distance from `data` to `l_three`, which is not relative to the place where it is stored, is not supported"},

	{"ADDEND alone", "arm64", func(f *machoFile) { f.reloc(machoText, 0).set32(4, info(8, 0, 2, 0, armAddend)) }, "__TEXT,__text+0x0: ADDEND without a relocation behind it"},
	{"ADDEND before the wrong type", "arm64", func(f *machoFile) { f.reloc(machoText, 2).set32(4, info(8, 0, 2, 1, armUnsigned)) }, "__TEXT,__text+0x8: ADDEND before relocation type 0"},
	{"ADDEND before a GOT load", "arm64", func(f *machoFile) { f.reloc(machoText, 2).set32(4, info(8, 1, 2, 1, armGOTLoadPage21)) }, "__TEXT,__text+0x8: ADDEND before relocation type 5"},
	{"authenticated pointer", "arm64", func(f *machoFile) { f.reloc(machoData, 0).set32(4, info(8, 0, 3, 1, 11)) }, "__DATA,__data+0x0: unknown relocation type 11"},
	{"branch of a section", "arm64", func(f *machoFile) { f.reloc(machoText, 0).set32(4, info(1, 1, 2, 0, armBranch26)) }, "__TEXT,__text+0x0: relocation type 2 of a section, where a symbol is needed"},
	{"branch in another instruction", "arm64", func(f *machoFile) { f.reloc(machoText, 0).set32(4, info(0, 1, 2, 1, armPage21)) }, "__TEXT,__text+0x0: relocation type 3 of an instruction that it does not apply to (0x94000000)"},
	{"page offset in another instruction", "arm64", func(f *machoFile) { f.reloc(machoText, 0).set32(4, info(0, 0, 2, 1, armPageOff12)) }, "__TEXT,__text+0x0: relocation type 4 of an instruction that it does not apply to (0x94000000)"},
	{"page offset of a pair", "arm64", func(f *machoFile) { f.content(machoText).set32(0x10, 0xa9400000) }, "__TEXT,__text+0x10: relocation type 4 of an instruction that it does not apply to (0xa9400000)"},
	{"shifted page offset", "arm64", func(f *machoFile) { f.content(machoText).set32(0x10, 0x91400000) }, "__TEXT,__text+0x10: relocation type 4 of an instruction that it does not apply to (0x91400000)"},
	{"addend in the instruction", "arm64", func(f *machoFile) { f.content(machoText).set32(0, 0x94000001) }, "__TEXT,__text+0x0: relocation type 2 of an instruction with an addend of its own (0x94000001)"},
	{"field that is cut off", "arm64", func(f *machoFile) { f.reloc(machoText, 0).set32(0, 0xaa) }, "__TEXT,__text+0xaa: relocation is past the end of the section (0xac bytes)"},
	{"absolute pointer to the GOT", "arm64", func(f *machoFile) { f.reloc(machoData, 0).set32(4, info(0, 0, 3, 1, armPointerToGOT)) }, "__DATA,__data+0x0: relocation type 7 of 8 bytes, relative to the field: false"},
}

// names writes what a relocation refers to.
func names(o *Object, r *Reloc) string {
	s := &o.Symbols[r.Symbol]
	name := s.Name
	if s.Type == SectionSym {
		name = fmt.Sprintf("#%d", s.Section)
	}
	return fmt.Sprintf("%s%+d", name, r.Addend)
}

func TestMachOMalformed(t *testing.T) {
	for _, test := range malformedMachO {
		data := readFile(t, "testdata/"+test.arch+".o")
		err := parseAll(patchMachO(data, test.edit))
		var format *FormatError
		switch {
		case err == nil || !strings.Contains(err.Error(), test.want):
			t.Errorf("%s:\ngot  %v\nwant %s", test.name, err, test.want)
		case !errors.As(err, &format):
			t.Errorf("%s: %T", test.name, err)
		case format.Off < 0:
			t.Errorf("%s: no offset", test.name)
		}
	}
	for _, test := range []struct{ data, want string }{
		{"\xce\xfa\xed\xfe", "x.o: a 32-bit Mach-O object; only 64-bit objects can go into a Go program at offset 0x0"},
		{"\xfe\xed\xfa\xce", "x.o: a 32-bit Mach-O object; only 64-bit objects can go into a Go program at offset 0x0"},
		{"\xfe\xed\xfa\xcf", "x.o: a big-endian Mach-O object; only little-endian targets are supported at offset 0x0"},
		{fatMagic, "x.o: a file for several architectures where an object is expected at offset 0x0"},
		{fatMagic64, "x.o: a file for several architectures where an object is expected at offset 0x0"},
	} {
		if err := parseAll([]byte(test.data)); err == nil || err.Error() != test.want {
			t.Errorf("%q: got %v, want %s", test.data, err, test.want)
		}
		if !IsObject([]byte(test.data)) {
			t.Errorf("%q is no object", test.data)
		}
	}
}

// TestMachOTruncated cuts an object at every byte. What is behind the strings is
// padding.
func TestMachOTruncated(t *testing.T) {
	for arch := range machoTriples {
		data := readFile(t, "testdata/"+arch+".o")
		command := (&machoFile{file{data}}).command(lcSymtab, 0).b
		le := binary.LittleEndian
		for n := range le.Uint32(command[16:]) + le.Uint32(command[20:]) {
			if err := parseAll(data[:n]); err == nil {
				t.Errorf("%s: no error when cut to %d of %d bytes", arch, n, len(data))
			}
		}
	}
}

// TestMachOFields tries what llvm-mc does not write.
func TestMachOFields(t *testing.T) {
	amd64, arm64 := readFile(t, "testdata/amd64.o"), readFile(t, "testdata/arm64.o")
	tests := []struct {
		name, section string
		data          []byte
		off           uint64 // in the section
		edit          func(f *machoFile)
		want          string // kind, target, addend
	}{
		{"negative ADDEND", machoText, arm64, 8, func(f *machoFile) { f.reloc(machoText, 3).set32(4, info(0xfffffc, 0, 2, 0, armAddend)) }, "branch26 g-4"},
		{"branch to a section", machoText, amd64, 1, func(f *machoFile) {
			f.reloc(machoText, 0).set32(4, info(1, 1, 2, 0, x86Branch))
			f.content(machoText).set32(1, 0x81-5) // _second
		}, "call32 #2+4"},
		{"SIGNED_4 of a section", machoText, amd64, 0x14, func(f *machoFile) {
			f.reloc(machoText, 3).set32(4, info(7, 1, 2, 0, x86Signed4))
			f.content(machoText).set32(0x14, uint32(f.addr(machoData)+32-0x14-8)) // _more
		}, "pcrel32 #17-8"},
		{"SIGNED_1 of a section", machoText, amd64, 0x14, func(f *machoFile) {
			f.reloc(machoText, 3).set32(4, info(7, 1, 2, 0, x86Signed1))
			f.content(machoText).set32(0x14, uint32(f.addr(machoData)+33-0x14-5))
		}, "pcrel32 #17-4"},
		{"the end of a section", machoData, amd64, 0, func(f *machoFile) {
			f.reloc(machoData, 0).set32(4, info(1, 0, 3, 0, x86Unsigned))
			f.content(machoData).set64(0, 0xbb)
		}, "abs64 #7+1"},
		{"jump of one byte", machoText, amd64, 1, func(f *machoFile) {
			f.reloc(machoText, 0).set32(4, info(f.index("_undefined"), 1, 0, 1, x86Branch))
			f.content(machoText).b[1] = 0xfe
		}, "pcrel8 undefined-3"},
		{"distance in one atom", machoConst, amd64, 0, func(f *machoFile) { f.reloc(machoConst, 0).set32(4, info(f.index("l_table"), 0, 2, 1, x86Unsigned)) }, "abs32s +0"},
		{"wide distance in one atom", machoConst, amd64, 12, func(f *machoFile) { f.reloc(machoConst, 4).set32(4, info(f.index("l_table"), 0, 3, 1, x86Unsigned)) }, "abs64 -12"},
	}
	for _, test := range tests {
		o, err := Parse("x", patchMachO(test.data, test.edit))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		got := "nothing"
		at := uint64(0) // of the atom, in the section
		for i := range o.Sections {
			if o.Sections[i].Name != test.section {
				continue
			}
			relocs, err := o.Relocs(int32(i))
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			for _, r := range relocs {
				if at+r.Off == test.off {
					got = r.Kind.String() + " " + names(o, &r)
				}
			}
			at += o.Sections[i].Size
		}
		if got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}
