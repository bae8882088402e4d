//! Semaphores of the arena.

use std::sync::atomic::AtomicU32;

use crate::error::Result;
use crate::memory::arena::Offset;
use crate::memory::heap::{Block, BlockId, Kind};
use crate::sync::semaphore::{self as machine, MAX_VALUE, PermitsReleased};
use crate::sync::{Attempt, Step, Token};
use crate::sys::atomic::Ordering::Relaxed;
use crate::sys::clock::Deadline;
use crate::tree::member::Member;
use crate::wait;
use crate::wait::fairness::{self, Waiting};
use crate::wait::reactor::words::{Operation, READY};

/// Where in its block the words of a semaphore are, in bytes.
pub const VALUE_WORD: Offset = 0;
pub const MAX_WORD: Offset = 4;
/// See [`crate::wait::fairness`].
const STARVING_WORD: Offset = 8;
const SIZE: u64 = 12;

/// A semaphore as a block of the arena.
#[derive(Clone, Copy)]
pub struct Semaphore<'a> {
    member: &'a Member,
    at: Offset,
}

impl<'a> Semaphore<'a> {
    /// A new semaphore of `value`, never above `max`; both are cut to [`MAX_VALUE`].
    pub fn create(member: &'a Member, value: u32, max: u32) -> Result<(Self, Block)> {
        let block = member.create(Kind::Semaphore, SIZE)?;
        let max = max.min(MAX_VALUE);
        // Relaxed: nobody else knows the block yet.
        member
            .arena()
            .word32(block.offset + VALUE_WORD)
            .store(value.min(max), Relaxed);
        member
            .arena()
            .word32(block.offset + MAX_WORD)
            .store(max, Relaxed);
        Ok((Self::open(member, block.id)?, block))
    }

    /// The semaphore in the block `id`.
    pub fn open(member: &'a Member, id: BlockId) -> Result<Self> {
        let block = member.block(id, Kind::Semaphore)?;
        Ok(Self {
            member,
            at: block.offset,
        })
    }

    fn machine(self) -> machine::Semaphore<'a> {
        let word = self.member.arena().word32(self.word());
        machine::Semaphore {
            word,
            max: self.max(),
        }
    }

    /// The word whose change an acquisition waits for.
    pub fn word(self) -> Offset {
        self.at + VALUE_WORD
    }

    /// Its bound: [`MAX_VALUE`] if it has none of its own.
    pub fn max(self) -> u32 {
        self.member.arena().word32(self.at + MAX_WORD).load(Relaxed)
    }

    /// How many acquisitions would succeed now.
    pub fn value(self) -> u32 {
        self.machine().value()
    }

    /// Acquires without waiting; whether it did.
    pub fn try_acquire(self) -> bool {
        self.machine().try_acquire()
    }

    /// One step of an acquisition.
    pub fn acquire_step(self, attempt: Attempt) -> Step<()> {
        self.machine().acquire_step(attempt)
    }

    /// Blocks the calling thread until it has acquired; `false` when `deadline` passes first.
    pub fn acquire(self, deadline: Deadline) -> bool {
        let machine = self.machine();
        let mut waiting = Waiting::default();
        wait::block_on(self.member.spot(self.word()), deadline, |attempt| {
            let step = machine.acquire_step(attempt);
            waiting.note(self.starving(), attempt, &step);
            step
        })
        .is_some()
    }

    /// Adds `n` to the value; `false` if that would exceed the bound: then nothing is added.
    pub fn release(self, n: u32) -> bool {
        match self.machine().release(n) {
            PermitsReleased::TooMany => return false,
            PermitsReleased::Quietly => {}
            PermitsReleased::Wake => self.wake(n),
        }
        true
    }

    /// Wakes up to `n` sleepers, for a host that has released by itself.
    pub fn wake(self, n: u32) {
        let snapshot = self.machine().snapshot();
        let word = self.machine().word;
        let released = word.load(Relaxed);
        if self.member.wake(self.word(), n) == 0 {
            self.machine().heal(snapshot);
        } else if released & MAX_VALUE != 0 {
            fairness::stand_back(self.starving(), word, released);
        }
    }

    /// The word in which waiters say that they have waited too long.
    pub fn starving(self) -> &'a AtomicU32 {
        self.member.arena().word32(self.at + STARVING_WORD)
    }
}

/// A promise's acquisition.
pub struct AcquireSemaphore {
    id: BlockId,
    word: Offset,
    waiting: Waiting,
}

impl AcquireSemaphore {
    pub fn new(member: &Member, id: BlockId) -> Result<Self> {
        Ok(Self {
            id,
            word: Semaphore::open(member, id)?.word(),
            waiting: Waiting::default(),
        })
    }
}

impl Operation for AcquireSemaphore {
    fn word(&self) -> Offset {
        self.word
    }

    fn step(
        &mut self,
        member: &Member,
        attempt: Attempt,
        _: &dyn Fn(Token) -> bool,
    ) -> Result<Step<i32>> {
        let semaphore = Semaphore::open(member, self.id)?;
        let step = semaphore.acquire_step(attempt);
        self.waiting.note(semaphore.starving(), attempt, &step);
        Ok(step.map(|()| READY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::clock::deadline_after;

    #[test]
    fn it_counts_down_to_zero_and_up_to_its_bound() {
        let member = Member::root("test").unwrap();
        for (value, max) in [
            (0, 1),
            (1, 1),
            (2, 5),
            (MAX_VALUE, MAX_VALUE),
            (3, u32::MAX),
        ] {
            let (semaphore, _) = Semaphore::create(&member, value, max).unwrap();
            let max = max.min(MAX_VALUE);
            assert_eq!((semaphore.value(), semaphore.max()), (value, max));
            for _ in 0..value.min(10) {
                assert!(semaphore.try_acquire());
            }
            assert!(value > 10 || !semaphore.try_acquire());
            assert!(value > 10 || !semaphore.acquire(deadline_after(1.0)));
            let missing = max - semaphore.value();
            assert!(!semaphore.release(missing + 1));
            assert!(semaphore.release(missing));
            assert!(!semaphore.release(1));
            assert_eq!(semaphore.value(), max);
        }
    }

    #[test]
    fn a_needless_waiters_bit_is_healed_by_the_next_release() {
        let member = Member::root("test").unwrap();
        let (semaphore, block) = Semaphore::create(&member, 0, MAX_VALUE).unwrap();
        let word = member.arena().word32(block.offset);
        assert!(!semaphore.acquire(deadline_after(30.0)));
        assert_eq!(word.load(Relaxed), machine::WAITERS);
        assert!(semaphore.release(2));
        assert_eq!(word.load(Relaxed), 2);
    }

    /// (threads, initial value, bound, acquisitions each)
    const STRESS: [(u32, u32, u32, u32); 4] = [
        (2, 1, 1, 20_000),
        (4, 1, 1, 5_000),
        (8, 3, 3, 3_000),
        (8, 7, MAX_VALUE, 3_000),
    ];

    #[test]
    fn never_more_are_inside_than_its_value_and_nobody_is_forgotten() {
        for (threads, value, max, rounds) in STRESS {
            let member = Member::root("test").unwrap();
            let (semaphore, _) = Semaphore::create(&member, value, max).unwrap();
            let inside = AtomicU32::new(0);
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| {
                        for _ in 0..rounds {
                            assert!(semaphore.acquire(None));
                            assert!(inside.fetch_add(1, Relaxed) < value);
                            inside.fetch_sub(1, Relaxed);
                            assert!(semaphore.release(1));
                        }
                    });
                }
            });
            assert_eq!(semaphore.value(), value);
        }
    }
}
