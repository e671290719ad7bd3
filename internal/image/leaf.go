package image

import (
	"bytes"

	"github.com/cargo-rustgo/cargo-rustgo/internal/amd64"
)

// maxLeaf bounds the code that is worth a second copy, in bytes.
const maxLeaf = 256

// What a function with a frame pointer begins and ends with: push rbp; mov rsp,
// rbp, and pop rbp.
var (
	framePointer    = []byte{0x55, 0x48, 0x89, 0xe5}
	framePointerEnd = []byte{0x5d, 0xc3}
)

// amd64Leaf returns the code of a function without the return at its end, and
// without the frame pointer around it, if that is its only return and the code
// does the same wherever it lies, at any stack pointer: it uses no stack, refers
// to nothing by distance but itself, and calls nothing. Otherwise it returns
// nil. The second result is where the code starts.
func amd64Leaf(code []byte) (body []byte, off uint64) {
	code = withoutPadding(code)
	if len(code) < 2 || len(code) > maxLeaf {
		return nil, 0
	}
	if bytes.HasPrefix(code, framePointer) && bytes.HasSuffix(code, framePointerEnd) {
		off = uint64(len(framePointer))
		code = code[off:]
		code = append(code[:len(code)-2:len(code)-2], 0xc3)
	}
	const stack amd64.Regs = 1<<amd64.RSP | 1<<amd64.RBP
	end := len(code) - 1
	starts := map[int]bool{}
	var targets []int
	for pc := 0; pc < len(code); {
		inst, err := amd64.Decode(code[pc:])
		if err != nil || inst.RIPRelative() {
			return nil, 0
		}
		starts[pc] = true
		switch inst.Flow() {
		case amd64.Next:
			if inst.Stack().Kind != amd64.StackKeep || (inst.Reads()|inst.Writes())&stack != 0 {
				return nil, 0
			}
			if inst.Memory() && (inst.Base() == amd64.RSP || inst.Base() == amd64.RBP || inst.Index() == amd64.RBP) {
				return nil, 0
			}
		case amd64.Jump, amd64.CondJump:
			targets = append(targets, inst.Target(pc))
		case amd64.Return:
			if pc != end || !inst.Is(0xc3) {
				return nil, 0
			}
		default:
			return nil, 0
		}
		pc += inst.Len
	}
	if !starts[end] || code[end] != 0xc3 {
		return nil, 0
	}
	for _, to := range targets {
		if to < 0 || to > end || !starts[to] {
			return nil, 0
		}
	}
	return code[:end], off
}

// withoutPadding cuts nops at the end of code: in Mach-O a function reaches to
// the next one.
func withoutPadding(code []byte) []byte {
	end := 0
	for pc := 0; pc < len(code) && pc <= 2*maxLeaf; {
		inst, err := amd64.Decode(code[pc:])
		if err != nil {
			return code
		}
		pc += inst.Len
		if !inst.Is(0x90) && !inst.Is0F(0x1f) {
			end = pc
		}
	}
	return code[:end]
}
