//! The only place that speaks to the operating system: one thin wrapper per system call.
//!
//! Another operating system would replace this folder and nothing else; until somebody does,
//! [`require_supported`] says so in words instead of failing to link.

pub mod atomic;
pub mod clock;
#[cfg(target_os = "linux")]
pub mod futex;
#[cfg(target_os = "linux")]
pub mod interrupt;
#[cfg(target_os = "linux")]
pub mod life;
#[cfg(target_os = "linux")]
pub mod memory;
#[cfg(target_os = "linux")]
pub mod procfs;
#[cfg(target_os = "linux")]
pub mod reaping;
pub mod runtime;
#[cfg(target_os = "linux")]
pub mod socket;
#[cfg(target_os = "linux")]
pub mod spawn;
#[cfg(target_os = "linux")]
pub mod stream;
#[cfg(target_os = "linux")]
pub mod text;

#[cfg(not(target_os = "linux"))]
compile_error!(
    "multiprocessing supports Linux only: native/core/src/sys needs futexes, memfd and pidfd"
);

use std::os::fd::AsFd;

use rustix::io::Errno;
use rustix::process::{PidfdFlags, WaitId, WaitIdOptions, getpid, pidfd_open, waitid};

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
    let own = pidfd_open(getpid(), PidfdFlags::empty()).map_err(|it| lacking("pidfd_open", it))?;
    // A process is no child of its own: ECHILD says that the question was understood.
    match waitid(
        WaitId::PidFd(own.as_fd()),
        WaitIdOptions::EXITED | WaitIdOptions::NOHANG,
    ) {
        Ok(_) | Err(Errno::CHILD) => Ok(()),
        Err(errno) => Err(lacking("waitid with a pidfd", errno)),
    }
}

/// How many CPUs this process may run on (`sched_getaffinity(2)`), at least 1.
pub fn available_cpus() -> usize {
    rustix::thread::sched_getaffinity(None)
        .map(|set| set.count() as usize)
        .unwrap_or(1)
        .max(1)
}
