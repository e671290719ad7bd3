// Package target is the one table of the platforms that cargo rustgo builds
// for: how Go and Rust name each, and what its objects look like. The Go names
// are those of `go tool dist list`, the Rust names those of
// https://doc.rust-lang.org/rustc/platform-support.html.
package target

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
)

// Format is the object file format of a platform's toolchains.
type Format uint8

const (
	ELF Format = iota + 1
	MachO
	COFF
)

func (f Format) String() string {
	switch f {
	case ELF:
		return "elf"
	case MachO:
		return "mach-o"
	case COFF:
		return "coff"
	}
	return fmt.Sprintf("format %d", uint8(f))
}

// Target is one platform.
type Target struct {
	GOOS, GOARCH string
	// Triple is the Rust target whose staticlib becomes the Go package.
	Triple string
	Format Format
	// SymbolPrefix is what the object format puts before every C symbol: "_"
	// on Mach-O, "" elsewhere.
	SymbolPrefix string
	// RustFlags are always passed to rustc for this target.
	RustFlags []string
	// Foreign is set if the triple is that of another system with the same
	// processor and C ABI. The machine code makes no system calls, so it does not
	// matter which; rustgo's crate is told (--cfg rustgo_foreign).
	Foreign bool
}

// Objects is the format of objects for C on the platform, which on Windows is not
// that of what rustc writes.
func (t Target) Objects() Format {
	if t.GOOS == "windows" {
		return COFF
	}
	return t.Format
}

// Fault is what becomes of a fault in Rust, such as the use of a null pointer, on a
// goroutine's stack. On another it ends the program.
type Fault uint8

const (
	Panics          Fault = iota + 1 // it is a panic, as in Go
	PanicsFrameless                  // it is one in functions that have no frame, and else ends the program
	Ends                             // it ends the program
)

func (f Fault) String() string {
	switch f {
	case Panics:
		return "panics"
	case PanicsFrameless:
		return "panics without a frame"
	case Ends:
		return "ends the program"
	}
	return fmt.Sprintf("fault %d", uint8(f))
}

// Fault follows from where compilers put the return address: Go's unwinder looks
// for it where SP points to.
func (t Target) Fault() Fault {
	switch t.GOARCH {
	case "arm64":
		return PanicsFrameless
	case "riscv64":
		return Ends
	}
	return Panics
}

// String returns "GOOS/GOARCH".
func (t Target) String() string { return t.GOOS + "/" + t.GOARCH }

// Suffix returns the "_GOOS_GOARCH" that makes the go command build a file for
// this platform only. Beware that "_linux" also matches android.
func (t Target) Suffix() string { return "_" + t.GOOS + "_" + t.GOARCH }

// reserveX28 keeps LLVM from using x28, in which Go's signal handler finds the
// goroutine (runtime.sigtramp in sys_linux_arm64.s and sys_freebsd_arm64.s, Go
// 1.25 to 1.27), and on Windows what it does about a fault (runtime.sigpanic0 in
// asm.s). -Ctarget-feature=+reserve-x28 does so with a warning for every crate.
const reserveX28 = "-Cllvm-args=-reserve-regs-for-regalloc=X28"

// noOutliner keeps LLVM from moving the ends of functions to others at opt-level
// z, and sp with them: most functions have no stack bound then. It does so for
// arm64 alone.
const noOutliner = "-Cllvm-args=-enable-machine-outliner=never"

// table is sorted by GOOS, then GOARCH.
var table = []Target{
	{
		GOOS:         "darwin",
		GOARCH:       "amd64",
		Triple:       "x86_64-apple-darwin",
		Format:       MachO,
		SymbolPrefix: "_",
	},
	{
		GOOS:         "darwin",
		GOARCH:       "arm64",
		Triple:       "aarch64-apple-darwin",
		Format:       MachO,
		SymbolPrefix: "_",
		RustFlags:    []string{noOutliner},
	},
	{
		GOOS:      "freebsd",
		GOARCH:    "amd64",
		Triple:    "x86_64-unknown-linux-gnu",
		Format:    ELF,
		RustFlags: []string{"--cfg=rustgo_foreign"},
		Foreign:   true,
	},
	{
		GOOS:      "freebsd",
		GOARCH:    "arm64",
		Triple:    "aarch64-unknown-linux-gnu",
		Format:    ELF,
		RustFlags: []string{"--cfg=rustgo_foreign", "--cfg=rustgo_freebsd", reserveX28, noOutliner},
		Foreign:   true,
	},
	{
		GOOS:   "linux",
		GOARCH: "amd64",
		Triple: "x86_64-unknown-linux-gnu",
		Format: ELF,
	},
	{
		GOOS:      "linux",
		GOARCH:    "arm64",
		Triple:    "aarch64-unknown-linux-gnu",
		Format:    ELF,
		RustFlags: []string{reserveX28, noOutliner},
	},
	{
		GOOS:   "linux",
		GOARCH: "riscv64",
		Triple: "riscv64gc-unknown-linux-gnu",
		Format: ELF,
		// As on arm64, the goroutine is in x27 (runtime.sigtramp in
		// sys_linux_riscv64.s, Go 1.25 to 1.27). For RISC-V LLVM has no option
		// that says so without a warning for every crate.
		RustFlags: []string{"-Ctarget-feature=+reserve-x27"},
	},
	{
		GOOS:   "windows",
		GOARCH: "amd64",
		Triple: "x86_64-unknown-linux-gnu",
		Format: ELF,
		// What is below SP belongs to the system there.
		RustFlags: []string{"--cfg=rustgo_foreign", "--cfg=rustgo_windows", "-Cno-redzone=yes"},
		Foreign:   true,
	},
	{
		GOOS:   "windows",
		GOARCH: "arm64",
		// x18 is Windows', and LLVM leaves it alone for Android (isX18ReservedByDefault
		// in AArch64TargetParser.cpp), in the core that rustup has as well. Of its
		// DWARF, version 2, other versions are easier to read.
		Triple:    "aarch64-linux-android",
		Format:    ELF,
		RustFlags: []string{"--cfg=rustgo_foreign", "--cfg=rustgo_windows", "-Cdwarf-version=4", reserveX28, noOutliner},
		Foreign:   true,
	},
}

// All returns every supported target, sorted by GOOS and GOARCH.
func All() []Target {
	all := slices.Clone(table)
	for i := range all {
		all[i].RustFlags = slices.Clone(all[i].RustFlags)
	}
	return all
}

// Lookup returns the target that Go calls goos/goarch.
func Lookup(goos, goarch string) (Target, bool) {
	return find(func(t Target) bool { return t.GOOS == goos && t.GOARCH == goarch })
}

// ByTriple returns the target that Rust calls triple.
func ByTriple(triple string) (Target, bool) {
	return find(func(t Target) bool { return t.Triple == triple && !t.Foreign })
}

func find(match func(Target) bool) (Target, bool) {
	for _, t := range All() {
		if match(t) {
			return t, true
		}
	}
	return Target{}, false
}

// UnknownError reports a platform that is not in the table.
type UnknownError struct {
	Name string
	// Nearest is the valid name most like Name, "GOOS/GOARCH" or a triple as
	// the user wrote it.
	Nearest string
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("target %q is not supported; the nearest is %q", e.Name, e.Nearest)
}

// Parse returns the target called s, which is either "GOOS/GOARCH" or a Rust
// triple. The error is an *UnknownError.
func Parse(s string) (Target, error) {
	if goos, goarch, ok := strings.Cut(s, "/"); ok {
		if t, ok := Lookup(goos, goarch); ok {
			return t, nil
		}
	} else if t, ok := ByTriple(s); ok {
		return t, nil
	}
	// A name is compared with names of its own kind: a triple is never a
	// helpful answer to GOOS/GOARCH.
	var names []string
	for _, t := range table {
		if strings.Count(s, "-") >= 2 {
			if !t.Foreign {
				names = append(names, t.Triple)
			}
		} else {
			names = append(names, t.String())
		}
	}
	return Target{}, &UnknownError{Name: s, Nearest: diag.Nearest(s, names)}
}
