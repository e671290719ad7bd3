use super::*;
use std::alloc::{alloc_zeroed, dealloc};
use std::collections::HashMap;
use std::vec::Vec;

/// A heap with memory of its own.
struct Owned {
    heap: Heap,
    memory: *mut u8,
    layout: Layout,
}

impl Owned {
    fn new(size: usize) -> Owned {
        let layout = Layout::from_size_align(size, 4096).unwrap();
        let heap = Heap::new();
        // SAFETY: the memory is zero and stays as long as the heap.
        unsafe {
            let memory = alloc_zeroed(layout);
            heap.supply(memory as usize, size);
            Owned {
                heap,
                memory,
                layout,
            }
        }
    }

    /// How many bytes are in free blocks.
    fn check(&self) -> usize {
        let (at, size) = (self.memory as usize, self.heap.size.load(Relaxed));
        unsafe { Arena::at(at + LOCK, size - LOCK).check() }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        unsafe { dealloc(self.memory, self.layout) }
    }
}

/// Random numbers (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }

    fn layout(&mut self) -> Layout {
        let most = 1 << self.below(15);
        let align = if self.below(8) == 0 { 13 } else { 5 };
        Layout::from_size_align(1 + self.below(most), 1 << self.below(align)).unwrap()
    }
}

fn fill(p: *mut u8, size: usize, with: u8) {
    unsafe { ptr::write_bytes(p, with, size) }
}

fn filled(p: *mut u8, size: usize, with: u8) -> bool {
    (0..size).all(|i| unsafe { *p.add(i) } == with)
}

/// Allocates, changes and frees at random, with a different byte in each, and with
/// too little memory for it all.
#[test]
fn keeps_what_is_there() {
    for seed in 0..10 {
        let mut r = Random(seed);
        let owned = Owned::new(if seed % 2 == 0 { 256 << 10 } else { 4 << 20 });
        let mut live: Vec<(*mut u8, Layout, u8)> = Vec::new();
        let (mut failed, most) = (0, 1 + r.below(300));
        for step in 0..8_000 {
            let with = step as u8 | 1;
            if r.below(3) == 0 && !live.is_empty() {
                let i = r.below(live.len());
                let (p, layout, was) = live[i];
                let size = r.layout().size();
                let to = unsafe { owned.heap.realloc(p, layout, size) };
                if to.is_null() {
                    failed += 1;
                    continue;
                }
                assert!(filled(to, size.min(layout.size()), was));
                fill(to, size, was);
                live[i] = (
                    to,
                    Layout::from_size_align(size, layout.align()).unwrap(),
                    was,
                );
                assert_eq!(to as usize % layout.align(), 0);
            } else if r.below(most) >= live.len() {
                let layout = r.layout();
                let zero = r.below(2) == 0;
                let p = unsafe {
                    if zero {
                        owned.heap.alloc_zeroed(layout)
                    } else {
                        owned.heap.alloc(layout)
                    }
                };
                if p.is_null() {
                    failed += 1;
                    continue;
                }
                assert!(!zero || filled(p, layout.size(), 0));
                assert_eq!(p as usize % layout.align(), 0);
                fill(p, layout.size(), with);
                live.push((p, layout, with));
            } else if !live.is_empty() {
                let i = r.below(live.len());
                let (p, layout, was) = live.swap_remove(i);
                assert!(filled(p, layout.size(), was));
                unsafe { owned.heap.dealloc(p, layout) };
            }
            if step % 64 == 0 {
                owned.check();
            }
        }
        assert!(failed < 6_000, "{failed} of 8,000 steps had no memory");
        for (p, layout, was) in live {
            assert!(filled(p, layout.size(), was));
            unsafe { owned.heap.dealloc(p, layout) };
        }
        // All of it is behind top again.
        assert_eq!(owned.check(), 0);
    }
}

#[test]
fn has_all_of_the_memory() {
    let owned = Owned::new(1 << 20);
    let layout = Layout::from_size_align((1 << 20) - (16 << 10), 16).unwrap();
    for _ in 0..3 {
        let p = unsafe { owned.heap.alloc(layout) };
        assert!(!p.is_null());
        assert!(unsafe { owned.heap.alloc(layout) }.is_null());
        unsafe { owned.heap.dealloc(p, layout) };
    }
}

#[test]
fn refuses_what_is_too_large() {
    let owned = Owned::new(1 << 20);
    for (size, align) in [
        (1 << 20, 1),
        (isize::MAX as usize - 15, 16),
        (1 << 45, 1),
        (1, 1 << 46),
        ((1 << 45) - 1, 1 << 44),
    ] {
        let layout = Layout::from_size_align(size, align).unwrap();
        assert!(
            unsafe { owned.heap.alloc(layout) }.is_null(),
            "{size} {align}"
        );
    }
    let none = Heap::new();
    assert!(unsafe { none.alloc(Layout::new::<u64>()) }.is_null());
}

/// Threads free what others have allocated.
#[test]
fn is_shared() {
    let owned = Owned::new(64 << 20);
    let heap = &owned.heap;
    let shelf = std::sync::Mutex::new(HashMap::<usize, (usize, Layout)>::new());
    std::thread::scope(|s| {
        for seed in 0..8 {
            let shelf = &shelf;
            s.spawn(move || {
                let mut r = Random(seed);
                for _ in 0..8_000 {
                    let layout = r.layout();
                    let p = unsafe { heap.alloc(layout) };
                    fill(p, layout.size(), layout.size() as u8);
                    let old = shelf
                        .lock()
                        .unwrap()
                        .insert(r.below(500), (p as usize, layout));
                    if let Some((p, layout)) = old {
                        assert!(filled(p as *mut u8, layout.size(), layout.size() as u8));
                        unsafe { heap.dealloc(p as *mut u8, layout) };
                    }
                }
            });
        }
    });
    for (p, layout) in shelf.into_inner().unwrap().into_values() {
        unsafe { heap.dealloc(p as *mut u8, layout) };
    }
    assert_eq!(owned.check(), 0);
}

/// Arenas are found again by the addresses in them.
#[test]
fn arenas() {
    for (size, arenas, each) in [
        (1 << 20, 1, 1 << 20),
        (1 << 30, 1, 1 << 30),
        (3 << 30, 3, 1 << 30),
        (12 << 30, 12, 1 << 30),
        (64 << 30, 8, 8 << 30),
    ] {
        let heap = Heap::new();
        unsafe { heap.supply(4096, size) };
        assert_eq!(
            (heap.arenas.load(Relaxed), heap.size.load(Relaxed)),
            (arenas, each),
            "{size}"
        );
        assert_eq!((size - 1) >> heap.shift.load(Relaxed), arenas - 1);
    }
}
