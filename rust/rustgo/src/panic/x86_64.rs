//! The way from a goroutine's stack to the panic stack on x86-64, and back to
//! the trampoline that called Rust.
//!
//! The trampoline has left a cookie in its frame, above all that Rust uses:
//!
//! ```text
//!   | g0               |  on Windows
//! A | sp ^ MAGIC       |  the cookie, with sp as it was at the call
//!   | 0 to 255 words   |  padding, C's stack arguments
//! sp|------------------|
//!   | return address   |  in the trampoline
//!   | frames of Rust   |
//!   | …                |  rsp here
//! ```
//!
//! Going up from rsp, the first word that says of itself that it is a cookie is
//! the one: it names an address just below its own, which no other value of 64
//! bits does by chance, and the trampoline takes it away when it is done. The
//! handler sets rsp to where the return address is, r12 to the record of the
//! panic, and returns.
//!
//! There is one exception. A fault in Rust that Go recovers from leaves the
//! cookie where it was, and a later call may find it in a part of its frame that
//! it does not write. So frame pointers have a say, where there are any: the
//! function that the trampoline called has saved the trampoline's, below its
//! return address:
//!
//! ```text
//! sp|------------------|
//!   | return address   |
//!   | rbp              |  a frame, which the chain from the panic's rbp reaches
//! ```
//!
//! That is the one, if the caller is a trampoline, which the instruction at the
//! return address tells. A cookie that the chain passes by is taken only if there
//! is no other that it reaches. Nothing is read that is not known to be the stack, up to the last
//! frame or, between two, as far as a frame can be large.

//!
//! The panic stack, of which the guard page is found at run time because a
//! static of a Go program cannot be aligned to a page:
//!
//! ```text
//! STACK                                                      STACK + SIZE
//! | up to 4095 | guard 4096 | … report_again ◀| … report ◀|
//!              ^ page       ^                 ^ AGAIN_TOP ^ SIZE
//! ```

use core::cell::UnsafeCell;
use core::sync::atomic::AtomicU64;

/// What makes a cookie. `internal/emit` in cargo rustgo has the same number.
pub(super) const MAGIC: u64 = 0x9e37_79b9_7f4a_7c15;

/// x86-64 has no other base page size.
const GUARD: usize = 4096;
/// Wherever the page boundary falls, the report has 64 KiB …
pub(super) const SIZE: usize = AGAIN_TOP + (64 << 10);
/// … and the report of a panic inside the report has 8 KiB.
pub(super) const AGAIN_TOP: usize = 2 * GUARD + (8 << 10);
/// How far up the cookie is looked for: as far as the largest stack that can be
/// asked for. It is always there; if it were not, this ends the search before
/// the address space does.
pub(super) const REACH: usize = 1 << 30;
/// What is further from one frame to the next is not one.
pub(super) const FRAME: usize = 1 << 20;
/// How trampolines go on behind the call: mov qword ptr [rsp + …], 0 …
pub(super) const AFTER: usize = 0xc748;
/// … or, on a stack of its own, test r12, r12.
pub(super) const AFTER_OWN: usize = 0x854d;

/// Go aligns data to at most 32 bytes.
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
    /// rsp and rbp of the panic.
    sp: AtomicU64,
    bp: AtomicU64,
    /// sp at the call of Rust.
    to: AtomicU64,
    /// On Windows g0, and its bounds.
    g0: AtomicU64,
    lo: AtomicU64,
    hi: AtomicU64,
}
pub(super) static STATE: State = State {
    lock: AtomicU64::new(0),
    sp: AtomicU64::new(0),
    bp: AtomicU64::new(0),
    to: AtomicU64::new(0),
    g0: AtomicU64::new(0),
    lo: AtomicU64::new(0),
    hi: AtomicU64::new(0),
};

/// Go on Windows wants to know of every stack pointer whose it is. So the bounds of
/// g0's stack, its first two words, include the panic stack while it is in use.
/// `internal/emit/bounds.go` in cargo rustgo says why.
pub(super) const BY_SP: u8 = cfg!(rustgo_windows) as u8;

/// Makes the page below the panic stack inaccessible, the first time, so that
/// an overflow is a fault and not a corruption of what lies before it.
#[cfg(all(target_os = "linux", not(rustgo_foreign)))]
pub(super) fn guard() {
    use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

    const MPROTECT: usize = 10; // arch/x86/entry/syscalls/syscall_64.tbl
    static GUARDED: AtomicBool = AtomicBool::new(false);
    if GUARDED.swap(true, Relaxed) {
        return;
    }
    let start = (STACK.0.get() as usize).next_multiple_of(GUARD);
    // SAFETY: the page is part of STACK and below both stacks. If the call
    // fails there is no guard, which is no reason not to report.
    unsafe {
        core::arch::asm!(
            "syscall",
            inlateout("rax") MPROTECT => _,
            in("rdi") start,
            in("rsi") GUARD,
            in("rdx") 0,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack)
        );
    }
}

#[cfg(not(all(target_os = "linux", not(rustgo_foreign))))]
pub(super) fn guard() {}

/// Leaves the goroutine's stack. Nothing is pushed on it and no register is
/// saved, since nobody will return. Statics are reached through their address
/// in a register only: that form of instruction needs no detour when the Go
/// linker decides where the statics are.
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
                "mov rbx, rdi", // the argument of the reports
                "lea rsi, [rip + {state}]",
                "lea rdx, [rip + {stack}]",
                "mov rcx, rsp",
                "sub rcx, rdx",
                "cmp rcx, {size}",
                "jb 4f", // on the panic stack already

                "mov ecx, 1",
                "2:",
                "xor eax, eax",
                "lock cmpxchg [rsi], ecx",
                "je 3f",
                "pause",
                "jmp 2b",
                "3:",
                "mov [rsi + 8], rsp",
                "mov [rsi + 16], rbp",
                ".if {by_sp} == 0",
                "lea rdx, [rdx + {size}]",
                "and rdx, -16",
                "mov rsp, rdx",
                ".endif",

                // Look for the cookie.
                "mov rcx, [rsi + 8]",
                "mov r10, [rsi + 16]", // a frame
                "xor r11d, r11d",      // sp, if this was the first cookie
                "lea r8, [rcx + {reach}]",
                "movabs rdx, {magic}",
                "7:",
                "mov rdi, [rcx]",
                "xor rdi, rdx", // sp, if this is a cookie
                "mov r9, rcx",
                "sub r9, rdi",
                "cmp r9, {words}",
                "jbe 9f",
                "8:",
                "add rcx, 8",
                "cmp rcx, r8",
                "jb 7b",
                // r8 is a frame that the chain came to. Go on to the next one.
                "test r11, r11",
                "je 13f",
                "mov r10, r8",
                "mov r8, [r10]",
                "mov r9, r8",
                "sub r9, r10",
                "jbe 16f",
                "cmp r9, {frame}",
                "ja 16f",
                "test r8b, 7",
                "je 7b",
                "jmp 16f",

                // Does the chain reach it?
                "9:",
                "test r11, r11",
                "cmove r11, rdi",
                "cmove r12, rcx", // the first cookie
                "lea r9, [rdi - 16]",
                "15:",
                "test r10b, 7",
                "jne 16f",
                "cmp r10, r9",
                "ja 14f",
                "je 17f",
                "cmp r10, [rsi + 8]",
                "jb 16f",
                "mov rax, r10",
                "mov r10, [r10]",
                "cmp r10, rax",
                "ja 15b",
                "jmp 16f",
                // It does. Is the caller a trampoline?
                "17:",
                "mov rax, [rdi - 8]",
                "cmp word ptr [rax], {after}",
                "je 12f",
                "cmp word ptr [rax], {after_own}",
                "je 12f",
                "mov r8, r10",
                "jmp 8b",
                // It ends here, or never was one.
                "16:",
                "mov rdi, r11",
                "mov rcx, r12",
                "jmp 12f",
                "13:",
                "ud2", // Rust was not called by a trampoline
                // It passes it by.
                "14:",
                "mov r9, r10",
                "sub r9, rdi",
                "cmp r9, {frame}",
                "jg 16b",
                "mov r8, r10",
                "jmp 8b",

                // rcx is the cookie. Make the report.
                "12:",
                "mov [rsi + 24], rdi",
                ".if {by_sp}",
                // rsp is between the bounds before and after it moves.
                "lea rdx, [rip + {stack}]",
                "mov rcx, [rcx + 8]",
                "mov rax, [rcx]",
                "mov [rsi + 32], rcx",
                "mov [rsi + 40], rax",
                "cmp rax, rdx",
                "cmova rax, rdx",
                "mov [rcx], rax",
                "lea r8, [rdx + {size} + 8]",
                "mov rax, [rcx + 8]",
                "mov [rsi + 48], rax",
                "cmp rax, r8",
                "cmovb rax, r8",
                "mov [rcx + 8], rax",
                "lea rdx, [rdx + {size}]",
                "and rdx, -16",
                "mov rsp, rdx",
                ".endif",
                "mov rdi, rbx",
                "call {report}",
                "jmp 6f",

                "4:",
                "mov rdi, rbx",
                "mov ecx, 1",
                "xchg [rsi + 4], ecx",
                "test ecx, ecx",
                "jne 5f",
                "lea rdx, [rdx + {again_top}]",
                "and rdx, -16",
                "mov rsp, rdx",
                "call {report_again}",
                "jmp 6f",
                // A panic in report_again, which has none.
                "5:",
                "lea rdx, [rdx + {again_top}]",
                "and rdx, -16",
                "mov rsp, rdx",
                "call {report_lost}",

                // Leave the panic stack, and then give it back.
                "6:",
                "mov r12, rax",
                "lea rsi, [rip + {state}]",
                "mov rdi, [rsi + 24]",
                "lea rdi, [rdi - 8]",
                "mov rsp, rdi",
                ".if {by_sp}",
                "mov rcx, [rsi + 32]",
                "mov rax, [rsi + 40]",
                "mov rdx, [rsi + 48]",
                "mov [rcx], rax",
                "mov [rcx + 8], rdx",
                ".endif",
                "xor ecx, ecx",
                "mov [rsi], rcx",
                "ret",

                stack = sym $crate::panic::platform::STACK,
                state = sym $crate::panic::platform::STATE,
                report = sym $crate::panic::report::report,
                report_again = sym $crate::panic::report::report_again,
                report_lost = sym $crate::panic::report::report_lost,
                size = const $crate::panic::platform::SIZE,
                again_top = const $crate::panic::platform::AGAIN_TOP,
                reach = const $crate::panic::platform::REACH,
                frame = const $crate::panic::platform::FRAME,
                after = const $crate::panic::platform::AFTER,
                after_own = const $crate::panic::platform::AFTER_OWN,
                magic = const $crate::panic::platform::MAGIC,
                words = const 8 * 255,
                by_sp = const $crate::panic::platform::BY_SP,
                in("rdi") $info, // the argument of the reports
                // Calls push, but not on the stack that was ours.
                options(noreturn, nostack)
            )
        }
    };
}
pub(super) use enter;
