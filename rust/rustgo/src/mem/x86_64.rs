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

use core::arch::global_asm;
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

/// The body shared by memcpy and memmove. They differ in what a length that
/// does not fit into the registers has to check first, which `$long` is.
macro_rules! copy {
    ($name:literal, { $($long:expr,)* }) => {
        function!($name, {
            "mov rax, rdi",
            "cmp rdx, 16",
            "jb 20f",
            "cmp rdx, 32",
            "ja 30f",
            "movups xmm0, [rsi]",
            "movups xmm1, [rsi + rdx - 16]",
            "movups [rdi], xmm0",
            "movups [rdi + rdx - 16], xmm1",
            "ret",

            "20:", // 0 to 15
            "cmp edx, 8",
            "jae 23f",
            "cmp edx, 4",
            "jae 22f",
            "test edx, edx",
            "jz 21f",
            "mov r10, rdx", // 1 to 3: first, middle and last
            "shr r10",
            "movzx ecx, byte ptr [rsi]",
            "movzx r8d, byte ptr [rsi + r10]",
            "movzx r9d, byte ptr [rsi + rdx - 1]",
            "mov [rdi], cl",
            "mov [rdi + r10], r8b",
            "mov [rdi + rdx - 1], r9b",
            "21:",
            "ret",
            "22:", // 4 to 7
            "mov ecx, [rsi]",
            "mov r8d, [rsi + rdx - 4]",
            "mov [rdi], ecx",
            "mov [rdi + rdx - 4], r8d",
            "ret",
            "23:", // 8 to 15
            "mov rcx, [rsi]",
            "mov r8, [rsi + rdx - 8]",
            "mov [rdi], rcx",
            "mov [rdi + rdx - 8], r8",
            "ret",

            "30:",
            "cmp rdx, 64",
            "ja 31f",
            "movups xmm0, [rsi]", // 33 to 64
            "movups xmm1, [rsi + 16]",
            "movups xmm2, [rsi + rdx - 32]",
            "movups xmm3, [rsi + rdx - 16]",
            "movups [rdi], xmm0",
            "movups [rdi + 16], xmm1",
            "movups [rdi + rdx - 32], xmm2",
            "movups [rdi + rdx - 16], xmm3",
            "ret",
            "31:",
            "cmp rdx, 128",
            "ja 40f",
            "movups xmm0, [rsi]", // 65 to 128
            "movups xmm1, [rsi + 16]",
            "movups xmm2, [rsi + 32]",
            "movups xmm3, [rsi + 48]",
            "movups xmm4, [rsi + rdx - 64]",
            "movups xmm5, [rsi + rdx - 48]",
            "movups xmm6, [rsi + rdx - 32]",
            "movups xmm7, [rsi + rdx - 16]",
            "movups [rdi], xmm0",
            "movups [rdi + 16], xmm1",
            "movups [rdi + 32], xmm2",
            "movups [rdi + 48], xmm3",
            "movups [rdi + rdx - 64], xmm4",
            "movups [rdi + rdx - 48], xmm5",
            "movups [rdi + rdx - 32], xmm6",
            "movups [rdi + rdx - 16], xmm7",
            "ret",

            "40:",
            $($long,)*

            // Upwards, 129 bytes or more.
            "41:",
            "cmp rdx, 256",
            "jb 44f",
            "lea rcx, [rip + {cpu}]",
            "movzx ecx, byte ptr [rcx]",
            "cmp ecx, 2",
            "je 60f",
            "test ecx, ecx",
            "jz 70f",

            // Hold the first 16 and the last 64 bytes in registers, so that the
            // loop can begin where the destination is aligned and end at any
            // multiple of 64.
            "44:",
            "movups xmm4, [rsi]",
            "movups xmm5, [rsi + rdx - 64]",
            "movups xmm6, [rsi + rdx - 48]",
            "movups xmm7, [rsi + rdx - 32]",
            "movups xmm8, [rsi + rdx - 16]",
            "lea r8, [rdi + rdx - 64]", // the last 64 bytes of the destination
            "sub rsi, rdi",
            "and rdi, -16",
            "add rdi, 16",
            "add rsi, rdi",
            "42:",
            "movups xmm0, [rsi]",
            "movups xmm1, [rsi + 16]",
            "movups xmm2, [rsi + 32]",
            "movups xmm3, [rsi + 48]",
            "add rsi, 64",
            "movaps [rdi], xmm0",
            "movaps [rdi + 16], xmm1",
            "movaps [rdi + 32], xmm2",
            "movaps [rdi + 48], xmm3",
            "add rdi, 64",
            "cmp rdi, r8",
            "jb 42b",
            "movups [r8], xmm5",
            "movups [r8 + 16], xmm6",
            "movups [r8 + 32], xmm7",
            "movups [r8 + 48], xmm8",
            "movups [rax], xmm4",
            "ret",

            // Upwards, REP bytes or more, no overlap. Quadwords if both sides are
            // aligned to them, since without ERMS nothing else is fast.
            // Otherwise bytes: with ERMS, unaligned quadwords are five times
            // as slow.
            "50:",
            "mov ecx, edi",
            "or ecx, esi",
            "lea r8, [rip + {cpu}]",
            "movzx r8d, byte ptr [r8]",
            "test r8d, r8d",
            "jz 70f",
            "test cl, 7",
            "jnz 51f",
            "cmp rdx, {rep_avx}",
            "jae 52f",
            "cmp r8d, 2",
            "je 60f",
            "52:",
            "mov r9, [rsi + rdx - 8]",
            "lea r8, [rdi + rdx - 8]",
            "lea rcx, [rdx - 1]", // all but the last quadword, whole or not
            "shr rcx, 3",
            "rep movsq",
            "mov [r8], r9",
            "ret",
            "51:",
            "cmp r8d, 2",
            "je 60f",
            "mov rcx, rdx",
            "rep movsb",
            "ret",

            // The loop at 44 with AVX, for 256 bytes or more.
            "60:",
            "vmovups ymm4, [rsi]",
            "vmovups ymm5, [rsi + rdx - 128]",
            "vmovups ymm6, [rsi + rdx - 96]",
            "vmovups ymm7, [rsi + rdx - 64]",
            "vmovups ymm8, [rsi + rdx - 32]",
            "lea r8, [rdi + rdx - 128]", // the last 128 bytes of the destination
            "sub rsi, rdi",
            "and rdi, -32",
            "add rdi, 32",
            "add rsi, rdi",
            "61:",
            "vmovups ymm0, [rsi]",
            "vmovups ymm1, [rsi + 32]",
            "vmovups ymm2, [rsi + 64]",
            "vmovups ymm3, [rsi + 96]",
            "sub rsi, -128",
            "vmovaps [rdi], ymm0",
            "vmovaps [rdi + 32], ymm1",
            "vmovaps [rdi + 64], ymm2",
            "vmovaps [rdi + 96], ymm3",
            "sub rdi, -128",
            "cmp rdi, r8",
            "jb 61b",
            "vmovups [r8], ymm5",
            "vmovups [r8 + 32], ymm6",
            "vmovups [r8 + 64], ymm7",
            "vmovups [r8 + 96], ymm8",
            "vmovups [rax], ymm4",
            "vzeroupper",
            "ret",

            "70:",
            detect!("40b"),
        }
        rep = const REP,
        rep_avx = const REP_AVX,
        cpu = sym CPU,
        );
    };
}

copy!("memcpy", {
    "cmp rdx, {rep}",
    "jae 50f",
});

copy!("memmove", {
    "mov rcx, rdi",
    "sub rcx, rsi",
    "cmp rcx, rdx",
    "jb 45f", // the destination begins inside the source: go downwards
    "cmp rdx, {rep}",
    "jb 41f",
    "neg rcx",
    "cmp rcx, rdx",
    "jae 50f",
    "jmp 41f", // the source begins inside the destination, where rep is slow

    // Downwards, the mirror images of the loops at 60 and 44.
    "45:",
    "cmp rdx, 256",
    "jb 47f",
    "lea rcx, [rip + {cpu}]",
    "movzx ecx, byte ptr [rcx]",
    "test ecx, ecx",
    "jz 70f",
    "cmp ecx, 2",
    "jne 47f",
    "vmovups ymm4, [rsi + rdx - 32]",
    "vmovups ymm5, [rsi]",
    "vmovups ymm6, [rsi + 32]",
    "vmovups ymm7, [rsi + 64]",
    "vmovups ymm8, [rsi + 96]",
    "lea r8, [rdi + rdx - 32]", // the last 32 bytes of the destination
    "lea r9, [rdi + 128]",
    "sub rsi, rdi",
    "lea rdi, [r8 + 31]",
    "and rdi, -32",
    "add rsi, rdi",
    "65:",
    "vmovups ymm0, [rsi - 32]",
    "vmovups ymm1, [rsi - 64]",
    "vmovups ymm2, [rsi - 96]",
    "vmovups ymm3, [rsi - 128]",
    "add rsi, -128",
    "vmovaps [rdi - 32], ymm0",
    "vmovaps [rdi - 64], ymm1",
    "vmovaps [rdi - 96], ymm2",
    "vmovaps [rdi - 128], ymm3",
    "add rdi, -128",
    "cmp rdi, r9",
    "ja 65b",
    "vmovups [rax], ymm5",
    "vmovups [rax + 32], ymm6",
    "vmovups [rax + 64], ymm7",
    "vmovups [rax + 96], ymm8",
    "vmovups [r8], ymm4",
    "vzeroupper",
    "ret",

    "47:",
    "movups xmm4, [rsi + rdx - 16]",
    "movups xmm5, [rsi]",
    "movups xmm6, [rsi + 16]",
    "movups xmm7, [rsi + 32]",
    "movups xmm8, [rsi + 48]",
    "lea r8, [rdi + rdx - 16]", // the last 16 bytes of the destination
    "lea r9, [rdi + 64]",
    "sub rsi, rdi",
    "lea rdi, [r8 + 15]",
    "and rdi, -16",
    "add rsi, rdi",
    "46:",
    "movups xmm0, [rsi - 16]",
    "movups xmm1, [rsi - 32]",
    "movups xmm2, [rsi - 48]",
    "movups xmm3, [rsi - 64]",
    "sub rsi, 64",
    "movaps [rdi - 16], xmm0",
    "movaps [rdi - 32], xmm1",
    "movaps [rdi - 48], xmm2",
    "movaps [rdi - 64], xmm3",
    "sub rdi, 64",
    "cmp rdi, r9",
    "ja 46b",
    "movups [rax], xmm5",
    "movups [rax + 16], xmm6",
    "movups [rax + 32], xmm7",
    "movups [rax + 48], xmm8",
    "movups [r8], xmm4",
    "ret",
});

function!("memset", {
    "40:",
    "mov rax, rdi",
    "movzx ecx, sil",
    "mov r9, 0x0101010101010101",
    "imul rcx, r9", // the byte, eight times
    "cmp rdx, 16",
    "jb 20f",
    "movq xmm0, rcx",
    "punpcklqdq xmm0, xmm0",
    "cmp rdx, 32",
    "ja 30f",
    "movups [rdi], xmm0",
    "movups [rdi + rdx - 16], xmm0",
    "ret",

    "20:", // 0 to 15
    "cmp edx, 8",
    "jae 23f",
    "cmp edx, 4",
    "jae 22f",
    "test edx, edx",
    "jz 21f",
    "mov [rdi + rdx - 1], cl", // 1 to 3
    "shr rdx",
    "mov [rdi], cl",
    "mov [rdi + rdx], cl",
    "21:",
    "ret",
    "22:",
    "mov [rdi], ecx",
    "mov [rdi + rdx - 4], ecx",
    "ret",
    "23:",
    "mov [rdi], rcx",
    "mov [rdi + rdx - 8], rcx",
    "ret",

    "30:",
    "cmp rdx, 64",
    "ja 31f",
    "movups [rdi], xmm0", // 33 to 64
    "movups [rdi + 16], xmm0",
    "movups [rdi + rdx - 32], xmm0",
    "movups [rdi + rdx - 16], xmm0",
    "ret",
    "31:",
    "cmp rdx, 256",
    "jb 41f",
    "cmp rdx, {rep_avx}",
    "jae 50f",
    "lea r8, [rip + {cpu}]",
    "movzx r8d, byte ptr [r8]",
    "cmp r8d, 2",
    "je 60f",
    "test r8d, r8d",
    "jz 70f",
    "cmp rdx, {rep}",
    "jae 50f",
    "41:",
    "lea r8, [rdi + rdx - 64]", // the last 64 bytes
    "movups [rdi], xmm0",
    "and rdi, -16",
    "add rdi, 16",
    "cmp rdi, r8",
    "jae 43f",
    "42:",
    "movaps [rdi], xmm0",
    "movaps [rdi + 16], xmm0",
    "movaps [rdi + 32], xmm0",
    "movaps [rdi + 48], xmm0",
    "add rdi, 64",
    "cmp rdi, r8",
    "jb 42b",
    "43:",
    "movups [r8], xmm0",
    "movups [r8 + 16], xmm0",
    "movups [r8 + 32], xmm0",
    "movups [r8 + 48], xmm0",
    "ret",

    "50:",
    "mov r10, rax",
    "lea r8, [rdi + rdx - 8]", // the last quadword
    "movups [rdi], xmm0",
    "movups [rdi + 16], xmm0",
    "movups [rdi + 32], xmm0",
    "movups [rdi + 48], xmm0",
    "and rdi, -64",
    "add rdi, 64",
    "mov rax, rcx",
    "lea rcx, [r8 + 7]",
    "sub rcx, rdi",
    "shr rcx, 3",
    "rep stosq",
    "mov [r8], rax",
    "mov rax, r10",
    "ret",

    "60:",
    "vinsertf128 ymm0, ymm0, xmm0, 1",
    "lea r8, [rdi + rdx - 128]", // the last 128 bytes
    "vmovups [rdi], ymm0",
    "and rdi, -32",
    "add rdi, 32",
    "61:",
    "vmovaps [rdi], ymm0",
    "vmovaps [rdi + 32], ymm0",
    "vmovaps [rdi + 64], ymm0",
    "vmovaps [rdi + 96], ymm0",
    "sub rdi, -128",
    "cmp rdi, r8",
    "jb 61b",
    "vmovups [r8], ymm0",
    "vmovups [r8 + 32], ymm0",
    "vmovups [r8 + 64], ymm0",
    "vmovups [r8 + 96], ymm0",
    "vzeroupper",
    "ret",

    "70:",
    detect!("40b"),
}
rep = const REP,
rep_avx = const REP_AVX,
cpu = sym CPU,
);

// The sign of the result is that of the first byte that differs, compared
// as unsigned. Words are compared in big-endian order, in which the first
// byte weighs most.
function!("memcmp", {
    "cmp rdx, 16",
    "jb 20f",
    "cmp rdx, 64",
    "jae 40f",

    // 16 to 63 (or the rest of a longer one): 16 at a time, the last 16
    // overlapping what was compared before.
    "10:",
    "lea r8, [rdx - 16]", // offset of the last 16
    "xor ecx, ecx",
    "11:",
    "cmp rcx, r8",
    "cmova rcx, r8",
    "movups xmm0, [rdi + rcx]",
    "movups xmm1, [rsi + rcx]",
    "pcmpeqb xmm0, xmm1",
    "pmovmskb eax, xmm0",
    "xor eax, 0xffff",
    "jnz 12f",
    "add rcx, 16",
    "cmp rcx, rdx",
    "jb 11b",
    "ret", // eax is 0
    "12:",
    "bsf eax, eax",
    "add rcx, rax",
    "movzx eax, byte ptr [rdi + rcx]",
    "movzx ecx, byte ptr [rsi + rcx]",
    "sub eax, ecx",
    "ret",

    "20:", // 0 to 15
    "cmp edx, 8",
    "jae 23f",
    "cmp edx, 4",
    "jae 22f",
    "xor eax, eax",
    "test edx, edx",
    "jz 21f",
    "movzx eax, byte ptr [rdi]", // 1 to 3
    "movzx ecx, byte ptr [rsi]",
    "sub eax, ecx",
    "jnz 21f",
    "mov r8, rdx",
    "shr r8",
    "movzx eax, byte ptr [rdi + r8]",
    "movzx ecx, byte ptr [rsi + r8]",
    "sub eax, ecx",
    "jnz 21f",
    "movzx eax, byte ptr [rdi + rdx - 1]",
    "movzx ecx, byte ptr [rsi + rdx - 1]",
    "sub eax, ecx",
    "21:",
    "ret",
    "22:", // 4 to 7
    "mov eax, [rdi]",
    "mov ecx, [rsi]",
    "mov r8d, [rdi + rdx - 4]",
    "mov r9d, [rsi + rdx - 4]",
    "bswap eax",
    "bswap ecx",
    "bswap r8d",
    "bswap r9d",
    "shl rax, 32",
    "shl rcx, 32",
    "or rax, r8",
    "or rcx, r9",
    "cmp rax, rcx",
    "jmp 24f",
    "23:", // 8 to 15
    "mov rax, [rdi]",
    "mov rcx, [rsi]",
    "bswap rax",
    "bswap rcx",
    "cmp rax, rcx",
    "jne 24f",
    "mov rax, [rdi + rdx - 8]",
    "mov rcx, [rsi + rdx - 8]",
    "bswap rax",
    "bswap rcx",
    "cmp rax, rcx",
    "24:",
    "seta al", // (a > b) - (a < b)
    "setb cl",
    "movzx eax, al",
    "movzx ecx, cl",
    "sub eax, ecx",
    "ret",

    // 64 or more: find the 64 bytes that differ, then look closer.
    "40:",
    "movups xmm0, [rdi]",
    "movups xmm1, [rdi + 16]",
    "movups xmm2, [rdi + 32]",
    "movups xmm3, [rdi + 48]",
    "movups xmm4, [rsi]",
    "movups xmm5, [rsi + 16]",
    "movups xmm6, [rsi + 32]",
    "movups xmm7, [rsi + 48]",
    "pcmpeqb xmm0, xmm4",
    "pcmpeqb xmm1, xmm5",
    "pcmpeqb xmm2, xmm6",
    "pcmpeqb xmm3, xmm7",
    "pand xmm0, xmm1",
    "pand xmm2, xmm3",
    "pand xmm0, xmm2",
    "pmovmskb eax, xmm0",
    "cmp eax, 0xffff",
    "jne 10b",
    "add rdi, 64",
    "add rsi, 64",
    "sub rdx, 64",
    "cmp rdx, 64",
    "jae 40b",
    // Fewer than 64 are left. If also fewer than 16, step back into what is
    // known to be equal, so that there are 16.
    "cmp rdx, 16",
    "jae 10b",
    "lea rdi, [rdi + rdx - 16]",
    "lea rsi, [rsi + rdx - 16]",
    "mov edx, 16",
    "jmp 10b",
});

#[cfg(not(test))]
function!("bcmp", {
    "jmp {memcmp}",
}
memcmp = sym memcmp,
);
#[cfg(test)]
function!("bcmp", {
    "jmp {memcmp}",
}
memcmp = sym rustgo_memcmp,
);

// core::ffi::CStr::from_ptr calls this one. Aligned loads stay inside a page,
// so reading beyond the terminator is harmless.
function!("strlen", {
    "mov rax, rdi",
    "and rax, -16",
    "mov ecx, edi",
    "and ecx, 15",
    "pxor xmm0, xmm0",
    "movdqa xmm1, [rax]",
    "pcmpeqb xmm1, xmm0",
    "pmovmskb edx, xmm1",
    "shr edx, cl", // forget the bytes before the string
    "test edx, edx",
    "jnz 3f",
    "2:",
    "add rax, 16",
    "movdqa xmm1, [rax]",
    "pcmpeqb xmm1, xmm0",
    "pmovmskb edx, xmm1",
    "test edx, edx",
    "jz 2b",
    "bsf edx, edx",
    "add rax, rdx",
    "sub rax, rdi",
    "ret",
    "3:",
    "bsf eax, edx",
    "ret",
});

#[cfg(not(test))]
unsafe extern "C" {
    fn memcmp(a: *const u8, b: *const u8, n: usize) -> i32;
}

#[cfg(test)]
unsafe extern "C" {
    pub fn rustgo_memcpy(dst: *mut u8, src: *const u8, n: usize) -> *mut u8;
    pub fn rustgo_memmove(dst: *mut u8, src: *const u8, n: usize) -> *mut u8;
    pub fn rustgo_memset(dst: *mut u8, byte: i32, n: usize) -> *mut u8;
    pub fn rustgo_memcmp(a: *const u8, b: *const u8, n: usize) -> i32;
    pub fn rustgo_bcmp(a: *const u8, b: *const u8, n: usize) -> i32;
    pub fn rustgo_strlen(s: *const u8) -> usize;
}
