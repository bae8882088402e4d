//! Places at which a test lets a process kill itself, to prove that the others do not care.
//!
//! Compiled only with the feature `failpoints`: the process that has
//! `MULTIPROCESSING_FAILPOINT=name` (or `name:n`, the n-th passage) in its environment gets
//! SIGKILL there.

#[cfg(not(all(feature = "failpoints", not(loom))))]
#[inline(always)]
pub fn failpoint(_name: &str) {}

#[cfg(all(feature = "failpoints", not(loom)))]
pub fn failpoint(name: &str) {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    static PASSED: AtomicU32 = AtomicU32::new(0);
    let Ok(wanted) = std::env::var("MULTIPROCESSING_FAILPOINT") else {
        return;
    };
    let (wanted, passage) = wanted.split_once(':').unwrap_or((&wanted, "1"));
    if wanted == name && PASSED.fetch_add(1, Relaxed) + 1 == passage.parse().unwrap_or(1) {
        crate::sys::own::kill();
    }
}
