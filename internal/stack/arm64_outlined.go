package stack

import (
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/arm64"
)

// LLVM's outliner (MachineOutliner, on for functions of the smallest size, of
// which core has some) moves what several functions have in common to functions
// of its own. They keep no calling convention but for sp and the return: they
// read and write any register. Those that move sp are not understood.
const outlinedPrefix = "OUTLINED_FUNCTION_"

// allRegisters are all but sp.
const allRegisters registers = 1<<arm64.SP - 1

func (f *function) outlined() bool { return strings.HasPrefix(f.symbol, outlinedPrefix) }

// isOutlined reports whether a place is such a function.
func (w *arm64Code) isOutlined(at place) bool { return w.functions[w.function(at)].outlined() }

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
			return allRegisters
		}
		if t, ok := sec.relocIn(off); ok && w.codeAt(t) != nil && inst.Flow() != arm64.Next && w.isOutlined(t.value()) {
			return allRegisters
		}
		written |= registers(inst.Writes())
	}
	return written &^ (1 << arm64.SP)
}
