//! A mutual exclusion lock in one futex word that holds its owner.
//!
//! | word              | meaning                                                        |
//! | ----------------- | -------------------------------------------------------------- |
//! | `FREE`            | nobody holds it                                                |
//! | token             | the thread of that token holds it, nobody sleeps               |
//! | token + `WAITERS` | it is held, and somebody may sleep on the word                 |
//!
//! | transition | from → to                      | who                                   |
//! | ---------- | ------------------------------ | ------------------------------------- |
//! | T1 acquire | FREE → mine (+ WAITERS if I slept) | whoever comes first               |
//! | T2 queue   | token → token + WAITERS        | a thread about to sleep               |
//! | T3 release | anything → FREE                | anybody; wakes one if WAITERS was set |
//! | T4 inherit | dead token → mine + WAITERS    | a sleeper that finds the owner dead   |
//!
//! I1: who sleeps has set WAITERS, or saw it set, and the kernel compares the word once more.
//! I2: T3 clears WAITERS though several may sleep; the one it wakes acquires with WAITERS (T1),
//!     so its own release wakes the next.
//! I3: sleeps are bounded ([`crate::wait::SLICE`]), so a waiter killed between being woken and T1
//!     delays the others by one slice, and a dead owner is found within one.
//!
//! The host does T1 and T3 by itself when nobody sleeps: `Atomics.compareExchange(word, FREE,
//! token)` and `Atomics.exchange(word, FREE)`, which are sequentially consistent.

use super::{Acquired, Acquirer, Released, Step, Token};
use crate::failpoint::failpoint;
use crate::sys::atomic::{AtomicU32, Ordering::Acquire, Ordering::Relaxed, Ordering::SeqCst};

pub const FREE: u32 = 0;
pub const WAITERS: u32 = 1 << 31;

/// The lock in `word`.
#[derive(Clone, Copy)]
pub struct Lock<'a> {
    pub word: &'a AtomicU32,
}

impl Lock<'_> {
    /// T1 if it is free.
    #[inline]
    pub fn try_acquire(self, token: Token) -> bool {
        // Acquire pairs with the SeqCst exchange of `release`. Relaxed on failure: nothing read.
        let taken = self
            .word
            .compare_exchange(FREE, token.get(), Acquire, Relaxed);
        taken.is_ok()
    }

    /// One try: T1 or T4, else the value to sleep on, after T2 if the caller will sleep.
    pub fn acquire_step(self, me: &Acquirer) -> Step<Acquired> {
        let contended = if me.attempt.slept { WAITERS } else { 0 };
        // Relaxed: decides only which compare-exchange to try.
        let mut word = self.word.load(Relaxed);
        loop {
            let owner = Token::from_word(word);
            let (next, outcome) = match owner {
                // T1. A word of WAITERS alone never occurs, but would count as free.
                None => (me.token.get() | contended, Step::Ready(Acquired::Regularly)),
                // T4. WAITERS, for others may have slept through the death.
                Some(owner) if me.attempt.suspicious && (me.has_died)(owner) => (
                    me.token.get() | WAITERS,
                    Step::Ready(Acquired::FromDead(owner)),
                ),
                // T2, maybe already done by another.
                Some(_) if me.attempt.announce => (word | WAITERS, Step::Sleep(word | WAITERS)),
                Some(_) => (word, Step::Sleep(word)),
            };
            if next == word {
                return outcome;
            }
            if me.attempt.slept && owner.is_none() {
                failpoint("lock-woken");
            }
            // SeqCst: Acquire for T1 and T4; for T2 the order against the waker's look at the
            // asynchronous sleepers (see crate::wait).
            match self.word.compare_exchange(word, next, SeqCst, Relaxed) {
                Ok(_) => {
                    let queued = matches!(outcome, Step::Sleep(_));
                    failpoint(if queued {
                        "lock-queued"
                    } else {
                        "lock-acquired"
                    });
                    return outcome;
                }
                Err(now) => word = now,
            }
        }
    }

    /// T3.
    #[inline]
    pub fn release(self) -> Released {
        // SeqCst: Release for the data; and before the look at the asynchronous sleepers.
        match self.word.swap(FREE, SeqCst) {
            FREE => Released::WasFree,
            word if word & WAITERS == 0 => Released::Quietly,
            _ => {
                failpoint("lock-released");
                Released::WakeOne
            }
        }
    }

    /// T4 undone: `me`, who inherited the lock from `dead`, leaves it as it was, so that another
    /// inherits it. `false` if it is not `me` who holds it.
    pub fn bequeath(self, me: Token, dead: Token) -> bool {
        let mut word = self.word.load(Relaxed);
        while Token::from_word(word) == Some(me) {
            let next = dead.get() | WAITERS;
            match self.word.compare_exchange(word, next, SeqCst, Relaxed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Who holds it now, as far as anybody can tell.
    pub fn owner(self) -> Option<Token> {
        Token::from_word(self.word.load(Relaxed))
    }
}
