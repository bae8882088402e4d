//! Work for which a thread of its own is started, because there is no descriptor to wait for.
//!
//! | state    | `outcome` | `hung_up`  | then                                                       |
//! | -------- | --------- | ---------- | ---------------------------------------------------------- |
//! | under way | `None`  | open       | T1: the thread has finished → done                         |
//! | done     | `Some`    | readable   | T2: taken → over                                           |
//! | given up | —         | —          | T3: `Errand` dropped: the thread ends as soon as it sees   |

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::sys::clock::Deadline;
use crate::sys::{Errno, pipe, poll};

/// Something that a thread is doing. Dropped, it is given up.
pub struct Errand<T> {
    /// The thread holds the other end of this pipe.
    hung_up: OwnedFd,
    pub(super) shared: Arc<Shared<T>>,
}

pub(super) struct Shared<T> {
    outcome: Mutex<Option<Result<T>>>,
    is_given_up: AtomicBool,
}

impl<T: Send + 'static> Errand<T> {
    /// Lets a thread do `work`, which is told where to see that it is given up.
    pub(super) fn start(
        work: impl FnOnce(&AtomicBool) -> Option<Result<T>> + Send + 'static,
    ) -> Result<Self> {
        let fail = |errno| Error::os("connect", errno);
        let (hung_up, kept) = pipe::pipe().map_err(fail)?;
        let shared = Arc::new(Shared {
            outcome: Mutex::new(None),
            is_given_up: AtomicBool::new(false),
        });
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("mp-connect".into())
            .stack_size(512 * 1024)
            .spawn(move || {
                let outcome = work(&theirs.is_given_up);
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
        poll::await_readable(self.as_fd(), deadline).map_err(|errno| Error::os("connect", errno))
    }

    /// What came of it; `None` before it is done, and the second time.
    pub fn take(&self) -> Option<Result<T>> {
        let mut outcome = self
            .shared
            .outcome
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        outcome.take()
    }
}

/// Readable when it is done.
impl<T> AsFd for Errand<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.hung_up.as_fd()
    }
}

impl<T> Drop for Errand<T> {
    fn drop(&mut self) {
        // Relaxed: nothing else is told by it.
        self.shared.is_given_up.store(true, Ordering::Relaxed);
    }
}
