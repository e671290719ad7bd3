package signature

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each declaration is a function of its own; the bodies are diverse so that
// none is dropped.
var crossing = []struct{ rust, want string }{
	{"fn ints(a: u8, b: i8, c: u16, d: i16, e: u32, f: i32, g: u64, h: i64)", "func Ints(a uint8, b int8, c uint16, d int16, e uint32, f int32, g uint64, h int64)"},
	{"fn words(a: usize, b: isize) -> usize", "func Words(a uint, b int) uint"},
	{"fn floats(a: f32, b: f64) -> f64", "func Floats(a float32, b float64) float64"},
	{"fn flag(a: bool) -> bool", "func Flag(a bool) bool"},
	{"fn refs(a: &u8, b: &mut u32, c: &'static i64)", "func Refs(a *byte, b *uint32, c *int64)"},
	{"fn raws(a: *const u8, b: *mut f64) -> *mut f64", "func Raws(a *byte, b *float64) *float64"},
	{"fn arrays(a: &[u8; 32], b: &mut [[i16; 3]; 5], c: &[*const u8; 2], d: *const [bool; 0])", "func Arrays(a *[32]byte, b *[5][3]int16, c *[2]*byte, d *[0]bool)"},
	{"fn options(a: Option<&u32>, b: Option<&mut [u8; 4]>, c: Option<NonNull<u16>>, d: NonNull<u64>) -> Option<&'static u8>", "func Options(a *uint32, b *[4]byte, c *uint16, d *uint64) *byte"},
	{"fn voids(a: *const c_void, b: *mut (), c: &mut *mut c_void, d: NonNull<c_void>) -> *mut c_void", "func Voids(a unsafe.Pointer, b unsafe.Pointer, c *unsafe.Pointer, d unsafe.Pointer) unsafe.Pointer"},
	{"fn nothing()", "func Nothing()"},
	{"fn unit() -> ()", "func Unit()"},
	{"fn never(code: i32) -> !", "func Never(code int32)"},
	{"fn unnamed(_: u32, _unused: &[u8; 32], &[x, y]: &[u32; 2], mut z: u64, &w: &u8)", "func Unnamed(p0 uint32, unused *[32]byte, p2 *[2]uint32, z uint64, p4 *byte)"},
	{"fn names(r#type: u32, base_url: &u8, url: u8, len: usize, byte: u8)", "func Names(typ uint32, baseURL *byte, url uint8, len uint, byte_ uint8)"},
	{"unsafe fn hazard(p: *const u64)", "func Hazard(p *uint64)"},
	{"fn nested(p: *const *const *mut u8)", "func Nested(p ***byte)"},
	{"fn sha256_id(x: u8)", "func SHA256ID(x uint8)"},
	{"fn points(a: Point, b: &Point, c: &mut [Point; 4]) -> Point", "func Points(a Point, b *Point, c *[4]Point) Point"},
	{"fn wide(a: u128, b: i128) -> u128", "func Wide(a Uint128, b Int128) Uint128"},
	{"fn colors(a: Color, b: &mut Color) -> Color", "func Colors(a Color, b *Color) Color"},
	{"fn pairs(a: Pair<u32>, b: Pair<&u8>, c: Wrapper)", "func Pairs(a PairU32, b PairU8, c Wrapper)"},
	{"fn opaque(a: *mut Opaque, b: &Node, c: Opaque)", "func Opaque(a *Opaque, b *Node, p2 Opaque)"},
	{"fn modules(a: inner::Point, b: Point)", "func Modules(a InnerPoint, b Point)"},
}

var configurations = map[string][]string{
	"opt 0":         {"-Copt-level=0"},
	"opt 3":         {"-Copt-level=3"},
	"opt s":         {"-Copt-level=s"},
	"DWARF 5":       {"-Cdwarf-version=5"},
	"DWARF 5 opt 0": {"-Cdwarf-version=5", "-Copt-level=0"},
	"LTO":           {"-Clto=fat"},
	"remapped":      {"--remap-path-prefix=" + os.TempDir() + "=/remapped"},
	"relative":      {"--remap-path-prefix=" + os.TempDir() + "=remapped"},
}

const pointTypes = `
	#[repr(C)] pub struct Point { x: u8, base_url: u64 }
	#[repr(u8)] pub enum Color { Red = 1, Green = 7 }
	#[repr(C)] pub struct Pair<T> { a: T, b: T }
	#[repr(transparent)] pub struct Wrapper(u64);
	pub struct Opaque;
	#[repr(C)] pub struct Node { next: *mut Node, value: u32 }
	pub mod inner { #[repr(C)] pub struct Point(f32, f32); }
`

// TestGoTypes checks the declarations: fields are where Rust has them.
func TestGoTypes(t *testing.T) {
	o := compile(t, prelude+`
		pub struct Zero;
		#[repr(C)] pub struct Inner { x: u16, y: u32, _z: Zero }
		#[repr(C)] pub struct Odd { a: u8, b: Inner, c: [Inner; 2], next: *mut Odd, zero: [u64; 0], d: bool }
		#[repr(C, align(16))] pub struct Aligned { a: u64, b: u8 }
		#[repr(C)] pub struct Big { small: u8, wide: u128, color: Color }
		#[repr(i16)] pub enum Color { DarkRed = -2, Green = 7 }
		`+export+`fn f(a: &mut Odd, b: Aligned, c: Big) { loop {} }`)
	f := read(t, o)["f"]
	if err := f.Check(); err != nil {
		t.Fatal(err)
	}
	var g GoTypes
	for _, p := range f.Params {
		if err := g.Add(p.Type); err != nil {
			t.Fatal(err)
		}
	}
	g.Resolve(map[string]bool{"Inner": true})
	var b strings.Builder
	for _, d := range g.Declared() {
		b.WriteString(d.Name + " " + d.Base)
		for _, field := range d.Fields {
			b.WriteString("; " + field.Name + " " + field.Type)
		}
		for _, v := range d.Values {
			b.WriteString("; " + v.Name + " = " + v.Value)
		}
		b.WriteString("\n")
	}
	want := `Aligned ; A uint64; B byte
Big ; Small byte; _ [15]byte; Wide Uint128; Color Color; _ [14]byte
Color int16; ColorDarkRed = -2; ColorGreen = 7
Odd ; A byte; B SampleInner; C [2]SampleInner; Next *Odd; D bool
SampleInner ; X uint16; Y uint32
Uint128 ; Lo uint64; Hi uint64
`
	if got := b.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestCrossing(t *testing.T) {
	var source strings.Builder
	source.WriteString(prelude + pointTypes)
	line := map[string]int{}
	for _, test := range crossing {
		decl := strings.TrimSuffix(export, " ") + " " + test.rust
		if strings.HasPrefix(test.rust, "unsafe ") {
			decl = strings.Replace(export, "extern", "unsafe extern", 1) + strings.TrimPrefix(test.rust, "unsafe ")
		}
		line[test.want] = 1 + strings.Count(source.String(), "\n")
		source.WriteString(decl + " { loop {} }\n")
	}
	for name, flags := range configurations {
		t.Run(name, func(t *testing.T) {
			o := compile(t, source.String(), append(flags, apart...)...)
			functions := map[string]*Function{}
			for _, f := range read(t, o) {
				functions[GoName(f.Symbol)] = f
			}
			if u := Undescribed(o, nil); len(u) != len(crossing) {
				t.Errorf("%d exported functions, want %d", len(u), len(crossing))
			}
			for _, test := range crossing {
				goName, _, _ := strings.Cut(strings.TrimPrefix(test.want, "func "), "(")
				f := functions[goName]
				if f == nil {
					t.Errorf("%s: not found", test.rust)
					continue
				}
				if err := f.Check(); err != nil {
					t.Error(err)
					continue
				}
				if err := f.CheckSource(NewSource([]byte(source.String()))); err != nil {
					t.Error(err)
				}
				if got := declare(t, f); got != test.want {
					t.Errorf("%s:\n got %s\nwant %s", test.rust, got, test.want)
				}
				if f.Crate != "sample" || f.RelFile != "sample.rs" || f.Line != line[test.want] || !strings.HasSuffix(f.File, "/sample.rs") {
					t.Errorf("%s: crate %q, file %q (%q), line %d, want line %d", f.Symbol, f.Crate, f.File, f.RelFile, f.Line, line[test.want])
				}
				if f.Diverges != (test.rust == "fn never(code: i32) -> !") {
					t.Errorf("%s: diverges %v", f.Symbol, f.Diverges)
				}
			}
		})
	}
}

var refused = []struct{ typ, name, reason, help string }{
	{"&u128", "&u128", "aligns memory to 8 bytes", "by value"},
	{"&[i128; 2]", "&[i128; 2]", "aligns memory to 8 bytes", "by value"},
	{"char", "char", "no Unicode scalar value", "u32"},
	{"()", "()", "carries no value", "leave"},
	{"&[u8]", "&[u8]", "slice is a fat pointer", "*const u8 and a usize"},
	{"&mut [u32]", "&mut [u32]", "slice is a fat pointer", "*mut u32 and a usize"},
	{"*const [u8]", "*const [u8]", "slice is a fat pointer", "*const u8"},
	{"&str", "&str", "string is a fat pointer", "*const u8"},
	{"*mut str", "*mut str", "string is a fat pointer", "*const u8"},
	{"&dyn core::fmt::Debug", "&dyn core::fmt::Debug", "trait object", "concrete"},
	{"Option<&[u8]>", "core::option::Option<&[u8]>", "around a reference", "bool"},
	{"Option<u32>", "core::option::Option<u32>", "around a reference", "bool"},
	{"Option<Option<&u8>>", "core::option::Option<core::option::Option<&u8>>", "around a reference", "bool"},
	{"Option<NonNull<str>>", "core::option::Option<core::ptr::non_null::NonNull<str>>", "around a reference", "bool"},
	{"NonNull<[u8]>", "core::ptr::non_null::NonNull<[u8]>", "fat pointer", "length"},
	{"Result<u32, u8>", "core::result::Result<u32, u8>", "no layout", "error code"},
	{"extern \"C\" fn(u32) -> u32", "extern \"C\" fn(u32) -> u32", "function", "integer"},
	{"Option<extern \"C\" fn()>", "core::option::Option<extern \"C\" fn()>", "function", "integer"},
	{"core::num::NonZeroU32", "core::num::nonzero::NonZero<u32>", "pass 0", "use u32"},
	{"Holder", "sample::Holder", "its field `b` of type `&[u8]`: a slice is a fat pointer", "*const u8"},
	{"&&Holder", "&&sample::Holder", "it points to sample::Holder: its field `b`", "*const u8"},
	{"&Packed", "&sample::Packed", "field `b` is not aligned", "array of bytes"},
	{"&Aligned", "&sample::Aligned", "Rust relies on 16", "by value"},
	{"&Outer", "&sample::Outer", "Rust relies on 16", "by value"},
	{"Bits", "sample::Bits", "unions", "bytes"},
	{"Shape", "sample::Shape", "fields", ""},
	{"(u32, u64)", "(u32, u64)", "tuple", ""},
	{"[u8; 4]", "[u8; 4]", "no array by value", "&[u8; 4]"},
	{"&char", "&char", "points to char", "u32"},
	{"&core::sync::atomic::AtomicU32", "&core::sync::atomic::Atomic<u32>", "not specified", ""},
}

func TestRefused(t *testing.T) {
	var source strings.Builder
	source.WriteString(prelude + `
		#[repr(C)] pub struct Holder { a: u32, b: &'static [u8] }
		#[repr(C, packed)] pub struct Packed { a: u8, b: u32 }
		#[repr(C, align(16))] pub struct Aligned { a: u64 }
		#[repr(C)] pub struct Outer { inner: Aligned }
		#[repr(C)] pub union Bits { a: u32, b: f32 }
		#[repr(u8)] pub enum Color { Red = 1, Green = 7 }
		pub enum Shape { Circle(u32), Square(u64) }
		`)
	for i, test := range refused {
		n := string(rune('a'+i/26)) + string(rune('a'+i%26))
		source.WriteString("\n" + export + "fn par_" + n + "(fine: u8, x: " + test.typ + ") { loop {} }")
		typ := strings.NewReplacer("&mut ", "&'static mut ", "&dyn", "&'static dyn", "&&", "&'static &'static ").Replace(test.typ)
		if strings.Contains(typ, "&") && !strings.Contains(typ, "'static") {
			typ = strings.Replace(typ, "&", "&'static ", 1)
		}
		source.WriteString("\n" + export + "fn res_" + n + "() -> " + typ + " { loop {} }")
	}
	for _, version := range []string{"4", "5"} {
		functions := read(t, compile(t, source.String(), append([]string{"-Cdwarf-version=" + version}, apart...)...))
		for i, test := range refused {
			n := string(rune('a'+i/26)) + string(rune('a'+i%26))
			for _, place := range []string{"par_", "res_"} {
				if place == "res_" && test.typ == "()" {
					continue
				}
				f := functions[place+n]
				if f == nil {
					t.Errorf("%s%s (%s): not found", place, n, test.typ)
					continue
				}
				var e *TypeError
				if err := f.Check(); !errors.As(err, &e) {
					t.Errorf("%s: %s is not refused: %v", f.Symbol, test.typ, err)
					continue
				}
				want := map[string]string{"par_": "x", "res_": "result"}[place]
				if test.typ == "()" {
					want = "parameter 2" // () has no name in DWARF
				}
				// rustc has changed where atomics are defined before.
				name := e.RustType == test.name || strings.Contains(test.name, "Atomic")
				if e.Param != want || !name || !strings.Contains(e.Reason, test.reason) || !strings.Contains(e.Help, test.help) || e.Line == 0 || e.File != "sample.rs" {
					t.Errorf("%s %s: %s %q: %q; %q", place, test.typ, e.Param, e.RustType, e.Reason, e.Help)
				}
			}
		}
	}
}

// Layouts are what later types are built on.
func TestLayout(t *testing.T) {
	functions := read(t, compile(t, prelude+`
		#[repr(C)] pub struct Outer { a: u8, b: Inner, c: [Inner; 2], next: *mut Outer }
		#[repr(C)] pub struct Inner { x: u16, y: u32 }
		#[repr(i16)] pub enum Sign { Minus = -1, Zero, Plus }
		pub mod m { `+export+`fn layout(o: &super::Outer, s: super::Sign) { loop {} } }`))
	f := functions["layout"]
	o := f.Params[0].Type.Elem
	if o.Kind != Struct || o.Name != "sample::Outer" || o.Size != 40 || o.Align != 8 || len(o.Fields) != 4 {
		t.Fatalf("got %+v", o)
	}
	for i, want := range []Field{{Name: "a", Off: 0}, {Name: "b", Off: 4}, {Name: "c", Off: 12}, {Name: "next", Off: 32}} {
		if got := o.Fields[i]; got.Name != want.Name || got.Off != want.Off {
			t.Errorf("field %d is %s at %d, want %s at %d", i, got.Name, got.Off, want.Name, want.Off)
		}
	}
	if o.Fields[3].Type.Elem != o {
		t.Error("the pointer to the struct does not lead back to it")
	}
	if c := o.Fields[2].Type; c.Kind != Array || c.Len != 2 || c.Elem.Name != "sample::Inner" || c.Size != 16 {
		t.Errorf("array: got %+v", c)
	}
	s := f.Params[1].Type
	if s.Kind != Enum || s.Base.Kind != Int16 || len(s.Enum) != 3 || s.Enum[0] != (Value{"Minus", -1}) || s.Enum[2] != (Value{"Plus", 1}) {
		t.Errorf("enum: got %+v", s)
	}
}

// How functions are declared must not matter: modules, methods, export_name,
// inlining into others, and macros.
func TestDeclarations(t *testing.T) {
	source := prelude + `
pub struct W(u64);
pub mod inner { pub mod deep {
    #[unsafe(no_mangle)]
    pub extern "C" fn in_module(x: u64) -> u64 { x + 1 }
} }
impl W {
    #[unsafe(no_mangle)]
    pub extern "C" fn method(x: *const u8, y: u64) -> u64 { y + 2 }
}
trait T { extern "C" fn through_trait(a: u64) -> u64; }
impl T for W { #[unsafe(no_mangle)] extern "C" fn through_trait(a: u64) -> u64 { a + 3 } }
#[unsafe(export_name = "renamed.x")]
pub extern "C" fn original(x: u64) -> u64 { x + 4 }
#[unsafe(no_mangle)]
#[inline(always)]
pub extern "C" fn inlined(x: u64, _y: u32) -> u64 { let a = x * 5; let b = a ^ (a >> 3); b * 7 }
#[unsafe(no_mangle)] pub extern "C" fn caller(x: u64) -> u64 { inlined(x, 1) + inlined(x + 1, 2) }
macro_rules! make { ($n:ident, $t:ty) => {
    #[unsafe(no_mangle)]
    pub extern "C" fn $n(x: $t) -> $t { x + 6 }
} }
make!(from_macro, u32);
#[unsafe(no_mangle)]
pub
extern "C-unwind"
fn
many_lines(
    x: u32,
) -> u64 { 7 + x as u64 }
#[unsafe(no_mangle)] extern "C" fn private(x: u64) -> u64 { x + 8 }
#[unsafe(no_mangle)] pub extern fn bare(x: u64) -> u64 { x + 9 }
#[unsafe(no_mangle)] pub extern "sysv64" fn sysv(x: u64) -> u64 { x + 10 }
pub fn outer(x: u64) -> u64 { #[unsafe(no_mangle)] extern "C" fn local(x: u64) -> u64 { x + 11 } local(x) }
`
	want := map[string]string{
		"in_module": "func InModule(x uint64) uint64", "method": "func Method(x *byte, y uint64) uint64",
		"through_trait": "func ThroughTrait(a uint64) uint64", "renamed.x": "func RenamedX(x uint64) uint64",
		"inlined": "func Inlined(x uint64, y uint32) uint64", "caller": "func Caller(x uint64) uint64",
		"from_macro": "func FromMacro(x uint32) uint32", "many_lines": "func ManyLines(x uint32) uint64",
		"private": "func Private(x uint64) uint64", "bare": "func Bare(x uint64) uint64",
		"sysv": "func Sysv(x uint64) uint64", "local": "func Local(x uint64) uint64",
	}
	for name, flags := range configurations {
		t.Run(name, func(t *testing.T) {
			functions := read(t, compile(t, source, append(flags, apart...)...))
			for symbol, want := range want {
				f := functions[symbol]
				if f == nil {
					t.Errorf("%s: not found", symbol)
					continue
				}
				if got := declare(t, f); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
				if err := f.CheckSource(NewSource([]byte(source))); err != nil {
					t.Error(err)
				}
				if f.Crate != "sample" {
					t.Errorf("%s: crate %q", symbol, f.Crate)
				}
			}
			if len(functions) != len(want) {
				t.Errorf("%d functions, want %d", len(functions), len(want))
			}
		})
	}
}

// LLVM makes functions with the same code one, and their DWARF is lost.
func TestMergedFunctions(t *testing.T) {
	source := prelude + export + "fn first(x: u64) -> u64 { x + 77 }\n" + export + "fn second(y: u64) -> u64 { y + 77 }\n"
	o := compile(t, source)
	functions, err := Read(o)
	if err != nil {
		t.Fatal(err)
	}
	if got := Undescribed(o, functions); len(functions) != 1 || len(got) != 1 || got[0].Of != functions[0].Symbol {
		t.Errorf("described %v, undescribed %v", functions, got)
	}
	o = compile(t, source, apart...)
	if functions, err = Read(o); err != nil || len(functions) != 2 || len(Undescribed(o, functions)) != 0 {
		t.Errorf("kept apart: %v, %v", functions, err)
	}
}

func TestNoDebugInfo(t *testing.T) {
	source := prelude + export + "fn f(x: u64) -> u64 { x }\n"
	o := compile(t, source, "-Cdebuginfo=0")
	functions, err := Read(o)
	if err != nil || len(functions) != 0 {
		t.Errorf("got %v, %v", functions, err)
	}
	if got := Undescribed(o, functions); len(got) != 1 || got[0] != (Alias{"f", ""}) {
		t.Errorf("undescribed: %v", got)
	}
	// Here the function looks as if it had neither parameters nor a result.
	var e *DeclError
	if f := read(t, compile(t, source, "-Cdebuginfo=1"))["f"]; f == nil || !errors.As(f.CheckSource(NewSource([]byte(source))), &e) {
		t.Errorf("-Cdebuginfo=1 is not noticed: %+v", f)
	}
}

// A dependency's exports are in the object too under LTO; the crate tells.
func TestDependency(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("dep.rs", "#![no_std]\n"+export+"fn from_dep(x: u32) -> u32 { x + 1 }\n#[inline(never)] pub fn plain(x: u32) -> u32 { x * 3 }\n")
	write("app.rs", prelude+"extern crate dep;\n"+export+"fn from_app(x: u32) -> u32 { dep::plain(x) + 2 }\n")
	flags := []string{"--edition=2024", "-Cdebuginfo=2", "-O", "-Cpanic=abort", "--target=x86_64-unknown-linux-gnu"}
	rustc(t, dir, append(flags, "--crate-type=rlib", "-Cembed-bitcode=yes", "dep.rs")...)
	rustc(t, dir, append(flags, "--crate-type=staticlib", "-Clto=fat", "--extern=dep=libdep.rlib", "app.rs")...)
	functions := map[string]Function{}
	for _, f := range readArchive(t, filepath.Join(dir, "libapp.a")) {
		functions[f.Symbol] = f
	}
	for symbol, crate := range map[string]string{"from_dep": "dep", "from_app": "app"} {
		if f := functions[symbol]; f.Crate != crate || f.RelFile != crate+".rs" || len(f.Params) != 1 {
			t.Errorf("%s: got %+v, want crate %s", symbol, f, crate)
		}
	}
	// The rest is Rust's runtime and compiler-rt, which is C and has no crates.
	for symbol, f := range functions {
		if f.Crate != "app" && f.Crate != "dep" && f.Crate != "compiler_builtins" && f.Crate != "" {
			t.Errorf("%s: crate %q", symbol, f.Crate)
		}
	}
}

// The fixture is only there after it was built.
func TestEdwards25519(t *testing.T) {
	const dir = "../../fixtures/edwards25519/"
	lib := dir + "target/x86_64-unknown-linux-gnu/release/libedwards25519.a"
	if _, err := os.Stat(lib); err != nil {
		t.Skip("fixtures/edwards25519 is not built")
	}
	source, err := os.ReadFile(dir + "src/lib.rs")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range readArchive(t, lib) {
		if f.Symbol != "scalar_base_mult" {
			continue
		}
		if len(f.Params) == 0 {
			t.Skip("fixtures/edwards25519 was built without full debug information")
		}
		if err := errors.Join(f.Check(), f.CheckSource(NewSource(source))); err != nil {
			t.Fatal(err)
		}
		if got := declare(t, &f); got != "func ScalarBaseMult(dst *[32]byte, input *[32]byte)" {
			t.Errorf("got %s", got)
		}
		if f.Crate != "edwards25519" || f.RelFile != "src/lib.rs" || !f.NoEscape() {
			t.Errorf("got %+v", f)
		}
		if docs := Docs(NewSource(source), f.Line, f.Name); len(docs) != 2 || !strings.HasPrefix(docs[0], "Sets dst to the encoding") {
			t.Errorf("docs: %q", docs)
		}
		return
	}
	t.Skip("fixtures/edwards25519 was built without debug information")
}

// An object with much debug information: std, all of it, by fat LTO.
func BenchmarkRead(b *testing.B) {
	dir := b.TempDir()
	source := "use std::collections::*;\n" + export + "fn big(n: u32) -> u32 {\n" +
		"let mut m = HashMap::new(); let mut t = BTreeMap::new();\n" +
		"for i in 0..n { m.insert(i, format!(\"{i:?}\")); t.insert(i.to_string(), vec![i]); }\n" +
		"println!(\"{m:?} {t:?}\"); std::fs::write(\"/x\", format!(\"{t:#?}\")).unwrap();\n" +
		"std::thread::spawn(move || drop(m)).join().unwrap(); t.len() as u32 }\n"
	if err := os.WriteFile(filepath.Join(dir, "big.rs"), []byte(source), 0o666); err != nil {
		b.Fatal(err)
	}
	rustc(b, dir, "--edition=2024", "--crate-type=staticlib", "--emit=obj", "-Cdebuginfo=2", "-O", "-Cpanic=abort", "-Clto=fat", "-o", "big.o", "big.rs")
	o := parse(b, filepath.Join(dir, "big.o"))
	size := 0
	for i := range o.Sections {
		if o.Sections[i].Name == ".debug_info" {
			size = len(o.Sections[i].Data)
		}
	}
	b.SetBytes(int64(size))
	b.ReportMetric(float64(size)/1e6, "MB-info")
	for b.Loop() {
		if functions := read(b, o); functions["big"] == nil {
			b.Fatal("not found")
		}
	}
}
