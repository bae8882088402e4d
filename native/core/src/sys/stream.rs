//! Bytes into and out of descriptors, with and without sleeping: `recv(2)`, `sendmsg(2)`,
//! `read(2)`, `writev(2)`.
#![expect(unsafe_code, reason = "reads into the spare capacity of vectors")]

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use rustix::event::PollFlags;
use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags};

use super::clock::Deadline;
use super::{caller, poll};

/// Whether a call may sleep in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Until something could be done.
    Wait,
    /// Not at all: what would have to wait is told as `None`.
    Try,
}

/// How a descriptor is asked not to sleep. The flag `O_NONBLOCK` belongs to all processes that
/// share the open file, so it is used as it is found, never set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StreamKind {
    /// Each call says it (`MSG_DONTWAIT`).
    Socket,
    /// It never sleeps (`O_NONBLOCK`); waiting is `poll(2)`.
    NonBlocking,
    /// It would sleep: `poll(2)` is asked before each call.
    Blocking,
}

/// The most bytes that a blocking pipe takes without sleeping once `poll(2)` calls it writable
/// (`PIPE_BUF`).
const CERTAIN_ROOM: usize = 4096;

/// A descriptor for bytes.
pub struct Stream {
    descriptor: OwnedFd,
    kind: StreamKind,
}

impl Stream {
    /// Finds out what `descriptor` is.
    pub fn new(descriptor: OwnedFd) -> Result<Self, Errno> {
        let file_type = FileType::from_raw_mode(rustix::fs::fstat(&descriptor)?.st_mode);
        let kind = if file_type == FileType::Socket {
            StreamKind::Socket
        } else if rustix::fs::fcntl_getfl(&descriptor)?.contains(OFlags::NONBLOCK) {
            StreamKind::NonBlocking
        } else {
            StreamKind::Blocking
        };
        Ok(Self { descriptor, kind })
    }

    /// Reads into `target`; 0 bytes are the end, unless none were asked for.
    pub fn read(&self, target: &mut [u8], mode: Mode) -> Result<Option<usize>, Errno> {
        self.attempt(PollFlags::IN, mode, || match self.kind {
            StreamKind::Socket => {
                let received =
                    rustix::net::recv(&self.descriptor, &mut *target, receive_flags(mode))?;
                Ok(received.0)
            }
            _ => rustix::io::read(&self.descriptor, &mut *target),
        })
    }

    /// Reads up to `most` bytes behind the end of `target`, in the memory that it has already.
    pub fn append(
        &self,
        target: &mut Vec<u8>,
        most: usize,
        mode: Mode,
    ) -> Result<Option<usize>, Errno> {
        let spare = target.spare_capacity_mut();
        let room = spare.len().min(most);
        let spare = &mut spare[..room];
        let count = self.attempt(PollFlags::IN, mode, || match self.kind {
            StreamKind::Socket => {
                let received =
                    rustix::net::recv(&self.descriptor, &mut *spare, receive_flags(mode))?;
                Ok(received.0.0.len())
            }
            _ => rustix::io::read(&self.descriptor, &mut *spare).map(|(read, _)| read.len()),
        })?;
        if let Some(count) = count {
            let end = target.len() + count;
            // SAFETY: the call above has initialised `count` bytes from the vector's end on, and
            // said so by the length of the slice that it gave back.
            unsafe { target.set_len(end) };
        }
        Ok(count)
    }

    /// Writes as much of two parts as there is room for, at least one byte.
    pub fn write(&self, parts: [&[u8]; 2], mode: Mode) -> Result<Option<usize>, Errno> {
        let only = match parts {
            [part, []] | [[], part] => Some(part),
            _ => None,
        };
        let both = || [IoSlice::new(parts[0]), IoSlice::new(parts[1])];
        self.attempt(PollFlags::OUT, mode, || match (self.kind, only) {
            (StreamKind::Socket, Some(part)) => {
                rustix::net::send(&self.descriptor, part, send_flags(mode))
            }
            (StreamKind::Socket, None) => {
                let mut nothing = SendAncillaryBuffer::new(&mut [] as &mut [MaybeUninit<u8>]);
                let how = send_flags(mode);
                rustix::net::sendmsg(&self.descriptor, &both(), &mut nothing, how)
            }
            (StreamKind::NonBlocking, Some(part)) => rustix::io::write(&self.descriptor, part),
            (StreamKind::NonBlocking, None) => rustix::io::writev(&self.descriptor, &both()),
            (StreamKind::Blocking, _) => {
                let part = only.unwrap_or(parts[0]);
                rustix::io::write(&self.descriptor, &part[..part.len().min(CERTAIN_ROOM)])
            }
        })
    }

    /// Repeats `call` where a signal or, if it may wait, `EAGAIN` came in between.
    fn attempt<T>(
        &self,
        wanted: PollFlags,
        mode: Mode,
        mut call: impl FnMut() -> Result<T, Errno>,
    ) -> Result<Option<T>, Errno> {
        // A sleep inside of `recv(2)` could not be ended.
        let is_watched = mode == Mode::Wait && caller::is_watched();
        let mut asked = self.kind != StreamKind::Blocking && !is_watched;
        loop {
            let result = match asked || self.poll(wanted, Some(Instant::now()))? {
                true => call(),
                false => Err(Errno::AGAIN),
            };
            match (result, mode) {
                (Ok(value), _) => return Ok(Some(value)),
                (Err(Errno::INTR), _) => {}
                (Err(Errno::AGAIN), Mode::Try) => return Ok(None),
                (Err(Errno::AGAIN), Mode::Wait) => asked = self.poll(wanted, None)?,
                (Err(errno), _) => return Err(errno),
            }
        }
    }

    /// Sleeps until the descriptor is as wanted, or has an error or end to tell; `false` when
    /// `deadline` passes first.
    fn poll(&self, wanted: PollFlags, deadline: Deadline) -> Result<bool, Errno> {
        poll::await_one(self.descriptor.as_fd(), wanted, deadline)
    }
}

fn send_flags(mode: Mode) -> SendFlags {
    match mode {
        Mode::Wait => SendFlags::NOSIGNAL,
        Mode::Try => SendFlags::NOSIGNAL | SendFlags::DONTWAIT,
    }
}

fn receive_flags(mode: Mode) -> RecvFlags {
    match mode {
        // One sleep instead of many for what comes in pieces.
        Mode::Wait => RecvFlags::WAITALL,
        Mode::Try => RecvFlags::DONTWAIT,
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}
