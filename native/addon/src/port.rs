//! How the reactors reach the JavaScript of a thread: a list of outcomes, and one call that says
//! the list is no longer empty.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use addon_common::ring::Ring;
use multiprocessing_core::Result as CoreResult;
use multiprocessing_core::memory::arena::Offset;
use multiprocessing_core::memory::heap::BlockId;
use multiprocessing_core::queue::Queue;
use multiprocessing_core::sync::{Attempt, Step, Token};
use multiprocessing_core::sys::clock::deadline_after;
use multiprocessing_core::tree::member::Member;
use multiprocessing_core::tree::member::shares::{Attitude, ThreadKey, this_thread};
use multiprocessing_core::wait::notes::Goal;
use multiprocessing_core::wait::reactor::words::{Operation, Sink, WaitOutcome};
use napi::Env;
use napi::bindgen_prelude::Function;
use napi_derive::napi;

use crate::abi::errors::{Result, from_napi, state, to_js};
use crate::abi::numbers::outcome::{FAILED, TIMED_OUT};
use crate::isolate;
use crate::tree::tree;

/// Names a wait of this thread: a number that JavaScript keeps its promise under.
pub type Ticket = u32;

/// What the reactors see.
pub struct Mailbox {
    /// (ticket, outcome), in pairs.
    outcomes: Mutex<Vec<i32>>,
    ring: Ring,
    is_reminded: AtomicBool,
}

impl Mailbox {
    fn outcomes(&self) -> MutexGuard<'_, Vec<i32>> {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The outcome of a wait that is over: here, or about to be.
    fn take_outcome(&self, ticket: Ticket) -> i32 {
        loop {
            let mut outcomes = self.outcomes();
            let mut pairs = outcomes.chunks(2);
            if let Some(index) = pairs.position(|pair| pair[0].cast_unsigned() == ticket) {
                let outcome = outcomes[2 * index + 1];
                outcomes.drain(2 * index..2 * index + 2);
                return outcome;
            }
            drop(outcomes);
            // The reactor is between the end of the wait and telling of it.
            std::thread::yield_now();
        }
    }

    /// Ends a wait whose outcome nobody wants any more. If it has acquired something already, that
    /// is given back.
    fn abandon(&self, ticket: Ticket, wait: &Wait) {
        if cancel_wait(wait) {
            return;
        }
        if let Wait::Word { share, undo, .. } = wait {
            let outcome = self.take_outcome(ticket);
            if let Some(undo) = undo.filter(|_| ![TIMED_OUT, FAILED].contains(&outcome)) {
                let _ = undo(share.block, outcome);
            }
        }
    }

    /// Calls again if nobody comes for the outcomes. Deno 2.9.6 now and then does not wake its event
    /// loop for a call that arrives just when the loop goes to sleep (seen once in some 10⁵ calls).
    fn remind(self: &Arc<Self>) {
        let mailbox = Arc::downgrade(self);
        let reminder = Box::new(move || {
            mailbox.upgrade().is_some_and(|mailbox| {
                // First, so that an outcome that comes after the look gets a reminder of its own.
                mailbox.is_reminded.store(false, Ordering::SeqCst);
                let is_unheard = !mailbox.outcomes().is_empty();
                if is_unheard {
                    mailbox.is_reminded.store(true, Ordering::SeqCst);
                    mailbox.ring.call();
                }
                is_unheard
            })
        });
        // One at a time is enough: it looks at the box, not at an outcome.
        if let Ok(tree) = tree()
            && !self.is_reminded.swap(true, Ordering::SeqCst)
        {
            tree.words.remind(reminder);
        }
    }

    /// Called by the reactors.
    fn deliver(self: &Arc<Self>, ticket: Ticket, outcome: i32) {
        let mut outcomes = self.outcomes();
        let was_empty = outcomes.is_empty();
        outcomes.extend([ticket.cast_signed(), outcome]);
        drop(outcomes);
        if was_empty {
            self.ring.call();
            self.remind();
        }
    }
}

/// A wait of this thread.
enum Wait {
    Word {
        id: u64,
        share: Share,
        undo: Option<Undo>,
    },
    Descriptor(u64),
}

/// Gives back what an acquisition on the block has acquired, by its outcome; not called if that is
/// [`FAILED`] or [`TIMED_OUT`].
pub type Undo = fn(BlockId, i32) -> Result<()>;

/// A handle of the block that a wait is on: whoever disposes of an object while it is waited for
/// must not let the wait go on in a stranger's block of the same number.
struct Share {
    block: BlockId,
    /// Of a queue's block: what others may see of the wait, and whose it is.
    noted: Option<(ThreadKey, Attitude)>,
}

impl Share {
    fn of(block: BlockId, noted: Option<Attitude>) -> Result<Self> {
        let member = &tree()?.member;
        member.begin_use(block).map_err(to_js)?;
        let share = Self {
            block,
            noted: noted.map(|it| (this_thread(), it)),
        };
        share.note(true);
        Ok(share)
    }

    fn note(&self, begins: bool) {
        if let Some((thread, attitude)) = self.noted
            && let Ok(tree) = tree()
            && let Ok(queue) = Queue::open(&tree.member, self.block)
        {
            queue.note_wait(thread, attitude, begins);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.note(false);
        if let Ok(tree) = tree() {
            let _ = tree.member.end_use(self.block);
        }
    }
}

struct Port {
    mailbox: Arc<Mailbox>,
    waits: HashMap<Ticket, Wait>,
    next_ticket: Ticket,
}

thread_local! {
    static PORT: RefCell<Option<Port>> = const { RefCell::new(None) };
}

/// The isolate of this thread ends: its waits must acquire nothing any more. Outcomes that JavaScript
/// has not fetched are given back, too.
pub fn close() {
    let Some(port) = PORT.take() else {
        return;
    };
    port.mailbox.ring.close();
    for (ticket, wait) in port.waits {
        port.mailbox.abandon(ticket, &wait);
    }
}

fn cancel_wait(wait: &Wait) -> bool {
    let Ok(tree) = tree() else {
        return false;
    };
    match wait {
        Wait::Word { id, .. } => tree.words.cancel(*id),
        Wait::Descriptor(id) => tree.descriptors().is_ok_and(|reactor| reactor.cancel(*id)),
    }
}

fn with_port<T>(work: impl FnOnce(&mut Port) -> Result<T>) -> Result<T> {
    PORT.with_borrow_mut(|port| match port {
        Some(port) => work(port),
        None => Err(state(
            "Cannot wait: openPort() has not been called in this thread",
        )),
    })
}

/// Gives this thread's waits a way back: `ring` is called when [`take_outcomes`] has something.
/// The program stays alive only while [`keep_alive`] says so.
#[napi]
pub fn open_port(ring: Function<(), ()>) -> Result<()> {
    let ring = Ring::of(&ring).map_err(from_napi)?;
    let mailbox = Arc::new(Mailbox {
        outcomes: Mutex::default(),
        ring,
        is_reminded: AtomicBool::new(false),
    });
    let port = Port {
        mailbox,
        waits: HashMap::new(),
        next_ticket: 0,
    };
    PORT.with_borrow_mut(|place| *place = Some(port));
    Ok(())
}

/// Whether this thread's event loop goes on while only waits are left.
#[napi]
pub fn keep_alive(env: &Env, on: bool) -> Result<()> {
    if PORT.with_borrow(Option::is_none) {
        return Ok(()); // it has ended
    }
    with_port(|port| {
        let closing = |_| state("Cannot wait: this thread's event loop is closing");
        port.mailbox.ring.keep_alive(env, on).map_err(closing)
    })
}

/// The outcomes since the last call: pairs of ticket and number. None after the end of the isolate,
/// when a call that was made before may still come.
#[napi]
pub fn take_outcomes() -> Result<Vec<i32>> {
    if PORT.with_borrow(Option::is_none) {
        return Ok(Vec::new());
    }
    with_port(|port| {
        let outcomes = std::mem::take(&mut *port.mailbox.outcomes());
        for pair in outcomes.chunks(2) {
            port.waits.remove(&pair[0].cast_unsigned());
        }
        Ok(outcomes)
    })
}

/// Forgets a wait: nothing is acquired, and its outcome is not told.
#[napi]
pub fn cancel(ticket: u32) -> Result<()> {
    with_port(|port| {
        if let Some(wait) = port.waits.remove(&ticket) {
            port.mailbox.abandon(ticket, &wait);
        }
        Ok(())
    })
}

/// Ends the time of a wait that must not just be forgotten; its outcome comes nevertheless. `false`
/// if it is on its way already, or waits for a descriptor.
pub fn hasten(ticket: Ticket) -> Result<bool> {
    with_port(|port| match port.waits.get(&ticket) {
        Some(Wait::Word { id, .. }) => Ok(tree()?.words.hasten(*id)),
        _ => Ok(false),
    })
}

/// Lets `operation`, which is on `block`, wait in the reactor; the ticket of the wait. `undo` gives
/// back what it has acquired if nobody wants its outcome any more.
pub fn submit(
    block: BlockId,
    operation: Box<dyn Operation>,
    timeout: f64,
    undo: Option<Undo>,
) -> Result<Ticket> {
    submit_share(Share::of(block, None)?, operation, timeout, undo)
}

/// As [`submit`], for a wait for a queue of which others see what is noted.
pub fn submit_noted(
    queue: BlockId,
    operation: Box<dyn Operation>,
    timeout: f64,
    noted: Option<Attitude>,
) -> Result<Ticket> {
    submit_share(Share::of(queue, noted)?, operation, timeout, None)
}

fn submit_share(
    share: Share,
    operation: Box<dyn Operation>,
    timeout: f64,
    undo: Option<Undo>,
) -> Result<Ticket> {
    with_port(|port| {
        let ticket = port.take_ticket();
        let mailbox = Arc::clone(&port.mailbox);
        let sink: Sink = Box::new(move |outcome| {
            let number = match outcome {
                WaitOutcome::Ready(number) => number,
                WaitOutcome::TimedOut => TIMED_OUT,
            };
            mailbox.deliver(ticket, number);
        });
        let operation = Box::new(OfIsolate {
            worker: isolate::number(),
            operation,
        });
        let id = tree()?
            .words
            .submit(operation, deadline_after(timeout), sink)
            .map_err(|error| state(&format!("Cannot wait: no thread could be started: {error}")))?;
        port.waits.insert(ticket, Wait::Word { id, share, undo });
        Ok(ticket)
    })
}

/// An operation that takes no step once its isolate is terminated.
struct OfIsolate {
    worker: u32,
    operation: Box<dyn Operation>,
}

impl Operation for OfIsolate {
    fn word(&self) -> Offset {
        self.operation.word()
    }

    fn step(
        &mut self,
        member: &Member,
        attempt: Attempt,
        has_died: &dyn Fn(Token) -> bool,
    ) -> CoreResult<Step<i32>> {
        match isolate::is_terminated(self.worker) {
            true => Ok(Step::Sleep(0)), // until the isolate's end forgets it
            false => self.operation.step(member, attempt, has_died),
        }
    }

    fn expire(&mut self) -> Option<Offset> {
        self.operation.expire()
    }

    fn abandon(&mut self, member: &Member) {
        self.operation.abandon(member);
    }
}

/// As [`submit`], for a descriptor: `watch` registers the sink it is given. Others are told that the wait
/// is for `goal`.
pub fn watch(
    goal: Goal,
    watch: impl FnOnce(Box<dyn FnOnce(i32) + Send>) -> Result<u64>,
) -> Result<Ticket> {
    with_port(|port| {
        let ticket = port.take_ticket();
        let mailbox = Arc::clone(&port.mailbox);
        // Goes with the sink: when it is told, or the wait is forgotten.
        let telltale = tree()?.words.tell(goal);
        let id = watch(Box::new(move |outcome| {
            drop(telltale);
            mailbox.deliver(ticket, outcome);
        }))?;
        port.waits.insert(ticket, Wait::Descriptor(id));
        Ok(ticket)
    })
}

impl Port {
    fn take_ticket(&mut self) -> Ticket {
        self.next_ticket = self.next_ticket.wrapping_add(1);
        self.next_ticket
    }
}
