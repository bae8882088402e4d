//! The reading end of a pipe that a child writes its standard output or error into.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::error::{Error, Result};
use crate::sys::pipe::{self, CHUNK};

/// Bytes that a child has written and nobody has read.
pub struct Output {
    pipe: OwnedFd,
}

/// The bytes that are there to be read.
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
        let (pipe, writer) = pipe::pipe_from_program().map_err(fail)?;
        Ok((Self { pipe }, writer))
    }

    /// Becomes readable when there is a chunk, or the end.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }

    /// The next bytes, without waiting for them.
    pub fn read(&self) -> Result<Chunk> {
        let mut bytes = vec![0; CHUNK];
        match pipe::try_read(&self.pipe, &mut bytes) {
            Ok(Some(0)) => Ok(Chunk::End),
            Ok(Some(count)) => {
                bytes.truncate(count);
                bytes.shrink_to_fit();
                Ok(Chunk::Bytes(bytes))
            }
            Ok(None) => Ok(Chunk::Nothing),
            Err(errno) => Err(Error::os("read the output of a process", errno)),
        }
    }

    /// Whether who writes may have to wait for a reader.
    pub fn is_full(&self) -> bool {
        pipe::is_full(&self.pipe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_has_bytes_then_nothing_then_an_end() {
        let (output, writer) = Output::create().unwrap();
        assert_eq!(output.read().unwrap(), Chunk::Nothing);
        pipe::try_write(&writer, b"abc").unwrap();
        assert_eq!(output.read().unwrap(), Chunk::Bytes(b"abc".to_vec()));
        assert_eq!(output.read().unwrap(), Chunk::Nothing);
        pipe::try_write(&writer, b"last words").unwrap();
        drop(writer);
        assert_eq!(output.read().unwrap(), Chunk::Bytes(b"last words".to_vec()));
        assert_eq!(output.read().unwrap(), Chunk::End);
        assert_eq!(output.read().unwrap(), Chunk::End);
    }

    #[test]
    fn a_full_output_says_so() {
        let (output, writer) = Output::create().unwrap();
        assert!(!output.is_full());
        pipe::try_write(&writer, &[0; CHUNK]).unwrap();
        assert!(output.is_full());
        let Chunk::Bytes(bytes) = output.read().unwrap() else {
            panic!("nothing was read");
        };
        assert_eq!(bytes.len(), CHUNK);
        assert!(!output.is_full());
    }
}
