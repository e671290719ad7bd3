package stack

import (
	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
	"github.com/cargo-rustgo/cargo-rustgo/internal/riscv64"
)

// riscvProcessor follows the "RISC-V ABIs Specification", "Integer Register
// Convention" and "Integer Calling Convention": s0 to s11 are preserved, sp is a
// multiple of 16, a call pushes nothing, and nothing below sp is used. In DWARF
// x0 to x31 have the numbers that they have in instructions.
var riscvProcessor = processor{
	arch:      "riscv64",
	registers: riscv64.Registers,
	sp:        riscv64.SP,
	spName:    "sp",
	callerSaved: 1<<riscv64.RA | 7<<riscv64.T0 | // t0 to t2
		0xff<<riscv64.A0 | 15<<28, // a0 to a7, t3 to t6
	results: []int{riscv64.A0, riscv64.A1},
	handed:  loaded, // as on arm64
	align:   16,
	dwarf:   numbersTo(riscv64.Registers),
	forms:   riscvForms,
	code:    func(w *walker) code { return &riscvCode{walker: w} },
	touches: func(code []byte) (registers, int) {
		inst, err := riscv64.Decode(code)
		if err != nil {
			return ^registers(0), 2
		}
		return registers(inst.Touches()), inst.Len
	},
}

// riscvForms finds addi register, register, %pcrel_lo(label), and a load from the
// GOT.
func riscvForms(sec *section, t *target) (place, bool) {
	high, ok := sec.high(t)
	if !ok || !high.inSection() {
		return place{}, false
	}
	code, err := sec.codeAt(t.off)
	if err != nil {
		return place{}, false
	}
	inst, err := riscv64.Decode(code)
	return high.value(), err == nil && (high.kind == reloc.High20 && inst.Op == riscv64.AddImm || high.kind == reloc.GOTHigh20 && inst.Op == riscv64.Load)
}

// high returns the relocation of the auipc whose label is the symbol of one of a
// low part. Such a label is no place that the code means.
func (s *section) high(t *target) (*target, bool) {
	if t.kind != reloc.Low12I && t.kind != reloc.Low12S || !t.inSection() || t.place.Ref != s.ref || t.addend != 0 {
		return nil, false
	}
	return s.relocIn(int64(t.place.Off))
}

// riscvCode walks riscv64 code.
type riscvCode struct {
	*walker
	// inst is at the pc that was last decoded. Of auipc and jalr with one
	// relocation for both, a call or jump to anywhere, it is the jalr, pair the
	// relocation, and Rs1 a register that is lost.
	inst riscv64.Inst
	pair *target
}

func (w *riscvCode) decode(pc int64) (int, error) {
	inst, err := w.instruction(pc)
	w.inst, w.pair = inst, nil
	if err != nil {
		return 0, err
	}
	t, ok := w.sec.relocIn(pc)
	if !ok || t.kind != reloc.CallPair {
		return inst.Len, nil
	}
	w.pair = t
	if w.inst, err = w.instruction(pc + int64(inst.Len)); err != nil {
		return 0, err
	}
	if inst.Op != riscv64.Auipc || w.inst.Op != riscv64.Jalr || w.inst.Rs1() != inst.Rd() || inst.Rd() == riscv64.Zero || inst.Rd() == riscv64.SP {
		return 0, failf(pc, "the relocation of a call on other instructions")
	}
	return inst.Len + w.inst.Len, nil
}

// instruction decodes the instruction at pc.
func (w *riscvCode) instruction(pc int64) (riscv64.Inst, error) {
	code, err := w.sec.codeAt(pc)
	if err != nil {
		return riscv64.Inst{}, err
	}
	return riscv64.Decode(code)
}

// probeLoop: neither LLVM as rustc uses it nor GCC writes such loops.
func (w *riscvCode) probeLoop(int64, state) (next int64, reg int, below int64, ok bool) {
	return 0, 0, 0, false
}

// forms: on riscv64 jump tables are in a section of constants.
func (w *riscvCode) forms(int64) (int64, bool) { return 0, false }

// untold: LLVM says nothing of two things. Functions may have their frame on some
// paths only (ShrinkWrap), and where one of the others is placed behind these,
// the information still tells of the frame (only x86 has CFIInstrInserter). And
// a frame that is too large for one addition to sp is taken down by two, of
// which only the second is told.
func (w *riscvCode) untold(from, pc int64, _ int, s state) bool {
	away := false // control does not go on from the row to pc
	var last riscv64.StackEffect
	for at := max(from, 0); at < pc; {
		inst, err := w.instruction(at)
		if err != nil {
			return false
		}
		switch inst.Flow() {
		case riscv64.Jump, riscv64.JumpIndirect, riscv64.Return, riscv64.Trap:
			away = true
		}
		last = inst.Stack()
		at += int64(inst.Len)
	}
	if away && w.atEntry(s) {
		return true
	}
	next, err := w.instruction(pc)
	rises := func(e riscv64.StackEffect) bool { return e.Kind == riscv64.StackAdd && e.Delta > 0 }
	return err == nil && rises(last) && rises(next.Stack())
}

// register is what a register holds.
func (w *riscvCode) register(n int, s state) value {
	if n == riscv64.Zero {
		return constantValue(0)
	}
	return s[n]
}
