//! Holds: a process, or another block, wants a block to stay.
//!
//! A hold is an entry of a doubly linked list that begins at its holder, so that everything a
//! dead process held can be found and let go. Blocks hold blocks while they are on their way: a
//! queue holds what its messages speak of.
//!
//! | hold word | bits                                            |
//! | --------- | ----------------------------------------------- |
//! | 0         | block (24), account (16), holder (24)           |
//! | 8         | next of the holder's list (32), previous (32)   |

use std::collections::HashSet;
use std::sync::atomic::Ordering::Relaxed;

use super::BlockId;
use super::blocks::{Block, counts_word, owned_holds_word};
use super::journal::Transaction;
use super::{Account, Heap, NEXT_HOLD, RETURNED_HOLDS};
use crate::error::{Error, Result};
use crate::memory::arena::{
    Arena, DESCRIPTOR_COUNT, HOLD_COUNT, HOLD_SIZE, HOLDS, Offset, PROCESS_COUNT,
};
use crate::tree::processes::{ProcessEntry, Slot};

/// Number of a hold; never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold(pub u32);

/// The owner of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    Process(Slot),
    Block(BlockId),
}

/// Distinguishes a process from a block in a holder's 32 bits.
const IS_PROCESS: u32 = 1 << 23;
const _: () = assert!(DESCRIPTOR_COUNT <= 1 << 23 && PROCESS_COUNT < 1 << 23);

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

/// What a hold is on, its owner, and the account it is charged to.
#[derive(Clone, Copy)]
struct Who {
    id: BlockId,
    holder: Holder,
    account: Account,
}

impl Who {
    fn to_word(self) -> u64 {
        let holder = u64::from(self.holder.to_bits());
        u64::from(self.id) | u64::from(self.account.0) << 24 | holder << 40
    }

    /// `None` if there is no hold.
    fn from_word(word: u64) -> Option<Self> {
        let id = word as BlockId & 0x00ff_ffff;
        (id != 0).then_some(Self {
            id,
            holder: Holder::from_bits((word >> 40) as u32),
            account: Account((word >> 24) as u16),
        })
    }
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
        self.account.charge_hold(transaction)?;
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
        let who = Who {
            id,
            holder,
            account: self.account,
        };
        transaction.set(who_word(hold), who.to_word());
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

    /// The owner of a hold; `None` if there is no hold of that number.
    pub fn holder(&self, hold: Hold) -> Option<Holder> {
        self.who(hold).map(|who| who.holder)
    }

    /// The block that a hold is on; `None` if there is none of that number.
    pub fn held(&self, hold: Hold) -> Option<BlockId> {
        self.who(hold).map(|who| who.id)
    }

    fn who(&self, hold: Hold) -> Option<Who> {
        let view = Transaction::new(self.arena);
        if hold.0 == 0 || u64::from(hold.0) >= view.get(NEXT_HOLD).min(HOLD_COUNT) {
            return None;
        }
        Who::from_word(view.get(who_word(hold.0)))
    }

    /// Lets go. A block whose last hold this was is returned, and so is what only it held.
    pub fn let_go(&self, hold: Hold) {
        // Depth first, without recursion: before a block goes, the holds it owns go.
        let mut pending = vec![hold.0];
        while let Some(&hold) = pending.last() {
            let view = Transaction::new(self.arena);
            let Some(who) = Who::from_word(view.get(who_word(hold))) else {
                pending.pop(); // not a hold (any more)
                continue;
            };
            let last = view.get(counts_word(who.id)) as u32 == 1;
            let owned = view.get(owned_holds_word(who.id)) as u32;
            if last && owned != 0 && (pending.len() as u64) < HOLD_COUNT {
                pending.push(owned);
                continue;
            }
            self.remove_hold(hold, who, last);
            pending.pop();
        }
    }

    /// Ends a hold; its block stays, also if this was the last.
    pub(super) fn end_hold(&self, hold: Hold) {
        if let Some(who) = self.who(hold) {
            self.remove_hold(hold.0, who, false);
        }
    }

    fn remove_hold(&self, hold: u32, who: Who, last: bool) {
        let Who {
            id,
            holder,
            account,
        } = who;
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
        account.credit_hold(&mut transaction);
        let counts = transaction.get(counts_word(id));
        transaction.set(counts_word(id), counts.saturating_sub(1));
        if last {
            self.return_block(&mut transaction, id);
        }
        transaction.commit();
    }

    /// The processes that hold `id`, or a block that holds it, and so on; with the block that each
    /// holds. Reads the table of all holds once for each link of the longest chain.
    pub fn holders_through(&self, id: BlockId) -> Vec<(BlockId, Slot)> {
        let count = self.arena.word64(NEXT_HOLD).load(Relaxed).min(HOLD_COUNT) as u32;
        let mut processes = Vec::new();
        let mut seen = HashSet::from([id]);
        let mut wanted = HashSet::from([id]);
        while !wanted.is_empty() {
            let mut next = HashSet::new();
            for hold in 1..count {
                let word = self.arena.word64(who_word(hold)).load(Relaxed);
                let Some(who) = Who::from_word(word).filter(|who| wanted.contains(&who.id)) else {
                    continue;
                };
                match who.holder {
                    Holder::Process(slot) => processes.push((who.id, slot)),
                    Holder::Block(outer) if seen.insert(outer) => {
                        next.insert(outer);
                    }
                    Holder::Block(_) => {}
                }
            }
            wanted = next;
        }
        processes
    }

    /// The blocks that `holder` holds.
    pub fn held_by(&self, holder: Holder) -> Vec<(Hold, BlockId)> {
        let mut found = Vec::new();
        let mut hold = self.arena.word64(holder.list(self.arena)).load(Relaxed) as u32;
        while hold != 0 && (found.len() as u64) < HOLD_COUNT {
            if let Some(who) = Who::from_word(self.arena.word64(who_word(hold)).load(Relaxed)) {
                found.push((Hold(hold), who.id));
            }
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
