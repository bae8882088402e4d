//! Descriptors in messages. A message cannot carry one; it names a block that says who has it.
//!
//! The sender keeps a duplicate and *offers* it: a block of [`Kind::Offer`] holds a random token
//! and the random name of an abstract socket at which the sender's reactor listens. The receiver
//! adopts the block, connects, shows the token and gets the descriptor by `SCM_RIGHTS`. Both sides
//! make sure that the other is a process of the same user (`SO_PEERCRED`).
//!
//! | an offer ends when                        | then the duplicate is closed               |
//! | ----------------------------------------- | ------------------------------------------ |
//! | it was fetched: each is good for once     | at once                                    |
//! | its message was not sent                  | at once, see [`Offers::withdraw`]          |
//! | nobody but the sender has its block       | within [`SWEEP`] of that                   |
//! | [`MOST_UNSENT`] younger ones were never   | at the next offer                          |
//! | put into a message                        |                                            |
//! | the sender ends                           | at once; the receiver is told who it was   |
//!
//! The socket and the timer exist only while there are offers.

use std::collections::BTreeMap;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
};
use rustix::rand::{GetRandomFlags, getrandom};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};

use crate::error::{Error, Result};
use crate::heap::Kind;
use crate::heap::blocks::BlockId;
use crate::member::Member;
use crate::reactor::WaitId;
use crate::reactor::descriptors::{Descriptors, Interest};
use crate::sys::procfs;

/// How often offers are looked through for those whose message is gone.
const SWEEP: Duration = Duration::from_millis(250);
/// How many offers may wait to be put into a message, such as one that waits for room in a queue.
/// More are left over by those who serialise a value and do nothing with the message.
const MOST_UNSENT: usize = 1024;
/// How long a receiver, which blocks its thread, waits for the sender's reactor, which needs
/// microseconds unless its whole process is stopped; and how long the sender waits for a visitor
/// to say what it wants.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many visitors may have said nothing yet; of more, the first is sent away.
const MOST_VISITORS: usize = 64;

const SECRET: usize = 16;
type Secret = [u8; SECRET];

/// What the block holds: how to get the descriptor, and who is to be asked for it.
struct Ticket {
    /// Of the socket.
    name: Secret,
    token: Secret,
    pid: u32,
    /// When the sender started, which tells it from a later process with its pid.
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
        procfs::process_start_time(self.pid) == Some(self.start)
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

/// The descriptors that this process offers.
pub struct Offers {
    member: Arc<Member>,
    reactor: Arc<Descriptors>,
    desk: Mutex<Option<Desk>>,
    this: Weak<Self>,
}

/// What there is while there are offers.
struct Desk {
    name: Secret,
    /// The watches of the socket and of the timer.
    watches: [WaitId; 2],
    /// In the order in which they were made.
    offers: BTreeMap<u64, Offer>,
    /// Those who have said nothing yet.
    visitors: BTreeMap<u64, Visitor>,
    /// Of both.
    next: u64,
}

struct Visitor {
    watch: WaitId,
    came: Instant,
}

struct Offer {
    token: Secret,
    block: BlockId,
    descriptor: OwnedFd,
}

impl Offers {
    pub fn new(member: Arc<Member>, reactor: Arc<Descriptors>) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            member,
            reactor,
            desk: Mutex::default(),
            this: Weak::clone(this),
        })
    }

    fn desk(&self) -> MutexGuard<'_, Option<Desk>> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Offers a duplicate of `descriptor` to whoever receives the block, which this process has
    /// one handle of until the offer ends.
    pub fn offer(&self, descriptor: BorrowedFd) -> Result<BlockId> {
        let fail = |errno| Error::os("offer a descriptor", errno);
        let descriptor = rustix::io::fcntl_dupfd_cloexec(descriptor, 0).map_err(fail)?;
        let token = random()?;
        let mut place = self.desk();
        let desk = match &mut *place {
            Some(desk) => desk,
            None => place.insert(self.open()?),
        };
        let entry = self.member.entry();
        let ticket = Ticket {
            name: desk.name,
            token,
            pid: entry.pid(),
            start: entry.start(),
            process_name: entry.name(),
        };
        let ticket = ticket.to_bytes();
        let block = self.member.create(Kind::Offer, ticket.len() as u64)?;
        self.member.arena().write(block.offset, &ticket);
        let offer = Offer {
            token,
            block: block.id,
            descriptor,
        };
        desk.offers.insert(desk.next, offer);
        desk.next += 1;
        let is_unsent = |offer: &Offer| !self.member.was_pinned(offer.block);
        let unsent = desk.offers.iter().filter(|(_, offer)| is_unsent(offer));
        let unsent: Vec<u64> = unsent.map(|(&key, _)| key).collect();
        if let [eldest, ..] = unsent[..]
            && unsent.len() > MOST_UNSENT
        {
            self.end(desk, eldest);
        }
        Ok(block.id)
    }

    fn open(&self) -> Result<Desk> {
        let fail = |errno| Error::os("offer a descriptor", errno);
        let name = random()?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket =
            rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
                .map_err(fail)?;
        rustix::net::bind(&socket, &address(name).map_err(fail)?).map_err(fail)?;
        rustix::net::listen(&socket, 128).map_err(fail)?;
        let timer = rustix::time::timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK,
        )
        .map_err(fail)?;
        let period = Timespec {
            tv_sec: 0,
            tv_nsec: SWEEP.as_nanos() as i64,
        };
        let often = Itimerspec {
            it_interval: period,
            it_value: period,
        };
        rustix::time::timerfd_settime(&timer, TimerfdTimerFlags::empty(), &often).map_err(fail)?;
        let (at_socket, at_timer) = (Weak::clone(&self.this), Weak::clone(&self.this));
        let borrowed = socket.try_clone().map_err(|_| fail(Errno::MFILE))?;
        let listening = self.reactor.watch_steps(
            borrowed.as_fd(),
            Interest::Readable,
            Box::new(move || {
                at_socket
                    .upgrade()
                    .is_none_or(|offers| !offers.greet(&socket))
            }),
        )?;
        let borrowed = timer.try_clone().map_err(|_| fail(Errno::MFILE))?;
        let sweeping = self.reactor.watch_steps(
            borrowed.as_fd(),
            Interest::Readable,
            Box::new(move || {
                let _ = rustix::io::read(&timer, &mut [0; 8]);
                at_timer.upgrade().is_none_or(|offers| !offers.sweep())
            }),
        );
        let sweeping = sweeping.inspect_err(|_| {
            self.reactor.cancel(listening);
        })?;
        Ok(Desk {
            name,
            watches: [listening, sweeping],
            offers: BTreeMap::new(),
            visitors: BTreeMap::new(),
            next: 0,
        })
    }

    /// Ends the offers among `blocks`, of which a message speaks that is not going to be sent.
    pub fn withdraw(&self, blocks: &[BlockId]) {
        let mut place = self.desk();
        let Some(desk) = &mut *place else { return };
        // One that another message speaks of, or that somebody has received, is left alone.
        let is_ours =
            |offer: &Offer| blocks.contains(&offer.block) && self.member.holders(offer.block) <= 1;
        let withdrawn = desk.offers.iter().filter(|(_, offer)| is_ours(offer));
        for key in withdrawn.map(|(&key, _)| key).collect::<Vec<_>>() {
            self.end(desk, key);
        }
        self.clear(&mut place);
    }

    /// Ends an offer.
    fn end(&self, desk: &mut Desk, key: u64) -> Option<OwnedFd> {
        let offer = desk.offers.remove(&key)?;
        let _ = self.member.release(offer.block);
        Some(offer.descriptor)
    }

    /// Clears the desk if nothing is offered; whether it is still there.
    fn clear(&self, place: &mut Option<Desk>) -> bool {
        if let Some(desk) = place.take_if(|desk| desk.offers.is_empty()) {
            let visitors = desk.visitors.values().map(|visitor| visitor.watch);
            for watch in visitors.chain(desk.watches) {
                self.reactor.cancel(watch);
            }
        }
        place.is_some()
    }

    /// Ends the offers whose message is gone, and sends away who says nothing; whether other offers
    /// are left.
    fn sweep(&self) -> bool {
        let mut place = self.desk();
        if let Some(desk) = &mut *place {
            let is_gone = |offer: &Offer| {
                self.member.was_pinned(offer.block) && self.member.holders(offer.block) <= 1
            };
            let gone = desk.offers.iter().filter(|(_, offer)| is_gone(offer));
            for key in gone.map(|(&key, _)| key).collect::<Vec<_>>() {
                self.end(desk, key);
            }
            desk.visitors.retain(|_, visitor| {
                let may_stay = visitor.came.elapsed() < PATIENCE;
                if !may_stay {
                    self.reactor.cancel(visitor.watch);
                }
                may_stay
            });
        }
        self.clear(&mut place)
    }

    /// Lets in those who wait at the socket, unless they are of another user; whether others may
    /// come.
    fn greet(&self, socket: &OwnedFd) -> bool {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let mut place = self.desk();
        let Some(desk) = &mut *place else {
            return false;
        };
        while let Ok(visitor) = rustix::net::accept_with(socket, flags) {
            if !is_same_user(&visitor) {
                continue;
            }
            if desk.visitors.len() >= MOST_VISITORS
                && let Some((_, eldest)) = desk.visitors.pop_first()
            {
                self.reactor.cancel(eldest.watch);
            }
            let visitor = Arc::new(visitor);
            let (offers, served) = (Weak::clone(&self.this), Arc::clone(&visitor));
            let key = desk.next;
            desk.next += 1;
            let step = Box::new(move || {
                if let Some(offers) = offers.upgrade() {
                    offers.serve(key, &served);
                }
                true
            });
            let watched = self
                .reactor
                .watch_steps(visitor.as_fd(), Interest::Readable, step);
            if let Ok(watch) = watched {
                let came = Instant::now();
                desk.visitors.insert(key, Visitor { watch, came });
            }
        }
        true
    }

    /// Gives a visitor the descriptor whose token it shows.
    fn serve(&self, visitor_key: u64, visitor: &OwnedFd) {
        if let Some(desk) = &mut *self.desk() {
            desk.visitors.remove(&visitor_key);
        }
        let mut shown = [0; SECRET];
        let received = rustix::net::recv(visitor, &mut shown[..], RecvFlags::DONTWAIT);
        if received != Ok((SECRET, SECRET)) {
            return;
        }
        let descriptor = {
            let mut place = self.desk();
            let Some(desk) = &mut *place else { return };
            let mut offers = desk.offers.iter();
            let key = offers.find(|(_, offer)| offer.token == shown);
            let Some(key) = key.map(|(&key, _)| key) else {
                let _ = rustix::net::send(visitor, &[0], SendFlags::NOSIGNAL);
                return;
            };
            let descriptor = self.end(desk, key);
            self.clear(&mut place);
            descriptor
        };
        if let Some(descriptor) = descriptor {
            let _ = send_descriptor(visitor.as_fd(), GRANTED, descriptor.as_fd());
        }
    }
}

/// Sends one byte with a descriptor beside it (`SCM_RIGHTS`).
pub fn send_descriptor(
    socket: BorrowedFd,
    byte: u8,
    descriptor: BorrowedFd,
) -> rustix::io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    let descriptors = [descriptor];
    beside.push(SendAncillaryMessage::ScmRights(&descriptors));
    let how = SendFlags::NOSIGNAL;
    loop {
        match rustix::net::sendmsg(socket, &[IoSlice::new(&[byte])], &mut beside, how) {
            Err(Errno::INTR) => {}
            result => return result.map(drop),
        }
    }
}

/// Receives one byte and the descriptor beside it, if there is one. `None` is the end.
pub fn receive_descriptor(socket: BorrowedFd) -> rustix::io::Result<Option<(u8, Option<OwnedFd>)>> {
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        let mut into = [IoSliceMut::new(&mut byte)];
        match rustix::net::recvmsg(socket, &mut into, &mut beside, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => {}
            result => break result?,
        }
    };
    if received.bytes == 0 {
        return Ok(None);
    }
    let descriptor = beside.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    Ok(Some((byte[0], descriptor)))
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
