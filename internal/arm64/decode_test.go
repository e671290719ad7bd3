package arm64

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
		{"add x29, sp, #16", 0x910043fd, func(i *Inst) bool { return i.Op == Add && i.Immediate() && i.Imm() == 16 && i.ReadsSP() }},
		{"sub sp, sp, #1, lsl #12", 0xd14007ff, func(i *Inst) bool { return i.Op == Sub && i.Imm() == 4096 && i.WritesSP() }},
		{"cmp sp, x9", 0xeb2963ff, func(i *Inst) bool { return i.Op == Compare && i.Reads() == 1<<SP|1<<9 && i.Writes() == 0 && i.Plain() }},
		{"add x10, x10, x11, lsl #2", 0x8b0b094a, func(i *Inst) bool { return i.Op == Add && !i.Immediate() && !i.Plain() && i.ShiftLeft() == 2 }},
		{"add x0, x1, w2, sxtw #3", 0x8b22cc20, func(i *Inst) bool { return !i.Plain() && i.ShiftLeft() == 3 }},
		{"add x0, x1, x2, asr #3", 0x8b820c20, func(i *Inst) bool { return i.ShiftLeft() == -1 }},
		{"mov x0, xzr", 0xaa1f03e0, func(i *Inst) bool { return i.Op == Orr && i.Rn() == 31 && i.Rm() == 31 && i.Reads() == 0 }},
		{"and sp, x9, #-256", 0x9278dd3f, func(i *Inst) bool { return i.Op == And && i.Imm() == -256 && i.Writes() == 1<<SP }},
		{"mov x8, #0xaaaaaaaaaaaaaaaa", 0xb201f3e8, func(i *Inst) bool { return i.Op == Orr && i.Imm() == -0x5555555555555556 }},
		{"and w0, w0, #0xfffffff0", 0x121c6c00, func(i *Inst) bool { return !i.Wide() && i.Imm() == 0xfffffff0 }},
		{"movk x8, #0xaaab, lsl #16", 0xf2b55568, func(i *Inst) bool {
			return i.Op == Movk && i.Imm() == 0xaaab<<16 && i.Shift() == 16 && i.Reads() == 1<<8
		}},
		{"stp x29, x30, [sp, #-64]!", 0xa9bc7bfd, func(i *Inst) bool {
			return i.Op == Store && i.Mode() == PreIndex && i.Base() == SP && i.Disp() == -64 && i.Size() == 16 && i.Reads() == 1<<29|1<<30 && i.Writes() == 1<<SP
		}},
		{"ldp q0, q1, [x0], #32", 0xacc10400, func(i *Inst) bool {
			return i.Mode() == PostIndex && i.Size() == 32 && i.Writes() == 1 && i.Reads() == 0
		}},
		{"ldrb w0, [x8, x9]", 0x38696900, func(i *Inst) bool {
			return i.Mode() == Indexed && i.Base() == 8 && i.Index() == 9 && i.Size() == 1 && i.Writes() == 1
		}},
		{"ldr q0, [x0, #16]", 0x3dc00400, func(i *Inst) bool { return i.Size() == 16 && i.Disp() == 16 }},
		{"ld1 {v0.16b-v3.16b}, [x0], #64", 0x4cdf2000, func(i *Inst) bool { return i.Mode() == PostIndex && i.Disp() == 64 }},
		{"ld1 {v0.16b}, [x0], x1", 0x4cc17000, func(i *Inst) bool { return i.Mode() == PostReg && i.Touches() == 3 }},
		{"casp x0, x1, x2, x3, [x4]", 0x48207c82, func(i *Inst) bool { return i.Writes() == 3 && i.Reads() == 15 && i.Size() == 16 }},
		{"stxr w0, x1, [x2]", 0xc8007c41, func(i *Inst) bool { return i.Writes() == 1 && i.Reads() == 2 && i.Base() == 2 }},
		{"ldr x0, pc+8", 0x58000040, func(i *Inst) bool { return i.Mode() == Literal && i.Disp() == 8 && i.Base() == NoReg }},
		{"fmov x0, d1", 0x9e660020, func(i *Inst) bool { return i.Writes() == 1 }},
		{"fmov d1, x0", 0x9e670001, func(i *Inst) bool { return i.Writes() == 0 && i.Reads() == 1 }},
		{"umov w0, v1.b[0]", 0x0e013c20, func(i *Inst) bool { return i.Writes() == 1 }},
		{"bl", 0x97ffffff, func(i *Inst) bool { return i.Flow() == Call && i.Target(8) == 4 && i.Writes() == 1<<X30 }},
		{"tbnz x0, #33, -4", 0xb70fffe0, func(i *Inst) bool { return i.Flow() == CondJump && i.Target(8) == 4 && i.Reads() == 1 }},
		{"cbz w3, +8", 0x34000043, func(i *Inst) bool { return i.Flow() == CondJump && i.Target(8) == 16 }},
		{"ret x1", 0xd65f0020, func(i *Inst) bool { return i.Flow() == Return && i.Rn() == 1 }},
		{"brk #1", 0xd4200020, func(i *Inst) bool { return i.Flow() == Trap }},
		{"udf #0", 0, func(i *Inst) bool { return i.Flow() == Trap }},
		{"svc #0", 0xd4000001, func(i *Inst) bool { return i.Flow() == Next && i.Writes() == 1<<18-1 }},
		{"hvc #0", 0xd4000002, func(i *Inst) bool { return i.Flow() == Far }},
		{"paciasp", 0xd503233f, func(i *Inst) bool { return i.Op == Nop && i.Writes() == 1<<X30 }},
		{"bti c", 0xd503245f, func(i *Inst) bool { return i.Op == Nop && i.Writes() == 0 }},
		{"mrs x0, tpidr_el0", 0xd53bd040, func(i *Inst) bool { return i.Writes() == 1 }},
		{"str wzr, [x28]", 0xb900039f, func(i *Inst) bool { return i.Touches().Has(X28) && i.Reads() == 0 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if inst := decode(t, tt.word); !tt.check(&inst) {
				t.Errorf("%08x: got %+v, imm %#x, disp %d, size %d, writes %#x, reads %#x", tt.word, inst, inst.Imm(), inst.Disp(), inst.Size(), inst.Writes(), inst.Reads())
			}
		})
	}
}

func TestInvalid(t *testing.T) {
	for _, tt := range []struct {
		name string
		word uint32
	}{
		{"SVE: addvl sp, sp, #1", 0x043f503f},
		{"SME: smstart is fine, zero {za} is not", 0xc00800ff},
		{"memory tagging: addg sp, sp, #16, #0", 0x918103ff},
		{"memory tagging: irg x0, sp", 0x9adf13e0},
		{"movz w0, #1, lsl #32", 0x52c00020},
		{"a mask of ones only", 0x9240fc00 | 63<<10},
		{"a mask of 64 bits for 32", 0x12400000},
		{"ldp x0, x0", 0xa9400000},
		{"ldr x0, [x0], #8", 0xf8408400},
		{"ldraa", 0xf8200400},
		{"braa", 0xd71f0800},
		{"add with the fourth shift", 0x8bc00000},
		{"ld1 with an opcode that does not exist", 0x4cda3030},
		{"all ones", 0xffffffff},
	} {
		inst, err := Decode(binary.LittleEndian.AppendUint32(nil, tt.word))
		var invalid *InvalidError
		if !errors.As(err, &invalid) {
			t.Errorf("%s, %08x: got %+v, %v; want an *InvalidError", tt.name, tt.word, inst, err)
		}
	}
	if _, err := Decode([]byte{0xc0, 3, 0x5f}); !errors.Is(err, ErrTruncated) {
		t.Errorf("three bytes: got %v, want %v", err, ErrTruncated)
	}
}

func TestStackEffect(t *testing.T) {
	for _, tt := range []struct {
		name string
		word uint32
		want StackEffect
	}{
		{"sub sp, sp, #32", 0xd10083ff, StackEffect{Kind: StackAdd, Delta: -32}},
		{"add sp, sp, #24, lsl #12", 0x914063ff, StackEffect{Kind: StackAdd, Delta: 24 << 12}},
		{"stp x29, x30, [sp, #-16]!", 0xa9bf7bfd, StackEffect{Kind: StackAdd, Delta: -16}},
		{"ldr x30, [sp], #16", 0xf84107fe, StackEffect{Kind: StackAdd, Delta: 16}},
		{"str d8, [sp, #-16]!", 0xfc1f0fe8, StackEffect{Kind: StackAdd, Delta: -16}},
		{"mov sp, x29", 0x910003bf, StackEffect{Kind: StackMove, Reg: X29}},
		{"sub sp, x29, #16", 0xd10043bf, StackEffect{Kind: StackMove, Delta: -16, Reg: X29}},
		{"and sp, x9, #-64", 0x927ae53f, StackEffect{Kind: StackAlign, Delta: -64, Reg: 9}},
		{"sub sp, sp, x9", 0xcb2963ff, StackEffect{Kind: StackSub, Reg: 9}},
		{"sub sp, sp, w9, uxtw", 0xcb2943ff, StackEffect{Kind: StackOther}},
		{"add sp, sp, x9", 0x8b2963ff, StackEffect{Kind: StackOther}},
		{"sub wsp, wsp, #16", 0x510043ff, StackEffect{Kind: StackOther}},
		{"cmp sp, #16", 0xf10043ff, StackEffect{}},
		{"str x0, [sp, #8]", 0xf90007e0, StackEffect{}},
		{"ld1 {v0.16b}, [sp], x1", 0x4cc173e0, StackEffect{Kind: StackOther}},
		{"mov sp, #16 (orr)", 0xb27c03ff, StackEffect{Kind: StackOther}},
		{"sub xzr, xzr, x1", 0xcb0103ff, StackEffect{}},
	} {
		inst := decode(t, tt.word)
		if got := inst.Stack(); got != tt.want {
			t.Errorf("%s (%08x): got %+v, want %+v", tt.name, tt.word, got, tt.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, word := range []uint32{0, 0x910043fd, 0xa9bc7bfd, 0x5211fcd3, 0x4cdf2000, 0x48207c82, 0x9240fc00, 0x4cda3030, 0xffffffff} {
		f.Add(binary.LittleEndian.AppendUint32(nil, word))
	}
	f.Fuzz(func(t *testing.T, code []byte) {
		inst, err := Decode(code)
		if err != nil {
			return
		}
		if again, err := Decode(code[:Len]); err != nil || again != inst {
			t.Fatalf("% x: depends on the bytes that follow: %+v, then %+v, %v", code, inst, again, err)
		}
		if inst.Mode() != NoMemory && (inst.Size() < 1 || inst.Size() > 64) {
			t.Fatalf("% x: accesses %d bytes", code, inst.Size())
		}
		if e := inst.Stack(); (e.Kind != StackKeep) != inst.Writes().Has(SP) {
			t.Fatalf("% x: effect on sp %+v, but writes %#x", code, e, inst.Writes())
		}
		inst.Flow()
		inst.Target(0)
		inst.Touches()
		inst.Imm()
		inst.Plain()
		inst.ShiftLeft()
	})
}
