//! The message of a panic, written from the panic stack.

use super::platform;
use core::cell::UnsafeCell;
use core::fmt::{self, Write};
use core::panic::{Location, PanicInfo};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::Relaxed};

/// Collects the text, so that it reaches standard error in one piece. It is a
/// static so that what was written before the writing panicked is not lost.
struct Text {
    bytes: UnsafeCell<[u8; 1024]>,
    len: AtomicUsize,
}
// SAFETY: one thread reports; all others wait in `enter`.
unsafe impl Sync for Text {}
static TEXT: Text = Text {
    bytes: UnsafeCell::new([0; 1024]),
    len: AtomicUsize::new(0),
};

impl Text {
    fn push(&self, s: &str) {
        for &byte in s.as_bytes() {
            let len = self.len.load(Relaxed);
            // SAFETY: see Sync. No reference outlives its statement.
            if let Some(slot) = unsafe { (*self.bytes.get()).get_mut(len) } {
                *slot = byte;
                self.len.store(len + 1, Relaxed);
            }
            if len + 1 >= 1024 {
                self.flush();
            }
        }
    }

    /// Without core::fmt, which report_again does not trust any more.
    fn push_number(&self, mut n: u32) {
        let mut digits = [b'0'; 10];
        let mut first = 10;
        for (i, digit) in digits.iter_mut().enumerate().rev() {
            *digit = b'0' + (n % 10) as u8;
            n /= 10;
            first = i;
            if n == 0 {
                break;
            }
        }
        self.push(core::str::from_utf8(digits.get(first..).unwrap_or(&[])).unwrap_or("?"));
    }

    fn push_location(&self, location: Option<&Location<'_>>) {
        if let Some(location) = location {
            self.push("\n\tat ");
            self.push(location.file());
            self.push(":");
            self.push_number(location.line());
            self.push(":");
            self.push_number(location.column());
        }
        self.push("\n");
    }

    fn flush(&self) {
        let len = self.len.swap(0, Relaxed);
        // SAFETY: see Sync.
        platform::write(unsafe { (*self.bytes.get()).get(..len).unwrap_or(&[]) });
    }
}

impl Write for &Text {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.push(s);
        Ok(())
    }
}

/// The panic being reported. It lies in a frame that will never be left.
static FIRST: AtomicPtr<PanicInfo<'static>> = AtomicPtr::new(core::ptr::null_mut());

pub(super) extern "C" fn report(info: &PanicInfo<'_>) -> ! {
    platform::guard();
    FIRST.store(core::ptr::from_ref(info).cast_mut().cast(), Relaxed);
    TEXT.push("panic: Rust: ");
    // The Writer cannot fail. If a Display implementation does, what it wrote
    // until then is all there is.
    let _ = write!(&TEXT, "{}", info.message());
    TEXT.push_location(info.location());
    TEXT.flush();
    platform::exit(2)
}

/// Formatting the message panicked: a Display or Debug implementation of the
/// user's did. Completes the first report as far as it goes and adds this one.
pub(super) extern "C" fn report_again(info: &PanicInfo<'_>) -> ! {
    // SAFETY: report stored it, and its frame is still there.
    let first = unsafe { FIRST.load(Relaxed).as_ref() };
    TEXT.push("…");
    TEXT.push_location(first.and_then(|first| first.location()));
    TEXT.push("panic: Rust: while formatting the message above: ");
    TEXT.push(info.message().as_str().unwrap_or("another panic"));
    TEXT.push_location(info.location());
    TEXT.flush();
    platform::exit(2)
}
