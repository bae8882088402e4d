//! What the JavaScript runtime around this library is doing, as the kernel sees it: whether something
//! from outside may make the program go on. In doubt it may.
//!
//! Deno's event loop waits with `epoll(7)` for sockets, pipes and children, in *blocking* threads for
//! files and the terminal, and in Workers' threads. Two things it always has: an eventfd, by which it
//! is woken, and one socket, by which signals come (nothing goes on for a signal alone). Timers are
//! not seen here.

use std::fs;
use std::io::{Error, ErrorKind, Result};
use std::os::fd::RawFd;

/// How Deno names the threads of its Workers, and those that block.
const WORKER: &str = "worker-";
const BLOCKING: &str = "tokio-runtime";

/// What there is always.
#[derive(Debug, Clone, Copy, Default)]
pub struct Baseline {
    /// A descriptor that this library's own reactor waits for.
    pub own: Option<RawFd>,
    /// Threads that block, and pipes: the runner of tests reads so what they print.
    pub threads: usize,
    pub pipes: usize,
}

/// Whether Deno waits for anything from outside, or has anything to do in other threads, besides.
pub fn is_busy(baseline: Baseline) -> bool {
    has_busy_thread(baseline).unwrap_or(true) || has_busy_poll(baseline).unwrap_or(true)
}

fn has_busy_thread(baseline: Baseline) -> Result<bool> {
    let mut busy = 0;
    // Tests run in a thread that could as well block.
    let this = rustix::thread::gettid().as_raw_nonzero().to_string();
    for task in fs::read_dir("/proc/self/task")? {
        let path = task?.path();
        if path.ends_with(&this) {
            continue;
        }
        // A thread that has ended meanwhile was busy.
        let name = fs::read_to_string(path.join("comm"))?;
        if name.starts_with(WORKER) {
            return Ok(true);
        }
        if name.starts_with(BLOCKING) && !is_parked(&fs::read_to_string(path.join("syscall"))?) {
            busy += 1;
        }
    }
    Ok(busy > baseline.threads)
}

/// Whether a thread with this in `syscall` (`proc_pid_syscall(5)`) sleeps until it is given work.
fn is_parked(syscall: &str) -> bool {
    let number = syscall.split(' ').next().and_then(|it| it.parse().ok());
    number == Some(libc::SYS_futex)
}

fn has_busy_poll(baseline: Baseline) -> Result<bool> {
    for entry in fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        // It may be closed by now: the one that reads this folder is.
        let Ok(link) = fs::read_link(entry.path()) else {
            continue;
        };
        if !link.to_string_lossy().contains("[eventpoll]") {
            continue;
        }
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
            continue;
        };
        let watched = watched(&fs::read_to_string(format!("/proc/self/fdinfo/{name}"))?)?;
        if baseline.own.is_some_and(|own| watched.contains(&own)) {
            continue;
        }
        let kinds: Vec<_> = watched
            .iter()
            .map(|fd| fs::read_link(format!("/proc/self/fd/{fd}")))
            .collect::<Result<_>>()?;
        let is_kind = |wanted: &str| {
            let is = |kind: &&std::path::PathBuf| kind.to_string_lossy().starts_with(wanted);
            kinds.iter().filter(is).count()
        };
        let always = is_kind("anon_inode:[eventfd]")
            + is_kind("socket:").min(1)
            + is_kind("pipe:").min(baseline.pipes);
        if kinds.len() > always {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What is watched, from the `fdinfo` of an epoll descriptor (`proc_pid_fdinfo(5)`).
fn watched(info: &str) -> Result<Vec<RawFd>> {
    let lines = info.lines().filter_map(|line| line.strip_prefix("tfd:"));
    let numbers = lines.map(|line| {
        let number = line.split_whitespace().next();
        number
            .and_then(|it| it.parse().ok())
            .ok_or_else(|| Error::from(ErrorKind::InvalidData))
    });
    numbers.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parked_thread_is_told_from_one_that_reads() {
        assert!(is_parked(&format!(
            "{} 0x7f489fc8b530 0x89",
            libc::SYS_futex
        )));
        assert!(!is_parked("0 0x15 0x7ffc 0x2000"));
        assert!(!is_parked("running\n"));
        assert!(!is_parked("-1 0x7ffc 0x55"));
    }

    #[test]
    fn what_is_watched_is_read_from_the_descriptor() {
        let info = "pos:\t0\nflags:\t02000002\ntfd:        4 events: 80002019 data: 1\ntfd: 10 events: 19\n";
        assert_eq!(watched(info).unwrap(), [4, 10]);
        assert!(watched("tfd: x").is_err());
        assert_eq!(watched("pos:\t0\n").unwrap(), []);
    }

    #[test]
    fn a_socket_that_is_watched_besides_the_first_is_busy() {
        use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
        use rustix::event::{EventfdFlags, eventfd};
        use std::os::fd::AsRawFd;
        use std::os::unix::net::UnixStream;

        let poll = epoll::create(CreateFlags::CLOEXEC).unwrap();
        let wake = eventfd(0, EventfdFlags::CLOEXEC).unwrap();
        let (one, two) = UnixStream::pair().unwrap();
        epoll::add(&poll, &wake, EventData::new_u64(0), EventFlags::IN).unwrap();
        epoll::add(&poll, &one, EventData::new_u64(1), EventFlags::IN).unwrap();
        let none = Baseline::default();
        let own = Baseline {
            own: Some(wake.as_raw_fd()),
            ..none
        };
        assert!(!has_busy_poll(none).unwrap());
        epoll::add(&poll, &two, EventData::new_u64(2), EventFlags::IN).unwrap();
        assert!(has_busy_poll(none).unwrap());
        assert!(!has_busy_poll(own).unwrap());
    }
}
