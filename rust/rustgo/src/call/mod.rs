//! Calls of Go's functions: of those that a call from Go has brought along, and
//! of the methods of its interface values.
//!
//! ```text
//! Func::call ─▶ rustgo_callback ─▶ the goroutine's stack ─▶ the Go function
//!  arguments      registers saved    grows, moves, blocks
//! ```
//!
//! Arguments and result lie in a structure on Rust's stack, fields in order as
//! C lays them out, which is how Go lays them out too. Go gets a pointer to it.

/// Writes the function rustgo_callback.
#[cfg(not(target_vendor = "apple"))]
#[allow(unused_macros)]
macro_rules! function {
    ($($line:literal,)* ; $($operands:tt)*) => {
        core::arch::global_asm!(
            ".pushsection .text.rustgo_callback,\"ax\",@progbits",
            ".globl {name}",
            ".hidden {name}",
            ".type {name},@function",
            "{name}:",
            $($line,)*
            ".size {name}, . - {name}",
            ".popsection",
            $($operands)*
        );
    };
}

#[cfg(target_vendor = "apple")]
#[allow(unused_macros)]
macro_rules! function {
    ($($line:literal,)* ; $($operands:tt)*) => {
        core::arch::global_asm!(
            ".pushsection __TEXT,__text,regular,pure_instructions",
            ".globl {name}",
            ".private_extern {name}",
            "{name}:",
            $($line,)*
            ".popsection",
            $($operands)*
        );
    };
}

#[allow(unused_imports)]
use function;

#[cfg(all(rustgo, not(test), target_arch = "x86_64"))]
#[path = "x86_64.rs"]
mod platform;

#[cfg(all(rustgo, not(test), target_arch = "aarch64"))]
#[path = "aarch64.rs"]
mod platform;

#[cfg(all(rustgo, not(test), target_arch = "riscv64"))]
#[path = "riscv64.rs"]
mod platform;

#[cfg(not(all(
    rustgo,
    not(test),
    any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64"
    )
)))]
#[path = "none.rs"]
mod platform;

mod values;

use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::num::NonZeroU64;

pub use values::{Argument, Returned, Value};

/// The stack that a call with callbacks runs on ends at a multiple of this, so
/// that code finds its end. `internal/emit` in cargo rustgo has the same number.
#[allow(dead_code)] // where there is no platform
pub(crate) const ALIGN: u64 = 1 << 24;

/// A function of Go's, which can be called until the call that brought it
/// returns: a parameter of type `Func<fn(i32, &[u8]) -> bool>` is a
/// `func(int32, []byte) bool` in Go. The traits in [`prelude`](crate::prelude)
/// call it:
///
/// ```ignore
/// use rustgo::prelude::*;
///
/// #[unsafe(no_mangle)]
/// pub extern "C" fn each_line(text: Str<'_>, line: Func<fn(i32, &[u8]) -> bool>) {
///     for (i, bytes) in text.split(|&b| b == b'\n').enumerate() {
///         if !line.call(i as i32, bytes) {
///             return;
///         }
///     }
/// }
/// ```
///
/// What the function gets by reference it may use until it returns. If it
/// panics, the panic goes on in the Go code that called Rust: the frames of Rust
/// are left as they are, and no destructor runs.
#[repr(C)]
pub struct Func<'a, F> {
    handle: u64,
    signature: PhantomData<F>,
    call: PhantomData<*const &'a ()>,
}

impl<F> Clone for Func<'_, F> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<F> Copy for Func<'_, F> {}

impl<F> fmt::Debug for Func<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Func")
    }
}

/// A value of a Go interface that a macro has described,
/// [`interface!`](crate::interface!): `Interface<dyn Trait>` implements `Trait`. It can be
/// used until the call that brought it returns.
#[repr(C)]
pub struct Interface<'a, T: Described + ?Sized> {
    handle: u64,
    methods: PhantomData<T::Methods>,
    call: PhantomData<*const &'a ()>,
}

impl<T: Described + ?Sized> Clone for Interface<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Described + ?Sized> Copy for Interface<'_, T> {}

impl<T: Described + ?Sized> fmt::Debug for Interface<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interface")
    }
}

impl<T: Described + ?Sized> Interface<'_, T> {
    /// Returns a method by its number in the declaration.
    #[doc(hidden)]
    pub fn method<F>(&self, number: u64) -> Func<'_, F> {
        Func {
            handle: self.handle + number,
            signature: PhantomData,
            call: PhantomData,
        }
    }
}

/// How many bits of a handle are the number of the function, or the error. The others
/// are the number of the call. `internal/emit` in cargo rustgo has the same number.
const NUMBER_BITS: u32 = 20;

/// What [`interface!`](crate::interface) implements for a trait.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an interface of Go's",
    note = "declare the trait within `rustgo::interface!`"
)]
pub trait Described {
    /// A structure with a field for each method, of a type like the method's
    /// without the receiver: what cargo rustgo reads.
    type Methods;
}

/// An error value of Go's that a Go function has returned. The call that brought
/// the function can return it, in a [`Result`](crate::Result), and its caller
/// gets the same value.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Error(NonZeroU64);

impl Error {
    /// Reports whether it is `io.EOF`.
    pub fn is_eof(self) -> bool {
        self.0.get() & ((1 << NUMBER_BITS) - 1) == 0
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an error of Go's")
    }
}

macro_rules! calls {
    ($($trait:ident($($arg:ident: $type:ident),*);)*) => { $(
        /// Calls a Go function.
        pub trait $trait<$($type,)* R> {
            /// Calls the function, and waits until it returns.
            fn call(&self $(, $arg: $type)*) -> R
            where
                $($type: Argument,)*
                R: Returned;
        }

        impl<F, $($type,)* R> $trait<$($type,)* R> for Func<'_, F>
        where
            F: Fn($($type),*) -> R,
        {
            #[inline]
            fn call(&self $(, $arg: $type)*) -> R
            where
                $($type: Argument,)*
                R: Returned,
            {
                #[repr(C)]
                struct Frame<$($type,)* R> {
                    $($arg: $type,)*
                    result: MaybeUninit<R>,
                }
                let mut frame = Frame::<$($type::Go,)* R::Go> {
                    $($arg: $arg.to_go(),)*
                    result: MaybeUninit::uninit(),
                };
                // SAFETY: Go takes the frame for what it is, since cargo rustgo
                // has read F. It writes the result if there is one.
                unsafe {
                    platform::call(self.handle, (&raw mut frame).cast());
                    R::from_go(frame.result.assume_init())
                }
            }
        }
    )* };
}

calls! {
    Call0();
    Call1(a: A);
    Call2(a: A, b: B);
    Call3(a: A, b: B, c: C);
    Call4(a: A, b: B, c: C, d: D);
    Call5(a: A, b: B, c: C, d: D, e: E);
    Call6(a: A, b: B, c: C, d: D, e: E, f: G);
}

/// Declares a trait that is an interface in Go. A parameter of type
/// `Interface<dyn Trait>` takes any Go value that has the methods, and implements
/// the trait:
///
/// ```ignore
/// rustgo::interface! {
///     /// What sort.Sort sorts.
///     pub trait Sortable {
///         fn len(&self) -> isize;
///         fn less(&self, i: isize, j: isize) -> bool;
///         fn swap(&self, i: isize, j: isize);
///     }
/// }
///
/// #[unsafe(no_mangle)]
/// pub extern "C" fn sort(data: Interface<dyn Sortable>) {
///     heap_sort(&data); // fn heap_sort(data: &impl Sortable)
/// }
/// ```
#[macro_export]
macro_rules! interface {
    ($(
        $(#[$attr:meta])*
        $vis:vis trait $name:ident {
            $(
                $(#[$method_attr:meta])*
                fn $method:ident(&self $(, $arg:ident: $type:ty)* $(,)?) $(-> $result:ty)?;
            )*
        }
    )*) => { $(
        $(#[$attr])*
        $vis trait $name {
            $(
                $(#[$method_attr])*
                fn $method(&self $(, $arg: $type)*) $(-> $result)?;
            )*
        }

        const _: () = {
            #[allow(unused_imports)]
            use $crate::call::{
                Call0 as _, Call1 as _, Call2 as _, Call3 as _, Call4 as _, Call5 as _, Call6 as _,
            };

            #[allow(dead_code)]
            #[repr(C)]
            pub struct RustgoMethods {
                $($method: fn($($type),*) $(-> $result)?,)*
            }

            #[allow(non_camel_case_types, dead_code)]
            enum RustgoNumber {
                $($method,)*
            }

            impl $crate::call::Described for dyn $name {
                type Methods = RustgoMethods;
            }

            impl $name for $crate::Interface<'_, dyn $name> {
                $(
                    #[inline]
                    fn $method(&self $(, $arg: $type)*) $(-> $result)? {
                        self.method::<fn($($type),*) $(-> $result)?>(RustgoNumber::$method as u64).call($($arg),*)
                    }
                )*
            }
        };
    )* };
    ($($other:tt)*) => {
        compile_error!("rustgo::interface! takes traits of methods without bodies: `pub trait Name { fn method(&self, argument: Type) -> Type; }`");
    };
}
