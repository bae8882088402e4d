//! The table of the tree's threads, and the tokens that name them.
//!
//! A thread is named in lock words by its [`Token`]: 13 bits of index and 18 bits of a generation
//! that grows each time the entry is given out. Entries are given out in turn, so a dead owner's
//! entry keeps telling whose it was for thousands of threads to come. The name and the end of its
//! process are then in a grave ([`crate::tree::graves`]).

use std::mem::offset_of;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU32, AtomicU64};

use super::graves;
use super::processes::{ProcessEntry, Slot, State, TreePlace};
use crate::memory::arena::{Arena, NEXT_THREAD, Offset, THREAD_COUNT, THREAD_SIZE, THREADS};
use crate::sync::Token;
use crate::sys::child::Exit;
use crate::sys::words::{u32_at, u64_at};
use crate::sys::{life, own};
use crate::wait::block_on::Spot;
use crate::wait::notes::{CopiedNote, Note};

/// Bits of a token that are the index of its entry.
const INDEX_BITS: u32 = THREAD_COUNT.trailing_zeros();
const GENERATION_MASK: u32 = Token::MASK >> INDEX_BITS;

/// The thread behind a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    pub pid: u32,
    pub thread: u32,
    pub slot: Slot,
    /// Empty if it is no longer known.
    pub process_name: String,
    /// Whether its process has the slot still, and runs.
    pub lives_on: bool,
    /// How its process ended, if that is known.
    pub exit: Option<Exit>,
}

const UNUSED: u32 = 0;
const IN_USE: u32 = 1;
/// Being filled in.
const CLAIMED: u32 = 2;

/// The entry of a thread as it lies in the arena: where its words are, which are accessed one by one,
/// atomically.
#[repr(C)]
struct ThreadLayout {
    /// Generation × 4 + `UNUSED`, `IN_USE` or `CLAIMED`.
    state: u32,
    pid: u32,
    /// Number of the thread in the kernel.
    tid: u32,
    /// Slot of its process.
    slot: u32,
    /// Generation of the slot: which of the processes that have it one after the other.
    generation: u32,
    _unused: u32,
    /// Its mark ([`life`]), so that a reused number is not taken for it.
    start: u64,
    /// What it blocks for, and since when ([`Note`]).
    note: [u64; 2],
    _spare: [u64; 2],
}

const _: () = {
    assert!(size_of::<ThreadLayout>() as u64 == THREAD_SIZE);
    assert!(offset_of!(ThreadLayout, generation) == 16 && offset_of!(ThreadLayout, start) == 24);
    assert!(size_of::<[u64; 2]>() as u64 == crate::wait::notes::NOTE_SIZE);
};

/// Where a field of an entry is.
macro_rules! field {
    ($name:ident) => {
        offset_of!(ThreadLayout, $name) as Offset
    };
}

/// The entry of a thread.
#[derive(Clone, Copy)]
struct ThreadEntry<'a> {
    arena: &'a Arena,
    at: Offset,
}

impl<'a> ThreadEntry<'a> {
    fn at(arena: &'a Arena, index: u32) -> Self {
        let at = THREADS + (u64::from(index) % THREAD_COUNT) * THREAD_SIZE;
        Self { arena, at }
    }

    fn word(self, field: Offset) -> &'a AtomicU32 {
        self.arena.word32(self.at + field)
    }

    /// The mark of the thread.
    fn start_word(self) -> &'a AtomicU64 {
        self.arena.word64(self.at + field!(start))
    }

    /// Where it notes what it blocks for.
    fn note(self) -> Note<'a> {
        Note::at(self.arena, self.at + field!(note))
    }

    /// Generation × 4 + `UNUSED`, `IN_USE` or `CLAIMED`.
    fn state(self) -> u32 {
        self.word(field!(state)).load(Acquire)
    }

    fn is_running(self) -> bool {
        let (pid, tid) = (
            self.word(field!(pid)).load(Relaxed),
            self.word(field!(tid)).load(Relaxed),
        );
        let start = self.start_word().load(Relaxed);
        life::life_of_thread(pid, tid).goes_on_as(start)
    }
}

/// Entry, index and generation of an entry that was not in use and is claimed now; `None` if every one is.
/// Entries are claimed in turn by one compare-exchange; one that a killed thread left half
/// written is used only when no other is left.
fn claim(arena: &Arena) -> Option<(ThreadEntry<'_>, u32, u32)> {
    let count = THREAD_COUNT as u32;
    let turn = arena.word32(NEXT_THREAD).fetch_add(1, Relaxed);
    let claim = |reusable: &dyn Fn(ThreadEntry, u32) -> bool| {
        (0..count)
            .map(|k| turn.wrapping_add(k) % count)
            .find_map(|index| {
                let entry = ThreadEntry::at(arena, index);
                let state = entry.state();
                // Generation 0 does not occur, so no token is 0.
                let generation = ((state >> 2).wrapping_add(1) & GENERATION_MASK).max(1);
                let claimed = generation << 2 | CLAIMED;
                let won = reusable(entry, state)
                    && entry
                        .word(field!(state))
                        .compare_exchange(state, claimed, Acquire, Relaxed)
                        .is_ok();
                won.then_some((entry, index, generation))
            })
    };
    claim(&|_, state| state & 3 == UNUSED)
        .or_else(|| claim(&|entry, state| state & 3 == IN_USE && !entry.is_running()))
        .or_else(|| claim(&|_, state| state & 3 == CLAIMED))
}

/// A token for the calling thread of the process in `slot`; `None` if every entry is in use.
pub fn register(arena: &Arena, slot: Slot) -> Option<Token> {
    let (entry, index, generation) = claim(arena)?;
    let pid = std::process::id();
    let tid = own::thread_id();
    let start = life::life_of_thread(pid, tid).mark();
    entry.word(field!(pid)).store(pid, Relaxed);
    entry.word(field!(tid)).store(tid, Relaxed);
    entry.word(field!(slot)).store(slot, Relaxed);
    entry
        .word(field!(generation))
        .store(ProcessEntry::at(arena, slot).generation(), Relaxed);
    entry.start_word().store(start, Relaxed);
    entry.note().clear();
    entry
        .word(field!(state))
        .store(generation << 2 | IN_USE, Release);
    Token::from_word(generation << INDEX_BITS | index)
}

/// A token of a thread that has ended, of what had `place`; its process has the number 0. `None` if every entry is in
/// use.
pub fn register_ended(arena: &Arena, place: TreePlace) -> Option<Token> {
    let (entry, index, generation) = claim(arena)?;
    entry.word(field!(pid)).store(0, Relaxed);
    entry.word(field!(tid)).store(0, Relaxed);
    entry.word(field!(slot)).store(place.slot, Relaxed);
    entry
        .word(field!(generation))
        .store(place.generation, Relaxed);
    entry.start_word().store(0, Relaxed);
    entry
        .word(field!(state))
        .store(generation << 2 | UNUSED, Release);
    Token::from_word(generation << INDEX_BITS | index)
}

/// Says that the thread of `token` uses it no more.
pub fn unregister(arena: &Arena, token: Token) {
    let (entry, generation) = entry_of(arena, token);
    if entry.state() == generation << 2 | IN_USE {
        entry
            .word(field!(state))
            .store(generation << 2 | UNUSED, Release);
    }
}

/// What an entry says that was copied from outside.
pub(crate) struct CopiedThread {
    generation: u32,
    /// Whether a thread has it.
    pub is_used: bool,
    pub pid: u32,
    pub tid: u32,
    pub place: TreePlace,
    start: u64,
    /// What it blocks for.
    pub note: Option<CopiedNote>,
}

impl CopiedThread {
    /// `bytes` are those of the entry.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let word = |field| u32_at(bytes, field);
        let state = word(field!(state));
        Self {
            generation: state >> 2,
            is_used: state & 3 == IN_USE,
            pid: word(field!(pid)),
            tid: word(field!(tid)),
            place: TreePlace {
                slot: word(field!(slot)),
                generation: word(field!(generation)),
            },
            start: u64_at(bytes, field!(start)),
            note: CopiedNote::of(bytes, field!(note)),
        }
    }

    /// That of `token` in the bytes of the whole table; `None` if the entry has been given out again.
    pub(crate) fn behind(table: &[u8], token: Token) -> Option<Self> {
        let index = token.get() & (THREAD_COUNT as u32 - 1);
        let entry = table.chunks_exact(THREAD_SIZE as usize);
        let thread = Self::of(entry.clone().nth(index as usize)?);
        (thread.generation == token.get() >> INDEX_BITS).then_some(thread)
    }

    /// Whether it lives.
    pub(crate) fn is_running(&self) -> bool {
        life::life_of_thread(self.pid, self.tid).goes_on_as(self.start)
    }
}

/// Where the thread of `token`, which is the calling one, notes what it blocks for.
pub fn note_of(arena: &Arena, token: Token) -> Note<'_> {
    entry_of(arena, token).0.note()
}

/// The word at `offset`, for the thread of `token` to sleep on.
pub fn spot(arena: &Arena, offset: Offset, token: Token) -> Spot<'_> {
    Spot::new(arena, offset, Some(note_of(arena, token)))
}

/// Whether the thread behind `token` has ended: a system call or two.
pub fn has_died(arena: &Arena, token: Token) -> bool {
    let (entry, generation) = entry_of(arena, token);
    entry.state() != generation << 2 | IN_USE || !entry.is_running()
}

/// The thread behind `token`, which may have ended; `None` if the entry has been given out again.
pub fn owner(arena: &Arena, token: Token) -> Option<Owner> {
    let (entry, generation) = entry_of(arena, token);
    if entry.state() >> 2 != generation {
        return None;
    }
    let slot = entry.word(field!(slot)).load(Relaxed);
    let process = ProcessEntry::at(arena, slot);
    let generation = entry.word(field!(generation)).load(Relaxed);
    let has_slot = process.generation() == generation && process.state() == State::Live;
    // In this order: it may be buried meanwhile.
    let name = has_slot.then(|| process.name());
    let place = TreePlace { slot, generation };
    let grave = graves::find(arena, place);
    let lives_on = grave.is_none() && has_slot && process.is_running();
    let exit = grave.as_ref().and_then(|grave| grave.exit);
    Some(Owner {
        pid: entry.word(field!(pid)).load(Relaxed),
        thread: entry.word(field!(tid)).load(Relaxed),
        slot,
        process_name: grave.map(|grave| grave.name).or(name).unwrap_or_default(),
        lives_on,
        exit,
    })
}

fn entry_of(arena: &Arena, token: Token) -> (ThreadEntry<'_>, u32) {
    let index = token.get() & (THREAD_COUNT as u32 - 1);
    (ThreadEntry::at(arena, index), token.get() >> INDEX_BITS)
}
