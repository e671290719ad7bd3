# Every kind of symbol and relocation of Mach-O for x86-64. TestMachOTestdata
# tells how the object was made.
	.section __TEXT,__text,regular,pure_instructions
	.globl _f, _g, _weak, _hidden
	.p2align 4
_f:
	callq _g			# BRANCH
	callq _undefined
	leaq _data(%rip), %rax		# SIGNED
	leaq _data+4(%rip), %rax
	movb $1, _data(%rip)		# SIGNED_1
	movw $1, _data+2(%rip)		# SIGNED_2
	movl $1, _data-4(%rip)		# SIGNED_4
	leaq L_two(%rip), %rdi		# SIGNED of a section
	leaq L_two+1(%rip), %rdi
	cmpb $1, L_four(%rip)		# SIGNED_1 of a section
	cmpw $0x1234, L_four(%rip)	# SIGNED_2 of a section
	cmpl $0x12345678, L_four(%rip)	# SIGNED_4 of a section
	movss l_private(%rip), %xmm0
	movq _data@GOTPCREL(%rip), %rax	# GOT_LOAD
	pushq _data@GOTPCREL(%rip)	# GOT
	cmpq $0, _undefined@GOTPCREL(%rip)
	jmp _f+3
_g:
	.cfi_startproc
	pushq %rbx
	.cfi_def_cfa_offset 16
	callq _optional
	popq %rbx
	retq
	.cfi_endproc
	.alt_entry _second
_second:
	leaq _g(%rip), %rax
	retq
	.weak_definition _weak
	.p2align 3, 0x90
_weak:
	retq
	.private_extern _hidden
_hidden:
	leaq _common(%rip), %rax
	leaq _zero+8(%rip), %rax
	movabsq $_absolute, %rax
	retq
_dead:
	leaq L_one(%rip), %rax
	retq
_tls:
	movq _thread@TLVP(%rip), %rdi	# TLV
	retq
	.weak_reference _optional
	.globl noprefix
noprefix:
	retq

	.section __TEXT,__cstring,cstring_literals
L_one:	.asciz "one"
L_two:	.asciz "two"
l_three:
	.asciz "three"
	.section __TEXT,__literal4,4byte_literals
	.p2align 2
l_private:
	.long 0x3f800000
L_four:	.long 4
	.section __TEXT,__literal8,8byte_literals
	.p2align 3
	.quad 8
	.section __TEXT,__literal16,16byte_literals
	.p2align 4
	.quad 16, 17
	.section __TEXT,__const
	.p2align 2
	.no_dead_strip l_table
l_table:				# SUBTRACTOR, UNSIGNED
	.long l_three-l_table
	.long _f-l_table+4
	.long Lback-l_table
Lback:
	.quad _data-.
	.quad l_table-Lback

	.section __DATA,__data
	.p2align 4
	.globl _data
_data:
	.quad _f			# UNSIGNED
	.quad _g+8
	.quad L_two			# UNSIGNED of a section
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
	.quad Lback, _g
	.linker_option "-framework", "None"
	.subsections_via_symbols
