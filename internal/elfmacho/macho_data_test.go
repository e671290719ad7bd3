package elfmacho

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestDataInCode compares the data in each atom with what llvm-objdump lists.
func TestDataInCode(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.o")
	runTool(t, "llvm-mc-19", "-triple", machoTriples["amd64"], "-filetype=obj", "-o", out, "testdata/incode.s")
	data := readFile(t, out)
	if !bytes.Equal(data, readFile(t, "testdata/incode.o")) {
		t.Error("testdata/incode.o is not what llvm-mc makes of incode.s")
	}
	o, err := Parse("x.o", data)
	if err != nil {
		t.Fatal(err)
	}
	listed := map[uint64]bool{} // by address
	for line := range strings.Lines(runTool(t, "llvm-objdump-19", "--macho", "--data-in-code", out)) {
		var at, size uint64
		if n, _ := fmt.Sscanf(line, "0x%x %d", &at, &size); n == 2 {
			for i := range size {
				listed[at+i] = true
			}
		}
	}
	var got []string
	base := uint64(0)
	for i := range o.Sections {
		s := &o.Sections[i]
		if s.Kind != Text {
			continue
		}
		var marked uint64
		for _, r := range s.DataInCode {
			got = append(got, fmt.Sprintf("%d: %d-%d", i, r.Start, r.End))
			for off := r.Start; off < r.End; off++ {
				marked++
				if !listed[base+off] {
					t.Errorf("%#x is not data", base+off)
				}
			}
		}
		for off := range s.Size {
			if listed[base+off] {
				marked--
			}
		}
		if marked != 0 {
			t.Errorf("section %d: data is missing", i)
		}
		base += s.Size
	}
	if want := "1: 8-17, 1: 18-22, 2: 0-4"; strings.Join(got, ", ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	for i, want := range []bool{false, false, true, false} {
		if o.Sections[i].Continued != want {
			t.Errorf("section %d: Continued is %v", i, !want)
		}
	}
}

func TestDataInCodeMalformed(t *testing.T) {
	data := readFile(t, "testdata/incode.o")
	entries := binary.LittleEndian.Uint32((&machoFile{file{data}}).command(lcDataInCode, 0).b[8:])
	for _, test := range []struct {
		name string
		edit func(f *machoFile)
		want string // "" if it is let pass
	}{
		{"short command", func(f *machoFile) {
			f.command(lcDataInCode, 0).set32(4, 8)
			f.command(lcDataInCode, 0).set32(8, 0)
			f.command(lcDataInCode, 0).set32(12, 8)
		}, "data in code command of 8 bytes, want 16"},
		{"past the end", func(f *machoFile) { f.command(lcDataInCode, 0).set32(8, 1<<30) }, "the list of data in code (40 bytes at 0x40000000) ends past the file"},
		{"part of an entry", func(f *machoFile) { f.command(lcDataInCode, 0).set32(12, 12) }, "data in code: 12 bytes are not a multiple of 8"},
		{"lying size", func(f *machoFile) { f.command(lcDataInCode, 0).set32(12, 1<<31) }, "the list of data in code (2147483648 bytes at 0x"},
		{"second list", func(f *machoFile) { f.command(0xb, 0).set32(0, lcDataInCode) }, "a second list of data in code"},
		{"past the section", func(f *machoFile) { f.b[entries+4] = 200 }, "data in code (200 bytes at __TEXT,__text+0x8) ends past the section"},
		{"somewhere else", func(f *machoFile) { f.b[entries+3] = 0x80 }, ""},
	} {
		err := parseAll(patchMachO(data, test.edit))
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s:\ngot  %v\nwant %s", test.name, err, test.want)
		}
	}
}
