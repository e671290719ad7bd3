//! The message of a panic, written on the panic stack.

use super::platform;
use core::cell::UnsafeCell;
use core::fmt::{self, Write};
use core::panic::{Location, PanicInfo};
use core::ptr;
use core::sync::atomic::{
    AtomicPtr, AtomicU32,
    Ordering::{Acquire, Relaxed},
};

const TEXT: usize = 4096 - 40;

/// What the Go side reads, and then sets taken to 0. `internal/emit` in cargo
/// rustgo declares the same in Go.
#[repr(C)]
pub(super) struct Record {
    taken: AtomicU32,
    len: UnsafeCell<u32>,
    file: UnsafeCell<*const u8>,
    file_len: UnsafeCell<usize>,
    line: UnsafeCell<u32>,
    column: UnsafeCell<u32>,
    text: UnsafeCell<[u8; TEXT]>,
}
// SAFETY: a record belongs to who set `taken`, and then to the goroutine that
// gets it, until that clears `taken`.
unsafe impl Sync for Record {}

impl Record {
    const fn new() -> Record {
        Record {
            taken: AtomicU32::new(0),
            len: UnsafeCell::new(0),
            file: UnsafeCell::new(ptr::null()),
            file_len: UnsafeCell::new(0),
            line: UnsafeCell::new(0),
            column: UnsafeCell::new(0),
            text: UnsafeCell::new([0; TEXT]),
        }
    }

    /// Appends what there is room for, in whole characters.
    fn push(&self, s: &str) {
        // SAFETY: see Sync; no reference outlives the function.
        let (text, len) = unsafe { (&mut *self.text.get(), &mut *self.len.get()) };
        for c in s.chars() {
            let mut buffer = [0; 4];
            let bytes = c.encode_utf8(&mut buffer).as_bytes();
            let start = *len as usize;
            let Some(room) = text.get_mut(start..start + bytes.len()) else {
                return;
            };
            for (to, from) in room.iter_mut().zip(bytes) {
                *to = *from;
            }
            *len += bytes.len() as u32;
        }
    }

    fn set_location(&self, location: Option<&Location<'_>>) {
        let Some(location) = location else { return };
        // SAFETY: see Sync. The name of the file is a constant of the image.
        unsafe {
            *self.file.get() = location.file().as_ptr();
            *self.file_len.get() = location.file().len();
            *self.line.get() = location.line();
            *self.column.get() = location.column();
        }
    }
}

impl Write for &Record {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.push(s);
        Ok(())
    }
}

/// A goroutine holds a record from the panic until its first instructions back
/// in Go have read it, and may be preempted in between. The first free one is
/// taken, so that memory is touched only as far as panics come at once.
static RECORDS: [Record; COUNT] = [const { Record::new() }; COUNT];

const COUNT: usize = 1024;

/// For the panic that finds no record: it is shared, and says so.
static LOST: Record = Record::new();

/// The record that the holder of the panic stack writes.
static CURRENT: AtomicPtr<Record> = AtomicPtr::new(ptr::null_mut());

/// Takes a free record. It never waits: who holds one may wait for us.
fn take() -> Option<&'static Record> {
    RECORDS
        .iter()
        .find(|r| r.taken.compare_exchange(0, 1, Acquire, Relaxed).is_ok())
}

pub(super) extern "C" fn report(info: &PanicInfo<'_>) -> *const Record {
    platform::guard();
    let Some(record) = take() else {
        CURRENT.store(ptr::null_mut(), Relaxed);
        return lost(info);
    };
    CURRENT.store(ptr::from_ref(record).cast_mut(), Relaxed);
    // SAFETY: see Record.
    unsafe { *record.len.get() = 0 };
    record.set_location(info.location());
    // The Writer cannot fail. If a Display implementation does, what it wrote
    // until then is all there is.
    let mut to = record;
    let _ = write!(to, "{}", info.message());
    record
}

/// Formatting the message panicked: a Display or Debug implementation of the
/// user's did. The record keeps what was written and says what happened, with
/// the place of the first panic.
pub(super) extern "C" fn report_again(info: &PanicInfo<'_>) -> *const Record {
    // SAFETY: report stored it, on this thread.
    let Some(record) = (unsafe { CURRENT.load(Relaxed).as_ref() }) else {
        return lost(info);
    };
    record.push("… (formatting this message panicked: ");
    record.push(info.message().as_str().unwrap_or("another panic"));
    record.push(")");
    record
}

/// A panic for which there is no message.
pub(super) extern "C" fn report_lost(info: &PanicInfo<'_>) -> *const Record {
    // SAFETY: as in report_again. Nothing is written to it.
    match unsafe { CURRENT.load(Relaxed).as_ref() } {
        Some(record) => record,
        None => lost(info),
    }
}

fn lost(info: &PanicInfo<'_>) -> *const Record {
    // Its content never changes, so that all may read it at any time.
    if LOST.taken.compare_exchange(0, 1, Acquire, Relaxed).is_ok() {
        // SAFETY: the panic stack is a lock.
        if unsafe { *LOST.len.get() } == 0 {
            LOST.push("a panic whose message is lost, because there were too many at once");
        }
    }
    let _ = info;
    &LOST
}
