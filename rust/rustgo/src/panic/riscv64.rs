//! The way from a goroutine's stack to the panic stack on RISC-V, and back to the
//! trampoline that called Rust.
//!
//! The trampoline has left a cookie in its frame, above all that Rust uses, and
//! below it where the call returns to, as on AArch64:
//!
//! ```text
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
//! the one: it names an address just below its own, which no other value of 64
//! bits does by chance, and the trampoline takes it away when it is done. No fault
//! in Rust leaves one behind, since none is recovered (riscvAccount in
//! internal/emit).
//!
//! The record of the panic is in s1, which the trampoline has set to zero.
//!
//! Go's signal handler finds the goroutine in x27, which formatting in the core
//! of rustup changes. So signals wait while a message is written, but for those
//! of faults.
//!
//! The panic stack is laid out as on x86-64; Linux has no larger pages here.

use core::cell::UnsafeCell;
use core::sync::atomic::AtomicU64;

/// What makes a cookie. `internal/emit` in cargo rustgo has the same number,
/// panicMagic.
pub(super) const MAGIC: i64 = 0x9e37_79b9_7f4a_7c15_u64 as i64;

const GUARD: usize = 4096;
/// Wherever the page boundary falls, the report has 64 KiB …
const SIZE: usize = AGAIN_TOP + (64 << 10);
/// … and the report of a panic inside the report has 8 KiB.
const AGAIN_TOP: usize = 2 * GUARD + (8 << 10);
/// The same as lui takes them.
pub(super) const SIZE_4K: usize = SIZE >> 12;
pub(super) const AGAIN_TOP_4K: usize = AGAIN_TOP >> 12;
/// How far below the cookie sp is at least, and how much further at most: the
/// arguments (copyOff and maxImmediate in internal/emit).
pub(super) const BELOW: usize = 24;
pub(super) const ARGUMENTS: usize = 4095;
/// How far up the cookie is looked for, as lui takes it: as far as the largest
/// stack that can be asked for. It is always there; if it were not, this ends the
/// search before the address space does.
pub(super) const REACH_4K: usize = (1 << 30) >> 12;

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
    /// sp and x27 of the panic.
    sp: AtomicU64,
    g: AtomicU64,
    /// The signals that wait: all but those of faults.
    wait: AtomicU64,
    /// Those that waited before.
    before: AtomicU64,
}
pub(super) static STATE: State = State {
    lock: AtomicU64::new(0),
    sp: AtomicU64::new(0),
    g: AtomicU64::new(0),
    wait: AtomicU64::new(!FAULTS),
    before: AtomicU64::new(0),
};

/// SIGILL, SIGTRAP, SIGBUS, SIGFPE and SIGSEGV.
const FAULTS: u64 = 1 << 3 | 1 << 4 | 1 << 6 | 1 << 7 | 1 << 10;

/// Makes the page below the panic stack inaccessible, the first time, so that
/// an overflow is a fault and not a corruption of what lies before it.
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
            "ecall",
            in("a7") MPROTECT,
            inlateout("a0") start => _,
            in("a1") GUARD,
            in("a2") 0,
            options(nostack)
        );
    }
}

/// Makes signals wait.
pub(super) extern "C" fn wait() {
    signals(BLOCK, STATE.wait.as_ptr(), STATE.before.as_ptr());
}

/// Undoes wait.
pub(super) extern "C" fn resume() {
    signals(SETMASK, STATE.before.as_ptr(), core::ptr::null_mut());
}

const RT_SIGPROCMASK: usize = 135; // include/uapi/asm-generic/unistd.h
/// What it is told (include/uapi/asm-generic/signal-defs.h).
const BLOCK: usize = 0;
const SETMASK: usize = 2;

fn signals(how: usize, set: *const u64, old: *mut u64) {
    // SAFETY: the sets are as large as they are said to be.
    unsafe {
        core::arch::asm!(
            "ecall",
            in("a7") RT_SIGPROCMASK,
            inlateout("a0") how => _,
            in("a1") set,
            in("a2") old,
            in("a3") size_of::<u64>(),
            options(nostack)
        );
    }
}

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
                "lla a1, {stack}",
                "lla s2, {state}",
                "sub a3, sp, a1",
                "lui a4, {size}",
                "bltu a3, a4, 4f", // on the panic stack already

                "li a5, 1",
                "2:",
                "lr.w.aq a3, (s2)",
                "bnez a3, 2b",
                "sc.w a3, a5, (s2)",
                "bnez a3, 2b",
                "sd sp, 8(s2)",
                "sd s11, 16(s2)",
                "mv s3, a0",
                "add sp, a1, a4",
                "call {wait}",
                "mv a0, s3",
                "call {report}",
                "j 6f",

                "4:",
                "lw a3, 4(s2)",
                "li a5, 1",
                "sw a5, 4(s2)",
                "lui a4, {again_top}",
                "add sp, a1, a4",
                "bnez a3, 5f",
                "call {report_again}",
                "j 6f",
                // A panic in report_again, which has none.
                "5:",
                "call {report_lost}",

                // Look for the cookie.
                "6:",
                "mv s1, a0",
                "lla s2, {state}",
                "ld s11, 16(s2)",
                "call {resume}",
                "ld a3, 8(s2)",
                "lui a4, {reach}",
                "add a4, a4, a3",
                "li a5, {magic}",
                "li a6, {arguments}",
                "7:",
                "ld a1, (a3)",
                "xor a1, a1, a5", // sp, if this is a cookie
                "sub a2, a3, a1",
                "addi a2, a2, -{below}",
                "bleu a2, a6, 8f",
                "addi a3, a3, 8",
                "bltu a3, a4, 7b",
                "unimp", // Rust was not called by a trampoline

                // Give the panic stack back, and leave it before anything else.
                "8:",
                "ld ra, -8(a3)",
                "fence rw, w",
                "sd zero, (s2)",
                "mv sp, a1",
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
                reach = const $crate::panic::platform::REACH_4K,
                below = const $crate::panic::platform::BELOW,
                arguments = const $crate::panic::platform::ARGUMENTS,
                magic = const $crate::panic::platform::MAGIC,
                in("a0") $info, // the argument of the reports
                options(noreturn, nostack)
            )
        }
    };
}
pub(super) use enter;
