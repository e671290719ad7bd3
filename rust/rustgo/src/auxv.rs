//! What the kernel says of the processor on AArch64 Linux, for crates that choose
//! instructions at run time, as cpufeatures does: libc's getauxval.

/// Returns a value of the auxiliary vector, or 0 if it cannot be read: then crates do
/// without what they ask about.
#[unsafe(no_mangle)]
extern "C" fn getauxval(kind: u64) -> u64 {
    imp::getauxval(kind)
}

#[cfg(all(target_os = "linux", not(rustgo_foreign)))]
mod imp {
    use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

    const HWCAP: u64 = 16; // include/uapi/linux/auxvec.h
    const HWCAP2: u64 = 26;
    /// Set in what is remembered; the kernel leaves it to libraries (arm64/elf_hwcaps).
    const KNOWN: u64 = 1 << 62;

    const OPENAT: u64 = 56; // include/uapi/asm-generic/unistd.h
    const CLOSE: u64 = 57;
    const READ: u64 = 63;
    const AT_FDCWD: i64 = -100;

    pub(super) fn getauxval(kind: u64) -> u64 {
        static REMEMBERED: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];
        let remembered = match kind {
            HWCAP => &REMEMBERED[0],
            HWCAP2 => &REMEMBERED[1],
            _ => return read(kind),
        };
        let mut value = remembered.load(Relaxed);
        if value == 0 {
            value = read(kind) | KNOWN;
            remembered.store(value, Relaxed);
        }
        value & !KNOWN
    }

    fn read(kind: u64) -> u64 {
        let mut value = 0;
        // SAFETY: the path ends in 0, and the entries are the kernel's to write.
        unsafe {
            let path = c"/proc/self/auxv".as_ptr() as u64;
            let file = call(OPENAT, AT_FDCWD as u64, path, 0);
            if file < 0 {
                return 0;
            }
            let mut entry = [0u64; 2];
            let size = size_of_val(&entry) as u64;
            while call(READ, file as u64, (&raw mut entry) as u64, size) == size as i64 {
                if entry[0] == kind {
                    value = entry[1];
                }
            }
            call(CLOSE, file as u64, 0, 0);
        }
        value
    }

    /// Makes a system call.
    unsafe fn call(number: u64, a: u64, b: u64, c: u64) -> i64 {
        let result: i64;
        // SAFETY: as the caller says.
        unsafe {
            core::arch::asm!(
                "svc #0",
                in("x8") number,
                inlateout("x0") a => result,
                in("x1") b,
                in("x2") c,
                in("x3") 0,
                options(nostack)
            );
        }
        result
    }
}

#[cfg(not(all(target_os = "linux", not(rustgo_foreign))))]
mod imp {
    pub(super) fn getauxval(_: u64) -> u64 {
        0
    }
}
