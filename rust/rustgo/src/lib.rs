//! What a `#![no_std]` crate needs to become a Go package.
//!
//! `cargo rustgo build` turns a crate into a Go package that a Go program
//! imports like any other and calls without cgo. Such a crate cannot bring
//! the standard library along: inside a Go process there is no libc, and the
//! threads, the signals and the stacks belong to the Go runtime. What is left
//! is `core`, and `core` asks its surroundings for exactly two things. This
//! crate supplies them:
//!
//! - a **panic handler**, which turns a Rust panic into a Go panic: the call from
//!   Go panics with an error value that has the message, the file and the line,
//!   and Go code can recover from it;
//! - the **memory functions** `memcpy`, `memmove`, `memset`, `memcmp`, `bcmp`
//!   and `strlen`, which the compiler calls for moves, comparisons and
//!   initialisations that are too large to write out in place.
//!
//! It also has **Go's types** for parameters and results: [`Slice`], [`SliceMut`],
//! [`Str`], [`Result`], [`Message`] and [`Handle`]; and **calls of Go**: [`Func`] is a
//! Go function, [`Interface`] a value of a Go interface. [`heap!`] declares a **global
//! allocator**, for crates that use `alloc`.
//!
//! Depend on the crate and name it once, so that it
//! is linked:
//!
//! ```ignore
//! #![no_std]
//!
//! extern crate rustgo;
//!
//! /// Returns a times b, reduced modulo 2⁶⁴.
//! #[unsafe(no_mangle)]
//! pub extern "C" fn multiply_two(a: u64, b: u64) -> u64 {
//!     a.wrapping_mul(b)
//! }
//! ```
//!
//! The first two exist only under `--cfg rustgo`, which `cargo rustgo` passes.
//! Without it nothing of this crate is in the way, so `cargo check`, `cargo build` and
//! `cargo test` work as usual, also beside `std` and its own panic handler.
//!
//! # Stacks
//!
//! Rust code runs on the stack of the goroutine that called it, with just as
//! many bytes below it as `cargo rustgo` has proven it needs, or else on a stack
//! of its thread's. Everything here
//! is written for that: the memory functions are leaf functions that touch no
//! stack at all, and the panic handler leaves the goroutine's stack with its
//! first instructions.
#![no_std]

#[cfg(test)]
extern crate std;

#[doc(hidden)]
pub mod call;
pub mod io;
mod types;

pub use call::{Argument, Error, Func, Interface, Returned};
#[cfg(any(rustgo, test))]
pub use heap::Heap;
pub use types::{Handle, Message, Result, Slice, SliceMut, Str};

/// What calls Go functions: `use rustgo::prelude::*`.
pub mod prelude {
    pub use crate::call::{Call0, Call1, Call2, Call3, Call4, Call5, Call6, Func, Interface};
}

#[cfg(all(
    rustgo,
    not(test),
    target_arch = "aarch64",
    any(target_os = "linux", target_os = "android")
))]
mod auxv;
#[cfg(any(rustgo, test))]
mod heap;
#[cfg(any(rustgo, test))]
mod mem;
#[cfg(all(rustgo, not(test)))]
mod panic;

/// Whether the processor has atomic instructions beyond the first ones. On
/// AArch64 Linux rustc calls functions that ask; libgcc's answer is found by a
/// constructor, which nothing runs in a Go program.
#[cfg(all(rustgo, target_arch = "aarch64", target_os = "linux"))]
#[unsafe(no_mangle)]
pub static __aarch64_have_lse_atomics: u8 = 0;

/// Declares the global allocator of a crate, so that it can use `alloc`: boxes,
/// vectors, strings, maps. In Go, the package then reserves address space for it when
/// it is initialized.
///
/// ```ignore
/// #![no_std]
/// extern crate alloc;
///
/// rustgo::heap!();
/// ```
///
/// It does nothing without `cargo rustgo`.
#[cfg(rustgo)]
#[macro_export]
macro_rules! heap {
    () => {
        #[global_allocator]
        static RUSTGO_HEAP: $crate::Heap = $crate::Heap::new();

        /// rustgo_heap gives the global allocator its memory: size bytes of zeros,
        /// from start on. It is called once, before any other function.
        #[unsafe(no_mangle)]
        pub extern "C" fn rustgo_heap(start: usize, size: usize) {
            // SAFETY: that is how it is called.
            unsafe { RUSTGO_HEAP.supply(start, size) }
        }
    };
}

/// Declares the global allocator of a crate under `cargo rustgo`, and nothing
/// otherwise.
#[cfg(not(rustgo))]
#[macro_export]
macro_rules! heap {
    () => {};
}
