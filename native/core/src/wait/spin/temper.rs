//! What a thread has noticed of the CPU on which it runs: whether others want it, too.

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::{
    CPUS_KNOWN, LONGEST_PAUSE, MOVED_AFTER, SHORTEST_PAUSE, SLICE_OF_OTHERS, TURN_OF_ANOTHER,
};
use crate::sys::own::available_cpus;

/// The state of a thread: see the head of [`super`].
pub struct Temper {
    /// `patient` until then.
    patient_until: Cell<Option<Instant>>,
    /// How long it is going to be `patient` the next time.
    pause: Cell<Duration>,
    /// Whether another thread ran when it last gave way.
    shares_cpu: Cell<bool>,
    /// How many waits have begun since, modulo [`MOVED_AFTER`].
    shared_waits: Cell<u8>,
    /// Whether it may use more than one, as far as it knows; and until when it believes so.
    several_cpus: Cell<Option<bool>>,
    known_until: Cell<Option<Instant>>,
}

thread_local! {
    pub static TEMPER: Temper = const { Temper::new() };
}

impl Temper {
    const fn new() -> Self {
        Self {
            patient_until: Cell::new(None),
            pause: Cell::new(SHORTEST_PAUSE),
            shares_cpu: Cell::new(false),
            shared_waits: Cell::new(0),
            several_cpus: Cell::new(None),
            known_until: Cell::new(None),
        }
    }

    /// Whether a wait that begins now does not look at all.
    pub fn sleeps_at_once(&self) -> bool {
        !self.has_several_cpus() || self.is_to_be_moved()
    }

    fn is_to_be_moved(&self) -> bool {
        if !self.shares_cpu.get() {
            return false;
        }
        let waits = (self.shared_waits.get() + 1) % MOVED_AFTER;
        self.shared_waits.set(waits);
        waits == 0
    }

    /// Whether another CPU can change something while this one looks at it.
    fn has_several_cpus(&self) -> bool {
        self.several_cpus.get().unwrap_or_else(|| {
            self.several_cpus.set(Some(available_cpus() > 1));
            self.has_several_cpus()
        })
    }

    /// Sees whether that has changed, once in a while: a process may be given other CPUs at any time.
    pub fn ask_for_cpus(&self, now: Instant) {
        if self.known_until.get().is_none_or(|until| now >= until) {
            self.known_until.set(Some(now + CPUS_KNOWN));
            self.several_cpus.set(Some(available_cpus() > 1));
        }
    }

    /// How long a wait that would look for `hesitation` before it gives way does so.
    pub fn hesitation(&self, hesitation: Duration) -> Duration {
        match self.shares_cpu.get() {
            true => Duration::ZERO,
            false => hesitation,
        }
    }

    /// Whether another thread ran when it last gave way.
    pub fn shares_cpu(&self) -> bool {
        self.shares_cpu.get()
    }

    pub fn is_patient(&self, now: Instant) -> bool {
        self.patient_until.get().is_some_and(|until| now < until)
    }

    /// Notes that it gave way at `begin`, and for how long it was away; whether it is `patient` by then.
    pub fn came_back(&self, begin: Instant, away: Duration) -> bool {
        self.shares_cpu.set(away >= TURN_OF_ANOTHER);
        if away < SLICE_OF_OTHERS {
            return false;
        }
        let pause = self.pause.get();
        self.patient_until.set(Some(begin + away + pause));
        self.pause.set((pause * 2).min(LONGEST_PAUSE));
        true
    }

    /// Notes that what it waited for was there when it came back.
    pub fn has_paid(&self) {
        self.pause.set(SHORTEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_gave_way_to_other_work_is_patient_for_a_while() {
        let temper = Temper::new();
        let begin = Instant::now();
        let pause = || temper.patient_until.get().map(|until| until - begin);
        assert!(!temper.came_back(begin, Duration::from_micros(5)));
        assert!(!temper.came_back(begin, Duration::from_micros(499)));
        assert_eq!(pause(), None);
        let slice = Duration::from_millis(3);
        assert!(temper.came_back(begin, slice));
        assert_eq!(pause(), Some(slice + SHORTEST_PAUSE));
        assert!(temper.is_patient(begin + slice));
        assert!(!temper.is_patient(begin + slice + SHORTEST_PAUSE));
        for _ in 0..12 {
            temper.came_back(begin, slice);
        }
        assert_eq!(pause(), Some(slice + LONGEST_PAUSE));
        temper.has_paid();
        temper.came_back(begin, slice);
        assert_eq!(pause(), Some(slice + SHORTEST_PAUSE));
    }

    #[test]
    fn a_thread_that_shares_its_cpu_gives_way_at_once() {
        let temper = Temper::new();
        let (begin, hesitation) = (Instant::now(), Duration::from_micros(10));
        assert_eq!(temper.hesitation(hesitation), hesitation);
        temper.came_back(begin, TURN_OF_ANOTHER);
        assert_eq!(temper.hesitation(hesitation), Duration::ZERO);
        let moved = (0..1280).filter(|_| temper.is_to_be_moved()).count();
        assert_eq!(
            moved,
            1280 / usize::from(MOVED_AFTER),
            "it sleeps now and then"
        );
        temper.came_back(begin, Duration::from_micros(1));
        assert_eq!(temper.hesitation(hesitation), hesitation);
        assert!((0..1280).all(|_| !temper.is_to_be_moved()));
    }

    #[test]
    fn how_many_cpus_there_are_is_asked_again_after_a_while() {
        let temper = Temper::new();
        let now = Instant::now();
        assert_eq!(temper.has_several_cpus(), available_cpus() > 1);
        temper.ask_for_cpus(now);
        temper.several_cpus.set(None);
        temper.ask_for_cpus(now);
        assert_eq!(temper.several_cpus.get(), None);
        temper.ask_for_cpus(now + CPUS_KNOWN);
        assert!(temper.several_cpus.get().is_some());
    }
}
