//! This process's place in the tree: taken once, and kept for good. What belongs to it is given back by
//! the parent, which reaps it.
#![expect(
    unsafe_code,
    reason = "owns descriptors that it knows by their numbers; names that the dynamic linker finds"
)]

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use multiprocessing_core::Error as CoreError;
use multiprocessing_core::connection::passing::Offers;
use multiprocessing_core::memory::heap::Kind;
use multiprocessing_core::process::{
    self, ARENA, Exit, Greeting, PARENT_SOCKET, has_hung_up, send_failure, wait_for_hang_up,
};
use multiprocessing_core::sync::Token;
use multiprocessing_core::sys;
use multiprocessing_core::sys::clock::deadline_after;
use multiprocessing_core::tree::member::Member;
use multiprocessing_core::tree::processes::ProcessEntry;
use multiprocessing_core::wait::notes::Goal;
use multiprocessing_core::wait::reactor::descriptors::Descriptors;

use crate::border::{self, INTERRUPTED, TIMED_OUT, UNKNOWN};
use crate::error::{Result, state};
use crate::waiting::Watch;

/// Everything that lives as long as the process.
pub struct Tree {
    pub member: Arc<Member>,
    /// Its other end closes when the parent is gone.
    socket: OwnedFd,
    greeting: Greeting,
    descriptors: Mutex<Option<Arc<Descriptors>>>,
    offers: OnceLock<Arc<Offers>>,
}

static TREE: OnceLock<Tree> = OnceLock::new();
static JOINING: Mutex<()> = Mutex::new(());

/// The membership of this process.
pub fn tree() -> Result<&'static Tree> {
    if sys::fork::is_forked() {
        return Err(state(
            "Cannot use a shared object: this process was forked from one that has it, and is no member of the tree",
        ));
    }
    TREE.get().ok_or_else(|| {
        state("Cannot use a shared object: this process was not started by a process that shares some")
    })
}

impl Tree {
    /// The reactor of descriptors, a thread, started at the first need.
    pub fn descriptors(&self) -> Result<Arc<Descriptors>> {
        let started = self.descriptors.lock();
        let mut started = started.unwrap_or_else(PoisonError::into_inner);
        if let Some(reactor) = &*started {
            return Ok(Arc::clone(reactor));
        }
        let reactor = Descriptors::start()?;
        *started = Some(Arc::clone(&reactor));
        Ok(reactor)
    }

    /// The descriptors that this process offers to others.
    pub fn offers(&self) -> Result<&Arc<Offers>> {
        let reactor = self.descriptors()?;
        let offers = || Offers::new(Arc::clone(&self.member), reactor);
        Ok(self.offers.get_or_init(offers))
    }

    /// As [`offers`](Self::offers), if there ever were any.
    pub fn offers_so_far(&self) -> Option<&Arc<Offers>> {
        self.offers.get()
    }

    fn parent(&self) -> ProcessEntry<'_> {
        ProcessEntry::at(self.member.arena(), self.member.entry().parent())
    }

    /// A daemon ends with its parent, whatever it is doing.
    fn end_with_parent(&self) -> Result<()> {
        if !self.greeting.daemon {
            return Ok(());
        }
        // Without a thread, of which a program that forks is warned by some runtimes.
        if sys::hang_up::end_with_other_end(self.socket.as_fd()).is_err() {
            let told = Box::new(|| {
                if TREE.get().is_some_and(|it| has_hung_up(it.socket.as_fd())) {
                    sys::own::kill();
                }
            });
            self.descriptors()?.watch(self.socket.as_fd(), told)?;
        }
        if has_hung_up(self.socket.as_fd()) {
            sys::own::kill();
        }
        Ok(())
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_join() -> i64 {
    border::alone(|| {
        let _one_at_a_time = JOINING.lock().unwrap_or_else(PoisonError::into_inner);
        if TREE.get().is_some() {
            return Err(state(
                "Cannot join the parent's tree: this process is in a tree already",
            ));
        }
        sys::fork::watch().map_err(|errno| CoreError::os("watch for forks", errno))?;
        let [socket, arena] = inherited_descriptors()?;
        let (member, greeting) = process::join(socket.as_fd(), arena).map_err(|error| {
            let _ = send_failure(socket.as_fd(), &error.to_string());
            match has_hung_up(socket.as_fd()) {
                // Without a parent, its place may have been cleared away: that is the reason then.
                true => CoreError::Orphaned,
                false => error,
            }
        })?;
        // A child of a fork must not keep the socket open, by whose end others know that this process ended.
        sys::fork::close_in_child(&[socket.as_fd(), member.arena().descriptor()]);
        let tree = Tree {
            member: Arc::new(member),
            socket,
            greeting,
            descriptors: Mutex::default(),
            offers: OnceLock::new(),
        };
        let tree = TREE.get_or_init(|| tree);
        tree.end_with_parent()?;
        Ok(0)
    })
}

/// The two descriptors that a child is started with, close-on-exec from here on.
fn inherited_descriptors() -> Result<[OwnedFd; 2]> {
    let own = |number| {
        // SAFETY: a descriptor is wrapped only to be looked at, and only once: the caller runs once in a
        // process that was started with these two.
        let descriptor = unsafe { OwnedFd::from_raw_fd(number) };
        match descriptor.try_clone() {
            // The clone is close-on-exec; the original closes here.
            Ok(clone) => Ok(clone),
            Err(_) => {
                std::mem::forget(descriptor); // it is not open
                Err(state(
                    "Cannot join the parent's tree: this process was not started as a child",
                ))
            }
        }
    };
    Ok([own(PARENT_SOCKET)?, own(ARENA)?])
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_preparation(to: *mut u8, capacity: u64) -> i64 {
    border::call(|tree| {
        let Some((id, _)) = tree.greeting.preparation else {
            return Err(state(
                "Cannot read what the parent has prepared: it has prepared nothing",
            ));
        };
        let block = tree.member.block(id, Kind::Preparation)?;
        let prepared = tree
            .member
            .arena()
            .read_vec(block.offset, block.size as usize);
        border::give(&prepared, to, capacity)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_begin() -> i64 {
    border::call(|tree| {
        tree.member.entry().set_begun();
        if let Some((id, _)) = tree.greeting.preparation {
            tree.member.release(id)?;
        }
        Ok(0)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_report(message: *const u8, length: u64) -> i64 {
    border::call(|tree| {
        send_failure(tree.socket.as_fd(), &border::text(message, length)?)?;
        Ok(0)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_is_daemon() -> i64 {
    border::call(|tree| Ok(tree.greeting.daemon.into()))
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_is_shielded() -> i64 {
    border::call(|tree| Ok(tree.greeting.shielded.into()))
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_shield() -> i64 {
    border::call(|tree| {
        let entry = tree.member.entry();
        sys::shield::raise_against_others(tree.parent().pid(), entry.asked())
            .map_err(|errno| CoreError::os("handle SIGTERM", errno))?;
        sys::interrupt::accept();
        Ok(0)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_set_name(name: *const u8, length: u64) -> i64 {
    border::call(|tree| {
        tree.member.entry().set_name(&border::text(name, length)?);
        Ok(0)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_parent_pid() -> i64 {
    border::call(|tree| Ok(tree.parent().pid().into()))
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_parent_name(to: *mut u8, capacity: u64) -> i64 {
    border::call(|tree| border::give(tree.parent().name().as_bytes(), to, capacity))
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_parent_descriptor() -> i64 {
    border::call(|tree| Ok(tree.socket.as_raw_fd().into()))
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_parent_is_alive() -> i64 {
    border::call(|tree| Ok((!has_hung_up(tree.socket.as_fd())).into()))
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_parent_join(timeout: f64) -> i64 {
    border::call(|tree| {
        let _noted = tree.member.note_sleep(Goal::Process(tree.parent().pid()));
        let watch = Watch::begin();
        match wait_for_hang_up(tree.socket.as_fd(), deadline_after(timeout)) {
            Ok(true) => Ok(0),
            Ok(false) => Ok(TIMED_OUT),
            Err(_) if watch.was_interrupted() => Ok(INTERRUPTED),
            Err(error) => Err(error.into()),
        }
    })
}

/// A thread that has, or had, a lock.
#[repr(C)]
pub struct mp_owner_facts {
    pub pid: u32,
    pub thread: u32,
    pub lives_on: u32,
    pub exit_code: i32,
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_owner(
    token: u32,
    owner: *mut mp_owner_facts,
    name: *mut u8,
    capacity: u64,
) -> i64 {
    border::call(|tree| {
        let Some(known) = Token::from_word(token).and_then(|it| tree.member.owner(it)) else {
            return Ok(UNKNOWN);
        };
        let told = mp_owner_facts {
            pid: known.pid,
            thread: known.thread,
            lives_on: known.lives_on.into(),
            exit_code: known.exit.map_or(i32::MIN, Exit::code),
        };
        border::put(owner, told);
        border::give(known.process_name.as_bytes(), name, capacity)
    })
}
