//! A barrier: parties wait until all of them have arrived, round after round.
//!
//! One 64-bit word is the whole state, and each party has a *slot*, another 64-bit word.
//!
//! | bits of `state` | meaning                                                    |
//! | --------------- | ---------------------------------------------------------- |
//! | 0–31            | how many have arrived in this round                        |
//! | 32–33 phase     | FILLING, ACTION (the last one runs it), RESETTING, BROKEN  |
//! | 34–63           | the round, modulo 2^30                                     |
//!
//! | bits of a slot  | meaning                                                    |
//! | --------------- | ---------------------------------------------------------- |
//! | 0–30            | token of a thread in `wait`; all of the word 0: nobody's   |
//! | 31 `FAILED`     | its round was reset                                        |
//! | 32–61           | the round it waits in                                      |
//!
//! | transition  | from → to                             | who                                 |
//! | ----------- | ------------------------------------- | ----------------------------------- |
//! | T1 claim    | slot 0 → (round, token)               | a party, in FILLING                 |
//! | T2 arrive   | FILLING, k → FILLING, k + 1           | it then; k is its index             |
//! | T3 complete | FILLING, n − 1 → ACTION, n            | the last party, if there is an action |
//! | T4 release  | FILLING, n − 1 or ACTION → round + 1, FILLING, 0 | the last party           |
//! | T5 break    | FILLING or ACTION → BROKEN            | abort, time-out, finder of a death  |
//! | T6 reset    | any but an empty FILLING → RESETTING  | anybody                             |
//! | T7 fail     | slot of this round → + FAILED         | whoever finds RESETTING             |
//! | T8 restart  | RESETTING → round + 1, FILLING, 0     | whoever has done T7 of all slots    |
//! | T9 leave    | slot → 0                              | its party; anybody if that is dead  |
//!
//! I1: each round ends in one transition of `state`. A party that looks late sees another round:
//!     its own was reset if its slot says FAILED, else all of them passed. So nobody has to wait
//!     until the parties of the last round have left (CPython's "draining").
//! I2: T1 comes before T2, so T7 reaches every party that has arrived.
//! I3: T7 and T8 may be done by many at once and again: slots and state carry their round.
//! I4: sleepers sleep on the half of `state` with phase and round; T3 to T8 change it.
//! I5: a waiter looks, after each bounded sleep, whether the thread in the next slot of its round
//!     lives. Going round the slots, some living waiter comes before a dead one, so every death is
//!     found while anybody waits, at one look per waiter. The last party to arrive looks at all
//!     the others if the first has waited for longer than one such sleep.
//!
//! I6: whoever arrives is *known* by its thread, with the round in which it came last. If one that
//!     came in the last round dies before it comes again, then [`Barrier::missing_dead`] tells. Whether
//!     the barrier is beyond hope then is for the driver to judge, which knows who else has it.
//!
//! Killed in `wait` before the round's end, even before T2: the others break the barrier (I5);
//! while running the action: likewise. Killed before its wake: sleepers look by themselves. Killed
//! in RESETTING: whoever comes finishes it. A slot left behind is taken when slots run out.

use super::{Attempt, Step, Token};
use crate::failpoint::failpoint;
use crate::sys::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};

const FILLING: u32 = 0;
const ACTION: u32 = 1;
const RESETTING: u32 = 2;
const BROKEN: u32 = 3;
const FAILED: u64 = 1 << 31;

/// The state word, taken apart.
#[derive(Clone, Copy, PartialEq, Eq)]
struct State {
    arrived: u32,
    phase: u32,
    round: u32,
}

impl State {
    fn unpack(word: u64) -> Self {
        let high = (word >> 32) as u32;
        Self {
            arrived: word as u32,
            phase: high & 3,
            round: high >> 2,
        }
    }

    /// The half that sleepers sleep on.
    fn high(self) -> u32 {
        self.round << 2 | self.phase
    }

    fn pack(self) -> u64 {
        u64::from(self.high()) << 32 | u64::from(self.arrived)
    }

    fn next_round(self) -> Self {
        Self {
            arrived: 0,
            phase: FILLING,
            round: (self.round + 1) & (u32::MAX >> 2),
        }
    }
}

/// A party's place in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub slot: u32,
    pub round: u32,
    /// 0 for the first that arrived.
    pub index: u32,
}

/// The outcome of an arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Others are missing.
    Waiting(Place),
    /// It was the last: it runs the action, then releases or breaks.
    RunsAction(Place),
    /// It was the last and has released the others: the caller wakes all.
    Released { index: u32 },
    /// The caller wakes all: maybe it is this party that found a dead one.
    Broken,
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    Passed,
    /// As [`Arrival::Broken`].
    Broken,
}

/// The barrier of `parties` (at least 1). There must be more slots than parties, so that parties
/// late in leaving a round do not delay the next.
#[derive(Clone, Copy)]
pub struct Barrier<'a> {
    pub state: &'a AtomicU64,
    pub slots: &'a [&'a AtomicU64],
    /// When the first party of the round arrived, in milliseconds modulo 2^32: a hint for I5.
    pub began: &'a AtomicU32,
    /// Who has come before (I6): as slots, without FAILED. At most so many can be known.
    pub known: &'a [&'a AtomicU64],
    /// The token of the dead one that the barrier was broken for, for the error; 0: of none.
    pub culprit: &'a AtomicU32,
    pub parties: u32,
}

/// What a thread brings to a barrier.
pub struct Party<'a> {
    pub token: Token,
    pub has_action: bool,
    /// Milliseconds of a clock that all processes share, modulo 2^32.
    pub now: u32,
    /// The longest sleep of a waiter, in milliseconds.
    pub slice: u32,
    pub has_died: &'a dyn Fn(Token) -> bool,
}

impl Barrier<'_> {
    /// SeqCst everywhere: T1 and T2 against T6 and T7, and every T3 to T8 against the waker's look
    /// at the asynchronous sleepers (see crate::wait).
    fn load(self) -> State {
        State::unpack(self.state.load(SeqCst))
    }

    fn change(self, from: State, to: State) -> bool {
        self.state
            .compare_exchange(from.pack(), to.pack(), SeqCst, SeqCst)
            .is_ok()
    }

    /// T1 and T2, T3 or T4; else what to sleep on until the barrier takes arrivals.
    pub fn arrive_step(self, me: &Party, attempt: Attempt) -> Step<Arrival> {
        loop {
            let state = self.load();
            match state.phase {
                BROKEN => return Step::Ready(Arrival::Broken),
                RESETTING => self.finish_reset(state),
                // The one who runs the action may be dead.
                ACTION if attempt.suspicious && self.has_dead(state.round, me.has_died) => {
                    self.abort_round(state.round);
                }
                ACTION => return Step::Sleep(state.high()),
                _ => {
                    let Some(slot) = self.claim(state.round, attempt, me) else {
                        return Step::Sleep(state.high());
                    };
                    failpoint("barrier-claimed");
                    if let Some(arrival) = self.arrive(slot, state.round, me) {
                        return Step::Ready(arrival);
                    }
                    self.leave(slot); // the round ended between T1 and T2
                }
            }
        }
    }

    /// T1; `None` if every slot is taken by somebody alive.
    fn claim(self, round: u32, attempt: Attempt, me: &Party) -> Option<u32> {
        let mine = u64::from(round) << 32 | u64::from(me.token.get());
        let claimed =
            |from: u64, slot: &AtomicU64| slot.compare_exchange(from, mine, SeqCst, SeqCst).is_ok();
        let free = self
            .slots
            .iter()
            .position(|slot| slot.load(SeqCst) == 0 && claimed(0, slot));
        let dead = || {
            self.slots.iter().position(|slot| {
                let left = slot.load(SeqCst);
                // A dead one of this round breaks the barrier instead.
                let other_round = left >> 32 != u64::from(round);
                let dead = other_round && Token::from_word(left as u32).is_none_or(me.has_died);
                dead && claimed(left, slot)
            })
        };
        free.or_else(|| attempt.announce.then(dead).flatten())
            .map(|slot| slot as u32)
    }

    /// T2, T3 or T4; `None` if the round has ended.
    fn arrive(self, slot: u32, round: u32, me: &Party) -> Option<Arrival> {
        loop {
            let state = self.load();
            if state.round != round || state.phase != FILLING {
                return None;
            }
            let place = Place {
                slot,
                round,
                index: state.arrived,
            };
            self.know(round, me.token);
            let arrived = State {
                arrived: state.arrived.wrapping_add(1),
                ..state
            };
            let is_last = arrived.arrived >= self.parties;
            if state.arrived == 0 {
                self.began.store(me.now, SeqCst);
            } else if is_last
                && me.now.wrapping_sub(self.began.load(SeqCst)) > me.slice
                && self.has_dead(round, me.has_died)
            {
                self.abort_round(round);
                return None;
            }
            let (next, arrival) = match (is_last, me.has_action) {
                (false, _) => (arrived, Arrival::Waiting(place)),
                (true, true) => (
                    State {
                        phase: ACTION,
                        ..arrived
                    },
                    Arrival::RunsAction(place),
                ),
                (true, false) => (state.next_round(), Arrival::Released { index: place.index }),
            };
            if self.change(state, next) {
                failpoint(if is_last {
                    "barrier-completed"
                } else {
                    "barrier-arrived"
                });
                if let Arrival::Released { .. } = arrival {
                    self.leave(slot);
                }
                return Some(arrival);
            }
        }
    }

    /// I6. Nothing happens if all places are taken by those who came as lately.
    fn know(self, round: u32, token: Token) {
        let count = self.known.len();
        let mine = u64::from(round) << 32 | u64::from(token.get());
        let last = round.wrapping_sub(1) & (u32::MAX >> 2);
        let start = token.get() as usize % count;
        let places = (0..count).map(|step| self.known[(start + step) % count]);
        for place in places {
            let was = place.load(SeqCst);
            let is_mine = was as u32 == token.get();
            let is_old = ![round, last].contains(&((was >> 32) as u32));
            if (was == 0 || is_mine || is_old)
                && place.compare_exchange(was, mine, SeqCst, SeqCst).is_ok()
            {
                return;
            }
        }
    }

    /// Those that are known and have not come in `round`, with the round in which they came last.
    pub fn missing(self, round: u32) -> impl Iterator<Item = (Token, u32)> {
        let known = self.known.iter().map(|place| place.load(SeqCst));
        known.filter_map(move |word| {
            let last = (word >> 32) as u32;
            let token = Token::from_word(word as u32).filter(|_| last != round)?;
            Some((token, last))
        })
    }

    /// I6: one of the last round that has died and has not come in that of `place`. Each waiter looks
    /// at a few only, beginning somewhere else.
    pub fn missing_dead(self, place: Place, has_died: &dyn Fn(Token) -> bool) -> Option<Token> {
        const LOOKS: usize = 4;
        let state = self.load();
        if state.round != place.round || state.phase != FILLING {
            return None;
        }
        let last = place.round.wrapping_sub(1) & (u32::MAX >> 2);
        let mut missing: Vec<Token> = self
            .missing(place.round)
            .filter(|&(_, round)| round == last)
            .map(|(token, _)| token)
            .collect();
        if missing.is_empty() {
            return None;
        }
        let start = place.slot as usize % missing.len();
        missing.rotate_left(start);
        missing.into_iter().take(LOOKS).find(|&it| has_died(it))
    }

    /// T5 for the death of `culprit`.
    pub fn break_for(self, round: u32, culprit: Token) -> bool {
        let broken = self.abort_round(round);
        if broken {
            self.culprit.store(culprit.get(), SeqCst);
        }
        broken
    }

    /// Whether the round of `place` has ended, and how; then T9. Else the value to sleep on.
    pub fn wait_step(
        self,
        place: Place,
        attempt: Attempt,
        has_died: &dyn Fn(Token) -> bool,
    ) -> Step<Passage> {
        let state = self.load();
        let passage = if state.round != place.round {
            let failed = self.slot(place.slot).is_some_and(|slot| slot & FAILED != 0);
            if failed {
                Passage::Broken
            } else {
                Passage::Passed
            }
        } else if matches!(state.phase, RESETTING | BROKEN) {
            Passage::Broken
        } else if attempt.suspicious
            && let Some(dead) = self.next_dead(place, has_died)
        {
            self.break_for(place.round, dead);
            return self.wait_step(place, Attempt::default(), has_died);
        } else {
            return Step::Sleep(state.high());
        };
        self.leave(place.slot);
        Step::Ready(passage)
    }

    /// T4 after the action, by the party in `slot`; `false` if the barrier was broken or reset
    /// meanwhile. T9 either way. The caller wakes all.
    pub fn release_slot(self, slot: u32) -> bool {
        let state = self.load();
        let mine = self
            .slot(slot)
            .is_some_and(|word| word >> 32 == u64::from(state.round));
        let due = mine && state.phase == ACTION;
        let released = due && self.change(state, state.next_round());
        if released {
            failpoint("barrier-released");
        }
        self.leave(slot);
        released
    }

    /// T5 for a party that gives up; `false` if its round ended before. T9 is left to it.
    pub fn abort_round(self, round: u32) -> bool {
        loop {
            let state = self.load();
            if state.round != round || !matches!(state.phase, FILLING | ACTION) {
                return false;
            }
            if self.change(
                state,
                State {
                    phase: BROKEN,
                    ..state
                },
            ) {
                failpoint("barrier-broken");
                return true;
            }
        }
    }

    /// T5 whatever the round. The caller wakes all.
    pub fn abort(self) {
        loop {
            let state = self.load();
            match state.phase {
                BROKEN => return,
                RESETTING => self.finish_reset(state),
                _ if self.abort_round(state.round) => return,
                _ => {}
            }
        }
    }

    /// T6 to T8: who waits fails, and the barrier is as new. The caller wakes all.
    pub fn reset(self) {
        self.culprit.store(0, SeqCst);
        for place in self.known {
            place.store(0, SeqCst);
        }
        loop {
            let state = self.load();
            if state.phase == FILLING && state.arrived == 0 {
                return;
            }
            let resetting = State {
                phase: RESETTING,
                ..state
            };
            if state == resetting || self.change(state, resetting) {
                failpoint("barrier-resetting");
                return self.finish_reset(resetting);
            }
        }
    }

    /// T7 and T8.
    fn finish_reset(self, state: State) {
        for slot in self.slots {
            let word = slot.load(SeqCst);
            if word >> 32 == u64::from(state.round) && word != 0 {
                // Fails only if its party leaves, which then knows.
                let _ = slot.compare_exchange(word, word | FAILED, SeqCst, SeqCst);
                failpoint("barrier-failing");
            }
        }
        self.change(state, state.next_round());
    }

    /// T9.
    pub fn leave(self, slot: u32) {
        if let Some(slot) = self.slots.get(slot as usize) {
            slot.store(0, SeqCst);
        }
    }

    /// Whose slot it is, in whatever round.
    pub fn token_in(self, slot: u32) -> Option<Token> {
        Token::from_word(self.slot(slot)? as u32)
    }

    fn slot(self, index: u32) -> Option<u64> {
        self.slots.get(index as usize).map(|slot| slot.load(SeqCst))
    }

    /// The token in a slot, if it waits in `round`.
    fn party(self, index: usize, round: u32) -> Option<Token> {
        let word = self.slots[index].load(SeqCst);
        Token::from_word(word as u32).filter(|_| word >> 32 == u64::from(round))
    }

    /// I5.
    fn next_dead(self, place: Place, has_died: &dyn Fn(Token) -> bool) -> Option<Token> {
        let (own, count) = (place.slot as usize, self.slots.len());
        let others = (1..count).map(|step| (own + step) % count);
        others
            .filter_map(|index| self.party(index, place.round))
            .next()
            .filter(|&token| has_died(token))
    }

    fn has_dead(self, round: u32, has_died: &dyn Fn(Token) -> bool) -> bool {
        (0..self.slots.len())
            .filter_map(|index| self.party(index, round))
            .any(has_died)
    }

    /// How many wait for the others.
    pub fn waiting(self) -> u32 {
        let state = self.load();
        if state.phase == FILLING {
            state.arrived
        } else {
            0
        }
    }

    pub fn is_broken(self) -> bool {
        self.load().phase == BROKEN
    }
}

/// How many have arrived at a barrier with that state, and whether it is broken, for who looks from outside.
pub fn told_by_state(word: u64) -> (u32, bool) {
    let state = State::unpack(word);
    let arrived = if state.phase == BROKEN {
        0
    } else {
        state.arrived
    };
    (arrived, state.phase == BROKEN)
}
