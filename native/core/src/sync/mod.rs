//! The state machines of the synchronization primitives, one file each.
//!
//! A primitive here is a view of words in shared memory, and its functions are single steps:
//! they change words and say what to do next ([`Step`]), but never sleep and never wake. The
//! drivers do that: [`crate::wait`] for a thread that blocks, [`crate::wait::reactor`] for promises.
//! So one text serves both, and loom can check it.

pub mod barrier;
pub mod condition;
pub mod event;
pub mod lock;
pub mod rlock;
pub mod semaphore;

use std::fmt;
use std::num::NonZeroU32;

/// What a step of a waiting operation leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<T> {
    /// The operation is over.
    Ready(T),
    /// Nothing to do until the operation's word no longer holds this value.
    Sleep(u32),
}

impl<T> Step<T> {
    /// The same step with another outcome.
    pub fn map<U>(self, outcome: impl FnOnce(T) -> U) -> Step<U> {
        match self {
            Self::Ready(value) => Step::Ready(outcome(value)),
            Self::Sleep(value) => Step::Sleep(value),
        }
    }
}

/// The name of a thread of the tree in lock words: 1 to 2^31 − 1, never that of another thread
/// while both live (see [`crate::tree::processes`]).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token(NonZeroU32);

impl Token {
    /// The token that a word holds; `None` for 0. Bit 31 is not part of a token.
    pub fn from_word(word: u32) -> Option<Self> {
        NonZeroU32::new(word & Self::MASK).map(Self)
    }

    pub const MASK: u32 = 0x7fff_ffff;

    /// Of no thread, and never will be: its generation is 0, which does not occur.
    pub const NOBODY: Self = Self(NonZeroU32::MIN);

    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Token({})", self.0)
    }
}

/// How far a waiting operation has got when its step is asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Attempt {
    /// Whether the caller sleeps if the step says so, so that the step must see to being woken.
    pub announce: bool,
    /// Whether the operation has slept on its word: then others may sleep there too.
    pub slept: bool,
    /// Whether the last sleep lasted so long that the owner's life is worth a system call.
    pub suspicious: bool,
}

/// What a thread brings to the acquisition of a lock.
pub struct Acquirer<'a> {
    pub token: Token,
    pub attempt: Attempt,
    /// Whether the thread behind a token has ended. Asked only when suspicious.
    pub has_died: &'a dyn Fn(Token) -> bool,
}

/// How a lock came to be ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acquired {
    /// Its last owner had let go.
    Regularly,
    /// Its last owner died holding it: what the lock protects may be half changed.
    FromDead(Token),
}

/// What a release leaves to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Released {
    /// It was not held at all.
    WasFree,
    /// Nobody sleeps.
    Quietly,
    /// The caller must wake one sleeper.
    WakeOne,
}
