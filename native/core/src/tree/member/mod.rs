//! A process's place in its tree: the arena, its slot, the tokens of its threads, and the blocks
//! it holds.
//!
//! - [`threads`]: the tokens.
//! - [`holdings`]: the blocks, and what messages hold on this process's word.
//! - [`gifts`]: which blocks a caged process may use.
//! - [`names`]: the names of blocks.
//! - [`shares`]: which of its threads have a block, and what they wait for.
//! - [`places`]: the slots of its children.

mod gifts;
mod holdings;
pub(crate) mod names;
mod places;
pub mod shares;
mod threads;

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use crate::cage;
use crate::error::{Error, Result};
use crate::memory::arena::{Arena, Offset};
use crate::memory::heap::blocks::Usage;
use crate::memory::heap::{self, Account, BlockId, Heap};
use crate::tree::processes::{Cage, NO_SLOT, ProcessEntry, Slot, TreePlace};
use gifts::Gift;
use holdings::Held;

/// The root's slot: it is the first.
const ROOT: Slot = 0;

pub struct Member {
    /// Distinguishes the members of one process in tests; a program has one.
    serial: u64,
    arena: Arc<Arena>,
    slot: Slot,
    /// The account to which this process's blocks and holds are charged.
    account: Account,
    /// One hold for each block, however many handles this process has of it.
    held: Mutex<HashMap<BlockId, Held>>,
    /// What this process may use if it is in a cage; `None` if it is free.
    gifts: Option<Mutex<Vec<Gift>>>,
}

impl Member {
    /// The first process of a new tree.
    pub fn root(name: &str) -> Result<Self> {
        crate::sys::require_supported()?;
        let arena = Arena::create()?;
        heap::initialize(&arena);
        let generation = ProcessEntry::at(&arena, ROOT).reserve(NO_SLOT, name, Cage::Free);
        Self::enter(
            arena,
            TreePlace {
                slot: ROOT,
                generation,
            },
        )
    }

    /// The process for which the parent has reserved `place`.
    pub fn child(arena: OwnedFd, place: TreePlace) -> Result<Self> {
        Self::enter(Arena::open(arena)?, place)
    }

    /// Takes the place that the parent has reserved in `arena`, or that was just reserved there.
    pub(crate) fn enter(arena: Arena, place: TreePlace) -> Result<Self> {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let entry = ProcessEntry::at(&arena, place.slot);
        if !entry.enter(place.generation) {
            return Err(Error::Corrupted(
                "this process's place in the tree is no longer its own",
            ));
        }
        let is_caged = entry.cage() != Cage::Free || cage::current().is_some();
        Ok(Self {
            serial: SERIAL.fetch_add(1, Relaxed),
            account: Account::of(&arena, place.slot),
            arena: Arc::new(arena),
            slot: place.slot,
            held: Mutex::default(),
            gifts: is_caged.then(Mutex::default),
        })
    }

    pub fn arena(&self) -> &Arena {
        &self.arena
    }

    pub fn slot(&self) -> Slot {
        self.slot
    }

    /// The entry of this process.
    pub fn entry(&self) -> ProcessEntry<'_> {
        ProcessEntry::at(&self.arena, self.slot)
    }

    fn heap(&self) -> Result<Heap<'_>> {
        Ok(Heap::lock(&self.arena, self.token()?)?.on_account(self.account))
    }

    /// How much of the arena is in use, in blocks and their bytes.
    pub fn usage(&self) -> Result<Usage> {
        Ok(self.heap()?.usage())
    }

    /// Wakes up to `count` sleepers of the word at `offset`.
    pub fn wake(&self, offset: Offset, count: u32) -> usize {
        crate::wait::wake(&self.arena, offset, count)
    }
}

#[cfg(test)]
mod tests;
