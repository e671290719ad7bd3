package emit

// callStack finds the stack of a call from which Rust may call Go: R10 is its
// end, R11 is m, BX is g, AX is what TLS is relative to.
func (t *amd64Trampoline) callStack(out *printer) {
	out.line("\tMOVQ call_rust+%d(FP), R10", t.callFP())
	out.line("\tMOVQ 0(R10), R10")
	out.line("\tMOVQ TLS, AX")
	out.line("\tMOVQ 0(AX)(TLS*1), BX")
	out.line("\tMOVQ %d(BX), R11", gM)
}

// callGo writes what is between Rust and the Go functions that it calls;
// callbacks.go has the whole way. rustgo_callback in rust/rustgo comes with the
// end of the stack in AX, a handle in DI, the frame of the call in SI, and BP as it
// was in the trampoline.
//
// NAME.callback must be right for tracebacks, so it must not set SP. Nor do
// NAME.go and NAME.back, for the profiler's sake, but the functions that they end
// in. When the Go code is done the goroutine may be on another thread, with another m.
func (t *amd64Trampoline) callGo(out *printer) {
	// Never executed: for the linker's check of nosplit functions.
	out.line("\tJMP ·%s·callback<>(SB)", t.text)
	out.line("")
	out.line("TEXT ·%s·go<>(SB), NOSPLIT|NOFRAME, $0", t.text)
	out.line("\tMOVQ SP, %d(AX)", -ownRust)
	out.line("\tMOVQ %d(AX), BX", -ownG)
	out.line("\tMOVQ %d(AX), R8", -ownSP)
	out.line("\tMOVQ TLS, CX")
	out.line("\tMOVQ BX, 0(CX)(TLS*1)")
	out.line("\tJMP ·%s·gone<>(SB)", t.text)
	out.line("")
	out.line("TEXT ·%s·gone<>(SB), NOSPLIT|NOFRAME|TOPFRAME, $0", t.text)
	out.line("\tMOVQ R8, SP")
	if t.bySP() {
		t.returnBounds(out, "AX")
	}
	out.line("\tJMP ·%s·callback<>(SB)", t.text)
	out.line("")
	out.line("TEXT ·%s·callback<>(SB), NOSPLIT|NOFRAME, $0-%d", t.text, t.frameArgs())
	out.line("\tFUNCDATA $FUNCDATA_ArgsPointerMaps, ·%s·args_stackmap(SB)", t.assemblyName())
	out.line("\tNO_LOCAL_POINTERS")
	// The runtime takes the word below the return address for the frame pointer
	// of the caller, and moves it with the stack (runtime.adjustframe, Go 1.26).
	out.line("\tPUSHQ BP")
	out.line("\tMOVQ SP, BP")
	out.line("\tADJSP $32")
	out.line("\tLEAQ call+%d(FP), CX", t.callFP())
	out.line("\tMOVQ CX, 0(SP)")
	out.line("\tMOVQ DI, 8(SP)")
	out.line("\tMOVQ SI, 16(SP)")
	out.line("\tMOVQ AX, 24(SP)")
	out.line("\tCALL ·%sGo(SB)", t.assemblyName())
	out.line("\tMOVQ 24(SP), R10")
	out.line("\tADJSP $-32")
	out.line("\tPOPQ BP")
	out.line("\tJMP ·%s·back<>(SB)", t.text)
	out.line("")
	out.line("TEXT ·%s·back<>(SB), NOSPLIT|NOFRAME, $0-%d", t.text, t.frameArgs())
	out.line("\tMOVQ SP, %d(R10)", -ownSP)
	out.line("\tMOVQ BP, %d(R10)", -ownBP)
	out.line("\tMOVQ TLS, AX")
	out.line("\tMOVQ 0(AX)(TLS*1), BX")
	out.line("\tMOVQ %d(BX), R11", gM)
	out.line("\tMOVQ 0(SP), CX")
	out.line("\tLEAQ 8(SP), R9")
	out.line("\tMOVQ R9, %d(BX)", gSchedSP)
	out.line("\tMOVQ CX, %d(BX)", gSchedPC)
	out.line("\tMOVQ %d(R11), R11", mG0)
	if t.bySP() {
		t.lendBounds(out)
	}
	out.line("\tMOVQ R11, 0(AX)(TLS*1)")
	out.line("\tJMP ·%s·return<>(SB)", t.text)
	out.line("")
	out.line("TEXT ·%s·return<>(SB), NOSPLIT|NOFRAME|TOPFRAME, $0", t.text)
	out.line("\tMOVQ %d(R10), SP", -ownRust)
	out.line("\tRET")
}
