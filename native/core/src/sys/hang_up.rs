//! The end of this process when the other end of a socket is closed: `fcntl(2)` with `F_SETSIG`. The
//! kernel sends the signal: no thread has to wait for it, and no handler can miss it.
#![expect(unsafe_code, reason = "`F_SETSIG` and `O_ASYNC` have no safe wrappers")]

use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::io::Errno;

/// Has the kernel end this process (SIGKILL) as soon as the other end of `socket` is closed, or
/// something arrives in it. Whether it was closed before is for the caller to look at. Children of
/// forks are not ended.
pub fn end_with_other_end(socket: BorrowedFd) -> Result<(), Errno> {
    let socket = socket.as_raw_fd();
    // SAFETY: getpid has no conditions.
    let this = unsafe { libc::getpid() };
    // SAFETY: the descriptor is open, and the argument a number.
    checked(unsafe { libc::fcntl(socket, libc::F_SETOWN, this) })?;
    // SAFETY: as above.
    checked(unsafe { libc::fcntl(socket, F_SETSIG, libc::SIGKILL) })?;
    // SAFETY: as above.
    let flags = checked(unsafe { libc::fcntl(socket, libc::F_GETFL) })?;
    // SAFETY: as above.
    checked(unsafe { libc::fcntl(socket, libc::F_SETFL, flags | libc::O_ASYNC) }).map(drop)
}

/// As `fcntl.h` of Linux has it.
const F_SETSIG: libc::c_int = 10;

fn checked(outcome: libc::c_int) -> Result<libc::c_int, Errno> {
    match outcome {
        -1 => Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::INVAL)),
        outcome => Ok(outcome),
    }
}
