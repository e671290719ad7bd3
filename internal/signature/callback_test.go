package signature

import (
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// compileWithRustgo is compile with the crate rustgo.
func compileWithRustgo(t *testing.T, source string, flags ...string) map[string]*Function {
	t.Helper()
	dir := t.TempDir()
	lib, err := filepath.Abs("../../rust/rustgo/src/lib.rs")
	if err != nil {
		t.Fatal(err)
	}
	rustc(t, dir, "--edition=2024", "--crate-type=rlib", "--crate-name=rustgo", "-Cpanic=abort", "--target=x86_64-unknown-linux-gnu",
		"--check-cfg=cfg(rustgo,rustgo_foreign,rustgo_freebsd)", "-o", "librustgo.rlib", lib)
	source = prelude + "use rustgo::prelude::*; use rustgo::{Error, Slice};\n" + source
	return read(t, compile(t, source, append(flags, "--extern=rustgo="+filepath.Join(dir, "librustgo.rlib"))...))
}

const callbackTypes = `
	#[repr(C)] #[derive(Clone, Copy)] pub struct Point { x: f64, y: f64 }
	#[repr(u8)] #[derive(Clone, Copy)] pub enum Color { Red = 1, Green = 7 }
	#[repr(C)] #[derive(Clone, Copy)] pub struct Holder { p: *const u8 }
	rustgo::value!(Point, Color, Holder);
	rustgo::interface! {
		pub trait Store {
			fn put_all(&self, keys: &[Point], last: &mut Color) -> Option<Error>;
			fn putAll(&self);
			fn get(&self, key: &str) -> core::result::Result<u32, Error>;
		}
		pub trait Empty {}
	}
	pub mod inner { rustgo::interface! { pub trait Store { fn len(&self) -> usize; } } }
`

var callable = []struct{ rust, want string }{
	{"Func<fn()>", "func()"},
	{"Func<'_, fn(i32, &[u8]) -> bool>", "func(int32, []byte) bool"},
	{"Func<fn(u8, usize, isize, f32) -> u8>", "func(uint8, uint, int, float32) uint8"},
	{"Func<fn(&str, Slice<u16>, &mut [Point])>", "func(string, []uint16, []Point)"},
	{"Func<fn(Point, &Point, &mut Color) -> Color>", "func(Point, *Point, *Color) Color"},
	{"Func<fn(&Holder, Slice<Holder>, *mut c_void, &mut [u8])>", "func(*Holder, []Holder, unsafe.Pointer, []byte)"},
	{"Func<fn() -> Option<Error>>", "func() error"},
	{"Func<fn() -> core::result::Result<(), Error>>", "func() error"},
	{"Func<fn() -> core::result::Result<Point, Error>>", "func() (Point, error)"},
	{"Func<fn(bool) -> (i64, Option<Error>)>", "func(bool) (int64, error)"},
	{"Interface<dyn Store>", "Store"},
	{"Interface<'_, dyn inner::Store>", "Store"},
	{"Interface<dyn Empty>", "Empty"},
	{"Interface<dyn rustgo::io::Reader>", "io.Reader"},
	{"Interface<dyn rustgo::io::Writer>", "io.Writer"},
}

// TestCallable checks the Go types of what Rust calls.
func TestCallable(t *testing.T) {
	source := callbackTypes
	for i, test := range callable {
		source += export + "fn call_" + strconv.Itoa(i) + "(n: i8, f: " + test.rust + ") { loop {} }\n"
	}
	source += export + "fn both(f: Interface<dyn Store>, g: Interface<dyn inner::Store>) { loop {} }\n"
	for name, flags := range configurations {
		t.Run(name, func(t *testing.T) {
			if name == "LTO" {
				t.Skip("the crate rustgo alone is no staticlib")
			}
			functions := compileWithRustgo(t, source, append(flags, apart...)...)
			for i, test := range callable {
				f := functions["call_"+strconv.Itoa(i)]
				if f == nil {
					t.Errorf("%s: not found", test.rust)
					continue
				}
				if err := f.Check(); err != nil {
					t.Errorf("%s: %v", test.rust, err)
					continue
				}
				want := "func " + GoName(f.Symbol) + "(n int8, f " + test.want + ")"
				if got := declare(t, f); got != want {
					t.Errorf("%s: got %s, want %s", test.rust, got, want)
				}
			}
			if got, want := declare(t, functions["both"]), "func Both(f Store, g InnerStore)"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// TestMethods checks the methods of an interface: no two have one name in Go.
func TestMethods(t *testing.T) {
	f := compileWithRustgo(t, callbackTypes+export+"fn f(store: Interface<dyn Store>) { loop {} }")["f"]
	var g GoTypes
	if err := g.Add(f.Params[0].Type); err != nil {
		t.Fatal(err)
	}
	g.Resolve(nil)
	var got []string
	for _, d := range g.Declared() {
		if d.Type.Kind != TraitObject {
			continue
		}
		for _, m := range d.Methods {
			got = append(got, m.Method+": "+m.Name+g.Signature(&m, nil), g.Signature(&m, []string{"a", "b"}))
		}
	}
	want := "put_all: PutAll([]Point, *Color) error\n(a []Point, b *Color) error\nputAll: PutAll_()\n()\nget: Get(string) (uint32, error)\n(string) (uint32, error)"
	if s := strings.Join(got, "\n"); s != want {
		t.Errorf("got\n%s\nwant\n%s", s, want)
	}
}

func TestTraitDocs(t *testing.T) {
	docs := TypeDocs(NewSource([]byte(`
		rustgo::interface! {
			/// Where things are.
			#[allow(x)]
			pub trait Store {
				/// put_all puts, see [get](Self::get).
				fn put_all(&self, keys: &[Point], r#type: &mut [u8; { 1 + 2 }],) -> Option<Error>;
				fn get(&self, (a, b): (u8, u8)) -> Result<u32, Error>;
				/** Two. */
				fn close(&self);
			}
		}
		trait Unfinished { fn f(`)))
	d := docs["Store"]
	if got := strings.Join(d.Doc, "\n"); got != "Where things are." {
		t.Errorf("the trait: %q", got)
	}
	for _, test := range []struct{ method, doc, params string }{
		{"put_all", "put_all puts, see get.", "keys,typ"},
		{"get", "", "p0"},
		{"close", "Two.", ""},
	} {
		if got := strings.Join(d.Members[test.method], "\n"); got != test.doc {
			t.Errorf("%s: %q, want %q", test.method, got, test.doc)
		}
		if got := strings.Join(GoParams(d.Params[test.method]), ","); got != test.params {
			t.Errorf("%s(%s), want %s", test.method, got, test.params)
		}
	}
}

func TestRefusedCallbacks(t *testing.T) {
	tests := []struct{ typ, reason, help string }{
		{"Func<i32>", "it does not say what Rust calls", "rustgo::Func<fn(…) -> …>"},
		{"Func<fn(u8, char)>", "the function takes `char`: ", ""},
		{"Func<fn(&[char])>", "the function takes `&[char]`: ", ""},
		{"Func<fn(Func<fn()>)>", "a function of Go's that goes back to Go", "let Go keep it"},
		{"Func<fn(Interface<dyn Store>)>", "a function of Go's that goes back to Go", "let Go keep it"},
		{"Func<fn(fn())>", "the function takes `fn()`: ", ""},
		{"Func<fn() -> Holder>", "the function returns `sample::Holder`: nothing keeps what Go returns alive", "let Go fill in a &mut"},
		{"Func<fn() -> &'static u8>", "nothing keeps what Go returns alive", "let Go fill in a &mut"},
		{"Func<fn() -> core::result::Result<*mut u8, Error>>", "nothing keeps what Go returns alive", ""},
		{"Func<fn() -> Option<u32>>", "the function returns `core::option::Option<u32>`: ", ""},
		{"Func<fn() -> Func<'static, fn()>>", "the function returns ", ""},
		{"Func<fn(&mut Holder)>", "the function takes `&mut sample::Holder`: nothing keeps alive what Go puts there", "pass it by &"},
		{"Func<fn(&mut [Holder])>", "nothing keeps alive what Go puts there", ""},
		{"Func<fn(rustgo::SliceMut<Holder>)>", "nothing keeps alive what Go puts there", ""},
		{"Func<fn(&mut &u8)>", "nothing keeps alive what Go puts there", ""},
		{"Func<fn(&&mut rustgo::Slice<u8>)>", "nothing keeps alive what Go puts there", ""},
		{"Func<fn(rustgo::Slice<&mut &u8>)>", "nothing keeps alive what Go puts there", ""},
		{"Func<fn(&[Deep])>", "nothing keeps alive what Go puts there", ""},
		{"Func<fn(&Hollow)>", "the function takes `&sample::Hollow`: a reference to what has no size may be to nowhere", "rustgo::Handle"},
		{"Func<fn(&[[u8; 0]])>", "may be to nowhere", ""},
		{"Func<fn(rustgo::Slice<Hollow>)>", "may be to nowhere", ""},
		{"Interface<dyn Bad>", "its method `hand_over` takes `char`: ", ""},
		{"Interface<dyn BadResult>", "its method `make` returns `&u8`: nothing keeps what Go returns alive", ""},
		{"&Func<'static, fn()>", "", ""},
		{"[Func<'static, fn()>; 2]", "", ""},
		{"Within", "", ""},
	}
	source := callbackTypes + `
		#[repr(C)] pub struct Deep { p: *mut *mut u8 }
		#[repr(C)] pub struct Hollow;
		#[repr(C)] pub struct Within { f: Func<'static, fn()> }
		impl rustgo::call::Described for dyn Bad { type Methods = BadMethods; }
		pub trait Bad {}
		#[repr(C)] pub struct BadMethods { fine: fn(), hand_over: fn(char) }
		impl rustgo::call::Described for dyn BadResult { type Methods = BadResultMethods; }
		pub trait BadResult {}
		#[repr(C)] pub struct BadResultMethods { make: fn() -> &'static u8 }
	`
	for i, test := range tests {
		source += export + "fn call_" + strconv.Itoa(i) + "(fine: u8, x: " + test.typ + ") { loop {} }\n"
	}
	functions := compileWithRustgo(t, source, apart...)
	for i, test := range tests {
		f := functions["call_"+strconv.Itoa(i)]
		if f == nil {
			t.Errorf("%s: not found", test.typ)
			continue
		}
		var e *TypeError
		if err := f.Check(); !errors.As(err, &e) {
			t.Errorf("%s is not refused: %v", test.typ, err)
			continue
		}
		if e.Param != "x" || !strings.Contains(e.Reason, test.reason) || !strings.Contains(e.Help, test.help) {
			t.Errorf("%s: %s: %q; %q", test.typ, e.Param, e.Reason, e.Help)
		}
	}
}

// TestRefusedGoResults checks that what Go has lent is not given back.
func TestRefusedGoResults(t *testing.T) {
	tests := []struct{ typ, reason string }{
		{"Func<'static, fn()>", "may be called until the call returns"},
		{"Interface<'static, dyn Store>", "may be called until the call returns"},
		{"rustgo::Result<Func<'static, fn()>, Error>", "may be called until the call returns"},
		{"&'static Hollow", "may be to nowhere"},
		{"rustgo::Slice<'static, Hollow>", "may be to nowhere"},
		{"Fine", ""},
		{"*const Hollow", ""},
		{"rustgo::Handle<Hollow>", ""},
	}
	source := callbackTypes + `
		#[repr(C)] pub struct Hollow;
		#[repr(C)] pub struct Fine { text: rustgo::Str<'static>, p: *mut *mut u8 }
	`
	for i, test := range tests {
		source += export + "fn give_" + strconv.Itoa(i) + "() -> " + test.typ + " { loop {} }\n"
	}
	functions := compileWithRustgo(t, source, apart...)
	for i, test := range tests {
		f := functions["give_"+strconv.Itoa(i)]
		if f == nil {
			t.Errorf("%s: not found", test.typ)
			continue
		}
		err := f.Check()
		var e *TypeError
		if test.reason == "" && err != nil || test.reason != "" && (!errors.As(err, &e) || e.Param != "result" || !strings.Contains(e.Reason, test.reason)) {
			t.Errorf("%s: %v, want %q", test.typ, err, test.reason)
		}
	}
}
