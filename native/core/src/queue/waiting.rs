//! Sleeping until a queue gets into a state, and waking those that sleep.

use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::fence;

use super::roster::{FOR_MESSAGE, FOR_ROOM, Rest};
use super::{CONSUMERS_ASLEEP, COUNT_HALF, DONE, HEAD, PRODUCERS_ASLEEP, Put, Queue, TAIL, Take};
use super::{Message, Phase};
use crate::Result;
use crate::memory::arena::Offset;
use crate::sync::{Attempt, Step};
use crate::sys::bytes::BytesMut;
use crate::sys::clock::Deadline;
use crate::wait;

/// The answer to a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// The queue is as wanted, or shut down: look.
    Look,
    /// It is not, and the one who was asked says that it will never be.
    Never,
}

/// Asked, once in a while, whether nobody is left who could end the wait.
pub type Doubt<'a> = dyn FnMut() -> bool + 'a;

impl Queue<'_> {
    /// The word whose change a consumer of an empty queue waits for.
    pub fn filled_word(self) -> Offset {
        self.at + TAIL + COUNT_HALF
    }

    /// The word whose change a producer of a full queue waits for.
    pub fn drained_word(self) -> Offset {
        self.at + HEAD + COUNT_HALF
    }

    /// The word whose change a joiner waits for.
    pub fn done_word(self) -> Offset {
        self.at + DONE
    }

    /// Whether there is something to take; else the value of [`filled_word`](Self::filled_word)
    /// to sleep on, announced if the caller will sleep. `is_for_ever` is asked when it has slept for
    /// long.
    pub fn filled_step(self, attempt: Attempt, is_for_ever: &mut Doubt) -> Step<Woken> {
        // One wake-up for each message: who may not take must not get it in the place of the keeper.
        if !self.is_own() {
            return Step::Ready(Woken::Look);
        }
        let look = || {
            let count = self.arena().word32(self.filled_word()).load(SeqCst);
            (!self.is_empty() || self.phase() != Phase::Open, count)
        };
        self.doubting_step(attempt, CONSUMERS_ASLEEP, look, is_for_ever)
    }

    /// Whether there is room for one more; as [`filled_step`](Self::filled_step).
    pub fn drained_step(self, attempt: Attempt, is_for_ever: &mut Doubt) -> Step<Woken> {
        let look = || {
            let count = self.arena().word32(self.drained_word()).load(SeqCst);
            (!self.is_full() || self.phase() != Phase::Open, count)
        };
        self.doubting_step(attempt, PRODUCERS_ASLEEP, look, is_for_ever)
    }

    fn doubting_step(
        self,
        attempt: Attempt,
        asleep: Offset,
        look: impl Fn() -> (bool, u32),
        is_for_ever: &mut Doubt,
    ) -> Step<Woken> {
        match self.asleep_step(attempt, asleep, &look) {
            Step::Ready(()) => Step::Ready(Woken::Look),
            // The second look comes last: a process that is gone by now may have done something
            // before.
            Step::Sleep(_) if attempt.suspicious && is_for_ever() => Step::Ready(match look() {
                (true, _) => Woken::Look,
                (false, _) => Woken::Never,
            }),
            Step::Sleep(value) => Step::Sleep(value),
        }
    }

    /// `look` tells whether the wait is over, and the value to sleep on if it is not.
    pub(super) fn asleep_step(
        self,
        attempt: Attempt,
        asleep: Offset,
        look: impl Fn() -> (bool, u32),
    ) -> Step<()> {
        // The value is from before the state: a change in between ends the sleep at once.
        let view = || {
            let (_, value) = look();
            (look().0, value)
        };
        let (ready, value) = view();
        if ready {
            return Step::Ready(());
        }
        if !attempt.announce {
            return Step::Sleep(value);
        }
        self.word(asleep).fetch_add(1, SeqCst);
        // Announced before the second look (tag: ASLEEP).
        fence(SeqCst);
        let (ready, value) = view();
        if ready {
            Step::Ready(())
        } else {
            Step::Sleep(value)
        }
    }

    /// Wakes one sleeper of `word`, if any has announced itself in `asleep` (tag: ASLEEP).
    pub(super) fn wake_one(self, asleep: Offset, word: Offset) {
        self.wake_some(asleep, word, 1);
    }

    /// As [`wake_one`](Self::wake_one), for so many messages at once, each of which one sleeper may be
    /// waiting for.
    #[inline]
    pub(super) fn wake_some(self, asleep: Offset, word: Offset, count: u32) {
        // The mark was moved before the look (tag: ASLEEP).
        fence(SeqCst);
        let announced = self.word(asleep).load(SeqCst);
        if announced != 0 && self.member.wake(word, count) < count as usize {
            // Nobody sleeps any more; unless another has announced itself since, nobody will.
            let _ = self
                .word(asleep)
                .compare_exchange(announced, 0, SeqCst, Relaxed);
        }
    }

    pub(super) fn wake_all(self) {
        for word in [self.filled_word(), self.drained_word(), self.done_word()] {
            self.member.wake(word, u32::MAX);
        }
    }

    /// [`try_put`](Self::try_put), waiting for room until `deadline`; without one, until it is known
    /// that nobody can take any more.
    pub fn put(self, message: &Message, deadline: Deadline) -> Result<Put> {
        loop {
            let put = self.try_put(message)?;
            if put != Put::Full {
                return Ok(put);
            }
            if let Some(put) = self.without_room(deadline) {
                return Ok(put);
            }
        }
    }

    /// Waits until `deadline` for room; what a put comes to where there was none.
    pub(super) fn without_room(self, deadline: Deadline) -> Option<Put> {
        // A process that joins this one may want to know why it does not end.
        self.member.entry().set_putting(self.id);
        let woken = self.wait_drained(deadline);
        self.member.entry().set_putting(0);
        match woken {
            Some(Woken::Look) => None,
            Some(Woken::Never) => Some(Put::Orphaned),
            None => Some(Put::Full),
        }
    }

    /// [`try_take`](Self::try_take), waiting for a message until `deadline`. `lonely`: or until it is
    /// known that nobody can put any more.
    pub fn take<'b>(
        self,
        target: impl Into<BytesMut<'b>>,
        deadline: Deadline,
        lonely: bool,
    ) -> Result<Take> {
        let target = target.into();
        loop {
            let take = self.try_take(target)?;
            if take != Take::Empty {
                return Ok(take);
            }
            let mut rest = Rest::new(self, FOR_MESSAGE);
            let mut is_for_ever = || lonely && rest.is_for_ever();
            let spot = self.member.spot(self.filled_word());
            let woken = wait::block_on(spot, deadline, |attempt| {
                self.filled_step(attempt, &mut is_for_ever)
            });
            match woken {
                Some(Woken::Look) => {}
                Some(Woken::Never) => return Ok(Take::Orphaned),
                None => return Ok(Take::Empty),
            }
        }
    }

    /// Blocks until there is room; `None` when `deadline` passes first.
    fn wait_drained(self, deadline: Deadline) -> Option<Woken> {
        let spot = self.member.spot(self.drained_word());
        let mut rest = Rest::new(self, FOR_ROOM);
        // A wait with a limit ends with that.
        let mut is_for_ever = || deadline.is_none() && rest.is_for_ever();
        wait::block_on(spot, deadline, |attempt| {
            self.drained_step(attempt, &mut is_for_ever)
        })
    }
}
