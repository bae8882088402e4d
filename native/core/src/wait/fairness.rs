//! Letting a waiter that has waited too long have its turn.
//!
//! Locks and semaphores are not handed over: the first thread to come takes them, which makes them
//! fast. But a thread that releases and acquires again at once is always first, and a sleeper,
//! which needs some 50 µs to come, could wait for seconds. So a waiter that has waited for
//! [`STARVES_AFTER`] says so in the word `starving` of the object each time it goes to sleep again. A
//! releaser that has woken a sleeper and reads that word stands back, for [`GRACE`] at most, until
//! one has come.
//!
//! The waiter that gets its turn sets the word back, and so does a releaser that stood back in
//! vain: a waiter that was killed costs the others one [`GRACE`], and one that lives says it again.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed};
use std::time::{Duration, Instant};

use crate::sync::{Attempt, Step};

/// How long a waiter puts up with others being quicker.
const STARVES_AFTER: Duration = Duration::from_millis(50);

/// How long a releaser stands back.
const GRACE: Duration = Duration::from_millis(1);

/// How long somebody has waited.
#[derive(Debug, Default)]
pub struct Waiting {
    since: Option<Instant>,
    is_starving: bool,
}

impl Waiting {
    /// Notes what has come of a step of the wait.
    pub fn note<T>(&mut self, starving: &AtomicU32, attempt: Attempt, step: &Step<T>) {
        match step {
            Step::Ready(_) if self.is_starving => starving.store(0, Relaxed),
            Step::Ready(_) => {}
            Step::Sleep(_) if attempt.announce => {
                let since = *self.since.get_or_insert_with(Instant::now);
                if since.elapsed() >= STARVES_AFTER {
                    self.is_starving = true;
                    starving.store(1, Relaxed);
                }
            }
            Step::Sleep(_) => {}
        }
    }
}

/// Stands back for a starving waiter, after a release that left `released` in `word` and a wake-up.
pub fn stand_back(starving: &AtomicU32, word: &AtomicU32, released: u32) {
    // Relaxed: a hint; at worst somebody waits until the next release.
    if starving.load(Relaxed) == 0 {
        return;
    }
    let until = Instant::now() + GRACE;
    while word.load(Acquire) == released {
        if Instant::now() >= until {
            starving.store(0, Relaxed);
            return;
        }
        std::thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::sync::atomic::Ordering::SeqCst;

    use super::*;
    use crate::memory::heap::Kind;
    use crate::primitives::Lock;
    use crate::tree::member::Member;

    /// Counts turns, not time: without the way out above, the greedy one has thousands.
    #[test]
    fn who_takes_a_lock_again_at_once_does_not_keep_others_out() {
        let member = Arc::new(Member::root("test").unwrap());
        let id = member.create(Kind::Lock, 64).unwrap().id;
        let over = Arc::new(AtomicBool::new(false));
        let (owner, is_over) = (Arc::clone(&member), Arc::clone(&over));
        let greedy = std::thread::spawn(move || {
            let lock = Lock::open(&owner, id).unwrap();
            let mut turns = 0;
            while !is_over.load(SeqCst) {
                lock.acquire(None).unwrap().unwrap();
                std::thread::sleep(Duration::from_millis(2));
                lock.release().unwrap();
                turns += 1;
            }
            turns
        });
        let lock = Lock::open(&member, id).unwrap();
        for _ in 0..10 {
            while lock.owner().is_none() {
                std::thread::yield_now();
            }
            lock.acquire(None).unwrap().unwrap();
            lock.release().unwrap();
        }
        over.store(true, SeqCst);
        let turns = greedy.join().unwrap();
        assert!(turns < 10 * 60, "{turns} turns of the greedy one");
    }
}
