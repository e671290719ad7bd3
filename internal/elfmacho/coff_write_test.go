package elfmacho

import (
	"bytes"
	"debug/pe"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
	"github.com/cargo-rustgo/cargo-rustgo/internal/target"
)

// coffSample has every section and symbol that COFF objects are written with, and
// relocations of data.
func coffSample(arch string) *Object {
	o := &Object{
		Arch: arch, Format: target.COFF,
		Sections: []Section{
			{},
			{Name: ".text", Kind: Text, Align: 32, Data: bytes.Repeat([]byte{0xff}, 96)},
			{Name: ".data.rel.ro", Kind: RelRO, Align: 8, Data: bytes.Repeat([]byte{0xff}, 50)},
			{Name: ".data", Kind: Data, Align: 8192, Data: []byte{1, 2, 3}},
			{Name: ".bss", Kind: BSS, Align: 16, Size: 1 << 20},
			{Name: ".rodata", Kind: ReadOnly},
		},
		Symbols: []Symbol{
			{},
			{Name: "second_of_two", Section: 1, Value: 32, Size: 32, Bind: Global, Type: Func},
			{Name: "first", Section: 1, Bind: Global, Type: Func},
			{Section: 4, Type: SectionSym},
			{Name: "eight_by", Section: 3, Value: 3, Type: DataObject},
			{Name: "missing", Section: Undefined, Bind: Global},
			{Name: "number", Section: Absolute, Value: 7, Bind: Global},
			{Name: "file.rs", Section: Absolute, Type: FileSym},
			{Name: "$x", Section: 1, Type: Mapping},
		},
	}
	for i := range o.Sections {
		if s := &o.Sections[i]; s.Data != nil {
			s.Size = uint64(len(s.Data))
		}
	}
	o.SetRelocs(2, []Reloc{
		{Off: 0, Kind: reloc.Abs64, Symbol: 3, Addend: 1 << 40},
		{Off: 8, Kind: reloc.Abs64, Symbol: 5, Addend: -3},
		{Off: 16, Kind: reloc.Abs64, Symbol: 4, Addend: 2},
		{Off: 24, Kind: reloc.PC32, Symbol: 1, Addend: -24},
		{Off: 28, Kind: reloc.PC32, Symbol: 3, Addend: math.MaxInt32 - 4},
		{Off: 32, Kind: reloc.PC32, Symbol: 3, Addend: math.MinInt32 - 4},
	})
	return o
}

// coffCode are instructions of a sample with relocations: how it is written, and
// the instruction then.
var coffCode = map[string][]struct {
	name         string
	before       string // that ends with the field
	relocation   Reloc
	after        string
	typ          uint16
	to           string
	addendInCode bool
}{
	"amd64": {
		{"lea", "\x48\x8d\x05\xff\xff\xff\xff", Reloc{Kind: reloc.PC32, Symbol: 3, Addend: 12}, "\x48\x8d\x05\x10\x00\x00\x00", 4, ".bss+0x0", true},
		{"movb $1, x(%rip)", "\xc6\x05\xff\xff\xff\xff\x01", Reloc{Kind: reloc.PC32, Symbol: 3, Addend: -5}, "\xc6\x05\xff\xff\xff\xff\x01", 4, ".bss+0x0", true},
		{"call", "\xe8\xff\xff\xff\xff", Reloc{Kind: reloc.Call32, Symbol: 5, Addend: -4}, "\xe8\x00\x00\x00\x00", 4, "missing", true},
	},
	"arm64": {
		{"bl", "\xff\xff\xff\x97", Reloc{Kind: reloc.Branch26, Symbol: 5}, "\x00\x00\x00\x94", 3, "missing", false},
		{"cbz", "\xe3\xff\xff\xb4", Reloc{Kind: reloc.Branch19, Symbol: 1}, "\x03\x00\x00\xb4", 15, ".text+0x20", false},
		{"tbz", "\xe3\xff\x07\x36", Reloc{Kind: reloc.Branch14, Symbol: 1, Addend: 4}, "\x03\x00\x00\x36", 16, ".text+0x24", false},
		{"adr", "\xe3\xff\xff\x70", Reloc{Kind: reloc.Adr21, Symbol: 4}, "\x03\x00\x00\x10", 5, ".data+0x3", false},
		{"adrp", "\xe3\xff\xff\xf0", Reloc{Kind: reloc.Page21, Symbol: 3, Addend: 1 << 20}, "\x03\x00\x00\x90", 4, ".bss+0x100000", false},
		{"add", "\x63\xfc\x3f\x91", Reloc{Kind: reloc.PageOff12, Symbol: 3, Addend: 1 << 20}, "\x63\x00\x00\x91", 6, ".bss+0x100000", false},
		{"ldrb", "\x63\xfc\x7f\x39", Reloc{Kind: reloc.PageOff12, Symbol: 3, Addend: 5}, "\x63\x00\x40\x39", 7, ".bss+0x5", false},
		{"strh", "\x63\xfc\x3f\x79", Reloc{Kind: reloc.PageOff12S1, Symbol: 3, Addend: 6}, "\x63\x00\x00\x79", 7, ".bss+0x6", false},
		{"ldr s", "\x63\xfc\x7f\xbd", Reloc{Kind: reloc.PageOff12S2, Symbol: 3, Addend: 8}, "\x63\x00\x40\xbd", 7, ".bss+0x8", false},
		{"ldr x", "\x63\xfc\x7f\xf9", Reloc{Kind: reloc.PageOff12S3, Symbol: 3, Addend: 8}, "\x63\x00\x40\xf9", 7, ".bss+0x8", false},
		{"ldr q", "\x63\xfc\xff\x3d", Reloc{Kind: reloc.PageOff12S4, Symbol: 3, Addend: 16}, "\x63\x00\xc0\x3d", 7, ".bss+0x10", false},
		{"adrp of the GOT", "\xe3\xff\xff\xf0", Reloc{Kind: reloc.GOTPage21, Symbol: 5}, "\x03\x00\x00\x90", 4, "missing", false},
		{"ldr of the GOT", "\x24\xfc\x7f\xf9", Reloc{Kind: reloc.GOTPageOff12, Symbol: 4}, "\x24\x00\x00\x91", 6, ".data+0x3", false},
	},
}

func coffSampleWithCode(arch string) *Object {
	o := coffSample(arch)
	var list []Reloc
	code := o.Sections[1].Data[:0]
	for _, tt := range coffCode[arch] {
		r := tt.relocation
		r.Off = uint64(len(code))
		if arch == "amd64" {
			r.Off += uint64(strings.Index(tt.before, "\xff\xff\xff\xff"))
		}
		list = append(list, r)
		code = append(code, tt.before...)
	}
	o.SetRelocs(1, list)
	return o
}

// readCOFF reads an object by debug/pe, with all that it says of a symbol.
func readCOFF(t testing.TB, data []byte) (*pe.File, []string) {
	t.Helper()
	f, err := pe.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(f.COFFSymbols))
	for i := 0; i < len(names); i++ {
		s := &f.COFFSymbols[i]
		if names[i], err = s.FullName(f.StringTable); err != nil {
			t.Fatal(err)
		}
		if s.SectionNumber > 0 && s.StorageClass == classStatic {
			names[i] = fmt.Sprintf("%s+%#x", f.Sections[s.SectionNumber-1].Name, s.Value)
		}
		i += int(s.NumberOfAuxSymbols)
	}
	return f, names
}

func TestMarshalCOFF(t *testing.T) {
	for arch, machine := range map[string]uint16{"amd64": pe.IMAGE_FILE_MACHINE_AMD64, "arm64": pe.IMAGE_FILE_MACHINE_ARM64} {
		t.Run(arch, func(t *testing.T) {
			o := coffSampleWithCode(arch)
			original := bytes.Clone(o.Sections[1].Data)
			data := marshal(t, o)
			if !bytes.Equal(data, marshal(t, o)) || !bytes.Equal(original, o.Sections[1].Data) {
				t.Error("two runs differ, or the object was changed")
			}
			f, names := readCOFF(t, data)
			if f.Machine != machine || f.TimeDateStamp != 0 || f.SizeOfOptionalHeader != 0 || f.Characteristics != 0 {
				t.Errorf("header %+v", f.FileHeader)
			}
			var sections []string
			for _, s := range f.Sections {
				sections = append(sections, fmt.Sprintf("%s %d %#x %d", s.Name, s.Size, s.Characteristics, len(s.Relocs)))
				if s.VirtualSize != 0 || s.VirtualAddress != 0 || s.Offset%4 != 0 || (s.Offset == 0) != (s.Name == ".bss" || s.Size == 0) {
					t.Errorf("section %+v", s.SectionHeader)
				}
			}
			if want := []string{
				fmt.Sprintf(".text 96 0x60600020 %d", len(coffCode[arch])), ".rdata 50 0x40400040 6", ".data 3 0xc0e00040 0", ".bss 1048576 0xc0500080 0", ".rdata 0 0x40100040 0",
			}; !slices.Equal(sections, want) {
				t.Errorf("sections\ngot  %q\nwant %q", sections, want)
			}
			var symbols []string
			for i := 0; i < len(names); i++ {
				s := &f.COFFSymbols[i]
				name, _ := s.FullName(f.StringTable)
				if !strings.HasPrefix(name, "$L") {
					symbols = append(symbols, fmt.Sprintf("%s %d %d %#x %d", name, s.SectionNumber, s.Value, s.Type, s.StorageClass))
				}
				if s.NumberOfAuxSymbols > 0 {
					aux, err := f.COFFSymbolReadSectionDefAux(i)
					if section := f.Sections[s.SectionNumber-1]; err != nil || aux.Size != section.Size || int(aux.NumRelocs) != len(section.Relocs) {
						t.Errorf("%s: %+v, %v", name, aux, err)
					}
					i += int(s.NumberOfAuxSymbols)
				}
			}
			if want := []string{
				".text 1 0 0x0 3", ".rdata 2 0 0x0 3", ".data 3 0 0x0 3", ".bss 4 0 0x0 3", ".rdata 5 0 0x0 3",
				"second_of_two 1 32 0x20 2", "first 1 0 0x20 2", "eight_by 3 3 0x0 3", "missing 0 0 0x0 2", "number -1 7 0x0 2",
			}; !slices.Equal(symbols, want) {
				t.Errorf("symbols\ngot  %q\nwant %q", symbols, want)
			}

			text, err := f.Sections[0].Data()
			if err != nil {
				t.Fatal(err)
			}
			for i, tt := range coffCode[arch] {
				got := f.Sections[0].Relocs[i]
				if code := string(text[:len(tt.after)]); code != tt.after || got.Type != tt.typ || names[got.SymbolTableIndex] != tt.to {
					t.Errorf("%s: % x with type %d to %s, want % x with type %d to %s", tt.name, code, got.Type, names[got.SymbolTableIndex], tt.after, tt.typ, tt.to)
				}
				text = text[len(tt.after):]
			}
			constants, err := f.Sections[1].Data()
			if err != nil {
				t.Fatal(err)
			}
			var relocs []string
			for _, r := range f.Sections[1].Relocs {
				relocs = append(relocs, fmt.Sprintf("%d %d %s %d", r.VirtualAddress, r.Type, names[r.SymbolTableIndex], int32(binary.LittleEndian.Uint32(constants[r.VirtualAddress:]))))
			}
			types := coffMachines[arch]
			if want := []string{
				fmt.Sprintf("0 %d .bss+0x0 0", types.addr64), fmt.Sprintf("8 %d missing -3", types.addr64), fmt.Sprintf("16 %d .data+0x0 5", types.addr64),
				fmt.Sprintf("24 %d second_of_two -20", types.rel32), fmt.Sprintf("28 %d .bss+0x0 2147483647", types.rel32), fmt.Sprintf("32 %d .bss+0x0 -2147483648", types.rel32),
			}; !slices.Equal(relocs, want) {
				t.Errorf("relocations\ngot  %q\nwant %q", relocs, want)
			}
			if high := binary.LittleEndian.Uint32(constants[4:]); high != 1<<8 {
				t.Errorf("the high half of an addend is %#x", high)
			}
		})
	}
}

// TestMarshalCOFFManyRelocations has more relocations than their number in a
// section's header can say.
func TestMarshalCOFFManyRelocations(t *testing.T) {
	for _, n := range []int{65534, 65535, 70000} {
		o := coffSample("amd64")
		o.Sections[2].Data = make([]byte, 8*n)
		o.Sections[2].Size = uint64(8 * n)
		list := make([]Reloc, n)
		for i := range list {
			list[i] = Reloc{Off: uint64(8 * i), Kind: reloc.Abs64, Symbol: 3, Addend: int64(i)}
		}
		o.SetRelocs(2, list)
		file := filepath.Join(t.TempDir(), "many.o")
		if err := os.WriteFile(file, marshal(t, o), 0o666); err != nil {
			t.Fatal(err)
		}
		out := runTool(t, "llvm-readobj-19", "--sections", "--relocs", file)
		if got := strings.Count(out, "IMAGE_REL_AMD64_ADDR64 .bss"); got != n {
			t.Errorf("llvm-readobj finds %d relocations, want %d", got, n)
		}
		if got := strings.Contains(out, "IMAGE_SCN_LNK_NRELOC_OVFL"); got != (n > 65534) {
			t.Errorf("%d relocations: IMAGE_SCN_LNK_NRELOC_OVFL is %v", n, got)
		}
	}
}

// TestMarshalCOFFLinks has lld-link link the sample, with its undefined symbol
// defined.
func TestMarshalCOFFLinks(t *testing.T) {
	for arch, machine := range map[string]string{"amd64": "x64", "arm64": "arm64"} {
		o := coffSampleWithCode(arch)
		o.Symbols[5].Section, o.Symbols[5].Value = 1, 64
		o.Symbols[1].Value = 4 // else fields at the ends of their ranges overflow
		dir := t.TempDir()
		file, out := filepath.Join(dir, "sample.o"), filepath.Join(dir, "sample.dll")
		if err := os.WriteFile(file, marshal(t, o), 0o666); err != nil {
			t.Fatal(err)
		}
		runTool(t, "lld-link-19", "/nologo", "/dll", "/noentry", "/export:first", "/machine:"+machine, "/out:"+out, file)
		f, err := pe.NewFile(bytes.NewReader(readFile(t, out)))
		if err != nil {
			t.Fatal(err)
		}
		address := map[string]int64{} // from that of the image
		for _, s := range f.Sections {
			address[s.Name] = int64(s.VirtualAddress)
		}
		constants, err := f.Section(".rdata").Data()
		if err != nil {
			t.Fatal(err)
		}
		base := int64(f.OptionalHeader.(*pe.OptionalHeader64).ImageBase)
		i := bytes.Index(constants, o.Sections[2].Data[36:50]) - 36 // what no relocation applies to
		at := constants[i:]
		le := binary.LittleEndian
		got := []int64{int64(le.Uint64(at[8:])) - base, int64(le.Uint64(at[16:])) - base, int64(int32(le.Uint32(at[24:]))) + address[".rdata"] + int64(i) + 24}
		if want := []int64{address[".text"] + 64 - 3, address[".data"] + 5, address[".text"] + 4 - 24}; !slices.Equal(got, want) {
			t.Errorf("%s: addresses %#x, want %#x", arch, got, want)
		}
	}
}

func TestMarshalCOFFErrors(t *testing.T) {
	code := func(word uint32, r Reloc) func(o *Object) {
		return func(o *Object) {
			binary.LittleEndian.PutUint32(o.Sections[1].Data[r.Off:], word)
			o.SetRelocs(1, []Reloc{r})
		}
	}
	for _, tt := range []struct {
		name   string
		change func(o *Object)
		want   string
	}{
		{"alignment", func(o *Object) { o.Sections[1].Align = 1 << 14 }, "section .text is aligned to 16384 bytes; COFF aligns to at most 8192"},
		{"no alignment", func(o *Object) { o.Sections[1].Align = 24 }, "is aligned to 24 bytes"},
		{"kind of section", func(o *Object) { o.Sections[1].Kind = TLSData }, "section .text: thread-local data cannot be in a COFF object"},
		{"large section", func(o *Object) { o.Sections[4].Size = 1 << 32 }, "section .bss has 4294967296 bytes"},
		{"contents", func(o *Object) { o.Sections[1].Size++ }, "internal error: section .text of 97 bytes with contents of 96"},
		{"contents of zeros", func(o *Object) { o.Sections[4].Data = []byte{} }, "internal error: section .bss"},
		{"processor", func(o *Object) { o.Arch = "riscv64" }, "internal error: writing a COFF object for riscv64"},
		{"many sections", func(o *Object) { o.Sections = append(o.Sections, make([]Section, 0xfeff)...) }, "65284 sections in a COFF object, which has 65279 at most"},
		{"no null section", func(o *Object) { o.Sections, o.Symbols = nil, nil }, "-1 sections in a COFF object"},
		{"weak", func(o *Object) { o.Symbols[5].Bind = Weak }, "symbol missing: COFF has no weak"},
		{"common", func(o *Object) { o.Symbols[5].Section = Common }, "symbol missing: COFF has no weak, common"},
		{"thread-local", func(o *Object) { o.Symbols[4].Type = ThreadLocal }, "symbol eight_by: COFF has no"},
		{"section of a symbol", func(o *Object) { o.Symbols[8].Section = 30 }, "internal error: symbol $x at 0x0 in section 30 of 6"},
		{"no section", func(o *Object) { o.Symbols[1].Section = 0 }, "internal error: symbol second_of_two"},
		{"place of a symbol", func(o *Object) { o.Symbols[4].Value = 4 }, "internal error: symbol eight_by at 0x4 in section 3"},
		{"large number", func(o *Object) { o.Symbols[6].Value = 1 << 32 }, "internal error: symbol number at 0x100000000"},
		{"past the end", func(o *Object) { o.SetRelocs(2, []Reloc{{Off: 43, Kind: reloc.Abs64, Symbol: 5}}) }, "internal error: .data.rel.ro+0x2b: a relocation that is not in the section"},
		{"far past the end", func(o *Object) { o.SetRelocs(2, []Reloc{{Off: 1 << 63, Kind: reloc.Abs64, Symbol: 5}}) }, "a relocation that is not in the section"},
		{"in zeros", func(o *Object) { o.SetRelocs(4, []Reloc{{Kind: reloc.Abs64, Symbol: 5}}) }, "internal error: .bss+0x0: a relocation that is not in the section"},
		{"symbol", func(o *Object) { o.SetRelocs(2, []Reloc{{Kind: reloc.Abs64, Symbol: 50}}) }, "internal error: .data.rel.ro+0x0: abs64 to symbol 50"},
		{"symbol of a file", func(o *Object) { o.SetRelocs(2, []Reloc{{Kind: reloc.Abs64, Symbol: 7}}) }, ".data.rel.ro+0x0: abs64 to file.rs+0x0: the target is not in memory"},
		{"distance to a number", func(o *Object) { o.SetRelocs(2, []Reloc{{Kind: reloc.PC32, Symbol: 6}}) }, "the target is not in memory"},
		{"large addend", func(o *Object) { o.SetRelocs(2, []Reloc{{Kind: reloc.PC32, Symbol: 3, Addend: math.MaxInt32 - 3}}) }, ".data.rel.ro+0x0: pcrel32 to .bss+0x7ffffffc: pcrel32: value 0x80000000 is out of range"},
		{"largest addend", func(o *Object) { o.SetRelocs(2, []Reloc{{Kind: reloc.PC32, Symbol: 3, Addend: math.MaxInt64}}) }, "the addend 0x7fffffffffffffff does not fit"},
		{"kind", func(o *Object) { o.SetRelocs(2, []Reloc{{Kind: reloc.PC64, Symbol: 5}}) }, ".data.rel.ro+0x0: pcrel64 to missing+0x0: there is no such relocation in COFF"},
		{"instruction of RISC-V", func(o *Object) { o.SetRelocs(1, []Reloc{{Kind: reloc.High20, Symbol: 5}}) }, "there is no such relocation in COFF"},
		{"part of an address", func(o *Object) { o.SetRelocs(1, []Reloc{{Off: 96, Kind: reloc.MovAbs, Symbol: 5}}) }, "there is no such relocation in COFF"},
		{"instruction of another processor", func(o *Object) { o.Arch = "amd64"; o.SetRelocs(1, []Reloc{{Kind: reloc.Page21, Symbol: 5}}) }, "there is no such relocation in COFF"},
		{"GOT of amd64", func(o *Object) {
			o.Arch = "amd64"
			o.SetRelocs(1, []Reloc{{Off: 3, Kind: reloc.GOT32, Symbol: 5, Addend: -4}})
		}, ".text+0x3: gotpcrel32 to missing-0x4: there is no such relocation"},
		{"addend of an instruction", code(0x90000000, Reloc{Kind: reloc.Page21, Symbol: 5, Addend: 8}), ".text+0x0: page21 to missing+0x8: an addend of an instruction"},
		{"before the section", code(0x90000000, Reloc{Kind: reloc.Page21, Symbol: 3, Addend: -1}), "the target is not in its section"},
		{"behind the section", code(0x90000000, Reloc{Kind: reloc.Page21, Symbol: 3, Addend: 1<<20 + 1}), "the target is not in its section"},
		{"size of a load", code(0xf9400000, Reloc{Off: 4, Kind: reloc.PageOff12S2, Symbol: 3}), ".text+0x4: pageoff12 of 4 bytes to .bss+0x0: the field is not the operand of such an instruction"},
		{"neither add nor load", code(0xd503201f, Reloc{Kind: reloc.PageOff12, Symbol: 3}), "the field is not the operand of such an instruction"},
		{"addend to a GOT slot", code(0x90000000, Reloc{Kind: reloc.GOTPage21, Symbol: 5, Addend: 8}), "an addend to a GOT slot"},
		{"no load", code(0xf9000000, Reloc{Kind: reloc.GOTPageOff12, Symbol: 5}), "the field is not the operand of a load of 8 bytes"},
		{"load of nothing", code(0xf940001f, Reloc{Kind: reloc.GOTPageOff12, Symbol: 5}), "the field is not the operand of a load of 8 bytes"},
		{"literal", code(0x58000000, Reloc{Kind: reloc.Load19, Symbol: 5}), "there is no such relocation in COFF"},
	} {
		o := coffSample("arm64")
		tt.change(o)
		if _, err := Marshal(o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
}

// FuzzMarshalCOFF writes what can be parsed, made as much like what COFF has as
// possible. What is written is read by debug/pe.
func FuzzMarshalCOFF(f *testing.F) {
	f.Add(marshal(f, sample()))
	f.Add(marshal(f, sampleARM64()))
	for _, name := range []string{"amd64.o", "arm64.o", "rust-arm64.o", "incode.o"} {
		f.Add(readFile(f, "testdata/"+name))
	}
	for _, arch := range []string{"amd64", "arm64"} {
		o := coffSampleWithCode(arch)
		o.Format = target.ELF
		f.Add(marshal(f, o))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := Parse("x", data)
		if err != nil {
			return
		}
		o.Format = target.COFF
		for i := range o.Sections {
			if s := &o.Sections[i]; coffSections[s.Kind].name == "" || (s.Kind == BSS) != (s.Data == nil) {
				s.Kind = Data
				if s.Data == nil {
					s.Kind = BSS
				}
			}
		}
		for i := range o.Symbols {
			s := &o.Symbols[i]
			if s.Bind == Weak {
				s.Bind = Global
			}
			if s.Type == ThreadLocal || s.Type == IndirectFunc {
				s.Type = DataObject
			}
		}
		out, err := Marshal(o)
		if err != nil || len(out) < 96 {
			return // debug/pe reads that much at first
		}
		file, _ := readCOFF(t, out)
		for i, s := range file.Sections {
			list, err := o.Relocs(int32(i + 1))
			if want := &o.Sections[i+1]; err != nil || len(list) < 1<<16-1 && len(s.Relocs) != len(list) || uint64(s.Size) != want.Size {
				t.Fatalf("section %+v of %+v, %v", s.SectionHeader, want, err)
			}
			if _, err := s.Data(); err != nil && err != io.EOF && o.Sections[i+1].Kind != BSS {
				t.Fatal(err)
			}
		}
	})
}
