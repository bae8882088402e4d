//! The sender's side: the descriptors that this process has duplicates of for others.
//!
//! | an offer ends when                        | then the duplicate is closed               |
//! | ----------------------------------------- | ------------------------------------------ |
//! | its receiver has confirmed it             | at once: each is good for once             |
//! | this process fetches it itself            | by the receiver, which is handed it        |
//! | its message was not sent                  | at once, see [`Offers::withdraw`]          |
//! | nobody but the sender has its block       | within [`SWEEP`] of that                   |
//! | the sender ends                           | at once; the receiver is told who it was   |
//!
//! The socket, the timer and the spare descriptors exist only while there are offers. A spare makes
//! room for a visitor when this process has no other descriptor left: whatever it has opened, its
//! offers are served, one after the other if need be. A visitor that has had its turn leaves its
//! descriptor as a spare, before anybody else in this process can have it. Another thread may open
//! something between the end of a spare and the visitor that it was given up for: so there are
//! several. One is given up at a time; if it is lost so, the next when the offers are looked through.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::{
    CONFIRMED, GRANTED, OfferTicket, Progress, SECRET, Secret, VISITOR_PATIENCE, new_secret,
    socket_name,
};
use crate::error::{Error, Result};
use crate::memory::heap::{BlockId, Kind};
use crate::sys::descriptor::duplicate;
use crate::sys::epoll::Interest;
use crate::sys::timer::Timer;
use crate::sys::unix::{is_same_user, send_descriptor};
use crate::sys::{Errno, poll, unix};
use crate::tree::member::Member;
use crate::wait::reactor::WaitId;
use crate::wait::reactor::descriptors::Descriptors;

/// How often offers are looked through for those whose message is gone.
const SWEEP: Duration = Duration::from_millis(250);
/// How many visitors may be in; of more, the first is sent away, and comes again if it is one of ours.
const MOST_VISITORS: usize = 64;

/// How many spare descriptors there are.
const SPARES: usize = 4;

/// The descriptors that this process offers.
pub struct Offers {
    member: Arc<Member>,
    reactor: Arc<Descriptors>,
    desk: Mutex<Option<Desk>>,
    this: Weak<Self>,
}

/// The socket and the timer that exist while there are offers.
struct Desk {
    name: Secret,
    socket: Arc<OwnedFd>,
    /// Of the socket; `None` while there is no descriptor for another visitor.
    listening: Option<WaitId>,
    /// Of the timer.
    sweeping: WaitId,
    /// One is given up for a visitor when there is no other descriptor.
    spares: Vec<Arc<OwnedFd>>,
    /// In the order in which they were made.
    offers: BTreeMap<u64, Offer>,
    /// In the order in which they came.
    visitors: BTreeMap<u64, Visitor>,
    /// Of both.
    next: u64,
}

struct Visitor {
    socket: Arc<OwnedFd>,
    watch: WaitId,
    came: Instant,
    /// What it was given, and has not confirmed yet.
    given: Option<u64>,
}

struct Offer {
    token: Secret,
    block: BlockId,
    descriptor: OwnedFd,
}

impl Desk {
    /// The key of the offer with that token.
    fn find(&self, token: Secret) -> Option<u64> {
        let mut offers = self.offers.iter();
        offers.find_map(|(&key, offer)| (offer.token == token).then_some(key))
    }

    /// Ends a visit. Where a spare is missing, the descriptor is not closed: it would be another's at
    /// once.
    fn let_go(&mut self, visitor: u64) {
        if let Some(Visitor { socket, .. }) = self.visitors.remove(&visitor) {
            self.keep(socket);
        }
    }

    /// Keeps the socket of who is let in no more as a spare, if one is missing.
    fn keep(&mut self, socket: Arc<OwnedFd>) {
        if self.spares.len() < SPARES {
            let _ = unix::shut_down(&socket); // the other end sees it closed all the same
            self.spares.push(socket);
        }
    }

    /// Sees to it that there are as many spares as there may be.
    fn restore_spares(&mut self) {
        while self.spares.len() < SPARES
            && let Ok(spare) = duplicate(&self.socket)
        {
            self.spares.push(Arc::new(spare));
        }
    }
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

    /// Offers a duplicate of `descriptor` to the receiver of the block, which this process has
    /// one handle of until the offer ends.
    pub fn offer(&self, descriptor: BorrowedFd) -> Result<BlockId> {
        let fail = |errno| Error::os("offer a descriptor", errno);
        let descriptor = duplicate(descriptor).map_err(fail)?;
        let token = new_secret()?;
        let mut place = self.desk();
        let desk = match &mut *place {
            Some(desk) => desk,
            None => place.insert(self.open()?),
        };
        let entry = self.member.entry();
        let ticket = OfferTicket {
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
        Ok(block.id)
    }

    fn open(&self) -> Result<Desk> {
        let fail = |errno| Error::os("offer a descriptor", errno);
        let name = new_secret()?;
        let socket = unix::listen_for_messages(&socket_name(name), 128).map_err(fail)?;
        let timer = Timer::every(SWEEP).map_err(fail)?;
        let spare = duplicate(&socket).map_err(fail)?;
        let socket = Arc::new(socket);
        let (timer, offers) = (Arc::new(timer), Weak::clone(&self.this));
        let timed = Arc::clone(&timer);
        let sweeping = self.reactor.watch_kept(
            timer,
            Interest::Readable,
            Box::new(move || {
                timed.note();
                offers.upgrade().is_none_or(|offers| !offers.sweep())
            }),
        )?;
        let listening = self.listen(&socket).inspect_err(|_| {
            self.reactor.cancel(sweeping);
        })?;
        let mut desk = Desk {
            name,
            socket,
            listening: Some(listening),
            sweeping,
            spares: vec![Arc::new(spare)],
            offers: BTreeMap::new(),
            visitors: BTreeMap::new(),
            next: 0,
        };
        desk.restore_spares();
        Ok(desk)
    }

    /// Has [`greet`](Self::greet) called when somebody comes.
    fn listen(&self, socket: &Arc<OwnedFd>) -> Result<WaitId> {
        let offers = Weak::clone(&self.this);
        let step = Box::new(move || offers.upgrade().is_none_or(|offers| !offers.greet()));
        let kept = Arc::clone(socket);
        self.reactor.watch_kept(kept, Interest::Readable, step)
    }

    /// Ends the offers among `blocks`, of which a message speaks that is not going to be sent.
    pub fn withdraw(&self, blocks: &[BlockId]) {
        let mut place = self.desk();
        let Some(desk) = &mut *place else { return };
        // One that another message speaks of, or that somebody has received, is left alone.
        let is_ours =
            |offer: &Offer| blocks.contains(&offer.block) && self.member.is_last(offer.block);
        let withdrawn = desk.offers.iter().filter(|(_, offer)| is_ours(offer));
        for key in withdrawn.map(|(&key, _)| key).collect::<Vec<_>>() {
            self.end(desk, key);
        }
        self.clear(&mut place);
    }

    /// As [`withdraw`](Self::withdraw), of blocks that may be others' by now, for a message that
    /// nobody can send any more.
    pub fn abandon(&self, blocks: &[(BlockId, u32)]) {
        let is_still = |&(id, generation): &(BlockId, u32)| {
            let block = self.member.part(id, Kind::Offer);
            let is_it = block.is_ok_and(|block| block.generation == generation);
            (is_it && !self.member.was_pinned(id)).then_some(id)
        };
        self.withdraw(&blocks.iter().filter_map(is_still).collect::<Vec<_>>());
    }

    /// What this process itself gets for a ticket: the duplicate, which ends the offer. That takes no
    /// other descriptor, so it never waits for one. `None` if another desk gave out the ticket.
    pub(super) fn take_back(&self, ticket: &OfferTicket) -> Option<Progress> {
        let entry = self.member.entry();
        if (ticket.pid, ticket.start) != (entry.pid(), entry.start()) {
            return None;
        }
        let mut place = self.desk();
        let desk = place.as_mut().filter(|desk| desk.name == ticket.name)?;
        let found = desk.find(ticket.token);
        if found.is_some() && desk.visitors.values().any(|visitor| visitor.given == found) {
            // It confirms, goes, or is sent away before long.
            return Some(Progress::Busy);
        }
        let descriptor = found.and_then(|key| self.end(desk, key));
        self.clear(&mut place);
        Some(descriptor.map_or(Progress::Taken, Progress::Descriptor))
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
            for watch in visitors.chain(desk.listening).chain([desk.sweeping]) {
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
                self.member.was_pinned(offer.block) && self.member.is_last(offer.block)
            };
            let gone = desk.offers.iter().filter(|(_, offer)| is_gone(offer));
            for key in gone.map(|(&key, _)| key).collect::<Vec<_>>() {
                self.end(desk, key);
            }
            let is_late = |visitor: &Visitor| visitor.came.elapsed() >= VISITOR_PATIENCE;
            let late = desk.visitors.iter().filter(|(_, visitor)| is_late(visitor));
            for key in late.map(|(&key, _)| key).collect::<Vec<_>>() {
                self.send_away(desk, key);
            }
            self.reopen(desk);
        }
        self.clear(&mut place)
    }

    /// Lets in those who wait at the socket, unless they are of another user; whether others may
    /// come.
    fn greet(&self) -> bool {
        let mut place = self.desk();
        let Some(desk) = &mut *place else {
            return false;
        };
        desk.restore_spares();
        let mut has_made_room = false;
        loop {
            match unix::accept_visitor(&desk.socket) {
                Ok(visitor) if is_same_user(&visitor) => {
                    has_made_room = false;
                    self.seat(desk, visitor);
                    if desk.spares.is_empty() {
                        // The next one would have to take its place: see `reopen`.
                        desk.listening = None;
                        return false;
                    }
                }
                Ok(stranger) => {
                    has_made_room = false;
                    desk.keep(Arc::new(stranger));
                }
                Err(Errno::INTR | Errno::CONNABORTED) => {}
                Err(Errno::MFILE | Errno::NFILE) => {
                    if !poll::is_readable(&desk.socket).unwrap_or(true) {
                        // Nobody came: the kernel looks for a descriptor first.
                        return true;
                    }
                    if desk.spares.is_empty() {
                        self.send_eldest_away(desk);
                    }
                    // Whoever has taken the place of the spare goes on to do so: the next attempt
                    // is made when the offers are looked through, and until then a visitor at the
                    // socket would wake this thread again and again for nothing.
                    if has_made_room || desk.spares.pop().is_none() {
                        desk.listening = None;
                        return false;
                    }
                    has_made_room = true;
                }
                Err(_) => return true,
            }
        }
    }

    /// Listens again, when a visitor has gone or had its time.
    fn reopen(&self, desk: &mut Desk) {
        desk.restore_spares();
        if desk.listening.is_none() {
            desk.listening = self.listen(&desk.socket).ok();
        }
    }

    fn send_eldest_away(&self, desk: &mut Desk) {
        if let Some((&eldest, _)) = desk.visitors.first_key_value() {
            self.send_away(desk, eldest);
        }
    }

    fn send_away(&self, desk: &mut Desk, key: u64) {
        if let Some(visitor) = desk.visitors.get(&key) {
            self.reactor.cancel(visitor.watch);
        }
        desk.let_go(key);
    }

    /// Waits for what a visitor has to say.
    fn seat(&self, desk: &mut Desk, visitor: OwnedFd) {
        if desk.visitors.len() >= MOST_VISITORS {
            self.send_eldest_away(desk);
        }
        let socket = Arc::new(visitor);
        let (offers, served) = (Weak::clone(&self.this), Arc::clone(&socket));
        let key = desk.next;
        desk.next += 1;
        let step = Box::new(move || {
            let offers = offers.upgrade();
            offers.is_none_or(|offers| !offers.serve(key, &served))
        });
        let kept = Arc::clone(&socket);
        let watched = self.reactor.watch_kept(kept, Interest::Readable, step);
        if let Ok(watch) = watched {
            let visitor = Visitor {
                socket,
                watch,
                came: Instant::now(),
                given: None,
            };
            desk.visitors.insert(key, visitor);
        }
    }

    /// Gives a visitor the descriptor whose token it shows, and ends the offer when it confirms;
    /// whether it may stay.
    fn serve(&self, key: u64, visitor: &OwnedFd) -> bool {
        let mut place = self.desk();
        let Some(desk) = &mut *place else {
            return false;
        };
        let mut said = [0; SECRET];
        let received = unix::receive(visitor, &mut said);
        let given = desk.visitors.get(&key).and_then(|visitor| visitor.given);
        let may_stay = match (received, given) {
            (Err(Errno::AGAIN | Errno::INTR), _) => true,
            (Ok(SECRET), None) => self.give(desk, key, visitor, said),
            (Ok(1), Some(offer)) if said[0] == CONFIRMED => {
                self.end(desk, offer);
                false
            }
            _ => false,
        };
        if !may_stay {
            desk.let_go(key);
            self.reopen(desk);
            self.clear(&mut place);
        }
        may_stay
    }

    /// Gives a visitor a duplicate of what has the token; whether it has something to confirm.
    fn give(&self, desk: &mut Desk, key: u64, visitor: &OwnedFd, token: Secret) -> bool {
        let Some(found) = desk.find(token) else {
            let _ = unix::send(visitor, &[0]);
            return false;
        };
        let descriptor = desk.offers[&found].descriptor.as_fd();
        let sent = send_descriptor(visitor.as_fd(), GRANTED, descriptor);
        if let Some(visitor) = desk.visitors.get_mut(&key) {
            visitor.given = Some(found);
        }
        sent.is_ok()
    }
}
