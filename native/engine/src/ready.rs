//! The way to an engine, before a session begins there.

use std::time::{Duration, Instant};

use redis::{Connection, ErrorKind, RedisError};

use crate::durability::Way;
use crate::error::{Error, Kind, Result};
use crate::link::CONNECT_TIMEOUT;
use crate::server::{self, Server};
use crate::session::Settings;
use crate::target::Target;

/// Whoever enters a tree whose engine is away tries again after that.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(250);

/// What is said where the engine is not there at the beginning.
pub fn unreachable(target: &Target, error: &RedisError) -> Error {
    let shown = target.shown();
    Error::new(
        Kind::Unavailable,
        format!("Cannot connect to the engine \"{shown}\": {error}"),
    )
}

/// A connection to an engine that has the library, before anything was done there.
pub struct Ready {
    pub connection: Connection,
    pub server: Server,
    pub way: Way,
}

/// Why there is none.
enum Failure {
    /// The engine is away, or about to be the engine: to be tried again.
    Away(Error),
    /// It will say so again.
    Final(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

impl Failure {
    fn of(target: &Target, error: &RedisError) -> Self {
        let says = |code: &str| error.code() == Some(code);
        let is_final = matches!(
            error.kind(),
            ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig
        ) || ["WRONGPASS", "NOAUTH", "NOPERM"].into_iter().any(says);
        let error = unreachable(target, error);
        match is_final {
            true => Self::Final(error),
            false => Self::Away(error),
        }
    }
}

impl Ready {
    /// Tries so long, and once at least.
    ///
    /// # Errors
    /// Those of a session that is opened.
    pub fn within(target: &Target, settings: &Settings, patience: Duration) -> Result<Self> {
        let until = Instant::now() + patience;
        loop {
            match Self::new(target, settings) {
                Ok(ready) => return Ok(ready),
                Err(Failure::Away(_)) if Instant::now() < until => {
                    std::thread::sleep(BETWEEN_ATTEMPTS);
                }
                Err(Failure::Away(error) | Failure::Final(error)) => return Err(error),
            }
        }
    }

    fn new(target: &Target, settings: &Settings) -> std::result::Result<Self, Failure> {
        let failed = |error| Failure::of(target, &error);
        let mut connection = target.dial(CONNECT_TIMEOUT).map_err(failed)?;
        connection
            .set_read_timeout(Some(CONNECT_TIMEOUT))
            .map_err(failed)?;
        connection
            .set_write_timeout(Some(CONNECT_TIMEOUT))
            .map_err(failed)?;
        let info = server::info_of(&mut connection).map_err(failed)?;
        let server =
            server::look_at(&info, target).map_err(|error| match server::is_primary(&info) {
                true => Failure::Final(error),
                false => Failure::Away(error),
            })?;
        let way = settings
            .durability
            .way(&info, &mut connection, target.shown())?;
        server::load_library(&mut connection, target).map_err(failed)??;
        Ok(Self {
            connection,
            server,
            way,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_will_be_said_again_is_not_asked_for_again() {
        let target = Target::parse("redis://127.0.0.1:1", Duration::from_secs(10)).unwrap();
        let is_final =
            |error: &RedisError| matches!(Failure::of(&target, error), Failure::Final(_));
        let said = |code: &'static str| redis::make_extension_error(code.into(), None);
        for code in ["WRONGPASS", "NOAUTH", "NOPERM"] {
            assert!(is_final(&said(code)), "{code}");
        }
        for code in ["LOADING", "BUSY", "MASTERDOWN"] {
            assert!(!is_final(&said(code)), "{code}");
        }
        assert!(is_final(
            &(ErrorKind::AuthenticationFailed, "refused").into()
        ));
        assert!(!is_final(&std::io::Error::from_raw_os_error(11).into()));
    }
}
