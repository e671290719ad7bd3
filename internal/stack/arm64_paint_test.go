package stack

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
)

// arm64Flags are what crates are compiled with here. Atomics that look at the
// processor first need an initializer, which link refuses.
var arm64Flags = []string{"--config", `build.rustflags=["-Ctarget-feature=-outline-atomics"]`}

// cross is another processor than the host's, and the tools for it.
type cross struct {
	target string // of rustc
	tools  string // what the names of GNU's start with
	qemu   string
	trap   string // an instruction
	flags  []string
}

var (
	crossARM64 = &cross{target: arm64Target, tools: "aarch64-linux-gnu-", qemu: "qemu-aarch64", trap: "brk #1", flags: arm64Flags}
	crossRISCV = &cross{target: riscvTarget, tools: "riscv64-linux-gnu-", qemu: "qemu-riscv64", trap: "ebreak"}
)

// gcc returns the cross compiler, which also assembles.
func (m *cross) gcc(t testing.TB) string {
	t.Helper()
	tool := m.tools + "gcc"
	if _, err := exec.LookPath(tool); err != nil {
		missing(t, "%s is missing", tool)
	}
	return tool
}

// painting is a function to call on a painted stack.
type painting struct {
	name string
	size int // of the painted part, in bytes
	// args are the arguments of each call. The nth buffer is bufferArg + n.
	args [][]uintptr
}

const bufferArg = 1 << 63

// outcome is what came of it.
type outcome struct{ measured, panics int }

// paint links an archive to a program that calls functions on a painted stack,
// and runs that on an emulated processor. Each input of 4096 bytes is once what
// the second buffer holds.
func (m *cross) paint(t *testing.T, archive []byte, functions []painting, inputs [][]byte) map[string]outcome {
	t.Helper()
	if _, err := exec.LookPath(m.qemu); err != nil {
		missing(t, "%s is missing", m.qemu)
	}
	dir := t.TempDir()
	lib, data, table, program := filepath.Join(dir, "lib"), filepath.Join(dir, "inputs"), filepath.Join(dir, "table.s"), filepath.Join(dir, "paint")
	largest := 0
	var b strings.Builder
	fmt.Fprintf(&b, ".section .rodata\n.balign 8\n.globl inputs\ninputs: .incbin %q\n", data)
	fmt.Fprintf(&b, ".balign 8\n.globl input_count, function_count, functions\ninput_count: .quad %d\nfunction_count: .quad %d\nfunctions:\n", len(inputs), len(functions))
	for i, f := range functions {
		largest = max(largest, f.size)
		fmt.Fprintf(&b, ".quad name%d, %s, %d, args%d, %d\n", i, f.name, f.size, i, len(f.args))
	}
	for i, f := range functions {
		fmt.Fprintf(&b, "name%d: .asciz %q\n.balign 8\nargs%d:\n", i, f.name, i)
		for _, list := range f.args {
			var eight [8]uintptr
			if copy(eight[:], list) < len(list) {
				t.Fatalf("%s: %d arguments, more than registers", f.name, len(list))
			}
			for _, arg := range eight {
				fmt.Fprintf(&b, ".quad %#x\n", arg)
			}
		}
	}
	// A handler that comes back to a trampoline has none here: a panic traps.
	library, err := link.Open("lib", archive, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range library.Names() {
		if strings.HasSuffix(name, "rust_begin_unwind") {
			fmt.Fprintf(&b, ".text\n.globl %s\n%[1]s: %s\n", name, m.trap)
		}
	}
	// Between the stack and other data there is nothing: an overflow is seen.
	fmt.Fprintf(&b, ".bss\n.balign 64\n.zero %d\n.globl painted_end\npainted_end: .zero 4096\n", (largest+63)&^63)
	for path, content := range map[string][]byte{lib: archive, data: slices.Concat(inputs...), table: []byte(b.String())} {
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	// What comes first is taken: the handler of the table before the archive's,
	// and the memory functions of that before the C library's.
	cmd := exec.Command(m.gcc(t), "-static", "-O2", "-Wl,--allow-multiple-definition", "-o", program, "testdata/paint/paint.c", "testdata/paint/gate.S", table, lib)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var stdout, stderr bytes.Buffer
	run := exec.Command(m.qemu, program)
	run.Stdout, run.Stderr = &stdout, &stderr
	if err := run.Run(); err != nil {
		t.Fatalf("%v after %q\n%s", err, lastLine(stdout.String()), &stderr)
	}
	results := map[string]outcome{}
	for line := range strings.Lines(stdout.String()) {
		var name string
		var o outcome
		if _, err := fmt.Sscan(line, &name, &o.measured, &o.panics); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		results[name] = o
	}
	return results
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}

// comparison adds up how measurements compare with bounds.
type comparison struct{ functions, exact, close, measured, bound int }

func (c *comparison) add(t *testing.T, b Bound, name string, o outcome) {
	t.Helper()
	c.functions++
	c.measured += o.measured
	c.bound += b.Bytes
	switch {
	case o.measured > b.Bytes:
		t.Errorf("%s: used %d bytes, more than the bound %d by %v", name, o.measured, b.Bytes, b.Path)
	case o.measured == b.Bytes:
		c.exact++
	case b.Bytes-o.measured <= 128:
		c.close++
	}
	t.Logf("%-24s measured %6d  bound %6d  panics %d", name, o.measured, b.Bytes, o.panics)
}

func (c *comparison) log(t *testing.T) {
	t.Helper()
	t.Logf("%d functions: %d used all of their bound, %d all but 128 bytes or less, %d less than that; %d of %d bytes in sum",
		c.functions, c.exact, c.close, c.functions-c.exact-c.close, c.measured, c.bound)
}

// slack is how many bytes are painted beyond the bound, to see what should not
// be used.
const slack = 1 << 14

// TestPaintARM64 runs the fixtures' functions on painted stacks.
func TestPaintARM64(t *testing.T) { crossARM64.testPaint(t) }

func (m *cross) testPaint(t *testing.T) {
	needTarget(t, m.target)
	var total comparison
	for _, fixture := range fixtureNames {
		if fixture == "floats" || fixture == "statics" {
			continue // they have assembly for amd64
		}
		t.Run(fixture, func(t *testing.T) {
			data := buildCrateFor(t, m.target, fixture, filepath.Join("../../fixtures", fixture, "target"), m.flags...)
			exports := fixtureExports(t, fixture)
			var roots []string
			for _, f := range exports {
				roots = append(roots, f.name)
			}
			a := analyzeFile(t, fixture, data, roots...)
			var functions []painting
			for _, f := range exports {
				b, err := a.Bound(f.name)
				if err != nil {
					t.Log(err)
					continue
				}
				functions = append(functions, painting{f.name, b.Bytes + slack, f.arguments(func(n int) uintptr { return bufferArg + uintptr(n%paintBuffers) })})
			}
			results := m.paint(t, data, functions, [][]byte{make([]byte, 4096)})
			for _, f := range functions {
				b, _ := a.Bound(f.name)
				total.add(t, b, f.name, results[f.name])
			}
		})
	}
	total.log(t)
}

const paintBuffers = 6 // BUFFERS in paint.c

// TestPaintPopularARM64 runs functions of crates that many use on painted stacks.
func TestPaintPopularARM64(t *testing.T) { crossARM64.testPaintPopular(t, "3", `"s"`, `"z"`) }

func (m *cross) testPaintPopular(t *testing.T, levels ...string) {
	needTarget(t, m.target)
	inputs := popularInputs()
	var total comparison
	for _, level := range levels {
		t.Run("opt-level="+level, func(t *testing.T) {
			before := total.functions
			// Of the smallest size no frame is described to its end. What the outliner
			// makes of the ends of functions is not understood.
			data, set := popularFor(t, m.target, level, append(m.flags, "--config", `build.rustflags=["-Cllvm-args=-enable-machine-outliner=never"]`)...)
			a, err := Analyze(set)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range a.graph.r.functions {
				if f.fail != nil {
					t.Errorf("%s%v", f.name, f.fail)
				}
			}
			var functions []painting
			for _, root := range set.Roots {
				b, err := a.Bound(root.Name)
				if err != nil {
					if name := strings.TrimPrefix(root.Name, "paint_"); unboundedPopular[name] == "" || !strings.Contains(err.Error(), "recursion: ") {
						t.Error(err)
					}
					continue
				}
				var args [][]uintptr
				for _, n := range []uintptr{0, 1, 3, 9, 17, 40, 64, 130, 256, 1025, 4096, 5000} {
					args = append(args, []uintptr{bufferArg, bufferArg + 1, n})
				}
				functions = append(functions, painting{root.Name, b.Bytes + slack, args})
			}
			results := m.paint(t, data, functions, inputs)
			for _, f := range functions {
				b, _ := a.Bound(f.name)
				total.add(t, b, strings.TrimPrefix(f.name, "paint_"), results[f.name])
			}
			if n := total.functions - before; n < 200 && !t.Failed() {
				t.Errorf("only %d functions", n)
			}
		})
	}
	total.log(t)
}
