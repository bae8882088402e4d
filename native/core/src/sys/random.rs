//! `getrandom(2)`.

use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

/// Bytes that nobody can guess.
pub fn secret<const N: usize>() -> Result<[u8; N], Errno> {
    let mut secret = [0; N];
    getrandom(&mut secret[..], GetRandomFlags::empty())?;
    Ok(secret)
}
