package emit

// On Windows there is, below what every stack of its own has (amd64_own.go),
//
//	| g0                  |
//	| cookie              |  during the call, if Rust can panic
//	| g0's own bounds     |  while they are lent
//	| and guards          |
//	| in runtime.morestack|
//
// The cookie is there without arguments too, as the one that is there for good
// has no g0 beside it; the panic handler comes upon this one first.
const (
	boundsG0     = 72 // distances below the end of the stack
	boundsCookie = 80
	boundsSaved  = 112
	boundsFrame  = 128
)

// loadG0 loads g0 into AX.
func (t *amd64Trampoline) loadG0(out *printer) {
	out.line("\tMOVQ TLS, AX")
	out.line("\tMOVQ 0(AX)(TLS*1), AX")
	out.line("\tMOVQ %d(AX), AX", gM)
	out.line("\tMOVQ %d(AX), AX", mG0)
}

// lendBounds gives g0, which R11 points to, the bounds of the stack whose end
// R10 points to. AX and what the caller keeps are left alone; no argument is in a
// register yet. A thread is suspended between two instructions, and one store is
// of both bounds, so they are always of one stack.
func (t *amd64Trampoline) lendBounds(out *printer) {
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
func (t *amd64Trampoline) returnBounds(out *printer, top string) {
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

// guardHandler writes rustGuardHandler. CX points to EXCEPTION_POINTERS.
func guardHandler(out *printer) {
	out.line("")
	out.line("TEXT ·rustGuardHandler(SB), NOSPLIT|NOFRAME, $0-0")
	out.line("\tMOVQ %d(CX), CX", exceptionRecord)
	out.line("\tCMPL 0(CX), $%#x", guardPageViolation)
	out.line("\tJNE search")
	out.line("\tMOVQ TLS, AX")
	out.line("\tTESTQ AX, AX")
	out.line("\tJEQ search")
	out.line("\tMOVQ 0(AX)(TLS*1), AX")
	out.line("\tTESTQ AX, AX")
	out.line("\tJEQ search")
	out.line("\tMOVQ %d(CX), DX", exceptionAddress)
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
