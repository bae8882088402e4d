//! What leaves a tree for a process that is no more: made beforehand, by that process.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use redis::Connection;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::wire::{self, Reply};

/// A word to the engine that nobody has said yet.
pub struct Farewell {
    connection: Connection,
    packed: Vec<u8>,
}

impl Farewell {
    pub(crate) fn new(
        connection: Connection,
        prefix: &str,
        member: u64,
        time: Duration,
    ) -> Option<Self> {
        connection.set_read_timeout(Some(time)).ok()?;
        connection.set_write_timeout(Some(time)).ok()?;
        let mut packed = Vec::new();
        let head = [member.to_string(), "1".into()];
        wire::call::<&str>(&mut packed, "leave", prefix, &[&head[0], &head[1]], &[]);
        Some(Self { connection, packed })
    }

    /// Says it. Where the engine is away, whoever vouches for the process will have it buried.
    pub fn send(mut self) {
        loop {
            if self.connection.send_packed_command(&self.packed).is_err() {
                return;
            }
            let Ok(value) = self.connection.recv_response() else {
                return;
            };
            match wire::reply_of(value) {
                Reply::Done(answer) if answer.get(1).is_some_and(|it| it == b"more") => {}
                _ => return,
            }
        }
    }
}

/// Whether a process, told by its pidfd, ends within so many seconds, or has.
///
/// Its descriptor is readable then (`pidfd_open(2)`); where somebody has reaped the process, Linux says since 6.9 that it
/// has hung up besides.
pub fn ends_within(process: BorrowedFd<'_>, seconds: i64) -> bool {
    let patience = Timespec {
        tv_sec: seconds,
        tv_nsec: 0,
    };
    let mut watching = [PollFd::new(&process, PollFlags::IN)];
    poll(&mut watching, Some(&patience)) == Ok(1) && watching[0].revents().contains(PollFlags::IN)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::process::{Command, Stdio};

    use rustix::process::{Pid, PidfdFlags, pidfd_open};

    use super::*;

    #[test]
    fn a_process_has_ended_once_it_is_dead_and_when_it_is_reaped_as_well() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let process = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).unwrap();
        assert!(!ends_within(process.as_fd(), 0));
        drop(child.stdin.take());
        assert!(ends_within(process.as_fd(), 60));
        child.wait().unwrap();
        assert!(ends_within(process.as_fd(), 0));
    }
}
