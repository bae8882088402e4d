//! Connections: whole messages through a pipe or socket, CPython's bytes.
//!
//! - [`frame`]: the header of a message.
//! - [`incoming`], [`outgoing`]: messages under way, which stop and go on at any byte. One code for
//!   threads that wait in the kernel and for the reactor, which never does.
//! - [`passing`]: descriptors in messages.

pub mod frame;
pub mod incoming;
pub mod outgoing;
pub mod passing;

#[cfg(test)]
mod tests;

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use crate::error::Error;
use crate::sys::bytes::{Bytes, BytesMut};
use crate::sys::clock::Deadline;
use crate::sys::stream::{Mode, Stream};
use crate::sys::{Errno, peer, pipe, poll, socket, unix};
use incoming::{Incoming, Received};
use outgoing::{Outgoing, Sent};

/// What the reactor reads or writes for one connection before it looks after the others.
const TURN: usize = 4 * 1024 * 1024;

/// What the buffer of a socket is asked to hold.
const SOCKET_BUFFER: usize = 1024 * 1024;

/// Why a message cannot be sent or received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The other end was closed inside a message.
    CutOff,
    /// No message begins with these bytes.
    InvalidLength,
    /// It is longer than the receiver allows, or than memory.
    TooLong(u64),
    Os(Errno),
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        Self::Os(errno)
    }
}

/// One end of a pipe or socket.
///
/// A thread that waits holds a side's lock while it sleeps; the reactor therefore never waits for
/// it. The caller sees to it that one side has one user at a time.
pub struct Connection {
    stream: Stream,
    incoming: Mutex<Incoming>,
    outgoing: Mutex<Outgoing>,
}

impl Connection {
    pub fn new(descriptor: OwnedFd) -> Result<Self, Error> {
        let stream =
            Stream::new(descriptor).map_err(|errno| Error::os("use a descriptor", errno))?;
        Ok(Self {
            stream,
            incoming: Mutex::default(),
            outgoing: Mutex::default(),
        })
    }

    /// Two connected ends: of a socket pair, or of a pipe whose first end only receives.
    pub fn pair(duplex: bool) -> Result<[Self; 2], Error> {
        let fail = |errno| Error::os("create a pipe", errno);
        let (first, second) = if duplex {
            let pair = unix::pair().map_err(fail)?;
            for end in [&pair.0, &pair.1] {
                unix::ask_for_room(end, SOCKET_BUFFER); // fewer wake-ups for large messages
            }
            pair
        } else {
            pipe::pipe_without_sleep().map_err(fail)?
        };
        Ok([Self::new(first)?, Self::new(second)?])
    }

    pub fn fileno(&self) -> RawFd {
        self.stream.as_fd().as_raw_fd()
    }

    /// Sends a message. Bytes that [`Mode::Try`] has no room for are kept, for
    /// [`advance_sending`](Self::advance_sending).
    pub fn send<'a>(&self, payload: impl Into<Bytes<'a>>, mode: Mode) -> Result<Sent, Failure> {
        let payload = payload.into();
        let header = frame::Header::new(payload.len());
        let parts = [header.as_bytes().into(), payload];
        lock(&self.outgoing).send(&self.stream, parts, mode)
    }

    /// What is left of what was kept; tells what went wrong meanwhile.
    pub fn flush(&self) -> Result<Sent, Failure> {
        lock(&self.outgoing).flush(&self.stream, Mode::Try, TURN)
    }

    /// As [`flush`](Self::flush), waiting for room.
    pub fn flush_all(&self) -> Result<Sent, Failure> {
        lock(&self.outgoing).flush(&self.stream, Mode::Wait, usize::MAX)
    }

    /// The reactor's turn at what is kept; whether it is done.
    pub fn advance_sending(&self) -> bool {
        try_lock(&self.outgoing).is_some_and(|mut side| side.advance(&self.stream, TURN))
    }

    /// Forgets the kept message if the other end has seen nothing of it; whether that was so.
    pub fn withdraw(&self) -> bool {
        lock(&self.outgoing).withdraw()
    }

    /// Receives a message of at most `limit` bytes into `target`; one that does not fit is only
    /// told of, for [`receive_into`](Self::receive_into).
    pub fn receive<'a>(
        &self,
        target: impl Into<BytesMut<'a>>,
        limit: u64,
        mode: Mode,
    ) -> Result<Received, Failure> {
        let mut side = lock(&self.incoming);
        let received = side.receive(&self.stream, target.into(), limit, mode);
        side.settled(received)
    }

    /// As [`receive`](Self::receive) with [`Mode::Try`], looking out for the message for some
    /// microseconds.
    pub fn receive_soon(&self, target: &mut [u8], limit: u64) -> Result<Received, Failure> {
        let mut side = lock(&self.incoming);
        let received = side.receive_soon(&self.stream, target.into(), limit);
        side.settled(received)
    }

    /// Receives the message that [`receive`](Self::receive) has told of; `target` has to be as long.
    pub fn receive_into<'a>(
        &self,
        target: impl Into<BytesMut<'a>>,
        mode: Mode,
    ) -> Result<Received, Failure> {
        let mut side = lock(&self.incoming);
        let received = side.receive_into(&self.stream, target.into(), mode);
        side.settled(received)
    }

    /// The reactor's turn at the next message; whether [`receive`](Self::receive) now has something
    /// to say.
    pub fn advance_receiving(&self, limit: u64) -> bool {
        try_lock(&self.incoming).is_some_and(|mut side| side.advance(&self.stream, limit, TURN))
    }

    /// Whether a message, or a part of one, is here already, however the descriptor looks.
    pub fn has_begun(&self) -> bool {
        !lock(&self.incoming).is_idle()
    }

    /// Whether no message is under way in this process, so that another may go on with the
    /// descriptor.
    pub fn is_idle(&self) -> bool {
        try_lock(&self.incoming).is_some_and(|side| side.is_idle())
            && try_lock(&self.outgoing).is_some_and(|side| side.is_idle())
    }

    /// Confirms at once what has come: to be called behind a message that nobody answers.
    pub fn confirm(&self) {
        socket::confirm(&self.stream);
    }

    /// Which process has the other end; `None` if that is not known, or on another machine.
    pub fn peer(&self) -> Option<u32> {
        peer::process_of(&self.stream)
    }

    /// Whether there is something to receive, also the end; waits for it until `deadline`.
    pub fn poll(&self, deadline: Deadline) -> Result<bool, Errno> {
        Ok(self.has_begun() || poll::await_readable(&self.stream, deadline)?)
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// A side stays usable after a panic elsewhere: at worst its message is broken, which is told.
fn lock<T>(side: &Mutex<T>) -> MutexGuard<'_, T> {
    side.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The side, unless a thread has it, which then does what the reactor would do.
fn try_lock<T>(side: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match side.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}
