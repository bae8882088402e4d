//! The table of the tree's processes.
//!
//! Process entries change state under the heap's lock, but for RESERVED → LIVE, which is the
//! child's own, and the next generation of RESERVED, by which a child whose parent has ended is kept
//! out; everybody may read them at any time.

use std::mem::offset_of;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU32, AtomicU64};

use crate::memory::arena::{Arena, BlockId, Offset, PROCESS_COUNT, PROCESS_SIZE, PROCESSES};
use crate::sys::words::{u32_at, u64_at};
use crate::sys::{life, text};

/// Index of a process in the table.
pub type Slot = u32;

/// No process: the parent of the root.
pub const NO_SLOT: Slot = u32::MAX;

/// The most bytes of a name.
pub(crate) const NAME_MAX: usize = 84;

/// The entry of a process as it lies in the arena. It says where the words are; they are accessed one by
/// one, atomically, since other processes write them.
#[repr(C)]
struct ProcessLayout {
    /// Generation × 4 + {FREE, RESERVED, LIVE, ENTERING}.
    state: u32,
    /// 0 while RESERVED, until the parent that has claimed it has started the child.
    pid: u32,
    /// Slot of the process that started it.
    parent: u32,
    /// Block of the full queue that it waits to put into, or 0.
    putting: u32,
    /// Its mark ([`life`]), so that a reused pid is not taken for it.
    start: u64,
    /// First of the holds it owns (memory/heap/holds.rs).
    holds: u64,
    /// Whether it is in a cage: see [`Cage`]; never changed once it is LIVE.
    cage: u32,
    /// Generation of the last process here that has begun its work.
    begun: u32,
    /// UTF-8, for error messages; zeroes behind it.
    name: [u8; NAME_MAX],
    /// Generation of the last process here that its parent has asked to end.
    asked: u32,
}

const _: () = {
    assert!(size_of::<ProcessLayout>() as u64 == PROCESS_SIZE);
    assert!(offset_of!(ProcessLayout, start) == 16 && offset_of!(ProcessLayout, holds) == 24);
    assert!(offset_of!(ProcessLayout, cage) == 32 && offset_of!(ProcessLayout, name) == 40);
};

/// Where a field of an entry is.
macro_rules! field {
    ($name:ident) => {
        offset_of!(ProcessLayout, $name) as Offset
    };
}

const FREE: u32 = 0;
const RESERVED: u32 = 1;
const LIVE: u32 = 2;
const ENTERING: u32 = 3;
const GENERATION_MAX: u32 = u32::MAX >> 2;

/// The state of an entry; a process that is ENTERING is still RESERVED for all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Free,
    Reserved,
    Live,
}

/// One process's membership: its slot, and which of those who have the slot one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreePlace {
    pub slot: Slot,
    pub generation: u32,
}

/// What an entry says of the cage of its process. The parent's core writes it, before anybody can
/// enter; a cage's process reaches it neither for itself nor for its children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cage {
    Free,
    /// In a cage, and what it may do is not known.
    Closed,
    /// In a cage. The block has its command line, which says what it may do.
    Told(BlockId),
}

const CAGE_FREE: u32 = 0;
const CAGE_CLOSED: u32 = u32::MAX;

/// The entry of a process.
#[derive(Clone, Copy)]
pub struct ProcessEntry<'a> {
    arena: &'a Arena,
    at: Offset,
}

impl<'a> ProcessEntry<'a> {
    /// The entry of `slot`, which is reduced to the table if it comes from a corrupted word.
    pub fn at(arena: &'a Arena, slot: Slot) -> Self {
        let at = PROCESSES + (u64::from(slot) % PROCESS_COUNT) * PROCESS_SIZE;
        Self { arena, at }
    }

    fn word(self, field: Offset) -> &'a AtomicU32 {
        self.arena.word32(self.at + field)
    }

    /// The mark of the process.
    fn start_word(self) -> &'a AtomicU64 {
        self.arena.word64(self.at + field!(start))
    }

    pub fn state(self) -> State {
        // Acquire: who sees LIVE sees the fields written before it.
        match self.word(field!(state)).load(Acquire) & 3 {
            FREE => State::Free,
            LIVE => State::Live,
            _ => State::Reserved,
        }
    }

    pub fn generation(self) -> u32 {
        self.word(field!(state)).load(Relaxed) >> 2
    }

    fn set_state(self, state: State, generation: u32) {
        let low = match state {
            State::Free => FREE,
            State::Reserved => RESERVED,
            State::Live => LIVE,
        };
        self.word(field!(state))
            .store(generation << 2 | low, Release);
    }

    pub fn pid(self) -> u32 {
        self.word(field!(pid)).load(Relaxed)
    }

    pub fn parent(self) -> Slot {
        self.word(field!(parent)).load(Relaxed)
    }

    /// The queue that the process waits to put into because it is full; 0 if none.
    pub fn putting(self) -> u32 {
        self.word(field!(putting)).load(Relaxed)
    }

    pub fn set_putting(self, queue: u32) {
        self.word(field!(putting)).store(queue, Relaxed);
    }

    pub fn start(self) -> u64 {
        self.start_word().load(Relaxed)
    }

    /// Where the list of the holds of this process begins.
    pub fn holds_word(self) -> Offset {
        self.at + field!(holds)
    }

    pub fn cage(self) -> Cage {
        match self.word(field!(cage)).load(Relaxed) {
            CAGE_FREE => Cage::Free,
            CAGE_CLOSED => Cage::Closed,
            block => Cage::Told(block),
        }
    }

    /// For the process that has reserved the entry.
    pub fn set_cage(self, cage: Cage) {
        let word = match cage {
            Cage::Free => CAGE_FREE,
            Cage::Closed => CAGE_CLOSED,
            Cage::Told(block) => block,
        };
        self.word(field!(cage)).store(word, Relaxed);
    }

    /// The process of this slot begins its work. Nobody sets that back: it is of one generation.
    pub fn set_begun(self) {
        self.word(field!(begun)).store(self.generation(), Release);
    }

    /// Whether the process of that generation has begun its work; `None` if another has had the
    /// slot since.
    pub fn has_begun(self, generation: u32) -> Option<bool> {
        // Acquire: who sees the mark of a later process sees its generation, too.
        if self.word(field!(begun)).load(Acquire) == generation {
            return Some(true);
        }
        (self.generation() == generation).then_some(false)
    }

    /// The parent asks the process of that generation to end: by SIGTERM, which follows. Nobody sets
    /// that back.
    pub fn ask_to_end(self, generation: u32) {
        self.word(field!(asked)).store(generation, Relaxed); // the system call behind it is a barrier
    }

    /// The word that has its generation once this process was asked to end, for a handler of signals.
    pub fn asked(self) -> (&'a AtomicU32, u32) {
        (self.word(field!(asked)), self.generation())
    }

    /// The name, for messages: a hostile process chooses its own.
    pub fn name(self) -> String {
        name_at(self.arena, self.name_place())
    }

    pub(crate) fn name_place(self) -> Offset {
        self.at + field!(name)
    }

    pub fn set_name(self, name: &str) {
        let mut bytes = [0; NAME_MAX];
        let len = name.len().min(NAME_MAX);
        bytes[..len].copy_from_slice(&name.as_bytes()[..len]);
        self.arena.write(self.name_place(), &bytes);
    }

    /// FREE → RESERVED for a child of `parent`; the generation of the membership that begins. Call
    /// with the heap's lock.
    pub fn reserve(self, parent: Slot, name: &str, cage: Cage) -> u32 {
        self.set_cage(cage);
        self.word(field!(pid)).store(0, Relaxed);
        self.start_word().store(0, Relaxed);
        self.word(field!(parent)).store(parent, Relaxed);
        self.word(field!(putting)).store(0, Relaxed);
        self.set_name(name);
        let generation = self.generation().wrapping_add(1) & GENERATION_MAX;
        self.set_state(State::Reserved, generation);
        generation
    }

    /// RESERVED → ENTERING → LIVE, by the process itself; `false` if the reservation is no longer
    /// its own, because its parent ended meanwhile and somebody cleared up.
    pub fn enter(self, generation: u32) -> bool {
        let (reserved, entering) = (generation << 2 | RESERVED, generation << 2 | ENTERING);
        let claimed = self
            .word(field!(state))
            .compare_exchange(reserved, entering, Acquire, Relaxed);
        if claimed.is_err() {
            return false;
        }
        let pid = std::process::id();
        let start = life::life_of_process(pid).mark();
        self.word(field!(pid)).store(pid, Relaxed);
        self.start_word().store(start, Relaxed);
        // If somebody has cleared up meanwhile, the place may be another's by now. Release: who sees
        // LIVE sees the fields.
        let live = generation << 2 | LIVE;
        let entered = self
            .word(field!(state))
            .compare_exchange(entering, live, Release, Relaxed);
        entered.is_ok()
    }

    /// RESERVED or ENTERING → RESERVED of the next generation: the child that was to have the place
    /// cannot enter any more. The generation that may be retired now; `None` if the child was
    /// quicker, or another has the place.
    pub fn revoke(self, generation: u32) -> Option<u32> {
        let next = generation.wrapping_add(1) & GENERATION_MAX;
        let revoke = |low: u32| {
            let (found, revoked) = (generation << 2 | low, next << 2 | RESERVED);
            let changed = self
                .word(field!(state))
                .compare_exchange(found, revoked, AcqRel, Relaxed);
            changed.is_ok()
        };
        // In the order in which the child changes it.
        (revoke(RESERVED) || revoke(ENTERING)).then_some(next)
    }

    /// Says which process the child is that the place was reserved for: it was started, and can be
    /// looked for. For the process that has reserved it.
    pub fn note_started(self, generation: u32, pid: u32) {
        if self.generation() == generation {
            self.word(field!(pid)).store(pid, Relaxed);
        }
    }

    /// RESERVED or LIVE → FREE. The holds must be gone.
    pub fn leave(self) {
        self.set_state(State::Free, self.generation());
    }

    /// Whether a LIVE entry's process still runs.
    pub fn is_running(self) -> bool {
        life::life_of_process(self.pid()).goes_on_as(self.start())
    }

    /// Whether the process of that generation runs, or is about to: a child that boots lives, unless
    /// nobody is left to start it.
    pub fn is_alive(self, generation: u32) -> bool {
        if self.generation() != generation {
            return false;
        }
        match self.state() {
            State::Free => false,
            State::Live => self.is_running(),
            State::Reserved => {
                let parent = Self::at(self.arena, self.parent());
                let is_there = self.pid() == 0 || self.is_running();
                is_there && parent.state() == State::Live && parent.is_running()
            }
        }
    }
}

/// The name in the [`NAME_MAX`] bytes from there on.
pub(crate) fn name_at(arena: &Arena, at: Offset) -> String {
    let mut bytes = [0; NAME_MAX];
    arena.read(at, &mut bytes);
    name_in(&bytes)
}

/// The name in those bytes, up to a zero.
pub(crate) fn name_in(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0);
    let end = end.unwrap_or(bytes.len());
    let name = String::from_utf8_lossy(&bytes[..end]);
    text::harmless(name.trim_end_matches('\u{fffd}'))
}

/// What an entry says that was copied from outside.
pub(crate) struct CopiedProcess {
    pub state: State,
    pub generation: u32,
    pub pid: u32,
    pub parent: Slot,
    pub start: u64,
    pub is_caged: bool,
    pub has_begun: bool,
    pub name: String,
}

impl CopiedProcess {
    /// `bytes` are those of the entry.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let word = |field| u32_at(bytes, field);
        let state = word(field!(state));
        let name = bytes.get(field!(name) as usize..field!(asked) as usize);
        Self {
            state: match state & 3 {
                FREE => State::Free,
                LIVE => State::Live,
                _ => State::Reserved,
            },
            generation: state >> 2,
            pid: word(field!(pid)),
            parent: word(field!(parent)),
            start: u64_at(bytes, field!(start)),
            is_caged: word(field!(cage)) != CAGE_FREE,
            has_begun: word(field!(begun)) == state >> 2,
            name: name_in(name.unwrap_or_default()),
        }
    }

    /// Whether its process runs.
    pub(crate) fn is_running(&self) -> bool {
        life::life_of_process(self.pid).goes_on_as(self.start)
    }
}

/// All slots.
pub fn slots() -> impl Iterator<Item = Slot> {
    0..PROCESS_COUNT as Slot
}
