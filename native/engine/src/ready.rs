//! The way to an engine, before a session begins there.

use std::time::{Duration, Instant};

use redis::{Connection, RedisError};

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

impl Ready {
    /// Tries so long, and once at least.
    ///
    /// # Errors
    /// Those of a session that is opened.
    pub fn within(target: &Target, settings: &Settings, patience: Duration) -> Result<Self> {
        let until = Instant::now() + patience;
        loop {
            match Self::new(target, settings) {
                Err(error) if error.kind == Kind::Unavailable && Instant::now() < until => {
                    std::thread::sleep(BETWEEN_ATTEMPTS);
                }
                outcome => return outcome,
            }
        }
    }

    fn new(target: &Target, settings: &Settings) -> Result<Self> {
        let unreachable = |error| unreachable(target, &error);
        let mut connection = target.dial(CONNECT_TIMEOUT).map_err(unreachable)?;
        connection
            .set_read_timeout(Some(CONNECT_TIMEOUT))
            .map_err(unreachable)?;
        connection
            .set_write_timeout(Some(CONNECT_TIMEOUT))
            .map_err(unreachable)?;
        let info = server::info_of(&mut connection).map_err(unreachable)?;
        let server = server::look_at(&info, target)?;
        let way = settings
            .durability
            .way(&info, &mut connection, target.shown())?;
        server::load_library(&mut connection, target).map_err(unreachable)??;
        Ok(Self {
            connection,
            server,
            way,
        })
    }
}
