package emit

import (
	"encoding/binary"
	"fmt"
	"sort"
	"strings"

	"github.com/ianlancetaylor/demangle"

	"github.com/cargo-rustgo/cargo-rustgo/internal/image"
)

// The symbols of the segments but Text, as Go assembly names them. The <> makes
// them local to the file, so that two packages, and two versions of one crate,
// fit into a program, and so that -dynlink does not route them through Go's GOT.
var segmentSymbols = [image.Segments]string{"", "·rustrelro<>", "·rustdata<>", "·rustbss<>"}

// place writes a place in a segment as an operand.
func (p *Platform) place(a image.Address) string {
	if a.Segment != image.Text {
		return fmt.Sprintf("%s%+d(SB)", segmentSymbols[a.Segment], a.Off)
	}
	name, off := p.near(a)
	if off != 0 {
		return fmt.Sprintf("%s%+d(SB)", name, off)
	}
	return name + "(SB)"
}

// near returns the function that a place in Text is in, and how far. An address
// outside of the image counts from what is nearest.
func (p *Platform) near(a image.Address) (name string, off int64) {
	i := sort.Search(len(p.names), func(i int) bool { return p.start(i) > uint64(max(a.Off, 0)) })
	i = max(i-1, 0)
	return p.names[i], a.Off - int64(p.start(i))
}

// start returns where in Text the assembler's function i starts: those of the
// code, and then that of the constants.
func (p *Platform) start(i int) uint64 {
	if i < len(p.Image.Code) {
		return p.Image.Code[i].Start
	}
	return p.Image.Constants
}

// quadsPerLine trades the length of lines against the size of the table that
// maps code to lines in the Go program, which has an entry per line.
const quadsPerLine = 16

// amd64Word writes QUADs, which the assembler reads fastest.
func amd64Word(words []string, b []byte) ([]string, int64) {
	switch {
	case len(b) >= 8:
		return append(words, fmt.Sprintf("QUAD $%#x", binary.LittleEndian.Uint64(b))), 8
	case len(b) >= 4:
		return append(words, fmt.Sprintf("LONG $%#x", binary.LittleEndian.Uint32(b))), 4
	case len(b) >= 2:
		return append(words, fmt.Sprintf("WORD $%#x", binary.LittleEndian.Uint16(b))), 2
	}
	return append(words, fmt.Sprintf("BYTE $%#x", b[0])), 1
}

// data writes the other segments.
func (p *Platform) data(out *printer) {
	img := p.Image
	pointers := img.Pointers
	flags := [image.Segments]string{image.RelRO: "RODATA|NOPTR", image.Data: "NOPTR", image.BSS: "NOPTR"}
	for _, s := range []image.Segment{image.RelRO, image.Data, image.BSS} {
		m := &img.Memory[s]
		if m.Size == 0 {
			continue
		}
		name := segmentSymbols[s]
		out.line("")
		parts := m.Parts
		for off := uint64(0); s != image.BSS && off < m.Size; {
			for len(parts) > 0 && parts[0].Off <= off {
				out.line("// %#x %s", parts[0].Off, demangled(parts[0].Name))
				parts = parts[1:]
			}
			if len(pointers) > 0 && pointers[0].From == s && pointers[0].Off == off {
				out.line("DATA %s+%d(SB)/8, $%s", name, off, p.place(pointers[0].To))
				pointers = pointers[1:]
				off += 8
				continue
			}
			// A word must not reach into the next pointer, which may be
			// anywhere in a packed struct.
			end := m.Size
			if len(pointers) > 0 && pointers[0].From == s {
				end = pointers[0].Off
			}
			n := uint64(8)
			for n > end-off {
				n /= 2
			}
			var word [8]byte
			copy(word[:], m.Data[off:off+n])
			if v := binary.LittleEndian.Uint64(word[:]); v != 0 {
				out.line("DATA %s+%d(SB)/%d, $%#x", name, off, n, v)
			}
			off += n
		}
		out.line("GLOBL %s(SB), %s, $%d", name, flags[s], m.Size)
	}
}

// demangled returns the name of a symbol as people read it, without what
// differs from one directory to the next: the hashes of Rust's legacy names and
// of constants, which have no names.
func demangled(symbol string) string {
	if strings.Contains(symbol, "anon.") {
		return "constant"
	}
	return demangle.Filter(symbol, demangle.NoClones)
}
