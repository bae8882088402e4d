//! Groups of servers, of which one is the engine: those that Sentinel watches, and clusters. Who it is just now is asked at
//! each connection.

use std::time::{Duration, Instant};

use redis::{
    Client, Connection, ConnectionAddr, ConnectionInfo, ErrorKind, RedisError, RedisResult, Value,
};

use crate::server::ask;

/// How the engine is found.
pub enum Group {
    /// The URL names it.
    Alone,
    /// The primary of that name, which these sentinels know. `login`: as whom they are spoken to.
    Sentinel {
        sentinels: Vec<ConnectionAddr>,
        name: String,
        login: ConnectionInfo,
    },
    /// The node of a cluster that has the keys of this package: all of them are in one slot.
    Cluster { nodes: Vec<ConnectionAddr> },
}

/// What the keys of this package are hashed by, in a cluster.
const TAG: &[u8] = b"hosts";
const SLOTS: u16 = 16_384;

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
    /// Where the engine is now; nothing where the URL says it. `info`: as whom it is spoken to.
    ///
    /// # Errors
    /// Where none of the servers that are named tells it; what the last one has said.
    pub fn find(
        &self,
        info: &ConnectionInfo,
        timeout: Duration,
    ) -> RedisResult<Option<ConnectionAddr>> {
        let (named, login) = match self {
            Self::Alone => return Ok(None),
            Self::Sentinel {
                sentinels, login, ..
            } => (sentinels, login),
            Self::Cluster { nodes } => (nodes, info),
        };
        let until = Instant::now() + timeout;
        let mut last = failed("no server is named", "");
        for (at, server) in named.iter().enumerate() {
            // One that does not answer leaves time for the others.
            let left = until.saturating_duration_since(Instant::now());
            let share = Instant::now() + left / u32::try_from(named.len() - at).unwrap_or(1);
            match open(login, server, share)
                .and_then(|mut connection| self.asked(&mut connection, server))
            {
                Ok(found) => return Ok(Some(found)),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn asked(
        &self,
        connection: &mut Connection,
        server: &ConnectionAddr,
    ) -> RedisResult<ConnectionAddr> {
        match self {
            Self::Sentinel { name, .. } => {
                let parts: [&[u8]; 3] = [b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", name.as_bytes()];
                place_in(&ask(connection, &parts)?.extract_error()?).ok_or_else(|| {
                    failed("the sentinels know no primary of that name", name.clone())
                })
            }
            _ => {
                let slots = ask(connection, &[b"CLUSTER", b"SLOTS"])?.extract_error()?;
                let (host, port) = node_of(&slots, slot_of(TAG))
                    .ok_or_else(|| failed("no node of the cluster has the slot of the keys", ""))?;
                // A node that does not know its own name is told as nothing: the one that was asked.
                Ok(match (host.is_empty(), server) {
                    (true, ConnectionAddr::Tcp(own, _)) => ConnectionAddr::Tcp(own.clone(), port),
                    _ => ConnectionAddr::Tcp(host, port),
                })
            }
        }
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok(),
        Value::SimpleString(text) => Some(text.clone()),
        Value::Int(number) => Some(number.to_string()),
        Value::Nil => Some(String::new()),
        _ => None,
    }
}

/// A host and a port.
fn place_in(value: &Value) -> Option<ConnectionAddr> {
    let Value::Array(parts) = value else {
        return None;
    };
    let (host, port) = (
        text_of(parts.first()?)?,
        text_of(parts.get(1)?)?.parse().ok()?,
    );
    Some(ConnectionAddr::Tcp(host, port))
}

/// In what `CLUSTER SLOTS` answers: the primary of a slot.
fn node_of(value: &Value, slot: u16) -> Option<(String, u16)> {
    let Value::Array(ranges) = value else {
        return None;
    };
    ranges.iter().find_map(|range| {
        let Value::Array(parts) = range else {
            return None;
        };
        let (&Value::Int(from), &Value::Int(to)) = (parts.first()?, parts.get(1)?) else {
            return None;
        };
        if !(from..=to).contains(&i64::from(slot)) {
            return None;
        }
        match place_in(parts.get(2)?)? {
            ConnectionAddr::Tcp(host, port) => Some((host, port)),
            _ => None,
        }
    })
}

/// The slot of what is hashed: CRC-16 (XMODEM), as the specification of clusters has it.
fn slot_of(tag: &[u8]) -> u16 {
    let crc = tag.iter().fold(0u16, |crc, &byte| {
        (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| {
            let shifted = crc << 1;
            if crc & 0x8000 == 0 {
                shifted
            } else {
                shifted ^ 0x1021
            }
        })
    });
    crc % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(slot_of(b"123456789"), 0x31C3);
        assert_eq!(slot_of(b"foo"), 12_182);
    }
}
