//! What others are told of the waits of this process's promises ([`crate::wait::notes`]): of each that
//! sleeps, as far as there is room.

use std::sync::Arc;

use crate::sync::Token;
use crate::sys::clock::shared_milliseconds;
use crate::tree::member::Member;
use crate::wait::notes::{Board, Goal, Place, PromiseWait};

/// What is told of one wait.
pub struct Told {
    /// Of the thread that made the promise.
    token: Option<Token>,
    /// For what it sleeps, and since when.
    sleep: Option<(Goal, u64)>,
    place: Option<Place>,
}

impl Told {
    /// Of a wait of the calling thread that has not slept yet.
    pub fn new(member: &Member) -> Self {
        Self {
            token: member.token().ok(),
            sleep: None,
            place: None,
        }
    }
}

/// The board of this process.
pub struct Telling {
    member: Arc<Member>,
    /// Made when the first wait sleeps.
    board: Option<Board>,
    /// How many waits sleep.
    sleeping: usize,
}

impl Telling {
    pub fn new(member: Arc<Member>) -> Self {
        Self {
            member,
            board: None,
            sleeping: 0,
        }
    }

    /// A wait sleeps for `goal`, again or for the first time. One that was not told of for want of room is,
    /// if there is room now.
    pub fn sleeps(&mut self, told: &mut Told, goal: Goal) {
        if told.sleep.is_none_or(|(known, _)| known != goal) {
            self.is_over(told);
            self.sleeping += 1;
            told.sleep = Some((goal, shared_milliseconds()));
        } else if told.place.is_some() {
            return;
        }
        let arena = self.member.arena();
        let board = self.board.get_or_insert_with(|| {
            let generation = self.member.entry().generation();
            Board::of(arena, self.member.slot(), generation)
        });
        board.count(arena, self.sleeping);
        told.place = told.sleep.and_then(|(goal, since)| {
            let token = told.token;
            board.tell(arena, &PromiseWait { goal, since, token })
        });
    }

    /// It does not, or no more.
    pub fn is_over(&mut self, told: &mut Told) {
        let (Some(board), Some(_)) = (&mut self.board, told.sleep.take()) else {
            return;
        };
        let arena = self.member.arena();
        self.sleeping -= 1;
        board.count(arena, self.sleeping);
        if let Some(place) = told.place.take() {
            board.take_back(arena, place);
        }
    }
}
