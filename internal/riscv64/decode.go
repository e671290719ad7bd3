package riscv64

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrTruncated is returned when the code ends inside an instruction.
var ErrTruncated = errors.New("instruction is cut off by the end of the code")

// InvalidError reports a word that is no instruction, or none that this package
// knows.
type InvalidError struct {
	Word uint32
	Len  int
}

func (e *InvalidError) Error() string {
	return fmt.Sprintf("%0*x: undefined or unknown instruction", 2*e.Len, e.Word)
}

// Decode decodes the instruction at the start of code. A word that the tables do
// not list is an *InvalidError.
func Decode(code []byte) (Inst, error) {
	if len(code) < 2 {
		return Inst{}, ErrTruncated
	}
	i := Inst{Word: uint32(binary.LittleEndian.Uint16(code)), Len: 2}
	if i.Word&3 == 3 {
		if len(code) < 4 {
			return Inst{}, ErrTruncated
		}
		i.Word, i.Len = binary.LittleEndian.Uint32(code), 4
		if i.Word&0x1f == 0x1f { // of more than 4 bytes
			return Inst{}, &InvalidError{i.Word, i.Len}
		}
	} else if i.Word == 0 {
		i.Op, i.row = Trapping, &row{}
		return i, nil
	} else {
		word, ok := expand(i.Word)
		if !ok {
			return Inst{}, &InvalidError{i.Word, i.Len}
		}
		i.Word = word
	}
	for _, r := range rows[i.Word>>2&0x1f] {
		if i.Word&r.mask == r.bits {
			i.row, i.Op = r, r.op
			return i, nil
		}
	}
	return Inst{}, &InvalidError{i.Word, i.Len}
}
