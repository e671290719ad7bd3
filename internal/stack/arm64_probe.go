package stack

import "github.com/cargo-rustgo/cargo-rustgo/internal/arm64"

// probeLoop recognises the loops in which LLVM touches each page of a large
// frame (AArch64FrameLowering::inlineStackProbeFixed and
// AArch64InstrInfo::probedStackAlloc), and GCC's:
//
//	sub  x9, sp, #24, lsl #12
//	loop:
//	sub  sp, sp, #1, lsl #12
//	str  xzr, [sp]                   and the comparison in either order
//	cmp  sp, x9
//	b.ne loop
//
// which must meet x9 exactly; and where x9 is aligned
//
//	loop:                            sub  sp, sp, #1, lsl #12
//	sub  sp, sp, #1, lsl #12         cmp  sp, x9
//	cmp  sp, x9                      b.le end
//	b.le end                         loop:
//	str  xzr, [sp]              or   str  xzr, [sp]
//	b    loop                        sub  sp, sp, #1, lsl #12
//	end:                             cmp  sp, x9
//	mov  sp, x9                      b.gt loop
//	                                 end:
//	                                 mov  sp, x9
func (w *arm64Code) probeLoop(pc int64, s state) (next int64, reg int, below int64, ok bool) {
	sub, err := w.instruction(pc)
	if err != nil || sub.Op != arm64.Sub || sub.Stack().Kind != arm64.StackAdd || s[arm64.SP].kind != onStack {
		return 0, 0, 0, false
	}
	var insts [8]arm64.Inst
	n := 0
	for ; n < len(insts); n++ {
		if insts[n], err = w.instruction(pc + int64(n)*arm64.Len); err != nil {
			break
		}
	}
	page := -sub.Stack().Delta
	if page <= 0 {
		return 0, 0, 0, false
	}
	at := func(i int) int { return int(pc) + i*arm64.Len }
	is := func(i int, cond uint32, target int) bool {
		return insts[i].Word&0xff00001f == 0x54000000|cond && insts[i].Target(at(i)) == at(target)
	}
	const ne, gt, le = 1, 12, 13
	sp := s[arm64.SP]
	if n >= 4 && is(3, ne, 0) {
		store, cmp := &insts[1], &insts[2]
		if store.Op == arm64.Compare {
			store, cmp = cmp, store
		}
		reg, ok := comparesSP(cmp)
		if !ok || !probes(store) {
			return 0, 0, 0, false
		}
		end := s[reg]
		if end.kind != onStack || sp.anchor != end.anchor {
			return 0, 0, 0, false
		}
		if n := sp.off - end.off; n <= 0 || n%page != 0 {
			return 0, 0, 0, false
		}
		return int64(at(4)), reg, 0, true
	}
	if n < 6 {
		return 0, 0, 0, false
	}
	reg, ok = comparesSP(&insts[1])
	if !ok || s[reg].kind != onStack || !probes(&insts[3]) {
		return 0, 0, 0, false
	}
	end := 5
	switch {
	case is(2, le, 5) && insts[4].Op == arm64.Branch && insts[4].Target(at(4)) == at(0):
	case n == 8 && is(2, le, 7) && insts[4].Word == sub.Word && insts[5].Word == insts[1].Word && is(6, gt, 3):
		end = 7
	default:
		return 0, 0, 0, false
	}
	if e := insts[end].Stack(); e.Kind != arm64.StackMove || e.Reg != reg || e.Delta != 0 {
		return 0, 0, 0, false
	}
	return int64(at(end)), reg, page, true
}

// comparesSP is the register that sp is compared with.
func comparesSP(inst *arm64.Inst) (int, bool) {
	ok := inst.Op == arm64.Compare && inst.Word&0xffe0ffff == 0xeb2063ff && inst.Rm() != 31
	return inst.Rm(), ok
}

// probes reports whether an instruction is str xzr, [sp], or at a distance above
// sp, as GCC stores it.
func probes(inst *arm64.Inst) bool { return inst.Word&^(0xfff<<10) == 0xf90003ff }
