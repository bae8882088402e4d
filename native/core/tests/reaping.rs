//! Children whose parent was told to ignore SIGCHLD. A process of its own: the action is the whole
//! process's.
#![expect(unsafe_code, reason = "sigaction(2) has no safe wrapper")]

use std::mem::MaybeUninit;
use std::process::Command;
use std::ptr;

use multiprocessing_core::sys::reaping::keep_zombies;

/// Sets the action for SIGCHLD, as the starter of the process may have done.
fn set(action: usize, flags: i32) {
    // SAFETY: the structure is valid when it is zeroed.
    let mut it = unsafe { MaybeUninit::<libc::sigaction>::zeroed().assume_init() };
    (it.sa_sigaction, it.sa_flags) = (action, flags);
    // SAFETY: the structure is filled.
    unsafe { libc::sigaction(libc::SIGCHLD, &it, ptr::null_mut()) };
}

extern "C" fn handler(_: i32) {}

#[test]
fn the_kernel_does_not_reap_whatever_it_was_told() {
    let handler = handler as extern "C" fn(i32) as usize;
    let restarting = libc::SA_RESTART;
    for (action, flags) in [
        (libc::SIG_IGN, 0),
        (libc::SIG_DFL, libc::SA_NOCLDWAIT),
        (handler, libc::SA_NOCLDWAIT | restarting),
        (handler, restarting),
    ] {
        set(action, flags);
        keep_zombies();
        assert_eq!(Command::new("false").status().unwrap().code(), Some(1));
    }
}
