//! Looking at a word for a moment before sleeping on it, where that has been worth it.
//!
//! A hand-over between two CPUs takes under 1 µs, a sleep and wake-up some 10 to 50 µs. But where
//! the scheduler has put both ends on one CPU, who spins keeps the other from changing the word. So
//! each thread remembers of the words that it waits for whether its last spins saw a change:
//!
//! | habit           | next wait                     | seen → | missed → |
//! | --------------- | ----------------------------- | ------ | -------- |
//! | 1 … `BEST`      | spins                         | +1     | −1       |
//! | 0 … −`PAUSE`+1  | sleeps at once                | (−1)   | (−1)     |
//! | −`PAUSE`        | spins, for a try              | `BEST` / 2 | 0     |
//!
//! Words share habits by their addresses: at worst a spin that is in vain, or one that is left out.

use std::cell::Cell;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// How long a blocking wait spins before it sleeps, where there is more than one CPU. Chosen by
/// measurement on 2 CPUs: beyond 20 µs of spinning the throughput no longer rises.
pub const SPIN: Duration = Duration::from_micros(20);
/// So many spins in vain, one after the other, make a thread sleep at once that has always seen a change.
const BEST: i8 = 4;
/// After so many waits without one, a spin is tried again: the other end may be on another CPU by now.
const PAUSE: i8 = 16;
/// How often a thread that does not spin gives way before it sleeps.
const WAYS: u32 = 2;
/// Habits of a thread.
const HABITS: usize = 64;

thread_local! {
    static OF_THREAD: [Cell<i8>; HABITS] = const { [const { Cell::new(BEST) }; HABITS] };
}

/// The habit of a word.
#[derive(Clone, Copy)]
struct Habit(usize);

impl Habit {
    fn of(word: &AtomicU32) -> Self {
        // Words of one object lie within a cell of 64 bytes, and one of them is waited for at a time.
        Self((std::ptr::from_ref(word) as usize >> 6) % HABITS)
    }

    fn change<T>(self, change: impl FnOnce(i8) -> (i8, T)) -> T {
        OF_THREAD.with(|habits| {
            let (next, told) = change(habits[self.0].get());
            habits[self.0].set(next);
            told
        })
    }

    /// Whether to spin now.
    fn begin(self) -> bool {
        self.change(|habit| match habit {
            1.. => (habit, true),
            _ if habit <= -PAUSE => (habit, true),
            _ => (habit - 1, false),
        })
    }

    fn end(self, seen: bool) {
        self.change(|habit| match (habit, seen) {
            (1.., true) => ((habit + 1).min(BEST), ()),
            (1.., false) => (habit - 1, ()),
            (_, true) => (BEST / 2, ()),
            (_, false) => (0, ()),
        });
    }
}

/// A bounded amount of spinning, spent in any number of portions.
pub struct Spin {
    habit: Habit,
    until: Option<Instant>,
    /// Whether it is over, or was not worth beginning.
    is_over: bool,
}

impl Spin {
    /// Looks at the word between two readings of the clock.
    const LOOKS: u32 = 32;

    /// For a wait for `word`.
    pub fn at(word: &AtomicU32) -> Self {
        Self {
            habit: Habit::of(word),
            until: None,
            is_over: !spinning_helps(),
        }
    }

    /// Spins while `word` holds `expected` and something is left to spend; whether it changed.
    pub fn while_unchanged(&mut self, word: &AtomicU32, expected: u32) -> bool {
        if self.is_over {
            return false;
        }
        if self.until.is_none() && !self.habit.begin() {
            self.is_over = true;
            return give_way(word, expected);
        }
        let mut has_yielded = false;
        let changed = self.look(word, expected, &mut has_yielded);
        self.is_over = !changed;
        // What came of giving way was changed on this CPU, and spinning only held it up.
        self.habit.end(changed && !has_yielded);
        changed
    }

    fn look(&mut self, word: &AtomicU32, expected: u32, has_yielded: &mut bool) -> bool {
        loop {
            // The first looks come before the clock is read at all.
            let changed = (0..Self::LOOKS).any(|_| {
                // Relaxed: only a hint; the step that follows synchronises.
                let changed = word.load(Relaxed) != expected;
                if !changed {
                    std::hint::spin_loop();
                }
                changed
            });
            // Read the clock even after a change (40 ns). A thread that reacts at once takes the
            // cache line from the core that has just written it; measured, hot locks are then one
            // sixth slower.
            let now = Instant::now();
            let until = *self.until.get_or_insert_with(|| now + SPIN);
            if changed || now >= until {
                return now < until;
            }
            // By now the thread that is to change the word may want this very CPU. To yield sooner
            // would cost hot locks more than it helps.
            if now + SPIN / 2 >= until {
                std::thread::yield_now();
                *has_yielded = true;
            }
        }
    }
}

/// Lets others have this CPU, among them who is to change the word; whether it has. Where that works, it
/// spares both ends the system calls of a sleep and a wake-up.
fn give_way(word: &AtomicU32, expected: u32) -> bool {
    (0..WAYS).any(|_| {
        std::thread::yield_now();
        word.load(Relaxed) != expected
    })
}

/// Whether another CPU can change a word while this one looks at it.
pub fn spinning_helps() -> bool {
    use std::sync::OnceLock;
    static SEVERAL_CPUS: OnceLock<bool> = OnceLock::new();
    *SEVERAL_CPUS.get_or_init(|| crate::sys::own::available_cpus() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(habit: Habit, seen: bool) -> bool {
        let spins = habit.begin();
        if spins {
            habit.end(seen);
        }
        spins
    }

    #[test]
    fn a_thread_that_has_spun_in_vain_sleeps_at_once_and_tries_again_later() {
        let word = AtomicU32::new(0);
        let habit = Habit::of(&word);
        assert!((0..BEST).all(|_| ended(habit, false)));
        assert!((0..PAUSE).all(|_| !ended(habit, false)));
        assert!(ended(habit, false), "a try");
        assert!((0..PAUSE).all(|_| !ended(habit, false)), "it was in vain");
        assert!(ended(habit, true), "a try that sees something");
        assert!((0..100).all(|_| ended(habit, true)));
        assert!((0..BEST).all(|_| ended(habit, false)));
        assert!(!ended(habit, false));
    }

    #[test]
    fn a_spin_ends_with_a_change_or_with_its_time() {
        if !spinning_helps() {
            return;
        }
        let word = AtomicU32::new(0);
        assert!(Spin::at(&word).while_unchanged(&word, 1));
        assert!(!Spin::at(&word).while_unchanged(&word, 0));
    }
}
