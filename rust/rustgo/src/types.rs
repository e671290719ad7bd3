//! Types of Go's, for the parameters and results of exported functions.

use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::ptr;
use core::slice;
use core::str::{self, Utf8Error};

/// A Go slice `[]T` that Rust reads: a parameter of type `Slice<'_, u8>` is a
/// `[]byte` in Go. It dereferences to `[T]`.
///
/// Go cannot lend more than the call lasts, and another goroutine must not
/// write to the elements meanwhile, as for any `&[T]`.
#[repr(C)]
pub struct Slice<'a, T> {
    ptr: *const T,
    len: usize,
    cap: usize,
    lent: PhantomData<&'a [T]>,
}

impl<T> Clone for Slice<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Slice<'_, T> {}

impl<T> Deref for Slice<'_, T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        if self.len == 0 {
            return &[]; // whose pointer may be null in Go
        }
        // SAFETY: a slice of Go's has len elements at ptr.
        unsafe { slice::from_raw_parts(self.ptr, self.len) }
    }
}

impl<'a, T> From<&'a [T]> for Slice<'a, T> {
    fn from(s: &'a [T]) -> Self {
        Slice {
            // Go may look at the pointer of an empty slice, and Rust's is anything.
            ptr: if s.is_empty() {
                ptr::null()
            } else {
                s.as_ptr()
            },
            len: s.len(),
            cap: s.len(),
            lent: PhantomData,
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Slice<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// A Go slice `[]T` that Rust also writes to. It dereferences to `[T]`; the
/// elements between the length and the capacity are out of reach.
#[repr(C)]
pub struct SliceMut<'a, T> {
    ptr: *mut T,
    len: usize,
    cap: usize,
    lent: PhantomData<&'a mut [T]>,
}

impl<T> Deref for SliceMut<'_, T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        if self.len == 0 {
            return &[];
        }
        // SAFETY: as in Slice.
        unsafe { slice::from_raw_parts(self.ptr, self.len) }
    }
}

impl<T> DerefMut for SliceMut<'_, T> {
    fn deref_mut(&mut self) -> &mut [T] {
        if self.len == 0 {
            return &mut [];
        }
        // SAFETY: as in Slice, and Go lends it to nobody else.
        unsafe { slice::from_raw_parts_mut(self.ptr, self.len) }
    }
}

impl<'a, T> From<&'a mut [T]> for SliceMut<'a, T> {
    fn from(s: &'a mut [T]) -> Self {
        let len = s.len();
        SliceMut {
            ptr: if len == 0 {
                ptr::null_mut()
            } else {
                s.as_mut_ptr()
            },
            len,
            cap: len,
            lent: PhantomData,
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for SliceMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// A Go `string`. Go does not promise that it is UTF-8: it dereferences to its
/// bytes, and `to_str` checks.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Str<'a> {
    ptr: *const u8,
    len: usize,
    lent: PhantomData<&'a str>,
}

impl<'a> Str<'a> {
    /// Returns the bytes of the string.
    pub fn as_bytes(&self) -> &'a [u8] {
        if self.len == 0 {
            return &[];
        }
        // SAFETY: a string of Go's has len bytes at ptr, which never change.
        unsafe { slice::from_raw_parts(self.ptr, self.len) }
    }

    /// Returns the string if it is UTF-8.
    ///
    /// # Errors
    ///
    /// If it is not.
    pub fn to_str(&self) -> core::result::Result<&'a str, Utf8Error> {
        str::from_utf8(self.as_bytes())
    }
}

impl Deref for Str<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl<'a> From<&'a str> for Str<'a> {
    fn from(s: &'a str) -> Self {
        Str {
            ptr: if s.is_empty() {
                ptr::null()
            } else {
                s.as_ptr()
            },
            len: s.len(),
            lent: PhantomData,
        }
    }
}

impl fmt::Debug for Str<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().escape_ascii().fmt(f)
    }
}

/// Something of Rust's that Go only passes around: in Go a `*T`, whose `T` has no
/// fields. It is not freed by anybody, and Go does not look behind it.
#[repr(transparent)]
pub struct Handle<T> {
    ptr: *mut T,
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Handle<T> {}

impl<T> Handle<T> {
    /// Returns a handle to `t`.
    pub fn new(t: &'static mut T) -> Self {
        const { assert!(size_of::<T>() > 0, "nothing has no address") }
        Handle { ptr: t }
    }

    /// Returns what the handle stands for, or nothing for nil.
    ///
    /// # Safety
    ///
    /// Go must have got the handle from Rust, and nobody else may use it
    /// meanwhile: Go code can copy handles, and call from several goroutines.
    pub unsafe fn get<'a>(self) -> Option<&'a mut T> {
        // SAFETY: as promised.
        unsafe { self.ptr.as_mut() }
    }
}

/// An error that is a message.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Message {
    text: Str<'static>,
}

impl From<&'static str> for Message {
    fn from(s: &'static str) -> Self {
        Message { text: s.into() }
    }
}

/// What a function returns that in Go returns `(T, error)`, or `error` if `T` is
/// `()`. It is made of a `core::result::Result` by `into`. The error is an enum
/// without fields, whose Go type has the method `Error`, or a [`Message`].
#[repr(C)]
pub struct Result<T: Copy, E: Copy> {
    failed: bool,
    value: Slot<T>,
    error: Slot<E>,
}

#[repr(C)]
union Slot<T: Copy> {
    value: T,
    none: (),
}

impl<T: Copy, E: Copy> From<core::result::Result<T, E>> for Result<T, E> {
    fn from(r: core::result::Result<T, E>) -> Self {
        match r {
            // SAFETY of both: nobody reads it as an E, or a T. Go's garbage collector
            // may look at it, and must not find numbers in place of pointers.
            Ok(value) => Result {
                failed: false,
                value: Slot { value },
                error: unsafe { core::mem::zeroed() },
            },
            Err(error) => Result {
                failed: true,
                value: unsafe { core::mem::zeroed() },
                error: Slot { value: error },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::size_of;

    #[test]
    fn like_go() {
        assert_eq!(size_of::<Slice<u8>>(), 24);
        assert_eq!(size_of::<SliceMut<u8>>(), 24);
        assert_eq!(size_of::<Str>(), 16);
        assert_eq!(size_of::<Message>(), 16);
        assert_eq!(size_of::<Handle<[u8; 9]>>(), 8);
        assert_eq!(size_of::<Result<(), u8>>(), 2);
    }

    #[test]
    fn nil() {
        let nil = Slice::<u64> {
            ptr: core::ptr::null(),
            len: 0,
            cap: 0,
            lent: PhantomData,
        };
        assert!(nil.is_empty());
        let mut nil = SliceMut::<u64> {
            ptr: core::ptr::null_mut(),
            len: 0,
            cap: 0,
            lent: PhantomData,
        };
        assert!(nil.is_empty() && nil.iter_mut().next().is_none());
        let empty = Str {
            ptr: core::ptr::null(),
            len: 0,
            lent: PhantomData,
        };
        assert_eq!(empty.to_str(), Ok(""));
    }

    #[test]
    fn handles() {
        static mut COUNTER: u64 = 7;
        // SAFETY: the only use.
        let handle = Handle::new(unsafe { &mut *core::ptr::addr_of_mut!(COUNTER) });
        let copy = handle;
        *unsafe { copy.get() }.unwrap() += 1;
        assert_eq!(*unsafe { handle.get() }.unwrap(), 8);
        let nil = Handle::<u64> {
            ptr: core::ptr::null_mut(),
        };
        assert!(unsafe { nil.get() }.is_none());
    }

    #[test]
    fn round_trip() {
        let mut numbers = [1, 2, 3];
        assert_eq!(*Slice::from(&numbers[1..]), [2, 3]);
        SliceMut::from(&mut numbers[..]).reverse();
        assert_eq!(numbers, [3, 2, 1]);
        assert_eq!(Str::from("ä").to_str(), Ok("ä"));
        let failed: Result<u32, u8> = Err(7).into();
        assert!(failed.failed && unsafe { failed.error.value } == 7);
        let fine: Result<u32, u8> = Ok(8).into();
        assert!(!fine.failed && unsafe { fine.value.value } == 8);
    }
}
