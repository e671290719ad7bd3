package arm64

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
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

// libraries returns real code for AArch64: of rustc where the target is
// installed, and of the C compiler.
func libraries(t *testing.T) []string {
	t.Helper()
	var files []string
	if out, err := exec.Command("rustc", "--print", "sysroot").Output(); err == nil {
		for _, name := range []string{"core", "compiler_builtins", "alloc", "std", "memchr", "gimli"} {
			found, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "lib/rustlib/aarch64-unknown-linux-gnu/lib/lib"+name+"-*.rlib"))
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, found...)
		}
	}
	if len(files) == 0 {
		t.Log("rustc has no library for aarch64-unknown-linux-gnu: the code is that of C alone")
	}
	for _, name := range []string{"libgcc.a", "libc.a", "libm-2.36.a", "libm.a"} {
		out, err := exec.Command(need(t, "aarch64-linux-gnu-gcc"), "-print-file-name="+name).Output()
		if err != nil {
			t.Fatal(err)
		}
		if path := strings.TrimSpace(string(out)); filepath.IsAbs(path) {
			files = append(files, path)
		}
	}
	return files
}

// disassembly calls visit with every instruction that a disassembler prints:
// its offset, mnemonic and operands.
func disassembly(t *testing.T, tool, file string, visit func(pc int, word uint32, mnemonic, operands string)) {
	t.Helper()
	args := []string{"-d", "-w", "-z"}
	if strings.Contains(tool, "llvm") {
		args = []string{"-d", "-z", "--mattr=+all"}
	}
	cmd := exec.Command(tool, append(args, file)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		// "   10: f9400be0     	ldr	x0, [sp, #0x10]"
		addr, rest, ok := strings.Cut(strings.TrimSpace(lines.Text()), ":")
		pc, err := strconv.ParseInt(addr, 16, 64)
		if err != nil || !ok {
			continue
		}
		raw, text, ok := strings.Cut(strings.TrimSpace(rest), "\t")
		if raw = strings.TrimSpace(raw); !ok || len(raw) != 8 {
			continue
		}
		word, err := strconv.ParseUint(raw, 16, 32)
		if err != nil {
			continue
		}
		mnemonic, operands, _ := strings.Cut(strings.TrimSpace(text), "\t")
		operands, _, _ = strings.Cut(operands, "//")
		visit(int(pc), uint32(word), mnemonic, strings.TrimSpace(operands))
	}
	_, _ = io.Copy(io.Discard, out)
	// A nonzero exit is expected: an rlib also holds metadata.
	_ = cmd.Wait()
}

// facts are what a test compares of an instruction.
type facts struct {
	flow          Flow
	target        int
	writes, reads Regs
	base, index   int
	disp          int64
	value         int64 // the immediate operand
	stack         StackEffect
}

func factsOf(i *Inst, pc int) facts {
	f := facts{flow: i.Flow(), writes: i.Writes(), reads: i.Reads(), base: i.Base(), index: i.Index(), disp: i.Disp(), stack: i.Stack()}
	switch f.flow {
	case Call, Jump, CondJump:
		f.target = i.Target(pc)
	}
	switch {
	case i.Op == Movn:
		f.value = ^i.Imm()
	case i.Op == Movz, i.Op == Movk, i.Immediate() && (i.Op == Add || i.Op == Sub || i.Op == And || i.Op == Orr):
		f.value = i.Imm()
	}
	if !i.Wide() {
		f.value = int64(uint32(f.value))
	}
	switch {
	case i.Mode() == Literal:
		f.target, f.disp = pc+int(f.disp), 0
	case i.Op == Adr:
		f.target = pc + int(i.Imm())
	case i.Op == Adrp:
		f.target = pc&^0xfff + int(i.Imm())
	}
	return f
}

// TestObjdump compares everything that is decoded with what the text of GNU
// objdump and llvm-objdump says of real code.
func TestObjdump(t *testing.T) {
	tools := []string{need(t, "aarch64-linux-gnu-objdump")}
	if llvm, err := exec.LookPath("llvm-objdump-19"); err == nil {
		tools = append(tools, llvm)
	}
	files := libraries(t)
	if extra := os.Getenv("ARM64_CODE"); extra != "" {
		files = append(files, filepath.SplitList(extra)...)
	}
	if testing.Short() {
		files, tools = files[:1], tools[:1]
	}
	for _, tool := range tools {
		total, unknown, wrong := 0, map[string]int{}, 0
		distinct := map[uint32]bool{}
		for _, file := range files {
			n := 0
			disassembly(t, tool, file, func(pc int, word uint32, mnemonic, operands string) {
				if strings.HasPrefix(mnemonic, ".") || strings.HasPrefix(mnemonic, "<") || strings.Contains(operands, "undefined") || mnemonic == "udf" {
					return // data
				}
				n++
				distinct[word] = true
				inst, err := Decode(binary.LittleEndian.AppendUint32(nil, word))
				if err != nil {
					if unknown[mnemonic]++; !refused(mnemonic, operands) {
						t.Errorf("%s: %08x %s %s: %v", filepath.Base(file), word, mnemonic, operands, err)
					}
					return
				}
				want, ok := factsIn(mnemonic, operands)
				got := factsOf(&inst, pc)
				if !strings.Contains(tool, "llvm") && (got.flow != Next || inst.Op == Adrp) {
					got.target = want.target // GNU objdump applies relocations to these
				}
				if !ok || got != want {
					if wrong++; wrong <= 20 {
						t.Errorf("%s: %08x %s %s: got %+v, want %+v", filepath.Base(file), word, mnemonic, operands, got, want)
					}
				}
			})
			if n == 0 {
				t.Errorf("%s: no code in the output of %s", file, tool)
			}
			total += n
		}
		t.Logf("%s: %d instructions, %d of them distinct; %d differ", filepath.Base(tool), total, len(distinct), wrong)
		t.Logf("not decoded: %v", unknown)
	}
}

// TestRandom compares random words of all groups that the tables cover, on what
// llvm-objdump takes for instructions: the code of compilers has few atomics,
// say.
func TestRandom(t *testing.T) {
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(64, 7))
	var text strings.Builder
	for n := 0; n < 300_000; {
		if word := r.Uint32(); rows[word>>24] != nil {
			fmt.Fprintf(&text, ".inst %#x\n", word)
			n++
		}
	}
	src, obj := filepath.Join(dir, "a.s"), filepath.Join(dir, "a.o")
	if err := os.WriteFile(src, []byte(text.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(need(t, "aarch64-linux-gnu-gcc"), "-c", "-o", obj, src).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	total, refusals, generous, wrong := 0, 0, 0, 0
	disassembly(t, need(t, "llvm-objdump-19"), obj, func(pc int, word uint32, mnemonic, operands string) {
		inst, err := Decode(binary.LittleEndian.AppendUint32(nil, word))
		if strings.HasPrefix(mnemonic, "<") {
			if err == nil {
				generous++
			}
			return
		}
		total++
		if err != nil {
			if refusals++; !refused(mnemonic, operands) && !unpredictable.MatchString(mnemonic) && !strings.Contains(operands, "S0_") && !strings.Contains(operands, "S1_") {
				t.Errorf("%08x %s %s: %v", word, mnemonic, operands, err)
			}
			return
		}
		want, ok := factsIn(mnemonic, operands)
		if got := factsOf(&inst, pc); !ok || got != want {
			if wrong++; wrong <= 40 {
				t.Errorf("%08x %s %s: got %+v, want %+v", word, mnemonic, operands, got, want)
			}
		}
	})
	t.Logf("%d instructions, %d differ, %d are refused; %d words are decoded that are none", total, wrong, refusals, generous)
}
