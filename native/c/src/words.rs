//! Words of 32 bits in shared memory, read and changed as one: what JavaScript's `Atomics` does with an
//! `Int32Array`. A pool and its workers say by them what each is at.
#![expect(unsafe_code, reason = "a word is at an address that the caller gives")]

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;

use crate::border;
use crate::error::{Result, state};

/// The word at an address.
fn word<'a>(at: *mut u32) -> Result<&'a AtomicU32> {
    if at.is_null() || !at.is_aligned() {
        return Err(state(
            "Cannot use a word: its address is not one of 32 bits",
        ));
    }
    // SAFETY: aligned and not null; the caller says that it is in shared memory that stays mapped during the
    // call, and all who use it do so by atomic operations.
    Ok(unsafe { AtomicU32::from_ptr(at) })
}

/// The word at `at`.
#[unsafe(no_mangle)]
pub extern "C" fn mp_word_load(at: *mut u32) -> i64 {
    border::alone(|| Ok(word(at)?.load(SeqCst).into()))
}

/// Makes the word at `at` that value; 0.
#[unsafe(no_mangle)]
pub extern "C" fn mp_word_store(at: *mut u32, value: u32) -> i64 {
    border::alone(|| {
        word(at)?.store(value, SeqCst);
        Ok(0)
    })
}

/// Makes the word at `at` `value` if it is `expected`; what it was.
#[unsafe(no_mangle)]
pub extern "C" fn mp_word_compare_exchange(at: *mut u32, expected: u32, value: u32) -> i64 {
    border::alone(|| {
        let was = word(at)?.compare_exchange(expected, value, SeqCst, SeqCst);
        Ok(was.unwrap_or_else(|was| was).into())
    })
}
