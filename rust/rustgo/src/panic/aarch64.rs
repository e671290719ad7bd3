//! The way from a goroutine's stack to the panic stack on AArch64, and back to
//! the trampoline that called Rust.
//!
//! The trampoline has left a cookie in its frame, above all that Rust uses, and
//! below it where the call returns to:
//!
//! ```text
//!    | g0               |  on Windows
//! A  | sp ^ MAGIC       |  the cookie, with sp as it was at the call
//!    | return address   |  in the trampoline
//!    | 16 bytes         |
//!    | arguments        |  for C
//! sp |------------------|
//!    | frames of Rust   |
//!    | …                |  sp here
//! ```
//!
//! Going up from sp, the first word that says of itself that it is a cookie is
//! the one, with one exception: a fault in Rust that Go recovers from leaves the
//! cookie where it was, and a later call may find it in a part of its frame that
//! it does not write. So frame records have a say, where there are any: one of
//! those below the cookie, which the chain from the panic's x29 reaches, has the
//! return address of the trampoline. A cookie of which none has is taken only if
//! there is no other. Nothing is read that is not known to be the stack, up to
//! the last record or, between two, as far as a frame can be large.
//!
//! The record of the panic is in x19, which the trampoline has set to zero.
//!
//! Go's signal handler finds the goroutine in x28, which formatting in the core
//! of rustup changes. So signals wait while a message is written, but for those
//! of faults. On macOS it is found elsewhere, and any code may change x28; the
//! trampoline has kept it.
//!
//! The panic stack is laid out as on x86-64, with a guard that is as large as
//! the largest page.

use core::cell::UnsafeCell;
use core::sync::atomic::AtomicU64;

/// The 16-bit parts of what makes a cookie, the lowest first. `internal/emit` in
/// cargo rustgo has the same number, panicMagic.
pub(super) const MAGIC: [u64; 4] = [0x7c15, 0x7f4a, 0x79b9, 0x9e37];

/// AArch64 has pages of 4, 16 and 64 KiB.
const GUARD: usize = 64 << 10;
/// Wherever the page boundary falls, the report has 64 KiB …
const SIZE: usize = AGAIN_TOP + (64 << 10);
/// … and the report of a panic inside the report has 8 KiB.
const AGAIN_TOP: usize = 2 * GUARD + (8 << 10);
/// The same in units that an immediate has.
pub(super) const SIZE_4K: usize = SIZE >> 12;
pub(super) const AGAIN_TOP_4K: usize = AGAIN_TOP >> 12;
/// How far below the cookie sp is at least, and how much further at most:
/// the arguments (arm64Cookie and maxImmediate in internal/emit).
pub(super) const BELOW: usize = 24;
pub(super) const ARGUMENTS: usize = 4095;
/// What is further from one record to the next is not one: this many MiB.
pub(super) const FRAME_SHIFT: usize = 20;

#[repr(C, align(16))]
pub(super) struct Stack(UnsafeCell<[u8; SIZE]>);
// SAFETY: only the thread that holds STATE touches the contents.
unsafe impl Sync for Stack {}
pub(super) static STACK: Stack = Stack(UnsafeCell::new([0; SIZE]));

/// The lock on the panic stack, and what its holder has to remember.
#[repr(C)]
pub(super) struct State {
    /// In the low half 1 while a thread is on the panic stack, in the high half
    /// 1 if it has panicked there again.
    pub(super) lock: AtomicU64,
    /// The cookie, and x28 of the panic.
    cookie: AtomicU64,
    g: AtomicU64,
    /// On Windows g0, and its bounds.
    g0: AtomicU64,
    bounds: [AtomicU64; 2],
    /// The signals that wait: all but those of faults.
    wait: [AtomicU64; 2],
    /// Those that waited before.
    before: [AtomicU64; 2],
}
pub(super) static STATE: State = State {
    lock: AtomicU64::new(0),
    cookie: AtomicU64::new(0),
    g: AtomicU64::new(0),
    g0: AtomicU64::new(0),
    bounds: [AtomicU64::new(0), AtomicU64::new(0)],
    wait: [AtomicU64::new(!FAULTS), AtomicU64::new(!0)],
    before: [AtomicU64::new(0), AtomicU64::new(0)],
};

/// Go on Windows wants to know of every stack pointer whose it is. So the bounds of
/// g0's stack, its first two words, include the panic stack while it is in use.
/// `internal/emit/bounds.go` in cargo rustgo says why.
pub(super) const BY_SP: u8 = cfg!(rustgo_windows) as u8;

/// SIGILL, SIGTRAP, SIGBUS, SIGFPE and SIGSEGV.
#[cfg(not(rustgo_freebsd))]
const FAULTS: u64 = 1 << 3 | 1 << 4 | 1 << 6 | 1 << 7 | 1 << 10;
/// The same on FreeBSD, and SIGEMT (sys/signal.h).
#[cfg(rustgo_freebsd)]
const FAULTS: u64 = 1 << 3 | 1 << 4 | 1 << 6 | 1 << 7 | 1 << 9 | 1 << 10;

/// Makes the page below the panic stack inaccessible, the first time, so that
/// an overflow is a fault and not a corruption of what lies before it.
#[cfg(all(target_os = "linux", not(rustgo_foreign)))]
pub(super) fn guard() {
    use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

    const MPROTECT: usize = 226; // include/uapi/asm-generic/unistd.h
    static GUARDED: AtomicBool = AtomicBool::new(false);
    if GUARDED.load(Relaxed) {
        return;
    }
    GUARDED.store(true, Relaxed); // the panic stack is a lock
    let start = (STACK.0.get() as usize).next_multiple_of(GUARD);
    // SAFETY: the page is part of STACK and below both stacks. If the call
    // fails there is no guard, which is no reason not to report.
    unsafe {
        core::arch::asm!(
            "svc #0",
            in("x8") MPROTECT,
            inlateout("x0") start => _,
            in("x1") GUARD,
            in("x2") 0,
            options(nostack)
        );
    }
}

#[cfg(not(all(target_os = "linux", not(rustgo_foreign))))]
pub(super) fn guard() {}

/// Makes signals wait.
pub(super) extern "C" fn wait() {
    signals(BLOCK, STATE.wait.as_ptr(), STATE.before.as_ptr());
}

/// Undoes wait.
pub(super) extern "C" fn resume() {
    signals(SETMASK, STATE.before.as_ptr(), core::ptr::null());
}

/// What rt_sigprocmask of Linux is told (include/uapi/asm-generic/signal-defs.h).
#[cfg(not(rustgo_freebsd))]
const BLOCK: usize = 0;
#[cfg(not(rustgo_freebsd))]
const SETMASK: usize = 2;
/// What sigprocmask of FreeBSD is told (sys/signal.h).
#[cfg(rustgo_freebsd)]
const BLOCK: usize = 1;
#[cfg(rustgo_freebsd)]
const SETMASK: usize = 3;

fn signals(how: usize, set: *const AtomicU64, old: *const AtomicU64) {
    #[cfg(all(target_os = "linux", any(rustgo_freebsd, not(rustgo_foreign))))]
    {
        // include/uapi/asm-generic/unistd.h; sys/syscall.h
        let call = if cfg!(rustgo_freebsd) { 340 } else { 135 };
        // SAFETY: the sets are as large as they are said to be, and as FreeBSD
        // takes them to be. FreeBSD changes x1, too.
        unsafe {
            core::arch::asm!(
                "svc #0",
                in("x8") call,
                inlateout("x0") how => _,
                inlateout("x1") set => _,
                in("x2") old,
                in("x3") size_of::<u64>(),
                options(nostack)
            );
        }
    }
    #[cfg(not(all(target_os = "linux", any(rustgo_freebsd, not(rustgo_foreign)))))]
    let _ = (how, set, old);
}

/// The instructions that put the address of an operand into a register.
#[cfg(not(target_vendor = "apple"))]
macro_rules! address {
    ($register:literal, $symbol:literal) => {
        concat!(
            "adrp ",
            $register,
            ", {",
            $symbol,
            "}\nadd ",
            $register,
            ", ",
            $register,
            ", :lo12:{",
            $symbol,
            "}"
        )
    };
}
#[cfg(target_vendor = "apple")]
macro_rules! address {
    ($register:literal, $symbol:literal) => {
        concat!(
            "adrp ",
            $register,
            ", {",
            $symbol,
            "}@PAGE\nadd ",
            $register,
            ", ",
            $register,
            ", {",
            $symbol,
            "}@PAGEOFF"
        )
    };
}
pub(super) use address;

/// Leaves the goroutine's stack. Nothing is pushed on it and no register is
/// saved, since nobody will return.
///
/// A thread that finds the panic stack in use waits for some microseconds: who
/// holds it formats a message and calls nobody.
///
/// A macro, because a function might have a frame.
macro_rules! enter {
    ($info:expr) => {
        // SAFETY: does not return; the stacks are as drawn above.
        unsafe {
            core::arch::asm!(
                $crate::panic::platform::address!("x1", "stack"),
                $crate::panic::platform::address!("x20", "state"),
                "mov x3, sp",
                "sub x3, x3, x1",
                "lsr x3, x3, #12",
                "cmp x3, #{size}",
                "b.lo 4f", // on the panic stack already

                "mov w5, #1",
                "2:",
                "ldaxr w4, [x20]",
                "cbnz w4, 22f",
                "stlxr w4, w5, [x20]",
                "cbnz w4, 2b",
                "b 3f",
                "22:",
                "yield",
                "b 2b",
                "3:",
                "str x28, [x20, #16]",
                "mov x21, x0",

                // Look for the cookie.
                "mov x3, sp",
                "mov x9, x3",
                "mov x10, x29", // a record
                "mov x11, #0",  // the first cookie
                // As far as the largest stack that can be asked for.
                "mov x12, #0x40000000",
                "add x12, x12, x3",
                "mov x13, #{magic0}",
                "movk x13, #{magic1}, lsl #16",
                "movk x13, #{magic2}, lsl #32",
                "movk x13, #{magic3}, lsl #48",
                "7:",
                "ldr x4, [x3]",
                "eor x4, x4, x13", // sp, if this is a cookie
                "sub x5, x3, x4",
                "sub x5, x5, #{below}",
                "cmp x5, #{arguments}",
                "b.ls 9f",
                "8:",
                "add x3, x3, #8",
                "cmp x3, x12",
                "b.lo 7b",
                // x12 is a record that the chain came to. Go on to the next one.
                "cbz x11, 13f",
                "mov x10, x12",
                "ldr x12, [x10]",
                "cmp x12, x10",
                "b.ls 16f",
                "sub x5, x12, x10",
                "lsr x5, x5, #{frame}",
                "cbnz x5, 16f",
                "tst x12, #7",
                "b.eq 7b",
                "b 16f",

                // Has a record of the chain the return address?
                "9:",
                "cmp x11, #0",
                "csel x11, x3, x11, eq",
                "ldur x6, [x3, #-8]",
                "15:",
                "tst x10, #7",
                "b.ne 16f",
                "cmp x10, x9",
                "b.lo 16f",
                "cmp x10, x3",
                "b.hs 14f",
                "ldr x7, [x10, #8]",
                "cmp x7, x6",
                "b.eq 12f",
                "mov x7, x10",
                "ldr x10, [x10]",
                "cmp x10, x7",
                "b.hi 15b",
                "b 16f",
                "13:",
                "brk #1", // Rust was not called by a trampoline
                // The chain passes it by.
                "14:",
                "sub x5, x10, x3",
                "lsr x5, x5, #{frame}",
                "cbnz x5, 16f",
                "mov x12, x10",
                "b 8b",
                // It ends here, or never was one.
                "16:",
                "mov x3, x11",

                // x3 is the cookie. Make the report.
                "12:",
                "str x3, [x20, #8]",
                "add x2, x1, #{size}, lsl #12",
                ".if {by_sp}",
                // sp is between the bounds before and after it moves.
                "ldr x3, [x3, #8]",
                "ldp x4, x5, [x3]",
                "str x3, [x20, #24]",
                "stp x4, x5, [x20, #32]",
                "cmp x4, x1",
                "csel x4, x4, x1, lo",
                "add x6, x2, #8",
                "cmp x5, x6",
                "csel x5, x5, x6, hi",
                "stp x4, x5, [x3]",
                ".endif",
                "mov sp, x2",
                "bl {wait}",
                "mov x0, x21",
                "bl {report}",
                "b 6f",

                "4:",
                "ldr w3, [x20, #4]",
                "mov w4, #1",
                "str w4, [x20, #4]",
                "add x1, x1, #{again_top}, lsl #12",
                "cbnz w3, 5f",
                "mov sp, x1",
                "bl {report_again}",
                "b 6f",
                // A panic in report_again, which has none.
                "5:",
                "mov sp, x1",
                "bl {report_lost}",

                // Leave the panic stack, and then give it back.
                "6:",
                "mov x19, x0",
                $crate::panic::platform::address!("x20", "state"),
                "ldr x28, [x20, #16]",
                "bl {resume}",
                "ldr x3, [x20, #8]",
                "mov x13, #{magic0}",
                "movk x13, #{magic1}, lsl #16",
                "movk x13, #{magic2}, lsl #32",
                "movk x13, #{magic3}, lsl #48",
                "ldp x30, x4, [x3, #-8]",
                "eor x4, x4, x13",
                "mov sp, x4",
                ".if {by_sp}",
                "ldr x3, [x20, #24]",
                "ldp x4, x5, [x20, #32]",
                "stp x4, x5, [x3]",
                ".endif",
                "stlr xzr, [x20]",
                "ret",

                stack = sym $crate::panic::platform::STACK,
                state = sym $crate::panic::platform::STATE,
                wait = sym $crate::panic::platform::wait,
                resume = sym $crate::panic::platform::resume,
                report = sym $crate::panic::report::report,
                report_again = sym $crate::panic::report::report_again,
                report_lost = sym $crate::panic::report::report_lost,
                size = const $crate::panic::platform::SIZE_4K,
                again_top = const $crate::panic::platform::AGAIN_TOP_4K,
                frame = const $crate::panic::platform::FRAME_SHIFT,
                below = const $crate::panic::platform::BELOW,
                by_sp = const $crate::panic::platform::BY_SP,
                arguments = const $crate::panic::platform::ARGUMENTS,
                magic0 = const $crate::panic::platform::MAGIC[0],
                magic1 = const $crate::panic::platform::MAGIC[1],
                magic2 = const $crate::panic::platform::MAGIC[2],
                magic3 = const $crate::panic::platform::MAGIC[3],
                in("x0") $info, // the argument of the reports
                options(noreturn, nostack)
            )
        }
    };
}
pub(super) use enter;
