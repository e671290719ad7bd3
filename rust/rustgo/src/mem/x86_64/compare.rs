//! memcmp, bcmp and strlen.

#[cfg(not(test))]
use super::memcmp;
#[cfg(test)]
use super::rustgo_memcmp;
use core::arch::global_asm;

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
