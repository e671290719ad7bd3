package elfmacho

import (
	"encoding/binary"

	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// Relocation types of <mach-o/arm64/reloc.h>. Addends of instructions are in an
// entry of their own, ADDEND, before; those of data are in the field.
const (
	armUnsigned         = 0
	armSubtractor       = 1
	armBranch26         = 2
	armPage21           = 3
	armPageOff12        = 4
	armGOTLoadPage21    = 5
	armGOTLoadPageOff12 = 6
	armPointerToGOT     = 7
	armTLVPLoadPage21   = 8
	armTLVPLoadPageOff  = 9
	armAddend           = 10
)

func prefixARM64(typ uint8) bool { return typ == armSubtractor || typ == armAddend }

func (p *machoParser) relocARM64(s *machoSection, list []machoReloc) (out Reloc, n int, err error) {
	r := &list[0]
	switch r.typ() {
	case armUnsigned:
		out, err = p.unsigned(s, r)
		return out, 1, err
	case armSubtractor:
		out, err = p.difference(s, list, armUnsigned)
		return out, 2, err
	case armAddend:
		if !pair(list) {
			return out, 0, p.bad(s, r, "ADDEND without a relocation behind it")
		}
		addend := int64(int32(r.info<<8) >> 8)
		r = &list[1]
		if t := r.typ(); t != armPage21 && t != armPageOff12 && t != armBranch26 {
			return out, 0, p.bad(s, r, "ADDEND before relocation type %d", t)
		}
		out, err = p.instruction(s, r)
		out.Addend = addend
		return out, 2, err
	case armPointerToGOT:
		// The other form, an absolute address of 8 bytes, nothing writes. What
		// LLVM leaves in the field is no addend: linkers pass it over.
		if err := p.form(s, r, true, 2); err != nil {
			return out, 0, err
		}
		out = Reloc{Kind: reloc.GOT32, Type: uint16(r.typ())}
		out.Symbol, err = p.external(s, r)
		return out, 1, err
	}
	out, err = p.instruction(s, r)
	return out, 1, err
}

// instruction decodes a relocation of an instruction, which says what is done
// with the address. Its immediate is 0.
func (p *machoParser) instruction(s *machoSection, r *machoReloc) (out Reloc, err error) {
	out.Type = uint16(r.typ())
	pcrel := false
	switch r.typ() {
	case armBranch26, armPage21, armGOTLoadPage21, armTLVPLoadPage21:
		pcrel = true
	case armPageOff12, armGOTLoadPageOff12, armTLVPLoadPageOff:
	default:
		return out, p.bad(s, r, "unknown relocation type %d", r.typ())
	}
	if err := p.form(s, r, pcrel, 2); err != nil {
		return out, err
	}
	if _, err := p.field(s, r); err != nil { // is there an instruction?
		return out, err
	}
	if out.Symbol, err = p.external(s, r); err != nil {
		return out, err
	}
	inst := binary.LittleEndian.Uint32(s.data[r.addr:])
	immediate := uint32(0xfff << 10)
	fits := false
	switch r.typ() {
	case armBranch26:
		out.Kind, fits, immediate = reloc.Branch26, inst&0x7c000000 == 0x14000000, 1<<26-1
	case armPage21:
		out.Kind, fits, immediate = reloc.Page21, isADRP(inst), adrpImmediate
	case armGOTLoadPage21:
		out.Kind, fits, immediate = reloc.GOTPage21, isADRP(inst), adrpImmediate
	case armPageOff12:
		out.Kind, fits = pageOff12(inst)
	case armGOTLoadPageOff12:
		out.Kind, fits = reloc.GOTPageOff12, inst&0xffc00000 == 0xf9400000 // ldr of 8 bytes
	default:
		out.Kind, fits, immediate = reloc.TLS, true, 0
	}
	if !fits {
		return out, p.bad(s, r, "relocation type %d of an instruction that it does not apply to (%#08x)", r.typ(), inst)
	}
	if inst&immediate != 0 {
		return out, p.bad(s, r, "relocation type %d of an instruction with an addend of its own (%#08x)", r.typ(), inst)
	}
	return out, nil
}

const adrpImmediate = 3<<29 | (1<<19-1)<<5

func isADRP(inst uint32) bool { return inst&0x9f000000 == 0x90000000 }

// pageOff12 tells how an instruction scales its immediate: add does not; loads
// and stores (unsigned offset) scale it by the size of the access (Arm
// Architecture Reference Manual for A-profile, C4.1).
func pageOff12(inst uint32) (reloc.Kind, bool) {
	if inst&0x7fc00000 == 0x11000000 { // add immediate, not shifted
		return reloc.PageOff12, true
	}
	if inst&0x3b000000 != 0x39000000 {
		return 0, false
	}
	size := inst >> 30
	if vector := inst&(1<<26) != 0; vector && inst&(1<<23) != 0 { // 128 bits
		if size != 0 {
			return 0, false
		}
		return reloc.PageOff12S4, true
	}
	return [...]reloc.Kind{reloc.PageOff12, reloc.PageOff12S1, reloc.PageOff12S2, reloc.PageOff12S3}[size], true
}
