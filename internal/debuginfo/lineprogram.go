package debuginfo

import (
	"math"
	"math/bits"
	"slices"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// Standard opcodes (DWARF 5, section 6.2.5.2) and how many operands they have
// that are LEB128 numbers.
const (
	lnsCopy             = 1
	lnsAdvancePC        = 2
	lnsAdvanceLine      = 3
	lnsSetFile          = 4
	lnsSetColumn        = 5
	lnsNegateStmt       = 6
	lnsSetBasicBlock    = 7
	lnsConstAddPC       = 8
	lnsFixedAdvancePC   = 9
	lnsSetPrologueEnd   = 10
	lnsSetEpilogueBegin = 11
	lnsSetISA           = 12
)

var standardLengths = [...]byte{0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1}

// Extended opcodes (DWARF 5, section 6.2.5.3).
const (
	lneEndSequence = 1
	lneSetAddress  = 2
	lneDefineFile  = 3 // until version 4
)

// A lineProgram is the state machine that line tables are programs for (DWARF 5,
// section 6.2.2). Of its registers only those are kept that matter here.
//
// Addresses count from 0 in a relocatable object. What makes them places is the
// relocation of the operand of DW_LNE_set_address, which every sequence starts
// with. A sequence without one belongs to no section: it is what linkers leave
// of code that they dropped.
type lineProgram struct {
	*Data
	object    *elfmacho.Object
	want      func(section int32) bool
	relocs    []elfmacho.Reloc // of .debug_line, those that are still ahead
	sequences map[int32][][]Line

	header *lineHeader
	c      Cursor

	section int32  // what off is in, -1 for none
	size    uint64 // of it
	wanted  bool
	off     uint64
	file    uint64
	line    int64

	open   bool   // the sequence has a row
	last   uint64 // the offset of the latest
	before uint64 // its file
	at     int64  // its line
	path   string // of file, "" until looked up
	rows   []Line // of the sequence
	opcode int    // where the current one starts
}

func (p *lineProgram) bad(format string, args ...any) error {
	return bad(".debug_line", p.opcode, format, args...)
}

// reset starts a sequence (DWARF 5, figure 6.4).
func (p *lineProgram) reset() {
	p.section, p.size, p.wanted = -1, math.MaxUint64, false
	p.off, p.file, p.line, p.path = 0, 1, 1, ""
	p.open, p.last, p.rows = false, 0, p.rows[:0]
}

// run executes the program after p.header.
func (p *lineProgram) run() error {
	h := p.header
	for i, n := range standardLengths[:min(len(standardLengths), len(h.opcodeLengths))] {
		if h.opcodeLengths[i] != n {
			return bad(".debug_line", h.start, "standard opcode %d has %d operands", i+1, h.opcodeLengths[i])
		}
	}
	for len(p.relocs) > 0 && p.relocs[0].Off < uint64(h.program) {
		p.relocs = p.relocs[1:]
	}
	p.c = Cursor{Data: p.Line[:h.end], Off: h.program}
	p.opcode = h.program
	p.reset()
	for p.c.Off < h.end {
		p.opcode = p.c.Off
		op := uint64(p.c.Data[p.c.Off])
		p.c.Off++
		var err error
		switch {
		case op >= h.opcodeBase: // special: section 6.2.5.1
			op -= h.opcodeBase
			p.line += h.lineBase + int64(op%h.lineRange)
			if err = p.advance(op / h.lineRange); err == nil {
				err = p.row()
			}
		case op == 0:
			err = p.extended()
		default:
			err = p.standard(op)
		}
		if err != nil {
			return err
		}
		if p.c.Err != nil {
			return p.bad("%v", p.c.Err)
		}
	}
	if p.open {
		return p.bad("the sequence has no end")
	}
	return p.unrelocated(h.end)
}

func (p *lineProgram) standard(op uint64) error {
	h := p.header
	switch op {
	case lnsCopy:
		return p.row()
	case lnsAdvancePC:
		return p.advance(p.c.Uleb())
	case lnsAdvanceLine:
		n := p.c.Sleb()
		if n < -math.MaxUint32 || n > math.MaxUint32 {
			return p.bad("line advances by %d", n)
		}
		p.line += n
	case lnsSetFile:
		p.file, p.path = p.c.Uleb(), ""
	case lnsSetColumn, lnsSetISA:
		p.c.Uleb()
	case lnsNegateStmt, lnsSetBasicBlock, lnsSetPrologueEnd, lnsSetEpilogueBegin:
	case lnsConstAddPC:
		return p.advance((255 - h.opcodeBase) / h.lineRange)
	case lnsFixedAdvancePC: // not in units of an instruction
		return p.add(p.c.Uint(2))
	default:
		for n := h.opcodeLengths[op-1]; n > 0; n-- {
			p.c.Uleb()
		}
	}
	return nil
}

func (p *lineProgram) extended() error {
	n := p.c.Uleb()
	if p.c.Err == nil && (n == 0 || n > uint64(len(p.c.Data)-p.c.Off)) {
		return p.bad("extended opcode of %d bytes", n)
	}
	end := p.c.Off + int(n)
	switch op := p.c.Uint(1); {
	case p.c.Err != nil:
	case op == lneEndSequence:
		if err := p.endSequence(); err != nil {
			return err
		}
	case op == lneSetAddress:
		if err := p.setAddress(int(n - 1)); err != nil {
			return err
		}
	case op == lneDefineFile && p.header.version < 5:
		f := lineFile{name: p.c.CString()}
		f.rest(&p.c)
		if err := p.Charge(perFile); err != nil {
			return err
		}
		p.header.files = append(p.header.files, f)
	}
	if p.c.Err == nil && p.c.Off > end {
		return p.bad("extended opcode is longer than the %d bytes that it says", n)
	}
	if p.c.Err == nil {
		p.c.Off = end
	}
	return nil
}

// advance adds n instructions to the address.
func (p *lineProgram) advance(n uint64) error {
	hi, lo := bits.Mul64(n, p.header.minInst)
	if hi != 0 {
		return p.bad("address overflows")
	}
	return p.add(lo)
}

func (p *lineProgram) add(n uint64) error {
	off, carry := bits.Add64(p.off, n, 0)
	if carry != 0 {
		return p.bad("address overflows")
	}
	p.off = off
	return nil
}

// setAddress reads the operand of DW_LNE_set_address.
func (p *lineProgram) setAddress(width int) error {
	if width != 4 && width != 8 {
		return p.bad("address of %d bytes", width)
	}
	at := p.c.Off
	if err := p.unrelocated(at); err != nil {
		return err
	}
	section := int32(-1)
	p.off = p.c.Uint(width)
	if len(p.relocs) > 0 && p.relocs[0].Off == uint64(at) {
		r := &p.relocs[0]
		p.relocs = p.relocs[1:]
		if r.Kind.Info().Width != width || r.Kind != reloc.Abs64 && r.Kind != reloc.Abs32 {
			return p.bad("address of %d bytes with the relocation %v", width, r.Kind)
		}
		if sym := &p.object.Symbols[r.Symbol]; sym.Section >= 0 {
			section = sym.Section
			p.off = sym.Value + uint64(r.Addend)
		}
	}
	if p.open && (section != p.section || p.off < p.last) {
		return p.bad("address goes back in a sequence, or to another section")
	}
	p.enter(section)
	return nil
}

// enter makes a section that which off is in.
func (p *lineProgram) enter(section int32) {
	p.section, p.size = section, math.MaxUint64
	if section >= 0 {
		p.size = p.object.Sections[section].Size
	}
	// Only bytes that are there can be code: rows must not outnumber them.
	p.wanted = section >= 0 && p.object.Sections[section].Kind == elfmacho.Text && (p.want == nil || p.want(section))
}

// carry goes on to the section that off is in. A sequence of Mach-O runs across
// atoms, each of which begins with the line that the one before ends with.
// Unless it ends, a sequence at the end of an atom is at the start of the next.
func (p *lineProgram) carry(ends bool) error {
	for p.section >= 0 && (p.off > p.size || p.off == p.size && !ends) {
		next := int(p.section) + 1
		if next == len(p.object.Sections) || !p.object.Sections[next].Continued {
			return nil
		}
		if err := p.Charge(1); err != nil {
			return err
		}
		p.flush(p.size)
		p.off, p.last, p.rows = p.off-p.size, 0, p.rows[:0]
		p.enter(int32(next))
		if p.open && p.wanted && p.size > 0 {
			path, err := p.lookUp(p.before)
			if err != nil {
				return err
			}
			p.rows = append(p.rows, Line{0, path, int(p.at)})
		}
	}
	return nil
}

// flush ends the rows of a section at off.
func (p *lineProgram) flush(off uint64) {
	if p.wanted && len(p.rows) > 0 {
		rows := appendLine(p.rows, Line{Off: off})
		if len(rows) > 1 {
			p.sequences[p.section] = append(p.sequences[p.section], slices.Clone(rows))
		}
	}
}

// unrelocated checks that no relocation applies from the last that was used up
// to the byte at off: only the operands of DW_LNE_set_address may have them.
func (p *lineProgram) unrelocated(off int) error {
	if len(p.relocs) > 0 && p.relocs[0].Off < uint64(off) {
		return bad(".debug_line", int(p.relocs[0].Off), "relocation of what is not an address")
	}
	return nil
}

// row appends a row to the matrix (DWARF 5, section 6.2.2).
func (p *lineProgram) row() error {
	if p.line < 0 || p.line > math.MaxInt32 {
		return p.bad("line %d", p.line)
	}
	if err := p.carry(false); err != nil {
		return err
	}
	if p.off > p.size {
		return p.bad("offset %#x is past the end of the section (%#x bytes)", p.off, p.size)
	}
	p.open, p.last, p.before, p.at = true, p.off, p.file, p.line
	if !p.wanted {
		return nil
	}
	if p.path == "" {
		path, err := p.lookUp(p.file)
		if err != nil {
			return err
		}
		p.path = path
	}
	p.rows = appendLine(p.rows, Line{p.off, p.path, int(p.line)})
	return nil
}

// lookUp returns the name of a file. Rows share it.
func (p *lineProgram) lookUp(file uint64) (string, error) {
	name, err := p.filePath(p.header, file)
	if err != nil {
		return "", err
	}
	if name == "" {
		return "", p.bad("file %d, of %d", file, len(p.header.files))
	}
	f := &p.header.files[file]
	if f.clean == "" {
		f.clean = clean(name)
	}
	return f.clean, nil
}

// endSequence ends a sequence at the address behind its last instruction.
func (p *lineProgram) endSequence() error {
	if err := p.carry(true); err != nil {
		return err
	}
	if p.off > p.size {
		return p.bad("offset %#x is past the end of the section (%#x bytes)", p.off, p.size)
	}
	p.flush(p.off)
	p.reset()
	return nil
}
