package signature

import (
	"errors"
	"strings"
	"testing"
)

// Parameters that rustc leaves out of DWARF, and functions that have no C ABI,
// would be called wrongly without a word.
func TestCheckSourceRefuses(t *testing.T) {
	tests := []struct{ name, decl, want string }{
		{"at0", export + "fn at0(z @ 0..: u64, w: u32) -> u64 { z + w as u64 }", "2 parameters, the debug information 1"},
		{"at1", export + "fn at1(w: u32, z @ _: u64) -> u64 { z + 1 + w as u64 }", "2 parameters, the debug information 1"},
		{"at2", export + "fn at2(z @ _: u64) { loop {} }", "does not hold its types"},
		{"rust", "#[unsafe(no_mangle)] pub fn rust(x: u64) -> u64 { x + 2 }", "Rust's calling convention"},
		{"win", "#[unsafe(no_mangle)] pub extern \"win64\" fn win(x: u64) -> u64 { x + 3 }", "\"win64\""},
		{"repeated", "macro_rules! m { ($n:ident, $($p:ident: $t:ty),*) => { #[unsafe(no_mangle)] pub extern \"C\" fn $n($($p: $t),*) {} } }\nm!(repeated, a: u8, b: u16);", "does not tell how many"},
	}
	source := prelude
	for _, test := range tests {
		source += test.decl + "\n"
	}
	for _, level := range []string{"0", "3", "s"} {
		functions := read(t, compile(t, source, append([]string{"-Copt-level=" + level}, apart...)...))
		for _, test := range tests {
			f := functions[test.name]
			if f == nil {
				t.Errorf("opt %s: %s: not found", level, test.name)
				continue
			}
			var e *DeclError
			if err := f.CheckSource(NewSource([]byte(source))); !errors.As(err, &e) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("opt %s: %s: got %v, want %s", level, test.name, err, test.want)
			}
		}
	}
}

func TestNoEscape(t *testing.T) {
	tests := []struct {
		name, decl string
		want       bool
	}{
		{"plain", "fn plain(x: u8) -> u64 { loop {} }", true},
		{"borrows", "fn borrows(a: &mut [u8; 32], b: Option<&u32>, c: core::option::Option<&mut u8>) { loop {} }", true},
		{"named", "fn named<'a>(a: &'a u8) -> u8 { loop {} }", true},
		{"elided", "fn elided(a: &'_ u8) { loop {} }", true},
		{"forever", "fn forever(a: &'static u8) { loop {} }", false},
		{"hidden", "fn hidden(a: Alias) { loop {} }", false},
		{"bounded", "fn bounded<'a>(a: &'a u8) where 'a: 'static { loop {} }", false},
		{"inline", "fn inline<'a: 'static>(a: &'a u8) { loop {} }", false},
		{"raw", "fn raw(a: *const u8) { loop {} }", false},
		{"mixed", "fn mixed(a: &u8, b: *mut u8) { loop {} }", false},
		{"stores", "fn stores<'a>(a: &mut &'a u8, b: &'a u8) { loop {} }", false},
		{"returns", "fn returns(a: &u8) -> &u8 { loop {} }", false},
		{"nonnull", "fn nonnull(a: NonNull<u8>) { loop {} }", false},
	}
	source := prelude + "type Alias = &'static u8;\n"
	for _, test := range tests {
		source += export + test.decl + "\n"
	}
	source += "pub struct S<'s>(&'s u8); impl<'s: 'static> S<'s> {\n" + export + "fn outer_lifetime(a: &'s u8) { loop {} }\n}\n"
	tests = append(tests, tests[len(tests)-1])
	tests[len(tests)-1].name = "outer_lifetime"
	functions := read(t, compile(t, source, apart...))
	for _, test := range tests {
		f := functions[test.name]
		if f == nil {
			t.Errorf("%s: not found", test.name)
			continue
		}
		if test.name != "plain" && f.NoEscape() {
			t.Errorf("%s: no escape before the source is checked", test.name)
		}
		if err := f.CheckSource(NewSource([]byte(source))); err != nil {
			t.Error(err)
		}
		if got := f.NoEscape(); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

func TestParseDecl(t *testing.T) {
	tests := []struct {
		source string
		abi    string
		params int
	}{
		{`extern "C" fn f()`, "C", 0},
		{`pub(crate) unsafe extern "C-unwind" fn f(a: u8,)`, "C-unwind", 1},
		{`pub(in a::b) extern fn f(a: u8, b: u8)`, "C", 2},
		{`extern r"C" fn f(a: fn(u8, u8) -> u8, b: [u8; {3}])`, "C", 2},
		{`extern "C" fn f<'a, const N: usize>(a: Foo<u8, u16>, (b, c): (u8, u8))`, "C", 2},
		{`extern "C" fn f(/* a: u8, */ b: u8, // c: u8,
			d: char /* ')' */, e: &'static [u8; (1 < 2) as usize])`, "C", 3},
		{`extern "C" fn f(#[allow(unused)] a: u8, b: u8)`, "C", 2},
		{`extern "C" fn f(#[cfg(unix)] a: u8, b: u8)`, "C", -1},
		{`extern "C" fn f(a: u8, ...)`, "C", -1},
		{`extern "C" fn f($a, b: u8)`, "C", -1},
		{`fn f(a: impl Fn(u8) -> Vec<Vec<u8>>, b: u8)`, "Rust", 2},
		{`$vis extern "C" fn $name(a: u8)`, "C", 1},
		{`extern $abi fn f(a: u8)`, "", 1},
		{`#[doc = "fn f(x"] extern "C" fn f(a: u8)`, "C", 1},
	}
	for _, test := range tests {
		d, ok := ParseDecl(NewSource([]byte("\n"+test.source+" {}\n")), 2, "f")
		if !ok || d.ABI != test.abi || d.Params != test.params {
			t.Errorf("%s: got %q, %d, %v", test.source, d.ABI, d.Params, ok)
		}
	}
	for _, source := range []string{"", "fn", "fn f", "fn f(", "fn f<", "fn f(a", "fn g()", "struct f();", "/*", "r#\"", "'", `"\`} {
		if _, ok := ParseDecl(NewSource([]byte(source)), 1, "f"); ok {
			t.Errorf("%q: found a function", source)
		}
	}
	if n, ok := CountParams(NewSource([]byte("fn f(a: u8) {}")), 1, "f"); n != 1 || !ok {
		t.Errorf("CountParams: %d, %v", n, ok)
	}
	if _, ok := ABI(NewSource([]byte("fn f(a: u8) {}")), 2, "f"); ok {
		t.Error("ABI found a function on another line")
	}
}

func FuzzSource(f *testing.F) {
	f.Add([]byte("//! x\n/// y\n#[doc = \"z\"]\npub extern \"C\" fn f<'a>(a: &'a u8) -> u8 where 'a: 'a { 'x' }"), 4)
	f.Add([]byte("#![doc]\n#[]\nfn f(<)>"), 3)
	f.Add([]byte("/**\n * a\n */ fn f( r#\"\"# b'"), 3)
	f.Add([]byte("\n\n#[doc)\"\"]\nfn 0"), 4) // brackets that do not match
	f.Fuzz(func(t *testing.T, source []byte, line int) {
		ParseDecl(NewSource(source), line, "f")
		Docs(NewSource(source), line, "")
		CrateDocs(NewSource(source))
	})
}
