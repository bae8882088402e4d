//! The blocks that a caged process was given. Objects are capabilities there: a block's number is
//! no right to use it. The process may adopt the blocks that its preparation holds, those that
//! messages hold which it has taken, and those that pipes hold which it has. It may use the blocks
//! that it holds.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Member;
use super::holdings::Held;
use crate::error::{Error, Result};
use crate::memory::heap::{Block, BlockId, Hold, Holder, Kind};

/// A block that a message has brought, or the preparation: until the message's holds are let go, a
/// caged process may adopt it.
pub(super) struct Gift {
    id: BlockId,
    /// The message's hold on it.
    hold: Hold,
    /// The preparation that brought it; 0 for a message.
    preparation: BlockId,
}

impl Member {
    /// Whether this process may use no blocks but those that it made or was given.
    #[inline]
    pub fn is_caged(&self) -> bool {
        self.gifts.is_some()
    }

    /// Makes a hold that the parent has given this process's slot a handle. Both numbers have come
    /// through a socket that a hostile parent can write to, so they are looked up.
    pub fn take_over(&self, id: BlockId, hold: Hold) -> Result<Block> {
        let block = self.part(id, Kind::Preparation)?;
        let heap = self.heap()?;
        let mine = Some(Holder::Process(self.slot));
        if heap.holder(hold) != mine || heap.held(hold) != Some(id) {
            return Err(not_given(id));
        }
        drop(heap);
        self.held().insert(id, Held::once(hold));
        if let Some(gifts) = &self.gifts {
            let brought = self.heap()?.held_by(Holder::Block(id));
            let brought = brought.into_iter().map(|(hold, block)| Gift {
                id: block,
                hold,
                preparation: id,
            });
            lock(gifts).extend(brought);
        }
        Ok(block)
    }

    /// Lets a caged process adopt what a message has brought, until [`withdraw`](Self::withdraw).
    pub fn bring(&self, holds: &[Hold]) -> Result<()> {
        let Some(gifts) = &self.gifts else {
            return Ok(());
        };
        let heap = self.heap()?;
        let brought = holds.iter().map(|&hold| Gift {
            id: heap.held(hold).unwrap_or(0),
            hold,
            preparation: 0,
        });
        lock(gifts).extend(brought);
        Ok(())
    }

    /// Ends what [`bring`](Self::bring) began; `false` if these were not brought to this process.
    pub fn withdraw(&self, holds: &[Hold]) -> bool {
        let Some(gifts) = &self.gifts else {
            return true;
        };
        let mut gifts = lock(gifts);
        let before = gifts.len();
        gifts.retain(|gift| gift.preparation != 0 || !holds.contains(&gift.hold));
        before - gifts.len() == holds.len()
    }

    /// Fails in a cage unless the process holds the block.
    pub fn require_held(&self, id: BlockId) -> Result<()> {
        if self.gifts.is_none() || self.held().contains_key(&id) {
            return Ok(());
        }
        Err(not_given(id))
    }

    /// Fails in a cage unless something holds the block that this process may look into: a message
    /// taken from a queue, the preparation, or a pipe that it has. `held` is what it holds.
    pub(super) fn require_brought(&self, held: &HashMap<BlockId, Held>, id: BlockId) -> Result<()> {
        let Some(gifts) = &self.gifts else {
            return Ok(());
        };
        if lock(gifts).iter().any(|gift| gift.id == id) {
            return Ok(());
        }
        let heap = self.heap()?;
        let is_pipe = |id| Block::open(&self.arena, id).is_ok_and(|it| it.kind == Kind::Pipe);
        let brings = |pipe| {
            let brought = heap.held_by(Holder::Block(pipe));
            brought.iter().any(|(_, block)| *block == id)
        };
        let mut pipes = held.keys().copied().filter(|&id| is_pipe(id));
        if pipes.any(brings) {
            return Ok(());
        }
        Err(not_given(id))
    }

    /// What the preparation has brought is no longer there to be adopted: it was let go.
    pub(super) fn forget_gifts_of(&self, preparation: BlockId) {
        if let Some(gifts) = &self.gifts {
            lock(gifts).retain(|gift| gift.preparation != preparation);
        }
    }
}

fn lock(gifts: &Mutex<Vec<Gift>>) -> MutexGuard<'_, Vec<Gift>> {
    // The list is whole even after a panic elsewhere: nothing panics while it is locked.
    gifts.lock().unwrap_or_else(PoisonError::into_inner)
}

fn not_given(id: BlockId) -> Error {
    Error::NoSuchObject {
        what: "shared object that this process was not given",
        id,
    }
}
