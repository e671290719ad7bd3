// gate(code, args, stack) calls code with eight arguments, on another stack.
// The callee keeps x19, where the caller's sp is.
	.text
	.globl	gate
	.type	gate, %function
gate:
	stp	x29, x30, [sp, #-32]!
	str	x19, [sp, #16]
	mov	x19, sp
	mov	sp, x2
	mov	x16, x0
	mov	x17, x1
	ldp	x0, x1, [x17]
	ldp	x2, x3, [x17, #16]
	ldp	x4, x5, [x17, #32]
	ldp	x6, x7, [x17, #48]
	blr	x16
	mov	sp, x19
	ldr	x19, [sp, #16]
	ldp	x29, x30, [sp], #32
	ret

// Nothing unwinds.
	.globl	rust_eh_personality, _Unwind_Resume
rust_eh_personality:
_Unwind_Resume:
	brk	#1
