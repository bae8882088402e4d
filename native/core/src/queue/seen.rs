//! A queue as who looks from outside sees it: what its control block tells that was copied.

use super::roster;
use super::{
    CONSUMERS_LOCK, CONTROL_SIZE, COUNT_HALF, DONE, HEAD, LEDGER, MAXSIZE, Mark, PHASE,
    PRODUCERS_LOCK, ROSTER, TAIL,
};
use crate::memory::arena::Offset;
use crate::memory::heap::BlockId;
use crate::sys::words::{u32_at, u64_at};

/// Bytes of a control block.
pub(crate) const SIZE: u64 = CONTROL_SIZE;

/// What is waited for at a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    Message,
    Room,
    Done,
    /// One of its two locks.
    Lock,
}

/// What a sleeper on the word at `offset` of the control block waits for.
pub(crate) fn point_at(offset: Offset) -> Option<Point> {
    const FILLED: Offset = TAIL + COUNT_HALF;
    const DRAINED: Offset = HEAD + COUNT_HALF;
    match offset {
        FILLED => Some(Point::Message),
        DRAINED => Some(Point::Room),
        DONE => Some(Point::Done),
        PRODUCERS_LOCK | CONSUMERS_LOCK => Some(Point::Lock),
        _ => None,
    }
}

/// What a queue tells of itself.
pub(crate) struct CopiedQueue {
    pub length: u32,
    pub capacity: u32,
    pub bytes: u64,
    pub put: u32,
    pub taken: u32,
    pub unfinished: Option<u32>,
    pub is_shut_down: bool,
    /// The block of its roster; `None` if it was never sent.
    pub roster: Option<BlockId>,
}

impl CopiedQueue {
    /// `bytes` are those of the control block.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let word = |at| u32_at(bytes, at);
        let [head, tail] = [HEAD, TAIL].map(|at| Mark::unpack(u64_at(bytes, at)));
        let length = tail.ahead_of(head);
        let units = tail.position.wrapping_sub(head.position);
        let is_joinable = word(LEDGER) != 0;
        Self {
            length,
            capacity: word(MAXSIZE),
            // The two were not copied at one moment.
            bytes: if length == 0 || units > i32::MAX as u32 {
                0
            } else {
                u64::from(units) * super::segment::UNIT
            },
            put: tail.count,
            taken: head.count,
            unfinished: is_joinable.then(|| tail.count.wrapping_sub(word(DONE))),
            is_shut_down: word(PHASE) != 0,
            roster: Some(word(ROSTER)).filter(|&id| id != 0),
        }
    }
}

/// The bytes of a roster.
pub(crate) const ROSTER_SIZE: u64 = roster::ROSTER_SIZE;

/// Whether a roster that was copied tells that the process of that slot and generation has the queue.
pub(crate) fn has_queue(roster: &[u8], slot: u32, generation: u32) -> bool {
    let word = u32_at(roster, 4 * u64::from(slot));
    roster::tells_having(word, generation)
}
