//! Monotonic time: deadlines are absolute, made once and carried down.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, Timespec, clock_gettime};

/// A point in time after which a wait gives up; `None` waits for ever.
pub type Deadline = Option<Instant>;

/// The deadline `milliseconds` from now. NaN and negative count as 0; whatever lies beyond the
/// clock (about 292 years) is for ever.
pub fn deadline_after(milliseconds: f64) -> Deadline {
    if milliseconds == f64::INFINITY {
        return None;
    }
    let seconds = milliseconds.max(0.0) / 1000.0;
    let wait = Duration::try_from_secs_f64(seconds).ok()?;
    Instant::now().checked_add(wait)
}

/// Whether `deadline` has passed.
pub fn is_past(deadline: Deadline) -> bool {
    deadline.is_some_and(|at| Instant::now() >= at)
}

/// The time left until `deadline`, at most `longest`.
pub fn remaining(deadline: Deadline, longest: Duration) -> Duration {
    deadline.map_or(longest, |at| {
        at.saturating_duration_since(Instant::now()).min(longest)
    })
}

/// A duration as the kernel takes it.
pub(super) fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(duration.subsec_nanos()),
    }
}

/// The time since some moment in the past, which all processes share (`CLOCK_MONOTONIC`).
pub(super) fn monotonic() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Milliseconds of the clock that all processes share (`CLOCK_MONOTONIC`).
pub fn shared_milliseconds() -> u64 {
    monotonic().as_millis() as u64
}

/// Milliseconds modulo 2^32 of the clock that all processes share (`CLOCK_MONOTONIC`).
pub fn monotonic_milliseconds() -> u32 {
    shared_milliseconds() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_a_number_and_negative_count_as_zero() {
        assert!(is_past(deadline_after(f64::NAN)));
        assert!(is_past(deadline_after(-1.0)));
        assert!(is_past(deadline_after(0.0)));
    }

    #[test]
    fn beyond_the_clock_is_for_ever() {
        assert_eq!(deadline_after(f64::INFINITY), None);
        assert_eq!(deadline_after(f64::MAX), None);
        assert!(!is_past(deadline_after(1e9)));
    }
}
