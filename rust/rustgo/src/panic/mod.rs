//! What happens when Rust panics inside a Go program.
//!
//! The handler is called on the stack of a goroutine, possibly with only its
//! last few bytes free, while formatting a message takes kilobytes. So the
//! first act, in the file of the platform, is to move to a stack set aside
//! for this, never to come back:
//!
//! ```text
//! Rust code ─▶ panic ─▶ enter: which of these is it?
//!                         the first panic       ─▶ panic stack ─▶ report
//!                         another thread's      ─▶ wait for the end
//!                         one inside the report ─▶ panic stack ─▶ report_again
//! ```
//!
//! The process ends with status 2 and this on standard error, which is the
//! shape of Go's own panics:
//!
//! ```text
//! panic: Rust: index out of bounds: the len is 4 but the index is 7
//!         at src/lib.rs:12:5
//! ```

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod linux_x86_64;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
use linux_x86_64 as platform;

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
mod trap;
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
use trap as platform;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod report;

use core::panic::PanicInfo;

#[panic_handler]
#[cold]
#[inline(never)]
fn panic(info: &PanicInfo<'_>) -> ! {
    platform::enter!(info)
}
