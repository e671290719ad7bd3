//! Allocation in one piece of memory: two-level segregated fit (Masmano, Ripoll,
//! Crespo, Real: "TLSF: a New Dynamic Memory Allocator for Real-Time Systems",
//! ECRTS 2004). Every operation takes a bounded number of steps and no stack to
//! speak of.
//!
//! ```text
//! | lists | block | block | … | block | never used … |
//!                                     ^ top          ^ end
//!
//! block  | size, flags | what is allocated, from a multiple of 16 on |
//! free   | size, flags | next | previous | …                  | size |
//! ```
//!
//! A block has its size in bytes in its first word, all of it included, and there
//! whether it is free and whether the one before it is. A free block has its size in
//! its last word, too, so that the one behind it finds its start. Two free blocks are
//! never neighbours, and none is the last one before top.

const FREE: usize = 1;
const BEFORE_FREE: usize = 2;
const FLAGS: usize = 15;

const WORD: usize = size_of::<usize>();
/// The size of the smallest block.
const MIN: usize = 4 * WORD;
const ALIGN: usize = 16;

/// Lists of blocks below this size are for one size, and for a range of sizes above.
const SMALL: usize = 512;
const SMALL_BITS: u32 = SMALL.trailing_zeros();
/// Every doubling of the size is divided into so many lists.
const LISTS: usize = 32;
const LIST_BITS: u32 = LISTS.trailing_zeros();
/// Sizes below SMALL, and so many doublings of it: more than twice LARGE.
const CLASSES: usize = 40;
/// What is as large as this, or has to be aligned to as much, cannot be had.
const LARGE: usize = 1 << 45;

/// The start of an arena. It is all zero at first.
#[repr(C)]
pub(super) struct Arena {
    top: usize, // of the blocks that there are; 0 at first
    end: usize,
    high: usize,           // the highest top; behind it all is zero
    classes: u64,          // those with a list that is not empty
    lists: [u32; CLASSES], // the lists that are not empty
    heads: [[usize; LISTS]; CLASSES],
}

/// What has been allocated.
pub(super) struct Got {
    pub(super) p: *mut u8,
    pub(super) zero: bool,
}

#[inline]
unsafe fn get(at: usize) -> usize {
    unsafe { *(at as *const usize) }
}

#[inline]
unsafe fn set(at: usize, value: usize) {
    unsafe { *(at as *mut usize) = value }
}

/// The class and the list of blocks of a size.
#[inline]
fn place(size: usize) -> (usize, usize) {
    if size < SMALL {
        return (0, size / (SMALL / LISTS));
    }
    let log = usize::BITS - 1 - size.leading_zeros();
    (
        (log - SMALL_BITS + 1) as usize,
        size >> (log - LIST_BITS) & (LISTS - 1),
    )
}

/// The size of the block for an allocation, if there are such.
#[inline]
fn block_size(size: usize) -> Option<usize> {
    if size >= LARGE {
        return None;
    }
    Some(MIN.max((size + WORD + ALIGN - 1) & !(ALIGN - 1)))
}

impl Arena {
    /// The size in bytes of the least arena of use.
    pub(super) const LEAST: usize = 4 * size_of::<Arena>();

    /// Returns the arena at an address.
    ///
    /// # Safety
    ///
    /// There are size bytes for it, zero the first time, at a multiple of 16, and the
    /// caller has its lock.
    #[inline]
    pub(super) unsafe fn at<'a>(at: usize, size: usize) -> &'a mut Arena {
        let a = unsafe { &mut *(at as *mut Arena) };
        if a.top == 0 {
            a.top = a.first();
            a.high = a.top;
            a.end = at + size;
        }
        a
    }

    /// The first block: what is behind its first word is aligned.
    fn first(&self) -> usize {
        (&raw const *self as usize + size_of::<Arena>()).next_multiple_of(ALIGN) + ALIGN - WORD
    }

    #[inline]
    unsafe fn head(&mut self, class: usize, list: usize) -> *mut usize {
        unsafe {
            (&raw mut self.heads)
                .cast::<usize>()
                .add(class * LISTS + list)
        }
    }

    #[inline]
    unsafe fn list_bits(&mut self, class: usize) -> *mut u32 {
        unsafe { (&raw mut self.lists).cast::<u32>().add(class) }
    }

    /// Puts a block of a size into its list. That before it is not free.
    unsafe fn insert(&mut self, block: usize, size: usize) {
        let (class, list) = place(size);
        unsafe {
            let head = self.head(class, list);
            let next = *head;
            set(block, size | FREE);
            set(block + WORD, next);
            set(block + 2 * WORD, 0);
            set(block + size - WORD, size);
            set(block + size, get(block + size) | BEFORE_FREE);
            if next != 0 {
                set(next + 2 * WORD, block);
            }
            *head = block;
            *self.list_bits(class) |= 1 << list;
            self.classes |= 1 << class;
        }
    }

    /// Takes a free block of a size out of its list. Its flags, and those of the
    /// block behind it, are left to the caller.
    unsafe fn remove(&mut self, block: usize, size: usize) {
        unsafe {
            let (next, previous) = (get(block + WORD), get(block + 2 * WORD));
            if next != 0 {
                set(next + 2 * WORD, previous);
            }
            if previous != 0 {
                set(previous + WORD, next);
                return;
            }
            let (class, list) = place(size);
            *self.head(class, list) = next;
            if next == 0 {
                let bits = self.list_bits(class);
                *bits &= !(1 << list);
                if *bits == 0 {
                    self.classes &= !(1 << class);
                }
            }
        }
    }

    /// Finds a free block of at least a size: the first of a list all of which are
    /// large enough.
    #[inline]
    unsafe fn find(&mut self, size: usize) -> Option<usize> {
        let mut least = size;
        if size >= SMALL {
            let log = usize::BITS - 1 - size.leading_zeros();
            least += (1 << (log - LIST_BITS)) - 1;
        }
        let (mut class, list) = place(least);
        unsafe {
            let mut bits = *self.list_bits(class) & (!0u32) << list;
            if bits == 0 {
                let classes = self.classes & (!1u64) << class;
                if classes == 0 {
                    return None;
                }
                class = classes.trailing_zeros() as usize;
                bits = *self.list_bits(class);
            }
            Some(*self.head(class, bits.trailing_zeros() as usize))
        }
    }

    /// Allocates size bytes at a multiple of align.
    ///
    /// # Safety
    ///
    /// The caller has the lock.
    #[inline]
    pub(super) unsafe fn alloc(&mut self, size: usize, align: usize) -> Option<Got> {
        let size = block_size(size)?;
        if align >= LARGE {
            return None;
        }
        // What is in front of the place is a block of its own, or there is none.
        let room = if align > ALIGN {
            size + align + MIN
        } else {
            size
        };
        unsafe {
            let mut block = self.take(room)?;
            let zero = block >= self.high;
            self.high = self.high.max(self.top);
            if align > ALIGN {
                let at = block + WORD;
                let mut front = at.wrapping_neg() & (align - 1);
                if front != 0 && front < MIN {
                    front += align;
                }
                if front != 0 {
                    let whole = get(block) & !FLAGS;
                    let flags = get(block) & BEFORE_FREE;
                    set(block, front | flags);
                    set(block + front, whole - front);
                    self.free((block + WORD) as *mut u8);
                    block += front;
                }
            }
            self.trim(block, size);
            Some(Got {
                p: (block + WORD) as *mut u8,
                zero,
            })
        }
    }

    /// Takes a block of at least a size from the lists, or from what was never used.
    #[inline]
    unsafe fn take(&mut self, size: usize) -> Option<usize> {
        unsafe {
            if let Some(block) = self.find(size) {
                let whole = get(block) & !FLAGS;
                self.remove(block, whole);
                set(block, whole);
                set(block + whole, get(block + whole) & !BEFORE_FREE);
                return Some(block);
            }
            let block = self.top;
            if self.end - block < size {
                return None;
            }
            set(block, size);
            self.top = block + size;
            Some(block)
        }
    }

    /// Makes what a block has beyond a size a free block.
    #[inline]
    unsafe fn trim(&mut self, block: usize, size: usize) {
        unsafe {
            let (whole, flags) = (get(block) & !FLAGS, get(block) & FLAGS);
            if whole - size >= MIN {
                set(block, size | flags);
                set(block + size, whole - size);
                self.free((block + size + WORD) as *mut u8);
            }
        }
    }

    /// Frees what was allocated.
    ///
    /// # Safety
    ///
    /// The caller has the lock, and nobody uses p.
    #[inline]
    pub(super) unsafe fn free(&mut self, p: *mut u8) {
        let mut block = p as usize - WORD;
        unsafe {
            let mut size = get(block) & !FLAGS;
            if get(block) & BEFORE_FREE != 0 {
                let before = get(block - WORD);
                block -= before;
                size += before;
                self.remove(block, before);
            }
            let behind = block + size;
            if behind == self.top {
                self.top = block;
                return;
            }
            if get(behind) & FREE != 0 {
                let more = get(behind) & !FLAGS;
                self.remove(behind, more);
                size += more;
            }
            self.insert(block, size);
        }
    }

    /// Makes what was allocated smaller or larger where it is, if it can.
    ///
    /// # Safety
    ///
    /// As for free.
    pub(super) unsafe fn resize(&mut self, p: *mut u8, size: usize) -> bool {
        let Some(size) = block_size(size) else {
            return false;
        };
        let block = p as usize - WORD;
        unsafe {
            let (whole, flags) = (get(block) & !FLAGS, get(block) & FLAGS);
            let behind = block + whole;
            if whole < size {
                if behind == self.top {
                    if self.end - block < size {
                        return false;
                    }
                    self.top = block + size;
                    self.high = self.high.max(self.top);
                    set(block, size | flags);
                    return true;
                }
                let more = get(behind) & !FLAGS;
                if get(behind) & FREE == 0 || whole + more < size {
                    return false;
                }
                self.remove(behind, more);
                set(block, (whole + more) | flags);
                let next = block + whole + more;
                set(next, get(next) & !BEFORE_FREE);
            }
            self.trim(block, size);
            true
        }
    }

    /// Checks what holds between two calls, and returns how many bytes are in free
    /// blocks.
    #[cfg(test)]
    pub(super) unsafe fn check(&mut self) -> usize {
        let mut free = 0;
        let mut count = 0;
        let mut block = self.first();
        let mut before_free = false;
        unsafe {
            while block < self.top {
                let (size, flags) = (get(block) & !FLAGS, get(block) & FLAGS);
                assert!(size >= MIN && size % ALIGN == 0, "a block of {size} bytes");
                assert_eq!(
                    flags & BEFORE_FREE != 0,
                    before_free,
                    "the flag about the block before"
                );
                before_free = flags & FREE != 0;
                if before_free {
                    assert_eq!(flags & BEFORE_FREE, 0, "two free neighbours");
                    assert_eq!(get(block + size - WORD), size, "the size at the end");
                    free += size;
                    count += 1;
                }
                block += size;
            }
            assert_eq!(block, self.top);
            assert!(!before_free, "a free block before top");
            assert!(self.top <= self.high && self.high <= self.end);
            for class in 0..CLASSES {
                assert_eq!(self.classes >> class & 1 != 0, self.lists[class] != 0);
                for list in 0..LISTS {
                    assert_eq!(
                        self.lists[class] >> list & 1 != 0,
                        self.heads[class][list] != 0
                    );
                    let mut block = self.heads[class][list];
                    let mut previous = 0;
                    while block != 0 {
                        assert_eq!(place(get(block) & !FLAGS), (class, list));
                        assert_eq!(get(block) & FREE, FREE);
                        assert_eq!(get(block + 2 * WORD), previous);
                        previous = block;
                        block = get(block + WORD);
                        count -= 1;
                    }
                }
            }
        }
        assert_eq!(count, 0, "free blocks that are in no list");
        free
    }
}

const _: () = assert!(size_of::<Arena>() < 16 << 10 && MIN == 2 * ALIGN);
