//! Trays: memory of a pipe, by which a long message goes from one relative to another without passing
//! through the kernel. What goes through the descriptor is a frame that names the tray.
//!
//! The pipe's own block, which every process holds that has one of its ends, begins with
//!
//! | word         | meaning                                                                      |
//! | ------------ | ---------------------------------------------------------------------------- |
//! | 0 (32 bits)  | habits: [`RECEIVES`], [`EXPOSED`]                                            |
//! | 4 (32 bits)  | grows with each tray that becomes empty; senders sleep on it                 |
//! | 8 (32 bits)  | how many have announced to sleep there                                       |
//! | 64 × (1 + k) | tray k: its state (64 bits), block (32), hold (32), length of the message (64) |
//!
//! A state is a step, whose it is, and how often the tray was filled:
//!
//! | transition | from → to                  | who, when                                                 |
//! | ---------- | -------------------------- | --------------------------------------------------------- |
//! | T1         | EMPTY → FILLING            | a sender; counted                                         |
//! | T2         | FILLING → FULL             | the same, when the message is in; then it sends the frame |
//! | T3         | FULL → EMPTYING            | who received the frame                                    |
//! | T4         | EMPTYING → EMPTY           | the same, when the message is out                         |
//! | T5         | FULL → EMPTY               | the sender, if the frame is not going to be received      |
//! | T6         | FILLING, EMPTYING → FILLING | a sender, if the process whose it was has ended          |
//!
//! I1: in FILLING and EMPTYING, the process whose the tray is alone touches its other words and its
//! memory. A process that is killed there leaves the tray to the next sender.
//! I2: a frame tells the number of the filling. So it is good for once: what is sent again, made up, or
//! meant for another pipe names no tray that is full.
//! I3: the pipe holds the memory, so all of it comes back with the last end. That holds for what lies
//! in a tray as well whose frame nobody has, because a process was killed between the two.
//!
//! There are few trays, and little memory for them: a sender that finds none waits for a moment, and
//! then sends the message through the kernel as it is, where it waits for as long as it takes. Memory
//! once touched is kept for the next message, as it is in queues.
//!
//! A frame that names a tray is for a relative only. So trays are used once somebody has received a
//! long message by a connection of this pipe, and never again when somebody has asked for the number
//! of a descriptor: it may go to another program.

mod tray;

use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::fence;
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::failpoint::failpoint;
use crate::memory::heap::{Block, BlockId, Kind};
use crate::sync::Step as Next;
use crate::sys::bytes::{Bytes, BytesMut};
use crate::sys::stream::Mode;
use crate::tree::member::Member;
use crate::wait;
pub use tray::SIZE;
use tray::{ASLEEP, COUNT, EMPTIED, FILLING_BITS, HABITS, Pipe, State, Step, Tray};

/// A long message was received by a connection: who reads here knows frames of trays.
const RECEIVES: u32 = 1;
/// Somebody was told the number of a descriptor.
const EXPOSED: u32 = 2;

/// Messages of fewer bytes go through the kernel: it takes less time for them.
pub const LEAST: usize = 64 * 1024;
/// Longer ones go through the kernel, too.
const LONGEST: usize = 4 * 1024 * 1024;

/// How long a sender waits for an empty tray. Nothing depends on it.
const TRAY_PATIENCE: Duration = Duration::from_millis(1);

/// The trays of a pipe that this process has an end of.
#[derive(Clone)]
pub struct Trays(Arc<Pipe>);

impl Trays {
    /// The trays of the pipe in the block `id`, which this process holds; `None` if it has no room for
    /// any.
    pub fn of(member: &Arc<Member>, id: BlockId) -> Result<Option<Self>> {
        let block = member.block(id, Kind::Pipe)?;
        if block.size < SIZE {
            return Ok(None);
        }
        member.begin_use(id)?;
        Ok(Some(Self(Arc::new(Pipe {
            member: Arc::clone(member),
            id,
            at: block.offset,
        }))))
    }

    /// Notes that somebody may read from a descriptor who knows no trays.
    pub fn expose(&self) {
        self.0.word(HABITS).fetch_or(EXPOSED, SeqCst);
    }

    /// Notes that a long message has come through the kernel, and was received by a connection.
    pub fn note_received(&self) {
        if self.0.word(HABITS).load(Relaxed) & RECEIVES == 0 {
            self.0.word(HABITS).fetch_or(RECEIVES, SeqCst);
        }
    }

    /// Puts a message into a tray. `None`: it is not one for a tray, or there is none; [`Mode::Wait`]
    /// waits for one a moment.
    pub fn load(&self, message: Bytes, mode: Mode) -> Option<Load> {
        let length = message.len();
        let is_used = self.0.word(HABITS).load(SeqCst) == RECEIVES;
        if !is_used || !(LEAST..=LONGEST).contains(&length) {
            return None;
        }
        let (tray, filling) = match self.claim(length, true) {
            None if mode == Mode::Wait => self.await_empty(length)?,
            claimed => claimed?,
        };
        let Ok(Some(block)) = tray.memory_for(length) else {
            tray.give_up(filling);
            return None;
        };
        failpoint("tray-filling");
        self.0.member.arena().write(block.offset, message);
        tray.length_word().store(length as u64, Relaxed);
        let full = filling.then(Step::Full);
        tray.change(filling, full).then(|| {
            failpoint("tray-full");
            Load {
                tray,
                state: full,
                length,
            }
        })
    }

    /// Makes a tray this process's, to be filled. One that has the memory already is the best, then one
    /// that is empty, and then, if they are `suspected`, that of a process that has ended.
    fn claim(&self, length: usize, suspected: bool) -> Option<(Tray, State)> {
        let claimed = |tray: Tray, from: State| {
            let filling = State {
                step: Step::Filling,
                whose: self.0.own_place(),
                fillings: (from.fillings + 1) % (1 << FILLING_BITS),
            };
            tray.change(from, filling).then_some((tray, filling))
        };
        let fitting = self.0.trays().filter(|tray| tray.size() >= length as u64);
        let found = fitting.chain(self.0.trays()).find_map(|tray| {
            let state = tray.state();
            (state.step == Step::Empty).then(|| claimed(tray, state))?
        });
        if found.is_some() || !suspected {
            return found;
        }
        self.0.trays().find_map(|tray| {
            let state = tray.state();
            let is_somebodys = matches!(state.step, Step::Filling | Step::Emptying);
            (is_somebodys && self.0.has_ended(state.whose)).then(|| claimed(tray, state))?
        })
    }

    /// Waits a moment for somebody to empty a tray.
    fn await_empty(&self, length: usize) -> Option<(Tray, State)> {
        let pipe = &self.0;
        let spot = pipe.member.spot(pipe.at + EMPTIED);
        let deadline = Some(Instant::now() + TRAY_PATIENCE);
        wait::block_to_the_end(spot, deadline, |attempt| {
            let look = || {
                // The value is from before the look: a change in between ends the sleep at once.
                let value = pipe.word(EMPTIED).load(SeqCst);
                match self.claim(length, false) {
                    Some(claimed) => Next::Ready(claimed),
                    None => Next::Sleep(value),
                }
            };
            let next = look();
            if matches!(next, Next::Ready(_)) || !attempt.announce {
                return next;
            }
            pipe.word(ASLEEP).fetch_add(1, SeqCst);
            // Announced before the second look (tag: ASLEEP).
            fence(SeqCst);
            look()
        })
    }

    /// The message that a frame names, which is this process's from here on; `None` if there is none:
    /// the frame is not by a connection of this pipe.
    pub fn take(&self, ticket: u32, length: u64) -> Option<Brought> {
        let tray = Tray {
            pipe: Arc::clone(&self.0),
            index: ticket % COUNT,
        };
        let full = tray.state();
        if full.step != Step::Full || full.fillings != ticket / COUNT {
            return None;
        }
        let emptying = State {
            step: Step::Emptying,
            whose: self.0.own_place(),
            ..full
        };
        if !tray.change(full, emptying) {
            return None;
        }
        failpoint("tray-emptying");
        let brought = Brought {
            block: tray.memory(),
            tray,
            state: emptying,
            length,
        };
        let is_right = brought.tray.length_word().load(Relaxed) == length
            && brought.block.is_some_and(|block| block.size >= length);
        is_right.then_some(brought)
    }
}

/// A message in a tray, whose frame is still to be sent. It stays there when this is dropped.
pub struct Load {
    tray: Tray,
    state: State,
    length: usize,
}

impl Load {
    /// What the frame says of it.
    pub fn ticket(&self) -> u32 {
        self.state.fillings * COUNT + self.tray.index
    }

    pub fn length(&self) -> usize {
        self.length
    }

    /// Empties the tray, unless somebody has received the frame: it was not sent, or nobody is left.
    pub fn withdraw(self) {
        self.tray.give_up(self.state);
    }
}

/// A message in a tray, whose frame was received. The tray is empty when this is dropped.
pub struct Brought {
    tray: Tray,
    state: State,
    block: Option<Block>,
    length: u64,
}

impl Brought {
    /// Copies the message to memory that is as long.
    pub fn copy_to(&self, target: BytesMut) {
        let (target, _) = target.split_at(usize::try_from(self.length).unwrap_or(0));
        if let Some(block) = self.block {
            self.tray.pipe.member.arena().read(block.offset, target);
        }
    }
}

impl Drop for Brought {
    fn drop(&mut self) {
        self.tray.give_up(self.state);
    }
}

#[cfg(test)]
mod tests;
