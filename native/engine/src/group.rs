//! Groups of servers that Sentinel watches. Who of them is the engine just now is asked at each connection.

use std::time::Instant;

use redis::{Client, Connection, ConnectionAddr, ConnectionInfo, RedisResult, Value};

use crate::asking::{failed, first_of, left_until};
use crate::server::ask;

/// The sentinels of a group.
pub struct Group {
    pub sentinels: Vec<ConnectionAddr>,
    /// What they call the primary.
    pub name: String,
    /// As whom they are spoken to.
    pub login: ConnectionInfo,
}

fn open(info: &ConnectionInfo, addr: &ConnectionAddr, until: Instant) -> RedisResult<Connection> {
    let left = left_until(until);
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
    pub fn find(&self, until: Instant) -> RedisResult<ConnectionAddr> {
        first_of(&self.sentinels, 0, until, |sentinel, share| {
            self.asked(&mut open(&self.login, sentinel, share)?)
        })
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
