//! One connection, which is made anew when it breaks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::{Connection, RedisError, Value};

use crate::durability::Way;
use crate::error::{Error, Kind};
use crate::server;
use crate::session::Shared;
use crate::wire::{self, Reply};

/// How long a connection may take to be made.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer may take that needs no waiting; less where patience is shorter, but not less than the second.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
const LEAST_TIMEOUT: Duration = Duration::from_secs(1);

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
        // What the system says of that ("resource temporarily unavailable") means nothing to whoever reads it.
        Self::Broken(match error.is_timeout() {
            true => "it does not answer".into(),
            false => error.to_string(),
        })
    }
}

/// A connection.
pub struct Link {
    shared: Arc<Shared>,
    /// Whether steps go over it: then it shows the engine first what this process knows.
    greets: bool,
    way: Way,
    connection: Option<Connection>,
    away: Option<Instant>,
    pause: Duration,
    reason: String,
    read_timeout: Option<Duration>,
    /// What waits for no answer beyond it.
    limit: Option<Instant>,
}

impl Link {
    pub fn new(shared: Arc<Shared>, greets: bool) -> Self {
        Self {
            shared,
            greets,
            way: Way::AtOnce,
            connection: None,
            away: None,
            pause: FIRST_PAUSE,
            reason: String::new(),
            read_timeout: None,
            limit: None,
        }
    }

    /// From now on nothing is waited for beyond this time.
    pub fn limit_to(&mut self, limit: Option<Instant>) {
        self.limit = limit;
    }

    /// How long an answer may take that needs no waiting.
    pub fn answer_timeout(&self) -> Duration {
        ANSWER_TIMEOUT.min(self.shared.settings.patience.max(LEAST_TIMEOUT))
    }

    /// So long at most: never nothing, which would mean for ever.
    fn within_limit(&self, time: Duration) -> Duration {
        match self.limit {
            Some(limit) => time
                .min(limit.saturating_duration_since(Instant::now()))
                .max(Duration::from_millis(1)),
            None => time,
        }
    }

    /// A link over a connection that there is already.
    #[must_use]
    pub fn over(mut self, connection: Connection, way: Way) -> Self {
        self.connection = Some(connection);
        self.way = way;
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
        let mut connection = self.shared.target.dial(self.within_limit(timeout))?;
        let timeout = self.within_limit(self.answer_timeout());
        connection.set_read_timeout(Some(timeout))?;
        connection.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        let info = server::brief_info_of(&mut connection)?;
        if !server::is_primary(&info) {
            return Err(Trouble::Broken("it is a replica".into()));
        }
        let Shared {
            settings, target, ..
        } = &*self.shared;
        self.way = settings
            .durability
            .way(&info, &mut connection, target.shown())
            .map_err(|error| Trouble::Broken(error.message))?;
        if self.greets {
            self.greet(&mut connection, &server::run_in(&info))?;
        }
        self.read_timeout = Some(timeout);
        self.connection = Some(connection);
        Ok(())
    }

    /// Shows the engine what this process knows of it, before any step.
    fn greet(&self, connection: &mut Connection, run: &str) -> Result<(), Trouble> {
        loop {
            let mut packed = Vec::new();
            let telling = self.shared.witness.tell();
            let member = self.shared.member().to_string();
            let number = telling.number.to_string();
            let head = [member.as_str(), run, &number];
            wire::call(
                &mut packed,
                "greet",
                &self.shared.prefix,
                &head,
                &telling.words,
            );
            connection.send_packed_command(&packed)?;
            let greeted = connection.recv_response()?;
            drop(telling);
            if !is_unknown(&greeted) {
                return hear_greeting(greeted);
            }
            // A server that was started without it, or a node of a cluster that has never had it.
            server::load_library(connection, &self.shared.target)?.map_err(Trouble::Ended)?;
        }
    }

    /// The look that says whether this process is a member.
    pub fn pack_greeting(&self, packed: &mut Vec<u8>) {
        let member = self.shared.member().to_string();
        wire::call::<&str>(packed, "greet", &self.shared.prefix, &[&member], &[]);
    }

    /// Asks for what must be so before what was sent counts; whether there is such, which [`Self::confirm`] then reads.
    pub fn pack_confirm(&self, packed: &mut Vec<u8>) -> bool {
        self.pack_confirm_within(packed, self.shared.settings.patience)
    }

    /// Likewise, of a server that is waited for so long.
    pub fn pack_confirm_within(&self, packed: &mut Vec<u8>, patience: Duration) -> bool {
        if self.way.asks() {
            let member = self.shared.member().to_string();
            // Behind a write the server waits for all that was seen here, also of others.
            wire::call::<&str>(packed, "mark", &self.shared.prefix, &[&member], &[]);
            self.way.pack(packed, patience);
        }
        self.way.asks()
    }

    /// Waits until what was sent counts.
    ///
    /// # Errors
    /// [`Trouble::Broken`] where too few have it: it is to be sent again.
    pub fn confirm(&mut self, timeout: Duration) -> Result<(), Trouble> {
        let marked = self.receive(timeout)?;
        if let Reply::Away(why) = wire::reply_of(marked) {
            return Err(Trouble::Broken(why));
        }
        let counted = self.receive(timeout)?;
        self.way.hear(counted)
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
        let timeout = self.within_limit(timeout);
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

    /// What is said of a call whose time was up before the engine had answered.
    pub fn overdue(&self) -> Error {
        let message = format!(
            "Cannot reach the engine \"{}\" in time: {}",
            self.shared.target.shown(),
            self.reason,
        );
        Error::new(Kind::Overdue, message)
    }

    /// What is said of a step that waited for the engine for too long.
    pub fn unavailable(&self) -> Error {
        unavailable(&self.shared, &self.reason)
    }
}

/// Whether the server knows no such function.
fn is_unknown(value: &Value) -> bool {
    matches!(value, Value::ServerError(error) if error.details().is_some_and(|it| it.contains("Function not found")))
}

/// Reads what a greeting has answered.
///
/// # Errors
/// [`Trouble::Ended`] where this process is no member, or the engine knows less than it has once answered.
pub fn hear_greeting(value: Value) -> Result<(), Trouble> {
    match wire::reply_of(value) {
        Reply::Done(_) => Ok(()),
        Reply::Ended(error) => Err(Trouble::Ended(error)),
        // It is asked again: what it refuses now it need not refuse for ever.
        Reply::Failed(error) => Err(Trouble::Broken(error.message)),
        Reply::Away(why) => Err(Trouble::Broken(why)),
        Reply::Later => Err(Trouble::Broken("an answer that is none".into())),
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
