package abi

// "RISC-V ABIs Specification" 1.0, "Integer Calling Convention" and "Hardware
// Floating-point Calling Convention", for XLEN and ABI_FLEN of 64 bits (LP64D).
// Arguments pass in a0 to a7 and fa0 to fa7:
//
//	numbers                                 in the next register of their kind
//	structs of 1 or 2 floats                in as many fa registers
//	structs of a float and an integer       in one of each kind
//	others of up to 16 bytes, i128          in 1 or 2 a registers
//	larger ones                             as a pointer to a copy
//
// Where the registers of the first four do not suffice, fa registers are replaced
// by a registers, and those by the stack: of two words the second alone may be
// there. Results are as if they were the first argument; one that would be
// passed by a pointer is written to where the first argument points. Integers
// of less than 32 bits are extended to those by their sign, and 32 bits are
// always sign-extended.
const (
	riscvRegisters = 8
	riscvComposite = 16 // bytes of a composite type that registers hold
)

// LP64D lays out a call after the RISC-V calling convention.
func LP64D(params []Value, result *Value) Call {
	c := frame(params, result)
	var used [2]int
	if r := c.Result; r != nil && r.Size > 0 {
		if parts := r.riscvFloats([2]int{}); parts != nil {
			r.Parts = parts
			number(r.Parts, new([2]int))
		} else if r.Size > riscvComposite {
			c.Indirect = true
			used[Integer] = 1
		} else {
			r.Parts = r.words()
			number(r.Parts, new([2]int))
		}
	}
	for i := range c.Args {
		if a := &c.Args[i]; a.Size > 0 {
			c.riscvArg(a, &used)
		}
	}
	c.Stack = align(c.Stack, register)
	return c
}

// riscvArg places an argument.
func (c *Call) riscvArg(a *Arg, used *[2]int) {
	if parts := a.riscvFloats(*used); parts != nil {
		a.Parts = parts
		number(a.Parts, used)
		return
	}
	to := max(a.Align, register)
	if a.Size > riscvComposite {
		a.ByReference = true
		a.Parts, to = []Part{{Size: pointer}}, pointer
	} else {
		a.Parts = a.words()
	}
	// A float without a register of its kind is like an integer of its size.
	for i := range a.Parts {
		p := &a.Parts[i]
		p.Class, p.Register = Integer, -1
		if used[Integer] < riscvRegisters {
			number(a.Parts[i:i+1], used)
			continue
		}
		if i == 0 {
			c.Stack = align(c.Stack, min(to, 2*register))
		}
		p.Stack = c.Stack
		c.Stack += register
	}
}

// riscvFloats are the pieces of v if some of them are for fa registers, after
// those that are used, or nil.
func (v *Value) riscvFloats(used [2]int) []Part {
	if len(v.Scalars) == 0 || len(v.Scalars) > 2 {
		return nil
	}
	var need [2]int
	var parts []Part
	for _, s := range v.Scalars {
		need[s.Class]++
		parts = append(parts, Part{Off: s.Off, Size: s.Size, Class: s.Class, Signed: s.Signed, Register: -1})
	}
	if need[Float] == 0 || used[Float]+need[Float] > riscvRegisters || used[Integer]+need[Integer] > riscvRegisters {
		return nil
	}
	return parts
}
