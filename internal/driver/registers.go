package driver

import (
	"slices"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/arm64"
	"github.com/cargo-rustgo/cargo-rustgo/internal/riscv64"
	"github.com/cargo-rustgo/cargo-rustgo/internal/stack"
	"github.com/cargo-rustgo/cargo-rustgo/internal/target"
)

// register is one that code in a Go program must leave alone.
type register struct {
	number     int
	name       string
	owner, why string
	// kept is set if the panic handler of rust/rustgo lets what runs on its stack
	// use it: it saves it, and has signals wait.
	kept bool
}

// reservedOn returns those registers of a platform. On amd64 there is none.
//
// On Darwin Go's signal handler takes the goroutine from thread-local memory, and so
// x28 is free there: runtime.sigtramp in sys_darwin_arm64.s calls runtime.load_g, which
// reads TLS with and without cgo (tls_arm64.s; Go 1.25 to 1.27).
func reservedOn(t target.Target) []register {
	switch {
	case t.GOOS == "darwin" && t.GOARCH == "arm64":
		// Apple, "Writing ARM64 code for Apple platforms", "Respect the purpose of
		// specific CPU registers".
		return []register{{number: arm64.X18, name: "x18", owner: "the system's", why: "macOS changes x18 whenever it interrupts a thread"}}
	case t.GOOS == "windows" && t.GOARCH == "arm64":
		return []register{
			// A fault goes on in runtime.sigpanic0 with the registers that it happened
			// with (runtime.exceptionhandler; asm.s; Go 1.25 to 1.27).
			{number: arm64.X28, name: "x28", owner: "Go's", why: "after a fault Go finds the goroutine in x28", kept: true},
			// Microsoft, "Overview of ARM64 ABI conventions", "Integer registers".
			{number: arm64.X18, name: "x18", owner: "the system's", why: "Windows and Go find the thread by x18"},
		}
	case t.GOARCH == "arm64":
		return []register{goroutine(arm64.X28, "x28")}
	case t.GOARCH == "riscv64":
		return []register{
			goroutine(riscv64.S11, "x27"),
			// "RISC-V ABIs Specification", "Integer Register Convention". In a program
			// with cgo the C library finds its thread by tp, and Go its g.
			{number: riscv64.GP, name: "x3", owner: "the linker's", why: "gp has the same value in all of a program"},
			{number: riscv64.TP, name: "x4", owner: "the C library's", why: "tp leads to thread-local data, which Rust in a Go program has none of"},
		}
	}
	return nil
}

// goroutine is the register in which Go's signal handler finds the goroutine:
// runtime.sigtramp calls runtime.load_g only if there is cgo
// (sys_linux_arm64.s, sys_freebsd_arm64.s, sys_linux_riscv64.s; Go 1.25 to 1.27).
func goroutine(number int, name string) register {
	return register{number, name, "Go's", "Go's signal handler finds the goroutine in " + name + ", whatever code a signal interrupts", true}
}

// reserved refuses code that uses a register that it must leave alone.
func reserved(analysis *stack.Analysis, in *input, t target.Target) error {
	recovers := len(in.lib.Defines(recovers)) > 0
	for _, r := range reservedOn(t) {
		names := analysis.Touching(r.number)
		if r.kept && recovers {
			names = slices.DeleteFunc(analysis.TouchingHere(r.number), func(name string) bool {
				return strings.HasSuffix(name, "rust_begin_unwind") // which saves it
			})
		}
		if err := diagnoseRegister(names, r); err != nil {
			return err
		}
	}
	return nil
}
