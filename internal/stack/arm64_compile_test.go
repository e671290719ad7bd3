package stack

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestCompiledARM64 paints the stacks of frames that rustc makes in special
// ways, and has it make what has no bound.
func TestCompiledARM64(t *testing.T) {
	crossARM64.testCompiled(t, `core::arch::global_asm!(".globl memcpy, memset",
		"memcpy: mov x3, x0", "1: cbz x2, 2f", "ldrb w4, [x1], #1", "strb w4, [x3], #1", "sub x2, x2, #1", "b 1b", "2: ret",
		"memset: mov x3, x0", "1: cbz x2, 2f", "strb w1, [x3], #1", "sub x2, x2, #1", "b 1b", "2: ret");`)
}

func (m *cross) testCompiled(t *testing.T, memory string) {
	needTarget(t, m.target)
	for _, tt := range []struct {
		name, source string
		level        string // of optimization, if not 3
		least, most  int    // bytes
		reason       string // part of it
		path         []string
	}{
		{name: "leaf", source: `#[no_mangle] pub extern "C" fn f(a: u64, b: u64) -> u64 { a.wrapping_mul(b) }`},
		{name: "page", source: `#[no_mangle] pub extern "C" fn f(n: usize) -> u8 {
			let mut a = [0u8; 9000]; black_box(&mut a)[n % 9000] = 1; black_box(&a)[(n + 1) % 9000] }`, least: 9000, most: 9200},
		{name: "pages", source: `#[no_mangle] pub extern "C" fn f(n: usize) -> u8 {
			let mut a = [0u8; 100_000]; black_box(&mut a)[n % 100_000] = 1; black_box(&a)[(n + 1) % 100_000] }`, least: 100_000, most: 100_400},
		{name: "realigned", source: `#[repr(align(256))] struct A([u64; 32]);
			#[no_mangle] pub extern "C" fn f(n: u64) -> u64 { black_box(&A([n; 32])).0[3] }`, least: 256, most: 1280},
		{name: "pages, realigned", source: `#[repr(align(256))] struct A([u64; 3200]);
			#[no_mangle] pub extern "C" fn f(n: u64) -> u64 { black_box(&A([n; 3200])).0[3] }`, least: 25600, most: 64000},
		{name: "pages, realigned, not optimized", level: "0", source: `#[repr(align(256))] struct A([u64; 3200]);
			#[no_mangle] pub extern "C" fn f(n: u64) -> u64 { black_box(&A([n; 3200])).0[3] }`, least: 25600, most: 200_000},
		{name: "size", level: "z", source: `#[inline(never)] fn callee(x: &mut [u64; 8]) { x[0] = black_box([x[0]; 32])[3] }
			#[no_mangle] pub extern "C" fn f(n: u64) -> u64 { let mut x = [n; 8]; callee(&mut x); callee(black_box(&mut x)); x[0] }`, least: 256, most: 800},
		{name: "jump table", source: `#[inline(never)] fn big(n: u64) -> u64 { black_box([n; 64])[7] }
			#[no_mangle] pub extern "C" fn f(op: u32, n: u64) -> u64 { match op {
				0 => n + 1, 1 => big(n) + 1, 2 => n * n + 3, 3 => n.rotate_left(7), 4 => !n, 5 => n ^ 0xfeed, 6 => n / 3, 7 => black_box(n) - 1, 8 => n.swap_bytes(), 9 => n * 7,
				10 => big(n ^ 1) - 1, 11 => n.count_ones() as u64, 12 => n << 3, 13 => n.wrapping_pow(5), 14 => n | 0x77, 15 => n % 11, 16 => n & 0x1234567, _ => 0 } }`,
			least: 512, most: 700},
		{name: "known set of implementations", source: `trait T { fn go(&self, n: u64) -> u64; } struct A; struct B;
			impl T for A { #[inline(never)] fn go(&self, n: u64) -> u64 { black_box([n; 64])[5] } }
			impl T for B { fn go(&self, n: u64) -> u64 { n } }
			#[no_mangle] pub extern "C" fn f(n: u64) -> u64 { let t: &dyn T = if n & 1 == 0 { &A } else { &B }; black_box(t).go(n) + 1 }`, least: 512, most: 700},
		{name: "tail recursion", source: `#[inline(never)] fn even(n: u64) -> bool { if n == 0 { true } else { odd(n - 1) } }
			#[inline(never)] fn odd(n: u64) -> bool { if n == 0 { false } else { even(n - 1) } }
			#[no_mangle] pub extern "C" fn f(n: u64) -> bool { even(n) }`, most: 64},
		{name: "recursion", source: `#[no_mangle] pub extern "C" fn f(n: u64) -> u64 { if n < 2 { n } else { f(black_box(n - 1)) + f(n - 2) } }`, reason: "recursion: f → f"},
		{name: "panic path", source: `#[inline(never)] fn check(x: &[u64], n: usize) -> u64 { x[n] }
			#[no_mangle] pub extern "C" fn f(n: usize) -> u64 { check(black_box(&[7; 9]), n % 9) + 1 }`,
			least: 16, most: 400, path: []string{"f", "sample::check", "core::panicking::panic_bounds_check", "core::panicking::panic_fmt"}},
		{name: "assertion, which core outlines", source: `#[inline(never)] fn check(a: usize, b: usize) -> usize { assert_eq!(a, b); a }
			#[no_mangle] pub extern "C" fn f(n: usize) -> usize { check(black_box(n), n) + 1 }`, least: 16, most: 600},
		{name: "formatting outside of the panic path", source: `use core::fmt::Write; struct W(usize); impl Write for W { fn write_str(&mut self, s: &str) -> core::fmt::Result { self.0 += s.len(); Ok(()) } }
			#[no_mangle] pub extern "C" fn f(n: u64) -> usize { let mut w = W(0); let _ = write!(black_box(&mut w), "{n:?} {:>5}", n + 1); w.0 }`, reason: "recursion: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var flags []string
			if tt.level != "" {
				flags = []string{"-Copt-level=" + tt.level}
			}
			data := compileFor(t, m.target, memory+tt.source, flags...)
			b, err := analyzeFile(t, "libsample.a", data, "f").Bound("f")
			var unbounded *Unbounded
			switch {
			case tt.reason == "" && err != nil:
				t.Fatal(err)
			case tt.reason != "" && (!errors.As(err, &unbounded) || !strings.Contains(unbounded.Reason, tt.reason)):
				t.Fatalf("got %d bytes, %v, want %q", b.Bytes, err, tt.reason)
			case tt.reason != "":
				return
			case b.Bytes < tt.least || b.Bytes > tt.most:
				t.Fatalf("got %d bytes by %+v, want %d to %d", b.Bytes, b.Path, tt.least, tt.most)
			}
			path := b.Path
			for _, want := range tt.path {
				i := slices.IndexFunc(path, func(f Frame) bool { return strings.Contains(f.Function, want) })
				if i < 0 {
					t.Fatalf("no %q in the rest of the path; it is %+v", want, path)
				}
				path = path[i+1:]
			}
			var args [][]uintptr
			for _, n := range []uintptr{0, 1, 2, 5, 10, 40} {
				args = append(args, []uintptr{n, n})
			}
			o := m.paint(t, data, []painting{{"f", b.Bytes + slack, args}}, [][]byte{make([]byte, 4096)})["f"]
			t.Logf("measured %d, bound %d", o.measured, b.Bytes)
			if o.measured > b.Bytes {
				t.Errorf("used %d bytes, more than the bound %d", o.measured, b.Bytes)
			}
		})
	}
}
