//! Descriptors of blocks, allocation and return.
//!
//! A block has a cell, a part of a page or a run of pages, and a descriptor that names it. Both are
//! given to other blocks, of whatever size, once it is returned.
//!
//! | descriptor word | bits                                                          |
//! | --------------- | ------------------------------------------------------------- |
//! | 0               | offset of the bytes (48), [`Kind`] in the last 8              |
//! | 8               | size asked for, in bytes (48), account (16)                   |
//! | 16              | number of holds (32), generation (32)                         |
//! | 24              | in use: first hold it owns itself; returned: next of its list |
//!
//! The generation grows at each allocation: a reference (number, generation) that has travelled
//! too long is recognised instead of reaching a stranger's block.

use std::sync::atomic::Ordering::Relaxed;

use super::holds::{Hold, Holder};
use super::journal::Transaction;
use super::pages::pages_for;
use super::small::part_size;
use super::{Account, BlockId, Heap, NEXT_DESCRIPTOR, RETURNED_DESCRIPTORS};
use crate::error::{Error, Result};
use crate::memory::arena::{
    Arena, CELL_SIZE, CELLS, DESCRIPTOR_COUNT, DESCRIPTOR_SIZE, DESCRIPTORS, Offset, PAGE,
};

/// What a block is used as. Opening a block asks for the kind that it must be of.
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
    /// Which process has taken how many messages from a queue.
    Ledger = 13,
    /// Holds what the messages speak of that are under way in a pipe.
    Pipe = 14,
    /// Says which process has a descriptor that a message names.
    Offer = 15,
    /// The command line of a process in a cage: what it may do. No function of the addon opens it.
    CommandLine = 16,
    /// Bytes of which the host has views: whole pages, so that they can be mapped a second time.
    View = 17,
    /// Which processes have had a queue, and have not given it up.
    Roster = 18,
    /// The name of the block that holds it, for who looks from outside.
    Name = 19,
    /// What a pool tells of itself, likewise. Only the host knows what is in it.
    Pool = 20,
    /// As `View`, of a queue: bytes that are lent, then viewed, and then lent again.
    Loan = 21,
}

impl Kind {
    const ALL: [Self; 22] = [
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
        Self::View,
        Self::Roster,
        Self::Name,
        Self::Pool,
        Self::Loan,
    ];

    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get(number as usize).copied()
    }
}

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
        let words = words.each_ref().map(|word| word.load(Relaxed));
        Self::told(id, words, arena.size())
    }

    /// What the first words of the descriptor `id` tell, in an arena of that size; `None` if it is not in
    /// use, or damaged.
    pub(crate) fn told(id: BlockId, words: [u64; 3], arena_size: u64) -> Option<Self> {
        let [place, size, counts] = words;
        let kind = Kind::from_number((place >> 56) as u32)?;
        let (offset, size) = (place & LOW_MASK, size & LOW_MASK);
        let inside = offset >= CELLS
            && offset.is_multiple_of(CELL_SIZE)
            && offset
                .checked_add(size)
                .is_some_and(|end| end <= arena_size);
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

/// Of the 48 bits of an offset or a size.
const LOW_MASK: u64 = (1 << 48) - 1;

pub(super) fn descriptor(id: BlockId) -> Offset {
    DESCRIPTORS + u64::from(id) * DESCRIPTOR_SIZE
}

fn size_word(id: BlockId) -> Offset {
    descriptor(id) + 8
}

/// The word that counts the holds of a block.
pub(super) fn counts_word(id: BlockId) -> Offset {
    descriptor(id) + 16
}

/// The word that begins the list of the holds that a block owns.
pub(super) fn owned_holds_word(id: BlockId) -> Offset {
    descriptor(id) + 24
}

/// The bytes that a block of that size has.
pub(super) fn capacity(kind: Kind, size: u64) -> u64 {
    if matches!(kind, Kind::View | Kind::Loan) || size > PAGE / 2 {
        return size.max(1).next_multiple_of(PAGE);
    }
    if size <= CELL_SIZE {
        CELL_SIZE
    } else {
        part_size(size)
    }
}

/// Bytes for a block.
struct Space {
    offset: Offset,
    /// Whether they are not known to be zero.
    is_dirty: bool,
}

impl Heap<'_> {
    /// A new block of zeroes, held by `holder`.
    pub fn allocate(&self, kind: Kind, size: u64, holder: Holder) -> Result<(Block, Hold)> {
        self.allocate_below(kind, size, holder, None)
    }

    /// As [`allocate`](Self::allocate); if it can be, a block of whole pages that ends at `below`.
    pub fn allocate_below(
        &self,
        kind: Kind,
        size: u64,
        holder: Holder,
        below: Option<Offset>,
    ) -> Result<(Block, Hold)> {
        require_possible(self.arena, size)?;
        let capacity = capacity(kind, size);
        let mut transaction = Transaction::new(self.arena);
        self.account.charge_block(&mut transaction, capacity)?;
        let mut space = self.take_space(&mut transaction, capacity, below);
        // What is kept for others first; then what nobody reaches any more.
        for is_last_way in [false, true] {
            if space.is_none() {
                if is_last_way {
                    self.sweep();
                }
                self.free_kept();
                transaction = Transaction::new(self.arena);
                self.account.charge_block(&mut transaction, capacity)?;
                space = self.take_space(&mut transaction, capacity, below);
            }
        }
        let Space { offset, is_dirty } = space.ok_or_else(|| self.no_space(size))?;
        let id = take_descriptor(&mut transaction)?;
        let generation = (transaction.get(counts_word(id)) >> 32).wrapping_add(1) & 0xffff_ffff;
        transaction.set(descriptor(id), offset | (kind as u64) << 56);
        transaction.set(size_word(id), size | u64::from(self.account.0) << 48);
        transaction.set(counts_word(id), generation << 32);
        transaction.set(owned_holds_word(id), 0);
        let hold = self.add_hold(&mut transaction, id, holder)?;
        transaction.commit();
        if is_dirty {
            self.arena.zero(offset, capacity);
        }
        let block = Block {
            id,
            generation: generation as u32,
            kind,
            offset,
            size,
        };
        Ok((block, hold))
    }

    fn take_space(
        &self,
        transaction: &mut Transaction,
        capacity: u64,
        below: Option<Offset>,
    ) -> Option<Space> {
        let dirty = |offset| Space {
            offset,
            is_dirty: true,
        };
        if capacity == CELL_SIZE {
            return self.take_cell(transaction).map(dirty);
        }
        if capacity < PAGE {
            return self.take_part(transaction, capacity).map(dirty);
        }
        let below = below.map(|offset| self.page_of(offset));
        let taken = self.take_pages(transaction, pages_for(capacity), below)?;
        Some(Space {
            offset: self.offset_of(taken.first),
            is_dirty: taken.is_dirty,
        })
    }

    #[cold]
    fn no_space(&self, size: u64) -> Error {
        let (all, most) = self.free_bytes();
        exhausted(format!(
            "{size} bytes were wanted, {all} are left, {most} of them in one piece"
        ))
    }

    /// Gives back what a block has that nobody holds any more.
    pub(super) fn return_block(&self, transaction: &mut Transaction, id: BlockId) {
        let place = transaction.get(descriptor(id));
        let sized = transaction.get(size_word(id));
        let (offset, size) = (place & LOW_MASK, sized & LOW_MASK);
        let kind = Kind::from_number((place >> 56) as u32).unwrap_or(Kind::Returned);
        if kind == Kind::Returned || offset < CELLS {
            return; // corrupted: it was returned before
        }
        let capacity = capacity(kind, size);
        if capacity == CELL_SIZE {
            self.give_cell(transaction, offset);
        } else if capacity < PAGE {
            self.give_part(transaction, offset, capacity);
        } else {
            self.give_pages(transaction, self.page_of(offset), pages_for(capacity));
        }
        Account((sized >> 48) as u16).credit_block(transaction, capacity);
        transaction.set(descriptor(id), (Kind::Returned as u64) << 56);
        transaction.set(owned_holds_word(id), transaction.get(RETURNED_DESCRIPTORS));
        transaction.set(RETURNED_DESCRIPTORS, u64::from(id));
    }

    /// How many blocks are in use and how many bytes they have.
    pub fn usage(&self) -> Usage {
        let word = |offset| self.arena.word64(offset).load(Relaxed);
        let count = word(NEXT_DESCRIPTOR).min(DESCRIPTOR_COUNT) as BlockId;
        let blocks = (1..count).filter_map(|id| Block::open(self.arena, id).ok());
        blocks.fold(Usage::default(), |usage, block| Usage {
            blocks: usage.blocks + 1,
            bytes: usage.bytes + capacity(block.kind, block.size),
        })
    }
}

/// What is in use of the heap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub blocks: u64,
    pub bytes: u64,
}

/// Fails if there could never be a block of that size.
pub fn require_possible(arena: &Arena, size: u64) -> Result<()> {
    if size <= arena.size() {
        return Ok(());
    }
    Err(exhausted(format!(
        "{size} bytes were wanted, all processes together have {}",
        arena.size()
    )))
}

/// A descriptor that names nothing.
fn take_descriptor(transaction: &mut Transaction) -> Result<BlockId> {
    let returned = transaction.get(RETURNED_DESCRIPTORS);
    if returned != 0 && returned < DESCRIPTOR_COUNT {
        let id = returned as BlockId;
        let next = transaction.get(owned_holds_word(id));
        transaction.set(RETURNED_DESCRIPTORS, next);
        return Ok(id);
    }
    let next = transaction.get(NEXT_DESCRIPTOR);
    if next >= DESCRIPTOR_COUNT {
        return Err(exhausted(format!(
            "{DESCRIPTOR_COUNT} shared objects exist"
        )));
    }
    transaction.set(NEXT_DESCRIPTOR, next + 1);
    Ok(next as BlockId)
}

fn exhausted(limit: String) -> Error {
    Error::Exhausted {
        action: "allocate shared memory",
        limit,
    }
}
