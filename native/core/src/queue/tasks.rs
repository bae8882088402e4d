//! Messages that were taken and not yet acknowledged: `task_done` and `join`.
//!
//! The number of unfinished messages is `tail.count − done`, so it can neither be lost nor be
//! counted twice. A *ledger* beside it says where they are: for each process slot how many messages
//! it has taken and not acknowledged. So a join that can never end can name the process that died.
//!
//! | ledger entry word | meaning                                                             |
//! | ----------------- | ------------------------------------------------------------------- |
//! | 0 (32 bits)       | generation of the slot: entries of an earlier process are *lost*    |
//! | 4 (32 bits)       | token of the thread that took last, for messages                    |
//! | 8 (64 bits)       | tally: unacknowledged (32), claim (32)                              |
//!
//! A claim is the number of the message being taken; it is written together with the increased
//! tally before `head` moves, and cleared afterwards. A consumer that inherits the lock from a
//! dead one finds the claim and takes it back if `head` has not moved.
//!
//! Entry 0 of the ledger block is no slot's: it gathers what was lost when a slot's entry was
//! reused.

use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicU32, AtomicU64};

use super::roster::{FOR_DONE, Rest};
use super::waiting::Doubt;
use super::{DONE, HEAD, JOINERS_ASLEEP, LEDGER, Queue, TAIL};
use crate::Result;
use crate::memory::arena::{Offset, PROCESS_COUNT};
use crate::memory::heap::{BlockId, Kind};
use crate::sync::{Attempt, Step, Token};
use crate::sys::clock::Deadline;
use crate::tree::processes::{ProcessEntry, Slot, State};
use crate::wait;

const ENTRY: u64 = 16;
pub(super) const LEDGER_SIZE: u64 = (PROCESS_COUNT + 1) * ENTRY;

/// How a wait for the last acknowledgement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    /// Every message has been acknowledged.
    Done,
    /// A process has ended without acknowledging what it had taken; so many messages.
    Abandoned {
        taker: Option<Token>,
        messages: u32,
    },
    /// Something is left, and nobody can take or acknowledge any more.
    Orphaned,
    TimedOut,
}

#[derive(Clone, Copy)]
struct Entry<'a> {
    generation: &'a AtomicU32,
    token: &'a AtomicU32,
    tally: &'a AtomicU64,
}

fn tally(unacknowledged: u32, claim: u32) -> u64 {
    u64::from(unacknowledged) | u64::from(claim) << 32
}

fn split(tally: u64) -> (u32, u32) {
    (tally as u32, (tally >> 32) as u32)
}

impl<'a> Queue<'a> {
    /// The entry of a slot, or of what was lost (`None`); `None` if the queue has no ledger.
    #[inline]
    fn entry(self, slot: Option<Slot>) -> Option<Entry<'a>> {
        match self.word(LEDGER).load(Relaxed) {
            0 => None,
            ledger => self.entry_in(ledger, slot),
        }
    }

    fn entry_in(self, id: BlockId, slot: Option<Slot>) -> Option<Entry<'a>> {
        let block = self.member.part(id, Kind::Ledger).ok()?;
        let index = slot.map_or(0, |slot| 1 + u64::from(slot) % PROCESS_COUNT);
        if block.size < LEDGER_SIZE {
            return None;
        }
        let at: Offset = block.offset + index * ENTRY;
        Some(Entry {
            generation: self.arena().word32(at),
            token: self.arena().word32(at + 4),
            tally: self.arena().word64(at + 8),
        })
    }

    /// Notes that this process takes the message of that number. Call with the consumers' lock,
    /// before `head` moves; [`claim_done`](Self::claim_done) follows.
    pub(super) fn claim(self, number: u32) -> Result<()> {
        let slot = self.member.slot();
        let Some(entry) = self.entry(Some(slot)) else {
            return Ok(());
        };
        let generation = ProcessEntry::at(self.arena(), slot).generation();
        if entry.generation.swap(generation, Relaxed) != generation {
            let (lost, _) = split(entry.tally.swap(0, Relaxed));
            self.lose(lost, entry.token.load(Relaxed));
        }
        entry.token.store(self.member.token()?.get(), Relaxed);
        let _ = entry.tally.fetch_update(SeqCst, SeqCst, |now| {
            Some(tally(split(now).0.saturating_add(1), number))
        });
        Ok(())
    }

    pub(super) fn claim_done(self) {
        if let Some(entry) = self.entry(Some(self.member.slot())) {
            let clear = |now| Some(tally(split(now).0, 0));
            let _ = entry.tally.fetch_update(SeqCst, SeqCst, clear);
        }
    }

    /// Takes back the claim of a consumer that died before `head` moved. Call with its lock.
    pub(super) fn settle_claim(self, dead: Token) {
        let Some(entry) = self
            .member
            .owner(dead)
            .and_then(|owner| self.entry(Some(owner.slot)))
        else {
            return;
        };
        let head = self.mark(HEAD).count;
        let _ = entry.tally.fetch_update(SeqCst, SeqCst, |now| {
            let (unacknowledged, claim) = split(now);
            let not_taken = claim != 0 && claim != head;
            Some(tally(
                unacknowledged.saturating_sub(u32::from(not_taken)),
                0,
            ))
        });
    }

    fn lose(self, messages: u32, token: u32) {
        if messages == 0 {
            return;
        }
        if let Some(lost) = self.entry(None) {
            lost.token.store(token, Relaxed);
            lost.tally.fetch_add(u64::from(messages), SeqCst);
        }
    }

    /// Acknowledges one taken message; `false` if all have been already.
    pub fn task_done(self) -> bool {
        let done = self.word(DONE);
        let mut now = done.load(SeqCst);
        loop {
            if now == self.mark(TAIL).count {
                return false;
            }
            // SeqCst: before the look at the sleepers (tag: ASLEEP).
            match done.compare_exchange(now, now.wrapping_add(1), SeqCst, SeqCst) {
                Ok(_) => break,
                Err(other) => now = other,
            }
        }
        self.discharge();
        self.wake_joiners();
        true
    }

    pub(super) fn wake_joiners(self) {
        if self.word(JOINERS_ASLEEP).load(SeqCst) != 0 && self.unfinished() == 0 {
            self.word(JOINERS_ASLEEP).store(0, SeqCst);
            self.member.wake(self.done_word(), u32::MAX);
        }
    }

    /// Takes one message off this process's tally, or off that of one that has ended: somebody
    /// else acknowledges for it.
    fn discharge(self) {
        let take_one = |entry: Entry| {
            let one_less = |now| {
                let (unacknowledged, claim) = split(now);
                Some(tally(unacknowledged.checked_sub(1)?, claim))
            };
            entry.tally.fetch_update(SeqCst, SeqCst, one_less).is_ok()
        };
        if self.entry(Some(self.member.slot())).is_some_and(take_one) {
            return;
        }
        let ended = crate::tree::processes::slots()
            .filter(|&slot| self.has_ended(slot))
            .map(Some);
        let _ = ended
            .chain([None])
            .filter_map(|slot| self.entry(slot))
            .any(take_one);
    }

    /// Whether the process that used the ledger entry of `slot` has ended.
    fn has_ended(self, slot: Slot) -> bool {
        let Some(entry) = self.entry(Some(slot)) else {
            return false;
        };
        let process = ProcessEntry::at(self.arena(), slot);
        process.generation() != entry.generation.load(Relaxed)
            || process.state() != State::Live
            || !process.is_running()
    }

    /// How many messages have been put and not been acknowledged.
    pub fn unfinished(self) -> u32 {
        self.mark(TAIL)
            .count
            .wrapping_sub(self.word(DONE).load(SeqCst))
    }

    /// Messages that processes took which have ended, and that nobody has acknowledged; asks the
    /// system.
    pub fn abandoned(self) -> Option<(Option<Token>, u32)> {
        let head = self.mark(HEAD).count;
        let (mut lost, mut kept, mut taker) = (0u32, 0u32, None);
        for slot in [None]
            .into_iter()
            .chain(crate::tree::processes::slots().map(Some))
        {
            let Some(entry) = self.entry(slot) else {
                continue;
            };
            let (unacknowledged, claim) = split(entry.tally.load(SeqCst));
            // Claimed, but not taken (yet).
            let not_taken = claim != 0 && claim != head;
            let messages = unacknowledged.saturating_sub(u32::from(not_taken));
            if messages == 0 {
                continue;
            }
            if slot.is_some_and(|slot| !self.has_ended(slot)) {
                kept = kept.saturating_add(messages);
                continue;
            }
            lost = lost.saturating_add(messages);
            taker = taker.or(Token::from_word(entry.token.load(Relaxed)));
        }
        // Others may have acknowledged for those that have ended.
        let open = head
            .wrapping_sub(self.word(DONE).load(SeqCst))
            .cast_signed();
        let messages = lost.min((open.max(0) as u32).saturating_sub(kept));
        (messages > 0).then_some((taker, messages))
    }

    /// Whether every message put has been acknowledged, or never will be; as
    /// [`filled_step`](Self::filled_step).
    pub fn done_step(self, attempt: Attempt, is_for_ever: &mut Doubt) -> Step<Joined> {
        let look = || {
            let done = self.word(DONE).load(SeqCst);
            (self.mark(TAIL).count == done, done)
        };
        match self.asleep_step(attempt, JOINERS_ASLEEP, look) {
            Step::Ready(()) => Step::Ready(Joined::Done),
            Step::Sleep(value) if !attempt.suspicious => Step::Sleep(value),
            Step::Sleep(value) => match self.abandoned() {
                Some((taker, messages)) => Step::Ready(Joined::Abandoned { taker, messages }),
                // The second look comes last, as for `filled_step`.
                None if is_for_ever() => Step::Ready(match look() {
                    (true, _) => Joined::Done,
                    (false, _) => Joined::Orphaned,
                }),
                None => Step::Sleep(value),
            },
        }
    }

    /// Blocks until everything is acknowledged, or never will be, or `deadline` passes.
    pub fn join(self, deadline: Deadline) -> Joined {
        let mut rest = Rest::new(self, FOR_DONE);
        // A wait with a limit ends with that.
        let mut is_for_ever = || deadline.is_none() && rest.is_for_ever();
        wait::block_on(self.member.spot(self.done_word()), deadline, |attempt| {
            self.done_step(attempt, &mut is_for_ever)
        })
        .unwrap_or(Joined::TimedOut)
    }
}
