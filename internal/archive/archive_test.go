package archive

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

const longName = "a_name_of_more_than_sixteen_bytes.rcgu.o"

// dialects are well-formed archives. They also seed the fuzz test.
var dialects = []struct {
	name string
	in   *builder
	want []string // name=data, or name:size for external members
}{
	{"empty archive", newArchive(), nil},
	{"empty thin archive", newThin(), nil},
	{"GNU", newArchive().
		member("//", longName+"/\nother_name_of_more_bytes.o/\n").
		member("a.o/", "abc").member("/0", "defg").member("b c.o/", "").member(fmt.Sprintf("/%d", len(longName)+2), "x"),
		[]string{"a.o=abc", longName + "=defg", "b c.o=", "other_name_of_more_bytes.o=x"}},
	{"rustc: blank fields and mode 0", newArchive().
		blank("//", longName+"/\n").
		raw("lib.rmeta/", "0", "0", "0", "0", "2", "mm").member("/0", "defg"),
		[]string{"lib.rmeta=mm", longName + "=defg"}},
	{"BSD", newArchive().
		bsd(longName, "abc").bsd("b.o\x00\x00\x00\x00\x00", "defg").bsd("empty.o", "").member("c.o", "h"),
		[]string{longName + "=abc", "b.o=defg", "empty.o=", "c.o=h"}},
	{"Go pack: names cut to 16 bytes", newArchive().
		member("__.PKGDEF", "go object").member("_go_.o", "go object").member("averyveryverylon", "odd"),
		[]string{"__.PKGDEF=go object", "_go_.o=go object", "averyveryverylon=odd"}},
	{"COFF: names end in a zero byte", newArchive().
		member("//", "dir/"+longName+"bj\x00x.obj\x00").
		raw("/0", "-1", "", "", "0", "2", "ab").member(fmt.Sprintf("/%d", len(longName)+7), "cd"),
		[]string{"dir/" + longName + "bj=ab", "x.obj=cd"}},
	{"COFF: indexes for ARM64EC", newArchive().
		member("/<ECSYMBOLS>/", "ec").member("/<XFGHASHMAP>/", "xf").member("a.o/", "ab"),
		[]string{"a.o=ab"}},
	{"thin", newThin().
		member("//", "dir/sub/a.o/\nodd.o/\n").
		external("/0", 1<<33).external("/13", 3).external("s.o/", 5),
		[]string{"dir/sub/a.o:8589934592", "odd.o:3", "s.o:5"}},
	{"thin: slash of a name of 15 bytes in column 16", newThin().
		member("//", "../a.o/\n../fifteenbytes1.o/\n").external("/0", 3).external("/8             /", 5),
		[]string{"../a.o:3", "../fifteenbytes1.o:5"}},
	{"thin with nested archive", newThin().
		member("//", "lib/nested.a/\n").external("/0:8", 3).external("/0:72", 5),
		[]string{"lib/nested.a:3@8", "lib/nested.a:5@72"}},
	{"outside and absolute names are only names", newArchive().
		member("//", "../../../etc/cron.d/x/\n").
		member("/0", "a").member("../x.o/", "b").member("/tmp/x.o/", "c").bsd("/etc/passwd", "d"),
		[]string{"../../../etc/cron.d/x=a", "../x.o=b", "/tmp/x.o=c", "/etc/passwd=d"}},
	{"duplicate names", newArchive().
		member("a.o/", "1").member("a.o/", "2").member("a.o/", "3"),
		[]string{"a.o=1", "a.o=2", "a.o=3"}},
	{"pad byte is not checked", &builder{append(newArchive().raw("a.o/", "0", "0", "0", "644", "1", "a").b, 'Z')},
		[]string{"a.o=a"}},
	{"fields nobody needs", newArchive().
		raw("a.o/", "tomorrow", "root", "-", "rw-r-", "1", "a\n"), []string{"a.o=a"}},
}

func describe(f *File) []string {
	var out []string
	for i, m := range f.Members {
		switch {
		case m.Nested != 0:
			out = append(out, fmt.Sprintf("%s:%d@%d", m.Name, m.Size, m.Nested))
		case m.External:
			out = append(out, fmt.Sprintf("%s:%d", m.Name, m.Size))
		default:
			out = append(out, fmt.Sprintf("%s=%s", m.Name, f.Data(i)))
		}
	}
	return out
}

func TestParse(t *testing.T) {
	for _, tt := range dialects {
		t.Run(tt.name, func(t *testing.T) {
			if !IsArchive(tt.in.b) {
				t.Error("IsArchive = false")
			}
			f, err := Parse(tt.in.b)
			if err != nil {
				t.Fatal(err)
			}
			if got := describe(f); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("members:\n got %q\nwant %q", got, tt.want)
			}
			if want := strings.HasPrefix(string(tt.in.b), thinMagic); f.Thin != want {
				t.Errorf("Thin = %v, want %v", f.Thin, want)
			}
			check(t, tt.in.b, f)
		})
	}
}

func TestParseFields(t *testing.T) {
	in := newArchive().
		raw("a.o/", "1700000000", "501", "20", "100644", "2", "ab").
		raw("b.o/", "-1", "", "", "0", "2", "cd").
		bsd("c.o\x00", "ef")
	f, err := Parse(in.b)
	if err != nil {
		t.Fatal(err)
	}
	want := []Member{
		{Name: "a.o", Date: 1700000000, UID: 501, GID: 20, Mode: 0o100644, Off: 68, Size: 2},
		{Name: "b.o", Date: -1, Off: 130, Size: 2},
		{Name: "c.o", Mode: 0o644, Off: 196, Size: 2},
	}
	if !reflect.DeepEqual(f.Members, want) {
		t.Errorf("\n got %+v\nwant %+v", f.Members, want)
	}
}

func TestMemberAt(t *testing.T) {
	f, err := Parse(newArchive().member("//", "x/\n").member("a.o/", "ab").member("b.o/", "cd").b)
	if err != nil {
		t.Fatal(err)
	}
	for header, want := range map[int64]int32{72: 0, 134: 1, 8: -1, 73: -1, 196: -1, -1: -1} {
		if got, ok := f.MemberAt(header); got != want || ok != (want >= 0) {
			t.Errorf("MemberAt(%d) = %d, %v; want %d", header, got, ok, want)
		}
	}
}

// header returns an archive whose only header has these fields and no body.
func header(name, size, end string) []byte {
	return fmt.Appendf(nil, "%s%-16s%-12s%-6s%-6s%-8s%-10s%s", magic, name, "0", "0", "0", "644", size, end)
}

var badInput = []struct {
	name string
	in   []byte
	off  int64
	msg  string
}{
	{"no data", nil, 0, "not an ar archive"},
	{"bad magic", []byte("!<arxh>\nxxxx"), 0, `not an ar archive: bad magic "!<arxh>\n"`},
	{"truncated magic", []byte("!<arch>"), 0, "not an ar archive"},
	{"ELF object", []byte("\x7fELF\x02\x01\x01\x00"), 0, "not an ar archive"},
	{"AIX big archive", []byte("<bigaf>\n"), 0, "AIX big archives are not supported"},
	{"bad member terminator", header("a.o/", "0", "$\n"), 66, `bad member header terminator "$\n"`},
	{"truncated header", header("a.o/", "0", "`"), 8, "truncated member header: 59 of 60 bytes"},
	{"bytes after the last member", append(header("a.o/", "0", headerEnd), '\n'), 68, "truncated member header: 1 of 60 bytes"},
	{"size past the end", append(header("a.o/", "4", headerEnd), "abc"...), 56, `member "a.o/" of 4 bytes is longer than the 3 bytes left`},
	{"largest size", header("a.o/", "9999999999", headerEnd), 56, "longer than the 0 bytes left"},
	{"negative size", header("a.o/", "-1", headerEnd), 56, "not a decimal number"},
	{"signed size", header("a.o/", "+0", headerEnd), 56, "not a decimal number"},
	{"hexadecimal size", header("a.o/", "0x10", headerEnd), 56, "not a decimal number"},
	{"size with a gap", header("a.o/", "1 2", headerEnd), 56, "not a decimal number"},
	{"blank size", header("a.o/", "", headerEnd), 56, "blank"},
	{"missing pad byte", append(header("a.o/", "3", headerEnd), "abc"...), 71, `missing pad byte after member "a.o/"`},
	{"missing pad byte after a table of a thin archive", newThin().raw("//", "", "", "", "", "3", "x/\n").b, 71, "missing pad byte"},
	{"thin: table past the end", newThin().external("//", 4).b, 56, "longer than the 0 bytes left"},
	{"no name", header("", "0", headerEnd), 8, "member without a name"},

	{"missing name table", newArchive().member("/0", "").b, 8, `long name "/0", but no name table`},
	{"name table after its use", newArchive().member("/0", "").member("//", "x.o/\n").b, 8, "no name table"},
	{"second name table", newArchive().member("//", "x.o/\n").member("//", "x.o/\n").b, 74, "second name table"},
	{"long-name offset at the end", newArchive().member("//", "x.o/\n").member("/5", "").b, 74, "long-name offset 5 outside the name table of 5 bytes"},
	{"largest long-name offset", newArchive().member("//", "x.o/\n").member("/999999999999999", "").b, 74, "outside the name table"},
	{"negative long-name offset", newArchive().member("//", "x.o/\n").member("/-1", "").b, 74, "bad long-name offset"},
	{"long-name offset with a tail", newArchive().member("//", "x.o/\n").member("/0x", "").b, 74, "bad long-name offset"},
	{"long name without an end", newArchive().member("//", "x.o/").member("/0", "").b, 72, "has no end"},
	{"long name that is too long", newArchive().member("//", strings.Repeat("x", 5000)+"/\n").member("/0", "").b, 5070, "has no end in 4098 bytes"},
	{"empty long name", newArchive().member("//", "/\n").member("/0", "").b, 70, "empty name"},
	{"nested member, archive not thin", newArchive().member("//", "x.a/\n").member("/0:8", "").b, 74, "not thin"},
	{"nested member without offset", newThin().member("//", "x.a/\n").external("/0:", 3).b, 74, "bad offset of a nested member"},
	{"nested member inside the magic", newThin().member("//", "x.a/\n").external("/0:7", 3).b, 74, "bad offset of a nested member"},

	{"BSD name longer than the member", newArchive().member("#1/5", "abcd").b, 8, "member name of 5 bytes is longer than its member of 4 bytes"},
	{"BSD name of negative length", newArchive().member("#1/-1", "abcd").b, 8, "bad length"},
	{"BSD name without length", newArchive().member("#1/", "abcd").b, 8, "bad length"},
	{"BSD name that is too long", newArchive().bsd(strings.Repeat("x", 5000), "").b, 8, "the limit is 4096"},
	{"truncated BSD member", newArchive().bsd(longName, "abcd").b[:100], 56, "longer than the 32 bytes left"},
}

func TestParseBadInput(t *testing.T) {
	for _, tt := range badInput {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Parse(tt.in)
			var fe *FormatError
			if !errors.As(err, &fe) {
				t.Fatalf("Parse = %+v, %v; want a *FormatError", f, err)
			}
			if fe.Off != tt.off || !strings.Contains(fe.Msg, tt.msg) {
				t.Errorf("got  %v\nwant %s at offset %#x", err, tt.msg, tt.off)
			}
		})
	}
}

// Every prefix of an archive is an archive or an error, never a panic.
func TestParseTruncated(t *testing.T) {
	for _, tt := range dialects {
		for n := range tt.in.b {
			if f, err := Parse(tt.in.b[:n]); err == nil {
				check(t, tt.in.b[:n], f)
			}
		}
	}
}

// A table without line ends, referred to by every member, must cost neither time
// nor memory that grows with the square of the input.
func TestParseSharedLongNames(t *testing.T) {
	a := newArchive().member("//", strings.Repeat("x", 4000)+"/\n"+strings.Repeat("y", 1<<20))
	for range 50_000 {
		a.member("/0", "")
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := Parse(a.b); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	allocated := after.TotalAlloc - before.TotalAlloc
	if limit := uint64(20 * len(a.b)); allocated > limit {
		t.Errorf("%d bytes allocated for an archive of %d bytes; the limit is %d", allocated, len(a.b), limit)
	}
}

// check asserts what holds for every File.
func check(t *testing.T, data []byte, f *File) {
	t.Helper()
	var covered int64
	for i, m := range f.Members {
		got := f.Data(i)
		switch {
		case m.External:
			if !f.Thin || got != nil || m.Off != 0 {
				t.Errorf("member %d: External %+v with %d bytes", i, m, len(got))
			}
		case m.Off < headerSize || m.Size < 0 || m.Off+m.Size > int64(len(data)):
			t.Errorf("member %d: [%d, +%d] is outside the archive of %d bytes", i, m.Off, m.Size, len(data))
		case int64(len(got)) != m.Size || cap(got) != len(got):
			t.Errorf("member %d: Data has length %d, capacity %d; want %d", i, len(got), cap(got), m.Size)
		case len(got) > 0 && &got[0] != &data[m.Off]:
			t.Errorf("member %d: Data does not alias the input", i)
		}
		if got != nil {
			covered += m.Size
		}
	}
	if covered > int64(len(data)) {
		t.Errorf("members overlap: %d bytes of data in %d", covered, len(data))
	}
	count := 0
	seen := make(map[string][]int32)
	for name, i := range f.All() {
		if i < 0 || int(i) >= len(f.Members) {
			t.Fatalf("symbol %q: member %d of %d", name, i, len(f.Members))
		}
		seen[name] = append(seen[name], i)
		count++
	}
	if count != f.SymbolCount() || f.HasSymbols() != (count > 0) {
		t.Errorf("All has %d symbols, SymbolCount is %d, HasSymbols %v", count, f.SymbolCount(), f.HasSymbols())
	}
	for name, want := range seen {
		if got := f.Defines(name); !reflect.DeepEqual(got, want) {
			t.Errorf("Defines(%q) = %d, want %d", name, got, want)
		}
	}
	absent := "no such symbol"
	if _, ok := seen[absent]; !ok && f.Defines(absent) != nil {
		t.Errorf("Defines(%q) = %d", absent, f.Defines(absent))
	}
}
