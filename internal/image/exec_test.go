package image

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// rewrite is a piece of code that Build must keep the meaning of.
type rewrite struct {
	name   string
	code   string // of function f, without its ret
	cpu    []string
	ignore uint32 // registers that may differ, as bits
}

// assemble makes an object of assembly, with an assembler that is gas.
func assemble(t testing.TB, as, name, source string) []byte {
	t.Helper()
	as, err := exec.LookPath(as)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("no assembler: ", err)
	}
	dir := t.TempDir()
	in, out := filepath.Join(dir, name+".s"), filepath.Join(dir, name+".o")
	if err := os.WriteFile(in, []byte(source), 0o666); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.Command(as, "-o", out, in).CombinedOutput(); err != nil {
		t.Fatalf("as: %v\n%s\n%s", err, text, source)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// firstDifference compares whole blocks first: the race detector makes bytes
// slow.
func firstDifference(a, b []byte) int {
	i := 0
	for i+256 <= len(a) && bytes.Equal(a[i:i+256], b[i:i+256]) {
		i += 256
	}
	for i < len(a) && a[i] == b[i] {
		i++
	}
	return i
}

// goldenRewrites compares what Build makes of objects, byte for byte, with a
// file that -update writes.
func goldenRewrites(t *testing.T, golden string, list []rewrite, object func(rewrite) []byte) {
	t.Helper()
	var out strings.Builder
	for _, r := range list {
		img, err := Build(resolve(t, false, []string{"f"}, object(r)), nil)
		if err != nil {
			t.Fatalf("%s: %v", r.name, err)
		}
		fmt.Fprintf(&out, "%s: %s\n", r.name, strings.Join(strings.Fields(r.code), " "))
		for _, part := range img.Memory[Text].Parts {
			if part.Size > 1<<10 {
				continue
			}
			fmt.Fprintf(&out, "\t%s\t% x\n", part.Name, img.Memory[Text].Data[part.Off:part.Off+part.Size])
		}
		for _, l := range img.Loads {
			fmt.Fprintf(&out, "\tload\ttext+%#x: register %d = %v%+#x\n", l.Off, l.Register, l.To.Segment, l.To.Off)
		}
		for _, p := range img.Pointers {
			fmt.Fprintf(&out, "\tpointer\t%v+%#x = %v%+#x\n", p.From, p.Off, p.To.Segment, p.To.Off)
		}
	}
	if *update {
		if err := os.WriteFile(golden, []byte(out.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(out.String(), "\n")
	for i, line := range strings.Split(string(want), "\n") {
		if i >= len(got) || got[i] != line {
			t.Fatalf("%s:%d:\ngot  %s\nwant %s", golden, i+1, got[min(i, len(got)-1)], line)
		}
	}
}
