package riscv64

import (
	"fmt"
	"strings"
)

// Opcodes (volume I, "RV32/64G Instruction Set Listings").
const (
	opLoad    = 0x03
	opLoadFP  = 0x07
	opImm     = 0x13
	opImm32   = 0x1b
	opStore   = 0x23
	opStoreFP = 0x27
	opReg     = 0x33
	opLUI     = 0x37
	opReg32   = 0x3b
	opBranch  = 0x63
	opJALR    = 0x67
	opJAL     = 0x6f

	wordEBREAK = 0x00100073
)

// row is one or more instructions with the same effects.
type row struct {
	mask, bits uint32
	op         Op
	// operands are which fields are integer registers: d for rd, which is
	// written, 1 for rs1 and 2 for rs2, which are read.
	operands string
}

// rows are the rows of each opcode, without its low two bits.
var rows = parse(table)

// parse reads the table. A line has the fields of an instruction from bit 31 down,
// where x may be 0 or 1 and a bit in front of _ is only for reading; then
// operands, the operation and comments.
func parse(table string) (rows [32][]*row) {
	for line := range strings.Lines(table) {
		text, _, _ := strings.Cut(line, "#")
		f := strings.Fields(text)
		if len(f) == 0 {
			continue
		}
		r := &row{}
		n := 0
		for _, bit := range f[0] {
			if bit == '_' {
				continue
			}
			n++
			r.mask, r.bits = r.mask<<1, r.bits<<1
			switch bit {
			case '0', '1':
				r.mask |= 1
				r.bits |= uint32(bit - '0')
			case 'x':
			default:
				panic(fmt.Sprintf("internal error: %q", line))
			}
		}
		op, known := ops[f[2]]
		if n != 32 || !known || r.mask&0x7f != 0x7f {
			panic(fmt.Sprintf("internal error: %q", line))
		}
		r.op = op
		if f[1] != "-" {
			r.operands = f[1]
		}
		opcode := r.bits >> 2 & 0x1f
		rows[opcode] = append(rows[opcode], r)
	}
	return rows
}

var ops = map[string]Op{
	"-": Other, "lui": Lui, "auipc": Auipc, "jal": Jal, "jalr": Jalr, "branch": Branch,
	"load": Load, "loadfloat": LoadFloat, "store": Store, "storefloat": StoreFloat, "atomic": Atomic,
	"addi": AddImm, "addiw": AddImmWord, "andi": AndImm, "slli": ShiftLeft, "add": Add, "sub": Sub, "shadd": ShiftAdd,
	"fence": Fence, "ecall": SystemCall, "trap": Trapping,
}

const table = `
# funct7_ rs2_  rs1_f3_ rd_  opcode
xxxxxxx_xxxxx_xxxxx_xxx_xxxxx_0110111  d    lui
xxxxxxx_xxxxx_xxxxx_xxx_xxxxx_0010111  d    auipc
xxxxxxx_xxxxx_xxxxx_xxx_xxxxx_1101111  d    jal
xxxxxxx_xxxxx_xxxxx_000_xxxxx_1100111  d1   jalr

xxxxxxx_xxxxx_xxxxx_00x_xxxxx_1100011  12   branch  # beq, bne
xxxxxxx_xxxxx_xxxxx_1xx_xxxxx_1100011  12   branch  # blt, bge, bltu, bgeu

xxxxxxx_xxxxx_xxxxx_0xx_xxxxx_0000011  d1   load    # lb, lh, lw, ld
xxxxxxx_xxxxx_xxxxx_10x_xxxxx_0000011  d1   load    # lbu, lhu
xxxxxxx_xxxxx_xxxxx_110_xxxxx_0000011  d1   load    # lwu
xxxxxxx_xxxxx_xxxxx_0xx_xxxxx_0100011  12   store   # sb, sh, sw, sd

xxxxxxx_xxxxx_xxxxx_000_xxxxx_0010011  d1   addi
xxxxxxx_xxxxx_xxxxx_01x_xxxxx_0010011  d1   -       # slti, sltiu
xxxxxxx_xxxxx_xxxxx_100_xxxxx_0010011  d1   -       # xori
xxxxxxx_xxxxx_xxxxx_110_xxxxx_0010011  d1   -       # ori
xxxxxxx_xxxxx_xxxxx_111_xxxxx_0010011  d1   andi
000000x_xxxxx_xxxxx_001_xxxxx_0010011  d1   slli
0x0000x_xxxxx_xxxxx_101_xxxxx_0010011  d1   -       # srli, srai
0110000_0000x_xxxxx_001_xxxxx_0010011  d1   -       # clz, ctz (Zbb)
0110000_00010_xxxxx_001_xxxxx_0010011  d1   -       # cpop
0110000_0010x_xxxxx_001_xxxxx_0010011  d1   -       # sext.b, sext.h
011000x_xxxxx_xxxxx_101_xxxxx_0010011  d1   -       # rori
0010100_00111_xxxxx_101_xxxxx_0010011  d1   -       # orc.b
0110101_11000_xxxxx_101_xxxxx_0010011  d1   -       # rev8
010010x_xxxxx_xxxxx_x01_xxxxx_0010011  d1   -       # bclri, bexti (Zbs)
001010x_xxxxx_xxxxx_001_xxxxx_0010011  d1   -       # bseti
011010x_xxxxx_xxxxx_001_xxxxx_0010011  d1   -       # binvi

xxxxxxx_xxxxx_xxxxx_000_xxxxx_0011011  d1   addiw
0000000_xxxxx_xxxxx_001_xxxxx_0011011  d1   -       # slliw
0x00000_xxxxx_xxxxx_101_xxxxx_0011011  d1   -       # srliw, sraiw
000010x_xxxxx_xxxxx_001_xxxxx_0011011  d1   -       # slli.uw (Zba)
0110000_0000x_xxxxx_001_xxxxx_0011011  d1   -       # clzw, ctzw
0110000_00010_xxxxx_001_xxxxx_0011011  d1   -       # cpopw
0110000_xxxxx_xxxxx_101_xxxxx_0011011  d1   -       # roriw

0000000_xxxxx_xxxxx_000_xxxxx_0110011  d12  add
0100000_xxxxx_xxxxx_000_xxxxx_0110011  d12  sub
0000000_xxxxx_xxxxx_xxx_xxxxx_0110011  d12  -       # sll, slt, sltu, xor, srl, or, and
0100000_xxxxx_xxxxx_1xx_xxxxx_0110011  d12  -       # sra; andn, orn, xnor (Zbb)
0000001_xxxxx_xxxxx_xxx_xxxxx_0110011  d12  -       # mul, div, rem
0010000_xxxxx_xxxxx_010_xxxxx_0110011  d12  shadd   # sh1add (Zba)
0010000_xxxxx_xxxxx_1x0_xxxxx_0110011  d12  shadd   # sh2add, sh3add
0000101_xxxxx_xxxxx_1xx_xxxxx_0110011  d12  -       # min, max (Zbb)
0110000_xxxxx_xxxxx_x01_xxxxx_0110011  d12  -       # rol, ror
0100100_xxxxx_xxxxx_x01_xxxxx_0110011  d12  -       # bclr, bext (Zbs)
0010100_xxxxx_xxxxx_001_xxxxx_0110011  d12  -       # bset
0110100_xxxxx_xxxxx_001_xxxxx_0110011  d12  -       # binv
0000111_xxxxx_xxxxx_1x1_xxxxx_0110011  d12  -       # czero.eqz, czero.nez (Zicond)

0x00000_xxxxx_xxxxx_000_xxxxx_0111011  d12  -       # addw, subw
0000000_xxxxx_xxxxx_001_xxxxx_0111011  d12  -       # sllw
0x00000_xxxxx_xxxxx_101_xxxxx_0111011  d12  -       # srlw, sraw
0000001_xxxxx_xxxxx_000_xxxxx_0111011  d12  -       # mulw
0000001_xxxxx_xxxxx_1xx_xxxxx_0111011  d12  -       # divw, remw
0000100_xxxxx_xxxxx_000_xxxxx_0111011  d12  -       # add.uw (Zba)
0010000_xxxxx_xxxxx_010_xxxxx_0111011  d12  -       # sh1add.uw
0010000_xxxxx_xxxxx_1x0_xxxxx_0111011  d12  -       # sh2add.uw, sh3add.uw
0000100_00000_xxxxx_100_xxxxx_0111011  d1   -       # zext.h (Zbb)
0110000_xxxxx_xxxxx_x01_xxxxx_0111011  d12  -       # rolw, rorw

0000xxx_xxxxx_00000_000_00000_0001111  -    fence
1000001_10011_00000_000_00000_0001111  -    fence   # fence.tso
0000000_00000_00000_001_00000_0001111  -    fence   # fence.i
0000000_00000_00000_000_00000_1110011  -    ecall
0000000_00001_00000_000_00000_1110011  -    trap    # ebreak
1100000_00000_00000_001_00000_1110011  -    trap    # unimp: writes a register that cannot be written
xxxxxxx_xxxxx_xxxxx_001_xxxxx_1110011  d1   -       # csrrw
xxxxxxx_xxxxx_xxxxx_01x_xxxxx_1110011  d1   -       # csrrs, csrrc
xxxxxxx_xxxxx_xxxxx_101_xxxxx_1110011  d    -       # csrrwi
xxxxxxx_xxxxx_xxxxx_11x_xxxxx_1110011  d    -       # csrrsi, csrrci

00010xx_00000_xxxxx_01x_xxxxx_0101111  d1   atomic  # lr
00011xx_xxxxx_xxxxx_01x_xxxxx_0101111  d12  atomic  # sc
00001xx_xxxxx_xxxxx_01x_xxxxx_0101111  d12  atomic  # amoswap
xxx00xx_xxxxx_xxxxx_01x_xxxxx_0101111  d12  atomic  # amoadd, amoxor, amoor, amoand, amomin, amomax

xxxxxxx_xxxxx_xxxxx_01x_xxxxx_0000111  1    loadfloat   # flw, fld
xxxxxxx_xxxxx_xxxxx_01x_xxxxx_0100111  1    storefloat  # fsw, fsd
xxxxx0x_xxxxx_xxxxx_xxx_xxxxx_1000011  -    -       # fmadd
xxxxx0x_xxxxx_xxxxx_xxx_xxxxx_1000111  -    -       # fmsub
xxxxx0x_xxxxx_xxxxx_xxx_xxxxx_1001011  -    -       # fnmsub
xxxxx0x_xxxxx_xxxxx_xxx_xxxxx_1001111  -    -       # fnmadd
000xx0x_xxxxx_xxxxx_xxx_xxxxx_1010011  -    -       # fadd, fsub, fmul, fdiv
010110x_00000_xxxxx_xxx_xxxxx_1010011  -    -       # fsqrt
001000x_xxxxx_xxxxx_00x_xxxxx_1010011  -    -       # fsgnj, fsgnjn
001000x_xxxxx_xxxxx_010_xxxxx_1010011  -    -       # fsgnjx
001010x_xxxxx_xxxxx_00x_xxxxx_1010011  -    -       # fmin, fmax
0100000_00001_xxxxx_xxx_xxxxx_1010011  -    -       # fcvt.s.d
0100001_00000_xxxxx_xxx_xxxxx_1010011  -    -       # fcvt.d.s
101000x_xxxxx_xxxxx_00x_xxxxx_1010011  d    -       # fle, flt
101000x_xxxxx_xxxxx_010_xxxxx_1010011  d    -       # feq
110000x_000xx_xxxxx_xxx_xxxxx_1010011  d    -       # to an integer
110100x_000xx_xxxxx_xxx_xxxxx_1010011  1    -       # from an integer
111000x_00000_xxxxx_00x_xxxxx_1010011  d    -       # fmv.x.w, fclass
111100x_00000_xxxxx_000_xxxxx_1010011  1    -       # fmv.w.x
`
