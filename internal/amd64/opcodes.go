package amd64

import "strings"

// Forms: what follows an opcode. The letters are those of the maps below.
const (
	invalid = '.'
	prefix  = 'p' // a prefix or an escape: the decoder takes it before the map
	plain   = 'n' // nothing
	modRM   = 'M' // ModRM
	modRMb  = 'B' // ModRM and an 8-bit immediate
	modRMz  = 'Z' // ModRM and an immediate of 16 or 32 bits
	group3  = 'g' // ModRM, and an immediate for /0 and /1
	control = 'c' // ModRM whose mod field is ignored
	imm8    = 'b'
	imm16   = 'w'
	immZ    = 'z' // 16 or 32 bits
	immV    = 'v' // 16, 32 or 64 bits
	enter   = 'e' // 16 and 8 bits
	moffs   = 'o' // an address
	rel8    = 'j'
	rel32   = 'J'
)

// opcodeMap expands 16 rows of 16 letters, laid out as the maps of SDM volume
// 2, appendix A: the row is the high digit of the opcode, the column the low
// one. Spaces are for the eye; a row left out at the end is invalid.
func opcodeMap(rows string) *[256]byte {
	var m [256]byte
	for i := range m {
		m[i] = invalid
	}
	for hi, row := range strings.Fields(rows) {
		if len(row) != 16 {
			panic("internal error: opcode map row " + row)
		}
		copy(m[16*hi:], row)
	}
	return &m
}

// SDM volume 2, table A-2.
var oneByte = opcodeMap(`
	MMMMbz..MMMMbz.p
	MMMMbz..MMMMbz..
	MMMMbzp.MMMMbzp.
	MMMMbzp.MMMMbzp.
	pppppppppppppppp
	nnnnnnnnnnnnnnnn
	..pMppppzZbBnnnn
	jjjjjjjjjjjjjjjj
	BZ.BMMMMMMMMMMMM
	nnnnnnnnnn.nnnnn
	oooonnnnbznnnnnn
	bbbbbbbbvvvvvvvv
	BBwnppBZenwnnb.n
	MMMM...nMMMMMMMM
	jjjjbbbbJJ.jnnnn
	pnppnnggnnnnnnMM`)

// SDM volume 2, table A-3.
var map0F = opcodeMap(`
	MMMM.nnnnn.n.M..
	MMMMMMMMMMMMMMMM
	cccc....MMMMMMMM
	nnnnnn.np.p.....
	MMMMMMMMMMMMMMMM
	MMMMMMMMMMMMMMMM
	MMMMMMMMMMMMMMMM
	BBBBMMMnMM..MMMM
	JJJJJJJJJJJJJJJJ
	MMMMMMMMMMMMMMMM
	nnnMBM..nnnMBMMM
	MMMMMMMMMMBMMMMM
	MMBMBBBMnnnnnnnn
	MMMMMMMMMMMMMMMM
	MMMMMMMMMMMMMMMM
	MMMMMMMMMMMMMMMM`)

// SDM volume 2, table A-4.
var map0F38 = opcodeMap(`
	MMMMMMMMMMMM....
	M...MM.M....MMM.
	MMMMMM..MMMM....
	MMMMMM.MMMMMMMMM
	MM..............
	................
	................
	................
	MMM.............
	................
	................
	................
	........MMMMMM.M
	........M..MMMMM
	................
	MM...MM.MMMMM...`)

// SDM volume 2, table A-5.
var map0F3A = opcodeMap(`
	........BBBBBBBB
	....BBBB........
	BBB.............
	................
	BBB.B...........
	................
	BBBB............
	................
	................
	................
	................
	................
	............B.BB
	...............B
	................
	B...............`)
