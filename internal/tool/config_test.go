package tool

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
	"github.com/cargo-rustgo/cargo-rustgo/internal/target"
)

func variant(name string) target.Variant {
	v, err := target.ParseVariant(name)
	if err != nil {
		panic(err)
	}
	return v
}

func TestDecodeConfig(t *testing.T) {
	tests := []struct {
		in   string
		want *Config
		err  string // part of the message and help
	}{
		{in: `{}`, want: &Config{}},
		{in: `{"go-package":"x"}`, want: &Config{GoPackage: "x"}},
		{in: `{"exports":["b","a"]}`, want: &Config{Exports: []Export{{Symbol: "b"}, {Symbol: "a"}}}},
		{in: `{"exports":{"b":"B","a":"A"}}`, want: &Config{Exports: []Export{{"a", "A"}, {"b", "B"}}}},
		{in: `{"variants":["x86-64-v3","armv8.1-a"]}`, want: &Config{Variants: []target.Variant{variant("x86-64-v3"), variant("armv8.1-a")}}},
		{in: `{"variants":"x86-64-v3"}`, err: "must be a list of processors"},
		{in: `{"variants":["x86-64-v5"]}`, err: "names \"x86-64-v5\"; there are x86-64-v2, x86-64-v3, x86-64-v4, armv8.1-a, and"},
		{in: `{"variants":["armv8-a"]}`, err: "which is every processor"},
		{in: `{"variants":["armv8-a+sve"]}`, err: "the features are aes, crc, dotprod"},
		{in: `{"variants":["armv8-a+sha2+sha3","armv8-a+sha3"]}`, err: "names \"armv8-a+sha3\", which is the same as \"armv8-a+sha2+sha3\""},
		{in: `{"build-std":true}`, want: &Config{BuildStd: true}},
		{in: `{"build-std":["core"]}`, err: "must be true or false"},
		{in: `[]`, err: "must be a table"},
		{in: `"x"`, err: "must be a table"},
		{in: `{"go_package":"x"}`, err: "unknown key `go_package` in `package.metadata.rustgo`; did you mean `go-package`?"},
		{in: `{"export":["x"]}`, err: "did you mean `exports`?"},
		{in: `{"go-package":1}`, err: "`go-package` in `package.metadata.rustgo` must be a string"},
		{in: `{"go-package":"a-b"}`, err: `must be a Go identifier, not "a-b"`},
		{in: `{"go-package":"func"}`, err: "must be a Go identifier"},
		{in: `{"exports":"a"}`, err: "must be an array of symbols, or a table"},
		{in: `{"exports":["a",1]}`, err: "must be an array of symbols, or a table"},
		{in: `{"exports":[]}`, err: "at least one symbol"},
		{in: `{"exports":["a","a"]}`, err: "names `a` twice"},
		{in: `{"exports":{"a":"a"}}`, err: "not an exported identifier"},
		{in: `{"exports":{"a":"X","b":"X"}}`, err: "gives `a` and `b` the same Go name"},
		{in: `{"x":1,"y":2}`, err: "unknown key `y`"},
	}
	for _, tt := range tests {
		got, err := decodeConfig(json.RawMessage(tt.in), "package.metadata.rustgo", "Cargo.toml")
		if tt.err == "" {
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%s: got %+v, %v", tt.in, got, err)
			}
			continue
		}
		var text []string
		for _, d := range diag.All(err) {
			text = append(append(text, d.Message), d.Help...)
			if d.Code != diag.BadConfig {
				t.Errorf("%s: code %s", tt.in, d.Code)
			}
		}
		if all := strings.Join(text, "; "); !strings.Contains(all, tt.err) {
			t.Errorf("%s: got %q, want %q", tt.in, all, tt.err)
		}
	}
}

func TestConfigErrorPosition(t *testing.T) {
	manifest := filepath.Join(t.TempDir(), "Cargo.toml")
	text := "[package]\nexports = 1\n[package.metadata.rustgo]\n# go-pack = 2\n  \"go-pack\" = \"x\"\n[package.metadata.rustgo.xports]\na = \"A\"\n"
	if err := os.WriteFile(manifest, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string][2]int{"go-pack": {5, 3}, "xports": {6, 1}, "": {3, 1}, "absent": {0, 0}} {
		s := configError(manifest, "package.metadata.rustgo", key, "x").Spans[0]
		if s.Line != want[0] || s.Column != want[1] {
			t.Errorf("%q: got %d:%d, want %v", key, s.Line, s.Column, want)
		}
	}
}

func TestMatchCfg(t *testing.T) {
	cfg := []string{"unix", "panic=\"abort\"", `target_os="linux"`, `target_feature="sse2"`}
	for predicate, want := range map[string]bool{
		`unix`:                                 true,
		`windows`:                              false,
		` all ( unix , target_os = "linux" ) `: true,
		`all()`:                                true,
		`any()`:                                false,
		`any(windows, not(windows),)`:          true,
		`not(all(unix, target_os="macos"))`:    true,
		`true`:                                 true,
		`false`:                                false,
		`not(unix, windows)`:                   false,
		`unix windows`:                         false,
		`all(unix`:                             false,
		`target_os="linux`:                     false,
		``:                                     false,
		`,`:                                    false,
	} {
		if got := matchCfg(predicate, cfg); got != want {
			t.Errorf("matchCfg(%q) = %v", predicate, got)
		}
	}
}
