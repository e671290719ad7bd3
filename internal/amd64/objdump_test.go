package amd64

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/arch/x86/x86asm"
)

// need returns the path of a program that the comparison needs. Without it the
// test says so and is skipped, but not in CI.
func need(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing", names[0])
	}
	t.Skipf("%s is missing", names[0])
	return ""
}

// rlibs returns the precompiled libraries of the installed toolchain: real
// code of rustc, and of the C compiler-rt.
func rlibs(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command(need(t, "rustc"), "--print", "sysroot").Output()
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, name := range []string{"core", "compiler_builtins", "alloc", "std", "memchr", "gimli"} {
		found, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "lib/rustlib/x86_64-unknown-linux-gnu/lib/lib"+name+"-*.rlib"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("no library for x86_64-unknown-linux-gnu")
		}
		t.Skip("no library for x86_64-unknown-linux-gnu")
	}
	return files
}

// vectorSample is compiled for AVX-512: the loops become VEX and EVEX code.
const vectorSample = `#![no_std]
#[panic_handler] fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
#[no_mangle] pub extern "C" fn dot(a: &[f32; 512], b: &[f32; 512]) -> f32 {
	let mut s = [0f32; 16]; for i in 0..512 { s[i & 15] += a[i] * b[i] } s.iter().sum() }
#[no_mangle] pub extern "C" fn mix(a: &mut [u8; 4096], b: &[u8; 4096]) {
	for i in 0..4096 { a[i] = (a[i] ^ b[i]).rotate_left(3).wrapping_add(a[i].count_ones() as u8) } }
#[no_mangle] pub extern "C" fn widen(a: &mut [i64; 256], b: &[i16; 256], c: &[f64; 256]) {
	for i in 0..256 { a[i] = if b[i] > 0 { a[i].max(b[i] as i64) } else { c[i].to_bits() as i64 >> (b[i] & 63) } } }
#[no_mangle] pub extern "C" fn gather(a: &mut [f64; 64], b: &[u32; 64], c: &[f64; 4096]) {
	for i in 0..64 { a[i] = c[(b[i] & 4095) as usize] as f32 as f64 } }
#[no_mangle] pub extern "C" fn bits(a: &mut [u64; 64]) {
	for x in a { *x = (x.leading_zeros() as u64) << (*x & 31) | x.trailing_zeros() as u64 & !*x | (*x & (*x).wrapping_sub(1)) } }
`

func vectorCode(t *testing.T, cpu string) string {
	t.Helper()
	dir := t.TempDir()
	src, obj := filepath.Join(dir, "v.rs"), filepath.Join(dir, "v.o")
	if err := os.WriteFile(src, []byte(vectorSample), 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(need(t, "rustc"), "--crate-type=lib", "--emit=obj", "-Copt-level=3", "-Cpanic=abort", "-Ctarget-cpu="+cpu, "--target=x86_64-unknown-linux-gnu", "-o", obj, src)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return obj
}

// disassembly calls visit with the bytes of every instruction that a
// disassembler prints.
func disassembly(t *testing.T, tool, file string, visit func(code []byte, text string)) {
	t.Helper()
	args := []string{"-d", file}
	if !strings.Contains(tool, "llvm") {
		args = []string{"-d", "-w", "-z", file}
	}
	cmd := exec.Command(tool, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	var prefix []byte
	for lines.Scan() {
		addr, rest, ok := strings.Cut(strings.TrimSpace(lines.Text()), ":")
		if _, err := strconv.ParseUint(addr, 16, 64); err != nil || !ok {
			continue
		}
		// "48 89 e5 <spaces>\tmov …": the bytes end at the first tab after them.
		raw, text, _ := strings.Cut(strings.TrimLeft(rest, " \t"), "\t")
		code, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(raw), " ", ""))
		if err != nil || len(code) == 0 {
			continue
		}
		code = append(prefix, code...)
		if prefix = nil; text == "lock" { // llvm-objdump gives it a line of its own
			prefix = code
			continue
		}
		visit(code, text)
	}
	_, _ = io.Copy(io.Discard, out)
	// A nonzero exit is expected: an rlib also holds metadata.
	_ = cmd.Wait()
}

// TestLengths compares lengths with GNU objdump or llvm-objdump on real code.
func TestLengths(t *testing.T) {
	tools := []string{need(t, "objdump")}
	if llvm, err := exec.LookPath("llvm-objdump-19"); err == nil {
		tools = append(tools, llvm)
	}
	files := rlibs(t)
	for _, cpu := range []string{"x86-64-v3", "x86-64-v4", "sapphirerapids"} {
		files = append(files, vectorCode(t, cpu))
	}
	if extra := os.Getenv("AMD64_LENGTHS"); extra != "" {
		files = append(files, filepath.SplitList(extra)...)
	}
	if testing.Short() {
		files, tools = files[:1], tools[:1]
	}
	seen := map[Encoding]int{}
	for _, tool := range tools {
		total, wrong := 0, 0
		for _, file := range files {
			n := 0
			disassembly(t, tool, file, func(code []byte, text string) {
				if strings.Contains(text, "(bad)") || strings.Contains(text, "<unknown>") {
					return
				}
				n++
				// Bytes after the instruction must not matter: zeros would
				// decode as anything.
				inst, err := Decode(append(bytes.Clone(code), 0, 0, 0, 0, 0, 0, 0, 0))
				if err != nil || inst.Len != len(code) {
					if wrong++; wrong <= 20 {
						t.Errorf("%s: % x %s: got length %d, %v", filepath.Base(file), code, text, inst.Len, err)
					}
				}
				seen[inst.Encoding]++
			})
			if n == 0 {
				t.Errorf("%s: no code in the output of %s", file, tool)
			}
			total += n
		}
		t.Logf("%s: %d instructions, %d lengths differ", filepath.Base(tool), total, wrong)
	}
	if !testing.Short() && (seen[VEX] == 0 || seen[EVEX] == 0) {
		t.Errorf("the code had %d VEX and %d EVEX instructions", seen[VEX], seen[EVEX])
	}
	t.Logf("encodings: %v", seen)
}

// TestX86asm compares lengths with x/arch where that knows the instruction.
func TestX86asm(t *testing.T) {
	files := rlibs(t)
	known, unknown, wrong := 0, 0, 0
	for _, file := range files[:1] {
		disassembly(t, need(t, "objdump"), file, func(code []byte, text string) {
			want, err := x86asm.Decode(code, 64)
			if err != nil {
				unknown++
				return
			}
			known++
			got, err := Decode(code)
			if (err != nil || got.Len != want.Len) && len(code) != want.Len {
				return // x86asm is at odds with objdump
			}
			if err != nil || got.Len != want.Len {
				if wrong++; wrong <= 20 {
					t.Errorf("% x %s: got length %d, %v; x86asm says %d", code, text, got.Len, err, want.Len)
				}
			}
		})
	}
	t.Logf("%d instructions compared, %d unknown to x86asm, %d differ", known, unknown, wrong)
}
