package archive

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func largestRlib(b *testing.B) (path string, data []byte) {
	b.Helper()
	for _, p := range rlibs(b) {
		if info, err := os.Stat(p); err == nil && info.Size() > int64(len(data)) {
			path, data = p, make([]byte, info.Size())
		}
	}
	data, _ = parseFile(b, path)
	return path, data
}

// large is an archive of about 24 MB, 300 members and 20,000 symbols with names
// as long as Rust's.
func large(b *testing.B) []byte {
	b.Helper()
	const members, symbols, size = 300, 20_000, 80_000
	names := make([]string, symbols)
	for i := range names {
		names[i] = fmt.Sprintf("_ZN%03dcrate%d6module9submodule%s17h%016xE", i%100, i%members, strings.Repeat("f", i%40), uint64(i)*0x9e3779b97f4a7c15)
	}
	offsets := make([]int, symbols)
	tableSize := len(gnuTable(4, names, offsets...))
	for i := range offsets {
		offsets[i] = at(tableSize)[0] + i*members/symbols*(headerSize+size)
	}
	a := newArchive().member("/", gnuTable(4, names, offsets...))
	body := strings.Repeat("\x90", size)
	for i := range members {
		a.member(fmt.Sprintf("m%d.o/", i), body)
	}
	return a.b
}

// BenchmarkParse compares reading the largest library of the sysroot with
// parsing it, with and without the index over its symbol table.
func BenchmarkParse(b *testing.B) {
	path, data := largestRlib(b)
	b.Run("ReadFile", func(b *testing.B) {
		for b.Loop() {
			if _, err := os.ReadFile(path); err != nil {
				b.Fatal(err)
			}
		}
	})
	benchmarkParse(b, data)
}

func BenchmarkParseLarge(b *testing.B) {
	benchmarkParse(b, large(b))
}

func benchmarkParse(b *testing.B, data []byte) {
	f, err := Parse(data)
	if err != nil {
		b.Fatal(err)
	}
	var symbol string
	for symbol = range f.All() {
		if len(symbol) > 40 {
			break
		}
	}
	b.Run("Parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Parse(data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ParseAndDefines", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f, err := Parse(data)
			if err != nil {
				b.Fatal(err)
			}
			if f.Defines(symbol) == nil {
				b.Fatal("symbol not found")
			}
		}
		b.ReportMetric(float64(f.SymbolCount()), "symbols")
	})
	b.Run("Defines", func(b *testing.B) {
		for b.Loop() {
			f.Defines(symbol)
		}
	})
	b.Run("All", func(b *testing.B) {
		for b.Loop() {
			for range f.All() {
			}
		}
	})
	// What a plain map costs: the reason for the index in symbols.go.
	b.Run("Map", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f, err := Parse(data)
			if err != nil {
				b.Fatal(err)
			}
			m := make(map[string]int32, f.SymbolCount())
			for name, i := range f.All() {
				m[name] = i
			}
		}
	})
}
