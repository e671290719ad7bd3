package driver

import (
	"bytes"
	"context"
	"fmt"

	"github.com/cargo-rustgo/cargo-rustgo/internal/emit"
	"github.com/cargo-rustgo/cargo-rustgo/internal/image"
	"github.com/cargo-rustgo/cargo-rustgo/internal/tool"
)

// verify assembles the package and checks that Go's assembler put down every
// byte of the images as they were given to it, and that the Go files compile.
func verify(ctx context.Context, o Options, p *emit.Package, files map[string][]byte) error {
	if !tool.Has("go") {
		o.Progress(Event{"Skipping", "verification: no go command in PATH"})
		return nil
	}
	pending := 0
	for i := range p.Platforms {
		platform := &p.Platforms[i]
		object, err := o.Cargo.Cargo.Assemble(ctx, platform.GOOS, platform.GOARCH, p.Name, files[platform.File()])
		if err != nil {
			return fmt.Errorf("the generated assembly: %w", err)
		}
		if name := changed(object, platform.Image); name != "" {
			return fmt.Errorf("internal error: Go's assembler changed the code of %s on %s/%s", name, platform.GOOS, platform.GOARCH)
		}
		pending += len(platform.Image.Loads) + len(platform.Image.Pointers)
	}
	o.Progress(Event{"Verifying", fmt.Sprintf("0 undefined, %d addresses left to Go's linker, code bytes unchanged", pending)})
	return nil
}

// changed looks for the functions and constants of an image in an object, where
// they are in the same order, and returns the name of one that is not there. The
// fields that the linker fills in are zero on both sides.
func changed(object []byte, img *image.Image) string {
	text := img.Memory[image.Text].Data
	for i := range img.Code {
		c := &img.Code[i]
		at := bytes.Index(object, text[c.Off:c.Off+c.Size])
		if at < 0 {
			return c.Name
		}
		object = object[at:]
	}
	if !bytes.Contains(object, text[img.Constants:]) {
		return "constants"
	}
	return ""
}
