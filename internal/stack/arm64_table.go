package stack

import (
	"encoding/binary"
	"slices"

	"github.com/cargo-rustgo/cargo-rustgo/internal/arm64"
	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
)

// Jump tables as LLVM writes them (AArch64CompressJumpTables) hold distances
// from a label, in 1, 2 or 4 bytes; those of 1 and 2 bytes count instructions:
//
//	adrp  x9, table
//	add   x9, x9, :lo12:table
//	adr   x10, label
//	ldrb  w11, [x9, x8]            ldrh w11, [x9, x8, lsl #1]   ldrsw x11, [x9, x8, lsl #2]
//	add   x10, x10, x11, lsl #2                                 add x10, x10, x11
//	br    x10
//
// GCC's are the same, but for "add x10, x10, w11, sxtb #2": signed. There is no
// relocation on the fields. Where a table ends is not said, either: it goes on
// to the next place in its section that anything refers to, or to the first
// field that leads out of the code. To read beyond its end adds ways that
// control does not take, which is harmless.

// fieldForm is how a field of a table makes a distance.
type fieldForm struct {
	size   int64 // in bytes
	signed bool
	shift  int
}

// pack puts a form, and the offset of a label that is not negative, in the
// anchor of a value.
func (f fieldForm) pack(label int64) int64 {
	n := label<<8 | int64(f.shift)<<4 | f.size
	if f.signed {
		n |= 8
	}
	return n
}

func unpackForm(anchor int64) (f fieldForm, label int64) {
	return fieldForm{anchor & 7, anchor&8 != 0, int(anchor >> 4 & 15)}, anchor >> 8
}

// loadField is the value of an instruction that loads a field of a table.
func (w *arm64Code) loadField(inst *arm64.Inst, s state) (value, bool) {
	if inst.Op != arm64.Load || inst.Mode() != arm64.Indexed || inst.Writes() == 0 {
		return value{}, false
	}
	base := s[inst.Base()]
	if base.kind != address {
		return value{}, false
	}
	if sec := w.sections[base.Ref]; sec == nil || sec.kind == elfmacho.Text {
		return value{}, false
	}
	f := fieldForm{size: inst.Size(), signed: inst.Word>>23&1 != 0} // opc is 10 or 11
	if f.size > 4 {
		return value{}, false
	}
	return value{kind: tableEntry, anchor: f.pack(0), place: base.place}, true
}

// addField is the value of an addition of a field to where it counts from.
func (w *arm64Code) addField(inst *arm64.Inst, s state) (value, bool) {
	if inst.Rn() == 31 || inst.Rm() == 31 || !inst.Wide() {
		return value{}, false
	}
	base, field := s[inst.Rn()], s[inst.Rm()]
	if base.kind == tableEntry && inst.Plain() {
		base, field = field, base
	}
	if field.kind != tableEntry {
		return value{}, false
	}
	f, _ := unpackForm(field.anchor)
	if f.shift = inst.ShiftLeft(); f.shift < 0 {
		return value{}, false
	}
	if inst.ReadsSP() { // extended: the option is 0 to 3 for unsigned, 4 to 7 for signed ones
		option := inst.Word >> 13 & 7
		if bytes := int64(1) << (option & 3); bytes < f.size {
			return value{}, false
		} else if bytes == f.size {
			f.signed = option >= 4
		}
	}
	switch {
	case base.kind == label && base.off >= 0:
		return value{kind: tableTarget, anchor: f.pack(base.off), place: field.place}, true
	case base.kind == address && base.place == field.place && f == fieldForm{4, true, 0}:
		return value{kind: tableTarget, anchor: fromItself, place: field.place}, true
	}
	return value{}, false
}

// fromItself is the anchor of a target by a table whose fields are relocated,
// and count from its start.
const fromItself = -1

// tableOf reads the table by which a value was made.
func (w *arm64Code) tableOf(v value) (table, bool) {
	if v.anchor == fromItself {
		i := slices.IndexFunc(w.sec.tables, func(t table) bool { return t.base == v.place })
		if i < 0 {
			return table{}, false
		}
		return w.sec.tables[i], true
	}
	f, from := unpackForm(v.anchor)
	sec := w.sections[v.Ref]
	t := table{base: v.place, end: w.nextReference(v.place)}
	seen := map[int64]bool{}
	for off := v.off; off >= 0 && off+f.size <= t.end; off += f.size {
		if _, relocated := sec.relocIn(off); relocated {
			break
		}
		to := from + f.distance(sec.data[off:])
		if to < 0 || to >= int64(len(w.sec.data)) || to%arm64.Len != 0 {
			break
		}
		if !seen[to] {
			seen[to] = true
			t.targets = append(t.targets, to)
		}
	}
	return t, len(t.targets) > 0
}

// distance reads a field.
func (f fieldForm) distance(field []byte) int64 {
	var n int64
	switch f.size {
	case 1:
		if n = int64(field[0]); f.signed {
			n = int64(int8(n))
		}
	case 2:
		if n = int64(binary.LittleEndian.Uint16(field)); f.signed {
			n = int64(int16(n))
		}
	case 4:
		if n = int64(binary.LittleEndian.Uint32(field)); f.signed {
			n = int64(int32(n))
		}
	}
	return n << f.shift
}

// nextReference is the next offset after a place that a relocation refers to,
// or where the contents of the section end.
func (p *program) nextReference(at place) int64 {
	if p.references == nil {
		p.references = map[link.Ref][]int64{}
		for _, sec := range p.sections {
			for i := range sec.targets {
				if t := &sec.targets[i]; t.inSection() {
					to := t.value()
					p.references[to.Ref] = append(p.references[to.Ref], to.off)
				}
			}
		}
		for _, list := range p.references {
			slices.Sort(list)
		}
	}
	list := p.references[at.Ref]
	end := int64(len(p.sections[at.Ref].data))
	if i, _ := slices.BinarySearch(list, at.off+1); i < len(list) {
		end = min(end, list[i])
	}
	return end
}
