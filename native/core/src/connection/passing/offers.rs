//! The sender's side: the descriptors that this process has duplicates of for others.
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
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};

use super::{GRANTED, PATIENCE, SECRET, Secret, Ticket, address, is_same_user, random};
use crate::error::{Error, Result};
use crate::heap::Kind;
use crate::heap::blocks::BlockId;
use crate::member::Member;
use crate::reactor::WaitId;
use crate::reactor::descriptors::{Descriptors, Interest};
use crate::sys::socket::send_descriptor;

/// How often offers are looked through for those whose message is gone.
const SWEEP: Duration = Duration::from_millis(250);
/// How many offers may wait to be put into a message, such as one that waits for room in a queue.
/// More are left over by those who serialise a value and do nothing with the message.
const MOST_UNSENT: usize = 1024;
/// How many visitors may have said nothing yet; of more, the first is sent away.
const MOST_VISITORS: usize = 64;

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
