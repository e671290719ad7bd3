//go:build linux

package image

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// The machine runs code with every register chosen but x28, which holds Go's g,
// first as the compiler wrote it, with its relocations applied as a linker
// does, then as Build rewrote it, at the same address: all multiples of what
// the segments are aligned to, not of a page. All that can be observed must be
// equal: registers, flags, vectors, data, and the stack.
//
//	0x000000  stub and context
//	0x010000  stack
//	0x020000  RelRO     0x040000  Data      0x060000  BSS
//	0x080000  the GOT of the original       0x090000  Text
type machine struct {
	mem  []byte
	base uint64
	call func()
	word *uintptr // what call points to
}

const (
	machineSize = 0x270000
	stackTop    = 0x18000
	segments    = 0x20000
	gotBase     = 0x80000
	ctxRegs     = 0x800
	ctxFlags    = 0x900
	ctxSP       = 0x908
	ctxTarget   = 0x910
	ctxFlush    = 0x920
	ctxVectors  = 0xa00
)

var segmentStart = [Segments]uint64{Text: 0x90000, RelRO: segments, Data: 0x40000, BSS: 0x60000}

// stubSource is called as a Go function without arguments: in Go's ABIInternal
// all registers but sp, x18, x28 (g) and x29 are the callee's.
var stubSource = `
	.text
	stp x29, x30, [sp, -16]!
	mov x0, sp
	adr x1, saved
	str x0, [x1]
	adr x1, flush
	ldp x0, x1, [x1]
1:	dc cvau, x0
	ic ivau, x0
	add x0, x0, 16
	cmp x0, x1
	b.lo 1b
	dsb ish
	isb
	adr x0, vectors
` + pairs("ldp q%d, q%d, [x0, %d]\n", 32, 32) + `
	adr x30, sp0
	ldr x0, [x30]
	mov sp, x0
	adr x30, flags
	ldr x0, [x30]
	msr nzcv, x0
	adr x30, regs
` + pairs("ldp x%d, x%d, [x30, %d]\n", 28, 16) + `
	ldr x29, [x30, 232]
	adr x30, target
	ldr x30, [x30]
	blr x30
	adr x30, regs
` + pairs("stp x%d, x%d, [x30, %d]\n", 28, 16) + `
	str x29, [x30, 232]
	mrs x0, nzcv
	adr x30, flags
	str x0, [x30]
	mov x0, sp
	adr x30, sp0
	str x0, [x30]
	adr x0, vectors
` + pairs("stp q%d, q%d, [x0, %d]\n", 32, 32) + `
	adr x1, saved
	ldr x0, [x1]
	mov sp, x0
	ldp x29, x30, [sp], 16
	ret
	.org 0x800
regs:	.fill 32, 8, 0
flags:	.quad 0
sp0:	.quad 0
target:	.quad 0
saved:	.quad 0
flush:	.quad 0, 0
	.org 0xa00
vectors: .fill 64, 8, 0
`

func pairs(format string, n, size int) string {
	var b strings.Builder
	for i := 0; i < n; i += 2 {
		fmt.Fprintf(&b, format, i, i+1, i/2*size)
	}
	return b.String()
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	stub, err := elfmacho.Parse("stub", assemble(t, arm64Assembler, "stub", stubSource))
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

// state is what a run can be observed to do.
type state struct {
	regs    [31]uint64
	flags   uint64
	sp      uint64
	vectors []byte
	stack   []byte
	data    []byte
	low     int // offset of the lowest byte of the stack that was written
}

// run calls the code at off in Text with registers, flags and stack that depend
// on seed only.
func (m *machine) run(start [Segments]uint64, off, seed, relro, text uint64) state {
	rnd := rand.New(rand.NewPCG(seed, 0))
	le := binary.LittleEndian
	for i := range 30 {
		if i != 28 {
			le.PutUint64(m.mem[ctxRegs+8*i:], rnd.Uint64())
		}
	}
	le.PutUint64(m.mem[ctxFlags:], rnd.Uint64()&0xf0000000)
	sp := uint64(stackTop - 512)
	le.PutUint64(m.mem[ctxSP:], m.base+sp)
	le.PutUint64(m.mem[ctxTarget:], m.base+start[Text]+off)
	le.PutUint64(m.mem[ctxFlush:], m.base+start[Text])
	le.PutUint64(m.mem[ctxFlush+8:], m.base+start[Text]+text)
	for i := ctxVectors; i < ctxVectors+512; i += 8 {
		le.PutUint64(m.mem[i:], rnd.Uint64())
	}
	for i := 0x10000; i < stackTop; i += 8 {
		le.PutUint64(m.mem[i:], rnd.Uint64())
	}
	before := bytes.Clone(m.mem[0x10000:stackTop])
	runtime.LockOSThread()
	m.call()
	runtime.UnlockOSThread()

	var s state
	for i := range 30 {
		s.regs[i] = le.Uint64(m.mem[ctxRegs+8*i:])
	}
	s.flags = le.Uint64(m.mem[ctxFlags:])
	s.sp = le.Uint64(m.mem[ctxSP:])
	s.vectors = bytes.Clone(m.mem[ctxVectors : ctxVectors+512])
	s.stack = bytes.Clone(m.mem[sp:stackTop])
	s.low = 0x10000 + firstDifference(m.mem[0x10000:stackTop], before)
	s.data = append(s.data, m.mem[segmentStart[Data]:gotBase]...)
	s.data = append(s.data, m.mem[start[RelRO]:start[RelRO]+relro]...)
	return s
}

func (s state) diff(want state, ignore uint32) string {
	var b strings.Builder
	for i := range s.regs {
		if s.regs[i] != want.regs[i] && ignore>>i&1 == 0 && i != 28 {
			fmt.Fprintf(&b, "x%d: %#x, want %#x\n", i, s.regs[i], want.regs[i])
		}
	}
	if s.flags != want.flags {
		fmt.Fprintf(&b, "flags: %#x, want %#x\n", s.flags, want.flags)
	}
	if s.sp != want.sp {
		fmt.Fprintf(&b, "sp: %#x, want %#x\n", s.sp, want.sp)
	}
	if i := firstDifference(s.vectors, want.vectors); i < len(s.vectors) {
		fmt.Fprintf(&b, "v%d differs at byte %d\n", i/16, i%16)
	}
	if i := firstDifference(s.stack, want.stack); i < len(s.stack) {
		fmt.Fprintf(&b, "stack: byte %d is %#x, want %#x\n", i, s.stack[i], want.stack[i])
	}
	if i := firstDifference(s.data, want.data); i < len(s.data) {
		fmt.Fprintf(&b, "data: byte %#x is %#x, want %#x\n", i, s.data[i], want.data[i])
	}
	return b.String()
}

// loadOriginal puts the sections where b put them and applies their relocations
// as a linker does that knows all addresses.
func (m *machine) loadOriginal(t *testing.T, start [Segments]uint64, b *builder) {
	t.Helper()
	clear(m.mem[segments:])
	le := binary.LittleEndian
	got := map[uint64]uint64{}
	for _, r := range b.set.Live {
		place := b.address(r)
		copy(m.mem[start[place.Segment]+uint64(place.Off):], b.set.Section(r).Data)
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
				s = m.base + start[a.Segment] + uint64(a.Off) + target.Off
			case link.AtValue:
				s = target.Off
			}
			if rel.Kind == reloc.Branch26 && s == 0 {
				continue // not called
			}
			at := start[place.Segment] + uint64(place.Off) + rel.Off
			p := m.base + at
			if rel.Kind.Info().GOT {
				slot, ok := got[s]
				if !ok {
					slot = gotBase + uint64(8*len(got))
					got[s] = slot
					le.PutUint64(m.mem[slot:], s)
				}
				s = m.base + slot
			}
			value := s + uint64(rel.Addend)
			switch rel.Kind {
			case reloc.Page21, reloc.GOTPage21:
				value = value&^0xfff - p&^0xfff
			case reloc.PageOff12, reloc.PageOff12S1, reloc.PageOff12S2, reloc.PageOff12S3, reloc.PageOff12S4, reloc.GOTPageOff12:
				value &= 0xfff
			default:
				if rel.Kind.Info().PCRel {
					value -= p
				}
			}
			if err := rel.Kind.Put(m.mem[at:], int64(value)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// loadImage does what Go's assembler and linker do.
func (m *machine) loadImage(t *testing.T, start [Segments]uint64, img *Image) {
	t.Helper()
	clear(m.mem[segments:])
	le := binary.LittleEndian
	for s := range img.Memory {
		copy(m.mem[start[s]:], img.Memory[s].Data)
	}
	for _, l := range img.Loads {
		at := start[Text] + l.Off
		r := uint32(l.Register)
		adrp, add := le.Uint32(m.mem[at:]), le.Uint32(m.mem[at+4:])
		if adrp != 0x90000000|r || add != 0x91000000|r<<5|r {
			t.Errorf("load at %#x: %#x, %#x", l.Off, adrp, add)
		}
		to := m.base + start[l.To.Segment] + uint64(l.To.Off)
		if err := reloc.Page21.Put(m.mem[at:], int64(to&^0xfff-(m.base+at)&^0xfff)); err != nil {
			t.Error(err)
		}
		if err := reloc.PageOff12.Put(m.mem[at+4:], int64(to&0xfff)); err != nil {
			t.Error(err)
		}
	}
	for _, p := range img.Pointers {
		at := start[p.From] + p.Off
		if v := le.Uint64(m.mem[at:]); v != 0 {
			t.Errorf("pointer at %v+%#x is %#x before it is set", p.From, p.Off, v)
		}
		le.PutUint64(m.mem[at:], m.base+start[p.To.Segment]+uint64(p.To.Off))
	}
}

// TestARM64Rewrites runs every rewrite and compares it with the original.
func TestARM64Rewrites(t *testing.T) {
	m := newMachine(t)
	for _, r := range arm64Rewrites {
		t.Run(r.name, func(t *testing.T) {
			s := resolve(t, false, []string{"f"}, assemble(t, arm64Assembler, "f", arm64Source(r)))
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
			relro := uint64(0)
			for _, ref := range s.Live {
				if a := b.address(ref); a.Segment == RelRO {
					relro = max(relro, uint64(a.Off)+s.Section(ref).Size)
				}
			}
			for seed := range uint64(12) {
				start, text := segmentStart, uint64(len(img.Memory[Text].Data))
				if seed > 0 {
					rnd := rand.New(rand.NewPCG(seed, 1))
					for i := range start {
						start[i] += rnd.Uint64N(0x1000) &^ (img.Memory[i].Align - 1)
					}
				}
				m.loadOriginal(t, start, b)
				want := m.run(start, img.Exports[0].Off, seed, relro, text)
				m.loadImage(t, start, img)
				got := m.run(start, img.Exports[0].Off, seed, relro, text)
				if got.low < want.low-img.Spills {
					t.Errorf("wrote %d bytes below what the original wrote; Spills is %d", want.low-got.low, img.Spills)
				}
				if diff := got.diff(want, r.ignore); diff != "" {
					t.Fatalf("seed %d:\n%s", seed, diff)
				}
			}
		})
	}
}
