package link

import (
	"bytes"
	"debug/macho"
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
	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// skip ends a test for want of a tool: a skip, but not in CI.
func skip(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

func runTool(t testing.TB, name string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		skip(t, "%v", err)
	}
	if out, err := exec.Command(path, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// lldArch is what lld calls a GOARCH.
var lldArch = map[string]string{"amd64": "x86_64", "arm64": "arm64"}

// assembleMachO makes an object of assembly.
func assembleMachO(t testing.TB, arch, source string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.o")
	in := strings.TrimSuffix(out, "o") + "s"
	if err := os.WriteFile(in, []byte(source), 0o666); err != nil {
		t.Fatal(err)
	}
	runTool(t, "llvm-mc-19", "-triple", lldArch[arch]+"-apple-macos11", "-filetype=obj", "-o", out, in)
	return out
}

// plain is a name without an underscore, whether the file had one or not.
func plain(name string) string { return strings.TrimPrefix(name, "\x01") }

// linked is what ld64.lld -dead_strip makes of inputs.
type linked struct {
	file *macho.File
	addr map[string]uint64 // of symbols that are kept
	kept []string          // their names, sorted
}

var mapLine = regexp.MustCompile(`^0x([0-9A-F]+)\t0x[0-9A-F]+\t\[ *(\d+)\] (.*)$`)

func lld(t testing.TB, arch string, inputs []string, roots ...string) *linked {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.dylib")
	args := []string{"-dylib", "-arch", lldArch[arch], "-platform_version", "macos", "11.0", "11.0", "-dead_strip",
		"-undefined", "dynamic_lookup", "-no_fixup_chains", "-ignore_optimization_hints", "-map", out + ".map", "-o", out}
	for _, root := range roots {
		args = append(args, "-exported_symbol", "_"+root, "-u", "_"+root)
	}
	for _, in := range inputs {
		args = append(args, unlabel(t, in))
	}
	runTool(t, "ld64.lld-19", args...)
	f, err := macho.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	text, err := os.ReadFile(out + ".map")
	if err != nil {
		t.Fatal(err)
	}
	live, _, _ := strings.Cut(string(text), "# Dead Stripped Symbols:")
	l := &linked{file: f, addr: map[string]uint64{}}
	for line := range strings.Lines(live) {
		m := mapLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil || m[2] == "0" || strings.HasPrefix(m[3], "literal string: ") || m[3] == "EH_Frame" || strings.HasPrefix(m[3], "ltmp") { // of unwind tables
			continue
		}
		addr, err := strconv.ParseUint(m[1], 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(m[3], "_")
		l.addr[name] = addr
		l.kept = append(l.kept, name)
	}
	slices.Sort(l.kept)
	return l
}

// unlabel copies an object, or a library, without the assembler's labels at the
// start of sections, in the place of which the map would lack the symbols there.
func unlabel(t testing.TB, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	objects := [][]byte{data}
	if filepath.Ext(file) == ".a" {
		lib, err := archive.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		objects = nil
		for i := range lib.Members {
			objects = append(objects, lib.Data(i))
		}
	}
	for _, object := range objects {
		f, err := macho.NewFile(bytes.NewReader(object))
		if err != nil {
			t.Fatal(err)
		}
		symbols := binary.LittleEndian.Uint32(f.Symtab.Raw()[8:])
		for i, s := range f.Symtab.Syms {
			if strings.HasPrefix(s.Name, "ltmp") && f.Sections[s.Sect-1].Name != "__eh_frame" {
				object[int(symbols)+16*i+4] = 0x24 // N_FUN, for debuggers
			}
		}
	}
	out := filepath.Join(t.TempDir(), filepath.Base(file))
	if err := os.WriteFile(out, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return out
}

// bytes returns what the program has at an address.
func (l *linked) bytes(t testing.TB, addr, n uint64) []byte {
	t.Helper()
	for _, s := range l.file.Sections {
		if addr >= s.Addr && addr+n <= s.Addr+s.Size {
			b := make([]byte, n)
			if _, err := s.ReadAt(b, int64(addr-s.Addr)); err != nil {
				t.Fatal(err)
			}
			return b
		}
	}
	t.Errorf("nothing at %#x", addr)
	return make([]byte, n)
}

func openFiles(t testing.TB, arch string, files []string) []*Library {
	t.Helper()
	var libs []*Library
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lib, err := OpenArch(filepath.Base(file), data, arch, nil)
		if err != nil {
			t.Fatal(err)
		}
		libs = append(libs, lib)
	}
	return libs
}

// keptNames are the names of all symbols in live atoms but for literals, which
// lld lists by their contents.
func keptNames(s *Set) []string {
	var list []string
	for _, r := range s.Live {
		if s.Section(r).Mergeable {
			continue
		}
		for _, sym := range s.Symbols(r) {
			list = append(list, plain(sym.Name))
		}
	}
	slices.Sort(list)
	return list
}

func minus(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// machoInputs are what the tests below link.
type machoInput struct {
	name, arch string
	files      []string
	roots      []string
	relocs     int // at least so many are live
}

func machoInputs(t testing.TB) []machoInput {
	const testdata = "../elfmacho/testdata/"
	const defined = ".globl _undefined\n.data\n.quad 1\n_undefined: .quad 2\n.subsections_via_symbols\n"
	sample := []string{"count", "dynamic", "operation", "name"}
	list := []machoInput{
		{"amd64", "amd64", []string{testdata + "amd64.o", assembleMachO(t, "amd64", defined)}, []string{"f"}, 24},
		{"arm64", "arm64", []string{testdata + "arm64.o", assembleMachO(t, "arm64", defined)}, []string{"f"}, 35},
		{"rust arm64", "arm64", []string{testdata + "rust-arm64.o"}, sample, 33},
		{"a part of rust arm64", "arm64", []string{testdata + "rust-arm64.o"}, []string{"name"}, 10},
	}
	for _, arch := range []string{"amd64", "arm64"} {
		lib := filepath.Join(t.TempDir(), "libsample.a")
		triple := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[arch] + "-apple-darwin"
		args := []string{"--target=" + triple, "--crate-type=staticlib", "--edition=2021", "-Copt-level=2", "-Cpanic=abort", "-o", lib, testdata + "sample.rs"}
		if out, err := exec.Command("rustc", args...).CombinedOutput(); err == nil {
			list = append(list, machoInput{"a library of Rust's for " + arch, arch, []string{lib}, sample, 40})
		} else {
			t.Logf("no library of Rust for %s: %v\n%s", triple, err, out)
		}
	}
	return list
}

// TestMachOKeeps compares what is live with what ld64.lld keeps.
func TestMachOKeeps(t *testing.T) {
	for _, in := range machoInputs(t) {
		t.Run(in.name, func(t *testing.T) {
			set, err := Resolve(openFiles(t, in.arch, in.files), in.roots)
			if err != nil {
				t.Fatal(err)
			}
			got, want := keptNames(set), lld(t, in.arch, in.files, in.roots...).kept
			if !slices.Equal(got, want) {
				t.Errorf("only ours: %q\nonly theirs: %q", minus(got, want), minus(want, got))
			}
			t.Logf("%d symbols", len(got))
		})
	}
}

// TestMachORelocations puts every live relocation where ld64.lld has put its
// field and target, and compares the bytes.
func TestMachORelocations(t *testing.T) {
	for _, in := range machoInputs(t) {
		t.Run(in.name, func(t *testing.T) {
			set, err := Resolve(openFiles(t, in.arch, in.files), in.roots)
			if err != nil {
				t.Fatal(err)
			}
			c := &comparison{T: t, set: set, linked: lld(t, in.arch, in.files, in.roots...), checked: map[reloc.Kind]int{}}
			total := 0
			for _, r := range set.Live {
				c.compare(r)
			}
			for _, n := range c.checked {
				total += n
			}
			t.Logf("%d relocations: %v", total, c.checked)
			if total < in.relocs {
				t.Errorf("%d relocations, want at least %d", total, in.relocs)
			}
		})
	}
}

type comparison struct {
	*testing.T
	*linked
	set     *Set
	page    uint64 // that the last adrp of arm64 led to, of a target without a name
	checked map[reloc.Kind]int
}

// address is where lld has put a section, if one of its symbols tells.
func (c *comparison) address(r Ref) (uint64, bool) {
	for _, sym := range c.set.Symbols(r) {
		if addr, ok := c.addr[plain(sym.Name)]; ok && !c.set.Section(r).Mergeable {
			return addr - sym.Value, true
		}
	}
	return 0, false
}

func (c *comparison) compare(r Ref) {
	at, ok := c.address(r)
	if !ok {
		return
	}
	section := c.set.Section(r)
	relocs, err := c.set.Relocs(r)
	if err != nil {
		c.Fatal(err)
	}
	for _, rel := range relocs {
		place, err := c.set.Target(r.Object, rel)
		if err != nil {
			c.Error(err)
		}
		if place.Kind == Nowhere {
			continue // dyld finds it
		}
		info, p := rel.Kind.Info(), at+rel.Off
		name := fmt.Sprintf("%s+%#x: %v to %s", c.set.NameAt(r, 0), rel.Off, rel.Kind, c.set.Objects[r.Object].Symbols[rel.Symbol].Name)
		width := uint64(info.Width)
		got := bytes.Clone(section.Data[rel.Off : rel.Off+width])
		want := c.bytes(c.T, p, width)
		target, known := place.Off, place.Kind == AtValue
		if place.Kind == InSection {
			target, known = c.address(place.Ref)
			target += place.Off
		}
		kind := rel.Kind
		if info.GOT {
			kind, got = c.relaxed(name, rel, p, target, got, want)
			if kind == reloc.None { // there is a slot, which is right
				c.checked[rel.Kind]++
				continue
			}
		}
		if !known {
			if target, ok := c.follow(kind, rel.Addend, p, want); ok {
				literal := c.set.Section(place.Ref).Data[place.Off:]
				if there := c.bytes(c.T, target, uint64(len(literal))); !bytes.Equal(literal, there) {
					c.Errorf("%s: leads to %q, want %q", name, there, literal)
				}
				c.checked[rel.Kind]++
			}
			continue
		}
		if err := kind.Put(got, value(kind, target+uint64(rel.Addend), p)); err != nil || !bytes.Equal(got, want) {
			c.Errorf("%s: % x, want % x (%v)", name, got, want, err)
		}
		c.checked[rel.Kind]++
	}
}

// value is what is put into a field at p, where sum is S + A.
func value(kind reloc.Kind, sum, p uint64) int64 {
	switch kind {
	case reloc.Page21:
		return int64(sum&^0xfff - p&^0xfff)
	case reloc.PageOff12, reloc.PageOff12S1, reloc.PageOff12S2, reloc.PageOff12S3, reloc.PageOff12S4:
		return int64(sum & 0xfff)
	}
	if kind.Info().PCRel {
		sum -= p
	}
	return int64(sum)
}

// relaxed returns what lld has made of a reference to a slot of the GOT: another
// kind, or None where there is a slot, whose content it compares.
func (c *comparison) relaxed(name string, rel elfmacho.Reloc, p, target uint64, got, want []byte) (reloc.Kind, []byte) {
	le := binary.LittleEndian
	switch rel.Kind {
	case reloc.GOTPage21:
		return reloc.Page21, got
	case reloc.GOTPageOff12: // ldr becomes add
		le.PutUint32(got, le.Uint32(got)&0x3ff|0x91000000)
		return reloc.PageOff12, got
	}
	if c.set.Objects[0].Arch == "amd64" && c.bytes(c.T, p-2, 1)[0] == 0x8d { // mov became lea
		return reloc.PC32, got
	}
	slot := p - uint64(rel.Addend) + uint64(int64(int32(le.Uint32(want))))
	if there := le.Uint64(c.bytes(c.T, slot, 8)); there != target {
		c.Errorf("%s: the slot at %#x holds %#x, want %#x", name, slot, there, target)
	}
	return reloc.None, got
}

// follow returns where a field of lld's leads, less the addend.
func (c *comparison) follow(kind reloc.Kind, addend int64, p uint64, field []byte) (uint64, bool) {
	le := binary.LittleEndian
	switch kind {
	case reloc.PC32:
		return p - uint64(addend) + uint64(int64(int32(le.Uint32(field)))), true
	case reloc.Abs64:
		return le.Uint64(field) - uint64(addend), true
	case reloc.Page21:
		inst := le.Uint32(field)
		imm := int64(int32(inst<<8)>>13<<2|int32(inst>>29&3)) << 12
		c.page = p&^0xfff + uint64(imm)
	case reloc.PageOff12:
		return c.page + uint64(le.Uint32(field)>>10&0xfff) - uint64(addend), true
	}
	return 0, false
}
