//! What a caged process may have written into the words of the objects that it was given is put right
//! when it ends, as far as it can be told from what an honest process writes.
//!
//! | word          | put right if                                            | it becomes                |
//! | ------------- | ------------------------------------------------------- | ------------------------- |
//! | of a lock     | its owner lives, in a process that does not have the lock | a dead owner's: the next to acquire is told |
//! | of a semaphore | its value is above its bound                           | its bound                 |
//!
//! Whoever has the lock may hold it, and nobody but its thread knows whether it does: a lock that is
//! given the name of such a thread is only free again when that thread ends or somebody releases it.

use std::collections::{HashMap, HashSet};

use super::Member;
use crate::arena::Arena;
use crate::heap::blocks::BlockId;
use crate::heap::{Block, Heap, Holder, Kind};
use crate::mutex::LOCK_WORD;
use crate::primitives::semaphore::{MAX_WORD, VALUE_WORD};
use crate::sync::semaphore::MAX_VALUE;
use crate::sync::{Token, lock};
use crate::sys::atomic::Ordering::SeqCst;
use crate::table::{self, Slot};
use crate::wait;

/// What is known of the threads whose names are in locks. Each is looked up once, whatever the number
/// of locks: a hostile process may leave hundreds of thousands, and others wait for the heap meanwhile.
struct Owners<'a> {
    heap: &'a Heap<'a>,
    arena: &'a Arena,
    lives: HashMap<u32, Life>,
    holdings: HashMap<Slot, HashSet<BlockId>>,
}

#[derive(Clone, Copy)]
enum Life {
    Lives(Slot),
    Died,
    Unknown,
}

impl Owners<'_> {
    fn life(&mut self, token: Token) -> Life {
        *self.lives.entry(token.get()).or_insert_with(|| {
            if table::has_died(self.arena, token) {
                return Life::Died;
            }
            let owner = table::owner(self.arena, token);
            owner.map_or(Life::Unknown, |owner| Life::Lives(owner.slot))
        })
    }

    /// Whether the thread may have the lock, or whoever waits for it finds by itself that it has died.
    fn may_own(&mut self, token: Token, lock: BlockId) -> bool {
        let slot = match self.life(token) {
            Life::Lives(slot) => slot,
            Life::Died => return true,
            Life::Unknown => return false,
        };
        let held = self.holdings.entry(slot).or_insert_with(|| {
            let held = self.heap.held_by(Holder::Process(slot));
            held.into_iter().map(|(_, id)| id).collect()
        });
        held.contains(&lock)
    }
}

impl Member {
    /// Puts right what the caged process in `slot` may have spoilt. It has ended, and still holds what
    /// it held.
    pub(super) fn mend_after(&self, heap: &Heap, slot: Slot) {
        let mut owners = Owners {
            heap,
            arena: &self.arena,
            lives: HashMap::new(),
            holdings: HashMap::new(),
        };
        for (_, id) in heap.held_by(Holder::Process(slot)) {
            let Ok(block) = Block::open(&self.arena, id) else {
                continue;
            };
            if self.holders(id) == 1 {
                continue; // it goes with the process
            }
            match block.kind {
                Kind::Lock | Kind::RLock | Kind::Value => self.mend_lock(&mut owners, block),
                Kind::Semaphore => self.mend_semaphore(block),
                _ => {}
            }
        }
    }

    fn mend_lock(&self, owners: &mut Owners, block: Block) {
        let at = block.offset + LOCK_WORD;
        let word = self.arena.word32(at);
        let found = word.load(SeqCst);
        let may_own = |token| owners.may_own(token, block.id);
        if found == lock::FREE || Token::from_word(found).is_some_and(may_own) {
            return;
        }
        let mended = Token::NOBODY.get() | lock::WAITERS;
        if word.compare_exchange(found, mended, SeqCst, SeqCst).is_ok() {
            wait::wake(&self.arena, at, u32::MAX);
        }
    }

    fn mend_semaphore(&self, block: Block) {
        let at = block.offset + VALUE_WORD;
        let (word, max) = (
            self.arena.word32(at),
            self.arena.word32(block.offset + MAX_WORD),
        );
        let (found, max) = (word.load(SeqCst), max.load(SeqCst).min(MAX_VALUE));
        if found & MAX_VALUE > max {
            let _ = word.compare_exchange(found, max | (found & !MAX_VALUE), SeqCst, SeqCst);
        }
    }
}
