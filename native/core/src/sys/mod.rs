//! The operating system: every system call that std does not offer is made here, by one thin wrapper
//! each. Nothing else in the core or the addon uses `rustix` or `libc`, but for
//! the errors below, which have the number of the call that failed.
//!
//! | what about        | modules |
//! | ----------------- | ------- |
//! | memory            | [`memory`], [`named`], [`atomic`], [`bytes`], [`words`] |
//! | time and sleeping | [`clock`], [`futex`], [`poll`], [`epoll`], [`timer`]; [`caller`]: for whom a thread sleeps |
//! | descriptors       | [`descriptor`], [`pipe`], [`socket`], [`peer`], [`unix`], [`stream`] |
//! | processes         | [`spawn`], [`child`], [`reaping`], [`interrupt`], [`shield`], [`life`], [`own`], [`procfs`], [`activity`], [`outside`], [`at_exit`], [`fork`], [`hang_up`] |
//! | texts             | [`text`], [`random`] |
//!
//! Another operating system would replace this folder and nothing else; until somebody does,
//! [`require_supported`] says so in words instead of failing to link.

pub mod activity;
pub mod at_exit;
pub mod atomic;
pub mod bytes;
pub mod caller;
pub mod child;
pub mod clock;
pub mod descriptor;
pub mod epoll;
pub mod fork;
pub mod futex;
pub mod hang_up;
pub mod interrupt;
pub mod libraries;
pub mod life;
pub mod memory;
pub mod named;
pub mod outside;
pub mod own;
pub mod peer;
pub mod pipe;
pub mod poll;
pub mod procfs;
pub mod random;
pub mod reaping;
pub mod shield;
pub mod socket;
pub mod spawn;
pub mod stream;
pub mod text;
pub mod timer;
pub mod unix;
pub mod words;

#[cfg(not(target_os = "linux"))]
compile_error!(
    "multiprocessing supports Linux only: native/core/src/sys needs futexes, memfd and pidfd"
);

pub use rustix::io::Errno;

use crate::error::{Error, Result};

/// The sentence about a system call that the library cannot do without.
pub fn lacking(call: &str, errno: Errno) -> Error {
    Error::Unsupported(format!(
        "Cannot use multiprocessing: the system call {call} is denied or missing here ({errno}); it needs Linux 5.4 or \
         later, and a filter of system calls (seccomp) that allows it"
    ))
}

/// Fails with one sentence where the kernel, a filter of system calls (seccomp) or the file systems
/// lack what the library cannot do without. `futex_waitv(2)` is not among that: see
/// [`futex::can_wait_for_many`].
pub fn require_supported() -> Result<()> {
    if let Err(error) = procfs::require() {
        return Err(Error::Unsupported(format!(
            "Cannot use multiprocessing: /proc does not tell of this process ({error}); mount the /proc of its PID \
             namespace there"
        )));
    }
    if let Err(errno) = life::pidfd_of_this_process() {
        return Err(lacking("pidfd_open", errno));
    }
    child::require_wait().map_err(|errno| lacking("waitid with a pidfd", errno))
}
