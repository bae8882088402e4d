//! Queues: messages of any size from any process of the tree to any other, in order.
//!
//! A queue is a control block and a chain of *segments*, each a ring of 8-byte units. Producers
//! append under one robust lock, consumers take under another, and they meet in two words:
//!
//! | word   | low 32 bits                       | high 32 bits                   | written by |
//! | ------ | --------------------------------- | ------------------------------ | ---------- |
//! | `tail` | position behind the last message  | number of messages put so far  | producers  |
//! | `head` | position of the first message     | number of messages taken so far| consumers  |
//!
//! Positions count units since the queue was made, modulo 2^32. One store of `tail` publishes a
//! message, one store of `head` takes it: a process killed before the store has changed nothing,
//! a process killed after it has finished. Size, emptiness and fullness are differences of the
//! two words and so always agree.
//!
//! A message is a header unit (length 32, number of attachments 16, [`Form`] 8, tag 8), the numbers
//! of the holds of its attachments, and its bytes, padded to units; it may wrap around the end of
//! its segment.
//!
//! When a segment is full, the producer chains a larger one: it writes `next` and `end` into the
//! old segment, moves `tail_segment`, and publishes `tail` behind the message in the new one.
//! Consumers that reach `end` go on in `next` and return the old segment. A growth that was cut
//! short before `tail` was published is recognised (`tail` is just before the new segment's
//! `base`) and undone.
//!
//! Nobody needs to wake anybody while both sides are busy. A consumer about to sleep adds 1 to
//! `consumers_asleep` and looks again; a producer that finds it not 0 after publishing wakes one,
//! and sets it back to 0 when nobody was asleep (only if no other consumer has added 1 since).

use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use std::sync::atomic::{AtomicU32, AtomicU64};

use crate::arena::{Arena, Offset};
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::heap::blocks::BlockId;
use crate::heap::{Block, Hold, Kind};
use crate::member::Member;
use crate::sync::lock::Lock;
use crate::sync::{Acquirer, Attempt, Released, Step};
use crate::sys::clock::Deadline;
use crate::wait;

/// Offsets of the control block's words. What producers write and what consumers write are on
/// different cache lines.
const PRODUCERS_LOCK: Offset = 0;
const CONSUMERS_ASLEEP: Offset = 4;
const TAIL: Offset = 8;
const TAIL_SEGMENT: Offset = 16;
const CONSUMERS_LOCK: Offset = 64;
const PRODUCERS_ASLEEP: Offset = 68;
const HEAD: Offset = 72;
const HEAD_SEGMENT: Offset = 80;
const MAXSIZE: Offset = 128;
const DONE: Offset = 132;
const JOINERS_ASLEEP: Offset = 136;
const CONTROL_SIZE: u64 = 192;

/// The half of `tail` and `head` that counts messages; its change is what waiters sleep for.
const COUNT_HALF: Offset = if cfg!(target_endian = "little") { 4 } else { 0 };

/// Offsets of a segment's words.
const BASE: Offset = 0;
const NEXT: Offset = 4;
const END: Offset = 8;
const PREVIOUS: Offset = 12;
const OWN_HOLD: Offset = 16;
const UNITS_AT: Offset = 64;

const UNIT: u64 = 8;
/// Segments grow from here …
const FIRST_SEGMENT: u64 = 64 * 1024;
/// … four times at a time up to here, or to what one message needs.
const LARGEST_SEGMENT: u64 = 16 * 1024 * 1024;
/// A longer message gets a block of its own, and the ring only says which.
const LONGEST_INLINE: usize = 2 * 1024 * 1024;
/// An empty segment larger than this gives its pages back.
const KEPT_WHEN_EMPTY: u64 = 4 * 1024 * 1024;
/// Units between head and tail, above which positions could no longer be compared.
const LONGEST_BACKLOG: u64 = 1 << 31;
/// The most attachments of one message.
pub const MAX_ATTACHMENTS: usize = u16::MAX as usize;

/// A message to put.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Given back to the receiver; says how to read the bytes.
    pub tag: u8,
    pub bytes: &'a [u8],
    /// Blocks that the message speaks of and the putting process holds.
    pub attachments: &'a [BlockId],
}

/// How a message is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Form {
    /// Its bytes follow.
    Inline = 0,
    /// The number of a [`Kind::Message`] block, whose hold is the last attachment.
    Apart = 1,
}

/// What came of an attempt to put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    Done,
    Full,
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

/// Position and count of `tail` or `head`.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Mark {
    position: u32,
    count: u32,
}

impl Mark {
    fn unpack(word: u64) -> Self {
        Self { position: word as u32, count: (word >> 32) as u32 }
    }

    fn pack(self) -> u64 {
        u64::from(self.position) | u64::from(self.count) << 32
    }
}

/// A queue as a block of the arena.
#[derive(Clone, Copy)]
pub struct Queue<'a> {
    member: &'a Member,
    id: BlockId,
    at: Offset,
}

impl<'a> Queue<'a> {
    /// A new queue of at most `maxsize` messages; 0 is no limit.
    pub fn create(member: &'a Member, maxsize: u32) -> Result<(Self, Block)> {
        let block = member.create(Kind::Queue, CONTROL_SIZE)?;
        let queue = Self { member, id: block.id, at: block.offset };
        let segment = queue.new_segment(FIRST_SEGMENT, 0, 0)?;
        queue.word(TAIL_SEGMENT).store(segment.id, Relaxed);
        queue.word(HEAD_SEGMENT).store(segment.id, Relaxed);
        queue.word(MAXSIZE).store(maxsize, Relaxed);
        Ok((queue, block))
    }

    /// The queue in the block `id`.
    pub fn open(member: &'a Member, id: BlockId) -> Result<Self> {
        let block = member.block(id, Kind::Queue)?;
        Ok(Self { member, id, at: block.offset })
    }

    fn arena(self) -> &'a Arena {
        self.member.arena()
    }

    fn word(self, offset: Offset) -> &'a AtomicU32 {
        self.arena().word32(self.at + offset)
    }

    fn mark_word(self, offset: Offset) -> &'a AtomicU64 {
        self.arena().word64(self.at + offset)
    }

    fn mark(self, offset: Offset) -> Mark {
        // Acquire pairs with the store that publishes or takes (tag: MARK).
        Mark::unpack(self.mark_word(offset).load(Acquire))
    }

    /// How many messages are in the queue.
    pub fn len(self) -> u32 {
        // Head first: messages put in between make it larger, never negative.
        let head = self.mark(HEAD);
        let size = self.mark(TAIL).count.wrapping_sub(head.count);
        if size > i32::MAX as u32 { 0 } else { size }
    }

    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    pub fn is_full(self) -> bool {
        let maxsize = self.maxsize();
        maxsize != 0 && self.len() >= maxsize
    }

    pub fn maxsize(self) -> u32 {
        self.word(MAXSIZE).load(Relaxed)
    }

    /// The word whose change a consumer of an empty queue waits for.
    pub fn filled_word(self) -> Offset {
        self.at + TAIL + COUNT_HALF
    }

    /// The word whose change a producer of a full queue waits for.
    pub fn drained_word(self) -> Offset {
        self.at + HEAD + COUNT_HALF
    }

    /// The word whose change a joiner waits for.
    pub fn done_word(self) -> Offset {
        self.at + DONE
    }

    /// Whether there is something to take; else the value of [`filled_word`](Self::filled_word)
    /// to sleep on, announced if the caller will sleep.
    pub fn filled_step(self, attempt: Attempt) -> Step<()> {
        self.asleep_step(attempt, CONSUMERS_ASLEEP, || {
            (!self.is_empty(), self.arena().word32(self.filled_word()).load(SeqCst))
        })
    }

    /// Whether there is room for one more; as [`filled_step`](Self::filled_step).
    pub fn drained_step(self, attempt: Attempt) -> Step<()> {
        self.asleep_step(attempt, PRODUCERS_ASLEEP, || {
            let count = self.arena().word32(self.drained_word()).load(SeqCst);
            (!self.is_full(), count)
        })
    }

    /// Whether every message put has been acknowledged; as [`filled_step`](Self::filled_step).
    pub fn done_step(self, attempt: Attempt) -> Step<()> {
        self.asleep_step(attempt, JOINERS_ASLEEP, || {
            let done = self.word(DONE).load(SeqCst);
            (self.mark(TAIL).count == done, done)
        })
    }

    fn asleep_step(
        self,
        attempt: Attempt,
        asleep: Offset,
        look: impl Fn() -> (bool, u32),
    ) -> Step<()> {
        // The value is read before the state is looked at, so a change in between ends the sleep.
        let view = || {
            let (_, value) = look();
            (look().0, value)
        };
        let (ready, value) = view();
        if ready {
            return Step::Ready(());
        }
        if !attempt.announce {
            return Step::Sleep(value);
        }
        // SeqCst: announced before the second look (tag: ASLEEP).
        self.word(asleep).fetch_add(1, SeqCst);
        let (ready, value) = view();
        if ready { Step::Ready(()) } else { Step::Sleep(value) }
    }

    /// Wakes one sleeper of `word`, if any has announced itself in `asleep` (tag: ASLEEP).
    fn wake_one(self, asleep: Offset, word: Offset) {
        let announced = self.word(asleep).load(SeqCst);
        if announced != 0 && self.member.wake(word, 1) == 0 {
            let _ = self.word(asleep).compare_exchange(announced, 0, SeqCst, Relaxed);
        }
    }

    fn locked<T>(self, lock: Offset, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let word = self.word(lock);
        let lock_of_side = Lock { word };
        let token = self.member.token()?;
        if !lock_of_side.try_acquire(token) {
            let has_died = |owner| self.member.has_died(owner);
            // A dead owner left nothing to repair: it had published, or it had not.
            wait::block_on(word, None, |attempt| {
                lock_of_side.acquire_step(&Acquirer { token, attempt, has_died: &has_died })
            });
        }
        let result = work();
        if lock_of_side.release() == Released::WakeOne {
            self.member.wake(self.at + lock, 1);
        }
        result
    }

    /// Puts a message if there is room.
    pub fn try_put(self, message: &Message) -> Result<Put> {
        let Message { bytes, attachments, .. } = *message;
        if self.is_full() {
            return Ok(Put::Full);
        }
        if attachments.len() >= MAX_ATTACHMENTS {
            return Err(Error::Exhausted {
                action: "put a message",
                limit: format!("it speaks of {} shared objects", attachments.len()),
            });
        }
        let length = u32::try_from(bytes.len()).map_err(|_| Error::Exhausted {
            action: "put a message",
            limit: format!("its {} bytes are more than {}", bytes.len(), u32::MAX),
        })?;
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
                | u64::from(message.tag) << 56;
            self.locked(PRODUCERS_LOCK, || self.append(header, body, &holds))
        });
        match put {
            Ok(Put::Done) => self.wake_one(CONSUMERS_ASLEEP, self.filled_word()),
            _ => self.member.unpin(&holds)?,
        }
        put
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
        if self.is_full() {
            return Ok(Put::Full);
        }
        let tail = self.mark(TAIL);
        let units = 1 + units_of(4 * holds.len()) + units_of(body.len());
        let (segment, start) = self.room_for(units, tail)?;
        let mut at = segment.write(self.arena(), start, &header.to_ne_bytes());
        if !holds.is_empty() {
            let numbers: Vec<u8> = holds.iter().flat_map(|hold| hold.0.to_ne_bytes()).collect();
            at = segment.write(self.arena(), at, &numbers);
        }
        let position = segment.write(self.arena(), at, body);
        failpoint("queue-before-publish");
        let count = tail.count.wrapping_add(1);
        // SeqCst: publishes the bytes (tag: MARK), before the look at the sleepers (tag: ASLEEP).
        self.mark_word(TAIL).store(Mark { position, count }.pack(), SeqCst);
        failpoint("queue-published");
        Ok(Put::Done)
    }

    /// The segment that takes a message of `units`, and the position at which it starts.
    fn room_for(self, units: u64, tail: Mark) -> Result<(Segment, u32)> {
        let mut segment = self.segment(self.word(TAIL_SEGMENT).load(Relaxed))?;
        let arena = self.arena();
        if tail.position == segment.base(arena).wrapping_sub(1) && segment.previous(arena) != 0 {
            // A producer died while it grew the queue.
            let unused = Hold(arena.word32(segment.at + OWN_HOLD).load(Relaxed));
            segment = self.segment(segment.previous(arena))?;
            self.word(TAIL_SEGMENT).store(segment.id, Relaxed);
            arena.word32(segment.at + NEXT).store(0, Relaxed);
            self.member.unpin(&[unused])?;
        }
        let base = segment.base(arena);
        let head = self.mark(HEAD).position;
        let backlog = tail.position.wrapping_sub(head);
        if u64::from(backlog) + units >= LONGEST_BACKLOG {
            let limit = format!("{} GiB wait in the queue", LONGEST_BACKLOG * UNIT >> 30);
            return Err(Error::Exhausted { action: "put a message", limit });
        }
        let since_base = tail.position.wrapping_sub(base);
        // Consumers may still be in an earlier segment: then all of this one since base is used.
        let used = since_base.min(backlog);
        if u64::from(used) > segment.units {
            return Err(Error::Corrupted("a queue holds more than its ring"));
        }
        // One unit stays free for the end mark.
        if u64::from(used) + units < segment.units {
            return Ok((segment, tail.position));
        }
        let grown = ((UNITS_AT + segment.units * UNIT) * 4).min(LARGEST_SEGMENT);
        let size = grown.max(UNITS_AT + (units + 2) * UNIT * 4);
        let base = tail.position.wrapping_add(1);
        let next = self.new_segment(size, base, segment.id)?;
        arena.word32(segment.at + END).store(base, Relaxed);
        arena.word32(segment.at + NEXT).store(next.id, Relaxed);
        failpoint("queue-growing");
        self.word(TAIL_SEGMENT).store(next.id, Relaxed);
        failpoint("queue-grown");
        Ok((next, base))
    }

    fn new_segment(self, size: u64, base: u32, previous: BlockId) -> Result<Segment> {
        let (block, hold) = self.member.create_within(Kind::Segment, size, self.id)?;
        let word = |offset| self.arena().word32(block.offset + offset);
        word(BASE).store(base, Relaxed);
        word(PREVIOUS).store(previous, Relaxed);
        word(OWN_HOLD).store(hold.0, Relaxed);
        self.segment(block.id)
    }

    fn segment(self, id: BlockId) -> Result<Segment> {
        let block = self.member.block(id, Kind::Segment)?;
        let units = block.size.saturating_sub(UNITS_AT) / UNIT;
        if units == 0 {
            return Err(Error::Corrupted("a queue's segment is empty"));
        }
        Ok(Segment { id, at: block.offset, units })
    }

    /// Takes the first message, if there is one. Bytes that fit go to `target` and leave
    /// `Taken::bytes` empty.
    pub fn try_take(self, target: &mut [u8]) -> Result<Option<Taken>> {
        if self.is_empty() {
            return Ok(None);
        }
        let taken = self.locked(CONSUMERS_LOCK, || self.take(target))?;
        if taken.is_some() && self.maxsize() != 0 {
            self.wake_one(PRODUCERS_ASLEEP, self.drained_word());
        }
        Ok(taken)
    }

    /// Copies the first message out and moves the head. Call with the consumers' lock.
    fn take(self, target: &mut [u8]) -> Result<Option<Taken>> {
        if self.is_empty() {
            return Ok(None);
        }
        let (head, tail) = (self.mark(HEAD), self.mark(TAIL));
        let arena = self.arena();
        let mut segment = self.segment(self.word(HEAD_SEGMENT).load(Relaxed))?;
        let mut start = head.position;
        let mut passed = Vec::new();
        while let Some(next) = segment.behind(arena, start) {
            passed.push(segment);
            segment = self.segment(next)?;
            start = start.max_position(segment.base(arena));
            if passed.len() > 1 << 16 {
                return Err(Error::Corrupted("a queue's segments form a circle"));
            }
        }
        let (header, at) = segment.read(arena, start, 8);
        let header = u64::from_ne_bytes(header.try_into().unwrap_or_default());
        let (length, attached) = (header as u32 as usize, (header >> 32) as u16 as usize);
        let apart = (header >> 48) as u8 == Form::Apart as u8;
        let body = if apart { 4 } else { length };
        let units = 1 + units_of(4 * attached) + units_of(body);
        let filled = tail.position.wrapping_sub(start);
        if units > u64::from(filled) || units > segment.units {
            return Err(Error::Corrupted("a message is longer than what its queue holds"));
        }
        let (numbers, at) = segment.read(arena, at, 4 * attached);
        let number = |four: &[u8]| u32::from_ne_bytes(four.try_into().unwrap_or_default());
        let mut attachments: Vec<_> = numbers.chunks(4).map(|four| Hold(number(four))).collect();
        let (bytes, position) = if apart {
            let (id, position) = segment.read(arena, at, 4);
            let block = self.member.block(number(&id), Kind::Message)?;
            if block.size != length as u64 {
                return Err(Error::Corrupted("a long message is not as long as announced"));
            }
            (arena.read_vec(block.offset, length), position)
        } else if length <= target.len() {
            (Vec::new(), segment.read_into(arena, at, &mut target[..length]))
        } else {
            segment.read(arena, at, length)
        };
        failpoint("queue-before-take");
        let head = Mark { position, count: head.count.wrapping_add(1) };
        // SeqCst: the bytes are out (tag: MARK), before the look at the sleepers (tag: ASLEEP).
        self.mark_word(HEAD).store(head.pack(), SeqCst);
        failpoint("queue-taken");
        if apart {
            let block_hold = attachments.pop().ok_or(Error::Corrupted("a block has no hold"))?;
            self.member.unpin(&[block_hold])?;
        }
        self.leave_behind(&passed, segment)?;
        Ok(Some(Taken { tag: (header >> 56) as u8, length, bytes, attachments }))
    }

    /// Returns segments that the head has passed, and the pages of a large empty one.
    fn leave_behind(self, passed: &[Segment], current: Segment) -> Result<()> {
        if !passed.is_empty() {
            self.word(HEAD_SEGMENT).store(current.id, Relaxed);
            let hold = |segment: &Segment| {
                Hold(self.arena().word32(segment.at + OWN_HOLD).load(Relaxed))
            };
            self.member.unpin(&passed.iter().map(hold).collect::<Vec<_>>())?;
        }
        let bytes = current.units * UNIT;
        if bytes > KEPT_WHEN_EMPTY && self.is_empty() {
            let producers = Lock { word: self.word(PRODUCERS_LOCK) };
            if producers.try_acquire(self.member.token()?) {
                if self.is_empty() {
                    let page = crate::arena::PAGE;
                    let _ = self.arena().punch_hole(current.at + page, bytes - page);
                }
                if producers.release() == Released::WakeOne {
                    self.member.wake(self.at + PRODUCERS_LOCK, 1);
                }
            }
        }
        Ok(())
    }

    /// Acknowledges one taken message; `false` if all have been already.
    pub fn task_done(self) -> bool {
        let done = self.word(DONE);
        let mut now = done.load(SeqCst);
        loop {
            if now == self.mark(TAIL).count {
                return false;
            }
            // SeqCst: before the look at the sleepers (tag: ASLEEP).
            match done.compare_exchange(now, now.wrapping_add(1), SeqCst, SeqCst) {
                Ok(_) => break,
                Err(other) => now = other,
            }
        }
        if self.word(JOINERS_ASLEEP).load(SeqCst) != 0 && self.unfinished() == 0 {
            self.word(JOINERS_ASLEEP).store(0, SeqCst);
            self.member.wake(self.done_word(), u32::MAX);
        }
        true
    }

    /// How many messages have been put and not been acknowledged.
    pub fn unfinished(self) -> u32 {
        self.mark(TAIL).count.wrapping_sub(self.word(DONE).load(SeqCst))
    }

    /// [`try_put`](Self::try_put), waiting for room until `deadline`.
    pub fn put(self, message: &Message, deadline: Deadline) -> Result<Put> {
        loop {
            let put = self.try_put(message)?;
            if put == Put::Done || !self.wait_drained(deadline) {
                return Ok(put);
            }
        }
    }

    /// [`try_take`](Self::try_take), waiting for a message until `deadline`.
    pub fn get(self, target: &mut [u8], deadline: Deadline) -> Result<Option<Taken>> {
        loop {
            let taken = self.try_take(target)?;
            if taken.is_some() || !self.wait_filled(deadline) {
                return Ok(taken);
            }
        }
    }

    /// Blocks until there is something to take; `false` when `deadline` passes first.
    pub fn wait_filled(self, deadline: Deadline) -> bool {
        let word = self.arena().word32(self.filled_word());
        wait::block_on(word, deadline, |attempt| self.filled_step(attempt)).is_some()
    }

    /// Blocks until there is room; `false` when `deadline` passes first.
    pub fn wait_drained(self, deadline: Deadline) -> bool {
        let word = self.arena().word32(self.drained_word());
        wait::block_on(word, deadline, |attempt| self.drained_step(attempt)).is_some()
    }

    /// Blocks until everything is acknowledged; `false` when `deadline` passes first.
    pub fn wait_done(self, deadline: Deadline) -> bool {
        let word = self.word(DONE);
        wait::block_on(word, deadline, |attempt| self.done_step(attempt)).is_some()
    }
}

/// Units that `bytes` take.
fn units_of(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(UNIT)
}

trait Position {
    fn max_position(self, other: Self) -> Self;
}

impl Position for u32 {
    /// The later of two positions, which are less than 2^31 apart.
    fn max_position(self, other: u32) -> u32 {
        if other.wrapping_sub(self) < 1 << 31 { other } else { self }
    }
}

/// A ring of units.
#[derive(Clone, Copy)]
struct Segment {
    id: BlockId,
    at: Offset,
    units: u64,
}

impl Segment {
    fn base(self, arena: &Arena) -> u32 {
        arena.word32(self.at + BASE).load(Relaxed)
    }

    fn previous(self, arena: &Arena) -> BlockId {
        arena.word32(self.at + PREVIOUS).load(Relaxed)
    }

    /// The next segment, if `position` lies behind the end of this one.
    fn behind(self, arena: &Arena, position: u32) -> Option<BlockId> {
        let next = arena.word32(self.at + NEXT).load(Relaxed);
        let end = arena.word32(self.at + END).load(Relaxed);
        // The mark itself is the unit before `end`.
        let reached = position.wrapping_sub(end.wrapping_sub(1)) < 1 << 31;
        (next != 0 && reached).then_some(next)
    }

    /// Where the unit of `position` is, in bytes from the first unit.
    fn place(self, arena: &Arena, position: u32) -> u64 {
        u64::from(position.wrapping_sub(self.base(arena))) % self.units * UNIT
    }

    /// Copies `bytes` in from `position` on, around the end if need be; the position behind them.
    fn write(self, arena: &Arena, position: u32, bytes: &[u8]) -> u32 {
        let place = self.place(arena, position);
        let until_end = (self.units * UNIT - place).min(bytes.len() as u64) as usize;
        let (first, second) = bytes.split_at(until_end);
        arena.write(self.at + UNITS_AT + place, first);
        arena.write(self.at + UNITS_AT, second);
        position.wrapping_add(units_of(bytes.len()) as u32)
    }

    /// Copies bytes out from `position` on; the position behind them.
    fn read_into(self, arena: &Arena, position: u32, target: &mut [u8]) -> u32 {
        let place = self.place(arena, position);
        let length = target.len();
        let until_end = (self.units * UNIT - place).min(length as u64) as usize;
        let (first, second) = target.split_at_mut(until_end);
        arena.read(self.at + UNITS_AT + place, first);
        arena.read(self.at + UNITS_AT, second);
        position.wrapping_add(units_of(length) as u32)
    }

    fn read(self, arena: &Arena, position: u32, length: usize) -> (Vec<u8>, u32) {
        let mut bytes = vec![0; length];
        let position = self.read_into(arena, position, &mut bytes);
        (bytes, position)
    }
}

#[cfg(test)]
mod tests;
