//! A root leaves its trees at once, however it ends, but for SIGKILL and a crash: what others have of it need not wait for
//! its lease.
//!
//! | end | who leaves |
//! | --- | --- |
//! | in order, or by `Deno.exit` | the finalizers, before any of this |
//! | by exit(3), as of an error that nobody catches | [`at_exit`], in 2 s at most |
//! | SIGINT, SIGTERM, SIGHUP that nobody catches | a copy of this process, once this one is gone |
//!
//! Nobody but Deno knows whether a program has listeners to such a signal, and where it has none, Deno ends the process
//! within a millisecond. So the handler here, the last to have come, only wakes a thread. That connects to the engine, makes
//! the copy, and passes the signal on to whoever handled it before. The copy waits for the end of this process, by its
//! pidfd; if it comes, it leaves the trees over the connections that it has got; if it does not, it ends itself.
#![expect(
    unsafe_code,
    reason = "sigaction(2), fork(2) and atexit(3) have no safe wrappers"
)]

use std::fs::read_dir;
use std::io::{PipeReader, PipeWriter, Read, pipe};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, IntoRawFd};
use std::ptr;
use std::sync::atomic::AtomicI32;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread::Builder;
use std::time::{Duration, Instant};

use engine::farewell::{Farewell, ends_within};
use engine::session::Session;
use rustix::io::ioctl_fionbio;
use rustix::process::{Pid, PidfdFlags, WaitOptions, getpid, pidfd_open, waitpid};

/// So long a process that is ending is kept by this.
const AT_EXIT: Duration = Duration::from_secs(2);
/// So long a signal is kept: then it is passed on, and the lease has to do.
const AT_SIGNAL: Duration = Duration::from_millis(500);
/// So long a process that had a signal is watched, in seconds. Whoever ends by it does so within a millisecond.
const WATCHED: i64 = 2;

const SIGNALS: [libc::c_int; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

/// The roots of this process.
static ROOTS: Mutex<Vec<Weak<Session>>> = Mutex::new(Vec::new());
/// The process that they are of: a copy of it has none.
static OWNER: OnceLock<Pid> = OnceLock::new();
/// Where the handler writes which signal came.
static BELL: AtomicI32 = AtomicI32::new(-1);

fn roots() -> Vec<Arc<Session>> {
    let mut roots = ROOTS.lock().unwrap_or_else(PoisonError::into_inner);
    roots.retain(|it| it.strong_count() > 0);
    roots.iter().filter_map(Weak::upgrade).collect()
}

/// Sees to it that this root is left. Where the system has no means for that, its lease has to do.
pub fn see_to(root: &Arc<Session>) {
    ROOTS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(Arc::downgrade(root));
    if OWNER.set(getpid()).is_err() {
        return;
    }
    // SAFETY: the function lives as long as the process: the host never unloads a library of functions.
    unsafe { libc::atexit(at_exit) };
    // The handler must not stand before a full pipe.
    if let Ok((reader, writer)) = pipe()
        && ioctl_fionbio(&writer, true).is_ok()
    {
        watch_signals(reader, writer);
    }
}

extern "C" fn at_exit() {
    if OWNER.get() != Some(&getpid()) {
        return;
    }
    let roots = roots();
    if roots.is_empty() {
        return;
    }
    let (left, is_left) = channel();
    let leave = move || {
        for root in roots {
            root.close(1);
        }
        let _ = left.send(());
    };
    if Builder::new().spawn(leave).is_ok() {
        let _ = is_left.recv_timeout(AT_EXIT);
    }
}

fn watch_signals(mut reader: PipeReader, writer: PipeWriter) {
    let before = SIGNALS.map(|it| action(it).filter(|it| it.sa_sigaction != libc::SIG_IGN));
    let watch = move || {
        let mut byte = [0];
        while reader.read_exact(&mut byte).is_ok() {
            let signal = libc::c_int::from(byte[0]);
            let place = SIGNALS.iter().position(|&it| it == signal);
            if let Some(before) = place.and_then(|place| before[place]) {
                deal_with(signal, &before);
            }
        }
    };
    let thread = Builder::new().name("mp-engine-end".into()).spawn(watch);
    if thread.is_err() {
        return;
    }
    BELL.store(writer.into_raw_fd(), SeqCst);
    for (signal, before) in SIGNALS.iter().zip(before) {
        if before.is_some() {
            install(*signal, &ours());
        }
    }
}

extern "C" fn handle(signal: libc::c_int) {
    let byte = u8::try_from(signal).unwrap_or(0);
    // SAFETY: the call has no conditions; the place is this thread's.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: the place is valid for as long as the thread lives.
    let known = unsafe { *errno };
    // SAFETY: write(2) is safe in a handler, and the byte is there. Where the pipe is full, enough is known.
    unsafe { libc::write(BELL.load(SeqCst), (&raw const byte).cast(), 1) };
    // SAFETY: as above. Whoever was interrupted may be about to look at it.
    unsafe { *errno = known };
}

fn ours() -> libc::sigaction {
    // SAFETY: a zeroed structure is valid: nothing is blocked meanwhile.
    let mut ours = unsafe { MaybeUninit::<libc::sigaction>::zeroed().assume_init() };
    ours.sa_sigaction = handle as extern "C" fn(_) as usize;
    ours.sa_flags = libc::SA_RESTART;
    ours
}

/// What is done at a signal now.
fn action(signal: libc::c_int) -> Option<libc::sigaction> {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: the call only fills the structure.
    if unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: filled just above.
    Some(unsafe { action.assume_init() })
}

fn install(signal: libc::c_int, action: &libc::sigaction) {
    // SAFETY: what is installed was installed before, or is `handle`, which is of the kind that its flags ask for.
    unsafe { libc::sigaction(signal, action, ptr::null_mut()) };
}

/// A signal has come: who leaves the trees is made, and whoever handled the signal before hears of it.
fn deal_with(signal: libc::c_int, before: &libc::sigaction) {
    let ours = ours();
    if action(signal).is_none_or(|it| it.sa_sigaction != ours.sa_sigaction) {
        return; // somebody has come later, and passes on to this one what they have heard themselves
    }
    let copy = copied();
    let mut only = MaybeUninit::<libc::sigset_t>::uninit();
    install(signal, before);
    // SAFETY: the call only fills the set.
    unsafe { libc::sigemptyset(only.as_mut_ptr()) };
    // SAFETY: the set was filled just above.
    unsafe { libc::sigaddset(only.as_mut_ptr(), signal) };
    // SAFETY: the same set.
    unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, only.as_ptr(), ptr::null_mut()) };
    // SAFETY: the call has no conditions. What is raised is delivered to this thread before it returns.
    unsafe { libc::raise(signal) };
    install(signal, &ours);
    if let Some(copy) = copy {
        // It takes as long as the copy watches; meanwhile further signals may come.
        let _ = Builder::new().spawn(move || waitpid(Some(copy), WaitOptions::empty()));
    }
}

/// A copy of this process that leaves the trees if this one ends soon.
fn copied() -> Option<Pid> {
    let roots = roots();
    if roots.is_empty() {
        return None;
    }
    // Before the others are listed: what other threads close meanwhile cannot be this.
    let me = pidfd_open(getpid(), PidfdFlags::empty()).ok()?;
    let mut others = descriptors();
    others.retain(|it| it.number != me.as_raw_fd());
    let farewells = farewells_of(roots);
    // SAFETY: the copy has this thread alone. It uses what this thread owns, and memory, which the C library hands out in a
    // copy as well; then it ends without anything that is done at the end of a process.
    match unsafe { libc::fork() } {
        0 => {
            for signal in SIGNALS {
                // SAFETY: nothing is called.
                unsafe { libc::signal(signal, libc::SIG_IGN) };
            }
            // Whoever waits for the end of what this process had open must not wait for the copy.
            for descriptor in others {
                // One that was closed meanwhile may have given its number to a farewell's connection.
                if Descriptor::of(descriptor.number).as_ref() == Some(&descriptor) {
                    // SAFETY: nobody uses them in the copy.
                    unsafe { libc::close(descriptor.number) };
                }
            }
            if ends_within(me.as_fd(), WATCHED) {
                for farewell in farewells {
                    farewell.send();
                }
            }
            // SAFETY: it does not return.
            unsafe { libc::_exit(0) }
        }
        pid => Pid::from_raw(pid.max(0)),
    }
}

/// Those that can be made in time: the way to the engine may lead over a name that nobody answers for.
fn farewells_of(roots: Vec<Arc<Session>>) -> Vec<Farewell> {
    let until = Instant::now() + AT_SIGNAL;
    let (made, comes) = channel();
    let make = move || {
        for root in roots {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || made.send(root.farewell(left)).is_err() {
                return;
            }
        }
    };
    if Builder::new().spawn(make).is_err() {
        return Vec::new();
    }
    let next = || {
        let left = until.saturating_duration_since(Instant::now());
        comes.recv_timeout(left).ok()
    };
    std::iter::from_fn(next).flatten().collect()
}

/// What is open under a number.
#[derive(PartialEq, Eq)]
struct Descriptor {
    number: libc::c_int,
    is: (libc::dev_t, libc::ino_t),
}

impl Descriptor {
    fn of(number: libc::c_int) -> Option<Self> {
        let mut status = MaybeUninit::<libc::stat>::uninit();
        // SAFETY: the call only fills the structure.
        if unsafe { libc::fstat(number, status.as_mut_ptr()) } != 0 {
            return None;
        }
        // SAFETY: filled just above.
        let status = unsafe { status.assume_init() };
        Some(Self {
            number,
            is: (status.st_dev, status.st_ino),
        })
    }
}

/// What is open here, but for what this has opened to see that.
fn descriptors() -> Vec<Descriptor> {
    let Ok(entries) = read_dir("/proc/self/fd") else {
        return Vec::new();
    };
    let seen: Vec<libc::c_int> = entries
        .filter_map(|it| it.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    seen.into_iter().filter_map(Descriptor::of).collect()
}
