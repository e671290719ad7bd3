package amd64

import (
	"errors"
	"fmt"
)

var (
	// ErrTruncated is returned when the code ends inside an instruction.
	ErrTruncated = errors.New("instruction is cut off by the end of the code")
	// ErrTooLong is returned for an instruction of more than MaxLen bytes.
	ErrTooLong = fmt.Errorf("instruction is longer than %d bytes", MaxLen)
)

// InvalidError reports bytes that are not an instruction of 64-bit mode.
type InvalidError struct {
	Code []byte // from the first byte of the instruction to the offending one
	Msg  string
}

func (e *InvalidError) Error() string { return fmt.Sprintf("% x: %s", e.Code, e.Msg) }

// decoder reads one instruction front to back. The error is sticky: once it is
// set, next returns zeros.
type decoder struct {
	Inst
	code []byte // at most MaxLen bytes
	cut  error  // why code ends where it does
	err  error
}

// Decode decodes the instruction at the start of code. An opcode that 64-bit
// mode does not define is an *InvalidError. What only a mandatory prefix or an
// operand makes undefined is decoded: its length does not depend on it.
func Decode(code []byte) (Inst, error) {
	d := decoder{code: code, cut: ErrTruncated}
	if len(code) > MaxLen {
		d.code, d.cut = code[:MaxLen], ErrTooLong
	}
	d.decode()
	if d.err != nil {
		return Inst{}, d.err
	}
	return d.Inst, nil
}

func (d *decoder) decode() {
	op := d.prefixes()
	var form byte
	switch {
	case op == 0xc4 || op == 0xc5:
		form = d.vex(op)
	case op == 0x62:
		form = d.evex()
	default:
		form = d.legacy(op)
	}
	if d.err == nil && form == invalid {
		d.fail("undefined opcode")
	}
	if d.err == nil {
		d.operands(form)
	}
}

func (d *decoder) fail(msg string) {
	if d.err == nil {
		d.err = &InvalidError{Code: d.code[:d.Len], Msg: msg}
	}
}

func (d *decoder) next() byte {
	if d.err != nil {
		return 0
	}
	if d.Len >= len(d.code) {
		d.err = d.cut
		return 0
	}
	b := d.code[d.Len]
	d.Len++
	return b
}

// prefixes reads legacy prefixes and REX and returns the byte after them. A
// REX prefix counts only right before the opcode (SDM volume 2, section
// 2.2.1).
func (d *decoder) prefixes() byte {
	for {
		b := d.next()
		switch {
		case b == 0x66:
			d.OpSize = true
		case b == 0x67:
			d.AddrSize = true
		case b == 0xf0:
			d.Lock = true
		case b == 0xf2 || b == 0xf3:
			d.Rep = b
		case b == 0x26 || b == 0x2e || b == 0x36 || b == 0x3e || b == 0x64 || b == 0x65:
			d.Seg = b
		case b&0xf0 == 0x40 && d.err == nil:
			d.REX = b
			continue
		default:
			d.W = d.REX&8 != 0
			d.extR = d.REX & 4 << 1
			d.extX = d.REX & 2 << 2
			d.extB = d.REX & 1 << 3
			return b
		}
		d.REX = 0
	}
}

// opcode records the opcode that was just read.
func (d *decoder) opcode(m Map, op byte) {
	d.Map, d.Opcode, d.OpcodeOff = m, op, d.Len-1
}

func (d *decoder) legacy(op byte) byte {
	if op != 0x0f {
		d.opcode(OneByte, op)
		return oneByte[op]
	}
	switch op = d.next(); op {
	case 0x38:
		op = d.next()
		d.opcode(Map0F38, op)
		return map0F38[op]
	case 0x3a:
		op = d.next()
		d.opcode(Map0F3A, op)
		return map0F3A[op]
	}
	d.opcode(Map0F, op)
	return map0F[op]
}

// vex reads the rest of a VEX prefix and the opcode (SDM volume 2, section
// 2.3.5):
//
//	C5  R vvvv L pp
//	C4  R X B mmmmm  W vvvv L pp     R, X, B and vvvv are inverted
func (d *decoder) vex(first byte) byte {
	d.noPrefixes("VEX")
	d.Encoding = VEX
	m := Map0F
	b := d.next()
	d.extR = ^b >> 7 & 1 << 3
	if first == 0xc4 {
		d.extX = ^b >> 6 & 1 << 3
		d.extB = ^b >> 5 & 1 << 3
		m = Map(b & 0x1f)
		b = d.next()
		d.W = b&0x80 != 0
	}
	d.V = ^b >> 3 & 15
	d.L = b >> 2 & 1
	d.PP = mandatory[b&3]
	d.opcode(m, d.next())
	switch m {
	case Map0F:
		return vex0F[d.Opcode]
	case Map0F38:
		return vex0F38[d.Opcode]
	case Map0F3A:
		return vex0F3A[d.Opcode]
	}
	return invalid
}

// evex reads the rest of an EVEX prefix and the opcode (SDM volume 2, section
// 2.7.1):
//
//	62  R X B R' 0 mmm  W vvvv 1 pp  z L'L b V' aaa
//
// with R, X, B, R', vvvv and V' inverted.
func (d *decoder) evex() byte {
	d.noPrefixes("EVEX")
	d.Encoding = EVEX
	p0, p1, p2 := d.next(), d.next(), d.next()
	if d.err == nil && (p0&0x08 != 0 || p1&0x04 == 0) {
		d.fail("reserved bits of EVEX")
	}
	d.extR = ^p0>>7&1<<3 | ^p0>>4&1<<4
	d.extX = ^p0 >> 6 & 1 << 3
	d.extB = ^p0 >> 5 & 1 << 3
	d.W = p1&0x80 != 0
	d.V = ^p1>>3&15 | ^p2>>3&1<<4
	d.PP = mandatory[p1&3]
	d.Zeroing = p2&0x80 != 0
	d.L = p2 >> 5 & 3
	d.Broadcast = p2&0x10 != 0
	d.Mask = p2 & 7
	d.opcode(Map(p0&7), d.next())
	switch d.Map {
	case Map0F:
		return evex0F[d.Opcode]
	case Map0F38:
		return evex0F38[d.Opcode]
	case Map0F3A:
		return evex0F3A[d.Opcode]
	case Map5:
		return evexMap5[d.Opcode]
	case Map6:
		return evexMap6[d.Opcode]
	}
	return invalid
}

// noPrefixes refuses the prefixes that make VEX and EVEX undefined (SDM volume
// 2, sections 2.3.2 to 2.3.4 and 2.7.1).
func (d *decoder) noPrefixes(encoding string) {
	if d.err == nil && (d.OpSize || d.Lock || d.Rep != 0 || d.REX != 0) {
		d.fail("66, F0, F2, F3 or REX before " + encoding)
	}
}

// mandatory is what the pp field of VEX and EVEX stands for.
var mandatory = [4]byte{0, 0x66, 0xf3, 0xf2}

func (d *decoder) operands(form byte) {
	switch form {
	case modRM, modRMb, modRMz, group3, control:
		d.modRM(form)
	}
	if d.err != nil {
		return
	}
	d.refuse()
	switch form {
	case modRMb, imm8:
		d.imm(1)
	case modRMz, immZ:
		d.imm(d.sizeZ())
	case imm16:
		d.imm(2)
	case immV:
		if d.W {
			d.imm(8)
		} else {
			d.imm(d.sizeZ())
		}
	case enter:
		d.imm(3)
	case moffs:
		d.DispOff, d.DispLen = d.Len, 8
		if d.AddrSize {
			d.DispLen = 4
		}
		d.Disp = d.field(d.DispLen)
	case rel8:
		d.imm(1)
	case rel32:
		d.imm(4)
	case group3:
		if d.Ext() > 1 {
			break // not, neg, mul, imul, div, idiv; only test has an immediate
		}
		if d.Opcode == 0xf6 {
			d.imm(1)
		} else {
			d.imm(d.sizeZ())
		}
	case modRM:
		// extrq and insertq of SSE4a (AMD64 manual volume 4).
		if d.Is0F(0x78) && (d.OpSize || d.Rep == 0xf2) {
			d.imm(2)
		}
	}
}

// sizeZ is the length of an immediate of operand size that is never 8 bytes
// long.
func (d *decoder) sizeZ() int {
	if d.OpSize && !d.W {
		return 2
	}
	return 4
}

func (d *decoder) imm(n int) {
	d.ImmOff, d.ImmLen = d.Len, n
	d.Imm = d.field(n)
}

// field reads n bytes, little endian, and extends their sign.
func (d *decoder) field(n int) int64 {
	var v uint64
	for i := range n {
		v |= uint64(d.next()) << (8 * i)
	}
	shift := 64 - 8*n
	return int64(v<<shift) >> shift
}

// modRM reads ModRM, SIB and the displacement (SDM volume 2, section 2.1.5,
// tables 2-2 and 2-3).
func (d *decoder) modRM(form byte) {
	d.ModRMOff = d.Len
	d.ModRM = d.next()
	d.HasModRM = true
	if form == control || d.Mod() == 3 {
		return
	}
	if d.ModRM&7 == 4 {
		d.SIBOff = d.Len
		d.SIB = d.next()
		d.HasSIB = true
	}
	switch {
	case d.Mod() == 1:
		d.DispLen = 1
	case d.Mod() == 2, d.ModRM&7 == 5, d.HasSIB && d.SIB&7 == 5:
		d.DispLen = 4
	default:
		return
	}
	d.DispOff = d.Len
	d.Disp = d.field(d.DispLen)
}
