package stack

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
	platform "github.com/cargo-rustgo/cargo-rustgo/internal/target"
)

// allocates is a crate that has all of core, alloc and compiler_builtins linked.
const allocates = `
		extern crate alloc;
		struct A;
		unsafe impl core::alloc::GlobalAlloc for A {
			unsafe fn alloc(&self, _: core::alloc::Layout) -> *mut u8 { core::ptr::null_mut() }
			unsafe fn dealloc(&self, _: *mut u8, _: core::alloc::Layout) {}
		}
		#[global_allocator] static G: A = A;
		#[no_mangle] pub extern "C" fn grow(v: &mut alloc::vec::Vec<u8>) { v.push(1) }`

// TestCore analyses every function of core, alloc and compiler_builtins that
// has a symbol of its own: the walk must understand each of them, and agree
// with its call frame information.
func TestCore(t *testing.T) {
	// The loop in __rust_probestack depends on its argument.
	testCore(t, compile(t, allocates+`
		core::arch::global_asm!(".globl memcpy, memmove, memset, memcmp, bcmp, strlen, _Unwind_Resume, rust_eh_personality",
			"memcpy: memmove: mov rax, rdi", "mov rcx, rdx", "rep movsb", "ret",
			"memset: mov rcx, rdx", "rep stosb", "ret", "memcmp: bcmp: strlen: xor eax, eax", "ret",
			"_Unwind_Resume: rust_eh_personality: ud2");`), "__rust_probestack")
}

// testCore analyses all functions of an archive; those whose symbol ends in one
// of the names may be beyond the analysis.
func testCore(t *testing.T, data []byte, beyond ...string) {
	t.Helper()
	set := coreSet(t, data)
	a, err := Analyze(set)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Analyze(set)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(a.Functions(), again.Functions()) {
		t.Error("a second analysis comes to another result")
	}
	described := 0
	for _, f := range a.graph.r.functions {
		if _, ok := a.graph.r.sections[f.at.Ref].frameRule(f.at.off); ok {
			described++
		}
		known := slices.ContainsFunc(beyond, func(name string) bool { return strings.HasSuffix(f.symbol, name) })
		if f.fail != nil && !known {
			t.Errorf("%s%v", f.symbol, f.fail)
		}
	}
	bounded, recursive := 0, 0
	for _, root := range set.Roots {
		_, err := a.Bound(root.Name)
		var unbounded *Unbounded
		switch {
		case err == nil:
			bounded++
		case errors.As(err, &unbounded) && strings.HasPrefix(unbounded.Reason, "recursion"):
			recursive++
		}
	}
	if machO := set.Objects[0].Format == platform.MachO; len(a.graph.r.functions) < 500 || described < 500 && !machO {
		t.Errorf("only %d functions, %d with call frame information", len(a.graph.r.functions), described)
	}
	t.Logf("%d functions, %d with call frame information; of %d roots %d are bounded, %d recursive",
		len(a.graph.r.functions), described, len(set.Roots), bounded, recursive)
}

// coreSet resolves all functions of an archive.
func coreSet(t *testing.T, data []byte) *link.Set {
	t.Helper()
	lib, err := link.Open("libsample.a", data, nil)
	if err != nil {
		t.Fatal(err)
	}
	var roots []string
	seen := map[string]bool{}
	for i := range lib.Len() {
		o, err := lib.Object(i)
		if err != nil || slices.ContainsFunc(o.Sections, func(s elfmacho.Section) bool { return s.Kind == elfmacho.Init }) {
			continue // no object, or one with an initializer, which link refuses, as it does the __aarch64_ atomics
		}
		for j := range o.Symbols {
			if s := &o.Symbols[j]; s.Defined() && s.Bind != elfmacho.Local && s.Type == elfmacho.Func && !strings.Contains(s.Name, "__aarch64_") && !seen[s.Name] {
				seen[s.Name] = true
				roots = append(roots, s.Name)
			}
		}
	}
	set, err := link.Resolve([]*link.Library{lib}, roots)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// FuzzAnalyze feeds arbitrary code to the walk.
func FuzzAnalyze(f *testing.F) {
	for _, s := range []string{
		"c3", "55 48 89 e5 48 83 e4 c0 48 8d 65 00 5d c3", "eb fe", "e8 fb ff ff ff", "ff e0",
		"4c 8d 9c 24 00 b0 ff ff  48 81 ec 00 10 00 00  48 c7 04 24 00 00 00 00  4c 39 dc  75 ec  c3",
		"48 8d 05 00 00 00 00 48 ff c0 eb fb", "48 83 e4 f0 eb fa",
	} {
		f.Add(unhex(f, s))
	}
	fuzz(f, &amd64Processor)
}

// fuzz analyses one section of arbitrary code.
func fuzz(f *testing.F, m *processor) {
	f.Fuzz(func(t *testing.T, code []byte) {
		p := &program{processor: m, set: &link.Set{}, sections: map[link.Ref]*section{}, index: map[place]int32{}, callers: map[int32][]int32{}, setIndex: map[string]int64{}}
		p.sections[link.Ref{}] = &section{kind: elfmacho.Text, name: ".text", data: code, symbols: []symbol{{0, "f", 0}}}
		g := newGraph(p.explore([]int32{p.function(place{})}))
		s := &g.sums[0]
		if s.why == "" && s.bytes < 0 {
			t.Fatalf("% x: a bound of %d bytes", code, s.bytes)
		}
		steps, _ := p.steps(link.Ref{})
		for i, s := range steps {
			if s.Depth < 0 || i > 0 && s.Off <= steps[i-1].Off || int64(s.Len) > s.Off {
				t.Fatalf("% x: steps %v", code, steps)
			}
		}
		sum := int64(0)
		for _, frame := range g.path(0) {
			sum += int64(frame.Bytes)
		}
		if s.why == "" && sum != s.bytes+m.pushed {
			t.Fatalf("% x: a bound of %d bytes, but a path of %d", code, s.bytes+m.pushed, sum)
		}
	})
}
