//! Go's package io.

use crate::call::Error;

crate::interface! {
    /// An `io.Reader`.
    pub trait Reader {
        /// Reads up to `p.len()` bytes into p. It may have read some and fail
        /// besides, at the end with `io.EOF`.
        fn read(&self, p: &mut [u8]) -> (isize, Option<Error>);
    }

    /// An `io.Writer`.
    pub trait Writer {
        /// Writes p. It fails if it has written less.
        fn write(&self, p: &[u8]) -> (isize, Option<Error>);
    }
}

/// Reads until p is full or the reader ends, and returns how many bytes it has
/// read: less than `p.len()` at the end only.
///
/// # Errors
///
/// The reader's, but for `io.EOF`.
pub fn read_full(r: &impl Reader, p: &mut [u8]) -> Result<usize, Error> {
    let mut n = 0;
    while n < p.len() {
        let (more, err) = r.read(&mut p[n..]);
        n += count(more, p.len() - n);
        match err {
            Some(e) if !e.is_eof() => return Err(e),
            Some(_) => break,
            None => {}
        }
    }
    Ok(n)
}

/// Writes all of p.
///
/// # Errors
///
/// The writer's.
pub fn write_all(w: &impl Writer, p: &[u8]) -> Result<(), Error> {
    let (n, err) = w.write(p);
    match err {
        Some(e) => Err(e),
        None if count(n, p.len()) < p.len() => {
            panic!("a writer wrote {n} of {} bytes without an error", p.len())
        }
        None => Ok(()),
    }
}

/// Checks a number of bytes that Go code says.
fn count(n: isize, max: usize) -> usize {
    match usize::try_from(n) {
        Ok(n) if n <= max => n,
        _ => panic!("a count of {n} bytes, where up to {max} are possible"),
    }
}
