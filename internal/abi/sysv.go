package abi

// System V Application Binary Interface, AMD64 Architecture Processor
// Supplement, section 3.2.3 ("Parameter Passing"). A value is cut into
// eightbytes, of which each has a class:
//
//	INTEGER    the next of DI, SI, DX, CX, R8, R9; a result: AX, DX
//	SSE        the next of X0 to X7; a result: X0, X1
//	NO_CLASS   padding: nowhere
//	MEMORY     the whole value is on the stack; a result is written to where
//	           DI points, and the pointer comes back in AX
//
// A value gets registers for all of its eightbytes, or it is on the stack and
// leaves the registers to the arguments that follow. The classes of vectors
// and of the x87 are not needed here.
const (
	sysvIntegers = 6
	sysvVectors  = 8
	// sysvRegisters is the size in bytes up to which an aggregate of what is
	// not vectors can be in registers.
	sysvRegisters = 16
)

// SystemV lays out a call after the System V x86-64 psABI.
func SystemV(params []Value, result *Value) Call {
	c := frame(params, result)
	var used [2]int
	if r := c.Result; r != nil {
		parts, memory := eightbytes(&r.Value)
		if memory {
			c.Indirect = true
			used[Integer]++
		} else {
			r.Parts = parts
			number(r.Parts, new([2]int))
		}
	}
	for i := range c.Args {
		a := &c.Args[i]
		parts, memory := eightbytes(&a.Value)
		var need [2]int
		for _, p := range parts {
			need[p.Class]++
		}
		a.Parts = parts
		if memory || used[Integer]+need[Integer] > sysvIntegers || used[Float]+need[Float] > sysvVectors {
			a.Parts = a.words()
			// "The size of each argument gets rounded up to eightbytes", and
			// one of 128 bits, or aligned to more, is aligned.
			c.push(a.Parts, align(a.Size, register), max(a.Align, register))
			continue
		}
		number(a.Parts, &used)
	}
	return c
}

// eightbytes classifies v: into one part per eightbyte, without registers yet,
// or memory.
func eightbytes(v *Value) (parts []Part, memory bool) {
	if v.Size == 0 {
		return nil, false
	}
	if v.Scalar() {
		return []Part{v.scalarPart()}, false
	}
	if v.Size > sysvRegisters {
		return nil, true
	}
	const noClass = Class(0xff)
	classes := [sysvRegisters / register]Class{noClass, noClass}
	for _, s := range v.Scalars {
		if s.Off%s.Size != 0 {
			return nil, true // "or it contains unaligned fields"
		}
		switch class := &classes[s.Off/register]; {
		case *class == noClass:
			*class = s.Class
		case s.Class == Integer:
			*class = Integer // which wins
		}
	}
	for i, w := range v.words() {
		if w.Class = classes[i]; w.Class != noClass {
			parts = append(parts, w)
		}
	}
	return parts, false
}
