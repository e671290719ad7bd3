package arm64

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrTruncated is returned when the code ends inside an instruction.
var ErrTruncated = errors.New("instruction is cut off by the end of the code")

// InvalidError reports a word that is no instruction, or none that this package
// knows.
type InvalidError struct{ Word uint32 }

func (e *InvalidError) Error() string {
	return fmt.Sprintf("%08x: undefined or unknown instruction", e.Word)
}

// Decode decodes the instruction at the start of code. A word that the tables
// do not list is an *InvalidError. What only the values of its operands make
// undefined is decoded.
func Decode(code []byte) (Inst, error) {
	if len(code) < Len {
		return Inst{}, ErrTruncated
	}
	i := Inst{Word: binary.LittleEndian.Uint32(code)}
	for _, r := range rows[i.Word>>24] {
		if i.Word&r.mask == r.bits {
			i.row, i.Op = r, r.op
			if i.refuse() {
				break
			}
			return i, nil
		}
	}
	return Inst{}, &InvalidError{i.Word}
}
