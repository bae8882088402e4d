//! The names of processes that have ended, and how they ended, for processes that find a lock or a
//! task of theirs. Their slots in the table ([`crate::tree::processes`]) are soon given to others.
//!
//! The graves are a ring, filled in turn: a grave stays until [`GRAVE_COUNT`] other processes have
//! ended. They are written under the heap's lock.
//!
//! | word  | meaning                                                             |
//! | ----- | ------------------------------------------------------------------- |
//! | 0     | slot + 1; 0: nobody's, or being written                             |
//! | 4     | generation of the slot                                              |
//! | 8, 12 | how it ended: 0 unknown, 1 code, 2 signal; and which                |
//! | 40 …  | its name, as the table has it                                       |
//!
//! The first entry is none: its word 0 counts the graves.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::memory::arena::{Arena, GRAVE_COUNT, GRAVE_SIZE, GRAVES, Offset};
use crate::sys::child::Exit;
use crate::tree::processes::{NAME_AT, NAME_MAX, Place, ProcessEntry};

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

    fn word(self, offset: Offset) -> &'a AtomicU32 {
        self.arena.word32(self.at + offset)
    }

    fn is_of(self, place: Place) -> bool {
        // Acquire: who sees the slot sees what was written before it.
        self.word(0).load(Acquire) == place.slot + 1
            && self.word(4).load(Relaxed) == place.generation
    }

    fn note(self, exit: Exit) {
        let (kind, number) = match exit {
            Exit::Code(code) => (CODE, code),
            Exit::Signal(signal) => (SIGNAL, signal),
        };
        self.word(12).store(number.cast_unsigned(), Relaxed);
        self.word(8).store(kind, Release);
    }

    fn exit(self) -> Option<Exit> {
        let kind = self.word(8).load(Acquire);
        let number = self.word(12).load(Relaxed).cast_signed();
        match kind {
            CODE => Some(Exit::Code(number)),
            SIGNAL => Some(Exit::Signal(number)),
            _ => None,
        }
    }
}

/// Those that were ever filled: looking at the others would give them memory.
fn all(arena: &Arena) -> impl Iterator<Item = Grave<'_>> {
    let filled = u64::from(Grave::at(arena, 0).word(0).load(Relaxed));
    (1..=filled.min(GRAVE_COUNT - 1)).map(|index| Grave::at(arena, index))
}

/// Remembers the process of `place`, whose entry still tells of it. Call with the heap's lock.
pub fn bury(arena: &Arena, place: Place, exit: Option<Exit>) {
    let turn = u64::from(Grave::at(arena, 0).word(0).fetch_add(1, Relaxed));
    let grave = Grave::at(arena, 1 + turn % (GRAVE_COUNT - 1));
    grave.word(0).store(0, Release);
    grave.word(4).store(place.generation, Relaxed);
    grave.word(8).store(UNKNOWN, Relaxed);
    let mut name = [0; NAME_MAX];
    let entry = ProcessEntry::at(arena, place.slot);
    arena.read(entry.name_place(), &mut name);
    arena.write(grave.at + NAME_AT, &name);
    if let Some(exit) = exit {
        grave.note(exit);
    }
    grave.word(0).store(place.slot + 1, Release);
}

/// Adds how a process ended that somebody has buried who could not know it.
pub fn note_end(arena: &Arena, place: Place, exit: Exit) {
    if let Some(grave) = all(arena).find(|grave| grave.is_of(place)) {
        grave.note(exit);
    }
}

/// What is remembered of the process that had `place`.
pub fn find(arena: &Arena, place: Place) -> Option<Epitaph> {
    let grave = all(arena).find(|grave| grave.is_of(place))?;
    let epitaph = Epitaph {
        name: crate::tree::processes::name_at(arena, grave.at + NAME_AT),
        exit: grave.exit(),
    };
    // Unless it became another's meanwhile.
    grave.is_of(place).then_some(epitaph)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::member::Member;

    #[test]
    fn names_and_ends_outlive_their_places_until_the_ring_is_full() {
        let root = Member::root("root").unwrap();
        let arena = root.arena();
        let places: Vec<Place> = (0..3)
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
