package image

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/amd64"
	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

var update = flag.Bool("update", false, "write testdata")

// object is a small object made in Go.
func object(t testing.TB, sections []elfmacho.Section, symbols []elfmacho.Symbol, relocs map[int32][]elfmacho.Reloc) []byte {
	t.Helper()
	return objectFor(t, "amd64", sections, symbols, relocs)
}

func arm64Object(t testing.TB, sections []elfmacho.Section, symbols []elfmacho.Symbol, relocs map[int32][]elfmacho.Reloc) []byte {
	t.Helper()
	return objectFor(t, "arm64", sections, symbols, relocs)
}

func objectFor(t testing.TB, arch string, sections []elfmacho.Section, symbols []elfmacho.Symbol, relocs map[int32][]elfmacho.Reloc) []byte {
	t.Helper()
	o := &elfmacho.Object{
		Arch:     arch,
		Sections: append([]elfmacho.Section{{LinkOrder: -1}}, sections...),
		Symbols:  append([]elfmacho.Symbol{{}}, symbols...),
	}
	for i := range o.Sections {
		s := &o.Sections[i]
		s.Align = max(s.Align, 1)
		if s.Data != nil {
			s.Size = uint64(len(s.Data))
		}
		s.LinkOrder = -1
	}
	for s, list := range relocs {
		o.SetRelocs(s, list)
	}
	data, err := elfmacho.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// resolve resolves objects for Build, or with partial for BuildObject.
func resolve(t testing.TB, partial bool, roots []string, objects ...[]byte) *link.Set {
	t.Helper()
	var libs []*link.Library
	for i, data := range objects {
		lib, err := link.Open(fmt.Sprintf("%d.o", i), data, nil)
		if err != nil {
			t.Fatal(err)
		}
		libs = append(libs, lib)
	}
	f := link.Resolve
	if partial {
		f = link.ResolveObject
	}
	s, err := f(libs, roots)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var (
	function = elfmacho.Symbol{Name: "f", Section: 1, Bind: elfmacho.Global, Type: elfmacho.Func}
	variable = elfmacho.Symbol{Name: "x", Section: 2, Bind: elfmacho.Global, Type: elfmacho.DataObject}
)

// accessing returns an object whose function f refers to x in the writable section 2
// by a field at off.
func accessing(t testing.TB, text []byte, off uint64, r elfmacho.Reloc) []byte {
	r.Off, r.Symbol = off, 2
	return object(t, []elfmacho.Section{
		{Name: ".text.f", Kind: elfmacho.Text, Data: text},
		{Name: ".data.x", Kind: elfmacho.Data, Align: 8, Data: make([]byte, 64)},
	}, []elfmacho.Symbol{function, variable}, map[int32][]elfmacho.Reloc{1: {r}})
}

func TestBuildRefuses(t *testing.T) {
	const pc, got = reloc.PC32, reloc.GOT32
	tests := []struct {
		name string
		text []byte
		off  uint64
		rel  elfmacho.Reloc
		want string
	}{
		{"stack pointer loaded", []byte{0x48, 0x8d, 0x25, 0, 0, 0, 0, 0xc3}, 3, elfmacho.Reloc{Kind: pc, Addend: -4}, "the stack pointer is loaded with an address"},
		{"stack pointer stored", []byte{0x48, 0x89, 0x25, 0, 0, 0, 0, 0xc3}, 3, elfmacho.Reloc{Kind: pc, Addend: -4}, "uses the stack pointer and writable data at once"},
		{"pop of 16 bits", []byte{0x66, 0x8f, 0x05, 0, 0, 0, 0, 0xc3}, 3, elfmacho.Reloc{Kind: pc, Addend: -4}, "a pop with an unusual prefix"},
		{"movdiri", []byte{0x0f, 0x38, 0xf9, 0x25, 0, 0, 0, 0, 0xc3}, 4, elfmacho.Reloc{Kind: pc, Addend: -4}, "uses the stack pointer"},
		{"push of 16 bits", []byte{0x66, 0xff, 0x35, 0, 0, 0, 0, 0xc3}, 3, elfmacho.Reloc{Kind: pc, Addend: -4}, "a push with an unusual prefix"},
		{"push from fs", []byte{0x64, 0xff, 0x35, 0, 0, 0, 0, 0xc3}, 3, elfmacho.Reloc{Kind: pc, Addend: -4}, "a push with an unusual prefix"},
		{"call through fs", []byte{0x64, 0xff, 0x15, 0, 0, 0, 0, 0xc3}, 3, elfmacho.Reloc{Kind: pc, Addend: -4}, "a branch with an unusual prefix"},
		{"far call", []byte{0x48, 0xff, 0x1d, 0, 0, 0, 0, 0xc3}, 3, elfmacho.Reloc{Kind: pc, Addend: -4}, "a far pointer"},
		{"address of 32 bits", []byte{0x67, 0x8b, 0x05, 0, 0, 0, 0, 0xc3}, 3, elfmacho.Reloc{Kind: pc, Addend: -4}, "an address of 32 bits"},
		{"REX.B", []byte{0x49, 0x01, 0x05, 0, 0, 0, 0, 0xc3}, 3, elfmacho.Reloc{Kind: pc, Addend: -4}, "no register is free"},
		{"field in an immediate", []byte{0xb8, 0, 0, 0, 0, 0xc3}, 1, elfmacho.Reloc{Kind: pc, Addend: -4}, "not the operand of an instruction"},
		{"branch to data", []byte{0xe8, 0, 0, 0, 0, 0xc3}, 1, elfmacho.Reloc{Kind: reloc.Call32, Addend: -4}, "not the operand of an instruction"},
		{"not code", []byte{0x06, 0x8b, 0x05, 0, 0, 0, 0}, 3, elfmacho.Reloc{Kind: pc, Addend: -4}, "cannot be decoded"},
		{"addend far away", []byte{0x8b, 0x05, 0, 0, 0, 0, 0xc3}, 2, elfmacho.Reloc{Kind: pc, Addend: 1 << 33}, "more than 2 GiB away"},
		{"addend that wraps", []byte{0x8b, 0x05, 0, 0, 0, 0, 0xc3}, 2, elfmacho.Reloc{Kind: pc, Addend: -1 << 63}, "more than 2 GiB away"},
		{"addend to a GOT slot", []byte{0x48, 0x8b, 0x05, 0, 0, 0, 0, 0xc3}, 3, elfmacho.Reloc{Kind: got, Addend: 4}, "an addend to a GOT slot"},
		{"address in code", []byte{0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xc3}, 2, elfmacho.Reloc{Kind: reloc.Abs64}, "an absolute address inside code"},
		{"address of 32 bits in code", []byte{0xb8, 0, 0, 0, 0, 0xc3}, 1, elfmacho.Reloc{Kind: reloc.Abs32}, "an address in 4 bytes"},
		{"sign-extended address in code", []byte{0x48, 0xc7, 0xc0, 0, 0, 0, 0, 0xc3}, 3, elfmacho.Reloc{Kind: reloc.Abs32S}, "an address in 4 bytes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Build(resolve(t, false, []string{"f"}, accessing(t, test.text, test.off, test.rel)), nil)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// A field in constants was taken for the operand of an instruction when the
// bytes before it happened to look like one.
func TestGOTOperandAmongData(t *testing.T) {
	data := object(t, []elfmacho.Section{
		{Name: ".text.f", Kind: elfmacho.Text, Data: []byte{0x48, 0x8d, 0x05, 0, 0, 0, 0, 0xc3}},
		{Name: ".rodata.c", Kind: elfmacho.ReadOnly, Data: []byte{0x48, 0x8b, 0x05, 0, 0, 0, 0}},
	}, []elfmacho.Symbol{function, variable}, map[int32][]elfmacho.Reloc{
		1: {{Off: 3, Kind: reloc.PC32, Symbol: 2, Addend: -4}},
		2: {{Off: 3, Kind: reloc.GOT32, Symbol: 1, Addend: -4}},
	})
	_, err := Build(resolve(t, false, []string{"f"}, data), nil)
	if want := "an operand of an instruction among data"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestLimits(t *testing.T) {
	tests := []struct {
		name    string
		section elfmacho.Section
		want    string
	}{
		{"alignment of data", elfmacho.Section{Name: ".data", Kind: elfmacho.Data, Align: 64, Data: make([]byte, 64)}, "`x` is aligned to 64 bytes; Go's linker aligns data to at most 32"},
		{"alignment of constants", elfmacho.Section{Name: ".rodata", Kind: elfmacho.ReadOnly, Align: 4096, Data: make([]byte, 64)}, "`x` is aligned to 4096 bytes; Go's linker aligns text to at most 2048"},
		{"16 TiB of bss", elfmacho.Section{Name: ".bss", Kind: elfmacho.BSS, Size: 16 << 40}, "the bss segment is larger than 1024 MiB"},
		{"size that wraps", elfmacho.Section{Name: ".bss", Kind: elfmacho.BSS, Align: 32, Size: 1<<64 - 1}, "the bss segment is larger than 1024 MiB"},
	}
	for _, test := range tests {
		data := object(t, []elfmacho.Section{
			{Name: ".text.f", Kind: elfmacho.Text, Data: []byte{0x48, 0x8d, 0x05, 0, 0, 0, 0, 0xc3}}, test.section,
		}, []elfmacho.Symbol{function, variable}, map[int32][]elfmacho.Reloc{1: {{Off: 3, Kind: reloc.PC32, Symbol: 2, Addend: -4}}})
		if _, err := Build(resolve(t, false, []string{"f"}, data), nil); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
}

// An object may ask for any alignment, but not for hundreds of megabytes of it.
func TestPadding(t *testing.T) {
	sections := []elfmacho.Section{{Name: ".text.f", Kind: elfmacho.Text, Data: []byte{0x48, 0x8d, 0x05, 0, 0, 0, 0, 0x48, 0x8d, 0x05, 0, 0, 0, 0}}}
	relocs := []elfmacho.Reloc{{Off: 3, Kind: reloc.PC32, Symbol: 2, Addend: -4}, {Off: 10, Kind: reloc.PC32, Symbol: 3, Addend: -4}}
	for _, test := range []struct {
		align uint64
		want  string
	}{{1 << 20, ""}, {1 << 29, "the alignment of sections, of `y` to 536870912 bytes, takes more than 64 MiB"}} {
		for _, name := range []string{".data.x", ".data.y"} {
			sections = append(sections[:len(sections):len(sections)], elfmacho.Section{Name: name, Kind: elfmacho.Data, Align: test.align, Data: []byte{1}})
		}
		y := variable
		y.Name, y.Section = "y", 3
		data := object(t, sections, []elfmacho.Symbol{function, variable, y}, map[int32][]elfmacho.Reloc{1: relocs})
		sections = sections[:1]
		o, err := BuildObject(resolve(t, true, []string{"f"}, data), false)
		if test.want == "" && (err != nil || o.Sections[2].Align != test.align || o.Sections[2].Size != test.align+1) ||
			test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("alignment %d: %v", test.align, err)
		}
	}
}

// A root that is a variable is an object's business only.
func TestRootsOfData(t *testing.T) {
	data := accessing(t, []byte{0xc3, 0x48, 0x8d, 0x05, 0, 0, 0, 0}, 4, elfmacho.Reloc{Kind: reloc.PC32, Addend: -4})
	if _, err := Build(resolve(t, false, []string{"x"}, data), nil); err == nil || !strings.Contains(err.Error(), "`x` is not a function") {
		t.Errorf("got %v", err)
	}
	o, err := BuildObject(resolve(t, true, []string{"x"}, data), false)
	if err != nil || len(o.Sections) != 2 || o.Sections[1].Name != ".data" || o.Symbols[1].Name != "x" {
		t.Errorf("got %+v, %v", o, err)
	}
}

// TestScratchRegister encodes every instruction with an operand at disp32(%rip)
// and has a disassembler say which registers it names.
func TestScratchRegister(t *testing.T) {
	objdump, err := exec.LookPath("llvm-objdump-19")
	if err != nil {
		t.Skip("no disassembler: ", err)
	}
	const slot = 32 // room for an instruction and the nops that end a bad one
	var text []byte
	var insts []amd64.Inst
	add := func(b ...byte) {
		b = append(b, 0, 0, 0, 0)                                 // disp32
		b = append(b, bytes.Repeat([]byte{0x90}, slot-len(b))...) // immediate, then nops
		inst, err := amd64.Decode(b)
		if err != nil || !inst.RIPRelative() || inst.RM() >= 8 {
			return
		}
		text = append(text, b...)
		insts = append(insts, inst)
	}
	modrm := func(reg int) byte { return byte(reg&7)<<3 | 5 }
	for op := range 256 {
		op := byte(op)
		for _, reg := range []int{1, 3, 4, 6, 7} {
			for _, prefix := range [][]byte{{}, {0x66}, {0xf3}, {0xf2}, {0x40}, {0x48}, {0x66, 0x48}, {0xf3, 0x48}, {0xf2, 0x48}} {
				add(append(slices.Clone(prefix), op, modrm(reg))...)
				for _, escape := range [][]byte{{0x0f}, {0x0f, 0x38}, {0x0f, 0x3a}} {
					add(append(append(slices.Clone(prefix), escape...), op, modrm(reg))...)
				}
			}
		}
		for _, reg := range []int{3, 4, 6, 7} {
			for _, v := range []int{3, 4, 6, 7} {
				for pp := range 4 {
					for m := 1; m <= 3; m++ {
						for _, w := range []byte{0, 0x80} {
							add(0xc4, 0xe0|byte(m), w|byte(^v&15)<<3|byte(pp), op, modrm(reg))
							add(0x62, 0xf0|byte(m), w|byte(^v&15)<<3|4|byte(pp), 0x08, op, modrm(reg))
						}
					}
				}
			}
		}
	}
	file := filepath.Join(t.TempDir(), "all.o")
	data := object(t, []elfmacho.Section{{Name: ".text", Kind: elfmacho.Text, Data: text}}, nil, nil)
	if err := os.WriteFile(file, data, 0o666); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(objdump, "-d", "--no-show-raw-insn", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	named := make([]string, len(insts))
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		address, asm, ok := strings.Cut(s.Text(), ":")
		if at, err := strconv.ParseUint(strings.TrimSpace(address), 16, 64); ok && err == nil && at%slot == 0 {
			named[at/slot], _, _ = strings.Cut(asm, "#")
		}
	}
	registers := map[byte][]string{
		amd64.RSP: {"%rsp", "%esp", "%sp"},
		amd64.RSI: {"%rsi", "%esi", "%si"},
		amd64.RDI: {"%rdi", "%edi", "%di"},
		amd64.RBX: {"%rbx", "%ebx", "%bx", "%bl", "%bh"},
	}
	names := func(text string, register byte) bool {
		return slices.ContainsFunc(registers[register], func(name string) bool { return strings.Contains(text, name) })
	}
	checked := 0
	for i, inst := range insts {
		text := named[i]
		if text == "" || strings.Contains(text, "<unknown>") || strings.Contains(text, "(bad)") {
			continue
		}
		checked++
		if inst.Is(0xff) && inst.Ext() >= 2 || inst.Is(0x8f) {
			continue // branches, push and pop have thunks of their own
		}
		if usesStackPointer(&inst) {
			continue
		}
		if names(text, amd64.RSP) || inst.Writes().Has(amd64.RSP) {
			t.Errorf("%s: not seen to use the stack pointer", text)
		}
		scratch, ok := scratchRegister(&inst)
		switch {
		case !ok:
			t.Errorf("%s: no scratch register", text)
		case names(text, scratch) || inst.Writes().Has(int(scratch)):
			t.Errorf("%s: register %d is used", text, scratch)
		}
	}
	if checked < 20000 {
		t.Errorf("only %d of %d instructions checked", checked, len(insts))
	}
}

// TestObject checks what BuildObject leaves to the next linker.
func TestObject(t *testing.T) {
	undefined := elfmacho.Symbol{Name: "malloc", Section: elfmacho.Undefined, Bind: elfmacho.Global}
	weak := elfmacho.Symbol{Name: "maybe", Section: elfmacho.Undefined, Bind: elfmacho.Weak}
	data := object(t, []elfmacho.Section{
		{Name: ".text.f", Kind: elfmacho.Text, Align: 16, Data: []byte{
			0x48, 0x8d, 0x05, 0, 0, 0, 0, // lea x(%rip), %rax
			0x48, 0x8b, 0x05, 0, 0, 0, 0, // mov x@GOTPCREL(%rip), %rax
			0xff, 0x15, 0, 0, 0, 0, // call *g@GOTPCREL(%rip)
			0xff, 0x25, 0, 0, 0, 0, // jmp *g@GOTPCREL(%rip)
			0x48, 0x3b, 0x05, 0, 0, 0, 0, // cmp g@GOTPCREL(%rip), %rax
			0xe8, 0, 0, 0, 0, // call malloc
			0x48, 0x8b, 0x05, 0, 0, 0, 0, // mov maybe@GOTPCREL(%rip), %rax
		}},
		{Name: ".data.x", Kind: elfmacho.Data, Align: 8, Data: make([]byte, 64)},
		{Name: ".text.g", Kind: elfmacho.Text, Align: 16, Data: []byte{0xc3}},
		{Name: ".text.dead", Kind: elfmacho.Text, Align: 16, Data: []byte{0xc3}},
	}, []elfmacho.Symbol{
		function, variable,
		{Name: "g", Section: 3, Size: 1, Bind: elfmacho.Global, Type: elfmacho.Func, Hidden: true},
		undefined, weak,
		{Name: "dead", Section: 4, Bind: elfmacho.Global, Type: elfmacho.Func},
	}, map[int32][]elfmacho.Reloc{1: {
		{Off: 3, Kind: reloc.PC32, Symbol: 2, Addend: 4},
		{Off: 10, Kind: reloc.GOT32, Type: 42, Symbol: 2, Addend: -4},
		{Off: 16, Kind: reloc.GOT32, Type: 41, Symbol: 3, Addend: -4},
		{Off: 22, Kind: reloc.GOT32, Type: 9, Symbol: 3, Addend: -4},
		{Off: 29, Kind: reloc.GOT32, Type: 42, Symbol: 3, Addend: -4},
		{Off: 34, Kind: reloc.Call32, Symbol: 4, Addend: -4},
		{Off: 41, Kind: reloc.GOT32, Type: 42, Symbol: 5, Addend: -4},
	}})
	for _, keep := range []bool{false, true} {
		built, err := BuildObject(resolve(t, true, []string{"f"}, data), keep)
		if err != nil {
			t.Fatal(err)
		}
		out, err := elfmacho.Marshal(built)
		if err != nil {
			t.Fatal(err)
		}
		o, err := elfmacho.Parse("out", out)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i := range o.Sections[:4] {
			relocs, err := o.Relocs(int32(i))
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range relocs {
				sym := o.Symbols[r.Symbol]
				if sym.Type == elfmacho.SectionSym {
					sym.Name = o.Sections[sym.Section].Name
				}
				got = append(got, fmt.Sprintf("%s+%d: %d %s%+d", o.Sections[i].Name, r.Off, r.Type, sym.Name, r.Addend))
			}
		}
		for _, s := range o.Symbols[1:] {
			if s.Type != elfmacho.SectionSym {
				got = append(got, fmt.Sprintf("%s %d %d", s.Name, s.Bind, s.Section))
			}
		}
		want := []string{
			".text+3: 2 .data+4", ".text+10: 2 .data-4", ".text+29: 2 .data.rel.ro-4", ".text+34: 4 malloc-4", ".text+41: 42 maybe-4",
			".data.rel.ro+0: 1 .text+48",
			"f 1 1",
		}
		if keep {
			want = append(want, "x 1 3", "g 1 1")
		}
		want = append(want, "malloc 1 -1", "maybe 2 -1")
		if !slices.Equal(got, want) {
			t.Errorf("keepGlobals %v:\ngot  %q\nwant %q", keep, got, want)
		}
		text := o.Sections[1].Data
		code := []byte{
			0x48, 0x8d, 0x05, 0, 0, 0, 0,
			0x48, 0x8d, 0x05, 0, 0, 0, 0,
			0x67, 0xe8, 28, 0, 0, 0,
			0xe9, 23, 0, 0, 0, 0x90,
			0x48, 0x3b, 0x05, 0, 0, 0, 0,
			0xe8, 0, 0, 0, 0,
			0x48, 0x8b, 0x05, 0, 0, 0, 0,
		}
		if !bytes.Equal(text[:len(code)], code) {
			t.Errorf("text\ngot  % x\nwant % x", text, code)
		}
	}
}

// FuzzBuild takes hostile objects through resolution and layout.
func FuzzBuild(f *testing.F) {
	f.Add(accessing(f, []byte{0x8b, 0x05, 0, 0, 0, 0, 0xc3}, 2, elfmacho.Reloc{Kind: reloc.PC32, Addend: -4}))
	f.Add(accessing(f, []byte{0x48, 0x8b, 0x05, 0, 0, 0, 0, 0xc3}, 3, elfmacho.Reloc{Kind: reloc.GOT32, Type: 42, Addend: -4}))
	f.Add(accessing(f, []byte{0xff, 0x15, 0, 0, 0, 0, 0xc3}, 2, elfmacho.Reloc{Kind: reloc.GOT32, Type: 41, Addend: -4}))
	f.Add(accessing(f, []byte{0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xc3}, 2, elfmacho.Reloc{Kind: reloc.Abs64}))
	f.Add(accessing(f, []byte{0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xc3}, 2, elfmacho.Reloc{Kind: reloc.TLS, Type: 18}))
	for _, kind := range []reloc.Kind{reloc.Page21, reloc.GOTPage21, reloc.GOTPageOff12, reloc.PageOff12S3, reloc.Branch26, reloc.Adr21} {
		f.Add(arm64Object(f, []elfmacho.Section{
			{Name: ".text.f", Kind: elfmacho.Text, Align: 4, Data: []byte("\x00\x00\x00\x90\x00\x00\x40\xf9\xc0\x03\x5f\xd6")},
			{Name: ".data.x", Kind: elfmacho.Data, Align: 8, Data: make([]byte, 64)},
		}, []elfmacho.Symbol{function, variable}, map[int32][]elfmacho.Reloc{1: {{Off: 4, Kind: kind, Symbol: 2}}}))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := elfmacho.Parse("x", data)
		if err != nil {
			return
		}
		var roots []string
		for _, s := range o.Symbols {
			if s.Bind != elfmacho.Local && s.Defined() && len(roots) < 4 {
				roots = append(roots, s.Name)
			}
		}
		for _, partial := range []bool{false, true} {
			lib, err := link.Open("x", data, nil)
			if err != nil {
				t.Fatal(err)
			}
			if partial {
				set, err := link.ResolveObject([]*link.Library{lib}, roots)
				if err != nil {
					continue
				}
				built, err := BuildObject(set, true)
				if err != nil {
					continue
				}
				out, err := elfmacho.Marshal(built)
				if err != nil {
					t.Fatal(err)
				}
				again, err := elfmacho.Parse("out", out)
				if err != nil {
					t.Fatal(err)
				}
				for i := range again.Sections {
					if _, err := again.Relocs(int32(i)); err != nil {
						t.Fatal(err)
					}
				}
				continue
			}
			if set, err := link.Resolve([]*link.Library{lib}, roots); err == nil {
				Build(set, nil)
			}
		}
	})
}
