//! The names of processes that have ended, and how they ended, for processes that find a lock or a
//! task of theirs. Their slots in the table ([`crate::tree::processes`]) are soon given to others.
//!
//! The graves are a ring, filled in turn: a grave stays until [`GRAVE_COUNT`] other processes have
//! ended. They are written under the heap's lock.
//!
//! The first entry is none: it counts the graves.

use std::mem::offset_of;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::memory::arena::{Arena, GRAVE_COUNT, GRAVE_SIZE, GRAVES, Offset};
use crate::sys::child::Exit;
use crate::sys::words::u32_at;
use crate::tree::processes::{NAME_MAX, ProcessEntry, TreePlace, name_in};

/// A grave as it lies in the arena: where its words are, which are accessed one by one, atomically.
#[repr(C)]
struct GraveLayout {
    /// Slot + 1; 0: nobody's, or being written. The first grave's counts all that were ever dug.
    slot: u32,
    /// Which of the processes that have the slot one after the other.
    generation: u32,
    /// How the process ended: [`UNKNOWN`], [`CODE`] or [`SIGNAL`]; and which.
    kind: u32,
    number: u32,
    _unused: [u64; 3],
    /// As the table of processes has it.
    name: [u8; NAME_MAX],
}

const _: () = {
    assert!(size_of::<GraveLayout>() as u64 == GRAVE_SIZE);
    assert!(offset_of!(GraveLayout, number) == 12 && offset_of!(GraveLayout, name) == 40);
};

/// Where a field of a grave is.
macro_rules! field {
    ($name:ident) => {
        offset_of!(GraveLayout, $name) as Offset
    };
}

const UNKNOWN: u32 = 0;
const CODE: u32 = 1;
const SIGNAL: u32 = 2;

/// The contents of a grave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epitaph {
    pub name: String,
    /// `None` if nobody who could know it has said so.
    pub exit: Option<Exit>,
}

#[derive(Clone, Copy)]
struct Grave<'a> {
    arena: &'a Arena,
    at: Offset,
}

impl<'a> Grave<'a> {
    fn at(arena: &'a Arena, index: u64) -> Self {
        let at = GRAVES + (index % GRAVE_COUNT) * GRAVE_SIZE;
        Self { arena, at }
    }

    fn word(self, field: Offset) -> &'a AtomicU32 {
        self.arena.word32(self.at + field)
    }

    fn is_of(self, place: TreePlace) -> bool {
        // Acquire: who sees the slot sees what was written before it.
        self.word(field!(slot)).load(Acquire) == place.slot + 1
            && self.word(field!(generation)).load(Relaxed) == place.generation
    }

    fn note(self, exit: Exit) {
        let (kind, number) = match exit {
            Exit::Code(code) => (CODE, code),
            Exit::Signal(signal) => (SIGNAL, signal),
        };
        self.word(field!(number))
            .store(number.cast_unsigned(), Relaxed);
        self.word(field!(kind)).store(kind, Release);
    }

    fn exit(self) -> Option<Exit> {
        let kind = self.word(field!(kind)).load(Acquire);
        let number = self.word(field!(number)).load(Relaxed).cast_signed();
        match kind {
            CODE => Some(Exit::Code(number)),
            SIGNAL => Some(Exit::Signal(number)),
            _ => None,
        }
    }
}

/// Those that were ever filled: looking at the others would give them memory.
fn all(arena: &Arena) -> impl Iterator<Item = Grave<'_>> {
    let filled = u64::from(Grave::at(arena, 0).word(field!(slot)).load(Relaxed));
    (1..=filled.min(GRAVE_COUNT - 1)).map(|index| Grave::at(arena, index))
}

/// Remembers the process of `place`, whose entry still tells of it. Call with the heap's lock.
pub fn bury(arena: &Arena, place: TreePlace, exit: Option<Exit>) {
    let turn = u64::from(Grave::at(arena, 0).word(field!(slot)).fetch_add(1, Relaxed));
    let grave = Grave::at(arena, 1 + turn % (GRAVE_COUNT - 1));
    grave.word(field!(slot)).store(0, Release);
    grave
        .word(field!(generation))
        .store(place.generation, Relaxed);
    grave.word(field!(kind)).store(UNKNOWN, Relaxed);
    let mut name = [0; NAME_MAX];
    let entry = ProcessEntry::at(arena, place.slot);
    arena.read(entry.name_place(), &mut name);
    arena.write(grave.at + field!(name), &name);
    if let Some(exit) = exit {
        grave.note(exit);
    }
    grave.word(field!(slot)).store(place.slot + 1, Release);
}

/// Adds how a process ended that somebody has buried who could not know it.
pub fn note_end(arena: &Arena, place: TreePlace, exit: Exit) {
    if let Some(grave) = all(arena).find(|grave| grave.is_of(place)) {
        grave.note(exit);
    }
}

/// What is remembered of the process that had `place`.
pub fn find(arena: &Arena, place: TreePlace) -> Option<Epitaph> {
    let grave = all(arena).find(|grave| grave.is_of(place))?;
    let epitaph = Epitaph {
        name: crate::tree::processes::name_at(arena, grave.at + field!(name)),
        exit: grave.exit(),
    };
    // Unless it became another's meanwhile.
    grave.is_of(place).then_some(epitaph)
}

/// How many bytes of graves there are from the beginning on, of which the first [`GRAVE_SIZE`] are `first`.
pub(crate) fn filled_bytes(first: &[u8]) -> u64 {
    let filled = u64::from(u32_at(first, field!(slot)));
    (1 + filled.min(GRAVE_COUNT - 1)) * GRAVE_SIZE
}

/// The name of the process that had `place`, in graves that were copied from outside.
pub(crate) fn name_in_copy(graves: &[u8], place: TreePlace) -> Option<String> {
    let slot = place.slot.checked_add(1)?;
    let mut graves = graves.chunks_exact(GRAVE_SIZE as usize).skip(1);
    let grave = graves.find(|grave| {
        u32_at(grave, field!(slot)) == slot && u32_at(grave, field!(generation)) == place.generation
    })?;
    let name = field!(name) as usize;
    Some(name_in(&grave[name..name + NAME_MAX]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::member::Member;

    #[test]
    fn names_and_ends_outlive_their_places_until_the_ring_is_full() {
        let root = Member::root("root").unwrap();
        let arena = root.arena();
        let places: Vec<TreePlace> = (0..3)
            .map(|k| {
                let place = root.reserve(&format!("child {k}")).unwrap();
                ProcessEntry::at(arena, place.slot).enter(place.generation);
                let exit = [Some(Exit::Code(7)), Some(Exit::Signal(9)), None][k];
                root.retire_as(place, exit).unwrap();
                place
            })
            .collect();
        let told = |place| find(arena, place).map(|it| (it.name, it.exit));
        assert_eq!(
            told(places[0]),
            Some(("child 0".into(), Some(Exit::Code(7))))
        );
        assert_eq!(
            told(places[1]),
            Some(("child 1".into(), Some(Exit::Signal(9))))
        );
        assert_eq!(told(places[2]), Some(("child 2".into(), None)));
        // Its parent comes late.
        root.retire_as(places[2], Some(Exit::Code(0))).unwrap();
        assert_eq!(
            told(places[2]),
            Some(("child 2".into(), Some(Exit::Code(0))))
        );
        for _ in 0..GRAVE_COUNT {
            let place = root.reserve("other").unwrap();
            ProcessEntry::at(arena, place.slot).enter(place.generation);
            root.retire(place).unwrap();
        }
        assert_eq!(told(places[0]), None);
    }
}
