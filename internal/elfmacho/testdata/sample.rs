//! What objects of rustc's have: strings, vtables, tables, panics, writable and
//! zeroed data. rust-arm64.o is this crate's object in a library that was made
//! with Debian's rustc 1.96 and
//!
//!	cargo build --release -Zbuild-std=core,compiler_builtins \
//!		-Zbuild-std-features=compiler-builtins-mem --target aarch64-apple-darwin
//!
//! where the profile sets panic = "abort", opt-level = 2, lto = "fat" and
//! codegen-units = 1.
#![no_std]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

static mut COUNT: u32 = 1;
static mut ZEROED: [u8; 4096] = [0; 4096];

pub trait Scale {
    fn scale(&self) -> u32;
}
impl Scale for u8 {
    fn scale(&self) -> u32 {
        *self as u32
    }
}
impl Scale for u16 {
    fn scale(&self) -> u32 {
        *self as u32 * 3
    }
}

#[no_mangle]
pub unsafe extern "C" fn count(x: &[u8; 9], i: usize) -> u32 {
    COUNT += x[i] as u32;
    ZEROED[i & 4095] = 3;
    COUNT + ZEROED[i / 2 & 4095] as u32
}

#[no_mangle]
pub extern "C" fn dynamic(i: usize) -> u32 {
    let s: &dyn Scale = if i == 0 { &1u8 } else { &2u16 };
    core::hint::black_box(s).scale()
}

#[no_mangle]
pub extern "C" fn operation(op: u32, n: u32) -> u32 {
    match op {
        0 => n + 1,
        1 => n * 5 + unsafe { count(&[1, 2, 3, 4, 5, 6, 7, 8, 9], 2) },
        2 => n * n + 3,
        3 => n.rotate_left(7),
        4 => !n,
        5 => n ^ 0xfeed,
        6 => n / 3,
        7 => (n as f64 * 1.25) as u32,
        _ => 0,
    }
}

#[no_mangle]
pub extern "C" fn name(op: u32) -> *const u8 {
    let names = ["zero", "one", "two!!", "three", "four", "five", "six", "many"];
    names[(op & 7) as usize].as_ptr()
}
