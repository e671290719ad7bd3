package elfmacho

import (
	"bytes"
	"debug/macho"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// slice is one part of a fat file for tests.
type slice struct {
	cpu, subtype uint32
	off, align   uint64 // off 0: behind what is before
	data         string
}

// fat makes a fat file.
func fat(wide bool, parts ...slice) []byte {
	be := binary.BigEndian
	magic, size := fatMagic, fatArchSize
	if wide {
		magic, size = fatMagic64, fatArch64Size
	}
	b := be.AppendUint32([]byte(magic), uint32(len(parts)))
	end := uint64(fatHeaderSize + size*len(parts))
	var content []byte
	for _, p := range parts {
		if p.off == 0 {
			p.off = (end + 1<<p.align - 1) &^ (1<<p.align - 1)
		}
		b = be.AppendUint32(be.AppendUint32(b, p.cpu), p.subtype)
		if wide {
			b = be.AppendUint64(be.AppendUint64(b, p.off), uint64(len(p.data)))
			b = be.AppendUint32(be.AppendUint32(b, uint32(p.align)), 0)
		} else {
			b = be.AppendUint32(be.AppendUint32(b, uint32(p.off)), uint32(len(p.data)))
			b = be.AppendUint32(b, uint32(p.align))
		}
		if p.off < 1<<20 && uint64(len(content)) < p.off+uint64(len(p.data)) {
			content = append(content, make([]byte, p.off+uint64(len(p.data))-uint64(len(content)))...)
		}
		if p.off < 1<<20 {
			copy(content[p.off:], p.data)
		}
		end = p.off + uint64(len(p.data))
	}
	if len(content) > len(b) {
		b = append(b, content[len(b):]...)
	}
	return b
}

func TestSlice(t *testing.T) {
	amd64, arm64 := slice{cpuAMD64, 3, 0, 12, "code for amd64"}, slice{cpuARM64, 0, 0, 14, "code for arm64"}
	arm64e := slice{cpuARM64, 0x80000002, 0, 14, "code for arm64e"}
	tests := []struct {
		name, arch string
		data       []byte
		want       string
	}{
		{"no fat file", "amd64", []byte("!<arch>\n"), "!<arch>\n"},
		{"first", "amd64", fat(false, amd64, arm64), "code for amd64"},
		{"second", "arm64", fat(false, amd64, arm64), "code for arm64"},
		{"64-bit offsets", "arm64", fat(true, amd64, arm64), "code for arm64"},
		{"the only one", "", fat(false, arm64), "code for arm64"},
		{"not arm64e", "arm64", fat(false, arm64e, arm64), "code for arm64"},
		{"unknown machine beside", "amd64", fat(false, slice{cpu: 99, data: "x"}, amd64), "code for amd64"},
		{"empty", "amd64", fat(false, slice{cpu: cpuAMD64}), ""},
	}
	for _, test := range tests {
		if got, err := Slice(test.data, test.arch); err != nil || string(got) != test.want {
			t.Errorf("%s: got %q, %v", test.name, got, err)
		}
	}
	broken := []struct {
		name, arch string
		data       []byte
		want       string
	}{
		{"missing", "amd64", fat(false, arm64, arm64e), "the file has no code for amd64, but for arm64, arm64e"},
		{"another subtype", "arm64", fat(false, arm64e), "the file has no code for arm64, but for arm64e"},
		{"unspecified", "", fat(false, amd64, arm64), "a file for several architectures: amd64, arm64; extract one with `lipo -thin`"},
		{"truncated", "amd64", []byte(fatMagic), "truncated header of a file for several architectures at offset 0x4"},
		{"none", "amd64", fat(false), "a file for 0 architectures at offset 0x4"},
		{"class of Java's", "amd64", []byte(fatMagic + "\x00\x00\x00\x34" + strings.Repeat("x", 99)), "a file for 52 architectures at offset 0x4"},
		{"headers past the end", "amd64", fat(false, amd64)[:20], "1 headers of architectures end past the file at offset 0x4"},
		{"past the end", "amd64", fat(false, slice{cpuAMD64, 3, 1 << 20, 0, "x"}), "the code for amd64 (1 bytes at 0x100000) ends past the file at offset 0x8"},
		{"that wraps", "amd64", fat(true, slice{cpuAMD64, 3, 1<<64 - 1, 0, "xy"}), "the code for amd64 (2 bytes at 0xffffffffffffffff) ends past the file at offset 0x8"},
		{"over the headers", "amd64", fat(false, amd64, slice{cpuARM64, 0, 16, 0, "xx"}), "the code for arm64 overlaps the headers at offset 0x1c"},
		{"overlap", "amd64", fat(false, amd64, slice{cpuARM64, 0, 4097, 0, "x"}), "the code for arm64 overlaps that for amd64 at offset 0x1c"},
		{"twice", "amd64", fat(false, amd64, amd64), "code for amd64 twice at offset 0x1c"},
		{"not aligned", "amd64", fat(false, slice{cpuAMD64, 3, 4100, 12, "x"}), "the code for amd64 at 0x1004 is not aligned to 2^12 bytes at offset 0x8"},
		{"absurd alignment", "amd64", fat(false, slice{cpuAMD64, 3, 4096, 40, "x"}), "the code for amd64 at 0x1000 is not aligned to 2^40 bytes at offset 0x8"},
	}
	for _, test := range broken {
		_, err := Slice(test.data, test.arch)
		var format *FormatError
		if err == nil || err.Error() != test.want || !errors.As(err, &format) {
			t.Errorf("%s:\ngot  %v\nwant %s", test.name, err, test.want)
		}
	}
}

// TestSliceLipo selects from what llvm-lipo writes, and compares with debug/macho.
func TestSliceLipo(t *testing.T) {
	for _, flag := range []string{"-arch", "-fat64"} {
		out := filepath.Join(t.TempDir(), "fat.o")
		args := []string{"testdata/amd64.o", "testdata/arm64.o", "-create", "-output", out}
		if flag == "-fat64" {
			args = append(args, flag)
		}
		runTool(t, "llvm-lipo-19", args...)
		data := readFile(t, out)
		for arch := range machoTriples {
			got, err := Slice(data, arch)
			if err != nil || !bytes.Equal(got, readFile(t, "testdata/"+arch+".o")) {
				t.Errorf("%s %s: %d bytes, %v", flag, arch, len(got), err)
			}
		}
		if flag == "-fat64" {
			continue // debug/macho reads no 64-bit offsets
		}
		f, err := os.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		want, err := macho.NewFatFile(f)
		if err != nil {
			t.Fatal(err)
		}
		slices, err := readFat(data)
		if err != nil || len(slices) != len(want.Arches) {
			t.Fatalf("%d slices, %v", len(slices), err)
		}
		for i, w := range want.Arches {
			if s := slices[i]; s.name != cpuName(uint32(w.Cpu), w.SubCpu) || s.off != uint64(w.Offset) || s.size != uint64(w.Size) {
				t.Errorf("slice %d: %+v, want %+v", i, s, w.FatArchHeader)
			}
		}
	}
}
