//! Waiting for any of many descriptors: `poll(2)` for a thread, an `epoll(7)` set for the reactor.

use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
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

/// One descriptor that is readable as soon as any of these is, as long as they stay open.
pub fn gather(descriptors: &[BorrowedFd]) -> Result<OwnedFd, Errno> {
    let set = epoll::create(CreateFlags::CLOEXEC)?;
    for descriptor in descriptors {
        let flags = EventFlags::IN | EventFlags::RDHUP;
        match epoll::add(&set, descriptor, EventData::new_u64(0), flags) {
            // EEXIST: it is there twice.
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(set)
}
