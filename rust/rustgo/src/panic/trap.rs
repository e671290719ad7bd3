//! Targets without a report: an instruction that faults. Go turns the signal
//! into a crash with status 2 that shows where, though not why.

macro_rules! enter {
    ($info:expr) => {{
        let _ = $info;
        // SAFETY: the instruction does not return.
        #[cfg(target_arch = "x86_64")]
        unsafe {
            core::arch::asm!("ud2", options(noreturn, nostack))
        }
        #[cfg(target_arch = "aarch64")]
        unsafe {
            core::arch::asm!("brk #1", options(noreturn, nostack))
        }
        #[cfg(target_arch = "riscv64")]
        unsafe {
            core::arch::asm!("unimp", options(noreturn, nostack))
        }
    }};
}
pub(super) use enter;
