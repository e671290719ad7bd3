package elfmacho

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// Code of Mach-O may have data in it, of compilers' mostly jump tables
// (<mach-o/loader.h>, LC_DATA_IN_CODE):
//
//	command  16 bytes: type, size, offset and size of the entries
//	entry     8 bytes: address (4), length (2), kind (2)
//
// The kinds say what the data is for, which whoever wants to know has to find in
// the code anyhow.
const (
	lcDataInCode        = 0x29
	machoLinkeditSize   = 16
	machoDataInCodeSize = 8
)

// readDataInCode reads the load command at off.
func (p *machoParser) readDataInCode(off uint64, command []byte) error {
	le := binary.LittleEndian
	if len(command) < machoLinkeditSize {
		return bad(off, "data in code command of %d bytes, want %d", len(command), machoLinkeditSize)
	}
	if p.dataInCode != nil {
		return bad(off, "a second list of data in code")
	}
	start, size := uint64(le.Uint32(command[8:])), uint64(le.Uint32(command[12:]))
	if size%machoDataInCodeSize != 0 {
		return bad(off+12, "data in code: %d bytes are not a multiple of %d", size, machoDataInCodeSize)
	}
	if err := p.take(off+8, start, size, "the list of data in code"); err != nil {
		return err
	}
	p.dataInCode = []byte{}
	if size > 0 {
		p.dataInCode = p.data[start : start+size]
	}
	p.dataAt = start
	return nil
}

// places gives each atom of code the data in it.
func (p *machoParser) places() error {
	le := binary.LittleEndian
	for i := range p.sects {
		s := &p.sects[i]
		if s.kind != Text {
			continue
		}
		var list []Range // in the section
		for off := 0; off < len(p.dataInCode); off += machoDataInCodeSize {
			addr, size := uint64(le.Uint32(p.dataInCode[off:])), uint64(le.Uint16(p.dataInCode[off+4:]))
			if addr < s.addr || addr-s.addr >= s.size || size == 0 {
				continue
			}
			if addr -= s.addr; size > s.size-addr {
				return bad(p.dataAt+uint64(off), "data in code (%d bytes at %s+%#x) ends past the section", size, s.name, addr)
			}
			list = append(list, Range{addr, addr + size})
		}
		slices.SortFunc(list, func(a, b Range) int { return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End)) })
		for _, r := range list {
			// An atom that begins inside of it has its part.
			for k, off := s.find(r.Start); r.Start < r.End; k, off = k+1, 0 {
				atom := &p.obj.Sections[s.first+k]
				n := min(r.End-r.Start, atom.Size-off)
				r.Start += n
				if last := len(atom.DataInCode) - 1; last >= 0 && n > 0 && atom.DataInCode[last].End >= off {
					atom.DataInCode[last].End = max(atom.DataInCode[last].End, off+n)
				} else if n > 0 {
					atom.DataInCode = append(atom.DataInCode, Range{off, off + n})
				}
			}
		}
	}
	return nil
}
