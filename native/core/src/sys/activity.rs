//! What an event loop beside this library is doing, as the kernel sees it: whether something from
//! outside may make the program go on. In doubt it may.
//!
//! Such a loop waits with `epoll(7)` for sockets, pipes and children, and in *blocking* threads for files
//! and the terminal; other threads may have loops of their own. Two things it always has: an eventfd, by
//! which it is woken, and one socket, by which signals come (nothing goes on for a signal alone). Timers
//! are not seen here.

use std::fs;
use std::io::{Error, ErrorKind, Result};
use std::os::fd::RawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How the threads of a program are called that uses an event loop.
#[derive(Debug, Clone, Copy)]
pub struct ThreadNames {
    /// How the names begin of threads that have loops of their own.
    pub looping: &'static str,
    /// How the names begin of those that block for a loop.
    pub blocking: &'static str,
}

/// What there is always.
#[derive(Debug, Clone, Copy, Default)]
pub struct Baseline {
    /// A descriptor that this library's own reactor waits for.
    pub own: Option<RawFd>,
    /// Threads that block, and pipes: the runner of tests reads so what they print.
    pub threads: usize,
    pub pipes: usize,
}

/// Whether a loop waits for anything from outside, or has anything to do in other threads, besides.
pub fn is_busy(names: ThreadNames, baseline: Baseline) -> bool {
    has_busy_thread(names, baseline).unwrap_or(true) || has_busy_poll(baseline).unwrap_or(true)
}

fn has_busy_thread(names: ThreadNames, baseline: Baseline) -> Result<bool> {
    let mut busy = 0;
    // Tests run in a thread that could as well block.
    let this = super::own::thread_id().to_string();
    for task in fs::read_dir("/proc/self/task")? {
        let path = task?.path();
        if path.ends_with(&this) {
            continue;
        }
        // A thread that has ended meanwhile was busy.
        let name = fs::read_to_string(path.join("comm"))?;
        if name.starts_with(names.looping) {
            return Ok(true);
        }
        if name.starts_with(names.blocking)
            && !is_parked(&fs::read_to_string(path.join("syscall"))?)
        {
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
        let number = entry.file_name().to_string_lossy().parse();
        if number.is_ok_and(|it| !matches!(is_busy_poll(it, baseline), Ok(false))) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether this epoll descriptor watches more than there is always.
fn is_busy_poll(number: RawFd, baseline: Baseline) -> Result<bool> {
    let watched = watched(&fs::read_to_string(format!("/proc/self/fdinfo/{number}"))?)?;
    let is_own = |it: &Watched| Some(it.number) == baseline.own;
    if watched.iter().any(is_own) {
        return Ok(false);
    }
    let kinds: Vec<_> = watched.iter().map(Watched::kind).collect::<Result<_>>()?;
    let is_kind = |wanted: &str| kinds.iter().filter(|it| it.starts_with(wanted)).count();
    let always = is_kind("anon_inode:[eventfd]")
        + is_kind("socket:").min(1)
        + is_kind("pipe:").min(baseline.pipes);
    Ok(kinds.len() > always)
}

/// An open file that an epoll descriptor watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Watched {
    /// The descriptor by which it was added. The watch goes on when that is closed, as long as
    /// another one of the same open file is there, and the number may mean something else by then.
    number: RawFd,
    inode: u64,
    /// As the kernel writes it: 20 bits for the minor number.
    device: u64,
}

impl Watched {
    /// The kind of a file, in the words of `/proc/self/fd`; empty if none of the descriptors is of
    /// it.
    fn kind(&self) -> Result<String> {
        let by_number = PathBuf::from(format!("/proc/self/fd/{}", self.number));
        if self.is_at(&by_number) {
            return Ok(fs::read_link(by_number)?.to_string_lossy().into_owned());
        }
        for entry in fs::read_dir("/proc/self/fd")? {
            let path = entry?.path();
            // Nameless files of several kinds share one inode: of those, the number alone tells.
            if self.is_at(&path)
                && let Ok(link) = fs::read_link(&path)
                && !link.to_string_lossy().starts_with("anon_inode:")
            {
                return Ok(link.to_string_lossy().into_owned());
            }
        }
        Ok(String::new())
    }

    fn is_at(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|it| {
            let device = it.dev();
            let device = (u64::from(libc::major(device)) << 20) | u64::from(libc::minor(device));
            (it.ino(), device) == (self.inode, self.device)
        })
    }
}

/// What is watched, from the `fdinfo` of an epoll descriptor (`proc_pid_fdinfo(5)`).
fn watched(info: &str) -> Result<Vec<Watched>> {
    let is_watched = |line: &&str| line.starts_with("tfd:");
    info.lines().filter(is_watched).map(watched_by).collect()
}

fn watched_by(line: &str) -> Result<Watched> {
    let field = |name: &str| {
        let value = line.split_once(name)?.1.trim_start();
        value.split(' ').next()
    };
    let hex = |name| u64::from_str_radix(field(name)?, 16).ok();
    let parse = || {
        Some(Watched {
            number: field("tfd:")?.parse().ok()?,
            inode: hex("ino:")?,
            device: hex("sdev:")?,
        })
    };
    parse().ok_or_else(|| Error::from(ErrorKind::InvalidData))
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
        let info = "pos:\t0\nflags:\t02000002\n\
            tfd:        4 events: 80002019 data:                1  pos:0 ino:2d01 sdev:9\n\
            tfd:       10 events:       19 data:     7f4110004b80  pos:0 ino:40e sdev:10 \n";
        let expected = [(4, 0x2d01, 9), (10, 0x40e, 0x10)];
        let expected = expected.map(|(number, inode, device)| Watched {
            number,
            inode,
            device,
        });
        assert_eq!(watched(info).unwrap(), expected);
        assert!(watched("tfd: x").is_err());
        assert!(watched("tfd: 4 events: 19 data: 1").is_err());
        assert_eq!(watched("pos:\t0\n").unwrap(), []);
    }

    #[test]
    fn a_socket_is_known_though_its_descriptor_was_closed_and_given_to_another_file() {
        use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
        use std::os::fd::AsRawFd;
        use std::os::unix::net::UnixStream;

        let poll = epoll::create(CreateFlags::CLOEXEC).unwrap();
        let (one, _two) = UnixStream::pair().unwrap();
        let added = one.try_clone().unwrap();
        epoll::add(&poll, &added, EventData::new_u64(0), EventFlags::IN).unwrap();
        let number = added.as_raw_fd();
        drop(added);
        // The tests beside this one may take the number first: any other file will do.
        let others: Vec<_> = (0..8)
            .map(|_| fs::File::open("/dev/null").unwrap())
            .collect();
        let info = format!("/proc/self/fdinfo/{}", poll.as_raw_fd());
        let watched = watched(&fs::read_to_string(info).unwrap()).unwrap();
        assert_eq!(watched.len(), 1);
        assert_eq!(watched[0].number, number);
        assert!(watched[0].kind().unwrap().starts_with("socket:["));
        drop((one, others));
        assert_eq!(watched[0].kind().unwrap(), "");
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
        let number = poll.as_raw_fd();
        let none = Baseline::default();
        let own = Baseline {
            own: Some(wake.as_raw_fd()),
            ..none
        };
        assert!(!is_busy_poll(number, none).unwrap());
        epoll::add(&poll, &two, EventData::new_u64(2), EventFlags::IN).unwrap();
        assert!(is_busy_poll(number, none).unwrap());
        assert!(!is_busy_poll(number, own).unwrap());
    }
}
