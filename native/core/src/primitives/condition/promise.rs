//! Waiting for a condition without a blocked thread.

use super::{Condition, Wait, Waited};
use crate::error::Result;
use crate::memory::arena::Offset;
use crate::memory::heap::BlockId;
use crate::sync::{Acquirer, Attempt, Step, Token};
use crate::tree::member::Member;
use crate::wait::reactor::words::Operation;
#[cfg(doc)]
use crate::wait::reactor::words::{FAILED, Words};

/// How far a wait for a condition has got.
#[derive(Clone, Copy)]
enum WaitPhase {
    Waiting,
    /// Its time is up; the next step withdraws it.
    Expired,
    Reacquiring {
        notified: bool,
    },
}

/// A promise's wait. It has the lock again at the end, come what may: it is never cancelled
/// but expired ([`Words::hasten`](Words::hasten)).
///
/// The outcome is a number as of [`Waited::number`], or [`FAILED`]: the condition or its lock is gone, and
/// the lock is not ours.
pub struct AwaitCondition {
    id: BlockId,
    lock_word: Offset,
    wait: Wait,
    phase: WaitPhase,
}

impl AwaitCondition {
    /// Registers the calling thread and releases the lock; `None` if it does not have the lock.
    /// From here on the operation must be submitted.
    pub fn new(member: &Member, id: BlockId) -> Result<Option<Self>> {
        let condition = Condition::open(member, id)?;
        let lock_word = condition.lock()?.word();
        let wait = condition.begin()?;
        Ok(wait.map(|wait| Self {
            id,
            lock_word,
            wait,
            phase: WaitPhase::Waiting,
        }))
    }

    fn advance(
        &mut self,
        condition: Condition,
        attempt: Attempt,
        has_died: &dyn Fn(Token) -> bool,
    ) -> Result<Step<i32>> {
        let notified = match self.phase {
            WaitPhase::Reacquiring { notified } => notified,
            WaitPhase::Expired => !self.wait.withdraw(condition),
            WaitPhase::Waiting => match self.wait.step(condition, attempt, has_died)? {
                Step::Sleep(value) => return Ok(Step::Sleep(value)),
                Step::Ready(()) => true,
            },
        };
        self.phase = WaitPhase::Reacquiring { notified };
        let lock = condition.lock()?;
        let me = Acquirer {
            token: self.wait.token(),
            attempt,
            has_died,
        };
        match lock.acquire_anew_step(&me) {
            Step::Sleep(value) => Ok(Step::Sleep(value)),
            Step::Ready(acquired) => {
                self.wait.finish(condition, notified)?;
                Ok(Step::Ready(Waited { notified, acquired }.number()))
            }
        }
    }
}

impl Operation for AwaitCondition {
    fn word(&self) -> Offset {
        match self.phase {
            WaitPhase::Waiting => self.wait.word(),
            WaitPhase::Expired | WaitPhase::Reacquiring { .. } => self.lock_word,
        }
    }

    fn step(
        &mut self,
        member: &Member,
        attempt: Attempt,
        has_died: &dyn Fn(Token) -> bool,
    ) -> Result<Step<i32>> {
        self.advance(Condition::open(member, self.id)?, attempt, has_died)
    }

    fn expire(&mut self) -> Option<Offset> {
        if let WaitPhase::Waiting = self.phase {
            self.phase = WaitPhase::Expired;
        }
        Some(self.lock_word)
    }

    /// The notification that it had or gets is another's.
    fn abandon(&mut self, member: &Member) {
        if let Ok(condition) = Condition::open(member, self.id) {
            self.wait.abandon(condition);
        }
    }
}
