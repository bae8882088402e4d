//! Looking for a change for a moment before sleeping until it is told. This is the one place that
//! says when: threads that block, promises, connections and pools all ask here.
//!
//! A hand-over between two CPUs takes under 1 µs; to sleep and be woken takes 10 to 50 µs, to be
//! told in a promise some 60. So who waits looks first, for [`LOOK`] at most, if all of these agree:
//!
//! | who remembers                           | what                                   | it says no                            |
//! | --------------------------------------- | -------------------------------------- | ------------------------------------- |
//! | the thread                              | how many CPUs it may use               | where it is one                       |
//! | the thread: its [`Temper`]              | for how long it was away when it gave way | while it is *patient*              |
//! | the waiter, of each object: its [`Habit`] | whether its last looks saw a change  | while it *rests*                      |
//!
//! Between its looks a thread gives way (`sched_yield`), soon or at once: the thread that is to make
//! the change may want this very CPU.
//!
//! | [`Temper`]  | before a sleep          | goes on to                                                       |
//! | ----------- | ----------------------- | ---------------------------------------------------------------- |
//! | alone       | looks for [`BEFORE_GIVING_WAY`], then gives way between looks | shares its CPU, when it was away for [`TURN_OF_ANOTHER`] |
//! | shares      | gives way between looks; every [`MOVED_AFTER`]th wait nothing, for who sleeps is put on a CPU that is idle when it is woken, and who gives way is not | alone, when nobody else ran meanwhile |
//! | patient     | a first few looks, which cost less than to sleep | alone, after a pause; each is twice as long as the one before, unless giving way has paid meanwhile |
//!
//! Where other work wants the CPUs, who gives way waits for the end of a slice of it, some
//! milliseconds; who sleeps is put before it when woken. So a thread that was away for
//! [`SLICE_OF_OTHERS`] is patient.
//!
//! | [`Habit`]   | before a sleep          | goes on to                                                       |
//! | ----------- | ----------------------- | ---------------------------------------------------------------- |
//! | looks       | what the thread allows  | rests, after [`VAIN_LOOKS`] looks in a row that saw nothing      |
//! | rests       | nothing                 | looks, after so many waits that took less than [`QUICK`]: one at first, twice as many each time that the next look is vain again, up to [`LONGEST_REST`] |
//!
//! The host keeps the habit of a promise, as the number that [`Habit::number`] makes of it. A thread
//! that blocks keeps it by the word it waits for, a connection with itself.

mod habit;
mod temper;

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

pub use habit::{Habit, habit_of, keep_habit};
use temper::{TEMPER, Temper};

/// How long a wait looks. Longer than a thread takes to be woken: two ends that both sleep would not
/// find out that they need not.
pub const LOOK: Duration = Duration::from_micros(50);
/// A wait that may take less never sleeps: the sleep and the wake-up would take longer.
pub const SHORTEST_SLEEP: Duration = Duration::from_micros(20);

/// How long a thread looks before it gives way. To do so sooner would cost hot locks more than it helps.
const BEFORE_GIVING_WAY: Duration = Duration::from_micros(10);
/// A thread that comes back only after this has given way to another: then it need not hesitate the
/// next time, for whatever it waits for, that thread has to do.
const TURN_OF_ANOTHER: Duration = Duration::from_micros(3);
/// So many waits of a thread that shares its CPU give way, before one sleeps at once.
const MOVED_AFTER: u8 = 64;
/// A thread that comes back only after this has given way to other work.
const SLICE_OF_OTHERS: Duration = Duration::from_micros(500);
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long a thread believes that it may use as many CPUs as before.
const CPUS_KNOWN: Duration = Duration::from_secs(1);

/// After so many looks in a row that saw nothing, waits do without.
const VAIN_LOOKS: u8 = 3;
/// A wait that took less would perhaps have been over by a look: longer than it takes until two ends,
/// both of which sleep, have been woken or told.
const QUICK: Duration = Duration::from_micros(250);
/// Quick waits that come before the next look, at most.
const LONGEST_REST: u8 = 16;

/// What a wait looks at, and gives if it is there.
type Look<'a, T> = &'a mut dyn FnMut() -> Option<T>;

/// The looking of one wait: a bounded amount, spent in any number of portions.
pub struct Spin {
    habit: Habit,
    /// When its first look began, or its first sleep.
    since: Option<Instant>,
    /// When the first look since the last sleep began.
    begun: Option<Instant>,
    /// Whether a look has seen something since the last sleep.
    has_seen: bool,
    /// Whether it has looked before its first sleep.
    has_looked: bool,
    /// Whether nothing is left to spend.
    is_over: bool,
}

impl Spin {
    /// Looks at the word between two readings of the clock.
    const LOOKS: u32 = 32;

    pub fn new(habit: Habit) -> Self {
        Self {
            habit,
            since: None,
            begun: None,
            has_seen: false,
            has_looked: false,
            is_over: !habit.looks() || TEMPER.with(Temper::sleeps_at_once),
        }
    }

    /// Looks while `word` holds `expected` and something is left to spend; whether it changed.
    pub fn while_unchanged(&mut self, word: &AtomicU32, expected: u32) -> bool {
        // Relaxed: only a hint; the step that follows synchronises.
        let has_changed = || {
            let changed = word.load(Relaxed) != expected;
            if !changed {
                std::hint::spin_loop();
            }
            changed
        };
        // The first looks come before the clock is read at all.
        let looks = match TEMPER.with(Temper::shares_cpu) {
            true => 1,
            false => Self::LOOKS,
        };
        let mut look = || (0..looks).any(|_| has_changed()).then_some(());
        self.look(BEFORE_GIVING_WAY, &mut look).is_some()
    }

    /// What `look` gives, as soon as it gives something; `None` when nothing is left to spend. For
    /// looks that take a system call: it gives way between any two of them.
    pub fn until<T>(&mut self, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        self.look(Duration::ZERO, &mut look)
    }

    fn look<T>(&mut self, hesitation: Duration, look: Look<T>) -> Option<T> {
        let mut gave_way = false;
        while !self.is_over {
            let seen = look();
            // Read the clock even after a change (40 ns). A thread that reacts at once takes the
            // cache line from the core that has just written it; measured, hot locks are then one
            // sixth slower.
            let now = Instant::now();
            let is_first = self.begun.is_none();
            let begun = *self.begun.get_or_insert(now);
            self.has_looked |= self.since.is_none();
            self.since.get_or_insert(now);
            TEMPER.with(|temper| {
                self.is_over = now - begun >= LOOK || is_first && temper.is_patient(now);
                if seen.is_some() {
                    self.has_seen = true;
                    if gave_way {
                        temper.has_paid();
                    }
                } else if !self.is_over && now - begun >= temper.hesitation(hesitation) {
                    std::thread::yield_now();
                    gave_way = true;
                    self.is_over = temper.came_back(now, now.elapsed());
                }
            });
            if seen.is_some() {
                return seen;
            }
        }
        None
    }

    /// Notes that the thread goes to sleep at `now`; afterwards it may look again.
    pub fn sleeps(&mut self, now: Instant) {
        self.since.get_or_insert(now);
        self.begun = None;
        self.has_seen = false;
        self.is_over = !self.habit.looks() || TEMPER.with(Temper::sleeps_at_once);
    }

    /// The wait is over: what the waiter remembers of it.
    pub fn end(self) -> Habit {
        let Some(since) = self.since else {
            return self.habit;
        };
        if self.has_seen {
            return Habit::default();
        }
        let now = Instant::now();
        TEMPER.with(|temper| temper.ask_for_cpus(now));
        self.habit.has_waited(now - since, self.has_looked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spin_ends_with_a_change_or_with_its_time() {
        let mut spin = Spin::new(Habit::default());
        if spin.is_over {
            return; // on one CPU
        }
        let word = AtomicU32::new(0);
        assert!(spin.while_unchanged(&word, 1));
        assert!(!spin.while_unchanged(&word, 0));
        assert!(!spin.while_unchanged(&word, 1), "nothing is left to spend");
        let mut spin = Spin::new(Habit::default());
        assert_eq!(spin.until(|| Some(7)), Some(7));
        assert_eq!(spin.until(|| -> Option<()> { None }), None);
    }

    #[test]
    fn who_rests_does_not_look() {
        let resting = (0..VAIN_LOOKS).fold(Habit::default(), |habit, _| {
            habit.has_waited(2 * QUICK, true)
        });
        let mut spin = Spin::new(resting);
        assert_eq!(spin.until(|| -> Option<()> { unreachable!() }), None);
        spin.sleeps(Instant::now());
        assert_eq!(spin.until(|| -> Option<()> { unreachable!() }), None);
    }
}
