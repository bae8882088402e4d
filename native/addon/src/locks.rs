//! Locks, where JavaScript's own `Atomics` were not enough.

use multiprocessing_core::primitives::Lock;
use multiprocessing_core::primitives::lock::{AcquireLock, acquired_number, acquired_of_number};
use multiprocessing_core::sync::Token;
use multiprocessing_core::sys::clock::deadline_after;
use napi_derive::napi;

use crate::errors::{Result, to_js};
use crate::port;
use crate::tree::tree;

/// Blocks this thread until it has the lock: 0, or the token of the dead owner it was inherited
/// from, or -1 when `timeout` milliseconds have passed.
pub fn lock_acquire(id: u32, timeout: f64) -> Result<i32> {
    let lock = Lock::open(&tree()?.member, id).map_err(to_js)?;
    let acquired = lock.acquire(deadline_after(timeout)).map_err(to_js)?;
    Ok(acquired.map_or(-1, acquired_number))
}

/// Waits for the lock in the reactor; the ticket, whose outcome is as of [`lock_acquire`], or
/// `TIMED_OUT`.
#[napi]
pub fn lock_acquire_async(id: u32, timeout: f64) -> Result<u32> {
    let operation = AcquireLock::new(&tree()?.member, id).map_err(to_js)?;
    port::submit(id, Box::new(operation), timeout, Some(give_back))
}

/// Gives back what a wait with that outcome acquired; the next to acquire still hears of a death.
pub fn give_back(id: u32, outcome: i32) -> Result<()> {
    let lock = Lock::open(&tree()?.member, id).map_err(to_js)?;
    lock.give_back(acquired_of_number(outcome)).map_err(to_js)
}

/// Releases one level; `false` if it was not held, or not by this thread where that matters.
pub fn lock_release(id: u32) -> Result<bool> {
    Lock::open(&tree()?.member, id)
        .map_err(to_js)?
        .release()
        .map_err(to_js)
}

/// The token of the thread that holds the lock; 0 if it is free.
pub fn lock_owner(id: u32) -> Result<u32> {
    let lock = Lock::open(&tree()?.member, id).map_err(to_js)?;
    Ok(lock.owner().map_or(0, Token::get))
}

/// How often an RLock was acquired beyond the first time.
pub fn lock_depth(id: u32) -> Result<u32> {
    let lock = Lock::open(&tree()?.member, id).map_err(to_js)?;
    Ok(lock.depth())
}

/// Wakes one sleeper of a lock that JavaScript has released.
pub fn lock_wake(id: u32) -> Result<()> {
    let member = &tree()?.member;
    Lock::open(member, id).map_err(to_js)?.wake_one();
    Ok(())
}
