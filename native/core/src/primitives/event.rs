//! Events of the arena.

use crate::error::Result;
use crate::memory::arena::Offset;
use crate::memory::heap::{Block, BlockId, Kind};
use crate::sync::event::{self as machine, Moment};
use crate::sync::{Attempt, Step, Token};
use crate::sys::clock::Deadline;
use crate::tree::member::Member;
use crate::wait;
use crate::wait::reactor::words::{Operation, READY};

/// Where in its block the word of an event is, in bytes.
pub const EVENT_WORD: Offset = 0;
const SIZE: u64 = 4;

/// An event as a block of the arena.
#[derive(Clone, Copy)]
pub struct Event<'a> {
    member: &'a Member,
    at: Offset,
}

impl<'a> Event<'a> {
    /// A new event, not set.
    pub fn create(member: &'a Member) -> Result<(Self, Block)> {
        let block = member.create(Kind::Event, SIZE)?;
        Ok((Self::open(member, block.id)?, block))
    }

    /// The event in the block `id`.
    pub fn open(member: &'a Member, id: BlockId) -> Result<Self> {
        let block = member.block(id, Kind::Event)?;
        Ok(Self {
            member,
            at: block.offset,
        })
    }

    fn machine(self) -> machine::Event<'a> {
        machine::Event {
            word: self.member.arena().word32(self.word()),
        }
    }

    /// The word whose change a wait waits for.
    pub fn word(self) -> Offset {
        self.at + EVENT_WORD
    }

    pub fn is_set(self) -> bool {
        self.machine().is_set()
    }

    /// Sets it and wakes all who wait.
    pub fn set(self) {
        if self.machine().set() {
            self.wake();
        }
    }

    pub fn clear(self) {
        self.machine().clear();
    }

    /// Wakes all who wait, for a host that has set it by itself.
    pub fn wake(self) {
        self.member.wake(self.word(), u32::MAX);
    }

    /// The moment from which on a set ends a wait that begins now.
    pub fn now(self) -> Moment {
        self.machine().now()
    }

    /// One step of a wait.
    pub fn wait_step(self, began: Moment, attempt: Attempt) -> Step<()> {
        self.machine().wait_step(began, attempt)
    }

    /// Blocks the calling thread until the event is or was set; `false` when `deadline` passes
    /// first.
    pub fn wait(self, deadline: Deadline) -> bool {
        self.wait_since(self.now(), deadline)
    }

    /// As [`wait`](Self::wait), for a wait that has begun at that moment.
    pub fn wait_since(self, began: Moment, deadline: Deadline) -> bool {
        let machine = self.machine();
        let step = |attempt| machine.wait_step(began, attempt);
        wait::block_on(self.member.spot(self.word()), deadline, step).is_some()
    }
}

/// A promise's wait until the event is set or was since the wait was made.
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

    fn step(
        &mut self,
        member: &Member,
        attempt: Attempt,
        _: &dyn Fn(Token) -> bool,
    ) -> Result<Step<i32>> {
        let step = Event::open(member, self.id)?.wait_step(self.began, attempt);
        Ok(step.map(|()| READY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::clock::deadline_after;

    #[test]
    fn it_is_set_cleared_and_waited_for() {
        let member = Member::root("test").unwrap();
        let (event, _) = Event::create(&member).unwrap();
        assert!(!event.is_set());
        assert!(!event.wait(deadline_after(0.0)));
        assert!(!event.wait(deadline_after(5.0)));
        for _ in 0..3 {
            event.set();
            assert!(event.is_set() && event.wait(None) && event.wait(deadline_after(0.0)));
        }
        event.clear();
        event.clear();
        assert!(!event.is_set());
        assert!(!event.wait(deadline_after(0.0)));
    }

    #[test]
    fn a_set_that_is_cleared_at_once_releases_everybody_who_waits() {
        let member = Member::root("test").unwrap();
        let (event, _) = Event::create(&member).unwrap();
        for threads in [1, 2, 8] {
            for _ in 0..50 {
                let ready = std::sync::Barrier::new(threads + 1);
                std::thread::scope(|scope| {
                    for _ in 0..threads {
                        let began = event.now();
                        let (machine, ready) = (event.machine(), &ready);
                        scope.spawn(move || {
                            ready.wait();
                            let step = |attempt| machine.wait_step(began, attempt);
                            wait::block_on(event.member.spot(event.word()), None, step).unwrap();
                        });
                    }
                    ready.wait();
                    event.set();
                    event.clear();
                });
            }
        }
    }

    #[test]
    fn a_wait_that_is_taken_up_again_has_missed_nothing() {
        let member = Member::root("test").unwrap();
        let (event, _) = Event::create(&member).unwrap();
        let began = Moment::of_number(event.now().number());
        assert!(!event.wait_since(began, deadline_after(1.0)));
        event.set();
        event.clear();
        assert!(event.wait_since(began, None));
        assert!(!event.wait_since(event.now(), deadline_after(0.0)));
    }

    #[test]
    fn two_threads_call_each_other_by_two_events() {
        let member = Member::root("test").unwrap();
        let (ping, _) = Event::create(&member).unwrap();
        let (pong, _) = Event::create(&member).unwrap();
        let echo = |heard: Event, said: Event| {
            for _ in 0..5_000 {
                assert!(heard.wait(None));
                heard.clear();
                said.set();
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| echo(ping, pong));
            ping.set();
            echo(pong, ping);
        });
    }
}
