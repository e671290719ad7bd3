package prebuilt

import (
	"maps"
	"testing"
)

func TestDeclarations(t *testing.T) {
	const generated = "// generated"
	base := map[string][]byte{
		"rustgo.go":   []byte(generated + "\npackage p\n\nfunc F(a int) int\n"),
		"own.go":      []byte("package p\n\n// Sum adds.\n//\n//rustgo:import sum\nfunc Sum(a, b int) int\n\nfunc G() int { return 1 }\n"),
		"own_test.go": []byte("package p\n"),
		"own.s":       []byte("TEXT x"),
	}
	digest := func(change map[string]string) string {
		files := maps.Clone(base)
		for name, text := range change {
			if text == "" {
				delete(files, name)
			} else {
				files[name] = []byte(text)
			}
		}
		d, err := Declarations(files, generated)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	want := digest(nil)
	for _, test := range []struct {
		name   string
		change map[string]string
		same   bool
	}{
		{"another body, comment and spacing", map[string]string{"own.go": "package p\n\nfunc Sum(a,  b int) int // adds\n\nfunc G() int { return 2 }\n"}, true},
		{"another test", map[string]string{"own_test.go": "package p\n\nfunc X()\n"}, true},
		{"other assembly", map[string]string{"own.s": "TEXT y"}, true},
		{"another file without assembly functions", map[string]string{"more.go": "package p\n\nvar X int\n"}, true},
		{"another type", map[string]string{"own.go": "package p\n\nfunc Sum(a, b int64) int\n"}, false},
		{"one less", map[string]string{"own.go": "package p\n"}, false},
		{"one more", map[string]string{"more.go": "package p\n\nfunc H()\n"}, false},
		{"generated code", map[string]string{"rustgo.go": generated + "\npackage p\n\nfunc F(a int) int // x\n"}, false},
		{"no generated code", map[string]string{"rustgo.go": ""}, false},
	} {
		if got := digest(test.change); (got == want) != test.same {
			t.Errorf("%s: same is %v", test.name, got == want)
		}
	}
	if _, err := Declarations(map[string][]byte{"bad.go": []byte("package")}, generated); err == nil {
		t.Error("a file that does not parse: no error")
	}
}
