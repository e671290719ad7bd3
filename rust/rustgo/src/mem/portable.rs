//! The memory functions for architectures without an implementation of their
//! own: one word at a time, or one byte.

use core::arch::asm;

const WORD: usize = size_of::<usize>();

/// Stands in each loop as something that LLVM cannot see through, so that the
/// loop is not recognised as the function it implements.
#[inline(always)]
fn opaque() {
    // SAFETY: the template is empty.
    unsafe { asm!("", options(nostack, preserves_flags)) }
}

#[inline(always)]
unsafe fn forward(dst: *mut u8, src: *const u8, n: usize) {
    let mut i = 0;
    // A word is read before the word at the same offset is written, which is
    // right for dst below src at any distance.
    while n - i >= WORD {
        unsafe {
            let word = src.add(i).cast::<usize>().read_unaligned();
            opaque();
            dst.add(i).cast::<usize>().write_unaligned(word);
        }
        i += WORD;
    }
    while i < n {
        unsafe { *dst.add(i) = *src.add(i) };
        opaque();
        i += 1;
    }
}

#[inline(always)]
unsafe fn backward(dst: *mut u8, src: *const u8, n: usize) {
    let mut i = n;
    while i >= WORD {
        i -= WORD;
        unsafe {
            let word = src.add(i).cast::<usize>().read_unaligned();
            opaque();
            dst.add(i).cast::<usize>().write_unaligned(word);
        }
    }
    while i > 0 {
        i -= 1;
        unsafe { *dst.add(i) = *src.add(i) };
        opaque();
    }
}

#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn memcpy(dst: *mut u8, src: *const u8, n: usize) -> *mut u8 {
    unsafe { forward(dst, src, n) };
    dst
}

#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn memmove(dst: *mut u8, src: *const u8, n: usize) -> *mut u8 {
    if (dst as usize).wrapping_sub(src as usize) >= n {
        unsafe { forward(dst, src, n) };
    } else {
        unsafe { backward(dst, src, n) };
    }
    dst
}

#[inline(always)]
unsafe fn fill(dst: *mut u8, byte: u8, n: usize) {
    let word = usize::from_ne_bytes([byte; WORD]);
    let mut i = 0;
    while n - i >= WORD {
        unsafe { dst.add(i).cast::<usize>().write_unaligned(word) };
        opaque();
        i += WORD;
    }
    while i < n {
        unsafe { *dst.add(i) = byte };
        opaque();
        i += 1;
    }
}

#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn memset(dst: *mut u8, byte: i32, n: usize) -> *mut u8 {
    unsafe { fill(dst, byte as u8, n) };
    dst
}

/// On Apple's systems LLVM calls it for a memset with zeros, and so must not
/// find one here.
#[cfg(any(target_vendor = "apple", test))]
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn bzero(dst: *mut u8, n: usize) {
    unsafe { fill(dst, 0, n) };
}

#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, n: usize) -> i32 {
    let mut i = 0;
    while n - i >= WORD {
        let (x, y) = unsafe {
            (
                a.add(i).cast::<usize>().read_unaligned(),
                b.add(i).cast::<usize>().read_unaligned(),
            )
        };
        opaque();
        if x != y {
            // In big-endian order the first byte weighs most.
            return if x.to_be() < y.to_be() { -1 } else { 1 };
        }
        i += WORD;
    }
    while i < n {
        let (x, y) = unsafe { (*a.add(i), *b.add(i)) };
        opaque();
        if x != y {
            return i32::from(x) - i32::from(y);
        }
        i += 1;
    }
    0
}

#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, n: usize) -> i32 {
    unsafe { memcmp(a, b, n) }
}

#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn strlen(s: *const u8) -> usize {
    let mut n = 0;
    while unsafe { *s.add(n) } != 0 {
        opaque();
        n += 1;
    }
    n
}
