package amd64

// refuse reports what the opcode maps cannot: opcodes that depend on
// ModRM.reg, on mod or on a prefix.
func (d *decoder) refuse() {
	switch {
	case d.Encoding == VEX && d.Map == Map0F && d.Opcode == 0xae && d.Ext() != 2 && d.Ext() != 3:
		d.fail("undefined /" + string(rune('0'+d.Ext())) + " of VEX group 15")
	case d.Encoding != Legacy:
	case d.Map == OneByte:
		d.refuseOneByte()
	case d.Map == Map0F:
		d.refuse0F()
	}
}

func (d *decoder) refuseOneByte() {
	reg, register := d.Ext(), d.Mod() == 3
	switch d.Opcode {
	case 0x8d: // lea
		if register {
			d.fail("lea of a register")
		}
	case 0x8c: // mov from a segment register
		if reg > 5 {
			d.fail("undefined segment register")
		}
	case 0x8e: // mov to a segment register
		if reg == 1 || reg > 5 {
			d.fail("undefined segment register")
		}
	case 0x8f: // group 1A; the rest is XOP, which Intel and new AMD processors lack
		if reg != 0 {
			d.fail("XOP or undefined opcode")
		}
	case 0xc6, 0xc7: // group 11: mov, and F8 for xabort and xbegin
		if reg != 0 && d.ModRM != 0xf8 {
			d.fail("undefined opcode of group 11")
		}
	case 0xfe: // group 4
		if reg > 1 {
			d.fail("undefined opcode of group 4")
		}
	case 0xff: // group 5
		if reg == 7 || register && (reg == 3 || reg == 5) {
			d.fail("undefined opcode of group 5")
		}
	case 0xe8, 0xe9, 0xc2, 0xc3:
		d.refuseShortBranch()
	}
}

func (d *decoder) refuse0F() {
	reg, register := d.Ext(), d.Mod() == 3
	switch op := d.Opcode; {
	case op == 0x00 && reg > 5: // group 6
		d.fail("undefined opcode of group 6")
	case op >= 0x80 && op <= 0x8f:
		d.refuseShortBranch()
	case op == 0xb8 && d.Rep != 0xf3: // jmpe of Itanium
		d.fail("undefined opcode")
	case op == 0xba && reg < 4: // group 8
		d.fail("undefined opcode of group 8")
	case op >= 0x71 && op <= 0x73 && !register: // groups 12 to 14
		d.fail("undefined opcode of groups 12 to 14")
	case op == 0xc7 && (reg == 0 || reg == 2): // group 9
		d.fail("undefined opcode of group 9")
	case op == 0xb2 || op == 0xb4 || op == 0xb5: // lss, lfs, lgs
		if register {
			d.fail("far pointer in a register")
		}
	}
}

// refuseShortBranch refuses near branches with an operand-size prefix: AMD
// processors cut the target and the stack slot to 16 bits, Intel's ignore the
// prefix (SDM volume 2, "CALL"; AMD64 manual volume 3, section 1.2.3), so the
// length depends on the maker. REX.W overrides the prefix on both.
func (d *decoder) refuseShortBranch() {
	if d.OpSize && !d.W {
		d.fail("near branch with an operand-size prefix")
	}
}
