package debuginfo

import (
	"debug/dwarf"
	"encoding/binary"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/archive"
	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
)

const sample = `#![no_std]
#[panic_handler] fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }

#[unsafe(no_mangle)] pub extern "C" fn sum(p: &[u32; 64]) -> u32 {
	let mut n = 0u32;
	for x in p { n = n.wrapping_mul(31).rotate_left(7) ^ x }
	n
}

#[unsafe(no_mangle)] pub extern "C" fn pick(p: &[u32; 64], at: usize) -> u32 {
	p[at] + p[p[at + 1] as usize]
}

pub mod inner {
	#[unsafe(no_mangle)] pub extern "C" fn least(p: &mut [u32; 64]) -> u32 {
		p.sort_unstable();
		p[0]
	}
}
`

var sampleLines = map[string]int{"sum": 4, "pick": 10, "least": 15}

func rustc(t testing.TB, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("rustc"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("rustc is missing")
		}
		t.Skip("rustc is missing")
	}
	cmd := exec.Command("rustc", args...)
	cmd.Dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(cmd.Dir, "sample.rs"), []byte(sample), 0o666); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("rustc %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	if len(args) > 1 {
		return filepath.Join(cmd.Dir, "sample.o")
	}
	return strings.TrimSpace(string(out))
}

func compile(t testing.TB, flags ...string) *elfmacho.Object {
	t.Helper()
	file := rustc(t, append([]string{"--edition=2024", "--crate-type=staticlib", "--emit=obj", "-Cdebuginfo=2", "-Cpanic=abort",
		"-Ccodegen-units=1", "--target=x86_64-unknown-linux-gnu", "-o", "sample.o", "sample.rs"}, flags...)...)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	o, err := elfmacho.Parse("sample.o", data)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

var configurations = map[string][]string{
	"DWARF 2":       {"-Cdwarf-version=2", "-O"},
	"DWARF 3":       {"-Cdwarf-version=3", "-O"},
	"DWARF 4":       {"-Cdwarf-version=4", "-O"},
	"DWARF 5":       {"-Cdwarf-version=5", "-O"},
	"DWARF 4 opt 0": {"-Cdwarf-version=4", "-Copt-level=0"},
	"DWARF 5 opt 0": {"-Cdwarf-version=5", "-Copt-level=0"},
	"one section":   {"-Zfunction-sections=no", "-O"},
	"lines only":    {"-Cdebuginfo=line-tables-only", "-O"},
	"LTO":           {"-Clto=fat", "-O"},
	"remapped":      {"--remap-path-prefix=" + os.TempDir() + "=/remapped", "-O"},
	"remapped away": {"--remap-path-prefix=" + os.TempDir() + "=", "-O"},
	"remapped to 5": {"--remap-path-prefix=" + os.TempDir() + "=", "-Cdwarf-version=5"},
}

// TestCompiled compares the lines of one crate with those of debug/dwarf, and
// where functions start with the source.
func TestCompiled(t *testing.T) {
	for name, flags := range configurations {
		t.Run(name, func(t *testing.T) {
			if slices.Contains(flags, "-Zfunction-sections=no") {
				t.Setenv("RUSTC_BOOTSTRAP", "1")
			}
			o := compile(t, flags...)
			lines := compare(t, o)
			if strings.HasPrefix(name, "remapped") {
				for _, list := range lines {
					for _, l := range list {
						if strings.HasPrefix(l.File, os.TempDir()) {
							t.Errorf("%s is a path of this machine", l.File)
						}
					}
				}
			}
			found := 0
			for i := range o.Symbols {
				s := &o.Symbols[i]
				line := sampleLines[s.Name]
				if line == 0 || s.Section < 0 {
					continue
				}
				found++
				at := lines[s.Section][find(lines[s.Section], s.Value)]
				if name == "LTO" { // starts with what was inlined
					continue
				}
				if at.Line != line || !strings.HasSuffix(at.File, "/sample.rs") {
					t.Errorf("%s is at %s:%d, want line %d", s.Name, at.File, at.Line, line)
				}
			}
			if found != len(sampleLines) {
				t.Errorf("%d functions, want %d", found, len(sampleLines))
			}
		})
	}
}

// find returns the index of the line of the byte at off.
func find(lines []Line, off uint64) int {
	i, ok := slices.BinarySearchFunc(lines, off, func(l Line, off uint64) int { return int(l.Off) - int(off) })
	if !ok {
		i--
	}
	return i
}

// TestSysroot compares the lines of all that comes with rustc.
func TestSysroot(t *testing.T) {
	objects, rows := 0, 0
	for _, o := range sysroot(t) {
		objects++
		for _, lines := range compare(t, o) {
			rows += len(lines)
		}
	}
	t.Logf("%d objects, %d lines", objects, rows)
	if rows < 10000 {
		t.Errorf("%d lines only", rows)
	}
}

func sysroot(t testing.TB) []*elfmacho.Object {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(rustc(t, "--print=sysroot"), "lib/rustlib/x86_64-unknown-linux-gnu/lib/*.rlib"))
	if err != nil || len(files) == 0 {
		t.Skip("rustc has no libraries for x86_64-unknown-linux-gnu")
	}
	var objects []*elfmacho.Object
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lib, err := archive.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		for i, m := range lib.Members {
			if !elfmacho.IsObject(lib.Data(i)) {
				continue
			}
			o, err := elfmacho.Parse(filepath.Base(file)+"("+m.Name+")", lib.Data(i))
			if err != nil {
				t.Fatal(err)
			}
			objects = append(objects, o)
		}
	}
	return objects
}

// compare reads the lines of o here and with debug/dwarf.
func compare(t *testing.T, o *elfmacho.Object) map[int32][]Line {
	t.Helper()
	got, err := Lines(o, nil)
	if err != nil {
		t.Error(err)
		return nil
	}
	want := independent(t, o)
	if len(got) != len(want) {
		t.Errorf("%s: lines for %d sections, want %d", o.Name, len(got), len(want))
	}
	for section := range want {
		if !slices.Equal(got[section], want[section]) {
			t.Errorf("%s: %s:\n got %v\nwant %v", o.Name, o.Sections[section].Name, got[section], want[section])
		}
	}
	return got
}

// independent returns what Lines should, as debug/dwarf sees it. To that end
// every section gets 4 GB of addresses of its own.
func independent(t *testing.T, o *elfmacho.Object) map[int32][]Line {
	t.Helper()
	s, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	if s.line < 0 {
		return nil
	}
	relocs, err := o.Relocs(s.line)
	if err != nil {
		t.Fatal(err)
	}
	line := slices.Clone(s.Line)
	for _, r := range relocs {
		if sym := &o.Symbols[r.Symbol]; sym.Section >= 0 && o.Sections[sym.Section].Kind != elfmacho.Debug {
			binary.LittleEndian.PutUint64(line[r.Off:], uint64(sym.Section)<<32+sym.Value+uint64(r.Addend))
		}
	}
	data, err := dwarf.New(s.Abbrev, nil, nil, s.Info, line, nil, nil, s.Str)
	if err != nil {
		t.Fatal(err)
	}
	data.AddSection(".debug_str_offsets", s.StrOffsets)
	data.AddSection(".debug_line_str", s.LineStr)
	for i := range o.Sections {
		if name := o.Sections[i].Name; name == ".debug_addr" || name == ".debug_rnglists" {
			data.AddSection(name, o.Sections[i].Data)
		}
	}
	type place struct {
		file string
		line int
	}
	sections := map[int32]map[uint64]place{}
	for r := data.Reader(); ; r.SkipChildren() {
		unit, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if unit == nil {
			break
		}
		lr, err := data.LineReader(unit)
		if err != nil {
			t.Fatalf("%s: %v", o.Name, err)
		}
		if lr == nil {
			continue
		}
		sequence := map[uint64]place{}
		var first uint64
		for {
			var e dwarf.LineEntry
			if lr.Next(&e) != nil {
				break
			}
			if len(sequence) == 0 {
				first = e.Address
			}
			if !e.EndSequence {
				sequence[e.Address] = place{e.File.Name, e.Line}
				continue
			}
			sequence[e.Address] = place{}
			section := int32(first >> 32)
			if section != 0 && e.Address > first {
				if sections[section] == nil {
					sections[section] = map[uint64]place{}
				}
				for off, p := range sequence {
					// The end of a sequence may be where another starts.
					if _, ok := sections[section][off]; !ok || p.file != "" {
						sections[section][off] = p
					}
				}
			}
			sequence = map[uint64]place{}
		}
	}
	lines := map[int32][]Line{}
	for section, at := range sections {
		last := place{"none", -1}
		for _, off := range slices.Sorted(maps.Keys(at)) {
			if p := at[off]; p != last {
				lines[section] = append(lines[section], Line{off - uint64(section)<<32, p.file, p.line})
				last = p
			}
		}
	}
	return lines
}

// Lines that nobody wants are not built, and the others do not change.
func TestWanted(t *testing.T) {
	o := compile(t, "-O")
	all, err := Lines(o, nil)
	if err != nil {
		t.Fatal(err)
	}
	for section := range all {
		got, err := Lines(o, func(s int32) bool { return s == section })
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || !slices.Equal(got[section], all[section]) {
			t.Errorf("%s: got %v, want %v", o.Sections[section].Name, got, all[section])
		}
	}
}

func BenchmarkLines(b *testing.B) {
	objects := sysroot(b)
	for _, test := range []struct {
		name string
		want func(int32) bool
	}{{"all", nil}, {"none", func(int32) bool { return false }}} {
		b.Run(test.name, func(b *testing.B) {
			rows, bytes := 0, 0
			for _, o := range objects {
				lines, err := Lines(o, nil)
				if err != nil {
					b.Fatal(err)
				}
				for _, l := range lines {
					rows += len(l)
				}
				for i := range o.Sections {
					if o.Sections[i].Name == ".debug_line" {
						bytes += len(o.Sections[i].Data)
					}
				}
			}
			b.SetBytes(int64(bytes))
			b.ReportAllocs()
			for b.Loop() {
				for _, o := range objects {
					if _, err := Lines(o, test.want); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
