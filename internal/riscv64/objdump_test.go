package riscv64

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// need returns the path of a program that the comparison needs. Without it the
// test says so and is skipped, but not in CI.
func need(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal(err)
	} else if err != nil {
		t.Skip(err)
	}
	return path
}

// libraries returns real code: of rustc where the target is installed, and of the
// C compiler.
func libraries(t *testing.T) []string {
	t.Helper()
	var files []string
	if out, err := exec.Command("rustc", "--print", "sysroot").Output(); err == nil {
		for _, name := range []string{"core", "compiler_builtins", "alloc", "std", "memchr", "gimli"} {
			found, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "lib/rustlib/riscv64gc-unknown-linux-gnu/lib/lib"+name+"-*.rlib"))
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, found...)
		}
	}
	if len(files) == 0 {
		t.Log("rustc has no library for riscv64gc-unknown-linux-gnu: the code is that of C alone")
	}
	for _, name := range []string{"libgcc.a", "libc.a", "libm.a"} {
		out, err := exec.Command(need(t, "riscv64-linux-gnu-gcc"), "-print-file-name="+name).Output()
		if err != nil {
			t.Fatal(err)
		}
		if path := strings.TrimSpace(string(out)); filepath.IsAbs(path) {
			files = append(files, path)
		}
	}
	return files
}

// extensions are those of the package, as LLVM calls them.
const extensions = "+m,+a,+f,+d,+c,+zicsr,+zifencei,+zba,+zbb,+zbs,+zicond"

// disassembly calls visit with every instruction that a disassembler prints:
// its offset, bytes, mnemonic and operands.
func disassembly(t *testing.T, tool, file string, visit func(pc int64, code []byte, mnemonic string, operands []string)) {
	t.Helper()
	args := []string{"-d", "-w", "-z", "-M", "no-aliases"}
	if strings.Contains(tool, "llvm") {
		args = []string{"-d", "-z", "-M", "no-aliases", "--triple=riscv64", "--mattr=" + extensions}
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
		// "   10: 00b50533     	add	a0, a0, a1"
		addr, rest, ok := strings.Cut(strings.TrimSpace(lines.Text()), ":")
		pc, err := strconv.ParseInt(addr, 16, 64)
		if err != nil || !ok {
			continue
		}
		raw, text, _ := strings.Cut(strings.TrimSpace(rest), "\t")
		raw = strings.ReplaceAll(strings.TrimSpace(raw), " ", "")
		word, err := strconv.ParseUint(raw, 16, 32)
		if err != nil || len(raw) != 8 && len(raw) != 4 {
			continue
		}
		text = strings.TrimSpace(text)
		text, _, _ = strings.Cut(text, "#") // GNU: the address
		mnemonic, operands, _ := strings.Cut(text, "\t")
		operands, _, _ = strings.Cut(operands, "<") // of a symbol
		var list []string
		for _, op := range strings.Split(operands, ",") {
			if op = strings.TrimSpace(op); op != "" {
				list = append(list, op)
			}
		}
		visit(pc, binary.LittleEndian.AppendUint32(nil, uint32(word))[:len(raw)/2], strings.TrimSpace(mnemonic), list)
	}
	_, _ = io.Copy(io.Discard, out)
	// A nonzero exit is expected: an rlib also holds metadata.
	_ = cmd.Wait()
}

// facts are what a test compares of an instruction.
type facts struct {
	len           int
	flow          Flow
	target        int64
	writes, reads Regs
	base          int
	size          int64
	imm           int64
	stack         StackEffect
}

func factsOf(i *Inst, pc int64) facts {
	f := facts{len: i.Len, flow: i.Flow(), writes: i.Writes(), reads: i.Reads(), base: i.Base(), size: i.Size(), stack: i.Stack()}
	switch i.Op {
	case Jal, Branch:
		f.target = i.Target(pc)
	default:
		f.imm = i.Imm()
	}
	return f
}

var names = strings.Fields("zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6")

var memory = regexp.MustCompile(`^(-?\w*)\((\w+)\)$`)

// factsIn reads the text of an instruction without aliases.
func factsIn(pc int64, length int, mnemonic string, operands []string) (f facts, ok bool) {
	f = facts{len: length, base: NoReg}
	m := strings.TrimPrefix(mnemonic, "c.")
	compressed := m != mnemonic
	if strings.HasSuffix(m, "sp") && m != "addi16sp" { // lwsp
		m = strings.TrimSuffix(m, "sp")
	}
	// Registers, a place in memory and an immediate, in order.
	var regs []int // -1 for an operand that is none
	index, number := 0, int64(0)
	for _, op := range operands {
		regs = append(regs, slices.Index(names, op))
		if m := memory.FindStringSubmatch(op); m != nil {
			index = slices.Index(names, m[2])
			op = m[1]
		}
		if n, err := strconv.ParseInt(op, 0, 64); err == nil {
			number = n
		} else if n, err := strconv.ParseUint(op, 0, 64); err == nil {
			number = int64(n)
		}
	}
	set := func(n int) Regs {
		if n <= 0 {
			return 0
		}
		return 1 << n
	}
	read := func(from int) {
		for _, n := range regs[from:] {
			f.reads |= set(n)
		}
	}
	size := func() int64 {
		switch letter := strings.TrimLeft(m, "lsf"); letter[:1] {
		case "b":
			return 1
		case "h":
			return 2
		case "w":
			return 4
		}
		return 8
	}
	switch m {
	case "sb", "sh", "sw", "sd":
		f.base, f.size, f.imm, f.reads = index, size(), number, set(regs[0])
	case "fsw", "fsd", "flw", "fld":
		f.base, f.size, f.imm = index, size(), number
	case "lb", "lh", "lw", "ld", "lbu", "lhu", "lwu":
		f.base, f.size, f.imm, f.writes = index, size(), number, set(regs[0])
	case "beq", "bne", "blt", "bge", "bltu", "bgeu", "beqz", "bnez":
		f.flow, f.target = CondJump, number
		regs = regs[:len(regs)-1]
		read(0)
	case "jal":
		f.flow, f.target, f.writes = Call, number, set(regs[0])
		if f.writes == 0 {
			f.flow = Jump
		}
	case "j":
		f.flow, f.target = Jump, number
	case "jalr", "jr":
		switch {
		case compressed && m == "jalr":
			index, f.writes = regs[0], 1<<RA
		case compressed:
			index = regs[0]
		default:
			f.writes = set(regs[0])
			if len(regs) > 2 { // jalr rd, rs1, imm
				index = regs[1]
			}
		}
		f.imm, f.reads = number, set(index)
		switch {
		case f.writes != 0:
			f.flow = CallIndirect
		case index == RA && number == 0:
			f.flow = Return
		default:
			f.flow = JumpIndirect
		}
	case "ecall":
		f.writes, f.reads = 1<<A0, 0xff<<A0
	case "ebreak", "unimp":
		f.flow = Trap
	case "fence", "fence.i", "fence.tso", "nop":
	case "csrrw", "csrrs", "csrrc":
		if operands[1] == "cycle" && m == "csrrw" && operands[0]+operands[2] == "zerozero" {
			f.flow = Trap // unimp
			break
		}
		f.writes, f.reads = set(regs[0]), set(regs[2])
	default:
		switch {
		case strings.HasPrefix(m, "lr."), strings.HasPrefix(m, "sc."), strings.HasPrefix(m, "amo"):
			f.base, f.writes = index, set(regs[0])
			f.size = 8
			if strings.Contains(m, ".w") {
				f.size = 4
			}
			read(1)
		case len(regs) == 0:
			return f, false
		default:
			f.writes = set(regs[0])
			if strings.HasSuffix(m, "i64") || compressed && len(regs) == 2 && m != "li" && m != "lui" && m != "mv" {
				f.reads = set(regs[0]) // which is the first source too
			}
			read(1)
		}
	}
	switch m {
	case "addi", "addiw", "andi", "slli", "li", "addi16sp", "addi4spn", "nop":
		f.imm = number
	case "lui", "auipc":
		f.imm = number << 44 >> 32
	}
	if !f.writes.Has(SP) {
		return f, true
	}
	f.stack.Kind = StackOther
	source, last := regs[min(1, len(regs)-1)], regs[len(regs)-1]
	if compressed && len(regs) == 2 && m != "mv" && m != "li" {
		source = regs[0]
	}
	switch m {
	case "addi", "addi16sp":
		if source == SP {
			f.stack = StackEffect{StackAdd, f.imm, 0}
		} else if source != Zero {
			f.stack = StackEffect{StackMove, f.imm, source}
		}
	case "andi":
		if source != Zero {
			f.stack = StackEffect{StackAlign, f.imm, source}
		}
	case "mv":
		f.stack = StackEffect{StackMove, 0, last}
	case "add":
		switch {
		case source == Zero:
			f.stack = StackEffect{StackMove, 0, last}
		case source == SP:
			f.stack = StackEffect{StackReg, 0, last}
		case last == SP:
			f.stack = StackEffect{StackReg, 0, source}
		}
	case "sub":
		if source == SP {
			f.stack = StackEffect{StackSub, 0, last}
		}
	}
	return f, true
}

// other are instructions that the package leaves out on purpose: of operating
// systems.
var other = regexp.MustCompile(`^([msu]ret|mnret|dret|wfi|sfence\.vma|hfence\.\w+|hinval\.\w+|sinval\.\w+|hlv\w*\.\w+|hsv\.\w+|wrs\.\w+)$`)

// TestObjdump compares everything that is decoded with what the text of GNU
// objdump and llvm-objdump says of real code.
func TestObjdump(t *testing.T) {
	tools := []string{need(t, "llvm-objdump-19"), need(t, "riscv64-linux-gnu-objdump")}
	files := libraries(t)
	if testing.Short() {
		files, tools = files[:1], tools[:1]
	}
	for _, tool := range tools {
		total, wrong := 0, 0
		distinct := map[string]bool{}
		for _, file := range files {
			if name := filepath.Base(file); !strings.Contains(tool, "llvm") && name != "libgcc.a" && !strings.HasPrefix(name, "libcore-") {
				continue // it takes long
			}
			n := 0
			disassembly(t, tool, file, func(pc int64, code []byte, mnemonic string, operands []string) {
				if strings.HasPrefix(mnemonic, ".") || strings.HasPrefix(mnemonic, "<") {
					return // data
				}
				n++
				distinct[string(code)] = true
				got, want, err := compareText(pc, code, mnemonic, operands)
				if !strings.Contains(tool, "llvm") {
					// GNU objdump applies relocations, and writes hexadecimal.
					got.target = want.target
				}
				if err != nil || got != want {
					if wrong++; wrong <= 20 {
						t.Errorf("%s: %x: % x %s %q: got %+v, want %+v (%v)", filepath.Base(file), pc, code, mnemonic, operands, got, want, err)
					}
				}
			})
			if n == 0 {
				t.Errorf("%s: no code in the output of %s", file, tool)
			}
			total += n
		}
		t.Logf("%s: %d instructions, %d of them distinct; %d differ", filepath.Base(tool), total, len(distinct), wrong)
	}
}

func compareText(pc int64, code []byte, mnemonic string, operands []string) (got, want facts, err error) {
	inst, err := Decode(code)
	if err != nil {
		return got, want, err
	}
	want, ok := factsIn(pc, len(code), mnemonic, operands)
	if !ok {
		err = fmt.Errorf("the text is not understood")
	}
	return factsOf(&inst, pc), want, err
}

// TestAll compares all words of 2 bytes, and random ones of 4 bytes, with what
// llvm-objdump takes for instructions.
func TestAll(t *testing.T) {
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(64, 7))
	var text strings.Builder
	text.WriteString(".option arch, rv64gc\n.balign 4\n")
	for n := range 1 << 16 {
		if n&3 != 3 {
			fmt.Fprintf(&text, ".insn 2, %#x\n", n)
		}
	}
	for n := 0; n < 300_000; {
		word := r.Uint32() | 3
		// Rows have few of these bits.
		if funct7 := word >> 25; n%2 == 0 && word>>2&0xb == 4 {
			word = word&(1<<25-1) | []uint32{0, 1, 4, 5, 7, 0x10, 0x14, 0x20, 0x24, 0x30, 0x34}[funct7%11]<<25
		}
		if word&0x1f != 0x1f && rows[word>>2&0x1f] != nil {
			fmt.Fprintf(&text, ".insn 4, %#x\n", word)
			n++
		}
	}
	src, obj := filepath.Join(dir, "a.s"), filepath.Join(dir, "a.o")
	if err := os.WriteFile(src, []byte(text.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(need(t, "riscv64-linux-gnu-gcc"), "-c", "-o", obj, src).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	total, refusals, generous, wrong := 0, 0, 0, 0
	disassembly(t, need(t, "llvm-objdump-19"), obj, func(pc int64, code []byte, mnemonic string, operands []string) {
		inst, err := Decode(code)
		if strings.HasPrefix(mnemonic, "<") {
			if err == nil {
				// Of two rounding modes that are reserved.
				if rm := inst.Word >> 12 & 7; rm != 5 && rm != 6 {
					t.Errorf("% x is an instruction", code)
				}
				generous++
			}
			return
		}
		total++
		if err != nil {
			// LLVM takes a reserved word for an instruction.
			if refusals++; !other.MatchString(mnemonic) && !(mnemonic == "c.lui" && operands[1] == "0x0") {
				t.Errorf("% x %s %s: %v", code, mnemonic, operands, err)
			}
			return
		}
		if got, want, err := compareText(pc, code, mnemonic, operands); err != nil || got != want {
			if wrong++; wrong <= 40 {
				t.Errorf("% x %s %s: got %+v, want %+v (%v)", code, mnemonic, operands, got, want, err)
			}
		}
	})
	t.Logf("%d instructions, %d differ, %d are refused; %d words are decoded that are none", total, wrong, refusals, generous)
}
