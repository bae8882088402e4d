//! What `/proc` tells about processes and threads (`proc_pid_stat(5)`).

use std::fs;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

/// What can be told of a process or thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It is gone, or a zombie.
    Ended,
    /// It started so many clock ticks after boot.
    Since(u64),
    /// Its process is there, but `/proc` cannot be read: for want of descriptors, say.
    Unknown,
}

/// The start of what could not be told when it was noted.
const UNKNOWN_START: u64 = 0;

impl Life {
    /// When it started, to be compared [later](Self::goes_on_since).
    pub fn start(self) -> u64 {
        match self {
            Self::Since(start) => start,
            Self::Ended | Self::Unknown => UNKNOWN_START,
        }
    }

    /// Whether this is who started then, and lives. In doubt it is: nobody may be taken for dead
    /// because this process has no descriptor left to look.
    pub fn goes_on_since(self, start: u64) -> bool {
        match self {
            Self::Ended => false,
            Self::Since(now) => now == start || start == UNKNOWN_START,
            Self::Unknown => true,
        }
    }

    fn read(pid: u32, path: &str) -> Self {
        match fs::read(path) {
            Ok(stat) => parse_start_time(&stat).map_or(Self::Ended, Self::Since),
            Err(error) if matches!(error.raw_os_error(), Some(ENOENT | ESRCH)) => Self::Ended,
            Err(_) if is_gone(pid) => Self::Ended,
            Err(_) => Self::Unknown,
        }
    }
}

const ENOENT: i32 = Errno::NOENT.raw_os_error();
const ESRCH: i32 = Errno::SRCH.raw_os_error();

/// Whether there is no process `pid`: this needs no descriptor.
fn is_gone(pid: u32) -> bool {
    let pid = Pid::from_raw(pid.cast_signed());
    pid.is_none_or(|pid| test_kill_process(pid) == Err(Errno::SRCH))
}

/// Of thread `tid` of process `pid`.
pub fn life_of_thread(pid: u32, tid: u32) -> Life {
    Life::read(pid, &format!("/proc/{pid}/task/{tid}/stat"))
}

/// Of the process `pid`.
pub fn life_of_process(pid: u32) -> Life {
    Life::read(pid, &format!("/proc/{pid}/stat"))
}

/// Field 22 of a `stat` line, unless field 3 says zombie or dead. The name in field 2 may hold
/// spaces and parentheses, so fields are counted from its last `)`.
fn parse_start_time(stat: &[u8]) -> Option<u64> {
    let end_of_name = stat.iter().rposition(|&byte| byte == b')')?;
    let rest = std::str::from_utf8(&stat[end_of_name + 1..]).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    if matches!(fields.next()?, "Z" | "X" | "x") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// Whether the process has ended, or a signal has been sent to it that ends it: from then on its
/// threads have SIGKILL pending, until they exit.
pub fn is_dying(pid: u32) -> bool {
    let stat = fs::read(format!("/proc/{pid}/stat"));
    stat.map_or(true, |stat| parse_dying(&stat).unwrap_or(true))
}

/// Field 9 of a `stat` line has the flags of the thread, 31 what is pending; `None` as above.
fn parse_dying(stat: &[u8]) -> Option<bool> {
    const EXITING: u64 = 0x4; // PF_EXITING
    const SIGKILL: u64 = 1 << 8;
    parse_start_time(stat)?;
    let end_of_name = stat.iter().rposition(|&byte| byte == b')')?;
    let rest = std::str::from_utf8(&stat[end_of_name + 1..]).ok()?;
    let mut fields = rest.split_ascii_whitespace().skip(6); // fields 3 to 8
    let flags: u64 = fields.next()?.parse().ok()?;
    let pending: u64 = fields.nth(21)?.parse().ok()?;
    Some(flags & EXITING != 0 || pending & SIGKILL != 0)
}

/// Whether SIGINT has been sent to the process, which has it blocked.
pub fn has_interrupt_pending(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status"));
    status.is_ok_and(|status| parse_interrupt_pending(&status).unwrap_or(false))
}

/// `ShdPnd` are the signals pending for the process as a whole (`proc_pid_status(5)`).
fn parse_interrupt_pending(status: &str) -> Option<bool> {
    const SIGINT: u64 = 1 << 1;
    let pending = status.lines().find_map(|it| it.strip_prefix("ShdPnd:"))?;
    Some(u64::from_str_radix(pending.trim(), 16).ok()? & SIGINT != 0)
}

/// The command line of this process, as `execve(2)` got it.
pub fn command_line() -> std::io::Result<Vec<String>> {
    let bytes = fs::read("/proc/self/cmdline")?;
    let mut words: Vec<String> = bytes
        .split(|&byte| byte == 0)
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    words.pop();
    Ok(words)
}

/// The environment that this process was started with; what it has set since is not in it.
pub fn initial_environment() -> std::io::Result<Vec<(String, String)>> {
    let bytes = fs::read("/proc/self/environ")?;
    let variables = bytes.split(|&byte| byte == 0).filter_map(|variable| {
        let text = String::from_utf8_lossy(variable);
        let (name, value) = text.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    });
    Ok(variables.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let stat = b"7 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20";
        assert_eq!(parse_start_time(stat), Some(4242));
    }

    #[test]
    fn a_zombie_has_ended() {
        let stat = b"7 (a) Z 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20";
        assert_eq!(parse_start_time(stat), None);
    }

    #[test]
    fn who_has_a_kill_pending_is_dying() {
        let stat = |flags: u32, pending: u32| {
            format!(
                "7 (a) S 1 2 3 4 5 {flags} 7 8 9 10 11 12 13 14 15 16 17 18 4242 20 21 22 23 24 \
                 25 26 27 {pending} 29"
            )
        };
        assert_eq!(parse_dying(stat(0x40, 0).as_bytes()), Some(false));
        assert_eq!(parse_dying(stat(0x44, 0).as_bytes()), Some(true));
        assert_eq!(parse_dying(stat(0x40, 256).as_bytes()), Some(true));
        assert!(!is_dying(std::process::id()));
        assert!(is_dying(0));
    }

    #[test]
    fn a_pending_interrupt_is_seen() {
        let status = |pending: &str| format!("Name:\ta\nSigPnd:\t02\nShdPnd:\t{pending}\n");
        let parse = |pending| parse_interrupt_pending(&status(pending));
        assert_eq!(parse("0000000000000002"), Some(true));
        assert_eq!(parse("0000000000004001"), Some(false));
        assert_eq!(parse("none"), None);
        assert_eq!(parse_interrupt_pending(""), None);
        assert!(!has_interrupt_pending(std::process::id()));
        assert!(!has_interrupt_pending(0));
    }

    #[test]
    fn this_process_is_alive_and_pid_zero_is_not() {
        let pid = std::process::id();
        let life = life_of_process(pid);
        assert_eq!(life, life_of_thread(pid, pid));
        assert!(life.goes_on_since(life.start()));
        assert!(!life.goes_on_since(life.start() + 1));
        assert!(life.goes_on_since(Life::Unknown.start()));
        assert_eq!(life_of_process(0), Life::Ended);
    }

    #[test]
    fn what_cannot_be_read_is_not_taken_for_an_end() {
        // ENAMETOOLONG stands for EMFILE, which would be every test's here.
        let unreadable = "x".repeat(10_000);
        let life = Life::read(std::process::id(), &unreadable);
        assert_eq!(life, Life::Unknown);
        assert!(life.goes_on_since(5));
        assert_eq!(Life::read(0, &unreadable), Life::Ended);
    }
}
