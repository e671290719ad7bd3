package stack

import (
	"bytes"
	"cmp"
	"debug/elf"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
	"github.com/cargo-rustgo/cargo-rustgo/internal/riscv64"
)

func TestDepths(t *testing.T) {
	for _, tt := range []struct {
		name     string
		sections []testSection
		of       string // a section; else the first
		want     []Step
		reason   string // why there are none
	}{
		{name: "leaf", sections: []testSection{{name: "f", code: "c3"}}},
		{name: "cold block after the return", sections: []testSection{{name: "f", code: "53  85 ff  75 02  5b  c3  0f 0b"}},
			want: []Step{{1, 8, 1}, {6, 0, 1}, {7, 8, 0}}},
		{name: "padding before the cold block", sections: []testSection{{name: "f", code: "53  85 ff  75 05  5b  c3  0f 1f 00  0f 0b"}},
			want: []Step{{1, 8, 1}, {6, 0, 1}, {10, 8, 0}}},
		{name: "sub and add", sections: []testSection{{name: "f", code: "55  48 83 ec 18  90  48 83 c4 18  5d  c3"}},
			want: []Step{{1, 8, 1}, {5, 32, 4}, {10, 8, 4}, {11, 0, 1}}},
		{name: "leave", sections: []testSection{{name: "f", code: "55  48 89 e5  48 83 ec 20  c9  c3"}},
			want: []Step{{1, 8, 1}, {8, 40, 4}, {9, 0, 1}}},
		{name: "two returns", sections: []testSection{{name: "f", code: "53  85 ff  75 02  5b  c3  5b  c3"}},
			want: []Step{{1, 8, 1}, {6, 0, 1}, {7, 8, 0}, {8, 0, 1}}},
		{name: "join after a push", sections: []testSection{{name: "f", code: "53  ff cf  75 fc  5b  c3"}},
			want: []Step{{1, 8, 1}, {6, 0, 1}}},
		{name: "push before a call that does not return", sections: []testSection{
			{name: "f", code: "85 ff  75 01  c3  50  e8 00 00 00 00", relocs: []testReloc{{7, rPLT32, "die", -4}}}, diverges},
			want: []Step{{6, 8, 1}}},
		{name: "only reached on another stack", of: "huge", sections: []testSection{
			{name: "f", code: "48 8d 25 00 00 00 00  e8 00 00 00 00  0f 0b", relocs: []testReloc{{3, rPC32, "stk", 60}, {8, rPLT32, "huge", -4}}}, static, huge},
			want: []Step{{7, 1 << 20, 7}}},
		{name: "only reached by a pointer on another stack", of: "foo", sections: []testSection{
			{name: "f", code: "48 8d 25 00 00 00 00  48 8d 05 00 00 00 00  50  ff 10  0f 0b", relocs: []testReloc{{3, rPC32, "stk", 60}, {10, rPC32, "vtable", -4}}},
			{name: "vtable", kind: "relro", code: "0000000000000000", relocs: []testReloc{{0, rAbs64, "foo", 0}}}, static, framed},
			want: []Step{{4, 56, 4}, {8, 0, 4}}},
		{name: "entered in the middle at depth 0", of: "foo", sections: []testSection{
			{name: "f", code: "e9 00 00 00 00", relocs: []testReloc{{1, rPLT32, "foo", -4 + 1}}},
			{name: "foo", code: "90  53  5b  c3"}},
			want: []Step{{2, 8, 1}, {3, 0, 1}}},
		{name: "entered in the middle of a frame", of: "foo", reason: "two functions", sections: []testSection{
			{name: "f", code: "85 ff  74 05  e8 00 00 00 00  e8 00 00 00 00", relocs: []testReloc{{5, rPLT32, "foo", -4}, {10, rPLT32, "foo", -4 + 1}}},
			{name: "foo", code: "53  48 89 df  0f 0b"}}},
		{name: "two functions", sections: []testSection{{name: "f", code: "e8 01 00 00 00  c3  50 58 c3"}}, reason: "two functions"},
		{name: "a second function without a name that data points to", of: "foo", reason: "two functions", sections: []testSection{
			{name: "f", code: "48 8d 25 00 00 00 00  48 8d 05 00 00 00 00  50  ff 10  0f 0b", relocs: []testReloc{{3, rPC32, "stk", 60}, {10, rPC32, "vtable", -4}}},
			{name: "vtable", kind: "relro", code: "0000000000000000", relocs: []testReloc{{0, rAbs64, "foo", 1}}}, static,
			{name: "foo", code: "c3  50  58  c3"}}},
		{name: "realigned", sections: []testSection{{name: "f", code: "55  48 89 e5  48 83 e4 c0  c9  c3"}}, reason: "rsp is not"},
		{name: "other stack", sections: []testSection{{name: "f", code: "48 8d 25 00 00 00 00  e8 00 00 00 00  0f 0b", relocs: []testReloc{{3, rPC32, "stk", 60}, {8, rPLT32, "huge", -4}}}, static, huge}, reason: "rsp is not"},
		{name: "probe loop", sections: []testSection{{name: "f", code: "4c 8d 9c 24 00 b0 ff ff  48 81 ec 00 10 00 00  48 c7 04 24 00 00 00 00  4c 39 dc  75 ec  48 81 c4 00 50 00 00  c3"}}, reason: "rsp is not"},
		{name: "not understood", sections: []testSection{{name: "f", code: "48 8b 27  c3"}}, reason: "rsp is set by"},
		{name: "data", of: "stk", sections: []testSection{{name: "f", code: "48 8b 05 00 00 00 00  c3", relocs: []testReloc{{3, rPC32, "stk", -4}}}, static}, reason: "no function"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := analyze(t, tt.sections...)
			name := tt.of
			if name == "" {
				name = tt.sections[0].name
			}
			found := false
			for _, ref := range a.set.Live {
				if full := a.set.Section(ref).Name; full[strings.LastIndex(full, ".")+1:] != name {
					continue
				}
				found = true
				steps, why := a.graph.r.steps(ref)
				if _, ok := a.Depths(ref); ok != (why == "") || (why == "") != (tt.reason == "") || !strings.Contains(why, tt.reason) {
					t.Fatalf("got %v, %q, want %q", steps, why, tt.reason)
				}
				if !slices.Equal(steps, tt.want) {
					t.Errorf("got %v, want %v", steps, tt.want)
				}
			}
			if !found {
				t.Fatalf("no section %s", name)
			}
		})
	}
}

// TestDepthsFrames compares the depths of all code that popular crates compile
// to with the call frame information, as the linker and readelf see it.
func TestDepthsFrames(t *testing.T) {
	testDepthsFrames(t, "", 75, popular)
}

// testDepthsFrames wants at least so many percent of the code compared.
func testDepthsFrames(t *testing.T, tools string, least float64, compile func(t testing.TB, level string) ([]byte, *link.Set)) {
	t.Helper()
	for _, tool := range []string{"ld", "readelf"} {
		if _, err := exec.LookPath(tools + tool); err != nil {
			missing(t, "%s is missing", tools+tool)
		}
	}
	for _, level := range []string{"3", `"s"`} {
		t.Run("opt-level="+level, func(t *testing.T) {
			data, set := compile(t, level)
			a, err := Analyze(set)
			if err != nil {
				t.Fatal(err)
			}
			rows, symbols := linkedFrames(t, tools, data)
			r := a.graph.r
			var code, known, described, compared, writable, nearly int64
			reasons := map[string]int64{}
			for _, ref := range set.Live {
				sec := r.sections[ref]
				if sec.kind != elfmacho.Text {
					continue
				}
				code += int64(len(sec.data))
				steps, why := r.steps(ref)
				if why != "" {
					reasons[why[strings.Index(why, ":")+1:]] += int64(len(sec.data))
					continue
				}
				known += int64(len(sec.data))
				increases, changes := expressible(steps, int64(len(sec.data)))
				writable += increases
				nearly += changes
				address, ok := uint64(0), false
				for _, sym := range sec.symbols {
					if sym.off == 0 && !ok {
						address, ok = symbols[sym.name]
					}
				}
				if !ok {
					continue
				}
				described += int64(len(sec.data))
				for _, i := range r.within[ref] {
					for _, s := range r.functions[i].depths.spans {
						compared += compareFrames(t, r.processor, sec, s, address, rows)
					}
				}
			}
			percent := func(n int64) float64 { return 100 * float64(n) / float64(code) }
			t.Logf("%d bytes of code, %.2f %% with known depths; %d bytes compared in %.2f %%", code, percent(known), compared, percent(described))
			t.Logf("if only increases can be written, %.2f %% of the code has the right depth; if decreases too, %.2f %%", percent(writable), percent(nearly))
			for _, why := range slices.Sorted(maps.Keys(reasons)) {
				t.Logf("%6d bytes: %s", reasons[why], why)
			}
			if percent(known) < 90 || percent(compared) < least {
				t.Errorf("too little is known or compared")
			}
		})
	}
}

// expressible returns how many of a section's bytes have the right depth in two
// tables that can hold only changes which an instruction makes itself: one with
// the increases, and one that also has the decreases after the last change
// which no instruction makes.
func expressible(steps []Step, size int64) (increases, changes int64) {
	last := -1
	for i, s := range steps {
		if s.Len == 0 {
			last = i
		}
	}
	var depth, up, both, off int64
	for i := 0; ; i++ {
		end := size
		if i < len(steps) {
			end = steps[i].Off
		}
		if up == depth {
			increases += end - off
		}
		if both == depth {
			changes += end - off
		}
		if i == len(steps) {
			return increases, changes
		}
		s := steps[i]
		change := s.Depth - depth
		if s.Len > 0 && change > 0 {
			up += change
		}
		if s.Len > 0 && (change > 0 || i > last) {
			both += change
		}
		depth, off = s.Depth, s.Off
	}
}

// tableRow is what readelf makes of a row of call frame information.
type tableRow struct {
	start, end uint64
	cfa        string // "rsp+8", "sp+16"
}

var (
	fdeLine = regexp.MustCompile(`^[0-9a-f]+ [0-9a-f]+ [0-9a-f]+ FDE .*pc=([0-9a-f]+)\.\.([0-9a-f]+)`)
	rowLine = regexp.MustCompile(`^([0-9a-f]{16}) (\S+)`)
)

// linkedFrames links all of an archive. It returns the rows of the call frame
// information by address, and the addresses of the symbols that are the only
// ones of their name.
func linkedFrames(t *testing.T, tools string, archive []byte) ([]tableRow, map[string]uint64) {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "lib.a"), filepath.Join(dir, "lib.so")
	if err := os.WriteFile(in, archive, 0o666); err != nil {
		t.Fatal(err)
	}
	link := exec.Command(tools+"ld", "-shared", "-o", out, "--whole-archive", in, "-z", "notext", "--unresolved-symbols=ignore-all", "--allow-multiple-definition", "--noinhibit-exec")
	if text, err := link.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", link.Args, err, text)
	}
	f, err := elf.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	list, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	symbols, count := map[string]uint64{}, map[string]int{}
	for _, s := range list {
		if elf.ST_TYPE(s.Info) == elf.STT_FUNC && s.Section != elf.SHN_UNDEF {
			symbols[s.Name] = s.Value
			count[s.Name]++
		}
	}
	maps.DeleteFunc(symbols, func(name string, _ uint64) bool { return count[name] > 1 })

	var text bytes.Buffer
	dump := exec.Command(tools+"readelf", "--wide", "--debug-dump=frames-interp", out)
	dump.Stdout = &text
	if err := dump.Run(); err != nil {
		t.Fatalf("%v: %v", dump.Args, err)
	}
	number := func(s string) uint64 {
		n, err := strconv.ParseUint(s, 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	var rows []tableRow
	var end uint64 // of the FDE; 0 in a CIE
	first := 0     // of its rows
	for line := range strings.Lines(text.String()) {
		if m := fdeLine.FindStringSubmatch(line); m != nil {
			end, first = number(m[2]), len(rows)
		} else if m := rowLine.FindStringSubmatch(line); m != nil && end != 0 {
			at := number(m[1])
			if len(rows) > first {
				rows[len(rows)-1].end = at
			}
			rows = append(rows, tableRow{at, end, m[2]})
		} else if strings.Contains(line, " CIE ") {
			end = 0
		}
	}
	if len(rows) < 1000 {
		t.Fatalf("only %d rows", len(rows))
	}
	slices.SortFunc(rows, func(a, b tableRow) int { return cmp.Compare(a.start, b.start) })
	return rows, symbols
}

// compareFrames reports where a span of the section at an address has another
// depth than the rows of the call frame information, and returns how many of
// its bytes have one.
func compareFrames(t *testing.T, m *processor, sec *section, s span, address uint64, rows []tableRow) (bytes int64) {
	start, end := address+uint64(s.start), address+uint64(s.end)
	i, _ := slices.BinarySearchFunc(rows, start, func(r tableRow, at uint64) int { return cmp.Compare(r.end, at+1) })
	for ; i < len(rows) && rows[i].start < end; i++ {
		if !strings.HasPrefix(rows[i].cfa, m.spName+"+") {
			continue // by a frame pointer
		}
		from, to := max(start, rows[i].start), min(end, rows[i].end)
		if from >= to {
			continue
		}
		// On arm64 LLVM says nothing of how it makes a frame in functions from
		// which nothing is unwound asynchronously.
		if rows[i].cfa == "sp+0" && s.depth > 0 && strings.HasPrefix(sec.name, ".text.unlikely.") {
			continue
		}
		// On riscv64 it may still tell of a frame where there is none, and tells only
		// of the second of two additions (riscvCode.untold).
		if m == &riscvProcessor && (s.depth == 0 || to-from <= 4 && between(sec, s)) {
			continue
		}
		bytes += int64(to - from)
		if want := fmt.Sprintf("%s+%d", m.spName, s.depth+m.pushed); rows[i].cfa != want {
			t.Errorf("%s+%#x to %#x: the canonical frame address is %s, want %s", sec.name, from-address, to-address, rows[i].cfa, want)
		}
	}
	return bytes
}

// between reports whether code of riscv64 adds to sp before a span and in it.
func between(sec *section, s span) bool {
	adds := func(at int64) bool {
		if at < 0 {
			return false
		}
		inst, err := riscv64.Decode(sec.data[at:])
		return err == nil && inst.Stack().Kind == riscv64.StackAdd
	}
	return adds(s.start) && (adds(s.start-2) || adds(s.start-4))
}
