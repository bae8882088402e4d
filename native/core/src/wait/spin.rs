//! Looking at a word for a moment before sleeping on it.
//!
//! A hand-over between two CPUs takes under 1 µs, a sleep and wake-up 10 to 50 µs. So a thread looks
//! at the word first, and soon gives way (`sched_yield`) between its looks: the thread that is to
//! change the word may want this very CPU. While both are runnable, the scheduler sees to it that
//! they get a CPU each, if there is one.
//!
//! Where other work wants the CPUs, it is the other way round. Who gives way waits for the end of a
//! slice of that work, some milliseconds; who sleeps is put before it when woken. A thread notices
//! that by the time for which it was away:
//!
//! | state    | before a sleep        | goes on to                                                        |
//! | -------- | --------------------- | ----------------------------------------------------------------- |
//! | `eager`  | looks, and gives way  | `patient`, when it was away for a slice of other work             |
//! | `patient`| nothing               | `eager`, after a pause; each is twice as long as the one before,  |
//! |          |                       | unless giving way has paid meanwhile                              |

use std::cell::Cell;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// How long a blocking wait looks before it sleeps, where there is more than one CPU. Longer than a
/// thread takes to be woken: two ends that both sleep would not find out that they need not.
const SPIN: Duration = Duration::from_micros(50);
/// How long of that before it gives way. To do so sooner would cost hot locks more than it helps.
const BEFORE_GIVING_WAY: Duration = Duration::from_micros(10);
/// A wait that may take less never sleeps: the sleep and the wake-up would take longer.
pub const GLANCE: Duration = Duration::from_micros(20);

/// A thread that comes back only after this has given way to another: then it need not hesitate the
/// next time, for whatever it waits for, that thread has to do.
const TURN_OF_ANOTHER: Duration = Duration::from_micros(3);
/// A thread that comes back only after this has given way to other work.
const SLICE_OF_OTHERS: Duration = Duration::from_micros(500);
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The state of a thread: see the head of this file.
struct Temper {
    /// `patient` until then.
    patient_until: Cell<Option<Instant>>,
    /// How long it is going to be `patient` the next time.
    pause: Cell<Duration>,
    /// Whether another thread ran when it last gave way.
    shares_cpu: Cell<bool>,
}

thread_local! {
    static TEMPER: Temper = const { Temper::new() };
}

impl Temper {
    const fn new() -> Self {
        Self {
            patient_until: Cell::new(None),
            pause: Cell::new(SHORTEST_PAUSE),
            shares_cpu: Cell::new(false),
        }
    }

    /// How long a wait looks before it gives way.
    fn hesitation(&self) -> Duration {
        match self.shares_cpu.get() {
            true => Duration::ZERO,
            false => BEFORE_GIVING_WAY,
        }
    }

    fn is_patient(&self, now: Instant) -> bool {
        self.patient_until.get().is_some_and(|until| now < until)
    }

    /// Notes that it gave way at `begin`, and for how long it was away.
    fn note(&self, begin: Instant, away: Duration, changed: bool) {
        self.shares_cpu.set(away >= TURN_OF_ANOTHER);
        if away < SLICE_OF_OTHERS {
            if changed {
                self.pause.set(SHORTEST_PAUSE);
            }
            return;
        }
        let pause = self.pause.get();
        self.patient_until.set(Some(begin + away + pause));
        self.pause.set((pause * 2).min(LONGEST_PAUSE));
    }
}

/// A bounded amount of looking, spent in any number of portions.
pub struct Spin {
    begun: Option<Instant>,
    /// Whether nothing is left to spend.
    is_over: bool,
}

impl Spin {
    /// Looks at the word between two readings of the clock.
    const LOOKS: u32 = 32;

    pub fn new() -> Self {
        Self {
            begun: None,
            is_over: !spinning_helps(),
        }
    }

    /// Looks while `word` holds `expected` and something is left to spend; whether it changed.
    pub fn while_unchanged(&mut self, word: &AtomicU32, expected: u32) -> bool {
        // Relaxed: only a hint; the step that follows synchronises.
        let has_changed = || word.load(Relaxed) != expected;
        while !self.is_over {
            // The first looks come before the clock is read at all.
            let changed = (0..Self::LOOKS).any(|_| {
                let changed = has_changed();
                if !changed {
                    std::hint::spin_loop();
                }
                changed
            });
            // Read the clock even after a change (40 ns). A thread that reacts at once takes the
            // cache line from the core that has just written it; measured, hot locks are then one
            // sixth slower.
            let now = Instant::now();
            let begun = self.begun.unwrap_or(now);
            let is_first = self.begun.replace(begun).is_none();
            self.is_over =
                now - begun >= SPIN || is_first && TEMPER.with(|temper| temper.is_patient(now));
            if changed {
                return true;
            }
            if !self.is_over {
                self.is_over = TEMPER.with(|temper| {
                    now - begun >= temper.hesitation() && give_way(temper, now, has_changed)
                });
            }
        }
        false
    }
}

/// Lets others have this CPU; whether the thread is `patient` by then.
fn give_way(temper: &Temper, now: Instant, has_changed: impl Fn() -> bool) -> bool {
    std::thread::yield_now();
    temper.note(now, now.elapsed(), has_changed());
    temper.is_patient(now)
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

    #[test]
    fn a_thread_that_gave_way_to_other_work_is_patient_for_a_while() {
        let temper = Temper::new();
        let begin = Instant::now();
        let pause = || temper.patient_until.get().map(|until| until - begin);
        temper.note(begin, Duration::from_micros(5), true);
        temper.note(begin, Duration::from_micros(499), false);
        temper.note(begin, Duration::from_micros(499), true);
        assert_eq!(pause(), None);
        let slice = Duration::from_millis(3);
        temper.note(begin, slice, false);
        assert_eq!(pause(), Some(slice + SHORTEST_PAUSE));
        assert!(temper.is_patient(begin + slice));
        assert!(!temper.is_patient(begin + slice + SHORTEST_PAUSE));
        for _ in 0..12 {
            temper.note(begin, slice, true);
        }
        assert_eq!(pause(), Some(slice + LONGEST_PAUSE));
        temper.note(begin, Duration::from_micros(5), true);
        temper.note(begin, slice, false);
        assert_eq!(pause(), Some(slice + SHORTEST_PAUSE));
    }

    #[test]
    fn a_spin_ends_with_a_change_or_with_its_time() {
        if !spinning_helps() {
            return;
        }
        let word = AtomicU32::new(0);
        let mut spin = Spin::new();
        assert!(spin.while_unchanged(&word, 1));
        assert!(!spin.while_unchanged(&word, 0));
        assert!(!spin.while_unchanged(&word, 1), "nothing is left to spend");
    }
}
