package stack

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// assembleMachO makes a Mach-O object for a processor, as LLVM calls it, of
// assembly.
func assembleMachO(t *testing.T, processor, source string) []byte {
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
	if text, err := exec.Command(as, "-triple", processor+"-apple-macos11", "-filetype=obj", "-o", out, in).CombinedOutput(); err != nil {
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
			a := analyzeFile(t, "x.o", assembleMachO(t, "x86_64", ".globl _f\n"+tt.source), "f")
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

func TestMachOARM64(t *testing.T) {
	for _, tt := range []struct {
		name, source string
		want         int
	}{
		{"leaf", "ret", 0},
		{"red zone at constant offsets", "str x0, [sp, #-32]\n stp x0, x1, [sp, #-96]\n ret", 96},
		{"red zone below a frame", "str x30, [sp, #-16]!\n stur x0, [sp, #-40]\n ldr x30, [sp], #16\n ret", 56},
		{"red zone with an index", "str x0, [sp, x1, lsl #3]\n ret", 128},
		{"red zone by an address", "sub x8, sp, #16\n add x8, x8, x0\n strb w1, [x8]\n ret", 128},
		{"red zone by an address in a loop", "sub x8, sp, #16\n L1: add x8, x8, x1\n strb w1, [x8]\n subs x0, x0, #1\n b.ne L1\n ret", 128},
		{"red zone by an index on the stack", "mov x8, sp\n strb wzr, [x0, x8]\n strb wzr, [x1]\n ret", 128},
		{"red zone by an address in memory", "sub x8, sp, #16\n str x8, [x0]\n ldr x9, [x0]\n str xzr, [x9]\n ret", 128},
		{"red zone by a pair in memory", "sub x8, sp, #16\n stp x1, x8, [x0]\n ldr x9, [x0, #8]\n str xzr, [x9]\n ret", 128},
		{"red zone by a vector", "sub x8, sp, #64\n fmov d0, x8\n fmov x9, d0\n str xzr, [x9]\n ret", 128},
		{"an address that was pushed", "sub x8, sp, #16\n str x8, [sp, #-16]!\n ldr x9, [sp], #16\n str xzr, [x9]\n ret", 144},
		{"an address that is only compared", "cmp sp, x1\n str x0, [x1]\n ret", 0},
		{"an address, and statics", "sub x8, sp, #16\n str x8, [sp, #-16]\n adrp x9, _d@PAGE\n str x0, [x9, _d@PAGEOFF]\n ret", 16},
		{"no address, and any memory", "str x0, [x1, x2]\n ldp q0, q1, [x3]\n ret", 0},
		{"an argument", "str x30, [sp, #-32]!\n add x0, sp, #16\n bl _g\n ldr x0, [x0]\n ldr x30, [sp], #32\n ret\n_g: str x1, [x0]\n ret", 32},
		{"a jump table", `adrp x9, L2@PAGE
			add x9, x9, L2@PAGEOFF
			adr x10, L0
			ldrb w11, [x9, x0]
			add x10, x10, x11, lsl #2
			br x10
			L0: ret
			L1: sub sp, sp, #48
			add sp, sp, #48
			ret
			.section __TEXT,__const
			L2: .byte (L0-L0)>>2, (L1-L0)>>2`, 48},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := analyzeFile(t, "x.o", assembleMachO(t, "arm64", ".globl _f\n_f: "+tt.source+"\n.data\n_d: .quad 0"), "f")
			if b, err := a.Bound("f"); err != nil || b.Bytes != tt.want {
				t.Errorf("got %d, %v, want %d", b.Bytes, err, tt.want)
			}
		})
	}
}

// TestCoreDarwin is TestCore for macOS, where there is no call frame information
// to agree with.
func TestCoreDarwin(t *testing.T) {
	testCoreDarwin(t, "x86_64-apple-darwin",
		`"_memcpy: _memmove: mov rax, rdi", "mov rcx, rdx", "rep movsb", "ret",
		"_memset: _bzero: ___bzero: mov rcx, rdx", "rep stosb", "ret", "_memcmp: _bcmp: _strlen: xor eax, eax", "ret",
		"__Unwind_Resume: _rust_eh_personality: ___assert_rtn: ud2"`, "__rust_probestack")
}

func TestCoreDarwinARM64(t *testing.T) {
	testCoreDarwin(t, "aarch64-apple-darwin",
		`"_memcpy: _memmove: _memset: _bzero: ___bzero: _memcmp: _bcmp: _strlen: _sysctlbyname: mov w0, #0", "ret",
		"__Unwind_Resume: _rust_eh_personality: ___assert_rtn: ___stack_chk_fail: udf #0",
		".globl _sysctlbyname, ___stack_chk_fail, ___stack_chk_guard", ".data", "___stack_chk_guard: .quad 0", ".text"`)
}

func testCoreDarwin(t *testing.T, triple, assembly string, beyond ...string) {
	libdir, err := exec.Command("rustc", "--print", "target-libdir", "--target", triple).Output()
	if err != nil {
		missing(t, "rustc: %v", err)
	}
	if _, err := os.Stat(strings.TrimSpace(string(libdir))); err != nil {
		missing(t, "rustc has no core for %s", triple)
	}
	testCore(t, compileFor(t, triple, allocates+`
		core::arch::global_asm!(".globl _memcpy, _memmove, _memset, _memcmp, _bcmp, _strlen, _bzero, ___bzero, ___assert_rtn, __Unwind_Resume, _rust_eh_personality",
			`+assembly+`);`), beyond...)
}
