//! The border to C. Every exported function is one call of [`call`] or [`alone`]: no panic leaves it, and
//! what it returns is not negative, or one of the numbers here, or one that its own file documents.
//! What C gives is checked here as far as it can be: pointers that are null, text that is none.
#![expect(
    unsafe_code,
    reason = "reads and writes memory that the caller names by its address"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;

use multiprocessing_core::sys::bytes::{Bytes, BytesMut};

use crate::error::{self, Failure, Result, state};
use crate::member::{self, Tree};

/// The call failed: `mp_error_kind` and its neighbours say why.
pub const FAILED: i64 = -1;
/// A signal has come meanwhile, or may have: whoever waits looks after it, and calls again.
pub const INTERRUPTED: i64 = -2;
/// The time that was given is over.
pub const TIMED_OUT: i64 = -3;
/// What was asked for is not known (any more).
pub const UNKNOWN: i64 = -4;

/// What a function does that needs the tree: it fails before the process has joined, and in a process
/// that was forked from a member.
pub fn call(work: impl FnOnce(&'static Tree) -> Result<i64>) -> i64 {
    alone(|| work(member::tree()?))
}

/// What any other function does.
pub fn alone(work: impl FnOnce() -> Result<i64>) -> i64 {
    // What a panic leaves behind is whole: the core's locks are let go by value, and its words are atomic.
    let failure = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(outcome)) => return outcome,
        Ok(Err(failure)) => failure,
        Err(panic) => Failure::of_panic(&*panic),
    };
    error::keep(failure);
    FAILED
}

/// The `length` bytes at `start`, to be copied.
pub fn bytes<'a>(start: *const u8, length: u64) -> Result<Bytes<'a>> {
    let length = possible(start, length)?;
    // SAFETY: the caller has promised, by the header, that they can be read while the call lasts.
    Ok(unsafe { Bytes::from_raw(start, length) })
}

/// The `capacity` bytes at `start`, to be written.
pub fn target<'a>(start: *mut u8, capacity: u64) -> Result<BytesMut<'a>> {
    let capacity = possible(start.cast_const(), capacity)?;
    // SAFETY: the caller has promised, by the header, that they can be written while the call lasts, and
    // that nobody else uses them.
    Ok(unsafe { BytesMut::from_raw(start, capacity) })
}

/// The UTF-8 of `length` bytes at `start`.
pub fn text(start: *const u8, length: u64) -> Result<String> {
    String::from_utf8(bytes(start, length)?.to_vec())
        .map_err(|_| state("Cannot read a text: it is no UTF-8"))
}

/// Writes as much of `bytes` as has room, and returns how many there are.
pub fn give(given: &[u8], start: *mut u8, capacity: u64) -> Result<i64> {
    let room = possible(start.cast_const(), capacity)?.min(given.len());
    if room > 0 {
        // SAFETY: as of `target`; the source is another's memory.
        let target = unsafe { slice::from_raw_parts_mut(start, room) };
        target.copy_from_slice(&given[..room]);
    }
    Ok(given.len() as i64)
}

/// Stores `value` where the caller wants it; nowhere, if that is null.
pub fn put<T>(place: *mut T, value: T) {
    if !place.is_null() {
        // SAFETY: the caller has promised, by the header, that a value of this type has room there.
        unsafe { place.write_unaligned(value) };
    }
}

/// The `count` numbers at `start`.
pub fn numbers(start: *const u32, count: u64) -> Result<Vec<u32>> {
    let count = possible(start, count)?;
    let at = |index| {
        // SAFETY: as of `bytes`: one of `count` numbers.
        let place = unsafe { start.add(index) };
        // SAFETY: likewise; it need not be aligned.
        unsafe { place.read_unaligned() }
    };
    Ok((0..count).map(at).collect())
}

fn possible<T>(start: *const T, length: u64) -> Result<usize> {
    if start.is_null() && length > 0 {
        return Err(state("Cannot read or write at a null pointer"));
    }
    let length = usize::try_from(length).ok();
    length
        .filter(|&it| {
            it.checked_mul(size_of::<T>())
                .is_some_and(|it| it <= isize::MAX as usize)
        })
        .ok_or_else(|| state("Cannot read or write so many bytes: no memory has as many"))
}
