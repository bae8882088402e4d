//! The standard streams of caged children, as far as they must not have this process's own.
//!
//! The host uses descriptors by their numbers, for reading and for `ioctl(2)`, too. A terminal is
//! open for reading and writing: a process that has it for its output can read what is typed, and
//! switch its modes.
//!
//! | this process's stream is                             | a caged child gets                        |
//! | ---------------------------------------------------- | ----------------------------------------- |
//! | a file, pipe or `/dev/null`, open for writing only   | the same                                  |
//! | a terminal, a socket, open for reading, or closed    | a pipe, whose bytes a thread passes on    |
//!
//! The thread ends when nobody can write into the pipe any more. The bytes that a child wrote
//! before its end have been passed on when it is reaped, unless nobody takes them: the thread that
//! reaps, which may be the reactor, waits for no longer than [`DRAIN_PATIENCE`].

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::sys::descriptor::can_only_be_written;
use crate::sys::pipe::{self, CHUNK};
use crate::sys::{Errno, poll};

/// How long who reaps a child waits for its last words to be taken.
const DRAIN_PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandardStream {
    Output,
    Error,
}

/// A pipe from a child to one of this process's streams, and the thread that passes on what comes.
pub struct Forward {
    pipe: OwnedFd,
    to: StandardStream,
    passed: Mutex<Passed>,
    /// Threads wait here for more to be passed on.
    progress: Condvar,
}

/// How many bytes have come out of the pipe, and how many of them have been written.
#[derive(Default)]
struct Passed {
    read: u64,
    written: u64,
    /// The thread has ended.
    is_over: bool,
}

/// The end to write into, for a caged child, and its pipe; `None` if it may have this process's own
/// stream.
pub fn outlet(to: StandardStream) -> Result<Option<(OwnedFd, Arc<Forward>)>> {
    if with(to, can_only_be_written) {
        return Ok(None);
    }
    let fail = |errno| Error::os("make a pipe for the output of a process", errno);
    let (pipe, writer) = pipe::pipe_from_program().map_err(fail)?;
    let forward = Arc::new(Forward {
        pipe,
        to,
        passed: Mutex::default(),
        progress: Condvar::new(),
    });
    let passing = Arc::clone(&forward);
    std::thread::Builder::new()
        .name("mp-forward".into())
        .stack_size(128 * 1024)
        .spawn(move || passing.pass_on())
        .map_err(|_| fail(Errno::AGAIN))?;
    Ok(Some((writer, forward)))
}

fn with<T>(stream: StandardStream, work: impl FnOnce(BorrowedFd) -> T) -> T {
    match stream {
        StandardStream::Output => work(std::io::stdout().as_fd()),
        StandardStream::Error => work(std::io::stderr().as_fd()),
    }
}

impl Forward {
    fn passed(&self) -> MutexGuard<'_, Passed> {
        // Numbers are whole even after a panic elsewhere.
        self.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes on what comes, to the end.
    fn pass_on(&self) {
        let mut bytes = vec![0; CHUNK];
        while let Some(length) = self.read(&mut bytes) {
            with(self.to, |target| write_all(target, &bytes[..length]));
            self.passed().written += length as u64;
            self.progress.notify_all();
        }
        self.passed().is_over = true;
        self.progress.notify_all();
    }

    /// Waits for something, and reads it; `None` at the end.
    fn read(&self, bytes: &mut [u8]) -> Option<usize> {
        loop {
            poll::await_readable(&self.pipe, None).ok()?;
            let mut passed = self.passed();
            match pipe::try_read(&self.pipe, bytes).ok()? {
                Some(0) => return None,
                Some(length) => {
                    passed.read += length as u64;
                    return Some(length);
                }
                None => {}
            }
        }
    }

    /// Waits until what is in the pipe now has been passed on, and no more than that: others may go on
    /// writing. A stream that takes nothing, such as a terminal that was stopped, is not waited for.
    pub fn drain(&self) {
        let passed = self.passed();
        let waiting = pipe::unread(&self.pipe).unwrap_or(0);
        let all = passed.read + waiting;
        let is_under_way = |passed: &mut Passed| passed.written < all && !passed.is_over;
        let _ = self
            .progress
            .wait_timeout_while(passed, DRAIN_PATIENCE, is_under_way);
    }
}

/// Writes the bytes, or as many as anybody takes.
fn write_all(target: BorrowedFd, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match pipe::try_write(target, bytes) {
            Ok(Some(written)) => bytes = &bytes[written..],
            Ok(None) => {
                let _ = poll::await_writable(target, None);
            }
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    #[test]
    fn all_bytes_are_written_whatever_room_there_is() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        theirs.set_nonblocking(true).unwrap();
        let bytes: Vec<u8> = (0..1_000_000u32).map(|n| n as u8).collect();
        let expected = bytes.clone();
        let reading = std::thread::spawn(move || {
            let mut all = Vec::new();
            ours.read_to_end(&mut all).unwrap();
            all
        });
        write_all(theirs.as_fd(), &bytes);
        drop(theirs);
        assert!(reading.join().unwrap() == expected);
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        drop(ours);
        write_all(theirs.as_fd(), b"nobody is there");
        assert!(theirs.write(b"x").is_err());
    }
}
