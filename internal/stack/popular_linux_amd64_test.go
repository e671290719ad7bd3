package stack

import (
	"strings"
	"testing"
)

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
