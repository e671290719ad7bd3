package stack

import (
	"encoding/binary"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// machine is a live set loaded into memory, ready to run:
//
//	| gate | sections | GOT | buffers | guard, painted stack, arguments |
type machine struct {
	mem     []byte
	gate    *gate
	places  map[link.Ref]int
	buffers int
	stack   int    // end of the painted part
	size    int    // of the painted part
	input   []byte // what buffer 1 holds when a function is called
}

// gate is what the code at its start works on. Its address is also that of a
// Go closure: the first word is where the code is.
type gate struct {
	code, function, stack uintptr
	args                  [6]uintptr
	result, saved         uintptr
	panicked              uintptr
}

const (
	bufferSize = 1 << 16
	buffers    = 6
	above      = 4096 // bytes above the painted stack, for arguments on the stack
	gateCode   = 256  // offset of the code in the memory
)

// gateway calls gate.function on gate.stack. Go calls it as a closure, with
// the gate in rdx; all registers but rsp, rbp, r14 and xmm15 are Go's to lose.
const gateway = "" +
	"55 53 41 54 41 55 41 56 41 57" + // push rbp, rbx, r12 to r15
	"48 89 d3" + // mov  %rdx, %rbx
	"48 89 63 50" + // mov  %rsp, 80(%rbx)
	"48 8b 63 10" + // mov  16(%rbx), %rsp
	"48 8b 7b 18  48 8b 73 20  48 8b 53 28  48 8b 4b 30  4c 8b 43 38  4c 8b 4b 40" + // rdi, rsi, rdx, rcx, r8, r9
	"ff 53 08" + // call *8(%rbx)
	"48 89 43 48" + // mov  %rax, 72(%rbx)
	"48 8b 63 50" + // mov  80(%rbx), %rsp
	"fc" + // cld
	"45 0f 57 ff" + // xorps %xmm15, %xmm15
	"41 5f 41 5e 41 5d 41 5c 5b 5d c3"

// load lays the set out and applies its relocations. stackSize is how much
// stack to paint, in bytes.
func load(t testing.TB, set *link.Set, stackSize int) *machine {
	t.Helper()
	m := &machine{places: map[link.Ref]int{}, size: stackSize}
	off := 4096
	for _, ref := range set.Live {
		s := set.Section(ref)
		align := int(max(s.Align, 1))
		off = (off + align - 1) &^ (align - 1)
		m.places[ref] = off
		off += int(s.Size)
	}
	off = (off + 63) &^ 63
	got := off
	slots := map[uintptr]int{}
	for _, ref := range set.Live {
		off += 8 * int(set.Section(ref).Relocated)
	}
	m.buffers = (off + 4095) &^ 4095
	m.stack = (m.buffers + buffers*bufferSize + stackSize + 8191) &^ 4095
	mem, err := syscall.Mmap(-1, 0, m.stack+above, syscall.PROT_READ|syscall.PROT_WRITE|syscall.PROT_EXEC, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		missing(t, "no executable memory: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Munmap(mem) })
	m.mem = mem
	base := uintptr(unsafe.Pointer(&mem[0]))
	for _, ref := range set.Live {
		copy(mem[m.places[ref]:], set.Section(ref).Data)
	}
	for _, ref := range set.Live {
		relocs, err := set.Relocs(ref)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range relocs {
			to, err := set.Target(ref.Object, r)
			if err != nil {
				t.Fatal(err)
			}
			s := uintptr(to.Off)
			switch to.Kind {
			case link.InSection:
				s += base + uintptr(m.places[to.Ref])
			case link.Nowhere:
				s = 0
			}
			if r.Kind == reloc.GOT32 {
				if slots[s] == 0 {
					slots[s] = got
					binary.LittleEndian.PutUint64(mem[got:], uint64(s))
					got += 8
				}
				s = base + uintptr(slots[s])
			}
			at := m.places[ref] + int(r.Off)
			value := int64(s) + r.Addend
			if r.Kind.Info().PCRel {
				value -= int64(base) + int64(at)
			}
			if err := r.Kind.Put(mem[at:], value); err != nil {
				t.Fatalf("%s+%#x: %v", set.Section(ref).Name, r.Off, err)
			}
		}
	}
	m.gate = (*gate)(unsafe.Pointer(&mem[0]))
	code := unhex(t, gateway)
	copy(mem[gateCode:], code)
	m.gate.code = base + gateCode
	// A panic comes back through a patch of the handler's first bytes.
	landing := base + gateCode + uintptr(slices.Index(code, 0xfc)) - 4
	for object := range set.Objects {
		for i := range set.Objects[object].Symbols {
			s := &set.Objects[object].Symbols[i]
			ref := link.Ref{Object: int32(object), Section: s.Section}
			if at, live := m.places[ref]; live && strings.HasSuffix(s.Name, "rust_begin_unwind") && s.Type == elfmacho.Func {
				patch := append([]byte{0x48, 0xbb}, binary.LittleEndian.AppendUint64(nil, uint64(base))...) // movabs gate, %rbx
				patch = append(patch, 0x48, 0xff, 0x43, 0x58)                                               // incq 88(%rbx)
				patch = append(patch, 0x48, 0xb8)                                                           // movabs landing, %rax
				patch = binary.LittleEndian.AppendUint64(patch, uint64(landing))
				patch = append(patch, 0xff, 0xe0) // jmp *%rax
				if int(s.Size) < len(patch) {
					t.Fatalf("%s has %d bytes, too few for the patch", s.Name, s.Size)
				}
				copy(mem[at+int(s.Value):], patch)
			}
		}
	}
	return m
}

// run calls a function and returns how many bytes below rsp before the call
// were written to.
func (m *machine) run(at link.Place, args ...uintptr) (used int, panicked bool) {
	base := uintptr(unsafe.Pointer(&m.mem[0]))
	stack := m.mem[m.stack-m.size : m.stack]
	for _, paint := range []byte{0xa5, 0x5a} { // what is stored may look like one of them
		for i := range stack {
			stack[i] = paint
		}
		clear(m.mem[m.stack:])
		clear(m.mem[m.buffers : m.buffers+buffers*bufferSize])
		copy(m.mem[m.buffers+bufferSize:], m.input)
		m.gate.function = base + uintptr(m.places[at.Ref]) + uintptr(at.Off)
		m.gate.stack = base + uintptr(m.stack)
		m.gate.panicked = 0
		m.gate.args = [6]uintptr{}
		copy(m.gate.args[:], args)
		closure := unsafe.Pointer(m.gate)
		(*(*func())(unsafe.Pointer(&closure)))()
		n := len(stack) - slices.IndexFunc(stack, func(b byte) bool { return b != paint })
		used = max(used, n)
	}
	return used, m.gate.panicked != 0
}

// buffer is the address of the nth zeroed buffer.
func (m *machine) buffer(n int) uintptr {
	return uintptr(unsafe.Pointer(&m.mem[m.buffers+n%buffers*bufferSize]))
}

// TestPaint runs the fixtures' functions on painted stacks.
func TestPaint(t *testing.T) {
	total, exact := 0, 0
	for _, fixture := range fixtureNames {
		t.Run(fixture, func(t *testing.T) {
			data := buildFixture(t, fixture)
			functions := fixtureExports(t, fixture)
			var roots []string
			for _, f := range functions {
				roots = append(roots, f.name)
			}
			set := resolve(t, fixture, data, roots...)
			a, err := Analyze(set)
			if err != nil {
				t.Fatal(err)
			}
			largest := 0
			for _, name := range roots {
				if b, err := a.Bound(name); err == nil {
					largest = max(largest, b.Bytes)
				}
			}
			m := load(t, set, largest+1<<16)
			for i, f := range functions {
				b, err := a.Bound(f.name)
				if err != nil {
					continue
				}
				measured, panicked := 0, 0
				for _, args := range f.arguments(m.buffer) {
					n, p := m.run(set.Roots[i].Place, args...)
					measured = max(measured, n)
					if p {
						panicked++
					}
				}
				total++
				if measured == b.Bytes {
					exact++
				}
				t.Logf("%-24s measured %6d  bound %6d  panics %d", f.name, measured, b.Bytes, panicked)
				if measured > b.Bytes {
					t.Errorf("%s: used %d bytes, more than the bound %d by %v", f.name, measured, b.Bytes, b.Path)
				}
			}
		})
	}
	t.Logf("%d functions, %d of them used all of their bound", total, exact)
}
