//! Making a connection.
//!
//! What can be connected at once is. For the rest there is a thread of its own: neither
//! `getaddrinfo(3)` nor the queue in front of a busy UNIX socket has a descriptor to wait for.
//!
//! | state    | `outcome` | `hung_up`  | then                                                       |
//! | -------- | --------- | ---------- | ---------------------------------------------------------- |
//! | dialling | `None`    | open       | T1: the thread has finished → done                         |
//! | done     | `Some`    | readable   | T2: taken → over                                           |
//! | given up | —         | —          | T3: `Dial` dropped: the thread ends within [`SLICE`]       |

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::Errno;

use super::{Address, Place};
use crate::error::{Error, Result};
use crate::sys::clock::Deadline;
use crate::sys::socket;
use crate::wait::SLICE;

/// What became of [`dial`].
pub enum Dialled {
    Connected(OwnedFd),
    UnderWay(Dial),
}

/// Connects to `place`, or begins to.
pub fn dial(place: &Place) -> Result<Dialled> {
    place.require_granted()?;
    match place.known() {
        None => Dial::start(Work::resolve(place)).map(Dialled::UnderWay),
        Some(addresses) => match Work::new(addresses?).advance()? {
            Progress::Connected(descriptor) => Ok(Dialled::Connected(descriptor)),
            Progress::Waiting(work) => Dial::start(work).map(Dialled::UnderWay),
        },
    }
}

/// A connection that is being made. Dropped, it is given up.
pub struct Dial {
    /// The thread holds the other end of this pipe.
    hung_up: OwnedFd,
    pub(super) shared: Arc<Shared>,
}

#[derive(Default)]
pub(super) struct Shared {
    outcome: Mutex<Option<Result<OwnedFd>>>,
    is_given_up: AtomicBool,
}

impl Dial {
    fn start(work: Work) -> Result<Self> {
        let fail = |errno| Error::os("connect", errno);
        let (hung_up, kept) =
            rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(fail)?;
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("mp-connect".into())
            .stack_size(512 * 1024)
            .spawn(move || {
                let outcome = work.finish(&theirs.is_given_up);
                *theirs
                    .outcome
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner) = outcome;
                drop(kept);
            })
            .map_err(|_| fail(Errno::AGAIN))?;
        Ok(Self { hung_up, shared })
    }

    /// Waits until it is done; `false` when `deadline` passes first.
    pub fn wait(&self, deadline: Deadline) -> Result<bool> {
        socket::await_readable(self.as_fd(), deadline).map_err(|errno| Error::os("connect", errno))
    }

    /// The connection, or why there is none; `None` before it is done, and the second time.
    pub fn take(&self) -> Option<Result<OwnedFd>> {
        let mut outcome = self
            .shared
            .outcome
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        outcome.take()
    }
}

/// Readable when it is done.
impl AsFd for Dial {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.hung_up.as_fd()
    }
}

impl Drop for Dial {
    fn drop(&mut self) {
        // Relaxed: nothing else is told by it.
        self.shared.is_given_up.store(true, Ordering::Relaxed);
    }
}

/// What is left to be done.
enum Work {
    Resolve(Place),
    Connect {
        /// The one that is being connected, and its address.
        current: Option<(OwnedFd, Address)>,
        /// Those to try if it fails, the next one last.
        rest: Vec<Address>,
    },
}

enum Progress {
    Connected(OwnedFd),
    /// It takes longer than the socket may sleep.
    Waiting(Work),
}

impl Work {
    fn resolve(place: &Place) -> Self {
        Self::Resolve(place.clone())
    }

    fn new(mut addresses: Vec<Address>) -> Self {
        addresses.reverse();
        Self::Connect {
            current: None,
            rest: addresses,
        }
    }

    /// Goes as far as it gets without sleeping longer than the sockets may.
    fn advance(self) -> Result<Progress> {
        let (mut current, mut rest) = match self {
            Self::Resolve(place) => return Self::new(place.resolve()?).advance(),
            Self::Connect { current, rest } => (current, rest),
        };
        let mut failure = Errno::ADDRNOTAVAIL;
        loop {
            let (descriptor, address) = match current.take() {
                Some(current) => current,
                None => {
                    let Some(address) = rest.pop() else {
                        return Err(Error::os("connect", failure));
                    };
                    let descriptor = socket::open(&address);
                    (
                        descriptor.map_err(|errno| Error::os("connect", errno))?,
                        address,
                    )
                }
            };
            // The second time tells of what has happened on this machine meanwhile.
            let attempt = || {
                Ok(socket::connect(&descriptor, &address)?
                    || socket::connect(&descriptor, &address)?)
            };
            match attempt() {
                Ok(true) => {
                    socket::may_sleep(&descriptor, None)
                        .map_err(|errno| Error::os("connect", errno))?;
                    return Ok(Progress::Connected(descriptor));
                }
                Ok(false) => {
                    let current = Some((descriptor, address));
                    return Ok(Progress::Waiting(Self::Connect { current, rest }));
                }
                Err(errno) => failure = errno,
            }
        }
    }

    /// Goes to the end, sleeping; `None` if it is given up.
    fn finish(mut self, is_given_up: &AtomicBool) -> Option<Result<OwnedFd>> {
        loop {
            match self.advance() {
                Ok(Progress::Connected(descriptor)) => return Some(Ok(descriptor)),
                Ok(Progress::Waiting(work)) => self = work,
                Err(error) => return Some(Err(error)),
            }
            if is_given_up.load(Ordering::Relaxed) {
                return None;
            }
            if let Self::Connect {
                current: Some((descriptor, _)),
                ..
            } = &self
                && let Err(errno) = socket::may_sleep(descriptor, Some(SLICE))
            {
                return Some(Err(Error::os("connect", errno)));
            }
        }
    }
}
