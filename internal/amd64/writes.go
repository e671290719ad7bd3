package amd64

// Regs is a set of general-purpose registers, bit n for register n.
type Regs uint32

// Has reports whether register n is in the set.
func (r Regs) Has(n int) bool { return r>>n&1 != 0 }

// Operands that an opcode may write, as the letters of the maps below.
const (
	toNone    = '.'
	toReg     = 'r' // ModRM.reg
	toRM      = 'm' // ModRM.rm if it is a register
	toBoth    = 'x' // both
	toOpReg   = 'o' // the register in the opcode
	toRAX     = 'a'
	toRAXOp   = 'A' // rax and the register in the opcode
	toRDX     = 'd'
	toRAXRDX  = 'D'
	toRCX     = 'c'
	toString  = 's' // rcx, rsi and rdi
	toRAXRM   = 'M' // rax and ModRM.rm
	toStringA = 'S' // rax, rcx, rsi and rdi
	toV       = 'v' // VEX.vvvv
	toRegV    = 'R' // ModRM.reg and VEX.vvvv
	toGroup   = 'g' // depends on ModRM.reg: see group
)

var oneByteWrites = opcodeMap(`
	mmrraa..mmrraa..
	mmrraa..mmrraa..
	mmrraa..mmrraa..
	mmrraa..........
	................
	........oooooooo
	...r.....r.rssss
	................
	gg.g..xxmmrrmr.m
	gAAAAAAAad.....a
	aa..ssss..ssSSss
	oooooooooooooooo
	mm....mmgg......
	mmmm...a.......g
	ccc.aa......aa..
	......gg......mg`)

var map0FWrites = opcodeMap(`
	ggrr.g..........
	..............g.
	mm..........gg..
	.DDD............
	rrrrrrrrrrrrrrrr
	r...............
	................
	........g.....g.
	................
	mmmmmmmmmmmmmmmm
	..g.mm.....mmmgr
	MMrmrrrrr.gmrrrr
	xx...r.goooooooo
	.......r........
	................
	................`)

var vexWrites = [4]*[256]byte{
	Map0F: opcodeMap(`
		................
		................
		............rr..
		................
		................
		r...............
		................
		..............g.
		................
		...r............
		................
		................
		.....r..........
		.......r........`),
	Map0F38: opcodeMap(`
		................
		................
		................
		................
		................
		................
		................
		................
		................
		................
		................
		................
		................
		................
		rrrrrrrrrrrrrrrr
		..rv.rRr........`),
	Map0F3A: opcodeMap(`
		................
		....mmmm........
		................
		................
		................
		................
		.c.c............
		................
		................
		................
		................
		................
		................
		................
		................
		r...............`),
}

// Writes returns the general-purpose registers that i may write, whatever part
// of them. It does not count what the stack instructions do to rsp besides
// their operand (push, pop, call, ret, enter, leave: see Stack), and it does
// not count what the callee of a call writes.
func (i *Inst) Writes() Regs {
	form := byte(toNone)
	switch {
	case i.Encoding == Legacy && i.Map == OneByte:
		form = oneByteWrites[i.Opcode]
	case i.Encoding == Legacy && i.Map == Map0F:
		form = map0FWrites[i.Opcode]
	case i.Encoding == Legacy:
		form = i.writesSSE()
	case i.Encoding == VEX:
		form = vexWrites[i.Map][i.Opcode]
	default:
		form = i.writesEVEX()
	}
	if form == toGroup {
		return i.group()
	}
	return i.expand(form)
}

func (i *Inst) expand(form byte) Regs {
	switch form {
	case toReg:
		return i.reg()
	case toRM:
		return i.rm()
	case toBoth:
		return i.reg() | i.rm()
	case toOpReg:
		return i.opReg()
	case toRAX:
		return 1 << RAX
	case toRAXOp:
		return 1<<RAX | i.opReg()
	case toRDX:
		return 1 << RDX
	case toRAXRDX:
		return 1<<RAX | 1<<RDX
	case toRCX:
		return 1 << RCX
	case toString:
		return 1<<RCX | 1<<RSI | 1<<RDI
	case toStringA:
		return 1<<RAX | 1<<RCX | 1<<RSI | 1<<RDI
	case toRAXRM:
		return 1<<RAX | i.rm()
	case toV:
		return 1 << (i.V & 15)
	case toRegV:
		return i.reg() | 1<<(i.V&15)
	}
	return 0
}

// reg, rm and opReg name the register of an operand. Without REX the byte
// registers 4 to 7 are ah, ch, dh and bh (SDM volume 2, section 2.2.1.2).
func (i *Inst) reg() Regs { return i.gpr(i.Reg()) }

func (i *Inst) rm() Regs {
	if i.Memory() {
		return 0
	}
	return i.gpr(i.RM())
}

func (i *Inst) opReg() Regs {
	if i.Map == OneByte && i.Opcode >= 0xb8 || i.Map != OneByte || i.Opcode < 0xb0 {
		return 1 << i.OpReg()
	}
	return i.gpr(i.OpReg())
}

func (i *Inst) gpr(n int) Regs {
	if n &= 15; n >= 4 && n < 8 && i.byteOperand() && i.REX == 0 {
		n &= 3
	}
	return 1 << n
}

// byteOperand reports whether the operands that i writes are 8 bits wide.
func (i *Inst) byteOperand() bool {
	if i.Encoding != Legacy {
		return false
	}
	switch op := i.Opcode; i.Map {
	case OneByte:
		switch {
		case op < 0x40, op >= 0xf6 && op <= 0xf7, op >= 0xfe:
			return op&1 == 0
		case op >= 0x80 && op <= 0x8b:
			return op&1 == 0
		case op >= 0xb0 && op <= 0xb7:
			return true
		case op == 0xc0, op == 0xc6, op == 0xd0, op == 0xd2:
			return true
		}
	case Map0F:
		return op >= 0x90 && op <= 0x9f || op == 0xb0 || op == 0xc0
	}
	return false
}

// group resolves opcodes whose operands depend on ModRM.reg or on a prefix.
func (i *Inst) group() Regs {
	const abcd = 1<<RAX | 1<<RBX | 1<<RCX | 1<<RDX
	reg := i.Ext()
	if i.Encoding == VEX { // vmovd and vmovq from a vector register; F3 to one
		if i.PP == 0xf3 {
			return 0
		}
		return i.rm()
	}
	if i.Map == OneByte {
		switch i.Opcode {
		case 0x80, 0x81, 0x83: // group 1; /7 is cmp
			if reg == 7 {
				return 0
			}
			return i.rm()
		case 0x90: // nop and pause; with REX.B it is xchg r8, rax
			if i.extB == 0 {
				return 0
			}
			return 1<<RAX | i.opReg()
		case 0xc8, 0xc9: // enter, leave
			return 1 << RBP
		case 0xdf: // group of x87; only fnstsw ax writes a register
			if i.ModRM != 0xe0 {
				return 0
			}
			return 1 << RAX
		case 0xf6, 0xf7: // group 3: test, not, neg, and four that write rdx:rax
			switch {
			case reg < 2:
				return 0
			case reg < 4:
				return i.rm()
			}
			return 1<<RAX | 1<<RDX
		case 0xff: // group 5: inc and dec
			if reg > 1 {
				return 0
			}
			return i.rm()
		}
	}
	switch i.Opcode {
	case 0x00: // sldt, str
		if reg > 1 {
			return 0
		}
		return i.rm()
	case 0x01: // smsw, xgetbv, rdtscp, rdpkru and others with fixed operands
		if i.Memory() {
			return 0
		}
		if reg == 4 {
			return i.rm()
		}
		return abcd
	case 0x05: // syscall
		return 1<<RAX | 1<<RCX | 1<<R11
	case 0x1e: // rdsspq; endbr64 and nop otherwise
		if i.Rep == 0xf3 && reg == 1 {
			return i.rm()
		}
	case 0x2c, 0x2d: // cvt*s[sd]2si; cvt*pi2ps and cvtp*2pi write MMX registers
		if i.Rep != 0 {
			return i.reg()
		}
	case 0x78: // vmread; extrq and insertq of SSE4a
		if !i.OpSize && i.Rep == 0 {
			return i.rm()
		}
	case 0x7e: // movd, movq
		if i.Rep != 0xf3 {
			return i.rm()
		}
	case 0xa2: // cpuid
		return abcd
	case 0xae: // rdfsbase, rdgsbase
		if i.Rep == 0xf3 && reg < 2 {
			return i.rm()
		}
	case 0xba: // bt, bts, btr, btc
		if reg > 4 {
			return i.rm()
		}
	case 0xc7: // cmpxchg8b, rdrand, rdseed, rdpid
		if reg == 1 {
			return 1<<RAX | 1<<RDX
		}
		if reg >= 6 {
			return i.rm()
		}
	}
	return 0
}

// writesSSE covers the legacy maps 0F38 and 0F3A.
func (i *Inst) writesSSE() byte {
	if i.Map == Map0F3A {
		switch {
		case i.Opcode >= 0x14 && i.Opcode <= 0x17: // pextr*, extractps
			return toRM
		case i.Opcode == 0x61 || i.Opcode == 0x63: // pcmp*stri
			return toRCX
		}
		return toNone
	}
	switch i.Opcode {
	case 0xf0: // crc32, movbe load
		return toReg
	case 0xf1: // crc32; movbe store
		if i.Rep == 0xf2 {
			return toReg
		}
	case 0xf6: // adcx, adox; wrss without a prefix
		return toReg
	case 0xfa, 0xfb: // encodekey
		return toReg
	}
	return toNone
}

func (i *Inst) writesEVEX() byte {
	scalar := i.PP == 0xf2 || i.PP == 0xf3
	switch op := i.Opcode; i.Map {
	case Map0F, Map5:
		switch {
		case (op == 0x2c || op == 0x2d || op == 0x78 || op == 0x79) && scalar: // vcvt*2si, vcvt*2usi
			return toReg
		case op == 0x7e && i.PP == 0x66: // vmovd, vmovq, vmovw
			return toRM
		case op == 0xc5 && i.Map == Map0F: // vpextrw
			return toReg
		}
	case Map0F3A:
		if op >= 0x14 && op <= 0x17 { // vpextr*, vextractps
			return toRM
		}
	}
	return toNone
}
