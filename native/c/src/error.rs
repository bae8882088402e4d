//! Why the calling thread's last failed call failed: a kind, a number that belongs to it, and a sentence.
#![expect(unsafe_code, reason = "names that the dynamic linker finds")]

use std::any::Any;
use std::cell::RefCell;

use multiprocessing_core::Error as CoreError;

use crate::border;

pub type Result<T> = std::result::Result<T, Failure>;

/// Declares the kinds once: as constants here, and by the same numbers in the header.
mod kind {
    pub const NONE: i64 = 0;
    pub const OS: i64 = 1;
    pub const UNSUPPORTED: i64 = 2;
    pub const CORRUPTED: i64 = 3;
    pub const NO_SUCH_OBJECT: i64 = 4;
    pub const NOT_CAPABLE: i64 = 5;
    pub const ORPHANED: i64 = 6;
    pub const EXHAUSTED: i64 = 7;
    pub const STATE: i64 = 8;
    pub const PANIC: i64 = 9;
}

/// Why a call failed.
#[derive(Debug, Clone)]
pub struct Failure {
    kind: i64,
    /// The `errno(3)` of [`kind::OS`]; else 0.
    number: i64,
    message: String,
}

impl Failure {
    fn new(kind: i64, message: impl Into<String>) -> Self {
        let (number, message) = (0, message.into());
        Self {
            kind,
            number,
            message,
        }
    }

    pub fn of_panic(panic: &(dyn Any + Send)) -> Self {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
        let said = said.unwrap_or("something that is no text");
        Self::new(
            kind::PANIC,
            format!("Cannot go on: the library has a mistake ({said})"),
        )
    }
}

impl From<CoreError> for Failure {
    fn from(error: CoreError) -> Self {
        let kind = match &error {
            CoreError::Os { errno, .. } | CoreError::OsAt { errno, .. } => {
                let number = errno.raw_os_error().into();
                return Self {
                    number,
                    ..Self::new(kind::OS, error.to_string())
                };
            }
            CoreError::Unsupported(_) => kind::UNSUPPORTED,
            CoreError::Corrupted(_) => kind::CORRUPTED,
            CoreError::NoSuchObject { .. } | CoreError::NoSuchHost { .. } => kind::NO_SUCH_OBJECT,
            CoreError::NotCapable(_) => kind::NOT_CAPABLE,
            CoreError::Orphaned => kind::ORPHANED,
            CoreError::Exhausted { .. } => kind::EXHAUSTED,
        };
        Self::new(kind, error.to_string())
    }
}

/// The failure of a caller that broke the order of calls, or gave what cannot be.
pub fn state(message: impl Into<String>) -> Failure {
    Failure::new(kind::STATE, message)
}

thread_local! {
    static LAST: RefCell<Option<Failure>> = const { RefCell::new(None) };
}

/// Keeps a failure for the calling thread to ask for.
pub fn keep(failure: Failure) {
    // A thread that ends has nothing more to ask.
    let _ = LAST.try_with(|last| last.replace(Some(failure)));
}

fn last<T>(of: impl FnOnce(Option<&Failure>) -> T) -> T {
    LAST.with_borrow(|last| of(last.as_ref()))
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_error_kind() -> i64 {
    last(|failure| failure.map_or(kind::NONE, |it| it.kind))
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_error_number() -> i64 {
    last(|failure| failure.map_or(0, |it| it.number))
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_error_message(to: *mut u8, capacity: u64) -> i64 {
    let message = last(|failure| failure.map_or(String::new(), |it| it.message.clone()));
    border::alone(|| border::give(message.as_bytes(), to, capacity))
}
