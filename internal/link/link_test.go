package link

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// unit is a definition with a section of its own. Refs are the names it needs;
// a question mark makes a reference weak.
type unit struct {
	name  string
	refs  []string
	bind  elfmacho.Bind // Global unless given
	kind  elfmacho.Kind // Text unless given
	typ   elfmacho.Type // Func unless given
	local bool          // bind is Local
	group string        // COMDAT signature
	edit  func(s *elfmacho.Symbol)
	extra func(s *elfmacho.Section)
}

func def(name string, refs ...string) unit { return unit{name: name, refs: refs} }

func weakDef(name string, refs ...string) unit {
	return unit{name: name, refs: refs, bind: elfmacho.Weak}
}

func commonDef(name string, size, align uint64) unit {
	return unit{name: name, edit: func(s *elfmacho.Symbol) {
		*s = elfmacho.Symbol{Name: name, Section: elfmacho.Common, Value: align, Size: size, Bind: elfmacho.Global, Type: elfmacho.DataObject}
	}}
}

func absolute(name string, value uint64) unit {
	return unit{name: name, edit: func(s *elfmacho.Symbol) { s.Section, s.Value, s.Type = elfmacho.Absolute, value, elfmacho.NoType }}
}

func (u unit) in(group string) unit { u.group = group; return u }

// obj makes an object of units.
func obj(t testing.TB, units ...unit) []byte {
	t.Helper()
	o := &elfmacho.Object{Arch: "amd64", Sections: []elfmacho.Section{{LinkOrder: -1}}, Symbols: []elfmacho.Symbol{{}}}
	index := map[string]int32{}
	groups := map[string]int{}
	for _, u := range units {
		s := elfmacho.Section{Name: ".text." + u.name, Kind: elfmacho.Text, Align: 8, Data: make([]byte, 8+8*len(u.refs)), LinkOrder: -1}
		if u.kind != elfmacho.Other {
			s.Kind, s.Name = u.kind, ".data."+u.name
		}
		s.Size = uint64(len(s.Data))
		if u.extra != nil {
			u.extra(&s)
		}
		sym := elfmacho.Symbol{Name: u.name, Section: int32(len(o.Sections)), Size: s.Size, Bind: elfmacho.Global, Type: elfmacho.Func}
		if u.bind != elfmacho.Local {
			sym.Bind = u.bind
		}
		if u.local {
			sym.Bind = elfmacho.Local
		}
		if u.typ != elfmacho.NoType {
			sym.Type = u.typ
		}
		if u.edit != nil {
			u.edit(&sym)
		}
		index[u.name] = int32(len(o.Symbols))
		o.Symbols = append(o.Symbols, sym)
		if u.group != "" {
			i, ok := groups[u.group]
			if !ok {
				i = len(o.Groups)
				groups[u.group] = i
				o.Groups = append(o.Groups, elfmacho.Group{Signature: u.group})
				if u.group != u.name {
					o.Symbols = append(o.Symbols, elfmacho.Symbol{Name: u.group, Section: elfmacho.Absolute})
				}
			}
			o.Groups[i].Sections = append(o.Groups[i].Sections, int32(len(o.Sections)))
		}
		o.Sections = append(o.Sections, s)
	}
	for i, u := range units {
		var list []elfmacho.Reloc
		for j, name := range u.refs {
			bind := elfmacho.Global
			if rest, ok := strings.CutPrefix(name, "?"); ok {
				name, bind = rest, elfmacho.Weak
			}
			sym, ok := index[name]
			if !ok {
				sym = int32(len(o.Symbols))
				index[name] = sym
				o.Symbols = append(o.Symbols, elfmacho.Symbol{Name: name, Section: elfmacho.Undefined, Bind: bind})
			}
			list = append(list, elfmacho.Reloc{Off: uint64(8 + 8*j), Kind: reloc.Abs64, Symbol: sym})
		}
		if list != nil {
			o.SetRelocs(int32(i+1), list)
		}
	}
	data, err := elfmacho.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// ar makes an archive, with a symbol table unless bare.
func ar(t testing.TB, bare bool, objects ...[]byte) []byte {
	t.Helper()
	header := func(name string, size int) string {
		return fmt.Sprintf("%-16s%-12d%-6d%-6d%-8o%-10d`\n", name, 0, 0, 0, 0o644, size)
	}
	var names []string
	var owners []int
	for i, data := range objects {
		o, err := elfmacho.Parse("x", data)
		if err != nil {
			continue
		}
		for _, s := range o.Symbols {
			if s.Bind != elfmacho.Local && s.Defined() {
				names, owners = append(names, s.Name), append(owners, i)
			}
		}
	}
	text := strings.Join(names, "\x00") + "\x00"
	table := 4 + 4*len(names) + len(text)
	table += table & 1
	at := 8 + 60 + table
	if bare {
		at = 8
	}
	var offsets []int
	var members strings.Builder
	for i, data := range objects {
		offsets = append(offsets, at+members.Len())
		members.WriteString(header(fmt.Sprintf("m%d.o/", i), len(data)))
		members.Write(data)
		if len(data)&1 == 1 {
			members.WriteByte('\n')
		}
	}
	if bare {
		return []byte("!<arch>\n" + members.String())
	}
	b := binary.BigEndian.AppendUint32(nil, uint32(len(names)))
	for _, owner := range owners {
		b = binary.BigEndian.AppendUint32(b, uint32(offsets[owner]))
	}
	b = append(b, text...)
	b = append(b, make([]byte, table-len(b))...)
	return []byte("!<arch>\n" + header("/", table) + string(b) + members.String())
}

func open(t testing.TB, inputs ...[]byte) []*Library {
	t.Helper()
	var libs []*Library
	for i, data := range inputs {
		name := fmt.Sprintf("%c.o", 'a'+i)
		if strings.HasPrefix(string(data), "!<arch>") {
			name = fmt.Sprintf("%c.a", 'a'+i)
		}
		lib, err := Open(name, data, nil)
		if err != nil {
			t.Fatal(err)
		}
		libs = append(libs, lib)
	}
	return libs
}

// kept names the live sections by object and symbol.
func kept(s *Set) []string {
	var list []string
	for _, r := range s.Live {
		list = append(list, s.Objects[r.Object].Name+":"+s.NameAt(r, 0))
	}
	return list
}

func TestResolve(t *testing.T) {
	o := func(units ...unit) []byte { return obj(t, units...) }
	lib := func(objects ...[]byte) []byte { return ar(t, false, objects...) }
	bare := func(objects ...[]byte) []byte { return ar(t, true, objects...) }
	tests := []struct {
		name    string
		inputs  [][]byte
		roots   string
		kept    string // in the order in which they are reached
		object  string // what ResolveObject keeps, if something else
		err     string
		objects bool // the error is one of ResolveObject too
	}{
		{name: "only what is reached", inputs: [][]byte{o(def("f", "g"), def("g"), def("dead", "none"))}, roots: "f", kept: "a.o:f a.o:g"},
		{name: "depth first", inputs: [][]byte{o(def("f", "a", "c"), def("a", "b"), def("b"), def("c", "a"))}, roots: "f", kept: "a.o:f a.o:a a.o:b a.o:c"},
		{name: "recursion", inputs: [][]byte{o(def("f", "f", "g"), def("g", "f"))}, roots: "f", kept: "a.o:f a.o:g"},
		{name: "two roots", inputs: [][]byte{o(def("f"), def("g"))}, roots: "g f", kept: "a.o:g a.o:f"},
		{name: "members are loaded when needed", inputs: [][]byte{lib(o(def("dead", "none")), o(def("g", "h")), o(def("f", "g"), def("dead2", "none")), o(def("h")))}, roots: "f", kept: "a.a(m2.o):f a.a(m1.o):g a.a(m3.o):h"},
		{name: "no symbol table", inputs: [][]byte{bare(o(def("g")), []byte("metadata"), o(def("f", "g")))}, roots: "f", kept: "a.a(m2.o):f a.a(m0.o):g"},
		{name: "first library wins", inputs: [][]byte{lib(o(def("f", "g"))), lib(o(def("g"))), lib(o(def("g")))}, roots: "f", kept: "a.a(m0.o):f b.a(m0.o):g"},
		{name: "a local symbol is no definition", inputs: [][]byte{o(unit{name: "g", local: true}, def("other")), o(def("f", "g")), lib(o(def("g")))}, roots: "f", kept: "b.o:f c.a(m0.o):g"},

		{name: "strong after weak", inputs: [][]byte{o(weakDef("g"), def("f", "g")), o(def("g"))}, roots: "f", kept: "a.o:f b.o:g"},
		{name: "weak after strong", inputs: [][]byte{o(def("g")), o(weakDef("g"), def("f", "g"))}, roots: "f", kept: "b.o:f a.o:g"},
		{name: "weak twice", inputs: [][]byte{o(weakDef("g"), def("f", "g")), o(weakDef("g"))}, roots: "f", kept: "a.o:f a.o:g"},
		{name: "a weak definition does not load a member", inputs: [][]byte{o(weakDef("g"), def("f", "g")), lib(o(def("g")))}, roots: "f", kept: "a.o:f a.o:g"},
		{name: "a member that is loaded for another reason brings the strong one", inputs: [][]byte{lib(o(weakDef("g"), def("f", "g", "h"))), lib(o(def("h"), def("g", "i")), o(def("i")))}, roots: "f", kept: "a.a(m0.o):f b.a(m0.o):g b.a(m1.o):i b.a(m0.o):h"},
		{name: "the root itself is replaced", inputs: [][]byte{lib(o(weakDef("f", "h"))), lib(o(def("h"), def("f", "h")))}, roots: "f", kept: "b.a(m0.o):f b.a(m0.o):h"},

		{name: "duplicate", inputs: [][]byte{o(def("f")), o(def("f"))}, roots: "f", err: "symbol `f` is defined twice: in a.o and in b.o", objects: true},
		{name: "duplicate in members that are both needed", inputs: [][]byte{lib(o(def("f", "g"), def("x"))), lib(o(def("g"), def("x")))}, roots: "f", err: "symbol `x` is defined twice: in a.a(m0.o) and in b.a(m0.o)", objects: true},

		{name: "COMDAT twice", inputs: [][]byte{o(weakDef("g").in("g"), def("f", "g")), o(weakDef("g", "bad").in("g"), def("h", "g"))}, roots: "h f", kept: "b.o:h a.o:g a.o:f"},
		{name: "COMDAT with strong symbols", inputs: [][]byte{o(def("g").in("sig"), def("f", "g")), o(def("g").in("sig"), def("h", "g"))}, roots: "f h", kept: "a.o:f a.o:g b.o:h"},
		{name: "reference to a discarded section", inputs: [][]byte{o(def("g").in("sig")), o(unit{name: "l", local: true, group: "sig"}, def("f", "l"))}, roots: "f", err: "b.o: .text.f+0x8: refers to section .text.l, which was discarded with its COMDAT group (reached by f)", objects: true},

		{name: "missing root", inputs: [][]byte{lib(o(def("f"), weakDef("g"))), o(def("h"), unit{name: "local", local: true})}, roots: "local", err: "symbol `local` is not defined in the input", objects: true},
		{name: "undefined, all of them with their chains", inputs: [][]byte{o(def("f", "g", "none1"), def("g", "h"), def("h", "none2", "none1"))}, roots: "f", object: "a.o:f a.o:g a.o:h",
			err: "undefined symbol `none1`, needed by f\nundefined symbol `none2`, needed by f > g > h"},
		{name: "undefined weak", inputs: [][]byte{o(def("f", "?none", "g"), def("g"))}, roots: "f", kept: "a.o:f a.o:g"},
		{name: "undefined weak loads nothing", inputs: [][]byte{o(def("f", "?g")), lib(o(def("g")))}, roots: "f", kept: "a.o:f"},
		{name: "undefined weak is bound when defined", inputs: [][]byte{o(def("f", "?g", "h")), lib(o(def("g"), def("h")))}, roots: "f", kept: "a.o:f b.a(m0.o):g b.a(m0.o):h"},
		{name: "undefined local", inputs: [][]byte{o(unit{name: "g", local: true, edit: func(s *elfmacho.Symbol) { s.Section = elfmacho.Undefined }}, def("f", "g"))}, roots: "f", object: "a.o:f", err: "undefined symbol `g`, needed by f"},

		{name: "absolute", inputs: [][]byte{o(def("f", "n"), absolute("n", 42))}, roots: "f", kept: "a.o:f"},
		{name: "retained", inputs: [][]byte{o(def("f"), unit{name: "r", refs: []string{"g"}, extra: func(s *elfmacho.Section) { s.Retain = true }}, def("g"))}, roots: "f", kept: "a.o:f a.o:r a.o:g"},
		{name: "retained in a member that is not needed", inputs: [][]byte{o(def("f")), lib(o(unit{name: "r", extra: func(s *elfmacho.Section) { s.Retain = true }}))}, roots: "f", kept: "a.o:f"},
		{name: "retained in a member that is loaded by what is retained", inputs: [][]byte{
			o(def("f"), unit{name: "r", refs: []string{"g"}, extra: func(s *elfmacho.Section) { s.Retain = true }}),
			lib(o(def("g"), unit{name: "q", extra: func(s *elfmacho.Section) { s.Retain = true }})),
		}, roots: "f", kept: "a.o:f a.o:r b.a(m0.o):g b.a(m0.o):q"},

		{name: "indirect function", inputs: [][]byte{o(def("f", "g"), unit{name: "g", typ: elfmacho.IndirectFunc})}, roots: "f", object: "a.o:f a.o:g", err: "a.o: .text.f+0x8: `g` is an indirect function, which only a dynamic loader can resolve (reached by f)"},
		{name: "thread-local variable", inputs: [][]byte{o(def("f", "g"), def("g", "v"), unit{name: "v", typ: elfmacho.ThreadLocal, kind: elfmacho.TLSData})}, roots: "f", object: "a.o:f a.o:g a.o:v", err: "a.o: .text.g+0x8: `v` is thread-local, which a Go program cannot provide (reached by f > g)"},
		{name: "thread-local variable of somebody else", inputs: [][]byte{o(def("f", "errno"), unit{name: "errno", edit: func(s *elfmacho.Symbol) { s.Section, s.Type = elfmacho.Undefined, elfmacho.ThreadLocal }})}, roots: "f", object: "a.o:f", err: "undefined symbol `errno`, needed by f"},
		{name: "initializer", inputs: [][]byte{o(def("f"), unit{name: "i", refs: []string{"g"}, local: true, extra: func(s *elfmacho.Section) { s.Kind, s.Name = elfmacho.Init, ".init_array" }}, def("g"))}, roots: "f", object: "a.o:f a.o:i a.o:g",
			err: "a.o: .text.f+0x0: the object has initializers (section .init_array), which nothing would run in a Go program (reached by f)"},
		{name: "initializer of an object that takes no part", inputs: [][]byte{o(def("f")), o(unit{name: "i", refs: []string{"g"}, extra: func(s *elfmacho.Section) { s.Kind, s.Name = elfmacho.Init, ".init_array" }}, def("g"))}, roots: "f", kept: "a.o:f"},
		{name: "pieces of _init", inputs: [][]byte{o(def("f"), unit{name: "i", local: true, extra: func(s *elfmacho.Section) { s.Kind, s.Name = elfmacho.Init, ".init" }})}, roots: "f", err: ".init", objects: true},
		{name: "debug data", inputs: [][]byte{o(def("f", "d"), unit{name: "d", extra: func(s *elfmacho.Section) { s.Kind, s.Name = elfmacho.Debug, ".debug_x" }})}, roots: "f", err: "a.o: .debug_x+0x0: live code refers to section .debug_x, which is not loaded into memory (reached by f > d)", objects: true},
		{name: "collected sections", inputs: [][]byte{o(def("f", "?__stop_list"), unit{name: "l", extra: func(s *elfmacho.Section) { s.Name = "list" }})}, roots: "f", err: "`__stop_list` needs a linker to collect the sections named list", objects: true},
		{name: "a name like that of collected sections", inputs: [][]byte{o(def("f", "?__start_me_up"))}, roots: "f", kept: "a.o:f"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			roots := strings.Fields(test.roots)
			s, err := Resolve(open(t, test.inputs...), roots)
			check(t, "Resolve", s, err, test.kept, test.err)
			want := test.kept
			if test.object != "" {
				want = test.object
			}
			if !test.objects {
				test.err = ""
			}
			s, err = ResolveObject(open(t, test.inputs...), roots)
			check(t, "ResolveObject", s, err, want, test.err)
		})
	}
}

func check(t *testing.T, f string, s *Set, err error, want, wantErr string) {
	t.Helper()
	switch {
	case wantErr != "":
		if err == nil || !strings.Contains(err.Error(), wantErr) {
			t.Errorf("%s:\ngot  %v\nwant %s", f, err, wantErr)
		}
	case err != nil:
		t.Errorf("%s: %v", f, err)
	case strings.Join(kept(s), " ") != want:
		t.Errorf("%s kept\ngot  %s\nwant %s", f, strings.Join(kept(s), " "), want)
	}
}

func TestMissingErrorKnows(t *testing.T) {
	_, err := Resolve(open(t, ar(t, false, obj(t, def("b"), weakDef("a"))), obj(t, def("c"), unit{name: "l", local: true})), []string{"x"})
	var missing *MissingError
	if !errors.As(err, &missing) || !slices.Equal(missing.Known, []string{"a", "b", "c"}) {
		t.Errorf("got %v", err)
	}
}

// TestCommon merges tentative definitions.
func TestCommon(t *testing.T) {
	a := obj(t, def("f", "v", "w"), commonDef("v", 8, 4), commonDef("w", 4, 4))
	b := obj(t, commonDef("v", 100, 8), commonDef("w", 2, 32))
	c := obj(t, commonDef("v", 50, 64), unit{name: "w", kind: elfmacho.Data, typ: elfmacho.DataObject})
	tests := []struct {
		name   string
		inputs [][]byte
		want   string
	}{
		{"one", [][]byte{a}, "v:8/4 w:4/4"},
		{"two", [][]byte{a, b}, "v:100/8 w:4/32"},
		{"the other order", [][]byte{b, a}, "v:100/8 w:4/32"},
		{"a definition", [][]byte{a, b, c}, "v:100/64 w:8/8"},
		{"a definition first", [][]byte{c, b, a}, "v:100/64 w:8/8"},
		{"over weak", [][]byte{a, obj(t, weakDef("v"))}, "v:8/4 w:4/4"},
		{"in a member that comes late", [][]byte{obj(t, def("f", "v", "w", "late"), commonDef("v", 8, 4), commonDef("w", 4, 4)), ar(t, false, obj(t, def("late", "v"), commonDef("v", 300, 16)))}, "v:300/16 w:4/4"},
	}
	for _, test := range tests {
		s, err := Resolve(open(t, test.inputs...), []string{"f"})
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		var got []string
		for _, r := range s.Live {
			if name := s.NameAt(r, 0); name == "v" || name == "w" {
				got = append(got, fmt.Sprintf("%s:%d/%d", name, s.Section(r).Size, s.Section(r).Align))
			}
		}
		slices.Sort(got)
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: got %s, want %s", test.name, strings.Join(got, " "), test.want)
		}
	}
}

func TestTarget(t *testing.T) {
	s, err := Resolve(open(t, obj(t, def("f", "n", "?none", "g"), absolute("n", 42), def("g"))), []string{"f"})
	if err != nil {
		t.Fatal(err)
	}
	relocs, err := s.Relocs(s.Live[0])
	if err != nil {
		t.Fatal(err)
	}
	var got []Place
	for _, r := range relocs {
		p, err := s.Target(0, r)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p)
	}
	want := []Place{{Kind: AtValue, Off: 42}, {Kind: Nowhere}, {Ref: s.Live[1]}}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got, want := s.Why("g"), []string{"f", "g"}; !slices.Equal(got, want) {
		t.Errorf("Why(g) = %q, want %q", got, want)
	}
	if got := s.Why("n"); got != nil {
		t.Errorf("Why(n) = %q", got)
	}
}

func TestGlobals(t *testing.T) {
	s, err := ResolveObject(open(t, obj(t, def("f", "g", "v", "l"), weakDef("g"), commonDef("v", 8, 8), commonDef("dead2", 8, 8), def("dead"), unit{name: "l", local: true})), []string{"f"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range s.Globals() {
		got = append(got, r.Name)
	}
	if want := []string{"v", "g"}; !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A table of symbols that names the wrong member is no reason to give up: the
// right one may follow.
func TestLyingSymbolTable(t *testing.T) {
	lib := ar(t, false, obj(t, def("f")), obj(t, def("g")))
	at := 8 + 60 + 4
	copy(lib[at+4:at+8], lib[at:at+4]) // g is said to be in the first member too
	_, err := Resolve(open(t, lib), []string{"g"})
	var missing *MissingError
	if !errors.As(err, &missing) {
		t.Errorf("got %v", err)
	}
	s, err := Resolve(open(t, lib, ar(t, false, obj(t, def("g")))), []string{"g"})
	if err != nil || kept(s)[0] != "b.a(m0.o):g" {
		t.Errorf("got %v", err)
	}
}

// Each of many common symbols was looked for among all symbols, and each member
// that was loaded made marking start again.
func TestLinearTime(t *testing.T) {
	const n = 20000
	var units []unit
	root := def("f")
	for i := range n {
		units = append(units, commonDef(fmt.Sprint("c", i), 8, 8))
		root.refs = append(root.refs, fmt.Sprint("c", i))
	}
	var members [][]byte
	for i := range 2000 {
		members = append(members, obj(t, def(fmt.Sprint("m", i), fmt.Sprint("m", i+1))))
	}
	members = append(members, obj(t, def("m2000")))
	root.refs = append(root.refs, "m0")
	libs := open(t, obj(t, append(units, root)...), ar(t, false, members...))
	start := time.Now()
	s, err := Resolve(libs, []string{"f"})
	if err != nil || len(s.Live) != n+2002 {
		t.Fatalf("%v", err)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("%v for %d sections", d, len(s.Live))
	}
}

// TestMixedMachines links code for two processors.
func TestMixedMachines(t *testing.T) {
	other, err := elfmacho.Marshal(&elfmacho.Object{Arch: "arm64", Sections: []elfmacho.Section{{LinkOrder: -1}}, Symbols: []elfmacho.Symbol{{}}})
	if err != nil {
		t.Fatal(err)
	}
	var libs []*Library
	for i, data := range [][]byte{obj(t, def("f")), other} {
		lib, err := Open(fmt.Sprintf("%d.o", i), data, nil)
		if err != nil {
			t.Fatal(err)
		}
		libs = append(libs, lib)
	}
	_, err = Resolve(libs, []string{"f"})
	if want := "1.o: code for arm64 among objects for amd64 (0.o)"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
