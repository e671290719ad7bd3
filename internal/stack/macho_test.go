package stack

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// assembleMachO makes a Mach-O object for x86-64 of assembly.
func assembleMachO(t *testing.T, source string) []byte {
	t.Helper()
	as, err := exec.LookPath("llvm-mc-19")
	if err != nil {
		missing(t, "%v", err)
	}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.s"), filepath.Join(dir, "out.o")
	if err := os.WriteFile(in, []byte(source+"\n.subsections_via_symbols\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.Command(as, "-triple", "x86_64-apple-macos11", "-filetype=obj", "-o", out, in).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// jump is a jump by the table at a label.
func jump(label string) string {
	return "leaq " + label + "(%rip), %rcx\n movslq (%rcx,%rdi,4), %rax\n addq %rcx, %rax\n jmpq *%rax\n"
}

func TestMachO(t *testing.T) {
	const end = ".end_data_region\n"
	for _, tt := range []struct {
		name, source string
		want         int
		reason       string // why there is no bound
	}{
		{name: "one table", source: "_f: " + jump("L0") + `
			L1: ret
			L2: pushq %rbx; pushq %rbx; popq %rbx; popq %rbx; ret
			.data_region jt32
			L0: .long L1-L0, L2-L0
			` + end, want: 24},
		{name: "two tables, side by side", source: "_f: testl %esi, %esi; jne L1\n" + jump("L10") + "L1: " + jump("L20") + `
			L2: ret
			L3: pushq %rbx; popq %rbx; ret
			L4: subq $40, %rsp; addq $40, %rsp; ret
			.data_region jt32
			L10: .long L2-L10, L3-L10
			L20: .long L3-L20, L4-L20
			` + end, want: 48},
		{name: "a table before other code", source: "_f: " + jump("L0") + `
			.data_region jt32
			L0: .long L1-L0, L2-L0
			` + end + `
			L1: ret
			L2: pushq %rbx; popq %rbx; ret`, want: 16},
		{name: "the last field counts", source: "_f: " + jump("L0") + `
			.data_region jt32
			L0: .long L1-L0, L1-L0, L2-L0
			` + end + `
			L1: ret
			L2: subq $88, %rsp; addq $88, %rsp; ret`, want: 96},
		{name: "the table in a register that was spilled", source: "_f: leaq L0(%rip), %rcx; pushq %rcx; popq %rdx\n" + `
			movslq (%rdx,%rdi,4), %rax; addq %rdx, %rax; pushq %rbx; jmpq *%rax
			L1: popq %rbx; ret
			L2: pushq %rbx; popq %rbx; popq %rbx; ret
			.data_region jt32
			L0: .long L1-L0, L2-L0
			` + end, want: 24},
		{name: "data without a mark", source: "_f: pushq %rbx\n" + jump("L0") + "L1: popq %rbx; ret\n L0: .long L1-L0",
			reason: "indirect jump without a known table, with rsp 8 bytes below the entry"},
		{name: "a table that leads to data", source: "_f: pushq %rbx\n" + jump("L0") + `
			L1: popq %rbx; ret
			.data_region jt32
			L0: .long L0-L0
			` + end, reason: "indirect jump without a known table"},
		{name: "control that runs into data", source: `_f: nop
			.data_region
			.byte 0xc3
			` + end, reason: "control goes to data"},
		// The rule for epilogues is wrong, as LLVM's are, and nobody minds.
		{name: "unwind tables are not compared", source: `_f: .cfi_startproc
			pushq %rbp
			.cfi_def_cfa_offset 16
			.cfi_offset %rbp, -16
			movq %rsp, %rbp
			.cfi_def_cfa_register %rbp
			popq %rbp
			ret
			.cfi_endproc`, want: 16},
		// The table's address is in a register at an indirect call too, but only
		// the function is what may be called.
		{name: "a table is no function", source: "_f: leaq L0(%rip), %rcx; leaq _g(%rip), %rax; pushq %rbx; callq *(%rsi); popq %rbx\n" + `
			movslq (%rcx,%rdi,4), %rax; addq %rcx, %rax; jmpq *%rax
			L1: ret
			.data_region jt32
			L0: .long L1-L0
			` + end + "_g: movq %rax, (%rdi)\n ret", want: 24},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := analyzeFile(t, "x.o", assembleMachO(t, ".globl _f\n"+tt.source), "f")
			b, err := a.Bound("f")
			var unbounded *Unbounded
			switch {
			case tt.reason == "" && (err != nil || b.Bytes != tt.want):
				t.Errorf("got %d, %v, want %d", b.Bytes, err, tt.want)
			case tt.reason != "" && (!errors.As(err, &unbounded) || !strings.Contains(err.Error(), tt.reason)):
				t.Errorf("got %d, %v, want %s", b.Bytes, err, tt.reason)
			}
		})
	}
}

// TestCoreDarwin is TestCore for macOS, where there is no call frame information
// to agree with.
func TestCoreDarwin(t *testing.T) {
	const triple = "x86_64-apple-darwin"
	libdir, err := exec.Command("rustc", "--print", "target-libdir", "--target", triple).Output()
	if err != nil {
		missing(t, "rustc: %v", err)
	}
	if _, err := os.Stat(strings.TrimSpace(string(libdir))); err != nil {
		missing(t, "rustc has no core for %s", triple)
	}
	testCore(t, compileFor(t, triple, allocates+`
		core::arch::global_asm!(".globl _memcpy, _memmove, _memset, _memcmp, _bcmp, _strlen, _bzero, ___bzero, ___assert_rtn, __Unwind_Resume, _rust_eh_personality",
			"_memcpy: _memmove: mov rax, rdi", "mov rcx, rdx", "rep movsb", "ret",
			"_memset: _bzero: ___bzero: mov rcx, rdx", "rep stosb", "ret", "_memcmp: _bcmp: _strlen: xor eax, eax", "ret",
			"__Unwind_Resume: _rust_eh_personality: ___assert_rtn: ud2");`), "__rust_probestack")
}
