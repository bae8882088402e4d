//! The thread in which this process waits for descriptors: ends of children, end of the parent.
//!
//! `epoll(7)`, level-triggered and one-shot: a descriptor is watched until it is ready once.

use std::collections::HashMap;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};

use super::WaitId;
use crate::error::{Error, Result};

/// Called in the reactor's thread, once, unless the watch is cancelled.
pub type Sink = Box<dyn FnOnce() + Send>;

/// Called in the reactor's thread whenever the descriptor is ready, until it returns `true`. It
/// must not wait.
pub type Step = Box<dyn FnMut() -> bool + Send>;

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

struct Watch {
    descriptor: OwnedFd,
    interest: Interest,
    /// `None` while it runs.
    step: Option<Step>,
}

#[derive(Default)]
struct State {
    watches: HashMap<WaitId, Watch>,
    next_id: WaitId,
}

pub struct Descriptors {
    epoll: OwnedFd,
    /// Becomes readable when the reactor is dropped.
    stop: OwnedFd,
    state: Mutex<State>,
}

/// The id under which `stop` is watched; no watch has it.
const STOP: WaitId = 0;

impl Descriptors {
    /// Starts the thread. It ends when the last handle is dropped.
    pub fn start() -> Result<Arc<Self>> {
        let fail = |errno| Error::os("watch descriptors", errno);
        let epoll = epoll::create(CreateFlags::CLOEXEC).map_err(fail)?;
        let stop = eventfd(0, EventfdFlags::CLOEXEC).map_err(fail)?;
        epoll::add(&epoll, &stop, EventData::new_u64(STOP), EventFlags::IN).map_err(fail)?;
        let this = Arc::new(Self {
            epoll,
            stop,
            state: Mutex::default(),
        });
        let reactor = Arc::downgrade(&this);
        let epoll = this
            .epoll
            .try_clone()
            .map_err(|_| fail(rustix::io::Errno::MFILE))?;
        std::thread::Builder::new()
            .name("mp-descriptors".into())
            .stack_size(256 * 1024)
            .spawn(move || {
                let mut events = Vec::with_capacity(64);
                loop {
                    events.clear();
                    let buffer = rustix::buffer::spare_capacity(&mut events);
                    match epoll::wait(&epoll, buffer, None) {
                        Ok(_) | Err(rustix::io::Errno::INTR) => {}
                        Err(_) => return,
                    }
                    let Some(reactor) = reactor.upgrade() else {
                        return;
                    };
                    for event in &events {
                        reactor.tell(event.data.u64());
                    }
                }
            })
            .map_err(|_| fail(rustix::io::Errno::AGAIN))?;
        Ok(this)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells `sink` once when `descriptor` is readable or its other end is gone.
    pub fn watch(&self, descriptor: BorrowedFd, sink: Sink) -> Result<WaitId> {
        let mut sink = Some(sink);
        let step = Box::new(move || {
            if let Some(sink) = sink.take() {
                sink();
            }
            true
        });
        self.watch_steps(descriptor, Interest::Readable, step)
    }

    /// Runs `step` whenever `descriptor` is ready, until it says that it is done.
    pub fn watch_steps(
        &self,
        descriptor: BorrowedFd,
        interest: Interest,
        step: Step,
    ) -> Result<WaitId> {
        let fail = |errno| Error::os("watch a descriptor", errno);
        let descriptor = rustix::io::fcntl_dupfd_cloexec(descriptor, 0).map_err(fail)?;
        let mut state = self.state();
        state.next_id += 1;
        let id = state.next_id;
        let data = EventData::new_u64(id);
        epoll::add(&self.epoll, &descriptor, data, interest.flags()).map_err(fail)?;
        let watch = Watch {
            descriptor,
            interest,
            step: Some(step),
        };
        state.watches.insert(id, watch);
        Ok(id)
    }

    /// Forgets a watch; `false` if its sink or step has been or is being called.
    pub fn cancel(&self, id: WaitId) -> bool {
        self.remove(id).is_some_and(|watch| watch.step.is_some())
    }

    fn tell(&self, id: WaitId) {
        let step = |watch: &mut Watch| watch.step.take();
        let Some(mut step) = self.state().watches.get_mut(&id).and_then(step) else {
            return;
        };
        if step() {
            self.remove(id);
            return;
        }
        // Unless it was cancelled meanwhile.
        if let Some(watch) = self.state().watches.get_mut(&id) {
            watch.step = Some(step);
            let (data, flags) = (EventData::new_u64(id), watch.interest.flags());
            let _ = epoll::modify(&self.epoll, &watch.descriptor, data, flags);
        }
    }

    fn remove(&self, id: WaitId) -> Option<Watch> {
        let watch = self.state().watches.remove(&id)?;
        let _ = epoll::delete(&self.epoll, &watch.descriptor);
        Some(watch)
    }
}

impl Drop for Descriptors {
    fn drop(&mut self) {
        let _ = rustix::io::write(&self.stop, &1u64.to_ne_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;
    use std::sync::mpsc;

    #[test]
    fn a_closed_pipe_is_told_once_and_a_cancelled_watch_never() {
        let reactor = Descriptors::start().unwrap();
        let (told, hear) = mpsc::channel();
        let (reader, writer) = std::io::pipe().unwrap();
        let (silent, _kept) = std::io::pipe().unwrap();
        let again = told.clone();
        let cancelled = reactor.watch(silent.as_fd(), Box::new(move || again.send(2).unwrap()));
        reactor
            .watch(reader.as_fd(), Box::new(move || told.send(1).unwrap()))
            .unwrap();
        drop(writer);
        assert_eq!(hear.recv(), Ok(1));
        assert!(reactor.cancel(cancelled.unwrap()));
        assert_eq!(hear.recv(), Err(mpsc::RecvError));
    }
}
