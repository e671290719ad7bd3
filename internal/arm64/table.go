package arm64

import "strings"

// row is a class of instructions.
type row struct {
	mask, bits uint32
	op         Op
	// writes and reads are the general-purpose registers that are operands, as
	// letters; of a load or store without those that make up the address.
	//
	//	d, D  Rd, bits 0 to 4      a  Ra, bits 10 to 14
	//	n, N  Rn, bits 5 to 9      m  Rm, bits 16 to 20
	//	M     Rm and the one after it
	//	p     Rd and the one after it
	//	k, l  x16 and x17, x30: what hints name
	//	s     x0 to x17: what systems are passed and may change
	//
	// Register 31 is sp where the letter is D or N, and else the zero register.
	writes, reads string
	address       string // of a load or store; see Mode and Disp
}

func (r *row) has(letter byte) bool {
	return strings.IndexByte(r.writes, letter) >= 0 || strings.IndexByte(r.reads, letter) >= 0
}

// parse reads a table. A line is the 32 bits of an instruction, high to low,
// with x for any and spaces for the eye; then after a bar the operands, "writes
// = reads", and after another one the address.
func parse(table string) []row {
	var rows []row
	for line := range strings.Lines(table) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		fields := strings.Split(line+"|||", "|")
		op, ok := ops[strings.TrimSpace(fields[1])]
		r := row{op: op, address: strings.TrimSpace(fields[3])}
		pattern := strings.ReplaceAll(fields[0], " ", "")
		if len(pattern) != 32 || !ok {
			panic("internal error: row of the opcode table: " + line)
		}
		for _, c := range pattern {
			r.mask, r.bits = r.mask<<1, r.bits<<1
			if c != 'x' {
				r.mask |= 1
				r.bits |= uint32(c - '0')
			}
		}
		writes, reads, _ := strings.Cut(fields[2], "=")
		r.writes, r.reads = strings.TrimSpace(writes), strings.TrimSpace(reads)
		rows = append(rows, r)
	}
	return rows
}

var ops = map[string]Op{
	"": Other, "nop": Nop, "adr": Adr, "adrp": Adrp, "add": Add, "sub": Sub, "and": And, "orr": Orr,
	"movz": Movz, "movn": Movn, "movk": Movk, "csel": Csel, "compare": Compare,
	"load": Load, "store": Store, "atomic": Atomic, "prefetch": Prefetch,
	"b": Branch, "bl": BranchLink, "br": BranchReg, "blr": BranchLinkReg, "bcond": BranchCond, "ret": Ret,
	"trap": Trapping, "svc": Supervisor, "far": Privileged, "undefined": undefined,
}

// Arm ARM, section C4.1.92: data processing with an immediate.
var immediateRows = parse(`
	0xx10000 xxxxxxxx xxxxxxxx xxxxxxxx | adr     | d=
	1xx10000 xxxxxxxx xxxxxxxx xxxxxxxx | adrp    | d=
	x0010001 0xxxxxxx xxxxxxxx xxxxxxxx | add     | D=N
	x0110001 0xxxxxxx xxxxxxxx xxx11111 | compare | =N
	x0110001 0xxxxxxx xxxxxxxx xxxxxxxx | add     | d=N
	x1010001 0xxxxxxx xxxxxxxx xxxxxxxx | sub     | D=N
	x1110001 0xxxxxxx xxxxxxxx xxx11111 | compare | =N
	x1110001 0xxxxxxx xxxxxxxx xxxxxxxx | sub     | d=N
	x0010001 1100xxxx xxxxxxxx xxxxxxxx |         | d=n
	x0010010 0xxxxxxx xxxxxxxx xxxxxxxx | and     | D=n
	x0110010 0xxxxxxx xxxxxxxx xxxxxxxx | orr     | D=n
	x1010010 0xxxxxxx xxxxxxxx xxxxxxxx |         | D=n
	x1110010 0xxxxxxx xxxxxxxx xxx11111 | compare | =n
	x1110010 0xxxxxxx xxxxxxxx xxxxxxxx |         | d=n
	x0010010 1xxxxxxx xxxxxxxx xxxxxxxx | movn    | d=
	x1010010 1xxxxxxx xxxxxxxx xxxxxxxx | movz    | d=
	x1110010 1xxxxxxx xxxxxxxx xxxxxxxx | movk    | d=d
	x0010011 0xxxxxxx xxxxxxxx xxxxxxxx |         | d=n
	x0110011 0xxxxxxx xxxxxxxx xxxxxxxx |         | d=dn
	x1010011 0xxxxxxx xxxxxxxx xxxxxxxx |         | d=n
	x0010011 1x0xxxxx xxxxxxxx xxxxxxxx |         | d=nm
`)

// Arm ARM, section C4.1.93: branches, exceptions, system. The hints in
// rows of their own sign addresses, and strip them of their signatures.
var branchRows = parse(`
	01010100 xxxxxxxx xxxxxxxx xxxxxxxx | bcond |
	x011010x xxxxxxxx xxxxxxxx xxxxxxxx | bcond | =d
	x011011x xxxxxxxx xxxxxxxx xxxxxxxx | bcond | =d
	000101xx xxxxxxxx xxxxxxxx xxxxxxxx | b     |
	100101xx xxxxxxxx xxxxxxxx xxxxxxxx | bl    |
	11010110 00011111 000000xx xxx00000 | br    | =n
	11010110 00111111 000000xx xxx00000 | blr   | =n
	11010110 01011111 000000xx xxx00000 | ret   | =n
	11010110 01011111 00001x11 11111111 | ret   |
	11010110 10011111 00000011 11100000 | far   |
	11010110 10111111 00000011 11100000 | far   |
	11010100 000xxxxx xxxxxxxx xxx00001 | svc   | s=s
	11010100 000xxxxx xxxxxxxx xxx0001x | far   |
	11010100 001xxxxx xxxxxxxx xxx00000 | trap  |
	11010100 010xxxxx xxxxxxxx xxx00000 | trap  |
	11010100 101xxxxx xxxxxxxx xxx000xx | far   |
	11010101 00000011 00100000 11111111 | nop   | l=l
	11010101 00000011 00100001 xx011111 | nop   | k=k
	11010101 00000011 00100011 xxx11111 | nop   | l=l
	11010101 00000011 0010xxxx xxx11111 | nop   |
	11010101 00000011 00010000 00xxxxxx |       | =d
	11010101 00000011 0011xxxx xxx11111 | nop   |
	11010101 00000xxx 0100xxxx xxx11111 |       |
	11010101 00001xxx xxxxxxxx xxxxxxxx |       | =d
	11010101 00101xxx xxxxxxxx xxxxxxxx |       | d=
	11010101 0001xxxx xxxxxxxx xxxxxxxx |       | =d
	11010101 0011xxxx xxxxxxxx xxxxxxxx |       | d=
`)

// Arm ARM, section C4.1.94: loads and stores. Size, extension and the kind of
// register do not matter, except that prfm takes the place of loads that do not
// exist. Bit 26 is set for the vector registers, which no letter names.
var memoryRows = parse(`
	xx001000 000xxxxx xxxxxxxx xxxxxxxx | atomic | m=d   | base
	1x001000 001xxxxx xxxxxxxx xxxxxxxx | atomic | m=da  | pair
	0x001000 0x1xxxxx x11111xx xxxxxxxx | atomic | M=Mp  | pair
	xx001000 010xxxxx xxxxxxxx xxxxxxxx | load   | d=    | base
	1x001000 011xxxxx xxxxxxxx xxxxxxxx | load   | da=   | pair
	xx001000 100xxxxx xxxxxxxx xxxxxxxx | store  | =d    | base
	xx001000 110xxxxx xxxxxxxx xxxxxxxx | load   | d=    | base
	xx001000 1x1xxxxx x11111xx xxxxxxxx | atomic | m=md  | base
	xx011001 000xxxxx xxxx00xx xxxxxxxx | store  | =d    | imm9
	xx011001 010xxxxx xxxx00xx xxxxxxxx | load   | d=    | imm9
	xx011001 1x0xxxxx xxxx00xx xxxxxxxx | load   | d=    | imm9

	0x011000 xxxxxxxx xxxxxxxx xxxxxxxx | load   | d=    | literal
	10011000 xxxxxxxx xxxxxxxx xxxxxxxx | load   | d=    | literal
	11011000 xxxxxxxx xxxxxxxx xxxxxxxx | prefetch |     | literal
	0x011100 xxxxxxxx xxxxxxxx xxxxxxxx | load   |       | literal
	10011100 xxxxxxxx xxxxxxxx xxxxxxxx | load   |       | literal

	11101x0x xxxxxxxx xxxxxxxx xxxxxxxx | undefined
	x0101000 00xxxxxx xxxxxxxx xxxxxxxx | store  | =da   | imm7
	x0101000 01xxxxxx xxxxxxxx xxxxxxxx | load   | da=   | imm7
	x0101000 10xxxxxx xxxxxxxx xxxxxxxx | store  | =da   | post7
	x0101000 11xxxxxx xxxxxxxx xxxxxxxx | load   | da=   | post7
	x0101001 00xxxxxx xxxxxxxx xxxxxxxx | store  | =da   | imm7
	x0101001 01xxxxxx xxxxxxxx xxxxxxxx | load   | da=   | imm7
	x0101001 10xxxxxx xxxxxxxx xxxxxxxx | store  | =da   | pre7
	x0101001 11xxxxxx xxxxxxxx xxxxxxxx | load   | da=   | pre7
	01101000 11xxxxxx xxxxxxxx xxxxxxxx | load   | da=   | post7
	01101001 01xxxxxx xxxxxxxx xxxxxxxx | load   | da=   | imm7
	01101001 11xxxxxx xxxxxxxx xxxxxxxx | load   | da=   | pre7
	xx101100 00xxxxxx xxxxxxxx xxxxxxxx | store  |       | imm7
	xx101100 01xxxxxx xxxxxxxx xxxxxxxx | load   |       | imm7
	xx101100 10xxxxxx xxxxxxxx xxxxxxxx | store  |       | post7
	xx101100 11xxxxxx xxxxxxxx xxxxxxxx | load   |       | post7
	xx101101 00xxxxxx xxxxxxxx xxxxxxxx | store  |       | imm7
	xx101101 01xxxxxx xxxxxxxx xxxxxxxx | load   |       | imm7
	xx101101 10xxxxxx xxxxxxxx xxxxxxxx | store  |       | pre7
	xx101101 11xxxxxx xxxxxxxx xxxxxxxx | load   |       | pre7

	1x111000 110xxxxx xxxxxxxx xxxxxxxx | undefined
	1x111000 111xxxxx xxxx10xx xxxxxxxx | undefined
	1x111001 11xxxxxx xxxxxxxx xxxxxxxx | undefined
	11111000 100xxxxx xxxx00xx xxxxxxxx | prefetch |     | imm9
	11111000 100xxxxx xxxxxxxx xxxxxxxx | undefined
	xx111000 000xxxxx xxxxx0xx xxxxxxxx | store  | =d    | imm9
	xx111000 xx0xxxxx xxxxx0xx xxxxxxxx | load   | d=    | imm9
	xx111000 000xxxxx xxxx01xx xxxxxxxx | store  | =d    | post9
	xx111000 xx0xxxxx xxxx01xx xxxxxxxx | load   | d=    | post9
	xx111000 000xxxxx xxxx11xx xxxxxxxx | store  | =d    | pre9
	xx111000 xx0xxxxx xxxx11xx xxxxxxxx | load   | d=    | pre9
	11111000 101xxxxx x1xx10xx xxxxxxxx | prefetch |     | reg
	xx111000 001xxxxx x1xx10xx xxxxxxxx | store  | =d    | reg
	xx111000 xx1xxxxx x1xx10xx xxxxxxxx | load   | d=    | reg
	xx111000 xx1xxxxx 0xxx00xx xxxxxxxx | atomic | d=m   | base
	xx111000 xx1xxxxx 100000xx xxxxxxxx | atomic | d=m   | base
	xx111000 10111111 110000xx xxxxxxxx | load   | d=    | base
	11111001 10xxxxxx xxxxxxxx xxxxxxxx | prefetch |     | imm12
	xx111001 00xxxxxx xxxxxxxx xxxxxxxx | store  | =d    | imm12
	xx111001 xxxxxxxx xxxxxxxx xxxxxxxx | load   | d=    | imm12

	x111110x 1xxxxxxx xxxxxxxx xxxxxxxx | undefined
	1x11110x 1xxxxxxx xxxxxxxx xxxxxxxx | undefined
	xx111100 x00xxxxx xxxx00xx xxxxxxxx | store  |       | imm9
	xx111100 x10xxxxx xxxx00xx xxxxxxxx | load   |       | imm9
	xx111100 x00xxxxx xxxx01xx xxxxxxxx | store  |       | post9
	xx111100 x10xxxxx xxxx01xx xxxxxxxx | load   |       | post9
	xx111100 x00xxxxx xxxx11xx xxxxxxxx | store  |       | pre9
	xx111100 x10xxxxx xxxx11xx xxxxxxxx | load   |       | pre9
	xx111100 x01xxxxx x1xx10xx xxxxxxxx | store  |       | reg
	xx111100 x11xxxxx x1xx10xx xxxxxxxx | load   |       | reg
	xx111101 x0xxxxxx xxxxxxxx xxxxxxxx | store  |       | imm12
	xx111101 x1xxxxxx xxxxxxxx xxxxxxxx | load   |       | imm12

	0x001100 00000000 xxxxxxxx xxxxxxxx | store  |       | struct
	0x001100 01000000 xxxxxxxx xxxxxxxx | load   |       | struct
	0x001100 100xxxxx xxxxxxxx xxxxxxxx | store  |       | struct+
	0x001100 110xxxxx xxxxxxxx xxxxxxxx | load   |       | struct+
	0x001101 00x00000 xxxxxxxx xxxxxxxx | store  |       | struct
	0x001101 01x00000 xxxxxxxx xxxxxxxx | load   |       | struct
	0x001101 10xxxxxx xxxxxxxx xxxxxxxx | store  |       | struct+
	0x001101 11xxxxxx xxxxxxxx xxxxxxxx | load   |       | struct+
`)

// Arm ARM, section C4.1.95: data processing with registers.
var registerRows = parse(`
	x0011010 110xxxxx 00001xxx xxxxxxxx |         | d=nm
	x0011010 110xxxxx 0010xxxx xxxxxxxx |         | d=nm
	x0011010 110xxxxx 010xxxxx xxxxxxxx |         | d=nm
	x0011010 110xxxxx 0110xxxx xxxxxxxx |         | d=nm
	x1011010 11000000 000xxxxx xxxxxxxx |         | d=n
	x1011010 11000000 001000xx xxxxxxxx |         | d=n
	11011010 11000001 xxxxxxxx xxxxxxxx |         | d=dN
	x0001010 xx0xxxxx xxxxxxxx xxxxxxxx | and     | d=nm
	x0101010 xx0xxxxx xxxxxxxx xxxxxxxx | orr     | d=nm
	x1101010 xx0xxxxx xxxxxxxx xxx11111 | compare | =nm
	x1101010 xx1xxxxx xxxxxxxx xxx11111 | compare | =nm
	xxx01010 xxxxxxxx xxxxxxxx xxxxxxxx |         | d=nm
	xxx01011 110xxxxx xxxxxxxx xxxxxxxx | undefined
	x0001011 xx0xxxxx xxxxxxxx xxxxxxxx | add     | d=nm
	x0101011 xx0xxxxx xxxxxxxx xxx11111 | compare | =nm
	x0101011 xx0xxxxx xxxxxxxx xxxxxxxx | add     | d=nm
	x1001011 xx0xxxxx xxxxxxxx xxxxxxxx | sub     | d=nm
	x1101011 xx0xxxxx xxxxxxxx xxx11111 | compare | =nm
	x1101011 xx0xxxxx xxxxxxxx xxxxxxxx | sub     | d=nm
	x0001011 001xxxxx xxxxxxxx xxxxxxxx | add     | D=Nm
	x0101011 001xxxxx xxxxxxxx xxx11111 | compare | =Nm
	x0101011 001xxxxx xxxxxxxx xxxxxxxx | add     | d=Nm
	x1001011 001xxxxx xxxxxxxx xxxxxxxx | sub     | D=Nm
	x1101011 001xxxxx xxxxxxxx xxx11111 | compare | =Nm
	x1101011 001xxxxx xxxxxxxx xxxxxxxx | sub     | d=Nm
	xxx11010 000xxxxx 000000xx xxxxxxxx |         | d=nm
	10111010 000xxxxx x00001xx xxx0xxxx | compare | =n
	00111010 00000000 0x0010xx xxx01101 | compare | =n
	xx111010 010xxxxx xxxx00xx xxx0xxxx | compare | =nm
	xx111010 010xxxxx xxxx10xx xxx0xxxx | compare | =n
	x0011010 100xxxxx xxxx00xx xxxxxxxx | csel    | d=nm
	xx011010 100xxxxx xxxx0xxx xxxxxxxx |         | d=nm
	x0011011 000xxxxx xxxxxxxx xxxxxxxx |         | d=nma
	10011011 x01xxxxx xxxxxxxx xxxxxxxx |         | d=nma
	10011011 x10xxxxx 0xxxxxxx xxxxxxxx |         | d=nm
`)

// Arm ARM, section C4.1.96: vectors and floating point. Few of them have
// general-purpose registers.
var vectorRows = parse(`
	x0011110 xx1xxx00 000000xx xxxxxxxx |         | d=
	x0011110 xx1xx100 000000xx xxxxxxxx |         | d=
	x0011110 xx1xx101 000000xx xxxxxxxx |         | d=
	x0011110 xx1xx110 000000xx xxxxxxxx |         | d=
	x0011110 xx1xx001 000000xx xxxxxxxx |         | d=
	x0011110 xx1xx01x 000000xx xxxxxxxx |         | =n
	x0011110 xx1xx111 000000xx xxxxxxxx |         | =n
	x0011110 xx0xx00x xxxxxxxx xxxxxxxx |         | d=
	x0011110 xx0xx01x xxxxxxxx xxxxxxxx |         | =n
	00011110 xx1xxxxx xxxxxxxx xxxxxxxx |         |
	00011111 xxxxxxxx xxxxxxxx xxxxxxxx |         |
	0x001110 000xxxxx 000011xx xxxxxxxx |         | =n
	01001110 000xxxxx 000111xx xxxxxxxx |         | =n
	0x001110 000xxxxx 001011xx xxxxxxxx |         | d=
	0x001110 000xxxxx 001111xx xxxxxxxx |         | d=
	0xx0111x xxxxxxxx xxxxxxxx xxxxxxxx |         |
	01x1111x xxxxxxxx xxxxxxxx xxxxxxxx |         |
	11001110 xxxxxxxx xxxxxxxx xxxxxxxx |         |
`)

var udfRows = parse(`
	00000000 00000000 xxxxxxxx xxxxxxxx | trap |
`)

// rows are the rows that an instruction may be in, in order of the tables, by
// its bits 24 to 31.
var rows = func() (byTop [256][]*row) {
	for _, table := range [][]row{immediateRows, branchRows, memoryRows, registerRows, vectorRows, udfRows} {
		for i := range table {
			for top := range uint32(256) {
				if r := &table[i]; (top<<24^r.bits)&r.mask&0xff000000 == 0 {
					byTop[top] = append(byTop[top], r)
				}
			}
		}
	}
	return byTop
}()
