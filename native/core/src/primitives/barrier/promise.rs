//! Waiting at a barrier without a blocked thread.

use super::{Barrier, BarrierOutcome};
use crate::error::Result;
use crate::memory::arena::Offset;
use crate::memory::heap::BlockId;
use crate::sync::barrier::Place;
use crate::sync::{Attempt, Step, Token};
use crate::tree::member::Member;
use crate::wait::reactor::words::Operation;
#[cfg(doc)]
use crate::wait::reactor::words::{FAILED, Words};

/// A promise's wait. Its time-out breaks the barrier, and so does giving up: it is never
/// cancelled but expired ([`Words::hasten`](Words::hasten)).
///
/// The outcome is a number as of [`BarrierOutcome::number`], or [`FAILED`]: the barrier is gone.
pub struct AwaitBarrier {
    id: BlockId,
    word: Offset,
    token: Token,
    has_action: bool,
    place: Option<Place>,
    expired: bool,
}

impl AwaitBarrier {
    pub fn new(member: &Member, id: BlockId, has_action: bool) -> Result<Self> {
        let (word, token) = (Barrier::open(member, id)?.word(), member.token()?);
        Ok(Self {
            id,
            word,
            token,
            has_action,
            place: None,
            expired: false,
        })
    }
}

impl Operation for AwaitBarrier {
    fn word(&self) -> Offset {
        self.word
    }

    fn step(
        &mut self,
        member: &Member,
        attempt: Attempt,
        has_died: &dyn Fn(Token) -> bool,
    ) -> Result<Step<i32>> {
        let barrier = Barrier::open(member, self.id)?;
        let step = barrier.step(
            &mut self.place,
            self.token,
            self.has_action,
            attempt,
            has_died,
        );
        let step = match step {
            Step::Sleep(_) if self.expired => Step::Ready(barrier.give_up(self.place)),
            step => step,
        };
        Ok(step.map(BarrierOutcome::number))
    }

    fn expire(&mut self) -> Option<Offset> {
        self.expired = true;
        Some(self.word)
    }

    fn abandon(&mut self, member: &Member) {
        if let Ok(barrier) = Barrier::open(member, self.id) {
            barrier.give_up(self.place);
        }
    }
}
