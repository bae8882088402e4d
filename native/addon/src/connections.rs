//! Connections. Each belongs to the thread that made it, which names it by a number; what is small
//! passes through the scratch buffer of queues.rs.
#![expect(
    unsafe_code,
    reason = "descriptors that JavaScript names by their numbers"
)]

use std::cell::RefCell;
use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use multiprocessing_core::Error as CoreError;
use multiprocessing_core::cage;
use multiprocessing_core::connection::incoming::Received;
use multiprocessing_core::connection::outgoing::Sent;
use multiprocessing_core::connection::passing::{Fetch, Progress};
use multiprocessing_core::connection::{Connection, Failure};
use multiprocessing_core::memory::heap::{Hold, Kind};
use multiprocessing_core::sys::clock::deadline_after;
use multiprocessing_core::sys::epoll::Interest;
use multiprocessing_core::sys::stream::Mode;
use multiprocessing_core::sys::{Errno, poll};
use multiprocessing_core::wait::notes::Goal;
use napi_derive::napi;

use crate::abi::bytes::ByteArray;
use crate::abi::errors::{Error, Result, state, to_js};
use crate::abi::numbers::{fetch_status, patience, receive_status, scratch, send_status};
use crate::port;
use crate::queues::with_scratch_bytes;
use crate::tree::tree;

const MESSAGE_OFFSET: usize = scratch::MESSAGE_OFFSET as usize;

#[derive(Default)]
struct Connections {
    /// By their numbers; JavaScript forgets a number when it closes the connection.
    open: Vec<Option<Arc<Connection>>>,
    /// Numbers to be given again.
    free: Vec<u32>,
}

/// The connections that are on their way to this thread.
#[derive(Default)]
struct Fetches {
    under_way: HashMap<u32, Fetch>,
    last_id: u32,
}

thread_local! {
    static CONNECTIONS: RefCell<Connections> = RefCell::default();
    static FETCHES: RefCell<Fetches> = RefCell::default();
}

/// Makes a connection this thread's; the number under which JavaScript knows it.
pub fn insert(connection: Connection) -> u32 {
    let connection = Some(Arc::new(connection));
    CONNECTIONS.with_borrow_mut(|connections| match connections.free.pop() {
        Some(id) => {
            connections.open[id as usize] = connection;
            id
        }
        None => {
            connections.open.push(connection);
            connections.open.len() as u32 - 1
        }
    })
}

/// Closes all that this thread has.
pub fn close_all() {
    CONNECTIONS.take();
}

/// The connection of this thread that has the number `id`.
pub fn connection(id: u32) -> Result<Arc<Connection>> {
    let found = CONNECTIONS.with_borrow(|connections| connections.open.get(id as usize).cloned());
    found
        .flatten()
        .ok_or_else(|| state("Cannot use a connection: handle is closed"))
}

fn told(failure: Failure) -> Error {
    match failure {
        Failure::CutOff => Error::new(
            "CUT_OFF".into(),
            "Cannot receive: got end of file during message",
        ),
        Failure::InvalidLength => Error::new(
            "BAD_LENGTH".into(),
            "Cannot receive: bad message length, what came is not the start of a message",
        ),
        Failure::TooLong(length) => Error::new(
            "BAD_LENGTH".into(),
            format!("Cannot receive: bad message length, the next message has {length} bytes"),
        ),
        Failure::Os(errno) => os(errno, "use a connection"),
    }
}

fn os(errno: Errno, action: &'static str) -> Error {
    to_js(CoreError::os(action, errno))
}

fn mode(wait: bool) -> Mode {
    match wait {
        true => Mode::Wait,
        false => Mode::Try,
    }
}

/// Two connected ends; if not `duplex`, the first only receives and the second only sends.
#[napi]
pub fn connection_pair(duplex: bool) -> Result<Vec<u32>> {
    let ends = Connection::pair(duplex).map_err(to_js)?;
    Ok(ends.map(insert).to_vec())
}

/// Offers a duplicate of the descriptor to the receiver of the block, for [`fetch_begin`].
pub fn connection_offer(id: u32) -> Result<u32> {
    let connection = connection(id)?;
    if !connection.is_idle() {
        return Err(state(
            "Cannot send a connection: a message has been sent or received in part",
        ));
    }
    tree()?.offers()?.offer(connection.as_fd()).map_err(to_js)
}

/// Ends what [`connection_offer`] began for a message that is not going to be sent; other blocks
/// that the message speaks of are left alone.
#[napi]
pub fn connection_withdraw_offers(attachments: Vec<u32>) -> Result<()> {
    if let Some(offers) = tree()?.offers_so_far() {
        offers.withdraw(&attachments);
    }
    Ok(())
}

/// As [`connection_withdraw_offers`], for pairs of block and generation, of a message that nobody
/// can send any more, unless it was sent.
#[napi]
pub fn connection_abandon_offers(pairs: Vec<u32>) -> Result<()> {
    if let Some(offers) = tree()?.offers_so_far() {
        let pairs = pairs.chunks_exact(2).map(|pair| (pair[0], pair[1]));
        offers.abandon(&pairs.collect::<Vec<_>>());
    }
    Ok(())
}

/// Begins to fetch the connection that is offered under a block, of which this process must keep a
/// handle; the number of the fetch.
#[napi]
pub fn fetch_begin(block: u32) -> Result<u32> {
    let tree = tree()?;
    let own = tree.offers_so_far().cloned();
    let fetch = Fetch::new(&tree.member, own, block).map_err(to_js)?;
    Ok(FETCHES.with_borrow_mut(|fetches| {
        fetches.last_id = fetches.last_id.wrapping_add(1);
        fetches.under_way.insert(fetches.last_id, fetch);
        fetches.last_id
    }))
}

fn with_fetch<T>(id: u32, work: impl FnOnce(&mut Fetch) -> Result<T>) -> Result<T> {
    FETCHES.with_borrow_mut(|fetches| match fetches.under_way.get_mut(&id) {
        Some(fetch) => work(fetch),
        None => Err(state("Cannot receive a connection: it was given up")),
    })
}

/// Goes on with a fetch for up to `timeout` milliseconds: the number of the connection, or one of
/// [`fetch_status`]. An error may pass: the same fetch can be tried again.
#[napi]
pub fn fetch_step(id: u32, timeout: f64) -> Result<i32> {
    let progress = with_fetch(id, |fetch| {
        fetch.step_until(deadline_after(timeout)).map_err(to_js)
    })?;
    Ok(match progress {
        Progress::Descriptor(descriptor) => {
            insert(Connection::new(descriptor).map_err(to_js)?).cast_signed()
        }
        Progress::Asked => fetch_status::ASKED,
        Progress::Busy => fetch_status::BUSY,
        Progress::SenderIsGone => fetch_status::GONE,
        Progress::Taken => fetch_status::TAKEN,
    })
}

/// Lets the reactor wait until a sender that was asked has answered; the ticket.
#[napi]
pub fn fetch_await(id: u32) -> Result<u32> {
    with_fetch(id, |fetch| {
        let socket = fetch.descriptor();
        let socket = socket.ok_or_else(|| state("Cannot wait for a sender: it was not asked"))?;
        port::watch(Goal::Connection, |sink| {
            let told = Box::new(move || sink(0));
            let reactor = tree()?.descriptors()?;
            reactor.look_out(&[socket], told).map_err(to_js)
        })
    })
}

/// The process that is to hand over the connection, for error messages.
#[napi]
pub fn fetch_sender(id: u32) -> Result<String> {
    with_fetch(id, |fetch| {
        let (pid, name) = fetch.sender();
        Ok(format!("\"{name}\" (pid {pid})"))
    })
}

/// Ends a fetch; what was not fetched stays with its sender. Again: nothing happens.
#[napi]
pub fn fetch_close(id: u32) {
    FETCHES.with_borrow_mut(|fetches| fetches.under_way.remove(&id));
}

/// Lets the pipe of the block `pipe` hold the blocks that a message speaks of; the holds.
#[napi]
pub fn pipe_pin(pipe: u32, attachments: Vec<u32>) -> Result<Vec<u32>> {
    let member = &tree()?.member;
    let pipe = member.block(pipe, Kind::Pipe).map_err(to_js)?;
    let holds = member.pin_all(&attachments, pipe.id).map_err(to_js)?;
    Ok(holds.into_iter().map(|hold| hold.0).collect())
}

/// Ends what [`pipe_pin`] began. Numbers that are no holds of the pipe are ignored: they may come
/// from the wire.
#[napi]
pub fn pipe_unpin(pipe: u32, holds: Vec<u32>) -> Result<()> {
    let holds: Vec<_> = holds.into_iter().map(Hold).collect();
    let member = &tree()?.member;
    let pipe = member.block(pipe, Kind::Pipe).map_err(to_js)?;
    member.unpin_from(pipe.id, &holds).map_err(to_js)
}

/// Closes this thread's end, once nothing of it is under way. Again: nothing happens.
pub fn connection_close(id: u32) -> Result<()> {
    let closed = CONNECTIONS.with_borrow_mut(|connections| {
        let place = connections.open.get_mut(id as usize);
        let closed = place.and_then(Option::take);
        connections.free.extend(closed.as_ref().map(|_| id));
        closed
    });
    drop(closed);
    Ok(())
}

/// The number of the descriptor.
pub fn connection_fileno(id: u32) -> Result<i32> {
    Ok(connection(id)?.fileno())
}

/// Confirms at once what has come: to be called behind a message that nobody answers.
pub fn connection_confirm(id: u32) -> Result<()> {
    connection(id)?.confirm();
    Ok(())
}

/// The number of the process at the other end; 0 if it is not known, or to be told in a cage.
pub fn connection_peer(id: u32) -> Result<u32> {
    let connection = connection(id)?;
    Ok(if cage::current().is_none() {
        connection.peer().unwrap_or(0)
    } else {
        0
    })
}

fn sent(result: std::result::Result<Sent, Failure>) -> Result<u32> {
    match result.map_err(told)? {
        Sent::Done => Ok(send_status::DONE),
        Sent::Kept => Ok(send_status::KEPT),
    }
}

/// Sends `length` bytes of the scratch buffer from [`scratch::MESSAGE_OFFSET`] on; one of
/// [`send_status`]. If it must not `wait`, the rest may be kept: see [`connection_await_sent`].
pub fn connection_send(id: u32, length: u32, wait: bool) -> Result<u32> {
    let connection = connection(id)?;
    with_scratch_bytes(|scratch| {
        let end = MESSAGE_OFFSET.saturating_add(length as usize);
        let message = scratch.get(MESSAGE_OFFSET..end);
        let message =
            message.ok_or_else(|| state("Cannot send: longer than the scratch buffer"))?;
        sent(connection.send(message, mode(wait)))
    })
}

/// As [`connection_send`], for bytes of any length.
#[napi]
pub fn connection_send_bytes(id: u32, bytes: ByteArray, wait: bool) -> Result<u32> {
    sent(connection(id)?.send(bytes.source(), mode(wait)))
}

/// Lets the reactor write what is kept; the ticket. Then [`connection_flush`] tells how it went.
pub fn connection_await_sent(id: u32) -> Result<u32> {
    let connection = connection(id)?;
    advance(&Arc::clone(&connection), Interest::Writable, move || {
        connection.advance_sending()
    })
}

/// Whether something is kept still; one of [`send_status`].
pub fn connection_flush(id: u32) -> Result<u32> {
    sent(connection(id)?.flush())
}

/// Forgets what is kept, unless a part or all of it has been sent; whether it was forgotten.
pub fn connection_withdraw(id: u32) -> Result<bool> {
    Ok(connection(id)?.withdraw())
}

/// Receives a message of at most `limit` bytes, with one of [`patience`]. Negative: one of
/// [`receive_status`]; see [`connection_await_received`]. Else its length, and its bytes are in the
/// scratch buffer, unless they do not fit in there: then [`connection_receive_into`] has to fetch them.
pub fn connection_receive(id: u32, limit: f64, wanted: u32) -> Result<f64> {
    let connection = connection(id)?;
    let received = with_scratch_bytes(|scratch| {
        let limit = limit as u64;
        let received = match wanted {
            patience::NONE => connection.receive(scratch, limit, Mode::Try),
            patience::MICROSECONDS => connection.receive_soon(scratch, limit),
            // What is here already is received without a note that it is waited for.
            _ => match connection.receive(&mut *scratch, limit, Mode::Try) {
                Ok(Received::NotYet) => {
                    let _noted = tree()?.member.note_sleep(Goal::Connection);
                    connection.receive(scratch, limit, Mode::Wait)
                }
                received => received,
            },
        };
        received.map_err(told)
    })?;
    Ok(match received {
        Received::Here(length) => length as f64,
        Received::NotYet => receive_status::NOT_YET.into(),
        Received::End => receive_status::END.into(),
        Received::Long(length) => length as f64,
    })
}

/// Receives the message that did not fit into the scratch buffer, waiting for what is still to come
/// of it. `target` has to be as long as it is.
#[napi]
pub fn connection_receive_into(id: u32, target: ByteArray) -> Result<()> {
    let connection = connection(id)?;
    let received = connection.receive_into(target.target(), Mode::Wait);
    match received.map_err(told)? {
        Received::Here(_) => Ok(()),
        _ => Err(state(
            "Cannot receive: no message of this length has been told of",
        )),
    }
}

/// Lets the reactor read until [`connection_receive`] with this `limit` has something to say; the
/// ticket.
pub fn connection_await_received(id: u32, limit: f64) -> Result<u32> {
    let connection = connection(id)?;
    advance(&Arc::clone(&connection), Interest::Readable, move || {
        connection.advance_receiving(limit as u64)
    })
}

/// Lets the reactor run `step` whenever the connection is ready, until it is done; the ticket.
fn advance(
    connection: &Connection,
    interest: Interest,
    mut step: impl FnMut() -> bool + Send + 'static,
) -> Result<u32> {
    port::watch(Goal::Connection, |sink| {
        let mut sink = Some(sink);
        let step = Box::new(move || {
            let is_done = step();
            if let Some(sink) = sink.take_if(|_| is_done) {
                sink(0);
            }
            is_done
        });
        let reactor = tree()?.descriptors()?;
        let watched = reactor.watch_steps(connection.as_fd(), interest, step);
        watched.map_err(to_js)
    })
}

/// Whether there is something to receive, or the end; waits up to `timeout` milliseconds.
pub fn connection_poll(id: u32, timeout: f64) -> Result<bool> {
    let _noted = tree()?.member.note_sleep(Goal::Connection);
    let polled = connection(id)?.poll(deadline_after(timeout));
    polled.map_err(|errno| os(errno, "poll a connection"))
}

/// Whether a message, or a part of one, is here already, however the descriptor looks.
pub fn connection_has_begun(id: u32) -> Result<bool> {
    Ok(connection(id)?.has_begun())
}

/// Runs `work` on descriptors that JavaScript has named by their numbers.
fn with_descriptors<T>(numbers: &[i32], work: impl FnOnce(&[BorrowedFd]) -> T) -> Result<T> {
    if numbers.iter().any(|&number| number < 0) {
        return Err(os(Errno::BADF, "wait for a descriptor"));
    }
    let borrow = |&number: &i32| {
        // SAFETY: not -1. The objects of JavaScript that have these descriptors live while `work`
        // runs in their thread; a number that is stale nevertheless is only ever polled.
        unsafe { BorrowedFd::borrow_raw(number) }
    };
    let descriptors: Vec<_> = numbers.iter().map(borrow).collect();
    Ok(work(&descriptors))
}

/// The places of those descriptors that are ready to be read; waits up to `timeout` milliseconds
/// for the first.
#[napi]
pub fn descriptors_poll(descriptors: Vec<i32>, timeout: f64) -> Result<Vec<u32>> {
    let _noted = tree()?.member.note_sleep(Goal::Connection);
    let found = with_descriptors(&descriptors, |descriptors| {
        poll::ready(descriptors, deadline_after(timeout))
    })?;
    let found = found.map_err(|errno| os(errno, "wait for descriptors"))?;
    Ok(found.into_iter().map(|place| place as u32).collect())
}

/// Lets the reactor wait until one of the descriptors is ready to be read; the ticket. They must stay
/// open until then, or until the wait is cancelled.
#[napi]
pub fn descriptors_await(descriptors: Vec<i32>) -> Result<u32> {
    port::watch(Goal::Connection, |sink| {
        let told = Box::new(move || sink(0));
        let reactor = tree()?.descriptors()?;
        with_descriptors(&descriptors, |descriptors| {
            reactor.look_out(descriptors, told).map_err(to_js)
        })?
    })
}
