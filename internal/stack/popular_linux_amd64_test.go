package stack

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
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

// TestPaintPopular runs functions of crates that many use on painted stacks, as
// two compilations of each: for speed and for size.
func TestPaintPopular(t *testing.T) {
	inputs := popularInputs()
	total, exact, close, measuredSum, boundSum := 0, 0, 0, 0, 0
	for _, level := range []string{"3", `"s"`} {
		t.Run("opt-level="+level, func(t *testing.T) {
			before := total
			_, set := popular(t, level)
			a, err := Analyze(set)
			if err != nil {
				t.Fatal(err)
			}
			largest := 0
			for _, root := range set.Roots {
				if b, err := a.Bound(root.Name); err == nil {
					largest = max(largest, b.Bytes)
				}
			}
			const slack = 1 << 14 // painted beyond the bound, to see what should not be used
			m := load(t, set, largest+slack)
			for _, root := range set.Roots {
				name := strings.TrimPrefix(root.Name, "paint_")
				b, err := a.Bound(root.Name)
				reason, ok := unboundedPopular[name]
				if !ok {
					reason, ok = unboundedPopular[name+" "+level]
				}
				if ok {
					if err == nil {
						t.Errorf("%s: a bound of %d bytes, want none", name, b.Bytes)
					} else if !strings.Contains(err.Error(), reason) {
						t.Errorf("%v, want %q", err, reason)
					}
					continue
				}
				if err != nil {
					t.Error(err)
					continue
				}
				m.size = b.Bytes + slack
				measured, panicked := 0, 0
				for _, m.input = range inputs {
					for _, n := range []uintptr{0, 1, 3, 9, 17, 40, 64, 130, 256, 1025, 4096, 5000} {
						used, p := m.run(root.Place, m.buffer(0), m.buffer(1), n)
						measured = max(measured, used)
						if p {
							panicked++
						}
					}
				}
				total++
				measuredSum += measured
				boundSum += b.Bytes
				switch {
				case measured > b.Bytes:
					t.Errorf("%s: used %d bytes, more than the bound %d by %v", name, measured, b.Bytes, b.Path)
				case measured == b.Bytes:
					exact++
				case b.Bytes-measured <= 128:
					close++
				}
				t.Logf("%-24s measured %6d  bound %6d  panics %d", name, measured, b.Bytes, panicked)
			}
			if n := total - before; n < 200 && !t.Failed() {
				t.Errorf("only %d functions", n)
			}
		})
	}
	t.Logf("%d functions: %d used all of their bound, %d all but 128 bytes or less, %d less than that; %d of %d bytes in sum",
		total, exact, close, total-exact-close, measuredSum, boundSum)
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
