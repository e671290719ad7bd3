package stack

import (
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/amd64"
)

// probeLoop recognises the loop in which LLVM touches each page of a large
// frame (X86FrameLowering::emitStackProbeInlineGenericLoop), and GCC's:
//
//	lea  -0x28000(%rsp), %r11
//	loop:
//	sub  $0x1000, %rsp
//	movq $0, (%rsp)              or orq $0, (%rsp)
//	cmp  %r11, %rsp
//	jne  loop
//
// It ends with rsp in the register's place, which it must meet exactly. It
// returns the offset after the loop and that register.
func (w *amd64Code) probeLoop(pc int64, s state) (next int64, reg int, below int64, ok bool) {
	var insts [4]amd64.Inst
	next = pc
	for i := range insts {
		inst, err := w.instruction(next)
		if err != nil {
			return 0, 0, 0, false
		}
		if i == 0 && (inst.Stack().Kind != amd64.StackAdd || !inst.Is(0x81) && !inst.Is(0x83)) {
			return 0, 0, 0, false
		}
		insts[i] = inst
		next += int64(inst.Len)
	}
	sub, store, cmp, jne := &insts[0], &insts[1], &insts[2], &insts[3]
	if !jne.Is(0x75) && !jne.Is0F(0x85) || int64(jne.Target(int(next)-jne.Len)) != pc {
		return 0, 0, 0, false
	}
	zero := (store.Is(0xc7) || (store.Is(0x83) || store.Is(0x81)) && store.Ext() == 1) && store.Memory()
	if !zero || store.Base() != amd64.RSP || store.Index() != amd64.NoReg || store.Disp != 0 {
		return 0, 0, 0, false
	}
	switch {
	case !cmp.W || cmp.Mod() != 3:
		return 0, 0, 0, false
	case cmp.Is(0x39) && cmp.RM() == amd64.RSP:
		reg = cmp.Reg()
	case cmp.Is(0x39) && cmp.Reg() == amd64.RSP, cmp.Is(0x3b) && cmp.Reg() == amd64.RSP:
		reg = cmp.RM()
	case cmp.Is(0x3b) && cmp.RM() == amd64.RSP:
		reg = cmp.Reg()
	default:
		return 0, 0, 0, false
	}
	rsp, end, page := s[amd64.RSP], s[reg], -sub.Stack().Delta
	if rsp.kind != onStack || end.kind != onStack || rsp.anchor != end.anchor || page <= 0 {
		return 0, 0, 0, false
	}
	if n := rsp.off - end.off; n <= 0 || n%page != 0 || n%8 != 0 {
		return 0, 0, 0, false
	}
	return next, reg, 0, true
}

// probedBytes reports whether a call goes to __rust_probestack, which touches
// the rax bytes below its caller's frame and leaves rsp and all registers as
// they were (compiler-builtins, src/probestack.rs).
func (w *amd64Code) probedBytes(to place, s state) (int64, bool) {
	sec := w.sections[to.Ref]
	if sec == nil || s[amd64.RAX].kind != constant {
		return 0, false
	}
	sym, ok := sec.symbolAt(to.off)
	// rustc mangles it like its other symbols of the runtime.
	return s[amd64.RAX].off, ok && strings.HasSuffix(sym.name, "__rust_probestack")
}
