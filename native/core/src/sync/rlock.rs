//! A lock that its owner may acquire again: a [`Lock`] and, in a second word, how often.
//!
//! The depth counts the acquisitions beyond the first and is touched by the owner alone, so it
//! needs no ordering of its own: T1 and T3 of the lock carry it from owner to owner. Whoever
//! inherits the lock from a dead owner (T4) sets the depth back to 0.

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
            self.depth.store(self.depth.load(Relaxed).saturating_add(1), Relaxed);
            return Step::Ready(Acquired::Regularly);
        }
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
            depth => {
                self.depth.store(depth - 1, Relaxed);
                Some(Released::Quietly)
            }
        }
    }
}
