//! Queues. Short messages pass through a *scratch* buffer that JavaScript and this thread share,
//! so that a call needs to carry nothing but numbers.
#![expect(
    unsafe_code,
    reason = "the scratch buffer is an ArrayBuffer over memory of ours"
)]

use std::cell::RefCell;
use std::ptr::NonNull;

use multiprocessing_core::memory::heap::Hold;
use multiprocessing_core::queue::promise::{AwaitQueue, QueueState, Watch};
use multiprocessing_core::queue::{Beginning, Joined, Message, Put, Queue, Take};
use multiprocessing_core::sys::clock::deadline_after;
use multiprocessing_core::tree::member::shares::{Attitude, Standing, this_thread};
use napi::Env;
use napi::bindgen_prelude::ArrayBuffer;
use napi_derive::napi;

use crate::abi::bytes::ByteArray;
use crate::abi::errors::{Result, from_napi, state, to_js};
use crate::abi::numbers::{
    company, get_status, join_status, message_tag, message_unit, put_status, queue_state,
    queue_watch,
};
use crate::isolate;
use crate::port;
use crate::tree::tree;

/// Bytes of the scratch buffer.
const SCRATCH_SIZE: usize = 64 * 1024;

struct Scratch {
    /// From `Box::into_raw`: JavaScript has the same bytes, so no box may own them meanwhile.
    bytes: NonNull<[u8; SCRATCH_SIZE]>,
    /// What the message speaks of that was taken last.
    attachments: Vec<Hold>,
}

impl Scratch {
    fn new() -> Self {
        // SAFETY: a box is never null.
        let bytes = unsafe { NonNull::new_unchecked(Box::into_raw(Box::new([0; SCRATCH_SIZE]))) };
        Self {
            bytes,
            attachments: Vec::new(),
        }
    }

    fn bytes(&mut self) -> &mut [u8; SCRATCH_SIZE] {
        // SAFETY: valid until `drop`. Nothing of JavaScript runs while a function here borrows the
        // bytes: both are this thread.
        unsafe { self.bytes.as_mut() }
    }

    /// The number that JavaScript is told, and the attachments kept for it.
    fn outcome(&mut self, take: Take) -> Result<f64> {
        let taken = match take {
            Take::Message(taken) => taken,
            Take::TooLong(length) => return Ok((length as u64 + message_unit::TOO_LONG) as f64),
            Take::Empty => return Ok(get_status::EMPTY.into()),
            Take::ShutDown => return Ok(get_status::SHUT_DOWN.into()),
            Take::Orphaned => return Ok(get_status::ORPHANED.into()),
            Take::Refused => return Ok(get_status::OTHER.into()),
        };
        let number = taken.length as u64 + u64::from(taken.tag) * message_unit::TAG;
        if taken.attachments.is_empty() {
            return Ok(number as f64);
        }
        tree()?.member.bring(&taken.attachments).map_err(to_js)?;
        self.attachments = taken.attachments;
        Ok((number + message_unit::ATTACHED) as f64)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // SAFETY: from `Box::into_raw`; the thread ends, and its JavaScript has ended.
        drop(unsafe { Box::from_raw(self.bytes.as_ptr()) });
    }
}

thread_local! {
    static SCRATCH: RefCell<Option<Scratch>> = const { RefCell::new(None) };
}

fn with_scratch<T>(work: impl FnOnce(&mut Scratch) -> Result<T>) -> Result<T> {
    SCRATCH.with_borrow_mut(|scratch| match scratch {
        Some(scratch) => work(scratch),
        None => Err(state(
            "Cannot use a queue: openScratch() has not been called in this thread",
        )),
    })
}

/// Lets go of what a message speaks of that was taken and is not received: the isolate ends.
pub fn close() {
    SCRATCH.with_borrow_mut(|scratch| {
        let holds = scratch
            .as_mut()
            .map(|scratch| std::mem::take(&mut scratch.attachments));
        if let (Some(holds), Ok(tree)) = (holds, tree()) {
            let _ = tree.member.unpin(&holds);
        }
    });
}

/// Lends `work` this thread's scratch buffer.
pub fn with_scratch_bytes<T>(work: impl FnOnce(&mut [u8]) -> Result<T>) -> Result<T> {
    with_scratch(|scratch| work(scratch.bytes()))
}

/// This thread's scratch buffer.
#[napi]
pub fn open_scratch(env: &Env) -> Result<ArrayBuffer<'_>> {
    let data = SCRATCH.with_borrow_mut(|place| place.get_or_insert_with(Scratch::new).bytes);
    // SAFETY: the bytes live until their thread ends, and JavaScript of that thread with it.
    unsafe { ArrayBuffer::from_external(env, data.as_ptr().cast(), SCRATCH_SIZE, (), |_, ()| {}) }
        .map_err(from_napi)
}

fn queue(id: u32) -> Result<Queue<'static>> {
    Queue::open(&tree()?.member, id).map_err(to_js)
}

/// A new queue of at most `maxsize` messages, 0 for no limit; its block.
#[napi]
pub fn queue_create(maxsize: u32, joinable: bool) -> Result<u32> {
    let (_, block) = Queue::create(&tree()?.member, maxsize, joinable).map_err(to_js)?;
    Ok(isolate::gain(block.id))
}

/// A new queue without a limit, from which only who [`queue_keep`]s it can take; its block.
#[napi]
pub fn queue_create_kept() -> Result<u32> {
    let (_, block) = Queue::create_kept(&tree()?.member).map_err(to_js)?;
    Ok(isolate::gain(block.id))
}

/// From now on this process alone can take from the queue, and shut it down: to all others it seems
/// to be shut down.
#[napi]
pub fn queue_keep(id: u32) -> Result<()> {
    match queue(id)?.keep() {
        true => Ok(()),
        false => Err(state(
            "Cannot keep a queue: another process does, or it was not made for that",
        )),
    }
}

/// Whether it is one that [`queue_create_kept`] has made.
pub fn queue_is_kept(id: u32) -> bool {
    queue(id).is_ok_and(Queue::is_kept)
}

/// Puts the first `length` bytes of the scratch buffer, blocking up to `timeout` milliseconds; one of
/// [`put_status`].
pub fn queue_put(id: u32, length: u32, timeout: f64) -> Result<u32> {
    with_scratch(|scratch| {
        let bytes = scratch.bytes().get(..length as usize);
        let bytes = bytes.ok_or_else(|| state("Cannot put: longer than the scratch buffer"))?;
        put(
            id,
            &Message {
                tag: 0,
                head: (&[]).into(),
                bytes: bytes.into(),
                attachments: &[],
            },
            timeout,
        )
    })
}

/// As [`queue_put`], for bytes of any length, a tag of 8 bits that the receiver gets back, and
/// blocks that the message speaks of.
#[napi]
pub fn queue_put_bytes(
    id: u32,
    tag: u32,
    bytes: ByteArray,
    attachments: Vec<u32>,
    timeout: f64,
) -> Result<u32> {
    put(
        id,
        &Message {
            tag: tag as u8,
            head: (&[]).into(),
            bytes: bytes.source(),
            attachments: &attachments,
        },
        timeout,
    )
}

/// As [`queue_put_bytes`], with no tag, for a `head`, a multiple of 8 bytes, followed by `bytes`.
#[napi]
pub fn queue_put_split(
    id: u32,
    head: ByteArray,
    bytes: ByteArray,
    attachments: Vec<u32>,
    timeout: f64,
) -> Result<u32> {
    put(
        id,
        &Message {
            tag: 0,
            head: head.source(),
            bytes: bytes.source(),
            attachments: &attachments,
        },
        timeout,
    )
}

fn put(id: u32, message: &Message, timeout: f64) -> Result<u32> {
    let queue = queue(id)?;
    // Most puts need no deadline: the clock is read only by those that do.
    let mut put = queue.try_put(message).map_err(to_js)?;
    if put == Put::Full && timeout > 0.0 {
        put = queue.put(message, deadline_after(timeout)).map_err(to_js)?;
    }
    Ok(status_of(put))
}

fn status_of(put: Put) -> u32 {
    match put {
        Put::Done => put_status::DONE,
        Put::Full => put_status::FULL,
        Put::ShutDown => put_status::SHUT_DOWN,
        Put::Orphaned => put_status::ORPHANED,
    }
}

/// Puts messages of the run in the first `length` bytes of the scratch buffer, in their order, as far as
/// there is room, blocking up to `timeout` milliseconds for room for the first. How many; where there
/// is none: one of [`put_status`], negative.
pub fn queue_put_run(id: u32, length: u32, timeout: f64) -> Result<f64> {
    let queue = queue(id)?;
    with_scratch(|scratch| {
        let run = scratch.bytes().get(..length as usize);
        let run = run.ok_or_else(|| state("Cannot put: longer than the scratch buffer"))?;
        let (mut count, mut put) = queue.try_put_run(run).map_err(to_js)?;
        if count == 0 && put == Put::Full && timeout > 0.0 {
            (count, put) = queue.put_run(run, deadline_after(timeout)).map_err(to_js)?;
        }
        Ok(match count {
            0 => -f64::from(status_of(put)),
            _ => count.into(),
        })
    })
}

/// Takes what is there into the scratch buffer as a run, up to `most` messages. How many; 0 where there
/// is nothing, or nothing for the buffer: then [`queue_get`] tells. Negative, if the last one speaks of
/// shared objects: [`taken_attachments`] tells of which.
pub fn queue_get_run(id: u32, most: u32) -> Result<f64> {
    let queue = queue(id)?;
    with_scratch(|scratch| {
        let run = queue.try_take_run(&mut scratch.bytes()[..], most);
        let (count, attachments) = run.map_err(to_js)?;
        if !attachments.is_empty() {
            tree()?.member.bring(&attachments).map_err(to_js)?;
            scratch.attachments = attachments;
            return Ok(-f64::from(count));
        }
        Ok(count.into())
    })
}

/// Takes a message into the scratch buffer, blocking up to `timeout` milliseconds. Negative: one of
/// [`get_status`], `ORPHANED` only if `lonely`. Else its length, and of [`message_unit`] as many `TAG`
/// as its tag says; `ATTACHED` if [`taken_attachments`] has to tell what it speaks of; or `TOO_LONG` if
/// it does not fit into the buffer and has not been taken: its first [`PREVIEW`](crate::abi::numbers::scratch::PREVIEW) bytes are
/// there, and [`queue_get_into`] or [`queue_get_split`] takes it.
pub fn queue_get(id: u32, timeout: f64, lonely: bool) -> Result<f64> {
    get(queue(id)?, timeout, lonely)
}

/// As [`queue_get`], of a message that is bytes alone; `OTHER` where the first one is something else, and
/// stays.
pub fn queue_get_bytes(id: u32, timeout: f64, lonely: bool) -> Result<f64> {
    get(queue(id)?.only(is_bytes), timeout, lonely)
}

/// With what the serialiser begins a byte array (`src/reduction/writer.ts`), by its length.
const ARRAYS: [u8; 3] = [0xc4, 0xc5, 0xc6];

/// Whether a message is bytes and nothing else: by its tag, or as the serialiser writes them.
fn is_bytes(message: Beginning) -> bool {
    match u32::from(message.tag) {
        message_tag::VALUE => !message.is_attached && ARRAYS.contains(&message.first),
        tag => matches!(tag, message_tag::BYTES | message_tag::LOAN),
    }
}

fn get(queue: Queue, timeout: f64, lonely: bool) -> Result<f64> {
    with_scratch(|scratch| {
        let target = &mut scratch.bytes()[..];
        let mut take = queue.try_take(&mut *target).map_err(to_js)?;
        if take == Take::Empty && timeout > 0.0 {
            let deadline = deadline_after(timeout);
            take = queue.take(target, deadline, lonely).map_err(to_js)?;
        }
        scratch.outcome(take)
    })
}

/// As [`queue_get`] without waiting, into a buffer of the caller's.
#[napi]
pub fn queue_get_into(id: u32, target: ByteArray) -> Result<f64> {
    get_into(queue(id)?, &target)
}

/// As [`queue_get_bytes`] without waiting, into a buffer of the caller's.
#[napi]
pub fn queue_get_bytes_into(id: u32, target: ByteArray) -> Result<f64> {
    get_into(queue(id)?.only(is_bytes), &target)
}

fn get_into(queue: Queue, target: &ByteArray) -> Result<f64> {
    let take = queue.try_take(target.target()).map_err(to_js)?;
    with_scratch(|scratch| scratch.outcome(take))
}

/// As [`queue_get_into`], into two buffers, the first a multiple of 8 bytes, if the message has
/// exactly the length of both.
#[napi]
pub fn queue_get_split(id: u32, head: ByteArray, rest: ByteArray) -> Result<f64> {
    let queue = queue(id)?;
    let (head, rest) = (head.target(), rest.target());
    if head.overlaps(rest) {
        return Err(state("Cannot get a message in two parts: they overlap"));
    }
    let take = queue.try_take_split(head, rest).map_err(to_js)?;
    with_scratch(|scratch| scratch.outcome(take))
}

/// What keeps the shared objects alive that the message speaks of that was just taken: for
/// [`unpin`], once they are adopted.
#[napi]
pub fn taken_attachments() -> Result<Vec<u32>> {
    with_scratch(|scratch| {
        let holds = scratch.attachments.drain(..);
        Ok(holds.map(|hold| hold.0).collect())
    })
}

/// Lets go of what kept shared objects alive on their way.
#[napi]
pub fn unpin(attachments: Vec<u32>) -> Result<()> {
    let holds: Vec<_> = attachments.into_iter().map(Hold).collect();
    let member = &tree()?.member;
    if !member.withdraw(&holds) {
        return Err(state(
            "Cannot let go of attachments: no message has brought them",
        ));
    }
    member.unpin(&holds).map_err(to_js)
}

/// Waits in the reactor until the queue is as `wanted`, one of [`queue_state`]; the ticket. When the
/// outcome is [`outcome::READY`], try, and maybe wait again; `watch`, one of [`queue_watch`], says which of
/// [`queue_outcome`] it may be otherwise. Unless that is `NOTHING` or `NEVER`, others see that this thread
/// waits, and if it `is_idle`, that it does nothing else.
///
/// [`outcome::READY`]: crate::abi::numbers::outcome::READY
/// [`queue_outcome`]: crate::abi::numbers::queue_outcome
#[napi]
pub fn queue_await(id: u32, wanted: u32, timeout: f64, watch: u32, is_idle: bool) -> Result<u32> {
    let wanted = match wanted {
        queue_state::FILLED => QueueState::Filled,
        queue_state::DRAINED => QueueState::Drained,
        queue_state::DONE => QueueState::Done,
        _ => return Err(state("Cannot wait at a queue: there is no such state")),
    };
    let watch = match watch {
        queue_watch::NOTHING => Watch::Nothing,
        queue_watch::NEVER => Watch::Never,
        queue_watch::LEAVING => Watch::Leaving,
        queue_watch::JOINING => Watch::Joining,
        queue_watch::BOTH => Watch::Both,
        _ => return Err(state("Cannot wait at a queue: there is no such news")),
    };
    let standing = match watch {
        Watch::Nothing | Watch::Never => None,
        _ if is_idle => Some(Standing::Asleep),
        _ => Some(Standing::Waiting),
    };
    let operation = AwaitQueue::new(&tree()?.member, id, wanted, watch).map_err(to_js)?;
    let noted = standing.map(|standing| Attitude {
        standing,
        goals: wanted.goals(),
    });
    port::submit_noted(id, Box::new(operation), timeout, noted)
}

/// What can be expected of all others who have the queue, but this thread: one of [`company`].
pub fn queue_company(id: u32) -> Result<u32> {
    Ok(match queue(id)?.company(this_thread()) {
        Standing::Asleep => company::NOBODY,
        Standing::Waiting => company::WAITING,
        Standing::Awake => company::AWAKE,
    })
}

/// Forbids putting, for all processes; `immediate` throws away what is in the queue.
#[napi]
pub fn queue_shut_down(id: u32, immediate: bool) -> Result<()> {
    queue(id)?.shut_down(immediate).map_err(to_js)
}

/// Says that the queue has been sent to another process.
#[napi]
pub fn queue_mark_shared(id: u32) -> Result<()> {
    queue(id)?.mark_shared().map_err(to_js)
}

/// What processes that have ended took from a queue and did not acknowledge.
#[napi(object)]
pub struct Abandoned {
    /// Token of the thread that took last; 0 if it is no longer known.
    pub taker: u32,
    pub messages: u32,
}

#[napi]
pub fn queue_abandoned(id: u32) -> Result<Option<Abandoned>> {
    let abandoned = queue(id)?.abandoned();
    Ok(abandoned.map(|(taker, messages)| Abandoned {
        taker: taker.map_or(0, |taker| taker.get()),
        messages,
    }))
}

/// How many messages have been taken from it so far, modulo 2^32.
pub fn queue_taken(id: u32) -> Result<u32> {
    Ok(queue(id)?.taken())
}

/// Notes that this process waits to put into the full queue `id`; 0 when it no longer does.
pub fn queue_note_putting(id: u32) -> Result<()> {
    tree()?.member.entry().set_putting(id);
    Ok(())
}

/// How many messages are in the queue.
pub fn queue_size(id: u32) -> Result<u32> {
    Ok(queue(id)?.len())
}

/// The limit it was made with.
pub fn queue_maxsize(id: u32) -> Result<u32> {
    Ok(queue(id)?.maxsize())
}

/// Acknowledges one message; `false` if all have been.
pub fn queue_task_done(id: u32) -> Result<bool> {
    Ok(queue(id)?.task_done())
}

/// How many messages have been put and not been acknowledged.
pub fn queue_unfinished(id: u32) -> Result<u32> {
    Ok(queue(id)?.unfinished())
}

/// Blocks until all messages are acknowledged, `timeout` milliseconds have passed, or it is known that
/// some never will be; one of [`join_status`]. [`queue_abandoned`] tells about `ABANDONED`.
#[napi]
pub fn queue_join(id: u32, timeout: f64) -> Result<u32> {
    Ok(match queue(id)?.join(deadline_after(timeout)) {
        Joined::Done => join_status::DONE,
        Joined::TimedOut => join_status::TIMED_OUT,
        Joined::Abandoned { .. } => join_status::ABANDONED,
        Joined::Orphaned => join_status::ORPHANED,
    })
}
