package stack

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
)

// expectedARM64 is what the analysis cannot follow in the C library, and is not
// meant to: what is not in the set, SVE and memory tagging,
// pointers that are stored in disguise, longjmp and its like. A call of what is
// not understood is taken to return, so that other code seems to be reached.
var expectedARM64 = regexp.MustCompile(`branch to a place that is not code|` +
	`control leaves the code|undefined or unknown instruction|indirect jump without a known table, with sp 0 bytes below|` +
	`^__(w?cs\w+_chk|st[rp]\w+_chk|pthread_enable_asynccancel)\+.*(sp depends on the path|returns with sp)|^__(swapcontext|setcontext|longjmp)\+`)

// TestGNUARM64 analyses the C library for AArch64 and GCC's: the walk must
// understand what GCC makes of C, and agree with its call frame information,
// which counts from sp more often than LLVM's.
func TestGNUARM64(t *testing.T) {
	m := crossARM64
	var libs []*link.Library
	for _, name := range []string{"libc.a", "libm.a", "libgcc.a", "libgcc_eh.a"} {
		out, err := exec.Command(m.gcc(t), "-print-file-name="+name).Output()
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		ar := exec.Command(m.tools+"ar", "x", strings.TrimSpace(string(out)))
		ar.Dir = dir
		if text, err := ar.CombinedOutput(); err != nil {
			missing(t, "%v: %v\n%s", ar.Args, err, text)
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.o"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if lib := readable(t, file); lib != nil {
				libs = append(libs, lib)
			}
		}
	}
	var roots []string
	seen := map[string]bool{}
	for _, lib := range libs {
		o, err := lib.Object(0)
		if err != nil {
			t.Fatal(err)
		}
		for i := range o.Symbols {
			if s := &o.Symbols[i]; s.Defined() && s.Bind == elfmacho.Global && s.Type == elfmacho.Func && !seen[s.Name] {
				seen[s.Name] = true
				roots = append(roots, s.Name)
			}
		}
	}
	set, err := link.ResolveObject(libs, roots)
	if err != nil {
		t.Fatal(err)
	}
	a, err := Analyze(set)
	if err != nil {
		t.Fatal(err)
	}
	understood, described := 0, 0
	for _, f := range a.graph.r.functions {
		sec := a.graph.r.sections[f.at.Ref]
		if f.fail != nil {
			if reason := f.name + f.fail.Error(); !expectedARM64.MatchString(reason) {
				t.Error(reason)
			}
			continue
		}
		understood++
		if _, ok := sec.frameRule(f.at.off); ok {
			described++
		}
	}
	t.Logf("%d functions, %d of them understood, %d of these with call frame information", len(a.graph.r.functions), understood, described)
	if described < 1000 {
		t.Error("too few functions")
	}
}

// TestPaintGNUARM64 runs what GCC makes of C on painted stacks, with and without
// frame pointers, and with probes.
func TestPaintGNUARM64(t *testing.T) {
	crossARM64.testPaintGNU(t, "-mno-outline-atomics", "-O2", "-Os -fomit-frame-pointer", "-O1 -fno-omit-frame-pointer -fPIC", "-O0",
		"-O2 -fstack-clash-protection", "-O2 -fno-jump-tables -mbranch-protection=standard")
}

func (m *cross) testPaintGNU(t *testing.T, always string, each ...string) {
	names := []string{"leaf", "two_calls", "tail_call", "one_page", "many_pages", "aligned", "table", "large_table", "by_static", "by_table", "quad", "arguments"}
	var total comparison
	for _, flags := range each {
		t.Run(flags, func(t *testing.T) {
			object := filepath.Join(t.TempDir(), "sample.o")
			args := append(strings.Fields(flags), "-ffunction-sections", "-ffreestanding", "-fno-stack-protector", always, "-c", "-o", object, "testdata/paint/sample.c")
			if out, err := exec.Command(m.gcc(t), args...).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			var libs []*link.Library
			var sample []byte
			out, err := exec.Command(m.gcc(t), "-print-libgcc-file-name").Output()
			if err != nil {
				t.Fatal(err)
			}
			for i, path := range []string{object, strings.TrimSpace(string(out))} {
				data, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if i == 0 {
					sample = data
				}
				lib, err := link.Open(filepath.Base(path), data, nil)
				if err != nil {
					t.Fatal(err)
				}
				libs = append(libs, lib)
			}
			set, err := link.Resolve(libs, names)
			if err != nil {
				t.Fatal(err)
			}
			a, err := Analyze(set)
			if err != nil {
				t.Fatal(err)
			}
			var functions []painting
			for _, name := range names {
				b, err := a.Bound(name)
				if err != nil {
					t.Error(err)
					continue
				}
				f := painting{name: name, size: b.Bytes + slack}
				for n := range uintptr(50) {
					f.args = append(f.args, []uintptr{n, n + 7, 3, 4, 5, 6, 7, 8})
				}
				functions = append(functions, f)
			}
			results := m.paint(t, sample, functions, [][]byte{make([]byte, 4096)})
			for _, f := range functions {
				b, _ := a.Bound(f.name)
				total.add(t, b, f.name, results[f.name])
			}
		})
	}
	total.log(t)
}

// readable opens an object, unless it has relocations that elfmacho does not
// read, or defines what another one does.
func readable(t *testing.T, file string) *link.Library {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(file)
	lib, err := link.Open(name, data, nil)
	if err != nil || name == "_clz.o" || name == "mp_clz_tab.o" {
		return nil
	}
	o, err := lib.Object(0)
	if err != nil {
		return nil
	}
	for i := range o.Sections {
		if _, err := o.Relocs(int32(i)); err != nil {
			return nil
		}
	}
	return lib
}
