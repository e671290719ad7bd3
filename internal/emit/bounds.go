package emit

// Windows has no signals. The profiler, and who wants a goroutine preempted,
// suspend a thread, read its registers, and ask on whose stack it is, by SP
// alone: g0's, gsignal's or the goroutine's, or nobody's, for which the profiler
// crashes (runtime.profilem, gFromSP, sigprof; runtime.preemptM; the same in Go
// 1.25 to 1.27). So wherever Rust runs, SP is between the bounds of one of them:
//
//   - A stack of its own is g0's while it is used: its bounds and stack guards are
//     in g0 from before SP goes there to after it is back. The profile then shows
//     the Rust functions up to the trampoline. A fault, for which Windows calls the
//     runtime on the stack where it happened, is handled by Go functions whose
//     checks of the stack are right: it throws, since g is g0 (runtime.sigpanic,
//     canpanic).
//   - The panic stack lies between the bounds of g0 while a panic is there. The
//     panic handler of rust/rustgo sees to that: beside the cookie it finds g0,
//     whose first words are the bounds.
//
// While they are lent nothing of the runtime's runs on g0's true stack: it is
// left for by runtime.systemstack and the like, on this thread, and this thread
// runs Rust.

// Offsets in runtime.g: g.stack.lo, g.stack.hi, g.stackguard0, g.stackguard1,
// which cmd/internal/obj and runtime/cgo know as well.
const (
	gStackLo = 0
	gStackHi = 8
	gGuard0  = 16
	gGuard1  = 24
)

const (
	// windowsPage is the size of a page in bytes, and of the guard page.
	windowsPage = 4096
	// ownReserve is the size in bytes of what is below the guard page
	// (windowsMemory).
	ownReserve = 64 << 10
	// ownGoGuard is how far above the end of the reserve Go stops: at least
	// runtime.stackGuard, which is 5024 there (Go 1.26).
	ownGoGuard = 8 << 10
)

// ownSpace is the size in bytes of a stack of its own with its guard page and the
// reserve.
func (p *Package) ownSpace() int {
	return (p.OwnStackSize()+windowsPage-1)&^(windowsPage-1) + windowsPage + ownReserve
}

// bySP reports whether the runtime tells by SP on whose stack a thread is.
func (p *Platform) bySP() bool { return p.GOOS == "windows" }

// What Windows calls first for every exception of the process is
// rustGuardHandler, in assembly. That a stack of its own overflows is an exception
// that Go does not know (stacks.go, windowsMemory): it is made one of those that
// it knows, an access violation at the same address. It is that if the page is
// between the bounds of g's stack. Other threads may have no g.
//
//	EXCEPTION_POINTERS: record, context
//	EXCEPTION_RECORD: ExceptionCode at 0, ExceptionInformation[1], which is the
//	address, at 40 (winnt.h)
const (
	guardPageViolation = 0x80000001
	accessViolation    = 0xc0000005
	exceptionRecord    = 0
	exceptionAddress   = 40
)
