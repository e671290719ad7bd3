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
