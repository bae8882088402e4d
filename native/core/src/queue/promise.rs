//! Waiting for a queue without a blocked thread.

use super::roster::{FOR_DONE, FOR_MESSAGE, FOR_ROOM};
use super::{Joined, Queue, Woken};
use crate::error::Result;
use crate::memory::arena::Offset;
use crate::memory::heap::BlockId;
use crate::sync::{Attempt, Step, Token};
use crate::tree::member::Member;
use crate::tree::member::shares::{Goals, Standing, ThreadKey, this_thread};
use crate::wait::reactor::words::{Operation, READY};

/// The number of a wait for a state that the queue never will be in.
pub const NEVER: i32 = 1;
/// The number of a wait: others who had the queue are gone, or wait themselves; see [`Watch`].
pub const LEFT: i32 = 2;
/// The number of a wait: a process has the queue again that does not wait.
pub const JOINED: i32 = 3;

/// The state that a queue is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueState {
    /// Something to take.
    Filled,
    /// Room.
    Drained,
    /// The last acknowledgement; also when it is known that it never comes because who should give
    /// it has ended.
    Done,
}

impl QueueState {
    pub fn goals(self) -> Goals {
        match self {
            Self::Filled => FOR_MESSAGE,
            Self::Drained => FOR_ROOM,
            Self::Done => FOR_DONE,
        }
    }
}

/// What a wait for a queue hears of the others who have it. Their standing is looked at once in a
/// while; [`NEVER`], [`LEFT`] and [`JOINED`] tell of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watch {
    Nothing,
    /// [`NEVER`] when nothing can be expected of anybody.
    Never,
    /// [`LEFT`] when nobody is awake any more.
    Leaving,
    /// [`JOINED`] when somebody is awake again.
    Joining,
    /// As `Joining`, and [`LEFT`] when nothing can be expected of anybody.
    Both,
}

/// A promise's wait for a queue to get into a state. The caller that hears of it tries, and waits
/// again if another was quicker: so an aborted wait never has taken anything.
pub struct AwaitQueue {
    id: BlockId,
    word: Offset,
    state: QueueState,
    watch: Watch,
    /// Whose wait it is: the threads besides count.
    thread: ThreadKey,
}

impl AwaitQueue {
    pub fn new(member: &Member, id: BlockId, state: QueueState, watch: Watch) -> Result<Self> {
        let queue = Queue::open(member, id)?;
        let word = match state {
            QueueState::Filled => queue.filled_word(),
            QueueState::Drained => queue.drained_word(),
            QueueState::Done => queue.done_word(),
        };
        Ok(Self {
            id,
            word,
            state,
            watch,
            thread: this_thread(),
        })
    }

    /// News of the other processes; `None` if there is none.
    fn news(&self, queue: Queue) -> Option<i32> {
        if self.watch == Watch::Nothing {
            return None;
        }
        match (self.watch, queue.company(self.thread)) {
            (Watch::Never, Standing::Asleep) => Some(NEVER),
            (Watch::Leaving, Standing::Asleep | Standing::Waiting) => Some(LEFT),
            (Watch::Joining | Watch::Both, Standing::Awake) => Some(JOINED),
            (Watch::Both, Standing::Asleep) => Some(LEFT),
            _ => None,
        }
    }
}

impl Operation for AwaitQueue {
    fn word(&self) -> Offset {
        self.word
    }

    fn step(
        &mut self,
        member: &Member,
        attempt: Attempt,
        _: &dyn Fn(Token) -> bool,
    ) -> Result<Step<i32>> {
        let queue = Queue::open(member, self.id)?;
        let mut news = None;
        let mut has_news = || {
            news = self.news(queue);
            news.is_some()
        };
        let is_ready = |woken| woken == Woken::Look;
        // Whether it is as wanted; else there is news, or it will never be.
        let step = match self.state {
            QueueState::Filled => queue.filled_step(attempt, &mut has_news).map(is_ready),
            QueueState::Drained => queue.drained_step(attempt, &mut has_news).map(is_ready),
            QueueState::Done => {
                let step = queue.done_step(attempt, &mut has_news);
                step.map(|joined| joined == Joined::Done)
            }
        };
        Ok(step.map(|ready| match ready {
            true => READY,
            false => news.unwrap_or(NEVER),
        }))
    }
}
