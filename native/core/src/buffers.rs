//! Memory of large received messages, used again: fresh memory costs a page fault for every 4 KiB,
//! which is several times what the copy costs.

use std::sync::{Mutex, PoisonError};

/// Smaller ones are the allocator's business.
const SMALLEST: usize = 128 * 1024;
/// What is kept in all.
const KEPT: usize = 32 * 1024 * 1024;

static SPARE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// An empty vector with room for `len` bytes.
pub fn take(len: usize) -> Vec<u8> {
    spare(len).unwrap_or_else(|| Vec::with_capacity(len))
}

/// As [`take`], if no memory has to be had for it.
pub fn spare(len: usize) -> Option<Vec<u8>> {
    if len < SMALLEST {
        return None;
    }
    let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
    // Not one that is far too large: a short message would keep it for long.
    let fits = |buffer: &Vec<u8>| (len..=len.saturating_mul(2)).contains(&buffer.capacity());
    let index = spare.iter().rposition(fits)?;
    Some(spare.swap_remove(index))
}

/// Takes back what is no longer needed, the oldest making room for it.
pub fn give(mut buffer: Vec<u8>) {
    if !(SMALLEST..=KEPT).contains(&buffer.capacity()) {
        return;
    }
    buffer.clear();
    let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
    spare.push(buffer);
    let mut kept: usize = spare.iter().map(Vec::capacity).sum();
    while kept > KEPT {
        kept -= spare.remove(0).capacity();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_returned_buffer_is_taken_again_and_no_more_than_the_limit_is_kept() {
        let buffer = Vec::with_capacity(300_000);
        let address = buffer.as_ptr();
        give(buffer);
        let again = take(250_000);
        assert_eq!(again.as_ptr(), address);
        for _ in 0..100 {
            give(vec![1; 1024 * 1024]);
        }
        let kept: usize = SPARE.lock().unwrap().iter().map(Vec::capacity).sum();
        assert!(kept <= KEPT && kept > KEPT / 2);
        assert!(take(1024 * 1024).is_empty());
    }
}
