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
pub mod memory;
#[cfg(target_os = "linux")]
pub mod procfs;
#[cfg(target_os = "linux")]
pub mod socket;
#[cfg(target_os = "linux")]
pub mod spawn;
#[cfg(target_os = "linux")]
pub mod stream;

#[cfg(not(target_os = "linux"))]
compile_error!(
    "multiprocessing supports Linux only: native/core/src/sys needs futexes, memfd and pidfd"
);

use crate::error::{Error, Result};

/// Fails with one sentence where the kernel is too old for what the library needs
/// (`futex_waitv`, Linux 5.16).
pub fn require_supported() -> Result<()> {
    let uname = rustix::system::uname();
    let release = uname.release().to_string_lossy().into_owned();
    let mut numbers = release
        .split(['.', '-'])
        .map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version < (5, 16) {
        return Err(Error::Unsupported(format!(
            "multiprocessing needs Linux 5.16 or later (futex_waitv), this is {release}"
        )));
    }
    Ok(())
}

/// How many CPUs this process may run on (`sched_getaffinity(2)`), at least 1.
pub fn available_cpus() -> usize {
    rustix::thread::sched_getaffinity(None)
        .map(|set| set.count() as usize)
        .unwrap_or(1)
        .max(1)
}
