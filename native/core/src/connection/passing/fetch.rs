//! The receiver's side: one descriptor, fetched in steps that never wait.
//!
//! | state     | `socket`  | a step                                                                     |
//! | --------- | --------- | -------------------------------------------------------------------------- |
//! | idle      | `None`    | T1: connects and shows the token → asked; T2: the sender has no time → idle |
//! | asked     | connected | T3: nothing yet → asked; T4: the descriptor → over; T5: sent away → idle     |
//! |           |           | T6: no descriptor is free for it here → idle, and the error is told         |
//! | over      | `None`    | (is not stepped any more)                                                  |
//!
//! What this process has itself is never asked for. From idle, T7: the offer's duplicate → over; T8: a
//! visitor was given it, and has not confirmed → idle. With a socket this process could wait for
//! itself: the question may take the last descriptor, with which the answer would have to begin.
//!
//! The driver waits for [`Fetch::descriptor`] after T3, and for [`BUSY_PAUSE`](super::BUSY_PAUSE)
//! after T2, T5 and T8. An error is this process's and passes: the same fetch may be tried again.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

use super::{BUSY_PAUSE, CONFIRMED, GRANTED, LONGEST_TICKET, OfferTicket, Offers, socket_name};
use crate::error::{Error, Result};
use crate::memory::heap::{BlockId, Kind};
use crate::sys::clock::Deadline;
use crate::sys::unix::{is_same_user, receive_descriptor};
use crate::sys::{Errno, poll, unix};
use crate::tree::member::Member;

/// The outcome of a step of a fetch.
#[derive(Debug)]
pub enum Progress {
    Descriptor(OwnedFd),
    /// The sender has been asked: see [`Fetch::descriptor`].
    Asked,
    /// The sender is there, but has no room for another visitor just now; or it is this process, and
    /// a visitor has been given it.
    Busy,
    /// The sender has ended, so nobody has the descriptor.
    SenderIsGone,
    /// It was fetched before.
    Taken,
}

/// A descriptor on its way.
pub struct Fetch {
    pub(super) ticket: OfferTicket,
    /// What this process offers, which may be what is fetched.
    pub(super) own: Option<Arc<Offers>>,
    socket: Option<OwnedFd>,
}

fn fail(errno: Errno) -> Error {
    Error::os("fetch a descriptor from its sender", errno)
}

impl Fetch {
    /// Of what is offered under the block, of which this process must have a handle until the end;
    /// `own` are this process's offers, if there ever were any.
    pub fn new(member: &Member, own: Option<Arc<Offers>>, id: BlockId) -> Result<Self> {
        let block = member.block(id, Kind::Offer)?;
        let size = block.size.min(LONGEST_TICKET) as usize;
        let bytes = member.arena().read_vec(block.offset, size);
        let ticket =
            OfferTicket::from_bytes(&bytes).ok_or(Error::Corrupted("an offer is too short"))?;
        Ok(Self {
            ticket,
            own,
            socket: None,
        })
    }

    /// Readable when another step has something to do, while the sender has been asked.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.socket.as_ref().map(AsFd::as_fd)
    }

    /// The process id and the name of the sender.
    pub fn sender(&self) -> (u32, &str) {
        (self.ticket.pid, &self.ticket.process_name)
    }

    /// Goes on as far as it can without waiting.
    pub fn step(&mut self) -> Result<Progress> {
        if self.socket.is_none() {
            let own = self.own.as_ref();
            if let Some(own) = own.and_then(|offers| offers.take_back(&self.ticket)) {
                return Ok(own);
            }
            if let Some(early) = self.ask()? {
                return Ok(early);
            }
        }
        let Some(socket) = self.socket.take() else {
            return Ok(Progress::Busy);
        };
        match receive_descriptor(socket.as_fd()) {
            Ok(Some((GRANTED, Some(descriptor)))) => {
                // If it does not arrive, the sender keeps a duplicate until the message is gone.
                let _ = unix::send(&socket, &[CONFIRMED]);
                Ok(Progress::Descriptor(descriptor))
            }
            // The kernel had no number for it here; the sender has not heard that it arrived.
            Ok(Some((GRANTED, None))) => Err(fail(Errno::MFILE)),
            Ok(Some(_)) => Ok(Progress::Taken),
            Ok(None) | Err(Errno::CONNRESET) if self.ticket.sender_is_running() => {
                Ok(Progress::Busy)
            }
            Ok(None) | Err(Errno::CONNRESET) => Ok(Progress::SenderIsGone),
            Err(Errno::AGAIN) => {
                self.socket = Some(socket);
                Ok(Progress::Asked)
            }
            Err(errno) => Err(fail(errno)),
        }
    }

    /// Connects to the sender and shows the token; what came of it if it did not get so far.
    fn ask(&mut self) -> Result<Option<Progress>> {
        let is_running = || self.ticket.sender_is_running();
        let socket = match unix::visit(&socket_name(self.ticket.name)) {
            Ok(socket) => socket,
            Err(Errno::CONNREFUSED) if is_running() => return Ok(Some(Progress::Taken)),
            Err(Errno::CONNREFUSED) => return Ok(Some(Progress::SenderIsGone)),
            Err(Errno::AGAIN) if !is_running() => return Ok(Some(Progress::SenderIsGone)),
            Err(Errno::AGAIN) => return Ok(Some(Progress::Busy)),
            Err(errno) => return Err(fail(errno)),
        };
        if !is_same_user(&socket) {
            return Err(fail(Errno::PERM));
        }
        match unix::send(&socket, &self.ticket.token) {
            // Sent away already: the next receive says so.
            Ok(_) | Err(Errno::PIPE | Errno::CONNRESET) => {}
            Err(Errno::AGAIN) => return Ok(Some(Progress::Busy)),
            Err(errno) => return Err(fail(errno)),
        }
        self.socket = Some(socket);
        Ok(None)
    }

    /// As [`step`](Self::step), waiting until `deadline` for something that it can do.
    pub fn step_until(&mut self, deadline: Deadline) -> Result<Progress> {
        loop {
            let progress = self.step()?;
            match (&progress, self.descriptor()) {
                (Progress::Asked, Some(socket)) => {
                    if !poll::await_readable(socket, deadline).map_err(fail)? {
                        return Ok(progress);
                    }
                }
                (Progress::Busy, _) => {
                    let now = Instant::now();
                    let left = deadline.map_or(BUSY_PAUSE, |at| at.saturating_duration_since(now));
                    if left.is_zero() {
                        return Ok(progress);
                    }
                    std::thread::sleep(left.min(BUSY_PAUSE));
                }
                _ => return Ok(progress),
            }
        }
    }
}
