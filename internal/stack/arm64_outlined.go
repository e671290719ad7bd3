package stack

import "github.com/cargo-rustgo/cargo-rustgo/internal/arm64"

// clobbers returns the registers that a call may change although a calling
// convention preserves them.
func (w *arm64Code) clobbers(to place) registers {
	if !w.isOutlined(to) {
		return 0
	}
	sec := w.sections[to.Ref]
	var written registers
	for off := max(to.off, 0); off < int64(len(sec.data)); off += arm64.Len {
		if _, another := sec.symbolAt(off); another && off != to.off {
			break
		}
		inst, err := arm64.Decode(sec.data[off:])
		if err != nil {
			return w.allRegisters()
		}
		if t, ok := sec.relocIn(off); ok && w.codeAt(t) != nil && inst.Flow() != arm64.Next && w.isOutlined(t.value()) {
			return w.allRegisters()
		}
		written |= registers(inst.Writes())
	}
	return written &^ (1 << arm64.SP)
}
