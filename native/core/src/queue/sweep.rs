//! Repairs what is left when a process is killed while it has one of a queue's locks: holds of the
//! queue that no message in it names, and with them blocks that nobody would ever return.
//!
//! Elsewhere nothing is left: the blocks of a message that is about to be put, or was taken, are
//! held by the process itself, and so only until it ends.

use std::collections::HashSet;
use std::sync::atomic::Ordering::Relaxed;

use super::take::{Header, LONGEST_CHAIN};
use super::{
    CONSUMERS_LOCK, HEAD, HEAD_SEGMENT, PRODUCERS_LOCK, Queue, SPARE_SEGMENT, TAIL, TAIL_SEGMENT,
};
use crate::memory::heap::{Block, Hold, Kind};
use crate::{Error, Result};

impl Queue<'_> {
    /// Cleans up after one who died with the lock of `side`, which the caller has now and has again
    /// afterwards. Of the two locks the producers' always comes first.
    pub(super) fn clean_up(self, side: u64) -> Result<()> {
        if side == CONSUMERS_LOCK {
            self.unlock(CONSUMERS_LOCK);
            self.acquire(PRODUCERS_LOCK)?;
        }
        self.acquire(CONSUMERS_LOCK)?;
        // A damaged queue is reported where it is used.
        let _ = self.sweep();
        match side {
            CONSUMERS_LOCK => self.unlock(PRODUCERS_LOCK),
            _ => self.unlock(CONSUMERS_LOCK),
        }
        Ok(())
    }

    /// Lets go of what the queue holds for nothing. Call with both locks.
    fn sweep(self) -> Result<()> {
        let wanted = self.wanted()?;
        let is_stale = |&(hold, id): &(Hold, _)| {
            let kind = Block::open(self.arena(), id).map(|block| block.kind);
            let is_beside = |kind| matches!(kind, Kind::Ledger | Kind::Roster | Kind::Name);
            !wanted.contains(&hold.0) && kind.is_ok_and(|kind| !is_beside(kind))
        };
        let held = self.member.pinned_by(self.id)?;
        let stale: Vec<_> = held.into_iter().filter(is_stale).map(|it| it.0).collect();
        self.member.unpin(&stale)
    }

    /// The holds that the queue is made of and that its messages speak of.
    fn wanted(self) -> Result<HashSet<u32>> {
        let mut wanted = HashSet::new();
        for ends in [HEAD_SEGMENT, TAIL_SEGMENT, SPARE_SEGMENT] {
            let mut next = Some(self.word(ends).load(Relaxed)).filter(|&id| id != 0);
            for _ in 0..LONGEST_CHAIN {
                let Some(id) = next else { break };
                let segment = self.segment(id)?;
                wanted.insert(segment.hold().0);
                next = segment.next();
            }
        }
        let (head, tail) = (self.mark(HEAD), self.mark(TAIL));
        let mut position = head.position;
        let (mut segment, ..) = self.first_segment(position)?;
        for _ in 0..tail.ahead_of(head) {
            if segment.next_at(position).is_some() {
                (segment, position, _) = self.segment_behind(segment, position)?;
            }
            let filled = tail.position.wrapping_sub(position);
            let (header, at) = Header::read(segment, position, filled)?;
            wanted.extend(header.holds(segment, at).0.iter().map(|hold| hold.0));
            position = position.wrapping_add(
                u32::try_from(header.units())
                    .map_err(|_| Error::Corrupted("a message is too long"))?,
            );
        }
        Ok(wanted)
    }
}
