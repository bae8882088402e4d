//! A ring of 8-byte units, part of a queue's chain.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::memory::arena::{Arena, Offset};
use crate::memory::heap::{Block, BlockId, Hold, Kind};
use crate::sys::bytes::{Bytes, BytesMut};
use crate::{Error, Result};

/// Offsets of a segment's words: the position of its first unit, the next segment and the position
/// from which that one goes on, the previous segment, the queue's hold on this one, and how many
/// messages had been taken when it was made.
const BASE: Offset = 0;
const NEXT: Offset = 4;
const END: Offset = 8;
const PREVIOUS: Offset = 12;
const OWN_HOLD: Offset = 16;
const IDLE_SINCE: Offset = 20;
const UNITS_AT: Offset = 64;

pub const UNIT: u64 = 8;

/// Units that `bytes` take.
pub fn units_of(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(UNIT)
}

/// The size of a block whose segment has room for `units`.
pub fn block_size(units: u64) -> u64 {
    UNITS_AT + units * UNIT
}

/// A segment as a block of the arena. Its words are checked where they are used.
#[derive(Clone, Copy)]
pub struct Segment<'a> {
    arena: &'a Arena,
    pub id: BlockId,
    at: Offset,
    /// Those words; the block was checked when it was opened.
    words: &'a [AtomicU32; UNITS_AT as usize / 4],
    /// From the block's descriptor, so nobody can make it larger than it is.
    pub units: u64,
}

impl<'a> Segment<'a> {
    #[inline]
    pub fn open(arena: &'a Arena, block: Block) -> Result<Self> {
        let units = block.size.saturating_sub(UNITS_AT) / UNIT;
        if block.kind != Kind::Segment || units == 0 || units > u64::from(u32::MAX) {
            return Err(Error::Corrupted("a queue names a segment that is none"));
        }
        Ok(Self {
            arena,
            id: block.id,
            at: block.offset,
            words: arena.words32(block.offset),
            units,
        })
    }

    pub fn initialize(self, base: u32, previous: BlockId, hold: Hold) {
        self.set(BASE, base);
        self.set(PREVIOUS, previous);
        self.set(OWN_HOLD, hold.0);
        // Set if it has been used before.
        self.set(NEXT, 0);
        self.set(END, 0);
    }

    #[inline(always)]
    fn get(self, offset: Offset) -> u32 {
        // Relaxed: the queue's locks and marks order everything here but NEXT.
        self.words[offset as usize / 4].load(Relaxed)
    }

    #[inline(always)]
    fn set(self, offset: Offset, value: u32) {
        self.words[offset as usize / 4].store(value, Relaxed);
    }

    pub fn base(self) -> u32 {
        self.get(BASE)
    }

    pub fn previous(self) -> BlockId {
        self.get(PREVIOUS)
    }

    pub fn hold(self) -> Hold {
        Hold(self.get(OWN_HOLD))
    }

    /// How many messages had been taken when the queue grew by this segment: if that is still so,
    /// nobody consumes.
    pub fn idle_since(self) -> u32 {
        self.get(IDLE_SINCE)
    }

    pub fn set_idle_since(self, taken: u32) {
        self.set(IDLE_SINCE, taken);
    }

    /// Says that from the position `end` on, `next` goes on; the unit before `end` is the mark.
    pub fn chain(self, next: BlockId, end: u32) {
        self.set(END, end);
        // Release: whoever sees that there is a next one sees where it goes on (tag: CHAIN).
        self.words[NEXT as usize / 4].store(next, Release);
    }

    pub fn unchain(self) {
        self.set(NEXT, 0);
    }

    /// The segment that is chained behind this one.
    pub fn next(self) -> Option<BlockId> {
        Some(self.get(NEXT)).filter(|&next| next != 0)
    }

    /// The next segment, if `position` has reached the end of this one.
    #[inline]
    pub fn next_at(self, position: u32) -> Option<BlockId> {
        // Acquire, and first: a producer may be chaining. With the end as it was before, 0, a consumer
        // would leave at once, and lose all messages that are still here (tag: CHAIN).
        let next = self.words[NEXT as usize / 4].load(Acquire);
        let mark = self.get(END).wrapping_sub(1);
        (next != 0 && position.wrapping_sub(mark) < 1 << 31).then_some(next)
    }

    /// How many units from `position` on are this segment's, before the mark where the next goes on.
    pub fn units_before_next(self, position: u32) -> u64 {
        match self.words[NEXT as usize / 4].load(Acquire) {
            0 => self.units,
            // As in `next_at` (tag: CHAIN).
            _ => {
                let mark = self.get(END).wrapping_sub(1);
                u64::from(mark.wrapping_sub(position)).min(self.units)
            }
        }
    }

    /// Where the unit of `position` is, in bytes from the first unit.
    #[inline]
    fn place(self, position: u32) -> u64 {
        // `open` saw to it that the units fit; a division of 64 bits costs several times as much.
        u64::from(position.wrapping_sub(self.base()) % self.units as u32) * UNIT
    }

    /// Copies `bytes` in from `position` on, around the end if need be; the position behind them.
    #[inline]
    pub fn write<'b>(self, position: u32, bytes: impl Into<Bytes<'b>>) -> u32 {
        let bytes = bytes.into();
        let place = self.place(position);
        let until_end = self.bytes() - place as usize;
        let start = self.at + UNITS_AT;
        if bytes.len() <= until_end {
            self.arena.write(start + place, bytes);
        } else {
            let (first, second) = bytes.split_at(until_end);
            self.arena.write(start + place, first);
            self.arena.write(start, second.split_at(self.bytes()).0);
        }
        position.wrapping_add(units_of(bytes.len()) as u32)
    }

    /// Copies bytes out from `position` on; the position behind them. At most as many as it has.
    #[inline]
    pub fn read_into<'b>(self, position: u32, target: impl Into<BytesMut<'b>>) -> u32 {
        let target = target.into();
        let place = self.place(position);
        let until_end = self.bytes() - place as usize;
        let start = self.at + UNITS_AT;
        if target.len() <= until_end {
            self.arena.read(start + place, target);
        } else {
            let (first, second) = target.split_at(until_end);
            self.arena.read(start + place, first);
            self.arena.read(start, second.split_at(self.bytes()).0);
        }
        position.wrapping_add(units_of(target.len()) as u32)
    }

    pub fn read(self, position: u32, length: usize) -> (Vec<u8>, u32) {
        let mut bytes = vec![0; length];
        let position = self.read_into(position, &mut bytes);
        (bytes, position)
    }

    /// Bytes of all units.
    fn bytes(self) -> usize {
        (self.units * UNIT) as usize
    }

    /// Gives whole pages of the units back; call it only while they hold nothing.
    pub fn give_back(self) {
        let page = crate::memory::arena::PAGE;
        let pages = block_size(self.units) / page;
        let _ = self
            .arena
            .give_back(self.at + page, pages.saturating_sub(1) * page);
    }

    /// The address of the words and units, for tests that damage them.
    #[cfg(test)]
    pub fn offset(self) -> Offset {
        self.at
    }
}

#[cfg(test)]
mod tests;
