package emit

// callStack finds the stack of a call from which Rust may call Go: X6 is its end,
// X7 is m.
func (t *riscvTrampoline) callStack(out *printer) {
	out.line("\tMOV call_rust+%d(FP), X6", t.callFP())
	out.line("\tMOV (X6), X6")
	out.line("\tMOV %d(g), X7", gM)
	out.line("\tMOV $·%s·go<>(SB), X28", t.assemblyName())
	out.line("\tMOV X28, %d(X6)", -riscvOwnCallback)
}

// callGo writes what is between Rust and the Go functions that it calls, as on
// arm64 (arm64_call.go). rustgo_callback in rust/rustgo comes with the end of the
// stack in X5, a handle in X10, and the frame of the call in X11.
func (t *riscvTrampoline) callGo(out *printer) {
	name := t.assemblyName()
	below := ownFrame + t.frame
	cookie := -below + copyOff + 8
	// Never executed: for the linker's check of nosplit functions.
	out.line("\tJMP ·%s·callback<>(SB)", name)
	out.line("")
	out.line("TEXT ·%s·go<>(SB), NOSPLIT|NOFRAME|TOPFRAME, $0", name)
	out.line("\tMOV X2, %d(X5)", -riscvOwnRust)
	out.line("\tMOV X1, %d(X5)", 8-riscvOwnRust)
	if t.panics {
		out.line("\tMOV ZERO, %d(X5)", cookie)
	}
	out.line("\tMOV %d(X5), g", -ownG)
	out.line("\tMOVB ZERO, %d(g)", gThrowsplit)
	out.line("\tMOV %d(X5), X1", -riscvOwnReturn)
	out.line("\tMOV %d(X5), X2", -ownSP)
	out.line("\tJMP ·%s·callback<>(SB)", name)
	out.line("")
	out.line("TEXT ·%s·callback<>(SB), NOSPLIT|NOFRAME, $0-%d", name, t.frameArgs())
	out.line("\tFUNCDATA $FUNCDATA_ArgsPointerMaps, ·%s·args_stackmap(SB)", name)
	out.line("\tNO_LOCAL_POINTERS")
	out.line("\tMOV $call+%d(FP), X28", t.callFP())
	out.line("\tMOV X1, -40(X2)")
	out.line("\tADDI $-40, X2")
	out.line("\tMOV X28, 8(X2)")
	out.line("\tMOV X10, 16(X2)")
	out.line("\tMOV X11, 24(X2)")
	out.line("\tMOV X5, 32(X2)")
	out.line("\tCALL ·%sGo(SB)", name)
	out.line("\tMOV 32(X2), X5")
	out.line("\tMOV (X2), X1")
	out.line("\tADDI $40, X2")
	out.line("\tJMP ·%s·back<>(SB)", name)
	out.line("")
	out.line("TEXT ·%s·back<>(SB), NOSPLIT|NOFRAME|TOPFRAME, $0", name)
	out.line("\tMOV X2, %d(X5)", -ownSP)
	out.line("\tMOV X1, %d(X5)", -riscvOwnReturn)
	t.leaveGoroutine(out)
	out.line("\tMOV %d(g), X7", gM)
	out.line("\tMOV %d(X7), g", mG0)
	if t.panics {
		out.line("\tADDI $%d, X5, X7", -below-t.args)
		out.line("\tMOV $%d, X28", panicMagic-1<<64)
		out.line("\tXOR X28, X7")
		out.line("\tMOV X7, %d(X5)", cookie)
	}
	out.line("\tMOV %d(X5), X2", -riscvOwnRust)
	out.line("\tMOV %d(X5), X1", 8-riscvOwnRust)
	out.line("\tRET")
}
