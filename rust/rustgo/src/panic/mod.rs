//! What happens when Rust panics inside a Go program: Go panics.
//!
//! The handler is called on the stack of a goroutine, possibly with only its
//! last few bytes free, while formatting a message takes kilobytes. So the
//! first act, in the file of the platform, is to move to a stack set aside for
//! this, one thread at a time:
//!
//! ```text
//! Rust code ─▶ panic ─▶ enter: which of these is it?
//!                         a panic               ─▶ panic stack ─▶ report
//!                         one inside the report ─▶ panic stack ─▶ report_again
//!                       ─▶ the trampoline, with a record ─▶ panic in Go
//! ```
//!
//! The frames of Rust between the panic and the trampoline are gone then, and
//! no destructors have run: `panic = "abort"` has none.

#[cfg(target_arch = "x86_64")]
#[path = "x86_64.rs"]
mod platform;

#[cfg(all(
    target_arch = "aarch64",
    any(target_os = "linux", target_os = "android", target_os = "macos")
))]
#[path = "aarch64.rs"]
mod platform;

#[cfg(all(target_arch = "riscv64", target_os = "linux"))]
#[path = "riscv64.rs"]
mod platform;

#[cfg(not(any(
    target_arch = "x86_64",
    all(
        target_arch = "aarch64",
        any(target_os = "linux", target_os = "android", target_os = "macos")
    ),
    all(target_arch = "riscv64", target_os = "linux")
)))]
#[path = "trap.rs"]
mod platform;

#[cfg(any(
    target_arch = "x86_64",
    all(
        target_arch = "aarch64",
        any(target_os = "linux", target_os = "android", target_os = "macos")
    ),
    all(target_arch = "riscv64", target_os = "linux")
))]
mod report;

use core::panic::PanicInfo;

/// Tells cargo rustgo that panics come back to the trampoline.
#[cfg(any(
    target_arch = "x86_64",
    all(
        target_arch = "aarch64",
        any(target_os = "linux", target_os = "android", target_os = "macos")
    ),
    all(target_arch = "riscv64", target_os = "linux")
))]
#[unsafe(no_mangle)]
pub static __RUSTGO_PANIC_V1: u8 = 1;

#[panic_handler]
#[cold]
#[inline(never)]
fn panic(info: &PanicInfo<'_>) -> ! {
    platform::enter!(info)
}

/// Where functions of alloc, as rustup has it, go on when they are unwound and have
/// freed what they own. Here nobody unwinds.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    panic!("unwound without unwinding")
}
