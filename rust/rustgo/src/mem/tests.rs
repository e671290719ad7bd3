//! Every length up to 300 at every alignment that a 16-byte access can tell
//! apart, and lengths around every threshold, against naive loops.

use std::{vec, vec::Vec};

type Copy = unsafe extern "C" fn(*mut u8, *const u8, usize) -> *mut u8;
type Set = unsafe extern "C" fn(*mut u8, i32, usize) -> *mut u8;
type Compare = unsafe extern "C" fn(*const u8, *const u8, usize) -> i32;
type Zero = unsafe extern "C" fn(*mut u8, usize);
type Length = unsafe extern "C" fn(*const u8) -> usize;

struct Functions {
    memcpy: Copy,
    memmove: Copy,
    memset: Set,
    memcmp: Compare,
    bcmp: Compare,
    strlen: Length,
    bzero: Zero,
}

const PORTABLE: Functions = {
    use super::portable::*;
    Functions {
        memcpy,
        memmove,
        memset,
        memcmp,
        bcmp,
        strlen,
        bzero,
    }
};

#[cfg(target_arch = "x86_64")]
const NATIVE: Functions = {
    use super::x86_64::*;
    Functions {
        memcpy: rustgo_memcpy,
        memmove: rustgo_memmove,
        memset: rustgo_memset,
        memcmp: rustgo_memcmp,
        bcmp: rustgo_bcmp,
        strlen: rustgo_strlen,
        bzero: rustgo_bzero,
    }
};

macro_rules! both {
    ($($name:ident),*) => {
        mod portable { $(#[test] fn $name() { super::$name(&super::PORTABLE) })* }
        #[cfg(target_arch = "x86_64")]
        mod native { $(#[test] fn $name() { super::$name(&super::NATIVE) })* }
    };
}
both!(
    copies,
    moves,
    overlapping,
    large,
    sets,
    zeros,
    compares,
    sign,
    lengths
);

/// Bytes on both sides of a destination that must stay as they are.
const MARGIN: usize = 64;

fn noise(n: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    (0..n)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}

/// An offset into `buf` at which the address is `align` modulo 64.
fn offset(buf: &[u8], align: usize) -> usize {
    let base = buf.as_ptr() as usize;
    MARGIN + (align.wrapping_sub(base + MARGIN) & 63)
}

fn lengths_near_thresholds() -> Vec<usize> {
    let mut all = Vec::new();
    for around in [512, 1024, 1536, 2048, 4096, 8192] {
        all.extend(around - 17..around + 18);
        all.extend(around + 63..around + 66);
    }
    all
}

fn copy_disjoint(copy: Copy, lengths: &[usize], aligns: &[usize]) {
    let max = lengths.iter().max().unwrap() + 4 * MARGIN;
    let source = noise(max);
    let mut target = vec![0u8; max];
    for &n in lengths {
        for &s in aligns {
            for &d in aligns {
                let from = offset(&source, s);
                let to = offset(&target, d);
                let end = to + n;
                target[to - MARGIN..end + MARGIN].fill(0xa5);
                let p = unsafe { target.as_mut_ptr().add(to) };
                let got = unsafe { copy(p, source.as_ptr().add(from), n) };
                assert_eq!(got, p, "result, n={n}");
                for i in 0..n {
                    assert!(
                        target[to + i] == source[from + i],
                        "n={n} src%64={s} dst%64={d} i={i}"
                    );
                }
                for i in 0..MARGIN {
                    assert!(
                        target[to - 1 - i] == 0xa5,
                        "wrote {} before, n={n} src={s} dst={d}",
                        i + 1
                    );
                    assert!(
                        target[end + i] == 0xa5,
                        "wrote {i} behind, n={n} src={s} dst={d}"
                    );
                }
            }
        }
    }
}

fn copies(f: &Functions) {
    let short: Vec<usize> = (0..=300).collect();
    let every: Vec<usize> = (0..17).collect();
    copy_disjoint(f.memcpy, &short, &every);
    // The loop with AVX begins where the destination is aligned to 32.
    let medium: Vec<usize> = (250..=400).collect();
    let every: Vec<usize> = (0..33).collect();
    copy_disjoint(f.memcpy, &medium, &every);
    copy_disjoint(
        f.memcpy,
        &lengths_near_thresholds(),
        &[0, 1, 7, 8, 15, 16, 31, 33, 63],
    );
}

fn moves(f: &Functions) {
    let short: Vec<usize> = (0..=300).collect();
    copy_disjoint(f.memmove, &short, &[0, 1, 2, 3, 7, 8, 9, 15, 16]);
    copy_disjoint(
        f.memmove,
        &lengths_near_thresholds(),
        &[0, 1, 8, 15, 16, 63],
    );
}

fn move_within(f: Copy, buf: &mut [u8], fresh: &[u8], from: usize, to: usize, n: usize) {
    buf.copy_from_slice(fresh);
    unsafe {
        let p = buf.as_mut_ptr();
        f(p.add(to), p.add(from), n);
    }
    for i in 0..buf.len() {
        let want = if i >= to && i < to + n {
            fresh[from + i - to]
        } else {
            fresh[i]
        };
        assert!(buf[i] == want, "n={n} from={from} to={to} i={i}");
    }
}

fn overlapping(f: &Functions) {
    let fresh = noise(2048);
    let mut buf = fresh.clone();
    for n in 0..=400usize {
        for align in [0, 1, 15] {
            let mid = 800 + align;
            for distance in (0..=70).chain([127, 128, 129, n.saturating_sub(1).min(300), n]) {
                move_within(f.memmove, &mut buf, &fresh, mid, mid + distance, n);
                move_within(f.memmove, &mut buf, &fresh, mid, mid - distance, n);
            }
            // LLVM uses memcpy where source and destination may be the same.
            move_within(f.memcpy, &mut buf, &fresh, mid, mid, n);
        }
    }
    let fresh = noise(32 << 10);
    let mut buf = fresh.clone();
    for n in lengths_near_thresholds() {
        for distance in [1, 8, 15, 16, 17, 63, 64, 65, 100, n - 1, n, n + 1] {
            move_within(f.memmove, &mut buf, &fresh, 9000, 9000 + distance, n);
            move_within(f.memmove, &mut buf, &fresh, 9001, 9001 - distance, n);
        }
        move_within(f.memcpy, &mut buf, &fresh, 9000, 9000, n);
    }
}

fn large(f: &Functions) {
    for n in [65_535, 65_536, 1 << 20, (1 << 20) + 3, (5 << 20) + 11] {
        copy_disjoint(f.memcpy, &[n], &[0, 5]);
        copy_disjoint(f.memmove, &[n], &[0, 5]);
    }
    let fresh = noise(3 << 20);
    let mut buf = fresh.clone();
    for distance in [1, 4097, 1 << 19] {
        move_within(
            f.memmove,
            &mut buf,
            &fresh,
            1 << 20,
            (1 << 20) + distance,
            1 << 20,
        );
        move_within(
            f.memmove,
            &mut buf,
            &fresh,
            1 << 20,
            (1 << 20) - distance,
            1 << 20,
        );
    }
}

fn zeros(f: &Functions) {
    let mut all = vec![f.bzero];
    #[cfg(target_arch = "x86_64")]
    all.push(super::x86_64::rustgo___bzero);
    for bzero in all {
        for n in (0..=300).chain(lengths_near_thresholds()) {
            let mut buf = vec![0xa5u8; n + 2 * MARGIN];
            unsafe { bzero(buf.as_mut_ptr().add(MARGIN), n) };
            assert!(buf[MARGIN..MARGIN + n].iter().all(|&b| b == 0), "n={n}");
            assert!(
                buf[..MARGIN]
                    .iter()
                    .chain(&buf[MARGIN + n..])
                    .all(|&b| b == 0xa5),
                "around, n={n}"
            );
        }
    }
}

fn sets(f: &Functions) {
    let mut lengths: Vec<usize> = (0..=300).collect();
    lengths.extend(lengths_near_thresholds());
    lengths.push((1 << 20) + 5);
    let mut buf = vec![0u8; (1 << 20) + 1024];
    for n in lengths {
        for align in (0..17).chain([31, 63]) {
            if n > 100_000 && align > 1 {
                continue;
            }
            // Only the low byte of the argument counts.
            for byte in [0, 0x5a, -1, 0x1ff, 0x7700] {
                let to = offset(&buf, align);
                buf[to - MARGIN..to + n + MARGIN].fill(0xa5);
                let p = unsafe { buf.as_mut_ptr().add(to) };
                assert_eq!(unsafe { (f.memset)(p, byte, n) }, p);
                assert!(
                    buf[to..to + n].iter().all(|&b| b == byte as u8),
                    "n={n} dst%64={align}"
                );
                assert!(
                    buf[to - MARGIN..to].iter().all(|&b| b == 0xa5),
                    "before, n={n}"
                );
                assert!(
                    buf[to + n..to + n + MARGIN].iter().all(|&b| b == 0xa5),
                    "behind, n={n}"
                );
            }
        }
    }
}

fn compares(f: &Functions) {
    let a = noise(1024);
    for n in 0..=300usize {
        for (s, d) in [(0, 0), (1, 0), (3, 5), (15, 1), (16, 8)] {
            let x = offset(&a, s);
            let mut b = noise(1024);
            let y = offset(&b, d);
            b[y..y + n].copy_from_slice(&a[x..x + n]);
            // What lies beyond must not matter.
            b[y - 1] = !a[x - 1];
            b[y + n] = !a[x + n];
            let call = |b: &[u8], f: Compare| unsafe { f(a.as_ptr().add(x), b.as_ptr().add(y), n) };
            assert_eq!(call(&b, f.memcmp), 0, "equal, n={n}");
            assert_eq!(call(&b, f.bcmp), 0, "equal, n={n}");
            for i in 0..n {
                let was = b[y + i];
                for other in [was ^ 0x80, was.wrapping_add(1)] {
                    b[y + i] = other;
                    // A later difference the other way must not win.
                    let last = b[y + n - 1];
                    if i < n - 1 {
                        b[y + n - 1] = if other > was { 0 } else { 0xff };
                    }
                    let want = was.cmp(&other);
                    assert_eq!(
                        call(&b, f.memcmp).cmp(&0),
                        want,
                        "n={n} i={i} src={s} dst={d}"
                    );
                    assert_ne!(call(&b, f.bcmp), 0, "n={n} i={i}");
                    b[y + n - 1] = last;
                    b[y + i] = was;
                }
            }
        }
    }
    let big = noise(1 << 20);
    let mut other = big.clone();
    for i in [0, 1, 4095, 70_000, (1 << 20) - 1] {
        other[i] ^= 1;
        let want = big[i].cmp(&other[i]);
        let got = unsafe { (f.memcmp)(big.as_ptr(), other.as_ptr(), big.len()) };
        assert_eq!(got.cmp(&0), want, "i={i}");
        other[i] ^= 1;
    }
}

/// All pairs of bytes, at the first and at the last place.
fn sign(f: &Functions) {
    for n in [1usize, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 64, 65, 130] {
        let mut a = vec![7u8; n];
        let mut b = vec![7u8; n];
        for i in [0, n - 1] {
            for x in 0..=255u8 {
                for y in 0..=255u8 {
                    (a[i], b[i]) = (x, y);
                    let got = unsafe { (f.memcmp)(a.as_ptr(), b.as_ptr(), n) };
                    assert_eq!(got.cmp(&0), x.cmp(&y), "n={n} i={i} x={x} y={y}");
                }
            }
            (a[i], b[i]) = (7, 7);
        }
    }
}

fn lengths(f: &Functions) {
    for n in 0..200 {
        for align in 0..33 {
            let mut s = vec![b'x'; 512];
            let at = offset(&s, align);
            s[..at].fill(0);
            s[at + n] = 0;
            assert_eq!(
                unsafe { (f.strlen)(s.as_ptr().add(at)) },
                n,
                "align={align}"
            );
        }
    }
}

/// Copies with what every processor has, and then with what this one has. Other
/// tests may run at the same time: they get the one or the other.
#[cfg(target_arch = "x86_64")]
#[test]
fn with_and_without_avx() {
    use core::sync::atomic::Ordering::Relaxed;

    for cpu in [1, 0] {
        super::x86_64::CPU.store(cpu, Relaxed);
        copies(&NATIVE);
        moves(&NATIVE);
        overlapping(&NATIVE);
        large(&NATIVE);
        sets(&NATIVE);
    }
}
