package stack

import "strings"

// LLVM's outliner (MachineOutliner, on for functions of the smallest size, of
// which core has some) moves what several functions have in common to functions
// of its own. They keep no calling convention but for sp and the return: they
// read and write any register. Those that move sp are not understood.
const outlinedPrefix = "OUTLINED_FUNCTION_"

// allRegisters are all but sp.
func (m *processor) allRegisters() registers { return (1<<m.registers - 1) &^ (1 << m.sp) }

func (f *function) outlined() bool { return strings.HasPrefix(f.symbol, outlinedPrefix) }

// isOutlined reports whether a place is such a function.
func (w *walker) isOutlined(at place) bool { return w.functions[w.function(at)].outlined() }
