package emit

import (
	"strings"
	"testing"
)

// TestHeapMemory checks that the package gives Rust's heap its memory, after
// all that is checked when it is initialized.
func TestHeapMemory(t *testing.T) {
	for _, test := range []struct {
		goos string
		size int
		want string
	}{
		{"linux", 0, "const rustHeapSize = 68719476736\n"},
		{"windows", 0, "const rustHeapSize = 268435456\n"},
		{"linux", 1 << 20, "const rustHeapSize = 1048576\n"},
		{"windows", 1 << 40, "const rustHeapSize = 1099511627776\n"},
	} {
		p := sample()
		p.Platforms[0].GOOS, p.HeapSize = test.goos, test.size
		if _, ok := p.goFiles()["rustgo_memory_"+test.goos+".go"]; ok {
			t.Errorf("%s: a heap for a crate without one", test.goos)
		}
		p.Functions[0].Symbol = HeapSymbol
		files := p.goFiles()
		name := "rustgo_memory_" + test.goos + ".go"
		text := string(files[name])
		if !strings.Contains(text, test.want) || !strings.Contains(text, "rustHeap(") {
			t.Errorf("%s: want %s in %s", test.goos, test.want, text)
		}
		for _, before := range []string{"rustgo_init.go", "rustgo.go"} {
			if _, ok := files[before]; !ok || before > name {
				t.Errorf("%s is not before %s", before, name)
			}
		}
	}
}
