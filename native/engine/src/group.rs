//! Groups of servers that Sentinel watches. Who of them is the engine just now is asked at each connection.

use std::time::{Duration, Instant};

use redis::{
    Client, Connection, ConnectionAddr, ConnectionInfo, ErrorKind, RedisError, RedisResult, Value,
};

use crate::server::{self, ask};

/// The sentinels of a group.
pub struct Group {
    pub sentinels: Vec<ConnectionAddr>,
    /// What they call the primary.
    pub name: String,
    /// As whom they are spoken to.
    pub login: ConnectionInfo,
}

fn failed(what: &'static str, detail: impl Into<String>) -> RedisError {
    RedisError::from((ErrorKind::Io, what, detail.into()))
}

fn open(info: &ConnectionInfo, addr: &ConnectionAddr, until: Instant) -> RedisResult<Connection> {
    let left = until
        .saturating_duration_since(Instant::now())
        .max(Duration::from_millis(1));
    let connection =
        Client::open(info.clone().set_addr(addr.clone()))?.get_connection_with_timeout(left)?;
    connection.set_read_timeout(Some(left))?;
    Ok(connection)
}

impl Group {
    /// Where the engine is now.
    ///
    /// # Errors
    /// Where none of the sentinels tells it; what the last one has said.
    pub fn find(&self, timeout: Duration) -> RedisResult<ConnectionAddr> {
        let until = Instant::now() + timeout;
        let mut last = failed("no sentinel is named", "");
        for (at, sentinel) in self.sentinels.iter().enumerate() {
            // One that does not answer leaves time for the others.
            let left = until.saturating_duration_since(Instant::now());
            let others = u32::try_from(self.sentinels.len() - at).unwrap_or(1);
            let share = Instant::now() + left / others;
            match open(&self.login, sentinel, share).and_then(|mut it| self.asked(&mut it)) {
                Ok(found) => return Ok(found),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn asked(&self, connection: &mut Connection) -> RedisResult<ConnectionAddr> {
        let parts: [&[u8]; 3] = [
            b"SENTINEL",
            b"GET-MASTER-ADDR-BY-NAME",
            self.name.as_bytes(),
        ];
        place_in(&ask(connection, &parts)?.extract_error()?).ok_or_else(|| {
            failed(
                "the sentinels know no primary of that name",
                self.name.clone(),
            )
        })
    }
}

/// Refuses a replica: one whose sentinels do not know yet that it is none any more.
///
/// # Errors
/// Where it is one, and those of the connection.
pub fn require_primary(connection: &mut Connection) -> RedisResult<()> {
    match server::is_primary(&server::brief_info_of(connection)?) {
        true => Ok(()),
        false => Err(failed("the sentinels name a replica", "")),
    }
}

/// A host and a port.
fn place_in(value: &Value) -> Option<ConnectionAddr> {
    let Value::Array(parts) = value else {
        return None;
    };
    let (Value::BulkString(host), Value::BulkString(port)) = (parts.first()?, parts.get(1)?) else {
        return None;
    };
    let port = std::str::from_utf8(port).ok()?.parse().ok()?;
    Some(ConnectionAddr::Tcp(
        String::from_utf8(host.clone()).ok()?,
        port,
    ))
}
