//! A global allocator, for crates that use `alloc`.
//!
//! The Go package reserves address space when it is initialized, and the system
//! gives it memory as it is touched. That range is divided into arenas, each with a
//! lock of its own, so that threads seldom wait for each other.

mod arena;

#[cfg(test)]
mod tests;

use core::alloc::{GlobalAlloc, Layout};
use core::hint::spin_loop;
use core::ptr;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicU32, AtomicU8, AtomicUsize};

use arena::{Arena, Got};

/// An arena has at least this size, if there is so much, and a power of two: what is
/// allocated at once has to fit in one.
const ARENA: usize = 1 << 30;
/// There are fewer than twice as many.
const ARENAS: usize = 8;
/// Stacks are told apart by their addresses, into as many kinds.
const STACKS: usize = 1 << STACK_BITS;
const STACK_BITS: u32 = 6;
/// An arena starts with its lock, which has a cache line of its own.
const LOCK: usize = 64;

/// The global allocator of a crate that becomes a Go package;
/// [`heap!`](crate::heap) declares it.
///
/// What Rust allocates is not the Go collector's: it is freed by Rust alone, and Go
/// pointers must not be stored there. A panic runs no destructors, so that what the
/// frames that it leaves behind own is never freed.
pub struct Heap {
    start: AtomicUsize, // 0 before there is memory
    size: AtomicUsize,  // of an arena
    shift: AtomicU32,   // how often that can be halved, or more if there is one arena
    arenas: AtomicUsize,
    last: [AtomicU8; STACKS], // the arena that a stack used last
}

impl Heap {
    #[doc(hidden)]
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Heap {
            start: AtomicUsize::new(0),
            size: AtomicUsize::new(0),
            shift: AtomicU32::new(0),
            arenas: AtomicUsize::new(0),
            last: [const { AtomicU8::new(0) }; STACKS],
        }
    }

    /// Gives the heap its memory, size bytes of zeros from start on, for good.
    ///
    /// # Safety
    ///
    /// Nobody else uses the memory, which starts at a page, and nothing has been
    /// allocated before.
    #[doc(hidden)]
    pub unsafe fn supply(&self, start: usize, size: usize) {
        if size < LOCK + Arena::LEAST {
            return;
        }
        let (each, shift) = if size < ARENA {
            (size, usize::BITS - 1)
        } else {
            let shift = (size / ARENAS).max(ARENA).ilog2();
            (1 << shift, shift)
        };
        self.size.store(each, Relaxed);
        self.shift.store(shift, Relaxed);
        self.arenas.store((size >> shift).max(1), Relaxed);
        self.start.store(start, Release);
    }

    /// Calls f with arenas, until it returns something: the one that this stack used
    /// last, others if another thread is in it, and those that are locked in the end.
    /// So threads that allocate at the same time part.
    ///
    /// # Safety
    ///
    /// f does with the arena what its methods allow.
    #[inline]
    unsafe fn with(&self, f: impl Fn(&mut Arena) -> Option<Got>) -> Option<Got> {
        let start = self.start.load(Acquire);
        if start == 0 {
            return None;
        }
        let (size, arenas) = (self.size.load(Relaxed), self.arenas.load(Relaxed));
        let here = 0u8;
        let page = (&raw const here as usize) >> 12;
        let last =
            &self.last[page.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (usize::BITS - STACK_BITS)];
        let first = usize::from(last.load(Relaxed));
        for wait in [false, true] {
            let mut i = first;
            for _ in 0..arenas {
                // SAFETY: the memory is the heap's, and there is an arena every
                // size bytes.
                let got = unsafe { locked(start + i * size, size, wait, &f) };
                if got.is_some() {
                    if i != first {
                        last.store(i as u8, Relaxed);
                    }
                    return got;
                }
                i = if i + 1 == arenas { 0 } else { i + 1 };
            }
        }
        None
    }

    /// Calls f with the arena that p is in.
    ///
    /// # Safety
    ///
    /// p is from this heap; f as for with.
    #[inline]
    unsafe fn within<R>(&self, p: *mut u8, f: impl Fn(&mut Arena) -> Option<R>) -> Option<R> {
        let (start, size) = (self.start.load(Relaxed), self.size.load(Relaxed));
        let i = (p as usize - start) >> (self.shift.load(Relaxed) & (usize::BITS - 1));
        // SAFETY: as in with.
        unsafe { locked(start + i * size, size, true, &f) }
    }
}

/// Calls f with the arena at an address, if its lock can be had.
///
/// Who waits does so for as long as another thread takes to allocate: Go preempts
/// neither of them.
#[inline]
unsafe fn locked<R>(
    at: usize,
    size: usize,
    wait: bool,
    f: &impl Fn(&mut Arena) -> Option<R>,
) -> Option<R> {
    // SAFETY: the memory is zero, or has been here before; only who has the lock
    // reaches the arena behind it.
    unsafe {
        let lock = &*(at as *const AtomicU32);
        while lock.swap(1, Acquire) != 0 {
            if !wait {
                return None;
            }
            while lock.load(Relaxed) != 0 {
                spin_loop();
            }
        }
        let got = f(Arena::at(at + LOCK, size - LOCK));
        lock.store(0, Release);
        got
    }
}

// SAFETY: what is returned is memory of the layout that nobody else has, until it is
// given back.
unsafe impl GlobalAlloc for Heap {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: only allocates.
        match unsafe { self.with(|a| a.alloc(layout.size(), layout.align())) } {
            Some(got) => got.p,
            None => ptr::null_mut(),
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: only allocates, and writes to what it has got.
        unsafe {
            let Some(got) = self.with(|a| a.alloc(layout.size(), layout.align())) else {
                return ptr::null_mut();
            };
            if !got.zero {
                ptr::write_bytes(got.p, 0, layout.size());
            }
            got.p
        }
    }

    #[inline]
    unsafe fn dealloc(&self, p: *mut u8, _: Layout) {
        // SAFETY: p is from here.
        unsafe {
            self.within(p, |a| {
                a.free(p);
                Some(())
            });
        }
    }

    unsafe fn realloc(&self, p: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: p is from here, and as large as the smaller of the two.
        unsafe {
            if self
                .within(p, |a| a.resize(p, size).then_some(()))
                .is_some()
            {
                return p;
            }
            let to = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !to.is_null() {
                ptr::copy_nonoverlapping(p, to, layout.size().min(size));
                self.dealloc(p, layout);
            }
            to
        }
    }
}
