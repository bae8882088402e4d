//! Whether the caller of a wait may still take something.
//!
//! The part of the host for which a thread waits can be ended meanwhile, while the thread goes on. Whatever the
//! thread took then would be lost. So the addon, which can know, is asked after each sleep, before
//! anything is taken. Waits that must come to their end, such as that for the heap's lock, do not ask.

use std::cell::Cell;
use std::time::Duration;

/// The longest sleep before it is asked.
pub const LONGEST_SLEEP: Duration = Duration::from_millis(100);

/// Whether the caller of the thread's waits goes on: what the thread is given will be used.
pub type Ask = fn() -> bool;

thread_local! {
    static ASK: Cell<Option<Ask>> = const { Cell::new(None) };
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
