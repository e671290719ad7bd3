package emit

import (
	"fmt"
	"strings"
)

// A function from which Rust may call Go runs on a stack that belongs to the
// call: inside of the Go function the goroutine may move to another thread, and
// its stack may grow, while Rust's frames stay where they are. The Go function
// itself runs on the goroutine's stack, as if the trampoline had called it:
//
//	Rust             rustgo_callback saves its registers
//	·F·go            notes SP, goes to the goroutine's stack
//	·F·callback      a frame below that of the caller of F
//	rustFGo          Go: finds the function, calls it with the arguments
//	·F·callback      …
//	·F·back          notes where the goroutine's stack is now, goes to Rust's
//
// What Rust holds of a function is a handle: the number of the call, and below it
// that of the function. No two calls have one number, so that a handle that Rust has
// kept from another call is found out. Handles of errors are made alike.
//
// A panic of the Go function, or runtime.Goexit, unwinds the goroutine's stack,
// on which Rust has no frames; the stack of the call is used again then.

// callAlign is what the ends of the stacks are multiples of, and more than the
// size of any (rust/rustgo/src/call/mod.rs).
const callAlign = 1 << 24

const (
	// callNumberBits is how many bits of a handle are the number of the function or
	// the error (rust/rustgo/src/call/mod.rs).
	callNumberBits = 20
	// maxCallStacks is how many stacks of calls there can be, which are two mappings
	// each: Linux allows a process 65,530 (vm.max_map_count), and Go's runtime throws
	// where it gets none.
	maxCallStacks = 30_000
)

// MaxCallStack is the largest size in bytes of stacks on which Rust calls Go.
const MaxCallStack = callAlign - 64<<10

// Callback is a Go function that Rust calls.
type Callback struct {
	Param  int    // the parameter of the function that brings it
	Method string // in Go; empty if the parameter is the function
	Params []Param
	Result *Param // nil if there is none
	Error  bool   // it returns an error, after the result
}

// CallsGo reports whether Rust may call Go in any function.
func (p *Package) CallsGo() bool {
	for i := range p.Functions {
		if p.Functions[i].CallsGo {
			return true
		}
	}
	return false
}

// beside is the function beside the trampoline of which a crash says that the
// goroutine is in it while Rust runs.
func (f *Function) beside() string {
	if f.CallsGo {
		return "callback"
	}
	return "slow"
}

// callType is the type of the last parameter of the assembly function: the
// stack, and what Rust calls.
func (f *Function) callType() string { return f.assemblyName() + "Call" }

// callSize is its size in bytes.
func (f *Function) callSize() int {
	size := 8
	for _, p := range f.Params {
		if p.Handle {
			size += p.goSize()
		}
	}
	return size
}

// goSize is the size in bytes of what Rust has a handle of: that of a function,
// or of an interface.
func (p *Param) goSize() int {
	if strings.HasPrefix(p.Type, "func(") {
		return 8
	}
	return 16
}

// callback writes the Go function that the assembly calls, and the type of its
// first parameter.
func (f *Function) callback(out *printer, pkg string) {
	out.line("// %s is what Rust may call, and its stack.", f.callType())
	out.line("type %s struct {", f.callType())
	out.line("rust *rustCallStack")
	for i, p := range f.Params {
		if p.Handle {
			out.line("f%d %s", i, p.Type)
		}
	}
	out.line("}")
	out.line("")
	out.line("// %sGo is called by the assembly. The frame is Rust's.", f.assemblyName())
	out.line("func %sGo(call *%s, handle uint64, frame unsafe.Pointer) {", f.assemblyName(), f.callType())
	out.line("switch handle - call.rust.handle {")
	for i := range f.Callbacks {
		out.line("case %d:", i)
		f.Callbacks[i].write(out)
	}
	out.line("default:")
	out.line("panic(%q)", fmt.Sprintf("%s.%s: Rust calls a Go function that was passed to another call", pkg, f.Name))
	out.line("}")
	out.line("}")
	out.line("")
}

// write writes one call.
func (c *Callback) write(out *printer) {
	out.line("f := (*struct {")
	var args []string
	for i, p := range c.Params {
		out.line("a%d %s", i, p.Type)
		args = append(args, fmt.Sprintf("f.a%d", i))
	}
	if c.Result != nil {
		out.line("result %s", c.Result.Type)
	}
	if c.Error {
		out.line("err uint64")
	}
	out.line("})(frame)")
	call := fmt.Sprintf("call.f%d(%s)", c.Param, strings.Join(args, ", "))
	if c.Method != "" {
		call = fmt.Sprintf("call.f%d.%s(%s)", c.Param, c.Method, strings.Join(args, ", "))
	}
	switch {
	case len(c.Params) == 0 && c.Result == nil && !c.Error:
		out.line("_ = f")
		out.line("%s", call)
	case c.Result != nil && c.Error:
		out.line("result, err := %s", call)
	case c.Result != nil:
		out.line("result := %s", call)
	case c.Error:
		out.line("err := %s", call)
	default:
		out.line("%s", call)
	}
	if c.Result != nil {
		if c.Result.Check {
			out.line("if !result.valid() { panic(rustReturned(%q)) }", c.Result.Type)
		}
		out.line("f.result = result")
	}
	if c.Error {
		out.line("f.err = call.rust.keep(err)")
	}
}

// handle is the number of the first function that a parameter brings.
func (f *Function) handle(param int) int {
	n := 0
	for n < len(f.Callbacks) && f.Callbacks[n].Param < param {
		n++
	}
	return n
}

// callArgument is the last argument of the assembly function.
func (f *Function) callArgument() string {
	list := []string{"rustStack"}
	for _, p := range f.Params {
		if p.Handle {
			list = append(list, p.Name)
		}
	}
	return f.callType() + "{" + strings.Join(list, ", ") + "}"
}

// callErrors reports whether errors of Go's go through Rust.
func (p *Package) callErrors() bool {
	for i := range p.Functions {
		f := &p.Functions[i]
		if f.Fallible != nil && f.Fallible.Handle {
			return true
		}
		for _, c := range f.Callbacks {
			if c.Error {
				return true
			}
		}
	}
	return false
}

// callStacks writes the Go side of the stacks that belong to calls.
func (p *Package) callStacks() []byte {
	var out printer
	p.start(&out, p.constraint())
	out.line("package %s", p.Name)
	imports := []string{"runtime", "strconv", "sync", "sync/atomic", "syscall", "unsafe"}
	if p.callErrors() {
		imports = append([]string{"io"}, imports...)
	}
	out.imports(imports)
	source := callStackSource
	if p.callErrors() {
		source += callErrorSource
	}
	out.WriteString(strings.NewReplacer(
		"PACKAGE", p.Name, "ALIGN", fmt.Sprint(callAlign), "COOKIE", fmt.Sprint(ownCookie), "FRAME", fmt.Sprint(ownFrame), "MAGIC", fmt.Sprintf("%#x", uint64(panicMagic)),
		"NUMBER_BITS", fmt.Sprint(callNumberBits), "STACKS", fmt.Sprint(maxCallStacks),
	).Replace(source))
	return gofmt(out.Bytes())
}

const callStackSource = `
// rustCallAlign is what the ends of the stacks are multiples of: Rust finds
// the end of its stack by that.
const rustCallAlign = ALIGN

// rustCallStack is the stack of one call from which Rust may call Go.
type rustCallStack struct {
	top    uintptr // the end of its memory; the assembly reads it
	handle uint64  // the number of the call, above rustCallBits bits
	calls  int     // that can still be numbered before another block of numbers is needed
	memory []byte
	errors []error // that Rust has handles of
}

const (
	rustCallBits  = NUMBER_BITS // of what a call has handles of
	rustCallBlock = 1 << 16     // numbers that a stack takes at once
)

var (
	rustCallStacks sync.Pool
	rustCallCount  atomic.Int32  // of stacks
	rustCallBlocks atomic.Uint64 // that have been taken
)

// rustCallStackNew returns a stack for a call.
func rustCallStackNew() *rustCallStack {
	s, ok := rustCallStacks.Get().(*rustCallStack)
	if !ok {
		s = rustCallStackMap()
	}
	if s.calls == 0 {
		s.handle = rustCallBlocks.Add(1) * rustCallBlock << rustCallBits
		s.calls = rustCallBlock
	}
	s.handle += 1 << rustCallBits
	s.calls--
	return s
}

// free ends the use of s.
func (s *rustCallStack) free() {
	if len(s.errors) > 0 {
		clear(s.errors)
		s.errors = s.errors[:0]
	}
	rustCallStacks.Put(s)
}

func rustCallStackMap() *rustCallStack {
	if rustCallCount.Add(1) > STACKS {
		rustCallCount.Add(-1)
		panic("PACKAGE: STACKS calls of Rust wait for Go functions")
	}
	page := syscall.Getpagesize()
	stack := (rustStackSize + page - 1) / page * page
	beyond := (rustStackBeyond + page - 1) / page * page
	b, err := rustStackReserve(page + stack + beyond + rustCallAlign)
	start := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	top := (start + uintptr(page+stack) + rustCallAlign - 1) &^ (rustCallAlign - 1)
	if err == nil {
		end := int(top - start)
		if err = rustStackCommit(b[end-stack : end+beyond]); err != nil {
			rustStackRelease(b)
		}
	}
	if err != nil {
		rustCallCount.Add(-1)
		panic("PACKAGE: no memory for a stack of " + strconv.Itoa(stack) + " bytes: " + err.Error())
	}
	s := &rustCallStack{top: top, memory: b}
	// What the panic handler looks for: where the stack pointer is at a call.
	*(*uintptr)(unsafe.Pointer(&b[int(top-start)-COOKIE])) = (top - FRAME) ^ MAGIC
	runtime.SetFinalizer(s, (*rustCallStack).release)
	return s
}

func (s *rustCallStack) release() {
	rustStackRelease(s.memory)
	rustCallCount.Add(-1)
}
`

const callErrorSource = `
// keep returns a handle of an error, 0 for nil. Rust knows that of io.EOF.
func (s *rustCallStack) keep(err error) uint64 {
	if err == nil {
		return 0
	}
	if err == io.EOF {
		return s.handle
	}
	// One that comes again and again takes no more room.
	if n := len(s.errors); n == 0 || *(*[2]uintptr)(unsafe.Pointer(&s.errors[n-1])) != *(*[2]uintptr)(unsafe.Pointer(&err)) {
		s.errors = append(s.errors, err)
	}
	if len(s.errors) == 1<<rustCallBits {
		panic("PACKAGE: too many errors in one call")
	}
	return s.handle + uint64(len(s.errors))
}

// err returns the error of a handle.
func (s *rustCallStack) err(handle uint64) error {
	switch i := handle - s.handle; {
	case i == 0:
		return io.EOF
	case i <= uint64(len(s.errors)):
		return s.errors[i-1]
	}
	panic("PACKAGE: Rust returns an error of another call")
}
`
