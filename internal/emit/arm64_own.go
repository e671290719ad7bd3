package emit

// A function whose need of stack is large or not known runs on a stack of its
// own thread, as on amd64 (amd64_own.go).
//
// While Rust runs, g.throwsplit is set, as in a system call
// (runtime.reentersyscall, Go 1.26). So a fault is never made a Go panic, for
// which there is no room on this stack, least of all when it overflows: the
// program ends with the signal (runtime.sighandler, "gp.throwsplit"). That holds
// wherever the signal handler finds g: in R28, or in thread-local memory, where
// it is in programs with cgo and on Darwin (runtime.sigtramp), and which nobody
// but the runtime can write to. In a call that may block, the scheduler has set
// it.
//
// R28 is g0, as when cgo runs C (runtime.asmcgocall, Go 1.26): where the handler
// takes g from there, what it prints are the Rust functions on this stack, and
// then the goroutine, as if it called from NAME.slow. On Windows it is g0 in
// thread-local memory, too (bounds.go).
//
// The stack at the call:
//
//	top | SP of the goroutine     |
//	    | g                       |
//	    | return address, SP      |  of Rust while it waits for Go
//	    | return address          |
//	    | R29                     |
//	    | slot in rustStacks      |  if the call may block
//	    | or code that calls Go   |  if Rust may call it
//	    |                         |
//	    | bounds of g0            |  on Windows (arm64_bounds.go)
//	    | copies, pads            |  as on the goroutine's stack (arm64.go)
//	    | 16 bytes                |
//	    | C's arguments           |
//	    |-------------------------|  SP at the call
//
// A panic finds its way back as on the goroutine's stack.
const (
	arm64OwnRust     = 32 // distances below top; the others are amd64's
	arm64OwnRecord   = 48
	arm64OwnSlot     = 56
	arm64OwnCallback = 56 // rust/rustgo/src/call/aarch64.rs
)

// Offsets in the structures of the runtime (runtime2.go: g.sched.lr,
// g.throwsplit; the same in Go 1.25 to 1.27), besides those of amd64. The
// generated package checks them when it is initialized.
const (
	gSchedLR    = 88
	gThrowsplit = 183
)

// stackHashBits is log2 of stackHashSize.
const stackHashBits = 8

// own writes the trampoline of a function that runs on a stack of its own. One
// that may block is called by Go code that has told the scheduler, and must not
// call Go: it returns what there is to do.
func (t *arm64Trampoline) own(out *printer) {
	name := t.text
	out.line("TEXT ·%s(SB), NOSPLIT|NOFRAME|TOPFRAME, $0-%d", name, t.frameArgs())
	if t.CallsGo {
		t.callStack(out)
	} else {
		t.threadStack(out)
	}
	out.line("\tMOVD RSP, R12")
	out.line("\tMOVD R12, %d(R10)", -ownSP)
	out.line("\tMOVD g, %d(R10)", -ownG)
	out.line("\tSTP (R29, R30), %d(R10)", -arm64OwnRecord)
	if t.Blocking {
		out.line("\tMOVD R14, %d(R10)", -arm64OwnSlot)
	} else {
		out.line("\tMOVD $1, R13")
		out.line("\tMOVB R13, %d(g)", gThrowsplit)
		out.line("\tMOVD $·%s·%s<>(SB), R13", name, t.beside())
		out.line("\tSTP (R12, R13), %d(g)", gSchedSP)
		out.line("\tMOVD R30, %d(g)", gSchedLR)
	}
	t.base(out)
	out.line("\tMOVD %d(R11), g", mG0)
	if t.bySP() {
		t.lendBounds(out, "R10")
	}
	below := t.ownBelow()
	out.line("\tSUB $%d, R10", below)
	out.line("\tMOVD R10, RSP")
	t.loadsFrom(out, 0)
	t.leaveCookie(out, "RSP", copyOff, t.args)
	if t.args > 0 {
		out.line("\tSUB $%d, RSP", t.args)
	}
	t.callRust(out)
	t.takeCookie(out, t.args+copyOff)
	if t.args > 0 {
		out.line("\tADD $%d, RSP", t.args)
	}
	out.line("\tADD $%d, RSP, R10", below)
	out.line("\tMOVD %d(R10), g", -ownG)
	if t.bySP() {
		t.saveG(out)
	}
	if t.result() >= 0 {
		// The stack stays, although SP will be elsewhere: this is assembly, and
		// a call that may block is still busy.
		out.line("\tMOVD RSP, R16")
	}
	out.line("\tLDP %d(R10), (R29, R30)", -arm64OwnRecord)
	if t.Blocking {
		out.line("\tMOVD %d(R10), R14", -arm64OwnSlot)
	} else {
		out.line("\tMOVB ZR, %d(g)", gThrowsplit)
	}
	out.line("\tMOVD %d(R10), R12", -ownSP)
	out.line("\tMOVD R12, RSP")
	if t.bySP() {
		t.returnBounds(out, "R10")
	}
	t.ifPanicked(out)
	t.storeResult(out, "R16", 0)
	if t.Blocking {
		t.outcome(out, "ZR")
	} else {
		out.line("\tRET")
	}
	if !t.CallsGo {
		t.otherStack(out)
	}
	if t.panics {
		out.line("panicked:")
		if t.Blocking {
			t.outcome(out, "R19")
		} else {
			out.line("\tB ·%s·slow<>(SB)", name)
		}
	}
	if t.CallsGo {
		t.callGo(out)
	}
	if t.slows() {
		t.slow(out)
	}
}

// ownBelow is how far below the end of the stack SP is at the call, but for C's
// arguments.
func (t *arm64Trampoline) ownBelow() int {
	if t.bySP() {
		return arm64BoundsFrame + copyOff + t.copies
	}
	return ownFrame + copyOff + t.copies
}

// threadStack finds the stack of the thread: R10 is its end, R11 is m, R14 is the
// slot.
func (t *arm64Trampoline) threadStack(out *printer) {
	out.line("\tMOVD %d(g), R11", gM)
	out.line("\tMOVD $·rustStacks(SB), R10")
	out.line("\tUBFX $%d, R11, $%d, R12", stackHashShift, stackHashBits)
	out.line("\tADD R12<<%d, R10", stackShift)
	out.line("probe:")
	// What another thread wrote before it wrote m is to be seen.
	out.line("\tLDAR (R10), R12")
	out.line("\tCMP R12, R11")
	out.line("\tBNE next")
	out.line("\tMOVD $1, R13")
	if t.Blocking {
		// From here on the stack is not taken away, although the world may be
		// stopped while the call runs: if rustSweep came first, it is seen.
		out.line("\tMOVD R13, 24(R10)")
		out.line("\tDMB $11") // all accesses, inner shareable
		out.line("\tLDAR (R10), R12")
		out.line("\tCMP R12, R11")
		out.line("\tBNE gone")
		out.line("\tMOVD R10, R14")
	}
	out.line("\tMOVD R13, 16(R10)")
	out.line("\tMOVD 8(R10), R10")
}

// otherStack goes on where the thread's stack was not found.
func (t *arm64Trampoline) otherStack(out *printer) {
	out.line("next:")
	out.line("\tADD $%d, R10", 1<<stackShift)
	out.line("\tCBNZ R12, probe")
	if t.Blocking {
		out.line("\tMOVD $1, R12")
		out.line("\tMOVD R12, outcome+%d(FP)", t.outcomeFP())
		out.line("\tRET")
		out.line("gone:")
		out.line("\tMOVD R10, R14")
		out.line("\tMOVD $1, R12")
		t.outcome(out, "R12")
		return
	}
	if t.panics {
		out.line("\tMOVD ZR, R19")
	}
	out.line("\tB ·%s·slow<>(SB)", t.text)
}

// outcome ends a call that may block: the stack, whose slot is in R14, is no
// longer busy.
func (t *arm64Trampoline) outcome(out *printer, register string) {
	out.line("\tADD $24, R14")
	out.line("\tSTLR ZR, (R14)")
	out.line("\tMOVD %s, outcome+%d(FP)", register, t.outcomeFP())
	out.line("\tRET")
}

// slow writes the function that calls Go: for a stack, or to panic. Then it
// starts over, by an indirect jump, which the linker's check of nosplit
// functions does not take for a recursion.
func (t *arm64Trampoline) slow(out *printer) {
	name := t.text
	out.line("")
	out.line("TEXT ·%s·slow<>(SB), NOSPLIT|NOFRAME, $0-%d", name, t.call.Frame)
	out.line("\tFUNCDATA $FUNCDATA_ArgsPointerMaps, ·%s·args_stackmap(SB)", t.assemblyName())
	out.line("\tNO_LOCAL_POINTERS")
	out.line("\tMOVD R30, -32(RSP)")
	out.line("\tMOVD R29, -40(RSP)")
	out.line("\tSUB $32, RSP")
	if t.panics {
		if !t.CallsGo {
			out.line("\tCBZ R19, stack")
		}
		t.panicGo(out)
		if t.CallsGo {
			out.line("\tADD $32, RSP")
			return
		}
		out.line("stack:")
	}
	out.line("\tSUB $8, RSP, R29")
	out.line("\tMOVD R11, 8(RSP)")
	out.line("\tCALL ·rustStackFor(SB)")
	out.line("\tLDP -8(RSP), (R29, R30)")
	out.line("\tADD $32, RSP")
	out.line("\tMOVD $·%s(SB), R16", name)
	out.line("\tB (R16)")
}

// arm64OwnLayout writes the functions that know the runtime's structures.
func (p *Package) arm64OwnLayout(platform *Platform, out *printer) {
	out.line("")
	out.line("// func rustLayout() bool")
	out.line("TEXT ·rustLayout(SB), NOSPLIT|NOFRAME, $0-1")
	out.line("\tMOVD %d(g), R0", gM)
	out.line("\tMOVD %d(R0), R1", mG0)
	out.line("\tMOVD %d(R1), R5", gM)
	out.line("\tMOVD %d(g), R2", gSchedG)
	out.line("\tMOVD g, R3")
	out.line("\tCMP R0, R5")
	out.line("\tCCMP EQ, R2, R3, $0")
	out.line("\tCSET EQ, R4")
	if platform.bySP() {
		arm64BoundsLayout(out)
	}
	out.line("\tMOVB R4, ret+0(FP)")
	out.line("\tRET")
	if platform.bySP() {
		arm64GuardHandler(out)
	}
	if p.threadStacks() {
		out.line("")
		out.line("// func rustThread() uintptr")
		out.line("TEXT ·rustThread(SB), NOSPLIT|NOFRAME, $0-8")
		out.line("\tMOVD %d(g), R0", gM)
		out.line("\tMOVD R0, ret+0(FP)")
		out.line("\tRET")
	}
	out.line("")
	out.line("// func rustThrowsplit() uint8")
	out.line("TEXT ·rustThrowsplit(SB), NOSPLIT|NOFRAME, $0-1")
	out.line("\tMOVBU %d(g), R0", gThrowsplit)
	out.line("\tMOVB R0, ret+0(FP)")
	out.line("\tRET")
}

// throwsplitCheck writes the Go side of what stacks need but for amd64's.
func (p *Package) throwsplitCheck() []byte {
	var out printer
	p.start(&out, p.constraint())
	out.line("package %s", p.Name)
	out.WriteString(`
import (
	"runtime"
	_ "unsafe"
)

//go:linkname rustEnterSyscall runtime.entersyscall
func rustEnterSyscall()

//go:linkname rustExitSyscall runtime.exitsyscall
func rustExitSyscall()

func rustThrowsplit() uint8

// The runtime sets in system calls what this package sets while Rust runs on a
// stack of its own. It must be where it is expected.
func init() {
	before := rustThrowsplit()
	rustEnterSyscall()
	during := rustThrowsplit()
	rustExitSyscall()
	if before != 0 || during != 1 {
		panic("` + p.Name + `: the runtime of " + runtime.Version() + " is laid out in a way that this package does not know; build it again with a newer cargo rustgo")
	}
}
`)
	return gofmt(out.Bytes())
}
