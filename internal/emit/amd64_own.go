package emit

// A function whose need of stack is large or not known runs on a stack of its
// own thread, which stacks.go describes. The runtime cannot trace through
// functions that set SP, and they end every traceback (TOPFRAME). What has to be
// traced is in functions beside them: calls of Go in NAME.slow, and the call of
// Rust in NAME.rust.
//
//	NAME        finds the other stack
//	NAME.enter  goes there
//	NAME.rust   calls Rust
//	NAME.leave  comes back
//	NAME.slow   calls Go: for a stack, or to panic
//	NAME.none   instead, if the call may block: returns that there is no stack
//
// They jump to each other; SP is as at the entry of NAME wherever it is the
// goroutine's.
//
// While Rust runs, the thread's g is g0, as when cgo runs C
// (runtime.asmcgocall, Go 1.26). So a fault is never made a Go panic, for
// which there is no room on this stack, least of all when it overflows: the
// program ends with the signal, its address, the Rust functions on the stack
// and the goroutines (runtime.sighandler, "gp != mp.curg"). On Windows the stack
// is g0's for that time, and there is more above the arguments (amd64_bounds.go).
//
// Above the frame of NAME.rust is a return address in runtime.morestack, as if
// that had called it. From there the profiler goes on where the goroutine was when
// it came to its thread's stack: at g.sched (runtime.(*unwinder).resolveInternal,
// FuncID_morestack, the same in Go 1.25 to 1.27). That is set to NAME's caller.
//
// The stack at the call:
//
//	top | SP of the goroutine     |
//	    | g                       |
//	    | cookie for no arguments |  for good
//	    | BP                      |  if Rust can panic
//	    | slot in rustStacks      |  if the call may block
//	    | or code that calls Go   |  if Rust may call it
//	    | cookie for arguments    |  during the call
//	    | SP of Rust              |  while it waits for Go
//	    |                         |
//	    | in runtime.morestack    |
//	    | C's result, args        |  in memory (amd64_args.go), and padding
//	    |-------------------------|  SP at the call, aligned to 16
//
// Rust keeps BX, R12, R13 and R14, which hold g, 0, the goroutine's SP and the
// slot. After a panic they are lost, but for R12, and memory has them.
const (
	ownSP         = 8 // distances below top
	ownG          = 16
	ownCookie     = 24
	ownBP         = 32
	ownSlot       = 40
	ownCallback   = 40 // rust/rustgo/src/call/x86_64.rs
	ownArgsCookie = 48
	ownRust       = 56
	ownFrame      = 80
)

// maxTold bounds the bytes of C's result and arguments with which NAME.rust can be
// traced through, as Go's linker counts them (maxNosplit): with more, tracebacks
// end there.
const maxTold = 256

// Offsets in the structures of the runtime (runtime2.go: g.m, g.sched.sp,
// g.sched.pc, g.sched.g, m.g0; the same in Go 1.25 to 1.27). The generated
// package checks them when it is initialized.
const (
	gM       = 48
	gSchedSP = 56
	gSchedPC = 64
	gSchedG  = 72
	mG0      = 0
)

// own writes the trampoline of a function that runs on a stack of its own. One
// that may block is called by Go code that has told the scheduler, and must not
// call Go: it returns what there is to do.
func (t *amd64Trampoline) own(out *printer) {
	out.line("TEXT ·%s(SB), NOSPLIT|NOFRAME, $0-%d", t.text, t.frameArgs())
	if t.CallsGo {
		t.callStack(out)
	} else {
		t.threadStack(out)
	}
	out.line("\tMOVQ SP, R13")
	slots := (t.stack + 15) &^ 15
	frame, cookie := t.ownFrame(slots)
	if t.panics || t.CallsGo {
		out.line("\tMOVQ R13, %d(R10)", -ownSP)
		out.line("\tMOVQ BX, %d(R10)", -ownG)
		out.line("\tMOVQ BP, %d(R10)", -ownBP)
	}
	if t.CallsGo {
		out.line("\tLEAQ ·%s·go<>(SB), CX", t.text)
		out.line("\tMOVQ CX, %d(R10)", -ownCallback)
	}
	if t.panics {
		out.line("\tXORL R12, R12")
		if t.CallsGo && cookie == 0 {
			// A call that Go code has left by a panic has left its own there.
			out.line("\tMOVQ $0, %d(R10)", -ownArgsCookie)
		}
		if cookie > 0 {
			out.line("\tLEAQ %d(R10), CX", -frame-slots)
			out.line("\tMOVQ $%#x, R9", uint64(panicMagic))
			out.line("\tXORQ R9, CX")
			out.line("\tMOVQ CX, %d(R10)", -cookie)
		}
		if t.Blocking {
			out.line("\tMOVQ R14, %d(R10)", -ownSlot)
		}
	}
	// Where tracebacks go on. A call that may block leaves that as the scheduler
	// has it.
	if !t.Blocking {
		out.line("\tMOVQ 0(R13), CX")
		out.line("\tLEAQ 8(R13), R9")
		out.line("\tMOVQ R9, %d(BX)", gSchedSP)
		out.line("\tMOVQ CX, %d(BX)", gSchedPC)
	}
	out.line("\tLEAQ runtime·morestack+1(SB), CX")
	out.line("\tMOVQ CX, %d(R10)", -frame)
	out.line("\tMOVQ %d(R11), R11", mG0)
	if t.bySP() {
		t.lendBounds(out)
	}
	out.line("\tMOVQ R11, 0(AX)(TLS*1)")
	words := t.stackParts()
	t.base(out, words)
	for i, w := range words {
		if w.Size > 0 {
			t.loadWord(out, w, "CX")
			out.line("\tMOVQ AX, %d(R10)", -frame-slots+8*i)
		}
	}
	if t.result >= 0 {
		out.line("\tLEAQ %d(R10), DI", -frame-slots+t.result)
	}
	t.loads(out)
	out.line("\tJMP ·%s·enter<>(SB)", t.text)
	if !t.CallsGo {
		t.otherStack(out)
	}
	out.line("")
	out.line("TEXT ·%s·enter<>(SB), NOSPLIT|NOFRAME|TOPFRAME, $0", t.text)
	out.line("\tLEAQ %d(R10), SP", -frame)
	out.line("\tJMP ·%s·rust<>(SB)", t.text)
	t.ownCall(out, slots, frame, cookie)
	t.ownLeave(out, frame+slots)
	if t.CallsGo {
		t.callGo(out)
	}
	if t.slows() {
		t.slow(out)
	}
}

// ownCall calls Rust. SP is frame bytes below the end of the stack, and goes on
// down by slots, in which the arguments are.
func (t *amd64Trampoline) ownCall(out *printer, slots, frame, cookie int) {
	out.line("")
	if slots <= maxTold {
		out.line("TEXT ·%s·rust<>(SB), NOSPLIT|NOFRAME, $0", t.text)
		if slots > 0 {
			out.line("\tADJSP $%d", slots)
		}
	} else {
		out.line("TEXT ·%s·rust<>(SB), NOSPLIT|NOFRAME|TOPFRAME, $0", t.text)
		out.line("\tLEAQ %d(SP), SP", -slots)
	}
	t.callRust(out)
	if t.panics {
		if cookie > 0 {
			out.line("\tMOVQ $0, %d(SP)", frame+slots-cookie)
		}
		out.line("\tTESTQ R12, R12")
	}
	out.line("\tJMP ·%s·leave<>(SB)", t.text)
}

// ownLeave goes back to the goroutine's stack, with SP below bytes below the end
// of the other. The flags say whether there was a panic.
func (t *amd64Trampoline) ownLeave(out *printer, below int) {
	out.line("")
	out.line("TEXT ·%s·leave<>(SB), NOSPLIT|NOFRAME|TOPFRAME, $0-%d", t.text, t.frameArgs())
	if t.panics {
		out.line("\tJNE panicked")
	}
	if t.result >= 0 {
		out.line("\tLEAQ %d(SP), R10", t.result)
	}
	if t.bySP() {
		out.line("\tLEAQ %d(SP), R11", below)
	}
	if t.CallsGo {
		// The stack of the goroutine may be elsewhere. BP is NAME's, of no use any
		// more; go vet wants it to be read before it is set.
		out.line("\tMOVQ BP, CX")
		out.line("\tMOVQ %d(SP), BX", below-ownG)
		out.line("\tMOVQ %d(SP), BP", below-ownBP)
		out.line("\tMOVQ %d(SP), R13", below-ownSP)
	}
	out.line("\tMOVQ TLS, CX")
	out.line("\tMOVQ BX, 0(CX)(TLS*1)")
	out.line("\tMOVQ R13, SP")
	if t.bySP() {
		t.returnBounds(out, "R11")
	}
	if t.result >= 0 {
		// The stack stays, although SP is elsewhere: this is assembly, and a
		// call that may block is still busy.
		t.copyResult(out, "R10", 0)
	}
	if t.Blocking {
		out.line("\tXORL CX, CX")
		out.line("\tMOVQ CX, 24(R14)")
		out.line("\tMOVQ CX, outcome+%d(FP)", t.outcomeFP())
	}
	t.ret(out)
	if t.panics {
		t.ownPanicked(out, below)
	}
}

// ownFrame is what is between the end of the stack and C's arguments, and where
// below the end the cookie of the call is: 0 if it is the one that is there for
// good.
func (t *amd64Trampoline) ownFrame(slots int) (frame, cookie int) {
	switch {
	case t.bySP():
		return boundsFrame, boundsCookie
	case slots > 0:
		return ownFrame, ownArgsCookie
	}
	return ownFrame, 0
}

// threadStack finds the stack of the thread: R10 is its end, R11 is m, BX is g,
// AX is what TLS is relative to.
func (t *amd64Trampoline) threadStack(out *printer) {
	out.line("\tMOVQ TLS, AX")
	out.line("\tMOVQ 0(AX)(TLS*1), BX")
	out.line("\tMOVQ %d(BX), R11", gM)
	out.line("\tLEAQ ·rustStacks(SB), R10")
	out.line("\tMOVL R11, CX")
	out.line("\tSHRL $%d, CX", stackHashShift-stackShift)
	out.line("\tANDL $%#x, CX", (stackHashSize-1)<<stackShift)
	out.line("probe:")
	out.line("\tADDQ CX, R10")
	out.line("\tCMPQ 0(R10), R11")
	out.line("\tJNE next")
	if t.Blocking {
		// From here on the stack is not taken away, although the world may be
		// stopped while the call runs: if rustSweep came first, it is seen.
		out.line("\tMOVQ R10, R14")
		out.line("\tMOVL $1, CX")
		out.line("\tXCHGQ CX, 24(R14)")
		out.line("\tCMPQ 0(R14), R11")
		out.line("\tJNE gone")
	}
	out.line("\tMOVQ $1, 16(R10)")
	out.line("\tMOVQ 8(R10), R10")
}

// otherStack goes on where the thread's stack was not found.
func (t *amd64Trampoline) otherStack(out *printer) {
	out.line("next:")
	out.line("\tMOVL $%d, CX", 1<<stackShift)
	out.line("\tCMPQ 0(R10), $0")
	out.line("\tJNE probe")
	if t.Blocking {
		out.line("\tJMP ·%s·none<>(SB)", t.text)
		out.line("gone:")
		out.line("\tMOVQ $0, 24(R14)")
		out.line("\tJMP ·%s·none<>(SB)", t.text)
		out.line("")
		out.line("TEXT ·%s·none<>(SB), NOSPLIT|NOFRAME, $0-%d", t.text, t.frameArgs())
		out.line("\tMOVQ $1, outcome+%d(FP)", t.outcomeFP())
		out.line("\tRET")
	} else {
		if t.panics {
			out.line("\tXORL R12, R12")
		}
		out.line("\tJMP ·%s·slow<>(SB)", t.text)
	}
}

// ownPanicked goes on after a panic, with SP below bytes below the end of the
// stack.
func (t *amd64Trampoline) ownPanicked(out *printer, below int) {
	out.line("panicked:")
	out.line("\tLEAQ %d(SP), R10", below)
	out.line("\tMOVQ %d(R10), BX", -ownG)
	out.line("\tMOVQ %d(R10), BP", -ownBP)
	out.line("\tMOVQ TLS, CX")
	out.line("\tMOVQ BX, 0(CX)(TLS*1)")
	if t.Blocking {
		out.line("\tMOVQ %d(R10), R14", -ownSlot)
	}
	out.line("\tMOVQ %d(R10), SP", -ownSP)
	if t.bySP() {
		t.returnBounds(out, "R10")
	}
	if t.Blocking {
		out.line("\tXORL CX, CX")
		out.line("\tMOVQ CX, 24(R14)")
		out.line("\tMOVQ R12, outcome+%d(FP)", t.outcomeFP())
		out.line("\tRET")
	} else {
		out.line("\tJMP ·%s·slow<>(SB)", t.text)
	}
}

// slow writes the function that calls Go: for a stack, or to panic. Then it
// starts over, by an indirect jump, which the linker's check of nosplit
// functions does not take for a recursion.
func (t *amd64Trampoline) slow(out *printer) {
	out.line("")
	out.line("TEXT ·%s·slow<>(SB), NOSPLIT|NOFRAME, $0-%d", t.text, t.call.Frame)
	out.line("\tFUNCDATA $FUNCDATA_ArgsPointerMaps, ·%s·args_stackmap(SB)", t.assemblyName())
	out.line("\tNO_LOCAL_POINTERS")
	if t.panics && !t.CallsGo {
		out.line("\tTESTQ R12, R12")
		out.line("\tJNE panicked")
	}
	if !t.CallsGo {
		out.line("\tPUSHQ R11")
		out.line("\tCALL ·rustStackFor(SB)")
		out.line("\tPOPQ R11")
		out.line("\tLEAQ ·%s(SB), AX", t.text)
		out.line("\tJMP AX")
	}
	if t.panics {
		out.line("panicked:")
		out.line("\tPUSHQ R12")
		out.line("\tCALL ·rustPanic(SB)")
		out.line("\tUNDEF")
	}
}

// ownLayout writes the functions that know the runtime's structures.
func (p *Package) ownLayout(platform *Platform, out *printer) {
	out.line("")
	out.line("// func rustLayout() bool")
	out.line("TEXT ·rustLayout(SB), NOSPLIT|NOFRAME, $0-1")
	out.line("\tMOVQ TLS, AX")
	out.line("\tMOVQ 0(AX)(TLS*1), AX")
	out.line("\tMOVQ %d(AX), CX", gM)
	out.line("\tMOVQ %d(CX), DX", mG0)
	out.line("\tCMPQ CX, %d(DX)", gM)
	out.line("\tSETEQ R8")
	out.line("\tCMPQ AX, %d(AX)", gSchedG)
	out.line("\tSETEQ R9")
	out.line("\tANDL R8, R9")
	if platform.bySP() {
		boundsLayout(out)
	}
	out.line("\tMOVB R9, ret+0(FP)")
	out.line("\tRET")
	if platform.bySP() {
		guardHandler(out)
	}
	if !p.threadStacks() {
		return
	}
	out.line("")
	out.line("// func rustThread() uintptr")
	out.line("TEXT ·rustThread(SB), NOSPLIT|NOFRAME, $0-8")
	out.line("\tMOVQ TLS, AX")
	out.line("\tMOVQ 0(AX)(TLS*1), AX")
	out.line("\tMOVQ %d(AX), AX", gM)
	out.line("\tMOVQ AX, ret+0(FP)")
	out.line("\tRET")
}
