//! One connection, which is made anew when it breaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use redis::{Connection, RedisError, Value};

use crate::error::{Error, Kind};
use crate::server;
use crate::session::Shared;
use crate::wire::{self, Reply};

/// How long a connection may take to be made.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer may take that needs no waiting.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Why there is no answer.
pub enum Trouble {
    /// The connection broke: to be tried again.
    Broken(String),
    /// Nothing will be answered any more.
    Ended(Error),
}

impl From<RedisError> for Trouble {
    fn from(error: RedisError) -> Self {
        Self::Broken(error.to_string())
    }
}

/// A connection of a lane, or of none.
pub struct Link {
    shared: Arc<Shared>,
    lane: Option<u32>,
    /// The highest number of a step of the lane that the engine has done and answered.
    done: Arc<AtomicU64>,
    connection: Option<Connection>,
    away: Option<Instant>,
    pause: Duration,
    reason: String,
    read_timeout: Option<Duration>,
}

impl Link {
    pub fn new(shared: Arc<Shared>, lane: Option<u32>, done: Arc<AtomicU64>) -> Self {
        Self {
            shared,
            lane,
            done,
            connection: None,
            away: None,
            pause: FIRST_PAUSE,
            reason: String::new(),
            read_timeout: None,
        }
    }

    /// A link over a connection that there is already.
    #[must_use]
    pub fn over(mut self, connection: Connection) -> Self {
        self.connection = Some(connection);
        self
    }

    /// Whether there is a connection, over which what was sent may still be answered.
    pub fn is_up(&self) -> bool {
        self.connection.is_some()
    }

    /// Connects if there is no connection, and greets then.
    ///
    /// # Errors
    /// [`Trouble`]
    pub fn raise(&mut self) -> Result<(), Trouble> {
        if let Some(error) = self.shared.ended() {
            return Err(Trouble::Ended(error));
        }
        if self.connection.is_some() {
            return Ok(());
        }
        let timeout = CONNECT_TIMEOUT
            .min(self.shared.settings.lease / 4)
            .max(Duration::from_millis(200));
        let mut connection = self.shared.target.dial(timeout)?;
        connection.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        connection.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        if self.lane.is_some() {
            self.greet(&mut connection)?;
        }
        self.read_timeout = Some(ANSWER_TIMEOUT);
        self.connection = Some(connection);
        Ok(())
    }

    fn greet(&self, connection: &mut Connection) -> Result<(), Trouble> {
        let mut packed = Vec::new();
        let done = self.pack_greeting(&mut packed);
        connection.send_packed_command(&packed)?;
        let greeted = connection.recv_response()?;
        if let Value::ServerError(error) = &greeted
            && error
                .details()
                .is_some_and(|it| it.contains("Function not found"))
        {
            // The engine has forgotten the library, and so all trees that were there.
            server::load_library(connection, self.shared.target.shown())?
                .map_err(Trouble::Ended)?;
            return Err(Trouble::Ended(wire::gone("it was restarted without it")));
        }
        self.hear_greeting(greeted, done)
    }

    /// The look that says what the engine knows of the lane; the number that it must know.
    pub fn pack_greeting(&self, packed: &mut Vec<u8>) -> u64 {
        // What is done from here on may be done after the look.
        let done = self.done.load(SeqCst);
        let lane = self.lane.unwrap_or(0).to_string();
        let member = self.shared.member().to_string();
        wire::call::<&str>(packed, "greet", &self.shared.prefix, &[&member, &lane], &[]);
        done
    }

    /// Reads what that has answered.
    ///
    /// # Errors
    /// [`Trouble::Ended`] where the engine knows less than it has once answered.
    pub fn hear_greeting(&self, value: Value, done: u64) -> Result<(), Trouble> {
        match wire::reply_of(value) {
            Reply::Done(answer) => {
                let top = answer
                    .get(1)
                    .map_or(0, |it| String::from_utf8_lossy(it).parse().unwrap_or(0));
                if top < done {
                    return Err(Trouble::Ended(wire::gone(&format!(
                        "it knows {top} of {done} steps that it has answered"
                    ))));
                }
                Ok(())
            }
            Reply::Ended(error) => Err(Trouble::Ended(error)),
            // It is asked again: what it refuses now it need not refuse for ever.
            Reply::Failed(error) => Err(Trouble::Broken(error.message)),
            Reply::Away(why) => Err(Trouble::Broken(why)),
            Reply::Later => Err(Trouble::Broken("an answer that is none".into())),
        }
    }

    /// The connection; call [`Self::raise`] before.
    ///
    /// # Errors
    /// [`Trouble::Broken`] if there is none.
    pub fn connection(&mut self) -> Result<&mut Connection, Trouble> {
        self.connection
            .as_mut()
            .ok_or_else(|| Trouble::Broken("there is no connection".into()))
    }

    /// Sends.
    ///
    /// # Errors
    /// [`Trouble::Broken`]
    pub fn send(&mut self, packed: &[u8]) -> Result<(), Trouble> {
        Ok(self.connection()?.send_packed_command(packed)?)
    }

    /// Receives an answer, which is overdue after `timeout`.
    ///
    /// # Errors
    /// [`Trouble::Broken`]
    pub fn receive(&mut self, timeout: Duration) -> Result<Value, Trouble> {
        if self.read_timeout != Some(timeout) {
            self.connection()?.set_read_timeout(Some(timeout))?;
            self.read_timeout = Some(timeout);
        }
        Ok(self.connection()?.recv_response()?)
    }

    /// The engine has answered, and not that it is not ready. A connection that has worked is made anew at once.
    pub fn worked(&mut self) {
        self.away = None;
        self.pause = Duration::ZERO;
    }

    /// The connection broke.
    pub fn broke(&mut self, why: String) {
        self.connection = None;
        self.away.get_or_insert_with(Instant::now);
        self.reason = why;
    }

    /// Since when the engine is away.
    pub fn away(&self) -> Option<Instant> {
        self.away
    }

    /// Waits a while before the next attempt, at most until `limit`; longer every time.
    pub fn rest(&mut self, limit: Option<Instant>) {
        let left = limit.map_or(self.pause, |it| {
            it.saturating_duration_since(Instant::now())
        });
        self.shared.rest(self.pause.min(left));
        self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
    }

    /// What is said of a step that waited for the engine for too long.
    pub fn unavailable(&self) -> Error {
        unavailable(&self.shared, &self.reason)
    }
}

/// What is said when the engine cannot be reached.
pub fn unavailable(shared: &Shared, reason: &str) -> Error {
    let message = format!(
        "Cannot reach the engine \"{}\" for {} ms: {reason}",
        shared.target.shown(),
        shared.settings.patience.as_millis(),
    );
    Error::new(Kind::Unavailable, message)
}
