package stack

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
	platform "github.com/cargo-rustgo/cargo-rustgo/internal/target"
)

// Call frame information (System V psABI, section 4.2.4; DWARF 5, section
// 6.4). Where compilers wrote it, it says at each instruction how far the
// canonical frame address, sp before the call, is from a register.
//
//	.eh_frame  records of length (4 or 12 bytes) and id (4 bytes)
//	id 0       a CIE: version, augmentation, alignment factors, first rules
//	else       an FDE: its code's start and length, rules by address

// frameInfo is what an FDE says of a piece of code.
type frameInfo struct {
	start, end int64 // in the section
	rows       []frameRow
}

// frameRow holds from its offset on.
type frameRow struct {
	off int64
	cfa frameRule
}

// frameRule is a canonical frame address: a register plus off. An expression
// cannot be compared.
type frameRule struct {
	reg        uint64
	off        int64
	expression bool
}

// readFrames reads the .eh_frame sections of the objects with live code.
//
// Those of Mach-O are not read: what they say of a function is not right behind
// its first pop (LLVM writes no rules for epilogues there, since
// __compact_unwind, which stands for most of them, cannot hold any), so there
// is nothing to compare with. Such code is treated like assembly without call
// frame information: the walk does not need it. It is a second opinion, which
// can refuse a function, and never makes a bound smaller.
func (p *program) readFrames() error {
	live := map[int32]bool{}
	for ref, sec := range p.sections {
		live[ref.Object] = live[ref.Object] || sec.kind == elfmacho.Text
	}
	for object, o := range p.set.Objects {
		if !live[int32(object)] || o.Format == platform.MachO {
			continue
		}
		for i := range o.Sections {
			s := &o.Sections[i]
			if s.Kind != elfmacho.Unwind {
				continue
			}
			relocs, err := o.Relocs(int32(i))
			if err != nil {
				return fmt.Errorf("%s: %s: %w", o.Name, s.Name, err)
			}
			data, err := known(s.Data, relocs)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", o.Name, s.Name, err)
			}
			r := &frameReader{program: p, object: int32(object), data: data, relocs: relocs, cies: map[int64]*cie{}}
			if err := r.read(); err != nil {
				return fmt.Errorf("%s: %s: %w", o.Name, s.Name, err)
			}
		}
	}
	for _, sec := range p.sections {
		slices.SortFunc(sec.frames, func(a, b frameInfo) int { return int(a.start - b.start) })
	}
	return nil
}

// known returns data with the numbers in it that only relocations tell, of the
// null symbol: distances in code of RISC-V that a linker may shorten.
func known(data []byte, relocs []elfmacho.Reloc) ([]byte, error) {
	copied := false
	for _, r := range relocs {
		if r.Symbol != 0 || r.Kind.Info().PCRel {
			continue
		}
		if !copied {
			data, copied = slices.Clone(data), true
		}
		if err := r.Kind.Put(data[r.Off:], r.Addend); err != nil {
			return nil, err
		}
	}
	return data, nil
}

type frameReader struct {
	*program
	object int32
	data   []byte
	relocs []elfmacho.Reloc
	cies   map[int64]*cie
}

type cie struct {
	codeAlign    int64
	dataAlign    int64
	encoding     byte // of addresses in FDEs
	augmentation bool // FDEs have augmentation data
	rules        []byte
}

// read reads every record of the section.
func (r *frameReader) read() error {
	for off := int64(0); off < int64(len(r.data)); {
		c := &cursor{data: r.data, off: off}
		length := int64(c.u32())
		if length == 0xffffffff {
			length = int64(c.u64())
		}
		if c.bad || length < 0 || length > int64(len(r.data))-c.off {
			return fmt.Errorf("record at %#x ends past the section", off)
		}
		if length == 0 { // terminator
			off = c.off
			continue
		}
		c.data = r.data[:c.off+length]
		next := c.off + length
		field := c.off
		var err error
		if id := int64(c.u32()); id == 0 {
			r.cies[off], err = readCIE(c)
		} else {
			err = r.readFDE(c, field-id)
		}
		if err != nil {
			return fmt.Errorf("record at %#x: %w", off, err)
		}
		off = next
	}
	return nil
}

func readCIE(c *cursor) (*cie, error) {
	info := &cie{}
	version := c.u8()
	augmentation := c.cstring()
	info.codeAlign = int64(c.uleb())
	info.dataAlign = c.sleb()
	if version == 1 {
		c.u8() // the return address's register
	} else {
		c.uleb()
	}
	if len(augmentation) > 0 && augmentation[0] == 'z' {
		info.augmentation = true
		end := int64(c.uleb())
		end += c.off
		for _, letter := range augmentation[1:] {
			switch letter {
			case 'R':
				info.encoding = c.u8()
			case 'P':
				c.skip(encodedSize(c.u8()))
			case 'L':
				c.u8()
			case 'S', 'B':
			default:
				return nil, fmt.Errorf("unknown augmentation %q", augmentation)
			}
		}
		c.off = end
	} else if augmentation != "" {
		return nil, fmt.Errorf("unknown augmentation %q", augmentation)
	}
	if c.bad || c.off < 0 || c.off > int64(len(c.data)) {
		return nil, fmt.Errorf("truncated CIE")
	}
	info.rules = c.data[c.off:]
	return info, nil
}

// encodedSize is the size in bytes of a pointer with a DW_EH_PE encoding; the
// variable-length forms are not used for addresses of code.
func encodedSize(encoding byte) int64 {
	switch encoding & 0x0f {
	case 0x02, 0x0a:
		return 2
	case 0x03, 0x0b:
		return 4
	}
	return 8
}

func (r *frameReader) readFDE(c *cursor, at int64) error {
	info := r.cies[at]
	if info == nil {
		return fmt.Errorf("no CIE at %#x", at)
	}
	size := encodedSize(info.encoding)
	field := c.off
	c.skip(size)
	length := int64(c.uint(size))
	if info.augmentation {
		c.skip(int64(c.uleb()))
	}
	if c.bad {
		return fmt.Errorf("truncated FDE")
	}
	i, found := slices.BinarySearchFunc(r.relocs, uint64(field), func(r elfmacho.Reloc, off uint64) int {
		return int(int64(r.Off) - int64(off))
	})
	if !found {
		return nil // of code in no section
	}
	sym := &r.set.Objects[r.object].Symbols[r.relocs[i].Symbol]
	if sym.Section < 0 {
		return nil
	}
	sec := r.sections[link.Ref{Object: r.object, Section: sym.Section}]
	if sec == nil || sec.kind != elfmacho.Text {
		return nil // not live
	}
	frame := frameInfo{start: int64(sym.Value) + r.relocs[i].Addend}
	frame.end = frame.start + length
	run := &ruleReader{info: info, row: frameRow{off: frame.start}}
	if err := run.execute(info.rules); err != nil {
		return err
	}
	run.rows = nil
	if err := run.execute(c.data[c.off:]); err != nil {
		return err
	}
	frame.rows = append(run.rows, run.row)
	sec.frames = append(sec.frames, frame)
	return nil
}

// check compares sp with the call frame information at pc.
func (w *walker) check(pc int64, s state) error {
	if sp := s[w.sp].kind; !w.final || sp == otherStack || sp == farStack {
		return nil
	}
	row, ok := w.sec.frameRow(pc)
	rule := row.cfa
	if !ok || rule.expression {
		return nil
	}
	if rule.reg >= uint64(len(w.dwarf)) {
		return failf(pc, "call frame information counts from register %d", rule.reg)
	}
	reg := w.dwarf[rule.reg]
	// The canonical frame address is above what the call pushed.
	want := stackValue(entryAnchor, w.pushed-rule.off)
	if reg == w.sp && s[reg].kind == onStack && s[reg].anchor == entryAnchor && s[reg].off < want.off {
		// Inline assembly pushes and pops without a word to the tables. To
		// find sp deeper than they say is no reason to trust them more.
		return nil
	}
	if s[reg] != want && w.code.untold(row.off, pc, reg, s) {
		return nil
	}
	if s[reg] != want {
		return failf(pc, "register %d is %s, but the call frame information says %s", reg, s[reg].describe(), want.describe())
	}
	return nil
}

// frameRule returns the rule that holds at pc.
func (s *section) frameRule(pc int64) (frameRule, bool) {
	row, ok := s.frameRow(pc)
	return row.cfa, ok
}

// frameRow returns the row that holds at pc.
func (s *section) frameRow(pc int64) (frameRow, bool) {
	i, found := slices.BinarySearchFunc(s.frames, pc, func(f frameInfo, pc int64) int { return int(f.start - pc) })
	if !found {
		i--
	}
	if i < 0 || pc >= s.frames[i].end {
		return frameRow{}, false
	}
	rows := s.frames[i].rows
	for j := len(rows) - 1; j >= 0; j-- {
		if rows[j].off <= pc {
			return rows[j], true
		}
	}
	return frameRow{}, false
}

// cursor reads little-endian fields; bad is set once it ran past the end.
type cursor struct {
	data []byte
	off  int64
	bad  bool
}

func (c *cursor) skip(n int64) {
	if n < 0 || n > int64(len(c.data))-c.off {
		c.bad = true
		return
	}
	c.off += n
}

func (c *cursor) uint(n int64) uint64 {
	start := c.off
	if c.skip(n); c.bad {
		return 0
	}
	var b [8]byte
	copy(b[:], c.data[start:c.off])
	return binary.LittleEndian.Uint64(b[:])
}

func (c *cursor) u8() byte    { return byte(c.uint(1)) }
func (c *cursor) u32() uint32 { return uint32(c.uint(4)) }
func (c *cursor) u64() uint64 { return c.uint(8) }

func (c *cursor) uleb() uint64 {
	var v uint64
	for shift := 0; shift < 64 && !c.bad; shift += 7 {
		b := c.u8()
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v
		}
	}
	c.bad = true
	return 0
}

func (c *cursor) sleb() int64 {
	var v int64
	for shift := 0; shift < 64 && !c.bad; shift += 7 {
		b := c.u8()
		v |= int64(b&0x7f) << shift
		if b < 0x80 {
			if b&0x40 != 0 && shift+7 < 64 {
				v |= -1 << (shift + 7)
			}
			return v
		}
	}
	c.bad = true
	return 0
}

func (c *cursor) cstring() string {
	var s []byte
	for !c.bad {
		b := c.u8()
		if b == 0 {
			break
		}
		s = append(s, b)
	}
	return string(s)
}
