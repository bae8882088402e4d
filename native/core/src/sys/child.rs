//! Children by their pidfds: `waitid(2)`, `pidfd_send_signal(2)`, and `kill(2)` where that is missing.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;
use rustix::process::{WaitId, WaitIdOptions, WaitIdStatus};

pub use rustix::process::Signal;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    Signal(i32),
}

impl Exit {
    /// As `Process.exitcode` tells it: n, or −n for signal n.
    pub fn code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => -signal,
        }
    }
}

/// The code of a child that somebody else has reaped: its own is lost.
const LOST: Exit = Exit::Code(255);

/// How the child ended, which is reaped; `None` while it runs.
pub fn try_wait(pidfd: BorrowedFd) -> Result<Option<Exit>, Errno> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    match rustix::process::waitid(WaitId::PidFd(pidfd), options) {
        Ok(status) => Ok(status.as_ref().map(exit_of)),
        Err(Errno::CHILD) => Ok(Some(LOST)),
        Err(errno) => Err(errno),
    }
}

fn exit_of(status: &WaitIdStatus) -> Exit {
    match status.terminating_signal() {
        Some(signal) => Exit::Signal(signal),
        None => Exit::Code(status.exit_status().unwrap_or(0)),
    }
}

/// Fails where no child can be waited for by a pidfd.
pub(super) fn require_wait() -> Result<(), Errno> {
    let own = super::life::pidfd_of_this_process()?;
    // A process is no child of its own: ECHILD, here LOST, says that the question was understood.
    try_wait(own.as_fd()).map(drop)
}

/// Sends a signal. `ENOSYS` or `EPERM` where a filter of system calls does not know the call.
pub fn signal(pidfd: BorrowedFd, signal: Signal) -> Result<(), Errno> {
    rustix::process::pidfd_send_signal(pidfd, signal)
}

/// As [`signal`], by the number of a child that nobody can reap meanwhile.
pub fn signal_by_number(pid: u32, signal: Signal) -> Result<(), Errno> {
    let pid = super::life::process_number(pid).ok_or(Errno::SRCH)?;
    rustix::process::kill_process(pid, signal)
}

/// Whether the signal stops a process that has no handler.
pub fn stops(signal: Signal) -> bool {
    [Signal::STOP, Signal::TSTP, Signal::TTIN, Signal::TTOU].contains(&signal)
}
