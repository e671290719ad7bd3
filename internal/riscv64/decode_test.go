package riscv64

import (
	"encoding/binary"
	"errors"
	"testing"
)

func decode(t testing.TB, word uint32) Inst {
	t.Helper()
	inst, err := Decode(binary.LittleEndian.AppendUint32(nil, word))
	if err != nil {
		t.Fatalf("%08x: %v", word, err)
	}
	return inst
}

func TestFields(t *testing.T) {
	for _, tt := range []struct {
		name  string
		word  uint32
		check func(i *Inst) bool
	}{
		{"addi sp, sp, -32", 0x1101, func(i *Inst) bool { return i.Len == 2 && i.Stack() == StackEffect{StackAdd, -32, 0} }},
		{"addi sp, sp, -512", 0xe0010113, func(i *Inst) bool { return i.Len == 4 && i.Stack() == StackEffect{StackAdd, -512, 0} }},
		{"addi s0, sp, 32", 0x1000, func(i *Inst) bool { return i.Op == AddImm && i.Rd() == S0 && i.Rs1() == SP && i.Imm() == 32 }},
		{"addi sp, s0, -64", 0xfc040113, func(i *Inst) bool { return i.Stack() == StackEffect{StackMove, -64, S0} }},
		{"mv sp, a0", 0x812a, func(i *Inst) bool { return i.Stack() == StackEffect{StackMove, 0, A0} }},
		{"add sp, sp, a0", 0x912a, func(i *Inst) bool { return i.Stack() == StackEffect{StackReg, 0, A0} }},
		{"sub sp, sp, a0", 0x40a10133, func(i *Inst) bool { return i.Stack() == StackEffect{StackSub, 0, A0} }},
		{"andi sp, sp, -64", 0xfc017113, func(i *Inst) bool { return i.Stack() == StackEffect{StackAlign, -64, SP} }},
		{"lui a0, 0xfffff", 0xfffff537, func(i *Inst) bool { return i.Imm() == -4096 && i.Writes() == 1<<A0 && i.Reads() == 0 }},
		{"sd ra, 24(sp)", 0xec06, func(i *Inst) bool {
			return i.Op == Store && i.Base() == SP && i.Imm() == 24 && i.Size() == 8 && i.Reads() == 1<<RA && i.Writes() == 0 && i.Touches() == 1<<RA|1<<SP
		}},
		{"fld fa0, 8(a0)", 0x2508, func(i *Inst) bool { return i.Op == LoadFloat && i.Base() == A0 && i.Writes() == 0 && i.Size() == 8 }},
		{"lbu a0, -1(a1)", 0xfff5c503, func(i *Inst) bool { return i.Size() == 1 && i.Imm() == -1 && i.Writes() == 1<<A0 && i.Reads() == 0 }},
		{"sh2add a0, a1, a2", 0x20c5c533, func(i *Inst) bool { return i.Op == ShiftAdd && i.Shift() == 2 }},
		{"jal 2", 0x002000ef, func(i *Inst) bool { return i.Flow() == Call && i.Target(8) == 10 && i.Writes() == 1<<RA }},
		{"j -2", 0xbffd, func(i *Inst) bool { return i.Flow() == Jump && i.Target(8) == 6 && i.Writes() == 0 }},
		{"ret", 0x8082, func(i *Inst) bool { return i.Flow() == Return }},
		{"ret to 4 bytes behind", 0x00408067, func(i *Inst) bool { return i.Flow() == JumpIndirect && i.Imm() == 4 }},
		{"jr t0", 0x8282, func(i *Inst) bool { return i.Flow() == JumpIndirect && i.Rs1() == T0 }},
		{"jalr a0", 0x9502, func(i *Inst) bool { return i.Flow() == CallIndirect && i.Reads() == 1<<A0 }},
		{"bgeu a0, a1, -4", 0xfeb57ee3, func(i *Inst) bool { return i.Flow() == CondJump && i.Target(8) == 4 && i.Reads() == 1<<A0|1<<A1 }},
		{"ecall", 0x73, func(i *Inst) bool { return i.Flow() == Next && i.Writes() == 1<<A0 && i.Reads() == 0xff<<A0 }},
		{"unimp of 2 bytes", 0, func(i *Inst) bool { return i.Flow() == Trap && i.Len == 2 && i.Touches() == 0 }},
		{"unimp", 0xc0001073, func(i *Inst) bool { return i.Flow() == Trap }},
		{"ebreak", 0x9002, func(i *Inst) bool { return i.Flow() == Trap && i.Len == 2 }},
		{"add x0, x0, x10", 0x00a00033, func(i *Inst) bool { return i.Writes() == 0 }},
	} {
		if i := decode(t, tt.word); !tt.check(&i) {
			t.Errorf("%s: %+v, reads %#x, writes %#x, %+v, %v", tt.name, i, i.Reads(), i.Writes(), i.Stack(), i.Flow())
		}
	}
}

func TestInvalid(t *testing.T) {
	for _, tt := range []struct {
		name string
		code []byte
		want string
	}{
		{"nothing", nil, ErrTruncated.Error()},
		{"a byte", []byte{1}, ErrTruncated.Error()},
		{"half", []byte{0x13, 0}, ErrTruncated.Error()},
		{"6 bytes", []byte{0x1f, 0, 0, 0}, "0000001f: undefined or unknown instruction"},
		{"c.addi4spn of 0", []byte{0x04, 0}, "0004: undefined or unknown instruction"},
		{"vsetvli", []byte{0x57, 0x75, 0x05, 0x0d}, "0d057557: undefined or unknown instruction"},
		{"vle8.v", []byte{0x07, 0x04, 0x05, 0x02}, "02050407: undefined or unknown instruction"},
		{"sret", []byte{0x73, 0, 0x20, 0x10}, "10200073: undefined or unknown instruction"},
	} {
		_, err := Decode(tt.code)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
		if invalid := (*InvalidError)(nil); errors.As(err, &invalid) == errors.Is(err, ErrTruncated) {
			t.Errorf("%s: %T", tt.name, err)
		}
	}
}

// FuzzDecode looks for panics, and for what cannot be.
func FuzzDecode(f *testing.F) {
	for _, word := range []uint32{0x1101, 0xe0010113, 0x73, 0xc0001073, 0, 0xfeb57ee3, 0x1f, 0xffffffff} {
		f.Add(binary.LittleEndian.AppendUint32(nil, word))
	}
	f.Fuzz(func(t *testing.T, code []byte) {
		i, err := Decode(code)
		if err != nil {
			return
		}
		if i.Len != 2 && i.Len != 4 || i.Len > len(code) {
			t.Errorf("% x: %d bytes", code, i.Len)
		}
		if i.Writes()|i.Reads()|i.Touches() != i.Touches() || i.Touches().Has(Zero) {
			t.Errorf("% x: writes %#x, reads %#x, touches %#x", code, i.Writes(), i.Reads(), i.Touches())
		}
		_ = i.Flow().String()
		if i.Target(0)%2 != 0 && (i.Op == Jal || i.Op == Branch) {
			t.Errorf("% x: leads to %d", code, i.Target(0))
		}
		if e := i.Stack(); (e.Kind != StackKeep) != i.Writes().Has(SP) {
			t.Errorf("% x: %+v", code, e)
		}
	})
}
