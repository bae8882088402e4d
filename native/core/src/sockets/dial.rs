//! Making a connection.
//!
//! What can be connected at once is. For the rest there is a thread of its own: the queue in front
//! of a busy UNIX socket has no descriptor to wait for.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use super::errand::Errand;
use super::{Address, Found};
use crate::error::{Error, Result};
use crate::sys::{Errno, socket};
use crate::wait::SLICE;

/// The outcome of [`dial`].
pub enum Dialled {
    Connected(OwnedFd),
    UnderWay(Dial),
}

/// A connection that is being made.
pub type Dial = Errand<OwnedFd>;

/// Connects to the first of the addresses that lets it, or begins to.
pub fn dial(found: &Found) -> Result<Dialled> {
    match Connecting::new(found.addresses().to_vec()).advance()? {
        DialProgress::Connected(descriptor) => Ok(Dialled::Connected(descriptor)),
        DialProgress::Waiting(work) => {
            Errand::start(move |is_given_up| work.finish(is_given_up)).map(Dialled::UnderWay)
        }
    }
}

/// What is left to be done.
struct Connecting {
    /// The one that is being connected, and its address.
    current: Option<(OwnedFd, Address)>,
    /// Those to try if it fails, the next one last.
    rest: Vec<Address>,
}

enum DialProgress {
    Connected(OwnedFd),
    /// It takes longer than the socket may sleep.
    Waiting(Connecting),
}

impl Connecting {
    fn new(mut addresses: Vec<Address>) -> Self {
        addresses.reverse();
        Self {
            current: None,
            rest: addresses,
        }
    }

    /// Goes as far as it gets without sleeping longer than the sockets may.
    fn advance(self) -> Result<DialProgress> {
        let Self {
            mut current,
            mut rest,
        } = self;
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
                    return Ok(DialProgress::Connected(descriptor));
                }
                Ok(false) => {
                    let current = Some((descriptor, address));
                    return Ok(DialProgress::Waiting(Self { current, rest }));
                }
                Err(errno) => failure = errno,
            }
        }
    }

    /// Goes to the end, sleeping; `None` if it is given up.
    fn finish(mut self, is_given_up: &AtomicBool) -> Option<Result<OwnedFd>> {
        loop {
            match self.advance() {
                Ok(DialProgress::Connected(descriptor)) => return Some(Ok(descriptor)),
                Ok(DialProgress::Waiting(work)) => self = work,
                Err(error) => return Some(Err(error)),
            }
            if is_given_up.load(Ordering::Relaxed) {
                return None;
            }
            if let Some((descriptor, _)) = &self.current
                && let Err(errno) = socket::may_sleep(descriptor, Some(SLICE))
            {
                return Some(Err(Error::os("connect", errno)));
            }
        }
    }
}
