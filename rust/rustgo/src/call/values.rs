//! What Go functions take and return.

use super::Error;
use crate::types::{Handle, Slice, SliceMut, Str};

/// What can be passed to a Go function. [`value!`](crate::value) adds types.
#[diagnostic::on_unimplemented(
    message = "Go functions do not take `{Self}`",
    label = "cannot be passed to Go",
    note = "they take numbers, `bool`, references, slices, `&str`, pointers, `Handle`, and what `rustgo::value!` names: structures and enums without pointers"
)]
pub trait Argument {
    /// What Go gets.
    #[doc(hidden)]
    type Go;
    #[doc(hidden)]
    fn to_go(self) -> Self::Go;
}

/// What a Go function can return: numbers, `bool`, and types that
/// [`value!`](crate::value) has added; with an error, `Result<T, Error>`, where the
/// value counts only if there is no error, or `(T, Option<Error>)`, or
/// `Option<Error>` alone.
#[diagnostic::on_unimplemented(
    message = "Go functions do not return `{Self}` to Rust",
    label = "cannot come from Go",
    note = "they return numbers, `bool`, and what `rustgo::value!` names; with an error `core::result::Result<T, rustgo::Error>`; let them fill in a `&mut` for all else"
)]
pub trait Returned: Sized {
    /// What Go writes.
    #[doc(hidden)]
    type Go: Copy;
    #[doc(hidden)]
    fn from_go(go: Self::Go) -> Self;
}

/// Types that are passed by value and have no pointers.
#[doc(hidden)]
pub trait Value: Copy + 'static {}

/// Lets Go functions take and return values of the types, which are structures
/// and enums that exported functions could take, without pointers.
///
/// ```ignore
/// #[repr(C)]
/// #[derive(Clone, Copy)]
/// pub struct Point { x: f64, y: f64 }
///
/// rustgo::value!(Point);
/// ```
#[macro_export]
macro_rules! value {
    ($($type:ty),* $(,)?) => { $(
        impl $crate::call::Value for $type {}
        impl $crate::call::Argument for $type {
            type Go = $type;
            fn to_go(self) -> $type {
                self
            }
        }
        impl $crate::call::Returned for $type {
            type Go = $type;
            fn from_go(go: $type) -> $type {
                go
            }
        }
    )* };
}

value!(bool, i8, i16, i32, i64, isize, u8, u16, u32, u64, usize, f32, f64);

impl<'a, T> Argument for &'a [T] {
    type Go = Slice<'a, T>;
    fn to_go(self) -> Slice<'a, T> {
        self.into()
    }
}

impl<'a, T> Argument for &'a mut [T] {
    type Go = SliceMut<'a, T>;
    fn to_go(self) -> SliceMut<'a, T> {
        self.into()
    }
}

impl<'a> Argument for &'a str {
    type Go = Str<'a>;
    fn to_go(self) -> Str<'a> {
        self.into()
    }
}

impl<'a, T> Argument for &'a T {
    type Go = &'a T;
    fn to_go(self) -> &'a T {
        self
    }
}

impl<'a, T> Argument for &'a mut T {
    type Go = &'a mut T;
    fn to_go(self) -> &'a mut T {
        self
    }
}

impl<'a, T> Argument for Slice<'a, T> {
    type Go = Self;
    fn to_go(self) -> Self {
        self
    }
}

impl<'a, T> Argument for SliceMut<'a, T> {
    type Go = Self;
    fn to_go(self) -> Self {
        self
    }
}

impl<T> Argument for Option<&T> {
    type Go = Self;
    fn to_go(self) -> Self {
        self
    }
}

impl<T> Argument for Option<&mut T> {
    type Go = Self;
    fn to_go(self) -> Self {
        self
    }
}

impl<T> Argument for *const T {
    type Go = Self;
    fn to_go(self) -> Self {
        self
    }
}

impl<T> Argument for *mut T {
    type Go = Self;
    fn to_go(self) -> Self {
        self
    }
}

impl<T> Argument for Handle<T> {
    type Go = Self;
    fn to_go(self) -> Self {
        self
    }
}

/// Go aligns 128 bits to 8 bytes.
#[doc(hidden)]
#[repr(C)]
pub struct Halves {
    low: u64,
    high: u64,
}

impl Argument for u128 {
    type Go = Halves;
    fn to_go(self) -> Halves {
        Halves {
            low: self as u64,
            high: (self >> 64) as u64,
        }
    }
}

impl Argument for i128 {
    type Go = Halves;
    fn to_go(self) -> Halves {
        (self as u128).to_go()
    }
}

impl Argument for Str<'_> {
    type Go = Self;
    fn to_go(self) -> Self {
        self
    }
}

impl Returned for () {
    type Go = ();
    fn from_go((): ()) {}
}

/// A value and an error as Go writes them.
#[doc(hidden)]
#[repr(C)]
#[derive(Clone, Copy)]
pub struct WithError<T: Copy> {
    value: T,
    error: Option<Error>,
}

impl Returned for Option<Error> {
    type Go = Option<Error>;
    fn from_go(go: Self) -> Self {
        go
    }
}

impl<T: Value> Returned for (T, Option<Error>) {
    type Go = WithError<T>;
    fn from_go(go: WithError<T>) -> Self {
        (go.value, go.error)
    }
}

impl Returned for Result<(), Error> {
    type Go = Option<Error>;
    fn from_go(go: Option<Error>) -> Self {
        match go {
            None => Ok(()),
            Some(e) => Err(e),
        }
    }
}

impl<T: Value> Returned for Result<T, Error> {
    type Go = WithError<T>;
    fn from_go(go: WithError<T>) -> Self {
        match go.error {
            None => Ok(go.value),
            Some(e) => Err(e),
        }
    }
}
