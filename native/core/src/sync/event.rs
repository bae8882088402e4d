//! A flag that threads wait for, in one futex word.
//!
//! | bits of the word | meaning                                                   |
//! | ---------------- | --------------------------------------------------------- |
//! | 0 `SET`          | the flag                                                  |
//! | 1 `WAITERS`      | somebody may sleep on the word; only while SET is not set |
//! | 2–31             | how often the flag has been set, modulo 2^30              |
//!
//! | transition | from → to                                  | who                              |
//! | ---------- | ------------------------------------------ | -------------------------------- |
//! | T1 set     | unset, count → SET, count + 1, no WAITERS  | anybody; wakes all if WAITERS was set |
//! | T2 clear   | SET → unset                                | anybody                          |
//! | T3 queue   | unset → unset + WAITERS                    | a thread about to sleep          |
//!
//! I1: who sleeps has done T3 or saw it done, and the kernel compares the word once more.
//! I2: a wait remembers the count it began with; another count means that the flag was set in the
//!     meantime, even if it was cleared at once: a set releases everybody who waits at that moment.
//!     (Mistaken only if exactly 2^30 sets happen within one wait that never gets to run.)
//!
//! A waiter that is killed leaves WAITERS behind, which the next T1 clears. A setter killed between
//! T1 and its wake delays the waiters by one bounded sleep.
//!
//! The host reads the flag with `Atomics.load(word) & SET` and does T2 with `Atomics.and(word,
//! ~SET)`. T1 on a flag that is set already is no change; else `Atomics.compareExchange(word, w,
//! (w + COUNT | SET) & ~WAITERS)`, and if `w & WAITERS` the native wake.

use super::{Attempt, Step};
use crate::failpoint::failpoint;
use crate::sys::atomic::{AtomicU32, Ordering::SeqCst};

pub const SET: u32 = 1;
pub const WAITERS: u32 = 2;
/// One in the count of sets.
pub const COUNT: u32 = 4;

/// The event in `word`.
#[derive(Clone, Copy)]
pub struct Event<'a> {
    pub word: &'a AtomicU32,
}

/// The moment at which a wait began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(u32);

impl Moment {
    /// The moment as a number, for a host that waits in several calls.
    pub fn number(self) -> u32 {
        self.0
    }

    /// The moment that [`number`](Self::number) has made a number.
    pub fn of_number(number: u32) -> Self {
        Self(number)
    }
}

impl Event<'_> {
    pub fn is_set(self) -> bool {
        // SeqCst: Acquire, pairs with T1; the strongest because the host's load is.
        self.word.load(SeqCst) & SET != 0
    }

    /// Now, for a wait that begins.
    pub fn now(self) -> Moment {
        Moment(self.word.load(SeqCst) / COUNT)
    }

    /// Whether the flag is or was set since `began`; else the value to sleep on, after T3 if the
    /// caller will sleep.
    pub fn wait_step(self, began: Moment, attempt: Attempt) -> Step<()> {
        // SeqCst: Acquire, pairs with T1.
        let mut word = self.word.load(SeqCst);
        loop {
            if word & SET != 0 || word / COUNT != began.0 {
                return Step::Ready(());
            }
            if !attempt.announce {
                return Step::Sleep(word);
            }
            // T3. SeqCst: the order against the waker's look at the asynchronous sleepers (see
            // crate::wait), even if it changes nothing.
            match self
                .word
                .compare_exchange(word, word | WAITERS, SeqCst, SeqCst)
            {
                Ok(_) => return Step::Sleep(word | WAITERS),
                Err(now) => word = now,
            }
        }
    }

    /// T1; whether the caller must wake all sleepers.
    pub fn set(self) -> bool {
        // SeqCst: even a set that changes nothing is ordered behind what its caller did before.
        let mut word = self.word.load(SeqCst);
        loop {
            if word & SET != 0 {
                return false;
            }
            let next = (word.wrapping_add(COUNT) | SET) & !WAITERS;
            // SeqCst: Release for the waiters; and before the look at the asynchronous sleepers.
            match self.word.compare_exchange(word, next, SeqCst, SeqCst) {
                Ok(_) => break,
                Err(now) => word = now,
            }
        }
        failpoint("event-set");
        word & WAITERS != 0
    }

    /// T2.
    pub fn clear(self) {
        self.word.fetch_and(!SET, SeqCst);
    }
}
