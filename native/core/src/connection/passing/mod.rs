//! Descriptors in messages. A message cannot carry one; it names a block that says which process
//! has it.
//!
//! The sender keeps a duplicate and *offers* it: a block of [`Kind::Offer`] holds a random token
//! and the random name of an abstract socket at which the sender's reactor listens. The receiver
//! adopts the block, connects, shows the token, gets the descriptor by `SCM_RIGHTS`, and confirms
//! that it has it: only then the offer ends. So neither a lack of descriptors on either side nor
//! impatience loses anything. Both sides make sure that the other is a process of the same user
//! (`SO_PEERCRED`). A receiver that is the sender takes the duplicate itself.
//!
//! - [`offers`]: the sender's side, and when an offer ends.
//! - [`fetch`]: the receiver's.

mod fetch;
mod offers;

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::error::{Error, Result};
use crate::sys::{life, procfs, random, text};

pub use fetch::{Fetch, Progress};
pub use offers::Offers;

/// How long the sender waits for a visitor to say what it wants.
const VISITOR_PATIENCE: Duration = Duration::from_secs(2);
/// When a receiver tries again whom the sender had no time or descriptor for.
pub const BUSY_PAUSE: Duration = Duration::from_millis(20);

const SECRET: usize = 16;
type Secret = [u8; SECRET];

/// What the block holds: how to get the descriptor, and which process is to be asked for it.
struct OfferTicket {
    /// Of the socket.
    name: Secret,
    token: Secret,
    pid: u32,
    /// The mark of the sender, which tells it from a later process with its pid.
    start: u64,
    process_name: String,
}

impl OfferTicket {
    fn to_bytes(&self) -> Vec<u8> {
        let (pid, start) = (self.pid.to_ne_bytes(), self.start.to_ne_bytes());
        let process_name = self.process_name.as_bytes();
        [&self.name[..], &self.token, &pid, &start, process_name].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (name, rest) = bytes.split_first_chunk()?;
        let (token, rest) = rest.split_first_chunk()?;
        let (pid, rest) = rest.split_first_chunk()?;
        let (start, rest) = rest.split_first_chunk()?;
        Some(Self {
            name: *name,
            token: *token,
            pid: u32::from_ne_bytes(*pid),
            start: u64::from_ne_bytes(*start),
            process_name: text::harmless(&String::from_utf8_lossy(rest)),
        })
    }

    /// In doubt it is: what it offers is not lost because this process has no descriptor to look with.
    fn sender_is_running(&self) -> bool {
        let goes_on = life::life_of_process(self.pid).goes_on_as(self.start);
        // One that is ending has closed its socket, but may be there for a while.
        goes_on && !(procfs::is_own() && procfs::is_dying(self.pid) == Some(true))
    }
}

/// Longer tickets are nobody's.
const LONGEST_TICKET: u64 = 1024;

/// The reply's only byte, beside the descriptor; 0 without one.
const GRANTED: u8 = b'A';
/// The byte by which the receiver confirms the descriptor.
const CONFIRMED: u8 = b'C';

fn new_secret() -> Result<Secret> {
    random::secret().map_err(|errno| Error::os("offer a descriptor", errno))
}

/// The abstract name of the socket of that name.
fn socket_name(name: Secret) -> Vec<u8> {
    let hex: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("multiprocessing-{hex}").into_bytes()
}
