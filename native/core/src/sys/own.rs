//! This process and its threads: `gettid(2)`, `prctl(2)`, `getrlimit(2)`, `sched_getaffinity(2)`.

use rustix::io::Errno;
use rustix::process::{Pid, Resource, Signal, getpid, getrlimit};
use rustix::thread::gettid;

/// The number of the calling thread.
pub fn thread_id() -> u32 {
    number(gettid())
}

/// What the calling thread is called.
pub fn thread_name() -> String {
    let name = rustix::thread::name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Whether the calling thread is the one that lives as long as the process.
pub fn is_main_thread() -> bool {
    gettid() == getpid()
}

/// Ends this process at once (SIGKILL).
pub fn kill() {
    let _ = rustix::process::kill_process(getpid(), Signal::KILL);
}

/// Has the kernel end this process when the thread of `parent` that started it ends; `false` if that
/// has happened already (`PR_SET_PDEATHSIG`).
pub fn end_with_parent(parent: u32) -> Result<bool, Errno> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have ended just before.
    Ok(rustix::process::getppid().map(number) == Some(parent))
}

/// The size beyond which a file must not grow; `None`: there is no limit (`RLIMIT_FSIZE`).
pub fn max_file_size() -> Option<u64> {
    getrlimit(Resource::Fsize).current
}

/// How many CPUs this process may run on, at least 1.
pub fn available_cpus() -> usize {
    rustix::thread::sched_getaffinity(None)
        .map(|set| set.count() as usize)
        .unwrap_or(1)
        .max(1)
}

pub(super) fn number(pid: Pid) -> u32 {
    pid.as_raw_nonzero().get().cast_unsigned()
}
