//! SIGCHLD. If a process ignores it, perhaps because it was started so, the kernel reaps its
//! children, and `waitid(2)` fails with ECHILD.
#![expect(unsafe_code, reason = "sigaction(2) has no safe wrapper")]

use std::mem::MaybeUninit;
use std::ptr;

/// Sees to it that the children of this process wait for it when they have ended. A handler that
/// somebody has set stays; who asked the kernel to reap (`SIG_IGN`, `SA_NOCLDWAIT`) asks so no more.
pub fn keep_zombies() {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: the call only fills the structure, which is used only if it succeeded.
    if unsafe { libc::sigaction(libc::SIGCHLD, ptr::null(), action.as_mut_ptr()) } != 0 {
        return;
    }
    // SAFETY: filled just above.
    let mut action = unsafe { action.assume_init() };
    let is_ignored = action.sa_sigaction == libc::SIG_IGN;
    if !is_ignored && action.sa_flags & libc::SA_NOCLDWAIT == 0 {
        return;
    }
    if is_ignored {
        action.sa_sigaction = libc::SIG_DFL;
    }
    action.sa_flags &= !libc::SA_NOCLDWAIT;
    // SAFETY: the structure is the kernel's own, with the default action or the handler that was
    // there.
    unsafe { libc::sigaction(libc::SIGCHLD, &action, ptr::null_mut()) };
}
