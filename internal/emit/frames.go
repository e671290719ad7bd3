package emit

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/cargo-rustgo/cargo-rustgo/internal/amd64"
	"github.com/cargo-rustgo/cargo-rustgo/internal/stack"
)

// A move is an instruction that changes SP, written so that the assembler
// accounts for it.
type move struct {
	off, size int64 // of the instruction, in the section
	delta     int64 // by which SP goes down
	text      string
}

// account chooses which instructions are written as moves, so that the table
// from addresses to depths that the assembler makes of them is right.
//
// The table goes by address: behind a return the next block begins with the
// depth that the return has, although it is jumped to with another, and there is
// no instruction to say so. So an epilogue in the middle of a function cannot
// be accounted for; the table has the depth of the function's body there. For
// the profiler, the only one who looks at a function there, that is harmless:
// it takes what is in a wrong place of the stack for an address and finds no
// function, or one that did not call. The place can be above the stack: stacks of
// a thread's own have memory there (beyond, in stacks.go).
//
// It is false if the depths are not known, and where the table would be wrong at
// an instruction that calls or that may fault, for then the runtime would be
// misled.
func account(code []byte, steps []stack.Step, known bool) ([]move, bool) {
	weights, ok := weigh(code, steps)
	if !ok || !known {
		return nil, false
	}
	type state struct {
		weight int64
		moves  *moveLink
	}
	states := map[int64]state{0: {}} // by the depth that the table has
	for i, step := range steps {
		before := int64(0)
		if i > 0 {
			before = steps[i-1].Depth
		}
		m, movable := moveAt(code, step, step.Depth-before)
		next := map[int64]state{}
		put := func(depth int64, s state) {
			s.weight += weights[i+1].of(depth == step.Depth)
			if old, ok := next[depth]; !ok || s.weight > old.weight {
				next[depth] = s
			}
		}
		for _, depth := range slices.Sorted(maps.Keys(states)) {
			s := states[depth]
			put(depth, s)
			if movable && depth+m.delta >= 0 {
				s.moves = &moveLink{m, s.moves}
				put(depth+m.delta, s)
			}
		}
		states = next
	}
	best := state{weight: math.MinInt64}
	for _, depth := range slices.Sorted(maps.Keys(states)) {
		if s := states[depth]; s.weight > best.weight {
			best = s
		}
	}
	var moves []move
	for l := best.moves; l != nil; l = l.next {
		moves = append([]move{l.move}, moves...)
	}
	return moves, best.weight > -important
}

// moveLink is a list that states share.
type moveLink struct {
	move
	next *moveLink
}

// important weighs an instruction at which the table has to be right.
const important = 1 << 40

// weight is what it costs if the table is wrong in a stretch.
type weight int64

func (w weight) of(right bool) int64 {
	if right {
		return 0
	}
	return -int64(w)
}

// weigh returns the weight of the code before each step and after the last.
func weigh(code []byte, steps []stack.Step) ([]weight, bool) {
	weights := make([]weight, len(steps)+1)
	i := 0
	for pc := 0; pc < len(code); {
		inst, err := amd64.Decode(code[pc:])
		if err != nil {
			return nil, false
		}
		for i < len(steps) && int64(pc) >= steps[i].Off {
			i++
		}
		weights[i] += weight(inst.Len)
		if mayFault(&inst) {
			weights[i] += important
		}
		pc += inst.Len
		// A call shows up at its return address.
		if f := inst.Flow(); f == amd64.Call || f == amd64.CallIndirect {
			j := i
			for j < len(steps) && int64(pc) >= steps[j].Off {
				j++
			}
			weights[j] += important
		}
	}
	return weights, true
}

// mayFault reports whether an instruction accesses memory that is not the
// stack's.
func mayFault(inst *amd64.Inst) bool {
	return inst.Memory() && inst.Base() != amd64.RSP && !inst.Is(0x8d) && !inst.Is0F(0x1f)
}

// moveAt returns the instruction before a step in the assembler's words, if the
// assembler writes it as it is.
func moveAt(code []byte, step stack.Step, delta int64) (move, bool) {
	m := move{off: step.Off - int64(step.Len), size: int64(step.Len), delta: delta}
	if step.Len == 0 || m.off < 0 || step.Off > int64(len(code)) {
		return move{}, false
	}
	inst, err := amd64.Decode(code[m.off:step.Off])
	if err != nil || inst.Len != step.Len {
		return move{}, false
	}
	push, pop := inst.Opcode&^7 == 0x50, inst.Opcode&^7 == 0x58
	if inst.Encoding == amd64.Legacy && inst.Map == amd64.OneByte && (push || pop) && delta*delta == 64 {
		m.text = "PUSHQ " + amd64Names[inst.OpReg()]
		if pop {
			m.text = "POPQ " + amd64Names[inst.OpReg()]
		}
		return m, string(code[m.off:step.Off]) == string(pushBytes(push, inst.OpReg()))
	}
	m.text = fmt.Sprintf("ADJSP $%d", delta)
	return m, string(code[m.off:step.Off]) == string(adjustBytes(delta))
}

// pushBytes is how the assembler encodes a push or pop of a register.
func pushBytes(push bool, register int) []byte {
	op := byte(0x58)
	if push {
		op = 0x50
	}
	if register >= 8 {
		return []byte{0x41, op | byte(register&7)}
	}
	return []byte{op | byte(register)}
}

// adjustBytes is how the assembler encodes ADJSP (cmd/internal/obj/x86.asmins,
// Go 1.26): SUBQ or ADDQ of a positive number, but for 128, which is shorter the
// other way round.
func adjustBytes(delta int64) []byte {
	op := byte(0xec) // SUBQ
	n := delta
	if n < 0 {
		op, n = 0xc4, -n
	}
	switch {
	case n == 128:
		return []byte{0x48, 0x83, op ^ 0x28, 0x80}
	case n < 128:
		return []byte{0x48, 0x83, op, byte(n)}
	}
	return binary.LittleEndian.AppendUint32([]byte{0x48, 0x81, op}, uint32(n))
}
