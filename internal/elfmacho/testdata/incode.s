# Data in code, in one atom and across two.
	.text
	.globl _f, _g
_f:	leaq L0(%rip), %rax
	ret
	.data_region jt32
L0:	.long _f-L0, _f-L0+8
	.end_data_region
	.data_region jt8
	.byte 1
	.end_data_region
	nop
	.data_region
	.ascii "data"
_g:	.ascii "more"
	.end_data_region
	ret
	.data_region jt16
	.end_data_region
	.data
	.data_region
	.quad 0
	.end_data_region
	.subsections_via_symbols
