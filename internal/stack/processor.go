package stack

import (
	"slices"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	platform "github.com/cargo-rustgo/cargo-rustgo/internal/target"
)

// processor is what the analysis knows of a processor and of how functions are
// called on it.
type processor struct {
	arch string
	// format is that of the objects for which the platform's convention is, or 0
	// if it is that of all others.
	format platform.Format
	// registers is how many general-purpose registers a state has. One is the
	// stack pointer, which messages call spName.
	registers int
	sp        int
	spName    string
	// callerSaved are the registers that a call may change; results are those
	// that hold what a function returns.
	callerSaved registers
	results     []int
	// handed is what is known of a register that a caller or a callee left.
	handed valueKind
	// pushed is what a call pushes, the return address, in bytes.
	pushed int64
	// align is what sp is a multiple of wherever it is set.
	align int64
	// redZone is how many bytes below sp a function may use without moving sp.
	redZone int64
	// fieldEnd is how far behind a PC-relative field of code the place is that
	// its displacement counts from.
	fieldEnd int64
	// dwarf maps DWARF numbers to registers.
	dwarf []int
	// forms reports whether a relocation of code is one of those by which the
	// whole address of data is computed, and which address.
	forms func(sec *section, t *target) (place, bool)
	code  func(w *walker) code
	// touches returns the registers that the instruction at the start of code
	// reads or writes, and its length; all, if it is unknown. It is nil where
	// nobody asks.
	touches func(code []byte) (registers, int)
}

// code decodes the instructions of a processor and carries states over them.
type code interface {
	// decode decodes the instruction at pc, and returns its length in bytes.
	decode(pc int64) (int, error)
	// step carries s over the instruction that was decoded and into the blocks
	// it jumps to. It reports whether control also goes on to the next one.
	step(pc int64, s state) (on bool, err error)
	// probeLoop recognises a loop that touches each page of a large frame. It
	// returns the offset after the loop, and the register that sp equals there;
	// below is how many bytes sp is further down while the loop runs.
	probeLoop(pc int64, s state) (next int64, reg int, below int64, ok bool)
	// forms returns the address in its own section that the instruction at pc,
	// which was decoded, computes without a relocation.
	forms(pc int64) (off int64, ok bool)
	// untold reports whether between two places, the first of which is where the
	// call frame information last changed, it is known to say nothing of how the
	// frame is taken down. It counts from a register.
	untold(from, pc int64, register int, s state) bool
}

// processors are the processors whose code can be analysed.
// Those for one format come first.
var processors = []*processor{&amd64Processor, &appleARM64Processor, &arm64Processor, &riscvProcessor}

func processorOf(o *elfmacho.Object) *processor {
	i := slices.IndexFunc(processors, func(m *processor) bool {
		return m.arch == o.Arch && (m.format == 0 || m.format == o.Format)
	})
	if i < 0 {
		return nil
	}
	return processors[i]
}

// registers is a set of general-purpose registers, bit n for register n.
type registers uint32

func (r registers) has(n int) bool { return r>>n&1 != 0 }

// noReg stands for no register.
const noReg = -1
