//! SIGTERM and SIGHUP to a process that ends when its parent wants it to: a service manager sends SIGTERM
//! to every process of a service at once, the end of a terminal SIGHUP, and the parent may still need
//! this one to finish its work, or may have been told to outlive the terminal.
//!
//! Such a signal goes on to the handler that was there before if the parent has asked this process to end,
//! or the parent or this process has sent it; if there was no handler, it ends the process, as by
//! default. Any other is dropped.
//!
//! The parent asks by a word in shared memory, before it sends the signal: while a SIGTERM of somebody
//! else is pending, the kernel drops that of the parent. The kernel says who has sent a signal. A parent
//! is in the same PID namespace as its children (`Arena`), so its number means it; a sender outside of
//! that has the number 0, which is nobody's.
//!
//! The handler does what is safe in a handler of signals only: it reads what was stored before it was
//! installed, and calls `getpid`, `signal` and `raise` of `signal-safety(7)`, or the handler before it.
#![expect(unsafe_code, reason = "sigaction(2) has no safe wrapper")]

use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use rustix::io::Errno;

/// What the handler knows.
struct Facts {
    parent: libc::pid_t,
    /// A word, and what it is once the parent has asked this process to end.
    asked: (&'static AtomicU32, u32),
    /// What was done at each of [`SIGNALS`] before.
    before: [libc::sigaction; 2],
}

/// What a process is ended by that has nothing against it: by a service manager, or by the end of a
/// terminal.
const SIGNALS: [libc::c_int; 2] = [libc::SIGTERM, libc::SIGHUP];

static FACTS: OnceLock<Facts> = OnceLock::new();

/// From now on only this process and its `parent` end it by SIGTERM or SIGHUP. Whoever has handled these
/// so far hears of them alone. Again: nothing happens.
pub fn raise_against_others(parent: u32, asked: (&'static AtomicU32, u32)) -> Result<(), Errno> {
    if FACTS.get().is_some() {
        return Ok(());
    }
    let before = [action(SIGNALS[0])?, action(SIGNALS[1])?];
    let parent = parent.cast_signed();
    // First: the handler relies on it.
    let _ = FACTS.set(Facts {
        parent,
        asked,
        before,
    });
    // SAFETY: a zeroed structure is valid: no flags, nothing blocked meanwhile.
    let mut mine = unsafe { MaybeUninit::<libc::sigaction>::zeroed().assume_init() };
    mine.sa_sigaction = handle as extern "C" fn(_, _, _) as usize;
    mine.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
    // SAFETY: the handler is of the kind that SA_SIGINFO asks for, and lives as long as the process: the
    // host never unloads a library of functions.
    let install = |signal| match unsafe { libc::sigaction(signal, &mine, ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(last_error()),
    };
    SIGNALS.into_iter().try_for_each(install)
}

/// What is done at a signal now.
fn action(signal: libc::c_int) -> Result<libc::sigaction, Errno> {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: the call only fills the structure.
    if unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) } != 0 {
        return Err(last_error());
    }
    // SAFETY: filled just above.
    Ok(unsafe { action.assume_init() })
}

fn last_error() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::INVAL)
}

extern "C" fn handle(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let Some(facts) = FACTS.get() else { return };
    let (word, asked) = facts.asked;
    // It asks by SIGTERM: a SIGHUP that comes then is still somebody else's.
    let is_asked = signal == libc::SIGTERM && word.load(Relaxed) == asked;
    if is_asked || is_from(facts.parent, info) {
        let place = SIGNALS.iter().position(|&it| it == signal);
        if let Some(before) = place.and_then(|place| facts.before.get(place)) {
            pass_on(before, signal, info, context);
        }
    }
}

/// Whether the parent or this process has sent the signal.
fn is_from(parent: libc::pid_t, info: *const libc::siginfo_t) -> bool {
    // SAFETY: the kernel gives a handler with SA_SIGINFO a whole structure, for as long as it runs.
    let info = unsafe { &*info };
    // SAFETY: the number is filled where a process has sent the signal, and is but a number elsewhere.
    let sender = unsafe { info.si_pid() };
    let is_sent = matches!(
        info.si_code,
        libc::SI_USER | libc::SI_TKILL | libc::SI_QUEUE
    );
    // SAFETY: getpid has no conditions.
    is_sent && (sender == parent || sender == unsafe { libc::getpid() })
}

/// Does what was done before.
fn pass_on(
    before: &libc::sigaction,
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    type Plain = extern "C" fn(libc::c_int);
    type Informed = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
    match before.sa_sigaction {
        libc::SIG_IGN => {}
        libc::SIG_DFL => {
            // SAFETY: safe in a handler, and the default action needs no handler.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
            // SAFETY: safe in a handler. What is raised is delivered when this one returns.
            unsafe { libc::raise(signal) };
        }
        handler if before.sa_flags & libc::SA_SIGINFO != 0 => {
            // SAFETY: the kernel would have called the same address in the same way.
            unsafe { std::mem::transmute::<usize, Informed>(handler)(signal, info, context) };
        }
        handler => {
            // SAFETY: as above.
            unsafe { std::mem::transmute::<usize, Plain>(handler)(signal) };
        }
    }
}
