package abi

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// machine is an ABI, and how to compile and run for it.
type machine struct {
	cc      string
	run     []string
	target  string // of rustc
	call    string // the function call, in assembly
	pointer string // the place of the pointer for an indirect result, in C
	hidden  bool   // that pointer comes back in the first result register
	extend  func(to []byte, p Part)
	layout  func([]Value, *Value) Call
}

var machines = map[string]machine{
	"amd64": {
		cc: "cc", target: "x86_64-unknown-linux-gnu", call: callAMD64, pointer: "0", hidden: true, extend: extend32, layout: SystemV,
	},
	"arm64": {
		cc: "aarch64-linux-gnu-gcc", run: []string{"qemu-aarch64"}, target: "aarch64-unknown-linux-gnu", call: callARM64, pointer: "8", extend: extend32,
		layout: func(params []Value, result *Value) Call { return AAPCS64(params, result, false) },
	},
	"riscv64": {
		cc: "riscv64-linux-gnu-gcc", run: []string{"qemu-riscv64"}, target: "riscv64gc-unknown-linux-gnu", call: callRISCV64, pointer: "0",
		extend: extend64, layout: LP64D,
	},
}

// TestCompilers calls functions that compilers have made, with arguments where
// the layouts say that they are.
func TestCompilers(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("needs linux/amd64")
	}
	for _, name := range []string{"amd64", "arm64", "riscv64"} {
		m := machines[name]
		for _, tool := range append([]string{m.cc}, m.run...) {
			if _, err := exec.LookPath(tool); err != nil {
				t.Skipf("%s: %v", name, err)
			}
		}
		t.Run(name+" C", func(t *testing.T) { m.test(t, inC) })
		t.Run(name+" Rust", func(t *testing.T) { m.test(t, inRust) })
	}
}

func (m machine) test(t *testing.T, language int) {
	r := rand.New(rand.NewPCG(1, 2))
	types, decls := randomTypes(r)
	var callees, calls, list strings.Builder
	const functions = 300
	for i := range functions {
		var params []ctype
		for range r.IntN(12) {
			params = append(params, types[r.IntN(len(types))])
		}
		var result *ctype
		if r.IntN(5) > 0 {
			result = &types[r.IntN(len(types))]
		}
		writeCallee[language](&callees, i, params, result)
		m.writeCall(&calls, r, i, params, result)
		fmt.Fprintf(&list, "\tcall%d();\n", i)
	}
	dir := t.TempDir()
	command := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", cmd, err, out)
		}
		return string(out)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if language == inC {
		write("callees.c", "#include <stdint.h>\n#include <string.h>\nextern char seen[], give[];\n"+decls[inC]+callees.String())
		command(m.cc, "-O1", "-w", "-c", "callees.c")
	} else {
		write("callees.rs", "#![no_std]\n#![allow(improper_ctypes_definitions)]\nextern \"C\" { static mut seen: u8; static give: u8; }\n"+decls[inRust]+callees.String())
		if _, err := exec.LookPath("rustc"); err != nil {
			t.Skip(err)
		}
		command("rustc", "--edition=2021", "--crate-type=lib", "--emit=obj", "-Copt-level=1", "-Cpanic=abort", "--target", m.target, "-o", "callees.o", "callees.rs")
	}
	write("calls.c", harness+calls.String()+"int main() {\n"+list.String()+"\treturn 0;\n}\n")
	write("call.s", m.call)
	command(m.cc, "-O0", "-w", "-static", "-o", "calls", "calls.c", "call.s", "callees.o")
	run := append(slices.Clone(m.run), filepath.Join(dir, "calls"))
	if out := command(run[0], run[1:]...); out != "" {
		t.Errorf("%s", out)
	}
}

// A callee copies its arguments to seen and returns a copy of give.
var writeCallee = [...]func(*strings.Builder, int, []ctype, *ctype){
	inC: func(out *strings.Builder, i int, params []ctype, result *ctype) {
		typ := "void"
		if result != nil {
			typ = result.c
		}
		fmt.Fprintf(out, "%s f%d(", typ, i)
		for j, p := range params {
			fmt.Fprintf(out, "%s%s a%d", separator(j), p.c, j)
		}
		fmt.Fprintf(out, ") {\n")
		for j := range params {
			fmt.Fprintf(out, "\tmemcpy(seen + %d, &a%d, sizeof a%d);\n", seenAt(params, j), j, j)
		}
		if result != nil {
			fmt.Fprintf(out, "\t%s r;\n\tmemcpy(&r, give, sizeof r);\n\treturn r;\n", typ)
		}
		fmt.Fprintf(out, "}\n")
	},
	inRust: func(out *strings.Builder, i int, params []ctype, result *ctype) {
		fmt.Fprintf(out, "#[no_mangle] pub unsafe extern \"C\" fn f%d(", i)
		for j, p := range params {
			fmt.Fprintf(out, "%sa%d: %s", separator(j), j, p.rust)
		}
		fmt.Fprintf(out, ")")
		if result != nil {
			fmt.Fprintf(out, " -> %s", result.rust)
		}
		fmt.Fprintf(out, " {\n")
		for j, p := range params {
			fmt.Fprintf(out, "\t(&raw mut seen).add(%d).cast::<%s>().write_unaligned(a%d);\n", seenAt(params, j), p.rust, j)
		}
		if result != nil {
			fmt.Fprintf(out, "\t(&raw const give).cast::<%s>().read_unaligned()\n", result.rust)
		}
		fmt.Fprintf(out, "}\n")
	},
}

func separator(i int) string {
	if i == 0 {
		return ""
	}
	return ", "
}

// seenAt is where in seen the callee puts an argument.
func seenAt(params []ctype, i int) int {
	off := 0
	for _, p := range params[:i] {
		off += p.Size
	}
	return off
}

// writeCall writes the caller of a function, which prints what went wrong.
func (m machine) writeCall(out *strings.Builder, r *rand.Rand, i int, params []ctype, result *ctype) {
	var values []Value
	for _, p := range params {
		values = append(values, p.Value)
	}
	var returns *Value
	if result != nil {
		returns = &result.Value
	}
	c := m.layout(values, returns)
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	registers := [2][]byte{random(8 * 9), random(8 * 8)} // the ninth is X8
	stack := random(align(c.Stack, 16))
	var pointers, checks strings.Builder
	for j, a := range c.Args {
		value := random(a.Size)
		if a.ByReference {
			fmt.Fprintf(&pointers, "\tstatic char copy%d[] __attribute__((aligned(16))) = %s;\n", j, cBytes(value))
			if p := a.Parts[0]; p.Register >= 0 {
				fmt.Fprintf(&pointers, "\tregs[%d] = (uint64_t)copy%d;\n", p.Register, j)
			} else {
				fmt.Fprintf(&pointers, "\t*(uint64_t *)(stack + %d) = (uint64_t)copy%d;\n", p.Stack, j)
			}
		} else {
			for _, p := range a.Parts {
				to := stack[max(p.Stack, 0):]
				if p.Register >= 0 {
					to = registers[p.Class][8*p.Register:]
				}
				copy(to, value[p.Off:p.Off+p.Size])
				if a.Scalar() || p.Class == Float && p.Register >= 0 {
					m.extend(to[:8], p)
				}
			}
		}
		for _, s := range a.Scalars {
			fmt.Fprintf(&checks, "\tcheck(\"f%d argument %d+%d\", seen + %d, %s, %d);\n", i, j, s.Off, seenAt(params, j)+s.Off, cBytes(value[s.Off:s.Off+s.Size]), s.Size)
		}
	}
	fmt.Fprintf(out, "void f%d();\nvoid call%d() {\n", i, i)
	fmt.Fprintf(out, "\tuint64_t regs[9] = %s, vectors[8] = %s, out[6];\n\tstatic char stack[] __attribute__((aligned(16))) = %s;\n", cWords(registers[0]), cWords(registers[1]), cBytes(stack))
	out.WriteString(pointers.String())
	if r := c.Result; r != nil {
		value := random(r.Size)
		fmt.Fprintf(out, "\tmemcpy(give, %s, %d);\n", cBytes(value), len(value))
		if c.Indirect {
			fmt.Fprintf(out, "\tstatic char result[%d] __attribute__((aligned(16)));\n\tregs[%s] = (uint64_t)result;\n", r.Size, m.pointer)
			if m.hidden {
				fmt.Fprintf(&checks, "\tcheck(\"f%d result pointer\", out, &regs[0], 8);\n", i)
			}
		} else {
			fmt.Fprintf(out, "\tchar result[%d];\n", r.Size)
			for _, p := range r.Parts {
				fmt.Fprintf(&checks, "\tmemcpy(result + %d, out + %d, %d);\n", p.Off, 2*int(p.Class)+p.Register, p.Size)
			}
		}
		for _, s := range r.Scalars {
			fmt.Fprintf(&checks, "\tcheck(\"f%d result+%d\", result + %d, give + %d, %d);\n", i, s.Off, s.Off, s.Off, s.Size)
		}
	}
	fmt.Fprintf(out, "\tcall(f%d, regs, vectors, stack, %d, out);\n%s}\n", i, len(stack), checks.String())
}

// extend32 makes 32 bits of a small integer.
func extend32(to []byte, p Part) {
	if p.Class == Integer && p.Size < 4 && p.Register >= 0 {
		extend(to[:8], p)
		copy(to[4:], "\xaa\xbb\xcc\xdd")
	}
}

// extend64 makes 64 bits of a smaller integer, all 32 bits as if they were
// signed, and of a float a NaN.
func extend64(to []byte, p Part) {
	switch {
	case p.Size == 8:
	case p.Class == Float:
		copy(to[p.Size:], "\xff\xff\xff\xff")
	default:
		p.Signed = p.Signed || p.Size == 4
		extend(to, p)
	}
}

func extend(to []byte, p Part) {
	n := binary.LittleEndian.Uint64(to) << (64 - 8*p.Size)
	if p.Signed {
		n = uint64(int64(n) >> (64 - 8*p.Size))
	} else {
		n >>= 64 - 8*p.Size
	}
	binary.LittleEndian.PutUint64(to, n)
}

// cBytes writes a string literal of C, cut so that no digit follows an escape.
func cBytes(b []byte) string {
	var s strings.Builder
	s.WriteString(`"`)
	for _, c := range b {
		fmt.Fprintf(&s, `\%03o`, c)
	}
	s.WriteString(`"`)
	return s.String()
}

func cWords(b []byte) string {
	var words []string
	for ; len(b) > 0; b = b[8:] {
		words = append(words, fmt.Sprintf("%#x", binary.LittleEndian.Uint64(b)))
	}
	return "{" + strings.Join(words, ", ") + "}"
}

const harness = `
#include <stdint.h>
#include <stdio.h>
#include <string.h>
char seen[1 << 16], give[1 << 12];
void call(void (*f)(), uint64_t *regs, uint64_t *vectors, void *stack, long size, uint64_t *out);
static void check(const char *what, const void *got, const void *want, int size) {
	if (memcmp(got, want, size) != 0) puts(what);
}
`

// RDI: the function, RSI: integers, RDX: floats, RCX, R8: stack and its size, R9: results.
const callAMD64 = `
	.globl call
call:	push %rbp
	mov %rsp, %rbp
	push %rbx
	push %rbx
	mov %r9, %rbx
	mov %rdi, %r11
	mov %rsi, %r10
	sub %r8, %rsp
	mov %rcx, %rsi
	mov %r8, %rcx
	mov %rsp, %rdi
	rep movsb
	movsd (%rdx), %xmm0
	movsd 8(%rdx), %xmm1
	movsd 16(%rdx), %xmm2
	movsd 24(%rdx), %xmm3
	movsd 32(%rdx), %xmm4
	movsd 40(%rdx), %xmm5
	movsd 48(%rdx), %xmm6
	movsd 56(%rdx), %xmm7
	mov (%r10), %rdi
	mov 8(%r10), %rsi
	mov 16(%r10), %rdx
	mov 24(%r10), %rcx
	mov 32(%r10), %r8
	mov 40(%r10), %r9
	call *%r11
	mov %rax, (%rbx)
	mov %rdx, 8(%rbx)
	movsd %xmm0, 16(%rbx)
	movsd %xmm1, 24(%rbx)
	mov -8(%rbp), %rbx
	leave
	ret
	.section .note.GNU-stack, "", @progbits
`

const callARM64 = `
	.globl call
call:	stp x29, x30, [sp, #-32]!
	mov x29, sp
	str x19, [sp, #16]
	mov x19, x5
	mov x16, x0
	mov x17, x1
	sub sp, sp, x4
1:	cbz x4, 2f
	sub x4, x4, #8
	ldr x9, [x3, x4]
	str x9, [sp, x4]
	b 1b
2:	ldp d0, d1, [x2]
	ldp d2, d3, [x2, #16]
	ldp d4, d5, [x2, #32]
	ldp d6, d7, [x2, #48]
	ldp x0, x1, [x17]
	ldp x2, x3, [x17, #16]
	ldp x4, x5, [x17, #32]
	ldp x6, x7, [x17, #48]
	ldr x8, [x17, #64]
	blr x16
	stp x0, x1, [x19]
	stp d0, d1, [x19, #16]
	stp d2, d3, [x19, #32]
	ldr x19, [x29, #16]
	mov sp, x29
	ldp x29, x30, [sp], #32
	ret
	.section .note.GNU-stack, "", @progbits
`

const callRISCV64 = `
	.globl call
call:	addi sp, sp, -32
	sd ra, 24(sp)
	sd s0, 16(sp)
	sd s1, 8(sp)
	addi s0, sp, 32
	mv s1, a5
	mv t0, a0
	mv t1, a1
	sub sp, sp, a4
1:	beqz a4, 2f
	addi a4, a4, -8
	add t2, a3, a4
	ld t3, (t2)
	add t2, sp, a4
	sd t3, (t2)
	j 1b
2:	fld fa0, (a2)
	fld fa1, 8(a2)
	fld fa2, 16(a2)
	fld fa3, 24(a2)
	fld fa4, 32(a2)
	fld fa5, 40(a2)
	fld fa6, 48(a2)
	fld fa7, 56(a2)
	ld a0, (t1)
	ld a1, 8(t1)
	ld a2, 16(t1)
	ld a3, 24(t1)
	ld a4, 32(t1)
	ld a5, 40(t1)
	ld a6, 48(t1)
	ld a7, 56(t1)
	jalr t0
	sd a0, (s1)
	sd a1, 8(s1)
	fsd fa0, 16(s1)
	fsd fa1, 24(s1)
	addi sp, s0, -32
	ld ra, 24(sp)
	ld s0, 16(sp)
	ld s1, 8(sp)
	addi sp, sp, 32
	ret
	.section .note.GNU-stack, "", @progbits
`
