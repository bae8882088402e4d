//! The waits of the primitives and queues, for promises.

use super::words::Operation;
use crate::error::Result;
use crate::memory::arena::Offset;
use crate::memory::heap::blocks::BlockId;
use crate::primitives::Lock;
use crate::primitives::condition::Wait;
use crate::primitives::{Barrier, Condition, Event, Semaphore, barrier};
use crate::queue::roster::{FOR_DONE, FOR_MESSAGE, FOR_ROOM};
use crate::queue::{Joined, Queue, Woken};
use crate::sync::barrier::Place;
use crate::sync::event::Moment;
use crate::sync::{Acquired, Acquirer, Attempt, Step, Token};
use crate::tree::member::Member;
use crate::tree::member::shares::{Goals, Standing, ThreadKey, this_thread};
use crate::wait::fairness::Waiting;

/// Outcome of an acquisition: it is ours, and its last owner had let go.
pub const ACQUIRED: i32 = 0;
/// Outcome of an operation whose object turned out to be unusable.
pub const FAILED: i32 = -1;
/// Outcome of a wait for a queue to get into a state that it never will be in.
pub const NEVER: i32 = 1;
/// Outcome of a wait for a queue: others who had it are gone, or wait themselves; see [`Watch`].
pub const LEFT: i32 = 2;
/// Outcome of a wait for a queue: somebody has it again who does not wait.
pub const JOINED: i32 = 3;
/// Outcome of a wait for a condition whose time was up: the lock is ours again nevertheless.
pub const NOT_NOTIFIED: i32 = -2;
/// Outcome of a wait at a barrier that was or is broken now.
pub const BROKEN: i32 = -3;
/// Outcome of a wait at a barrier for the party that runs the action: this minus its slot.
pub const RUNS_ACTION: i32 = -16;

/// The token of the dead owner that an acquisition inherited from; else [`ACQUIRED`].
pub fn acquired_number(acquired: Acquired) -> i32 {
    match acquired {
        Acquired::Regularly => ACQUIRED,
        Acquired::FromDead(owner) => owner.get().cast_signed(),
    }
}

/// Acquires a lock in the name of the thread that asked, once it is free: whoever has an RLock
/// already goes deeper before it waits.
pub struct Acquire {
    id: BlockId,
    word: Offset,
    token: Token,
    waiting: Waiting,
}

impl Acquire {
    pub fn new(member: &Member, id: BlockId) -> Result<Self> {
        let word = Lock::open(member, id)?.word();
        Ok(Self {
            id,
            word,
            token: member.token()?,
            waiting: Waiting::default(),
        })
    }
}

impl Operation for Acquire {
    fn word(&self) -> Offset {
        self.word
    }

    fn step(
        &mut self,
        member: &Member,
        attempt: Attempt,
        has_died: &dyn Fn(Token) -> bool,
    ) -> Step<i32> {
        let Ok(mutex) = Lock::open(member, self.id) else {
            return Step::Ready(FAILED);
        };
        let step = mutex.acquire_anew_step(&Acquirer {
            token: self.token,
            attempt,
            has_died,
        });
        self.waiting.note(mutex.starving(), attempt, &step);
        step.map(acquired_number)
    }
}

/// What a queue is waited for.
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

/// Waits for a queue to get into a state. Whoever hears of it tries, and waits again if another
/// was quicker: so an aborted wait never has taken anything.
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

    /// What is to be told of the others; `None` if nothing.
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

    fn step(&mut self, member: &Member, attempt: Attempt, _: &dyn Fn(Token) -> bool) -> Step<i32> {
        let Ok(queue) = Queue::open(member, self.id) else {
            return Step::Ready(FAILED);
        };
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
        step.map(|ready| match ready {
            true => ACQUIRED,
            false => news.unwrap_or(NEVER),
        })
    }
}

/// Acquires a semaphore.
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

    fn step(&mut self, member: &Member, attempt: Attempt, _: &dyn Fn(Token) -> bool) -> Step<i32> {
        let Ok(semaphore) = Semaphore::open(member, self.id) else {
            return Step::Ready(FAILED);
        };
        let step = semaphore.acquire_step(attempt);
        self.waiting.note(semaphore.starving(), attempt, &step);
        step.map(|()| ACQUIRED)
    }
}

/// Waits until an event is set or was since the wait was made.
pub struct AwaitEvent {
    id: BlockId,
    word: Offset,
    began: Moment,
}

impl AwaitEvent {
    pub fn new(member: &Member, id: BlockId) -> Result<Self> {
        let event = Event::open(member, id)?;
        Ok(Self {
            id,
            word: event.word(),
            began: event.now(),
        })
    }
}

impl Operation for AwaitEvent {
    fn word(&self) -> Offset {
        self.word
    }

    fn step(&mut self, member: &Member, attempt: Attempt, _: &dyn Fn(Token) -> bool) -> Step<i32> {
        match Event::open(member, self.id).map(|event| event.wait_step(self.began, attempt)) {
            Ok(Step::Sleep(value)) => Step::Sleep(value),
            Ok(Step::Ready(())) => Step::Ready(ACQUIRED),
            Err(_) => Step::Ready(FAILED),
        }
    }
}

/// How far a wait for a condition has got.
#[derive(Clone, Copy)]
enum Phase {
    Waiting,
    /// Its time is up; the next step withdraws it.
    Expired,
    Reacquiring {
        notified: bool,
    },
}

/// Waits for a condition and has the lock again at the end, come what may: it is never cancelled
/// but expired ([`Words::hasten`](super::words::Words::hasten)).
///
/// | outcome              | meaning                                                        |
/// | -------------------- | -------------------------------------------------------------- |
/// | [`ACQUIRED`]         | notified                                                       |
/// | token                | notified; the lock's last owner died, it was this one          |
/// | [`NOT_NOTIFIED`]     | its time was up                                                |
/// | − token              | its time was up; the lock's last owner died, it was this one   |
/// | [`FAILED`]           | the condition or its lock is gone; the lock is not ours        |
///
/// Tokens are at least 8192, so none is mistaken for another outcome.
pub struct AwaitCondition {
    id: BlockId,
    lock_word: Offset,
    wait: Wait,
    phase: Phase,
}

impl AwaitCondition {
    /// Registers the calling thread and releases the lock; `None` if it does not have the lock.
    /// From here on the operation must be submitted.
    pub fn new(member: &Member, id: BlockId) -> Result<Option<Self>> {
        let condition = Condition::open(member, id)?;
        let lock_word = condition.mutex()?.word();
        let wait = condition.begin()?;
        Ok(wait.map(|wait| Self {
            id,
            lock_word,
            wait,
            phase: Phase::Waiting,
        }))
    }

    fn advance(
        &mut self,
        condition: Condition,
        attempt: Attempt,
        has_died: &dyn Fn(Token) -> bool,
    ) -> Result<Step<i32>> {
        let notified = match self.phase {
            Phase::Reacquiring { notified } => notified,
            Phase::Expired => !self.wait.withdraw(condition),
            Phase::Waiting => match self.wait.step(condition, attempt, has_died)? {
                Step::Sleep(value) => return Ok(Step::Sleep(value)),
                Step::Ready(()) => true,
            },
        };
        self.phase = Phase::Reacquiring { notified };
        let mutex = condition.mutex()?;
        let me = Acquirer {
            token: self.wait.token(),
            attempt,
            has_died,
        };
        match mutex.acquire_anew_step(&me) {
            Step::Sleep(value) => Ok(Step::Sleep(value)),
            Step::Ready(acquired) => {
                self.wait.finish(condition, notified)?;
                Ok(Step::Ready(match (acquired_number(acquired), notified) {
                    (number, true) => number,
                    (ACQUIRED, false) => NOT_NOTIFIED,
                    (token, false) => -token,
                }))
            }
        }
    }
}

impl Operation for AwaitCondition {
    fn word(&self) -> Offset {
        match self.phase {
            Phase::Waiting => self.wait.word(),
            Phase::Expired | Phase::Reacquiring { .. } => self.lock_word,
        }
    }

    fn step(
        &mut self,
        member: &Member,
        attempt: Attempt,
        has_died: &dyn Fn(Token) -> bool,
    ) -> Step<i32> {
        let condition = Condition::open(member, self.id);
        let step = condition.and_then(|condition| self.advance(condition, attempt, has_died));
        step.unwrap_or(Step::Ready(FAILED))
    }

    fn expire(&mut self) -> Option<Offset> {
        if let Phase::Waiting = self.phase {
            self.phase = Phase::Expired;
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

/// Waits at a barrier. Its time-out breaks the barrier, and so does giving up: it is never
/// cancelled but expired ([`Words::hasten`](super::words::Words::hasten)).
///
/// The outcome is the index, from 0; [`BROKEN`]; [`RUNS_ACTION`] − slot; or [`FAILED`].
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

/// The outcome of a wait at a barrier as a number, as [`AwaitBarrier`] says.
pub fn barrier_number(outcome: barrier::Outcome) -> i32 {
    match outcome {
        barrier::Outcome::Passed { index } => index.cast_signed(),
        barrier::Outcome::RunsAction { slot } => RUNS_ACTION - slot.cast_signed(),
        barrier::Outcome::Broken => BROKEN,
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
    ) -> Step<i32> {
        let Ok(barrier) = Barrier::open(member, self.id) else {
            return Step::Ready(FAILED);
        };
        let step = barrier.step(
            &mut self.place,
            self.token,
            self.has_action,
            attempt,
            has_died,
        );
        match step {
            Step::Ready(outcome) => Step::Ready(barrier_number(outcome)),
            Step::Sleep(_) if self.expired => {
                Step::Ready(barrier_number(barrier.give_up(self.place)))
            }
            Step::Sleep(value) => Step::Sleep(value),
        }
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
