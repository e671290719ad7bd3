//! The memory functions that LLVM may call wherever it likes.
//!
//! Their contracts are C's, with two promises that LLVM relies on and C does
//! not make: `memcpy(p, p, n)` is a no-op, and a length of zero is fine with
//! any pointer.
//!
//! They are easy to write wrong in Rust: LLVM recognises the loop of a
//! hand-written memcpy and replaces it by a call to memcpy, which is itself.
//! `#![no_builtins]` stops that, but also takes the crate out of LTO. So each
//! implementation has its own way to be opaque: x86-64 is assembly, and the
//! portable loops pass every step through an empty assembly statement.

#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(any(test, not(target_arch = "x86_64")))]
mod portable;

#[cfg(test)]
mod tests;
