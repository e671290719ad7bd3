package emit

// panicType writes the Go side of a panic. The record is the one of
// rust/rustgo/src/panic/report.rs.
func (p *Package) panicType() []byte {
	var out printer
	out.line("%s", Header)
	out.line("")
	out.line("package %s", p.Name)
	out.WriteString(panicSource)
	return gofmt(out.Bytes())
}

const panicSource = `
import (
	"strconv"
	"strings"
	"sync/atomic"
	"unsafe"
)

// RustPanic is the value of a panic that comes from Rust. Like the panics of
// Go's own runtime it is a runtime.Error. The Rust code has been left where it
// panicked: no destructor has run, and what it had locked is still locked.
type RustPanic struct {
	Message string
	// File, Line and Column are where the panic is in the Rust source. File is
	// empty if the place is not known.
	File         string
	Line, Column int
}

// Error returns the message, with the place in parentheses.
func (p *RustPanic) Error() string {
	if p.File == "" {
		return "Rust: " + p.Message
	}
	return "Rust: " + p.Message + " (" + p.File + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column) + ")"
}

// RuntimeError makes a RustPanic a runtime.Error.
func (p *RustPanic) RuntimeError() {}

// rustRecord is what the panic handler knows. It lies in the data of the Rust
// image, and is free again when taken is 0.
type rustRecord struct {
	taken, length uint32
	file          *byte
	fileLength    uint
	line, column  uint32
	text          [4056]byte
}

// rustPanic is called by trampolines on the way back from a panic.
func rustPanic(r *rustRecord) {
	p := &RustPanic{
		Message: string(r.text[:r.length]),
		Line:    int(r.line),
		Column:  int(r.column),
	}
	if r.file != nil {
		p.File = strings.Clone(unsafe.String(r.file, r.fileLength))
	}
	atomic.StoreUint32(&r.taken, 0)
	panic(p)
}
`
