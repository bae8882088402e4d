//! Facts of this process and its machine that no tree is needed for: command line, directories, CPUs,
//! what Deno is doing.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use multiprocessing_core::cage;
use multiprocessing_core::sys::{self, Errno, activity, life, procfs, spawn, text};
use napi_derive::napi;

use crate::abi::errors::{Error, Result, state, to_js};
use crate::tree::tree;

/// What [`process_arguments`] returns: set when this process joins a tree, since a program overwrites
/// what the kernel has when it gives itself a title.
static ARGUMENTS: OnceLock<std::result::Result<Vec<String>, String>> = OnceLock::new();

/// Keeps the command line as it is now.
pub fn remember_arguments() {
    ARGUMENTS.get_or_init(|| match cage::current() {
        Some(cage) => Ok(cage.command_line().to_vec()),
        None => procfs::command_line().map_err(|error| error.to_string()),
    });
}

/// The command line of this process, executable first: in a cage as the parent has told it, else as
/// the kernel had it (`/proc/self/cmdline`) when this process joined its tree.
#[napi]
pub fn process_arguments() -> Result<Vec<String>> {
    let remembered = ARGUMENTS.get().ok_or_else(|| {
        state("Cannot tell the command line: this process has joined no tree of processes")
    })?;
    remembered.clone().map_err(|error| {
        Error::new(
            "OS:0".into(),
            format!("Cannot read the command line of this process: {error}"),
        )
    })
}

/// The path of the running executable (`/proc/self/exe`), as [`text`] has it.
#[napi]
pub fn executable() -> Result<String> {
    let path = std::env::current_exe();
    path.map(|path| text::to_text(path.as_os_str()))
        .map_err(|error| {
            Error::new(
                "OS:0".into(),
                format!("Cannot find the running executable: {error}"),
            )
        })
}

/// What is at a path: `"program"`, `"broken link"`, `"nothing"`; or `"no program"`, which cannot be executed.
#[napi]
pub fn program_at(path: String) -> Result<&'static str> {
    require_no_cage()?;
    let path = PathBuf::from(text::to_path(&path));
    Ok(match std::fs::metadata(&path) {
        Ok(found) if is_program(&found) => "program",
        Ok(_) => "no program",
        Err(_) if std::fs::symlink_metadata(&path).is_ok() => "broken link",
        Err(_) => "nothing",
    })
}

/// The path of the first program of that name in the folders of `PATH`, as [`text`] has it; `null` if there is none.
#[napi]
pub fn find_program(name: String) -> Result<Option<String>> {
    require_no_cage()?;
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut paths = std::env::split_paths(&folders).map(|folder| folder.join(text::to_path(&name)));
    let is_there = |path: &PathBuf| std::fs::metadata(path).is_ok_and(|it| is_program(&it));
    let found = paths.find(|path| path.is_absolute() && is_there(path));
    Ok(found.map(|path| text::to_text(path.as_os_str())))
}

/// A process in a cage sees what Deno lets it see.
fn require_no_cage() -> Result<()> {
    match cage::current() {
        None => Ok(()),
        Some(_) => Err(to_js(multiprocessing_core::Error::NotCapable(
            "look for programs".into(),
        ))),
    }
}

/// Whether it is a file that somebody may execute.
fn is_program(found: &std::fs::Metadata) -> bool {
    found.is_file() && found.permissions().mode() & 0o111 != 0
}

/// The working directory of this process (`getcwd(2)`), as [`text`] has it.
#[napi]
pub fn working_directory() -> Result<String> {
    let path = std::env::current_dir();
    path.map(|path| text::to_text(path.as_os_str()))
        .map_err(|error| {
            Error::new(
                format!("OS:{}", error.raw_os_error().unwrap_or(0)),
                format!("Cannot tell the working directory: {error}"),
            )
        })
}

/// Goes to a directory (`chdir(2)`).
#[napi]
pub fn change_directory(path: String) -> Result<()> {
    let directory = text::to_path(&path);
    cage::require_directory(directory.as_ref()).map_err(to_js)?;
    std::env::set_current_dir(&directory).map_err(|error| {
        Error::new(
            format!("OS:{}", error.raw_os_error().unwrap_or(0)),
            format!("Cannot go to the directory \"{path}\": {error}"),
        )
    })
}

/// The absolute path of a directory that a process can begin in, as [`text`] has it; of this
/// process's own, if none is named.
#[napi]
pub fn directory_to_begin_in(path: Option<String>) -> Result<String> {
    let Some(path) = path else {
        spawn::can_stay().map_err(to_js)?;
        spawn::can_enter(Path::new(".")).map_err(|errno| fail(".", errno))?;
        return working_directory();
    };
    let directory = PathBuf::from(text::to_path(&path));
    multiprocessing_core::cage::require_directory(&directory).map_err(to_js)?;
    spawn::can_enter(&directory).map_err(|errno| fail(&path, errno))?;
    if directory.is_absolute() {
        return Ok(path);
    }
    let absolute = PathBuf::from(text::to_path(&working_directory()?)).join(directory);
    Ok(text::to_text(absolute.as_os_str()))
}

fn fail(path: &str, errno: Errno) -> Error {
    let action = match errno {
        Errno::MFILE | Errno::NFILE | Errno::NOMEM => "start a process".to_owned(), // it is not the path's fault
        _ => format!("start a process in \"{path}\""),
    };
    to_js(multiprocessing_core::Error::OsAt { action, errno })
}

/// How Deno names the threads of its Workers, and those that block.
const DENO_THREADS: activity::ThreadNames = activity::ThreadNames {
    looping: "worker-",
    blocking: "tokio-runtime",
};

/// Whether Deno waits for anything from outside, or works in other threads, besides as many threads
/// that block and pipes as are always there; in doubt it does.
#[napi]
pub fn runtime_is_busy(threads: u32, pipes: u32) -> Result<bool> {
    let descriptors = tree()?.descriptors_so_far();
    let baseline = activity::Baseline {
        own: descriptors.map(|it| it.own_descriptor()),
        threads: threads as usize,
        pipes: pipes as usize,
    };
    Ok(activity::is_busy(DENO_THREADS, baseline))
}

/// How many CPUs this process may use (`sched_getaffinity(2)`).
#[napi]
pub fn available_cpus() -> u32 {
    sys::own::available_cpus() as u32
}

/// The OS id of the calling thread (`gettid(2)`).
#[napi]
pub fn thread_id() -> u32 {
    sys::own::thread_id()
}

/// Which process has this number now, for [`process_goes_on`]; 0 if that cannot be told.
#[napi]
pub fn process_mark(pid: u32) -> f64 {
    life::life_of_process(pid).mark() as f64
}

/// Whether the process of this number that had that mark goes on; in doubt it does.
#[napi]
pub fn process_goes_on(pid: u32, mark: f64) -> bool {
    life::life_of_process(pid).goes_on_as(mark as u64)
}
