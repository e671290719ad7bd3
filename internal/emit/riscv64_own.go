package emit

// A function whose need of stack is large or not known runs on a stack of its
// own thread, as on arm64 (arm64_own.go): g.throwsplit is set, so that a fault is
// never made a Go panic, and X27 is g0.
//
// The stack at the call:
//
//	top | SP of the goroutine     |
//	    | g                       |
//	    | return address, SP      |  of Rust while it waits for Go
//	    | return address          |
//	    | free                    |
//	    | slot in rustStacks      |  if the call may block
//	    | or code that calls Go   |  if Rust may call it
//	    | free                    |
//	    |                         |
//	    | copies                  |  as on the goroutine's stack (riscv64.go)
//	    | 16 bytes                |
//	    | C's arguments           |
//	    |-------------------------|  SP at the call, aligned to 16
const (
	riscvOwnRust     = 32 // distances below top; the others are amd64's
	riscvOwnReturn   = 40
	riscvOwnSlot     = 56
	riscvOwnCallback = 56 // rust/rustgo/src/call/riscv64.rs
)

// own writes the trampoline of a function that runs on a stack of its own. One
// that may block is called by Go code that has told the scheduler, and must not
// call Go: it returns what there is to do.
func (t *riscvTrampoline) own(out *printer) {
	name := t.assemblyName()
	out.line("TEXT ·%s(SB), NOSPLIT|NOFRAME|TOPFRAME, $0-%d", name, t.frameArgs())
	if t.CallsGo {
		t.callStack(out)
	} else {
		t.threadStack(out)
	}
	out.line("\tMOV X2, %d(X6)", -ownSP)
	out.line("\tMOV g, %d(X6)", -ownG)
	out.line("\tMOV X1, %d(X6)", -riscvOwnReturn)
	if t.Blocking {
		out.line("\tMOV X30, %d(X6)", -riscvOwnSlot)
	} else {
		t.leaveGoroutine(out)
	}
	t.base(out)
	out.line("\tMOV %d(X7), g", mG0)
	below := ownFrame + t.frame
	out.line("\tADDI $%d, X6, X2", -below)
	t.loadsFrom(out, 0)
	t.leaveCookie(out, t.args, 0)
	if t.args > 0 {
		out.line("\tADDI $%d, X2", -t.args)
	}
	t.callRust(out)
	t.takeCookie(out, t.args, 0)
	if t.args > 0 {
		out.line("\tADDI $%d, X2", t.args)
	}
	if t.result() >= 0 {
		// The stack stays, although SP will be elsewhere: this is assembly, and
		// a call that may block is still busy.
		out.line("\tMOV X2, X29")
	}
	out.line("\tADDI $%d, X2, X6", below)
	out.line("\tMOV %d(X6), g", -ownG)
	out.line("\tMOV %d(X6), X1", -riscvOwnReturn)
	if t.Blocking {
		out.line("\tMOV %d(X6), X30", -riscvOwnSlot)
	} else {
		out.line("\tMOVB ZERO, %d(g)", gThrowsplit)
	}
	out.line("\tMOV %d(X6), X2", -ownSP)
	t.ifPanicked(out)
	t.storeResult(out, "X29", 0)
	if t.Blocking {
		t.outcome(out, "ZERO")
	} else {
		out.line("\tRET")
	}
	if !t.CallsGo {
		t.otherStack(out)
	}
	if t.panics {
		out.line("panicked:")
		if t.Blocking {
			t.outcome(out, "X9")
		} else {
			out.line("\tJMP ·%s·slow<>(SB)", name)
		}
	}
	if t.CallsGo {
		t.callGo(out)
	}
	if t.slows() {
		t.slow(out)
	}
}

// leaveGoroutine notes in g that it is in the function beside the trampoline. X29
// is free.
func (t *riscvTrampoline) leaveGoroutine(out *printer) {
	out.line("\tMOV $1, X29")
	out.line("\tMOVB X29, %d(g)", gThrowsplit)
	out.line("\tMOV $·%s·%s<>(SB), X29", t.assemblyName(), t.beside())
	out.line("\tMOV X2, %d(g)", gSchedSP)
	out.line("\tMOV X29, %d(g)", gSchedPC)
	out.line("\tMOV X1, %d(g)", gSchedLR)
}

// threadStack finds the stack of the thread: X6 is its end, X7 is m, X30 is the
// slot.
func (t *riscvTrampoline) threadStack(out *printer) {
	out.line("\tMOV %d(g), X7", gM)
	out.line("\tMOV $·rustStacks(SB), X6")
	out.line("\tSRLI $%d, X7, X28", stackHashShift)
	out.line("\tANDI $%d, X28", stackHashSize-1)
	out.line("\tSLLI $%d, X28", stackShift)
	out.line("\tADD X28, X6")
	out.line("probe:")
	// What another thread wrote before it wrote m is to be seen.
	out.line("\tMOV (X6), X28")
	out.line("\tFENCE")
	out.line("\tBNE X28, X7, next")
	out.line("\tMOV $1, X29")
	if t.Blocking {
		// From here on the stack is not taken away, although the world may be
		// stopped while the call runs: if rustSweep came first, it is seen.
		out.line("\tMOV X29, 24(X6)")
		out.line("\tFENCE")
		out.line("\tMOV (X6), X28")
		out.line("\tFENCE")
		out.line("\tBNE X28, X7, gone")
		out.line("\tMOV X6, X30")
	}
	out.line("\tMOV X29, 16(X6)")
	out.line("\tMOV 8(X6), X6")
}

// otherStack goes on where the thread's stack was not found.
func (t *riscvTrampoline) otherStack(out *printer) {
	out.line("next:")
	out.line("\tADDI $%d, X6", 1<<stackShift)
	out.line("\tBNEZ X28, probe")
	if t.Blocking {
		out.line("\tMOV $1, X28")
		out.line("\tMOV X28, outcome+%d(FP)", t.outcomeFP())
		out.line("\tRET")
		out.line("gone:")
		out.line("\tMOV X6, X30")
		out.line("\tMOV $1, X28")
		t.outcome(out, "X28")
		return
	}
	if t.panics {
		out.line("\tMOV ZERO, X9")
	}
	out.line("\tJMP ·%s·slow<>(SB)", t.assemblyName())
}

// outcome ends a call that may block: the stack, whose slot is in X30, is no
// longer busy.
func (t *riscvTrampoline) outcome(out *printer, register string) {
	out.line("\tFENCE")
	out.line("\tMOV ZERO, 24(X30)")
	out.line("\tMOV %s, outcome+%d(FP)", register, t.outcomeFP())
	out.line("\tRET")
}

// slow writes the function that calls Go: for a stack, or to panic. Then it
// starts over, by an indirect jump, which the linker's check of nosplit
// functions does not take for a recursion.
func (t *riscvTrampoline) slow(out *printer) {
	name := t.assemblyName()
	out.line("")
	out.line("TEXT ·%s·slow<>(SB), NOSPLIT|NOFRAME, $0-%d", name, t.call.Frame)
	out.line("\tFUNCDATA $FUNCDATA_ArgsPointerMaps, ·%s·args_stackmap(SB)", name)
	out.line("\tNO_LOCAL_POINTERS")
	out.line("\tMOV X1, -16(X2)")
	out.line("\tADDI $-16, X2")
	if t.panics {
		if !t.CallsGo {
			out.line("\tBEQZ X9, stack")
		}
		t.panicGo(out)
		if t.CallsGo {
			out.line("\tADDI $16, X2")
			return
		}
		out.line("stack:")
	}
	out.line("\tMOV X7, 8(X2)")
	out.line("\tCALL ·rustStackFor(SB)")
	out.line("\tMOV (X2), X1")
	out.line("\tADDI $16, X2")
	out.line("\tMOV $·%s(SB), X6", name)
	out.line("\tJMP (X6)")
}

// riscvOwnLayout writes the functions that know the runtime's structures.
func (p *Package) riscvOwnLayout(out *printer) {
	out.line("")
	out.line("// func rustLayout() bool")
	out.line("TEXT ·rustLayout(SB), NOSPLIT|NOFRAME, $0-1")
	out.line("\tMOV %d(g), X5", gM)
	out.line("\tMOV %d(X5), X6", mG0)
	out.line("\tMOV %d(X6), X6", gM)
	out.line("\tSUB X5, X6")
	out.line("\tMOV %d(g), X7", gSchedG)
	out.line("\tSUB g, X7")
	out.line("\tOR X6, X7")
	out.line("\tSEQZ X7, X7")
	out.line("\tMOVB X7, ret+0(FP)")
	out.line("\tRET")
	if p.threadStacks() {
		out.line("")
		out.line("// func rustThread() uintptr")
		out.line("TEXT ·rustThread(SB), NOSPLIT|NOFRAME, $0-8")
		out.line("\tMOV %d(g), X5", gM)
		out.line("\tMOV X5, ret+0(FP)")
		out.line("\tRET")
	}
	out.line("")
	out.line("// func rustThrowsplit() uint8")
	out.line("TEXT ·rustThrowsplit(SB), NOSPLIT|NOFRAME, $0-1")
	out.line("\tMOVBU %d(g), X5", gThrowsplit)
	out.line("\tMOVB X5, ret+0(FP)")
	out.line("\tRET")
}
