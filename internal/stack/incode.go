package stack

import (
	"encoding/binary"
	"slices"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
)

// On x86-64 LLVM puts jump tables of Mach-O behind the function that uses them,
// in the same atom. There the distances need no relocations, and neither does
// the lea; the object says which bytes are data:
//
//	lea  table(%rip), %rcx
//	…
//	table:
//	.long case0-table, case1-table
//
// As in other sections (findTables), a table starts at an address that code
// forms, and goes on to the next such, or to the first field that leads out of
// the code. A field too many only adds ways.

// findTablesInCode finds the jump tables among code.
func (p *program) findTablesInCode() {
	for _, sec := range p.sections {
		if sec.kind != elfmacho.Text || len(sec.inCode) == 0 {
			continue
		}
		bases := p.formsInCode(sec)
		for i, base := range bases {
			end := sec.dataEnd(base)
			if i+1 < len(bases) {
				end = min(end, bases[i+1])
			}
			t := table{base: place{sec.ref, base}, end: base}
			for ; t.end+4 <= end; t.end += 4 {
				to := base + int64(int32(binary.LittleEndian.Uint32(sec.data[t.end:])))
				if _, relocated := sec.relocIn(t.end); relocated || to < 0 || to >= int64(len(sec.data)) || sec.isData(to) {
					break
				}
				if !slices.Contains(t.targets, to) {
					t.targets = append(t.targets, to)
				}
			}
			if len(t.targets) > 0 {
				sec.tables = append(sec.tables, t)
			}
		}
	}
}

// formsInCode returns the addresses of data in a section that its code forms,
// ascending: all its code is decoded, from the start.
func (p *program) formsInCode(sec *section) []int64 {
	var bases []int64
	c := p.code(&walker{program: p, sec: sec})
	for pc := int64(0); pc < int64(len(sec.data)); {
		if sec.isData(pc) {
			pc = sec.dataEnd(pc)
			continue
		}
		n, err := c.decode(pc)
		if err != nil {
			break // more is not code that compilers write
		}
		if to, ok := c.forms(pc); ok && sec.isData(to) {
			bases = append(bases, to)
		}
		pc += int64(n)
	}
	slices.Sort(bases)
	return slices.Compact(bases)
}

// isData reports whether the byte at off is marked as data.
func (s *section) isData(off int64) bool { return s.dataEnd(off) > off }

// dataEnd returns where the data ends that the byte at off belongs to, or off if
// that is code.
func (s *section) dataEnd(off int64) int64 {
	i, _ := slices.BinarySearchFunc(s.inCode, off, func(r elfmacho.Range, off int64) int {
		if int64(r.End) <= off {
			return -1
		}
		return 1
	})
	if i < len(s.inCode) && int64(s.inCode[i].Start) <= off {
		return int64(s.inCode[i].End)
	}
	return off
}

// takeDataInCode takes what may be computed from data in code: addresses that
// relocations there name, and functions that start where tables lead to.
func (r *reach) takeDataInCode(sec *section, at link.Ref, ctx context) {
	if r.data[ctx][at] {
		return
	}
	for c := ctx; c < contexts; c++ {
		r.data[c][at] = true
	}
	for i := range sec.targets {
		if t := &sec.targets[i]; t.inSection() && sec.isData(t.off) {
			r.take(t.value(), ctx)
			r.take(place{t.place.Ref, int64(t.place.Off)}, ctx)
		}
	}
	for i := range sec.tables {
		if t := &sec.tables[i]; t.base.Ref == at {
			for _, to := range t.targets {
				if sec.isFunction(to) {
					r.take(place{at, to}, ctx)
				}
			}
		}
	}
}

// forms: on arm64 jump tables are in a section of constants.
func (w *arm64Code) forms(int64) (int64, bool) { return 0, false }
