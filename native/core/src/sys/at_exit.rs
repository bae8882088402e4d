//! What is done when this process ends by itself: `atexit(3)`.
#![expect(unsafe_code, reason = "`atexit(3)` has no safe wrapper")]

/// Has `run` called when this process ends, unless a signal ends it; `false` if the system cannot.
pub fn at_exit(run: extern "C" fn()) -> bool {
    // SAFETY: the function lives as long as the process: the host never unloads a library of functions.
    unsafe { libc::atexit(run) == 0 }
}
