//! Blocks of the arena: allocated, held by processes, returned when the last holder is gone.
//!
//! - [`blocks`]: the descriptor of a block, allocation and return.
//! - [`pages`]: runs of pages, split and merged.
//! - [`small`]: what is smaller than a page: cells, and parts of pages.
//! - [`holds`]: the owners of a block, so that a killed process's share can be let go for it.
//! - [`sweep`]: what holds itself in a ring, and nobody reaches.
//! - [`accounts`]: what a process in a cage, with all its descendants, may use.
//! - [`journal`]: each change is complete or has not happened, whoever is killed when.
//!
//! One robust lock guards all of it. Its owner's death is nobody's error: the next owner finishes
//! what the journal says.
//!
//! The heap's own words, from offset [`HEAP`]:
//!
//! | offset | word                                                     |
//! | ------ | -------------------------------------------------------- |
//! | 0      | the lock                                                 |
//! | 16     | next unused descriptor                                   |
//! | 24     | next unused hold                                         |
//! | 32     | first returned hold                                      |
//! | 40     | end of the cells in use                                  |
//! | 48     | first returned cell                                      |
//! | 56     | first returned descriptor                                |
//! | 64     | first page with room for blocks of part s: 64 + 8s       |
//! | 128    | free runs of pages of length class c: 128 + 8c           |
//! | 1024   | runs of n pages kept for the next use of n: 1024 + 8n    |

pub mod accounts;
pub mod blocks;
pub mod holds;
pub mod journal;
mod pages;
mod small;
mod sweep;

pub use crate::memory::arena::BlockId;
pub use accounts::{Account, Limits};
pub use blocks::{Block, Kind};
pub use holds::{Hold, Holder};

use crate::error::Result;
use crate::memory::arena::{Arena, HEAP, Offset};
use crate::sync::lock::Lock;
use crate::sync::{Acquired, Released, Token};
use crate::tree::threads;
use crate::wait;

pub(crate) const LOCK: Offset = HEAP;
pub(crate) const NEXT_DESCRIPTOR: Offset = HEAP + 16;
const NEXT_HOLD: Offset = HEAP + 24;
const RETURNED_HOLDS: Offset = HEAP + 32;
const CELLS_END: Offset = HEAP + 40;
const RETURNED_CELLS: Offset = HEAP + 48;
const RETURNED_DESCRIPTORS: Offset = HEAP + 56;
const PARTED_PAGES: Offset = HEAP + 64;
const FREE_RUNS: Offset = HEAP + 128;
const KEPT_RUNS: Offset = HEAP + 1024;

/// Prepares the heap of a new arena, before anybody else can see it.
pub fn initialize(arena: &Arena) {
    use std::sync::atomic::Ordering::Relaxed;
    // 0 is "none" in every list, so no descriptor or hold has that number.
    arena.word64(NEXT_DESCRIPTOR).store(1, Relaxed);
    arena.word64(NEXT_HOLD).store(1, Relaxed);
    arena
        .word64(CELLS_END)
        .store(crate::memory::arena::CELLS, Relaxed);
    pages::initialize(arena);
}

/// The heap while this thread owns its lock; released on drop.
pub struct Heap<'a> {
    arena: &'a Arena,
    /// The account to which allocations and holds are charged.
    account: Account,
}

impl<'a> Heap<'a> {
    /// Waits for the heap's lock.
    pub fn lock(arena: &'a Arena, token: Token) -> Result<Self> {
        let has_died = |owner| threads::has_died(arena, owner);
        let spot = threads::spot(arena, LOCK, token);
        let acquired = wait::acquire(spot, token, &has_died);
        let heap = Self {
            arena,
            account: Account::NONE,
        };
        if let Acquired::FromDead(_) = acquired {
            journal::recover(arena)?;
        }
        Ok(heap)
    }

    /// The same for a process that has an account.
    pub fn on_account(mut self, account: Account) -> Self {
        self.account = account;
        self
    }
}

impl Drop for Heap<'_> {
    fn drop(&mut self) {
        let lock = Lock {
            word: self.arena.word32(LOCK),
        };
        if lock.release() == Released::WakeOne {
            wait::wake(self.arena, LOCK, 1);
        }
    }
}

#[cfg(test)]
mod tests;
