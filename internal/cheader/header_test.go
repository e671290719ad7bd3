package cheader

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/signature"
)

var update = flag.Bool("update", false, "write testdata")

func scalar(k signature.Kind, size int64) *signature.Type {
	return &signature.Type{Kind: k, Size: size, Align: size}
}

func pointer(to *signature.Type, mutable bool) *signature.Type {
	return &signature.Type{Kind: signature.Pointer, Size: 8, Align: 8, Elem: to, Mutable: mutable}
}

func array(of *signature.Type, n int64) *signature.Type {
	return &signature.Type{Kind: signature.Array, Elem: of, Len: n, Size: of.Size * n, Align: of.Align, Name: "[T; n]"}
}

func structure(name string, size, align int64, fields ...signature.Field) *signature.Type {
	return &signature.Type{Kind: signature.Struct, Name: name, Size: size, Align: align, Fields: fields}
}

var (
	u8   = scalar(signature.Uint8, 1)
	u16  = scalar(signature.Uint16, 2)
	u32  = scalar(signature.Uint32, 4)
	u64  = scalar(signature.Uint64, 8)
	i8   = scalar(signature.Int8, 1)
	i64  = scalar(signature.Int64, 8)
	wide = scalar(signature.Int128, 16)
	void = &signature.Type{Kind: signature.CVoid, Size: 1}
)

// hostile is a library with everything that could make a header that is none.
func hostile() *Library {
	function := func(symbol string, result *signature.Type, params ...signature.Param) Function {
		return Function{Function: &signature.Function{Symbol: symbol, Params: params, Result: result}}
	}
	param := func(name string, t *signature.Type) signature.Param {
		return signature.Param{Name: name, Type: t}
	}
	unit := &signature.Type{Kind: signature.Unit}
	padded := structure("x::Padded", 24, 8, // in an order and with gaps of Rust's
		signature.Field{Name: "double", Type: u16, Off: 4},
		signature.Field{Name: "__1", Type: u8, Off: 20},
		signature.Field{Name: "été", Type: u64, Off: 8},
		signature.Field{Name: "nothing", Type: unit, Off: 24})
	aligned := structure("x::Aligned", 64, 64, signature.Field{Name: "a", Type: padded})
	code := &signature.Type{Kind: signature.Enum, Name: "x::Code", Size: 8, Base: i64, Enum: []signature.Value{
		{Name: "Least", Value: -1 << 63}, {Name: "Minus", Value: -1}, {Name: "linux", Value: 1<<63 - 1}}}
	flags := &signature.Type{Kind: signature.Enum, Name: "x::linux", Size: 1, Base: u8, Enum: []signature.Value{{Name: "All", Value: 255}}}
	list := structure("x::List<'_, [u8; 3], y::Point>", 16, 8, signature.Field{Name: "value", Type: u64, Off: 8})
	list.Fields = append(list.Fields, signature.Field{Name: "next", Type: pointer(list, false)})
	empty := structure("x::Empty", 0, 1)
	otherPoint := structure("z::Point", 1, 1, signature.Field{Name: "f", Type: u8})
	point := structure("y::Point", 2, 1, signature.Field{Name: "f", Type: u8}, signature.Field{Name: "f_", Type: u8, Off: 1})
	mixed := structure("x::Mixed", 48, 16, signature.Field{Name: "w", Type: wide}, signature.Field{Name: "c", Type: code, Off: 16},
		signature.Field{Name: "m", Type: array(array(pointer(array(u32, 2), false), 1), 2), Off: 24})
	newtype := structure("x::Newtype", 1, 1, signature.Field{Name: "__0", Type: structure("x::Inner", 1, 1, signature.Field{Name: "__0", Type: i8})})
	l := &Library{
		Name: "my_lib",
		Doc:  []string{"Ends */ here, begins /* there", "", "and\\"},
		Functions: []Function{
			function("zero", nil),
			function("delete", nil),
			function("a.b", nil),
			function("Point", nil, param("Point", point), param("q", otherPoint), param("Padded", pointer(padded, true))),
			function("arrays", pointer(array(array(u8, 2), 3), false), param("in", pointer(array(u8, 4), false)), param("out", pointer(array(u8, 4), true)), param("none", pointer(array(u8, 0), false))),
			function("pointers", pointer(pointer(void, true), false), param("", pointer(pointer(u8, false), true)), param("", pointer(unit, true)), param("p1", u8)),
			function("values", mixed, param("mixed", mixed), param("aligned", pointer(aligned, false)), param("empty", empty), param("ref", pointer(empty, false))),
			function("enums", code, param("flags", flags), param("errno", u64), param("list", pointer(list, false)), param("newtype", newtype)),
			function("same", newtype),
		},
		TypeDoc: func(t *signature.Type) ([]string, map[string][]string) {
			return []string{t.Name + " */"}, map[string][]string{"double": {"two", "*/"}, "Least": {"/*"}}
		},
	}
	for i := range l.Functions {
		l.Functions[i].Doc = []string{"*/ int x; \\", "/*/ int y; */*/ int z;", "\x00???/"}
	}
	return l
}

func TestHeader(t *testing.T) {
	got := hostile().Header()
	golden := filepath.Join("testdata", "my_lib.h")
	if *update {
		if err := os.WriteFile(golden, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the header differs from %s; see the difference after -args -update", golden)
	}
	for _, part := range []string{
		"const uint8_t (*arrays(const uint8_t in[4], uint8_t out[4], const void *none))[3][2];",
		"void *const *pointers(const uint8_t **p0, void *p1, uint8_t p1_);",
		"/** delete is not declared: that is no name in C and C++. */",
		"void Point(y_Point Point, uint8_t q, Padded *Padded_);",
	} {
		if !strings.Contains(string(got), part) {
			t.Errorf("no %q", part)
		}
	}
}

// TestHeaderOrder gives the functions in another order.
func TestHeaderOrder(t *testing.T) {
	a, b := hostile(), hostile()
	slices.Reverse(b.Functions)
	if !bytes.Equal(a.Header(), b.Header()) {
		t.Error("the header depends on the order of the functions")
	}
}

// TestHeaderCompiles has C and C++ compilers check the layouts.
func TestHeaderCompiles(t *testing.T) {
	header := hostile().Header()
	for _, args := range [][]string{
		{"gcc", "-std=c11", "-x", "c"},
		{"gcc", "-std=gnu11", "-x", "c"},
		{"g++", "-std=c++11", "-x", "c++"},
		{"g++", "-std=c++20", "-x", "c++"},
		{"clang-19", "-std=c11", "-x", "c"},
		{"clang-19", "-std=c23", "-x", "c"},
		{"clang-19", "-std=c++11", "-x", "c++"},
	} {
		t.Run(strings.Join(args[:2], " "), func(t *testing.T) {
			if _, err := exec.LookPath(args[0]); err != nil {
				if os.Getenv("CI") == "true" && args[0] != "clang-19" {
					t.Fatal(err)
				}
				t.Skip(err)
			}
			compile := func(text []byte) ([]byte, error) {
				cmd := exec.Command(args[0], append(args[1:], "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only", "-")...)
				cmd.Stdin = bytes.NewReader(text)
				out, err := cmd.CombinedOutput()
				if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
					t.Fatal(err)
				}
				return out, err
			}
			// Twice, as two files that are included.
			if out, err := compile(append(slices.Clone(header), header...)); err != nil {
				t.Errorf("%s", out)
			}
			sysv := hostile()
			sysv.SystemV = true
			if out, err := compile(sysv.Header()); err != nil {
				t.Errorf("%s", out)
			}
			wrong := bytes.Replace(header, []byte("\tuint16_t double_;"), []byte("\tuint32_t double_;"), 1)
			if out, err := compile(wrong); err == nil || !strings.Contains(string(out), "the layout of Padded") {
				t.Errorf("a wrong layout is not found: %s", out)
			}
		})
	}
}
