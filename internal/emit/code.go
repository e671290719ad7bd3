package emit

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/debuginfo"
	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/image"
	"github.com/cargo-rustgo/cargo-rustgo/internal/stack"
)

// Every section of code becomes a function of the assembler's, so that the
// runtime knows its name, its lines and its frame: profiles and tracebacks go
// through Rust, and a fault in it is a Go panic. What moves SP is written as
// instructions that the assembler accounts for (frames.go), the rest as bytes.
//
// The code calls by distance, so the functions must stay as far apart as the
// image has them. Go's linker keeps the order and aligns each as the image does
// (image.FuncAlign; cmd/link/internal/ld.(*Link).assignAddress, Go 1.26), unless
// it is told to shuffle them. A table of the functions, which also keeps all of them in the
// program, is compared with where they should be when the package is
// initialized.
//
// A function that moves SP in a way that the table cannot say, because it aligns
// it or changes stacks, is marked TOPFRAME: tracebacks end there.
//
// On arm64 Go's runtime looks for the return address at the stack pointer of a
// function, where LLVM does not put it. There a function is traced through only
// if it has no frame and calls nothing; all others are TOPFRAME, and no
// instruction is accounted for.
//
// A frame that Go's linker would refuse to be nosplit belongs to a function
// that is not: the assembler gives it a prologue that grows the stack, which is
// never executed, since all calls go to what is behind it.

// MaxNosplitDepth is the deepest frame in bytes of a function that is nosplit.
// Other functions need room for a prologue in the image, see image.Code.Split.
const MaxNosplitDepth = 256

// Code is what is known of a function of an image.
type Code struct {
	// Steps are where the depth of SP changes. If it is not known, Known is
	// false.
	Steps []stack.Step
	Known bool
	Lines []debuginfo.Line
	// Data are the parts of it that are no instructions.
	Data []elfmacho.Range
}

// instructions returns code with one-byte nops in place of data, for what decodes
// all of it. On other processors data is not among code.
func (c *Code) instructions(code []byte, a arch) []byte {
	if len(c.Data) == 0 || a.unit != 1 {
		return code
	}
	code = slices.Clone(code)
	for _, r := range c.Data {
		for i := r.Start; i < min(r.End, uint64(len(code))); i++ {
			code[i] = 0x90
		}
	}
	return code
}

// code writes the Text segment.
func (p *Platform) code(out *printer) {
	m := &p.Image.Memory[image.Text]
	loads := p.Image.Loads
	a := arches[p.GOARCH]
	for i := range p.Image.Code {
		c := &p.Image.Code[i]
		// Data behind the code may end anywhere.
		size := (c.Size + uint64(a.unit) - 1) &^ (uint64(a.unit) - 1)
		w := codeWriter{platform: p, arch: a, out: out, code: m.Data[c.Off : c.Off+size], base: c.Off, loads: &loads}
		var known Code
		if i < len(p.Code) {
			known = p.Code[i]
		}
		flags := "NOSPLIT|NOFRAME"
		if c.Split {
			flags = "NOFRAME"
		}
		if w.moves, known.Known = a.account(known.instructions(w.code, a), known.Steps, known.Known); !known.Known {
			flags += "|TOPFRAME"
		}
		out.line("")
		out.line("// %#x %s", c.Off, demangled(c.Name))
		out.line("TEXT %s(SB), %s, $0-0", p.names[i], flags)
		if known.Known {
			out.line("\tNO_LOCAL_POINTERS")
		}
		align := c.Align
		if i == 0 {
			align = max(align, m.Align)
		}
		if align > p.Image.FuncAlign() || c.Split {
			out.line("\tPCALIGN $%d", align)
		}
		w.lines = known.Lines
		w.write()
		// A call that does not return may be the last instruction. Its return
		// address has to be in the function too.
		out.line("\t%s", a.trap)
		if c.Split {
			// A function that calls nothing would have no prologue.
			out.line("\tPCALIGN $%d", p.Image.FuncAlign())
			out.line("\tCALL ·rustUnreachable<>(SB)")
		}
	}
	p.constants(out, loads)
	p.order(out)
}

// order writes the table of the functions, where each should be, and what
// compares them.
func (p *Platform) order(out *printer) {
	if slices.ContainsFunc(p.Image.Code, func(c image.Code) bool { return c.Split }) {
		out.line("")
		out.line("TEXT ·rustUnreachable<>(SB), NOSPLIT|NOFRAME, $0-0")
		out.line("\tUNDEF")
	}
	out.line("")
	for i, name := range p.names {
		out.line("DATA ·rustorder<>+%d(SB)/8, $%s(SB)", 16*i, name)
		out.line("DATA ·rustorder<>+%d(SB)/8, $%d", 16*i+8, p.start(i))
	}
	out.line("GLOBL ·rustorder<>(SB), RODATA|NOPTR, $%d", 16*len(p.names))
	out.line("")
	out.line("// func rustInOrder%s() bool", title(p.Variant))
	out.line("TEXT ·rustInOrder%s(SB), NOSPLIT|NOFRAME, $0-1", title(p.Variant))
	arches[p.GOARCH].inOrder(out, len(p.names))
	out.line("\tRET")
}

// amd64InOrder compares the table of n functions with where they are.
func amd64InOrder(out *printer, n int) {
	out.line("\tLEAQ ·rustorder<>(SB), AX")
	out.line("\tMOVQ 0(AX), CX")
	out.line("\tMOVQ $%d, DX", n)
	out.line("next:")
	out.line("\tMOVQ 0(AX), BX")
	out.line("\tSUBQ CX, BX")
	out.line("\tSUBQ 8(AX), BX")
	out.line("\tJNE done")
	out.line("\tADDQ $16, AX")
	out.line("\tSUBQ $1, DX")
	out.line("\tJNE next")
	out.line("done:")
	out.line("\tTESTQ BX, BX")
	out.line("\tSETEQ ret+0(FP)")
}

// orderGo writes the Go side of the check.
func (p *Package) orderGo() []byte {
	var out printer
	p.start(&out, p.constraint())
	out.line("package %s", p.Name)
	out.line("")
	out.line("// rustInOrder reports whether the linker left the Rust functions, which call")
	out.line("// each other by distance, where they are to each other.")
	out.line("func rustInOrder() bool")
	out.line("")
	out.line("func init() {")
	out.line("if !rustInOrder() {")
	out.line("panic(%q)", p.Name+": the linker has shuffled the Rust functions, as it does with -ldflags=-randlayout: link without that flag")
	out.line("}")
	out.line("}")
	return gofmt(out.Bytes())
}

// leafLines returns the lines of the leaf of an export.
func (p *Platform) leafLines(e image.Export) []debuginfo.Line {
	var lines []debuginfo.Line
	for i, c := range p.Image.Code {
		if c.Off != e.Off || i >= len(p.Code) {
			continue
		}
		for _, l := range p.Code[i].Lines {
			l.Off = max(l.Off, e.LeafOff) - e.LeafOff
			lines = append(lines, l)
		}
	}
	return lines
}

// constants writes the rest of Text, which holds thunks too. They may have
// pushed a register: tracebacks end there.
func (p *Platform) constants(out *printer, loads []image.Load) {
	m := &p.Image.Memory[image.Text]
	if p.Image.Constants == m.Size {
		return
	}
	out.line("")
	out.line("// %#x constants", p.Image.Constants)
	out.line("TEXT %s(SB), NOSPLIT|NOFRAME|TOPFRAME, $0-0", p.names[len(p.Image.Code)])
	if m.Align > p.Image.FuncAlign() {
		out.line("\tPCALIGN $%d", m.Align)
	}
	w := codeWriter{platform: p, arch: arches[p.GOARCH], out: out, code: m.Data[p.Image.Constants:], base: p.Image.Constants, loads: &loads}
	w.write()
}

// arch is what differs between the processors in the text of code.
type arch struct {
	// unit is what the assembler writes at once, in bytes: an instruction,
	// or two compressed ones.
	unit int64
	// word appends the directive for the first bytes of some, and returns how
	// many it is for.
	word func(words []string, b []byte) ([]string, int64)
	// load is the instruction that loads the address of a place, of loadSize
	// bytes.
	load     func(place string, register uint8) string
	loadSize int64
	trap     string // directive for an instruction that is never executed
	// account chooses which instructions the assembler accounts for, and
	// reports whether tracebacks may go through the code.
	account func(code []byte, steps []stack.Step, known bool) ([]move, bool)
	inOrder func(out *printer, n int)
}

var arches = map[string]arch{
	"amd64": {
		unit: 1, word: amd64Word, trap: "BYTE $0xcc", account: account, inOrder: amd64InOrder,
		load: func(place string, register uint8) string {
			return "LEAQ " + place + ", " + amd64Names[register]
		},
		loadSize: 7,
	},
	"arm64": {
		unit: 4, word: arm64Word, trap: "WORD $0", account: arm64Account, inOrder: arm64InOrder,
		load: func(place string, register uint8) string {
			return "MOVD $" + place + ", " + arm64Name(register)
		},
		loadSize: 8,
	},
	"riscv64": {
		unit: 4, word: riscvWord, trap: "WORD $0", account: riscvAccount, inOrder: riscvInOrder,
		load: func(place string, register uint8) string {
			return "MOV $" + place + ", " + riscvName(register)
		},
		loadSize: 8,
	},
}

// codeWriter writes one function.
type codeWriter struct {
	platform *Platform
	arch     arch
	out      *printer
	code     []byte
	base     uint64 // of the code in Text
	moves    []move
	lines    []debuginfo.Line
	loads    *[]image.Load // of the code from here on
	file     string        // of the next line for the assembler; empty: its own
	line     int
}

func (w *codeWriter) write() {
	size := int64(len(w.code))
	for at := int64(0); at < size; {
		for len(w.lines) > 0 && int64(w.lines[0].Off) <= at {
			if l := w.lines[0]; l.File == "" || l.Line > 0 { // else the compiler made it up
				w.file, w.line = l.File, l.Line
			}
			w.lines = w.lines[1:]
		}
		end := size
		if len(w.lines) > 0 {
			end = min(end, (int64(w.lines[0].Off)+w.arch.unit-1)&^(w.arch.unit-1))
		}
		w.out.at(w.file, w.line)
		at = w.stretch(at, end)
	}
	w.out.at("", 0)
}

// stretch writes the code from at to end, which is that of one line, on one
// line; on several if it is of no line of Rust. It returns where it ends: a load
// is not divided.
func (w *codeWriter) stretch(at, end int64) int64 {
	var words []string
	flush := func() {
		w.out.line("\t%s", strings.Join(words, "; "))
		words = words[:0]
	}
	for at < end {
		stop := end
		if len(w.moves) > 0 {
			stop = min(stop, w.moves[0].off)
		}
		if len(*w.loads) > 0 {
			stop = min(stop, int64((*w.loads)[0].Off-w.base))
		}
		switch {
		case stop > at:
			for at < stop {
				var n int64
				words, n = w.arch.word(words, w.code[at:stop])
				at += n
				if w.file == "" && len(words) >= quadsPerLine {
					flush()
				}
			}
		case len(w.moves) > 0 && w.moves[0].off == at:
			words = append(words, w.moves[0].text)
			at += w.moves[0].size
			w.moves = w.moves[1:]
		default:
			l := (*w.loads)[0]
			words = append(words, w.arch.load(w.platform.place(l.To), l.Register))
			at += w.arch.loadSize
			*w.loads = (*w.loads)[1:]
		}
	}
	if len(words) > 0 {
		flush()
	}
	return at
}

// at makes the next line count as a line of a file; of the printed one, if that
// is empty.
func (p *printer) at(file string, line int) {
	p.lines += bytes.Count(p.Bytes()[p.counted:], []byte("\n"))
	p.counted = p.Len()
	if file == "" {
		if p.foreign {
			p.foreign = false
			p.line("#line %d %s", p.lines+2, strconv.Quote(p.name))
		}
		return
	}
	p.foreign = true
	p.line("#line %d %s", line, strconv.Quote(file))
}
