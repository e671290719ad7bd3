# Every kind of symbol and relocation of Mach-O for arm64. TestMachOTestdata tells
# how the object was made.
	.section __TEXT,__text,regular,pure_instructions
	.globl _f, _g, _weak, _hidden
	.p2align 2
_f:
	bl _g				; BRANCH26
	bl _undefined
	b _g+8				; ADDEND
	adrp x0, _data@PAGE		; PAGE21
	add x0, x0, _data@PAGEOFF	; PAGEOFF12
	adrp x1, _data@PAGE+4		; ADDEND
	add x1, x1, _data@PAGEOFF+4
	ldrb w2, [x0, _data@PAGEOFF+1]
	ldrsb x2, [x0, _data@PAGEOFF]
	ldrh w2, [x0, _data@PAGEOFF+2]
	strh w2, [x0, _data@PAGEOFF]
	ldr w2, [x0, _data@PAGEOFF+4]
	ldrsw x2, [x0, _data@PAGEOFF]
	ldr x2, [x0, _data@PAGEOFF+8]
	str x2, [x0, _data@PAGEOFF]
	ldr b2, [x0, _data@PAGEOFF]
	ldr h2, [x0, _data@PAGEOFF]
	ldr s2, [x0, _data@PAGEOFF]
	str d2, [x0, _data@PAGEOFF]
	ldr q2, [x0, _data@PAGEOFF]
	str q2, [x0, _data@PAGEOFF+16]
	adrp x3, l_two@PAGE
	add x3, x3, l_two@PAGEOFF
	adrp x4, _undefined@GOTPAGE	; GOT_LOAD_PAGE21
	ldr x4, [x4, _undefined@GOTPAGEOFF]	; GOT_LOAD_PAGEOFF12
	adrp x5, _common@PAGE
	add x5, x5, _common@PAGEOFF
	ret
_g:
	.cfi_startproc
	sub sp, sp, #16
	.cfi_def_cfa_offset 16
	bl _optional
	bl _weak
	add sp, sp, #16
	ret
	.cfi_endproc
	.alt_entry _second
_second:
	b _g
	.weak_definition _weak
	.p2align 3
_weak:
	ret
	.private_extern _hidden
_hidden:
	adrp x0, _zero@PAGE
	ldr w0, [x0, _zero@PAGEOFF]
	ret
_dead:
	b _unsupported
_tls:
	adrp x0, _thread@TLVPPAGE	; TLVP_LOAD_PAGE21
	ldr x0, [x0, _thread@TLVPPAGEOFF]	; TLVP_LOAD_PAGEOFF12
	ret
	.weak_reference _optional
	.globl noprefix
noprefix:
	ret

	.section __TEXT,__cstring,cstring_literals
l_one:	.asciz "one"
l_two:	.asciz "two"
l_three:
	.asciz "three"
	.section __TEXT,__literal4,4byte_literals
	.p2align 2
l_private:
	.long 0x3f800000
	.long 4
	.section __TEXT,__literal8,8byte_literals
	.p2align 3
	.quad 8
	.section __TEXT,__literal16,16byte_literals
	.p2align 4
	.quad 16, 17
	.section __TEXT,__const
	.p2align 3
	.no_dead_strip l_table
l_table:				; SUBTRACTOR, UNSIGNED
	.long l_three-l_table
	.long _f-l_table+4
	.long Lback-l_table
	.long _data@GOT-.		; POINTER_TO_GOT
Lback:
	.quad _data-.
	.quad l_table-Lback

	.section __DATA,__data
	.p2align 4
	.globl _data
_data:
	.quad _f			; UNSIGNED
	.quad _g+8
	.quad l_two
	.quad _second
_more:
	.quad _undefined-1
	.no_dead_strip _kept
_kept:
	.quad _hidden
	.section __DATA,__const
	.p2align 3
_constant:
	.quad _data
	.section __DATA,__support,regular,live_support
_support:
	.quad _g
_unsupported:
	.quad _dead
	.zerofill __DATA,__bss,_zero,100,5
	.comm _common,24,3
	.globl _absolute
	.set _absolute, 0x1234
	.tbss _thread$tlv$init,8,3
	.section __DATA,__thread_vars,thread_local_variables
	.globl _thread
_thread:
	.quad __tlv_bootstrap
	.quad 0
	.quad _thread$tlv$init
	.section __DWARF,__debug_str_offs,regular,debug
	.quad Lback, _g			; UNSIGNED of a section
	.linker_option "-framework", "None"
	.subsections_via_symbols
