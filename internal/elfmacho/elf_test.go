package elfmacho

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// sample uses everything that Marshal writes.
func sample() *Object {
	o := &Object{
		Arch: "amd64",
		Sections: []Section{
			{LinkOrder: -1},
			{Name: ".text.f", Kind: Text, Align: 16, Data: []byte{0xe8, 0, 0, 0, 0, 0xc3}, LinkOrder: -1},
			{Name: ".data.rel.ro.t", Kind: RelRO, Align: 8, Data: make([]byte, 16), LinkOrder: -1},
			{Name: ".data.d", Kind: Data, Align: 4, Data: []byte{1, 2, 3}, LinkOrder: -1, Retain: true},
			{Name: ".bss.b", Kind: BSS, Align: 32, Size: 1 << 20, LinkOrder: -1},
			{Name: ".tdata", Kind: TLSData, Align: 8, Data: make([]byte, 8), LinkOrder: -1},
			{Name: ".tbss", Kind: TLSData, Align: 8, Size: 24, LinkOrder: -1},
			{Name: ".init_array.5", Kind: Init, Align: 8, Data: make([]byte, 8), LinkOrder: -1},
			{Name: ".rodata.c", Kind: ReadOnly, Align: 1, Data: []byte("text"), LinkOrder: 1},
			{Name: ".debug_info", Kind: Debug, Align: 1, Data: []byte{1}, LinkOrder: -1},
			{Name: ".text.empty", Kind: Text, Align: 1, Data: []byte{}, LinkOrder: -1},
		},
		Symbols: []Symbol{
			{},
			{Name: "f", Section: 1, Size: 6, Bind: Global, Type: Func},
			{Section: 3, Type: SectionSym},
			{Name: "w", Section: 2, Value: 8, Size: 8, Bind: Weak, Type: DataObject, Hidden: true},
			{Name: "missing", Section: Undefined, Bind: Global},
			{Name: "thread", Section: 6, Value: 8, Size: 8, Type: ThreadLocal},
			{Name: "number", Section: Absolute, Value: 1 << 40, Bind: Global},
			{Name: "common", Section: Common, Value: 16, Size: 100, Bind: Global, Type: DataObject},
			{Name: "end", Section: 1, Value: 6, Type: NoType},
			{Name: "nothing", Section: 10, Bind: Global, Type: Func},
		},
		Groups: []Group{{Signature: "f", Sections: []int32{1, 8}}},
	}
	for i := range o.Sections {
		if s := &o.Sections[i]; s.Data != nil {
			s.Size = uint64(len(s.Data))
		}
	}
	o.SetRelocs(1, []Reloc{{Off: 1, Kind: reloc.Call32, Symbol: 4, Addend: -4}})
	o.SetRelocs(2, []Reloc{{Off: 0, Kind: reloc.Abs64, Symbol: 2, Addend: 2}, {Off: 8, Kind: reloc.TLS, Type: 18, Symbol: 5}})
	return o
}

func marshal(t testing.TB, o *Object) []byte {
	t.Helper()
	data, err := Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestMarshalParse(t *testing.T) {
	want := sample()
	got, err := Parse("sample.o", marshal(t, want))
	if err != nil {
		t.Fatal(err)
	}
	skip := len(want.Groups)
	for i := range want.Sections {
		if i == 0 {
			continue
		}
		g, w := got.Sections[i+skip], want.Sections[i]
		if w.LinkOrder > 0 {
			w.LinkOrder += int32(skip)
		}
		if fmt.Sprintf("%+v", g) != fmt.Sprintf("%+v", w) {
			t.Errorf("section %d\ngot  %+v\nwant %+v", i, g, w)
		}
		relocs, err := got.Relocs(int32(i + skip))
		if err != nil {
			t.Error(err)
		}
		original, _ := want.Relocs(int32(i))
		for j, r := range relocs {
			if w := original[j]; r.Off != w.Off || r.Kind != w.Kind || r.Addend != w.Addend || got.Symbols[r.Symbol].Name != want.Symbols[w.Symbol].Name {
				t.Errorf("relocation %+v, want %+v", r, w)
			}
		}
	}
	var names []string
	for _, s := range got.Symbols {
		names = append(names, fmt.Sprint(s.Name, " ", s.Section, " ", s.Value, " ", s.Size, " ", s.Bind, " ", s.Type, " ", s.Hidden))
	}
	if want := []string{
		" 0 0 0 0 0 false", " 4 0 0 0 3 false", "thread 7 8 8 0 5 false", "end 2 6 0 0 0 false",
		"f 2 0 6 1 2 false", "w 3 8 8 2 1 true", "missing -1 0 0 1 0 false", "number -2 1099511627776 0 1 0 false",
		"common -3 16 100 1 1 false", "nothing 11 0 0 1 2 false",
	}; !slices.Equal(names, want) {
		t.Errorf("symbols\ngot  %q\nwant %q", names, want)
	}
	if len(got.Groups) != 1 || got.Groups[0].Signature != "f" || !slices.Equal(got.Groups[0].Sections, []int32{2, 9}) {
		t.Errorf("groups %+v", got.Groups)
	}
	if !bytes.Equal(marshal(t, want), marshal(t, sample())) {
		t.Error("two runs differ")
	}
}

// TestMarshalIndependent has other readers look at the output.
func TestMarshalIndependent(t *testing.T) {
	data := marshal(t, sample())
	compare(t, data)
	readelf, err := exec.LookPath("llvm-readelf-19")
	if err != nil {
		t.Skip(err)
	}
	file := filepath.Join(t.TempDir(), "sample.o")
	if err := os.WriteFile(file, data, 0o666); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(readelf, "-aW", file).CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("warning")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// compare holds Parse to debug/elf.
func compare(t *testing.T, data []byte) {
	t.Helper()
	want, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	p, err := readELF(data)
	if err != nil {
		t.Fatal(err)
	}
	got := p.obj
	if len(got.Sections) != len(want.Sections) {
		t.Fatalf("%d sections, want %d", len(got.Sections), len(want.Sections))
	}
	for i, w := range want.Sections {
		g := &got.Sections[i]
		if i == 0 {
			continue
		}
		if g.Name != w.Name || g.Size != w.FileSize && w.Type != elf.SHT_NOBITS || g.Align != max(w.Addralign, 1) {
			t.Errorf("section %d: %s %d %d, want %+v", i, g.Name, g.Size, g.Align, w.SectionHeader)
		}
		if w.Type != elf.SHT_NOBITS && w.Flags&elf.SHF_COMPRESSED == 0 {
			if content, err := w.Data(); err != nil || !bytes.Equal(content, g.Data) {
				t.Errorf("section %s: contents differ (%v)", g.Name, err)
			}
		}
		if w.Type == elf.SHT_RELA {
			if got.Arch == "riscv64" {
				continue // two are one: TestParseRISCVLibrary, TestRISCVLinker
			}
			relocs, err := got.Relocs(int32(w.Info))
			if err != nil {
				t.Errorf("%s: %v", w.Name, err)
				continue
			}
			content, _ := w.Data()
			var list []string
			for ; len(content) > 0; content = content[24:] {
				info := binary.LittleEndian.Uint64(content[8:])
				list = append(list, fmt.Sprint(binary.LittleEndian.Uint64(content), uint32(info), info>>32, int64(binary.LittleEndian.Uint64(content[16:]))))
			}
			var mine []string
			for _, r := range relocs {
				mine = append(mine, fmt.Sprint(r.Off, r.Type, r.Symbol, r.Addend))
			}
			slices.Sort(list)
			slices.Sort(mine)
			if !slices.Equal(list, mine) {
				t.Errorf("%s\ngot  %q\nwant %q", w.Name, mine, list)
			}
		}
	}
	symbols, err := want.Symbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		t.Fatal(err)
	}
	for i, w := range symbols {
		g := got.Symbols[i+1]
		section := map[elf.SectionIndex]int32{elf.SHN_UNDEF: Undefined, elf.SHN_ABS: Absolute, elf.SHN_COMMON: Common}
		index, ok := section[w.Section]
		if !ok && w.Section != elf.SHN_XINDEX {
			index = int32(w.Section)
		} else if !ok {
			index = g.Section // debug/elf does not look further
		}
		bind := byte(elf.ST_BIND(w.Info))
		if bind == 10 { // STB_GNU_UNIQUE is a global here
			bind = 1
		}
		if g.Name != w.Name || g.Value != w.Value || g.Size != w.Size || g.Section != index || elfBinds[g.Bind] != bind || elfTypes[g.Type] != byte(elf.ST_TYPE(w.Info)) {
			t.Errorf("symbol %d: %+v, want %+v", i+1, g, w)
		}
	}
}

// TestParseReal compares Parse with debug/elf on what compilers write.
func TestParseReal(t *testing.T) {
	dir := t.TempDir()
	sources := map[string]string{
		"a.c": `
			__thread int t = 3; int common; static int b[100]; const char *s[] = {"x", "y"};
			extern int e(int) __attribute__((weak));
			__attribute__((constructor)) void c(void) { b[1] = 2; }
			__attribute__((visibility("hidden"))) int hid(int x) { return x ? e(x) + t : b[x] + common; }`,
		"b.cc": `
			template <class T> struct V { virtual T f(T x) { return x + n; } static T n; };
			template <class T> T V<T>::n = 4;
			inline int g() { static int k = 7; return k++; }
			int h() { V<int> v; try { return v.f(g()); } catch (int) { return 0; } }`,
		"c.rs": `
			#![no_std]
			#[panic_handler] fn p(_: &core::panic::PanicInfo) -> ! { loop {} }
			static mut N: u32 = 1;
			#[no_mangle] pub extern "C" fn r(x: &[u8], i: usize) -> u32 { unsafe { N += x[i] as u32; N } }`,
	}
	compilers := []struct {
		source string
		args   []string
	}{
		{"a.c", []string{"gcc", "-c", "-g", "-O1", "-fcommon", "-ffunction-sections"}},
		{"a.c", []string{"aarch64-linux-gnu-gcc", "-c", "-g", "-O1", "-fcommon", "-ffunction-sections"}},
		{"b.cc", []string{"g++", "-c", "-g", "-O0"}},
		{"c.rs", []string{"rustc", "--crate-type=lib", "--emit=obj", "-g", "-Copt-level=2", "-Cpanic=abort"}},
	}
	for _, test := range compilers {
		name, args := test.source, test.args
		t.Run(args[0]+" "+name, func(t *testing.T) {
			in, out := filepath.Join(dir, name), filepath.Join(dir, name+".o")
			if err := os.WriteFile(in, []byte(sources[name]), 0o666); err != nil {
				t.Fatal(err)
			}
			if _, err := exec.LookPath(args[0]); err != nil {
				t.Skip(err)
			}
			if text, err := exec.Command(args[0], append(slices.Clone(args[1:]), "-o", out, in)...).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			data, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, data)
		})
	}
}

// TestManySections has more sections than 16 bits can number.
func TestManySections(t *testing.T) {
	const n = shnLo + 200
	o := &Object{Arch: "amd64", Sections: []Section{{LinkOrder: -1}}, Symbols: []Symbol{{}}}
	for i := range n {
		o.Sections = append(o.Sections, Section{Name: ".text.f", Kind: Text, Align: 1, Size: 1, Data: []byte{0xc3}, LinkOrder: -1})
		o.Symbols = append(o.Symbols, Symbol{Name: fmt.Sprint("f", i), Section: int32(i + 1), Size: 1, Bind: Global, Type: Func})
	}
	o.Sections[n].Data, o.Sections[n].Size = []byte{0xe8, 0, 0, 0, 0}, 5
	o.SetRelocs(n, []Reloc{{Off: 1, Kind: reloc.Call32, Symbol: 1, Addend: -4}})
	data := marshal(t, o)
	got, err := Parse("many.o", data)
	if err != nil {
		t.Fatal(err)
	}
	last := got.Symbols[n]
	if last.Name != fmt.Sprint("f", n-1) || last.Section != n || !bytes.Equal(got.Sections[n].Data, o.Sections[n].Data) {
		t.Errorf("last symbol %+v", last)
	}
	relocs, err := got.Relocs(n)
	if err != nil || len(relocs) != 1 || got.Symbols[relocs[0].Symbol].Name != "f0" {
		t.Errorf("relocations %+v, %v", relocs, err)
	}
	compare(t, data)
	broken := patch(data, func(f *file) { f.set16(62, 0); f.section(0).set32(40, 0) })
	if _, err := Parse("x", broken); err == nil {
		t.Error("no error without section names")
	}
}

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

// Names of n sections over one long string took memory that grows with n times
// its length.
func TestSharedNames(t *testing.T) {
	o := &Object{Arch: "amd64", Sections: []Section{{LinkOrder: -1}}, Symbols: []Symbol{{}}}
	long := strings.Repeat("x", 1<<20)
	for range 3000 {
		o.Sections = append(o.Sections, Section{Name: long, Kind: Text, Align: 1, Data: []byte{}, LinkOrder: -1})
	}
	data := marshal(t, o)
	var err error
	allocated := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			err = parseAll(data)
		}
	}).AllocedBytesPerOp()
	if err == nil || !strings.Contains(err.Error(), "is not in the string table, or has no end") {
		t.Errorf("got %v", err)
	}
	if allocated > 8*int64(len(data)) {
		t.Errorf("%d bytes of memory for %d of input", allocated, len(data))
	}
}

// TestNoAlias checks that names outlive the input.
func TestNoAlias(t *testing.T) {
	data := marshal(t, sample())
	o, err := Parse("x", data)
	if err != nil {
		t.Fatal(err)
	}
	clear(data)
	if o.Symbols[4].Name != "f" || o.Sections[2].Name != ".text.f" {
		t.Errorf("names %q, %q", o.Symbols[4].Name, o.Sections[2].Name)
	}
}

func FuzzParse(f *testing.F) {
	data := marshal(f, sample())
	f.Add(data)
	f.Add(marshal(f, sampleARM64()))
	f.Add(marshal(f, sampleRISCV()))
	for _, test := range malformed {
		f.Add(patch(data, test.edit))
	}
	for _, name := range []string{"amd64.o", "arm64.o", "rust-arm64.o", "incode.o"} {
		f.Add(readFile(f, "testdata/"+name))
	}
	for _, test := range malformedMachO {
		f.Add(patchMachO(readFile(f, "testdata/"+test.arch+".o"), test.edit))
	}
	f.Add(fat(false, slice{cpu: cpuAMD64, data: string(data)}, slice{cpu: cpuARM64, align: 3, data: string(readFile(f, "testdata/arm64.o"))}))
	f.Add(fat(true, slice{cpu: cpuARM64, data: "x"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if part, err := Slice(data, "arm64"); err == nil {
			data = part
		}
		o, err := Parse("x", data)
		if err != nil {
			return
		}
		total := 0
		for i := range o.Sections {
			relocs, err := o.Relocs(int32(i))
			if err != nil {
				continue
			}
			total += len(relocs)
			for j, r := range relocs {
				s := &o.Sections[i]
				if r.Off > s.Size || r.Off+uint64(r.Kind.Info().Width) > s.Size || int(r.Symbol) >= len(o.Symbols) || r.Symbol < 0 || j > 0 && relocs[j-1].Off > r.Off {
					t.Fatalf("relocation %+v of section %+v", r, s)
				}
			}
		}
		if total > len(data)/machoRelocSize {
			t.Fatalf("%d relocations in %d bytes", total, len(data))
		}
		for _, s := range o.Symbols {
			if s.Section >= 0 && s.Value+s.Size > o.Sections[s.Section].Size && s.Section > 0 {
				t.Fatalf("symbol %+v", s)
			}
		}
	})
}
