//! The producers' side of a queue.

use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use super::segment::{Segment, UNIT, block_size, units_of};
use super::{
    CONSUMERS_ASLEEP, Form, HEAD, HEAD_SEEN, LARGEST_SEGMENT, LONGEST_BACKLOG, LONGEST_INLINE,
    Mark, PRODUCERS_LOCK, Phase, Queue, RENEWED_AFTER, TAIL, TAIL_SEGMENT,
};
use crate::failpoint::failpoint;
use crate::heap::blocks::BlockId;
use crate::heap::{Hold, Kind};
use crate::{Error, Result};

/// The most attachments of one message: one less than their number has room for, because a
/// message apart has its own block's hold besides.
const MAX_ATTACHMENTS: usize = u16::MAX as usize - 1;

/// A message to put.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Given back to the receiver; says how to read the bytes.
    pub tag: u8,
    pub bytes: &'a [u8],
    /// Blocks that the message speaks of and the putting process holds.
    pub attachments: &'a [BlockId],
}

/// What came of an attempt to put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    Done,
    Full,
    ShutDown,
}

impl<'a> Queue<'a> {
    /// Puts a message if there is room.
    pub fn try_put(self, message: &Message) -> Result<Put> {
        let is_long = message.bytes.len() > LONGEST_INLINE;
        // Before the work that would be for nothing; `append` has the last word.
        if (is_long || !message.attachments.is_empty()) && self.is_full() {
            return Ok(Put::Full);
        }
        let refuse = |limit| {
            Err(Error::Exhausted {
                action: "put a message",
                limit,
            })
        };
        let Message {
            tag,
            bytes,
            attachments,
        } = *message;
        if attachments.len() > MAX_ATTACHMENTS {
            return refuse(format!("it speaks of {} shared objects", attachments.len()));
        }
        let Ok(length) = u32::try_from(bytes.len()) else {
            return refuse(format!(
                "its {} bytes are more than {}",
                bytes.len(),
                u32::MAX
            ));
        };
        let mut holds = Vec::new();
        let put = self.prepare(message, &mut holds).and_then(|apart| {
            let number = apart.unwrap_or(0).to_ne_bytes();
            let (form, body) = match apart {
                None => (Form::Inline, bytes),
                Some(_) => (Form::Apart, &number[..]),
            };
            let header = u64::from(length)
                | (holds.len() as u64) << 32
                | (form as u64) << 48
                | u64::from(tag) << 56;
            self.locked(PRODUCERS_LOCK, || self.append(header, body, &holds))
        });
        match put {
            Ok(Put::Done) => self.wake_one(CONSUMERS_ASLEEP, self.filled_word()),
            _ => self.member.unpin(&holds)?,
        }
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

    /// Pins the attachments and, for a long message, copies it into a block of its own.
    fn prepare(self, message: &Message, holds: &mut Vec<Hold>) -> Result<Option<BlockId>> {
        for &attachment in message.attachments {
            holds.push(self.member.pin(attachment, self.id)?);
        }
        if message.bytes.len() <= LONGEST_INLINE {
            return Ok(None);
        }
        let size = message.bytes.len() as u64;
        let (block, hold) = self.member.create_within(Kind::Message, size, self.id)?;
        holds.push(hold);
        self.arena().write(block.offset, message.bytes);
        Ok(Some(block.id))
    }

    /// Writes a message behind the tail and publishes it. Call with the producers' lock.
    fn append(self, header: u64, body: &[u8], holds: &[Hold]) -> Result<Put> {
        let tail = self.mark(TAIL);
        if let Some(refused) = self.refusal(tail) {
            return Ok(refused);
        }
        let units = 1 + units_of(4 * holds.len()) + units_of(body.len());
        let (segment, start) = self.room_for(units, tail)?;
        let mut at = segment.write(start, &header.to_ne_bytes());
        if !holds.is_empty() {
            let numbers: Vec<u8> = holds.iter().flat_map(|hold| hold.0.to_ne_bytes()).collect();
            at = segment.write(at, &numbers);
        }
        let position = segment.write(at, body);
        failpoint("queue-before-publish");
        let count = tail.count.wrapping_add(1);
        // SeqCst: publishes the bytes (tag: MARK), before the look at the sleepers (tag: ASLEEP).
        self.mark_word(TAIL)
            .store(Mark { position, count }.pack(), SeqCst);
        failpoint("queue-published");
        Ok(Put::Done)
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
        segment.chain(next.id, base);
        failpoint("queue-growing");
        self.word(TAIL_SEGMENT).store(next.id, Relaxed);
        failpoint("queue-grown");
        Ok((next, base))
    }
}
