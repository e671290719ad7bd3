package diag

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// constants returns the codes that diag.go declares.
func constants(t *testing.T) []string {
	file, err := parser.ParseFile(token.NewFileSet(), "diag.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == 1 {
			if lit, ok := spec.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
				code, _ := strconv.Unquote(lit.Value)
				codes = append(codes, code)
			}
		}
		return true
	})
	return codes
}

func TestEveryCodeHasAPage(t *testing.T) {
	codes := constants(t)
	if !slices.Equal(codes, Codes()) {
		t.Fatalf("codes: %v\npages: %v", codes, Codes())
	}
	title := regexp.MustCompile(`^# (RG\d{4}): [^\n]+[^.\n]\n\n`)
	for _, code := range codes {
		page, ok := Explain(strings.ToLower(code))
		if !ok {
			t.Errorf("%s has no page", code)
		}
		if m := title.FindStringSubmatch(page); m == nil || m[1] != code {
			t.Errorf("%s: wrong title", code)
		}
		if !strings.Contains(page, "\n## Example\n") || !strings.Contains(page, "\n## How to fix it\n") {
			t.Errorf("%s: the page lacks a section", code)
		}
		for i, line := range strings.Split(page, "\n") {
			if n := len([]rune(line)); n > 80 && !strings.HasPrefix(line, "error[") && !strings.HasPrefix(line, "help: ") {
				t.Errorf("%s:%d: %d characters", code, i+1, n)
			}
			if m := regexp.MustCompile(`^error\[(RG\d{4})\]`).FindStringSubmatch(line); m != nil && m[1] != code {
				t.Errorf("%s:%d: example of %s", code, i+1, m[1])
			}
		}
	}
	if _, ok := Explain("RG9999"); ok {
		t.Error("RG9999 has a page")
	}
}

var examples = []struct {
	name string
	d    Diagnostic
}{
	{"undefined", Diagnostic{
		Code:    UndefinedSymbols,
		Message: "`decode` needs libc, which a cgo-free Go program does not have",
		Spans: []Span{{
			File: "src/lib.rs", Line: 14, Column: 5,
			Source: "    println!(\"bad byte {b}\");", Label: "reaches `malloc`, `write` (41 undefined symbols)",
		}},
		Notes: []string{"decode > std::io::_print > … > malloc", "decode > std::io::_print > … > write"},
		Help:  []string{"return an error code instead, or use `#![no_std]`"},
	}},
	{"bare", Diagnostic{Code: MalformedInput, Message: "libfoo.a: member at 0x44: size passes the end of the file"}},
	{"file", Diagnostic{
		Code: NoStaticlib, Message: "package `x` has no library target",
		Spans: []Span{{File: "Cargo.toml"}}, Notes: []string{"one\ntwo"}, Help: []string{"first\nsecond", "third"},
	}},
	{"two-spans", Diagnostic{
		Code: TypeCannotCross, Message: "the parameter `s` of `f` has a type that cannot cross",
		Spans: []Span{
			{File: "src/a.rs", Line: 1207, Column: 20, Source: "pub extern \"C\" fn ö(s: &str) {", Label: "here"},
			{File: "src/b.rs", Line: 9, Source: "type T = U;\r", Label: "no column"},
			{File: "src/c.rs", Line: 7, Column: 2, Source: "\tlet x = 1; // why"},
		},
		Notes: []string{"a note"},
	}},
}

func TestRender(t *testing.T) {
	for _, ex := range examples {
		for _, color := range []bool{false, true} {
			name := ex.name
			if color {
				name += "-color"
			}
			var b bytes.Buffer
			if err := Render(&b, &ex.d, color); err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", name+".txt")
			got := strings.ReplaceAll(b.String(), "\x1b", "␛")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
			}
		}
	}
}

func TestRenderJSON(t *testing.T) {
	for _, ex := range examples {
		var plain, line bytes.Buffer
		Render(&plain, &ex.d, false)
		if err := RenderJSON(&line, &ex.d); err != nil {
			t.Fatal(err)
		}
		if bytes.Count(line.Bytes(), []byte("\n")) != 1 {
			t.Errorf("%s: not one line", ex.name)
		}
		var got struct {
			Reason, Level, Rendered string
			Diagnostic
		}
		if err := json.Unmarshal(line.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if got.Reason != "rustgo-diagnostic" || got.Level != "error" || got.Rendered != plain.String() {
			t.Errorf("%s: %s", ex.name, line.Bytes())
		}
		if fmt.Sprint(got.Diagnostic.Spans) != fmt.Sprint(ex.d.Spans) || got.Code != ex.d.Code {
			t.Errorf("%s: got %+v", ex.name, got.Diagnostic)
		}
	}
}

func TestJoin(t *testing.T) {
	a, b, other := New(NoExports, "a"), New(NoDebugInfo, "b"), errors.New("other")
	if Join() != nil || Join(nil, nil) != nil || List(nil).Err() != nil {
		t.Error("an empty list is not nil")
	}
	err := Join(a, nil, fmt.Errorf("wrapped: %w", Join(b)))
	if got := All(err); len(got) != 2 || got[0] != a || got[1] != b {
		t.Errorf("All = %v", got)
	}
	if got := err.Error(); got != "a [RG0002]\nb [RG0014]" {
		t.Errorf("Error = %q", got)
	}
	var d *Diagnostic
	if !errors.As(err, &d) || d != a {
		t.Errorf("errors.As found %v", d)
	}
	err = Join(a, other)
	if !errors.Is(err, other) || len(All(err)) != 1 {
		t.Errorf("joined with another error: %v", err)
	}
	if All(other) != nil {
		t.Error("a plain error has diagnostics")
	}
}

func TestError(t *testing.T) {
	d := New(NoExports, "no %s", "exports")
	d.Spans = []Span{{File: "src/lib.rs", Line: 3, Column: 4}}
	if got, want := d.Error(), "src/lib.rs:3:4: no exports [RG0002]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNearest(t *testing.T) {
	commands := []string{"build", "explain", "version", "archive", "scalar_base_mult"}
	for _, tt := range []struct{ name, nearest, similar string }{
		{"biuld", "build", "build"},
		{"BUILD", "build", "build"},
		{"versoin", "version", "version"},
		{"scalar_mult_base", "scalar_base_mult", "scalar_base_mult"},
		{"base_mult", "build", "scalar_base_mult"},
		{"zzz", "build", ""},
		{"", "build", ""},
	} {
		if got := Nearest(tt.name, commands); got != tt.nearest {
			t.Errorf("Nearest(%q) = %q, want %q", tt.name, got, tt.nearest)
		}
		if got := Similar(tt.name, commands); got != tt.similar {
			t.Errorf("Similar(%q) = %q, want %q", tt.name, got, tt.similar)
		}
	}
	if Nearest("x", nil) != "" || Similar("x", nil) != "" {
		t.Error("a candidate out of nowhere")
	}
}
