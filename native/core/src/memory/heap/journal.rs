//! Changes of the heap's words that happen completely or not at all, whoever is killed when.
//!
//! A redo log in shared memory. [`Transaction`] collects writes privately; `commit` first copies
//! them into the log, then publishes their number, then performs them, then sets the number back
//! to 0. The heap's lock serialises all of it. A process killed
//!
//! - before the number is published has changed nothing;
//! - after, has left a log that the next owner of the lock performs again ([`recover`]): each
//!   write is an absolute value, so performing it twice does no harm.
//!
//! ```text
//! word 0            number of writes in the log, 0 = none pending
//! word 1 + 2k       offset of write k
//! word 2 + 2k       value of write k
//! ```

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::memory::arena::{Arena, CELLS, HEAP, HEAP_SIZE, Offset, PAGE_TABLE};

/// The most words one transaction changes.
const CAPACITY: usize = 48;

/// Where the log is; the words before it are the heap's own (heap/mod.rs).
pub const LOG: Offset = HEAP + HEAP_SIZE - LOG_SIZE;
const LOG_SIZE: u64 = 1024;
const _: () = assert!(8 * (1 + 2 * CAPACITY as u64) <= LOG_SIZE);

/// Writes to 64-bit words that take effect together.
pub struct Transaction<'a> {
    arena: &'a Arena,
    writes: [(Offset, u64); CAPACITY],
    count: usize,
}

impl<'a> Transaction<'a> {
    pub fn new(arena: &'a Arena) -> Self {
        Self {
            arena,
            writes: [(0, 0); CAPACITY],
            count: 0,
        }
    }

    /// The word at `offset` as this transaction leaves it.
    pub fn get(&self, offset: Offset) -> u64 {
        let pending = self.writes[..self.count].iter();
        pending
            .rev()
            .find(|(at, _)| *at == offset)
            // Relaxed: the heap's lock orders all accesses to these words.
            .map_or_else(
                || self.arena.word64(offset).load(Relaxed),
                |(_, value)| *value,
            )
    }

    pub fn set(&mut self, offset: Offset, value: u64) {
        let pending = self.writes[..self.count].iter_mut();
        if let Some(write) = pending.into_iter().find(|(at, _)| *at == offset) {
            write.1 = value;
            return;
        }
        assert!(self.count < CAPACITY, "a transaction outgrew its journal");
        self.writes[self.count] = (offset, value);
        self.count += 1;
    }

    pub fn commit(self) {
        let log = |index: usize| self.arena.word64(LOG + 8 * index as u64);
        for (k, (offset, value)) in self.writes[..self.count].iter().enumerate() {
            log(1 + 2 * k).store(*offset, Relaxed);
            log(2 + 2 * k).store(*value, Relaxed);
        }
        failpoint("heap-before-publish");
        // Release: who sees the number sees the writes it counts.
        log(0).store(self.count as u64, Release);
        failpoint("heap-published");
        for (k, (offset, value)) in self.writes[..self.count].iter().enumerate() {
            self.arena.word64(*offset).store(*value, Relaxed);
            if k == 0 {
                failpoint("heap-half-performed");
            }
        }
        // Release: the writes stay before the log's end.
        log(0).store(0, Release);
    }
}

/// Performs what a killed owner of the heap's lock had published but maybe not finished.
pub fn recover(arena: &Arena) -> Result<()> {
    let log = |index: u64| arena.word64(LOG + 8 * index);
    let count = log(0).load(Acquire);
    if count > CAPACITY as u64 {
        log(0).store(0, Release);
        return Err(Error::Corrupted("the journal is longer than it can be"));
    }
    for k in 0..count {
        let offset = log(1 + 2 * k).load(Relaxed);
        // Only words of its tables can be the heap's; a wild offset would write anywhere.
        let tables = [
            HEAP..LOG,
            HEAP + HEAP_SIZE..CELLS,
            PAGE_TABLE..arena.pages(),
        ];
        let own = tables.iter().any(|table| table.contains(&offset));
        if own && offset.is_multiple_of(8) {
            arena
                .word64(offset)
                .store(log(2 + 2 * k).load(Relaxed), Relaxed);
        }
    }
    log(0).store(0, Release);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::arena::DESCRIPTORS;

    #[test]
    fn a_transaction_reads_its_own_writes() {
        let arena = Arena::create_sized(1 << 30).unwrap();
        let mut transaction = Transaction::new(&arena);
        transaction.set(DESCRIPTORS, 1);
        transaction.set(DESCRIPTORS, 2);
        assert_eq!(transaction.get(DESCRIPTORS), 2);
        assert_eq!(arena.word64(DESCRIPTORS).load(Relaxed), 0);
        transaction.commit();
        assert_eq!(arena.word64(DESCRIPTORS).load(Relaxed), 2);
    }

    #[test]
    fn a_published_log_is_performed_and_an_unpublished_one_is_not() {
        let arena = Arena::create_sized(1 << 30).unwrap();
        arena.word64(LOG + 8).store(DESCRIPTORS, Relaxed);
        arena.word64(LOG + 16).store(9, Relaxed);
        recover(&arena).unwrap();
        assert_eq!(arena.word64(DESCRIPTORS).load(Relaxed), 0);
        arena.word64(LOG).store(1, Relaxed);
        recover(&arena).unwrap();
        assert_eq!(arena.word64(DESCRIPTORS).load(Relaxed), 9);
        assert_eq!(arena.word64(LOG).load(Relaxed), 0);
    }

    #[test]
    fn a_corrupted_log_writes_nowhere() {
        let arena = Arena::create_sized(1 << 30).unwrap();
        let bytes = arena.pages();
        for offset in [0, 3, CELLS, bytes, u64::MAX - 7, LOG] {
            arena.word64(LOG).store(1, Relaxed);
            arena.word64(LOG + 8).store(offset, Relaxed);
            arena.word64(LOG + 16).store(u64::MAX, Relaxed);
            recover(&arena).unwrap();
            assert_ne!(arena.word64(CELLS).load(Relaxed), u64::MAX);
            assert_ne!(arena.word64(bytes).load(Relaxed), u64::MAX);
        }
        arena.word64(LOG).store(u64::MAX, Relaxed);
        assert!(recover(&arena).is_err());
    }
}
