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

use super::Member;
use crate::heap::{Block, Heap, Holder, Kind};
use crate::mutex::LOCK_WORD;
use crate::primitives::semaphore::{MAX_WORD, VALUE_WORD};
use crate::sync::semaphore::MAX_VALUE;
use crate::sync::{Token, lock};
use crate::sys::atomic::Ordering::SeqCst;
use crate::table::{self, Slot};
use crate::wait;

impl Member {
    /// Puts right what the caged process in `slot` may have spoilt. It has ended, and still holds what
    /// it held.
    pub(super) fn mend_after(&self, heap: &Heap, slot: Slot) {
        for (_, id) in heap.held_by(Holder::Process(slot)) {
            let Ok(block) = Block::open(&self.arena, id) else {
                continue;
            };
            match block.kind {
                Kind::Lock | Kind::RLock | Kind::Value => self.mend_lock(heap, block),
                Kind::Semaphore => self.mend_semaphore(block),
                _ => {}
            }
        }
    }

    fn mend_lock(&self, heap: &Heap, block: Block) {
        let at = block.offset + LOCK_WORD;
        let word = self.arena.word32(at);
        let found = word.load(SeqCst);
        if found == lock::FREE {
            return;
        }
        let may_own = |token| {
            if table::has_died(&self.arena, token) {
                return true; // whoever waits finds that by itself
            }
            let Some(owner) = table::owner(&self.arena, token) else {
                return false;
            };
            let held = heap.held_by(Holder::Process(owner.slot));
            held.iter().any(|&(_, held)| held == block.id)
        };
        if Token::from_word(found).is_some_and(may_own) {
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
