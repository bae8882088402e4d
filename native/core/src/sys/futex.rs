//! `futex(2)` and `futex_waitv(2)` on words that several processes map: never PRIVATE.

use std::sync::OnceLock;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use rustix::io::Errno;
use rustix::thread::futex::{self, Flags};

use super::caller::{self, Sleep};
use super::clock::{monotonic, timespec};

/// Sleeps while `word` holds `expected`, at most `timeout`. Returns early for any reason: the
/// caller looks at the word again (`FUTEX_WAIT`).
pub fn wait(word: &AtomicU32, expected: u32, timeout: Duration) {
    wait_maybe(word, expected, Some(timeout));
}

/// As [`wait`], without a timeout for `None`.
pub fn wait_maybe(word: &AtomicU32, expected: u32, timeout: Option<Duration>) {
    let timeout = timeout.map(timespec);
    // EAGAIN (changed), EINTR (signal) and ETIMEDOUT all mean: look again.
    let slept = futex::wait(word, Flags::empty(), expected, timeout.as_ref());
    caller::note_sleep(match slept {
        Err(Errno::INTR) => Sleep::Interrupted,
        Err(Errno::TIMEDOUT) => Sleep::Elapsed,
        _ => Sleep::Woken,
    });
}

/// Wakes up to `count` sleepers of `word` and says how many there were (`FUTEX_WAKE`).
pub fn wake(word: &AtomicU32, count: u32) -> usize {
    // The kernel takes an int: more than i32::MAX would read as negative.
    futex::wake(word, Flags::empty(), count.min(i32::MAX as u32)).unwrap_or(0)
}

/// The most words one [`wait_many`] can watch (`FUTEX_WAITV_MAX`).
pub const WAIT_MANY_MAX: usize = 128;

/// Whether there is `futex_waitv(2)`: not before Linux 5.16, and not where a filter of system calls
/// does not know it. Asked once.
pub fn can_wait_for_many() -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    *CAN.get_or_init(|| {
        let word = AtomicU32::new(0);
        let waiter = waiter(&word, 1);
        let none = futex::WaitvFlags::empty();
        // The word has another value: who understands the question says so at once.
        let said = futex::waitv(&[waiter], none, None, rustix::time::ClockId::Monotonic);
        said == Err(Errno::AGAIN)
    })
}

fn waiter(word: &AtomicU32, expected: u32) -> futex::Wait {
    let mut wait = futex::Wait::new();
    wait.val = u64::from(expected);
    wait.uaddr = futex::WaitPtr::new((&raw const *word).cast_mut().cast());
    wait.flags = futex::WaitFlags::SIZE_U32;
    wait
}

/// How long a thread rests whose sleep the kernel has refused for no reason that is known.
const REST: Duration = Duration::from_millis(10);

/// Sleeps while every word holds its expected value (`futex_waitv`), until `timeout` if any.
pub fn wait_many(words: &[(&AtomicU32, u32)], timeout: Option<Duration>) {
    debug_assert!(!words.is_empty() && words.len() <= WAIT_MANY_MAX);
    let waiters: Vec<futex::Wait> = words
        .iter()
        .map(|&(word, expected)| waiter(word, expected))
        .collect();
    // futex_waitv takes an absolute time.
    let until = timeout.map(|timeout| timespec(monotonic() + timeout));
    let slept = futex::waitv(
        &waiters,
        futex::WaitvFlags::empty(),
        until.as_ref(),
        rustix::time::ClockId::Monotonic,
    );
    debug_assert!(!matches!(slept, Err(Errno::INVAL | Errno::FAULT)));
    if !matches!(
        slept,
        Ok(_) | Err(Errno::AGAIN | Errno::INTR | Errno::TIMEDOUT)
    ) {
        std::thread::sleep(timeout.map_or(REST, |timeout| timeout.min(REST))); // lest it spins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_sleep_has_ended_is_noted() {
        let word = AtomicU32::new(0);
        for (expected, ended) in [(0, Sleep::Elapsed), (1, Sleep::Woken), (0, Sleep::Elapsed)] {
            wait(&word, expected, Duration::from_millis(1));
            assert_eq!(caller::last_sleep(), ended);
        }
    }
}
