package elfmacho

import (
	"bytes"
	"debug/macho"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/archive"
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

var update = flag.Bool("update", false, "write the golden files anew")

// missing ends a test for want of a tool: a skip, but not in CI.
func missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

func runTool(t testing.TB, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, "%v", err)
	}
	out, err := exec.Command(path, args...).Output()
	if err != nil {
		t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return string(out)
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// machoTriples are what llvm-mc calls the processors.
var machoTriples = map[string]string{"amd64": "x86_64-apple-macos11", "arm64": "arm64-apple-macos11"}

// TestMachOTestdata makes the objects in testdata anew.
func TestMachOTestdata(t *testing.T) {
	for arch, triple := range machoTriples {
		out := filepath.Join(t.TempDir(), "out.o")
		runTool(t, "llvm-mc-19", "-triple", triple, "-filetype=obj", "-o", out, "testdata/"+arch+".s")
		if !bytes.Equal(readFile(t, out), readFile(t, "testdata/"+arch+".o")) {
			t.Errorf("testdata/%s.o is not what llvm-mc makes of %s.s", arch, arch)
		}
	}
}

// describe writes a line for each atom, with its symbols and relocations.
func describe(t testing.TB, o *Object) string {
	t.Helper()
	var b strings.Builder
	place := func(section int32, off int64) string {
		name := o.Sections[section].Name
		for _, s := range o.Symbols {
			if s.Section == section && s.Name != "" && s.Value == 0 {
				name = s.Name
			}
		}
		return fmt.Sprintf("%s#%d%+d", name, section, off)
	}
	for i := range o.Sections {
		s := &o.Sections[i]
		if i == 0 {
			continue
		}
		fmt.Fprintf(&b, "%d %s %s align %d size %d", i, s.Name, s.Kind, s.Align, s.Size)
		for _, flag := range []struct {
			name string
			set  bool
		}{{" retain", s.Retain}, {" support", s.LiveSupport}, {" mergeable", s.Mergeable}} {
			if flag.set {
				b.WriteString(flag.name)
			}
		}
		for _, r := range s.DataInCode {
			fmt.Fprintf(&b, " data %d-%d", r.Start, r.End)
		}
		b.WriteByte('\n')
		for _, sym := range o.Symbols {
			if sym.Section == int32(i) && sym.Name != "" {
				fmt.Fprintf(&b, "\t%s %d+%d bind %d type %d hidden %v\n", sym.Name, sym.Value, sym.Size, sym.Bind, sym.Type, sym.Hidden)
			}
		}
		relocs, err := o.Relocs(int32(i))
		if err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		if len(relocs) != int(s.Relocated) {
			t.Errorf("%s: %d relocations, %d were announced", s.Name, len(relocs), s.Relocated)
		}
		for _, r := range relocs {
			to := &o.Symbols[r.Symbol]
			name := to.Name
			if to.Section > 0 && to.Name == "" {
				name = place(to.Section, int64(to.Value))
			}
			fmt.Fprintf(&b, "\t%#x %s %s%+d\n", r.Off, r.Kind, name, r.Addend)
		}
	}
	for _, sym := range o.Symbols {
		if sym.Section < 0 {
			fmt.Fprintf(&b, "%s section %d value %#x size %d bind %d\n", sym.Name, sym.Section, sym.Value, sym.Size, sym.Bind)
		}
	}
	return b.String()
}

// TestMachOGolden compares all that is known of the objects in testdata with
// what was read against their source. `-args -update` writes it anew.
func TestMachOGolden(t *testing.T) {
	for arch := range machoTriples {
		o, err := Parse(arch+".o", readFile(t, "testdata/"+arch+".o"))
		if err != nil {
			t.Fatal(err)
		}
		got, golden := describe(t, o), "testdata/"+arch+".golden"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if want := string(readFile(t, golden)); got != want {
			t.Errorf("%s\ngot\n%s\nwant\n%s", arch, got, want)
		}
	}
}

// compareMachO holds Parse to debug/macho and returns the parser.
func compareMachO(t *testing.T, name string, data []byte) *machoParser {
	t.Helper()
	want, err := macho.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	p, err := readMachO(data)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(p.sects) != len(want.Sections) {
		t.Fatalf("%s: %d sections, want %d", name, len(p.sects), len(want.Sections))
	}
	for i, w := range want.Sections {
		s := &p.sects[i]
		if s.name != w.Seg+","+w.Name || s.addr != w.Addr || s.size != w.Size || s.align != 1<<w.Align || s.flags != w.Flags {
			t.Errorf("%s: section %d: %+v, want %+v", name, i, s, w.SectionHeader)
		}
		// The atoms are the section, piece by piece, aligned as it is.
		var content []byte
		size := uint64(0)
		for k, start := range s.starts {
			atom := &p.obj.Sections[int(s.first)+k]
			if start != size || start%atom.Align != 0 || atom.Align > s.align {
				t.Errorf("%s: atom %d of %s is at %#x, want %#x", name, k, s.name, start, size)
			}
			content, size = append(content, atom.Data...), size+atom.Size
		}
		if data, err := w.Data(); size != w.Size || !s.zerofill() && (err != nil || !bytes.Equal(content, data)) {
			t.Errorf("%s: atoms of %s have %#x bytes, want %#x (%v)", name, s.name, size, w.Size, err)
		}
		// All relocations are there, but for those that belong to the next.
		var list, mine []string
		for j, r := range w.Relocs {
			if r.Scattered || p.machine.prefix(r.Type) {
				continue
			}
			typ := r.Type
			if j > 0 && w.Relocs[j-1].Addr == r.Addr && r.Type == 0 {
				typ = w.Relocs[j-1].Type // of a difference
			}
			list = append(list, fmt.Sprintf("%#x %d", r.Addr, typ))
		}
		for k, start := range s.starts {
			relocs, err := p.obj.Relocs(s.first + int32(k))
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			for _, r := range relocs {
				mine = append(mine, fmt.Sprintf("%#x %d", start+r.Off, r.Type))
			}
		}
		slices.Sort(list)
		slices.Sort(mine)
		if !slices.Equal(list, mine) {
			t.Errorf("%s: relocations of %s\ngot  %q\nwant %q", name, s.name, mine, list)
		}
	}
	if want.Symtab == nil {
		return p
	}
	names := machoNames(want, data)
	for i, w := range want.Symtab.Syms {
		s := &p.obj.Symbols[i+1]
		w.Name = names[i]
		got := s.Name
		if s.Bind != Local {
			got = MachOName(got)
		}
		label := s.Type == SectionSym && s.Name == "" && isLabel(w.Name)
		if w.Type&nStab == 0 && !label && got != w.Name && (s.Bind != Local || got != strings.TrimPrefix(w.Name, "_")) {
			t.Errorf("%s: symbol %d: %q, want %q", name, i, got, w.Name)
		}
		if (s.Bind == Local) != (w.Type&nExt == 0) || s.Hidden != (w.Type&nPext != 0) && s.Bind != Local {
			t.Errorf("%s: symbol %s: %+v, type %#x", name, w.Name, s, w.Type)
		}
		if w.Type&(nStab|nType) == nSect {
			section := &p.sects[p.owner[s.Section]]
			if section != &p.sects[w.Sect-1] || section.addr+section.starts[s.Section-section.first]+s.Value != w.Value {
				t.Errorf("%s: symbol %s: %+v, want %+v", name, w.Name, s, w)
			}
		}
	}
	return p
}

// machoNames returns the names of the symbols as they are in the file: debug/macho
// drops the underscore of some.
func machoNames(f *macho.File, data []byte) []string {
	var names []string
	if f.Symtab == nil {
		return nil
	}
	le, command := binary.LittleEndian, f.Symtab.Raw()
	symbols, text := data[le.Uint32(command[8:]):], data[le.Uint32(command[16:]):]
	for i := range f.Symtab.Syms {
		name, _, _ := bytes.Cut(text[le.Uint32(symbols[16*i:]):], []byte{0})
		names = append(names, string(name))
	}
	return names
}

// objdumpRelocs reads the output of llvm-objdump -r --macho: by section, the
// address of each relocation and what it names.
func objdumpRelocs(t testing.TB, out string) map[string][]string {
	t.Helper()
	relocs := map[string][]string{}
	header := regexp.MustCompile(`^Relocation information \((.*)\) \d+ entries$`)
	section := ""
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if m := header.FindStringSubmatch(line); m != nil {
			section = m[1]
		}
		// address pcrel length extern type scattered symbol
		f := strings.Fields(strings.NewReplacer("?( 3)", "quad", "TLVLDPOFFalse", "TLVLDPOF False", "GOTLDPOFFalse", "GOTLDPOF False").Replace(line))
		if len(f) < 7 || len(f[0]) != 8 || f[4] == "SUB" || f[4] == "ADDEND" {
			continue
		}
		name := f[6]
		if f[3] == "False" { // a section: "1 (__TEXT,__text)"
			name = strings.Trim(f[7], "()")
		}
		relocs[section] = append(relocs[section], f[0]+" "+name)
	}
	return relocs
}

// compareObjdump holds the places and targets of relocations to llvm-objdump.
func compareObjdump(t *testing.T, name string, p *machoParser, out string) {
	t.Helper()
	want := objdumpRelocs(t, out)
	file, err := macho.NewFile(bytes.NewReader(p.data))
	if err != nil {
		t.Fatal(err)
	}
	names := machoNames(file, p.data)
	for i := range p.sects {
		s := &p.sects[i]
		list := want[s.name]
		if len(list) == 0 && len(s.relocs) == 0 {
			continue
		}
		var got []string
		for k, start := range s.starts {
			relocs, err := p.obj.Relocs(s.first + int32(k))
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range relocs {
				if r.Symbol == 0 {
					continue // a number
				}
				target := ""
				if int(r.Symbol) <= p.symbolCount {
					target = names[r.Symbol-1]
				} else {
					target = p.sects[p.owner[p.obj.Symbols[r.Symbol].Section]].name
				}
				got = append(got, fmt.Sprintf("%08x %s", start+r.Off, target))
			}
		}
		slices.Sort(got)
		slices.Sort(list)
		if !slices.Equal(got, list) {
			t.Errorf("%s: relocations of %s\ngot  %q\nwant %q", name, s.name, got, list)
		}
	}
}

// TestMachOIndependent compares the objects in testdata with debug/macho and
// llvm-objdump.
func TestMachOIndependent(t *testing.T) {
	for _, file := range []string{"amd64.o", "arm64.o", "rust-arm64.o"} {
		file = filepath.Join("testdata", file)
		p := compareMachO(t, file, readFile(t, file))
		compareObjdump(t, file, p, runTool(t, "llvm-objdump-19", "-r", "--macho", file))
	}
}

// appleStaticlib compiles a crate that uses formatting for a target of Apple's.
func appleStaticlib(t testing.TB, triple string) string {
	t.Helper()
	if _, err := exec.LookPath("rustc"); err != nil {
		missing(t, "%v", err)
	}
	out := filepath.Join(t.TempDir(), "libsample.a")
	args := []string{"--target=" + triple, "--crate-type=staticlib", "--edition=2021", "-Copt-level=2", "-Cpanic=abort", "-g", "-o", out, "testdata/sample.rs"}
	if text, err := exec.Command("rustc", args...).CombinedOutput(); err != nil {
		if bytes.Contains(text, []byte("rustup target add")) || bytes.Contains(text, []byte("can't find crate for `core`")) {
			t.Skip("the Rust target " + triple + " is not installed")
		}
		t.Fatalf("%v\n%s", err, text)
	}
	return out
}

// TestMachOReal compares every member of libraries with debug/macho and
// llvm-objdump.
func TestMachOReal(t *testing.T) {
	for _, triple := range []string{"x86_64-apple-darwin", "aarch64-apple-darwin"} {
		t.Run(triple, func(t *testing.T) { machOReal(t, appleStaticlib(t, triple)) })
	}
}

func machOReal(t *testing.T, lib string) {
	f, err := archive.Parse(readFile(t, lib))
	if err != nil {
		t.Fatal(err)
	}
	// One run for all: each member begins with its name.
	members := strings.Split(runTool(t, "llvm-objdump-19", "-r", "--macho", lib), "\n"+lib+"(")
	kinds, relocs := map[reloc.Kind]int{}, 0
	for i, m := range f.Members {
		p := compareMachO(t, m.Name, f.Data(i))
		for _, out := range members {
			if strings.HasPrefix(out, m.Name+"):") {
				compareObjdump(t, m.Name, p, out)
			}
		}
		for j := range p.obj.Sections {
			list, _ := p.obj.Relocs(int32(j))
			for _, r := range list {
				kinds[r.Kind]++
			}
			relocs += len(list)
		}
	}
	t.Logf("%d objects, %d relocations: %v", len(f.Members), relocs, kinds)
	if len(f.Members) < 100 || relocs < 1000 {
		t.Errorf("%d objects with %d relocations", len(f.Members), relocs)
	}
}

// Symbols in unwind tables, which old compilers write, do not split those.
func TestMachOWhole(t *testing.T) {
	source := "_f: ret\n.section __TEXT,__eh_frame,coalesced,no_toc+strip_static_syms+live_support\nEH_frame0: .quad 1\n_f.eh: .quad 2\n" +
		".section __DWARF,__debug_line,regular,debug\n_a: .quad 3\n_b: .quad 4\n.subsections_via_symbols\n"
	dir := t.TempDir()
	in, out := filepath.Join(dir, "a.s"), filepath.Join(dir, "a.o")
	if err := os.WriteFile(in, []byte(source), 0o666); err != nil {
		t.Fatal(err)
	}
	runTool(t, "llvm-mc-19", "-triple", machoTriples["amd64"], "-filetype=obj", "-o", out, in)
	o, err := Parse("a.o", readFile(t, out))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range o.Sections[1:] {
		got = append(got, fmt.Sprint(s.Name, " ", s.Size, " ", s.LiveSupport))
	}
	if want := []string{"__TEXT,__text 1 false", "__TEXT,__eh_frame 16 false", ".debug_line 16 false"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
