package elfmacho

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/archive"
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// sampleARM64 has a relocation of every kind.
func sampleARM64() *Object {
	o := sample()
	o.Arch = "arm64"
	text := &o.Sections[1]
	var list []Reloc
	for k := reloc.None + 1; k <= reloc.MovAbs; k++ {
		if typ, ok := elfMachines[1].typ(k); ok && k.Info().Width > 0 {
			list = append(list, Reloc{Off: uint64(8 * len(list)), Kind: k, Type: uint16(typ), Symbol: 4, Addend: 16})
		}
	}
	text.Data = make([]byte, 8*len(list))
	text.Size = uint64(len(text.Data))
	o.SetRelocs(1, list)
	o.SetRelocs(2, []Reloc{{Off: 0, Kind: reloc.Abs64, Symbol: 2, Addend: 2}, {Off: 8, Kind: reloc.TLS, Type: 549, Symbol: 5}})
	return o
}

func TestMarshalParseARM64(t *testing.T) {
	want := sampleARM64()
	data := marshal(t, want)
	compare(t, data)
	got, err := Parse("sample.o", data)
	if err != nil {
		t.Fatal(err)
	}
	if got.Arch != "arm64" {
		t.Errorf("an object for %s", got.Arch)
	}
	for i := range int32(3) {
		wants, _ := want.Relocs(i)
		gots, err := got.Relocs(i + 1) // a group comes first
		if err != nil || len(gots) != len(wants) {
			t.Fatalf("section %d: %d relocations, want %d (%v)", i, len(gots), len(wants), err)
		}
		for j, g := range gots {
			if w := wants[j]; g.Off != w.Off || g.Kind != w.Kind || g.Addend != w.Addend || got.Symbols[g.Symbol].Name != want.Symbols[w.Symbol].Name {
				t.Errorf("relocation %+v, want %+v", g, w)
			}
		}
	}
}

// TestARM64Types compares the table with the names of debug/elf.
func TestARM64Types(t *testing.T) {
	names := map[reloc.Kind][]string{
		reloc.Abs64: {"ABS64"}, reloc.Abs32: {"ABS32"}, reloc.Abs16: {"ABS16"},
		reloc.PC64: {"PREL64"}, reloc.PC32: {"PREL32"}, reloc.PC16: {"PREL16"},
		reloc.Page21: {"ADR_PREL_PG_HI21", "ADR_PREL_PG_HI21_NC"}, reloc.Adr21: {"ADR_PREL_LO21"},
		reloc.PageOff12:   {"ADD_ABS_LO12_NC", "LDST8_ABS_LO12_NC"},
		reloc.PageOff12S1: {"LDST16_ABS_LO12_NC"}, reloc.PageOff12S2: {"LDST32_ABS_LO12_NC"},
		reloc.PageOff12S3: {"LDST64_ABS_LO12_NC"}, reloc.PageOff12S4: {"LDST128_ABS_LO12_NC"},
		reloc.Branch26: {"CALL26", "JUMP26"}, reloc.Branch19: {"CONDBR19"}, reloc.Branch14: {"TSTBR14"},
		reloc.Load19: {"LD_PREL_LO19"}, reloc.GOTPage21: {"ADR_GOT_PAGE"}, reloc.GOTPageOff12: {"LD64_GOT_LO12_NC"},
		reloc.IRel: {"IRELATIVE"},
	}
	for typ := range uint32(1100) {
		kind, _ := elfMachines[1].kind(typ)
		name, ok := strings.CutPrefix(elf.R_AARCH64(typ).String(), "R_AARCH64_")
		want := reloc.None
		switch {
		case !ok || typ < 256 || strings.Contains(name, "+"): // of 32-bit objects, or unknown to debug/elf
			continue
		case strings.HasPrefix(name, "TLS"):
			want = reloc.TLS
		case strings.HasPrefix(name, "MOVW_UABS"), strings.HasPrefix(name, "MOVW_SABS"):
			want = reloc.MovAbs
		default:
			for k, list := range names {
				if slices.Contains(list, name) {
					want = k
				}
			}
		}
		if kind != want {
			t.Errorf("%s (%d) is %v, want %v", name, typ, kind, want)
		}
	}
}

// TestParseARM64Library compares every member of a real static library with
// debug/elf and llvm-readelf.
func TestParseARM64Library(t *testing.T) {
	testLibrary(t, "aarch64-unknown-linux-gnu", "R_AARCH64_", func(r *Reloc) []string { return []string{elf.R_AARCH64(r.Type).String()} })
}

// testLibrary compares every member of a real static library for a target with
// debug/elf and llvm-readelf, given what the names of relocation types start with.
func testLibrary(t *testing.T, triple, prefix string, names func(r *Reloc) []string) {
	skip := func(reason any) {
		t.Helper()
		if os.Getenv("CI") == "true" {
			t.Fatal(reason)
		}
		t.Skip(reason)
	}
	readelf, err := exec.LookPath("llvm-readelf-19")
	if err != nil {
		skip(err)
	}
	dir := t.TempDir()
	build := exec.Command("cargo", "--config", `profile.release.panic="abort"`, "--config", "profile.release.debug=2",
		"rustc", "--quiet", "--lib", "--release", "--crate-type", "staticlib", "--target", triple, "--target-dir", dir)
	build.Dir = "../../fixtures/panics"
	build.Env = append(os.Environ(), "RUSTFLAGS=--cfg rustgo")
	if out, err := build.CombinedOutput(); err != nil {
		skip(fmt.Sprintf("%v\n%s", err, out))
	}
	data, err := os.ReadFile(filepath.Join(dir, triple, "release", "libpanics.a"))
	if err != nil {
		t.Fatal(err)
	}
	lib, err := archive.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	objects, total := 0, 0
	for i := range lib.Members {
		member := lib.Data(i)
		if !IsObject(member) {
			continue
		}
		objects++
		compare(t, member)
		p, err := readELF(member)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "member.o")
		if err := os.WriteFile(file, member, 0o666); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(readelf, "-rW", file).Output()
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, line := range strings.Split(string(out), "\n") {
			if f := strings.Fields(line); len(f) >= 3 && strings.HasPrefix(f[2], prefix) {
				if name := strings.Replace(f[2], "_SET", "_ADD", 1); name != "R_RISCV_RELAX" && name != "R_RISCV_ALIGN" {
					want = append(want, strings.TrimLeft(f[0], "0")+" "+name)
				}
			}
		}
		var got []string
		for j := range p.obj.Sections {
			relocs, err := p.relocs(int32(j))
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range relocs {
				for _, name := range names(&r) {
					got = append(got, strings.TrimLeft(fmt.Sprintf("%x", r.Off), "0")+" "+name)
				}
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d relocations, want %d", lib.Members[i].Name, len(got), len(want))
		}
		total += len(got)
		if p.machine.special != nil {
			continue // numbers are for fields, not for linkers
		}
		// What is written is what was read.
		if err := p.merge(); err != nil {
			t.Fatal(err)
		}
		p.obj.Groups = nil // their signatures may be the names of sections
		again, err := Marshal(p.obj)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := elf.NewFile(bytes.NewReader(again)); err != nil {
			t.Error(err)
		}
	}
	if objects < 50 || total < 10000 {
		t.Errorf("only %d objects with %d relocations", objects, total)
	}
}

// TestMergeARM64 follows references to constants that were split: their fields
// count from the instruction, not from its end.
func TestMergeARM64(t *testing.T) {
	gcc, err := exec.LookPath("aarch64-linux-gnu-gcc")
	if err != nil {
		t.Skip(err)
	}
	source := `
	.section .rodata.cst8,"aM",@progbits,8
	.quad 1, 2
	.text
	adrp x0, .rodata.cst8+8
	ldr x1, [x0, :lo12:.rodata.cst8+8]
	adr x2, .rodata.cst8
	.word .rodata.cst8+4-.
`
	dir := t.TempDir()
	in, out := filepath.Join(dir, "a.s"), filepath.Join(dir, "a.o")
	if err := os.WriteFile(in, []byte(source), 0o666); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.Command(gcc, "-c", "-o", out, in).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	o, err := Parse("a.o", data)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range o.Sections {
		relocs, err := o.Relocs(int32(i))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range relocs {
			s := &o.Symbols[r.Symbol]
			got = append(got, fmt.Sprint(r.Kind, " ", o.Sections[s.Section].Data[0], "+", r.Addend))
		}
	}
	if want := []string{"page21 2+0", "pageoff12 of 8 bytes 2+0", "adr21 1+0", "pcrel32 1+4"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestMappingSymbols tells the symbols that name nothing from those that look
// like them.
func TestMappingSymbols(t *testing.T) {
	o := sampleARM64()
	names := []string{"$x", "$d", "$x.42", "$d.a", "$xy", "$t", "x", "$x"}
	for i, name := range names {
		bind := Local
		if i == len(names)-1 {
			bind = Global
		}
		o.Symbols = append(o.Symbols, Symbol{Name: name, Section: 1, Bind: bind})
	}
	for _, arch := range []string{"arm64", "amd64"} {
		o.Arch = arch
		if arch == "amd64" {
			o.SetRelocs(1, nil)
			o.SetRelocs(2, nil)
		}
		got, err := Parse("x.o", marshal(t, o))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range got.Symbols {
			if !slices.Contains(names, s.Name) {
				continue
			}
			want := arch == "arm64" && s.Bind == Local && slices.Contains(names[:4], s.Name)
			if s.Type == Mapping != want {
				t.Errorf("%s: %s is of type %d", arch, s.Name, s.Type)
			}
		}
	}
}
