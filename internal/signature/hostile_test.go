package signature

import (
	"debug/dwarf"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cargo-rustgo/cargo-rustgo/internal/debuginfo"
)

// dwarf4 builds the sections of one unit from abbreviations and entries.
func dwarf4(abbrev, entries []byte) *debuginfo.Sections {
	header := []byte{4, 0, 0, 0, 0, 0, 8} // version, abbreviations, address size
	info := binary.LittleEndian.AppendUint32(nil, uint32(len(header)+len(entries)))
	return &debuginfo.Sections{Info: append(append(info, header...), entries...), Abbrev: abbrev}
}

func anything([]byte) bool { return true }

const firstEntry = 11 // offset of what dwarf4 puts first

func TestHostileTypes(t *testing.T) {
	abbrev := []byte{
		1, byte(dwarf.TagCompileUnit), 1, 0, 0,
		2, byte(dwarf.TagArrayType), 1, byte(dwarf.AttrType), debuginfo.FormRef4, 0, 0,
		3, byte(dwarf.TagSubrangeType), 0, byte(dwarf.AttrCount), debuginfo.FormData1, 0, 0,
		4, byte(dwarf.TagPointerType), 0, byte(dwarf.AttrType), debuginfo.FormRef4, 0, 0,
		5, byte(dwarf.TagSubprogram), 0, byte(dwarf.AttrSpecification), debuginfo.FormRef4, 0, 0,
		6, byte(dwarf.TagTypedef), 0, byte(dwarf.AttrType), debuginfo.FormRef4, 0, 0,
		0,
	}
	ref := func(off byte) []byte { return []byte{off, 0, 0, 0} }
	at := byte(firstEntry + 1)
	tests := []struct {
		name    string
		entries []byte
		want    string
	}{
		{"array of itself", append(append([]byte{1, 2}, ref(at)...), 3, 1, 0, 0), "contains itself"},
		{"typedef of itself", append(append([]byte{1, 6}, ref(at)...), 0), "contains itself"},
		{"reference to nowhere", append(append([]byte{1, 6}, 0xff, 0xff, 0, 0), 0), "where no entry is"},
		{"reference into the header", append(append([]byte{1, 6}, ref(3)...), 0), "where no entry is"},
		{"unknown abbreviation", []byte{1, 9, 0}, "unknown abbreviation"},
		{"truncated", []byte{1, 6, 0}, "truncated"},
	}
	for _, test := range tests {
		data, err := debuginfo.New(dwarf4(abbrev, test.entries))
		if err == nil {
			r := &reader{Data: data, types: map[int]*Type{}, busy: map[int]bool{}, wanted: anything}
			if err = r.scan(data.Units[0]); err == nil {
				if _, err = r.typeAt(uint64(at), 0); err == nil {
					err = r.pointees()
				}
			}
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", test.name, err, test.want)
		}
	}

	// A pointer to itself is a type that Rust could even have.
	data, err := debuginfo.New(dwarf4(abbrev, append(append([]byte{1, 4}, ref(at)...), 0)))
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{Data: data, types: map[int]*Type{}, busy: map[int]bool{}, wanted: anything}
	p, err := r.typeAt(uint64(at), 0)
	if err == nil {
		err = r.pointees()
	}
	if err != nil {
		t.Fatal(err)
	}
	var e *TypeError
	if err := (&Function{Result: p}).Check(); !errors.As(err, &e) || !strings.Contains(e.Reason, "too deep") {
		t.Errorf("pointer to itself: %v", err)
	}

	// Specifications that form a circle are no function.
	data, err = debuginfo.New(dwarf4(abbrev, append(append([]byte{1, 5}, ref(at)...), 0)))
	if err != nil {
		t.Fatal(err)
	}
	r = &reader{Data: data, wanted: anything}
	if err := r.scan(data.Units[0]); err != nil || len(r.found) != 0 {
		t.Errorf("circle: %v, %v", r.found, err)
	}
}

// Input of a few megabytes must not take more than a moment, however it
// multiplies.
func TestHostileAmplification(t *testing.T) {
	const size = 4 << 20
	repeat := func(n int, b ...byte) []byte { return []byte(strings.Repeat(string(b), n)) }
	wide := append([]byte{1, byte(dwarf.TagBaseType), 0}, repeat(size/2, byte(dwarf.AttrName), debuginfo.FormFlagPresent)...)
	tests := []struct {
		name string
		s    *debuginfo.Sections
	}{
		{"deep nesting", dwarf4([]byte{1, byte(dwarf.TagNamespace), 1, 0, 0, 0}, repeat(size, 1))},
		{"many attributes", dwarf4(append(wide, 0, 0, 0), repeat(size, 1))},
		{"sparse abbreviations", dwarf4(repeat(size/6, 0xff, 0xff, 0x7f, byte(dwarf.TagBaseType), 0, 0, 0), []byte{1})},
		{"empty units", &debuginfo.Sections{Info: make([]byte, size)}},
		{"tables of many units", &debuginfo.Sections{Abbrev: repeat(size/5, 1, 1, 0, 0, 0), Info: func() []byte {
			var info []byte
			for i := range uint32(size / 12) {
				info = append(info, 8, 0, 0, 0, 4, 0)
				info = append(binary.LittleEndian.AppendUint32(info, i*5), 8, 1)
			}
			return info
		}()}},
		{"long strings", func() *debuginfo.Sections {
			s := dwarf4([]byte{1, byte(dwarf.TagNamespace), 1, byte(dwarf.AttrName), debuginfo.FormStrp, 0, 0, 0}, repeat(size/5, 1, 0, 0, 0, 0))
			s.Str = append(repeat(size, 'a'), 0)
			return s
		}()},
	}
	for _, test := range tests {
		start := time.Now()
		data, err := debuginfo.New(test.s)
		if err == nil {
			r := &reader{Data: data, wanted: anything}
			for _, u := range data.Units {
				if err = r.scan(u); err != nil {
					break
				}
			}
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("%s: took %v (%v)", test.name, d, err)
		}
	}
}

// FuzzRead changes bytes of the debug sections of a real object.
func FuzzRead(f *testing.F) {
	source := prelude + `
		#[repr(C)] pub struct Node { next: *mut Node, value: [u32; 3] }
		#[repr(u8)] pub enum Color { Red, Green }
		pub mod m { ` + export + `fn one(a: &super::Node, b: Option<&[u8; 32]>, c: super::Color) -> u64 { 1 } }
		` + export + `fn two(a: *const *const u8, b: (u8, f64), c: Result<u8, u16>, d: &[u8], e: core::ptr::NonNull<u8>) -> bool { true }`
	var all []*debuginfo.Sections
	for _, version := range []string{"4", "5"} {
		s, err := debuginfo.Load(compile(f, source, "-Cdwarf-version="+version))
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, s)
	}
	for i := range 256 {
		f.Add(uint8(i), uint32(i*3), byte(i*37), uint32(i*i), byte(i))
	}
	f.Fuzz(func(t *testing.T, which uint8, at uint32, to byte, at2 uint32, to2 byte) {
		s := *all[which&1]
		fields := []*[]byte{&s.Info, &s.Abbrev, &s.Info, &s.Abbrev, &s.Line, &s.StrOffsets, &s.Str, &s.LineStr}
		for i, change := range []struct {
			at uint32
			to byte
		}{{at, to}, {at2, to2}} {
			field := fields[int(which>>1+uint8(i))%len(fields)]
			if len(*field) == 0 {
				continue
			}
			*field = append([]byte(nil), *field...)
			(*field)[change.at%uint32(len(*field))] = change.to
		}
		functions, err := readSections(&s, func(name []byte) bool { return string(name) == "one" || string(name) == "two" })
		if err != nil {
			return
		}
		for i := range functions {
			f := &functions[i]
			f.NoEscape()
			f.CheckSource(NewSource([]byte(source)))
			if f.Check() != nil {
				continue
			}
			var g GoTypes
			for _, p := range f.Params {
				if g.Add(p.Type) != nil {
					return
				}
			}
			g.Resolve(nil)
			for _, p := range f.Params {
				g.Of(p.Type)
			}
		}
	})
}

// Another reader of DWARF finds the same functions and parameters.
func TestAgainstDebugDWARF(t *testing.T) {
	for _, version := range []string{"4", "5"} {
		source := prelude + pointTypes
		for _, test := range crossing {
			if !strings.HasPrefix(test.rust, "unsafe") {
				source += export + test.rust + " { loop {} }\n"
			}
		}
		o := compile(t, source, append([]string{"-Cdwarf-version=" + version}, apart...)...)
		s, err := debuginfo.Load(o)
		if err != nil {
			t.Fatal(err)
		}
		data, err := dwarf.New(s.Abbrev, nil, nil, s.Info, s.Line, nil, nil, s.Str)
		if err != nil {
			t.Fatal(err)
		}
		for _, section := range o.Sections {
			contents := section.Data
			switch section.Name {
			case ".debug_str_offsets":
				contents = s.StrOffsets
			case ".debug_line_str":
				contents = s.LineStr
			case ".debug_addr", ".debug_rnglists":
			default:
				continue
			}
			if err := data.AddSection(section.Name, contents); err != nil {
				t.Fatal(err)
			}
		}
		want := map[string][]string{}
		in := ""
		for r := data.Reader(); ; {
			e, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			if e == nil {
				break
			}
			name, _ := e.Val(dwarf.AttrName).(string)
			switch e.Tag {
			case dwarf.TagSubprogram:
				if in = ""; e.Val(dwarf.AttrExternal) == true {
					in = name
					want[in] = nil
				}
			case dwarf.TagFormalParameter:
				if in != "" {
					typ, err := data.Type(e.Val(dwarf.AttrType).(dwarf.Offset))
					if err != nil {
						t.Fatal(err)
					}
					want[in] = append(want[in], name+" "+string(rune('0'+typ.Size()%10)))
				}
			case 0, dwarf.TagVariable, dwarf.TagLexDwarfBlock:
			default:
				in = ""
			}
		}
		functions := read(t, o)
		if len(functions) != len(want) {
			t.Errorf("%d functions, want %d", len(functions), len(want))
		}
		for symbol, params := range want {
			var got []string
			for _, p := range functions[symbol].Params {
				got = append(got, p.Name+" "+string(rune('0'+p.Type.Size%10)))
			}
			if strings.Join(got, ", ") != strings.Join(params, ", ") {
				t.Errorf("%s: got %v, want %v", symbol, got, params)
			}
		}
	}
}
