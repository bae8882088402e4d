//! This process's membership: made once, by the first thread that needs it, and kept for good.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use multiprocessing_core::Error as CoreError;
use multiprocessing_core::Error::Orphaned;
use multiprocessing_core::cage;
use multiprocessing_core::connection::passing::Offers;
use multiprocessing_core::memory::views::Views;
use multiprocessing_core::process::{
    self, ARENA, Greeting, PARENT_SOCKET, has_hung_up, has_mail, send_failure, wait_for_hang_up,
};
use multiprocessing_core::sys;
use multiprocessing_core::sys::clock::deadline_after;
use multiprocessing_core::tree::member::Member;
use multiprocessing_core::tree::processes::ProcessEntry;
use multiprocessing_core::wait::notes::Goal;
use multiprocessing_core::wait::reactor::WaitId;
use multiprocessing_core::wait::reactor::descriptors::Descriptors;
use multiprocessing_core::wait::reactor::words::Words;
use napi_derive::napi;

use crate::abi::errors::{Error, Result, state, to_js};
use crate::children;
use crate::host;
use crate::port;

/// Everything that lives as long as the process.
pub struct Tree {
    pub member: Arc<Member>,
    pub words: Arc<Words>,
    /// The arrays that JavaScript has.
    pub views: Views,
    descriptors: Mutex<Option<Arc<Descriptors>>>,
    offers: OnceLock<Arc<Offers>>,
    child: Option<ChildSide>,
}

struct ChildSide {
    /// Whether it ends when its parent does.
    daemon: AtomicBool,
    /// Its other end closes when the parent is gone.
    socket: OwnedFd,
    /// What the reactor waits for that at; 0 for nothing.
    watch: Mutex<WaitId>,
}

impl ChildSide {
    fn watch(&self) -> MutexGuard<'_, WaitId> {
        // A number is whole even after a panic elsewhere.
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

static TREE: OnceLock<Tree> = OnceLock::new();
static JOINING: Mutex<()> = Mutex::new(());

pub fn tree() -> Result<&'static Tree> {
    TREE.get()
        .ok_or_else(|| state("Cannot use shared memory: joinTree() has not been called"))
}

impl Tree {
    fn new(member: Member, child: Option<ChildSide>) -> Self {
        let member = Arc::new(member);
        let words = Words::new(Arc::clone(&member));
        Self {
            views: Views::new(Arc::clone(&member)),
            member,
            words,
            descriptors: Mutex::default(),
            offers: OnceLock::new(),
            child,
        }
    }

    /// The reactor of descriptors, started at the first need.
    pub fn descriptors(&self) -> Result<Arc<Descriptors>> {
        let mut started = self
            .descriptors
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(reactor) = &*started {
            return Ok(Arc::clone(reactor));
        }
        let reactor = Descriptors::start().map_err(to_js)?;
        *started = Some(Arc::clone(&reactor));
        Ok(reactor)
    }
}

impl Tree {
    /// As [`descriptors`](Self::descriptors), if it was started.
    pub fn descriptors_so_far(&self) -> Option<Arc<Descriptors>> {
        let started = self.descriptors.lock();
        started.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The descriptors that this process offers to others.
    pub fn offers(&self) -> Result<&Offers> {
        let reactor = self.descriptors()?;
        let offers = || Offers::new(Arc::clone(&self.member), reactor);
        Ok(self.offers.get_or_init(offers))
    }

    /// As [`offers`](Self::offers), if there ever were any.
    pub fn offers_so_far(&self) -> Option<&Arc<Offers>> {
        self.offers.get()
    }
}

/// Makes this process the root of a tree, unless it is in one already (another of its threads
/// was first, or it is a child).
#[napi]
pub fn join_tree(name: String) -> Result<()> {
    let _one_at_a_time = JOINING.lock().unwrap_or_else(PoisonError::into_inner);
    if TREE.get().is_none() {
        if cage::current().is_some() {
            return Err(state(
                "Cannot begin a tree of processes: this process was started as a child",
            ));
        }
        let member = Member::root(&name).map_err(to_js)?;
        host::remember_arguments();
        let _ = TREE.set(Tree::new(member, None));
    }
    Ok(())
}

/// What a child learns when it joins.
#[napi(object)]
pub struct Joined {
    /// The block with the preparation data, which this process now holds; `null` if it was
    /// started ahead, and has to wait for it by [`await_work`].
    pub preparation: Option<u32>,
    pub daemon: bool,
    /// Whether it is to call [`shield`] before it does anything else.
    pub shielded: bool,
    pub parent_pid: u32,
    pub parent_name: String,
}

/// Takes the place that the parent has prepared. Call it once, in a process that was started by
/// [`crate::children::start_child`].
#[napi]
pub fn join_parent() -> Result<Joined> {
    let _one_at_a_time = JOINING.lock().unwrap_or_else(PoisonError::into_inner);
    if TREE.get().is_some() {
        return Err(state(
            "Cannot join the parent's tree: this process is in a tree already",
        ));
    }
    let [socket, arena] = inherited_descriptors()?;
    let (member, greeting) = process::join(socket.as_fd(), arena).map_err(|error| {
        let _ = send_failure(socket.as_fd(), &error.to_string());
        orphaned_or(&socket, error)
    })?;
    let joined = joined(&member, &greeting);
    let daemon = AtomicBool::new(greeting.daemon);
    let tree = Tree::new(
        member,
        Some(ChildSide {
            daemon,
            socket,
            watch: Mutex::default(),
        }),
    );
    host::remember_arguments();
    let _ = TREE.set(tree);
    watch_parent()?;
    Ok(joined)
}

/// Without a parent, its place may have been cleared away: that is the reason then.
fn orphaned_or(socket: &OwnedFd, error: multiprocessing_core::Error) -> Error {
    to_js(if has_hung_up(socket.as_fd()) {
        Orphaned
    } else {
        error
    })
}

/// Blocks until the parent has work for this process, which it started ahead. From then on SIGINT and
/// SIGTERM, which were blocked, are delivered, unless it is shielded: they are meant for the work.
#[napi]
pub fn await_work() -> Result<Joined> {
    let tree = tree()?;
    let Some(child) = &tree.child else {
        return Err(state(
            "Cannot wait for work: this process was not started as a child",
        ));
    };
    // Each reader of the socket sees its end, too; and the reactor would sometimes see the work,
    // sometimes not.
    let watch = std::mem::take(&mut *child.watch());
    tree.descriptors()?.cancel(watch);
    let orphaned_or = |error| orphaned_or(&child.socket, error);
    let greeting = Greeting::receive(child.socket.as_fd()).map_err(orphaned_or)?;
    if !greeting.shielded {
        sys::interrupt::accept();
    }
    process::take_over(&tree.member, &greeting).map_err(orphaned_or)?;
    child.daemon.store(greeting.daemon, Relaxed);
    watch_parent()?;
    Ok(joined(&tree.member, &greeting))
}

/// SIGTERM and SIGHUP end this process from now on if its parent or the process itself sends them, or go
/// to who has handled them so far; any other is dropped. Signals to groups were blocked since the start.
#[napi]
pub fn shield() -> Result<()> {
    let tree = tree()?;
    if tree.child.is_none() {
        return Err(state(
            "Cannot leave SIGTERM to the parent: this process was not started as a child",
        ));
    }
    let entry = tree.member.entry();
    let parent = ProcessEntry::at(tree.member.arena(), entry.parent()).pid();
    let raised = sys::shield::raise_against_others(parent, entry.asked());
    raised.map_err(|errno| to_js(CoreError::os("handle SIGTERM", errno)))?;
    sys::interrupt::accept();
    Ok(())
}

fn joined(member: &Member, greeting: &Greeting) -> Joined {
    let parent = ProcessEntry::at(member.arena(), member.entry().parent());
    Joined {
        preparation: greeting.preparation.map(|(block, _)| block),
        daemon: greeting.daemon,
        shielded: greeting.shielded,
        parent_pid: parent.pid(),
        parent_name: parent.name(),
    }
}

/// The two descriptors that a child is started with, close-on-exec from here on.
#[expect(
    unsafe_code,
    reason = "owns descriptors that it knows by their numbers"
)]
fn inherited_descriptors() -> Result<[OwnedFd; 2]> {
    let own = |number| {
        // SAFETY: a descriptor is wrapped only after it was seen to be open, and only once: the
        // caller runs once in a process that was started with these two.
        let descriptor = unsafe { OwnedFd::from_raw_fd(number) };
        match descriptor.try_clone() {
            // The clone is close-on-exec; the original closes here.
            Ok(clone) => Ok(clone),
            Err(_) => {
                std::mem::forget(descriptor);
                Err(state(
                    "Cannot join the parent's tree: this process was not started as a child",
                ))
            }
        }
    };
    Ok([own(PARENT_SOCKET)?, own(ARENA)?])
}

/// A daemon dies with its parent, whatever its JavaScript is doing.
fn watch_parent() -> Result<()> {
    let tree = tree()?;
    let Some(child) = &tree.child else {
        return Ok(());
    };
    let told = Box::new(|| {
        let Ok(tree) = self::tree() else { return };
        let Some(child) = &tree.child else { return };
        // Work goes first, and may have been read already: `await_work` has us called again.
        if has_mail(child.socket.as_fd()) || !has_hung_up(child.socket.as_fd()) {
            return;
        }
        // First: what follows waits for others, and shared memory may be spoilt.
        if child.daemon.load(Relaxed) {
            sys::own::kill();
        }
        let _ = tree.member.retire_orphans();
    });
    let watch = tree.descriptors()?.watch(child.socket.as_fd(), told);
    *child.watch() = watch.map_err(to_js)?;
    Ok(())
}

/// The socket whose other end closes when the parent has ended.
fn parent_socket() -> Result<BorrowedFd<'static>> {
    let Some(child) = &tree()?.child else {
        return Err(state(
            "Cannot look at the parent: this process was not started by another",
        ));
    };
    Ok(child.socket.as_fd())
}

/// The number of the descriptor that becomes readable when the parent has ended, and stays so.
#[napi]
pub fn parent_descriptor() -> Result<i32> {
    Ok(parent_socket()?.as_raw_fd())
}

/// Whether the parent has not ended.
#[napi]
pub fn parent_is_alive() -> Result<bool> {
    Ok(!has_hung_up(parent_socket()?))
}

/// What others are told of a wait for the parent's end.
fn parent_goal() -> Result<Goal> {
    let member = &tree()?.member;
    let parent = ProcessEntry::at(member.arena(), member.entry().parent());
    Ok(Goal::Process(parent.pid()))
}

/// Blocks until the parent has ended; `false` when `timeout` milliseconds pass first.
#[napi]
pub fn parent_join(timeout: f64) -> Result<bool> {
    let _noted = tree()?.member.note_sleep(parent_goal()?);
    wait_for_hang_up(parent_socket()?, deadline_after(timeout)).map_err(to_js)
}

/// Lets the reactor wait for the parent's end; the ticket.
#[napi]
pub fn parent_await() -> Result<u32> {
    let socket = parent_socket()?;
    port::watch(parent_goal()?, |sink| {
        let told = Box::new(move || sink(0));
        tree()?
            .descriptors()?
            .look_out(&[socket], told)
            .map_err(to_js)
    })
}

/// The calling thread's token, as lock words hold it.
#[napi]
pub fn thread_token() -> Result<u32> {
    Ok(tree()?.member.token().map_err(to_js)?.get())
}

/// The thread behind a token, which may have ended.
#[napi(object)]
pub struct Owner {
    pub pid: u32,
    pub thread_id: u32,
    pub process_name: String,
    /// Whether it is a thread of this process.
    pub is_this_process: bool,
    /// Whether its process runs.
    pub lives_on: bool,
    /// How its process ended, as `Process.exitcode` tells it, if that is known.
    pub exit_code: Option<i32>,
}

/// The thread behind `token`; `null` if that is no longer known.
#[napi]
pub fn owner_of(token: u32) -> Result<Option<Owner>> {
    let member = &tree()?.member;
    let Some(token) = multiprocessing_core::sync::Token::from_word(token) else {
        return Ok(None);
    };
    if let Some(owner) = member.owner(token) {
        children::reap(owner.pid); // then it is known how it ended
    }
    Ok(member.owner(token).map(|owner| Owner {
        pid: owner.pid,
        thread_id: owner.thread,
        process_name: owner.process_name,
        is_this_process: owner.slot == member.slot() && owner.lives_on,
        lives_on: owner.lives_on,
        exit_code: owner.exit.map(process::Exit::code),
    }))
}

/// Whether the thread behind a token has ended.
pub fn thread_has_died(token: u32) -> Result<bool> {
    let token = multiprocessing_core::sync::Token::from_word(token);
    Ok(token.is_none_or(|token| tree().is_ok_and(|tree| tree.member.has_died(token))))
}

/// The name under which error messages speak of this process.
#[napi]
pub fn set_process_name(name: String) -> Result<()> {
    tree()?.member.entry().set_name(&name);
    Ok(())
}

/// Tells the parent why this process could not begin its work; the end of the process follows.
#[napi]
pub fn report_failure(message: String) -> Result<()> {
    let Some(child) = &tree()?.child else {
        return Ok(());
    };
    let _ = send_failure(child.socket.as_fd(), &message);
    Ok(())
}

/// Notes for the parent that this process begins its work.
#[napi]
pub fn note_begun() -> Result<()> {
    tree()?.member.entry().set_begun();
    Ok(())
}
