//! The thread in which this process waits for descriptors: ends of children, end of the parent.
//!
//! `epoll(7)`, level-triggered and one-shot: a descriptor is watched until it is ready once.
//!
//! | wait                                   | who keeps the descriptor open | registrations           |
//! | -------------------------------------- | ----------------------------- | ----------------------- |
//! | a *watch*, by [`Descriptors::watch_steps`] | the watch                 | one each                |
//! | a *look-out* for any of several, by [`Descriptors::look_out`] | its owner, who cancels it before it closes one | one for each descriptor, whoever waits |
//!
//! So thousands may look out for one descriptor: the kernel lets an open file be watched a thousand
//! times, and five hundred times by sets within sets.

use std::collections::{HashMap, HashSet};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::WaitId;
use crate::error::{Error, Result};
use crate::sys::Errno;
use crate::sys::descriptor::duplicate;
use crate::sys::epoll::{Bell, Epoll, Events, Interest};

/// Called in the reactor's thread, once, unless the watch is cancelled.
pub type Sink = Box<dyn FnOnce() + Send>;

/// Called in the reactor's thread whenever the descriptor is ready, until it returns `true`. It
/// must not wait.
pub type DescriptorStep = Box<dyn FnMut() -> bool + Send>;

/// A descriptor that stays open as long as this is kept.
pub type Kept = Arc<dyn AsFd + Send + Sync>;

struct DescriptorWatch {
    descriptor: Kept,
    interest: Interest,
    /// `None` while it runs.
    step: Option<DescriptorStep>,
}

/// A wait for the first of several descriptors.
struct LookOut {
    descriptors: Vec<RawFd>,
    sink: Sink,
}

/// The registration of a descriptor that somebody looks out for.
struct Post {
    id: WaitId,
    look_outs: HashSet<WaitId>,
}

#[derive(Default)]
struct State {
    watches: HashMap<WaitId, DescriptorWatch>,
    look_outs: HashMap<WaitId, LookOut>,
    posts: HashMap<RawFd, Post>,
    /// The descriptors of the posts, by their ids.
    posted: HashMap<WaitId, RawFd>,
    jobs: Vec<Box<dyn FnOnce() + Send>>,
    /// Of watches, look-outs and posts.
    next_id: WaitId,
}

impl State {
    fn take_id(&mut self) -> WaitId {
        self.next_id += 1;
        self.next_id
    }
}

pub struct Descriptors {
    epoll: Epoll,
    /// Rung when there are jobs, and when the reactor is dropped.
    bell: Bell,
    state: Mutex<State>,
}

/// The id under which the bell is watched; no watch has it.
const BELL: WaitId = 0;

impl Descriptors {
    /// Starts the thread. It ends when the last handle is dropped.
    pub fn start() -> Result<Arc<Self>> {
        let fail = |errno| Error::os("watch descriptors", errno);
        let epoll = Epoll::create().map_err(fail)?;
        let bell = Bell::create().map_err(fail)?;
        epoll.add_bell(&bell, BELL).map_err(fail)?;
        let this = Arc::new(Self {
            epoll,
            bell,
            state: Mutex::default(),
        });
        let reactor = Arc::downgrade(&this);
        let epoll = this.epoll.duplicate().map_err(fail)?;
        std::thread::Builder::new()
            .name("mp-descriptors".into())
            .stack_size(256 * 1024)
            .spawn(move || {
                let mut events = Events::default();
                loop {
                    let Ok(ready) = epoll.wait(&mut events) else {
                        return;
                    };
                    let Some(reactor) = reactor.upgrade() else {
                        return;
                    };
                    for id in ready {
                        reactor.tell(id);
                    }
                }
            })
            .map_err(|_| fail(Errno::AGAIN))?;
        Ok(this)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A descriptor that this reactor alone waits for.
    pub fn own_descriptor(&self) -> RawFd {
        self.bell.as_fd().as_raw_fd()
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
        step: DescriptorStep,
    ) -> Result<WaitId> {
        let fail = |errno| Error::os("watch a descriptor", errno);
        let descriptor = duplicate(descriptor).map_err(fail)?;
        self.watch_kept(Arc::new(descriptor), interest, step)
    }

    /// As [`watch_steps`](Self::watch_steps), for a descriptor that nothing else is watched by.
    pub fn watch_kept(
        &self,
        descriptor: Kept,
        interest: Interest,
        step: DescriptorStep,
    ) -> Result<WaitId> {
        let fail = |errno| Error::os("watch a descriptor", errno);
        let mut state = self.state();
        let id = state.take_id();
        self.epoll.add(&descriptor, id, interest).map_err(fail)?;
        let watch = DescriptorWatch {
            descriptor,
            interest,
            step: Some(step),
        };
        state.watches.insert(id, watch);
        Ok(id)
    }

    /// Tells `sink` once when the first of the descriptors is readable or its other end is gone. They
    /// must stay open until then, or until the look-out is cancelled; one that is closed nevertheless
    /// is never ready.
    pub fn look_out(&self, descriptors: &[BorrowedFd], sink: Sink) -> Result<WaitId> {
        let mut state = self.state();
        let id = state.take_id();
        let numbers: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
        for descriptor in descriptors {
            if let Err(errno) = self.post(&mut state, *descriptor, id) {
                self.leave(&mut state, id, &numbers);
                return Err(Error::os("wait for a descriptor", errno));
            }
        }
        let descriptors = numbers;
        state.look_outs.insert(id, LookOut { descriptors, sink });
        Ok(id)
    }

    /// Has the look-out `id` told of a descriptor.
    fn post(
        &self,
        state: &mut State,
        descriptor: BorrowedFd,
        id: WaitId,
    ) -> std::result::Result<(), Errno> {
        let number = descriptor.as_raw_fd();
        if let Some(post) = state.posts.get_mut(&number) {
            // Armed again, which also shows whether the number still means the same open file.
            match self
                .epoll
                .arm_again(descriptor, post.id, Interest::Readable)
            {
                Ok(()) => {
                    post.look_outs.insert(id);
                    return Ok(());
                }
                Err(Errno::NOENT) => {}
                Err(errno) => return Err(errno),
            }
            // Those who look out for the one that was closed wait for their owners to cancel them.
            let stale = post.id;
            state.posted.remove(&stale);
            state.posts.remove(&number);
        }
        let post = state.take_id();
        match self.epoll.add(descriptor, post, Interest::Readable) {
            Err(Errno::EXIST) => self.epoll.arm_again(descriptor, post, Interest::Readable)?,
            result => result?,
        }
        state.posted.insert(post, number);
        let look_outs = HashSet::from([id]);
        state.posts.insert(
            number,
            Post {
                id: post,
                look_outs,
            },
        );
        Ok(())
    }

    /// Has the look-out `id` told of these descriptors no more.
    fn leave(&self, state: &mut State, id: WaitId, descriptors: &[RawFd]) {
        for number in descriptors {
            let Some(post) = state.posts.get_mut(number) else {
                continue;
            };
            if post.look_outs.remove(&id) && post.look_outs.is_empty() {
                let post = post.id;
                state.posts.remove(number);
                state.posted.remove(&post);
                self.epoll.remove_number(*number);
            }
        }
    }

    /// Tells all who look out for the descriptor of a post.
    fn call_out(&self, post: WaitId) {
        let mut state = self.state();
        let Some(number) = state.posted.remove(&post) else {
            return;
        };
        let Some(Post { look_outs, .. }) = state.posts.remove(&number) else {
            return;
        };
        self.epoll.remove_number(number);
        let mut sinks = Vec::with_capacity(look_outs.len());
        for id in look_outs {
            if let Some(LookOut { descriptors, sink }) = state.look_outs.remove(&id) {
                self.leave(&mut state, id, &descriptors);
                sinks.push(sink);
            }
        }
        drop(state);
        sinks.into_iter().for_each(|sink| sink());
    }

    /// Forgets a watch or look-out; `false` if its sink or step has been or is being called.
    pub fn cancel(&self, id: WaitId) -> bool {
        let mut state = self.state();
        if let Some(LookOut { descriptors, .. }) = state.look_outs.remove(&id) {
            self.leave(&mut state, id, &descriptors);
            return true;
        }
        drop(state);
        self.remove(id).is_some_and(|watch| watch.step.is_some())
    }

    /// Does `work` in the reactor's thread, which lives as long as the reactor does, and waits for it.
    pub fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let fail = || Error::os("use the thread of descriptors", Errno::SRCH);
        let (told, hear) = std::sync::mpsc::sync_channel(1);
        self.state().jobs.push(Box::new(move || {
            let _ = told.send(work());
        }));
        self.bell.ring().map_err(|_| fail())?;
        hear.recv().map_err(|_| fail())
    }

    fn run_jobs(&self) {
        self.bell.silence();
        let jobs = std::mem::take(&mut self.state().jobs);
        jobs.into_iter().for_each(|job| job());
    }

    fn tell(&self, id: WaitId) {
        if id == BELL {
            return self.run_jobs();
        }
        let mut state = self.state();
        if state.posted.contains_key(&id) {
            drop(state);
            return self.call_out(id);
        }
        let step = |watch: &mut DescriptorWatch| watch.step.take();
        let Some(mut step) = state.watches.get_mut(&id).and_then(step) else {
            return;
        };
        drop(state);
        if step() {
            self.remove(id);
            return;
        }
        // Unless it was cancelled meanwhile.
        if let Some(watch) = self.state().watches.get_mut(&id) {
            watch.step = Some(step);
            let _ = self.epoll.arm_again(&watch.descriptor, id, watch.interest);
        }
    }

    fn remove(&self, id: WaitId) -> Option<DescriptorWatch> {
        let watch = self.state().watches.remove(&id)?;
        self.epoll.remove(&watch.descriptor);
        Some(watch)
    }
}

impl Drop for Descriptors {
    fn drop(&mut self) {
        let _ = self.bell.ring();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::OwnedFd;
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

    #[test]
    fn work_is_done_in_the_thread_of_the_reactor() {
        let reactor = Descriptors::start().unwrap();
        let own = std::thread::current().id();
        let other = || std::thread::current().id();
        let thread = reactor.run(other).unwrap();
        assert_ne!(thread, own);
        assert_eq!(reactor.run(other).unwrap(), thread);
    }

    #[test]
    fn thousands_look_out_for_one_descriptor_and_each_is_told_once() {
        let reactor = Descriptors::start().unwrap();
        let (told, hear) = mpsc::channel();
        let (reader, mut writer) = std::io::pipe().unwrap();
        let (silent, _kept) = std::io::pipe().unwrap();
        let ids: Vec<WaitId> = (0..3000)
            .map(|n| {
                let told = told.clone();
                let both = [reader.as_fd(), silent.as_fd()];
                let sink = Box::new(move || told.send(n).unwrap());
                reactor.look_out(&both, sink).unwrap()
            })
            .collect();
        assert!(reactor.cancel(ids[7]));
        assert!(!reactor.cancel(ids[7]));
        std::io::Write::write_all(&mut writer, b"x").unwrap();
        let mut heard: Vec<i32> = (0..2999).map(|_| hear.recv().unwrap()).collect();
        heard.sort_unstable();
        assert!(heard.iter().copied().eq((0..3000).filter(|&n| n != 7)));
        let state = reactor.state();
        assert!(state.look_outs.is_empty() && state.posts.is_empty() && state.posted.is_empty());
    }

    #[test]
    fn a_number_that_means_another_file_by_now_is_registered_anew() {
        let reactor = Descriptors::start().unwrap();
        let (told, hear) = mpsc::channel();
        let (first, _first_writer) = std::io::pipe().unwrap();
        let mut first = OwnedFd::from(first);
        let stale = reactor.look_out(&[first.as_fd()], Box::new(|| {}));
        let (second, second_writer) = std::io::pipe().unwrap();
        // Closes the first pipe, whose look-out nobody has cancelled.
        rustix::io::dup2(&second, &mut first).unwrap();
        drop(second_writer);
        let sink = Box::new(move || told.send(()).unwrap());
        reactor.look_out(&[first.as_fd()], sink).unwrap();
        assert_eq!(hear.recv(), Ok(()));
        assert!(stale.is_ok());
    }
}
