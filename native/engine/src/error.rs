//! What can go wrong.

/// What an error means to whoever called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The engine has not answered for longer than `patience`.
    Unavailable,
    /// The engine has not answered by the time to which a call was limited.
    Overdue,
    /// Likewise; and the call was not begun, since steps before it were not answered.
    Unbegun,
    /// The engine has forgotten the tree, or steps that it had answered.
    Lost,
    /// This process was declared dead.
    Fenced,
    /// The session was closed.
    Closed,
    /// The URL is none.
    BadUrl,
    /// This server, or this package, cannot do it.
    Unsupported,
    /// The engine, or its library of functions, refuses.
    Refused,
}

#[derive(Clone, Debug)]
pub struct Error {
    pub kind: Kind,
    pub message: String,
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
