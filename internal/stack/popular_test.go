package stack

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
)

// unboundedPopular are the functions of the crate popular that have no bound,
// at all levels or at one, each with a part of the reason.
var unboundedPopular = map[string]string{
	// These call themselves in the machine code.
	"blake3": "recursion: ", "blake3_derive": "recursion: ", "blake3_keyed": "recursion: ", "blake3_xof": "recursion: ",
	"roots_u128": "cbrt::go", "roots_i128": "cbrt::go", "frexp": "frexp::frexp", "frexpf": "frexpf::frexpf",
	// A limit of the analysis, not a property of the code: an indirect call may
	// reach all candidates of the set. As the only root of a set, each of these
	// but memmem and memmem_count has a bound. The set cannot be split by root:
	// one may store a function in a static that another calls. The statics of
	// memchr are not confined (cells.go): where nothing was found LLVM leaves in
	// rdx, or in the argument that does not matter, what was there before, and
	// that is the address of the static.
	"memchr": "(by pointer)", "memchr2": "(by pointer)", "memchr3": "(by pointer)", "memrchr": "(by pointer)", `memchr_count "s"`: "(by pointer)",
	"memmem": "(by pointer)", "memmem_reverse": "(by pointer)", "memmem_count": "(by pointer)",
}

// popularInputs makes what the functions read: numbers that are special, text
// of several alphabets, and noise.
func popularInputs() [][]byte {
	const size = 4096
	r := rand.New(rand.NewPCG(2026, 7))
	fill := func(b []byte, alphabet string) []byte {
		for len(b) < size {
			b = append(b, alphabet[r.IntN(len(alphabet))])
		}
		return b
	}
	var doubles, singles []byte
	special := []float64{0, 1, -1, 0.5, 0.1, -0.3, 2, 3.7, -8.5, 30, 100, -170.5, 710, -746, 1e5, -1e9, 1e22, 1e300, -1e38, 1e-7, 1e-40, 5e-324,
		math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), math.Pi, math.Pi / 2, math.MaxFloat64}
	for len(doubles) < size {
		for _, x := range special {
			if r.IntN(3) == 0 {
				x *= r.NormFloat64()
			}
			doubles = binary.LittleEndian.AppendUint64(doubles, math.Float64bits(x))
			bits := math.Float32bits(float32(x)) // read 8 bytes apart
			singles = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(singles, bits), bits)
		}
	}
	noise := make([]byte, size)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	fixed := append([]byte{0x78, 0x9c, 0x4b, 0x4c, 0x4a, 0x4e, 0x49, 0x4d, 0x4b, 0x04, 0x53, 0x00}, noise...) // zlib, a block of fixed codes
	return [][]byte{
		make([]byte, size), doubles[:size], singles[:size], noise, fixed[:size], fixed[2 : size+2],
		fill(nil, "0123456789"), fill([]byte("-12.5e-7"), "0123456789"), fill(nil, "0123456789abcdef"),
		fill(nil, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"), fill(nil, "ab"),
	}
}
