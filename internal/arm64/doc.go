// Package arm64 decodes A64 machine code as far as a linker and a stack
// analysis need it: where control goes next, which general-purpose registers
// an instruction may read and write, and what it does to memory and to sp.
//
// An instruction is 4 bytes, little endian (Arm ARM, DDI 0487, section C4.1).
// Bits 25 to 28 say of which group it is:
//
//	31      29 28   25 24                                  0
//	|  op0    |  op1  |                                    |
//	           100x    data processing with an immediate
//	           101x    branches, exceptions, system
//	           x1x0    loads and stores
//	           x101    data processing with registers
//	           x111    vectors and floating point
//	           0000, 0010  udf, SME, SVE
//
// Register 31 is sp or the zero register, as the instruction says. What the
// tables do not list is not an instruction to this package, SVE, SME and memory
// tagging among it: an instruction that is not known might move sp.
package arm64
