//! Queues. What is short is put and taken without giving up the language's lock; what may wait is called again
//! without it.
#![expect(unsafe_code, reason = "names that the dynamic linker finds")]

use std::cell::RefCell;

use multiprocessing_core::memory::heap::Hold;
use multiprocessing_core::queue::{Joined, Message, Put, Queue, Take};
use multiprocessing_core::sync::Token;
use multiprocessing_core::sys::clock::deadline_after;

use crate::border::{self, INTERRUPTED};
use crate::error::{Result, state};
use crate::member::Tree;
use crate::waiting::Watch;

/// Nothing is there, or there is no room.
pub const QUEUE_WOULD_WAIT: i64 = -10;
pub const QUEUE_SHUT_DOWN: i64 = -11;
/// Nobody is left who could end the wait.
pub const QUEUE_ORPHANED: i64 = -12;
/// Who took messages has ended without acknowledging them.
pub const QUEUE_ABANDONED: i64 = -13;

/// What the number of a taken message is made of, above the 32 bits of its length.
const TAG: i64 = 1 << 32;
const ATTACHED: i64 = 1 << 40;
const TOO_LONG: i64 = 1 << 41;

/// Bytes of the longest run.
const LONGEST_RUN: usize = 64 * 1024;

thread_local! {
    /// What the message speaks of that this thread has taken last.
    static TAKEN: RefCell<Vec<Hold>> = const { RefCell::new(Vec::new()) };
    /// Where a run is put together.
    static RUN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

fn queue(tree: &'static Tree, block: u32) -> Result<Queue<'static>> {
    Ok(Queue::open(&tree.member, block)?)
}

/// Keeps what a message speaks of for [`mp_queue_attached`]. What is there of the one before was never asked
/// for: the caller was interrupted in between.
fn keep(tree: &Tree, attachments: Vec<Hold>) -> Result<()> {
    let forgotten = TAKEN.replace(Vec::new());
    if !forgotten.is_empty() && tree.member.withdraw(&forgotten) {
        tree.member.unpin(&forgotten)?;
    }
    tree.member.bring(&attachments)?;
    TAKEN.set(attachments);
    Ok(())
}

fn number_of(tree: &Tree, take: Take, watch: Option<&Watch>) -> Result<i64> {
    let taken = match take {
        Take::Message(taken) => taken,
        Take::TooLong(length) => return Ok(TOO_LONG + length as i64),
        Take::Empty if watch.is_some_and(Watch::was_interrupted) => return Ok(INTERRUPTED),
        Take::Empty | Take::Refused => return Ok(QUEUE_WOULD_WAIT),
        Take::ShutDown => return Ok(QUEUE_SHUT_DOWN),
        Take::Orphaned => return Ok(QUEUE_ORPHANED),
    };
    let number = taken.length as i64 + i64::from(taken.tag) * TAG;
    if taken.attachments.is_empty() {
        return Ok(number);
    }
    keep(tree, taken.attachments)?;
    Ok(number + ATTACHED)
}

fn number_of_put(put: Put, watch: Option<&Watch>) -> i64 {
    match put {
        Put::Done => 0,
        Put::Full if watch.is_some_and(Watch::was_interrupted) => INTERRUPTED,
        Put::Full => QUEUE_WOULD_WAIT,
        Put::ShutDown => QUEUE_SHUT_DOWN,
        Put::Orphaned => QUEUE_ORPHANED,
    }
}

/// Whether such a timeout is none: NaN counts as 0.
fn does_not_wait(timeout: f64) -> bool {
    timeout.is_nan() || timeout <= 0.0
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_queue_create(maxsize: u32, joinable: u32) -> i64 {
    border::call(|tree| {
        let (_, block) = Queue::create(&tree.member, maxsize, joinable != 0)?;
        Ok(block.id.into())
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_queue_put(
    block: u32,
    tag: u32,
    bytes: *const u8,
    length: u64,
    attachments: *const u32,
    attached: u64,
    timeout: f64,
) -> i64 {
    border::call(|tree| {
        let queue = queue(tree, block)?;
        let attachments = border::numbers(attachments, attached)?;
        let message = Message {
            tag: u8::try_from(tag)
                .map_err(|_| state("Cannot put a message: its tag has 8 bits"))?,
            head: (&[]).into(),
            bytes: border::bytes(bytes, length)?,
            attachments: &attachments,
        };
        let put = queue.try_put(&message)?;
        if put != Put::Full || does_not_wait(timeout) {
            return Ok(number_of_put(put, None));
        }
        let watch = Watch::begin();
        let put = queue.put(&message, deadline_after(timeout))?;
        Ok(number_of_put(put, Some(&watch)))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_queue_get(block: u32, to: *mut u8, capacity: u64, timeout: f64) -> i64 {
    border::call(|tree| {
        let queue = queue(tree, block)?;
        let target = border::target(to, capacity)?;
        let take = queue.try_take(target)?;
        if take != Take::Empty || does_not_wait(timeout) {
            return number_of(tree, take, None);
        }
        let watch = Watch::begin();
        let deadline = deadline_after(timeout);
        let take = queue.take(target, deadline, deadline.is_none())?;
        number_of(tree, take, Some(&watch))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_queue_put_run(block: u32, run: *const u8, length: u64, timeout: f64) -> i64 {
    border::call(|tree| {
        let queue = queue(tree, block)?;
        let run = border::bytes(run, length)?;
        if run.len() > LONGEST_RUN {
            return Err(state(format!(
                "Cannot put a run: it has more than {LONGEST_RUN} bytes"
            )));
        }
        let told = |count: u32, put: Put, watch: Option<&Watch>| match count {
            0 => number_of_put(put, watch),
            _ => count.into(),
        };
        RUN.with_borrow_mut(|copy| {
            copy.clear();
            run.append_to(copy);
            let (count, put) = queue.try_put_run(copy)?;
            if count > 0 || put != Put::Full || does_not_wait(timeout) {
                return Ok(told(count, put, None));
            }
            let watch = Watch::begin();
            let (count, put) = queue.put_run(copy, deadline_after(timeout))?;
            Ok(told(count, put, Some(&watch)))
        })
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_queue_get_run(block: u32, to: *mut u8, capacity: u64, most: u32) -> i64 {
    border::call(|tree| {
        let queue = queue(tree, block)?;
        let target = border::target(to, capacity)?;
        RUN.with_borrow_mut(|copy| {
            copy.resize(target.len().min(LONGEST_RUN), 0);
            let (count, attachments) = queue.try_take_run(copy, most)?;
            target.fill(copy);
            if attachments.is_empty() {
                return Ok(count.into());
            }
            keep(tree, attachments)?;
            Ok(i64::from(count) + ATTACHED)
        })
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_queue_attached(holds: *mut u32, capacity: u64) -> i64 {
    border::call(|_| {
        let taken = TAKEN.with_borrow(Vec::len);
        if taken as u64 > capacity {
            return Ok(taken as i64);
        }
        let holds = |index: usize, hold: &Hold| border::put(holds.wrapping_add(index), hold.0);
        let taken = TAKEN.take();
        taken
            .iter()
            .enumerate()
            .for_each(|(index, hold)| holds(index, hold));
        Ok(taken.len() as i64)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_queue_unpin(holds: *const u32, count: u64) -> i64 {
    border::call(|tree| {
        let holds: Vec<_> = border::numbers(holds, count)?
            .into_iter()
            .map(Hold)
            .collect();
        if !tree.member.withdraw(&holds) {
            return Err(state(
                "Cannot let go of attachments: no message has brought them",
            ));
        }
        tree.member.unpin(&holds)?;
        Ok(0)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_queue_size(block: u32) -> i64 {
    border::call(|tree| Ok(queue(tree, block)?.len().into()))
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_queue_maxsize(block: u32) -> i64 {
    border::call(|tree| Ok(queue(tree, block)?.maxsize().into()))
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_queue_is_kept(block: u32) -> i64 {
    border::call(|tree| Ok(queue(tree, block)?.is_kept().into()))
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_queue_shut_down(block: u32, immediate: u32) -> i64 {
    border::call(|tree| {
        queue(tree, block)?.shut_down(immediate != 0)?;
        Ok(0)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_queue_mark_shared(block: u32) -> i64 {
    border::call(|tree| {
        queue(tree, block)?.mark_shared()?;
        Ok(0)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_queue_task_done(block: u32) -> i64 {
    border::call(|tree| Ok(queue(tree, block)?.task_done().into()))
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_queue_unfinished(block: u32) -> i64 {
    border::call(|tree| Ok(queue(tree, block)?.unfinished().into()))
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_queue_join(block: u32, timeout: f64) -> i64 {
    border::call(|tree| {
        let queue = queue(tree, block)?;
        let watch = Watch::begin();
        Ok(match queue.join(deadline_after(timeout)) {
            Joined::Done => 0,
            Joined::TimedOut => watch.nothing(),
            Joined::Abandoned { .. } => QUEUE_ABANDONED,
            Joined::Orphaned => QUEUE_ORPHANED,
        })
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_queue_abandoned(block: u32, taker: *mut u32) -> i64 {
    border::call(|tree| {
        let (token, messages) = queue(tree, block)?.abandoned().unwrap_or((None, 0));
        border::put(taker, token.map_or(0, Token::get));
        Ok(messages.into())
    })
}
