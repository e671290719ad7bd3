package emit

// On Windows there is, below what every stack of its own has (arm64_own.go), and
// above the copies:
//
//	| g0's own bounds     |  while they are lent
//	| and guards          |
//
// g is g0 then, both in R28 and in thread-local memory, where the runtime finds it
// when Windows calls it (runtime.sigtramp in sys_windows_arm64.s, Go 1.25 to 1.27).
// Where that is, from R18 on, is in runtime.tls_g, and runtime.save_g stores it
// (tls_arm64.s); but Go 1.27's linker lets packages refer to runtime.load_g alone
// (cmd/link/internal/loader.checkLinkname). So rustLayout looks for the place.
const (
	arm64BoundsSaved = 96 // distance below the end of the stack
	arm64BoundsFrame = 96
)

// saveG stores g in thread-local memory. R12 is lost.
func (t *arm64Trampoline) saveG(out *printer) {
	out.line("\tMOVD rustg<>(SB), R12")
	out.line("\tMOVD g, (R18_PLATFORM)(R12)")
}

// lendBounds gives g0, which is g, the bounds of the stack to whose end the register
// top points. R12 and R13 are lost. A thread is suspended between two
// instructions, and one stores both bounds, so they are always of one stack.
func (t *arm64Trampoline) lendBounds(out *printer, top string) {
	out.line("\tLDP %d(g), (R12, R13)", gStackLo)
	out.line("\tSTP (R12, R13), %d(%s)", -arm64BoundsSaved, top)
	out.line("\tLDP %d(g), (R12, R13)", gGuard0)
	out.line("\tSTP (R12, R13), %d(%s)", 16-arm64BoundsSaved, top)
	out.line("\tMOVD $%d, R12", t.space)
	out.line("\tSUB R12, %s, R12", top)
	out.line("\tSTP (R12, %s), %d(g)", top, gStackLo)
	out.line("\tADD $%d, R12", ownGoGuard)
	out.line("\tSTP (R12, R12), %d(g)", gGuard0)
	t.saveG(out)
}

// returnBounds gives g0 its bounds back. SP is the goroutine's again, and top
// names the register that points to the end of the other stack. R11 to R13, R15
// and R17 are lost.
func (t *arm64Trampoline) returnBounds(out *printer, top string) {
	out.line("\tMOVD %d(g), R11", gM)
	out.line("\tMOVD %d(R11), R11", mG0)
	out.line("\tLDP %d(%s), (R12, R13)", -arm64BoundsSaved, top)
	out.line("\tLDP %d(%s), (R15, R17)", 16-arm64BoundsSaved, top)
	out.line("\tSTP (R12, R13), %d(R11)", gStackLo)
	out.line("\tSTP (R15, R17), %d(R11)", gGuard0)
}

// arm64BoundsLayout checks, where R1 is g0, that SP is between the bounds of g, and
// that g0 has two equal guards between its bounds. It finds where runtime.load_g
// takes g from: one of TlsSlots in the TEB, or ArbitraryUserPointer (runtime.wintls
// in sys_windows_arm64.s, Go 1.25 to 1.27). What is found goes to R4.
func arm64BoundsLayout(out *printer) {
	const arbitrary, slots, slotsEnd = 0x28, 0x1480, 0x1480 + 64*8 // winternl.h
	check := func(set string) {
		out.line("\tCSET %s, R5", set)
		out.line("\tAND R5, R4")
	}
	out.line("\tMOVD RSP, R2")
	out.line("\tLDP %d(g), (R6, R7)", gStackLo)
	out.line("\tCMP R6, R2")
	check("HI")
	out.line("\tCMP R7, R2")
	check("LO")
	out.line("\tLDP %d(R1), (R6, R7)", gStackLo)
	out.line("\tLDP %d(R1), (R2, R8)", gGuard0)
	out.line("\tCMP R8, R2")
	check("EQ")
	out.line("\tCMP R6, R2")
	check("HI")
	out.line("\tCMP R7, R2")
	check("LO")
	out.line("\tMOVD g, R6")
	out.line("\tMOVD R30, R7")
	out.line("\tMOVD $%#x, R8", arbitrary)
	out.line("slot:")
	out.line("\tMOVD (R18_PLATFORM)(R8), R9")
	out.line("\tCMP R6, R9")
	out.line("\tBNE next")
	// Does load_g return another one from there?
	out.line("\tMOVD R1, (R18_PLATFORM)(R8)")
	out.line("\tCALL runtime·load_g(SB)")
	out.line("\tMOVD R6, (R18_PLATFORM)(R8)")
	out.line("\tCMP R1, g")
	out.line("\tMOVD R6, g")
	out.line("\tBEQ found")
	out.line("next:")
	out.line("\tADD $8, R8")
	out.line("\tMOVD $%#x, R9", slots)
	out.line("\tCMP R9, R8")
	out.line("\tCSEL LO, R9, R8, R8")
	out.line("\tMOVD $%#x, R9", slotsEnd)
	out.line("\tCMP R9, R8")
	out.line("\tBLO slot")
	out.line("\tMOVD ZR, R4")
	out.line("found:")
	out.line("\tMOVD R8, rustg<>(SB)")
	out.line("\tMOVD R7, R30")
}

// arm64GuardHandler writes rustGuardHandler. R0 points to EXCEPTION_POINTERS.
func arm64GuardHandler(out *printer) {
	out.line("")
	out.line("// rustg is where g is in thread-local memory.")
	out.line("DATA rustg<>+0(SB)/8, $0")
	out.line("GLOBL rustg<>(SB), NOPTR, $8")
	out.line("")
	out.line("TEXT ·rustGuardHandler(SB), NOSPLIT|NOFRAME, $0-0")
	out.line("\tMOVD %d(R0), R1", exceptionRecord)
	out.line("\tMOVWU 0(R1), R2")
	out.line("\tMOVD $%#x, R3", guardPageViolation)
	out.line("\tCMP R3, R2")
	out.line("\tBNE search")
	out.line("\tMOVD $rustg<>(SB), R2") // not by way of R27, which is Windows' here
	out.line("\tMOVD (R2), R2")
	out.line("\tMOVD (R18_PLATFORM)(R2), R2")
	out.line("\tCBZ R2, search")
	out.line("\tMOVD %d(R1), R3", exceptionAddress)
	out.line("\tLDP %d(R2), (R4, R5)", gStackLo)
	out.line("\tCMP R4, R3")
	out.line("\tBLO search")
	out.line("\tCMP R5, R3")
	out.line("\tBHS search")
	out.line("\tMOVD $%#x, R3", accessViolation)
	out.line("\tMOVW R3, 0(R1)")
	out.line("search:")
	out.line("\tMOVD ZR, R0") // EXCEPTION_CONTINUE_SEARCH
	out.line("\tRET")
	out.line("")
	out.line("// func rustGuardHandlerPC() uintptr")
	out.line("TEXT ·rustGuardHandlerPC(SB), NOSPLIT|NOFRAME, $0-8")
	out.line("\tMOVD $·rustGuardHandler(SB), R0")
	out.line("\tMOVD R0, ret+0(FP)")
	out.line("\tRET")
}
