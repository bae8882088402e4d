//! Descriptors in messages. A message cannot carry one; it names a block that says who has it.
//!
//! The sender keeps a duplicate and *offers* it: a block of [`Kind::Offer`] holds a random token
//! and the random name of an abstract socket at which the sender's reactor listens. The receiver
//! adopts the block, connects, shows the token and gets the descriptor by `SCM_RIGHTS`. Both sides
//! make sure that the other is a process of the same user (`SO_PEERCRED`).
//!
//! - [`offers`]: the sender's side, and when an offer ends.
//! - [`fetch`]: the receiver's.

mod offers;

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType};
use rustix::rand::{GetRandomFlags, getrandom};

use crate::error::{Error, Result};
use crate::heap::Kind;
use crate::heap::blocks::BlockId;
use crate::member::Member;
use crate::sys::life;
use crate::sys::socket::receive_descriptor;

pub use offers::Offers;

/// How long a receiver, which blocks its thread, waits for the sender's reactor, which needs
/// microseconds unless its whole process is stopped; and how long the sender waits for a visitor
/// to say what it wants.
const PATIENCE: Duration = Duration::from_secs(2);

const SECRET: usize = 16;
type Secret = [u8; SECRET];

/// What the block holds: how to get the descriptor, and who is to be asked for it.
struct Ticket {
    /// Of the socket.
    name: Secret,
    token: Secret,
    pid: u32,
    /// The mark of the sender, which tells it from a later process with its pid.
    start: u64,
    process_name: String,
}

impl Ticket {
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
            process_name: String::from_utf8_lossy(rest).into_owned(),
        })
    }

    fn sender_is_running(&self) -> bool {
        life::life_of_process(self.pid).goes_on_as(self.start)
    }
}

/// Longer tickets are nobody's.
const LONGEST_TICKET: u64 = 1024;

/// The reply's only byte, beside the descriptor; 0 without one.
const GRANTED: u8 = b'A';

fn random() -> Result<Secret> {
    let mut secret = [0; SECRET];
    getrandom(&mut secret[..], GetRandomFlags::empty())
        .map_err(|errno| Error::os("offer a descriptor", errno))?;
    Ok(secret)
}

fn address(name: Secret) -> rustix::io::Result<SocketAddrUnix> {
    let hex: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
    SocketAddrUnix::new_abstract_name(format!("multiprocessing-{hex}").as_bytes())
}

fn is_same_user(socket: impl AsFd) -> bool {
    let user = rustix::process::geteuid();
    sockopt::socket_peercred(socket).is_ok_and(|peer| peer.uid == user)
}

/// What came of an attempt to fetch.
#[derive(Debug)]
pub enum Fetched {
    Descriptor(OwnedFd),
    /// The sender has ended, so nobody has the descriptor.
    SenderIsGone {
        pid: u32,
        name: String,
    },
    /// The sender is there, but has not answered in time.
    SenderIsSilent {
        pid: u32,
        name: String,
    },
    /// It was fetched before.
    Taken,
}

/// Fetches what is offered under the block, of which this process must have a handle.
pub fn fetch(member: &Member, id: BlockId) -> Result<Fetched> {
    let fail = |errno| Error::os("fetch a descriptor from its sender", errno);
    let block = member.block(id, Kind::Offer)?;
    let size = block.size.min(LONGEST_TICKET) as usize;
    let bytes = member.arena().read_vec(block.offset, size);
    let ticket = Ticket::from_bytes(&bytes).ok_or(Error::Corrupted("an offer is too short"))?;
    let gone = || Fetched::SenderIsGone {
        pid: ticket.pid,
        name: ticket.process_name.clone(),
    };
    let silent = || Fetched::SenderIsSilent {
        pid: ticket.pid,
        name: ticket.process_name.clone(),
    };
    let (kind, flags) = (SocketType::SEQPACKET, SocketFlags::CLOEXEC);
    let socket = rustix::net::socket_with(AddressFamily::UNIX, kind, flags, None).map_err(fail)?;
    for side in [Timeout::Send, Timeout::Recv] {
        sockopt::set_socket_timeout(&socket, side, Some(PATIENCE)).map_err(fail)?;
    }
    let address = address(ticket.name).map_err(fail)?;
    loop {
        match rustix::net::connect(&socket, &address) {
            Ok(()) => break,
            Err(Errno::INTR) => {}
            Err(Errno::CONNREFUSED) if ticket.sender_is_running() => {
                return Ok(Fetched::Taken);
            }
            Err(Errno::CONNREFUSED) => return Ok(gone()),
            Err(Errno::AGAIN) => return Ok(silent()),
            Err(errno) => return Err(fail(errno)),
        }
    }
    if !is_same_user(&socket) {
        return Err(fail(Errno::PERM));
    }
    match rustix::net::send(&socket, &ticket.token, SendFlags::NOSIGNAL) {
        Ok(_) => {}
        Err(Errno::PIPE) => {}
        Err(Errno::AGAIN) => return Ok(silent()),
        Err(errno) => return Err(fail(errno)),
    }
    match receive_descriptor(socket.as_fd()) {
        Ok(Some((GRANTED, Some(descriptor)))) => Ok(Fetched::Descriptor(descriptor)),
        Ok(Some((GRANTED, None))) => Err(fail(Errno::MFILE)),
        Ok(Some(_)) => Ok(Fetched::Taken),
        Ok(None) | Err(Errno::CONNRESET) => Ok(gone()),
        Err(Errno::AGAIN) => Ok(silent()),
        Err(errno) => Err(fail(errno)),
    }
}
