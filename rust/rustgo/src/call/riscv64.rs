//! The way from Rust's stack to the goroutine's on RISC-V, and back; as on
//! x86-64. The end of the stack is in t0. x27 is Go's, and changes with the thread.

use super::ALIGN;

/// Where the address of the code that calls Go is, below the end of the stack.
const CALLBACK: u64 = 56;

super::function! {
    // Assembly outside of functions is for a processor without floating-point numbers.
    ".option push",
    ".option arch, +d",
    "addi sp, sp, -192",
    "sd ra, 184(sp)",
    "sd s0, 176(sp)",
    "addi s0, sp, 192",
    "sd s1, 168(sp)",
    "sd s2, 160(sp)",
    "sd s3, 152(sp)",
    "sd s4, 144(sp)",
    "sd s5, 136(sp)",
    "sd s6, 128(sp)",
    "sd s7, 120(sp)",
    "sd s8, 112(sp)",
    "sd s9, 104(sp)",
    "sd s10, 96(sp)",
    "fsd fs0, 88(sp)",
    "fsd fs1, 80(sp)",
    "fsd fs2, 72(sp)",
    "fsd fs3, 64(sp)",
    "fsd fs4, 56(sp)",
    "fsd fs5, 48(sp)",
    "fsd fs6, 40(sp)",
    "fsd fs7, 32(sp)",
    "fsd fs8, 24(sp)",
    "fsd fs9, 16(sp)",
    "fsd fs10, 8(sp)",
    "fsd fs11, 0(sp)",
    "li t0, {mask}",
    "or t0, t0, sp",
    "addi t0, t0, 1",
    "ld t1, -{callback}(t0)",
    "jalr t1",
    "fld fs11, 0(sp)",
    "fld fs10, 8(sp)",
    "fld fs9, 16(sp)",
    "fld fs8, 24(sp)",
    "fld fs7, 32(sp)",
    "fld fs6, 40(sp)",
    "fld fs5, 48(sp)",
    "fld fs4, 56(sp)",
    "fld fs3, 64(sp)",
    "fld fs2, 72(sp)",
    "fld fs1, 80(sp)",
    "fld fs0, 88(sp)",
    "ld s10, 96(sp)",
    "ld s9, 104(sp)",
    "ld s8, 112(sp)",
    "ld s7, 120(sp)",
    "ld s6, 128(sp)",
    "ld s5, 136(sp)",
    "ld s4, 144(sp)",
    "ld s3, 152(sp)",
    "ld s2, 160(sp)",
    "ld s1, 168(sp)",
    "ld s0, 176(sp)",
    "ld ra, 184(sp)",
    "addi sp, sp, 192",
    "ret",
    ".option pop",
    ;
    name = sym rustgo_callback,
    mask = const ALIGN - 1,
    callback = const CALLBACK,
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
