package emit

// callStack finds the stack of a call from which Rust may call Go: R10 is its
// end, R11 is m.
func (t *arm64Trampoline) callStack(out *printer) {
	out.line("\tMOVD call_rust+%d(FP), R10", t.callFP())
	out.line("\tMOVD (R10), R10")
	out.line("\tMOVD %d(g), R11", gM)
	out.line("\tMOVD $·%s·go<>(SB), R12", t.text)
	out.line("\tMOVD R12, %d(R10)", -arm64OwnCallback)
}

// callGo writes what is between Rust and the Go functions that it calls;
// callbacks.go has the whole way. rustgo_callback in rust/rustgo comes with the
// end of the stack in R16, a handle in R0, the frame of the call in R1, and R29
// as it was in the trampoline.
//
// NAME.callback must be right for tracebacks, so it must not set SP; the two
// functions around it end every traceback. When the Go code is done the
// goroutine may be on another thread, with another m. It may also panic, and the
// stack be used again by another call: so the cookie is not left there.
func (t *arm64Trampoline) callGo(out *printer) {
	name := t.text
	cookie := -t.ownBelow() + copyOff + 8
	// Never executed: for the linker's check of nosplit functions.
	out.line("\tB ·%s·callback<>(SB)", name)
	out.line("")
	out.line("TEXT ·%s·go<>(SB), NOSPLIT|NOFRAME|TOPFRAME, $0", name)
	out.line("\tMOVD RSP, R12")
	out.line("\tSTP (R12, R30), %d(R16)", -arm64OwnRust)
	if t.panics {
		out.line("\tMOVD ZR, %d(R16)", cookie)
	}
	out.line("\tMOVD %d(R16), g", -ownG)
	if t.bySP() {
		t.saveG(out)
	}
	out.line("\tMOVB ZR, %d(g)", gThrowsplit)
	out.line("\tMOVD %d(R16), R30", 8-arm64OwnRecord)
	out.line("\tMOVD %d(R16), R12", -ownSP)
	out.line("\tMOVD R12, RSP")
	if t.bySP() {
		t.returnBounds(out, "R16")
	}
	out.line("\tB ·%s·callback<>(SB)", name)
	out.line("")
	out.line("TEXT ·%s·callback<>(SB), NOSPLIT|NOFRAME, $0-%d", name, t.frameArgs())
	out.line("\tFUNCDATA $FUNCDATA_ArgsPointerMaps, ·%s·args_stackmap(SB)", t.assemblyName())
	out.line("\tNO_LOCAL_POINTERS")
	out.line("\tMOVD $call+%d(FP), R12", t.callFP())
	// The runtime takes the word below a Go function's arguments for the frame
	// pointer of its caller, and moves it with the stack (runtime.adjustframe,
	// Go 1.26).
	out.line("\tMOVD R30, -48(RSP)")
	out.line("\tMOVD R29, -56(RSP)")
	out.line("\tSUB $48, RSP")
	out.line("\tSUB $8, RSP, R29")
	out.line("\tMOVD R12, 8(RSP)")
	out.line("\tSTP (R0, R1), 16(RSP)")
	out.line("\tMOVD R16, 32(RSP)")
	out.line("\tCALL ·%sGo(SB)", t.assemblyName())
	out.line("\tMOVD 32(RSP), R16")
	out.line("\tLDP -8(RSP), (R29, R30)")
	out.line("\tADD $48, RSP")
	out.line("\tB ·%s·back<>(SB)", name)
	out.line("")
	out.line("TEXT ·%s·back<>(SB), NOSPLIT|NOFRAME|TOPFRAME, $0", name)
	out.line("\tMOVD RSP, R12")
	out.line("\tMOVD R12, %d(R16)", -ownSP)
	out.line("\tSTP (R29, R30), %d(R16)", -arm64OwnRecord)
	out.line("\tMOVD $1, R13")
	out.line("\tMOVB R13, %d(g)", gThrowsplit)
	out.line("\tMOVD $·%s·callback<>(SB), R13", name)
	out.line("\tSTP (R12, R13), %d(g)", gSchedSP)
	out.line("\tMOVD R30, %d(g)", gSchedLR)
	out.line("\tMOVD %d(g), R11", gM)
	out.line("\tMOVD %d(R11), g", mG0)
	if t.bySP() {
		t.lendBounds(out, "R16")
	}
	if t.panics {
		out.line("\tSUB $%d, R16, R11", t.ownBelow()+t.args)
		out.line("\tMOVD $%#x, R12", uint64(panicMagic))
		out.line("\tEOR R12, R11")
		out.line("\tMOVD R11, %d(R16)", cookie)
		if t.bySP() {
			out.line("\tMOVD g, %d(R16)", cookie+8)
		}
	}
	out.line("\tLDP %d(R16), (R12, R30)", -arm64OwnRust)
	out.line("\tMOVD R12, RSP")
	out.line("\tRET")
}
