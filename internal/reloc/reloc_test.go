package reloc

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestPut tries the edges of every kind: Min-1, Min, Max and Max+1.
func TestPut(t *testing.T) {
	for k := None; k < kinds; k++ {
		info := k.Info()
		if info.Width == 0 {
			continue // nothing to write: refused, or left to another linker
		}
		tests := []struct {
			value int64
			ok    bool
		}{{info.Min, true}, {info.Max, true}, {0, true}}
		if info.Min > math.MinInt64 {
			tests = append(tests, struct {
				value int64
				ok    bool
			}{info.Min - 1, false})
		}
		if info.Max < math.MaxInt64 {
			tests = append(tests, struct {
				value int64
				ok    bool
			}{info.Max + 1, false})
		}
		for _, test := range tests {
			field := bytes.Repeat([]byte{0xaa}, 10)
			err := k.Put(field[1:], test.value)
			if test.ok != (err == nil) {
				t.Errorf("%v: Put(%#x): %v", k, test.value, err)
			}
			if field[0] != 0xaa || field[1+info.Width] != 0xaa {
				t.Errorf("%v: Put(%#x) wrote outside of the field: % x", k, test.value, field)
			}
			if err != nil {
				if !strings.Contains(err.Error(), info.Name) || !strings.Contains(err.Error(), "out of range") {
					t.Errorf("%v: message %q", k, err)
				}
				if !bytes.Equal(field, bytes.Repeat([]byte{0xaa}, 10)) {
					t.Errorf("%v: Put(%#x) failed and wrote % x", k, test.value, field)
				}
				continue
			}
			if fields[k].runs != nil || k.Instruction() {
				continue // TestInstructions
			}
			var got uint64
			for i := range info.Width {
				got |= uint64(field[1+i]) << (8 * i)
			}
			if want := uint64(test.value) << (64 - 8*info.Width) >> (64 - 8*info.Width); got != want {
				t.Errorf("%v: Put(%#x) wrote %#x", k, test.value, got)
			}
		}
		if err := k.Put(make([]byte, info.Width-1), 0); err == nil {
			t.Errorf("%v: no error for a field that is cut off", k)
		}
	}
}

// TestRanges states the ranges of the System V x86-64 psABI, table 4.9,
// of "ELF for the Arm 64-bit Architecture", and of the instructions of the RISC-V
// Instruction Set Manual, apart from the table that the code uses.
func TestRanges(t *testing.T) {
	tests := []struct {
		kind     Kind
		min, max int64
	}{
		{Abs8, math.MinInt8, math.MaxUint8},
		{Abs16, math.MinInt16, math.MaxUint16},
		{Abs32, 0, math.MaxUint32},
		{Abs32S, math.MinInt32, math.MaxInt32},
		{Abs64, math.MinInt64, math.MaxInt64},
		{PC8, math.MinInt8, math.MaxInt8},
		{PC16, math.MinInt16, math.MaxInt16},
		{PC32, math.MinInt32, math.MaxInt32},
		{PC64, math.MinInt64, math.MaxInt64},
		{Call32, math.MinInt32, math.MaxInt32},
		{GOT32, math.MinInt32, math.MaxInt32},
		{Size32, 0, math.MaxUint32},
		{Size64, math.MinInt64, math.MaxInt64},
		{Page21, -4 << 30, 4<<30 - 4096},
		{PageOff12, 0, 4095},
		{PageOff12S1, 0, 4094},
		{PageOff12S2, 0, 4092},
		{PageOff12S3, 0, 4088},
		{PageOff12S4, 0, 4080},
		{Branch26, -128 << 20, 128<<20 - 4},
		{Branch19, -1 << 20, 1<<20 - 4},
		{Branch14, -32 << 10, 32<<10 - 4},
		{Adr21, -1 << 20, 1<<20 - 1},
		{Load19, -1 << 20, 1<<20 - 4},
		{GOTPage21, -4 << 30, 4<<30 - 4096},
		{GOTPageOff12, 0, 4088},
		{Abs6, 0, 63},
		{High20, -2<<30 - 2048, 2<<30 - 2049},
		{Low12I, -2048, 2047},
		{Low12S, -2048, 2047},
		{GOTHigh20, -2<<30 - 2048, 2<<30 - 2049},
		{CallPair, -2<<30 - 2048, 2<<30 - 2049},
		{Jump20, -1 << 20, 1<<20 - 2},
		{Branch12, -4096, 4094},
		{JumpC, -2048, 2046},
		{BranchC, -256, 254},
	}
	for _, test := range tests {
		if info := test.kind.Info(); info.Min != test.min || info.Max != test.max {
			t.Errorf("%v: range [%#x, %#x], want [%#x, %#x]", test.kind, info.Min, info.Max, test.min, test.max)
		}
	}
	if got := Kind(200).String(); got != "relocation 200" {
		t.Errorf("unknown kind is called %q", got)
	}
}

// TestInstructions has golden bytes for each kind of instruction. They are what
// llvm-mc-19 makes of the assembly; TestAssembler asks it again.
func TestInstructions(t *testing.T) {
	tested := map[Kind]bool{MovAbs: true} // no field
	for _, test := range append(slices.Clone(armInstructions), riscvInstructions...) {
		tested[test.kind] = true
		info := test.kind.Info()
		got := binary.LittleEndian.AppendUint64(nil, test.word)[:info.Width]
		if err := test.kind.Put(got, test.value); err != nil {
			t.Errorf("%s: %v", test.asm, err)
			continue
		}
		if want := binary.LittleEndian.AppendUint64(nil, test.want)[:info.Width]; !bytes.Equal(got, want) {
			t.Errorf("%s: Put(%#x) wrote % x, want % x", test.asm, test.value, got, want)
		}
		f := fields[test.kind]
		for _, value := range []int64{test.value + 1, test.value - 1<<f.shift/2} {
			before := bytes.Clone(got)
			err := test.kind.Put(got, value)
			if f.shift == 0 || f.round || value < info.Min || value > info.Max {
				continue
			}
			if err == nil || !strings.Contains(err.Error(), "is not a multiple of") || !bytes.Equal(got, before) {
				t.Errorf("%s: Put(%#x): %v", test.asm, value, err)
			}
		}
	}
	for k := None; k < kinds; k++ {
		if k.Instruction() && !tested[k] {
			t.Errorf("no test for %v", k)
		}
	}
}

// TestAssembler compares the golden bytes with what an assembler writes.
func TestAssembler(t *testing.T) {
	mc, err := exec.LookPath("llvm-mc-19")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("no assembler: ", err)
	}
	for _, processor := range []struct {
		args  []string
		tests []instruction
	}{
		{[]string{"-triple=aarch64"}, armInstructions},
		{[]string{"-triple=riscv64", "-mattr=+c,+d"}, riscvInstructions},
	} {
		for _, test := range processor.tests {
			cmd := exec.Command(mc, append(processor.args, "-show-encoding")...)
			cmd.Stdin = strings.NewReader(test.asm)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %v\n%s", test.asm, err, out)
			}
			var got []string
			for _, line := range strings.Split(string(out), "\n") {
				if _, encoding, ok := strings.Cut(line, "encoding: ["); ok {
					got = append(got, strings.Split(strings.TrimSuffix(encoding, "]"), ",")...)
				}
			}
			var want []string
			for _, b := range binary.LittleEndian.AppendUint64(nil, test.want)[:test.kind.Info().Width] {
				want = append(want, fmt.Sprintf("%#02x", b))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %s, want %s", test.asm, got, want)
			}
		}
	}
}

// instruction is a word with no immediate, a value, and both together.
type instruction struct {
	kind  Kind
	word  uint64
	value int64
	want  uint64
	asm   string
}

var armInstructions = []instruction{
	{Page21, 0x90000001, -4 << 30, 0x90800001, "adrp x1, -4294967296"},
	{Page21, 0x90000001, 4<<30 - 4096, 0xf07fffe1, "adrp x1, 4294963200"},
	{Page21, 0x9000001e, 0x12345000, 0xb0091a3e, "adrp x30, 0x12345000"},
	{GOTPage21, 0x90000008, -4096, 0xf0ffffe8, "adrp x8, -4096"},
	{Adr21, 0x10000001, -1 << 20, 0x10800001, "adr x1, -1048576"},
	{Adr21, 0x10000001, 1<<20 - 1, 0x707fffe1, "adr x1, 1048575"},
	{Adr21, 0x10000011, 0x12345, 0x30091a31, "adr x17, 0x12345"},
	{PageOff12, 0x91000041, 4095, 0x913ffc41, "add x1, x2, 4095"},
	{PageOff12, 0x913ffc41, 0, 0x91000041, "add x1, x2, 0"},
	{PageOff12, 0x39400041, 0xabc, 0x396af041, "ldrb w1, [x2, 0xabc]"},
	{PageOff12S1, 0x79000041, 4094, 0x791ffc41, "strh w1, [x2, 4094]"},
	{PageOff12S1, 0x79c00041, 2, 0x79c00441, "ldrsh w1, [x2, 2]"},
	{PageOff12S2, 0xb9400041, 4092, 0xb94ffc41, "ldr w1, [x2, 4092]"},
	{PageOff12S2, 0xbd000041, 4, 0xbd000441, "str s1, [x2, 4]"},
	{PageOff12S3, 0xf9400041, 4088, 0xf947fc41, "ldr x1, [x2, 4088]"},
	{PageOff12S3, 0xfd400041, 8, 0xfd400441, "ldr d1, [x2, 8]"},
	{PageOff12S4, 0x3dc00041, 4080, 0x3dc3fc41, "ldr q1, [x2, 4080]"},
	{PageOff12S4, 0x3d800041, 16, 0x3d800441, "str q1, [x2, 16]"},
	{GOTPageOff12, 0xf9400041, 4088, 0xf947fc41, "ldr x1, [x2, 4088]"},
	{Branch26, 0x94000000, -128 << 20, 0x96000000, "bl -134217728"},
	{Branch26, 0x17ffffff, 128<<20 - 4, 0x15ffffff, "b 134217724"},
	{Branch26, 0x14000000, -4, 0x17ffffff, "b -4"},
	{Branch19, 0x54000001, -1 << 20, 0x54800001, "b.ne -1048576"},
	{Branch19, 0xb4000003, 1<<20 - 4, 0xb47fffe3, "cbz x3, 1048572"},
	{Branch19, 0x35ffffe3, 8, 0x35000043, "cbnz w3, 8"},
	{Branch14, 0x36180003, -32 << 10, 0x361c0003, "tbz w3, 3, -32768"},
	{Branch14, 0xb7f80003, 32<<10 - 4, 0xb7fbffe3, "tbnz x3, 63, 32764"},
	{Load19, 0x58000003, -1 << 20, 0x58800003, "ldr x3, -1048576"},
	{Load19, 0x9c000003, 1<<20 - 4, 0x9c7fffe3, "ldr q3, 1048572"},
}

var riscvInstructions = []instruction{
	{High20, 0x517, -2<<30 - 2048, 0x80000517, "auipc a0, 0x80000"},
	{High20, 0x517, 2<<30 - 2049, 0x7ffff517, "auipc a0, 0x7ffff"},
	{High20, 0xfffff517, 0x7ff, 0x517, "auipc a0, 0"},
	{High20, 0x517, 0x800, 0x1517, "auipc a0, 1"},
	{GOTHigh20, 0x297, -0x801, 0xfffff297, "auipc t0, 0xfffff"},
	{Low12I, 0x50513, -2048, 0x80050513, "addi a0, a0, -2048"},
	{Low12I, 0xfff53503, 2047, 0x7ff53503, "ld a0, 2047(a0)"},
	{Low12S, 0xb53023, -2048, 0x80b53023, "sd a1, -2048(a0)"},
	{Low12S, 0xfeb53fa3, 0x555, 0x54b53aa3, "sd a1, 0x555(a0)"},
	{CallPair, 0x000080e7_00000097, 0x12345800, 0x800080e7_12346097, "auipc ra, 0x12346; jalr -2048(ra)"},
	{CallPair, 0x000300e7_00000317, -2, 0xffe300e7_00000317, "auipc t1, 0; jalr -2(t1)"},
	{Jump20, 0x6f, -1 << 20, 0x8000006f, "j -1048576"},
	{Jump20, 0xef, 1<<20 - 2, 0x7ffff0ef, "jal 1048574"},
	{Jump20, 0xffffffef, 0x5a5a4, 0x5a45aaef | 0xf00, "jal t6, 0x5a5a4"},
	{Branch12, 0xb50063, -4096, 0x80b50063, "beq a0, a1, -4096"},
	{Branch12, 0xb51063, 4094, 0x7eb51fe3, "bne a0, a1, 4094"},
	{Branch12, 0xfeb55fe3, 0x5a4, 0x5ab55263, "bge a0, a1, 0x5a4"},
	{JumpC, 0xa001, -2048, 0xb001, "c.j -2048"},
	{JumpC, 0xbffd, 2046, 0xaffd, "c.j 2046"},
	{JumpC, 0xa001, 0x5a4, 0xa355, "c.j 0x5a4"},
	{BranchC, 0xc001, -256, 0xd001, "c.beqz s0, -256"},
	{BranchC, 0xfc7d, 254, 0xec7d, "c.bnez s0, 254"},
	{BranchC, 0xc001, 0xa4, 0xc055, "c.beqz s0, 0xa4"},
}
