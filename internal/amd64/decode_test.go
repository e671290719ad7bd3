package amd64

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFields(t *testing.T) {
	for _, tt := range []struct {
		name, code string
		check      func(i *Inst) bool
	}{
		{"lea rip-relative", "48 8d 05 11 22 33 44", func(i *Inst) bool {
			return i.RIPRelative() && i.DispOff == 3 && i.DispLen == 4 && i.Disp == 0x44332211 && i.Reg() == RAX && i.ModRMOff == 2
		}},
		{"cmp rip-relative with immediate", "81 3d 01 00 00 00 ff ff ff ff", func(i *Inst) bool {
			return i.RIPRelative() && i.DispOff == 2 && i.ImmOff == 6 && i.ImmLen == 4 && i.Imm == -1
		}},
		{"absolute address without base", "8b 04 25 00 00 00 00", func(i *Inst) bool {
			return !i.RIPRelative() && i.Base() == NoReg && i.Index() == NoReg && i.DispLen == 4
		}},
		{"base r13 needs a displacement", "41 8b 45 00", func(i *Inst) bool { return i.Base() == R13 && i.DispLen == 1 }},
		{"base r12 needs SIB", "41 8b 04 24", func(i *Inst) bool { return i.Base() == R12 && i.Index() == NoReg }},
		{"index r12", "4a 8b 04 a0", func(i *Inst) bool { return i.Index() == R12 && i.Base() == RAX && i.Scale() == 4 }},
		{"movabs", "48 b8 01 02 03 04 05 06 07 08", func(i *Inst) bool { return i.ImmLen == 8 && i.Imm == 0x0807060504030201 }},
		{"moffs", "48 a1 01 02 03 04 05 06 07 08", func(i *Inst) bool { return i.DispLen == 8 && i.DispOff == 2 }},
		{"test has an immediate", "f6 c1 01", func(i *Inst) bool { return i.ImmLen == 1 }},
		{"not has none", "f7 d0", func(i *Inst) bool { return i.ImmLen == 0 }},
		{"REX before a legacy prefix is void", "48 66 05 34 12", func(i *Inst) bool { return i.REX == 0 && !i.W && i.ImmLen == 2 }},
		{"mov cr0 ignores mod", "0f 20 05", func(i *Inst) bool { return !i.Memory() && i.DispLen == 0 }},
		{"vzeroupper", "c5 f8 77", func(i *Inst) bool { return i.Encoding == VEX && !i.HasModRM }},
		{"vpinsrq", "c4 e3 f9 22 c0 01", func(i *Inst) bool { return i.Map == Map0F3A && i.W && i.PP == 0x66 && i.ImmLen == 1 }},
		{"vmovups rip-relative", "c5 fc 10 05 04 03 02 01", func(i *Inst) bool { return i.RIPRelative() && i.L == 1 && i.DispOff == 4 }},
		{"vpternlogq zmm", "62 f3 ed 40 25 c1 96", func(i *Inst) bool {
			return i.Encoding == EVEX && i.L == 2 && i.V == 18 && i.ImmLen == 1
		}},
		{"evex disp8 is one byte", "62 f1 7c 48 10 40 01", func(i *Inst) bool { return i.DispLen == 1 }},
		{"xbegin", "c7 f8 00 00 00 00", func(i *Inst) bool { return i.ImmLen == 4 && i.Flow() == CondJump }},
		{"enter", "c8 10 00 00", func(i *Inst) bool { return i.ImmLen == 3 }},
		{"rex.W call of TLS", "66 66 48 e8 00 00 00 00", func(i *Inst) bool { return i.ImmLen == 4 && i.Flow() == Call }},
		{"repz ret", "f3 c3", func(i *Inst) bool { return i.Flow() == Return }},
		{"bnd jmp", "f2 e9 00 00 00 00", func(i *Inst) bool { return i.Flow() == Jump }},
		{"call through memory", "ff 15 00 00 00 00", func(i *Inst) bool { return i.Flow() == CallIndirect && i.RIPRelative() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code := unhex(t, tt.code)
			inst, err := Decode(append(code, 0x90, 0x90))
			if err != nil {
				t.Fatal(err)
			}
			if inst.Len != len(code) || !tt.check(&inst) {
				t.Errorf("%s: got %+v", tt.code, inst)
			}
			if _, err := Decode(code[:len(code)-1]); !errors.Is(err, ErrTruncated) {
				t.Errorf("one byte short: got %v, want %v", err, ErrTruncated)
			}
		})
	}
}

func TestInvalid(t *testing.T) {
	for _, code := range []string{
		"06", "27", "60", "82 c0 01", "9a", "ce", "d4 0a", "d6", "ea", "0f 04", "0f 0a", "0f 24 c0", "0f 36", "0f 39",
		"0f 7a c0", "0f a6 c0", "0f b8 c0", "0f ba c0 01", "0f 38 0c c0", "0f 3a 00 c0 00",
		"8d c0", "8f c8", "fe d0", "ff f8", "c7 c8", "8e c8", "66 e8 00 00", "66 c3", "66 0f 84 00 00",
		"66 c5 f8 77", "48 c5 f8 77", "f0 c5 f8 77", "c4 e0 78 77", "c4 e4 78 77", "c5 f8 00",
		"62 f9 7c 48 10 00", "62 f1 78 48 10 00", "62 f4 7c 48 10 00", "62 f0 7c 48 10 00", "d5 00 90",
	} {
		inst, err := Decode(append(unhex(t, code), make([]byte, 16)...))
		var invalid *InvalidError
		if !errors.As(err, &invalid) {
			t.Errorf("%s: got %+v, %v; want an *InvalidError", code, inst, err)
		}
	}
	if _, err := Decode(unhex(t, strings.Repeat("66", 15)+"90")); !errors.Is(err, ErrTooLong) {
		t.Errorf("16 bytes: got %v, want %v", err, ErrTooLong)
	}
}

func TestWrites(t *testing.T) {
	const none = Regs(0)
	for _, tt := range []struct {
		name, code string
		want       Regs
	}{
		{"add rm", "48 01 d8", 1 << RAX},
		{"add reg", "48 03 d8", 1 << RBX},
		{"cmp", "48 39 e0", none},
		{"cmp imm", "48 83 fc 08", none},
		{"sub rsp", "48 83 ec 08", 1 << RSP},
		{"store", "48 89 04 24", none},
		{"mov to rsp", "48 89 ec", 1 << RSP},
		{"mov ah", "b4 01", 1 << RAX},
		{"mov spl", "40 b4 01", 1 << RSP},
		{"mov ah, cl", "88 cc", 1 << RAX},
		{"mov spl, cl", "40 88 cc", 1 << RSP},
		{"setcc ah", "0f 94 c4", 1 << RAX},
		{"movzx esp", "0f b6 e0", 1 << RSP},
		{"xchg", "48 87 e0", 1<<RAX | 1<<RSP},
		{"xchg rax, rsp", "48 94", 1<<RAX | 1<<RSP},
		{"nop", "90", none},
		{"xchg r8", "49 90", 1<<RAX | 1<<R8},
		{"movaps xmm4", "0f 28 e0", none},
		{"movd esp", "66 0f 7e c4", 1 << RSP},
		{"movq xmm4", "f3 0f 7e e4", none},
		{"cvttss2si esp", "f3 0f 2c e0", 1 << RSP},
		{"cvttps2pi mm4", "0f 2c e0", none},
		{"pmovmskb", "66 0f d7 e0", 1 << RSP},
		{"crc32", "f2 48 0f 38 f1 e0", 1 << RSP},
		{"movbe store", "0f 38 f1 20", none},
		{"pextrq", "66 48 0f 3a 16 c4 01", 1 << RSP},
		{"mul", "48 f7 e1", 1<<RAX | 1<<RDX},
		{"mulx", "c4 e2 e3 f6 e0", 1<<RSP | 1<<RBX},
		{"andn", "c4 e2 e0 f2 e0", 1 << RSP},
		{"blsr", "c4 e2 d8 f3 c8", 1 << RSP},
		{"rorx", "c4 e3 fb f0 e0 01", 1 << RSP},
		{"vpaddd xmm4", "c5 d9 fe e0", none},
		{"vmovd", "c5 f9 7e c4", 1 << RSP},
		{"vpmovmskb", "c5 fd d7 e0", 1 << RSP},
		{"kmovd", "c5 fb 93 e0", 1 << RSP},
		{"vpcmpistri", "c4 e3 79 63 c0 01", 1 << RCX},
		{"evex vmovd", "62 f1 7d 08 7e c4", 1 << RSP},
		{"evex vcvttss2usi", "62 f1 7e 08 78 e0", 1 << RSP},
		{"evex vcvttps2udq", "62 f1 7c 48 78 e0", none},
		{"bswap", "48 0f cc", 1 << RSP},
		{"leave", "c9", 1 << RBP},
		{"fnstsw", "df e0", 1 << RAX},
		{"rep movsb", "f3 a4", 1<<RCX | 1<<RSI | 1<<RDI},
		{"cpuid", "0f a2", 1<<RAX | 1<<RBX | 1<<RCX | 1<<RDX},
		{"lock cmpxchg16b", "f0 48 0f c7 0f", 1<<RAX | 1<<RDX},
	} {
		inst, err := Decode(unhex(t, tt.code))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := inst.Writes(); got != tt.want {
			t.Errorf("%s (%s): got registers %#x, want %#x", tt.name, tt.code, got, tt.want)
		}
	}
}

func TestStackEffect(t *testing.T) {
	for _, tt := range []struct {
		name, code string
		want       StackEffect
	}{
		{"push", "41 57", StackEffect{Kind: StackAdd, Delta: -8}},
		{"push 16 bits", "66 50", StackEffect{Kind: StackAdd, Delta: -2}},
		{"push memory", "ff 75 00", StackEffect{Kind: StackAdd, Delta: -8}},
		{"pop", "5b", StackEffect{Kind: StackAdd, Delta: 8}},
		{"pop rsp", "5c", StackEffect{Kind: StackOther}},
		{"pop r12", "41 5c", StackEffect{Kind: StackAdd, Delta: 8}},
		{"sub", "48 81 ec 00 10 00 00", StackEffect{Kind: StackAdd, Delta: -0x1000}},
		{"add negative", "48 83 c4 80", StackEffect{Kind: StackAdd, Delta: -128}},
		{"sub esp", "83 ec 08", StackEffect{Kind: StackOther}},
		{"sub register", "48 29 c4", StackEffect{Kind: StackOther}},
		{"and", "48 83 e4 e0", StackEffect{Kind: StackAlign, Delta: -32}},
		{"lea rsp, rbp", "48 8d 65 d8", StackEffect{Kind: StackMove, Delta: -40, Reg: RBP}},
		{"lea rsp, rsp", "48 8d 64 24 08", StackEffect{Kind: StackAdd, Delta: 8}},
		{"lea rsp, rip", "48 8d 25 00 00 00 00", StackEffect{Kind: StackOther}},
		{"mov rsp, rbp", "48 89 ec", StackEffect{Kind: StackMove, Reg: RBP}},
		{"mov rsp, r11 load form", "49 8b e3", StackEffect{Kind: StackMove, Reg: R11}},
		{"mov rsp, memory", "48 8b 20", StackEffect{Kind: StackOther}},
		{"leave", "c9", StackEffect{Kind: StackLeave, Delta: 8, Reg: RBP}},
		{"ret n", "c2 10 00", StackEffect{Kind: StackAdd, Delta: 24}},
		{"call", "e8 00 00 00 00", StackEffect{}},
		{"mov r12", "49 89 c4", StackEffect{}},
	} {
		inst, err := Decode(unhex(t, tt.code))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := inst.Stack(); got != tt.want {
			t.Errorf("%s (%s): got %+v, want %+v", tt.name, tt.code, got, tt.want)
		}
	}
}

func TestContaining(t *testing.T) {
	code := unhex(t, "55 48 8d 05 00 00 00 00 e8 00 00 00 00 c3")
	got, err := Containing(code, []int{4, 9})
	if err != nil || len(got) != 2 || got[0].Off != 1 || got[0].DispOff != 3 || got[1].Off != 8 || got[1].ImmOff != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := Containing(code, []int{14}); !errors.Is(err, ErrTruncated) {
		t.Errorf("past the end: got %v, want %v", err, ErrTruncated)
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"c3", "62 f3 ed 40 25 c1 96", "c4 e3 f9 22 c0 01", "66 66 48 e8 00 00 00 00", "8f c0", "f0 48 0f c7 0f"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, code []byte) {
		inst, err := Decode(code)
		if err != nil {
			return
		}
		if inst.Len < 1 || inst.Len > MaxLen || inst.Len > len(code) {
			t.Fatalf("% x: length %d", code, inst.Len)
		}
		if inst.DispOff+inst.DispLen > inst.Len || inst.ImmOff+inst.ImmLen > inst.Len {
			t.Fatalf("% x: fields outside the instruction: %+v", code, inst)
		}
		again, err := Decode(code[:inst.Len])
		if err != nil || again != inst {
			t.Fatalf("% x: depends on the bytes that follow: %+v, then %+v, %v", code, inst, again, err)
		}
		inst.Flow()
		inst.Stack()
	})
}
