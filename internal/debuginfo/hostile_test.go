package debuginfo

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// Sections and symbols of the objects that tests make.
const (
	lineSection, textSection, otherSection = 0, 1, 2
	textSymbol, otherSymbol, undefined     = 0, 1, 2
	dataSymbol                             = 3

	textSize = 0x1000
)

// object has a line table and two sections of code.
func object(line []byte, relocs ...elfmacho.Reloc) *elfmacho.Object {
	o := &elfmacho.Object{
		Name: "made.o",
		Sections: []elfmacho.Section{
			{Name: ".debug_line", Kind: elfmacho.Debug, Data: line, Size: uint64(len(line)), LinkOrder: -1},
			{Name: ".text.a", Kind: elfmacho.Text, Size: textSize, LinkOrder: -1},
			{Name: ".text.b", Kind: elfmacho.Text, Size: textSize, LinkOrder: -1},
			{Name: ".bss", Kind: elfmacho.BSS, Size: 1 << 62, LinkOrder: -1},
		},
		Symbols: []elfmacho.Symbol{
			{Section: textSection, Type: elfmacho.SectionSym},
			{Section: otherSection, Type: elfmacho.Func, Value: 0x10},
			{Section: elfmacho.Undefined},
			{Section: 3},
		},
	}
	o.SetRelocs(lineSection, relocs)
	return o
}

// table4 is a line table of version 4 with the files a.rs and d/b.rs. Opcodes
// from 13 on are special: line_base is -5, line_range 14.
func table4(program ...byte) []byte { return table(4, program) }

// programOff is where the program starts in table4.
const programOff = 48

func table(version byte, program []byte) []byte {
	header := []byte{1} // minimum_instruction_length
	if version >= 4 {
		header = append(header, 1) // maximum_operations_per_instruction
	}
	header = append(header, 1, 0xfb, 14, 13)
	header = append(header, standardLengths[:]...)
	if version < 5 {
		header = append(header, "d\x00\x00a.rs\x00\x00\x00\x00b.rs\x00\x01\x00\x00\x00"...)
	} else {
		header = append(header, 1, lnctPath, FormString, 2)
		header = append(header, "/c\x00d\x00"...)
		header = append(header, 2, lnctPath, FormString, lnctDirectoryIndex, FormUdata, 3)
		header = append(header, "a.rs\x00\x00a.rs\x00\x00b.rs\x00\x01"...)
	}
	rest := []byte{version, 0}
	if version >= 5 {
		rest = append(rest, 8, 0)
	}
	rest = binary.LittleEndian.AppendUint32(rest, uint32(len(header)))
	rest = append(append(rest, header...), program...)
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(rest))), rest...)
}

var (
	setAddress  = []byte{0, 9, lneSetAddress, 0, 0, 0, 0, 0, 0, 0, 0}
	endSequence = []byte{0, 1, lneEndSequence}
)

// in returns a sequence in .text.a.
func in(program ...byte) []byte {
	return slices.Concat(setAddress, program, endSequence)
}

func at(off int, symbol int32, addend int64) elfmacho.Reloc {
	return elfmacho.Reloc{Off: uint64(off), Kind: reloc.Abs64, Symbol: symbol, Addend: addend}
}

// start is the relocation of the address that a program in a table4 starts
// with.
func start(symbol int32, addend int64) elfmacho.Reloc { return at(programOff+3, symbol, addend) }

func TestProgram(t *testing.T) {
	if p := bytes.Index(table4(setAddress...), setAddress); p != programOff {
		t.Fatalf("the program starts at %d", p)
	}
	line := func(off uint64, file string, line int) Line { return Line{off, file, line} }
	end := func(off uint64) Line { return Line{Off: off} }
	tests := []struct {
		name    string
		program []byte
		relocs  []elfmacho.Reloc
		text    []Line
		other   []Line
	}{
		{"no sequence", nil, nil, nil, nil},
		{"lines", in(13+5, 13+6+14, 13+9+28, lnsAdvancePC, 4), []elfmacho.Reloc{start(textSymbol, 8)},
			[]Line{line(8, "a.rs", 1), line(9, "a.rs", 2), line(11, "a.rs", 6), end(15)}, nil},
		{"last special opcode", in(255, lnsAdvancePC, 1), []elfmacho.Reloc{start(textSymbol, 0)},
			[]Line{line((255-13)/14, "a.rs", 1-5+(255-13)%14), end(18)}, nil},
		{"function symbol", in(lnsCopy, lnsAdvancePC, 4), []elfmacho.Reloc{start(otherSymbol, 1)},
			nil, []Line{line(0x11, "a.rs", 1), end(0x15)}},
		{"the last of an offset wins", in(lnsCopy, lnsAdvanceLine, 9, lnsCopy, lnsSetFile, 2, lnsCopy, lnsAdvancePC, 1), []elfmacho.Reloc{start(textSymbol, 0)},
			[]Line{line(0, "d/b.rs", 10), end(1)}, nil},
		{"the same line again", in(lnsCopy, lnsAdvancePC, 1, lnsNegateStmt, lnsCopy, lnsAdvancePC, 1), []elfmacho.Reloc{start(textSymbol, 0)},
			[]Line{line(0, "a.rs", 1), end(2)}, nil},
		{"the same line after no code", in(lnsCopy, lnsAdvancePC, 1, 13+6, 13+4, lnsAdvancePC, 1), []elfmacho.Reloc{start(textSymbol, 0)},
			[]Line{line(0, "a.rs", 1), end(2)}, nil},
		{"no code", in(lnsCopy, 13+6), []elfmacho.Reloc{start(textSymbol, 0)}, nil, nil},
		{"no code at the end", in(lnsCopy, lnsAdvancePC, 1, 13+6), []elfmacho.Reloc{start(textSymbol, 0)},
			[]Line{line(0, "a.rs", 1), end(1)}, nil},
		{"line 0", in(lnsAdvanceLine, 0x7f, lnsCopy, lnsAdvancePC, 1), []elfmacho.Reloc{start(textSymbol, 0)},
			[]Line{line(0, "a.rs", 0), end(1)}, nil},
		{"highest line", in(lnsAdvanceLine, 0xfe, 0xff, 0xff, 0xff, 0x07, lnsCopy, lnsAdvancePC, 1), []elfmacho.Reloc{start(textSymbol, 0)},
			[]Line{line(0, "a.rs", math.MaxInt32), end(1)}, nil},
		{"whole section", in(lnsCopy, lnsFixedAdvancePC, 0, 0x10), []elfmacho.Reloc{start(textSymbol, 0)},
			[]Line{line(0, "a.rs", 1), end(textSize)}, nil},
		{"all else", in(lnsSetColumn, 200, 1, lnsSetBasicBlock, lnsSetPrologueEnd, lnsSetEpilogueBegin, lnsSetISA, 1, 0, 2, 4, 7, 0, 4, 0x80, 1, 2, 3, lnsCopy, lnsConstAddPC), []elfmacho.Reloc{start(textSymbol, 0)},
			[]Line{line(0, "a.rs", 1), end((255 - 13) / 14)}, nil},
		{"defined file", in(0, 9, lneDefineFile, 'c', '.', 'r', 's', 0, 1, 0, 0, lnsSetFile, 3, lnsCopy, lnsAdvancePC, 1), []elfmacho.Reloc{start(textSymbol, 0)},
			[]Line{line(0, "d/c.rs", 1), end(1)}, nil},
		{"dropped code", in(lnsCopy, lnsAdvancePC, 0xff, 0xff, 0xff, 0x7f), nil, nil, nil},
		{"code elsewhere", in(lnsCopy, lnsAdvancePC, 1), []elfmacho.Reloc{start(undefined, 0)}, nil, nil},
		{"no code at all", in(lnsCopy, lnsAdvancePC, 1), []elfmacho.Reloc{start(dataSymbol, 0)}, nil, nil},
		{"two sequences", append(in(lnsCopy, lnsAdvancePC, 1), in(lnsCopy, lnsAdvancePC, 1)...),
			[]elfmacho.Reloc{start(textSymbol, 1), at(programOff+17+3, textSymbol, 0)},
			[]Line{line(0, "a.rs", 1), end(2)}, nil},
		{"two sequences and a gap", append(in(lnsCopy, lnsAdvancePC, 1), in(lnsCopy, lnsAdvancePC, 1)...),
			[]elfmacho.Reloc{start(textSymbol, 8), at(programOff+17+3, textSymbol, 0)},
			[]Line{line(0, "a.rs", 1), end(1), line(8, "a.rs", 1), end(9)}, nil},
		{"sequences that overlap", append(in(lnsCopy, lnsAdvancePC, 9), in(lnsSetFile, 2, lnsCopy, lnsAdvancePC, 1)...),
			[]elfmacho.Reloc{start(textSymbol, 0), at(programOff+17+3, textSymbol, 4)},
			[]Line{line(0, "a.rs", 1), line(4, "d/b.rs", 1), end(5)}, nil},
		{"two addresses", slices.Concat(setAddress, []byte{lnsCopy}, in(13+6, lnsAdvancePC, 1)),
			[]elfmacho.Reloc{start(textSymbol, 0), at(programOff+12+3, textSymbol, 7)},
			[]Line{line(0, "a.rs", 1), line(7, "a.rs", 2), end(8)}, nil},
	}
	for _, test := range tests {
		got, err := Lines(object(table4(test.program...), test.relocs...), nil)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if len(got) > 1 || !slices.Equal(got[textSection], test.text) || !slices.Equal(got[otherSection], test.other) {
			t.Errorf("%s: got %v and %v, want %v and %v", test.name, got[textSection], got[otherSection], test.text, test.other)
		}
	}
}

// Every version reads the same, and so does what a table of another unit
// follows.
func TestVersions(t *testing.T) {
	for version := byte(2); version <= 5; version++ {
		first := table(version, in(lnsCopy, lnsAdvancePC, 1))
		data := append(slices.Clone(first), table(version, in(lnsSetFile, 2, lnsCopy, lnsAdvancePC, 1))...)
		p := bytes.Index(first, setAddress) + 3
		got, err := Lines(object(data, at(p, textSymbol, 0), at(len(first)+p, otherSymbol, 0)), nil)
		if err != nil {
			t.Errorf("version %d: %v", version, err)
			continue
		}
		dir := ""
		if version == 5 {
			dir = "/c/"
		}
		if want := []Line{{0, dir + "a.rs", 1}, {Off: 1}}; !slices.Equal(got[textSection], want) {
			t.Errorf("version %d: got %v, want %v", version, got[textSection], want)
		}
		if want := []Line{{0x10, dir + "d/b.rs", 1}, {Off: 0x11}}; !slices.Equal(got[otherSection], want) {
			t.Errorf("version %d: got %v, want %v", version, got[otherSection], want)
		}
	}
}

func TestHostileLines(t *testing.T) {
	patch := func(b []byte, off int, with ...byte) []byte {
		b = slices.Clone(b)
		copy(b[off:], with)
		return b
	}
	good := table4(in(lnsCopy, lnsAdvancePC, 1)...)
	text := start(textSymbol, 0)
	run := func(program ...byte) []byte { return table4(in(program...)...) }
	tests := []struct {
		name   string
		line   []byte
		relocs []elfmacho.Reloc
		want   string
	}{
		{"length", patch(good, 0, 0xff, 0xff), nil, "truncated"},
		{"reserved length", patch(good, 0, 0xf0, 0xff, 0xff, 0xff), nil, "reserved unit length"},
		{"64-bit length", patch(good, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), nil, "truncated"},
		{"empty unit", make([]byte, 4), nil, "truncated"},
		{"version 1", patch(good, 4, 1), nil, "version 1"},
		{"version 6", patch(good, 4, 6), nil, "version 6"},
		{"header length", patch(good, 6, 0xff, 0xff, 0xff, 0xff), nil, "header: truncated"},
		{"short header length", patch(good, 6, 20), nil, "header: truncated"},
		{"minimum_instruction_length 0", patch(good, 10, 0), nil, "minimum_instruction_length 0"},
		{"operations per instruction", patch(good, 11, 2), nil, "2 operations"},
		{"line_range 0", patch(good, 14, 0), nil, "line_range 0"},
		{"opcode_base 0", patch(good, 15, 0), nil, "opcode_base 0"},
		{"operands", patch(good, 16, 1), nil, "standard opcode 1 has 1 operands"},
		{"file 0", run(lnsSetFile, 0, lnsCopy), []elfmacho.Reloc{text}, "file 0"},
		{"file 3", run(lnsSetFile, 3, lnsCopy), []elfmacho.Reloc{text}, "file 3"},
		{"huge file", run(lnsSetFile, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, lnsCopy), []elfmacho.Reloc{text}, "file 18446744073709551615"},
		{"line below 0", run(13+3, 13+3), []elfmacho.Reloc{text}, "line -1"},
		{"line too high", run(lnsAdvanceLine, 0xff, 0xff, 0xff, 0xff, 0x07, lnsCopy), []elfmacho.Reloc{text}, "line 2147483648"},
		{"line advance", run(lnsAdvanceLine, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f), []elfmacho.Reloc{text}, "line advances by -9223372036854775808"},
		{"past the section", run(lnsCopy, lnsFixedAdvancePC, 1, 0x10, lnsCopy), []elfmacho.Reloc{text}, "past the end"},
		{"end past the section", run(lnsCopy, lnsFixedAdvancePC, 1, 0x10), []elfmacho.Reloc{text}, "past the end"},
		{"before the section", run(lnsCopy), []elfmacho.Reloc{start(textSymbol, -1)}, "past the end"},
		{"address overflow", run(lnsAdvancePC, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, lnsConstAddPC), nil, "address overflows"},
		{"address overflow in instructions", patch(run(lnsAdvancePC, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01), 10, 2), nil, "address overflows"},
		{"address overflow by a special opcode", run(lnsAdvancePC, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 255), nil, "address overflows"},
		{"no end", table4(append(setAddress, lnsCopy)...), []elfmacho.Reloc{text}, "no end"},
		{"truncated operand", table4(lnsAdvancePC, 0x80), nil, "truncated"},
		{"truncated extended opcode", table4(0, 9, lneSetAddress, 0), nil, "extended opcode of 9 bytes"},
		{"extended opcode of no bytes", table4(0, 0, lnsCopy), nil, "extended opcode of 0 bytes"},
		{"address of 2 bytes", table4(0, 3, lneSetAddress, 0, 0), nil, "address of 2 bytes"},
		{"defined file past its opcode", table4(0, 2, lneDefineFile, 'c', 0, 0, 0, 0), nil, "longer than"},
		{"address goes back", table4(slices.Concat(setAddress, []byte{lnsCopy}, in())...),
			[]elfmacho.Reloc{start(textSymbol, 2), at(programOff+12+3, textSymbol, 1)}, "goes back"},
		{"address in another section", table4(slices.Concat(setAddress, []byte{lnsCopy}, in())...),
			[]elfmacho.Reloc{start(textSymbol, 2), at(programOff+12+3, otherSymbol, 9)}, "to another section"},
		{"relocation of another operand", run(lnsCopy, lnsFixedAdvancePC, 0, 0),
			[]elfmacho.Reloc{text, {Off: programOff + 11 + 2, Kind: reloc.Abs16}}, "not an address"},
		{"relocation before an address", table4(append([]byte{lnsFixedAdvancePC, 0, 0}, in()...)...),
			[]elfmacho.Reloc{{Off: programOff + 1, Kind: reloc.Abs16}, at(programOff+3+3, textSymbol, 0)}, "not an address"},
		{"distance for an address", good, []elfmacho.Reloc{{Off: programOff + 3, Kind: reloc.PC64}}, "pcrel64"},
		{"half an address", good, []elfmacho.Reloc{{Off: programOff + 3, Kind: reloc.Abs32}}, "abs32"},
	}
	for _, test := range tests {
		_, err := Lines(object(test.line, test.relocs...), nil)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", test.name, err, test.want)
		}
		var e *FormatError
		if err != nil && !errors.As(err, &e) {
			t.Errorf("%s: %v is no FormatError", test.name, err)
		}
	}
	for n := 1; n < len(good); n++ {
		if _, err := Lines(object(good[:n]), nil); err == nil {
			t.Errorf("the first %d bytes: no error", n)
		}
	}
}

// Input of a few megabytes must not take more than a moment, however it
// multiplies.
func TestHostileLinesAmplification(t *testing.T) {
	const size = 4 << 20
	repeat := func(n int, b ...byte) []byte { return bytes.Repeat(b, n) }
	many := func(n int, b []byte) []byte { return repeat(n/len(b), b...) }
	long := func(files int) []byte {
		header := append([]byte{1, 1, 1, 0xfb, 14, 13}, standardLengths[:]...)
		header = append(append(header, repeat(size/4, '/', '.', '.')...), 0, 0)
		header = append(append(header, repeat(files, 'a', 0, 1, 0, 0)...), 0)
		program := slices.Clone(setAddress)
		for i := 1; i <= files; i++ {
			program = append(program, lnsSetFile, byte(i)|0x80, byte(i>>7)&0x7f, 13+5+14)
		}
		program = append(program, endSequence...)
		b := []byte{4, 0}
		b = binary.LittleEndian.AppendUint32(b, uint32(len(header)))
		b = slices.Concat(b, header, program)
		return append(binary.LittleEndian.AppendUint32(nil, uint32(len(b))), b...)
	}(4000)
	v5 := table(5, nil)
	endless := binary.LittleEndian.AppendUint32(nil, 0)
	endless = append(endless, v5[4:12]...)
	endless = append(endless, v5[12:12+6+12]...)
	endless = append(endless, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f) // directories without fields
	binary.LittleEndian.PutUint32(endless, uint32(len(endless)-4))
	binary.LittleEndian.PutUint32(endless[8:], uint32(len(endless)-12))
	tests := []struct {
		name string
		line []byte
	}{
		{"rows", table4(in(repeat(size, 13+6)...)...)},
		{"sequences", table4(repeat(size/15, slices.Concat(setAddress, []byte{lnsCopy}, endSequence)...)...)},
		{"tables", many(size, table4())},
		{"empty tables", make([]byte, size)},
		{"long names", long},
		{"directories without fields", endless},
	}
	for _, test := range tests {
		begin := time.Now()
		p := bytes.Index(test.line, setAddress)
		var relocs []elfmacho.Reloc
		if p >= 0 {
			relocs = append(relocs, at(p+3, textSymbol, 0))
		}
		_, err := Lines(object(test.line, relocs...), nil)
		if d := time.Since(begin); d > 5*time.Second {
			t.Errorf("%s: took %v (%v)", test.name, d, err)
		} else {
			t.Logf("%s: %v (%v)", test.name, d, err)
		}
	}
}

// FuzzLines changes line tables of real objects.
func FuzzLines(f *testing.F) {
	for _, flags := range [][]string{{"-Cdwarf-version=4", "-O"}, {"-Cdwarf-version=5", "-O"}, {"-Cdwarf-version=2"}} {
		o := compile(f, flags...)
		for i := range o.Sections {
			if o.Sections[i].Name == ".debug_line" {
				relocs, err := o.Relocs(int32(i))
				if err != nil {
					f.Fatal(err)
				}
				var places []byte
				for _, r := range relocs {
					if r.Kind == reloc.Abs64 {
						places = binary.LittleEndian.AppendUint16(places, uint16(r.Off))
					}
				}
				f.Add(o.Sections[i].Data, places)
			}
		}
	}
	f.Add(table4(in(lnsCopy, lnsAdvancePC, 1)...), []byte{programOff + 3, 0})
	f.Add(table(5, in(255, lnsFixedAdvancePC, 1, 2)), []byte{})
	f.Fuzz(func(t *testing.T, line, places []byte) {
		var relocs []elfmacho.Reloc
		end := 0
		for ; len(places) >= 2; places = places[2:] {
			// As Object.Relocs promises: sorted, inside and apart.
			off := int(binary.LittleEndian.Uint16(places))
			if off < end || off+8 > len(line) {
				continue
			}
			relocs = append(relocs, at(off, int32(off%4), 0))
			end = off + 8
		}
		lines, err := Lines(object(line, relocs...), nil)
		if err != nil {
			return
		}
		for section, list := range lines {
			for i, l := range list {
				if l.Off > textSize || i > 0 && (l.Off <= list[i-1].Off || l.File == list[i-1].File && l.Line == list[i-1].Line) ||
					l.Line < 0 || l.File == "" && l.Line != 0 {
					t.Errorf("section %d: line %d of %v", section, i, list)
				}
			}
			if len(list) < 2 || list[0].File == "" || list[len(list)-1].File != "" {
				t.Errorf("section %d: %v", section, list)
			}
		}
	})
}
