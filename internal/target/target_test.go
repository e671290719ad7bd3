package target

import (
	"slices"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	names := []string{}
	for _, target := range All() {
		names = append(names, target.String())
		if got, ok := Lookup(target.GOOS, target.GOARCH); !ok || got.Triple != target.Triple {
			t.Errorf("Lookup(%s) = %+v, %v", target, got, ok)
		}
		got, ok := ByTriple(target.Triple)
		if !ok && !target.Foreign || ok && got.Triple != target.Triple || got.Foreign {
			t.Errorf("ByTriple(%s) = %+v, %v", target.Triple, got, ok)
		}
		names := []string{target.String()}
		if ok {
			names = append(names, target.Triple)
		}
		for _, name := range names {
			if got, err := Parse(name); err != nil || got.Triple != target.Triple {
				t.Errorf("Parse(%s) = %+v, %v", name, got, err)
			}
		}
		if strings.Contains(target.Format.String(), " ") {
			t.Errorf("%s: unknown format %d", target, target.Format)
		}
		if (target.SymbolPrefix == "_") != (target.Format == MachO) {
			t.Errorf("%s: symbol prefix %q for %s", target, target.SymbolPrefix, target.Format)
		}
	}
	if !slices.IsSorted(names) || len(slices.Compact(names)) != len(All()) {
		t.Errorf("not sorted, or not unique: %v", names)
	}
}

func TestParseUnknown(t *testing.T) {
	for name, nearest := range map[string]string{
		"linux/amd46":             "linux/amd64",
		"Linux/AMD64":             "linux/amd64",
		"amd64":                   "linux/amd64",
		"":                        "linux/amd64",
		"x86_64-linux-gnu":        "x86_64-unknown-linux-gnu",
		"x86_64-unknown-linux-gn": "x86_64-unknown-linux-gnu",
	} {
		_, err := Parse(name)
		unknown, ok := err.(*UnknownError)
		if !ok || unknown.Name != name || unknown.Nearest != nearest {
			t.Errorf("Parse(%q): %v, want nearest %q", name, err, nearest)
		}
	}
}
