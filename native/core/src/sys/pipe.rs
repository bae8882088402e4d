//! Pipes: `pipe2(2)`, and reading and writing them without sleeping.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, fcntl_getpipe_size, pipe_with};

/// What a pipe holds unless it was made larger: it pays to read no less at once.
pub const CHUNK: usize = 64 * 1024;

/// A write of this many bytes or fewer waits for all its room (`PIPE_BUF`).
const ATOMIC_WRITE: u64 = 4096;

/// A reading and a writing end that sleep.
pub fn pipe() -> Result<(OwnedFd, OwnedFd), Errno> {
    pipe_with(PipeFlags::CLOEXEC)
}

/// A reading and a writing end that do not sleep.
pub fn pipe_without_sleep() -> Result<(OwnedFd, OwnedFd), Errno> {
    pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)
}

/// A reading end that does not sleep, and a writing end for a program that expects one that does.
pub fn pipe_from_program() -> Result<(OwnedFd, OwnedFd), Errno> {
    let (reader, writer) = pipe()?;
    rustix::fs::fcntl_setfl(&reader, OFlags::NONBLOCK)?;
    Ok((reader, writer))
}

/// Reads what there is; 0 bytes are the end, `None` is nothing yet.
pub fn try_read(pipe: impl AsFd, target: &mut [u8]) -> Result<Option<usize>, Errno> {
    try_again(|| rustix::io::read(&pipe, &mut *target))
}

/// Writes what there is room for; `None` if there is none.
pub fn try_write(pipe: impl AsFd, bytes: &[u8]) -> Result<Option<usize>, Errno> {
    try_again(|| rustix::io::write(&pipe, bytes))
}

/// Repeats `call` where a signal came in between; `None` for `EAGAIN`.
fn try_again<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<Option<T>, Errno> {
    loop {
        match call() {
            Ok(value) => return Ok(Some(value)),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Ok(None),
            Err(errno) => return Err(errno),
        }
    }
}

/// How many bytes nobody has read (`FIONREAD`).
pub fn unread(pipe: impl AsFd) -> Result<u64, Errno> {
    rustix::io::ioctl_fionread(pipe)
}

/// Whether who writes may have to wait for a reader.
pub fn is_full(pipe: impl AsFd) -> bool {
    let size = fcntl_getpipe_size(&pipe).unwrap_or(usize::MAX) as u64;
    unread(pipe).is_ok_and(|unread| unread + ATOMIC_WRITE > size)
}
