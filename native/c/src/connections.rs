//! Connections: ends of pipes, known to C by numbers that any thread may use, and connections in messages.
#![expect(unsafe_code, reason = "names that the dynamic linker finds")]

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::os::fd::AsFd;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use multiprocessing_core::Error as CoreError;
use multiprocessing_core::connection::incoming::Received;
use multiprocessing_core::connection::outgoing::Sent;
use multiprocessing_core::connection::passing::{Fetch, Progress};
use multiprocessing_core::connection::{Connection, Failure as Failed};
use multiprocessing_core::memory::heap::{Hold, Kind};
use multiprocessing_core::sys::Errno;
use multiprocessing_core::sys::clock::deadline_after;
use multiprocessing_core::sys::stream::Mode;
use multiprocessing_core::wait::notes::Goal;

use crate::border::{self, INTERRUPTED, TIMED_OUT};
use crate::error::{Result, state};
use crate::member::Tree;
use crate::waiting::Watch;

/// The other end is closed, and nothing is left.
pub const CONNECTION_END: i64 = -30;
/// The rest of a message is kept, to be written later.
pub const CONNECTION_KEPT: i64 = -31;
/// The other end was closed inside a message.
pub const CONNECTION_CUT_OFF: i64 = -32;
/// No message begins like this, or it is longer than allowed.
pub const CONNECTION_BAD_LENGTH: i64 = -33;
/// Whoever had the connection of a message has ended.
pub const CONNECTION_GONE: i64 = -34;
/// It was fetched before.
pub const CONNECTION_TAKEN: i64 = -35;

/// What the number of a message has beside its length that does not fit into the buffer.
const TOO_LONG: i64 = 1 << 41;

#[derive(Default)]
struct Connections {
    open: HashMap<u32, Arc<Connection>>,
    last: u32,
}

static CONNECTIONS: LazyLock<Mutex<Connections>> = LazyLock::new(Mutex::default);

fn connections() -> MutexGuard<'static, Connections> {
    // The map is whole whatever has happened elsewhere.
    CONNECTIONS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn insert(connection: Connection) -> i64 {
    let mut connections = connections();
    loop {
        connections.last = connections.last.wrapping_add(1).max(1);
        let number = connections.last;
        if let Entry::Vacant(place) = connections.open.entry(number) {
            place.insert(Arc::new(connection));
            return number.into();
        }
    }
}

fn connection(number: u32) -> Result<Arc<Connection>> {
    let found = connections().open.get(&number).cloned();
    found.ok_or_else(|| state("Cannot use a connection: it is closed"))
}

/// The status of what went wrong; an error of the system is a failure.
fn status_of(failed: Failed) -> Result<i64> {
    match failed {
        Failed::CutOff => Ok(CONNECTION_CUT_OFF),
        Failed::InvalidLength | Failed::TooLong(_) => Ok(CONNECTION_BAD_LENGTH),
        Failed::Os(Errno::CANCELED) => Ok(INTERRUPTED),
        Failed::Os(errno) => Err(CoreError::os("use a connection", errno).into()),
    }
}

fn status_of_sent(sent: std::result::Result<Sent, Failed>) -> Result<i64> {
    match sent {
        Ok(Sent::Done) => Ok(0),
        Ok(Sent::Kept) => Ok(CONNECTION_KEPT),
        Err(failed) => status_of(failed),
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_connection_pair(duplex: u32, first: *mut u32, second: *mut u32) -> i64 {
    border::call(|_| {
        let ends = Connection::pair(duplex != 0)?.map(insert);
        for (place, number) in [first, second].into_iter().zip(ends) {
            border::put(place, number as u32);
        }
        Ok(0)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_connection_close(number: u32) -> i64 {
    border::call(|_| {
        let closed = connections().open.remove(&number);
        drop(closed);
        Ok(0)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_connection_fileno(number: u32) -> i64 {
    border::call(|_| Ok(connection(number)?.fileno().into()))
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_connection_has_begun(number: u32) -> i64 {
    border::call(|_| Ok(connection(number)?.has_begun().into()))
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_connection_send(number: u32, bytes: *const u8, length: u64) -> i64 {
    border::call(|tree| {
        let connection = connection(number)?;
        let bytes = border::bytes(bytes, length)?;
        let _watch = Watch::begin();
        let _noted = tree.member.note_sleep(Goal::Connection);
        status_of_sent(connection.send(bytes, Mode::Wait))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_connection_flush(number: u32) -> i64 {
    border::call(|tree| {
        let connection = connection(number)?;
        let _watch = Watch::begin();
        let _noted = tree.member.note_sleep(Goal::Connection);
        status_of_sent(connection.flush_all())
    })
}

fn number_of(received: std::result::Result<Received, Failed>) -> Result<i64> {
    match received {
        Ok(Received::Here(length)) => Ok(length as i64),
        Ok(Received::Long(length)) => Ok(TOO_LONG.saturating_add_unsigned(length)),
        Ok(Received::NotYet) => Ok(INTERRUPTED),
        Ok(Received::End) => Ok(CONNECTION_END),
        Err(failed) => status_of(failed),
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_connection_receive(
    number: u32,
    to: *mut u8,
    capacity: u64,
    limit: u64,
) -> i64 {
    border::call(|tree| {
        let connection = connection(number)?;
        let target = border::target(to, capacity)?;
        // What is here already is received without a note that it is waited for.
        let received = connection.receive(target, limit, Mode::Try);
        if received != Ok(Received::NotYet) {
            return number_of(received);
        }
        let _watch = Watch::begin();
        let _noted = tree.member.note_sleep(Goal::Connection);
        number_of(connection.receive(target, limit, Mode::Wait))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_connection_receive_into(number: u32, to: *mut u8, capacity: u64) -> i64 {
    border::call(|tree| {
        let connection = connection(number)?;
        let target = border::target(to, capacity)?;
        let _watch = Watch::begin();
        let _noted = tree.member.note_sleep(Goal::Connection);
        number_of(connection.receive_into(target, Mode::Wait))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_connection_offer(number: u32) -> i64 {
    border::call(|tree| {
        let connection = connection(number)?;
        if !connection.is_idle() {
            return Err(state(
                "Cannot send a connection: a message has been sent or received in part",
            ));
        }
        Ok(tree.offers()?.offer(connection.as_fd())?.into())
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_connection_withdraw(blocks: *const u32, count: u64) -> i64 {
    border::call(|tree| {
        tree.offers()?.withdraw(&border::numbers(blocks, count)?);
        Ok(0)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_connection_fetch(block: u32, timeout: f64) -> i64 {
    border::call(|tree| {
        let watch = Watch::begin();
        let _noted = tree.member.note_sleep(Goal::Connection);
        let mut fetch = Fetch::new(&tree.member, tree.offers_so_far().cloned(), block)?;
        match fetch.step_until(deadline_after(timeout)) {
            Ok(Progress::Descriptor(descriptor)) => Ok(insert(Connection::new(descriptor)?)),
            Ok(Progress::Asked | Progress::Busy) => Ok(TIMED_OUT),
            Ok(Progress::SenderIsGone) => Ok(CONNECTION_GONE),
            Ok(Progress::Taken) => Ok(CONNECTION_TAKEN),
            Err(_) if watch.was_interrupted() => Ok(INTERRUPTED),
            Err(error) => Err(error.into()),
        }
    })
}

fn pipe(tree: &Tree, block: u32) -> Result<u32> {
    Ok(tree.member.block(block, Kind::Pipe)?.id)
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_pipe_pin(
    block: u32,
    attachments: *const u32,
    count: u64,
    holds: *mut u32,
) -> i64 {
    border::call(|tree| {
        let attachments = border::numbers(attachments, count)?;
        let pinned = tree.member.pin_all(&attachments, pipe(tree, block)?)?;
        for (index, hold) in pinned.iter().enumerate() {
            border::put(holds.wrapping_add(index), hold.0);
        }
        Ok(0)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_pipe_unpin(block: u32, holds: *const u32, count: u64) -> i64 {
    border::call(|tree| {
        let holds: Vec<_> = border::numbers(holds, count)?
            .into_iter()
            .map(Hold)
            .collect();
        tree.member.unpin_from(pipe(tree, block)?, &holds)?;
        Ok(0)
    })
}
