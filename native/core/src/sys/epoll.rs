//! `epoll(7)` with one-shot registrations, and `eventfd(2)`, which wakes who waits there.
#![expect(
    unsafe_code,
    reason = "names descriptors by their numbers, to end their registration"
)]

use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;

/// What a descriptor is watched for; its end or an error count as both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    Readable,
    Writable,
}

impl Interest {
    fn flags(self) -> EventFlags {
        EventFlags::ONESHOT
            | match self {
                Self::Readable => EventFlags::IN | EventFlags::RDHUP,
                Self::Writable => EventFlags::OUT,
            }
    }
}

/// A set of descriptors, each with a number of its watcher's choice. One that was ready is silent until
/// it is [armed again](Self::arm_again).
pub struct Epoll {
    descriptor: OwnedFd,
}

/// Room for what is told at once.
pub struct Events(Vec<Event>);

impl Default for Events {
    fn default() -> Self {
        Self(Vec::with_capacity(64))
    }
}

impl Epoll {
    pub fn create() -> Result<Self, Errno> {
        let descriptor = epoll::create(CreateFlags::CLOEXEC)?;
        Ok(Self { descriptor })
    }

    /// The same set by another descriptor.
    pub fn duplicate(&self) -> Result<Self, Errno> {
        let descriptor = super::descriptor::duplicate(&self.descriptor)?;
        Ok(Self { descriptor })
    }

    /// Adds a bell, which is told whenever it has been rung.
    pub fn add_bell(&self, bell: &Bell, number: u64) -> Result<(), Errno> {
        let data = EventData::new_u64(number);
        epoll::add(&self.descriptor, &bell.0, data, EventFlags::IN)
    }

    /// `EEXIST` if the open file is in the set by this descriptor's number.
    pub fn add(&self, watched: impl AsFd, number: u64, interest: Interest) -> Result<(), Errno> {
        let data = EventData::new_u64(number);
        epoll::add(&self.descriptor, watched, data, interest.flags())
    }

    /// `ENOENT` if the open file that the descriptor means is not in the set.
    pub fn arm_again(
        &self,
        watched: impl AsFd,
        number: u64,
        interest: Interest,
    ) -> Result<(), Errno> {
        let data = EventData::new_u64(number);
        epoll::modify(&self.descriptor, watched, data, interest.flags())
    }

    pub fn remove(&self, watched: impl AsFd) {
        let _ = epoll::delete(&self.descriptor, watched);
    }

    /// As [`remove`](Self::remove), of a descriptor that may be closed by now.
    pub fn remove_number(&self, number: RawFd) {
        // SAFETY: a number is all that `epoll_ctl(2)` needs, and one that is closed, or another
        // file's by now, is an error that changes nothing.
        self.remove(unsafe { BorrowedFd::borrow_raw(number) });
    }

    /// Sleeps until something is ready, or a signal comes; the numbers of what is.
    pub fn wait<'a>(
        &self,
        events: &'a mut Events,
    ) -> Result<impl Iterator<Item = u64> + 'a, Errno> {
        events.0.clear();
        let room = rustix::buffer::spare_capacity(&mut events.0);
        match epoll::wait(&self.descriptor, room, None) {
            Ok(_) | Err(Errno::INTR) => Ok(events.0.iter().map(|event| event.data.u64())),
            Err(errno) => Err(errno),
        }
    }
}

/// Wakes who waits for it in an [`Epoll`].
pub struct Bell(OwnedFd);

impl Bell {
    pub fn create() -> Result<Self, Errno> {
        eventfd(0, EventfdFlags::CLOEXEC).map(Self)
    }

    pub fn ring(&self) -> Result<(), Errno> {
        rustix::io::write(&self.0, &1u64.to_ne_bytes()).map(drop)
    }

    /// Ends the ringing. Sleeps if there is none.
    pub fn silence(&self) {
        let _ = rustix::io::read(&self.0, &mut [0; 8]);
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
