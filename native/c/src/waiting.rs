//! Waits that end for signals. CPython's main thread runs the handlers of signals between two steps of its own: a wait in C
//! must come back for that. So a wait of the main thread ends when a signal has cut its sleep short, and the function says
//! [`INTERRUPTED`](crate::border::INTERRUPTED); who has called calls again, with the rest of its time.
//!
//! A signal that comes just before the sleep, or that another thread receives, cuts nothing short. So the wait ends as well
//! at the end of its second sleep in which nothing has come. Not of the first: what follows on that is the look whether an
//! owner has died, which a wait that began anew each time would never come to. And never when it was woken: the one who woke
//! it has woken nobody else.

use std::cell::Cell;
use std::marker::PhantomData;

use multiprocessing_core::sys::caller::{self, Sleep};
use multiprocessing_core::sys::own;

use crate::border::{INTERRUPTED, TIMED_OUT};

/// After so many sleeps in which nothing has come a wait ends.
const MOST_SLEEPS: u32 = 2;

thread_local! {
    static IS_MAIN: bool = own::thread_id() == std::process::id();
    /// How many sleeps of this thread's wait have ended without anything.
    static SLEEPS: Cell<u32> = const { Cell::new(0) };
    static HAS_ENDED: Cell<bool> = const { Cell::new(false) };
}

/// The waits of the main thread, if it is the calling one, end for signals until this is dropped.
pub struct Watch {
    /// It is of one thread.
    _thread: PhantomData<*const ()>,
}

impl Watch {
    /// Call it at the head of a function that may wait, and keep it to the end of the wait.
    pub fn begin() -> Self {
        HAS_ENDED.set(false);
        SLEEPS.set(0);
        if IS_MAIN.with(|is_main| *is_main) {
            caller::watch(Some(goes_on));
        }
        Self {
            _thread: PhantomData,
        }
    }

    /// Whether the wait has ended for signals, and not because its time was up.
    pub fn was_interrupted(&self) -> bool {
        HAS_ENDED.get()
    }

    /// The number of a wait that has ended without what it was for.
    pub fn nothing(&self) -> i64 {
        match self.was_interrupted() {
            true => INTERRUPTED,
            false => TIMED_OUT,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        caller::watch(None);
    }
}

fn goes_on() -> bool {
    let is_over = match caller::last_sleep() {
        Sleep::Woken => false,
        Sleep::Interrupted => true,
        Sleep::Elapsed => {
            SLEEPS.set(SLEEPS.get() + 1);
            SLEEPS.get() >= MOST_SLEEPS
        }
    };
    HAS_ENDED.set(is_over);
    !is_over
}
