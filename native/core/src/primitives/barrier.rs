//! Barriers of the arena.
//!
//! | offset | word                                                      |
//! | ------ | --------------------------------------------------------- |
//! | 0      | state (64 bits)                                           |
//! | 8      | when the first party of the round arrived, a hint         |
//! | 12     | parties                                                   |
//! | 16     | 2 × parties + 2 slots (64 bits each)                      |

use crate::arena::Offset;
use crate::error::{Error, Result};
use crate::heap::blocks::BlockId;
use crate::heap::{Block, Kind};
use crate::member::Member;
use crate::sync::barrier::{self as machine, Arrival, Party, Passage, Place};
use crate::sync::{Attempt, Step, Token};
use crate::sys::atomic::{AtomicU64, Ordering::Relaxed};
use crate::sys::clock::{Deadline, monotonic_milliseconds};
use crate::wait::{self, SLICE};

const BEGAN: Offset = 8;
const PARTIES: Offset = 12;
const SLOTS: Offset = 16;
/// The half of `state` that sleepers sleep on.
const HIGH_HALF: Offset = if cfg!(target_endian = "little") { 4 } else { 0 };
/// The most parties a barrier can have.
pub const MAX_PARTIES: u32 = 1 << 20;

/// How a party's wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All parties arrived; this one as number `index`, from 0.
    Passed {
        index: u32,
    },
    /// It was the last. It runs the action and then calls [`Barrier::release`] or
    /// [`Barrier::abort`] with this `slot`; its index is the number of parties − 1.
    RunsAction {
        slot: u32,
    },
    Broken,
}

/// A barrier as a block of the arena.
#[derive(Clone)]
pub struct Barrier<'a> {
    member: &'a Member,
    at: Offset,
    parties: u32,
    slots: Vec<&'a AtomicU64>,
}

impl<'a> Barrier<'a> {
    /// A new barrier of `parties`, from 1 to [`MAX_PARTIES`].
    pub fn create(member: &'a Member, parties: u32) -> Result<(Self, Block)> {
        if !(1..=MAX_PARTIES).contains(&parties) {
            let limit = format!("it has {parties} parties, from 1 to {MAX_PARTIES} are possible");
            return Err(Error::Exhausted {
                action: "create a barrier",
                limit,
            });
        }
        let slots = 2 * u64::from(parties) + 2;
        let block = member.create(Kind::Barrier, SLOTS + 8 * slots)?;
        // Relaxed: nobody else knows the block yet.
        member
            .arena()
            .word32(block.offset + PARTIES)
            .store(parties, Relaxed);
        Ok((Self::open(member, block.id)?, block))
    }

    /// The barrier in the block `id`.
    pub fn open(member: &'a Member, id: BlockId) -> Result<Self> {
        let block = member.block(id, Kind::Barrier)?;
        let (arena, at) = (member.arena(), block.offset);
        let parties = arena.word32(at + PARTIES).load(Relaxed);
        let slots = (at + SLOTS..at + block.size).step_by(8);
        let slots: Vec<_> = slots.map(|slot| arena.word64(slot)).collect();
        if parties == 0 || slots.len() <= parties as usize {
            return Err(Error::Corrupted("a barrier has fewer slots than parties"));
        }
        Ok(Self {
            member,
            at,
            parties,
            slots,
        })
    }

    fn machine(&self) -> machine::Barrier<'_> {
        let arena = self.member.arena();
        machine::Barrier {
            state: arena.word64(self.at),
            slots: &self.slots,
            began: arena.word32(self.at + BEGAN),
            parties: self.parties,
        }
    }

    /// The word whose change a party waits for.
    pub fn word(&self) -> Offset {
        self.at + HIGH_HALF
    }

    pub fn parties(&self) -> u32 {
        self.parties
    }

    /// How many wait for the others.
    pub fn waiting(&self) -> u32 {
        self.machine().waiting()
    }

    pub fn is_broken(&self) -> bool {
        self.machine().is_broken()
    }

    /// One step of a party's wait. `place` is `None` until it has arrived.
    pub fn step(
        &self,
        place: &mut Option<Place>,
        token: Token,
        has_action: bool,
        attempt: Attempt,
        has_died: &dyn Fn(Token) -> bool,
    ) -> Step<Outcome> {
        let machine = self.machine();
        if place.is_none() {
            let slice = SLICE.as_millis() as u32;
            let now = monotonic_milliseconds();
            let me = Party {
                token,
                has_action,
                now,
                slice,
                has_died,
            };
            match machine.arrive_step(&me, attempt) {
                Step::Sleep(value) => return Step::Sleep(value),
                Step::Ready(Arrival::Waiting(arrived)) => *place = Some(arrived),
                Step::Ready(Arrival::RunsAction(arrived)) => {
                    return Step::Ready(Outcome::RunsAction { slot: arrived.slot });
                }
                Step::Ready(Arrival::Released { index }) => {
                    self.wake();
                    return Step::Ready(Outcome::Passed { index });
                }
                Step::Ready(Arrival::Broken) => {
                    self.wake();
                    return Step::Ready(Outcome::Broken);
                }
            }
        }
        let Some(arrived) = *place else {
            return Step::Ready(Outcome::Broken);
        };
        match machine.wait_step(arrived, attempt, has_died) {
            Step::Sleep(value) => Step::Sleep(value),
            Step::Ready(Passage::Passed) => Step::Ready(Outcome::Passed {
                index: arrived.index,
            }),
            Step::Ready(Passage::Broken) => {
                self.wake();
                Step::Ready(Outcome::Broken)
            }
        }
    }

    /// What becomes of a party whose time is up: it breaks the barrier, unless its round has just
    /// ended. One that could not even arrive, for an action still runs, harms nobody.
    pub fn give_up(&self, place: Option<Place>) -> Outcome {
        let Some(place) = place else {
            return Outcome::Broken;
        };
        self.machine().abort_round(place.round);
        // The round is over now, in one way or another.
        match self
            .machine()
            .wait_step(place, Attempt::default(), &|_| false)
        {
            Step::Ready(Passage::Passed) => Outcome::Passed { index: place.index },
            _ => {
                self.wake();
                Outcome::Broken
            }
        }
    }

    /// Blocks the calling thread until all parties have arrived. When `deadline` passes first, the
    /// barrier is broken.
    pub fn wait(&self, has_action: bool, deadline: Deadline) -> Result<Outcome> {
        let token = self.member.token()?;
        let has_died = |owner| self.member.has_died(owner);
        let mut place = None;
        let step = |attempt| self.step(&mut place, token, has_action, attempt, &has_died);
        let word = self.member.arena().word32(self.word());
        let outcome = wait::block_on(word, deadline, step);
        Ok(outcome.unwrap_or_else(|| self.give_up(place)))
    }

    /// The action has run: releases the others; `false` if the barrier was broken or reset
    /// meanwhile. `slot` is what [`Outcome::RunsAction`] said.
    pub fn release(&self, slot: u32) -> bool {
        let released = self.machine().release_slot(slot);
        self.wake();
        released
    }

    /// Breaks the barrier: who waits and who comes fails, until [`reset`](Self::reset). `slot` is
    /// that of a party whose action failed.
    pub fn abort(&self, slot: Option<u32>) {
        self.machine().abort();
        if let Some(slot) = slot {
            self.machine().leave(slot);
        }
        self.wake();
    }

    /// Makes the barrier as new: who waits fails.
    pub fn reset(&self) {
        self.machine().reset();
        self.wake();
    }

    fn wake(&self) {
        self.member.wake(self.word(), u32::MAX);
    }
}

#[cfg(test)]
mod tests;
