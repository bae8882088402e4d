//! Forks of this process: `pthread_atfork(3)`. A child of a fork has a copy of the memory of its parent,
//! but is no member of the tree: it has neither the threads nor what was given to the parent. So nothing
//! that such a child does may speak for the parent, not even when its threads end.
#![expect(
    unsafe_code,
    reason = "`pthread_atfork(3)` and `close(2)` by number have no safe wrappers"
)]

use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicI32};

use rustix::io::Errno;

static IS_FORKED: AtomicBool = AtomicBool::new(false);
/// Descriptors that a child of a fork closes; -1 for none.
static TO_CLOSE: [AtomicI32; 4] = [const { AtomicI32::new(-1) }; 4];

/// Has children of forks know that they are some.
pub fn watch() -> Result<(), Errno> {
    // SAFETY: the function lives as long as the process: the host never unloads a library of functions.
    match unsafe { libc::pthread_atfork(None, None, Some(forked)) } {
        0 => Ok(()),
        errno => Err(Errno::from_raw_os_error(errno)),
    }
}

/// Whether this process was forked from one that has called [`watch`].
pub fn is_forked() -> bool {
    IS_FORKED.load(Relaxed)
}

/// Has children of forks close these descriptors, which are open in this process for good.
pub fn close_in_child(descriptors: &[BorrowedFd]) {
    for (place, descriptor) in TO_CLOSE.iter().zip(descriptors) {
        place.store(descriptor.as_raw_fd(), Relaxed);
    }
}

/// Runs in the child, where only what is safe in a handler of signals may be called.
extern "C" fn forked() {
    IS_FORKED.store(true, Relaxed);
    for place in &TO_CLOSE {
        let descriptor = place.swap(-1, Relaxed);
        if descriptor >= 0 {
            // SAFETY: nothing of this process uses it any more: every function asks `is_forked` first.
            unsafe { libc::close(descriptor) };
        }
    }
}
