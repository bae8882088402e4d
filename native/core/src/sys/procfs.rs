//! Reads from `/proc` what it says about processes and threads (`proc_pid_stat(5)`).

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::OnceLock;

use rustix::io::Errno;

use super::text;

/// Whether the numbers in `/proc` are those of this process's PID namespace.
pub fn is_own() -> bool {
    static OWN: OnceLock<bool> = OnceLock::new();
    *OWN.get_or_init(|| {
        let own = std::process::id().to_string();
        fs::read_link("/proc/self").is_ok_and(|link| link.as_os_str() == own.as_str())
    })
}

/// Fails with the reason if `/proc` does not tell of this process.
pub fn require() -> io::Result<()> {
    fs::read_link("/proc/self/exe").map(drop)
}

/// The number of this process's PID namespace; 0 where it is not told.
pub fn pid_namespace() -> u64 {
    rustix::fs::stat("/proc/self/ns/pid").map_or(0, |stat| stat.st_ino)
}

/// When the process started, in clock ticks after boot; `Some(None)` if it has ended, `None` if
/// `/proc` cannot be asked.
pub fn start_of_process(pid: u32) -> Option<Option<u64>> {
    start_in(&format!("/proc/{pid}/stat"))
}

/// As [`start_of_process`], of thread `tid` of process `pid`.
pub fn start_of_thread(pid: u32, tid: u32) -> Option<Option<u64>> {
    start_in(&format!("/proc/{pid}/task/{tid}/stat"))
}

fn start_in(path: &str) -> Option<Option<u64>> {
    if !is_own() {
        return None;
    }
    match fs::read(path) {
        Ok(stat) => Some(parse_start_time(&stat)),
        Err(error) if matches!(error.raw_os_error(), Some(ENOENT | ESRCH)) => Some(None),
        Err(_) => None,
    }
}

const ENOENT: i32 = Errno::NOENT.raw_os_error();
const ESRCH: i32 = Errno::SRCH.raw_os_error();

/// The number under which `/proc` has the process of a pidfd; `None` if it has it under none.
pub fn number_of(pid: u32, pidfd: BorrowedFd) -> Option<u32> {
    if is_own() {
        return Some(pid);
    }
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd())).ok()?;
    let number = info.lines().find_map(|line| line.strip_prefix("Pid:"))?;
    number.trim().parse().ok().filter(|&number| number > 0)
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

/// The number of a process's parent; `None` if `/proc` does not tell.
pub fn parent_of(pid: u32) -> Option<u32> {
    parse_parent(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// Field 4 of a `stat` line.
fn parse_parent(stat: &[u8]) -> Option<u32> {
    let end_of_name = stat.iter().rposition(|&byte| byte == b')')?;
    let rest = std::str::from_utf8(&stat[end_of_name + 1..]).ok()?;
    let parent = rest.split_ascii_whitespace().nth(1)?.parse().ok()?;
    (parent > 0).then_some(parent)
}

/// Whether the process has ended, or a signal has been sent to it that ends it: from then on its
/// threads have SIGKILL pending, until they exit. `None` if `/proc` cannot be asked, for want of
/// descriptors, say.
pub fn is_dying(pid: u32) -> Option<bool> {
    is_dying_in(&format!("/proc/{pid}/stat"))
}

fn is_dying_in(path: &str) -> Option<bool> {
    match fs::read(path) {
        Ok(stat) => Some(parse_dying(&stat).unwrap_or(true)),
        Err(error) if matches!(error.raw_os_error(), Some(ENOENT | ESRCH)) => Some(true),
        Err(_) => None,
    }
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

/// Whether SIGINT, SIGTERM or SIGHUP has been sent to the process, which has them blocked.
pub fn has_interrupt_pending(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status"));
    status.is_ok_and(|status| parse_interrupt_pending(&status).unwrap_or(false))
}

/// `ShdPnd` are the signals pending for the process as a whole (`proc_pid_status(5)`).
fn parse_interrupt_pending(status: &str) -> Option<bool> {
    const SIGHUP: u64 = 1;
    const SIGINT: u64 = 1 << 1;
    const SIGTERM: u64 = 1 << 14;
    let pending = status.lines().find_map(|it| it.strip_prefix("ShdPnd:"))?;
    Some(u64::from_str_radix(pending.trim(), 16).ok()? & (SIGHUP | SIGINT | SIGTERM) != 0)
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

/// The environment that this process was started with, as [`text`] has it; what it has set since is
/// not in it.
pub fn initial_environment() -> std::io::Result<Vec<(String, String)>> {
    let bytes = fs::read("/proc/self/environ")?;
    let variables = bytes.split(|&byte| byte == 0).filter_map(|variable| {
        let at = variable.iter().position(|&byte| byte == b'=')?;
        let of = |bytes| text::to_text(OsStr::from_bytes(bytes));
        Some((of(&variable[..at]), of(&variable[at + 1..])))
    });
    Ok(variables.collect())
}

/// How many mappings a process may have (`vm.max_map_count`); the kernel's own default if that cannot
/// be read.
pub fn max_map_count() -> usize {
    let text = fs::read_to_string("/proc/sys/vm/max_map_count").unwrap_or_default();
    text.trim().parse().unwrap_or(65_530)
}

/// Where this process has mapped memory that `memfd_create(2)` has made under this name, in order
/// (`proc_pid_maps(5)`); `None` if that cannot be read.
pub fn mappings_of(name: &str) -> Option<Vec<Range<usize>>> {
    let maps = fs::read("/proc/self/maps").ok()?;
    let maps = String::from_utf8_lossy(&maps); // other files may have any name
    let file = format!("/memfd:{name} (deleted)");
    let of_file = maps.lines().filter(|line| line.ends_with(&file));
    of_file.map(parse_range).collect()
}

fn parse_range(line: &str) -> Option<Range<usize>> {
    let (start, end) = line.split_once(' ')?.0.split_once('-')?;
    let number = |text| usize::from_str_radix(text, 16).ok();
    Some(number(start)?..number(end)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_of_a_mapping_is_what_its_line_begins_with() {
        let line = "7f6d48000000-7f7d48000000 rw-s 00000000 00:01 10330    /memfd:it (deleted)";
        assert_eq!(parse_range(line), Some(0x7f6d_4800_0000..0x7f7d_4800_0000));
        assert_eq!(parse_range("nothing"), None);
        assert_eq!(mappings_of("no such name"), Some(Vec::new()));
    }

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
        assert_eq!(is_dying(std::process::id()), Some(false));
        assert_eq!(is_dying(0), Some(true));
        assert_eq!(is_dying_in(&"x".repeat(10_000)), None); // as below
    }

    #[test]
    fn a_pending_interrupt_is_seen() {
        let status = |pending: &str| format!("Name:\ta\nSigPnd:\t02\nShdPnd:\t{pending}\n");
        let parse = |pending| parse_interrupt_pending(&status(pending));
        assert_eq!(parse("0000000000000002"), Some(true));
        assert_eq!(parse("0000000000004000"), Some(true)); // SIGTERM
        assert_eq!(parse("0000000000000001"), Some(true)); // SIGHUP
        assert_eq!(parse("0000000000008008"), Some(false));
        assert_eq!(parse("none"), None);
        assert_eq!(parse_interrupt_pending(""), None);
        assert!(!has_interrupt_pending(std::process::id()));
        assert!(!has_interrupt_pending(0));
    }

    #[test]
    fn proc_tells_of_this_process_and_not_of_number_zero() {
        let pid = std::process::id();
        assert!(require().is_ok());
        assert_eq!(is_own(), start_of_process(pid).is_some());
        assert_eq!(start_of_process(pid), start_of_thread(pid, pid));
        assert_eq!(start_in("/proc/0/stat"), is_own().then_some(None));
        // ENAMETOOLONG stands for EMFILE, which would be every test's here.
        assert_eq!(start_in(&"x".repeat(10_000)), None);
    }
}
