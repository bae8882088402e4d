//! Which of many descriptors are ready, by `poll(2)`.

use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use crate::sys::clock::Deadline;
use crate::sys::stream::poll_until;

/// The places of those descriptors that are readable, at their end or unusable; waits until
/// `deadline` for the first.
pub fn ready(descriptors: &[BorrowedFd], deadline: Deadline) -> Result<Vec<usize>, Errno> {
    let mut polled: Vec<_> = descriptors
        .iter()
        .map(|descriptor| PollFd::new(descriptor, PollFlags::IN))
        .collect();
    poll_until(&mut polled, deadline)?;
    let ready = polled.iter().enumerate();
    Ok(ready
        .filter(|(_, polled)| !polled.revents().is_empty())
        .map(|(place, _)| place)
        .collect())
}
