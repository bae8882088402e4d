//! The blocks that this process holds: one hold for each block, however many handles and uses the
//! block has here; and the holds that this process makes for other processes and for messages.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::atomic::fence;
use std::sync::{MutexGuard, PoisonError};

use super::Member;
use super::shares::{Attitude, Shares, ThreadKey, this_thread};
use crate::error::{Error, Result};
use crate::memory::arena::Offset;
use crate::memory::heap::blocks::require_possible;
use crate::memory::heap::{Block, BlockId, Hold, Holder, Kind};
use crate::tree::processes::{self, ProcessEntry, Slot, State};

pub(super) struct Held {
    hold: Hold,
    /// What the host may give up, by thread.
    shares: Shares,
    /// What the addon itself needs the block for: buffers over it, waits on it.
    uses: u32,
    /// Of a [`Kind::Offer`]: whether it has been put into a message.
    was_pinned: bool,
}

impl Held {
    pub(super) fn once(hold: Hold) -> Self {
        Self {
            hold,
            shares: Shares::one(this_thread()),
            uses: 0,
            was_pinned: false,
        }
    }
}

impl Held {
    fn in_use(hold: Hold) -> Self {
        Self {
            shares: Shares::default(),
            uses: 1,
            ..Self::once(hold)
        }
    }
}

impl Member {
    pub(super) fn held(&self) -> MutexGuard<'_, HashMap<BlockId, Held>> {
        // The map is whole even after a panic elsewhere: nothing panics while it is locked.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new block of `size` zero bytes, with one handle in this process.
    pub fn create(&self, kind: Kind, size: u64) -> Result<Block> {
        let mut held = self.held();
        let (block, hold) = self
            .heap()?
            .allocate(kind, size, Holder::Process(self.slot))?;
        held.insert(block.id, Held::once(hold));
        Ok(block)
    }

    /// Fails if there could never be a block of that size.
    pub fn require_possible(&self, size: u64) -> Result<()> {
        require_possible(&self.arena, size)
    }

    /// A new block of zero bytes of which the host gets a view, with one use in this process; if it
    /// can be, it ends at `below`.
    pub fn create_view(&self, kind: Kind, size: u64, below: Option<Offset>) -> Result<Block> {
        let mut held = self.held();
        let holder = Holder::Process(self.slot);
        let (block, hold) = self.heap()?.allocate_below(kind, size, holder, below)?;
        held.insert(block.id, Held::in_use(hold));
        Ok(block)
    }

    /// A new block that this process holds without a handle, for a moment; [`unpin`](Self::unpin)
    /// ends that.
    pub fn create_pinned(&self, kind: Kind, size: u64) -> Result<(Block, Hold)> {
        self.heap()?
            .allocate(kind, size, Holder::Process(self.slot))
    }

    /// A new block that another block holds, and its hold.
    pub fn create_within(&self, kind: Kind, size: u64, holder: BlockId) -> Result<(Block, Hold)> {
        self.heap()?.allocate(kind, size, Holder::Block(holder))
    }

    /// One more handle of a block that somebody else told of.
    pub fn adopt(&self, id: BlockId, generation: u32) -> Result<Block> {
        let mut held = self.held();
        if !held.contains_key(&id) {
            self.require_brought(&held, id)?;
        }
        match held.entry(id) {
            Entry::Occupied(mut known) => {
                let block = Block::open(&self.arena, id)?;
                if block.generation != generation {
                    return Err(Error::NoSuchObject {
                        what: "shared object",
                        id,
                    });
                }
                known.get_mut().shares.add(this_thread());
                Ok(block)
            }
            Entry::Vacant(place) => {
                let holder = Holder::Process(self.slot);
                let (block, hold) = self.heap()?.hold(id, generation, holder)?;
                place.insert(Held::once(hold));
                Ok(block)
            }
        }
    }

    /// One handle less; at the last, the block is let go.
    pub fn release(&self, id: BlockId) -> Result<()> {
        self.release_after(id, || {})
    }

    /// As [`release`](Self::release); at the last handle, `last` comes first.
    pub fn release_after(&self, id: BlockId, last: impl FnOnce()) -> Result<()> {
        self.give_up(id, |held| {
            let had_some = !held.shares.is_empty();
            held.shares.remove(this_thread());
            if had_some && held.shares.is_empty() {
                last();
            }
        })
    }

    /// Keeps a block that this process holds for as long as the addon uses it, whatever the host
    /// releases meanwhile.
    pub fn begin_use(&self, id: BlockId) -> Result<()> {
        let generation = Block::open(&self.arena, id)?.generation;
        self.adopt(id, generation)?;
        if let Some(known) = self.held().get_mut(&id) {
            known.shares.remove(this_thread());
            known.uses += 1;
        }
        Ok(())
    }

    /// Ends what [`begin_use`](Self::begin_use) began.
    pub fn end_use(&self, id: BlockId) -> Result<()> {
        self.give_up(id, |held| held.uses = held.uses.saturating_sub(1))
    }

    fn give_up(&self, id: BlockId, take_one: impl FnOnce(&mut Held)) -> Result<()> {
        let mut held = self.held();
        let Entry::Occupied(mut known) = held.entry(id) else {
            return Ok(());
        };
        take_one(known.get_mut());
        if known.get().shares.is_empty() && known.get().uses == 0 {
            let hold = known.remove().hold;
            // Whoever finds itself alone with the block finds it read and written (tag: ALONE).
            fence(Release);
            self.heap()?.let_go(hold);
            self.forget_gifts_of(id);
        }
        Ok(())
    }

    /// Notes that `thread` waits for something that others do with the block, as `wait` says, or
    /// that it no longer does; `told` gets how all threads of this process stand then that have
    /// handles.
    pub fn note_wait(
        &self,
        thread: ThreadKey,
        id: BlockId,
        wait: Attitude,
        begins: bool,
        told: impl FnOnce(Attitude),
    ) {
        let mut held = self.held();
        if let Some(known) = held.get_mut(&id) {
            known.shares.note_wait(thread, wait, begins);
            if let Some(all) = known.shares.attitude() {
                told(all);
            }
        }
    }

    /// The attitudes of those threads of this process but `thread` that have a handle of `id`, to what
    /// they wait for at `waited_for`, which may be the same.
    pub fn attitudes_of_others(
        &self,
        id: BlockId,
        waited_for: BlockId,
        thread: ThreadKey,
    ) -> Vec<Attitude> {
        let held = self.held();
        let Some(known) = held.get(&id) else {
            return Vec::new();
        };
        let waits = held.get(&waited_for).map(|it| &it.shares);
        known
            .shares
            .threads()
            .filter(|&other| other != thread)
            .map(|other| waits.map_or(Attitude::AWAKE, |it| it.attitude_of(other)))
            .collect()
    }

    /// The block of that number, which this process must hold, if it is of that kind.
    #[inline]
    pub fn block(&self, id: BlockId, kind: Kind) -> Result<Block> {
        if self.is_caged() {
            self.require_held(id)?;
        }
        self.part(id, kind)
    }

    /// A block that another block names and holds, such as a queue's segment.
    #[inline]
    pub fn part(&self, id: BlockId, kind: Kind) -> Result<Block> {
        Block::open_as(&self.arena, id, kind)
    }

    /// How many hold a block: processes, and messages on their way.
    pub fn holders(&self, id: BlockId) -> u32 {
        Block::holds(&self.arena, id).unwrap_or(0)
    }

    /// Whether nobody has the block but one who has one handle of it in this process.
    pub fn is_last(&self, id: BlockId) -> bool {
        let held = self.held();
        let handles = held
            .get(&id)
            .map_or(0, |held| held.shares.handles() + held.uses);
        let is_last = handles <= 1 && self.holders(id) <= 1;
        // What the others did with it lies before (tag: ALONE).
        fence(Acquire);
        is_last
    }

    /// The processes that hold a block.
    pub fn processes_holding(&self, id: BlockId) -> Result<Vec<Slot>> {
        let heap = self.heap()?;
        let holds = |&slot: &Slot| {
            let held = heap.held_by(Holder::Process(slot));
            held.iter().any(|&(_, block)| block == id)
        };
        let is_member = |&slot: &Slot| ProcessEntry::at(&self.arena, slot).state() == State::Live;
        Ok(processes::slots().filter(is_member).filter(holds).collect())
    }

    /// Lets a child that is about to be started hold a block that this process holds.
    pub fn hold_for(&self, slot: Slot, id: BlockId) -> Result<Hold> {
        self.require_held(id)?;
        let generation = Block::open(&self.arena, id)?.generation;
        let (_, hold) = self.heap()?.hold(id, generation, Holder::Process(slot))?;
        Ok(hold)
    }

    /// Lets `holder` keep a block that this process holds, for as long as it is on its way.
    pub fn pin(&self, id: BlockId, holder: BlockId) -> Result<Hold> {
        self.require_held(id)?;
        let block = Block::open(&self.arena, id)?;
        let (_, hold) = self
            .heap()?
            .hold(id, block.generation, Holder::Block(holder))?;
        self.note_pinned(block, true);
        Ok(hold)
    }

    /// As [`pin`](Self::pin), for several blocks: all or none.
    pub fn pin_all(&self, ids: &[BlockId], holder: BlockId) -> Result<Vec<Hold>> {
        let mut holds = Vec::with_capacity(ids.len());
        for &id in ids {
            match self.pin(id, holder) {
                Ok(hold) => holds.push(hold),
                Err(error) => {
                    self.take_back(&holds)?;
                    return Err(error);
                }
            }
        }
        Ok(holds)
    }

    fn note_pinned(&self, block: Block, is_pinned: bool) {
        if block.kind == Kind::Offer
            && let Some(held) = self.held().get_mut(&block.id)
        {
            held.was_pinned = is_pinned;
        }
    }

    /// Whether this process has put the offer into a message, which has not been withdrawn.
    pub fn was_pinned(&self, id: BlockId) -> bool {
        self.held().get(&id).is_some_and(|held| held.was_pinned)
    }

    /// Ends what [`pin`](Self::pin) began, for a message that is gone: received, or thrown away.
    pub fn unpin(&self, holds: &[Hold]) -> Result<()> {
        if holds.is_empty() {
            return Ok(());
        }
        let heap = self.heap()?;
        holds.iter().for_each(|&hold| heap.let_go(hold));
        Ok(())
    }

    /// Ends what [`pin`](Self::pin) began, for a message that was not put, and may be put again.
    pub fn take_back(&self, holds: &[Hold]) -> Result<()> {
        if holds.is_empty() {
            return Ok(());
        }
        let heap = self.heap()?;
        let held = |&hold: &Hold| Block::open(&self.arena, heap.held(hold)?).ok();
        let blocks: Vec<Block> = holds.iter().filter_map(held).collect();
        holds.iter().for_each(|&hold| heap.let_go(hold));
        drop(heap);
        blocks
            .into_iter()
            .for_each(|block| self.note_pinned(block, false));
        Ok(())
    }

    /// As [`unpin`](Self::unpin), but only of what `holder` does hold: for numbers that somebody
    /// has sent.
    pub fn unpin_from(&self, holder: BlockId, holds: &[Hold]) -> Result<()> {
        let heap = self.heap()?;
        for &hold in holds {
            if heap.holder(hold) == Some(Holder::Block(holder)) {
                heap.let_go(hold);
            }
        }
        Ok(())
    }

    /// Makes holds of this process's own beside another's: they go with it, should it die. All or
    /// none.
    pub fn copy_pins(&self, holds: &[Hold]) -> Result<Vec<Hold>> {
        let heap = self.heap()?;
        let mine = Holder::Process(self.slot);
        let copy = |&hold: &Hold| {
            let id = heap
                .held(hold)
                .ok_or(Error::Corrupted("a message has no hold"))?;
            let generation = Block::open(&self.arena, id)?.generation;
            heap.hold(id, generation, mine).map(|(_, hold)| hold)
        };
        let mut own = Vec::with_capacity(holds.len());
        for hold in holds {
            match copy(hold) {
                Ok(hold) => own.push(hold),
                Err(error) => {
                    own.iter().for_each(|&hold| heap.let_go(hold));
                    return Err(error);
                }
            }
        }
        Ok(own)
    }

    /// The processes that hold `id`, directly or by holding a block that does: the block that is
    /// held, and the process.
    pub fn holders_through(&self, id: BlockId) -> Result<Vec<(BlockId, Slot)>> {
        Ok(self.heap()?.holders_through(id))
    }

    /// What the block `holder` holds.
    pub fn pinned_by(&self, holder: BlockId) -> Result<Vec<(Hold, BlockId)>> {
        Ok(self.heap()?.held_by(Holder::Block(holder)))
    }
}
