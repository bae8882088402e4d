//! SIGINT and processes that were started ahead of their work. Ctrl-C reaches the whole group, but
//! a process without work must not die of it. `posix_spawn(3)` cannot have a signal ignored from
//! the start, but blocked: [`blocked`] is the mask that such a process is started with, and that
//! all its threads have. If a SIGINT is pending before the work arrives, the process is given no
//! work (`Child::assign`). So a SIGINT that is pending afterwards was meant for the work;
//! [`accept`] has it delivered to the calling thread, as later ones are.
#![expect(unsafe_code, reason = "pthread_sigmask(3) has no safe wrapper")]

use std::mem::MaybeUninit;
use std::ptr;

/// The signal mask of a process that waits for work.
pub fn blocked() -> libc::sigset_t {
    let mut set = none();
    // SAFETY: the set is initialised, the signal exists.
    unsafe { libc::sigaddset(&mut set, libc::SIGINT) };
    set
}

/// No signal.
pub fn none() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: the call only fills the set.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: sigemptyset has initialised the whole set.
    unsafe { set.assume_init() }
}

/// Lets this thread have the SIGINT that has come while it was blocked, and those to come. They
/// end the process, unless it has a handler.
pub fn accept() {
    // SAFETY: the mask is initialised; nothing else is changed.
    unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, &blocked(), ptr::null_mut()) };
}
