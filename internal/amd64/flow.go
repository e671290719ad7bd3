package amd64

// Flow is where control goes after an instruction.
type Flow uint8

const (
	Next         Flow = iota // to the next instruction
	Call                     // to Target, then to the next instruction
	CallIndirect             // to the address in the operand, then on
	Jump                     // to Target
	JumpIndirect             // to the address in the operand
	CondJump                 // to Target or to the next instruction
	Return                   // near return
	Trap                     // nowhere: ud0, ud1, ud2, hlt
	Far                      // a far or privileged transfer, which no compiler emits
)

func (f Flow) String() string {
	names := [...]string{"next", "call", "indirect call", "jump", "indirect jump", "conditional jump", "return", "trap", "far transfer"}
	return names[f]
}

// Flow returns where control goes after i.
func (i *Inst) Flow() Flow {
	if i.Encoding != Legacy {
		return Next
	}
	switch op := i.Opcode; i.Map {
	case OneByte:
		switch {
		case op == 0xe8:
			return Call
		case op == 0xe9 || op == 0xeb:
			return Jump
		case op&0xf0 == 0x70 || op >= 0xe0 && op <= 0xe3:
			return CondJump
		case op == 0xc7 && i.ModRM == 0xf8: // xbegin
			return CondJump
		case op == 0xc3 || op == 0xc2:
			return Return
		case op == 0xca || op == 0xcb || op == 0xcf:
			return Far
		case op == 0xf4:
			return Trap
		case op == 0xff:
			switch i.Ext() {
			case 2:
				return CallIndirect
			case 4:
				return JumpIndirect
			case 3, 5:
				return Far
			}
		}
	case Map0F:
		switch {
		case op&0xf0 == 0x80:
			return CondJump
		case op == 0x0b || op == 0xb9 || op == 0xff:
			return Trap
		case op == 0x07 || op == 0x34 || op == 0x35 || op == 0xaa: // sysret, sysenter, sysexit, rsm
			return Far
		}
	}
	return Next
}

// Target is the offset that the branch i at the offset pc goes to. It is
// meaningful for Call, Jump and CondJump whose field has no relocation.
func (i *Inst) Target(pc int) int { return pc + i.Len + int(i.Imm) }

// Located is an instruction and its offset in the code.
type Located struct {
	Off int
	Inst
}

// Containing returns for each of the ascending offsets in fields the
// instruction that it lies in, decoding code from its start without a gap.
func Containing(code []byte, fields []int) ([]Located, error) {
	found := make([]Located, 0, len(fields))
	for off := 0; len(found) < len(fields); {
		inst, err := Decode(code[off:])
		if err != nil {
			return found, &AtError{Off: off, Err: err}
		}
		for len(found) < len(fields) && fields[len(found)] < off+inst.Len {
			found = append(found, Located{off, inst})
		}
		off += inst.Len
	}
	return found, nil
}
