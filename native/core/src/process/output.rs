//! The reading end of a pipe that a child writes its standard output or error into.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, fcntl_getpipe_size, pipe_with};

use crate::error::{Error, Result};

/// The most bytes that are read at once: what a pipe holds unless it was made larger.
const CHUNK: usize = 64 * 1024;

/// A write of this many bytes or fewer waits for all its room (`PIPE_BUF`).
const ATOMIC_WRITE: u64 = 4096;

/// What a child has written and nobody has read.
pub struct Output {
    pipe: OwnedFd,
}

/// What there is to read.
#[derive(Debug, PartialEq, Eq)]
pub enum Chunk {
    Bytes(Vec<u8>),
    /// Nothing, until the pipe is readable.
    Nothing,
    /// Nothing any more: everybody who could write has closed the pipe or ended.
    End,
}

impl Output {
    /// An output, and the end for the child to write into.
    pub fn create() -> Result<(Self, OwnedFd)> {
        let fail = |errno| Error::os("make a pipe for the output of a process", errno);
        let (pipe, writer) = pipe_with(PipeFlags::CLOEXEC).map_err(fail)?;
        // Only this end: the writer's program may not expect it.
        rustix::fs::fcntl_setfl(&pipe, OFlags::NONBLOCK).map_err(fail)?;
        Ok((Self { pipe }, writer))
    }

    /// Becomes readable when there is a chunk, or the end.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }

    /// The next bytes, without waiting for them.
    pub fn read(&self) -> Result<Chunk> {
        let mut bytes = vec![0; CHUNK];
        loop {
            match rustix::io::read(&self.pipe, &mut bytes[..]) {
                Ok(0) => return Ok(Chunk::End),
                Ok(count) => {
                    bytes.truncate(count);
                    bytes.shrink_to_fit();
                    return Ok(Chunk::Bytes(bytes));
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(Chunk::Nothing),
                Err(errno) => return Err(Error::os("read the output of a process", errno)),
            }
        }
    }

    /// Whether who writes may have to wait for a reader.
    pub fn is_full(&self) -> bool {
        let size = fcntl_getpipe_size(&self.pipe).unwrap_or(usize::MAX) as u64;
        rustix::io::ioctl_fionread(&self.pipe).is_ok_and(|unread| unread + ATOMIC_WRITE > size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_has_bytes_then_nothing_then_an_end() {
        let (output, writer) = Output::create().unwrap();
        assert_eq!(output.read().unwrap(), Chunk::Nothing);
        rustix::io::write(&writer, b"abc").unwrap();
        assert_eq!(output.read().unwrap(), Chunk::Bytes(b"abc".to_vec()));
        assert_eq!(output.read().unwrap(), Chunk::Nothing);
        rustix::io::write(&writer, b"last words").unwrap();
        drop(writer);
        assert_eq!(output.read().unwrap(), Chunk::Bytes(b"last words".to_vec()));
        assert_eq!(output.read().unwrap(), Chunk::End);
        assert_eq!(output.read().unwrap(), Chunk::End);
    }

    #[test]
    fn a_full_output_says_so() {
        let (output, writer) = Output::create().unwrap();
        assert!(!output.is_full());
        rustix::io::write(&writer, &[0; CHUNK]).unwrap();
        assert!(output.is_full());
        let Chunk::Bytes(bytes) = output.read().unwrap() else {
            panic!("nothing was read");
        };
        assert_eq!(bytes.len(), CHUNK);
        assert!(!output.is_full());
    }
}
