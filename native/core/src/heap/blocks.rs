//! Descriptors of blocks, size classes, allocation and return.
//!
//! A block belongs to a size class for ever. When it is returned it joins its class's list, and
//! the next allocation of that class takes it; pages of large blocks go back to the system at
//! once. Nothing is split or merged: address space is plentiful, and a list per class makes each
//! operation a handful of words, which is what lets it be atomic.
//!
//! | descriptor word | bits                                                          |
//! | --------------- | ------------------------------------------------------------- |
//! | 0               | offset of the bytes (48), size class (8), [`Kind`] (8)        |
//! | 8               | size asked for, in bytes                                      |
//! | 16              | number of holds (32), generation (32)                         |
//! | 24              | in use: first hold it owns itself; returned: next of its list |
//!
//! The generation grows at each allocation: a reference (number, generation) that has travelled
//! too long is recognised instead of reaching a stranger's block.

use std::sync::atomic::Ordering::Relaxed;

use super::holds::{Hold, Holder};
use super::journal::Transaction;
use super::{CELLS_END, Heap, LARGE_END, NEXT_DESCRIPTOR, RETURNED_BLOCKS, SMALL_END};
use crate::arena::{
    Arena, CELL_COUNT, CELL_SIZE, CELLS, DESCRIPTOR_COUNT, DESCRIPTOR_SIZE, DESCRIPTORS, Offset,
    PAGE,
};
use crate::error::{Error, Result};

/// What a block is used as. Whoever opens a block says what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    Returned = 0,
    Lock = 1,
    RLock = 2,
    Semaphore = 3,
    Event = 4,
    Condition = 5,
    Barrier = 6,
    /// A lock and up to 32 bytes that it guards, in one cell.
    Value = 7,
    /// Plain bytes.
    Bytes = 8,
    Queue = 9,
    /// A ring of a queue.
    Segment = 10,
    /// A message too large for a ring.
    Message = 11,
    /// What a child needs to begin.
    Preparation = 12,
    /// Who has taken what from a queue.
    Ledger = 13,
    /// Holds what the messages speak of that are under way in a pipe.
    Pipe = 14,
    /// Says who has a descriptor that a message speaks of.
    Offer = 15,
    /// The command line of a process in a cage: what it may do. No function of the addon opens it.
    CommandLine = 16,
}

impl Kind {
    const ALL: [Self; 17] = [
        Self::Returned,
        Self::Lock,
        Self::RLock,
        Self::Semaphore,
        Self::Event,
        Self::Condition,
        Self::Barrier,
        Self::Value,
        Self::Bytes,
        Self::Queue,
        Self::Segment,
        Self::Message,
        Self::Preparation,
        Self::Ledger,
        Self::Pipe,
        Self::Offer,
        Self::CommandLine,
    ];

    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get(number as usize).copied()
    }
}

/// Number of a block in the descriptor table; never 0.
pub type BlockId = u32;

/// A block in use, as its descriptor told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    pub id: BlockId,
    pub generation: u32,
    pub kind: Kind,
    pub offset: Offset,
    pub size: u64,
}

impl Block {
    /// What the descriptor `id` says now. For the answer to stay true, the caller's process must
    /// hold the block.
    #[inline]
    pub fn open(arena: &Arena, id: BlockId) -> Result<Self> {
        Self::look(arena, id).ok_or_else(|| missing("shared object", id))
    }

    /// As [`open`](Self::open), if it is in use as `kind`.
    #[inline]
    pub fn open_as(arena: &Arena, id: BlockId, kind: Kind) -> Result<Self> {
        let block = Self::open(arena, id)?;
        if block.kind == kind {
            Ok(block)
        } else {
            Err(missing("shared object of this kind", id))
        }
    }

    #[inline]
    fn look(arena: &Arena, id: BlockId) -> Option<Self> {
        if id == 0 || u64::from(id) >= DESCRIPTOR_COUNT {
            return None;
        }
        let words = arena.words64::<3>(descriptor(id));
        let [place, size, counts] = words.each_ref().map(|word| word.load(Relaxed));
        let kind = Kind::from_number((place >> 56) as u32)?;
        let offset = place & OFFSET_MASK;
        let inside = offset >= CELLS
            && offset.is_multiple_of(CELL_SIZE)
            && offset
                .checked_add(size)
                .is_some_and(|end| end <= arena.size());
        (kind != Kind::Returned && inside).then_some(Self {
            id,
            generation: (counts >> 32) as u32,
            kind,
            offset,
            size,
        })
    }

    /// How many holds there are on the block `id` now.
    pub fn holds(arena: &Arena, id: BlockId) -> Result<u32> {
        Self::open(arena, id)?;
        Ok(arena.word64(counts_word(id)).load(Relaxed) as u32)
    }
}

#[cold]
fn missing(what: &'static str, id: BlockId) -> Error {
    Error::NoSuchObject { what, id }
}

const OFFSET_MASK: u64 = (1 << 48) - 1;

pub(super) fn descriptor(id: BlockId) -> Offset {
    DESCRIPTORS + u64::from(id) * DESCRIPTOR_SIZE
}

/// The word that counts the holds of a block.
pub(super) fn counts_word(id: BlockId) -> Offset {
    descriptor(id) + 16
}

/// The word that begins the list of the holds that a block owns.
pub(super) fn owned_holds_word(id: BlockId) -> Offset {
    descriptor(id) + 24
}

/// Large blocks of at least this size give their pages back when they are returned.
const GIVE_BACK: u64 = 64 * 1024;

/// The class of a size and the bytes that blocks of the class have: cells; powers of two up to
/// 16 KiB; then four classes for each doubling, all whole pages.
pub(super) fn size_class(size: u64) -> (u64, u64) {
    const POWERS_UP_TO: u32 = 14;
    if size <= CELL_SIZE {
        return (0, CELL_SIZE);
    }
    let log = 63 - (size - 1).leading_zeros(); // 2^log < size <= 2^(log + 1)
    if log < POWERS_UP_TO {
        return (u64::from(log - 5), 2 << log);
    }
    let step = 1u64 << (log - 2);
    let quarters = (size - (1 << log)).div_ceil(step);
    let class = u64::from(log - POWERS_UP_TO) * 4 + quarters - 1 + 9;
    (class, (1 << log) + quarters * step)
}

impl Heap<'_> {
    /// A new block of zeroes, held by `holder`.
    pub fn allocate(&self, kind: Kind, size: u64, holder: Holder) -> Result<(Block, Hold)> {
        let exhausted = |limit: String| Error::Exhausted {
            action: "allocate shared memory",
            limit,
        };
        if size > self.arena.size() {
            return Err(exhausted(format!(
                "{size} bytes were wanted, all processes together have {}",
                self.arena.size()
            )));
        }
        let (class, capacity) = size_class(size);
        let mut transaction = Transaction::new(self.arena);
        let list = RETURNED_BLOCKS + 8 * class;
        let returned = transaction.get(list) as BlockId;
        let (id, offset) = if returned != 0 {
            transaction.set(list, transaction.get(owned_holds_word(returned)));
            (
                returned,
                transaction.get(descriptor(returned)) & OFFSET_MASK,
            )
        } else {
            let id = transaction.get(NEXT_DESCRIPTOR);
            if id >= DESCRIPTOR_COUNT {
                return Err(exhausted(format!(
                    "{DESCRIPTOR_COUNT} shared objects exist"
                )));
            }
            let (end_word, limit) = match capacity {
                CELL_SIZE => (CELLS_END, CELLS + CELL_COUNT * CELL_SIZE),
                capacity if capacity < PAGE => (SMALL_END, self.arena.large()),
                _ => (LARGE_END, self.arena.size()),
            };
            let offset = transaction.get(end_word);
            if offset + capacity > limit {
                return Err(exhausted(format!(
                    "{size} bytes were wanted, {} are left",
                    limit - offset
                )));
            }
            transaction.set(NEXT_DESCRIPTOR, id + 1);
            transaction.set(end_word, offset + capacity);
            (id as BlockId, offset)
        };
        let generation = (transaction.get(counts_word(id)) >> 32).wrapping_add(1) & 0xffff_ffff;
        transaction.set(descriptor(id), offset | class << 48 | (kind as u64) << 56);
        transaction.set(descriptor(id) + 8, size);
        transaction.set(counts_word(id), generation << 32);
        transaction.set(owned_holds_word(id), 0);
        let hold = self.add_hold(&mut transaction, id, holder)?;
        transaction.commit();
        if returned != 0 && capacity < GIVE_BACK {
            self.arena.zero(offset, capacity);
        }
        let generation = generation as u32;
        Ok((
            Block {
                id,
                generation,
                kind,
                offset,
                size,
            },
            hold,
        ))
    }

    /// Puts a block that nobody holds any more on its class's list.
    pub(super) fn return_block(&self, transaction: &mut Transaction, id: BlockId) {
        let place = transaction.get(descriptor(id));
        let (offset, class) = (place & OFFSET_MASK, place >> 48 & 0xff);
        let (_, capacity) = size_class(transaction.get(descriptor(id) + 8));
        if capacity >= GIVE_BACK {
            // Before the commit: whoever takes the block next relies on finding zeroes.
            if self.arena.give_back(offset, capacity).is_err() {
                self.arena.zero(offset, capacity);
            }
        }
        let list = RETURNED_BLOCKS + 8 * class;
        transaction.set(
            descriptor(id),
            offset | class << 48 | (Kind::Returned as u64) << 56,
        );
        transaction.set(owned_holds_word(id), transaction.get(list));
        transaction.set(list, u64::from(id));
    }

    /// How many blocks are in use and how many bytes they have.
    pub fn usage(&self) -> Usage {
        let word = |offset| self.arena.word64(offset).load(Relaxed);
        let count = word(NEXT_DESCRIPTOR).min(DESCRIPTOR_COUNT) as BlockId;
        let blocks = (1..count).filter_map(|id| Block::open(self.arena, id).ok());
        blocks.fold(Usage::default(), |usage, block| Usage {
            blocks: usage.blocks + 1,
            bytes: usage.bytes + size_class(block.size).1,
        })
    }
}

/// What is in use of the heap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub blocks: u64,
    pub bytes: u64,
}
