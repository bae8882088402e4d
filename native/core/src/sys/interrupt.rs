//! SIGINT and processes that were started ahead of their work. Ctrl-C reaches the whole group, but
//! one that has no work must not die of it. A signal cannot be ignored from birth by
//! `posix_spawn(3)`, but it can be blocked: [`blocked`] is the mask that such a process is started
//! with, and all its threads have. What came meanwhile is forgotten, and what comes later
//! delivered to the thread that calls [`accept`].
#![allow(unsafe_code)] // sigaction(2) and pthread_sigmask(3) have no safe wrapper

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
    // SAFETY: sigemptyset initialises the whole set.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    }
}

/// Forgets the SIGINT that has come while it was blocked, and lets this thread have those to come.
/// They end the process, unless it has a handler: that stays, and gets the first one, too.
pub fn accept() {
    let mut now = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: sigaction fills the structure, or fails for unknown signals only; the mask is
    // initialised. To ignore a signal for a moment discards the pending one (POSIX, 2.4.3).
    unsafe {
        if libc::sigaction(libc::SIGINT, ptr::null(), now.as_mut_ptr()) == 0
            && now.assume_init().sa_sigaction == libc::SIG_DFL
        {
            libc::signal(libc::SIGINT, libc::SIG_IGN);
            libc::signal(libc::SIGINT, libc::SIG_DFL);
        }
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &blocked(), ptr::null_mut());
    }
}
