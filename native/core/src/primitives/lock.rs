//! Locks of the arena: finding the words of a block, waiting, and naming dead owners.

use std::sync::atomic::{AtomicU32, AtomicU64};

use crate::error::{Error, Result};
use crate::memory::arena::Offset;
use crate::memory::heap::{Block, BlockId, Kind};
use crate::sync::lock::{self as machine, FREE};
use crate::sync::rlock::RLock;
use crate::sync::{Acquired, Acquirer, Attempt, Released, Step, Token};
use crate::sys::atomic::Ordering::Relaxed;
use crate::sys::clock::{Deadline, monotonic_milliseconds};
use crate::tree::member::Member;
use crate::tree::threads;
use crate::wait;
use crate::wait::fairness::{self, Waiting};
use crate::wait::reactor::words::{Operation, READY};

/// Where in its block the words of a lock are, in bytes.
pub const LOCK_WORD: Offset = 0;
pub const DEPTH_WORD: Offset = 4;
/// See [`crate::wait::fairness`].
const STARVING_WORD: Offset = 8;
/// Since when somebody who waits has seen whom have it: the token (32), and milliseconds of the clock that
/// all share, modulo 2^32 (32). For who looks from outside.
pub const HELD_WORD: Offset = 16;
/// Where in a [`Kind::Value`] block the guarded bytes begin.
pub const VALUE_BYTES: Offset = 32;

/// A lock as a block of the arena.
#[derive(Clone, Copy)]
pub struct Lock<'a> {
    member: &'a Member,
    at: Offset,
    recursive: bool,
}

impl<'a> Lock<'a> {
    /// The lock in the block `id`, which this process must hold.
    pub fn open(member: &'a Member, id: BlockId) -> Result<Self> {
        member.require_held(id)?;
        Self::part(member, id)
    }

    /// The lock of a condition, which holds it.
    pub fn part(member: &'a Member, id: BlockId) -> Result<Self> {
        let block = Block::open(member.arena(), id)?;
        let recursive = match block.kind {
            Kind::Lock => false,
            Kind::RLock | Kind::Value => true,
            _ => return Err(Error::NoSuchObject { what: "lock", id }),
        };
        Ok(Self {
            member,
            at: block.offset,
            recursive,
        })
    }

    fn lock(self) -> machine::Lock<'a> {
        machine::Lock {
            word: self.member.arena().word32(self.at + LOCK_WORD),
        }
    }

    fn rlock(self) -> RLock<'a> {
        let depth = self.member.arena().word32(self.at + DEPTH_WORD);
        RLock {
            lock: self.lock(),
            depth,
        }
    }

    /// The word whose change the acquisition waits for.
    pub fn word(self) -> Offset {
        self.at + LOCK_WORD
    }

    /// One step of an acquisition.
    pub fn acquire_step(self, me: &Acquirer) -> Step<Acquired> {
        match self.recursive {
            true => self.rlock().acquire_step(me),
            false => self.lock().acquire_step(me),
        }
    }

    /// One step of an acquisition for a promise: as [`acquire_step`](Self::acquire_step), but it
    /// never goes deeper into a lock that the acquirer's thread has already.
    pub fn acquire_anew_step(self, me: &Acquirer) -> Step<Acquired> {
        match self.recursive {
            true => self.rlock().acquire_anew_step(me),
            false => self.lock().acquire_step(me),
        }
    }

    /// Blocks the calling thread until it has the lock; `None` when `deadline` passes first.
    pub fn acquire(self, deadline: Deadline) -> Result<Option<Acquired>> {
        let token = self.member.token()?;
        let has_died = |owner| self.member.has_died(owner);
        let mut waiting = Waiting::default();
        Ok(wait::block_on(
            self.member.spot(self.word()),
            deadline,
            |attempt| {
                let step = self.acquire_step(&Acquirer {
                    token,
                    attempt,
                    has_died: &has_died,
                });
                self.note(&mut waiting, attempt, &step);
                step
            },
        ))
    }

    /// Lets go of one level; `false` if it was not held, or not by the calling thread where that
    /// matters.
    pub fn release(self) -> Result<bool> {
        let released = if self.recursive {
            self.rlock().release(self.member.token()?)
        } else {
            Some(self.lock().release())
        };
        if released == Some(Released::WakeOne) {
            self.wake_one();
        }
        Ok(!matches!(released, None | Some(Released::WasFree)))
    }

    /// Wakes a sleeper of the lock that was just released, and lets it pass if it has waited long.
    pub fn wake_one(self) {
        self.held().store(0, Relaxed);
        self.member.wake(self.word(), 1);
        fairness::stand_back(self.starving(), self.lock().word, FREE);
    }

    /// Notes what has come of a step of a wait for it.
    fn note(self, waiting: &mut Waiting, attempt: Attempt, step: &Step<Acquired>) {
        waiting.note(self.starving(), attempt, step);
        if let Step::Sleep(word) = *step
            && attempt.announce
        {
            self.note_held(word & Token::MASK);
        }
    }

    /// A waiter has seen it held. Who lets go of it then wakes the waiter, and takes the note back: so it
    /// is of one time of having it. Relaxed: only who looks from outside reads it.
    fn note_held(self, owner: u32) {
        if self.held().load(Relaxed) as u32 != owner {
            let now = u64::from(monotonic_milliseconds());
            self.held().store(now << 32 | u64::from(owner), Relaxed);
        }
    }

    fn held(self) -> &'a AtomicU64 {
        self.member.arena().word64(self.at + HELD_WORD)
    }

    /// The word in which waiters say that they have waited too long.
    pub fn starving(self) -> &'a AtomicU32 {
        self.member.arena().word32(self.at + STARVING_WORD)
    }

    /// Lets go of all levels, for the owner who will want them back; how many there were beyond
    /// the first.
    pub fn release_fully(self) -> u32 {
        let (depth, released) = match self.recursive {
            true => self.rlock().release_fully(),
            false => (0, self.lock().release()),
        };
        if released == Released::WakeOne {
            self.wake_one();
        }
        depth
    }

    /// Goes as many levels deeper into a lock that is the caller's again.
    pub fn restore(self, depth: u32) {
        if depth != 0 {
            self.rlock().restore(depth);
        }
    }

    /// Whether the calling thread is the owner.
    pub fn is_mine(self) -> Result<bool> {
        Ok(self.owner() == Some(self.member.token()?))
    }

    /// Gives back what an acquisition in the name of the calling thread got and nobody wants any
    /// more. A dead owner's lock becomes the dead owner's again: the next one must hear of it.
    pub fn give_back(self, acquired: Acquired) -> Result<()> {
        match acquired {
            Acquired::Regularly => self.release().map(|_| ()),
            Acquired::FromDead(dead) => {
                // The caller may be a caged process: the token of a living owner is never put in.
                let dead = match threads::has_died(self.member.arena(), dead) {
                    true => dead,
                    false => Token::NOBODY,
                };
                self.bequeath(dead).map(|_| ())
            }
        }
    }

    /// Leaves the lock, all its levels, which the calling thread has had for somebody of that name who is no process of
    /// the tree and has ended: the next one must hear of it. `false` if the calling thread does not have it.
    pub fn abandon(self, name: &str) -> Result<bool> {
        if !self.is_mine()? {
            return Ok(false);
        }
        self.bequeath(self.member.token_of_ended(name)?)
    }

    /// Makes it the dead owner's; `false` if the calling thread does not have it.
    fn bequeath(self, dead: Token) -> Result<bool> {
        let left = self.lock().bequeath(self.member.token()?, dead);
        if left {
            self.member.wake(self.word(), 1);
        }
        Ok(left)
    }

    /// How often it was acquired beyond the first time.
    pub fn depth(self) -> u32 {
        match self.recursive {
            // Relaxed: only the owner can rely on it.
            true => self.rlock().depth.load(Relaxed),
            false => 0,
        }
    }

    pub fn owner(self) -> Option<Token> {
        self.lock().owner()
    }
}

/// An acquisition as a number: the token of the dead owner that it inherited from; else [`READY`].
pub fn acquired_number(acquired: Acquired) -> i32 {
    match acquired {
        Acquired::Regularly => READY,
        Acquired::FromDead(owner) => owner.get().cast_signed(),
    }
}

/// The acquisition that [`acquired_number`] has made a number.
pub fn acquired_of_number(number: i32) -> Acquired {
    match Token::from_word(number.cast_unsigned()) {
        None => Acquired::Regularly,
        Some(dead) => Acquired::FromDead(dead),
    }
}

/// A promise's acquisition, in the name of the thread that asked, once the lock is free: whoever has an RLock
/// already goes deeper before it waits.
pub struct AcquireLock {
    id: BlockId,
    word: Offset,
    token: Token,
    waiting: Waiting,
}

impl AcquireLock {
    pub fn new(member: &Member, id: BlockId) -> Result<Self> {
        let word = Lock::open(member, id)?.word();
        Ok(Self {
            id,
            word,
            token: member.token()?,
            waiting: Waiting::default(),
        })
    }
}

impl Operation for AcquireLock {
    fn word(&self) -> Offset {
        self.word
    }

    fn step(
        &mut self,
        member: &Member,
        attempt: Attempt,
        has_died: &dyn Fn(Token) -> bool,
    ) -> Result<Step<i32>> {
        let lock = Lock::open(member, self.id)?;
        let step = lock.acquire_anew_step(&Acquirer {
            token: self.token,
            attempt,
            has_died,
        });
        lock.note(&mut self.waiting, attempt, &step);
        Ok(step.map(acquired_number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::clock::deadline_after;

    const KINDS: [Kind; 3] = [Kind::Lock, Kind::RLock, Kind::Value];

    #[test]
    fn who_inherits_an_abandoned_lock_is_told_whose_it_was() {
        let member = Member::root("root").unwrap();
        for kind in KINDS {
            let id = member.create(kind, 64).unwrap().id;
            let lock = Lock::open(&member, id).unwrap();
            lock.acquire(None).unwrap().unwrap();
            if lock.recursive {
                lock.acquire(None).unwrap().unwrap();
            }
            assert!(lock.abandon("client of 10.0.0.7").unwrap());
            assert!(!lock.is_mine().unwrap());
            let Some(Acquired::FromDead(token)) = lock.acquire(deadline_after(5000.0)).unwrap()
            else {
                panic!("not inherited");
            };
            let owner = member.owner(token).unwrap();
            assert_eq!(
                (owner.process_name.as_str(), owner.pid, owner.lives_on),
                ("client of 10.0.0.7", 0, false)
            );
            assert_eq!((lock.depth(), lock.is_mine().unwrap()), (0, true));
            assert!(lock.release().unwrap());
            assert_eq!(
                lock.acquire(deadline_after(0.0)).unwrap(),
                Some(Acquired::Regularly)
            );
        }
    }

    #[test]
    fn what_is_not_held_is_not_abandoned() {
        let member = Member::root("root").unwrap();
        let id = member.create(Kind::Lock, 64).unwrap().id;
        let lock = Lock::open(&member, id).unwrap();
        assert!(!lock.abandon("nobody").unwrap());
        std::thread::scope(|scope| {
            lock.acquire(None).unwrap().unwrap();
            scope.spawn(|| assert!(!lock.abandon("another").unwrap()));
        });
        assert!(lock.is_mine().unwrap());
        // Nothing stays of what was abandoned: neither places nor entries of threads run out.
        for k in 0..10_000 {
            assert!(lock.abandon(&format!("client {k}")).unwrap());
            assert!(lock.release().unwrap());
            assert_eq!(lock.acquire(None).unwrap(), Some(Acquired::Regularly));
        }
    }
}
