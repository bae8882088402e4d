//! Queues: messages of any size from any process of the tree to any other, in order.
//!
//! A queue is a control block and a chain of *segments*, each a ring of 8-byte units. Producers
//! append under one robust lock, consumers take under another, and they meet in two words:
//!
//! | word   | low 32 bits                       | high 32 bits                    | written by |
//! | ------ | --------------------------------- | ------------------------------- | ---------- |
//! | `tail` | position behind the last message  | number of messages put so far   | producers  |
//! | `head` | position of the first message     | number of messages taken so far | consumers  |
//!
//! Positions count units since the queue was made, modulo 2^32. One store of `tail` publishes a
//! message, one store of `head` takes it: a process killed before the store has changed nothing,
//! a process killed after it has finished. Size, emptiness and fullness are differences of the
//! two words and so always agree.
//!
//! Each side keeps what it last saw of the other's word on its own cache line (`head_seen` under the
//! producers' lock, `tail_seen` under the consumers'), and looks again only when that is not enough:
//! a line that both sides touch for every message costs more than everything else here together.
//! What was seen is never ahead of the word itself, so it can only ask for a look too many.
//!
//! A message is a header unit (length 32, number of attachments 16, [`Form`] 8, tag 8), the numbers
//! of the holds of its attachments, and its bytes, padded to units; it may wrap around the end of
//! its segment.
//!
//! When a segment is full, the producer chains a larger one: it writes `next` and `end` into the
//! old segment, moves `tail_segment`, and publishes `tail` behind the message in the new one.
//! Consumers that reach `end` go on in `next` and return the old segment. A growth that was cut
//! short before `tail` was published is recognised (`tail` is just before the new segment's
//! `base`) and undone. A segment through which [`RENEWED_AFTER`] units have passed is left for a
//! new one, too, so that no position comes back within one segment. While there is a backlog, one
//! segment that consumers have left is kept as `spare_segment` for the next growth: its pages are in
//! memory already. The producer that swaps it out has it; if that producer dies, it is returned
//! with the queue.
//!
//! Nobody needs to wake anybody while both sides are busy. A consumer about to sleep adds 1 to
//! `consumers_asleep` and looks again; a producer that finds it not 0 after publishing wakes one,
//! and sets it back to 0 when nobody was asleep (only if no other consumer has added 1 since).
//!
//! - [`segment`]: a ring and its place in the chain.
//! - [`put`], [`take`]: the two sides.
//! - [`run`]: many messages under one taking of a side's lock.
//! - [`waiting`]: sleeping and waking.
//! - [`roster`]: which processes have the queue, and whether one is left that could end a wait.
//! - [`sweep`]: what a process leaves behind that is killed inside.
//! - [`tasks`]: acknowledgements, for joinable queues.
//! - [`keeper`]: queues from which one process alone may take.
//! - [`seen`]: a queue as others see it from outside.

mod keeper;
pub mod promise;
mod put;
pub mod roster;
pub mod run;
pub(crate) mod seen;
mod segment;
mod sweep;
mod take;
mod tasks;
mod waiting;

pub use put::{Message, Put};
pub use take::{Beginning, Only, PREVIEW, Take, Taken};
pub use tasks::Joined;
pub use waiting::Woken;

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, SeqCst};
use std::sync::atomic::{AtomicU32, AtomicU64};

use segment::{Segment, block_size};

use crate::Result;
use crate::memory::arena::{Arena, Offset};
use crate::memory::heap::{Block, BlockId, Kind};
use crate::sync::lock::Lock;
use crate::sync::{Acquired, Released, Token};
use crate::tree::member::Member;
use crate::wait;

/// Offsets of the control block's words, by cache line: what the other side looks at (each mark and
/// who sleeps for it), what each side has for itself, and what hardly changes. A consumer that waits
/// for `tail` must not take the line of the producers' lock away from them, nor the other way round.
const TAIL: Offset = 0;
const CONSUMERS_ASLEEP: Offset = 8;
const PRODUCERS_LOCK: Offset = 64;
const TAIL_SEGMENT: Offset = 68;
const HEAD_SEEN: Offset = 72;
const HEAD: Offset = 128;
const PRODUCERS_ASLEEP: Offset = 136;
const CONSUMERS_LOCK: Offset = 192;
const HEAD_SEGMENT: Offset = 196;
const TAIL_SEEN: Offset = 200;
const SPARE_SEGMENT: Offset = 208;
const MAXSIZE: Offset = 256;
const PHASE: Offset = 260;
const SHARED: Offset = 264;
const LEDGER: Offset = 268;
const ROSTER: Offset = 272;
const CHANGES: Offset = 276;
const KEEPER: Offset = 280;
const DONE: Offset = 320;
const JOINERS_ASLEEP: Offset = 324;
const CONTROL_SIZE: u64 = 384;
const CONTROL_WORDS: usize = CONTROL_SIZE as usize / 4;
const CONTROL_MARKS: usize = CONTROL_SIZE as usize / 8;

/// The half of `tail` and `head` that counts messages; its change is what waiters sleep for.
const COUNT_HALF: Offset = if cfg!(target_endian = "little") { 4 } else { 0 };

/// Bytes of a queue's first segment. Each later one is four times as large as the one before, up to
/// [`LARGEST_SEGMENT`].
const FIRST_SEGMENT: u64 = 64 * 1024;
/// Bytes beyond which segments do not grow, unless one message needs more.
const LARGEST_SEGMENT: u64 = 8 * 1024 * 1024;
/// Units that pass through a segment before it is left for a new one. Tests see it happen.
const RENEWED_AFTER: u32 = if cfg!(test) { 1 << 15 } else { 1 << 30 };
/// Units between head and tail, above which positions could no longer be compared.
const LONGEST_BACKLOG: u64 = 1 << 31;
/// A longer message gets a block of its own, and the ring only says which.
const LONGEST_INLINE: usize = 2 * 1024 * 1024;
/// An empty segment of more units than this, made for one long message, gives its pages back. The
/// others keep them: a queue that is emptied again and again must not fault them in each time.
const KEPT_WHEN_EMPTY: u64 = LARGEST_SEGMENT / segment::UNIT;

/// How a message is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Form {
    /// Its bytes follow.
    Inline = 0,
    /// The number of a [`Kind::Message`] block, whose hold is the last attachment.
    Apart = 1,
}

/// Whether the queue has been shut down, by whichever process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Open,
    /// Nothing can be put; what is there can be taken.
    ShutDown,
}

/// Position and count of `tail` or `head`.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Mark {
    position: u32,
    count: u32,
}

impl Mark {
    fn unpack(word: u64) -> Self {
        Self {
            position: word as u32,
            count: (word >> 32) as u32,
        }
    }

    fn pack(self) -> u64 {
        u64::from(self.position) | u64::from(self.count) << 32
    }

    /// How many messages are between `head` and this mark.
    fn ahead_of(self, head: Self) -> u32 {
        let size = self.count.wrapping_sub(head.count);
        if size > i32::MAX as u32 { 0 } else { size }
    }
}

/// A queue as a block of the arena.
#[derive(Clone, Copy)]
pub struct Queue<'a> {
    member: &'a Member,
    id: BlockId,
    at: Offset,
    /// Which messages are taken by way of this value.
    only: Option<Only>,
    /// The control block, as words of either size: checked when it was opened, not at each use.
    words: &'a [AtomicU32; CONTROL_WORDS],
    marks: &'a [AtomicU64; CONTROL_MARKS],
}

impl<'a> Queue<'a> {
    /// A new queue of at most `maxsize` messages; 0 is no limit. A `joinable` one keeps a ledger of
    /// who has taken what.
    pub fn create(member: &'a Member, maxsize: u32, joinable: bool) -> Result<(Self, Block)> {
        let block = member.create(Kind::Queue, CONTROL_SIZE)?;
        let queue = Self::at(member, block);
        let segment = queue.new_segment(FIRST_SEGMENT, 0, 0)?;
        queue.word(TAIL_SEGMENT).store(segment.id, Relaxed);
        queue.word(HEAD_SEGMENT).store(segment.id, Relaxed);
        queue.word(MAXSIZE).store(maxsize, Relaxed);
        if joinable {
            let (ledger, _) = member.create_within(Kind::Ledger, tasks::LEDGER_SIZE, block.id)?;
            queue.word(LEDGER).store(ledger.id, Relaxed);
        }
        Ok((queue, block))
    }

    /// The queue in the block `id`.
    #[inline]
    pub fn open(member: &'a Member, id: BlockId) -> Result<Self> {
        Ok(Self::at(member, member.block(id, Kind::Queue)?))
    }

    #[inline]
    fn at(member: &'a Member, block: Block) -> Self {
        Self {
            member,
            id: block.id,
            at: block.offset,
            only: None,
            words: member.arena().words32(block.offset),
            marks: member.arena().words64(block.offset),
        }
    }

    /// The same queue, of which a take gives [`Take::Refused`] where the first message is no such one:
    /// that stays.
    pub fn only(self, only: Only) -> Self {
        Self {
            only: Some(only),
            ..self
        }
    }

    fn arena(self) -> &'a Arena {
        self.member.arena()
    }

    #[inline(always)]
    fn word(self, offset: Offset) -> &'a AtomicU32 {
        &self.words[offset as usize / 4]
    }

    #[inline(always)]
    fn mark_word(self, offset: Offset) -> &'a AtomicU64 {
        &self.marks[offset as usize / 8]
    }

    #[inline]
    fn mark(self, offset: Offset) -> Mark {
        // Acquire pairs with the store that publishes or takes (tag: MARK).
        Mark::unpack(self.mark_word(offset).load(Acquire))
    }

    /// How many messages are in the queue.
    pub fn len(self) -> u32 {
        // Head first: messages put in between make it larger, never negative.
        let head = self.mark(HEAD);
        self.mark(TAIL).ahead_of(head)
    }

    /// How many messages have been taken so far, modulo 2^32.
    pub fn taken(self) -> u32 {
        self.mark(HEAD).count
    }

    /// What this side last saw of `mark`, if that is `enough`, else what it is now. Call with the
    /// lock of the side that `seen` belongs to.
    #[inline]
    fn mark_seen(self, seen: Offset, mark: Offset, enough: impl Fn(Mark) -> bool) -> Mark {
        // Relaxed: the thread that stored it had acquired the mark, and let go of the lock since.
        let last = Mark::unpack(self.mark_word(seen).load(Relaxed));
        if enough(last) {
            return last;
        }
        let now = self.mark(mark);
        self.mark_word(seen).store(now.pack(), Relaxed);
        now
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

    pub fn phase(self) -> Phase {
        match self.word(PHASE).load(SeqCst) {
            0 => Phase::Open,
            _ => Phase::ShutDown,
        }
    }

    /// Forbids putting, for all processes. `immediate`: what is in the queue is thrown away and
    /// counts as acknowledged. Of a queue with a keeper, nothing happens unless this process is it.
    pub fn shut_down(self, immediate: bool) -> Result<()> {
        if !self.is_own() {
            return Ok(());
        }
        self.word(PHASE).store(1, SeqCst);
        // The owner of the lock may have looked before; afterwards nothing can be on its way in.
        self.locked(PRODUCERS_LOCK, || Ok(()))?;
        if immediate {
            while self.discard()? {
                self.task_done();
            }
        }
        self.wake_all();
        Ok(())
    }

    #[inline]
    fn locked<T>(self, side: Offset, work: impl FnOnce() -> Result<T>) -> Result<T> {
        if self.acquire(side)? {
            self.clean_up(side)?;
        }
        let result = work();
        self.unlock(side);
        result
    }

    fn lock(self, side: Offset) -> Lock<'a> {
        Lock {
            word: self.word(side),
        }
    }

    /// Gets one of the two locks; whether it was left by one who died with it. The marks need no
    /// repair: the dead one had published, or it had not.
    #[inline]
    fn acquire(self, side: Offset) -> Result<bool> {
        let token = self.member.token()?;
        if self.lock(side).try_acquire(token) {
            return Ok(false);
        }
        self.acquire_contended(side, token)
    }

    #[cold]
    fn acquire_contended(self, side: Offset, token: Token) -> Result<bool> {
        let has_died = |owner| self.member.has_died(owner);
        let acquired = wait::acquire(self.member.spot(self.at + side), token, &has_died);
        let Acquired::FromDead(dead) = acquired else {
            return Ok(false);
        };
        if side == CONSUMERS_LOCK {
            self.settle_claim(dead);
        }
        Ok(true)
    }

    #[inline]
    fn unlock(self, side: Offset) {
        if self.lock(side).release() == Released::WakeOne {
            self.member.wake(self.at + side, 1);
        }
    }

    fn new_segment(self, size: u64, base: u32, previous: BlockId) -> Result<Segment<'a>> {
        if let Some(spare) = self.take_spare()? {
            if block_size(spare.units) == size {
                spare.initialize(base, previous, spare.hold());
                return Ok(spare);
            }
            self.member.unpin(&[spare.hold()])?;
        }
        let (block, hold) = self.member.create_within(Kind::Segment, size, self.id)?;
        let segment = Segment::open(self.arena(), block)?;
        segment.initialize(base, previous, hold);
        Ok(segment)
    }

    /// The segment that was kept, which is the caller's from here on.
    fn take_spare(self) -> Result<Option<Segment<'a>>> {
        if self.word(SPARE_SEGMENT).load(Relaxed) == 0 {
            return Ok(None);
        }
        // AcqRel: what consumers read from it is read before it is written again.
        match self.word(SPARE_SEGMENT).swap(0, AcqRel) {
            0 => Ok(None),
            id => self.segment(id).map(Some),
        }
    }

    #[inline]
    fn segment(self, id: BlockId) -> Result<Segment<'a>> {
        Segment::open(self.arena(), self.member.part(id, Kind::Segment)?)
    }
}

#[cfg(test)]
mod tests;
