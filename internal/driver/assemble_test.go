package driver

import (
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/emit"
	"github.com/cargo-rustgo/cargo-rustgo/internal/image"
)

// TestCallStacks refuses stacks of which the end cannot be found.
func TestCallStacks(t *testing.T) {
	for _, test := range []struct {
		name    string
		callsGo bool
		size    int // of the stacks, as configured
		need    int // what a function is known to need
		fits    bool
	}{
		{name: "default", callsGo: true, fits: true},
		{name: "no calls of Go", size: 64 << 20, fits: true},
		{name: "configured", callsGo: true, size: 64 << 20},
		{name: "as large as can be", callsGo: true, size: emit.MaxCallStack, fits: true},
		{name: "needed", callsGo: true, need: 20 << 20},
	} {
		p := &emit.Package{
			StackSize: test.size,
			Functions: []emit.Function{{Name: "F", Symbol: "f", CallsGo: test.callsGo}},
			Platforms: []emit.Platform{{GOOS: "linux", GOARCH: "amd64", Image: &image.Image{}, Stack: map[string]int{"f": test.need}}},
		}
		if err := checkCallStacks(p); (err == nil) != test.fits {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}
