package emit

import (
	"fmt"
	"slices"
	"strings"
)

// HeapSymbol is the function that gives Rust's global allocator its memory
// (rust/rustgo/src/heap): start and size of a range of zeros. The package calls it
// when it is initialized, before any other.
const HeapSymbol = "rustgo_heap"

const (
	// heapReserve is the size in bytes of the address space of the heap where the
	// system gives memory only for what is touched.
	heapReserve = 64 << 30
	// heapCommit is its size on Windows, which counts all that can be touched as
	// used, by that size (MEM_COMMIT).
	heapCommit = 256 << 20
)

// heap reports whether Rust has a heap.
func (p *Package) heap() bool {
	return slices.ContainsFunc(p.Functions, func(f Function) bool { return f.Symbol == HeapSymbol })
}

// heapMemory writes the part of the heap that depends on the system.
func (p *Package) heapMemory(goos string) []byte {
	var out printer
	p.start(&out, p.constraint())
	out.line("package %s", p.Name)
	size, source := heapReserve, unixHeap
	if goos == "windows" {
		size, source = heapCommit, windowsHeap
	}
	if p.HeapSize != 0 {
		size = p.HeapSize
	}
	out.WriteString(strings.ReplaceAll(source, "SIZE", fmt.Sprint(size)))
	return gofmt(out.Bytes())
}

const unixHeap = `
import (
	"syscall"
	"unsafe"
)

// rustHeapSize is the size in bytes of the address space of Rust's heap. The system
// gives memory for what is used of it.
const rustHeapSize = SIZE

// Where there is less address space, the heap is smaller. Rust panics when it is full.
func init() {
	for size := rustHeapSize; size >= 1<<20; size /= 2 {
		b, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE|syscall.MAP_NORESERVE)
		if err == nil {
			rustHeap(uint(uintptr(unsafe.Pointer(unsafe.SliceData(b)))), uint(size))
			return
		}
	}
}
`

const windowsHeap = `
import "syscall"

// rustHeapSize is the size in bytes of Rust's heap.
const rustHeapSize = SIZE

// Where there is less memory, the heap is smaller. Rust panics when it is full.
func init() {
	const memReserve, memCommit, pageReadWrite = 0x2000, 0x1000, 0x4
	alloc := syscall.NewLazyDLL("kernel32.dll").NewProc("VirtualAlloc")
	for size := rustHeapSize; size >= 1<<20; size /= 2 {
		start, _, _ := alloc.Call(0, uintptr(size), memReserve|memCommit, pageReadWrite)
		if start != 0 {
			rustHeap(uint(start), uint(size))
			return
		}
	}
}
`
