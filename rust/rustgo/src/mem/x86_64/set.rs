//! memset, and for Apple bzero, which LLVM calls `__bzero` there.

use super::{CPU, REP, REP_AVX};
use core::arch::global_asm;

#[cfg(all(target_vendor = "apple", not(test)))]
use super::memset;
#[cfg(test)]
use super::rustgo_memset as memset;

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

#[cfg(any(target_vendor = "apple", test))]
function!("bzero", {
    "mov rdx, rsi",
    "xor esi, esi",
    "jmp {memset}",
}
memset = sym memset,
);

#[cfg(any(target_vendor = "apple", test))]
function!("__bzero", {
    "mov rdx, rsi",
    "xor esi, esi",
    "jmp {memset}",
}
memset = sym memset,
);
