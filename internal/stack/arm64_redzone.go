package stack

import "github.com/cargo-rustgo/cargo-rustgo/internal/arm64"

// noteStack looks at the operands of an instruction that lie on the stack. There
// is no red zone (AAPCS64, section 6.4.5.1); assembly may use one all the same, at
// constant offsets.
func (w *arm64Code) noteStack(inst *arm64.Inst, s state) {
	base := inst.Base()
	if !w.final || s[arm64.SP].kind != onStack || base == arm64.NoReg || s[base].kind != onStack {
		return
	}
	v := s[base]
	if m := inst.Mode(); m == arm64.Offset || m == arm64.PreIndex {
		v = v.plus(inst.Disp())
	}
	w.red.deepest = max(w.red.deepest, w.depthOf(v))
}
