//! Errors of the core as JavaScript errors with a `code`.

use multiprocessing_core::Error as CoreError;

/// A thrown error. Its `code` is `OS:` and the number of the errno; or one of `UNSUPPORTED`,
/// `CORRUPTED`, `NO_SUCH_OBJECT`, `NO_SUCH_HOST`, `NOT_CAPABLE`, `ORPHANED`, `EXHAUSTED`, `STATE`,
/// `CUT_OFF` and `BAD_LENGTH`.
pub type Error = napi::Error<String>;
pub type Result<T> = std::result::Result<T, Error>;

pub fn to_js(error: CoreError) -> Error {
    let code = match &error {
        CoreError::Os { errno, .. } | CoreError::OsAt { errno, .. } => {
            format!("OS:{}", errno.raw_os_error())
        }
        CoreError::Unsupported(_) => "UNSUPPORTED".into(),
        CoreError::Corrupted(_) => "CORRUPTED".into(),
        CoreError::NoSuchObject { .. } => "NO_SUCH_OBJECT".into(),
        CoreError::NoSuchHost { .. } => "NO_SUCH_HOST".into(),
        CoreError::NotCapable(_) => "NOT_CAPABLE".into(),
        CoreError::Orphaned => "ORPHANED".into(),
        CoreError::Exhausted { .. } => "EXHAUSTED".into(),
    };
    Error::new(code, error.to_string())
}

/// An error of a caller that broke the order of calls.
pub fn state(message: &str) -> Error {
    Error::new("STATE".into(), message.to_owned())
}

/// What Node-API itself refused.
pub fn from_napi(error: napi::Error) -> Error {
    Error::new("STATE".into(), error.reason.to_string())
}
