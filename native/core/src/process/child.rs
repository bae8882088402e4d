//! The parent's half: a child is started, watched, signalled, and reaped once, by the first caller
//! that asks.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

use super::forward::{self, Forward, StandardStream};
use super::greeting::{FAILURE_MAX, Greeting};
use crate::cage;
use crate::error::{Error, Result};
use crate::memory::heap::{BlockId, Hold};
use crate::sys::child::{self, Exit, Signal};
use crate::sys::clock::Deadline;
use crate::sys::spawn::{self, Program, Stdio};
use crate::sys::{Errno, poll, procfs, reaping, text, unix};
use crate::tree::member::Member;
use crate::tree::processes::{ProcessEntry, TreePlace};
use crate::wait::notes::Goal;

/// A program to start as a child.
pub struct Start<'a> {
    pub path: &'a std::path::Path,
    pub arguments: &'a [String],
    pub environment: Option<&'a [(String, String)]>,
    pub directory: Option<&'a std::path::Path>,
    pub stdout: Stdio<'a>,
    pub stderr: Stdio<'a>,
    pub name: &'a str,
    pub daemon: bool,
    /// Whether signals to the whole group are for this process to deal with: SIGINT, SIGTERM, SIGHUP.
    pub shielded: bool,
    /// How many bytes of the arena a child in a cage and its descendants may use, if not as many as
    /// is usual.
    pub max_shared_memory: Option<u64>,
    /// A block that this process holds and the child is to adopt; `None` if it is to wait until
    /// [`Child::assign`] tells it what to do.
    pub preparation: Option<BlockId>,
}

/// Where an output of a child goes.
enum Outlet<'a> {
    As(Stdio<'a>),
    Forwarded(OwnedFd, Arc<Forward>),
}

impl<'a> Outlet<'a> {
    fn new(wanted: Stdio<'a>, stream: StandardStream, is_caged: bool) -> Result<Self> {
        let forwarded = match wanted {
            Stdio::Inherit if is_caged => forward::outlet(stream)?,
            _ => None,
        };
        Ok(forwarded.map_or(Self::As(wanted), |(writer, forward)| {
            Self::Forwarded(writer, forward)
        }))
    }

    fn stdio(&self) -> Stdio<'_> {
        match self {
            Self::As(stdio) => *stdio,
            Self::Forwarded(writer, _) => Stdio::Descriptor(writer.as_fd()),
        }
    }

    fn forward(self) -> Option<Arc<Forward>> {
        match self {
            Self::As(_) => None,
            Self::Forwarded(_, forward) => Some(forward),
        }
    }
}

/// A child process.
pub struct Child {
    pid: u32,
    pidfd: OwnedFd,
    place: TreePlace,
    /// Our end of its socket: the child sees its end close when we are gone.
    socket: OwnedFd,
    /// What this process passes on of its output and error.
    forwards: [Option<Arc<Forward>>; 2],
    exit: Mutex<Option<Exit>>,
    /// Whether it had begun its work, once it has ended.
    had_begun: AtomicBool,
}

impl Child {
    pub fn start(member: &Member, start: &Start) -> Result<Self> {
        let fail = |errno| Error::os("start a process", errno);
        let caged_environment = match cage::current() {
            None => None,
            Some(cage) => {
                cage.require_start(start.path, start.arguments)?;
                if let Some(directory) = start.directory {
                    cage.require_directory(directory)?;
                }
                Some(cage.environment(start.environment)?)
            }
        };
        if start.directory.is_none() {
            spawn::can_stay()?;
        }
        reaping::keep_zombies();
        let is_caged = cage::is_caged(start.arguments);
        let place = if is_caged {
            member.arena().note_cage();
            let words = start.arguments.iter().map(String::as_str);
            let path = text::to_text(start.path.as_os_str());
            let command_line: Vec<&str> = [&*path].into_iter().chain(words).collect();
            member.reserve_caged(start.name, &command_line, start.max_shared_memory)?
        } else {
            member.reserve(start.name)?
        };
        let launched = (|| {
            let stdout = Outlet::new(start.stdout, StandardStream::Output, is_caged)?;
            let stderr = Outlet::new(start.stderr, StandardStream::Error, is_caged)?;
            let (socket, child_socket) = unix::pair().map_err(fail)?;
            let greeting = Greeting {
                place,
                preparation: hold_for(member, place, start.preparation)?,
                daemon: start.daemon,
                shielded: start.shielded,
            };
            greeting.send(socket.as_fd()).map_err(fail)?;
            let (pid, pidfd) = spawn::spawn(&Program {
                path: start.path,
                arguments: start.arguments,
                environment: caged_environment.as_deref().or(start.environment),
                directory: start.directory,
                stdout: stdout.stdio(),
                stderr: stderr.stdio(),
                inherited: &[child_socket.as_fd(), member.arena().descriptor()],
                blocks_signals: start.shielded || start.preparation.is_none(),
            })?;
            let forwards = [stdout.forward(), stderr.forward()];
            Ok((pid, pidfd, socket, forwards))
        })();
        match launched {
            Ok((pid, pidfd, socket, forwards)) => {
                ProcessEntry::at(member.arena(), place.slot).note_started(place.generation, pid);
                Ok(Self {
                    pid,
                    pidfd,
                    place,
                    socket,
                    forwards,
                    exit: Mutex::new(None),
                    had_begun: AtomicBool::new(false),
                })
            }
            Err(error) => {
                member.retire(place)?;
                Err(error)
            }
        }
    }

    /// Gives work to a child that was started without any. `false` if it has ended meanwhile, is
    /// about to, or was sent SIGINT or SIGTERM, which nobody could tell from one for the work: nothing was
    /// given then.
    pub fn assign(&self, member: &Member, work: &Work) -> Result<bool> {
        if self.try_wait(member)?.is_some() {
            return Ok(false);
        }
        // Where `/proc` is another's, nobody can tell.
        let number = procfs::number_of(self.pid(), self.pidfd());
        let is_dying = |it| procfs::is_dying(it) != Some(false);
        if number.is_some_and(|it| is_dying(it) || procfs::has_interrupt_pending(it)) {
            return Ok(false);
        }
        ProcessEntry::at(member.arena(), self.place.slot).set_name(work.name);
        let greeting = Greeting {
            place: self.place,
            preparation: hold_for(member, self.place, Some(work.preparation))?,
            daemon: work.daemon,
            shielded: work.shielded,
        };
        match greeting.send(self.socket()) {
            Ok(()) => Ok(true),
            // It is ending. The holds of its slot are let go when it is reaped.
            Err(Errno::PIPE | Errno::CONNRESET) => Ok(false),
            Err(errno) => Err(Error::os("start a process", errno)),
        }
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Becomes readable when the process has ended (`pidfd_open(2)`).
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Our end of the socket pair to the child.
    pub fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// How it ended; `None` while it runs. The first to ask reaps it and lets go of what it held.
    pub fn try_wait(&self, member: &Member) -> Result<Option<Exit>> {
        let mut known = self.exit.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_some() {
            return Ok(*known);
        }
        let fail = |errno| Error::os("wait for a process", errno);
        let Some(exit) = child::try_wait(self.pidfd()).map_err(fail)? else {
            return Ok(None);
        };
        let has_begun = ProcessEntry::at(member.arena(), self.place.slot)
            .has_begun(self.place.generation)
            .unwrap_or(true); // another process has the slot by now
        self.had_begun.store(has_begun, Relaxed);
        for forward in self.forwards.iter().flatten() {
            forward.drain();
        }
        *known = Some(exit);
        drop(known);
        member.retire_as(self.place, Some(exit))?;
        member.retire_orphans()?;
        Ok(Some(exit))
    }

    /// Blocks until it has ended; `None` when `deadline` passes first.
    pub fn wait(&self, member: &Member, deadline: Deadline) -> Result<Option<Exit>> {
        loop {
            if let Some(exit) = self.try_wait(member)? {
                return Ok(Some(exit));
            }
            let _noted = member.note_sleep(Goal::Process(self.pid));
            let ended = poll::await_readable(&self.pidfd, deadline);
            if !ended.map_err(|errno| Error::os("wait for a process", errno))? {
                return self.try_wait(member);
            }
        }
    }

    /// Fails in a cage for a signal that stops a child before it is tied to its parent ([`end_with`]):
    /// it would stay, stopped, when its parent has ended.
    pub fn require_may_signal(&self, member: &Member, signal: Signal) -> Result<()> {
        let entry = ProcessEntry::at(member.arena(), self.place.slot);
        if !child::stops(signal)
            || !member.is_caged()
            || entry.has_begun(self.place.generation) == Some(true)
        {
            return Ok(());
        }
        Err(Error::NotCapable(
            "a process with limited permissions stops only children that have begun".into(),
        ))
    }

    /// Asks it to end, by SIGTERM; nothing happens if it has ended.
    pub fn terminate(&self, member: &Member) -> Result<()> {
        // First: a shielded child looks at it when the signal comes.
        ProcessEntry::at(member.arena(), self.place.slot).ask_to_end(self.place.generation);
        self.signal(Signal::TERM)
    }

    /// Sends a signal; nothing happens if it has ended (`pidfd_send_signal(2)`). SIGTERM alone does not
    /// always end a shielded child: see [`terminate`](Self::terminate).
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let sent = match child::signal(self.pidfd(), signal) {
            Err(Errno::NOSYS | Errno::PERM) => self.signal_by_number(signal),
            sent => sent,
        };
        match sent {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(errno) => Err(Error::os("signal a process", errno)),
        }
    }

    /// As [`signal`](Self::signal), where a filter of system calls does not know `pidfd_send_signal`.
    fn signal_by_number(&self, signal: Signal) -> std::result::Result<(), Errno> {
        // While this is locked nobody reaps it, so the number is not another's.
        let known = self.exit.lock().unwrap_or_else(PoisonError::into_inner);
        match *known {
            None => child::signal_by_number(self.pid, signal),
            Some(_) => Ok(()),
        }
    }

    /// Whether it had begun its work before it ended. Call it when it has ended.
    pub fn had_begun(&self) -> bool {
        self.had_begun.load(Relaxed)
    }

    /// Why the child could not begin its work, if it told and has ended. Tells it once.
    pub fn take_failure(&self) -> Option<String> {
        let mut bytes = vec![0; FAILURE_MAX];
        let received = unix::receive(&self.socket, &mut bytes).ok()?;
        bytes.truncate(received);
        (received > 0).then(|| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The queue that the child waits to put into because it is full; 0 if none.
    pub fn putting(&self, member: &Member) -> u32 {
        let entry = ProcessEntry::at(member.arena(), self.place.slot);
        if entry.pid() == self.pid() {
            entry.putting()
        } else {
            0
        }
    }
}

/// The work of a child that was started ahead.
pub struct Work<'a> {
    pub name: &'a str,
    pub daemon: bool,
    /// As of [`Start`].
    pub shielded: bool,
    /// A block that this process holds and the child is to adopt.
    pub preparation: BlockId,
}

/// Lets the process that has `place` hold its preparation.
fn hold_for(
    member: &Member,
    place: TreePlace,
    preparation: Option<BlockId>,
) -> Result<Option<(BlockId, Hold)>> {
    preparation
        .map(|block| Ok((block, member.hold_for(place.slot, block)?)))
        .transpose()
}
