//! The way from Rust's stack to the goroutine's on x86-64, and back.
//!
//! The stack ends at a multiple of ALIGN. Below its end the trampoline has left
//! the address of code that switches to the goroutine's stack and calls Go
//! (`internal/emit` in cargo rustgo, "ownCallback"). That code finds the end of
//! the stack in rax, keeps none of the registers but rsp, and returns as any
//! function does, perhaps on another thread.

use super::ALIGN;

/// Where the address is, below the end of the stack.
const CALLBACK: u64 = 40;
/// Where the frame pointer of the goroutine's stack is.
const BP: u64 = 32;

super::function! {
    "push rbp",
    "push rbx",
    "push r12",
    "push r13",
    "push r14",
    "push r15",
    "lea rax, [rsp - 1]",
    "or rax, {mask}",
    "inc rax",
    "mov rbp, [rax - {bp}]",
    "call [rax - {callback}]",
    "pop r15",
    "pop r14",
    "pop r13",
    "pop r12",
    "pop rbx",
    "pop rbp",
    "ret",
;
    name = sym rustgo_callback,
    mask = const ALIGN - 1,
    callback = const CALLBACK,
    bp = const BP,
}

unsafe extern "C" {
    fn rustgo_callback(handle: u64, frame: *mut u8);
}

/// Calls the Go function of a handle.
///
/// # Safety
///
/// The handle is from Go, and the frame is that of the function. The stack is
/// one that cargo rustgo gives to functions that reach this one.
#[inline]
pub(super) unsafe fn call(handle: u64, frame: *mut u8) {
    // SAFETY: as promised.
    unsafe { rustgo_callback(handle, frame) }
}
