package stack

// redZone collects how a function refers to memory on its stack.
//
// A function reaches memory below sp through registers that hold an address
// on the stack. While such a register is followed, and the offsets are
// constant, they say how deep. Where one has an index, or goes where it is not
// followed, an access through a register of unknown content may lead to any
// byte of the red zone. Arguments of calls are exempt: what is below sp does
// not survive a call, so nothing there is passed.
type redZone struct {
	deepest int64 // bytes below the entry that constant offsets reach
	away    bool  // an address on the stack is not followed
	blind   bool  // there is an access to an unknown address
}

// below returns how deep a function reaches that moves sp down by own bytes,
// with a red zone of size bytes.
func (r *redZone) below(own, size int64) int64 {
	if r.away && r.blind {
		own += size
	}
	return max(own, r.deepest)
}
