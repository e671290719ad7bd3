package image

import "github.com/cargo-rustgo/cargo-rustgo/internal/amd64"

// maxLeaf bounds the code that is worth a second copy, in bytes.
const maxLeaf = 256

// leaf returns the code of a function without the return at its end, if that
// is its only return and the code does the same wherever it lies: it refers to
// nothing by distance but itself, and calls nothing. Otherwise it returns nil.
func leaf(code []byte) []byte {
	if len(code) < 2 || len(code) > maxLeaf {
		return nil
	}
	end := len(code) - 1
	starts := map[int]bool{}
	var targets []int
	for pc := 0; pc < len(code); {
		inst, err := amd64.Decode(code[pc:])
		if err != nil || inst.RIPRelative() {
			return nil
		}
		starts[pc] = true
		switch inst.Flow() {
		case amd64.Next:
		case amd64.Jump, amd64.CondJump:
			targets = append(targets, inst.Target(pc))
		case amd64.Return:
			if pc != end || !inst.Is(0xc3) {
				return nil
			}
		default:
			return nil
		}
		pc += inst.Len
	}
	if !starts[end] || code[end] != 0xc3 {
		return nil
	}
	for _, to := range targets {
		if to < 0 || to > end || !starts[to] {
			return nil
		}
	}
	return code[:end]
}
