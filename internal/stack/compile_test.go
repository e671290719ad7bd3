package stack

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// compile compiles a no_std crate and returns its archive.
func compile(t testing.TB, source string, flags ...string) []byte {
	t.Helper()
	return compileFor(t, "x86_64-unknown-linux-gnu", source, flags...)
}

func compileFor(t testing.TB, target, source string, flags ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath("rustc"); err != nil {
		missing(t, "rustc is missing")
	}
	dir := t.TempDir()
	src, lib := filepath.Join(dir, "sample.rs"), filepath.Join(dir, "libsample.a")
	const prelude = "#![no_std]\n#![allow(unused)]\nuse core::hint::black_box;\n" +
		"#[panic_handler] fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }\n"
	if err := os.WriteFile(src, []byte(prelude+source), 0o666); err != nil {
		t.Fatal(err)
	}
	args := []string{"--crate-type=staticlib", "--edition=2021", "-Copt-level=3", "-Cpanic=abort", "-Ccodegen-units=1", "--target=" + target, "-o", lib, src}
	if out, err := exec.Command("rustc", append(args, flags...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(lib)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestCompiled(t *testing.T) {
	const memory = `core::arch::global_asm!(".globl memcpy, memset", "memcpy:", "mov rcx, rdx", "rep movsb", "ret", "memset:", "mov rcx, rdx", "rep stosb", "ret");`
	for _, tt := range []struct {
		name, source string
		flags        []string
		least, most  int      // bytes
		reason       string   // part of it
		path         []string // parts of the functions' names, in this order
	}{
		{
			name:   "leaf",
			source: `#[no_mangle] pub extern "C" fn f(a: u64, b: u64) -> u64 { a.wrapping_mul(b) }`,
			least:  8, most: 8,
		},
		{
			name: "callee by name",
			source: `#[inline(never)] fn callee(x: &mut [u64; 8]) { x[0] = black_box([x[0]; 32])[3] }
				#[no_mangle] pub extern "C" fn f(x: &mut [u64; 8]) { callee(x); callee(x) }`,
			least: 8 + 8 + 256, most: 8 + 16 + 256 + 256, path: []string{"f", "callee"},
		},
		{
			name: "large frame",
			source: memory + `#[no_mangle] pub extern "C" fn f(n: usize) -> u8 {
				let mut a = [0u8; 100_000]; black_box(&mut a)[n % 100_000] = 1; black_box(&a)[(n + 1) % 100_000] }`,
			least: 100_000, most: 100_400,
		},
		{
			name: "realigned",
			source: `#[repr(align(256))] struct A([u64; 32]);
				#[no_mangle] pub extern "C" fn f(n: u64) -> u64 { black_box(&A([n; 32])).0[3] }`,
			least: 8 + 256, most: 8 + 1280,
		},
		{
			name:   "recursion",
			source: `#[no_mangle] pub extern "C" fn f(n: u64) -> u64 { if n < 2 { n } else { f(black_box(n - 1)) + f(n - 2) } }`,
			reason: "recursion: f → f",
		},
		{
			name: "mutual recursion",
			source: `#[inline(never)] fn even(n: u64) -> u64 { if n == 0 { 1 } else { odd(black_box(n - 1)) + 1 } }
				#[inline(never)] fn odd(n: u64) -> u64 { if n == 0 { 0 } else { even(black_box(n - 1)) + 2 } }
				#[no_mangle] pub extern "C" fn f(n: u64) -> u64 { black_box(even(n)) }`,
			reason: "recursion: sample::", path: []string{"f", "sample::even"},
		},
		{
			name: "tail recursion",
			source: `#[inline(never)] fn even(n: u64) -> bool { if n == 0 { true } else { odd(n - 1) } }
				#[inline(never)] fn odd(n: u64) -> bool { if n == 0 { false } else { even(n - 1) } }
				#[no_mangle] pub extern "C" fn f(n: u64) -> bool { even(n) }`,
			least: 8, most: 64,
		},
		{
			name: "known set of implementations",
			source: `trait T { fn go(&self, n: u64) -> u64; } struct A; struct B;
				impl T for A { #[inline(never)] fn go(&self, n: u64) -> u64 { black_box([n; 64])[5] } }
				impl T for B { fn go(&self, n: u64) -> u64 { n } }
				#[no_mangle] pub extern "C" fn f(n: u64) -> u64 { let t: &dyn T = if n & 1 == 0 { &A } else { &B }; black_box(t).go(n) + 1 }`,
			least: 8 + 8 + 512, most: 8 + 200 + 512 + 512, path: []string{"f", "<sample::A as sample::T>::go"},
		},
		{
			name: "implementation that calls itself",
			source: `trait T { fn go(&self, t: &dyn T, n: u64) -> u64; } struct A; struct B;
				impl T for A { fn go(&self, t: &dyn T, n: u64) -> u64 { if n == 0 { 0 } else { t.go(&A, n - 1) + 1 } } }
				impl T for B { fn go(&self, _: &dyn T, n: u64) -> u64 { n } }
				#[no_mangle] pub extern "C" fn f(n: u64) -> u64 { let t: &dyn T = if n & 1 == 0 { &A } else { &B }; black_box(t).go(black_box(&A), n) }`,
			reason: "recursion: <sample::A as sample::T>::go → (by pointer) <sample::A as sample::T>::go",
			path:   []string{"f", "<sample::A as sample::T>::go"},
		},
		{
			name: "jump table",
			source: `#[inline(never)] fn big(n: u64) -> u64 { black_box([n; 64])[7] }
				#[no_mangle] pub extern "C" fn f(op: u32, n: u64) -> u64 { match op {
					0 => n + 1, 1 => big(n) + 1, 2 => n * n + 3, 3 => n.rotate_left(7), 4 => !n, 5 => n ^ 0xfeed, 6 => n / 3, 7 => black_box(n) - 1, _ => 0 } }`,
			least: 8 + 8 + 512, most: 8 + 200 + 512 + 512, path: []string{"f", "sample::big"},
		},
		{
			name: "panic path",
			source: `#[inline(never)] fn check(x: &[u64], n: usize) -> u64 { x[n] }
				#[no_mangle] pub extern "C" fn f(x: &[u64; 9], n: usize) -> u64 { check(black_box(x), n) + 1 }`,
			least: 8 + 8 + 8, most: 300, path: []string{"f", "sample::check", "core::panicking::panic_bounds_check", "core::panicking::panic_fmt", "rust_begin_unwind"},
		},
		{
			name: "formatting outside of the panic path",
			source: memory + `use core::fmt::Write; struct W(usize); impl Write for W { fn write_str(&mut self, s: &str) -> core::fmt::Result { self.0 += s.len(); Ok(()) } }
				#[no_mangle] pub extern "C" fn f(n: u64) -> usize { let mut w = W(0); let _ = write!(black_box(&mut w), "{n:?} {:>5}", n + 1); w.0 }`,
			reason: "recursion: ",
		},
		{
			name:   "sort",
			source: memory + `#[no_mangle] pub extern "C" fn f(x: &mut [u64; 4096]) { x.sort_unstable() }`,
			reason: "recursion: ",
		},
		{
			name:   "call frame information that agrees",
			source: `core::arch::global_asm!(".globl f", "f:", ".cfi_startproc", "push rbx", ".cfi_def_cfa_offset 16", "pop rbx", ".cfi_def_cfa_offset 8", "ret", ".cfi_endproc");`,
			least:  16, most: 16,
		},
		{
			name:   "call frame information that finds more in use",
			source: `core::arch::global_asm!(".globl f", "f:", ".cfi_startproc", "push rbx", ".cfi_def_cfa_offset 24", "pop rbx", ".cfi_def_cfa_offset 8", "ret", ".cfi_endproc");`,
			reason: "f+0x1: register 4 is 8 bytes below the entry, but the call frame information says 16 bytes below the entry",
		},
		{
			name:   "assembly that the call frame information does not follow",
			source: `core::arch::global_asm!(".globl f", "f:", ".cfi_startproc", "push rbx", "pop rbx", "ret", ".cfi_endproc");`,
			least:  16, most: 16,
		},
		{
			name:   "no call frame information",
			source: `core::arch::global_asm!(".globl f", "f:", "push rbx", "pop rbx", "ret");`,
			least:  16, most: 16,
		},
		{
			name: "AVX-512",
			source: `#[no_mangle] pub extern "C" fn f(a: &mut [f32; 256], b: &[f32; 256]) -> f32 {
				let mut s = [0f32; 64]; for i in 0..256 { s[i & 63] += a[i] * b[i]; a[i] = a[i].max(b[i]) } black_box(&s).iter().sum() }`,
			flags: []string{"-Ctarget-cpu=x86-64-v4"}, least: 8 + 256, most: 8 + 1024,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b, err := analyzeFile(t, "libsample.a", compile(t, tt.source, tt.flags...), "f").Bound("f")
			path := b.Path
			var unbounded *Unbounded
			if errors.As(err, &unbounded) {
				path = unbounded.Path
			}
			switch {
			case tt.reason == "" && err != nil:
				t.Fatal(err)
			case tt.reason != "" && unbounded == nil:
				t.Fatalf("got %d bytes by %+v, want %q", b.Bytes, b.Path, tt.reason)
			case tt.reason != "" && !strings.Contains(unbounded.Reason, tt.reason):
				t.Fatalf("got %q, want %q in it", unbounded.Reason, tt.reason)
			case tt.reason == "" && (b.Bytes < tt.least || b.Bytes > tt.most):
				t.Fatalf("got %d bytes by %+v, want %d to %d", b.Bytes, b.Path, tt.least, tt.most)
			}
			for _, want := range tt.path {
				i := slices.IndexFunc(path, func(f Frame) bool { return strings.Contains(f.Function, want) })
				if i < 0 {
					t.Fatalf("no %q in the rest of the path; it is %+v", want, path)
				}
				path = path[i+1:]
			}
		})
	}
}
