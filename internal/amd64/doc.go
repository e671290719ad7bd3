// Package amd64 decodes x86-64 machine code as far as a linker and a stack
// analysis need it: where an instruction ends, where its fields are, where
// control goes next and which general-purpose registers it may write.
//
// An instruction of 64-bit mode (Intel SDM volume 2, section 2.1 to 2.7):
//
//	legacy prefixes  REX   escape   opcode  ModRM  SIB   displacement  immediate
//	0 or more        0/1   0F …     1       0/1    0/1   0, 1, 4, 8    0 to 8
//
// VEX (C4, C5) and EVEX (62) stand for REX, the escape bytes and the mandatory
// prefix at once. The whole is at most 15 bytes long.
package amd64
