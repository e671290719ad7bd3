package stack

import (
	"github.com/cargo-rustgo/cargo-rustgo/internal/amd64"
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// returnAddress is what a call pushes, in bytes.
const returnAddress = 8

// amd64Processor follows the System V psABI, sections 3.2.1 and 3.2.2, and for
// DWARF figure 3.36.
var amd64Processor = processor{
	arch:      "amd64",
	registers: 16,
	sp:        amd64.RSP,
	spName:    "rsp",
	callerSaved: 1<<amd64.RAX | 1<<amd64.RCX | 1<<amd64.RDX | 1<<amd64.RSI | 1<<amd64.RDI |
		1<<amd64.R8 | 1<<amd64.R9 | 1<<amd64.R10 | 1<<amd64.R11,
	results:  []int{amd64.RAX, amd64.RDX},
	handed:   unknown,
	pushed:   returnAddress,
	align:    8,
	redZone:  128,
	fieldEnd: 4,
	dwarf: []int{
		amd64.RAX, amd64.RDX, amd64.RCX, amd64.RBX, amd64.RSI, amd64.RDI, amd64.RBP, amd64.RSP,
		amd64.R8, amd64.R9, amd64.R10, amd64.R11, amd64.R12, amd64.R13, amd64.R14, amd64.R15,
	},
	forms: amd64Forms,
	code:  func(w *walker) code { return &amd64Code{walker: w} },
}

// amd64Forms finds lea symbol(%rip), register.
func amd64Forms(sec *section, t *target) (place, bool) {
	if t.kind != reloc.PC32 || !t.inSection() || t.off < 2 || sec.data[t.off-2] != 0x8d {
		return place{}, false
	}
	at := t.value()
	at.off += 4
	return at, true
}

// amd64Code walks amd64 code.
type amd64Code struct {
	*walker
	inst amd64.Inst // at the pc that was last decoded
}

func (w *amd64Code) decode(pc int64) (int, error) {
	inst, err := w.instruction(pc)
	w.inst = inst
	return inst.Len, err
}

// instruction decodes the instruction at pc.
func (w *amd64Code) instruction(pc int64) (amd64.Inst, error) {
	code, err := w.sec.codeAt(pc)
	if err != nil {
		return amd64.Inst{}, err
	}
	return amd64.Decode(code)
}

// forms finds lea label(%rip), register.
func (w *amd64Code) forms(pc int64) (int64, bool) {
	at, _, ok := w.operandPlace(pc, &w.inst)
	return at.off, ok && w.inst.Is(0x8d) && at.Ref == w.sec.ref
}

// untold: no compiler for amd64 is known to do that.
func (w *amd64Code) untold(_, _ int64, _ int, _ state) bool { return false }
