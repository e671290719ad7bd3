package link

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMachORules has the rules of -dead_strip, and what a Go program cannot hold.
func TestMachORules(t *testing.T) {
	const end = "\n.subsections_via_symbols\n"
	tests := []struct {
		name   string
		inputs []string // assembly
		roots  string
		kept   string // sorted
		err    string
	}{
		{name: "atoms", inputs: []string{"_f: call _g\n_g: ret\n_dead: call _none\n.globl _f" + end}, roots: "f", kept: "f g"},
		{name: "no flag: a section is one atom", inputs: []string{"_f: call _g\n_g: ret\n_h: ret\n.globl _f\n.data\n_dead: .quad 1"}, roots: "f", kept: "f g h"},
		{name: "alt entry", inputs: []string{"_g: nop\n.alt_entry _second\n_second: call _h\n_f: call _second\n_h: ret\n.globl _f" + end}, roots: "f", kept: "f g h second"},
		{name: "no dead strip", inputs: []string{".globl _f\n_f: ret\n_g: ret\n_kept: call _g\n.no_dead_strip _kept\n_dead: ret" + end}, roots: "f", kept: "f g kept"},
		{name: "section without dead strip", inputs: []string{".globl _f\n_f: ret\n_g: ret\n.section __DATA,__kept,regular,no_dead_strip\n_a: .quad _g\n_b: .quad 1" + end}, roots: "f", kept: "a b f g"},
		{name: "live support", inputs: []string{".globl _f\n_f: ret\n_g: ret\n_h: ret\n.section __DATA,__support,regular,live_support\n_a: .quad _f, _h\n_b: .quad _g" + end}, roots: "f", kept: "a f h"},
		{name: "live support of live support", inputs: []string{".globl _f\n_f: ret\n_g: ret\n.section __DATA,__support,regular,live_support\n_c: .quad _b\n_b: .quad _g\n_a: .quad _f, _g" + end}, roots: "f", kept: "a b c f g"},
		{name: "live support of another object's", inputs: []string{
			".globl _f\n_f: call _g" + end,
			".globl _x\n_x: ret\n.section __DATA,__support,regular,live_support\n_a: .quad _g" + end,
			".globl _g\n_g: ret" + end,
		}, roots: "f", kept: "a f g"},
		{name: "live support loads nothing", inputs: []string{".globl _f\n_f: ret\n.section __DATA,__support,regular,live_support\n_a: .quad _none" + end}, roots: "f", kept: "f"},
		{name: "strong over weak", inputs: []string{".globl _f, _g\n.weak_definition _g\n_f: call _g\n_g: call _dead\n_dead: ret" + end, ".globl _g\n_g: call _h\n_h: ret" + end}, roots: "f", kept: "f g h"},
		{name: "weak twice", inputs: []string{".globl _f, _g\n.weak_definition _g\n_f: call _g\n_g: call _h\n_h: ret" + end, ".globl _g\n.weak_definition _g\n_g: call _dead\n_dead: ret" + end}, roots: "f", kept: "f g h"},
		{name: "strong twice", inputs: []string{".globl _f\n_f: ret", ".globl _f\n_f: ret"}, roots: "f", err: "symbol `f` is defined twice: in 0.o and in 1.o"},
		{name: "private extern", inputs: []string{".globl _f\n_f: call _g" + end, ".private_extern _g\n_g: ret" + end}, roots: "f", kept: "f g"},
		{name: "weak reference", inputs: []string{".globl _f\n.weak_reference _none\n_f: call _none" + end}, roots: "f", kept: "f"},
		{name: "common", inputs: []string{".globl _f\n_f: leaq _c(%rip), %rax\n.comm _c,8,3" + end, ".comm _c,16,4" + end}, roots: "f", kept: "c f"},
		{name: "no underscore", inputs: []string{".globl _f\n_f: call g" + end, ".globl g, _g\ng: ret\n_g: ret" + end}, roots: "f", kept: "\x01g f"},
		{name: "undefined", inputs: []string{".globl _f\n_f: call _g\n_g: call _none" + end}, roots: "f", err: "undefined symbol `none`, needed by f > g"},
		{name: "missing root", inputs: []string{".globl _f\n_f: ret" + end}, roots: "_f", err: "symbol `_f` is not defined"},
		{name: "initializer", inputs: []string{".globl _f\n_f: ret\n.section __DATA,__mod_init_func,mod_init_funcs\n.quad _f" + end}, roots: "f", err: "the object has initializers (section __DATA,__mod_init_func), which nothing would run in a Go program"},
		{name: "thread-local", inputs: []string{".globl _f\n_f: call _g\n_g: movq _v@TLVP(%rip), %rdi\n.tbss _v$i,8,3\n.section __DATA,__thread_vars,thread_local_variables\n_v: .quad 0, 0, _v$i" + end}, roots: "f", err: "`v` is thread-local, which a Go program cannot provide (reached by f > g)"},
		{name: "dead thread-local", inputs: []string{".globl _f\n_f: ret\n_g: movq _v@TLVP(%rip), %rdi\n.tbss _v$i,8,3\n.section __DATA,__thread_vars,thread_local_variables\n_v: .quad 0, 0, _v$i" + end}, roots: "f", kept: "f"},
		{name: "resolver", inputs: []string{".globl _f, _g\n_f: call _g\n.symbol_resolver _g\n_g: ret" + end}, roots: "f", err: "`g` is an indirect function"},
		{name: "code that needs debug data", inputs: []string{".globl _f\n_f: ret\n.data\n_p: .quad _d\n.no_dead_strip _p\n.section __DWARF,__debug_info,regular,debug\n_d: .quad 1" + end}, roots: "f", err: "live code refers to section .debug_info, which is not loaded into memory"},
		{name: "collected sections", inputs: []string{".globl _f\n_f: leaq section$start$__DATA$__list(%rip), %rax\n.section __DATA,__list\n.quad 1" + end}, roots: "f", err: "`section$start$__DATA$__list` needs a linker to collect the sections named __DATA,__list, which is not supported (reached by f)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var files []string
			var libs []*Library
			for i, source := range test.inputs {
				file := assembleMachO(t, "amd64", source)
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				lib, err := Open(string(rune('0'+i))+".o", data, nil)
				if err != nil {
					t.Fatal(err)
				}
				files, libs = append(files, file), append(libs, lib)
			}
			set, err := Resolve(libs, strings.Fields(test.roots))
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("\ngot  %v\nwant %s", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range set.Live {
				for _, sym := range set.Symbols(r) {
					got = append(got, sym.Name)
				}
			}
			slices.Sort(got)
			if strings.Join(got, " ") != test.kept {
				t.Errorf("kept %q, want %q", got, strings.Fields(test.kept))
			}
			if got, want := keptNames(set), lld(t, "amd64", files, strings.Fields(test.roots)...).kept; !slices.Equal(got, want) {
				t.Errorf("kept %q, lld %q", got, want)
			}
		})
	}
}

// TestMachOLibraries opens archives, fat archives and archives of fat objects.
func TestMachOLibraries(t *testing.T) {
	dir := t.TempDir()
	objects := map[string][2]string{}
	for _, arch := range []string{"amd64", "arm64"} {
		objects[arch] = [2]string{
			assembleMachO(t, arch, ".globl _f\n_f: nop\n.data\n_p: .quad _g\n.no_dead_strip _p\n.subsections_via_symbols\n"),
			assembleMachO(t, arch, ".globl _g, _h\n_g: nop\n_h: nop\n.subsections_via_symbols\n"),
		}
	}
	path := func(name string) string { return filepath.Join(dir, name) }
	for arch, list := range objects {
		runTool(t, "llvm-ar-19", "--format=darwin", "rcs", path(arch+".a"), list[0], renamed(t, list[1]))
		runTool(t, "llvm-ar-19", "--format=gnu", "rcS", path(arch+"-bare.a"), list[0], renamed(t, list[1]))
	}
	runTool(t, "llvm-lipo-19", "-create", path("amd64.a"), path("arm64.a"), "-output", path("fat.a"))
	runTool(t, "llvm-lipo-19", "-create", objects["amd64"][0], objects["arm64"][0], "-output", path("f.o"))
	runTool(t, "llvm-lipo-19", "-create", objects["amd64"][1], objects["arm64"][1], "-output", path("g.o"))
	runTool(t, "llvm-ar-19", "rcS", path("offat.a"), path("f.o"), path("g.o"))
	for _, arch := range []string{"amd64", "arm64"} {
		for _, name := range []string{arch + ".a", arch + "-bare.a", "fat.a", "offat.a", "f.o g.o"} {
			var files []string
			for _, name := range strings.Fields(name) {
				files = append(files, path(name))
			}
			libs := openFiles(t, arch, files)
			set, err := Resolve(libs, []string{"f"})
			if err != nil {
				t.Errorf("%s for %s: %v", name, arch, err)
				continue
			}
			if got := keptNames(set); !slices.Equal(got, []string{"f", "g", "p"}) || set.Objects[0].Arch != arch {
				t.Errorf("%s: kept %q of %s, want f, g and p of %s", name, got, set.Objects[0].Arch, arch)
			}
			if why := set.Why("g"); !slices.Equal(why, []string{"p", "g"}) {
				t.Errorf("%s: g is live by %q", name, why)
			}
			if names := libs[0].Names(); !slices.Contains(names, "f") || slices.Contains(names, "_f") {
				t.Errorf("%s: names %q", name, names)
			}
		}
	}

	fat, err := os.ReadFile(path("fat.a"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open("fat.a", fat, nil); err == nil || err.Error() != "fat.a: a file for several architectures: amd64, arm64; extract one with `lipo -thin`" {
		t.Errorf("got %v", err)
	}
	if _, err := OpenArch("fat.a", fat, "riscv64", nil); err == nil || err.Error() != "fat.a: the file has no code for riscv64, but for amd64, arm64" {
		t.Errorf("got %v", err)
	}
	elf, err := Open("elf.o", obj(t, def("g")), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Resolve(append(openFiles(t, "amd64", []string{path("amd64.a")}), elf), []string{"f"}); err == nil || !strings.Contains(err.Error(), "a mach-o object among elf objects (elf.o)") {
		t.Errorf("got %v", err)
	}
	if _, err := Resolve(openFiles(t, "", []string{path("amd64.a"), objects["arm64"][1]}), []string{"f"}); err == nil || !strings.Contains(err.Error(), "code for amd64 among objects for arm64") {
		t.Errorf("got %v", err)
	}
}

// renamed copies a file, since archives call members by their file's name.
func renamed(t testing.TB, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "second.o")
	if err := os.WriteFile(out, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return out
}
