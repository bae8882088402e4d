//! A ring of 8-byte units, part of a queue's chain.

use std::sync::atomic::Ordering::Relaxed;

use crate::arena::{Arena, Offset};
use crate::heap::blocks::BlockId;
use crate::heap::{Block, Hold, Kind};
use crate::{Error, Result};

/// Offsets of a segment's words: the position of its first unit, the next segment and the position
/// from which that one goes on, the previous segment, and the queue's hold on this one.
const BASE: Offset = 0;
const NEXT: Offset = 4;
const END: Offset = 8;
const PREVIOUS: Offset = 12;
const OWN_HOLD: Offset = 16;
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

/// A segment as a block of the arena. What its words say is checked by whoever uses it.
#[derive(Clone, Copy)]
pub struct Segment<'a> {
    arena: &'a Arena,
    pub id: BlockId,
    at: Offset,
    /// From the block's descriptor, so nobody can make it larger than it is.
    pub units: u64,
}

impl<'a> Segment<'a> {
    pub fn open(arena: &'a Arena, block: Block) -> Result<Self> {
        let units = block.size.saturating_sub(UNITS_AT) / UNIT;
        if block.kind != Kind::Segment || units == 0 || units > u64::from(u32::MAX) {
            return Err(Error::Corrupted("a queue names a segment that is none"));
        }
        Ok(Self {
            arena,
            id: block.id,
            at: block.offset,
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

    fn get(self, offset: Offset) -> u32 {
        // Relaxed: the queue's locks and marks order everything here.
        self.arena.word32(self.at + offset).load(Relaxed)
    }

    fn set(self, offset: Offset, value: u32) {
        self.arena.word32(self.at + offset).store(value, Relaxed);
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

    /// Says that from the position `end` on, `next` goes on; the unit before `end` is the mark.
    pub fn chain(self, next: BlockId, end: u32) {
        self.set(END, end);
        self.set(NEXT, next);
    }

    pub fn unchain(self) {
        self.set(NEXT, 0);
    }

    /// The segment that is chained behind this one.
    pub fn next(self) -> Option<BlockId> {
        Some(self.get(NEXT)).filter(|&next| next != 0)
    }

    /// The next segment, if `position` has reached the end of this one.
    pub fn next_at(self, position: u32) -> Option<BlockId> {
        let mark = self.get(END).wrapping_sub(1);
        let next = self.get(NEXT);
        (next != 0 && position.wrapping_sub(mark) < 1 << 31).then_some(next)
    }

    /// Where the unit of `position` is, in bytes from the first unit.
    fn place(self, position: u32) -> u64 {
        // `open` saw to it that the units fit; a division of 64 bits costs several times as much.
        u64::from(position.wrapping_sub(self.base()) % self.units as u32) * UNIT
    }

    /// Copies `bytes` in from `position` on, around the end if need be; the position behind them.
    pub fn write(self, position: u32, bytes: &[u8]) -> u32 {
        let place = self.place(position);
        let until_end = (self.units * UNIT - place).min(bytes.len() as u64) as usize;
        let (first, second) = bytes.split_at(until_end);
        self.arena.write(self.at + UNITS_AT + place, first);
        self.arena.write(
            self.at + UNITS_AT,
            &second[..second.len().min(self.bytes())],
        );
        position.wrapping_add(units_of(bytes.len()) as u32)
    }

    /// Copies bytes out from `position` on; the position behind them. At most as many as it has.
    pub fn read_into(self, position: u32, target: &mut [u8]) -> u32 {
        let place = self.place(position);
        let length = target.len();
        let until_end = (self.units * UNIT - place).min(length as u64) as usize;
        let (first, second) = target.split_at_mut(until_end);
        let rest = second.len().min(self.bytes());
        self.arena.read(self.at + UNITS_AT + place, first);
        self.arena.read(self.at + UNITS_AT, &mut second[..rest]);
        position.wrapping_add(units_of(length) as u32)
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

    /// Gives the pages of the units back; call it only while they hold nothing.
    pub fn give_back(self) {
        let page = crate::arena::PAGE;
        let _ = self
            .arena
            .punch_hole(self.at + page, block_size(self.units) - page);
    }

    /// The address of the words and units, for tests that damage them.
    #[cfg(test)]
    pub fn offset(self) -> Offset {
        self.at
    }
}
