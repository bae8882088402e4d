//! The producers' side of a queue.

use std::sync::atomic::Ordering::{Relaxed, Release};
use std::time::{Duration, Instant};

use super::segment::{Segment, UNIT, block_size, units_of};
use super::{
    CONSUMERS_ASLEEP, Form, HEAD, HEAD_SEEN, LARGEST_SEGMENT, LONGEST_BACKLOG, LONGEST_INLINE,
    Mark, PRODUCERS_ASLEEP, PRODUCERS_LOCK, Phase, Queue, RENEWED_AFTER, SPARE_SEGMENT, TAIL,
    TAIL_SEGMENT,
};
use crate::failpoint::failpoint;
use crate::memory::heap::{BlockId, Hold, Kind};
use crate::sys::bytes::Bytes;
use crate::sys::clock::is_past;
use crate::{Error, Result, wait};

/// The most attachments of one message: one less than their number has room for, because a
/// message apart has its own block's hold besides.
const MAX_ATTACHMENTS: usize = u16::MAX as usize - 1;

/// Bytes from which a message may wait for consumers to make room in the ring.
const WORTH_A_WAIT: usize = 16 * 1024;
/// How long at most; about what the pages of a large segment cost.
const LONGEST_CATCH_UP: Duration = Duration::from_millis(2);
/// And no longer than this for the next message to be taken.
const CATCH_UP_PACE: Duration = Duration::from_millis(1);

/// A message to put.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// Given back to the receiver; says how to read the bytes.
    pub tag: u8,
    /// The bytes before `bytes`: a multiple of 8, or none.
    pub head: Bytes<'a>,
    pub bytes: Bytes<'a>,
    /// Blocks that the message speaks of and the putting process holds.
    pub attachments: &'a [BlockId],
}

impl Message<'_> {
    fn length(&self) -> usize {
        self.head.len() + self.bytes.len()
    }
}

/// The outcome of an attempt to put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    Done,
    Full,
    ShutDown,
    /// It is full, and nobody can take any more.
    Orphaned,
}

impl<'a> Queue<'a> {
    /// Puts a message if there is room.
    pub fn try_put(self, message: &Message) -> Result<Put> {
        let refuse = |limit| {
            Err(Error::Exhausted {
                action: "put a message",
                limit,
            })
        };
        let (objects, length) = (message.attachments.len(), message.length());
        if objects > MAX_ATTACHMENTS {
            return refuse(format!(
                "it speaks of {objects} shared objects, more than {MAX_ATTACHMENTS}"
            ));
        }
        if !message.head.len().is_multiple_of(UNIT as usize) {
            return refuse(format!("its head has {} bytes", message.head.len()));
        }
        if length > u32::MAX as usize {
            return refuse(format!("its {length} bytes are more than {}", u32::MAX));
        }
        let put = if length > LONGEST_INLINE {
            self.put_apart(message)
        } else {
            if length >= WORTH_A_WAIT {
                self.let_catch_up(length);
            }
            self.locked(PRODUCERS_LOCK, || self.append(message, None))
        };
        if let Ok(Put::Done) = put {
            self.wake_one(CONSUMERS_ASLEEP, self.filled_word());
        }
        put
    }

    /// Puts a message in a block of its own. This process holds the block until the queue does: it
    /// goes with this process if that is killed in between.
    fn put_apart(self, message: &Message) -> Result<Put> {
        // Before the copy that would be for nothing; `append` has the last word.
        if self.is_full() {
            return Ok(Put::Full);
        }
        let size = message.length() as u64;
        let (block, own) = self.member.create_pinned(Kind::Message, size)?;
        self.arena().write(block.offset, message.head);
        let behind = block.offset + message.head.len() as u64;
        self.arena().write(behind, message.bytes);
        let put = self.locked(PRODUCERS_LOCK, || self.append(message, Some(block.id)));
        self.member.unpin(&[own])?;
        put
    }

    /// Why nothing can be put behind `tail`. Call with the producers' lock.
    fn refusal(self, tail: Mark) -> Option<Put> {
        if self.phase() != Phase::Open {
            return Some(Put::ShutDown);
        }
        let maxsize = self.maxsize();
        if maxsize == 0 {
            return None;
        }
        let has_room = |head: Mark| tail.ahead_of(head) < maxsize;
        let head = self.mark_seen(HEAD_SEEN, HEAD, has_room);
        (!has_room(head)).then_some(Put::Full)
    }

    /// Puts a message whose bytes are in the block `apart`, if that is given. Call with the
    /// producers' lock.
    #[inline]
    pub(super) fn append(self, message: &Message, apart: Option<BlockId>) -> Result<Put> {
        let tail = self.mark(TAIL);
        if let Some(refused) = self.refusal(tail) {
            return Ok(refused);
        }
        // A producer that is killed from here on, before the message is published, leaves holds
        // behind that no message names: the next one to get the lock sweeps them away.
        let holds = match (message.attachments, apart) {
            ([], None) => Vec::new(),
            (attachments, None) => self.member.pin_all(attachments, self.id)?,
            (attachments, Some(apart)) => self
                .member
                .pin_all(&[attachments, &[apart]].concat(), self.id)?,
        };
        failpoint("queue-pinned");
        let written = self.write(tail, message, apart, &holds);
        if written.is_err() {
            self.member.take_back(&holds)?;
        }
        written.map(|()| Put::Done)
    }

    /// Writes a message behind the tail and publishes it.
    fn write(
        self,
        tail: Mark,
        message: &Message,
        apart: Option<BlockId>,
        holds: &[Hold],
    ) -> Result<()> {
        let number = apart.unwrap_or(0).to_ne_bytes();
        let (form, head, body) = match apart {
            None => (Form::Inline, message.head, message.bytes),
            Some(_) => (Form::Apart, Bytes::from(&[]), Bytes::from(&number)),
        };
        let header = message.length() as u64
            | (holds.len() as u64) << 32
            | (form as u64) << 48
            | u64::from(message.tag) << 56;
        let units = 1 + units_of(4 * holds.len()) + units_of(head.len() + body.len());
        let (segment, start) = self.room_for(units, tail)?;
        let mut at = segment.write(start, &header.to_ne_bytes());
        if !holds.is_empty() {
            let numbers: Vec<u8> = holds.iter().flat_map(|hold| hold.0.to_ne_bytes()).collect();
            at = segment.write(at, &numbers);
        }
        let at = segment.write(at, head);
        let position = segment.write(at, body);
        failpoint("queue-before-publish");
        let count = tail.count.wrapping_add(1);
        // Release: publishes the bytes (tag: MARK). A stronger store would wait here until the line has
        // come from the consumer's core; as it is, it comes together with that of the bytes.
        self.mark_word(TAIL)
            .store(Mark { position, count }.pack(), Release);
        failpoint("queue-published");
        Ok(())
    }

    /// Gives consumers that are at work a moment before the queue grows by a large segment: to fill fresh
    /// pages takes longer than the copy, and those of the ring are there already. No promise is made
    /// here, and nothing depends on it; consumers that take nothing are waited for once.
    fn let_catch_up(self, length: usize) {
        let deadline = Some(Instant::now() + LONGEST_CATCH_UP);
        let Ok(segment) = self.segment(self.word(TAIL_SEGMENT).load(Relaxed)) else {
            return;
        };
        let used = || {
            let (head, tail) = (self.mark(HEAD), self.mark(TAIL));
            let passed = tail.position.wrapping_sub(segment.base());
            let used = tail.position.wrapping_sub(head.position).min(passed);
            (u64::from(used), head.count)
        };
        let (at_first, mut head) = used();
        if block_size(segment.units) < LARGEST_SEGMENT / 2
            || at_first + units_of(length) + 2 < segment.units
            || self.word(SPARE_SEGMENT).load(Relaxed) != 0
            || segment.idle_since() == head
        {
            return;
        }
        let spot = self.member.spot(self.drained_word());
        loop {
            let pace = Some(Instant::now() + CATCH_UP_PACE);
            // Half of it: woken for each message, both sides would do little else.
            let caught_up = wait::block_to_the_end(spot, pace, |attempt| {
                self.asleep_step(attempt, PRODUCERS_ASLEEP, || {
                    let (used, count) = used();
                    (used <= segment.units / 2, count)
                })
            });
            let (_, now) = used();
            if caught_up.is_some() || now == head || is_past(deadline) {
                return;
            }
            head = now;
        }
    }

    /// The segment that takes a message of `units`, and the position at which it starts.
    pub(super) fn room_for(self, units: u64, tail: Mark) -> Result<(Segment<'a>, u32)> {
        let mut segment = self.segment(self.word(TAIL_SEGMENT).load(Relaxed))?;
        if tail.position == segment.base().wrapping_sub(1) && segment.previous() != 0 {
            // A producer died while it grew the queue.
            let unused = segment.hold();
            segment = self.segment(segment.previous())?;
            self.word(TAIL_SEGMENT).store(segment.id, Relaxed);
            segment.unchain();
            self.member.unpin(&[unused])?;
        }
        let passed = tail.position.wrapping_sub(segment.base());
        let backlog = |head: Mark| tail.position.wrapping_sub(head.position);
        // Consumers may still be in an earlier segment: then all since this one's base is used.
        let used = |head| u64::from(passed.min(backlog(head)));
        // One unit stays free for the end mark.
        let has_room = |head| used(head) + units < segment.units;
        let head = self.mark_seen(HEAD_SEEN, HEAD, |head| {
            has_room(head) && u64::from(backlog(head)) + units < LONGEST_BACKLOG
        });
        if u64::from(backlog(head)) + units >= LONGEST_BACKLOG {
            let limit = format!("{} GiB wait in the queue", (LONGEST_BACKLOG * UNIT) >> 30);
            return Err(Error::Exhausted {
                action: "put a message",
                limit,
            });
        }
        if used(head) > segment.units {
            return Err(Error::Corrupted("a queue holds more than its ring"));
        }
        if has_room(head) && passed < RENEWED_AFTER {
            return Ok((segment, tail.position));
        }
        let size = match has_room(head) {
            true => block_size(segment.units),
            false => (4 * block_size(segment.units))
                .min(LARGEST_SEGMENT)
                .max(4 * block_size(units + 2)),
        };
        let base = tail.position.wrapping_add(1);
        let next = self.new_segment(size, base, segment.id)?;
        next.set_idle_since(head.count);
        segment.chain(next.id, base);
        failpoint("queue-growing");
        self.word(TAIL_SEGMENT).store(next.id, Relaxed);
        failpoint("queue-grown");
        Ok((next, base))
    }
}
