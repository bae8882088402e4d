//! Conditions of the arena.
//!
//! | offset | word                                                               |
//! | ------ | ------------------------------------------------------------------ |
//! | 0      | block of the lock, which the condition's block holds               |
//! | 4      | the next ticket                                                    |
//! | 8      | block of the first chunk of further slots, 0 = none                |
//! | 16     | slots of 8 bytes: state, token                                     |
//!
//! A chunk begins with the number of the next, slots follow from its byte 8. Chunks are added with
//! the lock and stay. One that a killed thread has allocated but not yet linked stays unused until
//! the condition goes.

mod promise;

use std::cell::Cell;

use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::memory::arena::Offset;
use crate::memory::heap::{Block, BlockId, Kind};
use crate::primitives::Lock;
use crate::primitives::lock::{acquired_number, acquired_of_number};
use crate::sync::condition::{Ticket, WaiterSlot, Waiters};
use crate::sync::{Acquired, Attempt, Step, Token};
use crate::sys::atomic::{AtomicU32, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use crate::sys::caller;
use crate::sys::clock::Deadline;
use crate::tree::member::Member;
use crate::wait;
use crate::wait::reactor::words::READY;

pub use promise::AwaitCondition;

/// Where in its block the words of a condition are, in bytes.
pub const LOCK_ID: Offset = 0;
const NEXT_TICKET: Offset = 4;
pub(crate) const NEXT_CHUNK: Offset = 8;
const SLOTS: Offset = 16;
const SIZE: u64 = 64;

const SLOT_SIZE: u64 = 8;
/// Where in a chunk its slots begin; the first word is the number of the next chunk.
const CHUNK_SLOTS: Offset = 8;
/// Chunks grow from here, doubling.
const FIRST_CHUNK: u64 = 256;
pub(crate) const MAX_CHUNKS: usize = 20;

/// Told to nobody: see [`caller`].
const NOBODY_LEFT: &str = "nobody is left who waits for the condition";

/// The number of a wait whose time was up: the lock is ours again nevertheless.
pub const NOT_NOTIFIED: i32 = -2;

/// A condition as a block of the arena.
#[derive(Clone, Copy)]
pub struct Condition<'a> {
    member: &'a Member,
    block: Block,
}

/// How a wait ended: always with the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waited {
    /// Whether it was notified; otherwise its time was up.
    pub notified: bool,
    /// How the lock came back: its owner may have died meanwhile.
    pub acquired: Acquired,
}

impl Waited {
    /// The same as a number:
    ///
    /// | number               | meaning                                                        |
    /// | -------------------- | -------------------------------------------------------------- |
    /// | [`READY`]            | notified                                                       |
    /// | token                | notified; the lock's last owner died, it was this one          |
    /// | [`NOT_NOTIFIED`]     | its time was up                                                |
    /// | − token              | its time was up; the lock's last owner died, it was this one   |
    ///
    /// Tokens are at least 8192, so none is mistaken for another number.
    pub fn number(self) -> i32 {
        match (acquired_number(self.acquired), self.notified) {
            (number, true) => number,
            (READY, false) => NOT_NOTIFIED,
            (token, false) => -token,
        }
    }

    /// The wait that [`number`](Self::number) has made a number.
    pub fn of_number(number: i32) -> Self {
        let notified = number >= 0;
        let acquired = match number {
            NOT_NOTIFIED => READY,
            number => number.wrapping_abs(),
        };
        Self {
            notified,
            acquired: acquired_of_number(acquired),
        }
    }
}

/// A wait that has begun: registered, and the lock released.
#[derive(Debug)]
pub struct Wait {
    index: usize,
    /// The slot's `state` word.
    slot: Offset,
    ticket: Ticket,
    token: Token,
    /// What the lock's depth was and will be again.
    depth: u32,
}

impl<'a> Condition<'a> {
    /// A new condition on a lock of any kind that this process holds.
    pub fn create(member: &'a Member, lock: BlockId) -> Result<(Self, Block)> {
        Lock::open(member, lock)?;
        let block = member.create(Kind::Condition, SIZE)?;
        if let Err(error) = member.pin(lock, block.id) {
            member.release(block.id)?;
            return Err(error);
        }
        // Relaxed: nobody else knows the block yet.
        member
            .arena()
            .word32(block.offset + LOCK_ID)
            .store(lock, Relaxed);
        Ok((Self { member, block }, block))
    }

    /// The condition in the block `id`.
    pub fn open(member: &'a Member, id: BlockId) -> Result<Self> {
        Ok(Self {
            member,
            block: member.block(id, Kind::Condition)?,
        })
    }

    fn word(self, offset: Offset) -> &'a AtomicU32 {
        self.member.arena().word32(self.block.offset + offset)
    }

    /// The block of its lock.
    pub fn lock_id(self) -> BlockId {
        self.word(LOCK_ID).load(Relaxed)
    }

    /// Its lock.
    pub fn lock(self) -> Result<Lock<'a>> {
        Lock::part(self.member, self.lock_id())
    }

    /// How many threads wait and live.
    pub fn waiters(self) -> Result<usize> {
        let (_, slots) = self.slots()?;
        let waits = Waiters { slots: &slots }.oldest_first(self.next_ticket());
        let alive = |index: usize| {
            slots[index]
                .owner()
                .is_some_and(|t| !self.member.has_died(t))
        };
        Ok(waits.into_iter().filter(|&(index, _)| alive(index)).count())
    }

    fn next_ticket(self) -> Ticket {
        // Relaxed: the lock orders it.
        Ticket(self.word(NEXT_TICKET).load(Relaxed))
    }

    /// All slots: where they are, and their words.
    fn slots(self) -> Result<(Vec<Offset>, Vec<WaiterSlot<'a>>)> {
        let arena = self.member.arena();
        let inside = |from: Offset, end: Offset| (from..end).step_by(SLOT_SIZE as usize);
        let end = self.block.offset + SIZE;
        let mut places: Vec<Offset> = inside(self.block.offset + SLOTS, end).collect();
        for chunk in self.chunks()? {
            places.extend(inside(
                chunk.offset + CHUNK_SLOTS,
                chunk.offset + chunk.size,
            ));
        }
        let slot = |&at: &Offset| WaiterSlot {
            state: arena.word32(at),
            token: arena.word32(at + 4),
        };
        let slots = places.iter().map(slot).collect();
        Ok((places, slots))
    }

    fn chunks(self) -> Result<Vec<Block>> {
        let mut chunks = Vec::new();
        // Acquire pairs with the store that links a chunk of zeroes.
        let mut next = self.word(NEXT_CHUNK).load(Acquire);
        while next != 0 {
            let chunk = self.member.part(next, Kind::Bytes)?;
            if chunks.len() == MAX_CHUNKS {
                return Err(Error::Corrupted(
                    "a condition has more chunks than it can have",
                ));
            }
            next = self.member.arena().word32(chunk.offset).load(Acquire);
            chunks.push(chunk);
        }
        Ok(chunks)
    }

    /// Adds a chunk of slots. Call with the lock.
    fn grow(self) -> Result<()> {
        let chunks = self.chunks()?;
        if chunks.len() == MAX_CHUNKS {
            let limit = format!("{} threads wait already", FIRST_CHUNK << MAX_CHUNKS >> 3);
            return Err(Error::Exhausted {
                action: "wait for a condition",
                limit,
            });
        }
        let size = FIRST_CHUNK << chunks.len();
        let (chunk, _) = self
            .member
            .create_within(Kind::Bytes, size, self.block.id)?;
        let link = match chunks.last() {
            Some(last) => self.member.arena().word32(last.offset),
            None => self.word(NEXT_CHUNK),
        };
        // Release: who sees the chunk sees its zeroes.
        link.store(chunk.id, Release);
        Ok(())
    }

    /// Registers the calling thread and releases the lock, all its levels; `None` if the thread
    /// does not have it. After this, the caller must [`block_on`](Self::block_on) or step to the
    /// end.
    pub fn begin(self) -> Result<Option<Wait>> {
        let lock = self.lock()?;
        if !lock.is_mine()? {
            return Ok(None);
        }
        let token = self.member.token()?;
        let ticket = Ticket(self.word(NEXT_TICKET).fetch_add(1, Relaxed));
        let has_died = |owner| self.member.has_died(owner);
        let mut discarded = false;
        let (index, slot) = loop {
            let (places, slots) = self.slots()?;
            let waiters = Waiters { slots: &slots };
            if let Some(index) = waiters.register(ticket, token) {
                break (index, places[index]);
            }
            // Slots of the dead first, then new ones.
            if discarded {
                self.grow()?;
            } else {
                waiters.discard_dead(&has_died);
                discarded = true;
            }
        };
        failpoint("condition-registered");
        let depth = lock.release_fully();
        Ok(Some(Wait {
            index,
            slot,
            ticket,
            token,
            depth,
        }))
    }

    /// Blocks the calling thread until the wait is notified; `false` when `deadline` passes first, and it
    /// goes on.
    pub fn await_notification(self, wait: &mut Wait, deadline: Deadline) -> Result<bool> {
        let has_died = |owner| self.member.has_died(owner);
        let spot = self.member.spot(wait.slot);
        let step = |attempt| match wait.step(self, attempt, &has_died) {
            Ok(Step::Sleep(value)) => Step::Sleep(value),
            Ok(Step::Ready(())) => Step::Ready(Ok(())),
            Err(error) => Step::Ready(Err(error)),
        };
        match wait::block_on(spot, deadline, step) {
            Some(result) => result.map(|()| true),
            None => Ok(false),
        }
    }

    /// Blocks the calling thread until the wait is notified or `deadline` passes, and then until
    /// it has the lock again, however long that takes.
    pub fn block_on(self, mut wait: Wait, deadline: Deadline) -> Result<Waited> {
        let notified = match self.await_notification(&mut wait, deadline) {
            Ok(false) => Ok(!wait.withdraw(self)),
            notified => notified,
        };
        // Nobody is left: then the lock must not come back.
        if !caller::goes_on() {
            if notified? {
                wait.abandon(self);
            }
            return Err(Error::Corrupted(NOBODY_LEFT));
        }
        failpoint("condition-woken");
        // The lock comes back first, also after an error.
        let lock = self.lock()?;
        let Some(acquired) = lock.acquire(None)? else {
            wait.abandon(self);
            return Err(Error::Corrupted(NOBODY_LEFT));
        };
        let notified = notified?;
        wait.finish(self, notified)?;
        Ok(Waited { notified, acquired })
    }

    /// [`begin`](Self::begin) and [`block_on`](Self::block_on); `None` if the calling thread does
    /// not have the lock.
    pub fn wait(self, deadline: Deadline) -> Result<Option<Waited>> {
        match self.begin()? {
            Some(wait) => self.block_on(wait, deadline).map(Some),
            None => Ok(None),
        }
    }

    /// Notifies the `n` threads that have waited longest and says how many there were; `None` if
    /// the calling thread does not have the lock.
    pub fn notify(self, n: u32) -> Result<Option<u32>> {
        if !self.lock()?.is_mine()? {
            return Ok(None);
        }
        let now = self.next_ticket();
        let (places, slots) = self.slots()?;
        let known_alive = Cell::new(None);
        let is_dead = |token: Option<Token>| {
            let dead = token != known_alive.get() && token.is_none_or(|t| self.member.has_died(t));
            known_alive.set(token.filter(|_| !dead).or(known_alive.get()));
            dead
        };
        let (mut count, waiters) = (0, Waiters { slots: &slots });
        for (index, ticket) in waiters.oldest_first(now) {
            if count == n {
                break;
            }
            let Some(notified) = slots[index].notify(ticket, now) else {
                continue;
            };
            // If nobody sleeps there, then it is awake, waits in a reactor, or is dead.
            if notified.asleep
                && self.member.wake(places[index], 1) == 0
                && is_dead(slots[index].owner())
            {
                slots[index].discard(notified.state);
                continue;
            }
            count += 1;
        }
        Ok(Some(count))
    }
}

impl Wait {
    /// The word whose change the wait waits for.
    pub fn word(&self) -> Offset {
        self.slot
    }

    /// In whose name it waits.
    pub fn token(&self) -> Token {
        self.token
    }

    fn slot<'a>(&self, condition: Condition<'a>) -> WaiterSlot<'a> {
        let arena = condition.member.arena();
        WaiterSlot {
            state: arena.word32(self.slot),
            token: arena.word32(self.slot + 4),
        }
    }

    /// One step: whether it is notified.
    pub fn step(
        &mut self,
        condition: Condition,
        attempt: Attempt,
        has_died: &dyn Fn(Token) -> bool,
    ) -> Result<Step<()>> {
        if attempt.suspicious {
            let (places, slots) = condition.slots()?;
            let waiters = Waiters { slots: &slots };
            if let Some(index) = waiters.inherit(self.index, self.ticket, self.token, has_died) {
                (self.index, self.slot) = (index, places[index]);
                return Ok(Step::Ready(()));
            }
        }
        Ok(self.slot(condition).wait_step(self.ticket, attempt))
    }

    /// Gives up; `false` if it has been notified.
    pub fn withdraw(&self, condition: Condition) -> bool {
        self.slot(condition).withdraw(self.ticket)
    }

    /// Gives up for good, without the lock: a notification that it had is left to be inherited.
    pub fn abandon(&self, condition: Condition) {
        let slot = self.slot(condition);
        if !slot.withdraw(self.ticket) {
            slot.disown(self.token);
        }
    }

    /// With the lock again: gives the slot back and restores the lock's depth.
    pub fn finish(&self, condition: Condition, notified: bool) -> Result<()> {
        if notified {
            self.slot(condition).finish();
        }
        condition.lock()?.restore(self.depth);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
