//! Blocks that hold each other in a ring, and that no process reaches any more.
//!
//! A block goes when its last hold goes. A block that holds itself, such as a queue that was put
//! into itself, would stay as long as the tree. Caged processes, one after the other, each within
//! its quota, could use up all memory that way. Rings are looked for when the last process of an
//! account has left something behind, and before an allocation fails for want of space.
//!
//! A process reaches the blocks that it holds, and the blocks that those hold. All others are
//! returned in steps, each of them whole. If the sweeping process is killed between two steps, the
//! next sweep finds the rest.

use std::sync::atomic::Ordering::Relaxed;

use super::BlockId;
use super::blocks::{Block, counts_word, owned_holds_word};
use super::holds::Holder;
use super::journal::Transaction;
use super::{Heap, NEXT_DESCRIPTOR};
use crate::memory::arena::DESCRIPTOR_COUNT;
use crate::tree::processes;

/// A set of blocks, one bit each.
struct Marks(Vec<u64>);

impl Marks {
    fn new(count: BlockId) -> Self {
        Self(vec![0; count as usize / 64 + 1])
    }

    fn has(&self, id: BlockId) -> bool {
        let word = self.0.get(id as usize / 64);
        word.is_none_or(|word| word >> (id % 64) & 1 == 1)
    }

    /// Adds a block; whether it is new.
    fn add(&mut self, id: BlockId) -> bool {
        let is_new = !self.has(id);
        if is_new {
            self.0[id as usize / 64] |= 1 << (id % 64);
        }
        is_new
    }
}

impl Heap<'_> {
    /// Returns all blocks that no process reaches; how many there were.
    pub fn sweep(&self) -> usize {
        let next = self.arena.word64(NEXT_DESCRIPTOR).load(Relaxed);
        let count = next.min(DESCRIPTOR_COUNT) as BlockId;
        let reached = self.reached(count);
        let is_lost = |&id: &BlockId| !reached.has(id) && Block::open(self.arena, id).is_ok();
        let lost: Vec<BlockId> = (1..count).filter(is_lost).collect();
        for &id in &lost {
            if Block::open(self.arena, id).is_err() {
                continue; // another one of them was the last to hold it, and its words are no list any more
            }
            for (hold, held) in self.held_by(Holder::Block(id)) {
                self.end_hold(hold);
                self.return_if_free(held);
            }
            self.return_if_free(id);
        }
        lost.len()
    }

    fn reached(&self, count: BlockId) -> Marks {
        let mut marks = Marks::new(count);
        let mut pending: Vec<Holder> = processes::slots().map(Holder::Process).collect();
        while let Some(holder) = pending.pop() {
            for (_, id) in self.held_by(holder) {
                if marks.add(id) {
                    pending.push(Holder::Block(id));
                }
            }
        }
        marks
    }

    /// Returns a block that nobody holds, and that holds nothing.
    fn return_if_free(&self, id: BlockId) {
        let mut transaction = Transaction::new(self.arena);
        let is_held = transaction.get(counts_word(id)) as u32 != 0;
        let holds = transaction.get(owned_holds_word(id)) as u32 != 0;
        if Block::open(self.arena, id).is_ok() && !is_held && !holds {
            self.return_block(&mut transaction, id);
            transaction.commit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ME, arena};
    use super::super::{Hold, Kind, blocks::Usage};
    use super::*;

    fn new(heap: &Heap, holder: Holder) -> (Block, Hold) {
        heap.allocate(Kind::Bytes, 5000, holder).unwrap()
    }

    fn link(heap: &Heap, from: &Block, to: &Block) {
        let holder = Holder::Block(from.id);
        heap.hold(to.id, to.generation, holder).unwrap();
    }

    #[test]
    fn rings_that_no_process_reaches_are_returned_and_nothing_else() {
        let (arena, token) = arena();
        let heap = Heap::lock(&arena, token).unwrap();
        let (kept, kept_hold) = new(&heap, ME);
        let (part, _) = new(&heap, Holder::Block(kept.id));
        link(&heap, &part, &kept);
        let before = heap.usage();

        let (alone, hold) = new(&heap, ME);
        link(&heap, &alone, &alone);
        heap.let_go(hold);
        let (first, first_hold) = new(&heap, ME);
        let (second, _) = new(&heap, Holder::Block(first.id));
        let (third, _) = new(&heap, Holder::Block(second.id));
        link(&heap, &third, &first);
        link(&heap, &third, &second);
        link(&heap, &second, &kept);
        let (_leaf, _) = new(&heap, Holder::Block(third.id));
        assert_eq!(heap.sweep(), 1);
        heap.let_go(first_hold);
        assert_eq!(heap.usage().blocks, before.blocks + 4);
        assert_eq!(heap.sweep(), 4);
        assert_eq!(heap.usage(), before);
        assert_eq!(Block::holds(&arena, kept.id).unwrap(), 2);

        heap.let_go(kept_hold);
        assert_eq!(heap.sweep(), 2);
        assert_eq!(heap.usage(), Usage::default());
        assert_eq!(heap.sweep(), 0);
    }

    #[test]
    fn a_sweep_that_was_broken_off_is_ended_by_the_next() {
        let (arena, token) = arena();
        let heap = Heap::lock(&arena, token).unwrap();
        let (first, hold) = new(&heap, ME);
        let (second, _) = new(&heap, Holder::Block(first.id));
        link(&heap, &second, &first);
        heap.let_go(hold);
        // As after a kill: one hold has ended, nothing is returned.
        let (hold, _) = heap.held_by(Holder::Block(first.id))[0];
        heap.end_hold(hold);
        assert_eq!(heap.usage().blocks, 2);
        heap.sweep();
        assert_eq!(heap.usage(), Usage::default());
    }

    #[test]
    fn memory_that_rings_have_is_there_before_an_allocation_fails() {
        let (arena, token) = arena();
        let heap = Heap::lock(&arena, token).unwrap();
        for _ in 0..20 {
            let (block, hold) = heap.allocate(Kind::Bytes, 300 << 20, ME).unwrap();
            link(&heap, &block, &block);
            heap.let_go(hold);
        }
    }
}
