package emit

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/abi"
	"github.com/cargo-rustgo/cargo-rustgo/internal/image"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
)

// arm64Rust uses everything that an image has: constants, pointers to them,
// writable data, zeros, and stack of its own.
const arm64Rust = `#![no_std]
use core::{hint::black_box, sync::atomic::{AtomicU64, Ordering::Relaxed}};
#[panic_handler] fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
static COUNTER: AtomicU64 = AtomicU64::new(1000);
static ZEROS: [AtomicU64; 1024] = [const { AtomicU64::new(0) }; 1024];
static NAMES: [&str; 3] = ["one", "three", "fifteen"];
static mut CALLEE: fn(u64) -> u64 = double;
fn double(x: u64) -> u64 { x * 2 }
#[repr(C)] pub struct Text(*const u8, usize);
#[no_mangle] pub extern "C" fn bump(by: u64) -> u64 { COUNTER.fetch_add(by, Relaxed) }
#[no_mangle] pub extern "C" fn zero(i: u64, by: u64) -> u64 { ZEROS[i as usize & 1023].fetch_add(by, Relaxed) }
#[no_mangle] pub extern "C" fn name(i: usize) -> Text { let s = black_box(&NAMES)[i % 3]; Text(s.as_ptr(), s.len()) }
#[no_mangle] pub extern "C" fn indirect(x: u64) -> u64 { unsafe { let f = black_box(&raw const CALLEE).read(); f(x) } }
#[no_mangle] pub extern "C" fn digits(x: u64) -> f64 { let t = black_box(&[0.5f64, 1.25, 2.125, 4.0625]); t[x as usize & 3] * 3.75 }
#[no_mangle] pub extern "C" fn sum(n: u64) -> u64 {
	let a: [u64; 512] = core::array::from_fn(|i| n.wrapping_mul(i as u64));
	black_box(&a).iter().fold(0, |s, w| s.wrapping_add(*w))
}
#[no_mangle] pub extern "C" fn many(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64, i: u64, j: u32, k: u8) -> u64 {
	let mut t = [a, b, c, d, e, f, g, h, i, j as u64, k as u64];
	black_box(&mut t).iter().fold(0, |s, w| s.wrapping_mul(31).wrapping_add(*w))
}
#[no_mangle] pub unsafe extern "C" fn peek(p: *const u64) -> u64 { p.read() }
#[no_mangle] pub extern "C" fn spin(n: u64) -> u64 { let mut x = n; for i in 0..n { x = black_box(x ^ i) } x }
`

// arm64Where is memcpy, and a function that returns SP and the low end of the goroutine's stack (g.stack.lo).
const arm64Where = `
	.section .text.where, "ax", @progbits
	.globl where
	.type where, @function
where:	mov x0, sp
	ldr x1, [x28]
	ret
	.size where, .-where
	.section .text.memcpy, "ax", @progbits
	.globl memcpy
	.type memcpy, @function
memcpy:	mov x3, 0
1:	cmp x3, x2
	b.hs 2f
	ldrb w4, [x1, x3]
	strb w4, [x0, x3]
	add x3, x3, 1
	b 1b
2:	ret
	.size memcpy, .-memcpy
`

// arm64Go is the package's functions as Go sees them.
func arm64Functions() ([]Function, map[string]int) {
	word := func(name string) Param {
		return Param{Name: name, Type: "uint64", Value: abi.Of("", abi.Scalar{Size: 8})}
	}
	pair := &Param{Type: "[2]uintptr", Composite: true, Value: abi.Value{Size: 16, Align: 8, Aggregate: true, Scalars: []abi.Scalar{{Size: 8}, {Off: 8, Size: 8}}}}
	result := word("")
	float := Param{Type: "float64", Value: abi.Of("", abi.Scalar{Size: 8, Class: abi.Float})}
	var eleven []Param
	for _, name := range strings.Split("abcdefghi", "") {
		if name == "g" {
			name = "q" // g is a register
		}
		eleven = append(eleven, word(name))
	}
	eleven = append(eleven, Param{Name: "j", Type: "uint32", Value: abi.Of("", abi.Scalar{Size: 4})}, Param{Name: "k", Type: "uint8", Value: abi.Of("", abi.Scalar{Size: 1})})
	functions := []Function{
		{Name: "Bump", Symbol: "bump", Params: []Param{word("by")}, Result: &result},
		{Name: "Zero", Symbol: "zero", Params: []Param{word("i"), word("by")}, Result: &result},
		{Name: "Name", Symbol: "name", Params: []Param{word("i")}, Result: pair},
		{Name: "Indirect", Symbol: "indirect", Params: []Param{word("x")}, Result: &result},
		{Name: "Digits", Symbol: "digits", Params: []Param{word("x")}, Result: &float},
		{Name: "Sum", Symbol: "sum", Params: []Param{word("n")}, Result: &result},
		{Name: "Many", Symbol: "many", Params: eleven, Result: &result},
		{Name: "Spin", Symbol: "spin", Params: []Param{word("n")}, Result: &result},
	}
	bounds := map[string]int{"bump": 0, "zero": 16, "name": 16, "indirect": 32, "digits": 48, "sum": 8448, "many": 256, "spin": 32}
	for _, bound := range []int{0, 64, 5000} {
		f := Function{Name: fmt.Sprintf("Peek%d", bound), Symbol: fmt.Sprintf("peek%d", bound), Params: []Param{{Name: "p", Type: "*uint64", Value: abi.Of("", abi.Scalar{Size: 8})}}, Result: &result}
		bounds[f.Symbol] = bound
		functions = append(functions, f)
	}
	for _, bound := range []int{0, 16, 592, 608, 4064, 4080, 4096, 60000} {
		f := Function{Name: fmt.Sprintf("Where%d", bound), Symbol: fmt.Sprintf("where%d", bound), Result: pair}
		bounds[f.Symbol] = bound
		functions = append(functions, f)
		f.Name, f.Symbol, f.Params = f.Name+"Args", f.Symbol+"args", eleven
		bounds[f.Symbol] = bound
		functions = append(functions, f)
	}
	for i := range functions {
		functions[i].StackLimit = DefaultStackLimit
	}
	return functions, bounds
}

// TestARM64Runtime calls Rust under what the runtime does: moving stacks,
// collecting garbage, preempting, profiling, and recovering from faults.
func TestARM64Runtime(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("runs ELF code")
	}
	tools := []string{"rustc", "go", "aarch64-linux-gnu-as"}
	if runtime.GOARCH != "arm64" {
		tools = append(tools, "qemu-aarch64")
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	needTarget(t, "aarch64-unknown-linux-gnu")
	dir := t.TempDir()
	execWrite(t, dir, "rust/lib.rs", arm64Rust)
	execWrite(t, dir, "rust/where.s", arm64Where)
	execRun(t, dir, "arm64", "rustc", "--edition=2021", "--crate-type=lib", "--emit=obj", "-Copt-level=2", "-Cpanic=abort", "-Ctarget-feature=+lse,+reserve-x28", "--target=aarch64-unknown-linux-gnu", "-o", "lib.o", "rust/lib.rs")
	execRun(t, dir, "arm64", "aarch64-linux-gnu-as", "-o", "where.o", "rust/where.s")
	var libs []*link.Library
	for _, name := range []string{"lib.o", "where.o"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		lib, err := link.Open(name, data, nil)
		if err != nil {
			t.Fatal(err)
		}
		libs = append(libs, lib)
	}
	set, err := link.Resolve(libs, []string{"bump", "zero", "name", "indirect", "digits", "sum", "many", "peek", "spin", "where"})
	if err != nil {
		t.Fatal(err)
	}
	img, err := image.Build(set, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(img.Loads) < 4 || len(img.Pointers) < 4 {
		t.Errorf("%d loads and %d pointers: too few for a test", len(img.Loads), len(img.Pointers))
	}
	p := &Package{Name: "callee"}
	platform := Platform{GOOS: "linux", GOARCH: "arm64", Image: img}
	p.Functions, platform.Stack = arm64Functions()
	// One function in all forms of trampolines but copies.
	forms := map[string]uint64{}
	for _, e := range img.Exports {
		if e.Name == "where" || e.Name == "peek" {
			forms[e.Name] = e.Off
			if e.Name == "peek" && e.Leaf == nil {
				t.Error("a load is not copied")
			}
		}
	}
	for _, f := range p.Functions {
		for name, off := range forms {
			if strings.HasPrefix(f.Symbol, name) {
				img.Exports = append(img.Exports, image.Export{Name: f.Symbol, Off: off})
			}
		}
	}
	for _, c := range img.Code {
		platform.Code = append(platform.Code, Code{Known: slices.Contains([]string{"peek", "where"}, c.Name)})
	}
	p.Platforms = []Platform{platform}
	files, err := p.Files()
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		execWrite(t, dir, "callee/"+name, string(data))
	}
	var wheres strings.Builder
	for _, f := range p.Functions {
		if strings.HasPrefix(f.Symbol, "where") {
			args := ""
			if len(f.Params) > 0 {
				args = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11"
			}
			fmt.Fprintf(&wheres, "\tcheckWhere(%d, callee.%s(%s))\n", platform.Stack[f.Symbol], f.Name, args)
		}
	}
	execWrite(t, dir, "go.mod", "module example.com/exec\n\ngo 1.25\n")
	execWrite(t, dir, "main.go", strings.Replace(arm64Main, "WHERES", wheres.String(), 1))
	execRun(t, dir, "arm64", "go", "vet", "./callee")
	for _, mode := range [][]string{nil, {"-buildmode=pie"}} {
		execRun(t, dir, "arm64", "go", slices.Concat([]string{"build", "-o", "program"}, mode, []string{"."})...)
		checkText(t, filepath.Join(dir, "program"), img)
		run := []string{"./program"}
		if runtime.GOARCH != "arm64" {
			run = []string{"qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", "./program"}
		}
		if out := execRun(t, dir, "arm64", run[0], run[1:]...); out != "ok\n" {
			t.Errorf("%v: %s", mode, out)
		}
	}
}

// checkText finds the image in a program and compares it, but for the
// instructions that were left to the assembler.
func checkText(t *testing.T, program string, img *image.Image) {
	t.Helper()
	file, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	symbols, err := file.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(symbols, func(s elf.Symbol) bool { return strings.HasPrefix(s.Name, "rust/callee.bump") })
	if i < 0 {
		t.Fatal("no symbol of the first function")
	}
	text := file.Section(".text")
	data, err := text.Data()
	if err != nil {
		t.Fatal(err)
	}
	start := symbols[i].Value - text.Addr - img.Code[0].Off
	want := bytes.Clone(img.Memory[image.Text].Data)
	got := data[start:][:len(want)]
	for _, l := range img.Loads {
		adrp, add := binary.LittleEndian.Uint32(got[l.Off:]), binary.LittleEndian.Uint32(got[l.Off+4:])
		r := uint32(l.Register)
		if adrp&0x9f00001f != 0x90000000|r || add&0xffc003ff != 0x91000000|r<<5|r {
			t.Errorf("load at %#x: %#x %#x", l.Off, adrp, add)
		}
		copy(want[l.Off:], got[l.Off:l.Off+8])
	}
	if !bytes.Equal(got, want) {
		t.Error("the program has other bytes than the image")
	}
}

const arm64Main = `package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"sync"
	"time"
	"unsafe"

	"example.com/exec/callee"
)

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

// checkWhere looks at SP of Rust and at the end of the stack.
func checkWhere(bound int, got [2]uintptr) {
	if got[0]%16 != 0 || got[0] < got[1]+uintptr(bound) {
		fail("%d bytes of stack, want %d", got[0]-got[1], bound)
	}
}

//go:noinline
func all(n uint64) {
	if got := callee.Name(n); unsafe.String((*byte)(unsafe.Pointer(got[0])), int(got[1])) != [...]string{"one", "three", "fifteen"}[n%3] {
		fail("name")
	}
	if got := callee.Indirect(n); got != 2*n {
		fail("indirect %d: %d", n, got)
	}
	if got := callee.Digits(n); got != [...]float64{1.875, 4.6875, 7.96875, 15.234375}[n%4] {
		fail("digits %d: %v", n, got)
	}
	if got := callee.Sum(n); got != n*512*511/2 {
		fail("sum %d: %d", n, got)
	}
	want := uint64(0)
	for i := range uint64(11) {
		want = want*31 + (n+i)%256
	}
	if got := callee.Many(n%256, (n+1)%256, (n+2)%256, (n+3)%256, (n+4)%256, (n+5)%256, (n+6)%256, (n+7)%256, (n+8)%256, uint32(n+9)%256, uint8(n+10)); got != want {
		fail("many %d: %d, want %d", n, got, want)
	}
	for _, peek := range peeks {
		if got := peek(&n); got != n {
			fail("peek")
		}
	}
	callee.Bump(1)
	callee.Zero(n, 1)
WHERES}

// deep has the garbage collector move what is below it.
//
//go:noinline
func deep(n uint64, depth int) *[16]uint64 {
	var pad [16]uint64
	pad[depth%16] = n
	if depth == 0 {
		all(n)
		return &pad
	}
	below := deep(n, depth-1)
	if depth%64 == 0 {
		all(n + below[0]&1)
	}
	return &pad
}

var peeks = []func(*uint64) uint64{callee.Peek0, callee.Peek64, callee.Peek5000}

// recovered is what a fault in Rust becomes.
func recovered(peek func(*uint64) uint64) (err error) {
	defer func() { err, _ = recover().(error) }()
	peek(nil)
	return nil
}

func main() {
	debug.SetGCPercent(5)
	var profile bytes.Buffer
	if err := pprof.StartCPUProfile(&profile); err != nil {
		fail("%v", err)
	}
	var group sync.WaitGroup
	stop := time.Now().Add(2 * time.Second)
	var counts [6]uint64
	for i := range counts {
		group.Go(func() {
			for n := uint64(i); time.Now().Before(stop); n++ {
				done := make(chan int)
				go func() { deep(n, int(n%200)); close(done) }()
				<-done
				counts[i]++
				callee.Spin(100000)
				if err := recovered(peeks[n%3]); err == nil || !strings.Contains(err.Error(), "nil pointer") {
					fail("recovered %v", err)
				}
			}
		})
	}
	group.Go(func() {
		for time.Now().Before(stop) {
			runtime.GC()
		}
	})
	group.Wait()
	pprof.StopCPUProfile()
	unpacked, err := gzip.NewReader(&profile)
	if err != nil {
		fail("%v", err)
	}
	if data, err := io.ReadAll(unpacked); err != nil || !bytes.Contains(data, []byte("rust/callee.spin")) {
		fail("a profile without Rust: %v", err)
	}
	for i, n := range counts {
		if n < 2 {
			fail("goroutine %d did %d rounds", i, n)
		}
	}
	fmt.Println("ok")
}
`
