//! Starting a program: `posix_spawn(3)`, which is vfork and exec, and a pidfd for its end.
#![expect(unsafe_code, reason = "libc's posix_spawn has no safe wrapper")]

use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use rustix::fs::{Access, AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};

use super::{interrupt, own, text};
use crate::error::{Error, Result};

/// What to start. Descriptors 0, 1 and 2 of the child are the null device, `stdout` and
/// `stderr`; `inherited` become 3, 4, …; no other descriptor reaches it.
pub struct Program<'a> {
    pub path: &'a Path,
    pub arguments: &'a [String],
    /// `None` repeats this process's environment. As [`text`] has it.
    pub environment: Option<&'a [(String, String)]>,
    pub directory: Option<&'a Path>,
    pub stdout: Stdio<'a>,
    pub stderr: Stdio<'a>,
    pub inherited: &'a [BorrowedFd<'a>],
    /// Whether it begins with signals to groups blocked, until it calls [`interrupt::accept`].
    pub blocks_signals: bool,
}

/// Where an output stream of the child goes.
#[derive(Clone, Copy)]
pub enum Stdio<'a> {
    Inherit,
    Null,
    Descriptor(BorrowedFd<'a>),
}

/// Starts `program` and returns its id and a descriptor that becomes readable when it ends.
/// Fails if the program cannot be executed (`ENOENT`, `EACCES` …): then nothing was started.
pub fn spawn(program: &Program) -> Result<(u32, OwnedFd)> {
    let fail = |errno| Error::os("start a process", errno);
    let path = c_string(program.path.as_os_str().as_bytes())?;
    // Not every program survives words that are no text.
    let name = c_string(program.path.to_string_lossy().as_bytes())?;
    let mut arguments = vec![name];
    for argument in program.arguments {
        arguments.push(c_string(argument.as_bytes())?);
    }
    let environment = match program.environment {
        None => None,
        Some(variables) => Some(
            variables
                .iter()
                .map(|(name, value)| c_string(text::to_path(&format!("{name}={value}")).as_bytes()))
                .collect::<Result<Vec<_>>>()?,
        ),
    };

    let mut actions = FileActions::new()?;
    if let Some(directory) = program.directory {
        actions.change_directory(&c_string(directory.as_os_str().as_bytes())?)?;
    }
    // First lift every source above the targets, so that no dup2 overwrites a later source.
    let lowest = 3 + program.inherited.len() as i32;
    let lift =
        |descriptor: BorrowedFd| rustix::io::fcntl_dupfd_cloexec(descriptor, lowest).map_err(fail);
    let mut lifted = Vec::new();
    actions.open_null(0, libc::O_RDONLY)?;
    for (target, stdio) in [(1, &program.stdout), (2, &program.stderr)] {
        match stdio {
            Stdio::Inherit => {}
            Stdio::Null => actions.open_null(target, libc::O_WRONLY)?,
            Stdio::Descriptor(descriptor) => {
                let source = lift(*descriptor)?;
                actions.duplicate(&source, target)?;
                lifted.push(source);
            }
        }
    }
    for (target, descriptor) in (3..).zip(program.inherited) {
        let source = lift(*descriptor)?;
        actions.duplicate(&source, target)?;
        lifted.push(source);
    }
    actions.close_from(lowest)?;
    let attributes = Attributes::new(program.blocks_signals)?;

    let argv = pointers(&arguments);
    let envp = environment.as_deref().map(pointers);
    let mut pid: libc::pid_t = 0;
    // SAFETY: every pointer is to a live, NUL-terminated or NULL-terminated object of this frame;
    // `environ` is libc's own list.
    let errno = unsafe {
        libc::posix_spawn(
            &mut pid,
            path.as_ptr(),
            actions.as_ptr(),
            attributes.as_ptr(),
            argv.as_ptr(),
            envp.as_ref().map_or(environ, |list| list.as_ptr()),
        )
    };
    if let Some(error) = program.culprit(errno) {
        return Err(error);
    }
    if errno == libc::EAGAIN {
        let action = "start a process: the limit of processes of this user (RLIMIT_NPROC), or of \
                      the system, is reached";
        return Err(Error::os(action, Errno::AGAIN));
    }
    check(errno)?;
    let pid = Pid::from_raw(pid).ok_or(Error::Corrupted("posix_spawn returned pid 0"))?;
    // Nobody but us reaps this child, so the pid cannot have been reused.
    match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
        Ok(pidfd) => Ok((own::number(pid), pidfd)),
        Err(errno) => {
            // A child that cannot be watched must not stay.
            let _ = rustix::process::kill_process(pid, Signal::KILL);
            let _ = rustix::process::waitpid(Some(pid), WaitOptions::empty());
            Err(fail(errno))
        }
    }
}

impl Program<'_> {
    /// What it is that was not found, or may not be used.
    fn culprit(&self, errno: libc::c_int) -> Option<Error> {
        if !matches!(
            errno,
            libc::ENOENT | libc::EACCES | libc::ENOTDIR | libc::ELOOP | libc::ENOEXEC
        ) {
            return None;
        }
        let errno = Errno::from_raw_os_error(errno);
        let entered = self
            .directory
            .map(|directory| (directory, can_enter(directory)));
        if let Some((directory, Err(errno))) = entered {
            let action = format!("start a process in \"{}\"", directory.display());
            return Some(Error::OsAt { action, errno });
        }
        let action = format!("start a process from \"{}\"", self.path.display());
        Some(Error::OsAt { action, errno })
    }
}

/// Fails unless this process can go to the directory.
pub fn can_enter(directory: &Path) -> rustix::io::Result<()> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(directory, flags, Mode::empty())?;
    match rustix::fs::accessat(CWD, directory, Access::EXEC_OK, AtFlags::EACCESS) {
        // Before Linux 5.8, and where a filter does not know `faccessat2`: the real user is asked about.
        Err(Errno::NOSYS | Errno::PERM) => {
            rustix::fs::accessat(CWD, directory, Access::EXEC_OK, AtFlags::empty())
        }
        result => result,
    }
}

/// Fails if the directory that this process is in was removed: not every program can begin in one.
pub fn can_stay() -> Result<()> {
    match rustix::process::getcwd(Vec::new()) {
        Ok(_) => Ok(()),
        Err(errno) => {
            let action = "start a process in the working directory, which was removed; go to another, or give the \
                          process a \"cwd\"";
            Err(Error::os(action, errno))
        }
    }
}

unsafe extern "C" {
    static environ: *const *mut libc::c_char;
}

fn c_string(bytes: &[u8]) -> Result<CString> {
    CString::new(bytes).map_err(|_| Error::os("start a process", Errno::INVAL))
}

fn pointers(strings: &[CString]) -> Vec<*mut libc::c_char> {
    let list = strings.iter().map(|string| string.as_ptr().cast_mut());
    list.chain([ptr::null_mut()]).collect()
}

fn check(errno: libc::c_int) -> Result<()> {
    match errno {
        0 => Ok(()),
        errno => Err(Error::os(
            "start a process",
            Errno::from_raw_os_error(errno),
        )),
    }
}

/// `posix_spawn_file_actions_t`, destroyed on drop.
struct FileActions(Box<libc::posix_spawn_file_actions_t>);

impl FileActions {
    fn new() -> Result<Self> {
        let mut actions = Box::new(MaybeUninit::uninit());
        // SAFETY: init fills the structure; it is used only if init succeeded.
        check(unsafe { libc::posix_spawn_file_actions_init(actions.as_mut_ptr()) })?;
        // SAFETY: initialised just above.
        Ok(Self(unsafe { actions.assume_init() }))
    }

    fn as_ptr(&self) -> *const libc::posix_spawn_file_actions_t {
        &*self.0
    }

    fn change_directory(&mut self, path: &CStr) -> Result<()> {
        // SAFETY: the list is initialised, and libc copies the path.
        check(unsafe { libc::posix_spawn_file_actions_addchdir_np(&mut *self.0, path.as_ptr()) })
    }

    fn open_null(&mut self, target: i32, flags: i32) -> Result<()> {
        let path = c"/dev/null".as_ptr();
        // SAFETY: as above.
        check(unsafe {
            libc::posix_spawn_file_actions_addopen(&mut *self.0, target, path, flags, 0)
        })
    }

    fn duplicate(&mut self, source: &OwnedFd, target: i32) -> Result<()> {
        // SAFETY: as above; `source` stays open until the child is started.
        check(unsafe {
            libc::posix_spawn_file_actions_adddup2(&mut *self.0, source.as_raw_fd(), target)
        })
    }

    fn close_from(&mut self, lowest: i32) -> Result<()> {
        // SAFETY: as above.
        check(unsafe { libc::posix_spawn_file_actions_addclosefrom_np(&mut *self.0, lowest) })
    }
}

impl Drop for FileActions {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, destroyed once.
        unsafe { libc::posix_spawn_file_actions_destroy(&mut *self.0) };
    }
}

/// `posix_spawnattr_t` that gives the child default signal handling: SIGPIPE, SIGINT, SIGTERM and SIGCHLD
/// not ignored, whatever this process was started with, and nothing blocked but perhaps signals to groups.
/// Destroyed on drop.
struct Attributes(Box<libc::posix_spawnattr_t>);

impl Attributes {
    fn new(blocks_signals: bool) -> Result<Self> {
        let mut attributes = Box::new(MaybeUninit::uninit());
        // SAFETY: init fills the structure; it is used only if init succeeded.
        check(unsafe { libc::posix_spawnattr_init(attributes.as_mut_ptr()) })?;
        // SAFETY: initialised just above.
        let mut attributes = Self(unsafe { attributes.assume_init() });
        let flags = libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_SETSIGDEF;
        let mut defaults = interrupt::none();
        let mask = if blocks_signals {
            interrupt::blocked()
        } else {
            interrupt::none()
        };
        for signal in [libc::SIGPIPE, libc::SIGINT, libc::SIGTERM, libc::SIGCHLD] {
            // SAFETY: the set is initialised, the signal exists.
            unsafe { libc::sigaddset(&mut defaults, signal) };
        }
        let raw: *mut libc::posix_spawnattr_t = &mut *attributes.0;
        // SAFETY: attributes and set are initialised and live.
        check(unsafe { libc::posix_spawnattr_setsigdefault(raw, &defaults) })?;
        // SAFETY: as above.
        check(unsafe { libc::posix_spawnattr_setsigmask(raw, &mask) })?;
        // SAFETY: as above.
        check(unsafe { libc::posix_spawnattr_setflags(raw, flags as libc::c_short) })?;
        Ok(attributes)
    }

    fn as_ptr(&self) -> *const libc::posix_spawnattr_t {
        &*self.0
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, destroyed once.
        unsafe { libc::posix_spawnattr_destroy(&mut *self.0) };
    }
}
