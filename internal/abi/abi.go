// Package abi says where arguments and results are: in C's registers and on
// its stack on one side, in the frame of a Go assembly function on the other.
package abi

// Class is the kind of register that holds a value.
type Class uint8

const (
	Integer Class = iota // general purpose; pointers too
	Float                // vector
)

// Scalar is a number or pointer inside of a value.
type Scalar struct {
	Off, Size int // in bytes; Size is 1, 2, 4 or 8
	Class     Class
	Signed    bool
}

// Value is an argument or a result.
type Value struct {
	Name string
	// Size and Align are those of the C type, in bytes. A value of Size 0 takes
	// no part in the call, but has a place in Go's frame.
	Size, Align int
	// GoSize is the size in Go's frame, if Size is 0.
	GoSize int
	// GoAlign is the alignment in Go's frame; 0 means the smaller of Align and
	// 8, the most that Go aligns to.
	GoAlign int
	// Natural is the greatest alignment of a member, where the type says that
	// it wants more (AAPCS64 5.9.1, "natural alignment"); 0 means Align.
	Natural int
	// Aggregate is true for a struct, which is passed by the rules for those,
	// even if it has one field, and false for a number, also one of 128 bits,
	// and for what is laid out in Rust like its one field
	// (repr(transparent)).
	Aggregate bool
	// Scalars are ordered by offset; the bytes in none of them are padding. An
	// array in a struct is as many scalars as it has elements, a number of 128
	// bits is two.
	Scalars []Scalar
}

// Of returns a value that is one scalar.
func Of(name string, s Scalar) Value {
	s.Off = 0
	return Value{Name: name, Size: s.Size, Align: s.Size, Scalars: []Scalar{s}}
}

// Scalar reports whether v is one number or pointer and nothing else.
func (v *Value) Scalar() bool { return !v.Aggregate && len(v.Scalars) == 1 }

// Part is a piece of a value in one register, or in up to 8 bytes of C's stack.
// Bytes of the register that it does not fill may be anything, but for those
// of a scalar of Class Integer, of which callers have to extend what is
// narrower than 32 bits to 32.
type Part struct {
	Off, Size int // in the value, in bytes
	Class     Class
	Signed    bool // only that of a scalar
	Register  int  // number among those that pass the class; -1 if the part is on C's stack
	Stack     int  // offset in bytes from where C's stack arguments start, for Register -1
}

// Arg is a Value with its places.
type Arg struct {
	Value
	// FP is the offset in bytes from Go's FP (ABI0: arguments in order, each
	// aligned; results after them, from a multiple of the pointer size on).
	FP int
	// Parts are the pieces of the value by offset, without those that are
	// padding.
	Parts []Part
	// ByReference is true if C gets a pointer to a copy of the value, which
	// the callee may change; then the one part is where the pointer goes.
	ByReference bool
}

// Call is the layout of one function.
type Call struct {
	Args   []Arg // one for each parameter
	Result *Arg  // nil if there is none
	// Indirect is true if C writes the result to where a hidden pointer points
	// that the caller passes: in the first integer register (System V) or in
	// X8 (AAPCS64). Then Result has no parts.
	Indirect bool
	Frame    int // bytes of arguments and results in Go's frame, up to the end of the last
	Stack    int // bytes of arguments on C's stack, a multiple of 8
}

const (
	pointer = 8
	// register is the size of a general purpose register, and of the pieces
	// into which both ABIs divide larger values ("eightbyte", "double-word").
	register = 8
)

// frame lays out Go's side of a call (ABI0).
func frame(params []Value, result *Value) Call {
	var c Call
	place := func(v Value) Arg {
		to := v.GoAlign
		if to == 0 {
			to = max(min(v.Align, pointer), 1)
		}
		a := Arg{Value: v, FP: align(c.Frame, to)}
		c.Frame = a.FP + max(v.Size, v.GoSize)
		return a
	}
	for _, p := range params {
		c.Args = append(c.Args, place(p))
	}
	if result != nil {
		c.Frame = align(c.Frame, pointer)
		r := place(*result)
		c.Result = &r
	}
	return c
}

// scalarPart is the part of a value that is one scalar.
func (v *Value) scalarPart() Part {
	s := v.Scalars[0]
	return Part{Size: s.Size, Class: s.Class, Signed: s.Signed, Register: -1}
}

// words are the pieces of v in memory or in general purpose registers.
func (v *Value) words() []Part {
	if v.Scalar() {
		return []Part{v.scalarPart()}
	}
	var parts []Part
	for off := 0; off < v.Size; off += register {
		parts = append(parts, Part{Off: off, Size: min(register, v.Size-off), Register: -1})
	}
	return parts
}

// number puts parts into the registers from the numbers in used on, and counts
// them there.
func number(parts []Part, used *[2]int) {
	for i := range parts {
		p := &parts[i]
		p.Register = used[p.Class]
		used[p.Class]++
	}
}

// push puts parts on C's stack at a multiple of an alignment.
func (c *Call) push(parts []Part, size, to int) {
	c.Stack = align(c.Stack, to)
	for i := range parts {
		parts[i].Register = -1
		parts[i].Stack = c.Stack + parts[i].Off
	}
	c.Stack += size
}

func align(n, to int) int { return (n + to - 1) &^ (to - 1) }
