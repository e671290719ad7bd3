package emit

// On Windows there is, below what every stack of its own has (arm64_own.go), and
// above the copies:
//
//	| g0's own bounds     |  while they are lent
//	| and guards          |
//
// g is g0 then, both in R28 and in thread-local memory, where the runtime finds it
// when Windows calls it (runtime.sigtramp in sys_windows_arm64.s, Go 1.25 to 1.27).
const (
	arm64BoundsSaved = 96 // distance below the end of the stack
	arm64BoundsFrame = 96
)

func (t *arm64Trampoline) bySP() bool { return t.platform.bySP() }

// saveG stores g in thread-local memory. R12 keeps what must be in R0; R27 and R30
// are lost (runtime.save_g, Go 1.26).
func (t *arm64Trampoline) saveG(out *printer) {
	out.line("\tMOVD R0, R12")
	out.line("\tCALL runtime·save_g(SB)")
	out.line("\tMOVD R12, R0")
}

// lendBounds gives g0, which is g, the bounds of the stack whose end R10 points
// to. R11 to R13, R27 and R30 are lost. A thread is suspended between two
// instructions, and one stores both bounds, so they are always of one stack.
func (t *arm64Trampoline) lendBounds(out *printer) {
	out.line("\tLDP %d(g), (R12, R13)", gStackLo)
	out.line("\tSTP (R12, R13), %d(R10)", -arm64BoundsSaved)
	out.line("\tLDP %d(g), (R12, R13)", gGuard0)
	out.line("\tSTP (R12, R13), %d(R10)", 16-arm64BoundsSaved)
	out.line("\tMOVD $%d, R12", t.space)
	out.line("\tSUB R12, R10, R12")
	out.line("\tSTP (R12, R10), %d(g)", gStackLo)
	out.line("\tADD $%d, R12", ownGoGuard)
	out.line("\tSTP (R12, R12), %d(g)", gGuard0)
	t.saveG(out)
}

// returnBounds gives g0 its bounds back. SP is the goroutine's again, and top
// names the register that points to the end of the other stack. R11 to R13 and
// R15 are lost.
func (t *arm64Trampoline) returnBounds(out *printer, top string) {
	out.line("\tMOVD %d(g), R11", gM)
	out.line("\tMOVD %d(R11), R11", mG0)
	out.line("\tLDP %d(%s), (R12, R13)", -arm64BoundsSaved, top)
	out.line("\tLDP %d(%s), (R15, R17)", 16-arm64BoundsSaved, top)
	out.line("\tSTP (R12, R13), %d(R11)", gStackLo)
	out.line("\tSTP (R15, R17), %d(R11)", gGuard0)
}

// arm64BoundsLayout checks, where R1 is g0, that SP is between the bounds of g,
// that g0 has two equal guards between its bounds, and that g is where runtime.load_g
// looks for it. What is found goes to R4.
func arm64BoundsLayout(out *printer) {
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
	out.line("\tCALL runtime·load_g(SB)")
	out.line("\tMOVD R7, R30")
	out.line("\tCMP R6, g")
	check("EQ")
	out.line("\tMOVD R6, g")
}

// arm64GuardHandler writes rustGuardHandler. R0 points to EXCEPTION_POINTERS, and
// runtime.load_g changes R27 and R28, which Windows wants back.
func arm64GuardHandler(out *printer) {
	out.line("")
	out.line("TEXT ·rustGuardHandler(SB), NOSPLIT|NOFRAME, $0-0")
	out.line("\tMOVD %d(R0), R1", exceptionRecord)
	out.line("\tMOVWU 0(R1), R2")
	out.line("\tMOVD $%#x, R3", guardPageViolation)
	out.line("\tCMP R3, R2")
	out.line("\tBNE search")
	out.line("\tMOVD R27, R4")
	out.line("\tMOVD g, R5")
	out.line("\tMOVD R30, R6")
	out.line("\tCALL runtime·load_g(SB)")
	out.line("\tMOVD g, R2")
	out.line("\tMOVD R4, R27")
	out.line("\tMOVD R5, g")
	out.line("\tMOVD R6, R30")
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
