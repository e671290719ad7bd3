package image

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/cargo-rustgo/cargo-rustgo/internal/amd64"
	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
)

// On x86-64 every reference from code to data is the disp32(%rip) of a ModRM
// operand. Go's assembler can finish one instruction exactly as LLVM encodes
// it: LEAQ. All others that refer to another segment are rewritten:
//
//	lea  x(%rip), %reg            stays, finished by the assembler
//	mov  f@GOTPCREL(%rip), %reg   lea f(%rip), %reg
//	call *f@GOTPCREL(%rip)        addr32 call f
//	jmp  *f@GOTPCREL(%rip)        jmp f; nop
//	call *x(%rip)                 addr32 call thunk
//	jmp  *x(%rip)                 jmp thunk; nop
//	op   x(%rip), …               jmp thunk; nops
//
// where the relaxations are those of the System V x86-64 psABI, B.2, and a
// thunk does the work with the address in a register.

// amd64Code finds instructions in one section.
type amd64Code struct {
	*builder
	ref  link.Ref
	next uint64 // where decoding goes on
	inst amd64.Inst
	at   uint64 // offset of inst in the section
}

// find decodes up to the instruction whose disp32(%rip) is the field of rel,
// from the start of its function: compilers put no data into x86-64 functions
// but what is marked, and hand-written assembly has it between them.
func (c *amd64Code) find(rel elfmacho.Reloc) (*amd64.Inst, error) {
	section := c.set.Section(c.ref)
	if section.Kind != elfmacho.Text {
		return nil, fmt.Errorf("an operand of an instruction among data")
	}
	data := section.Data
	if sym := c.set.SymbolAt(c.ref, rel.Off); sym != nil && sym.Type == elfmacho.Func {
		c.next = max(c.next, sym.Value)
	}
	for c.next <= rel.Off {
		if i := slices.IndexFunc(section.DataInCode, func(r elfmacho.Range) bool { return r.Start <= c.next && c.next < r.End }); i >= 0 {
			c.next = section.DataInCode[i].End
			continue
		}
		inst, err := amd64.Decode(data[c.next:])
		if err != nil {
			return nil, fmt.Errorf("code at %#x cannot be decoded: %v", c.next, err)
		}
		c.inst, c.at = inst, c.next
		c.next += uint64(inst.Len)
	}
	if !c.inst.RIPRelative() || c.at+uint64(c.inst.DispOff) != rel.Off {
		return nil, fmt.Errorf("the field is not the operand of an instruction")
	}
	return &c.inst, nil
}

// window is where inst stands in Text. The bytes are good until code is
// appended.
func (c *amd64Code) window(inst *amd64.Inst) (off uint64, bytes []byte) {
	off = uint64(c.address(c.ref).Off) + c.at
	return off, c.builder.memory[Text].Data[off : off+uint64(inst.Len)]
}

// operand is what an instruction addresses: the field counts from its own
// place, the processor from the end of the instruction.
func operand(inst *amd64.Inst, rel elfmacho.Reloc, to Address) Address {
	to.Off += rel.Addend + int64(inst.Len-inst.DispOff)
	return to
}

// toData resolves a reference from code to another segment.
func (c *amd64Code) toData(rel elfmacho.Reloc, to Address) error {
	inst, err := c.find(rel)
	if err != nil {
		return err
	}
	return c.useMemory(inst, operand(inst, rel, to))
}

// useMemory makes inst use the memory at to, in another segment.
func (c *amd64Code) useMemory(inst *amd64.Inst, to Address) error {
	if to.Off != int64(int32(to.Off)) {
		return fmt.Errorf("the address is more than 2 GiB away from the symbol")
	}
	if inst.AddrSize {
		return fmt.Errorf("an address of 32 bits")
	}
	off, bytes := c.window(inst)
	if isLEA64(inst) {
		if inst.Reg() == amd64.RSP {
			return fmt.Errorf("the stack pointer is loaded with an address in one instruction; load another register first")
		}
		c.image.Loads = append(c.image.Loads, Load{off, uint8(inst.Reg()), to})
		putLEA(bytes, uint8(inst.Reg()))
		return nil
	}
	if inst.Is(0xff) && inst.Ext() >= 2 && inst.Ext() <= 5 {
		if !isBranch(inst) {
			return fmt.Errorf("a branch with an unusual prefix or a far pointer")
		}
		// r11 belongs to nobody at a call (psABI 3.2.3).
		thunk := c.appendCode(lea(amd64.R11, to), []byte{0x41, 0xff, 0x23}) // jmp *(%r11)
		_, bytes = c.window(inst)
		redirect(bytes, off, thunk, inst.Ext() == 2)
		return nil
	}
	thunk, err := c.thunk(inst, off, bytes, to)
	if err != nil {
		return err
	}
	_, bytes = c.window(inst)
	redirect(bytes, off, thunk, false)
	return nil
}

// isBranch reports whether inst is call *x(%rip) or jmp *x(%rip), with no
// prefix but those that change nothing here: REX, bnd and notrack.
func isBranch(inst *amd64.Inst) bool {
	return inst.Is(0xff) && (inst.Ext() == 2 || inst.Ext() == 4) && !inst.OpSize && !inst.AddrSize &&
		(inst.Seg == 0 || inst.Seg == 0x3e)
}

// throughGOT resolves a reference to the GOT slot of to, without one if it can.
func (c *amd64Code) throughGOT(rel elfmacho.Reloc, to Address) error {
	inst, err := c.find(rel)
	if err != nil {
		return err
	}
	if rel.Addend != -int64(inst.Len-inst.DispOff) {
		return fmt.Errorf("an addend to a GOT slot")
	}
	off, bytes := c.window(inst)
	switch {
	case inst.Is(0x8b) && inst.W && inst.Len == 7:
		if to.Segment == Text {
			bytes[inst.OpcodeOff] = 0x8d
			binary.LittleEndian.PutUint32(bytes[3:], uint32(to.Off-int64(off)-7))
			return nil
		}
		lea := *inst
		lea.Opcode = 0x8d
		return c.useMemory(&lea, to)
	case isBranch(inst) && to.Segment == Text:
		redirect(bytes, off, uint64(to.Off), inst.Ext() == 2)
		return nil
	}
	return c.useMemory(inst, c.slot(to))
}

// loadNumber resolves a reference to the GOT slot of a plain number.
func (c *amd64Code) loadNumber(rel elfmacho.Reloc, value int64) error {
	inst, err := c.find(rel)
	if err != nil {
		return err
	}
	_, bytes := c.window(inst)
	if inst.Is(0x8b) && inst.W && inst.Len == 7 && value == int64(int32(value)) {
		// mov $imm32, %reg: REX.W C7 /0, its register in ModRM.rm.
		reg := inst.Reg()
		bytes[0] = 0x48 | byte(reg>>3)
		bytes[1] = 0xc7
		bytes[2] = 0xc0 | byte(reg&7)
		binary.LittleEndian.PutUint32(bytes[3:], uint32(value))
		return nil
	}
	return c.useMemory(inst, c.number(value))
}

func isLEA64(inst *amd64.Inst) bool {
	return inst.Is(0x8d) && inst.W && inst.Len == 7
}

// putLEA writes lea 0(%rip), %reg as Go's assembler encodes it.
func putLEA(b []byte, reg uint8) {
	copy(b, []byte{0x48 | reg>>3<<2, 0x8d, 0x05 | reg&7<<3, 0, 0, 0, 0})
}

func lea(reg uint8, to Address) fragment {
	b := make([]byte, 7)
	putLEA(b, reg)
	return fragment{b, &Load{0, reg, to}}
}

// redirect replaces the instruction at off by a branch to Text+to. A call must
// end where the instruction ended, so what is left over comes first: the prefix
// addr32, which changes nothing, as often as needed. Behind a jump it becomes
// nops, which are never executed.
func redirect(bytes []byte, off, to uint64, call bool) {
	rel := func(end int) uint32 { return uint32(int64(to) - int64(off) - int64(end)) }
	if call {
		n := len(bytes)
		for i := range bytes[:n-5] {
			bytes[i] = 0x67
		}
		bytes[n-5] = 0xe8
		binary.LittleEndian.PutUint32(bytes[n-4:], rel(n))
		return
	}
	bytes[0] = 0xe9
	binary.LittleEndian.PutUint32(bytes[1:], rel(5))
	for i := 5; i < len(bytes); i++ {
		bytes[i] = 0x90
	}
}

// thunkSpill is how far below rsp a thunk writes: below the red zone, which the
// bound of a function that does not use it leaves out, two registers.
const thunkSpill = 128 + 2*8

// thunk appends code that executes inst with its memory operand at to:
//
//	lea   -128(%rsp), %rsp    spare the red zone (psABI 3.2.2)
//	push  %scratch
//	lea   to(%rip), %scratch
//	op    (%scratch), …
//	pop   %scratch
//	lea   128(%rsp), %rsp
//	jmp   back
//
// No instruction but inst changes a flag. An instruction that overwrites a
// register has the address there first, and nothing is pushed.
func (c *amd64Code) thunk(inst *amd64.Inst, off uint64, original []byte, to Address) (uint64, error) {
	back := off + uint64(inst.Len)
	var body []any
	switch {
	case inst.Is(0xff) && inst.Ext() == 6: // push: make room, then fill it
		if inst.OpSize || inst.Seg != 0 {
			return 0, fmt.Errorf("a push with an unusual prefix")
		}
		body = []any{
			[]byte{0x48, 0x8d, 0xa4, 0x24, 0x78, 0xff, 0xff, 0xff}, // lea -136(%rsp), %rsp
			[]byte{0x50},             // push %rax
			lea(amd64.RAX, to),       //
			[]byte{0x48, 0x8b, 0x00}, // mov (%rax), %rax
			[]byte{0x48, 0x89, 0x84, 0x24, 0x88, 0, 0, 0}, // mov %rax, 136(%rsp)
			[]byte{0x58}, // pop %rax
			[]byte{0x48, 0x8d, 0xa4, 0x24, 0x80, 0, 0, 0}, // lea 128(%rsp), %rsp
		}
	case inst.Is(0x8f) && inst.Ext() == 0: // pop: copy, then step over it
		if inst.OpSize || inst.Seg != 0 {
			return 0, fmt.Errorf("a pop with an unusual prefix")
		}
		body = []any{
			[]byte{0x48, 0x8d, 0x64, 0x24, 0x80},          // lea -128(%rsp), %rsp
			[]byte{0x50},                                  // push %rax
			lea(amd64.RAX, to),                            //
			[]byte{0xff, 0xb4, 0x24, 0x88, 0, 0, 0},       // push 136(%rsp)
			[]byte{0x8f, 0x00},                            // pop (%rax)
			[]byte{0x58},                                  // pop %rax
			[]byte{0x48, 0x8d, 0xa4, 0x24, 0x88, 0, 0, 0}, // lea 136(%rsp), %rsp
		}
	case usesStackPointer(inst):
		return 0, fmt.Errorf("an instruction that uses the stack pointer and writable data at once")
	case loadsRegister(inst):
		reg := uint8(inst.Reg())
		start := c.appendCode(lea(reg, to), through(inst, original, reg))
		c.appendJump(back)
		return start, nil
	default:
		scratch, ok := scratchRegister(inst)
		if !ok {
			return 0, fmt.Errorf("no register is free to address writable data")
		}
		op := through(inst, original, scratch)
		body = []any{
			[]byte{0x48, 0x8d, 0x64, 0x24, 0x80}, // lea -128(%rsp), %rsp
			[]byte{0x50 | scratch},               // push
			lea(scratch, to),                     //
			op,                                   //
			[]byte{0x58 | scratch},               // pop
			[]byte{0x48, 0x8d, 0xa4, 0x24, 0x80, 0, 0, 0}, // lea 128(%rsp), %rsp
		}
	}
	c.image.Spills = thunkSpill
	start := c.appendCode(body...)
	c.appendJump(back)
	return start, nil
}

// appendJump ends a thunk with a jump to an offset of Text.
func (c *amd64Code) appendJump(to uint64) {
	m := &c.builder.memory[Text]
	jump := []byte{0xe9, 0, 0, 0, 0}
	binary.LittleEndian.PutUint32(jump[1:], uint32(int64(to)-int64(m.Size)-5))
	m.Data = append(m.Data, jump...)
	m.Size += 5
	m.Parts[len(m.Parts)-1].Size += 5
}

// through returns inst with its memory operand at (%base).
func through(inst *amd64.Inst, original []byte, base uint8) []byte {
	op := make([]byte, 0, amd64.MaxLen)
	op = append(op, original[:inst.ModRMOff]...)
	if base >= 8 {
		rex := inst.OpcodeOff - 1
		if inst.Map == amd64.Map0F {
			rex-- // the escape byte is between
		}
		op[rex] |= 1 // REX.B; only loadsRegister leads here, so REX.R is set
	}
	op = append(op, inst.ModRM&0x38|base&7) // mod 00: (%base)
	return append(op, original[inst.DispOff+4:]...)
}

// loadsRegister reports whether inst does nothing but to overwrite a whole
// register, which can hold the address until then: mov, movzx, movsx, movsxd.
// Of the registers, rsp, rbp, r12 and r13 have no plain mod 00 form.
func loadsRegister(inst *amd64.Inst) bool {
	if inst.OpSize || inst.AddrSize || inst.Seg != 0 || inst.Rep != 0 || inst.Lock || inst.Reg()&6 == 4 {
		return false
	}
	return inst.Is(0x8b) || inst.Is(0x63) && inst.W ||
		inst.Is0F(0xb6) || inst.Is0F(0xb7) || inst.Is0F(0xbe) || inst.Is0F(0xbf)
}

// scratchRegister picks a register that inst does not use: three for the at most
// two that it names. No instruction with an operand in memory uses rsi or rdi
// without naming it (string instructions have no ModRM), and only cmpxchg8b,
// cmpxchg16b use rbx so, which name no other.
func scratchRegister(inst *amd64.Inst) (byte, bool) {
	if inst.RM() >= 8 {
		return 0, false // REX.B would turn (%rsi) into (%r14)
	}
	used := map[int]bool{inst.Reg() & 7: true}
	if inst.Encoding == amd64.Legacy && inst.REX == 0 {
		used[inst.Reg()&3] = true // byte operands 4 to 7 are the high bytes of 0 to 3
	} else {
		used[int(inst.V)&7] = true
	}
	for _, reg := range []int{amd64.RSI, amd64.RDI, amd64.RBX} {
		if !used[reg] {
			return byte(reg), true
		}
	}
	return 0, false
}

// usesStackPointer reports whether rsp is, or may be, an operand of inst, whose
// other operand is in memory.
func usesStackPointer(inst *amd64.Inst) bool {
	if inst.Is(0x8f) {
		return true // pop
	}
	if inst.Encoding != amd64.Legacy {
		return generalVEX(inst) && (inst.V == amd64.RSP || inst.Reg() == amd64.RSP)
	}
	if inst.Reg() != amd64.RSP {
		return false
	}
	switch op := inst.Opcode; inst.Map {
	case amd64.OneByte:
		switch op {
		case 0x80, 0x81, 0x83, 0xc0, 0xc1, 0xc6, 0xc7, 0xd0, 0xd1, 0xd2, 0xd3, 0xf6, 0xf7, 0xfe, 0xff:
			return false // the register field extends the opcode
		case 0x84, 0x86, 0x88, 0x8a:
			return inst.REX != 0 // else it is ah
		}
		if op < 0x40 && op&1 == 0 {
			return inst.REX != 0
		}
		return op < 0xd8 || op > 0xdf // x87 extends its opcode
	case amd64.Map0F:
		switch {
		case op == 0xba, op == 0xae, op == 0xc7, op == 0x18, op == 0x0d, op == 0x01, op == 0x00, op == 0x1f:
			return false
		case op >= 0x90 && op <= 0x9f: // setcc
			return false
		case op == 0x78 || op == 0x79: // vmread, vmwrite
			return true
		case op >= 0x10 && op <= 0x17, op >= 0x28 && op <= 0x2f, op >= 0x50 && op <= 0x7f, op == 0xc2, op >= 0xc4 && op <= 0xc6, op >= 0xd0:
			return op == 0x2c || op == 0x2d // cvt(t)ss2si has a general register
		}
		return true
	}
	return inst.Map == amd64.Map0F38 && op0F38General(inst.Opcode)
}

// op0F38General reports whether an opcode of map 0F38 has a general register:
// invept and its kin, crc32, movbe, wruss, wrss, adcx and adox, movdir64b and
// enqcmd, movdiri, and aadd and its kin.
func op0F38General(op byte) bool {
	return op >= 0x80 && op <= 0x82 || op == 0xf0 || op == 0xf1 || op == 0xf5 || op == 0xf6 || op == 0xf8 || op == 0xf9 || op == 0xfc
}

// generalVEX reports whether an instruction with VEX or EVEX has general
// registers next to an operand in memory: andn, bls*, bzhi, pdep, pext, mulx,
// bextr, sarx, shlx, shrx, rorx and cmp*xadd, and conversions to integers.
func generalVEX(inst *amd64.Inst) bool {
	switch op := inst.Opcode; inst.Map {
	case amd64.Map0F, amd64.Map5:
		return op == 0x2c || op == 0x2d || inst.Encoding == amd64.EVEX && (op == 0x78 || op == 0x79)
	case amd64.Map0F38:
		return inst.Encoding == amd64.VEX && (op >= 0xf2 && op <= 0xf7 || op >= 0xe0 && op <= 0xef)
	case amd64.Map0F3A:
		return inst.Encoding == amd64.VEX && op == 0xf0
	}
	return false
}
