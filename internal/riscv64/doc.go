// Package riscv64 decodes RV64GC machine code as far as a linker and a stack
// analysis need it: where control goes next, which integer registers an
// instruction may read and write, and what it does to memory and to sp.
//
// An instruction is 2 or 4 bytes, little endian, and aligned to 2 (The RISC-V
// Instruction Set Manual, volume I, release 20250508, "Base Instruction-Length
// Encoding"):
//
//	31      25 24  20 19  15 14  12 11   7 6      0
//	| funct7  | rs2  | rs1  |funct3|  rd  | opcode |   4 bytes if the low two
//	                  | funct3 |  …       |   | op |   bits are 11, else 2
//
// One of 2 bytes (extension C) is decoded as the one of 4 bytes that it stands for.
//
// Besides I, M, A, F, D, C, Zicsr and Zifencei there are Zba, Zbb, Zbs and Zicond.
// What the tables do not list is not an instruction to this package, vectors
// among it: an instruction that is not known might move sp.
package riscv64
