//! `poll(2)`: sleeping until descriptors are as wanted.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::caller::{self, LONGEST_SLEEP, Sleep};
use super::clock::{Deadline, is_past, remaining, timespec};

/// Sleeps until `descriptor` has something to read, its end or an error among that; `false` when
/// `deadline` passes first.
pub fn await_readable(descriptor: impl AsFd, deadline: Deadline) -> Result<bool, Errno> {
    await_one(descriptor.as_fd(), PollFlags::IN, deadline)
}

/// Sleeps until there is room in `descriptor`; as [`await_readable`].
pub fn await_writable(descriptor: impl AsFd, deadline: Deadline) -> Result<bool, Errno> {
    await_one(descriptor.as_fd(), PollFlags::OUT, deadline)
}

/// Sleeps until the other end of a socket is closed; as [`await_readable`].
pub fn await_hang_up(socket: impl AsFd, deadline: Deadline) -> Result<bool, Errno> {
    await_one(socket.as_fd(), PollFlags::RDHUP, deadline)
}

/// Whether `descriptor` has something to read now.
pub fn is_readable(descriptor: impl AsFd) -> Result<bool, Errno> {
    await_readable(descriptor, Some(Instant::now()))
}

/// Which of the descriptors are readable, at their end or unusable, by their places; waits until
/// `deadline` for the first.
pub fn ready(descriptors: &[BorrowedFd], deadline: Deadline) -> Result<Vec<usize>, Errno> {
    let polled = descriptors.iter();
    let mut polled: Vec<_> = polled.map(|it| PollFd::new(it, PollFlags::IN)).collect();
    poll_until(&mut polled, deadline)?;
    let ready = polled.iter().enumerate();
    let ready = ready.filter(|(_, polled)| !polled.revents().is_empty());
    Ok(ready.map(|(place, _)| place).collect())
}

pub(super) fn await_one(
    descriptor: BorrowedFd,
    wanted: PollFlags,
    deadline: Deadline,
) -> Result<bool, Errno> {
    let mut polled = [PollFd::from_borrowed_fd(descriptor, wanted)];
    poll_until(&mut polled, deadline).map(|ready| ready > 0)
}

/// Sleeps until something is ready or `deadline` passes; how many are ready. `ECANCELED` if nobody is
/// left for whom the thread waits ([`caller`]).
fn poll_until(polled: &mut [PollFd], deadline: Deadline) -> Result<usize, Errno> {
    let is_watched = caller::is_watched() && !is_past(deadline);
    loop {
        let left = match is_watched {
            true => Some(remaining(deadline, LONGEST_SLEEP)),
            false => deadline.map(|at| at.saturating_duration_since(Instant::now())),
        };
        let timeout = left.map(timespec);
        let result = poll(polled, timeout.as_ref());
        caller::note_sleep(match result {
            Err(Errno::INTR) => Sleep::Interrupted,
            Ok(0) => Sleep::Elapsed,
            _ => Sleep::Woken,
        });
        if is_watched && !caller::goes_on() {
            return Err(Errno::CANCELED);
        }
        match result {
            Err(Errno::INTR) => {}
            Ok(0) if is_watched && !is_past(deadline) => {}
            result => return result,
        }
    }
}
