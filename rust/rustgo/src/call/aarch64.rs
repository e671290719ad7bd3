//! The way from Rust's stack to the goroutine's on AArch64, and back; as on
//! x86-64. The end of the stack is in x16. x28 is Go's, and changes with the
//! thread, but on Apple's systems, where Rust may use it.

use super::ALIGN;

/// Where the address of the code that calls Go is, below the end of the stack.
const CALLBACK: u64 = 56;
/// Where the frame pointer of the goroutine's stack is.
const FP: u64 = 48;

super::function! {
    "stp x29, x30, [sp, #-160]!",
    "mov x29, sp",
    "stp x19, x20, [sp, #16]",
    "stp x21, x22, [sp, #32]",
    "stp x23, x24, [sp, #48]",
    "stp x25, x26, [sp, #64]",
    "str x27, [sp, #80]",
    ".if {apple}",
    "str x28, [sp, #88]",
    ".endif",
    "stp d8, d9, [sp, #96]",
    "stp d10, d11, [sp, #112]",
    "stp d12, d13, [sp, #128]",
    "stp d14, d15, [sp, #144]",
    "orr x16, x29, #{mask}",
    "add x16, x16, #1",
    "ldur x29, [x16, #-{fp}]",
    "ldur x17, [x16, #-{callback}]",
    "blr x17",
    "ldp d14, d15, [sp, #144]",
    "ldp d12, d13, [sp, #128]",
    "ldp d10, d11, [sp, #112]",
    "ldp d8, d9, [sp, #96]",
    "ldr x27, [sp, #80]",
    ".if {apple}",
    "ldr x28, [sp, #88]",
    ".endif",
    "ldp x25, x26, [sp, #64]",
    "ldp x23, x24, [sp, #48]",
    "ldp x21, x22, [sp, #32]",
    "ldp x19, x20, [sp, #16]",
    "ldp x29, x30, [sp], #160",
    "ret",
    ;
    name = sym rustgo_callback,
    mask = const ALIGN - 1,
    callback = const CALLBACK,
    fp = const FP,
    apple = const cfg!(target_vendor = "apple") as u32,
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
