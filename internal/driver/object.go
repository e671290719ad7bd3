package driver

import (
	"fmt"

	"github.com/cargo-rustgo/cargo-rustgo/internal/archive"
	"github.com/cargo-rustgo/cargo-rustgo/internal/cheader"
	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/image"
	"github.com/cargo-rustgo/cargo-rustgo/internal/signature"
	"github.com/cargo-rustgo/cargo-rustgo/internal/target"
)

// hostObject is the machine code of a crate for C and cgo: its exports are
// global symbols, all others are local.
type hostObject struct {
	name    string // of the crate's library
	data    []byte // an object
	library []byte // a static library of it
	header  []byte // for C
}

// newHostObject makes an object of what is live. One that needs relocations is
// refused for ELF: in a static program Go's linker ignores those of host objects,
// without a word (golang/go#24321). Those of Mach-O and COFF it applies.
func newHostObject(in *input, img *image.Image, t target.Target) (*hostObject, error) {
	object, err := image.BuildObject(in.set, false)
	if err != nil {
		return nil, diagnoseImage(err)
	}
	object.Format = t.Objects()
	if object.Format == target.ELF {
		if err := relocations(object, img, t); err != nil {
			return nil, err
		}
	}
	h := &hostObject{name: in.art.LibName, header: header(in, t)}
	if h.data, err = elfmacho.Marshal(object); err != nil {
		return nil, fmt.Errorf("%s.o for %s: %w", h.name, t, err)
	}
	member := archive.Input{Name: h.name + ".o", Data: h.data}
	dialect, symbol := archive.GNU, func(name string) string { return name }
	if t.Format == target.MachO {
		dialect, symbol = archive.Darwin, elfmacho.MachOName
	}
	for i := range object.Symbols {
		if s := &object.Symbols[i]; s.Bind != elfmacho.Local && s.Defined() {
			member.Symbols = append(member.Symbols, symbol(s.Name))
		}
	}
	h.library, err = archive.Marshal(dialect, []archive.Input{member})
	return h, err
}

// header declares the exports for C.
func header(in *input, t target.Target) []byte {
	l := cheader.Library{Name: in.art.LibName, Doc: crateDoc(in.art), SystemV: t.GOOS == "windows" && t.GOARCH == "amd64"}
	docs := newTypeDocs(in.art)
	l.TypeDoc = func(t *signature.Type) ([]string, map[string][]string) {
		found := docs.byName[lastName(t)]
		return found.Doc, found.Members
	}
	for i := range in.functions {
		f := &in.functions[i]
		l.Functions = append(l.Functions, cheader.Function{Function: &f.Function, Doc: signature.Docs(f.source, f.Line, f.Name)})
	}
	return l.Header()
}

// relocations refuses an object that has some.
func relocations(object *elfmacho.Object, img *image.Image, t target.Target) error {
	n := 0
	for i := range object.Sections {
		n += int(object.Sections[i].Relocated)
	}
	if n == 0 {
		return nil
	}
	d := diag.New(diag.ObjectRelocations, "an object for %s needs %s, which Go's linker ignores in static programs", t, plural(n, "relocation"))
	// The functions that load addresses of data, and the data with addresses,
	// say where they come from.
	seen := map[string]bool{}
	note := func(format string, segment image.Segment, off uint64) {
		const most = 5
		name := partAt(&img.Memory[segment], off)
		if name == "" || seen[name] || len(d.Notes) == most {
			return
		}
		seen[name] = true
		d.Notes = append(d.Notes, fmt.Sprintf(format, demangled(name)))
	}
	for _, l := range img.Loads {
		note("`%s` loads the address of data", image.Text, l.Off)
	}
	for _, p := range img.Pointers {
		note("`%s` holds addresses", p.From, p.Off)
	}
	d.Help = []string{"build the Go package instead, with `--emit go` or `--emit archive`; `cargo rustgo strip` makes objects for C linkers, whatever they need"}
	return d
}

// partAt returns the name of what is at an offset of a segment.
func partAt(m *image.Memory, off uint64) string {
	for _, p := range m.Parts {
		if off >= p.Off && off < p.Off+p.Size {
			return p.Name
		}
	}
	return ""
}
