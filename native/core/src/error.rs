//! Errors. Expected outcomes (not acquired, timed out, empty) are return values.

use rustix::io::Errno;

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A system call failed.
    #[error("Cannot {action}: {errno}")]
    Os { action: &'static str, errno: Errno },
    /// A system call failed; the action names what it was about.
    #[error("Cannot {action}: {errno}")]
    OsAt { action: String, errno: Errno },
    /// This kernel or system cannot run the library.
    #[error("{0}")]
    Unsupported(String),
    /// Shared memory holds what nobody of ours wrote.
    #[error("Shared memory is corrupted: {0}")]
    Corrupted(&'static str),
    /// An object was asked for that is not there (any more).
    #[error("Cannot use {what} {id}: it does not exist (any more)")]
    NoSuchObject { what: &'static str, id: u32 },
    /// A host has no address.
    #[error("Cannot find host \"{host}\": {reason}")]
    NoSuchHost { host: String, reason: String },
    /// A process with limited permissions asked for more (`cage`).
    #[error("Cannot do that with the permissions of this process: {0}")]
    NotCapable(String),
    /// The parent ended before this process had begun.
    #[error("The parent process ended before this process began")]
    Orphaned,
    /// A table or the memory is used up.
    #[error("Cannot {action}: {limit}")]
    Exhausted { action: &'static str, limit: String },
}

impl Error {
    pub fn os(action: &'static str, errno: Errno) -> Self {
        Self::Os { action, errno }
    }
}
