//! The way from a goroutine's stack to the panic stack on Linux, x86-64, and
//! the four system calls of the report.
//!
//! The panic stack, of which [`GUARD`] is found at run time because a static
//! of a Go program cannot be aligned to a page:
//!
//! ```text
//! STACK                                                      STACK + SIZE
//! | up to 4095 | guard 4096 | … report_again ◀| … report ◀|
//!              ^ page       ^                 ^ AGAIN_TOP ^ SIZE
//! ```

use core::arch::asm;
use core::cell::UnsafeCell;
use core::sync::atomic::AtomicU32;

/// x86-64 has no other base page size.
const GUARD: usize = 4096;
/// Wherever the page boundary falls, the report has more than 64 KiB.
pub(super) const SIZE: usize = AGAIN_TOP + (64 << 10);
/// … and the report of a panic inside the report has 8 KiB.
pub(super) const AGAIN_TOP: usize = 2 * GUARD + (8 << 10);

/// Go aligns data to at most 32 bytes.
#[repr(C, align(16))]
pub(super) struct Stack(UnsafeCell<[u8; SIZE]>);
// SAFETY: only the thread that changes STATE from 0 touches the contents.
unsafe impl Sync for Stack {}
pub(super) static STACK: Stack = Stack(UnsafeCell::new([0; SIZE]));

/// 0: no panic yet; 1: a report is being written; 2: its writing panicked.
pub(super) static STATE: AtomicU32 = AtomicU32::new(0);

// System call numbers: arch/x86/entry/syscalls/syscall_64.tbl.
const WRITE: usize = 1;
const MPROTECT: usize = 10;
pub(super) const PAUSE: usize = 34;
pub(super) const EXIT_GROUP: usize = 231;

/// Leaves the goroutine's stack. Nothing is pushed on it and no register is
/// saved, since nobody will return. Statics are reached through their address
/// in a register only: that form of instruction needs no detour when the Go
/// linker decides where the statics are.
///
/// A macro, because a function might have a frame.
macro_rules! enter {
    ($info:expr) => {
        // SAFETY: does not return; the stacks are as drawn above.
        unsafe {
            core::arch::asm!(
                "lea rdx, [rip + {stack}]",
                "lea rsi, [rip + {state}]",
                "mov rcx, rsp",
                "sub rcx, rdx",
                "cmp rcx, {size}",
                "jb 3f", // on the panic stack already

                "xor eax, eax",
                "mov ecx, 1",
                "lock cmpxchg [rsi], ecx",
                "jne 2f",
                "lea rdx, [rdx + {size}]",
                "and rdx, -16",
                "mov rsp, rdx",
                "call {report}",
                "ud2",

                // Another thread is reporting and will end the process. Each
                // signal of the Go runtime ends the system call early.
                "2:",
                "mov eax, {pause}",
                "syscall",
                "jmp 2b",

                "3:",
                "mov ecx, 2",
                "xchg [rsi], ecx",
                "cmp ecx, 1",
                "jne 4f",
                "lea rdx, [rdx + {again_top}]",
                "and rdx, -16",
                "mov rsp, rdx",
                "call {report_again}",
                "ud2",

                // A panic in report_again, which has none.
                "4:",
                "mov edi, 2",
                "mov eax, {exit_group}",
                "syscall",
                "ud2",

                stack = sym $crate::panic::linux_x86_64::STACK,
                state = sym $crate::panic::linux_x86_64::STATE,
                report = sym $crate::panic::report::report,
                report_again = sym $crate::panic::report::report_again,
                size = const $crate::panic::linux_x86_64::SIZE,
                again_top = const $crate::panic::linux_x86_64::AGAIN_TOP,
                pause = const $crate::panic::linux_x86_64::PAUSE,
                exit_group = const $crate::panic::linux_x86_64::EXIT_GROUP,
                in("rdi") $info, // the argument of report and report_again
                // Calls push, but not on the stack that was ours.
                options(noreturn, nostack)
            )
        }
    };
}
pub(super) use enter;

unsafe fn syscall(number: usize, a: usize, b: usize, c: usize) -> isize {
    let result;
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number as isize => result,
            in("rdi") a,
            in("rsi") b,
            in("rdx") c,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack)
        );
    }
    result
}

/// Makes the page below the panic stack inaccessible, so that an overflow is
/// a fault and not a corruption of what lies before it.
pub(super) fn guard() {
    let start = (STACK.0.get() as usize).next_multiple_of(GUARD);
    // SAFETY: the page is part of STACK and below both stack areas. If the
    // call fails there is no guard, which is no reason not to report.
    unsafe { syscall(MPROTECT, start, GUARD, 0) };
}

/// Writes all of `bytes` to standard error, unless that is impossible.
pub(super) fn write(mut bytes: &[u8]) {
    const EINTR: isize = -4;
    while !bytes.is_empty() {
        // SAFETY: reads the slice only.
        match unsafe { syscall(WRITE, 2, bytes.as_ptr() as usize, bytes.len()) } {
            EINTR => {}
            n if n > 0 => bytes = bytes.get(n as usize..).unwrap_or(&[]),
            _ => return,
        }
    }
}

pub(super) fn exit(status: i32) -> ! {
    // SAFETY: exit_group does not return.
    unsafe {
        asm!(
            "syscall",
            "ud2",
            in("rax") EXIT_GROUP,
            in("rdi") status as isize,
            options(noreturn, nostack)
        )
    }
}
