// Package abi says where arguments and results are: in C's registers and on
// its stack on one side, in the frame of a Go assembly function on the other.
package abi

// Class is the kind of register that holds a value.
type Class uint8

const (
	Integer Class = iota // general purpose; pointers too
	Float                // vector
)

// Value is an argument or a result of a size that one register holds.
type Value struct {
	Name   string
	Size   int // in bytes: 1, 2, 4 or 8; Go aligns it to its size
	Class  Class
	Signed bool
}

// Arg is a Value with its places.
type Arg struct {
	Value
	// FP is the offset in bytes from Go's FP (ABI0: arguments in order, each
	// aligned; results after them, from a multiple of the pointer size on).
	FP int
	// Register numbers the register among those that pass the class; -1 if
	// the argument is on C's stack.
	Register int
	// Slot is the index of the 8-byte slot on C's stack, for Register -1.
	Slot int
}

// Call is the layout of one function.
type Call struct {
	Args   []Arg
	Result *Arg // nil if there is none
	Frame  int  // bytes of arguments and results in Go's frame, up to the end of the last
	Slots  int  // 8-byte slots on C's stack
}

const pointer = 8

// SystemV lays out a call after the System V x86-64 psABI, section 3.2.3: six
// integer registers, eight vector registers, then the stack, from left to
// right.
func SystemV(params []Value, result *Value) Call {
	limits := [...]int{Integer: 6, Float: 8}
	var c Call
	var used [2]int
	for _, p := range params {
		a := Arg{Value: p, FP: align(c.Frame, p.Size), Register: -1}
		c.Frame = a.FP + p.Size
		if used[p.Class] < limits[p.Class] {
			a.Register = used[p.Class]
			used[p.Class]++
		} else {
			a.Slot = c.Slots
			c.Slots++
		}
		c.Args = append(c.Args, a)
	}
	if result != nil {
		c.Frame = align(c.Frame, pointer)
		c.Result = &Arg{Value: *result, FP: c.Frame}
		c.Frame += result.Size
	}
	return c
}

func align(n, to int) int { return (n + to - 1) &^ (to - 1) }
