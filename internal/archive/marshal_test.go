package archive

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

var formats = map[string]Format{"GNU": GNU, "Darwin": Darwin, "Go": Go}

// marshalInputs are the inputs of the tools as Marshal takes them.
func marshalInputs() []Input {
	var members []Input
	for _, in := range inputs {
		members = append(members, Input{Name: in.name, Data: []byte(in.data)})
	}
	return members
}

func TestMarshalLayout(t *testing.T) {
	members := []Input{
		{Name: "a.o", Data: []byte("abc"), Symbols: []string{"f", "gg"}},
		{Name: longName, Data: []byte("defg")},
		{Name: "c.o", Symbols: []string{"h"}},
	}
	gnu := func(date, mode string) func(b *builder, name, size, body string) {
		return func(b *builder, name, size, body string) { b.raw(name, date, "0", "0", mode, size, body) }
	}
	member, table := gnu("0", "644"), gnu("0", "0")
	for _, tt := range []struct {
		name   string
		format Format
		limit  int64
		want   func(b *builder)
	}{
		{"GNU", GNU, limit32, func(b *builder) {
			table(b, "/", "24", words(binary.BigEndian, 4, 3, 194, 194, 322)+"f\x00gg\x00h\x00"+"\x00")
			b.raw("//", "", "", "", "", "42", longName+"/\n")
			member(b, "a.o/", "3", "abc\n")
			member(b, "/0", "4", "defg")
			member(b, "c.o/", "0", "")
		}},
		{"GNU, 64 bits", GNU, 1, func(b *builder) {
			table(b, "/SYM64/", "40", words(binary.BigEndian, 8, 3, 210, 210, 338)+"f\x00gg\x00h\x00"+"\x00")
			b.raw("//", "", "", "", "", "42", longName+"/\n")
			member(b, "a.o/", "3", "abc\n")
			member(b, "/0", "4", "defg")
			member(b, "c.o/", "0", "")
		}},
		{"Darwin", Darwin, limit32, func(b *builder) {
			table(b, "#1/12", "52", "__.SYMDEF\x00\x00\x00"+words(binary.LittleEndian, 4, 24, 0, 120, 2, 120, 5, 304, 7)+"f\x00gg\x00h\x00"+"\x00")
			member(b, "#1/4", "12", "a.o\x00abc\n\n\n\n\n")
			member(b, "#1/44", "52", longName+"\x00\x00\x00\x00defg\n\n\n\n")
			member(b, "#1/4", "4", "c.o\x00")
		}},
		{"Go", Go, limit32, func(b *builder) {
			member(b, "a.o", "3", "abc\x00")
			member(b, longName[:16], "4", "defg")
			member(b, "c.o", "0", "")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := newArchive()
			tt.want(want)
			got, err := marshal(tt.format, members, tt.limit)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want.b) {
				t.Errorf("\n got %q\nwant %q", got, want.b)
			}
		})
	}
}

func TestMarshalRoundTrip(t *testing.T) {
	members := marshalInputs()
	for i := range members {
		members[i].Symbols = []string{fmt.Sprintf("symbol%d", i), "common"}
	}
	for name, format := range formats {
		for _, limit := range []int64{limit32, 1} {
			t.Run(fmt.Sprintf("%s/%d", name, limit), func(t *testing.T) {
				roundTrip(t, format, members, limit)
				roundTrip(t, format, nil, limit)
			})
		}
	}
}

// roundTrip checks that Parse reads what marshal writes.
func roundTrip(t *testing.T, format Format, members []Input, limit int64) {
	t.Helper()
	data, err := marshal(format, members, limit)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse(data)
	if err != nil {
		t.Fatalf("%v: %q", err, data)
	}
	check(t, data, f)
	if len(f.Members) != len(members) {
		t.Fatalf("%d members, want %d: %q", len(f.Members), len(members), data)
	}
	type symbol struct {
		name   string
		member int32
	}
	var got, want []symbol
	for i, m := range members {
		wantName, wantData := m.Name, string(m.Data)
		switch format {
		case Darwin:
			wantData += strings.Repeat("\n", padding(len(wantData), 8))
			if f.Members[i].Off%8 != 0 {
				t.Errorf("member %d: data at offset %d, not a multiple of 8", i, f.Members[i].Off)
			}
		case Go:
			for len(wantName) > 16 {
				_, n := utf8.DecodeLastRuneInString(wantName)
				wantName = wantName[:len(wantName)-n]
			}
			wantName = strings.TrimRight(wantName, " ")
		}
		if f.Members[i].Name != wantName || string(f.Data(i)) != wantData {
			t.Errorf("member %d: %q = %q, want %q = %q", i, f.Members[i].Name, f.Data(i), wantName, wantData)
		}
		for _, s := range m.Symbols {
			if format != Go {
				want = append(want, symbol{s, int32(i)})
			}
		}
	}
	for name, i := range f.All() {
		got = append(got, symbol{name, i})
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("symbols: %v, want %v", got, want)
	}
}

func TestMarshalBadInput(t *testing.T) {
	all := []Format{GNU, Darwin, Go}
	for _, tt := range []struct {
		name    string
		formats []Format
		in      Input
		want    string
	}{
		{"no name", all, Input{}, "member without a name"},
		{"name that is too long", all, Input{Name: strings.Repeat("x", 4097)}, "member name of 4097 bytes; the limit is 4096"},
		{"name with a line end", all, Input{Name: "a\nb"}, "line end or a zero byte"},
		{"name with a zero byte", all, Input{Name: "a\x00"}, "line end or a zero byte"},
		{"name of an index", all, Input{Name: "__.SYMDEF SORTED"}, "reserved for a symbol index"},
		{"name cut to that of an index", []Format{Go}, Input{Name: "__.SYMDEF SORTED.o"}, "reserved for a symbol index"},
		{"name of an index and a space", []Format{Go}, Input{Name: "__.SYMDEF "}, "reserved for a symbol index"},
		{"blank name", []Format{Go}, Input{Name: "  "}, "is blank"},
		{"name that is cut to a blank one", []Format{Go}, Input{Name: strings.Repeat(" ", 16) + "x"}, "is blank"},
		{"path", []Format{Go}, Input{Name: "a/b.o"}, "has no paths"},
		{"path cut off", []Format{Go}, Input{Name: "sixteen_bytes_12/b.o"}, "has no paths"},
		{"Windows path", []Format{Go}, Input{Name: `a\b.o`}, "has no paths"},
		{"directory", []Format{Go}, Input{Name: ".."}, "has no paths"},
		{"archive in an archive", []Format{Go}, Input{Name: "a.a", Data: []byte(magic)}, `member "a.a" of a Go archive is itself an archive`},
		{"symbol with a zero byte", []Format{GNU, Darwin}, Input{Name: "a.o", Symbols: []string{"f\x00"}}, `member "a.o": symbol "f\x00" contains a zero byte`},
	} {
		for _, format := range tt.formats {
			t.Run(fmt.Sprintf("%s/%d", tt.name, format), func(t *testing.T) {
				got, err := Marshal(format, []Input{tt.in})
				if err == nil || !strings.Contains(err.Error(), tt.want) || got != nil {
					t.Errorf("Marshal = %q, %v; want %s", got, err, tt.want)
				}
			})
		}
	}
}

// The size of a member has 10 digits. Newlines stand for data that no memory has.
func TestMarshalLargestSize(t *testing.T) {
	e := entry{field: "a.o/", fill: maxSize - 4, name: []byte("name")}
	if err := e.check(); err != nil {
		t.Error(err)
	}
	e.fill++
	if err := e.check(); err == nil || err.Error() != "10000000000 bytes; the limit is 9999999999" {
		t.Errorf("size of 11 digits: %v", err)
	}
}

// The index has words of 32 bits until the last header is at 4 GiB.
func TestMarshalIndexLimit(t *testing.T) {
	x, err := newIndex(GNU, []Input{{Name: "a.o", Symbols: []string{"f"}}, {Name: "b.o"}})
	if err != nil {
		t.Fatal(err)
	}
	members := []Input{{Symbols: []string{"f"}}, {}}
	// The last header is at 8 + (60+10) + (60+fill).
	const fill = limit32 - 8 - 70 - 60
	for _, tt := range []struct {
		fill int
		word int
	}{{fill - 2, 4}, {fill, 8}} {
		x.word = 4
		x.build(members, []entry{{fill: tt.fill}, {fill: 1 << 40}}, nil, limit32)
		if x.word != tt.word {
			t.Errorf("last header at %#x: words of %d bytes, want %d", tt.fill+8+70+60, x.word, tt.word)
		}
	}
}

func FuzzMarshal(f *testing.F) {
	for _, in := range inputs {
		f.Add(in.name, []byte(in.data), "z.o", []byte("last"), "symbol")
	}
	for _, name := range []string{"#1", "#1/3", "/", "//", "/0", "/SYM64/", "a/b/", "x ", " x", "ünïcödé_näme_longer.o", "\xff\xfe", "fifteen_bytes_é"} {
		f.Add(name, []byte("odd"), name, []byte("data"), name)
	}
	f.Fuzz(func(t *testing.T, name1 string, data1 []byte, name2 string, data2 []byte, symbol string) {
		members := []Input{
			{Name: name1, Data: data1, Symbols: []string{symbol, symbol + "2"}},
			{Name: name2, Data: data2},
			{Name: name1, Data: data2, Symbols: []string{symbol}},
		}
		for _, format := range formats {
			for _, limit := range []int64{limit32, 1} {
				if _, err := marshal(format, members, limit); err != nil {
					if writable(name1) && writable(name2) && format != Go && !strings.Contains(symbol, "\x00") {
						t.Errorf("%v", err)
					}
					continue
				}
				roundTrip(t, format, members, limit)
			}
		}
	})
}

// writable says by rules of its own what names GNU and Darwin archives can have.
func writable(name string) bool {
	for _, c := range []byte(name) {
		if c == 0 || c == '\n' {
			return false
		}
	}
	return name != "" && len(name) <= 4096 && !strings.HasPrefix(name, "__.SYMDEF")
}
