//! Barriers of the arena.
//!
//! | offset | word                                                      |
//! | ------ | --------------------------------------------------------- |
//! | 0      | state (64 bits)                                           |
//! | 8      | when the first party of the round arrived, a hint         |
//! | 12     | parties                                                   |
//! | 16     | whose death has broken it: a token                        |
//! | 20     | since when it has looked beyond hope, or 0                |
//! | 24     | 2 × parties + 2 slots (64 bits each)                      |
//! | …      | as many places of those who have come before              |
//!
//! A barrier is broken for a party that died between two waits if it was there in the last round, the
//! others that have ever come are too few without it, nobody else has the barrier who might come, and
//! all that for [`HOPELESS_AFTER`] milliseconds. These might come: a process that has the barrier and
//! never waited, unless it is an ancestor of one that did, and so has it to hand it on; and the
//! receiver of a message that has it.

mod promise;

use crate::error::{Error, Result};
use crate::memory::arena::Offset;
use crate::memory::heap::{Block, BlockId, Kind};
use crate::sync::barrier::{self as machine, Arrival, Party, Passage, Place};
use crate::sync::{Attempt, Step, Token};
use crate::sys::atomic::{AtomicU64, Ordering::Relaxed};
use crate::sys::clock::{Deadline, monotonic_milliseconds};
use crate::tree::member::Member;
use crate::tree::processes::{NO_SLOT, ProcessEntry, Slot};
use crate::wait::{self, SLICE};

pub use promise::AwaitBarrier;

const BEGAN: Offset = 8;
pub(crate) const PARTIES: Offset = 12;
const CULPRIT: Offset = 16;
const HOPELESS: Offset = 20;
const SLOTS: Offset = 24;
/// Somebody may be about to start another party in place of the dead one.
const HOPELESS_AFTER: u32 = 1000;
/// The half of `state` that sleepers sleep on.
const HIGH_HALF: Offset = if cfg!(target_endian = "little") { 4 } else { 0 };
/// The most parties a barrier can have.
pub const MAX_PARTIES: u32 = 1 << 20;

/// How a party's wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BarrierOutcome {
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

/// The number of a wait at a barrier that was or is broken now.
pub const BROKEN: i32 = -3;
/// The number of a wait for the party that runs the action: this minus its slot.
pub const RUNS_ACTION: i32 = -16;

impl BarrierOutcome {
    /// The same as a number: the index, from 0; [`BROKEN`]; or [`RUNS_ACTION`] − slot.
    pub fn number(self) -> i32 {
        match self {
            Self::Passed { index } => index.cast_signed(),
            Self::RunsAction { slot } => RUNS_ACTION - slot.cast_signed(),
            Self::Broken => BROKEN,
        }
    }
}

/// A barrier as a block of the arena.
#[derive(Clone)]
pub struct Barrier<'a> {
    member: &'a Member,
    at: Offset,
    parties: u32,
    id: BlockId,
    slots: Vec<&'a AtomicU64>,
    known: Vec<&'a AtomicU64>,
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
        let block = member.create(Kind::Barrier, SLOTS + 2 * 8 * slots)?;
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
        let mut slots: Vec<_> = slots.map(|slot| arena.word64(slot)).collect();
        let known = slots.split_off(slots.len() / 2);
        if parties == 0 || slots.len() <= parties as usize {
            return Err(Error::Corrupted("a barrier has fewer slots than parties"));
        }
        Ok(Self {
            member,
            at,
            parties,
            id,
            slots,
            known,
        })
    }

    fn machine(&self) -> machine::Barrier<'_> {
        let arena = self.member.arena();
        machine::Barrier {
            state: arena.word64(self.at),
            slots: &self.slots,
            began: arena.word32(self.at + BEGAN),
            known: &self.known,
            culprit: arena.word32(self.at + CULPRIT),
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
    ) -> Step<BarrierOutcome> {
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
                    return Step::Ready(BarrierOutcome::RunsAction { slot: arrived.slot });
                }
                Step::Ready(Arrival::Released { index }) => {
                    self.wake();
                    return Step::Ready(BarrierOutcome::Passed { index });
                }
                Step::Ready(Arrival::Broken) => {
                    self.wake();
                    return Step::Ready(BarrierOutcome::Broken);
                }
            }
        }
        let Some(arrived) = *place else {
            return Step::Ready(BarrierOutcome::Broken);
        };
        if attempt.suspicious {
            self.give_up_hope(arrived, has_died);
        }
        match machine.wait_step(arrived, attempt, has_died) {
            Step::Sleep(value) => Step::Sleep(value),
            Step::Ready(Passage::Passed) => Step::Ready(BarrierOutcome::Passed {
                index: arrived.index,
            }),
            Step::Ready(Passage::Broken) => {
                self.wake();
                Step::Ready(BarrierOutcome::Broken)
            }
        }
    }

    /// Breaks the barrier if a party has died between two waits and the others are too few.
    fn give_up_hope(&self, place: Place, has_died: &dyn Fn(Token) -> bool) {
        let since = self.member.arena().word32(self.at + HOPELESS);
        let dead = self.machine().missing_dead(place, has_died);
        let Some(dead) = dead.filter(|_| self.is_hopeless(place, has_died)) else {
            // Only a party that sees a dead one knows better than one that does not.
            if dead.is_some() {
                since.store(0, Relaxed);
            }
            return;
        };
        let now = monotonic_milliseconds().max(1);
        match since.load(Relaxed) {
            0 => since.store(now, Relaxed),
            then if now.wrapping_sub(then) >= HOPELESS_AFTER => {
                since.store(0, Relaxed);
                self.machine().break_for(place.round, dead);
            }
            _ => {}
        }
    }

    fn is_hopeless(&self, place: Place, has_died: &dyn Fn(Token) -> bool) -> bool {
        let machine = self.machine();
        let missing = machine.missing(place.round);
        let living = missing.filter(|&(token, _)| !has_died(token)).count();
        let come = machine.waiting() as usize;
        come + living < self.parties as usize && !self.may_others_come()
    }

    /// Whether a process has the barrier that has not come before and may come.
    fn may_others_come(&self) -> bool {
        let (member, arena) = (self.member, self.member.arena());
        let known = self.known.iter().map(|place| place.load(Relaxed) as u32);
        let known = known.filter_map(|word| member.owner(Token::from_word(word)?));
        // The place of one that has ended may be that of another process, which may come.
        let known = known.filter(|owner| owner.lives_on);
        let mut parties: Vec<Slot> = known.map(|owner| owner.slot).collect();
        // With those who have handed it on to them.
        for index in 0..parties.len() {
            let mut slot = ProcessEntry::at(arena, parties[index]).parent();
            while slot != NO_SLOT && !parties.contains(&slot) {
                parties.push(slot);
                slot = ProcessEntry::at(arena, slot).parent();
            }
        }
        let Ok(holders) = member.processes_holding(self.id) else {
            return true; // who knows
        };
        let is_party = |slot: &Slot| parties.contains(slot);
        let runs = |slot: &Slot| ProcessEntry::at(arena, *slot).is_running();
        let others = holders.iter().any(|slot| !is_party(slot) && runs(slot));
        others || member.holders(self.id) as usize > holders.len()
    }

    /// Whose death has broken the barrier.
    pub fn culprit(&self) -> Option<Token> {
        Token::from_word(self.member.arena().word32(self.at + CULPRIT).load(Relaxed))
    }

    /// What becomes of a party whose time is up: it breaks the barrier, unless its round has just
    /// ended. One that could not even arrive, for an action still runs, harms nobody.
    pub fn give_up(&self, place: Option<Place>) -> BarrierOutcome {
        let Some(place) = place else {
            return BarrierOutcome::Broken;
        };
        self.machine().abort_round(place.round);
        // The round is over now, in one way or another.
        match self
            .machine()
            .wait_step(place, Attempt::default(), &|_| false)
        {
            Step::Ready(Passage::Passed) => BarrierOutcome::Passed { index: place.index },
            _ => {
                self.wake();
                BarrierOutcome::Broken
            }
        }
    }

    /// Blocks the calling thread until all parties have arrived. When `deadline` passes first, the
    /// barrier is broken.
    pub fn wait(&self, has_action: bool, deadline: Deadline) -> Result<BarrierOutcome> {
        let mut place = None;
        let outcome = self.wait_at(&mut place, has_action, deadline)?;
        Ok(outcome.unwrap_or_else(|| self.give_up(place)))
    }

    /// As [`wait`](Self::wait), but a party whose time is up keeps its place: it waits on, or it
    /// [gives up](Self::give_up). `place` is `None` until it has arrived.
    pub fn wait_at(
        &self,
        place: &mut Option<Place>,
        has_action: bool,
        deadline: Deadline,
    ) -> Result<Option<BarrierOutcome>> {
        let token = self.member.token()?;
        let has_died = |owner| self.member.has_died(owner);
        let step = |attempt| self.step(place, token, has_action, attempt, &has_died);
        Ok(wait::block_on(
            self.member.spot(self.word()),
            deadline,
            step,
        ))
    }

    /// The action has run: releases the others; `false` if the barrier was broken or reset
    /// meanwhile. `slot` is what [`BarrierOutcome::RunsAction`] said, to this thread.
    pub fn release(&self, slot: u32) -> Result<bool> {
        if !self.is_mine(slot)? {
            return Ok(false);
        }
        let released = self.machine().release_slot(slot);
        self.wake();
        Ok(released)
    }

    /// Whether the slot is the calling thread's. A caged process may name any.
    fn is_mine(&self, slot: u32) -> Result<bool> {
        Ok(self.machine().token_in(slot) == Some(self.member.token()?))
    }

    /// Breaks the barrier: parties that wait or come fail, until [`reset`](Self::reset). `slot` is
    /// that of a party whose action failed, which is this thread's.
    pub fn abort(&self, slot: Option<u32>) -> Result<()> {
        self.machine().abort();
        if let Some(slot) = slot
            && self.is_mine(slot)?
        {
            self.machine().leave(slot);
        }
        self.wake();
        Ok(())
    }

    /// Makes the barrier as new: waiting parties fail.
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
