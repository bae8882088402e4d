//! A child of a fork is no member: its end is not that of its parent's threads. A process of its own, since forks are
//! watched for good.
#![expect(unsafe_code, reason = "fork(2), exit(3) and waitpid(2)")]

use multiprocessing_core::sys::fork;
use multiprocessing_core::tree::member::Member;
use std::os::fd::{AsFd, AsRawFd};

#[test]
fn the_end_of_a_forked_thread_is_not_that_of_its_parents_thread() {
    let member = Member::root("root").unwrap();
    let token = member.token().unwrap();
    let (closed, _kept) = std::io::pipe().unwrap();
    fork::watch().unwrap();
    fork::close_in_child(&[closed.as_fd()]);
    assert!(!fork::is_forked());
    // SAFETY: the child calls what follows only, and ends.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: the number of a descriptor that may be closed.
        let is_closed = unsafe { libc::fcntl(closed.as_raw_fd(), libc::F_GETFD) } == -1;
        let code = i32::from(!(fork::is_forked() && is_closed));
        // SAFETY: ends the process as programs end, with what its thread does at its end.
        unsafe { libc::exit(code) };
    }
    let mut status = 0;
    // SAFETY: waits for the child that was just made; the status has room.
    let ended = unsafe { libc::waitpid(child, &mut status, 0) };
    assert_eq!((ended, status), (child, 0));
    assert!(!fork::is_forked());
    assert!(!member.has_died(token));
}
