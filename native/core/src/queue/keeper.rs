//! Queues with a *keeper*: many processes put, but one alone may take and shut down.
//!
//! Whoever has an ordinary queue may take from it and end it for all others. A queue by which clients
//! that do not trust each other make themselves heard is made without a keeper at first, so that
//! nobody can take; the process that is to take says so before anybody else is given the queue. To
//! all others the queue looks as one does that was shut down and is empty.

use std::sync::atomic::Ordering::{AcqRel, Relaxed};

use super::{KEEPER, Queue};
use crate::Result;
use crate::memory::heap::Block;
use crate::tree::member::Member;
use crate::tree::processes::ProcessEntry;

/// Anybody may take.
const NOT_KEPT: u64 = 0;
/// Somebody will keep it.
const AWAITED: u64 = 1;
/// What the slot of a keeper is told by: none looks like the two above.
const FIRST_SLOT: u64 = 2;

impl<'a> Queue<'a> {
    /// A new queue without a limit, from which nobody can take until somebody [`keep`](Self::keep)s
    /// it.
    pub fn create_kept(member: &'a Member) -> Result<(Self, Block)> {
        let (queue, block) = Self::create(member, 0, false)?;
        queue.mark_word(KEEPER).store(AWAITED, Relaxed);
        Ok((queue, block))
    }

    /// Makes this process the only one that may take from the queue and shut it down; `false` if
    /// another is, or the queue was not made for that. There is no way back.
    pub fn keep(self) -> bool {
        let own = self.own_keeper();
        self.mark_word(KEEPER)
            .compare_exchange(AWAITED, own, AcqRel, Relaxed)
            .is_ok()
            || self.mark_word(KEEPER).load(Relaxed) == own
    }

    /// Whether it has, or will have, a keeper.
    pub fn is_kept(self) -> bool {
        self.mark_word(KEEPER).load(Relaxed) != NOT_KEPT
    }

    /// Whether this process may take from the queue and shut it down.
    #[inline]
    pub(super) fn is_own(self) -> bool {
        // Relaxed: the word says nothing of the rest of the queue, and who was not the keeper when
        // it was given the queue never will be.
        let keeper = self.mark_word(KEEPER).load(Relaxed);
        keeper == NOT_KEPT || keeper == self.own_keeper()
    }

    /// This process, as no other ever is called: slots are used again, but by another generation.
    fn own_keeper(self) -> u64 {
        let slot = self.member.slot();
        let generation = ProcessEntry::at(self.arena(), slot).generation();
        u64::from(generation) << 32 | (FIRST_SLOT + u64::from(slot))
    }
}
