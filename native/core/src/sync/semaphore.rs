//! A counting semaphore in one futex word, and its bound in a second that never changes.
//!
//! | bits of the word | meaning                                               |
//! | ---------------- | ----------------------------------------------------- |
//! | 0–30             | the value: how many acquisitions succeed at once      |
//! | 31 `WAITERS`     | somebody may sleep on the word; its value is then 0   |
//!
//! | transition | from → to                               | who                               |
//! | ---------- | --------------------------------------- | --------------------------------- |
//! | T1 acquire | value → value − 1 (+ WAITERS if I slept) | whoever finds it above 0          |
//! | T2 queue   | 0 → 0 + WAITERS                         | a thread about to sleep           |
//! | T3 release | value → value + n, at most the bound    | anybody; wakes n if WAITERS is set |
//! | T4 heal    | value + WAITERS → value, only above 0   | T3's waker that found nobody asleep |
//!
//! I1: who sleeps does so on `0 + WAITERS` and nothing else, and the kernel compares once more.
//! I2: T3 leaves WAITERS alone, so each release wakes as many as it lets in. T4 may clear it while
//!     another T3 lets a new sleeper in; that T3 wakes it, and its T1 sets WAITERS again.
//! I3: the bound is checked by the compare-exchange that adds: a release is exact, never racy.
//!
//! A waiter that is killed leaves at most WAITERS behind: the next release makes one needless
//! system call and T4. One killed between being woken and T1, or a releaser killed between T3 and
//! its wake, delays the others by one bounded sleep. Who has acquired is not
//! recorded, as in Python: the permits of a dead process are gone.
//!
//! The host does T1 and T3 by itself, sequentially consistent, on an `Int32Array`:
//! - acquire: `w = Atomics.load(word)`; while `w & 0x7fffffff` is not 0, `Atomics.compareExchange(
//!   word, w, w − 1)`; otherwise the native acquisition;
//! - release: `w = Atomics.load(word)`; if `(w & 0x7fffffff) + n` exceeds the bound it fails; else
//!   `Atomics.compareExchange(word, w, w + n)`, and if `w < 0` the native wake of `n`.

use super::{Attempt, Step};
use crate::failpoint::failpoint;
use crate::sys::atomic::{AtomicU32, Ordering::Relaxed, Ordering::SeqCst};

pub const WAITERS: u32 = 1 << 31;
/// The largest value, and the bound of a semaphore that has none of its own (`SEM_VALUE_MAX`).
pub const MAX_VALUE: u32 = !WAITERS;

/// What a release leaves to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PermitsReleased {
    /// It would have exceeded the bound, so nothing was released.
    TooMany,
    /// Nobody sleeps.
    Quietly,
    /// The caller must wake as many as it released, and [`Semaphore::heal`] if nobody was there.
    Wake,
}

/// The semaphore in `word`, bounded by `max`.
#[derive(Clone, Copy)]
pub struct Semaphore<'a> {
    pub word: &'a AtomicU32,
    pub max: u32,
}

impl Semaphore<'_> {
    /// One try: T1, else the value to sleep on, after T2 if the caller will sleep.
    pub fn acquire_step(self, attempt: Attempt) -> Step<()> {
        let contended = if attempt.slept { WAITERS } else { 0 };
        // Relaxed: decides only which compare-exchange to try.
        let mut word = self.word.load(Relaxed);
        loop {
            let (next, outcome) = match word & MAX_VALUE {
                0 if attempt.announce => (WAITERS, Step::Sleep(WAITERS)), // T2
                0 => return Step::Sleep(word),
                _ => {
                    if attempt.slept {
                        failpoint("semaphore-woken");
                    }
                    ((word - 1) | contended, Step::Ready(())) // T1
                }
            };
            // SeqCst: Acquire for T1, pairs with T3; for T2 the order against the waker's look at
            // the asynchronous sleepers (see crate::wait). Even if T2 changes nothing.
            match self.word.compare_exchange(word, next, SeqCst, Relaxed) {
                Ok(_) => break outcome,
                Err(now) => word = now,
            }
        }
    }

    /// T1 if its value is above 0.
    pub fn try_acquire(self) -> bool {
        self.acquire_step(Attempt::default()) == Step::Ready(())
    }

    /// T3.
    pub fn release(self, n: u32) -> PermitsReleased {
        // Relaxed: decides only which compare-exchange to try.
        let mut word = self.word.load(Relaxed);
        loop {
            let value = (word & MAX_VALUE).saturating_add(n);
            if value > self.max.min(MAX_VALUE) {
                return PermitsReleased::TooMany;
            }
            // SeqCst: Release for what the permits stand for; and before the look at the
            // asynchronous sleepers.
            match self
                .word
                .compare_exchange(word, value | (word & WAITERS), SeqCst, Relaxed)
            {
                Ok(_) if word & WAITERS == 0 => return PermitsReleased::Quietly,
                Ok(_) => {
                    failpoint("semaphore-released");
                    return PermitsReleased::Wake;
                }
                Err(now) => word = now,
            }
        }
    }

    /// What the word holds now, for [`heal`](Self::heal).
    pub fn snapshot(self) -> u32 {
        self.word.load(SeqCst)
    }

    /// T4, if the word still is what it was before the wake that found nobody.
    pub fn heal(self, snapshot: u32) {
        if snapshot & WAITERS != 0 && snapshot != WAITERS {
            // Relaxed: publishes nothing.
            let _ = self
                .word
                .compare_exchange(snapshot, snapshot & MAX_VALUE, Relaxed, Relaxed);
        }
    }

    /// How many acquisitions would succeed now, as far as anybody can tell.
    pub fn value(self) -> u32 {
        self.word.load(Relaxed) & MAX_VALUE
    }
}
