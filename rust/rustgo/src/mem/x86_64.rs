//! memcpy and its kin for x86-64, System V calling convention, SSE2.
//!
//! Registers: rdi = destination, rsi = source (esi = byte for memset), rdx =
//! length, result in rax. Clobbers rcx, rdx, rsi, rdi, r8–r11 and xmm0–xmm8
//! (all caller-saved) and the flags. No stack, no calls.
//!
//! The target promises SSE2. From 256 bytes on, copies and memset use AVX where the
//! processor has it, which the first call finds out: [`CPU`] is reached by
//! `lea`, so that the Go linker may put it anywhere. Short lengths load
//! everything before they store anything, head and tail overlapping in the
//! middle, which needs no loop, no alignment and no thought about overlap:
//!
//! ```text
//! |<------- n ------->|
//! | head 16 |
//!           | tail 16 |      17 ≤ n ≤ 32; twice and four times that up to 128
//! ```
//!
//! Medium lengths loop over 64 bytes with aligned stores. Long ones use `rep
//! movs` and `rep stos`, whose microcode moves more than 16 bytes at a time and
//! does not read the destination; below [`REP`] bytes its start-up costs more
//! than it gains (Intel Optimization Reference Manual, 3.7.6).

use core::sync::atomic::AtomicU8;

/// From this length on, the string instructions win, measured on a processor
/// with ERMS and FSRM: at 1 KiB the loop needs two thirds of their time, at
/// 2 KiB the other way round.
const REP: usize = 1536;

/// From this length on, they win over AVX too, on aligned data.
const REP_AVX: usize = 2048;

/// What the processor has: 0 not known yet, 1 SSE2, 2 AVX.
pub(super) static CPU: AtomicU8 = AtomicU8::new(0);

/// `symbol!("memcpy")` is the name to define. Tests use other names, because
/// there the real ones belong to libc.
#[cfg(not(test))]
macro_rules! symbol {
    ($name:literal) => {
        $name
    };
}
#[cfg(test)]
macro_rules! symbol {
    ($name:literal) => {
        concat!("rustgo_", $name)
    };
}

/// Defines one function in a section of its own, so that it lives and dies
/// alone, with the unwind information that the stack analysis compares with.
#[cfg(not(any(target_vendor = "apple", windows)))]
macro_rules! function {
    ($name:literal, { $($line:expr,)* } $($operand:tt)*) => {
        global_asm!(
            concat!(".pushsection .text.", symbol!($name), ",\"ax\",@progbits"),
            ".p2align 5",
            concat!(".globl ", symbol!($name)),
            concat!(".type ", symbol!($name), ",@function"),
            concat!(symbol!($name), ":"),
            ".cfi_startproc",
            $($line,)*
            ".cfi_endproc",
            concat!(".size ", symbol!($name), ", . - ", symbol!($name)),
            ".popsection",
            $($operand)*
        );
    };
}
/// Mach-O has no section per function: a symbol begins an atom.
#[cfg(target_vendor = "apple")]
macro_rules! function {
    ($name:literal, { $($line:expr,)* } $($operand:tt)*) => {
        global_asm!(
            ".section __TEXT,__text,regular,pure_instructions",
            ".p2align 5",
            concat!(".globl _", symbol!($name)),
            concat!("_", symbol!($name), ":"),
            ".cfi_startproc",
            $($line,)*
            ".cfi_endproc",
            $($operand)*
        );
    };
}
#[cfg(windows)]
compile_error!("the memory functions follow the System V calling convention; for Windows, cargo rustgo compiles for x86_64-unknown-linux-gnu");

/// Finds out about AVX, and starts again: CPUID.1:ECX has OSXSAVE and AVX, and
/// the system saves the registers (Intel SDM volume 1, 14.3). What the function
/// was called with stays as it is, and so does rax.
macro_rules! detect {
    ($again:literal) => {
        concat!(
            "mov r8, rbx\n", // which cpuid overwrites
            "mov r9, rdx\n",
            "mov r10, rax\n",
            "mov r11d, 1\n",
            "mov eax, r11d\n",
            "cpuid\n",
            "and ecx, 0x18000000\n",
            "cmp ecx, 0x18000000\n",
            "jne 71f\n",
            "xor ecx, ecx\n",
            "xgetbv\n",
            "and eax, 6\n",
            "cmp eax, 6\n",
            "jne 71f\n",
            "mov r11d, 2\n",
            "71:\n",
            "mov rbx, r8\n",
            "mov rdx, r9\n",
            "mov rax, r10\n",
            "lea rcx, [rip + {cpu}]\n",
            "mov [rcx], r11b\n",
            "jmp ",
            $again
        )
    };
}

mod compare;
mod copy;
mod set;

#[cfg(not(test))]
unsafe extern "C" {
    fn memcmp(a: *const u8, b: *const u8, n: usize) -> i32;
    #[cfg(target_vendor = "apple")]
    fn memset(dst: *mut u8, byte: i32, n: usize) -> *mut u8;
}

#[cfg(test)]
unsafe extern "C" {
    pub fn rustgo_memcpy(dst: *mut u8, src: *const u8, n: usize) -> *mut u8;
    pub fn rustgo_memmove(dst: *mut u8, src: *const u8, n: usize) -> *mut u8;
    pub fn rustgo_memset(dst: *mut u8, byte: i32, n: usize) -> *mut u8;
    pub fn rustgo_memcmp(a: *const u8, b: *const u8, n: usize) -> i32;
    pub fn rustgo_bcmp(a: *const u8, b: *const u8, n: usize) -> i32;
    pub fn rustgo_strlen(s: *const u8) -> usize;
    pub fn rustgo_bzero(dst: *mut u8, n: usize);
    pub fn rustgo___bzero(dst: *mut u8, n: usize);
}
