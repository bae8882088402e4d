//! Locks, semaphores, events, conditions and barriers, where JavaScript's own `Atomics` were not enough.

use std::time::Duration;

use multiprocessing_core::primitives::barrier::AwaitBarrier;
use multiprocessing_core::primitives::condition::{AwaitCondition, Waited};
use multiprocessing_core::primitives::event::AwaitEvent;
use multiprocessing_core::primitives::lock::{AcquireLock, acquired_number, acquired_of_number};
use multiprocessing_core::primitives::semaphore::AcquireSemaphore;
use multiprocessing_core::primitives::{Barrier, Condition, Event, Lock, Semaphore};
use multiprocessing_core::sync::{Acquired, Token};
use multiprocessing_core::sys::clock::deadline_after;
use multiprocessing_core::wait::Habit;
use napi_derive::napi;

use crate::abi::errors::{Result, to_js};
use crate::abi::numbers::{condition_outcome, outcome};
use crate::isolate;
use crate::port;
use crate::tree::tree;

/// Blocks this thread until it has the lock: [`outcome::READY`], or the token of the dead owner that it
/// was inherited from, or [`outcome::NOT_ACQUIRED`] when `timeout` milliseconds have passed.
pub fn lock_acquire(id: u32, timeout: f64) -> Result<i32> {
    let lock = Lock::open(&tree()?.member, id).map_err(to_js)?;
    let acquired = lock.acquire(deadline_after(timeout)).map_err(to_js)?;
    Ok(acquired.map_or(outcome::NOT_ACQUIRED, acquired_number))
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

/// Leaves a lock that this thread has had for somebody of that name who has ended: the next to acquire hears of that.
/// `false` if this thread does not have it.
#[napi]
pub fn lock_abandon(id: u32, name: String) -> Result<bool> {
    let lock = Lock::open(&tree()?.member, id).map_err(to_js)?;
    lock.abandon(&name).map_err(to_js)
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

fn semaphore(id: u32) -> Result<Semaphore<'static>> {
    Semaphore::open(&tree()?.member, id).map_err(to_js)
}

/// A new semaphore; its block.
pub fn semaphore_create(value: u32, max: u32) -> Result<u32> {
    let (_, block) = Semaphore::create(&tree()?.member, value, max).map_err(to_js)?;
    Ok(isolate::gain(block.id))
}

/// Blocks this thread until it has acquired; `false` when `timeout` milliseconds have passed.
pub fn semaphore_acquire(id: u32, timeout: f64) -> Result<bool> {
    Ok(semaphore(id)?.acquire(deadline_after(timeout)))
}

/// Acquires in the reactor; the ticket, whose outcome is one of [`outcome`].
pub fn semaphore_acquire_async(id: u32, timeout: f64) -> Result<u32> {
    let operation = AcquireSemaphore::new(&tree()?.member, id).map_err(to_js)?;
    port::submit(id, Box::new(operation), timeout, Some(semaphore_give_back))
}

/// Releases once, for an acquisition that nobody wants any more.
pub fn semaphore_give_back(id: u32, _outcome: i32) -> Result<()> {
    semaphore(id)?.release(1);
    Ok(())
}

/// Wakes up to `n` sleepers of a semaphore that JavaScript has released.
pub fn semaphore_wake(id: u32, n: u32) -> Result<()> {
    semaphore(id)?.wake(n);
    Ok(())
}

/// Adds `n` to the value; `false` if that would exceed the bound.
pub fn semaphore_release(id: u32, n: u32) -> Result<bool> {
    Ok(semaphore(id)?.release(n))
}

pub fn semaphore_value(id: u32) -> Result<u32> {
    Ok(semaphore(id)?.value())
}

pub fn semaphore_bound(id: u32) -> Result<u32> {
    Ok(semaphore(id)?.max())
}

/// What becomes of a waiter's habit by a wait of so many milliseconds that no look has ended.
pub fn habit_after(habit: u32, time: f64, has_looked: bool) -> u32 {
    let time = Duration::try_from_secs_f64(time / 1e3).unwrap_or(Duration::MAX);
    let habit = Habit::of_number(habit);
    habit.has_waited(time, has_looked).number()
}

fn event(id: u32) -> Result<Event<'static>> {
    Event::open(&tree()?.member, id).map_err(to_js)
}

/// A new event, not set; its block.
pub fn event_create() -> Result<u32> {
    let (_, block) = Event::create(&tree()?.member).map_err(to_js)?;
    Ok(isolate::gain(block.id))
}

/// Blocks this thread until the event is or was set; `false` when `timeout` milliseconds have
/// passed.
pub fn event_wait(id: u32, timeout: f64) -> Result<bool> {
    Ok(event(id)?.wait(deadline_after(timeout)))
}

/// Waits in the reactor until the event is or was set; the ticket, whose outcome is as of
/// [`semaphore_acquire_async`].
pub fn event_await(id: u32, timeout: f64) -> Result<u32> {
    let operation = AwaitEvent::new(&tree()?.member, id).map_err(to_js)?;
    port::submit(id, Box::new(operation), timeout, None)
}

/// Wakes all sleepers of an event that JavaScript has set.
pub fn event_wake(id: u32) -> Result<()> {
    event(id)?.wake();
    Ok(())
}

pub fn event_set(id: u32) -> Result<()> {
    event(id)?.set();
    Ok(())
}

pub fn event_clear(id: u32) -> Result<()> {
    event(id)?.clear();
    Ok(())
}

pub fn event_is_set(id: u32) -> Result<bool> {
    Ok(event(id)?.is_set())
}

fn condition(id: u32) -> Result<Condition<'static>> {
    Condition::open(&tree()?.member, id).map_err(to_js)
}

/// A new condition on a lock; its block.
pub fn condition_create(lock: u32) -> Result<u32> {
    let (_, block) = Condition::create(&tree()?.member, lock).map_err(to_js)?;
    Ok(isolate::gain(block.id))
}

/// Releases the lock, blocks this thread until it is notified or `timeout` milliseconds have
/// passed, and then until it has the lock again: a number as of [`Waited::number`], or
/// `condition_outcome::NOT_OWNER`.
pub fn condition_wait(id: u32, timeout: f64) -> Result<f64> {
    let waited = condition(id)?
        .wait(deadline_after(timeout))
        .map_err(to_js)?;
    Ok(waited
        .map_or(condition_outcome::NOT_OWNER, Waited::number)
        .into())
}

/// Releases the lock and waits in the reactor; the ticket, whose outcome is as of
/// [`AwaitCondition`], or `condition_outcome::NOT_OWNER`. It is to be hastened; if it is cancelled, the lock is not ours.
pub fn condition_await(id: u32, timeout: f64) -> Result<f64> {
    match AwaitCondition::new(&tree()?.member, id).map_err(to_js)? {
        Some(operation) => {
            port::submit(id, Box::new(operation), timeout, Some(condition_give_back)).map(f64::from)
        }
        None => Ok(condition_outcome::NOT_OWNER.into()),
    }
}

/// Lets go of the lock that a wait with that outcome has got back.
fn condition_give_back(id: u32, outcome: i32) -> Result<()> {
    let lock = condition(id)?.lock().map_err(to_js)?;
    if let acquired @ Acquired::FromDead(_) = Waited::of_number(outcome).acquired {
        return lock.give_back(acquired).map_err(to_js);
    }
    if lock.is_mine().map_err(to_js)? {
        lock.release_fully();
    }
    Ok(())
}

/// Notifies the `n` that have waited longest; how many there were, or `condition_outcome::NOT_OWNER`.
pub fn condition_notify(id: u32, n: u32) -> Result<f64> {
    let notified = condition(id)?.notify(n).map_err(to_js)?;
    Ok(notified.map_or(condition_outcome::NOT_OWNER.into(), f64::from))
}

/// How many wait.
pub fn condition_waiters(id: u32) -> Result<u32> {
    let waiters = condition(id)?.waiters().map_err(to_js)?;
    Ok(waiters as u32)
}

fn barrier(id: u32) -> Result<Barrier<'static>> {
    Barrier::open(&tree()?.member, id).map_err(to_js)
}

/// A new barrier; its block.
pub fn barrier_create(parties: u32) -> Result<u32> {
    let (_, block) = Barrier::create(&tree()?.member, parties).map_err(to_js)?;
    Ok(isolate::gain(block.id))
}

/// Blocks this thread until all parties have arrived: a number as of `BarrierOutcome::number`. After
/// `timeout` milliseconds the barrier is broken.
pub fn barrier_wait(id: u32, has_action: bool, timeout: f64) -> Result<i32> {
    let outcome = barrier(id)?
        .wait(has_action, deadline_after(timeout))
        .map_err(to_js)?;
    Ok(outcome.number())
}

/// Waits in the reactor until all parties have arrived; the ticket, whose outcome is as of
/// [`AwaitBarrier`]. It is to be hastened, not cancelled.
pub fn barrier_await(id: u32, has_action: bool, timeout: f64) -> Result<u32> {
    let operation = AwaitBarrier::new(&tree()?.member, id, has_action).map_err(to_js)?;
    port::submit(id, Box::new(operation), timeout, None)
}

/// Releases the others after the action; `false` if the barrier was broken or reset meanwhile.
pub fn barrier_release(id: u32, slot: u32) -> Result<bool> {
    barrier(id)?.release(slot).map_err(to_js)
}

/// Breaks the barrier; `slot` is that of the party whose action failed, or
/// [`NO_SLOT`](crate::abi::numbers::barrier_outcome::NO_SLOT).
pub fn barrier_abort(id: u32, slot: f64) -> Result<()> {
    let slot = (slot >= 0.0).then_some(slot as u32);
    barrier(id)?.abort(slot).map_err(to_js)
}

/// Makes the barrier as new: waiting parties fail.
pub fn barrier_reset(id: u32) -> Result<()> {
    barrier(id)?.reset();
    Ok(())
}

pub fn barrier_parties(id: u32) -> Result<u32> {
    Ok(barrier(id)?.parties())
}

/// How many wait for the others.
pub fn barrier_waiting(id: u32) -> Result<u32> {
    Ok(barrier(id)?.waiting())
}

/// The token of the party whose death has broken the barrier; 0: of none.
pub fn barrier_culprit(id: u32) -> Result<u32> {
    Ok(barrier(id)?.culprit().map_or(0, Token::get))
}

pub fn barrier_is_broken(id: u32) -> Result<bool> {
    Ok(barrier(id)?.is_broken())
}
