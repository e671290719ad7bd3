package bundle

import (
	"slices"
	"strings"
	"testing"
)

func TestCheckPath(t *testing.T) {
	for _, tt := range []struct{ path, want string }{
		{"a", ""},
		{"a/b c/é.go", ""},
		{"a..b/...", ""},
		{".hidden", ""},
		{strings.Repeat("a", maxPath), ""},
		{strings.Repeat("a", maxPath+1), "path of 4097 bytes; the limit is 4096"},
		{"", "empty path"},
		{".", "not clean"},
		{"./a", "not clean"},
		{"a/", "not clean"},
		{"a//b", "not clean"},
		{"a/./b", "not clean"},
		{"/a", `"/a": absolute path`},
		{"..", `".."`},
		{"../a", `"../a": path with an element ".."`},
		{"a/../b", `".."`},
		{"a/..", `".."`},
		{`a\b`, "backslash"},
		{"C:/a", "colon"},
		{"a\x00b", `"a\x00b": path with a control character`},
		{"a\nb", "control character"},
		{"a\x7f", "control character"},
		{"a\u0085", "control character"},
		{"a\xff", `"a\xff": path is not UTF-8`},
	} {
		err := checkPath(tt.path)
		if tt.want == "" {
			if err != nil {
				t.Errorf("%q: %v", tt.path, err)
			}
			continue
		}
		wantError(t, err, tt.want)
	}
}

func TestCheckEntries(t *testing.T) {
	for _, tt := range []struct {
		name  string
		paths []string // directories end in a slash
		want  string
	}{
		{name: "none"},
		{name: "beside and within", paths: []string{"a-b", "a/b", "a/b-c", "a.b", "a/c/d", "ab"}},
		{name: "directories", paths: []string{"a/", "a/b/", "a/b/c", "a-/", "A-b"}},
		{name: "twice", paths: []string{"b", "a/b", "c", "a/b"}, want: `"a/b": twice`},
		{name: "directory twice", paths: []string{"a/", "a/b", "a/"}, want: `"a": twice`},
		{name: "case", paths: []string{"a/README", "b", "a/readme"}, want: `"a/README" and "a/readme": the same path but for case`},
		{name: "case of a directory", paths: []string{"Src/a", "src/b"}, want: `"Src/a" and "src/b"`},
		{name: "case of a directory far apart", paths: []string{"x/a/1", "x/a/2/3", "x/A/9"}, want: "but for case"},
		{name: "case of a directory and a file", paths: []string{"a/b", "A"}, want: "but for case"},
		{name: "long s", paths: []string{"s", "ſ"}, want: "but for case"},
		{name: "kelvin", paths: []string{"k", "\u212a"}, want: "but for case"},
		{name: "final sigma", paths: []string{"ς", "Σ"}, want: "but for case"},
		{name: "file and directory", paths: []string{"a-b", "a/b", "a"}, want: `"a": both a file and a directory`},
		{name: "file and named directory", paths: []string{"a/", "a"}, want: `"a": both a file and a directory`},
		{name: "file and deep directory", paths: []string{"a/b/c/d", "a/b"}, want: `"a/b": both a file and a directory`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 {
				var entries []entry
				for _, path := range tt.paths {
					dir := strings.HasSuffix(path, "/")
					entries = append(entries, entry{strings.TrimSuffix(path, "/"), dir})
				}
				err := checkEntries(entries)
				if tt.want != "" {
					wantError(t, err, tt.want)
				} else if err != nil {
					t.Error(err)
				}
				slices.Reverse(tt.paths)
			}
		})
	}
}

// fold agrees with strings.EqualFold for every pair of runes that are equal.
func TestFold(t *testing.T) {
	for r := rune(0); r < 0x20000; r++ {
		s := string(r)
		for _, other := range []string{strings.ToUpper(s), strings.ToLower(s), strings.ToTitle(s)} {
			if strings.EqualFold(s, other) != (fold(s) == fold(other)) {
				t.Fatalf("%q and %q: %q and %q", s, other, fold(s), fold(other))
			}
		}
	}
}
