//! SIGINT, SIGTERM and SIGHUP before a process is ready for them. They reach the whole group, by Ctrl-C,
//! from a service manager, or when a terminal is closed, but must not end a process that waits for work, or that ignores those which are
//! not meant for it ([`shield`](super::shield)). `posix_spawn(3)` cannot have a signal ignored from the
//! start, but blocked: [`blocked`] is the mask that such a process is started with, and that all its
//! threads have. If one of them is pending before the work arrives, the process is given no work
//! (`Child::assign`). So what is pending afterwards was meant for the work; [`accept`] has it delivered
//! to the calling thread, as later ones are.
#![expect(unsafe_code, reason = "pthread_sigmask(3) has no safe wrapper")]

use std::mem::MaybeUninit;
use std::ptr;

/// The signals that are sent to whole groups of processes.
pub const TO_GROUPS: [libc::c_int; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

/// The signal mask of a process that is not ready for them.
pub fn blocked() -> libc::sigset_t {
    let mut set = none();
    for signal in TO_GROUPS {
        // SAFETY: the set is initialised, the signal exists.
        unsafe { libc::sigaddset(&mut set, signal) };
    }
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

/// Lets this thread have those that have come while they were blocked, and those to come. They end the
/// process, unless it has a handler.
pub fn accept() {
    // SAFETY: the mask is initialised; nothing else is changed.
    unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, &blocked(), ptr::null_mut()) };
}
