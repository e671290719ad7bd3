package driver

import (
	"bytes"
	"context"
	"fmt"

	"github.com/cargo-rustgo/cargo-rustgo/internal/emit"
	"github.com/cargo-rustgo/cargo-rustgo/internal/image"
)

// verify assembles the package and checks that Go's assembler put down every
// byte of the images as they were given to it, and that the Go files compile.
func verify(ctx context.Context, o Options, p *emit.Package, files map[string][]byte) error {
	pending := 0
	for i := range p.Platforms {
		platform := &p.Platforms[i]
		object, err := o.Cargo.Cargo.Assemble(ctx, platform.GOOS, platform.GOARCH, p.Name, files[platform.File()])
		if err != nil {
			return fmt.Errorf("the generated assembly: %w", err)
		}
		if object == nil {
			o.Progress(Event{"Skipping", "verification: no go command in PATH"})
			return nil
		}
		for s, m := range platform.Image.Memory {
			// The fields that the linker fills in are zero on both sides.
			if image.Segment(s) == image.Text && !bytes.Contains(object, m.Data) {
				return fmt.Errorf("internal error: Go's assembler changed the code of %s/%s", platform.GOOS, platform.GOARCH)
			}
		}
		pending += len(platform.Image.Loads) + len(platform.Image.Pointers)
	}
	o.Progress(Event{"Verifying", fmt.Sprintf("0 undefined, %d addresses left to Go's linker, code bytes unchanged", pending)})
	return nil
}
