package emit

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/ianlancetaylor/demangle"

	"github.com/cargo-rustgo/cargo-rustgo/internal/image"
)

// The symbols of the segments, as Go assembly names them. The <> makes them
// local to the file, so that two packages, and two versions of one crate, fit
// into a program, and so that -dynlink does not route them through Go's GOT.
var segmentSymbols = [image.Segments]string{"·rust", "·rustrelro", "·rustdata", "·rustbss"}

func segmentSymbol(s image.Segment) string { return segmentSymbols[s] + "<>" }

// address writes a place in a segment as an operand.
func address(a image.Address) string {
	return fmt.Sprintf("%s%+d(SB)", segmentSymbol(a.Segment), a.Off)
}

// quadsPerLine trades the length of lines against the size of the table that
// maps code to lines in the Go program, which has an entry per line.
const quadsPerLine = 16

// raw writes bytes as directives. QUAD is what the assembler reads fastest.
func (p *printer) raw(b []byte) {
	for len(b) > 0 {
		n := min(len(b)/8, quadsPerLine)
		if n == 0 {
			break
		}
		p.WriteByte('\t')
		for i := range n {
			if i > 0 {
				p.WriteString("; ")
			}
			fmt.Fprintf(&p.Buffer, "QUAD $%#x", binary.LittleEndian.Uint64(b[8*i:]))
		}
		p.WriteByte('\n')
		b = b[8*n:]
	}
	if len(b) == 0 {
		return
	}
	var parts []string
	if len(b) >= 4 {
		parts = append(parts, fmt.Sprintf("LONG $%#x", binary.LittleEndian.Uint32(b)))
		b = b[4:]
	}
	if len(b) >= 2 {
		parts = append(parts, fmt.Sprintf("WORD $%#x", binary.LittleEndian.Uint16(b)))
		b = b[2:]
	}
	if len(b) == 1 {
		parts = append(parts, fmt.Sprintf("BYTE $%#x", b[0]))
	}
	p.line("\t%s", strings.Join(parts, "; "))
}

// text writes the Text segment as one function. TOPFRAME ends every traceback
// here: the frames of Rust are not Go's, and without it the profiler would
// take what [SP] holds for a return address (runtime.sigprof and
// runtime.(*unwinder).next, Go 1.26).
func text(p *printer, img *image.Image, load func(image.Load) string) {
	m := &img.Memory[image.Text]
	p.line("")
	p.line("TEXT %s(SB), NOSPLIT|NOFRAME|TOPFRAME, $0-0", segmentSymbol(image.Text))
	if m.Align > 32 {
		p.line("\tPCALIGN $%d", m.Align)
	}
	loads := img.Loads
	const loadSize = 7
	for i, part := range m.Parts {
		end := m.Size
		if i+1 < len(m.Parts) {
			end = m.Parts[i+1].Off
		}
		at := part.Off
		p.line("\t// %#x %s", at, demangled(part.Name))
		for at < end {
			stop := end
			if len(loads) > 0 && loads[0].Off < end {
				stop = loads[0].Off
			}
			p.raw(m.Data[at:stop])
			at = stop
			if at < end {
				p.line("\t%s", load(loads[0]))
				at += loadSize
				loads = loads[1:]
			}
		}
	}
}

// data writes the other segments.
func data(p *printer, img *image.Image) {
	pointers := img.Pointers
	flags := [image.Segments]string{image.RelRO: "RODATA|NOPTR", image.Data: "NOPTR", image.BSS: "NOPTR"}
	for _, s := range []image.Segment{image.RelRO, image.Data, image.BSS} {
		m := &img.Memory[s]
		if m.Size == 0 {
			continue
		}
		name := segmentSymbol(s)
		p.line("")
		parts := m.Parts
		for off := uint64(0); s != image.BSS && off < m.Size; {
			for len(parts) > 0 && parts[0].Off <= off {
				p.line("// %#x %s", parts[0].Off, demangled(parts[0].Name))
				parts = parts[1:]
			}
			if len(pointers) > 0 && pointers[0].From == s && pointers[0].Off == off {
				p.line("DATA %s+%d(SB)/8, $%s", name, off, address(pointers[0].To))
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
				p.line("DATA %s+%d(SB)/%d, $%#x", name, off, n, v)
			}
			off += n
		}
		p.line("GLOBL %s(SB), %s, $%d", name, flags[s], m.Size)
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
