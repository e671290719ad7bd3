package riscv64

// Instructions of 2 bytes (volume I, "C" Extension for Compressed Instructions,
// "RVC Instruction Set Listings"). A register of 3 bits is one of x8 to x15.
//
//	15    13 12  11     7 6      2 1  0
//	| funct3 |i | rd/rs1 | imm/rs2| op |   CI, CR, CSS
//	| funct3 | imm | rs1'| imm|rd'| op |   CL, CS, CA, CB, CIW

// Formats of 4 bytes.
func iType(opcode, funct3, rd, rs1 uint32, imm int32) uint32 {
	return opcode | rd<<7 | funct3<<12 | rs1<<15 | uint32(imm)<<20
}

func sType(opcode, funct3, rs1, rs2, imm uint32) uint32 {
	return opcode | imm&31<<7 | funct3<<12 | rs1<<15 | rs2<<20 | imm>>5<<25
}

func rType(opcode, funct3, funct7, rd, rs1, rs2 uint32) uint32 {
	return opcode | rd<<7 | funct3<<12 | rs1<<15 | rs2<<20 | funct7<<25
}

func bType(funct3, rs1, imm uint32) uint32 {
	return opBranch | imm>>11&1<<7 | imm>>1&15<<8 | funct3<<12 | rs1<<15 | imm>>5&63<<25 | imm>>12&1<<31
}

func jType(imm uint32) uint32 {
	return opJAL | imm>>12&0xff<<12 | imm>>11&1<<20 | imm>>1&0x3ff<<21 | imm>>20&1<<31
}

// scatter collects bits of w: each pair is where a run of bits of the result
// starts and where it is in w, its size is the third number.
func scatter(w uint32, runs ...[3]int) (v uint32) {
	for _, r := range runs {
		v |= w >> r[1] & (1<<r[2] - 1) << r[0]
	}
	return v
}

// expand returns what an instruction of 2 bytes stands for.
func expand(w uint32) (uint32, bool) {
	rd, rs2 := w>>7&31, w>>2&31
	low, high := w>>2&7+8, w>>7&7+8 // rd' or rs2', and rs1'
	imm6 := int32(scatter(w, [3]int{0, 2, 5}, [3]int{5, 12, 1})<<26) >> 26
	// Offsets of loads and stores of 4 and 8 bytes.
	word := scatter(w, [3]int{2, 6, 1}, [3]int{3, 10, 3}, [3]int{6, 5, 1})
	double := scatter(w, [3]int{3, 10, 3}, [3]int{6, 5, 2})
	switch w&3<<3 | w>>13 {
	case 0o00: // c.addi4spn
		imm := scatter(w, [3]int{2, 6, 1}, [3]int{3, 5, 1}, [3]int{4, 11, 2}, [3]int{6, 7, 4})
		return iType(opImm, 0, low, SP, int32(imm)), imm != 0
	case 0o01: // c.fld
		return iType(opLoadFP, 3, low, high, int32(double)), true
	case 0o02: // c.lw
		return iType(opLoad, 2, low, high, int32(word)), true
	case 0o03: // c.ld
		return iType(opLoad, 3, low, high, int32(double)), true
	case 0o05: // c.fsd
		return sType(opStoreFP, 3, high, low, double), true
	case 0o06: // c.sw
		return sType(opStore, 2, high, low, word), true
	case 0o07: // c.sd
		return sType(opStore, 3, high, low, double), true

	case 0o10: // c.nop, c.addi
		return iType(opImm, 0, rd, rd, imm6), true
	case 0o11: // c.addiw
		return iType(opImm32, 0, rd, rd, imm6), rd != 0
	case 0o12: // c.li
		return iType(opImm, 0, rd, 0, imm6), true
	case 0o13:
		if rd == SP { // c.addi16sp
			imm := int32(scatter(w, [3]int{4, 6, 1}, [3]int{5, 2, 1}, [3]int{6, 5, 1}, [3]int{7, 3, 2}, [3]int{9, 12, 1})<<22) >> 22
			return iType(opImm, 0, SP, SP, imm), imm != 0
		}
		return opLUI | rd<<7 | uint32(imm6)<<12, imm6 != 0
	case 0o14:
		return expandArithmetic(w, high, low, imm6)
	case 0o15: // c.j
		imm := scatter(w, [3]int{1, 3, 3}, [3]int{4, 11, 1}, [3]int{5, 2, 1}, [3]int{6, 7, 1}, [3]int{7, 6, 1}, [3]int{8, 9, 2}, [3]int{10, 8, 1}, [3]int{11, 12, 1})
		return jType(uint32(int32(imm<<20) >> 20)), true
	case 0o16, 0o17: // c.beqz, c.bnez
		imm := scatter(w, [3]int{1, 3, 2}, [3]int{3, 10, 2}, [3]int{5, 2, 1}, [3]int{6, 5, 2}, [3]int{8, 12, 1})
		return bType(w>>13&1, high, uint32(int32(imm<<23)>>23)), true

	case 0o20: // c.slli
		return iType(opImm, 1, rd, rd, imm6&63), true
	case 0o21: // c.fldsp
		return iType(opLoadFP, 3, rd, SP, spDouble(w)), true
	case 0o22: // c.lwsp
		return iType(opLoad, 2, rd, SP, int32(scatter(w, [3]int{2, 4, 3}, [3]int{5, 12, 1}, [3]int{6, 2, 2}))), rd != 0
	case 0o23: // c.ldsp
		return iType(opLoad, 3, rd, SP, spDouble(w)), rd != 0
	case 0o24:
		link := w >> 12 & 1
		switch {
		case rs2 != 0: // c.mv, c.add
			return rType(opReg, 0, 0, rd, rd*link, rs2), true
		case rd != 0: // c.jr, c.jalr
			return iType(opJALR, 0, link, rd, 0), true
		}
		return wordEBREAK, link == 1
	case 0o25: // c.fsdsp
		return sType(opStoreFP, 3, SP, rs2, scatter(w, [3]int{3, 10, 3}, [3]int{6, 7, 3})), true
	case 0o26: // c.swsp
		return sType(opStore, 2, SP, rs2, scatter(w, [3]int{2, 9, 4}, [3]int{6, 7, 2})), true
	case 0o27: // c.sdsp
		return sType(opStore, 3, SP, rs2, scatter(w, [3]int{3, 10, 3}, [3]int{6, 7, 3})), true
	}
	return 0, false
}

// spDouble is the offset of c.fldsp and c.ldsp.
func spDouble(w uint32) int32 {
	return int32(scatter(w, [3]int{3, 5, 2}, [3]int{5, 12, 1}, [3]int{6, 2, 3}))
}

// expandArithmetic expands what computes with two of x8 to x15.
func expandArithmetic(w, rd, rs2 uint32, imm int32) (uint32, bool) {
	switch w >> 10 & 3 {
	case 0: // c.srli
		return iType(opImm, 5, rd, rd, imm&63), true
	case 1: // c.srai
		return iType(opImm, 5, rd, rd, imm&63|0x400), true
	case 2: // c.andi
		return iType(opImm, 7, rd, rd, imm), true
	}
	switch w>>12&1<<2 | w>>5&3 {
	case 0: // c.sub
		return rType(opReg, 0, 0x20, rd, rd, rs2), true
	case 1: // c.xor
		return rType(opReg, 4, 0, rd, rd, rs2), true
	case 2: // c.or
		return rType(opReg, 6, 0, rd, rd, rs2), true
	case 3: // c.and
		return rType(opReg, 7, 0, rd, rd, rs2), true
	case 4: // c.subw
		return rType(opReg32, 0, 0x20, rd, rd, rs2), true
	case 5: // c.addw
		return rType(opReg32, 0, 0, rd, rd, rs2), true
	}
	return 0, false
}
