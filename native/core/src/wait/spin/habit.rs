//! What a waiter remembers of its last waits for one object: whether looks have paid.

use std::cell::Cell;
use std::time::Duration;

use super::{LONGEST_REST, QUICK, VAIN_LOOKS};

/// The state of a waiter at an object: see the head of [`super`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Habit {
    /// Looks in a row that saw nothing.
    vain: u8,
    /// Quick waits to come before the next look.
    rest: u8,
    /// How many there were the last time.
    last_rest: u8,
}

impl Habit {
    /// The number of a habit that rests is not less.
    pub const RESTS: u32 = 1 << 16;

    /// Whether the next wait begins with a look.
    pub fn looks(self) -> bool {
        self.rest == 0
    }

    /// After a wait that took so long, although it `has_looked`, or did not. After one that a look has
    /// ended it is as at first.
    pub fn has_waited(self, time: Duration, has_looked: bool) -> Self {
        match (self.looks(), has_looked) {
            (true, true) if self.vain + 1 < VAIN_LOOKS => Self {
                vain: self.vain + 1,
                ..self
            },
            (true, true) => {
                let rest = (2 * self.last_rest).clamp(1, LONGEST_REST);
                Self {
                    vain: VAIN_LOOKS - 1, // the next look decides
                    rest,
                    last_rest: rest,
                }
            }
            (false, _) if time < QUICK => Self {
                rest: self.rest - 1,
                ..self
            },
            _ => self,
        }
    }

    /// The same as a number.
    pub fn number(self) -> u32 {
        u32::from(self.rest) << 16 | u32::from(self.last_rest) << 8 | u32::from(self.vain)
    }

    /// The habit that [`number`](Self::number) has made a number; of another number, one like it.
    pub fn of_number(number: u32) -> Self {
        let [vain, last_rest, rest, _] = number.to_le_bytes();
        Self {
            vain: vain.min(VAIN_LOOKS - 1),
            rest: rest.min(LONGEST_REST),
            last_rest: last_rest.min(LONGEST_REST),
        }
    }
}

/// So many words a thread keeps habits of; of two with one place, it forgets the first.
const HABITS_KEPT: usize = 64;

thread_local! {
    static HABITS: [Cell<(u64, Habit)>; HABITS_KEPT] = const {
        [const { Cell::new((0, Habit { vain: 0, rest: 0, last_rest: 0 })) }; HABITS_KEPT]
    };
}

/// Where the habit is kept that belongs to the word at `offset`: neighbouring cells have places of
/// their own.
fn place_of(offset: u64) -> usize {
    ((offset / 64) ^ (offset / 4)) as usize % HABITS_KEPT
}

/// The calling thread's habit at the word at `offset`.
pub fn habit_of(offset: u64) -> Habit {
    let (at, habit) = HABITS.with(|habits| habits[place_of(offset)].get());
    match at == offset {
        true => habit,
        false => Habit::default(),
    }
}

/// Keeps it for the next wait.
pub fn keep_habit(offset: u64, habit: Habit) {
    HABITS.with(|habits| habits[place_of(offset)].set((offset, habit)));
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_micros(20);
    const LATE: Duration = Duration::from_millis(5);

    /// After looks that saw nothing, until it rests.
    fn tired(mut habit: Habit) -> Habit {
        while habit.looks() {
            habit = habit.has_waited(LATE, true);
        }
        habit
    }

    #[test]
    fn some_vain_looks_in_a_row_end_the_looking() {
        let mut habit = Habit::default();
        for _ in 1..VAIN_LOOKS {
            habit = habit.has_waited(SOON, true);
            assert!(habit.looks());
        }
        assert!(!habit.has_waited(SOON, true).looks());
    }

    #[test]
    fn quick_waits_bring_it_back_the_later_the_more_often_that_was_vain() {
        let mut habit = Habit::default();
        for rest in [1, 2, 4, 8, 16, 16, 16] {
            habit = tired(habit);
            for _ in 0..rest {
                assert!(!habit.looks());
                habit = habit.has_waited(LATE, false).has_waited(SOON, false);
            }
            assert!(habit.looks());
            assert!(
                !habit.has_waited(LATE, true).looks(),
                "the first look decides"
            );
        }
    }

    #[test]
    fn waits_that_could_not_look_change_nothing() {
        let habit = Habit::default().has_waited(LATE, true);
        assert_eq!(habit.has_waited(LATE, false), habit);
        assert_eq!(habit.has_waited(SOON, false), habit);
    }

    #[test]
    fn a_habit_is_the_same_as_a_number_and_any_number_is_a_habit() {
        let mut habit = Habit::default();
        assert_eq!(habit.number(), 0);
        for step in 0..200 {
            habit = match step % 7 {
                0 => Habit::default(),
                odd => habit.has_waited(if odd % 2 == 0 { SOON } else { LATE }, habit.looks()),
            };
            assert_eq!(Habit::of_number(habit.number()), habit);
            assert_eq!(habit.looks(), habit.number() < Habit::RESTS);
        }
        for number in [u32::MAX, 0xff, 0xff00, 0xff_0000] {
            let habit = Habit::of_number(number);
            let _ = tired(habit.has_waited(LATE, true)).has_waited(SOON, false);
        }
    }

    #[test]
    fn a_thread_keeps_habits_by_their_words() {
        let resting = tired(Habit::default());
        keep_habit(4096, resting);
        assert_eq!(habit_of(4096), resting);
        assert_eq!(habit_of(4096 + 64), Habit::default());
        keep_habit(4096 + 64, Habit::default());
        assert_eq!(habit_of(4096), resting);
        std::thread::spawn(|| assert_eq!(habit_of(4096), Habit::default()))
            .join()
            .unwrap();
    }
}
