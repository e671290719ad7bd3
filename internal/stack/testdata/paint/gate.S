// gate(code, args, stack) calls code with eight arguments, on another stack.
// The callee keeps x19, or s1, where the caller's sp is.
	.text
	.globl	gate
	.type	gate, %function
gate:
#ifdef __aarch64__
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
#else
	addi	sp, sp, -16
	sd	ra, 8(sp)
	sd	s1, 0(sp)
	mv	s1, sp
	mv	sp, a2
	mv	t0, a0
	mv	t1, a1
	ld	a0, 0(t1)
	ld	a1, 8(t1)
	ld	a2, 16(t1)
	ld	a3, 24(t1)
	ld	a4, 32(t1)
	ld	a5, 40(t1)
	ld	a6, 48(t1)
	ld	a7, 56(t1)
	jalr	t0
	mv	sp, s1
	ld	s1, 0(sp)
	ld	ra, 8(sp)
	addi	sp, sp, 16
	ret
#endif

// Nothing unwinds.
	.globl	rust_eh_personality, _Unwind_Resume
rust_eh_personality:
_Unwind_Resume:
#ifdef __aarch64__
	brk	#1
#else
	ebreak
#endif
