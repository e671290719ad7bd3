//go:build linux && amd64

package image

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// The machine runs code with every register chosen, first as the compiler wrote
// it, with its relocations applied as a linker does, then as Build rewrote it,
// at the same address. All that can be observed must be equal: registers, flags,
// the x87 and SSE state, data, and the stack with the red zone.
//
//	0x00000  stub and context
//	0x10000  stack
//	0x20000  Text      0x40000  RelRO     0x60000  Data     0x80000  BSS
//	0xa0000  the GOT of the original
type machine struct {
	mem  []byte
	base uint64
	call func()
	word *uintptr // what call points to
}

const (
	machineSize = 0xb0000
	stackTop    = 0x18000
	gotBase     = 0xa0000
	ctxRegs     = 0x800
	ctxFlags    = 0x880
	ctxRSP      = 0x888
	ctxTarget   = 0x890
	ctxFX       = 0x900
)

var segmentBase = [Segments]uint64{Text: 0x20000, RelRO: 0x40000, Data: 0x60000, BSS: 0x80000}

// stubSource is called as a Go function without arguments: in Go's ABIInternal
// all registers but rsp, rbp, r14 (g) and xmm15 (zero) are the callee's.
const stubSource = `
	.text
	push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15
	mov %rsp, saved(%rip)
	stmxcsr saved+8(%rip)
	fxrstor64 fx(%rip)
	mov rspv(%rip), %rsp
	push flags(%rip)
	popfq
	mov regs+8*1(%rip), %rcx
	mov regs+8*2(%rip), %rdx
	mov regs+8*3(%rip), %rbx
	mov regs+8*5(%rip), %rbp
	mov regs+8*6(%rip), %rsi
	mov regs+8*7(%rip), %rdi
	mov regs+8*8(%rip), %r8
	mov regs+8*9(%rip), %r9
	mov regs+8*10(%rip), %r10
	mov regs+8*11(%rip), %r11
	mov regs+8*12(%rip), %r12
	mov regs+8*13(%rip), %r13
	mov regs+8*14(%rip), %r14
	mov regs+8*15(%rip), %r15
	mov regs(%rip), %rax
	call *target(%rip)
	mov %rax, regs(%rip)
	mov %rcx, regs+8*1(%rip)
	mov %rdx, regs+8*2(%rip)
	mov %rbx, regs+8*3(%rip)
	mov %rbp, regs+8*5(%rip)
	mov %rsi, regs+8*6(%rip)
	mov %rdi, regs+8*7(%rip)
	mov %r8, regs+8*8(%rip)
	mov %r9, regs+8*9(%rip)
	mov %r10, regs+8*10(%rip)
	mov %r11, regs+8*11(%rip)
	mov %r12, regs+8*12(%rip)
	mov %r13, regs+8*13(%rip)
	mov %r14, regs+8*14(%rip)
	mov %r15, regs+8*15(%rip)
	mov %rsp, rspv(%rip)
	pushfq
	pop flags(%rip)
	fxsave64 fx(%rip)
	mov saved(%rip), %rsp
	ldmxcsr saved+8(%rip)
	fninit
	xorps %xmm15, %xmm15
	cld
	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp
	ret
	.org 0x800
regs:	.fill 16, 8, 0
flags:	.quad 0
rspv:	.quad 0
target:	.quad 0
saved:	.quad 0, 0
	.org 0x900
fx:	.fill 64, 8, 0
`

// gas assembles AT&T source into an object.
func gas(t testing.TB, name, source string) []byte {
	t.Helper()
	return assemble(t, "as", name, source)
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	stub, err := elfmacho.Parse("stub", gas(t, "stub", stubSource))
	if err != nil {
		t.Fatal(err)
	}
	mem, err := syscall.Mmap(-1, 0, machineSize, syscall.PROT_READ|syscall.PROT_WRITE|syscall.PROT_EXEC, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		t.Skip("no memory that is writable and executable: ", err)
	}
	t.Cleanup(func() { syscall.Munmap(mem) })
	for i := range stub.Sections {
		if stub.Sections[i].Name == ".text" {
			copy(mem, stub.Sections[i].Data)
		}
	}
	m := &machine{mem: mem, base: uint64(uintptr(unsafe.Pointer(&mem[0]))), word: new(uintptr)}
	*m.word = uintptr(m.base)
	// A func value points to a word that holds the address of the code.
	*(*unsafe.Pointer)(unsafe.Pointer(&m.call)) = unsafe.Pointer(m.word)
	return m
}

// state is what a run can be observed to do. Addresses are the same in both
// runs, so they are compared as they are.
type state struct {
	regs  [16]uint64
	flags uint64
	rsp   uint64
	fx    [512]byte
	stack []byte
	data  []byte
	low   int // offset of the lowest byte of the stack that was written
}

// run calls the code at off in Text with registers, flags and stack that depend
// on seed only.
func (m *machine) run(off, seed, relro uint64) state {
	rnd := rand.New(rand.NewPCG(seed, 0))
	le := binary.LittleEndian
	for i := range 16 {
		le.PutUint64(m.mem[ctxRegs+8*i:], rnd.Uint64())
	}
	// CF, PF, AF, ZF, SF and OF; interrupts are enabled.
	le.PutUint64(m.mem[ctxFlags:], rnd.Uint64()&0x8d5|0x202)
	rsp := uint64(stackTop - 512)
	le.PutUint64(m.mem[ctxRSP:], m.base+rsp)
	le.PutUint64(m.mem[ctxTarget:], m.base+segmentBase[Text]+off)
	clear(m.mem[ctxFX : ctxFX+512])
	le.PutUint16(m.mem[ctxFX:], 0x37f)     // FCW: all exceptions masked
	le.PutUint32(m.mem[ctxFX+24:], 0x1f80) // MXCSR: the same
	for i := ctxFX + 160; i < ctxFX+416; i += 8 {
		le.PutUint64(m.mem[i:], uint64(rnd.Uint32N(1<<20))<<32|uint64(rnd.Uint32())) // small floats
	}
	for i := 0x10000; i < stackTop; i += 8 {
		le.PutUint64(m.mem[i:], rnd.Uint64())
	}
	before := bytes.Clone(m.mem[0x10000:stackTop])
	runtime.LockOSThread()
	m.call()
	runtime.UnlockOSThread()

	var s state
	for i := range 16 {
		s.regs[i] = le.Uint64(m.mem[ctxRegs+8*i:])
	}
	s.flags = le.Uint64(m.mem[ctxFlags:])
	s.rsp = le.Uint64(m.mem[ctxRSP:])
	copy(s.fx[:], m.mem[ctxFX:ctxFX+416])
	clear(s.fx[8:24]) // where the last x87 instruction was: it may be in a thunk
	// From the red zone below the return address upwards.
	s.stack = append(s.stack, m.mem[rsp-8-128:stackTop]...)
	s.low = 0x10000 + firstDifference(m.mem[0x10000:stackTop], before)
	s.data = append(s.data, m.mem[segmentBase[Data]:gotBase]...)
	s.data = append(s.data, m.mem[segmentBase[RelRO]:segmentBase[RelRO]+relro]...)
	return s
}

func (s state) diff(want state, ignore uint32) string {
	var b strings.Builder
	for i := range 16 {
		if s.regs[i] != want.regs[i] && ignore>>i&1 == 0 {
			fmt.Fprintf(&b, "register %d: %#x, want %#x\n", i, s.regs[i], want.regs[i])
		}
	}
	if s.flags != want.flags {
		fmt.Fprintf(&b, "flags: %#x, want %#x\n", s.flags, want.flags)
	}
	if s.rsp != want.rsp {
		fmt.Fprintf(&b, "rsp: %#x, want %#x\n", s.rsp, want.rsp)
	}
	if s.fx != want.fx {
		fmt.Fprintf(&b, "x87 or SSE: % x, want % x\n", s.fx[:], want.fx[:])
	}
	if i := firstDifference(s.stack, want.stack); i < len(s.stack) {
		fmt.Fprintf(&b, "stack: byte %d from the red zone up is %#x, want %#x\n", i, s.stack[i], want.stack[i])
	}
	if i := firstDifference(s.data, want.data); i < len(s.data) {
		fmt.Fprintf(&b, "data: byte %#x is %#x, want %#x\n", i, s.data[i], want.data[i])
	}
	return b.String()
}

// loadOriginal puts the sections where b put them and applies their relocations
// as a linker does that knows all addresses.
func (m *machine) loadOriginal(t *testing.T, b *builder) {
	t.Helper()
	clear(m.mem[segmentBase[Text]:])
	le := binary.LittleEndian
	got := map[uint64]uint64{}
	for _, r := range b.set.Live {
		place := b.address(r)
		copy(m.mem[segmentBase[place.Segment]+uint64(place.Off):], b.set.Section(r).Data)
	}
	for _, r := range b.set.Live {
		place := b.address(r)
		relocs, err := b.set.Relocs(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, rel := range relocs {
			target, err := b.set.Target(r.Object, rel)
			if err != nil {
				t.Fatal(err)
			}
			var s uint64
			switch target.Kind {
			case link.InSection:
				a := b.address(target.Ref)
				s = m.base + segmentBase[a.Segment] + uint64(a.Off) + target.Off
			case link.AtValue:
				s = target.Off
			}
			at := segmentBase[place.Segment] + uint64(place.Off) + rel.Off
			p := m.base + at
			value := s + uint64(rel.Addend)
			if rel.Kind == reloc.GOT32 {
				slot, ok := got[s]
				if !ok {
					slot = gotBase + uint64(8*len(got))
					got[s] = slot
					le.PutUint64(m.mem[slot:], s)
				}
				value = m.base + slot + uint64(rel.Addend)
			}
			if rel.Kind.Info().PCRel {
				value -= p
			}
			if rel.Kind == reloc.Call32 && s == 0 {
				continue // not called
			}
			if err := rel.Kind.Put(m.mem[at:], int64(value)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// loadImage does what Go's assembler and linker do.
func (m *machine) loadImage(t *testing.T, img *Image) {
	t.Helper()
	clear(m.mem[segmentBase[Text]:])
	le := binary.LittleEndian
	for s := range img.Memory {
		copy(m.mem[segmentBase[s]:], img.Memory[s].Data)
	}
	for _, l := range img.Loads {
		at := segmentBase[Text] + l.Off
		code := m.mem[at : at+7]
		if want := []byte{0x48 | l.Register>>3<<2, 0x8d, 5 | l.Register&7<<3, 0, 0, 0, 0}; string(code) != string(want) {
			t.Errorf("load at %#x: % x, want % x", l.Off, code, want)
		}
		le.PutUint32(code[3:], uint32(int64(segmentBase[l.To.Segment])+l.To.Off-int64(at)-7))
	}
	for _, p := range img.Pointers {
		at := segmentBase[p.From] + p.Off
		if v := le.Uint64(m.mem[at:]); v != 0 {
			t.Errorf("pointer at %v+%#x is %#x before it is set", p.From, p.Off, v)
		}
		le.PutUint64(m.mem[at:], m.base+segmentBase[p.To.Segment]+uint64(p.To.Off))
	}
}

// hasCPU reports whether the processor has all of the features, by the names of
// /proc/cpuinfo.
func hasCPU(features ...string) bool {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return len(features) == 0
	}
	_, flags, _ := strings.Cut(string(info), "\nflags")
	flags, _, _ = strings.Cut(flags, "\n")
	for _, f := range features {
		if !strings.Contains(flags+" ", " "+f+" ") {
			return false
		}
	}
	return true
}

const r11 = 1 << 11

var rewrites = []rewrite{
	{name: "lea", code: "lea x(%rip), %rax; lea x+8(%rip), %r13"},
	{name: "lea bss", code: "lea zeros+16(%rip), %rdi; movq $7, (%rdi)"},
	{name: "lea 32", code: "lea x(%rip), %ecx"},
	{name: "lea near text", code: "lea konst(%rip), %rcx; mov (%rcx), %rax"},
	{name: "got load of data", code: "mov x@GOTPCREL(%rip), %rbx; mov (%rbx), %rax"},
	{name: "got load of data high", code: "mov zeros@GOTPCREL(%rip), %r15; incl (%r15)"},
	{name: "got load of text", code: "mov g@GOTPCREL(%rip), %r9; call *%r9"},
	{name: "got call", code: "call *g@GOTPCREL(%rip)"},
	{name: "got jump", code: "call 1f; jmp 2f; 1: jmp *g@GOTPCREL(%rip); 2:"},
	{name: "got compare", code: "lea x(%rip), %rax; cmp x@GOTPCREL(%rip), %rax; sete %bl"},
	{name: "got add", code: "add x@GOTPCREL(%rip), %rcx"},
	{name: "got test", code: "test %rdx, x@GOTPCREL(%rip)"},
	{name: "got push", code: "pushq x@GOTPCREL(%rip); pop %rsi"},
	{name: "got text push", code: "pushq g@GOTPCREL(%rip); pop %rsi"},
	{name: "got load 32", code: "mov x@GOTPCREL(%rip), %eax"},
	{name: "weak undefined load", code: "mov nowhere@GOTPCREL(%rip), %rax; mov nowhere@GOTPCREL(%rip), %r14; test %rax, %rax"},
	{name: "weak undefined compare", code: "cmpq $0, nowhere@GOTPCREL(%rip); setne %al; cmp nowhere@GOTPCREL(%rip), %rdx"},
	{name: "weak undefined call", code: "xor %eax, %eax; test %eax, %eax; je 1f; call nowhere; 1:"},
	{name: "absolute load", code: "mov number@GOTPCREL(%rip), %rcx; mov bignumber@GOTPCREL(%rip), %rdx"},
	{name: "call through memory", code: "call *fn(%rip)", ignore: r11},
	{name: "call through memory with rex", code: ".byte 0x48; call *fn(%rip)", ignore: r11},
	{name: "call through memory with bnd", code: "bnd call *fn(%rip)", ignore: r11},
	{name: "jump through memory", code: "call 1f; jmp 2f; 1: jmp *fn(%rip); 2:", ignore: r11},
	{name: "jump through memory with notrack", code: "call 1f; jmp 2f; 1: notrack jmp *fn(%rip); 2:", ignore: r11},
	{name: "push", code: "pushq x(%rip); pop %rcx"},
	{name: "pop", code: "push %rbx; push %rcx; popq x(%rip); pop %rdx; movq x(%rip), %rsi"},
	{name: "push keeps what is pushed", code: "push %rbx; pushq x+8(%rip); pop %rcx; pop %rdx"},

	{name: "pop", code: "push %rbx; popq x(%rip); push %rcx; push %rdx; popq x+8(%rip); pop %rax"},

	{name: "load 8", code: "movb x(%rip), %al; movb x+1(%rip), %ah; movb x+2(%rip), %dh; movb x+3(%rip), %bh; movb x+4(%rip), %sil; movb x+5(%rip), %r14b"},
	{name: "load 16", code: "movw x(%rip), %ax; movw x+1(%rip), %si; movw x+2(%rip), %r15w"},
	{name: "load 32", code: "movl x(%rip), %edi; movl x+1(%rip), %r8d"},
	{name: "load 64", code: "movq x(%rip), %rsi; movq x+1(%rip), %rdi; movq x+2(%rip), %rbx; movq x+3(%rip), %rbp; movq x+4(%rip), %r14"},
	{name: "load all registers", code: "movq x(%rip), %rcx; movq x+1(%rip), %rdx; movq x+2(%rip), %r8; movl x+3(%rip), %r9d; movq x+4(%rip), %r10; movq x+5(%rip), %r12; movq x+6(%rip), %r13; movl x+7(%rip), %r15d"},
	{name: "load and extend", code: "movzbl x(%rip), %eax; movsbq x+1(%rip), %r8; movzwl x+2(%rip), %r9d; movswq x+3(%rip), %rcx; movslq x+4(%rip), %r11; movsbw x+5(%rip), %dx; movzbl x+6(%rip), %r12d; movswl x+7(%rip), %ebp"},
	{name: "store 8", code: "movb %al, x(%rip); movb %ah, x+1(%rip); movb %ch, x+2(%rip); movb %dh, x+3(%rip); movb %bh, x+4(%rip); movb %dil, x+5(%rip); movb %r13b, x+6(%rip)"},
	{name: "store 16", code: "movw %si, x(%rip); movw %r9w, x+2(%rip)"},
	{name: "store 32", code: "movl %esi, x(%rip); movl %edi, x+4(%rip); movl %ebx, x+8(%rip)"},
	{name: "store 64", code: "movq %rsi, x(%rip); movq %rdi, zeros+8(%rip); movq %rbp, zeros(%rip)"},
	{name: "store immediate", code: "movb $0x12, x+7(%rip); movw $0x1234, x+8(%rip); movl $0x12345678, x+16(%rip); movq $-5, x+24(%rip)"},
	{name: "extend", code: "movzbl x+7(%rip), %esi; movzwl x+6(%rip), %edx; movsbq x+7(%rip), %rdi; movslq x+4(%rip), %rbx; movswl x+6(%rip), %eax"},
	{name: "arithmetic", code: "add x(%rip), %rax; adc x+8(%rip), %rsi; sub x(%rip), %edi; sbb x(%rip), %bx; and x(%rip), %cl; or x(%rip), %r8; xor x(%rip), %rdx; cmp x(%rip), %rbp"},
	{name: "arithmetic on memory", code: "add %rax, x(%rip); adc %esi, x+8(%rip); sub %di, x(%rip); sbb %bl, x(%rip); xor %rsi, x(%rip); cmp %rdi, x(%rip)"},
	{name: "arithmetic with immediate", code: "addq $1000000, x(%rip); adcl $5, x+8(%rip); subw $0x1234, x(%rip); cmpb $5, x+3(%rip); testl $0x80000000, x(%rip); andq $-16, x(%rip)"},
	{name: "unary", code: "incl x(%rip); decq x+8(%rip); negq x(%rip); notb x+1(%rip)"},
	{name: "multiply", code: "mulq x(%rip); imul x(%rip), %rsi; imul $77, x+8(%rip), %rdi; imul $1000, x(%rip), %bx"},
	{name: "divide", code: "xor %edx, %edx; divq x(%rip)"},
	{name: "shift", code: "shlq $3, x(%rip); shrl x+8(%rip); sarq %cl, x(%rip); rolw $5, x(%rip); shld $4, %rsi, x(%rip); shrd %cl, %rdi, x+8(%rip)"},
	{name: "bits", code: "btsl $5, x(%rip); btq $40, x(%rip); bsf x(%rip), %rsi; popcnt x(%rip), %rdi"},
	{name: "conditional", code: "cmovb x(%rip), %rsi; cmovae x(%rip), %edi; setz x+3(%rip)"},
	{name: "exchange", code: "xchg %rsi, x(%rip); xchg %bl, x+8(%rip)"},
	{name: "locked", code: "lock incq x(%rip); lock xadd %rsi, x(%rip); lock addl $7, x+8(%rip); lock orb $1, x+15(%rip)"},
	{name: "compare and exchange", code: "mov x(%rip), %rax; lock cmpxchg %rdi, x(%rip); lock cmpxchg %rsi, x+8(%rip)"},
	{name: "compare and exchange 16", code: "mov x(%rip), %rax; mov x+8(%rip), %rdx; lock cmpxchg16b x(%rip); lock cmpxchg16b x+16(%rip)", cpu: []string{"cx16"}},
	{name: "sse move", code: "movups x(%rip), %xmm1; movaps %xmm2, x(%rip); movss x(%rip), %xmm6; movsd %xmm7, x+16(%rip); movdqu x(%rip), %xmm12; movq x(%rip), %xmm3; movd x+4(%rip), %xmm4; movhps x(%rip), %xmm5; movnti %rax, x(%rip)"},
	{name: "sse arithmetic", code: "addps x(%rip), %xmm1; mulsd x(%rip), %xmm14; pxor x(%rip), %xmm3; paddq x(%rip), %xmm4; ucomisd x(%rip), %xmm0; sqrtss x(%rip), %xmm6; cvtsi2sdq x(%rip), %xmm7; cvttsd2si x+16(%rip), %rsi"},
	{name: "sse immediate", code: "pshufd $0x1b, x(%rip), %xmm6; shufps $0xe4, x(%rip), %xmm7; pinsrw $3, x(%rip), %xmm1; cmpps $1, x(%rip), %xmm2"},
	{name: "sse4", code: "pinsrq $1, x(%rip), %xmm6; pextrd $2, %xmm7, x(%rip); roundsd $3, x+16(%rip), %xmm1; pmulld x(%rip), %xmm2; crc32q x(%rip), %rsi", cpu: []string{"sse4_1", "sse4_2"}},
	{name: "ssse3 shuffle", code: "pshufb x(%rip), %xmm6; palignr $5, x(%rip), %xmm7", cpu: []string{"ssse3"}},
	{name: "movbe", code: "movbe x(%rip), %rsi; movbe %edi, x(%rip)", cpu: []string{"movbe"}},
	{name: "x87", code: "fldl y(%rip); faddl y+8(%rip); fistpl x(%rip); fildq y(%rip); fstpt zeros(%rip)"},
	{name: "mxcsr", code: "stmxcsr x(%rip); prefetcht0 x(%rip); clflush x(%rip)"},
	{name: "vex", code: "vmovups x(%rip), %ymm1; vaddps x(%rip), %ymm6, %ymm7; vmovups %ymm7, x(%rip); vpxor %xmm1, %xmm1, %xmm1; vmovsd y(%rip), %xmm14; vzeroupper", cpu: []string{"avx"}},
	{name: "vex immediate", code: "vpshufd $0x1b, x(%rip), %xmm6; vinserti128 $1, x(%rip), %ymm7, %ymm8; vextracti128 $1, %ymm8, x(%rip); vpblendvb %xmm6, x(%rip), %xmm7, %xmm1; vzeroupper", cpu: []string{"avx2"}},
	{name: "vex fused", code: "vfmadd231sd y(%rip), %xmm6, %xmm7; vbroadcastss x(%rip), %xmm6; vpbroadcastq x(%rip), %xmm3", cpu: []string{"avx2", "fma"}},
	{name: "bmi", code: "andn x(%rip), %rsi, %rdi; andn x(%rip), %rdi, %rsi; blsr x(%rip), %rsi; bzhi %rsi, x(%rip), %rdi; mulx x(%rip), %rsi, %rdi; rorx $7, x(%rip), %rbx; shlx %rdi, x(%rip), %rsi; pdep x(%rip), %r14, %rsi; bextr %rdi, x(%rip), %rsi", cpu: []string{"bmi1", "bmi2"}},
	{name: "adx", code: "adcx x(%rip), %rsi; adox x(%rip), %rdi", cpu: []string{"adx"}},
	{name: "evex", code: "vmovdqu64 x(%rip), %zmm1; vmovdqu64 x(%rip), %zmm30; vaddps x(%rip){1to16}, %zmm1, %zmm2; vmovdqu64 %zmm2, zeros(%rip); vpternlogq $0x96, x(%rip), %zmm1, %zmm30; vmovdqu64 %zmm30, zeros+64(%rip); kmovq x(%rip), %k1; vzeroupper", cpu: []string{"avx512f", "avx512bw"}},
	{name: "red zone", code: "movq %rax, -8(%rsp); movq %rbx, -128(%rsp); addq %rcx, x(%rip); pushq x(%rip); pop %rsi; push %rdi; popq x+8(%rip); incl x(%rip); mov -8(%rsp), %rdi; mov -128(%rsp), %rdx"},
	{name: "flags", code: "cmp %rax, %rbx; movq x(%rip), %rsi; movl $5, x+8(%rip); pushq x(%rip); pop %rdi; call *fn(%rip); setb %cl; seto %dl", ignore: r11},
	{name: "many thunks", code: strings.Repeat("incl x(%rip); ", 40)},
	{name: "data between functions", code: "call late"},
	{name: "pointers", code: "mov table(%rip), %rax; mov table+8(%rip), %rbx; mov relative(%rip), %rcx; addl $3, (%rax)"},
}

// source is the object around a piece of code. Late comes after data that does
// not decode as instructions.
func (r rewrite) source() string {
	return `
	.section .text.f, "ax", @progbits
	.globl f
	.type f, @function
f:	` + r.code + `
	ret
	.size f, .-f
	.byte 0x48, 0xc7, 0x05, 0x48
	.type late, @function
late:	movl x(%rip), %eax
	ret
	.section .text.g, "ax", @progbits
	.type g, @function
g:	mov $42, %eax
	ret
	.section .rodata.konst, "a", @progbits
konst:	.quad 0x1234567890
	.section .data.x, "aw", @progbits
	.balign 64
	.globl x
x:	.quad 0x8102030405060708, 0x1112131415161718, 0x4045000000000000, 0x3ff8000000000000
	.quad 0x0123456789abcdef, 0xfedcba9876543210, 0x5555555555555555, 0x3333333333333333
y:	.double 1.5, -2.25
	.section .data.fn, "aw", @progbits
fn:	.quad g
	.section .data.rel.ro.table, "aw", @progbits
table:	.quad x+4, f
	.section .rodata.relative, "a", @progbits
relative: .long g-relative, 0
	.section .bss.zeros, "aw", @nobits
	.globl zeros
	.balign 64
zeros:	.skip 256
	.weak nowhere
	.globl number
number = 1234
bignumber = 0x123456789abc
`
}

// TestRewrites runs every rewrite and compares it with the original.
func TestRewrites(t *testing.T) {
	m := newMachine(t)
	for _, r := range rewrites {
		t.Run(r.name, func(t *testing.T) {
			// x is aligned to 64 for the original's aligned moves; Go caps
			// alignment at 32, which is enough for all but cache lines.
			s := resolve(t, false, []string{"f"}, gas(t, "f", strings.ReplaceAll(r.source(), ".balign 64", ".balign 32")))
			b, err := newBuilder(s)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.layout(); err != nil {
				t.Fatal(err)
			}
			if err := b.relocate(); err != nil {
				t.Fatal(err)
			}
			img, err := b.finish()
			if err != nil {
				t.Fatal(err)
			}
			if !hasCPU(r.cpu...) {
				t.Skip("the processor lacks one of ", r.cpu)
			}
			relro := uint64(0)
			for _, ref := range s.Live {
				if a := b.address(ref); a.Segment == RelRO {
					relro = max(relro, uint64(a.Off)+s.Section(ref).Size)
				}
			}
			for seed := range uint64(20) {
				m.loadOriginal(t, b)
				want := m.run(img.Exports[0].Off, seed, relro)
				m.loadImage(t, img)
				got := m.run(img.Exports[0].Off, seed, relro)
				if got.low < want.low-img.Spills {
					t.Errorf("wrote %d bytes below what the original wrote; Spills is %d", want.low-got.low, img.Spills)
				}
				if diff := got.diff(want, r.ignore); diff != "" {
					t.Fatalf("seed %d:\n%s\ntext: % x", seed, diff, img.Memory[Text].Data)
				}
			}
		})
	}
}

// TestRewriteBytes has the bytes of every rewrite.
func TestRewriteBytes(t *testing.T) {
	goldenRewrites(t, "testdata/rewrites.txt", rewrites, func(r rewrite) []byte {
		return gas(t, "f", strings.ReplaceAll(r.source(), ".balign 64", ".balign 32"))
	})
}
