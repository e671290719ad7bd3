package abi

// Procedure Call Standard for the Arm 64-bit Architecture (Arm IHI 0055, release
// 2024Q3), section 6.8.2 ("Parameter passing rules") and 6.9 ("Result
// return"). Numbers pass in X0 to X7 and V0 to V7, composite types
//
//	of 1 to 4 floats of one size (HFA)    in as many V registers
//	of up to 16 bytes                     in 1 or 2 X registers
//	larger ones                           as a pointer to a copy
//
// What does not fit into the registers that are left is on the stack, and so
// are all later arguments of that kind: the numbers of the next registers, NGRN
// and NSRN, are set to 8 (C.3, C.13). Results are as if they were the first
// argument; one that would be passed by a pointer is written to where X8
// points.
//
// Apple's variant ("Writing ARM64 code for Apple platforms") packs numbers on
// the stack as in a struct, does not begin 128 bits at an even register, and
// aligns a composite type as it says itself, not as its members want.
const (
	aapcsRegisters = 8
	aapcsComposite = 16 // bytes of a composite type that registers hold
	aapcsHFA       = 4  // members of a homogeneous floating-point aggregate
)

// AAPCS64 lays out a call after Arm's procedure call standard, or Apple's
// variant of it.
func AAPCS64(params []Value, result *Value, darwin bool) Call {
	c := frame(params, result)
	if r := c.Result; r != nil && r.Size > 0 {
		if r.byReference() {
			c.Indirect = true
		} else {
			r.Parts = r.armParts()
			number(r.Parts, new([2]int))
		}
	}
	var used [2]int // NGRN and NSRN
	for i := range c.Args {
		if a := &c.Args[i]; a.Size > 0 {
			c.armArg(a, &used, darwin)
		}
	}
	c.Stack = align(c.Stack, register)
	return c
}

// armArg places an argument: stages B and C of section 6.8.2.
func (c *Call) armArg(a *Arg, used *[2]int, darwin bool) {
	size, natural := a.Size, a.Natural
	if natural == 0 || darwin {
		natural = a.Align
	}
	if a.byReference() {
		a.ByReference = true // B.4
		a.Parts = []Part{{Size: pointer}}
		size, natural = pointer, pointer
	} else {
		a.Parts = a.armParts()
	}
	class := a.Parts[0].Class
	if class == Integer && natural == 16 && !darwin {
		used[Integer] = min(align(used[Integer], 2), aapcsRegisters) // C.10
	}
	if used[class]+len(a.Parts) <= aapcsRegisters {
		number(a.Parts, used)
		return
	}
	used[class] = aapcsRegisters
	// C.4, C.14 and C.16. A composite type whose pieces are X registers is
	// made of those on Apple's stack, too.
	to := max(natural, register)
	switch {
	case darwin && (class == Float || a.Scalar()) && !a.ByReference:
		to = a.Parts[0].Size
	default:
		size = align(size, register)
	}
	c.push(a.Parts, size, to)
}

// byReference reports whether v is passed as a pointer.
func (v *Value) byReference() bool {
	return v.Aggregate && v.Size > aapcsComposite && !v.homogeneous()
}

// armParts are the pieces of v, for one register each.
func (v *Value) armParts() []Part {
	if !v.Aggregate || !v.homogeneous() {
		return v.words()
	}
	var parts []Part
	for _, s := range v.Scalars {
		parts = append(parts, Part{Off: s.Off, Size: s.Size, Class: Float, Register: -1})
	}
	return parts
}

// homogeneous reports whether v is an HFA (section 5.9.5.1). Compilers want
// it to have no padding.
func (v *Value) homogeneous() bool {
	if len(v.Scalars) == 0 || len(v.Scalars) > aapcsHFA || v.Size != len(v.Scalars)*v.Scalars[0].Size {
		return false
	}
	for _, s := range v.Scalars {
		if s.Class != Float || s.Size != v.Scalars[0].Size {
			return false
		}
	}
	return true
}
