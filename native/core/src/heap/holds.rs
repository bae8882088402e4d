//! Holds: a process, or another block, wants a block to stay.
//!
//! A hold is an entry of a doubly linked list that begins at its holder, so that everything a
//! dead process held can be found and let go. Blocks hold blocks while they are on their way: a
//! queue holds what its messages speak of.
//!
//! | hold word | bits                                            |
//! | --------- | ----------------------------------------------- |
//! | 0         | block (32), holder (32)                         |
//! | 8         | next of the holder's list (32), previous (32)   |

use std::sync::atomic::Ordering::Relaxed;

use super::blocks::{Block, BlockId, counts_word, owned_holds_word};
use super::journal::Transaction;
use super::{Heap, NEXT_HOLD, RETURNED_HOLDS};
use crate::arena::{Arena, HOLD_COUNT, HOLD_SIZE, HOLDS, Offset};
use crate::error::{Error, Result};
use crate::table::{ProcessEntry, Slot};

/// Number of a hold; never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold(pub u32);

/// Who holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    Process(Slot),
    Block(BlockId),
}

/// Distinguishes a process from a block in a holder's 32 bits.
const IS_PROCESS: u32 = 1 << 31;

impl Holder {
    fn to_bits(self) -> u32 {
        match self {
            Self::Process(slot) => slot | IS_PROCESS,
            Self::Block(id) => id,
        }
    }

    fn from_bits(bits: u32) -> Self {
        match bits & IS_PROCESS {
            0 => Self::Block(bits),
            _ => Self::Process(bits & !IS_PROCESS),
        }
    }

    /// The word that begins the holder's list.
    fn list(self, arena: &Arena) -> Offset {
        match self {
            Self::Process(slot) => ProcessEntry::at(arena, slot).holds_word(),
            Self::Block(id) => owned_holds_word(id),
        }
    }
}

fn link_word(hold: u32) -> Offset {
    HOLDS + u64::from(hold) * HOLD_SIZE + 8
}

fn who_word(hold: u32) -> Offset {
    HOLDS + u64::from(hold) * HOLD_SIZE
}

fn pack(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

fn unpack(word: u64) -> (u32, u32) {
    (word as u32, (word >> 32) as u32)
}

impl Heap<'_> {
    /// Lets `holder` hold the block of that number and generation, too.
    pub fn hold(&self, id: BlockId, generation: u32, holder: Holder) -> Result<(Block, Hold)> {
        let block = Block::open(self.arena, id)?;
        if block.generation != generation {
            return Err(Error::NoSuchObject {
                what: "shared object",
                id,
            });
        }
        let mut transaction = Transaction::new(self.arena);
        let hold = self.add_hold(&mut transaction, id, holder)?;
        transaction.commit();
        Ok((block, hold))
    }

    pub(super) fn add_hold(
        &self,
        transaction: &mut Transaction,
        id: BlockId,
        holder: Holder,
    ) -> Result<Hold> {
        let returned = transaction.get(RETURNED_HOLDS) as u32;
        let hold = if returned != 0 {
            let (next, _) = unpack(transaction.get(link_word(returned)));
            transaction.set(RETURNED_HOLDS, u64::from(next));
            returned
        } else {
            let next = transaction.get(NEXT_HOLD);
            if next >= HOLD_COUNT {
                return Err(Error::Exhausted {
                    action: "hold a shared object",
                    limit: format!("{HOLD_COUNT} holds exist"),
                });
            }
            transaction.set(NEXT_HOLD, next + 1);
            next as u32
        };
        let list = holder.list(self.arena);
        let first = transaction.get(list) as u32;
        transaction.set(who_word(hold), pack(id, holder.to_bits()));
        transaction.set(link_word(hold), pack(first, 0));
        if first != 0 {
            let (next, _) = unpack(transaction.get(link_word(first)));
            transaction.set(link_word(first), pack(next, hold));
        }
        transaction.set(list, u64::from(hold));
        let counts = transaction.get(counts_word(id));
        transaction.set(counts_word(id), counts + 1);
        Ok(Hold(hold))
    }

    /// Who has a hold; `None` if there is none of that number.
    pub fn holder(&self, hold: Hold) -> Option<Holder> {
        self.who(hold).map(|(_, holder)| Holder::from_bits(holder))
    }

    /// The block that a hold is on; `None` if there is none of that number.
    pub fn held(&self, hold: Hold) -> Option<BlockId> {
        self.who(hold).map(|(id, _)| id)
    }

    fn who(&self, hold: Hold) -> Option<(BlockId, u32)> {
        let view = Transaction::new(self.arena);
        if hold.0 == 0 || u64::from(hold.0) >= view.get(NEXT_HOLD).min(HOLD_COUNT) {
            return None;
        }
        let (id, holder) = unpack(view.get(who_word(hold.0)));
        (id != 0).then_some((id, holder))
    }

    /// Lets go. A block whose last hold this was is returned, and so is what only it held.
    pub fn let_go(&self, hold: Hold) {
        // Depth first, without recursion: before a block goes, the holds it owns go.
        let mut pending = vec![hold.0];
        while let Some(&hold) = pending.last() {
            let view = Transaction::new(self.arena);
            let (id, holder) = unpack(view.get(who_word(hold)));
            if id == 0 {
                pending.pop(); // not a hold (any more)
                continue;
            }
            let last = view.get(counts_word(id)) as u32 == 1;
            let owned = view.get(owned_holds_word(id)) as u32;
            if last && owned != 0 && (pending.len() as u64) < HOLD_COUNT {
                pending.push(owned);
                continue;
            }
            self.remove_hold(hold, id, Holder::from_bits(holder), last);
            pending.pop();
        }
    }

    fn remove_hold(&self, hold: u32, id: BlockId, holder: Holder, last: bool) {
        let mut transaction = Transaction::new(self.arena);
        let (next, previous) = unpack(transaction.get(link_word(hold)));
        if next != 0 {
            let (after, _) = unpack(transaction.get(link_word(next)));
            transaction.set(link_word(next), pack(after, previous));
        }
        if previous != 0 {
            let (_, before) = unpack(transaction.get(link_word(previous)));
            transaction.set(link_word(previous), pack(next, before));
        } else {
            transaction.set(holder.list(self.arena), u64::from(next));
        }
        transaction.set(who_word(hold), 0);
        transaction.set(link_word(hold), transaction.get(RETURNED_HOLDS));
        transaction.set(RETURNED_HOLDS, u64::from(hold));
        let counts = transaction.get(counts_word(id));
        transaction.set(counts_word(id), counts.saturating_sub(1));
        if last {
            self.return_block(&mut transaction, id);
        }
        transaction.commit();
    }

    /// What `holder` holds.
    pub fn held_by(&self, holder: Holder) -> Vec<(Hold, BlockId)> {
        let mut found = Vec::new();
        let mut hold = self.arena.word64(holder.list(self.arena)).load(Relaxed) as u32;
        while hold != 0 && (found.len() as u64) < HOLD_COUNT {
            let (id, _) = unpack(self.arena.word64(who_word(hold)).load(Relaxed));
            found.push((Hold(hold), id));
            (hold, _) = unpack(self.arena.word64(link_word(hold)).load(Relaxed));
        }
        found
    }

    /// Lets go of everything that `holder` holds.
    pub fn let_go_all(&self, holder: Holder) {
        let list = holder.list(self.arena);
        loop {
            match Transaction::new(self.arena).get(list) as u32 {
                0 => return,
                first => self.let_go(Hold(first)),
            }
        }
    }
}
