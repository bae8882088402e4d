//! Finds out whether processes and threads live, and are still the same: `pidfd_open(2)`.
//!
//! `/proc` is asked as little as can be. It may belong to another PID namespace, where the same
//! number is another process or none, or hide processes of other users. A pidfd is of this
//! process's own namespace, and becomes readable at the end, whichever process reaps.
//!
//! | kernel  | process                     | another process's thread                            |
//! | ------- | --------------------------- | --------------------------------------------------- |
//! | ≥ 6.9   | pidfd, and its inode number | pidfd of the thread, and its inode number           |
//! | < 6.9   | pidfd, and its start time   | as the process; its start time                      |
//!
//! The start time is that in `/proc`, if that is of this namespace.

use std::sync::OnceLock;

use rustix::fd::OwnedFd;
use rustix::fs::{fstat, fstatfs};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, getpid, pidfd_open, test_kill_process};

use super::{poll, procfs};

/// Whether a process or thread lives, as far as that can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It is gone, or a zombie.
    Ended,
    /// It is the one with this mark: see [`mark_of_inode`] and [`mark_of_start`].
    Is(u64),
    /// It is there, but which it is cannot be told: for want of descriptors, say.
    Unknown,
}

/// The mark of what could not be told when it was noted.
const UNKNOWN_MARK: u64 = 0;

impl Life {
    /// Which process or thread it is, to be compared [later](Self::goes_on_as).
    pub fn mark(self) -> u64 {
        match self {
            Self::Is(mark) => mark,
            Self::Ended | Self::Unknown => UNKNOWN_MARK,
        }
    }

    /// Whether this is who had the mark then, and lives. In doubt it is: nobody may be taken for
    /// dead because this process cannot look.
    pub fn goes_on_as(self, mark: u64) -> bool {
        match self {
            Self::Ended => false,
            Self::Is(now) => now == mark || mark == UNKNOWN_MARK || is_inode(now) != is_inode(mark),
            Self::Unknown => true,
        }
    }
}

/// A pidfd's inode number is never given twice while the system runs (pidfs).
fn mark_of_inode(inode: u64) -> u64 {
    inode << 1 | 1
}

/// Clock ticks after boot: of two processes with one number one after the other they differ.
fn mark_of_start(start: u64) -> u64 {
    start << 1
}

fn is_inode(mark: u64) -> bool {
    mark & 1 != 0
}

/// `PIDFD_THREAD`, which rustix does not name.
fn of_thread() -> PidfdFlags {
    PidfdFlags::from_bits_retain(rustix::fs::OFlags::EXCL.bits())
}

/// Of the process `pid`.
pub fn life_of_process(pid: u32) -> Life {
    match open(pid, PidfdFlags::empty()) {
        Ok(pidfd) => judge(&pidfd, || procfs::start_of_process(pid)),
        Err(errno) => without_pidfd(pid, errno),
    }
}

/// Of thread `tid` of process `pid`.
pub fn life_of_thread(pid: u32, tid: u32) -> Life {
    match open(tid, of_thread()) {
        Ok(pidfd) => judge(&pidfd, || procfs::start_of_thread(pid, tid)),
        // The kernel has no pidfds of threads.
        Err(Errno::INVAL) => life_of_thread_by_proc(pid, tid),
        Err(errno) => without_pidfd(tid, errno),
    }
}

/// By `/proc`, which sees a thread if it sees its process; what it does not see is as the process.
fn life_of_thread_by_proc(pid: u32, tid: u32) -> Life {
    if life_of_process(pid) == Life::Ended {
        return Life::Ended;
    }
    match procfs::start_of_thread(pid, tid) {
        Some(Some(start)) => Life::Is(mark_of_start(start)),
        Some(None) if matches!(procfs::start_of_process(pid), Some(Some(_))) => Life::Ended,
        _ => Life::Unknown,
    }
}

fn open(id: u32, flags: PidfdFlags) -> Result<OwnedFd, Errno> {
    pidfd_open(process_number(id).ok_or(Errno::SRCH)?, flags)
}

/// The number of a process or thread; `None` if it can be nobody's. It may come from memory that others write, and
/// what is negative as a `pid_t` would mean a group of processes.
pub(super) fn process_number(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

/// A pidfd of the calling process.
pub(super) fn pidfd_of_this_process() -> Result<OwnedFd, Errno> {
    pidfd_open(getpid(), PidfdFlags::empty())
}

/// What a pidfd and, where that does not say which process it is, `/proc` tell.
fn judge(pidfd: &OwnedFd, start: impl FnOnce() -> Option<Option<u64>>) -> Life {
    if poll::is_readable(pidfd).unwrap_or(false) {
        return Life::Ended;
    }
    if has_pidfs(pidfd) {
        return fstat(pidfd).map_or(Life::Unknown, |stat| Life::Is(mark_of_inode(stat.st_ino)));
    }
    // Where `/proc` hides it, it lives all the same: the pidfd says so.
    start()
        .flatten()
        .map_or(Life::Unknown, |start| Life::Is(mark_of_start(start)))
}

/// Whether pidfds are files of their own, each with a number.
fn has_pidfs(pidfd: &OwnedFd) -> bool {
    const PIDFS: u64 = 0x5049_4446;
    static FOUND: OnceLock<bool> = OnceLock::new();
    *FOUND.get_or_init(|| fstatfs(pidfd).is_ok_and(|stat| stat.f_type as u64 == PIDFS))
}

fn without_pidfd(id: u32, errno: Errno) -> Life {
    if errno == Errno::SRCH || is_gone(id) {
        Life::Ended
    } else {
        Life::Unknown
    }
}

/// Whether there is no such process or thread: this needs no descriptor.
fn is_gone(id: u32) -> bool {
    process_number(id).is_none_or(|id| test_kill_process(id) == Err(Errno::SRCH))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, id};
    use std::time::Instant;

    #[test]
    fn this_process_is_alive_and_pid_zero_is_not() {
        let life = life_of_process(id());
        assert_eq!(life, life_of_thread(id(), id()));
        assert!(life.goes_on_as(life.mark()));
        assert!(!life.goes_on_as(life.mark() + 2));
        assert!(life.goes_on_as(Life::Unknown.mark()));
        for nobody in [0, u32::MAX, i32::MIN.cast_unsigned()] {
            assert_eq!(life_of_process(nobody), Life::Ended);
            assert_eq!(life_of_thread(id(), nobody), Life::Ended);
        }
        assert_eq!(without_pidfd(id(), Errno::MFILE), Life::Unknown);
        assert_eq!(without_pidfd(0, Errno::MFILE), Life::Ended);
    }

    #[test]
    fn marks_of_two_kinds_are_not_compared() {
        let now = Life::Is(mark_of_inode(7));
        assert!(!now.goes_on_as(mark_of_inode(8)));
        assert!(now.goes_on_as(mark_of_start(8)));
        assert!(Life::Is(mark_of_start(7)).goes_on_as(mark_of_inode(8)));
        assert!(!Life::Is(mark_of_start(7)).goes_on_as(mark_of_start(8)));
    }

    #[test]
    fn a_zombie_has_ended_before_it_is_reaped() {
        let mut child = Command::new("true").spawn().unwrap();
        let pidfd = open(child.id(), PidfdFlags::empty()).unwrap();
        poll::await_readable(&pidfd, None).unwrap();
        assert_eq!(life_of_process(child.id()), Life::Ended);
        assert_eq!(life_of_thread(child.id(), child.id()), Life::Ended);
        child.wait().unwrap();
        assert_eq!(life_of_process(child.id()), Life::Ended);
    }

    fn by_proc(tid: u32) -> Life {
        life_of_thread_by_proc(id(), tid)
    }

    #[test]
    fn a_thread_that_has_ended_is_told_from_its_process() {
        let of = super::super::own::thread_id;
        let seen = move || (of(), life_of_thread(id(), of()).mark(), by_proc(of()));
        let (tid, mark, started) = std::thread::spawn(seen).join().unwrap();
        // It may be a moment before the kernel has forgotten it.
        let end = Instant::now() + std::time::Duration::from_secs(20);
        while life_of_thread(id(), tid).goes_on_as(mark) || by_proc(tid) != Life::Ended {
            assert!(Instant::now() < end);
            std::thread::yield_now();
        }
        assert!(matches!(started, Life::Is(_)) || !procfs::is_own());
    }
}
