//! Children: started, watched, signalled and reaped once, whoever asks first.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::sockopt::socket_peercred;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, socketpair};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus};

use crate::arena::Arena;
use crate::cage;
use crate::error::{Error, Result};
use crate::forward::{self, Forward, Stream};
use crate::heap::Hold;
use crate::heap::blocks::BlockId;
use crate::member::Member;
use crate::sys::clock::Deadline;
use crate::sys::spawn::{self, Program, Stdio};
use crate::sys::{procfs, reaping, stream, text};
use crate::table::{Cage, Place, ProcessEntry};

/// The descriptors that a child finds: the socket to its parent and the arena.
pub const PARENT_SOCKET: i32 = 3;
pub const ARENA: i32 = 4;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    Signal(i32),
}

impl Exit {
    /// As `Process.exitcode` tells it: n, or −n for signal n.
    pub fn code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => -signal,
        }
    }
}

/// What the parent writes into a child's socket before it starts it; and once more into that of a
/// child which was started before it was known what for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Greeting {
    pub place: Place,
    /// The block with the preparation data and the hold on it that the child's slot has been
    /// given; `None` if it is to wait for its work.
    pub preparation: Option<(BlockId, Hold)>,
    /// Whether the child ends when its parent does.
    pub daemon: bool,
}

const GREETING_SIZE: usize = 20;

impl Greeting {
    fn to_bytes(self) -> [u8; GREETING_SIZE] {
        let (preparation, hold) = self.preparation.unwrap_or((0, Hold(0)));
        let words = [
            self.place.slot,
            self.place.generation,
            preparation,
            hold.0,
            u32::from(self.daemon) | u32::from(self.preparation.is_some()) << 1,
        ];
        let mut bytes = [0; GREETING_SIZE];
        for (chunk, word) in bytes.chunks_mut(4).zip(words) {
            chunk.copy_from_slice(&word.to_ne_bytes());
        }
        bytes
    }

    /// Reads the greeting from the socket that this process was started with.
    pub fn receive(socket: BorrowedFd) -> Result<Self> {
        let mut bytes = [0; GREETING_SIZE];
        let received = rustix::io::retry_on_intr(|| rustix::io::read(socket, &mut bytes))
            .map_err(|errno| Error::os("read what the parent sent", errno))?;
        if received != GREETING_SIZE {
            return Err(Error::Orphaned);
        }
        let word =
            |k: usize| u32::from_ne_bytes(bytes[4 * k..4 * k + 4].try_into().unwrap_or_default());
        Ok(Self {
            place: Place {
                slot: word(0),
                generation: word(1),
            },
            preparation: (word(4) & 2 != 0).then(|| (word(2), Hold(word(3)))),
            daemon: word(4) & 1 != 0,
        })
    }
}

/// Takes the place that the parent has prepared, in a process that [`Child::start`] started; `socket`
/// and `arena` are the descriptors that it finds. A process in a cage is in it when this returns.
pub fn join(socket: BorrowedFd, arena: OwnedFd) -> Result<(Member, Greeting)> {
    let greeting = Greeting::receive(socket)?;
    let arena = Arena::open(arena)?;
    arena.require_same_namespace()?;
    // A hostile parent can write a greeting of its own into the socket. Who has made the socket the
    // kernel says; what that process has reserved, it has reserved for processes in its cage.
    let parent = ProcessEntry::at(
        &arena,
        ProcessEntry::at(&arena, greeting.place.slot).parent(),
    );
    let maker = socket_peercred(socket).map_err(|errno| Error::os("ask for the parent", errno))?;
    if parent.pid() != number(maker.pid) {
        return Err(Error::Corrupted(
            "this process's place in the tree was not reserved by its parent",
        ));
    }
    let is_parent_caged = parent.cage() != Cage::Free;
    let member = Member::enter(arena, greeting.place)?;
    if let Some(command_line) = member.told_cage() {
        cage::close(command_line);
        if greeting.daemon || is_parent_caged {
            end_with(maker.pid)?;
        }
    }
    take_over(&member, &greeting)?;
    Ok((member, greeting))
}

/// Has the kernel end this process when the thread that started it does, whatever this process does
/// with its descriptors. That thread is the parent's main thread, or one that lives as long.
fn end_with(parent: Pid) -> Result<()> {
    let fail = |errno| Error::os("tie a process to its parent", errno);
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(fail)?;
    // It may have ended just before.
    match rustix::process::getppid() {
        Some(now) if now == parent => Ok(()),
        _ => Err(Error::Orphaned),
    }
}

/// Lets this process hold what a greeting of its parent speaks of.
pub fn take_over(member: &Member, greeting: &Greeting) -> Result<()> {
    if let Some((block, hold)) = greeting.preparation {
        member.take_over(block, hold)?;
    }
    Ok(())
}

/// The most bytes that a child can tell of its failure to begin.
const FAILURE_MAX: usize = 16 * 1024;

/// Tells the parent, through the socket that this process was started with, why it could not
/// begin. Cut to what fits into the socket without waiting.
pub fn send_failure(socket: BorrowedFd, message: &str) -> Result<()> {
    let bytes = &message.as_bytes()[..message.len().min(FAILURE_MAX)];
    match rustix::net::send(socket, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
        Ok(_) | Err(Errno::AGAIN | Errno::PIPE) => Ok(()),
        Err(errno) => Err(Error::os("tell the parent of a failure", errno)),
    }
}

/// Whether the other end of the socket that this process was started with is closed.
pub fn has_hung_up(socket: BorrowedFd) -> bool {
    wait_for_hang_up(socket, Some(Instant::now())).unwrap_or(false)
}

/// Blocks until the other end of the socket is closed, which is the end of its process; `false`
/// when `deadline` passes first.
pub fn wait_for_hang_up(socket: BorrowedFd, deadline: Deadline) -> Result<bool> {
    poll_until(PollFd::from_borrowed_fd(socket, PollFlags::RDHUP), deadline)
}

/// Blocks until the descriptor is as wanted; `false` when `deadline` passes first.
fn poll_until(wanted: PollFd, deadline: Deadline) -> Result<bool> {
    let ready = stream::poll_until(&mut [wanted], deadline);
    ready
        .map(|ready| ready > 0)
        .map_err(|errno| Error::os("wait for a process", errno))
}

/// Whether something has arrived in the socket that was not yet read.
pub fn has_mail(socket: BorrowedFd) -> bool {
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    rustix::net::recv(socket, &mut [0u8][..], flags).is_ok_and(|(received, _)| received > 0)
}

/// What to start as a child.
pub struct Start<'a> {
    pub path: &'a std::path::Path,
    pub arguments: &'a [String],
    pub environment: Option<&'a [(String, String)]>,
    pub directory: Option<&'a std::path::Path>,
    pub stdout: Stdio<'a>,
    pub stderr: Stdio<'a>,
    pub name: &'a str,
    pub daemon: bool,
    /// How many bytes of the arena a child in a cage and its descendants may use, if not as many as
    /// is usual.
    pub max_shared_memory: Option<u64>,
    /// A block that this process holds and the child is to adopt; `None` if it is to wait until
    /// [`Child::assign`] tells it what to do.
    pub preparation: Option<BlockId>,
}

/// Where an output of a child goes.
enum Outlet<'a> {
    As(&'a Stdio<'a>),
    Forwarded(OwnedFd, Arc<Forward>),
}

impl<'a> Outlet<'a> {
    fn new(wanted: &'a Stdio<'a>, stream: Stream, is_caged: bool) -> Result<Self> {
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
            Self::As(Stdio::Inherit) => Stdio::Inherit,
            Self::As(Stdio::Null) => Stdio::Null,
            Self::As(Stdio::Descriptor(descriptor)) => Stdio::Descriptor(*descriptor),
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
    pid: Pid,
    pidfd: OwnedFd,
    place: Place,
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
            let stdout = Outlet::new(&start.stdout, Stream::Output, is_caged)?;
            let stderr = Outlet::new(&start.stderr, Stream::Error, is_caged)?;
            let (socket, child_socket) = socketpair(
                AddressFamily::UNIX,
                SocketType::STREAM,
                SocketFlags::CLOEXEC,
                None,
            )
            .map_err(fail)?;
            let greeting = Greeting {
                place,
                preparation: hold_for(member, place, start.preparation)?,
                daemon: start.daemon,
            };
            rustix::io::write(&socket, &greeting.to_bytes()).map_err(fail)?;
            let (pid, pidfd) = spawn::spawn(&Program {
                path: start.path,
                arguments: start.arguments,
                environment: caged_environment.as_deref().or(start.environment),
                directory: start.directory,
                stdout: stdout.stdio(),
                stderr: stderr.stdio(),
                inherited: &[child_socket.as_fd(), member.arena().descriptor()],
                blocks_interrupt: start.preparation.is_none(),
            })?;
            let forwards = [stdout.forward(), stderr.forward()];
            Ok((pid, pidfd, socket, forwards))
        })();
        match launched {
            Ok((pid, pidfd, socket, forwards)) => {
                ProcessEntry::at(member.arena(), place.slot)
                    .note_started(place.generation, number(pid));
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
    /// about to, or was sent a SIGINT, which nobody could tell from one for the work: nothing was
    /// given then.
    pub fn assign(&self, member: &Member, work: &Work) -> Result<bool> {
        if self.try_wait(member)?.is_some() {
            return Ok(false);
        }
        // Where `/proc` is another's, nobody can tell.
        let number = procfs::number_of(self.pid(), self.pidfd());
        if number.is_some_and(|it| procfs::is_dying(it) || procfs::has_interrupt_pending(it)) {
            return Ok(false);
        }
        ProcessEntry::at(member.arena(), self.place.slot).set_name(work.name);
        let greeting = Greeting {
            place: self.place,
            preparation: hold_for(member, self.place, Some(work.preparation))?,
            daemon: work.daemon,
        };
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        match rustix::net::send(&self.socket, &greeting.to_bytes(), flags) {
            Ok(_) => Ok(true),
            // It is ending. What its slot was given to hold is let go when it is reaped.
            Err(Errno::PIPE | Errno::CONNRESET) => Ok(false),
            Err(errno) => Err(Error::os("start a process", errno)),
        }
    }

    pub fn pid(&self) -> u32 {
        number(self.pid)
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
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        let exit = match rustix::process::waitid(WaitId::PidFd(self.pidfd.as_fd()), options) {
            Ok(None) => return Ok(None),
            Ok(Some(status)) => exit_of(&status),
            // Somebody else reaped it: its code is lost.
            Err(Errno::CHILD) => Exit::Code(255),
            Err(errno) => return Err(Error::os("wait for a process", errno)),
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
            if !poll_until(PollFd::new(&self.pidfd, PollFlags::IN), deadline)? {
                return self.try_wait(member);
            }
        }
    }

    /// Fails in a cage for a signal that stops a child before it is tied to its parent ([`end_with`]):
    /// it would stay, stopped, when its parent has ended.
    pub fn require_may_signal(&self, member: &Member, signal: Signal) -> Result<()> {
        let stops = [Signal::STOP, Signal::TSTP, Signal::TTIN, Signal::TTOU].contains(&signal);
        let entry = ProcessEntry::at(member.arena(), self.place.slot);
        if !stops || !member.is_caged() || entry.has_begun(self.place.generation) == Some(true) {
            return Ok(());
        }
        Err(Error::NotCapable(
            "a process with limited permissions stops only children that have begun".into(),
        ))
    }

    /// Sends a signal; nothing happens if it has ended (`pidfd_send_signal(2)`).
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let sent = match rustix::process::pidfd_send_signal(&self.pidfd, signal) {
            Err(Errno::NOSYS | Errno::PERM) => self.signal_by_number(signal),
            sent => sent,
        };
        match sent {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(errno) => Err(Error::os("signal a process", errno)),
        }
    }

    /// As [`signal`](Self::signal), where a filter of system calls does not know `pidfd_send_signal`.
    fn signal_by_number(&self, signal: Signal) -> rustix::io::Result<()> {
        // While this is locked nobody reaps it, so the number is not another's.
        let known = self.exit.lock().unwrap_or_else(PoisonError::into_inner);
        match *known {
            None => rustix::process::kill_process(self.pid, signal),
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
        let (received, _) =
            rustix::net::recv(&self.socket, &mut bytes[..], RecvFlags::DONTWAIT).ok()?;
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

fn number(pid: Pid) -> u32 {
    pid.as_raw_nonzero().get().cast_unsigned()
}

/// What a child that was started ahead is to do.
pub struct Work<'a> {
    pub name: &'a str,
    pub daemon: bool,
    /// A block that this process holds and the child is to adopt.
    pub preparation: BlockId,
}

/// Lets the process that has `place` hold its preparation.
fn hold_for(
    member: &Member,
    place: Place,
    preparation: Option<BlockId>,
) -> Result<Option<(BlockId, Hold)>> {
    preparation
        .map(|block| Ok((block, member.hold_for(place.slot, block)?)))
        .transpose()
}

fn exit_of(status: &WaitIdStatus) -> Exit {
    match status.terminating_signal() {
        Some(signal) => Exit::Signal(signal),
        None => Exit::Code(status.exit_status().unwrap_or(0)),
    }
}

/// A shared handle of a child: JavaScript has one, the reactor has one.
pub type SharedChild = Arc<Child>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::Kind;
    use crate::table;

    /// A socket pair of this process, with a greeting in it.
    fn greeted(greeting: Greeting) -> (OwnedFd, OwnedFd) {
        let pair = socketpair(
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        );
        let (parent, child) = pair.unwrap();
        rustix::io::write(&parent, &greeting.to_bytes()).unwrap();
        (parent, child)
    }

    #[test]
    fn only_a_place_that_the_maker_of_the_socket_has_reserved_can_be_taken() {
        let root = Member::root("root").unwrap();
        let arena = || root.arena().descriptor().try_clone_to_owned().unwrap();
        let preparation = root.create(Kind::Preparation, 8).unwrap().id;
        let greeting = |place: Place| Greeting {
            place,
            preparation: hold_for(&root, place, Some(preparation)).unwrap(),
            daemon: false,
        };
        // Somebody else's: a place that a hostile parent found out about.
        let slot = table::slots().last().unwrap();
        let entry = ProcessEntry::at(root.arena(), slot);
        let generation = entry.reserve(slot - 1, "another's", Cage::Free);
        let (_parent, child) = greeted(greeting(Place { slot, generation }));
        let refused = join(child.as_fd(), arena());
        assert!(matches!(refused, Err(Error::Corrupted(_))));
        assert_eq!(entry.state(), table::State::Reserved);

        let place = root.reserve("own").unwrap();
        let (_parent, child) = greeted(greeting(place));
        let (member, _) = join(child.as_fd(), arena()).unwrap();
        assert!(!member.is_caged());
        assert!(member.block(preparation, Kind::Preparation).is_ok());
    }
}
