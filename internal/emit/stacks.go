package emit

import (
	"fmt"
	"strings"
)

const (
	// stackHashShift drops the bits that are equal in the addresses of all
	// threads (runtime.mPadded, a multiple of 2048 bytes since Go 1.25).
	stackHashShift = 11
	stackHashSize  = 256
	stackShift     = 5 // log2 of the size of an entry
	// DefaultStackSize is the size in bytes of the stacks for functions whose
	// need is large or not known.
	DefaultStackSize = 256 << 10
)

// stacks writes what is common to all stacks that are not a goroutine's.
func (p *Package) stacks() []byte {
	var out printer
	p.start(&out, p.constraint())
	out.line("package %s", p.Name)
	out.WriteString(strings.NewReplacer(
		"STACK_SIZE", fmt.Sprint(p.OwnStackSize()), "BEYOND", fmt.Sprint(p.beyond()), "PACKAGE", p.Name,
	).Replace(stacksSource))
	return gofmt(out.Bytes())
}

// threads writes the Go side of the stacks of threads.
func (p *Package) threads() []byte {
	var out printer
	p.start(&out, p.constraint())
	out.line("package %s", p.Name)
	source := strings.NewReplacer(
		"HASH_SHIFT", fmt.Sprint(stackHashShift), "HASH_SIZE", fmt.Sprint(stackHashSize),
		"COOKIE", fmt.Sprint(ownCookie), "FRAME", fmt.Sprint(ownFrame), "MAGIC", fmt.Sprintf("%#x", uint64(panicMagic)),
		"PACKAGE", p.Name,
	).Replace(threadsSource)
	out.WriteString(source)
	if p.blocks() {
		fails := `panic("internal error")`
		if p.panics() {
			fails = "rustPanic(*(**rustRecord)(unsafe.Pointer(&outcome)))"
		}
		out.WriteString(strings.ReplaceAll(blockingSource, "BLOCKED_PANIC", fails))
	}
	return gofmt(out.Bytes())
}

// beyond is how far above a stack the runtime may read: the largest frame, in
// whole pages. The table from addresses to depths can be wrong by that much
// (account, in frames.go), and a fault in the profiler's signal handler ends the
// program without a word.
func (p *Package) beyond() int64 {
	var depth int64
	for i := range p.Platforms {
		for _, c := range p.Platforms[i].Code {
			for _, step := range c.Steps {
				depth = max(depth, step.Depth)
			}
		}
	}
	return (depth + 2*8 + 4095) &^ 4095
}

const stacksSource = `
import "runtime"

// rustStackSize is the size in bytes of a stack, without the page below it,
// which cannot be accessed: a function that needs more ends the program with
// SIGSEGV and a traceback.
const rustStackSize = STACK_SIZE

// rustStackBeyond is the size in bytes of the memory above a stack that can be
// read. Where a function has given up its frame, but the runtime's tables do
// not say so, a profiler looks for its caller as far up as the frame was large.
const rustStackBeyond = BEYOND

func rustLayout() bool

func init() {
	if !rustLayout() {
		panic("PACKAGE: the runtime of " + runtime.Version() + " is laid out in a way that this package does not know; build it again with a newer cargo rustgo")
	}
}
`

const threadsSource = `
import (
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// rustStack is a stack for Rust functions that may need more than a goroutine
// has. A goroutine that runs such a function stays on its thread, so there is
// one for each thread that has called one.
//
// The assembly looks the thread up in rustStacks, and checks m; only then
// does it read the rest. It is never interrupted between that and the return
// from Rust: Go does not preempt assembly.
type rustStack struct {
	m    uintptr // the thread (runtime.m); 0: nobody's; 1: about to change
	top  uintptr // the end of its memory; 0: it has none
	used uintptr // set by every call
	busy uintptr // not 0 while a call runs that may block
}

// rustStacks is a hash table with linear probing. Behind the end of the table
// there is room for collisions, and then an entry that stays nobody's.
var rustStacks [HASH_SIZE + 64 + 1]rustStack

var (
	rustStackLock   sync.Mutex // of all that follows, and of the changes of m and top
	rustStackMemory [len(rustStacks)][]byte
	rustStackAging  bool // a rustStackCycle is under way
)

func rustThread() uintptr

// rustStackFor gives the thread m a stack.
func rustStackFor(m uintptr) {
	rustStackLock.Lock()
	defer rustStackLock.Unlock()
	if !rustStackAging {
		rustStackAging = true
		runtime.SetFinalizer(new(rustStackCycle), (*rustStackCycle).again)
	}
	i := int(m >> HASH_SHIFT & (HASH_SIZE - 1))
	for {
		for ; i < len(rustStacks)-1; i++ {
			s := &rustStacks[i]
			if s.m == m {
				return
			}
			if s.m == 0 {
				rustStackAllocate(i)
				s.used = 1
				atomic.StoreUintptr(&s.m, m)
				return
			}
		}
		// All are taken, by threads that may be gone.
		i = int(m >> HASH_SHIFT & (HASH_SIZE - 1))
		for j := range rustStacks {
			atomic.StoreUintptr(&rustStacks[j].used, 0)
		}
		rustSweep()
		runtime.Gosched()
	}
}

// rustStackAllocate gives the stack i memory, if it has none.
func rustStackAllocate(i int) {
	if rustStacks[i].top != 0 {
		return
	}
	page := syscall.Getpagesize()
	size := (rustStackSize + rustStackBeyond + page - 1) / page * page
	b, err := rustStackReserve(page + size)
	if err == nil {
		if err = rustStackCommit(b[page:]); err != nil {
			rustStackRelease(b)
		}
	}
	if err != nil {
		panic("PACKAGE: no memory for a stack of " + strconv.Itoa(rustStackSize) + " bytes: " + err.Error())
	}
	rustStackMemory[i] = b
	top := uintptr(unsafe.Pointer(unsafe.SliceData(b))) + uintptr(len(b)) - rustStackBeyond
	// What the panic handler looks for: where the stack pointer is at a call.
	*(*uintptr)(unsafe.Pointer(&b[len(b)-rustStackBeyond-COOKIE])) = (top - FRAME) ^ MAGIC
	atomic.StoreUintptr(&rustStacks[i].top, top)
}

// rustStackCycle is collected in every cycle of the garbage collector.
type rustStackCycle struct{ _ *byte }

// again frees what nobody has used for a cycle.
func (c *rustStackCycle) again() {
	rustStackLock.Lock()
	defer rustStackLock.Unlock()
	rustSweep()
	runtime.SetFinalizer(c, (*rustStackCycle).again)
}

// rustSweep frees the stacks that have not been used since the last time.
func rustSweep() {
	var owners [len(rustStacks)]uintptr
	idle := false
	for i := range rustStacks {
		s := &rustStacks[i]
		if s.m != 0 && atomic.SwapUintptr(&s.used, 0) == 0 {
			owners[i] = atomic.SwapUintptr(&s.m, 1)
			idle = true
		}
	}
	if !idle {
		return
	}
	// Stopping the world waits for all calls that saw their thread in m, but
	// for those that may block: they say that they are busy, and look again.
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	for i, owner := range owners {
		if owner == 0 {
			continue
		}
		s := &rustStacks[i]
		if atomic.LoadUintptr(&s.used) != 0 || atomic.LoadUintptr(&s.busy) != 0 {
			atomic.StoreUintptr(&s.m, owner)
			continue
		}
		atomic.StoreUintptr(&s.top, 0)
		if err := rustStackRelease(rustStackMemory[i]); err != nil {
			panic("PACKAGE: a stack cannot be freed: " + err.Error())
		}
		rustStackMemory[i] = nil
		atomic.StoreUintptr(&s.m, 0)
	}
}
`

// stackMemory writes the part of the stacks that depends on the system.
func (p *Package) stackMemory(goos string) []byte {
	var out printer
	if goos == "windows" {
		p.start(&out, "amd64 || arm64") // it has a function in assembly
	} else {
		out.line("%s", Header)
		out.line("")
	}
	out.line("package %s", p.Name)
	switch goos {
	case "freebsd":
		// The package syscall has no Mprotect there.
		out.WriteString("\nimport (\n\t\"syscall\"\n\t\"unsafe\"\n)\n" + unixMemory + freebsdCommit)
	case "windows":
		out.WriteString("\nimport (\n\t\"sync\"\n\t\"syscall\"\n\t\"unsafe\"\n)\n" +
			strings.NewReplacer("PAGE", fmt.Sprint(windowsPage), "RESERVE", fmt.Sprint(ownReserve)).Replace(windowsMemory))
	default:
		out.WriteString("\nimport \"syscall\"\n" + unixMemory + unixCommit)
	}
	return gofmt(out.Bytes())
}

const unixMemory = `
// rustStackReserve returns memory that cannot be accessed.
func rustStackReserve(size int) ([]byte, error) {
	return syscall.Mmap(-1, 0, size, syscall.PROT_NONE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
}

// rustStackRelease frees what rustStackReserve returned.
func rustStackRelease(b []byte) error { return syscall.Munmap(b) }
`

const unixCommit = `
// rustStackCommit makes whole pages of reserved memory accessible.
func rustStackCommit(b []byte) error {
	return syscall.Mprotect(b, syscall.PROT_READ|syscall.PROT_WRITE)
}
`

const freebsdCommit = `
// rustStackCommit makes whole pages of reserved memory accessible.
func rustStackCommit(b []byte) error {
	_, _, errno := syscall.Syscall(syscall.SYS_MPROTECT, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), syscall.PROT_READ|syscall.PROT_WRITE)
	if errno != 0 {
		return errno
	}
	return nil
}
`

// windowsMemory has room below the stack for what Windows and Go do about an
// overflow: the exception is handled on the stack where it happened. The system
// writes to it what it tells the handler, and ends the program without a word
// where it cannot. So the page that stops an overflow is one with the attribute
// PAGE_GUARD, which it loses when it is touched, as the last page of Windows' own
// stacks does. To Windows this is no stack of a thread's, as little as those of
// goroutines are: the exception is STATUS_GUARD_PAGE_VIOLATION. Go leaves that to
// others (runtime.isgoexception, Go 1.26), and the process would end with that
// status; rustGuardHandler makes it one that Go ends the program for.
const windowsMemory = `
// rustStackRoom is the size in bytes of what is below memory that has been made
// accessible: a page that stops an overflow, and under it memory for the message
// about it.
const rustStackRoom = RESERVE + PAGE

var (
	rustKernel         = syscall.NewLazyDLL("kernel32.dll")
	rustVirtualAlloc   = rustKernel.NewProc("VirtualAlloc")
	rustVirtualProtect = rustKernel.NewProc("VirtualProtect")
	rustVirtualFree    = rustKernel.NewProc("VirtualFree")
)

func rustGuardHandlerPC() uintptr

// rustHandleGuard has rustGuardHandler called for exceptions.
var rustHandleGuard = sync.OnceValue(func() error {
	handler, _, err := rustKernel.NewProc("AddVectoredExceptionHandler").Call(1, rustGuardHandlerPC())
	if handler == 0 {
		return err
	}
	return nil
})

// rustStackReserve returns memory that cannot be accessed, with more below it.
func rustStackReserve(size int) ([]byte, error) {
	const memReserve, pageNoAccess = 0x2000, 0x1
	if err := rustHandleGuard(); err != nil {
		return nil, err
	}
	start, _, err := rustVirtualAlloc.Call(0, uintptr(rustStackRoom+size), memReserve, pageNoAccess)
	if start == 0 {
		return nil, err
	}
	start += rustStackRoom
	// This is not Go's memory, which go vet cannot know.
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&start)), size), nil
}

// rustStackCommit makes whole pages of reserved memory accessible.
func rustStackCommit(b []byte) error {
	const memCommit, pageReadWrite, pageGuard = 0x1000, 0x4, 0x100
	start := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	ok, _, err := rustVirtualAlloc.Call(start-rustStackRoom, uintptr(rustStackRoom+len(b)), memCommit, pageReadWrite)
	if ok == 0 {
		return err
	}
	var old uint32
	ok, _, err = rustVirtualProtect.Call(start-PAGE, PAGE, pageReadWrite|pageGuard, uintptr(unsafe.Pointer(&old)))
	if ok == 0 {
		return err
	}
	return nil
}

// rustStackRelease frees what rustStackReserve returned.
func rustStackRelease(b []byte) error {
	const memRelease = 0x8000
	ok, _, err := rustVirtualFree.Call(uintptr(unsafe.Pointer(unsafe.SliceData(b)))-rustStackRoom, 0, memRelease)
	if ok == 0 {
		return err
	}
	return nil
}
`

const blockingSource = `
// A call that may block is a system call to the scheduler: the garbage
// collector and other goroutines do not wait for it.
//
//go:linkname rustEnterBlocking runtime.entersyscall
func rustEnterBlocking()

//go:linkname rustLeaveBlocking runtime.exitsyscall
func rustLeaveBlocking()

// rustBlocked does what the assembly of a call that may block could not do: it
// finds a stack, or panics.
func rustBlocked(outcome uintptr) {
	if outcome == 1 {
		rustStackFor(rustThread())
		return
	}
	BLOCKED_PANIC
}
`
