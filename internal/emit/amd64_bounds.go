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

// On Windows there is, below what every stack of its own has (amd64_own.go),
//
//	| g0                  |
//	| cookie              |  during the call, if Rust can panic
//	| g0's own bounds     |  while they are lent
//	| and guards          |
//
// The cookie is there without arguments too, as the one that is there for good
// has no g0 beside it; the panic handler comes upon this one first.
const (
	boundsG0     = 72 // distances below the end of the stack
	boundsCookie = 80
	boundsSaved  = 112
	boundsFrame  = 112
)

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

func (t *trampoline) bySP() bool { return t.platform.bySP() }

// loadG0 loads g0 into AX.
func (t *trampoline) loadG0(out *printer) {
	out.line("\tMOVQ TLS, AX")
	out.line("\tMOVQ 0(AX)(TLS*1), AX")
	out.line("\tMOVQ %d(AX), AX", gM)
	out.line("\tMOVQ %d(AX), AX", mG0)
}

// lendBounds gives g0, which R11 points to, the bounds of the stack whose end
// R10 points to. AX and what the caller keeps are left alone; no argument is in a
// register yet. A thread is suspended between two instructions, and one store is
// of both bounds, so they are always of one stack.
func (t *trampoline) lendBounds(out *printer) {
	out.line("\tMOVQ R11, %d(R10)", -boundsG0)
	out.line("\tMOVUPS %d(R11), X0", gStackLo)
	out.line("\tMOVUPS %d(R11), X1", gGuard0)
	out.line("\tMOVUPS X0, %d(R10)", -boundsSaved)
	out.line("\tMOVUPS X1, %d(R10)", -boundsSaved+16)
	out.line("\tLEAQ %d(R10), CX", -t.space)
	out.line("\tMOVQ CX, X0")
	out.line("\tMOVQ R10, X1")
	out.line("\tPUNPCKLQDQ X1, X0")
	out.line("\tMOVUPS X0, %d(R11)", gStackLo)
	out.line("\tADDQ $%d, CX", ownGoGuard)
	out.line("\tMOVQ CX, %d(R11)", gGuard0)
	out.line("\tMOVQ CX, %d(R11)", gGuard1)
}

// returnBounds gives g0 its bounds back. BX is g, top names the register that
// points to the top of the stack, and SP is the goroutine's again. Results are
// in AX, DX, X0 and X1.
func (t *trampoline) returnBounds(out *printer, top string) {
	out.line("\tMOVQ %d(BX), CX", gM)
	out.line("\tMOVQ %d(CX), CX", mG0)
	out.line("\tMOVUPS %d(%s), X8", -boundsSaved, top)
	out.line("\tMOVUPS %d(%s), X9", -boundsSaved+16, top)
	out.line("\tMOVUPS X8, %d(CX)", gStackLo)
	out.line("\tMOVUPS X9, %d(CX)", gGuard0)
}

// boundsLayout checks, where AX is g and DX is g0, that SP is between the bounds
// of g, and that g0 has two equal guards between its bounds. What is found goes
// to R9.
func boundsLayout(out *printer) {
	check := func(set string) {
		out.line("\t%s R8", set)
		out.line("\tANDL R8, R9")
	}
	out.line("\tCMPQ SP, %d(AX)", gStackLo)
	check("SETHI")
	out.line("\tCMPQ SP, %d(AX)", gStackHi)
	check("SETCS")
	out.line("\tMOVQ %d(DX), R10", gGuard0)
	out.line("\tCMPQ R10, %d(DX)", gGuard1)
	check("SETEQ")
	out.line("\tCMPQ R10, %d(DX)", gStackLo)
	check("SETHI")
	out.line("\tCMPQ R10, %d(DX)", gStackHi)
	check("SETCS")
}

// guardHandler writes what Windows calls first for every exception of the
// process. That a stack of its own overflows is an exception that Go does not
// know (stacks.go, windowsMemory): it is made one of those that it knows, an
// access violation at the same address. It is that if the page is between the
// bounds of g's stack. Other threads may have no g.
//
//	CX → EXCEPTION_POINTERS: record, context
//	     EXCEPTION_RECORD: ExceptionCode at 0, ExceptionInformation[1], which
//	     is the address, at 40 (winnt.h)
func guardHandler(out *printer) {
	const guardPageViolation, accessViolation, record, address = 0x80000001, 0xc0000005, 0, 40
	out.line("")
	out.line("TEXT ·rustGuardHandler(SB), NOSPLIT|NOFRAME, $0-0")
	out.line("\tMOVQ %d(CX), CX", record)
	out.line("\tCMPL 0(CX), $%#x", guardPageViolation)
	out.line("\tJNE search")
	out.line("\tMOVQ TLS, AX")
	out.line("\tTESTQ AX, AX")
	out.line("\tJEQ search")
	out.line("\tMOVQ 0(AX)(TLS*1), AX")
	out.line("\tTESTQ AX, AX")
	out.line("\tJEQ search")
	out.line("\tMOVQ %d(CX), DX", address)
	out.line("\tCMPQ DX, %d(AX)", gStackLo)
	out.line("\tJCS search")
	out.line("\tCMPQ DX, %d(AX)", gStackHi)
	out.line("\tJCC search")
	out.line("\tMOVL $%#x, 0(CX)", accessViolation)
	out.line("search:")
	out.line("\tXORL AX, AX") // EXCEPTION_CONTINUE_SEARCH
	out.line("\tRET")
	out.line("")
	out.line("// func rustGuardHandlerPC() uintptr")
	out.line("TEXT ·rustGuardHandlerPC(SB), NOSPLIT|NOFRAME, $0-8")
	out.line("\tLEAQ ·rustGuardHandler(SB), AX")
	out.line("\tMOVQ AX, ret+0(FP)")
	out.line("\tRET")
}
