//! The messages between the parent and the child of one start, before the child has joined the
//! tree.

use std::os::fd::BorrowedFd;

use crate::error::{Error, Result};
use crate::memory::heap::{BlockId, Hold};
use crate::sys::{Errno, unix};
use crate::tree::processes::TreePlace;

/// The descriptors that a child finds: the socket to its parent and the arena.
pub const PARENT_SOCKET: i32 = 3;
pub const ARENA: i32 = 4;

/// The most bytes that a child can tell of its failure to begin.
pub(super) const FAILURE_MAX: usize = 16 * 1024;

/// What the parent writes into a child's socket before it starts it; and once more into that of a
/// child which was started before it was known what for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Greeting {
    pub place: TreePlace,
    /// The block with the preparation data and the hold on it that the child's slot has been
    /// given; `None` if it is to wait for its work.
    pub preparation: Option<(BlockId, Hold)>,
    /// Whether the child ends when its parent does.
    pub daemon: bool,
    /// Whether signals to the whole group are for its parent to deal with: SIGINT, SIGTERM, SIGHUP.
    pub shielded: bool,
}

const GREETING_SIZE: usize = 20;

impl Greeting {
    fn to_bytes(self) -> [u8; GREETING_SIZE] {
        let (preparation, hold) = self.preparation.unwrap_or((0, Hold(0)));
        let words = [
            self.place.slot,
            self.place.generation,
            preparation,
            hold.0,
            u32::from(self.daemon)
                | u32::from(self.preparation.is_some()) << 1
                | u32::from(self.shielded) << 2,
        ];
        let mut bytes = [0; GREETING_SIZE];
        for (chunk, word) in bytes.chunks_mut(4).zip(words) {
            chunk.copy_from_slice(&word.to_ne_bytes());
        }
        bytes
    }

    /// Writes the greeting into our end of a child's socket. `EPIPE` or `ECONNRESET` if the child ends.
    pub(super) fn send(self, socket: BorrowedFd) -> std::result::Result<(), Errno> {
        unix::send(socket, &self.to_bytes()).map(drop)
    }

    /// Reads the greeting from the socket that this process was started with.
    pub fn receive(socket: BorrowedFd) -> Result<Self> {
        let mut bytes = [0; GREETING_SIZE];
        let received = unix::receive_sleeping(socket, &mut bytes)
            .map_err(|errno| Error::os("read what the parent sent", errno))?;
        if received != GREETING_SIZE {
            return Err(Error::Orphaned);
        }
        let word =
            |k: usize| u32::from_ne_bytes(bytes[4 * k..4 * k + 4].try_into().unwrap_or_default());
        Ok(Self {
            place: TreePlace {
                slot: word(0),
                generation: word(1),
            },
            preparation: (word(4) & 2 != 0).then(|| (word(2), Hold(word(3)))),
            daemon: word(4) & 1 != 0,
            shielded: word(4) & 4 != 0,
        })
    }
}
