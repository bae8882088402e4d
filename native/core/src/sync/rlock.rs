//! A lock that its owner may acquire again: a [`Lock`] and, in a second word, how often.
//!
//! The depth counts the acquisitions beyond the first and is touched by the owner alone, so it
//! needs no ordering of its own: T1 and T3 of the lock carry it from owner to owner. Whoever
//! inherits the lock from a dead owner (T4) sets the depth back to 0.
//!
//! A promise uses the token of its thread, which goes on running and may hold the lock itself. So a
//! waiting promise never deepens the lock; it waits until the word is free
//! ([`RLock::acquire_anew_step`]). The thread checks whether it already holds the lock before it
//! submits the wait. The depth is changed by single additions, so that a wait which restores the
//! depth does not undo what the thread does at that moment.

use super::lock::Lock;
use super::{Acquired, Acquirer, Released, Step, Token};
use crate::sys::atomic::{AtomicU32, Ordering::Relaxed};

/// The recursive lock in two words.
#[derive(Clone, Copy)]
pub struct RLock<'a> {
    pub lock: Lock<'a>,
    pub depth: &'a AtomicU32,
}

impl RLock<'_> {
    /// Whether `token` is the owner. Only the owner itself can rely on the answer.
    #[inline]
    pub fn is_mine(self, token: Token) -> bool {
        self.lock.owner() == Some(token)
    }

    /// One try: deeper if it is mine, else as [`Lock::acquire_step`].
    pub fn acquire_step(self, me: &Acquirer) -> Step<Acquired> {
        if self.is_mine(me.token) {
            self.depth.fetch_add(1, Relaxed);
            return Step::Ready(Acquired::Regularly);
        }
        self.acquire_anew_step(me)
    }

    /// One try, which fails if it is mine already, too.
    pub fn acquire_anew_step(self, me: &Acquirer) -> Step<Acquired> {
        let step = self.lock.acquire_step(me);
        if let Step::Ready(Acquired::FromDead(_)) = step {
            self.depth.store(0, Relaxed);
        }
        step
    }

    /// One level up, and T3 at the last; `None` if `token` is not the owner.
    pub fn release(self, token: Token) -> Option<Released> {
        if !self.is_mine(token) {
            return None;
        }
        match self.depth.load(Relaxed) {
            0 => Some(self.lock.release()),
            _ => {
                self.depth.fetch_sub(1, Relaxed);
                Some(Released::Quietly)
            }
        }
    }

    /// All levels up and T3; the depth it had, for [`restore`](Self::restore). Only for the owner.
    pub fn release_fully(self) -> (u32, Released) {
        let depth = self.depth.swap(0, Relaxed);
        (depth, self.lock.release())
    }

    /// Goes as many levels deeper. Only for the owner.
    pub fn restore(self, depth: u32) {
        self.depth.fetch_add(depth, Relaxed);
    }
}
