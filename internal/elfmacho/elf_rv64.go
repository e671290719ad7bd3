package elfmacho

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// elfRISCVRelocs maps the relocation types of the "RISC-V ABIs Specification"
// 1.0, "Relocations". RELAX only allows a linker to write shorter code, which
// none has to. ALIGN marks no-ops of which a linker that has moved code removes
// some; nothing is moved here, and all of them are executed. Missing are the types
// of dynamic objects, of the global pointer, and the uleb128 that GNU as writes
// into debug data of code that may be relaxed. Halves of differences are not among
// the kinds, see specialRISCV.
var elfRISCVRelocs = []reloc.Kind{
	0:  reloc.None,
	1:  reloc.Abs32,
	2:  reloc.Abs64,
	6:  reloc.TLS, // TLS_DTPMOD32
	7:  reloc.TLS, // TLS_DTPMOD64
	8:  reloc.TLS, // TLS_DTPREL32
	9:  reloc.TLS, // TLS_DTPREL64
	10: reloc.TLS, // TLS_TPREL32
	11: reloc.TLS, // TLS_TPREL64
	16: reloc.Branch12,
	17: reloc.Jump20,
	18: reloc.CallPair, // CALL
	19: reloc.CallPair, // CALL_PLT
	20: reloc.GOTHigh20,
	21: reloc.TLS, // TLS_GOT_HI20
	22: reloc.TLS, // TLS_GD_HI20
	23: reloc.High20,
	24: reloc.Low12I,
	25: reloc.Low12S,
	26: reloc.MovAbs, // HI20
	27: reloc.MovAbs, // LO12_I
	28: reloc.MovAbs, // LO12_S
	29: reloc.TLS,    // TPREL_HI20
	30: reloc.TLS,    // TPREL_LO12_I
	31: reloc.TLS,    // TPREL_LO12_S
	32: reloc.TLS,    // TPREL_ADD
	44: reloc.BranchC,
	45: reloc.JumpC,
	57: reloc.PC32, // 32_PCREL
	58: reloc.IRel, // IRELATIVE
	59: reloc.PC32, // PLT32, among data
	62: reloc.TLS,  // TLSDESC_HI20
	63: reloc.TLS,  // TLSDESC_LOAD_LO12
	64: reloc.TLS,  // TLSDESC_ADD_LO12
	65: reloc.TLS,  // TLSDESC_CALL
}

// Relocation types that do nothing here.
const (
	riscvAlign = 43
	riscvRelax = 51
)

// riscvHalf is the first of two relocations that together compute a difference:
// of a symbol that is added to the field, or replaces it, and another one that
// is then subtracted.
type riscvHalf struct {
	second   uint32     // type of the other half
	set      bool       // what is in the field does not count
	absolute reloc.Kind // of a difference that is known
	relative reloc.Kind // of one from the field; None where there is no such kind
}

var riscvHalves = map[uint32]riscvHalf{
	33: {37, false, reloc.Abs8, reloc.PC8},    // ADD8, SUB8
	34: {38, false, reloc.Abs16, reloc.PC16},  // ADD16, SUB16
	35: {39, false, reloc.Abs32S, reloc.PC32}, // ADD32, SUB32
	36: {40, false, reloc.Abs64, reloc.PC64},  // ADD64, SUB64
	53: {52, true, reloc.Abs6, reloc.None},    // SET6, SUB6
	54: {37, true, reloc.Abs8, reloc.PC8},     // SET8, SUB8
	55: {38, true, reloc.Abs16, reloc.PC16},   // SET16, SUB16
	56: {39, true, reloc.Abs32S, reloc.PC32},  // SET32, SUB32
}

// specialRISCV decodes relocations that do nothing, and makes one of two.
// Assemblers write pairs where they do not know a distance: between sections, as
// in tables of jumps, and in code that a linker may shorten.
func (p *elfParser) specialRISCV(section int32, entries []byte) (r Reloc, n int, err error) {
	r, typ, err := p.entry(entries)
	half, ok := riscvHalves[typ]
	switch {
	case err != nil:
		return r, 0, err
	case typ == riscvAlign || typ == riscvRelax:
		return r, 1, nil
	case !ok:
		return r, 0, nil
	case len(entries) < 2*elfRelaSize:
		return r, 0, fmt.Errorf("relocation type %d without another one behind it", typ)
	}
	from, second, err := p.entry(entries[elfRelaSize:])
	if err != nil {
		return r, 0, err
	}
	if second != half.second || from.Off != r.Off {
		return r, 0, fmt.Errorf("relocation type %d without type %d behind it", typ, half.second)
	}
	return r, 2, p.riscvDifference(section, &r, &from, half)
}

// riscvDifference makes to the distance to it from another place.
func (p *elfParser) riscvDifference(section int32, to, from *Reloc, half riscvHalf) error {
	data, width := p.obj.Sections[section].Data, uint64(half.absolute.Info().Width)
	if to.Off > uint64(len(data)) || width > uint64(len(data))-to.Off {
		return fmt.Errorf("relocation is past the end of the section (%#x bytes)", len(data))
	}
	if !half.set {
		var field [8]byte
		copy(field[8-width:], data[to.Off:to.Off+width])
		to.Addend += int64(binary.LittleEndian.Uint64(field[:])) >> (64 - 8*width)
	}
	a, b := &p.obj.Symbols[to.Symbol], &p.obj.Symbols[from.Symbol]
	base := int64(b.Value) + from.Addend
	to.Type, to.Kind = 0, half.absolute
	switch {
	case b.Section <= 0:
		return fmt.Errorf("a distance from `%s`, which is not in this object", b.Name)
	case a.Section == b.Section && a.Bind != Weak:
		// A number that is known. The null symbol is at 0.
		to.Symbol, to.Addend = 0, to.Addend+int64(a.Value)-base
		return nil
	case b.Section == section && half.relative != reloc.None:
		err := p.retarget(to)
		to.Kind, to.Addend = half.relative, to.Addend+int64(to.Off)-base
		return err
	}
	return fmt.Errorf("the distance from `%s` to `%s`, which is not relative to the place where it is stored, is not supported", b.Name, a.Name)
}

// elfRISCVMapping reports whether a name is that of a mapping symbol ("Mapping
// Symbol" of the same document): $x, with the name of an instruction set and
// anything behind a dot, or $d. Labels are no names either; objects for RISC-V
// keep them for linkers that shorten code.
func elfRISCVMapping(name string) bool {
	base, _, _ := strings.Cut(name, ".")
	return base == "$d" || base == "$x" || strings.HasPrefix(name, "$xrv") || strings.HasPrefix(name, ".L")
}

// e_flags of RISC-V: compressed instructions, and doubles in registers
// ("RISC-V ABIs Specification", "File Header").
const (
	riscvRVC       = 1
	riscvFloatABI  = 6
	riscvDoubleABI = 4
	riscvRVE       = 8
)

// checkRISCV refuses objects for other calling conventions than LP64D.
func checkRISCV(flags uint32) error {
	if flags&riscvFloatABI != riscvDoubleABI || flags&riscvRVE != 0 {
		return bad(48, "an object for another calling convention than lp64d (e_flags %#x)", flags)
	}
	return nil
}
