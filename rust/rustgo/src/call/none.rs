//! Where there is no Go.

/// # Safety
///
/// Does nothing that is unsafe.
pub(super) unsafe fn call(_handle: u64, _frame: *mut u8) {
    panic!("a function of Go's can only be called in a Go program");
}
