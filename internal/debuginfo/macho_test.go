package debuginfo

import (
	"bytes"
	"cmp"
	"debug/dwarf"
	"debug/macho"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/archive"
	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
)

// compileMachO compiles the sample for macOS.
func compileMachO(t *testing.T, triple string, flags ...string) []byte {
	t.Helper()
	if dir := rustc(t, "--print=sysroot"); dir != "" {
		if _, err := os.Stat(filepath.Join(dir, "lib/rustlib", triple)); err != nil {
			if os.Getenv("CI") == "true" && triple == "x86_64-apple-darwin" {
				t.Fatal("rustc has no core for " + triple)
			}
			t.Skip("rustc has no core for " + triple)
		}
	}
	dir := t.TempDir()
	source, out := filepath.Join(dir, "sample.rs"), filepath.Join(dir, "sample.o")
	if err := os.WriteFile(source, []byte(sample), 0o666); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"--edition=2024", "--crate-type=staticlib", "--emit=obj", "-Cdebuginfo=2", "-Cpanic=abort",
		"-Ccodegen-units=1", "--target=" + triple, "-o", out, source}, flags...)
	if text, err := exec.Command("rustc", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestMachO compares the lines of each atom with those that debug/dwarf finds at
// its addresses.
func TestMachO(t *testing.T) {
	for _, triple := range []string{"x86_64-apple-darwin", "aarch64-apple-darwin"} {
		for name, flags := range map[string][]string{
			"DWARF 4": {"-Cdwarf-version=4", "-O"}, "DWARF 5": {"-Cdwarf-version=5", "-O"},
			"opt 0": {"-Copt-level=0"}, "lines only": {"-Cdebuginfo=line-tables-only", "-O"},
		} {
			t.Run(triple+"/"+name, func(t *testing.T) {
				data := compileMachO(t, triple, flags...)
				o, err := elfmacho.Parse("sample.o", data)
				if err != nil {
					t.Fatal(err)
				}
				got, err := Lines(o, nil)
				if err != nil {
					t.Fatal(err)
				}
				all := addressLines(t, data)
				base, atoms := uint64(0), 0
				for i := range o.Sections {
					s := &o.Sections[i]
					if s.Kind != elfmacho.Text {
						continue
					}
					if !s.Continued {
						base = sectionAddr(t, data, s.Name)
					}
					want := between(all, base, base+s.Size)
					if !slices.Equal(got[int32(i)], want) {
						t.Errorf("section %d:\n got %v\nwant %v", i, got[int32(i)], want)
					}
					one, err := Lines(o, func(k int32) bool { return k == int32(i) })
					if err != nil || !slices.Equal(one[int32(i)], want) {
						t.Errorf("section %d alone:\n got %v, %v\nwant %v", i, one[int32(i)], err, want)
					}
					base += s.Size
					if len(want) > 0 {
						atoms++
					}
				}
				for i := range o.Symbols {
					if s := &o.Symbols[i]; sampleLines[s.Name] > 0 && s.Section >= 0 {
						list := got[s.Section]
						if len(list) == 0 || list[0].Line != sampleLines[s.Name] || !strings.HasSuffix(list[0].File, "/sample.rs") {
							t.Errorf("%s is at %v", s.Name, list)
						}
					}
				}
				if atoms < len(sampleLines) {
					t.Errorf("lines for %d atoms", atoms)
				}
			})
		}
	}
}

// TestMachOSysroot compares the lines of all that comes with rustc for macOS.
func TestMachOSysroot(t *testing.T) {
	const triple = "x86_64-apple-darwin"
	compileMachO(t, triple) // or skip
	files, err := filepath.Glob(filepath.Join(rustc(t, "--print=sysroot"), "lib/rustlib", triple, "lib/*.rlib"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	atoms, rows := 0, 0
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
			if !elfmacho.IsMachO(lib.Data(i)) {
				continue
			}
			o, err := elfmacho.Parse(filepath.Base(file)+"("+m.Name+")", lib.Data(i))
			if err != nil {
				t.Fatal(err)
			}
			got, err := Lines(o, nil)
			if err != nil {
				t.Error(err)
				continue
			}
			all := addressLines(t, lib.Data(i))
			base := uint64(0)
			for k := range o.Sections {
				s := &o.Sections[k]
				if s.Kind != elfmacho.Text {
					continue
				}
				if !s.Continued {
					base = sectionAddr(t, lib.Data(i), s.Name)
				}
				if want := between(all, base, base+s.Size); !slices.Equal(got[int32(k)], want) {
					t.Errorf("%s: section %d:\n got %v\nwant %v", o.Name, k, got[int32(k)], want)
				}
				base += s.Size
				atoms, rows = atoms+1, rows+len(got[int32(k)])
			}
		}
	}
	t.Logf("%d atoms, %d lines", atoms, rows)
	if rows < 10000 {
		t.Errorf("%d lines only", rows)
	}
}

// sectionAddr returns the address of a section that is called "segment,section".
func sectionAddr(t *testing.T, data []byte, name string) uint64 {
	t.Helper()
	file, err := macho.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range file.Sections {
		if s.Seg+","+s.Name == name {
			return s.Addr
		}
	}
	t.Fatalf("no section %s", name)
	return 0
}

// addressLines returns all lines by address. Of those at one address the last
// counts, but an end only where nothing follows.
func addressLines(t *testing.T, data []byte) []Line {
	t.Helper()
	file, err := macho.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if file.Section("__debug_info") == nil {
		return nil
	}
	info, err := file.DWARF()
	if err != nil {
		t.Fatal(err)
	}
	var list []Line
	for r := info.Reader(); ; r.SkipChildren() {
		unit, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if unit == nil {
			break
		}
		lines, err := info.LineReader(unit)
		if err != nil {
			t.Fatal(err)
		}
		if lines == nil {
			continue
		}
		for {
			var e dwarf.LineEntry
			if err := lines.Next(&e); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			l := Line{Off: e.Address}
			if !e.EndSequence {
				l.File, l.Line = e.File.Name, e.Line
			}
			list = append(list, l)
		}
	}
	slices.SortStableFunc(list, func(a, b Line) int {
		if a.Off == b.Off && (a.File == "") != (b.File == "") {
			return cmp.Compare(a.File, b.File) // ends come first
		}
		return cmp.Compare(a.Off, b.Off)
	})
	return list
}

// between returns the lines from one address to another, counted from there.
func between(all []Line, start, end uint64) []Line {
	var list []Line
	var current Line
	at, _ := slices.BinarySearchFunc(all, start+1, func(l Line, off uint64) int { return cmp.Compare(l.Off, off) })
	if at > 0 {
		current = all[at-1]
	}
	if current.File != "" && start < end {
		list = append(list, Line{0, current.File, current.Line})
	}
	for _, l := range all[at:] {
		if l.Off >= end {
			break
		}
		list = appendLine(list, Line{l.Off - start, l.File, l.Line})
	}
	if n := len(list); n > 0 && list[n-1].File != "" {
		list = append(list, Line{Off: end - start})
	}
	return list
}
