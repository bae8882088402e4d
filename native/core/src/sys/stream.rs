//! Bytes into and out of descriptors, with and without sleeping: `recv(2)`, `sendmsg(2)`,
//! `read(2)`, `writev(2)`.
#![expect(
    unsafe_code,
    reason = "reads into the spare capacity of vectors, and by address where others may write"
)]

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use rustix::event::PollFlags;
use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

use super::bytes::{Bytes, BytesMut};
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
    #[expect(
        clippy::multiple_unsafe_ops_per_block,
        reason = "one of the calls is made"
    )]
    pub fn read<'a>(
        &self,
        target: impl Into<BytesMut<'a>>,
        mode: Mode,
    ) -> Result<Option<usize>, Errno> {
        let target = target.into();
        let (descriptor, start) = (self.descriptor.as_raw_fd(), target.as_mut_ptr().cast());
        let flags = receive_flags(within_call(mode)).bits() as i32;
        self.attempt(PollFlags::IN, mode, || {
            // SAFETY: the descriptor is open, and `target` can be written.
            let count = unsafe {
                match self.kind {
                    StreamKind::Socket => libc::recv(descriptor, start, target.len(), flags),
                    _ => libc::read(descriptor, start, target.len()),
                }
            };
            count_of(count)
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
        let flags = receive_flags(within_call(mode));
        let count = self.attempt(PollFlags::IN, mode, || match self.kind {
            StreamKind::Socket => {
                let received = rustix::net::recv(&self.descriptor, &mut *spare, flags)?;
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
    #[expect(
        clippy::multiple_unsafe_ops_per_block,
        reason = "one of the calls is made"
    )]
    pub fn write(&self, parts: [Bytes; 2], mode: Mode) -> Result<Option<usize>, Errno> {
        let descriptor = self.descriptor.as_raw_fd();
        let only = parts
            .into_iter()
            .find(|part| part.len() == parts[0].len() + parts[1].len());
        let both = parts.map(|part| libc::iovec {
            iov_base: part.as_ptr().cast_mut().cast(),
            iov_len: part.len(),
        });
        let how = send_flags(within_call(mode)).bits() as i32;
        self.attempt(PollFlags::OUT, mode, || {
            // SAFETY: the descriptor is open, the parts can be read, and the kernel only reads them.
            let count = unsafe {
                match (self.kind, only) {
                    (StreamKind::Socket, Some(part)) => {
                        libc::send(descriptor, part.as_ptr().cast(), part.len(), how)
                    }
                    (StreamKind::Socket, None) => {
                        let mut message: libc::msghdr = std::mem::zeroed();
                        message.msg_iov = both.as_ptr().cast_mut();
                        message.msg_iovlen = both.len() as _;
                        libc::sendmsg(descriptor, &message, how)
                    }
                    (StreamKind::NonBlocking, Some(part)) => {
                        libc::write(descriptor, part.as_ptr().cast(), part.len())
                    }
                    (StreamKind::NonBlocking, None) => libc::writev(descriptor, both.as_ptr(), 2),
                    (StreamKind::Blocking, _) => {
                        let (part, _) = only.unwrap_or(parts[0]).split_at(CERTAIN_ROOM);
                        libc::write(descriptor, part.as_ptr().cast(), part.len())
                    }
                }
            };
            count_of(count)
        })
    }

    /// Repeats `call` where a signal or, if it may wait, `EAGAIN` came in between.
    fn attempt<T>(
        &self,
        wanted: PollFlags,
        mode: Mode,
        mut call: impl FnMut() -> Result<T, Errno>,
    ) -> Result<Option<T>, Errno> {
        let mut asked = self.kind != StreamKind::Blocking;
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

/// How many bytes a call has moved; its error if it returned -1.
fn count_of(returned: isize) -> Result<usize, Errno> {
    usize::try_from(returned).map_err(|_| {
        let error = std::io::Error::last_os_error();
        Errno::from_io_error(&error).unwrap_or(Errno::IO)
    })
}

/// Whether a call itself may sleep: not where somebody may end the wait, who could not end a sleep inside of
/// `recv(2)` or `send(2)`; `poll(2)` sleeps then.
fn within_call(mode: Mode) -> Mode {
    match caller::is_watched() {
        true => Mode::Try,
        false => mode,
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
