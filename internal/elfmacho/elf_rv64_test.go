package elfmacho

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/archive"
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// sampleRISCV has a relocation of every kind, and differences of every width.
func sampleRISCV() *Object {
	o := sample()
	o.Arch = "riscv64"
	var list []Reloc
	add := func(types ...uint16) {
		for _, typ := range types {
			list = append(list, Reloc{Off: uint64(8 * (len(list) / 2)), Type: typ, Symbol: 2, Addend: 16})
		}
	}
	for first, half := range riscvHalves {
		add(uint16(first), uint16(half.second))
	}
	slices.SortStableFunc(list, func(a, b Reloc) int { return int(a.Off) - int(b.Off) })
	for k := reloc.None + 1; k <= reloc.MovAbs; k++ {
		if typ, ok := elfMachines[2].typ(k); ok && k.Info().Width > 0 {
			add(uint16(typ), riscvRelax)
		}
	}
	text := &o.Sections[1]
	text.Data = make([]byte, 4*len(list)+8)
	text.Size = uint64(len(text.Data))
	o.SetRelocs(1, list)
	o.SetRelocs(2, []Reloc{{Off: 0, Kind: reloc.Abs64, Symbol: 2, Addend: 2}, {Off: 8, Kind: reloc.TLS, Type: 29, Symbol: 5}})
	return o
}

func TestMarshalParseRISCV(t *testing.T) {
	data := marshal(t, sampleRISCV())
	compare(t, data)
	got, err := Parse("sample.o", data)
	if err != nil {
		t.Fatal(err)
	}
	if got.Arch != "riscv64" || binary.LittleEndian.Uint32(data[48:]) != 5 {
		t.Errorf("an object for %s, e_flags %#x", got.Arch, data[48:52])
	}
	if err := parseAll(data); err != nil {
		t.Error(err)
	}
}

// TestRISCVTypes compares the table with the names of debug/elf.
func TestRISCVTypes(t *testing.T) {
	names := map[string]reloc.Kind{
		"32": reloc.Abs32, "64": reloc.Abs64, "BRANCH": reloc.Branch12, "JAL": reloc.Jump20, "CALL": reloc.CallPair, "CALL_PLT": reloc.CallPair,
		"GOT_HI20": reloc.GOTHigh20, "PCREL_HI20": reloc.High20, "PCREL_LO12_I": reloc.Low12I, "PCREL_LO12_S": reloc.Low12S,
		"HI20": reloc.MovAbs, "LO12_I": reloc.MovAbs, "LO12_S": reloc.MovAbs, "RVC_BRANCH": reloc.BranchC, "RVC_JUMP": reloc.JumpC,
		"32_PCREL": reloc.PC32,
	}
	for typ := range uint32(60) {
		name, ok := strings.CutPrefix(elf.R_RISCV(typ).String(), "R_RISCV_")
		if !ok || strings.Contains(name, "+") {
			continue // unknown to debug/elf
		}
		kind, _ := elfMachines[2].kind(typ)
		want := names[name]
		if strings.HasPrefix(name, "TLS_") || strings.HasPrefix(name, "TPREL_") {
			want = reloc.TLS
		}
		if half, ok := riscvHalves[typ]; ok {
			width := fmt.Sprint(8 * half.absolute.Info().Width)
			if half.absolute == reloc.Abs6 {
				width = "6"
			}
			add := "ADD"
			if half.set {
				add = "SET"
			}
			if name != add+width || elf.R_RISCV(half.second).String() != "R_RISCV_SUB"+width {
				t.Errorf("%s (%d): %+v", name, typ, half)
			}
		}
		switch name {
		case "TPREL_I", "TPREL_S": // GNU ld's own
			want = reloc.None
		case "IRELATIVE":
			want = reloc.IRel
		case "PLT32":
			want = reloc.PC32
		}
		if kind != want {
			t.Errorf("%s (%d) is %v, want %v", name, typ, kind, want)
		}
	}
}

// TestParseRISCVLibrary compares every member of a real static library with
// debug/elf and llvm-readelf.
func TestParseRISCVLibrary(t *testing.T) {
	testLibrary(t, "riscv64gc-unknown-linux-gnu", "R_RISCV_", func(r *Reloc) []string {
		if r.Type != 0 {
			return []string{elf.R_RISCV(r.Type).String()}
		}
		width := 8 * r.Kind.Info().Width
		if r.Kind == reloc.Abs6 {
			width = 6
		}
		return []string{fmt.Sprintf("R_RISCV_ADD%d", width), fmt.Sprintf("R_RISCV_SUB%d", width)}
	})
}

// riscvPairs has differences that an assembler computes if no code is relaxed.
const riscvPairs = `
	.section .text.f, "ax", @progbits
f:	call g
1:	call g
2:	ret
	.section .data.f, "aw", @progbits
d:	.byte 2b-1b
	.half 2b-f+3
	.word 1b-2b
	.quad f-2b-5
	.word 1b-d
	.word f-.
	.quad 2b+3-e
e:
`

// TestRISCVDifferences compares what relocations compute with what a linker does.
func TestRISCVDifferences(t *testing.T) {
	dir := t.TempDir()
	object := filepath.Join(dir, "a.o")
	if err := os.WriteFile(filepath.Join(dir, "a.s"), []byte(riscvPairs), 0o666); err != nil {
		t.Fatal(err)
	}
	riscvTool(t, "llvm-mc-19", "-triple=riscv64", "-mattr=+c,+d,+relax", "-target-abi=lp64d", "-filetype=obj", "-o", object, filepath.Join(dir, "a.s"))
	data, err := os.ReadFile(object)
	if err != nil {
		t.Fatal(err)
	}
	checked := map[reloc.Kind]int{}
	riscvLinked(t, data, checked)
	for _, k := range []reloc.Kind{reloc.Abs8, reloc.Abs16, reloc.Abs32S, reloc.Abs64, reloc.PC32, reloc.PC64} {
		if checked[k] == 0 {
			t.Errorf("no relocation %v", k)
		}
	}
}

func riscvTool(t *testing.T, name string, args ...string) {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil && os.Getenv("CI") != "true" {
		if _, missing := exec.LookPath(name); missing != nil {
			t.Skip(missing)
		}
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// TestRISCVLinker links each object of Rust's libraries by itself, without
// relaxation, and puts every relocation where ld.lld has put its section: the
// bytes must be those of ld.lld's output.
func TestRISCVLinker(t *testing.T) {
	out, err := exec.Command("rustc", "--print=target-libdir", "--target=riscv64gc-unknown-linux-gnu").Output()
	if err != nil {
		t.Skip(err)
	}
	checked := map[reloc.Kind]int{}
	for _, name := range []string{"core", "alloc", "compiler_builtins", "std"} {
		files, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "lib"+name+"-*.rlib"))
		if len(files) == 0 {
			if os.Getenv("CI") == "true" {
				t.Fatal("rustc has no ", name, " for riscv64gc-unknown-linux-gnu")
			}
			t.Skip("no ", name)
		}
		data, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		lib, err := archive.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		for i := range lib.Members {
			// Most of compiler_builtins is one function an object.
			if member := lib.Data(i); IsObject(member) && (len(member) > 30000 || i%8 == 0) {
				riscvLinked(t, member, checked)
			}
		}
	}
	t.Log(checked)
	for _, k := range []reloc.Kind{
		reloc.CallPair, reloc.High20, reloc.Low12I, reloc.Low12S, reloc.GOTHigh20, reloc.Branch12, reloc.BranchC, reloc.JumpC,
		reloc.PC32, reloc.Abs64,
	} {
		if checked[k] == 0 {
			t.Errorf("no relocation %v", k)
		}
	}
}

// mapLine is a line of ld.lld's map for an input section.
var mapLine = regexp.MustCompile(`^ *([0-9a-f]+) +[0-9a-f]+ +[0-9a-f]+ +\d+ +\S*a\.o:\((.*)\)$`)

// riscvLinked compares the relocations of one object and counts them.
func riscvLinked(t *testing.T, data []byte, checked map[reloc.Kind]int) {
	t.Helper()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(path("a.o"), data, 0o666); err != nil {
		t.Fatal(err)
	}
	riscvTool(t, "ld.lld-19", "-O0", "--no-relax", "--unresolved-symbols=ignore-all", "--noinhibit-exec", "-Map="+path("map"), "-e0", "-o", path("a"), path("a.o"))
	text, err := os.ReadFile(path("map"))
	if err != nil {
		t.Fatal(err)
	}
	places := map[string][]uint64{}
	for _, line := range strings.Split(string(text), "\n") {
		if m := mapLine.FindStringSubmatch(line); m != nil {
			at, _ := strconv.ParseUint(m[1], 16, 64)
			places[m[2]] = append(places[m[2]], at)
		}
	}
	program, err := elf.Open(path("a"))
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	loaded := func(at uint64, n int) []byte {
		b := make([]byte, n)
		for _, p := range program.Progs {
			if p.Type == elf.PT_LOAD && at >= p.Vaddr && at+uint64(n) <= p.Vaddr+p.Filesz {
				if _, err := p.ReadAt(b, int64(at-p.Vaddr)); err != nil {
					t.Fatal(err)
				}
			}
		}
		return b
	}
	p, err := readELF(data)
	if err != nil {
		t.Fatal(err)
	}
	address := func(section int32) (uint64, bool) {
		if section <= 0 {
			return 0, false
		}
		at := places[p.obj.Sections[section].Name]
		if len(at) != 1 {
			return 0, false // not linked, or one of several of that name
		}
		return at[0], true
	}
	for i := range p.obj.Sections {
		s := &p.obj.Sections[i]
		if s.Kind != Text && s.Kind != ReadOnly && s.Kind != RelRO && s.Kind != Data {
			continue
		}
		at, ok := address(int32(i))
		if !ok {
			continue
		}
		relocs, err := p.relocs(int32(i))
		if err != nil {
			t.Fatal(err)
		}
		// value is what a relocation computes.
		value := func(r *Reloc) (int64, bool) {
			sum := uint64(r.Addend)
			if r.Symbol != 0 {
				sym := &p.obj.Symbols[r.Symbol]
				to, ok := address(sym.Section)
				if !ok {
					return 0, false
				}
				sum += to + sym.Value
			}
			if r.Kind.Info().PCRel {
				sum -= at + r.Off
			}
			return int64(sum), true
		}
		for j := range relocs {
			r := &relocs[j]
			info := r.Kind.Info()
			want := loaded(at+r.Off, info.Width)
			got := bytes.Clone(s.Data[r.Off:][:info.Width])
			v, ok := value(r)
			high := r
			if r.Kind == reloc.Low12I || r.Kind == reloc.Low12S {
				off := p.obj.Symbols[r.Symbol].Value
				k := slices.IndexFunc(relocs, func(h Reloc) bool { return h.Off == off })
				high = &relocs[k]
				if v, ok = value(high); high.Kind == reloc.TLS {
					continue
				}
			}
			if !ok || r.Kind == reloc.TLS {
				continue
			}
			if high.Kind == reloc.GOTHigh20 {
				// There is a slot. Where, only the instructions say; what is in it is known.
				if r != high {
					auipc, load := binary.LittleEndian.Uint32(loaded(at+high.Off, 4)), binary.LittleEndian.Uint32(want)
					slot := at + high.Off + uint64(int64(int32(auipc&^0xfff))) + uint64(int64(int32(load)>>20))
					if there := binary.LittleEndian.Uint64(loaded(slot, 8)); there != uint64(v)+at+high.Off {
						t.Errorf("%s+%#x: the slot holds %#x, want %#x", s.Name, r.Off, there, uint64(v)+at+high.Off)
					}
				}
				checked[r.Kind]++
				continue
			}
			if r != high {
				v = reloc.Low12(v)
			}
			if err := r.Kind.Put(got, v); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s+%#x: %v: % x, want % x (%v)", s.Name, r.Off, r.Kind, got, want, err)
			}
			checked[r.Kind]++
		}
	}
}

// TestRISCVPairs refuses halves of differences, and differences of what is not
// known.
func TestRISCVPairs(t *testing.T) {
	pair := func(first, second Reloc) []Reloc { return []Reloc{first, second} }
	tests := []struct {
		name string
		list []Reloc
		want string
	}{
		{"alone", []Reloc{{Type: 35, Symbol: 2}}, "relocation type 35 without another one behind it"},
		{"second half first", []Reloc{{Type: 39, Symbol: 2}}, "unknown relocation type 39"},
		{"other width", pair(Reloc{Type: 35, Symbol: 2}, Reloc{Type: 40, Symbol: 2}), "relocation type 35 without type 39 behind it"},
		{"other field", pair(Reloc{Type: 35, Symbol: 2}, Reloc{Off: 4, Type: 39, Symbol: 2}), "relocation type 35 without type 39 behind it"},
		{"past the end", pair(Reloc{Off: 1 << 40, Type: 35, Symbol: 2}, Reloc{Off: 1 << 40, Type: 39, Symbol: 2}), "past the end of the section"},
		{"undefined", pair(Reloc{Type: 35, Symbol: 2}, Reloc{Type: 39, Symbol: 5}), "which is not in this object"},
	}
	for _, test := range tests {
		o := sampleRISCV()
		o.Symbols[5].Section, o.Symbols[5].Type = Undefined, NoType
		o.SetRelocs(1, test.list)
		o.SetRelocs(2, nil)
		if err := parseAll(marshal(t, o)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
}
