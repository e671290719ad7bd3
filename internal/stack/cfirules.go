package stack

import "fmt"

// ruleReader executes call frame instructions (DWARF 5, section 6.4.2) as far
// as they change the canonical frame address.
type ruleReader struct {
	info  *cie
	row   frameRow
	rows  []frameRow // before row
	saved []frameRule
}

// Call frame instructions (DWARF 5, section 7.24, and the GNU extensions of
// the LSB).
const (
	cfaAdvanceLoc       = 0x40 // delta in the low 6 bits
	cfaOffset           = 0x80 // register in the low 6 bits
	cfaRestore          = 0xc0 // register in the low 6 bits
	cfaNop              = 0x00
	cfaAdvanceLoc1      = 0x02
	cfaAdvanceLoc2      = 0x03
	cfaAdvanceLoc4      = 0x04
	cfaOffsetExtended   = 0x05
	cfaRestoreExtended  = 0x06
	cfaUndefined        = 0x07
	cfaSameValue        = 0x08
	cfaRegister         = 0x09
	cfaRememberState    = 0x0a
	cfaRestoreState     = 0x0b
	cfaDefCFA           = 0x0c
	cfaDefCFARegister   = 0x0d
	cfaDefCFAOffset     = 0x0e
	cfaDefCFAExpression = 0x0f
	cfaExpression       = 0x10
	cfaOffsetExtendedSF = 0x11
	cfaDefCFASF         = 0x12
	cfaDefCFAOffsetSF   = 0x13
	cfaValOffset        = 0x14
	cfaValOffsetSF      = 0x15
	cfaValExpression    = 0x16
	cfaNegateRAState    = 0x2d // AArch64: the return address is signed from here on
	cfaGNUArgsSize      = 0x2e
)

func (r *ruleReader) execute(code []byte) error {
	c := &cursor{data: code}
	for c.off < int64(len(code)) && !c.bad {
		op := c.u8()
		switch op & 0xc0 {
		case cfaAdvanceLoc:
			r.advance(int64(op & 0x3f))
			continue
		case cfaOffset:
			c.uleb()
			continue
		case cfaRestore:
			continue
		}
		cfa := &r.row.cfa
		switch op {
		case cfaNop, cfaNegateRAState:
		case cfaAdvanceLoc1:
			r.advance(int64(c.u8()))
		case cfaAdvanceLoc2:
			r.advance(int64(c.uint(2)))
		case cfaAdvanceLoc4:
			r.advance(int64(c.u32()))
		case cfaOffsetExtended, cfaRegister, cfaValOffset, cfaOffsetExtendedSF, cfaValOffsetSF:
			c.uleb()
			c.uleb() // signed or not, the length is the same
		case cfaRestoreExtended, cfaUndefined, cfaSameValue, cfaGNUArgsSize:
			c.uleb()
		case cfaRememberState:
			r.saved = append(r.saved, *cfa)
		case cfaRestoreState:
			if len(r.saved) == 0 {
				return fmt.Errorf("DW_CFA_restore_state without DW_CFA_remember_state")
			}
			*cfa = r.saved[len(r.saved)-1]
			r.saved = r.saved[:len(r.saved)-1]
		case cfaDefCFA:
			*cfa = frameRule{reg: c.uleb(), off: int64(c.uleb())}
		case cfaDefCFASF:
			*cfa = frameRule{reg: c.uleb(), off: c.sleb() * r.info.dataAlign}
		case cfaDefCFARegister:
			cfa.reg = c.uleb()
		case cfaDefCFAOffset:
			cfa.off = int64(c.uleb())
		case cfaDefCFAOffsetSF:
			cfa.off = c.sleb() * r.info.dataAlign
		case cfaDefCFAExpression:
			c.skip(int64(c.uleb()))
			*cfa = frameRule{expression: true}
		case cfaExpression, cfaValExpression:
			c.uleb()
			c.skip(int64(c.uleb()))
		default:
			return fmt.Errorf("unknown call frame instruction %#x", op)
		}
	}
	if c.bad {
		return fmt.Errorf("truncated call frame instructions")
	}
	return nil
}

// advance starts a new row.
func (r *ruleReader) advance(delta int64) {
	r.rows = append(r.rows, r.row)
	r.row.off += delta * r.info.codeAlign
}
