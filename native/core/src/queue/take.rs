//! The consumers' side of a queue.

use std::sync::atomic::Ordering::{Relaxed, Release};

use super::segment::{Segment, UNIT, block_size, units_of};
use super::{
    CONSUMERS_ASLEEP, CONSUMERS_LOCK, Form, HEAD, HEAD_SEGMENT, KEPT_WHEN_EMPTY, LARGEST_SEGMENT,
    Mark, PRODUCERS_ASLEEP, PRODUCERS_LOCK, Phase, Queue, SPARE_SEGMENT, TAIL, TAIL_SEEN,
};
use crate::failpoint::failpoint;
use crate::memory::heap::{Block, BlockId, Hold, Kind};
use crate::sys::bytes::BytesMut;
use crate::{Error, Result};

/// Smaller segments cost little to fill anew.
const SMALLEST_SPARE: u64 = LARGEST_SEGMENT / 8;
/// A chain of more segments than this can only be a circle.
pub(super) const LONGEST_CHAIN: usize = 1 << 16;

/// So many bytes of a message that is too long are shown all the same.
pub const PREVIEW: usize = 1024;

/// The outcome of an attempt to take.
#[derive(Debug, PartialEq, Eq)]
pub enum Take {
    Message(Taken),
    /// The first message has so many bytes, and the caller no room for them; it is still there.
    TooLong(usize),
    /// The first message is none that the caller takes; it is still there.
    Refused,
    Empty,
    /// Nothing is there, and nothing can be put any more.
    ShutDown,
    /// Nothing is there, and nobody can put any more.
    Orphaned,
}

/// What is known of a message before it is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beginning {
    pub tag: u8,
    /// Whether it speaks of other blocks.
    pub is_attached: bool,
    /// Its first byte; 0 if it has none.
    pub first: u8,
}

/// Says which messages are taken.
pub type Only = fn(Beginning) -> bool;

/// Where a message goes.
pub(super) enum Target<'a> {
    Nowhere,
    /// To the beginning of a buffer.
    Buffer(BytesMut<'a>),
    /// To two buffers, one after the other, which must have its length together.
    Split(BytesMut<'a>, BytesMut<'a>),
}

/// A taken message.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken {
    pub tag: u8,
    /// So many bytes of the caller's buffer are the message.
    pub length: usize,
    /// Keep what the message speaks of alive until the receiver holds it itself.
    pub attachments: Vec<Hold>,
}

/// The first unit of a message.
pub(super) struct Header {
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

    /// Whether its bytes are all that it has.
    pub(super) fn is_plain(&self) -> bool {
        self.attached == 0 && !self.apart
    }

    pub(super) fn units(&self) -> u64 {
        1 + units_of(4 * self.attached) + units_of(self.body())
    }

    /// The header of the message at `start`, of `filled` units at most, and the position behind it.
    #[inline]
    pub(super) fn read(segment: Segment, start: u32, filled: u32) -> Result<(Self, u32)> {
        let mut bytes = [0; UNIT as usize];
        let at = segment.read_into(start, &mut bytes);
        let header = Self::from_bytes(bytes);
        if header.units() > u64::from(filled) || header.units() > segment.units {
            return Err(Error::Corrupted(
                "a message is longer than what its queue holds",
            ));
        }
        Ok((header, at))
    }

    /// What the message behind the header at `at` speaks of, and the position behind that.
    pub(super) fn holds(&self, segment: Segment, at: u32) -> (Vec<Hold>, u32) {
        if self.attached == 0 {
            return (Vec::new(), at);
        }
        let (numbers, at) = segment.read(at, 4 * self.attached);
        let holds = numbers.chunks(4).map(|four| Hold(number(four))).collect();
        (holds, at)
    }
}

/// Where the bytes of a message are.
enum Body {
    Inline,
    Apart(Block),
}

fn number(four: &[u8]) -> u32 {
    u32::from_ne_bytes(four.try_into().unwrap_or_default())
}

impl<'a> Queue<'a> {
    /// Copies the first message to `target` and takes it, if there is one and it fits. Of one that
    /// does not, the first [`PREVIEW`] bytes are copied, if there is room for them.
    pub fn try_take<'b>(self, target: impl Into<BytesMut<'b>>) -> Result<Take> {
        self.try_take_to(Target::Buffer(target.into()))
    }

    /// As [`try_take`](Self::try_take), for a message of exactly the length of two buffers: to
    /// `head`, a multiple of 8 bytes, then to `rest`.
    pub fn try_take_split<'b>(
        self,
        head: impl Into<BytesMut<'b>>,
        rest: impl Into<BytesMut<'b>>,
    ) -> Result<Take> {
        let (head, rest) = (head.into(), rest.into());
        if !head.len().is_multiple_of(UNIT as usize) {
            return Err(Error::Exhausted {
                action: "take a message in two parts",
                limit: format!("the first has {} bytes", head.len()),
            });
        }
        self.try_take_to(Target::Split(head, rest))
    }

    /// As [`try_take`](Self::try_take), into memory of its own; `None` if there is no message.
    pub fn try_take_vec(self) -> Result<Option<(Taken, Vec<u8>)>> {
        let mut bytes = Vec::new();
        loop {
            match self.try_take(&mut bytes)? {
                Take::TooLong(length) => bytes.resize(length, 0),
                Take::Message(taken) => {
                    bytes.truncate(taken.length);
                    return Ok(Some((taken, bytes)));
                }
                _ => return Ok(None),
            }
        }
    }

    /// Throws the first message away, whatever its length; `false` if there is none.
    pub fn discard(self) -> Result<bool> {
        let Take::Message(taken) = self.try_take_to(Target::Nowhere)? else {
            return Ok(false);
        };
        self.member.unpin(&taken.attachments)?;
        Ok(true)
    }

    fn try_take_to(self, target: Target) -> Result<Take> {
        if !self.is_own() {
            return Ok(Take::ShutDown);
        }
        if self.looks_empty() {
            return Ok(match self.phase() {
                Phase::Open => Take::Empty,
                // Once more: it may have been filled before it was shut down.
                Phase::ShutDown if self.is_empty() => Take::ShutDown,
                Phase::ShutDown => return self.try_take_to(target),
            });
        }
        let take = self.locked(CONSUMERS_LOCK, || self.take_first(target))?;
        match take {
            Take::Message(_) => self.wake_producers(1),
            // It stays for another, who may be asleep: who was woken for it was this one.
            Take::Refused => self.wake_one(CONSUMERS_ASLEEP, self.filled_word()),
            _ => {}
        }
        Ok(take)
    }

    /// Wakes producers that wait for room, now that so many messages were taken.
    #[inline]
    pub(super) fn wake_producers(self, taken: u32) {
        // In a queue without maxsize, producers only ever wait in `let_catch_up`, at most 2 ms. If
        // this look misses one of them, it goes on by itself.
        if self.maxsize() != 0 || self.word(PRODUCERS_ASLEEP).load(Relaxed) != 0 {
            self.wake_some(PRODUCERS_ASLEEP, self.drained_word(), taken);
        }
    }

    /// Whether it is not worth while to take the consumers' lock.
    pub(super) fn looks_empty(self) -> bool {
        // Relaxed: only if this says that there is nothing, it counts, and then the mark is read.
        let seen = Mark::unpack(self.mark_word(TAIL_SEEN).load(Relaxed));
        seen.count == self.mark(HEAD).count && self.is_empty()
    }

    /// Copies the first message out and moves the head. Call with the consumers' lock.
    #[inline]
    pub(super) fn take_first(self, target: Target) -> Result<Take> {
        let head = self.mark(HEAD);
        let is_behind = |tail: Mark| tail.ahead_of(head) != 0;
        let tail = self.mark_seen(TAIL_SEEN, TAIL, is_behind);
        if !is_behind(tail) {
            return Ok(Take::Empty);
        }
        let (segment, start, passed) = self.first_segment(head.position)?;
        let filled = tail.position.wrapping_sub(start);
        let (header, at) = Header::read(segment, start, filled)?;
        let (mut holds, at) = header.holds(segment, at);
        let body = self.body(&header, segment, at)?;
        let copy = |first: BytesMut, second: BytesMut| match body {
            Body::Inline => {
                let at = segment.read_into(at, first);
                segment.read_into(at, second);
            }
            Body::Apart(block) => {
                self.arena().read(block.offset, first);
                let behind = block.offset + first.len() as u64;
                self.arena().read(behind, second);
            }
        };
        if let Some(only) = self.only {
            let mut first = [0];
            let (byte, rest) = BytesMut::from(&mut first).split_at(header.length.min(1));
            copy(byte, rest.split_at(0).0);
            let beginning = Beginning {
                tag: header.tag,
                is_attached: holds.len() > usize::from(header.apart),
                first: first[0],
            };
            if !only(beginning) {
                return Ok(Take::Refused);
            }
        }
        match target {
            Target::Nowhere => {}
            Target::Buffer(buffer) if header.length <= buffer.len() => {
                let (body, rest) = buffer.split_at(header.length);
                copy(body, rest.split_at(0).0);
            }
            Target::Buffer(buffer) => {
                let (preview, rest) = buffer.split_at(PREVIEW.min(header.length));
                if preview.len() == PREVIEW.min(header.length) {
                    copy(preview, rest.split_at(0).0);
                }
                return Ok(Take::TooLong(header.length));
            }
            Target::Split(first, second) => {
                if first.len() + second.len() != header.length {
                    return Ok(Take::TooLong(header.length));
                }
                copy(first, second);
            }
        }
        let position = at.wrapping_add(units_of(header.body()) as u32);
        let count = head.count.wrapping_add(1);
        let body_hold = match header.apart {
            true => holds
                .pop()
                .map(Some)
                .ok_or(Error::Corrupted("a long message has no hold"))?,
            false => None,
        };
        // Before the head moves: where this process may hold no more, the message stays.
        let own = match holds[..] {
            [] => Vec::new(),
            _ => self.member.copy_pins(&holds)?,
        };
        if let Err(error) = self.claim(count) {
            self.member.unpin(&own)?;
            return Err(error);
        }
        failpoint("queue-before-take");
        // Release: the bytes are out (tag: MARK).
        self.mark_word(HEAD)
            .store(Mark { position, count }.pack(), Release);
        failpoint("queue-taken");
        self.claim_done();
        // A consumer that is killed here leaves the holds of the message to be swept away; its own
        // go with it.
        holds.extend(body_hold);
        self.member.unpin(&holds)?;
        self.leave_behind(&passed, segment)?;
        Ok(Take::Message(Taken {
            tag: header.tag,
            length: header.length,
            attachments: own,
        }))
    }

    /// The segment of the first message, its position there, and the segments before it.
    #[inline]
    pub(super) fn first_segment(self, head: u32) -> Result<(Segment<'a>, u32, Vec<Segment<'a>>)> {
        let first = self.segment(self.word(HEAD_SEGMENT).load(Relaxed))?;
        self.segment_behind(first, head)
    }

    /// As [`first_segment`](Self::first_segment), from `segment` on.
    #[inline]
    pub(super) fn segment_behind(
        self,
        mut segment: Segment<'a>,
        head: u32,
    ) -> Result<(Segment<'a>, u32, Vec<Segment<'a>>)> {
        let mut start = head;
        let mut passed = Vec::new();
        while let Some(next) = segment.next_at(start) {
            // No memory is taken unless a segment has been passed.
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

    /// Where the bytes of a message are whose body in the ring begins at `at`.
    fn body(self, header: &Header, segment: Segment, at: u32) -> Result<Body> {
        if !header.apart {
            return Ok(Body::Inline);
        }
        let mut id = [0; size_of::<BlockId>()];
        segment.read_into(at, &mut id);
        let block = self
            .member
            .part(BlockId::from_ne_bytes(id), Kind::Message)?;
        if block.size != header.length as u64 {
            return Err(Error::Corrupted(
                "a long message is not as long as announced",
            ));
        }
        Ok(Body::Apart(block))
    }

    /// Keeps a segment for the next growth, if that is likely to want one of its size soon.
    fn keep_as_spare(self, segment: Segment) -> bool {
        (SMALLEST_SPARE..=LARGEST_SEGMENT).contains(&block_size(segment.units))
            && !self.is_empty()
            // Release pairs with the swap of `take_spare`.
            && self
                .word(SPARE_SEGMENT)
                .compare_exchange(0, segment.id, Release, Relaxed)
                .is_ok()
    }

    /// Keeps or returns segments that the head has passed, and the pages of a large empty one.
    pub(super) fn leave_behind(self, passed: &[Segment], current: Segment) -> Result<()> {
        if let [returned @ .., last] = passed {
            self.word(HEAD_SEGMENT).store(current.id, Relaxed);
            let mut holds: Vec<_> = returned.iter().map(|segment| segment.hold()).collect();
            if !self.keep_as_spare(*last) {
                holds.push(last.hold());
            }
            self.member.unpin(&holds)?;
        }
        if self.word(SPARE_SEGMENT).load(Relaxed) != 0
            && self.is_empty()
            && let Some(spare) = self.take_spare()?
        {
            self.member.unpin(&[spare.hold()])?;
        }
        if current.units > KEPT_WHEN_EMPTY && self.is_empty() {
            // Only if it costs no waiting: the next one to empty the queue does it otherwise.
            if self.lock(PRODUCERS_LOCK).try_acquire(self.member.token()?) {
                if self.is_empty() {
                    current.give_back();
                }
                self.unlock(PRODUCERS_LOCK);
            }
        }
        Ok(())
    }
}
