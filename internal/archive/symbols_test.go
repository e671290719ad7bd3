package archive

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
)

var (
	three    = []string{"foo", "bar", "foo"}
	threeGNU = len(gnuTable(4, three, 0, 0, 0)) // 29: odd
	threeBSD = len(bsdTable(4, three, 0, 0, 0))
)

// twoMembers appends the members that the tables of these tests are about.
func (b *builder) twoMembers() *builder {
	return b.member("a.o/", "abc").member("b.o/", "defg")
}

// threeSymbols has, in each dialect, foo in members 0 and 1 and bar in member 1.
func threeSymbols() map[string]*builder {
	gnu32 := at(threeGNU, 3)
	gnu64 := at(len(gnuTable(8, three, 0, 0, 0)), 3)
	bsd32 := at(threeBSD, 3)
	bsd32long := at(20+threeBSD, 3)
	bsd64 := at(len(bsdTable(8, three, 0, 0, 0)), 3)
	bsd64long := at(20+len(bsdTable(8, three, 0, 0, 0)), 3)

	coffSize := len(coffTable([]int{0, 0}, three, 1, 2, 1))
	second := at(threeGNU)[0] + headerSize + coffSize + coffSize&1
	coff := []int{second, second + headerSize + 4}

	broken := gnuTable(4, three, 1, 2, 3)
	thin := at(threeGNU)[0]
	return map[string]*builder{
		"gnu32":             newArchive().member("/", gnuTable(4, three, gnu32[0], gnu32[1], gnu32[1])).twoMembers(),
		"gnu32, rustc":      newArchive().blank("/", gnuTable(4, three, gnu32[0], gnu32[1], gnu32[1])).twoMembers(),
		"gnu64":             newArchive().member("/SYM64/", gnuTable(8, three, gnu64[0], gnu64[1], gnu64[1])).twoMembers(),
		"bsd32":             newArchive().member("__.SYMDEF", bsdTable(4, three, bsd32[0], bsd32[1], bsd32[1])).twoMembers(),
		"bsd32 SORTED":      newArchive().member("__.SYMDEF SORTED", bsdTable(4, three, bsd32[0], bsd32[1], bsd32[1])).twoMembers(),
		"bsd32 long SORTED": newArchive().bsd("__.SYMDEF SORTED\x00\x00\x00\x00", bsdTable(4, three, bsd32long[0], bsd32long[1], bsd32long[1])).twoMembers(),
		"bsd64":             newArchive().member("__.SYMDEF_64", bsdTable(8, three, bsd64[0], bsd64[1], bsd64[1])).twoMembers(),
		"bsd64 long SORTED": newArchive().bsd("__.SYMDEF_64 SORTED\x00", bsdTable(8, three, bsd64long[0], bsd64long[1], bsd64long[1])).twoMembers(),
		"coff":              newArchive().member("/", gnuTable(4, three, coff[0], coff[1], coff[1])).member("/", coffTable(coff, three, 1, 2, 2)).twoMembers(),
		"coff, first table broken": newArchive().member("/", broken).
			member("/", coffTable(coff, three, 1, 2, 2)).twoMembers(),
		"thin": newThin().member("/", gnuTable(4, three, thin, thin+60, thin+60)).external("a.o/", 3).external("b.o/", 4),
	}
}

func TestSymbols(t *testing.T) {
	for name, in := range threeSymbols() {
		t.Run(name, func(t *testing.T) {
			f, err := Parse(in.b)
			if err != nil {
				t.Fatal(err)
			}
			if len(f.Members) != 2 || f.Members[0].Name != "a.o" || f.Members[1].Name != "b.o" {
				t.Fatalf("Members = %+v", f.Members)
			}
			if !f.HasSymbols() || f.SymbolCount() != 3 {
				t.Fatalf("HasSymbols = %v, SymbolCount = %d; want 3", f.HasSymbols(), f.SymbolCount())
			}
			var got []string
			for name, i := range f.All() {
				got = append(got, fmt.Sprint(name, i))
			}
			if want := []string{"foo0", "bar1", "foo1"}; !reflect.DeepEqual(got, want) {
				t.Errorf("All = %q, want %q", got, want)
			}
			if got, want := f.Defines("foo"), []int32{0, 1}; !reflect.DeepEqual(got, want) {
				t.Errorf("Defines(foo) = %d, want %d", got, want)
			}
			if got, want := f.Defines("bar"), []int32{1}; !reflect.DeepEqual(got, want) {
				t.Errorf("Defines(bar) = %d, want %d", got, want)
			}
			if got := f.Defines("fo"); got != nil {
				t.Errorf("Defines(fo) = %d", got)
			}
			for range f.All() {
				break // the iterator must stop when asked to
			}
			check(t, in.b, f)
		})
	}
}

// A table that cannot be right is ignored and the members are still there.
func TestSymbolsUnusable(t *testing.T) {
	be, le := binary.BigEndian, binary.LittleEndian
	good := at(threeGNU, 3)
	for _, tt := range []struct{ name, member, table string }{
		{"gnu32: empty table", "/", ""},
		{"gnu32: count cut", "/", "\x00\x00"},
		{"gnu32: no symbols", "/", words(be, 4, 0)},
		{"gnu32: absurd count", "/", words(be, 4, math.MaxUint32) + strings.Repeat("x\x00", 20)},
		{"gnu32: count one too large", "/", words(be, 4, 2, good[0]) + "foo\x00"},
		{"gnu32: offset past the end", "/", gnuTable(4, three, 1<<30, good[1], good[1])},
		{"gnu32: offset between headers", "/", gnuTable(4, three, good[0]+1, good[1], good[1])},
		{"gnu32: offset of the table", "/", gnuTable(4, three, 8, good[1], good[1])},
		{"gnu32: names missing", "/", words(be, 4, 2, 84, 148) + "foo\x00"},
		{"gnu32: last name without end", "/", strings.TrimSuffix(gnuTable(4, three, good[0], good[1], good[1]), "\x00") + "x"},
		{"gnu64: absurd count", "/SYM64/", words(be, 8, math.MinInt64) + strings.Repeat("x\x00", 20)},
		{"gnu64: count that overflows", "/SYM64/", words(be, 8, math.MaxInt64/8+1) + strings.Repeat("x\x00", 20)},
		{"gnu64: negative offset", "/SYM64/", gnuTable(8, []string{"foo"}, -1)},
		{"gnu64: 32-bit table", "/SYM64/", gnuTable(4, three, good[0], good[1], good[1])},
		{"bsd32: empty table", "__.SYMDEF", ""},
		{"bsd32: absurd size of pairs", "__.SYMDEF", words(le, 4, math.MaxUint32-7, 0, 68, 4) + "foo\x00"},
		{"bsd32: half a pair", "__.SYMDEF", words(le, 4, 4, 0, 4) + "foo\x00"},
		{"bsd32: absurd size of names", "__.SYMDEF", words(le, 4, 8, 0, 88, math.MaxUint32) + "foo\x00"},
		{"bsd32: name past the end", "__.SYMDEF", words(le, 4, 8, 4, 88, 4) + "foo\x00"},
		{"bsd32: name without end", "__.SYMDEF", words(le, 4, 8, 0, 88, 4) + "fooo"},
		{"bsd32: offset between headers", "__.SYMDEF", words(le, 4, 8, 0, 89, 4) + "foo\x00"},
		{"bsd32: big-endian", "__.SYMDEF", words(be, 4, 8, 0, 88, 4) + "foo\x00"},
		{"bsd64: absurd size of pairs", "__.SYMDEF_64", words(le, 8, math.MinInt64, 0, 68, 4) + "foo\x00"},
		{"bsd64: absurd size of names", "__.SYMDEF_64", words(le, 8, 16, 0, 108, -1) + "foo\x00"},
		{"bsd64: size of names missing", "__.SYMDEF_64", words(le, 8, 16, 0, 108)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := newArchive().member(tt.member, tt.table).twoMembers().b
			f, err := Parse(in)
			if err != nil {
				t.Fatal(err)
			}
			if f.HasSymbols() || f.SymbolCount() != 0 || f.Defines("foo") != nil {
				t.Errorf("HasSymbols = %v, SymbolCount = %d, Defines(foo) = %d", f.HasSymbols(), f.SymbolCount(), f.Defines("foo"))
			}
			if got, want := describe(f), []string{"a.o=abc", "b.o=defg"}; !reflect.DeepEqual(got, want) {
				t.Errorf("members = %q, want %q", got, want)
			}
			check(t, in, f)
		})
	}
}

func TestSymbolsUnusableCOFF(t *testing.T) {
	broken := gnuTable(4, []string{"foo"}, 1)
	for _, tt := range []struct{ name, table string }{
		{"empty", ""},
		{"absurd count of members", "\xff\xff\xff\xff\x01\x00\x00\x00"},
		{"count of symbols missing", "\x01\x00\x00\x00\x01\x00\x00\x00"},
		{"absurd count of symbols", "\x00\x00\x00\x00\xff\xff\xff\xff"},
		{"index 0", coffTable([]int{8}, []string{"foo"}, 0)},
		{"index past the end", coffTable([]int{8}, []string{"foo"}, 2)},
		{"offset of no member", coffTable([]int{8}, []string{"foo"}, 1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := newArchive().member("/", broken).member("/", tt.table).twoMembers().b
			f, err := Parse(in)
			if err != nil {
				t.Fatal(err)
			}
			if f.HasSymbols() {
				t.Error("HasSymbols = true")
			}
			check(t, in, f)
		})
	}
}

func TestSymbolsNoTable(t *testing.T) {
	f, err := Parse(newArchive().twoMembers().b)
	if err != nil {
		t.Fatal(err)
	}
	if f.HasSymbols() || f.Defines("foo") != nil {
		t.Error("symbols without a table")
	}
}

// Pairs that all share one long name make a table whose names have, in sum, the
// square of its size.
func TestSymbolsSharedLongName(t *testing.T) {
	const n = 1 << 17
	var pairs []int
	for range n {
		pairs = append(pairs, 0, 8)
	}
	table := words(binary.LittleEndian, 4, 8*n) + words(binary.LittleEndian, 4, pairs...) +
		words(binary.LittleEndian, 4, n) + strings.Repeat("x", n-1) + "\x00"
	for i := range pairs {
		if i%2 == 1 {
			pairs[i] = at(len(table))[0]
		}
	}
	table = words(binary.LittleEndian, 4, 8*n) + words(binary.LittleEndian, 4, pairs...) + table[4+8*n:]
	f, err := Parse(newArchive().member("__.SYMDEF", table).twoMembers().b)
	if err != nil {
		t.Fatal(err)
	}
	if f.HasSymbols() {
		t.Error("HasSymbols = true")
	}
}

func TestSymbolsConcurrent(t *testing.T) {
	f, err := Parse(threeSymbols()["gnu32"].b)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got := f.Defines("bar"); len(got) != 1 || got[0] != 1 {
				t.Errorf("Defines(bar) = %d", got)
			}
		})
	}
	wg.Wait()
}

func TestDefinesDoesNotAllocate(t *testing.T) {
	name := strings.Repeat("long", 40)
	table := gnuTable(4, []string{name}, 0)
	table = gnuTable(4, []string{name}, at(len(table))[0])
	f, err := Parse(newArchive().member("/", table).twoMembers().b)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { f.Defines(name) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if got := f.Defines(name); len(got) != 1 || got[0] != 0 {
		t.Errorf("Defines = %d", got)
	}
}
