package elfmacho

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
	"github.com/cargo-rustgo/cargo-rustgo/internal/target"
)

// machoSample uses everything that Mach-O objects are written with but relocations
// of instructions.
func machoSample(arch string) *Object {
	o := &Object{
		Arch: arch, Format: target.MachO,
		Sections: []Section{
			{LinkOrder: -1},
			{Name: "__TEXT,__text", Kind: Text, Align: 16, Data: bytes.Repeat([]byte{0x90}, 64), LinkOrder: -1},
			{Name: "__DATA,__bss", Kind: BSS, Align: 32, Size: 10 << 20, LinkOrder: -1},
			{Name: "__DATA,__const", Kind: RelRO, Align: 8, Data: make([]byte, 80), LinkOrder: -1},
			{Name: "__DATA,__data", Kind: Data, Align: 4096, Data: []byte{1, 2, 3}, LinkOrder: -1, Retain: true},
			{Name: "__DATA,__thread_vars", Kind: TLSData, Align: 8, Data: make([]byte, 24), LinkOrder: -1},
			{Name: "__DATA,__thread_data", Kind: TLSData, Align: 8, Data: make([]byte, 8), LinkOrder: -1},
			{Name: "__DATA,__mod_init_func", Kind: Init, Align: 8, Data: make([]byte, 8), LinkOrder: -1},
		},
		Symbols: []Symbol{
			{},
			{Name: "second", Section: 1, Value: 32, Size: 32, Bind: Global, Type: Func},
			{Name: "first", Section: 1, Size: 32, Bind: Global, Type: Func},
			{Section: 2, Type: SectionSym},
			{Name: "weak", Section: 3, Value: 8, Size: 8, Bind: Weak, Type: DataObject, Hidden: true},
			{Name: "missing", Section: Undefined, Bind: Global},
			{Name: "\x01perhaps", Section: Undefined, Bind: Weak},
			{Name: "thread", Section: 5, Size: 24, Type: ThreadLocal},
			{Name: "number", Section: Absolute, Value: 1 << 40, Bind: Global},
			{Name: "common", Section: Common, Value: 16, Size: 100, Bind: Global, Type: DataObject},
			{Section: Absolute, Value: 3},
		},
	}
	for i := range o.Sections {
		if s := &o.Sections[i]; s.Data != nil {
			s.Size = uint64(len(s.Data))
		}
	}
	o.SetRelocs(3, []Reloc{
		{Off: 0, Kind: reloc.Abs64, Symbol: 3, Addend: 2},
		{Off: 8, Kind: reloc.Abs64, Symbol: 5, Addend: -3},
		{Off: 16, Kind: reloc.Abs64, Symbol: 3, Addend: 9 << 20},
		{Off: 24, Kind: reloc.PC64, Symbol: 1, Addend: -24},
		{Off: 32, Kind: reloc.PC32, Type: x86Subtractor, Symbol: 3, Addend: 7},
		{Off: 40, Kind: reloc.Abs64, Symbol: 3, Addend: -8},
		{Off: 48, Kind: reloc.Abs64, Symbol: 3, Addend: 11 << 20},
		{Off: 56, Kind: reloc.Abs64, Symbol: 10, Addend: 1},
	})
	o.SetRelocs(7, []Reloc{{Kind: reloc.Abs64, Symbol: 2}})
	return o
}

// machoCode are relocations of the code of machoSample, and the bytes that they
// apply to.
var machoCode = map[string]struct {
	bytes  map[uint64][]byte
	relocs []Reloc
}{
	"amd64": {map[uint64][]byte{33: {0x48, 0x8b, 0x3d}}, []Reloc{
		{Off: 0, Kind: reloc.PC32, Symbol: 3, Addend: 5<<20 - 4},
		{Off: 4, Kind: reloc.PC32, Type: x86Signed1, Symbol: 3, Addend: 1},
		{Off: 8, Kind: reloc.PC32, Type: x86Signed4, Symbol: 5, Addend: 8},
		{Off: 12, Kind: reloc.Call32, Symbol: 5, Addend: -4},
		{Off: 16, Kind: reloc.PC8, Symbol: 5, Addend: -1},
		{Off: 20, Kind: reloc.GOT32, Type: x86GOTLoad, Symbol: 6, Addend: -4},
		{Off: 24, Kind: reloc.GOT32, Symbol: 5, Addend: -5},
		{Off: 36, Kind: reloc.TLS, Symbol: 7, Addend: -4},
	}},
	"arm64": {
		map[uint64][]byte{
			0: {0x00, 0x00, 0x00, 0x90}, 4: {0x00, 0x00, 0x00, 0x91}, 8: {0x00, 0x00, 0x40, 0xf9}, 12: {0x00, 0x00, 0x00, 0x94},
			16: {0x00, 0x00, 0x00, 0x90}, 20: {0x00, 0x00, 0x40, 0xf9}, 24: {0x00, 0x00, 0x00, 0x90}, 28: {0x00, 0x00, 0x40, 0xf9},
		}, []Reloc{
			{Off: 0, Kind: reloc.Page21, Symbol: 3, Addend: 9 << 20},
			{Off: 4, Kind: reloc.PageOff12, Symbol: 3, Addend: 9<<20 + 4},
			{Off: 8, Kind: reloc.PageOff12S3, Symbol: 5, Addend: -8},
			{Off: 12, Kind: reloc.Branch26, Symbol: 5},
			{Off: 16, Kind: reloc.GOTPage21, Symbol: 6},
			{Off: 20, Kind: reloc.GOTPageOff12, Symbol: 6},
			{Off: 24, Kind: reloc.TLS, Type: armTLVPLoadPage21, Symbol: 7},
			{Off: 28, Kind: reloc.TLS, Type: armTLVPLoadPageOff, Symbol: 7},
			{Off: 32, Kind: reloc.GOT32, Symbol: 5},
		},
	},
}

func machoSampleWithCode(arch string) *Object {
	o := machoSample(arch)
	code := machoCode[arch]
	for off, b := range code.bytes {
		copy(o.Sections[1].Data[off:], b)
	}
	o.SetRelocs(1, code.relocs)
	return o
}

// place is where a relocation leads, whatever the symbol that is named.
func (o *Object) place(r Reloc) string {
	s := o.Symbols[r.Symbol]
	switch {
	case s.Section == Absolute:
		return fmt.Sprint(int64(s.Value) + r.Addend)
	case s.Section <= 0:
		return fmt.Sprint(s.Name, " ", r.Addend)
	}
	return fmt.Sprint(o.Sections[s.Section].Name, " ", int64(s.Value)+r.Addend)
}

func TestMarshalMachO(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			want := machoSampleWithCode(arch)
			data := marshal(t, want)
			if !bytes.Equal(data, marshal(t, machoSampleWithCode(arch))) {
				t.Error("two runs differ")
			}
			compareMachO(t, "sample.o", data)
			got, err := Parse("sample.o", data)
			if err != nil {
				t.Fatal(err)
			}
			if got.Arch != arch || got.Format != target.MachO || len(got.Sections) != len(want.Sections) {
				t.Fatalf("a %s object for %s with %d sections, want %d", got.Format, got.Arch, len(got.Sections), len(want.Sections))
			}
			for i := range got.Sections {
				g := &got.Sections[i]
				if i == 0 {
					continue
				}
				j := slices.IndexFunc(want.Sections, func(s Section) bool { return s.Name == g.Name })
				w := &want.Sections[j]
				if g.Kind != w.Kind || g.Size != w.Size || g.Align != w.Align || g.Retain != w.Retain || g.Relocated != w.Relocated || (g.Data == nil) != (w.Data == nil) {
					t.Errorf("section %d\ngot  %+v\nwant %+v", i, g, w)
				}
				relocs, err := got.Relocs(int32(i))
				if err != nil {
					t.Fatal(err)
				}
				original, _ := want.Relocs(int32(j))
				for k, r := range relocs {
					if w := original[k]; r.Off != w.Off || r.Kind != w.Kind || got.place(r) != want.place(w) {
						t.Errorf("%s: relocation %+v to %s, want %+v to %s", g.Name, r, got.place(r), w, want.place(w))
					}
				}
			}
			var names []string
			for _, s := range got.Symbols {
				if s.Name != "" && s.Section != Absolute {
					names = append(names, fmt.Sprint(s.Name, " ", s.Section, " ", s.Value, " ", s.Size, " ", s.Bind, " ", s.Type, " ", s.Hidden))
				}
			}
			if want := []string{
				"thread 4 0 24 0 5 false", "common -3 16 100 1 1 false", "first 1 0 32 1 2 false", "second 1 32 32 1 2 false",
				"weak 2 8 72 2 1 true", "missing -1 0 0 1 0 false", "\x01perhaps -1 0 0 2 0 false",
			}; !slices.Equal(names, want) {
				t.Errorf("symbols\ngot  %q\nwant %q", names, want)
			}
		})
	}
}

// TestMarshalMachOLinks has ld64.lld link the sample, whose undefined symbols are
// looked up when it is loaded.
func TestMarshalMachOLinks(t *testing.T) {
	for arch, name := range map[string]string{"amd64": "x86_64", "arm64": "arm64"} {
		o := machoSampleWithCode(arch)
		list, err := o.Relocs(1)
		if err != nil {
			t.Fatal(err)
		}
		// lld knows no branches of 8 bits.
		o.SetRelocs(1, slices.DeleteFunc(slices.Clone(list), func(r Reloc) bool { return r.Kind == reloc.PC8 }))
		dir := t.TempDir()
		file := filepath.Join(dir, "sample.o")
		if err := os.WriteFile(file, marshal(t, o), 0o666); err != nil {
			t.Fatal(err)
		}
		out := runTool(t, "ld64.lld-19", "-dylib", "-arch", name, "-platform_version", "macos", "11.0", "11.0", "-undefined", "dynamic_lookup", "-o", filepath.Join(dir, "out"), file)
		if out != "" {
			t.Errorf("ld64.lld: %s", out)
		}
	}
}

func TestMarshalMachOErrors(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(o *Object)
		want   string
	}{
		{"alignment", func(o *Object) { o.Sections[1].Align = 1 << 16 }, "linkers for Mach-O align to at most 32768"},
		{"section of ELF", func(o *Object) { o.Sections[1].Name = ".text" }, "internal error: writing a section .text"},
		{"processor", func(o *Object) { o.Arch = "riscv64" }, "internal error: writing a Mach-O object for riscv64"},
		{"too many sections", func(o *Object) {
			for range 255 {
				o.Sections = append(o.Sections, o.Sections[4])
			}
		}, "more than 255 sections"},
		{"addend of a GOT slot", func(o *Object) {
			o.SetRelocs(1, []Reloc{{Kind: reloc.GOTPage21, Symbol: 5, Addend: 8}})
		}, "__TEXT,__text+0x0: gotpage21: the addend 0x8 cannot be said in a Mach-O object"},
		{"large addend", func(o *Object) {
			o.SetRelocs(1, []Reloc{{Kind: reloc.Page21, Symbol: 5, Addend: 1 << 23}})
		}, "the addend 0x800000 cannot be said"},
		{"kind", func(o *Object) { o.SetRelocs(1, []Reloc{{Kind: reloc.Branch19, Symbol: 5}}) }, "internal error: relocation type 0 cannot be written"},
		{"past the end", func(o *Object) { o.SetRelocs(1, []Reloc{{Off: 61, Kind: reloc.Page21, Symbol: 5}}) }, "a relocation that is not in the section"},
		{"symbol", func(o *Object) { o.SetRelocs(1, []Reloc{{Kind: reloc.Page21, Symbol: 50}}) }, "internal error: symbol 50"},
		{"section of a symbol", func(o *Object) { o.Symbols[1].Section = 30 }, "internal error: symbol second in section 30 of 8"},
	} {
		o := machoSample("arm64")
		tt.change(o)
		if _, err := Marshal(o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
}
