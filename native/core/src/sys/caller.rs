//! Whether the caller of a wait may still take something.
//!
//! The part of the host for which a thread waits can be ended meanwhile, while the thread goes on. Whatever the
//! thread took then would be lost. So the addon, which can know, is asked after each sleep, before
//! anything is taken. Waits that must come to their end, such as that for the heap's lock, do not ask.
//!
//! A host that handles signals between two steps of its own has its waits end for that: it asks [how the
//! last sleep ended](last_sleep).

use std::cell::Cell;
use std::time::Duration;

/// The longest sleep before it is asked.
pub const LONGEST_SLEEP: Duration = Duration::from_millis(100);

/// Whether the caller of the thread's waits goes on: what the thread is given will be used.
pub type Ask = fn() -> bool;

thread_local! {
    static ASK: Cell<Option<Ask>> = const { Cell::new(None) };
    static LAST_SLEEP: Cell<Sleep> = const { Cell::new(Sleep::Woken) };
}

/// How a sleep has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sleep {
    /// There was something to look at.
    Woken,
    /// Nothing has come in its time.
    Elapsed,
    /// A signal has cut it short.
    Interrupted,
}

/// Notes how the calling thread's sleep has ended.
pub(super) fn note_sleep(ended: Sleep) {
    LAST_SLEEP.set(ended);
}

/// How the calling thread's last sleep has ended.
pub fn last_sleep() -> Sleep {
    LAST_SLEEP.get()
}

/// Has the calling thread's waits ask.
pub fn watch(ask: Option<Ask>) {
    ASK.set(ask);
}

/// Whether the calling thread's waits ask.
pub fn is_watched() -> bool {
    ASK.get().is_some()
}

/// Whether the calling thread, which has slept, may go on and take something. `false`: it is to give
/// up, as if its time were up.
pub fn goes_on() -> bool {
    ASK.get().is_none_or(|ask| ask())
}
