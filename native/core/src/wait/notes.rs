//! What threads and promises sleep for, and since when, for who looks from outside ([`crate::live`]).
//!
//! Nobody of the tree reads it. It is written by whoever is about to sleep, and taken back by the same
//! when the wait is over: what does not sleep costs nothing. Who is killed in its sleep leaves its note
//! behind, which the next to have the place of a note clears.
//!
//! | word of a note | meaning                                                   |
//! | -------------- | --------------------------------------------------------- |
//! | 0              | for what: a [`Goal`]; 0: for nothing                      |
//! | 8              | since when, in milliseconds of the clock that all share   |
//!
//! What a thread blocks for is in its entry of the table of threads ([`crate::tree::threads`]). What the
//! promises of a process wait for is on its *board*, from offset [`BOARDS`] on:
//!
//! | offset  | word                                                                     |
//! | ------- | ------------------------------------------------------------------------ |
//! | 0       | how many promises wait (32), generation of the process whose board it is (32) |
//! | 32 × n  | a note; behind it, at 16, the token of the thread that made the promise  |

use std::sync::atomic::Ordering::{Relaxed, Release};

use crate::memory::arena::{Arena, BOARD_SIZE, BOARDS, Offset, PROCESS_COUNT};
use crate::sync::Token;
use crate::sys::clock::shared_milliseconds;
use crate::sys::words::{u32_at, u64_at};

/// Bytes of a note.
pub const NOTE_SIZE: u64 = 16;
/// Where in a note its second word is.
pub const SINCE: Offset = 8;
/// Bytes from one note of a board to the next; the first has the board's own words.
pub const BOARD_STEP: u64 = 32;
/// Where behind a note of a board its token is.
pub const TOKEN: Offset = 16;
/// How many waits a board can tell.
pub const BOARD_NOTES: usize = (BOARD_SIZE / BOARD_STEP) as usize - 1;

/// What is slept for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// A change of the word there: what it is of, that place tells.
    Word(Offset),
    /// That a process ends.
    Process(u32),
    /// That a connection can be read or written.
    Connection,
}

const KIND_AT: u32 = 56;
const LOW_MASK: u64 = (1 << KIND_AT) - 1;
const PROCESS: u64 = 1;
const CONNECTION: u64 = 2;

impl Goal {
    fn pack(self) -> u64 {
        match self {
            Self::Word(offset) => offset & LOW_MASK,
            Self::Process(pid) => PROCESS << KIND_AT | u64::from(pid),
            Self::Connection => CONNECTION << KIND_AT,
        }
    }

    /// The goal that a word tells; `None` if that is none.
    pub fn unpack(word: u64) -> Option<Self> {
        match word >> KIND_AT {
            0 if word != 0 => Some(Self::Word(word)),
            PROCESS => Some(Self::Process(word as u32)),
            CONNECTION => Some(Self::Connection),
            _ => None,
        }
    }
}

/// The place of a note.
#[derive(Clone, Copy)]
pub struct Note<'a> {
    arena: &'a Arena,
    at: Offset,
}

impl<'a> Note<'a> {
    pub fn at(arena: &'a Arena, at: Offset) -> Self {
        Self { arena, at }
    }

    fn read(self) -> (u64, u64) {
        let word = |offset| self.arena.word64(self.at + offset).load(Relaxed);
        (word(0), word(SINCE))
    }

    fn write(self, goal: u64, since: u64) {
        self.arena.word64(self.at + SINCE).store(since, Relaxed);
        // Release: who sees for what it is sees since when.
        self.arena.word64(self.at).store(goal, Release);
    }

    /// It is of nothing.
    pub fn clear(self) {
        self.write(0, 0);
    }

    /// Notes a wait that begins now, until the answer is dropped. What was noted before, of an operation
    /// of which this wait is a part, comes back then.
    pub fn sleep(self, goal: Goal) -> Noted<'a> {
        let before = self.read();
        self.write(goal.pack(), shared_milliseconds());
        Noted { note: self, before }
    }
}

/// A wait that is noted.
pub struct Noted<'a> {
    note: Note<'a>,
    before: (u64, u64),
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        self.note.write(self.before.0, self.before.1);
    }
}

/// A note that was copied from outside.
#[derive(Debug, Clone, Copy)]
pub struct CopiedNote {
    pub goal: Goal,
    /// In milliseconds of the clock that all share.
    pub since: u64,
}

impl CopiedNote {
    /// The one at `at` in `bytes`; `None` if it is of nothing.
    pub fn of(bytes: &[u8], at: Offset) -> Option<Self> {
        Some(Self {
            goal: Goal::unpack(u64_at(bytes, at))?,
            since: u64_at(bytes, at + SINCE),
        })
    }
}

/// A board that was copied from outside.
pub struct CopiedBoard {
    pub generation: u32,
    /// How many promises wait.
    pub count: u32,
    /// As far as they are told, each with the token of its thread.
    pub waits: Vec<(CopiedNote, Option<Token>)>,
}

impl CopiedBoard {
    /// `bytes` are those of the board.
    pub fn of(bytes: &[u8]) -> Self {
        let header = u64_at(bytes, 0);
        let place = |index: u64| index * BOARD_STEP;
        let wait = |at| {
            let note = CopiedNote::of(bytes, at)?;
            Some((note, Token::from_word(u32_at(bytes, at + TOKEN))))
        };
        Self {
            generation: (header >> 32) as u32,
            count: header as u32,
            waits: (1..=BOARD_NOTES as u64)
                .map(place)
                .filter_map(wait)
                .collect(),
        }
    }
}

/// What the promises of a process wait for, as it tells.
pub struct Board {
    at: Offset,
    /// A bit for each note that is in use.
    used: u64,
}

const _: () = assert!(BOARD_NOTES < 64);

/// Which note of a board it is.
pub type Place = u32;

impl Board {
    /// The board of the process in `slot`, of that generation.
    pub fn of(arena: &Arena, slot: u32, generation: u32) -> Self {
        let at = BOARDS + (u64::from(slot) % PROCESS_COUNT) * BOARD_SIZE;
        let board = Self { at, used: 0 };
        for place in 0..BOARD_NOTES as Place {
            board.note(arena, place).clear();
        }
        let header = u64::from(generation) << 32;
        arena.word64(at).store(header, Release);
        board
    }

    fn note<'a>(&self, arena: &'a Arena, place: Place) -> Note<'a> {
        Note::at(arena, self.at + (1 + u64::from(place)) * BOARD_STEP)
    }

    /// Says how many promises wait.
    pub fn count(&self, arena: &Arena, waits: usize) {
        let word = arena.word32(self.at + COUNT_HALF);
        word.store(u32::try_from(waits).unwrap_or(u32::MAX), Relaxed);
    }

    /// Tells a wait; `None` if so many are told that there is no place.
    pub fn tell(&mut self, arena: &Arena, wait: &PromiseWait) -> Option<Place> {
        let place = (!self.used).trailing_zeros();
        if place as usize >= BOARD_NOTES {
            return None;
        }
        self.used |= 1 << place;
        let note = self.note(arena, place);
        let token = wait.token.map_or(0, Token::get);
        arena.word32(note.at + TOKEN).store(token, Relaxed);
        note.write(wait.goal.pack(), wait.since);
        Some(place)
    }

    /// A wait is over.
    pub fn take_back(&mut self, arena: &Arena, place: Place) {
        self.used &= !(1 << place);
        self.note(arena, place).clear();
    }
}

/// The half of a board's first word that counts.
const COUNT_HALF: Offset = if cfg!(target_endian = "little") { 0 } else { 4 };

/// What a promise waits for.
pub struct PromiseWait {
    pub goal: Goal,
    /// In milliseconds of the clock that all share.
    pub since: u64,
    /// Of the thread that made it, if it has one.
    pub token: Option<Token>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_told_by_a_word() {
        for goal in [Goal::Word(64), Goal::Process(7), Goal::Connection] {
            assert_eq!(Goal::unpack(goal.pack()), Some(goal));
        }
        assert_eq!(Goal::unpack(0), None);
        assert_eq!(Goal::unpack(u64::MAX), None);
    }

    #[test]
    fn the_part_of_a_wait_gives_way_to_the_whole() {
        let arena = Arena::create_sized(1 << 30).unwrap();
        let note = Note::at(&arena, BOARDS);
        let told = || Goal::unpack(note.read().0);
        let whole = note.sleep(Goal::Word(64));
        let part = note.sleep(Goal::Word(128));
        assert_eq!(told(), Some(Goal::Word(128)));
        drop(part);
        assert_eq!(told(), Some(Goal::Word(64)));
        drop(whole);
        assert_eq!(told(), None);
    }

    #[test]
    fn a_board_tells_so_many_and_no_more() {
        let arena = Arena::create_sized(1 << 30).unwrap();
        let mut board = Board::of(&arena, 3, 1);
        let wait = PromiseWait {
            goal: Goal::Word(64),
            since: 1,
            token: None,
        };
        for place in 0..BOARD_NOTES as Place {
            assert_eq!(board.tell(&arena, &wait), Some(place));
        }
        assert_eq!(board.tell(&arena, &wait), None);
        board.take_back(&arena, 5);
        assert_eq!(board.tell(&arena, &wait), Some(5));
    }
}
