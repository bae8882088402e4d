//! Locks, semaphores, events, conditions and barriers, as functions of C. What they do is in the core
//! ([`multiprocessing_core::primitives`]); what each gives back, in multiprocessing.h.
//!
//! A wait of the main thread comes back for signals ([`Watch`]), and is called again. What a wait must remember from one
//! call to the next is a number that the caller keeps (an event's moment), or is kept here, in the waiting thread, under a
//! number ([`PENDING`]).
#![expect(unsafe_code, reason = "names that the dynamic linker finds")]

use std::cell::RefCell;
use std::collections::HashMap;

use multiprocessing_core::memory::heap::BlockId;
use multiprocessing_core::primitives::barrier::BarrierOutcome;
use multiprocessing_core::primitives::condition::Wait;
use multiprocessing_core::primitives::lock::acquired_number;
use multiprocessing_core::primitives::{Barrier, Condition, Event, Lock, Semaphore};
use multiprocessing_core::sync::barrier::Place;
use multiprocessing_core::sync::event::Moment;
use multiprocessing_core::sync::{Acquirer, Attempt, Step, Token};
use multiprocessing_core::sys::clock::deadline_after;
use multiprocessing_core::tree::member::Member;

use crate::border::{self, INTERRUPTED, TIMED_OUT};
use crate::error::{self, Failure, Result};
use crate::waiting::Watch;

/// Not held, or not by the calling thread where that matters; a release of too many.
pub const NOT_HELD: i64 = -50;
/// The barrier was or is broken.
pub const BROKEN: i64 = -51;
/// All parties have arrived; this one runs the action.
pub const RUNS_ACTION: i64 = -52;
/// There is no wait of that number.
pub const NO_WAIT: i64 = -53;

/// Takes the lock if it is free, or goes deeper into an RLock of this thread, without looking whether its owner lives.
#[unsafe(no_mangle)]
pub extern "C" fn mp_lock_try(lock: u32) -> i64 {
    border::call(|tree| {
        let me = Acquirer {
            token: tree.member.token()?,
            attempt: Attempt::default(),
            has_died: &|_| false,
        };
        Ok(match Lock::open(&tree.member, lock)?.acquire_step(&me) {
            Step::Ready(acquired) => acquired_number(acquired).into(),
            Step::Sleep(_) => TIMED_OUT,
        })
    })
}

/// Waits until this thread has the lock.
#[unsafe(no_mangle)]
pub extern "C" fn mp_lock_acquire(lock: u32, timeout: f64) -> i64 {
    border::call(|tree| {
        let watch = Watch::begin();
        let acquired = Lock::open(&tree.member, lock)?.acquire(deadline_after(timeout))?;
        Ok(acquired.map_or_else(|| watch.nothing(), |it| acquired_number(it).into()))
    })
}

/// Lets go of one level.
#[unsafe(no_mangle)]
pub extern "C" fn mp_lock_release(lock: u32) -> i64 {
    border::call(|tree| match Lock::open(&tree.member, lock)?.release()? {
        true => Ok(0),
        false => Ok(NOT_HELD),
    })
}

/// The token of who has it; 0: nobody.
#[unsafe(no_mangle)]
pub extern "C" fn mp_lock_owner(lock: u32) -> i64 {
    border::call(|tree| Ok(token_number(Lock::open(&tree.member, lock)?.owner())))
}

/// How often the calling thread has it; 0: it is not the owner.
#[unsafe(no_mangle)]
pub extern "C" fn mp_lock_levels(lock: u32) -> i64 {
    border::call(|tree| {
        let lock = Lock::open(&tree.member, lock)?;
        Ok(match lock.is_mine()? {
            true => i64::from(lock.depth()) + 1,
            false => 0,
        })
    })
}

fn token_number(token: Option<Token>) -> i64 {
    token.map_or(0, Token::get).into()
}

/// A new semaphore; its block.
#[unsafe(no_mangle)]
pub extern "C" fn mp_semaphore_create(value: u32, bound: u32) -> i64 {
    border::call(|tree| {
        let (_, block) = Semaphore::create(&tree.member, value, bound)?;
        Ok(block.id.into())
    })
}

/// Takes one from the value if it is above 0.
#[unsafe(no_mangle)]
pub extern "C" fn mp_semaphore_try(semaphore: u32) -> i64 {
    border::call(
        |tree| match Semaphore::open(&tree.member, semaphore)?.try_acquire() {
            true => Ok(0),
            false => Ok(TIMED_OUT),
        },
    )
}

/// Waits until the value is above 0 and takes one from it.
#[unsafe(no_mangle)]
pub extern "C" fn mp_semaphore_acquire(semaphore: u32, timeout: f64) -> i64 {
    border::call(|tree| {
        let watch = Watch::begin();
        let acquired = Semaphore::open(&tree.member, semaphore)?.acquire(deadline_after(timeout));
        Ok(if acquired { 0 } else { watch.nothing() })
    })
}

/// Adds to the value, unless that would exceed the bound.
#[unsafe(no_mangle)]
pub extern "C" fn mp_semaphore_release(semaphore: u32, count: u32) -> i64 {
    border::call(
        |tree| match Semaphore::open(&tree.member, semaphore)?.release(count) {
            true => Ok(0),
            false => Ok(NOT_HELD),
        },
    )
}

/// The value.
#[unsafe(no_mangle)]
pub extern "C" fn mp_semaphore_value(semaphore: u32) -> i64 {
    border::call(|tree| Ok(Semaphore::open(&tree.member, semaphore)?.value().into()))
}

/// The bound.
#[unsafe(no_mangle)]
pub extern "C" fn mp_semaphore_bound(semaphore: u32) -> i64 {
    border::call(|tree| Ok(Semaphore::open(&tree.member, semaphore)?.max().into()))
}

/// A new event that is not set; its block.
#[unsafe(no_mangle)]
pub extern "C" fn mp_event_create() -> i64 {
    border::call(|tree| {
        let (_, block) = Event::create(&tree.member)?;
        Ok(block.id.into())
    })
}

/// 1 if it is set, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn mp_event_is_set(event: u32) -> i64 {
    border::call(|tree| Ok(Event::open(&tree.member, event)?.is_set().into()))
}

/// Sets it.
#[unsafe(no_mangle)]
pub extern "C" fn mp_event_set(event: u32) -> i64 {
    border::call(|tree| {
        Event::open(&tree.member, event)?.set();
        Ok(0)
    })
}

/// Clears it.
#[unsafe(no_mangle)]
pub extern "C" fn mp_event_clear(event: u32) -> i64 {
    border::call(|tree| {
        Event::open(&tree.member, event)?.clear();
        Ok(0)
    })
}

/// The moment from which on a set ends a wait that begins now.
#[unsafe(no_mangle)]
pub extern "C" fn mp_event_moment(event: u32) -> i64 {
    border::call(|tree| Ok(Event::open(&tree.member, event)?.now().number().into()))
}

/// Waits until it is set, or was set since that moment.
#[unsafe(no_mangle)]
pub extern "C" fn mp_event_wait(event: u32, moment: u32, timeout: f64) -> i64 {
    border::call(|tree| {
        let watch = Watch::begin();
        let event = Event::open(&tree.member, event)?;
        let was_set = event.wait_since(Moment::of_number(moment), deadline_after(timeout));
        Ok(if was_set { 0 } else { watch.nothing() })
    })
}

/// What a thread of this process waits for in several calls.
enum Pending {
    Condition {
        condition: BlockId,
        wait: Wait,
        /// Whether it has been notified; `None` as long as it waits for that.
        notified: Option<bool>,
    },
    Barrier {
        barrier: BlockId,
        has_action: bool,
        place: Option<Place>,
        /// That of a party which runs the action.
        slot: Option<u32>,
    },
}

thread_local! {
    /// The waits of this thread by their numbers: a handler of a signal may wait within a wait.
    static PENDING: RefCell<HashMap<u32, Pending>> = RefCell::default();
}

/// The wait of that number, which is not kept any more.
fn take(number: u32) -> Option<Pending> {
    PENDING.with_borrow_mut(|waits| waits.remove(&number))
}

fn keep(number: u32, pending: Pending) {
    PENDING.with_borrow_mut(|waits| waits.insert(number, pending));
}

/// Fails if this thread has a wait of that number: it would not come to its end.
fn require_new(number: u32) -> Result<()> {
    match PENDING.with_borrow(|waits| waits.contains_key(&number)) {
        true => Err(error::state(
            "Cannot begin a wait: this thread has one of that number",
        )),
        false => Ok(()),
    }
}

fn no_wait() -> Failure {
    error::state("Cannot wait: this thread has no wait of that number")
}

/// A new condition on a lock; its block.
#[unsafe(no_mangle)]
pub extern "C" fn mp_condition_create(lock: u32) -> i64 {
    border::call(|tree| {
        let (_, block) = Condition::create(&tree.member, lock)?;
        Ok(block.id.into())
    })
}

/// Begins a wait under that number and lets go of the lock, all its levels.
#[unsafe(no_mangle)]
pub extern "C" fn mp_condition_begin(condition: u32, wait: u32) -> i64 {
    border::call(|tree| {
        require_new(wait)?;
        let Some(begun) = Condition::open(&tree.member, condition)?.begin()? else {
            return Ok(NOT_HELD);
        };
        let pending = Pending::Condition {
            condition,
            wait: begun,
            notified: None,
        };
        keep(wait, pending);
        Ok(0)
    })
}

/// Waits until it is notified: 1; or its time is up: 0.
#[unsafe(no_mangle)]
pub extern "C" fn mp_condition_wait(wait: u32, timeout: f64) -> i64 {
    border::call(|tree| {
        let mut pending = take(wait).ok_or_else(no_wait)?;
        let outcome = await_notification(&tree.member, &mut pending, timeout);
        keep(wait, pending);
        outcome
    })
}

fn await_notification(member: &Member, pending: &mut Pending, timeout: f64) -> Result<i64> {
    let Pending::Condition {
        condition,
        wait,
        notified,
    } = pending
    else {
        return Err(no_wait());
    };
    let condition = Condition::open(member, *condition)?;
    let watch = Watch::begin();
    if condition.await_notification(wait, deadline_after(timeout))? {
        *notified = Some(true);
    } else if watch.was_interrupted() {
        return Ok(INTERRUPTED);
    } else {
        *notified = Some(!wait.withdraw(condition));
    }
    Ok(i64::from(*notified == Some(true)))
}

/// Waits until the lock, all its levels, is this thread's again. Then the wait is over. A notification of which the caller
/// does not know is another's.
#[unsafe(no_mangle)]
pub extern "C" fn mp_condition_end(wait: u32, knows: bool) -> i64 {
    border::call(|tree| {
        let Some(pending) = take(wait) else {
            return Ok(NO_WAIT);
        };
        let Pending::Condition {
            condition: id,
            wait: begun,
            notified,
        } = &pending
        else {
            return Err(no_wait());
        };
        let condition = Condition::open(&tree.member, *id)?;
        let watch = Watch::begin();
        let Some(acquired) = condition.lock()?.acquire(None)? else {
            keep(wait, pending);
            return Ok(watch.nothing());
        };
        if !knows {
            begun.abandon(condition);
        }
        begun.finish(condition, knows && *notified == Some(true))?;
        Ok(acquired_number(acquired).into())
    })
}

/// Notifies those `count` that have waited longest; how many there were.
#[unsafe(no_mangle)]
pub extern "C" fn mp_condition_notify(condition: u32, count: u32) -> i64 {
    border::call(|tree| {
        let notified = Condition::open(&tree.member, condition)?.notify(count)?;
        Ok(notified.map_or(NOT_HELD, i64::from))
    })
}

/// How many wait.
#[unsafe(no_mangle)]
pub extern "C" fn mp_condition_waiters(condition: u32) -> i64 {
    border::call(|tree| Ok(Condition::open(&tree.member, condition)?.waiters()? as i64))
}

/// A new barrier; its block.
#[unsafe(no_mangle)]
pub extern "C" fn mp_barrier_create(parties: u32) -> i64 {
    border::call(|tree| {
        let (_, block) = Barrier::create(&tree.member, parties)?;
        Ok(block.id.into())
    })
}

/// Begins a wait under that number.
#[unsafe(no_mangle)]
pub extern "C" fn mp_barrier_begin(barrier: u32, wait: u32, has_action: bool) -> i64 {
    border::call(|tree| {
        require_new(wait)?;
        Barrier::open(&tree.member, barrier)?;
        let pending = Pending::Barrier {
            barrier,
            has_action,
            place: None,
            slot: None,
        };
        keep(wait, pending);
        Ok(0)
    })
}

/// Waits until all parties have arrived: as what number this one came. Unless it is interrupted, or the party runs the
/// action, the wait is over then.
#[unsafe(no_mangle)]
pub extern "C" fn mp_barrier_wait(wait: u32, timeout: f64) -> i64 {
    border::call(|tree| {
        let Some(Pending::Barrier {
            barrier,
            has_action,
            mut place,
            slot: None,
        }) = take(wait)
        else {
            return Err(no_wait());
        };
        let opened = Barrier::open(&tree.member, barrier)?;
        let watch = Watch::begin();
        let outcome = opened.wait_at(&mut place, has_action, deadline_after(timeout))?;
        if outcome.is_none() && !watch.was_interrupted() {
            return Ok(index_or_broken(opened.give_up(place)));
        }
        let slot = match outcome {
            None => None,
            Some(BarrierOutcome::RunsAction { slot }) => Some(slot),
            Some(outcome) => return Ok(index_or_broken(outcome)),
        };
        let pending = Pending::Barrier {
            barrier,
            has_action,
            place,
            slot,
        };
        keep(wait, pending);
        Ok(slot.map_or(INTERRUPTED, |_| RUNS_ACTION))
    })
}

fn index_or_broken(outcome: BarrierOutcome) -> i64 {
    match outcome {
        BarrierOutcome::Passed { index } => index.into(),
        BarrierOutcome::RunsAction { .. } | BarrierOutcome::Broken => BROKEN,
    }
}

/// The action of the party that waits under that number has run: lets the others go.
#[unsafe(no_mangle)]
pub extern "C" fn mp_barrier_release(wait: u32) -> i64 {
    border::call(|tree| {
        let Some(Pending::Barrier {
            barrier,
            slot: Some(slot),
            ..
        }) = take(wait)
        else {
            return Err(no_wait());
        };
        match Barrier::open(&tree.member, barrier)?.release(slot)? {
            true => Ok(0),
            false => Ok(BROKEN),
        }
    })
}

/// Gives up a wait, if it is not over: the barrier is broken, unless all had arrived.
#[unsafe(no_mangle)]
pub extern "C" fn mp_barrier_give_up(wait: u32) -> i64 {
    border::call(|tree| {
        if let Some(Pending::Barrier {
            barrier,
            place,
            slot,
            ..
        }) = take(wait)
        {
            let barrier = Barrier::open(&tree.member, barrier)?;
            match slot {
                Some(_) => barrier.abort(slot)?,
                None if place.is_some() => drop(barrier.give_up(place)),
                None => {}
            }
        }
        Ok(0)
    })
}

/// Breaks it.
#[unsafe(no_mangle)]
pub extern "C" fn mp_barrier_abort(barrier: u32) -> i64 {
    border::call(|tree| {
        Barrier::open(&tree.member, barrier)?.abort(None)?;
        Ok(0)
    })
}

/// Makes it as new.
#[unsafe(no_mangle)]
pub extern "C" fn mp_barrier_reset(barrier: u32) -> i64 {
    border::call(|tree| {
        Barrier::open(&tree.member, barrier)?.reset();
        Ok(0)
    })
}

/// How many must arrive.
#[unsafe(no_mangle)]
pub extern "C" fn mp_barrier_parties(barrier: u32) -> i64 {
    border::call(|tree| Ok(Barrier::open(&tree.member, barrier)?.parties().into()))
}

/// How many wait.
#[unsafe(no_mangle)]
pub extern "C" fn mp_barrier_waiting(barrier: u32) -> i64 {
    border::call(|tree| Ok(Barrier::open(&tree.member, barrier)?.waiting().into()))
}

/// 1 if it is broken, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn mp_barrier_is_broken(barrier: u32) -> i64 {
    border::call(|tree| Ok(Barrier::open(&tree.member, barrier)?.is_broken().into()))
}

/// The token of the party whose death has broken it; 0: of none.
#[unsafe(no_mangle)]
pub extern "C" fn mp_barrier_culprit(barrier: u32) -> i64 {
    border::call(|tree| {
        Ok(token_number(
            Barrier::open(&tree.member, barrier)?.culprit(),
        ))
    })
}
