//! The consumers' side of a queue.

use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use super::segment::{Segment, UNIT, units_of};
use super::{
    CONSUMERS_LOCK, Form, HEAD, HEAD_SEGMENT, KEPT_WHEN_EMPTY, Mark, PRODUCERS_ASLEEP,
    PRODUCERS_LOCK, Phase, Queue, TAIL,
};
use crate::buffers;
use crate::failpoint::failpoint;
use crate::heap::blocks::BlockId;
use crate::heap::{Hold, Kind};
use crate::sync::lock::Lock;
use crate::{Error, Result};

/// A chain of more segments than this can only be a circle.
const LONGEST_CHAIN: usize = 1 << 16;

/// What came of an attempt to take.
#[derive(Debug, PartialEq, Eq)]
pub enum Take {
    Message(Taken),
    Empty,
    /// Nothing is there, and nothing can be put any more.
    ShutDown,
    /// Nothing is there, and no other process has the queue any more.
    Orphaned,
}

/// A taken message.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken {
    pub tag: u8,
    pub length: usize,
    /// The bytes, unless they fitted into the caller's buffer.
    pub bytes: Vec<u8>,
    /// Keep what the message speaks of alive until the receiver holds it itself.
    pub attachments: Vec<Hold>,
}

/// The first unit of a message.
struct Header {
    length: usize,
    attached: usize,
    apart: bool,
    tag: u8,
}

impl Header {
    fn from_bytes(bytes: [u8; UNIT as usize]) -> Self {
        let header = u64::from_ne_bytes(bytes);
        Self {
            length: header as u32 as usize,
            attached: (header >> 32) as u16 as usize,
            apart: (header >> 48) as u8 == Form::Apart as u8,
            tag: (header >> 56) as u8,
        }
    }

    /// Bytes of the body in the ring.
    fn body(&self) -> usize {
        if self.apart {
            size_of::<BlockId>()
        } else {
            self.length
        }
    }

    fn units(&self) -> u64 {
        1 + units_of(4 * self.attached) + units_of(self.body())
    }
}

fn number(four: &[u8]) -> u32 {
    u32::from_ne_bytes(four.try_into().unwrap_or_default())
}

impl<'a> Queue<'a> {
    /// Takes the first message, if there is one. Bytes that fit go to `target` and leave
    /// `Taken::bytes` empty.
    pub fn try_take(self, target: &mut [u8]) -> Result<Take> {
        if self.is_empty() {
            return Ok(match self.phase() {
                Phase::Open => Take::Empty,
                // Once more: it may have been filled before it was shut down.
                Phase::ShutDown if self.is_empty() => Take::ShutDown,
                Phase::ShutDown => return self.try_take(target),
            });
        }
        let taken = self.locked(CONSUMERS_LOCK, || self.take_first(target))?;
        if taken.is_some() && self.maxsize() != 0 {
            self.wake_one(PRODUCERS_ASLEEP, self.drained_word());
        }
        Ok(taken.map_or(Take::Empty, Take::Message))
    }

    /// Copies the first message out and moves the head. Call with the consumers' lock.
    fn take_first(self, target: &mut [u8]) -> Result<Option<Taken>> {
        if self.is_empty() {
            return Ok(None);
        }
        let (head, tail) = (self.mark(HEAD), self.mark(TAIL));
        let (segment, start, passed) = self.first_segment(head.position)?;
        let mut header = [0; UNIT as usize];
        let at = segment.read_into(start, &mut header);
        let header = Header::from_bytes(header);
        let filled = tail.position.wrapping_sub(start);
        if header.units() > u64::from(filled) || header.units() > segment.units {
            return Err(Error::Corrupted(
                "a message is longer than what its queue holds",
            ));
        }
        let (mut attachments, at) = match header.attached {
            0 => (Vec::new(), at),
            attached => {
                let (numbers, at) = segment.read(at, 4 * attached);
                (
                    numbers.chunks(4).map(|four| Hold(number(four))).collect(),
                    at,
                )
            }
        };
        let (bytes, position) = self.read_body(&header, segment, at, target)?;
        let count = head.count.wrapping_add(1);
        self.claim(count)?;
        failpoint("queue-before-take");
        // SeqCst: the bytes are out (tag: MARK), before the look at the sleepers (tag: ASLEEP).
        self.mark_word(HEAD)
            .store(Mark { position, count }.pack(), SeqCst);
        failpoint("queue-taken");
        self.claim_done();
        if header.apart {
            let own = attachments
                .pop()
                .ok_or(Error::Corrupted("a long message has no hold"))?;
            self.member.unpin(&[own])?;
        }
        self.leave_behind(&passed, segment)?;
        Ok(Some(Taken {
            tag: header.tag,
            length: header.length,
            bytes,
            attachments,
        }))
    }

    /// The segment of the first message, its position there, and the segments before it.
    fn first_segment(self, head: u32) -> Result<(Segment<'a>, u32, Vec<Segment<'a>>)> {
        let mut segment = self.segment(self.word(HEAD_SEGMENT).load(Relaxed))?;
        let mut start = head;
        let mut passed = Vec::new();
        while let Some(next) = segment.next_at(start) {
            passed.push(segment);
            if passed.len() > LONGEST_CHAIN {
                return Err(Error::Corrupted("a queue's segments form a circle"));
            }
            segment = self.segment(next)?;
            // From the end mark on to the first unit; but not back, if it is further already.
            if segment.base().wrapping_sub(start) < 1 << 31 {
                start = segment.base();
            }
        }
        Ok((segment, start, passed))
    }

    /// The bytes, unless they fit into `target`, and the position behind the message.
    fn read_body(
        self,
        header: &Header,
        segment: Segment,
        at: u32,
        target: &mut [u8],
    ) -> Result<(Vec<u8>, u32)> {
        if header.apart {
            let (id, position) = segment.read(at, size_of::<BlockId>());
            let block = self.member.block(number(&id), Kind::Message)?;
            if block.size != header.length as u64 {
                return Err(Error::Corrupted(
                    "a long message is not as long as announced",
                ));
            }
            let mut bytes = buffers::take(header.length);
            self.arena()
                .append_to(&mut bytes, block.offset, header.length);
            return Ok((bytes, position));
        }
        match target.get_mut(..header.length) {
            Some(target) => Ok((Vec::new(), segment.read_into(at, target))),
            None => Ok(segment.read_long(at, header.length)),
        }
    }

    /// Returns segments that the head has passed, and the pages of a large empty one.
    fn leave_behind(self, passed: &[Segment], current: Segment) -> Result<()> {
        if !passed.is_empty() {
            self.word(HEAD_SEGMENT).store(current.id, Relaxed);
            let holds: Vec<_> = passed.iter().map(|segment| segment.hold()).collect();
            self.member.unpin(&holds)?;
        }
        if current.units > KEPT_WHEN_EMPTY && self.is_empty() {
            // Only if it costs no waiting: the next one to empty the queue does it otherwise.
            let producers = Lock {
                word: self.word(PRODUCERS_LOCK),
            };
            if producers.try_acquire(self.member.token()?) {
                if self.is_empty() {
                    current.give_back();
                }
                self.unlock(PRODUCERS_LOCK);
            }
        }
        Ok(())
    }
}
