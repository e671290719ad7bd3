// Package stack proves how much stack a function can use.
//
// The bound is found in the machine code, in these steps:
//
//   - A walk over each function's flow graph, from its entry, computes the stack
//     pointer sp at every instruction as a distance from the entry, together with
//     registers that hold such a distance, an address or a constant (walk.go,
//     value.go). Where two paths meet they must agree on sp. Where the compiler wrote
//     call frame information, it must agree too (cfi.go).
//   - Calls are edges of a call graph. A pointer that is called may be any
//     function whose address the program takes (reach.go); but if it comes from
//     a static that no code can reach but by its name, only what is stored
//     there (cells.go).
//   - The bound of a function is the longest path through the graph, each edge
//     costing the depth of sp at the call and what the call pushes: 8 bytes for
//     the return address on amd64, nothing on arm64. A cycle has no bound
//     (bound.go).
//   - The same walk tells at which addresses the depth of sp changes, which is
//     what an unwinder needs to know (depths.go).
//
// What is different from processor to processor is in processor.go: the
// registers, the calling convention, and the decoder, whose parts have the same
// names for each (amd64_step.go, arm64_step.go).
//
// Whatever is not understood makes the function unbounded, with the reason.
//
// What is taken for granted, because no analysis of one program can show it:
// the code keeps the calling convention of the System V psABI (section 3.2: a
// callee preserves rbx, rbp and r12 to r15, and returns to the return
// address) or the AAPCS64 (section 6: x19 to x29, and what was in x30), it does
// not overwrite memory that is not its own, sp is a multiple of 8, or on arm64
// of 16, when a root is called, and a root is handed no pointers to
// functions but those that the set itself gave out. Nothing unwinds the stack:
// with panic=abort landing pads are never entered.
//
// # Panics
//
// Code from which no path leads to a return is the panic path. It counts like
// any other, up to the instruction at which a function that never returns
// points sp at a stack of its own, a static. Nothing after that uses the
// caller's stack.
//
// An indirect call outside the panic path can only reach an address that was
// taken outside of it: pointers made on the panic path live on its stack and
// die with it. An address that the panic path could leave behind, because it
// is stored anywhere but on the stack, handed in a register to a function that
// returns, or used in any way that is not understood, counts as taken by
// normal code. Code called from the panic path may be handed any address that
// the panic path took; so every function has two bounds, one as called by
// normal code and one as called by the panic path, and the second counts more
// candidates for indirect calls. What remains, and is assumed not to happen,
// is a panic path that copies function pointers out of structures on its own
// stack into statics.
package stack
