package stack

import (
	"github.com/cargo-rustgo/cargo-rustgo/internal/arm64"
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
	platform "github.com/cargo-rustgo/cargo-rustgo/internal/target"
)

// arm64Processor follows the AAPCS64, sections 6.1.1 and 6.4.5: x19 to x29 are
// preserved, sp is a multiple of 16, a call pushes nothing, and nothing below sp
// is used. In DWARF for AArch64 x0 to x30 and sp have the numbers that they have
// in instructions.
var arm64Processor = processor{
	arch:        "arm64",
	registers:   arm64.Registers,
	sp:          arm64.SP,
	spName:      "sp",
	callerSaved: 1<<arm64.X19 - 1 | 1<<arm64.X30,
	results:     []int{0, 1},
	// A jump through a register is a jump by a table unless the register holds
	// what others made: no label of the function.
	handed: loaded,
	align:  16,
	dwarf:  numbersTo(arm64.Registers),
	forms:  arm64Forms,
	code:   func(w *walker) code { return &arm64Code{walker: w} },
	touches: func(code []byte) (registers, int) {
		inst, err := arm64.Decode(code)
		if err != nil {
			return ^registers(0), arm64.Len
		}
		return registers(inst.Touches()), arm64.Len
	},
}

// appleARM64Processor is for Mach-O: a function may use 128 bytes below sp
// without moving it ("Writing ARM64 code for Apple platforms", "Respect the
// stack's red zone").
var appleARM64Processor = appleARM64()

func appleARM64() processor {
	m := arm64Processor
	m.format, m.redZone = platform.MachO, 128
	return m
}

func numbersTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// arm64Forms finds add register, register, #:lo12:symbol.
func arm64Forms(sec *section, t *target) (place, bool) {
	if t.kind != reloc.PageOff12 || !t.inSection() {
		return place{}, false
	}
	code, err := sec.codeAt(t.off)
	if err != nil {
		return place{}, false
	}
	inst, err := arm64.Decode(code)
	return t.value(), err == nil && inst.Op == arm64.Add
}

// arm64Code walks arm64 code.
type arm64Code struct {
	*walker
	inst arm64.Inst // at the pc that was last decoded
}

func (w *arm64Code) decode(pc int64) (int, error) {
	inst, err := w.instruction(pc)
	w.inst = inst
	return arm64.Len, err
}

// instruction decodes the instruction at pc.
func (w *arm64Code) instruction(pc int64) (arm64.Inst, error) {
	code, err := w.sec.codeAt(pc)
	if err != nil {
		return arm64.Inst{}, err
	}
	return arm64.Decode(code)
}

// untold: in functions that are compiled for the smallest size LLVM says nothing
// of the epilogue (AArch64FrameLowering, needsAsyncDwarfUnwindInfo): the
// information counts from x29 where that has been restored, and from sp where
// that is back at the entry. Elsewhere it folds the last "add sp, sp, #32" into
// the load before it, as "ldp x9, x10, [sp], #32", but not the directive that
// says so (AArch64LoadStoreOpt; seen in compiler_builtins).
func (w *arm64Code) untold(from, pc int64, register int, s state) bool {
	switch {
	case register == arm64.SP && w.atEntry(s):
	case register == arm64.X29 && s[arm64.X29].kind == loaded:
	default:
		return false
	}
	for at := max(from, 0); at < pc; at += arm64.Len {
		inst, err := w.instruction(at)
		if err != nil {
			continue
		}
		restores := inst.Op == arm64.Load && inst.Base() == arm64.SP && inst.Writes().Has(arm64.X29)
		if e := inst.Stack(); register == arm64.SP && e.Kind == arm64.StackAdd && e.Delta > 0 || register == arm64.X29 && restores {
			return true
		}
	}
	return false
}
