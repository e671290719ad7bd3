package image

import (
	"bytes"
	"encoding/binary"
)

// What a function with a frame record begins and ends with: stp x29, x30,
// [sp, #-16]!; mov x29, sp, and ldp x29, x30, [sp], #16; ret.
var (
	arm64FramePointer    = []byte{0xfd, 0x7b, 0xbf, 0xa9, 0xfd, 0x03, 0x00, 0x91}
	arm64FramePointerEnd = []byte{0xfd, 0x7b, 0xc1, 0xa8, 0xc0, 0x03, 0x5f, 0xd6}
)

const (
	a64RET = 0xd65f03c0
	a64NOP = 0xd503201f
)

// arm64Leaf is amd64Leaf for arm64: the code of a function without its return
// and its frame record, if it uses no stack, refers to nothing by distance but
// itself, and calls nothing.
func arm64Leaf(code []byte) (body []byte, off uint64) {
	if len(code) < 4 || len(code) > maxLeaf || len(code)%4 != 0 {
		return nil, 0
	}
	end := len(code) - 4
	if bytes.HasPrefix(code, arm64FramePointer) && bytes.HasSuffix(code, arm64FramePointerEnd) {
		start := len(arm64FramePointer)
		if end -= 4; end < start {
			return nil, 0
		}
		code, end, off = code[start:], end-start, uint64(start)
	} else if binary.LittleEndian.Uint32(code[end:]) != a64RET {
		return nil, 0
	}
	for pc := 0; pc < end; pc += 4 {
		word := binary.LittleEndian.Uint32(code[pc:])
		if to, ok := arm64Jump(word, pc); ok {
			if to < 0 || to > end {
				return nil, 0
			}
		} else if !arm64Movable(word) {
			return nil, 0
		}
	}
	return code[:end:end], off
}

// arm64Jump returns where b, b.cond, cbz, cbnz, tbz and tbnz at pc lead to, and
// whether a word is one of these.
func arm64Jump(word uint32, pc int) (to int, ok bool) {
	distance := func(at, size int) int { // in words, from the bits at at
		return int(int32(word)<<(32-at-size)>>(32-size)) * 4
	}
	switch {
	case word&0xfc000000 == a64B:
		return pc + distance(0, 26), true
	case word&0xff000010 == 0x54000000, word&0x7e000000 == 0x34000000:
		return pc + distance(5, 19), true
	case word&0x7e000000 == 0x36000000:
		return pc + distance(5, 14), true
	}
	return 0, false
}

// arm64Movable reports whether an instruction that is no branch does the same
// wherever it is, and uses neither sp nor x28 to x30, which hold Go's g, the frame
// record and the return address. It is sure of that only for the common ones
// (Arm Architecture Reference Manual, "A64 instruction set encoding").
func arm64Movable(word uint32) bool {
	rd, rn, ra, rm := word&31, word>>5&31, word>>10&31, word>>16&31
	frame := func(registers ...uint32) bool {
		for _, r := range registers {
			if r >= 28 && r <= 30 {
				return true
			}
		}
		return false
	}
	setsFlags := word>>29&1 == 1
	switch word >> 25 & 15 {
	case 8, 9: // immediates
		if frame(rd, rn) {
			return false
		}
		switch word >> 23 & 7 {
		case 2: // add, sub
			return rn != a64ZR && (rd != a64ZR || setsFlags)
		case 4: // and, orr, eor
			return rd != a64ZR || word>>29&3 == 3
		case 5, 6: // movz, bitfields
			return true
		case 7: // extr
			return !frame(rm) && word>>29&3 == 0
		}
		return false // adr, adrp, tags
	case 5, 13: // registers
		switch {
		case frame(rd, rn, ra, rm):
			return false
		case word&0x1f200000 == 0x0b200000: // add, sub of an extended register
			return rn != a64ZR && (rd != a64ZR || setsFlags)
		case word&0x1fe00000 == 0x1a000000: // adc, sbc; others are of flags and pointers
			return word>>10&63 == 0
		case word&0x5fe00000 == 0x1ac00000: // of two sources: div, shifts, crc32
			op := word >> 10 & 63
			return !setsFlags && (op == 2 || op == 3 || op >= 8 && op <= 11 || op >= 16 && op <= 23)
		case word&0x5fe00000 == 0x5ac00000: // of one: clz, rev; others are of pointer authentication
			return rm == 0
		}
		return true
	case 4, 6, 12, 14: // loads and stores, but of literals and tags
		return rn != a64ZR && !frame(rd, rn, ra, rm) && word&0x3b000000 != 0x18000000 && word&0xff200000 != 0xd9200000
	case 7, 15: // vectors
		return !frame(rd, rn)
	}
	return word == a64NOP
}
