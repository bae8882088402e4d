//! Clusters. All keys of this package have one hash tag there, so that a step may use any of them: they are on one shard.
//! Which server is the master of that is asked at each connection.
//!
//! A server that is it no more answers `MOVED`, `READONLY` or `CLUSTERDOWN`. While the slot is on its way to another, each
//! step is answered with `ASK`: the key that it names is none that there is. So none is done on a part of the keys. After
//! each of these the connection is given up, and made anew.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use redis::{Connection, ConnectionAddr, RedisResult, Value};

use crate::asking::{failed, first_of, left_until};
use crate::server::ask;

const SLOTS: u16 = 16384;

/// A cluster.
pub struct Cluster {
    /// Some of its servers.
    seeds: Vec<ConnectionAddr>,
    /// Where the keys are.
    slot: u16,
    /// Who is asked next. One that knows what was may be asked first only so often.
    first: AtomicUsize,
}

impl Cluster {
    pub fn new(seeds: Vec<ConnectionAddr>, tag: &str) -> Self {
        Self {
            seeds,
            slot: slot_of(tag.as_bytes()),
            first: AtomicUsize::new(0),
        }
    }

    /// A connection to the master of the shard that has the keys.
    ///
    /// # Errors
    /// Where none of the seeds names one that can be reached; what was said of the last.
    pub fn dial(
        &self,
        until: Instant,
        connect: impl Fn(&ConnectionAddr, Instant) -> RedisResult<Connection>,
    ) -> RedisResult<Connection> {
        let first = self.first.fetch_add(1, Relaxed);
        first_of(&self.seeds, first, until, |seed, share| {
            let mut connection = connect(seed, share)?;
            connection.set_read_timeout(Some(left_until(share)))?;
            let slots = ask(&mut connection, &[b"CLUSTER", b"SLOTS"])?.extract_error()?;
            let master = master_of(self.slot, &slots, seed)
                .ok_or_else(|| failed("no server of the cluster has the slot of the keys", ""))?;
            match master == *seed {
                true => Ok(connection),
                false => connect(&master, share),
            }
        })
    }
}

/// The hash slot of a tag.
fn slot_of(tag: &[u8]) -> u16 {
    // CRC-16 with the polynomial 0x1021, from 0, the highest bit first.
    let sum = tag.iter().fold(0, |sum: u16, &byte| {
        (0..8).fold(sum ^ (u16::from(byte) << 8), |sum, _| {
            (sum << 1) ^ if sum & 0x8000 == 0 { 0 } else { 0x1021 }
        })
    });
    sum % SLOTS
}

/// Who is the master of a slot by what `CLUSTER SLOTS` has answered: `<first> <last> <master> <replica>…` of each range.
fn master_of(slot: u16, slots: &Value, asked: &ConnectionAddr) -> Option<ConnectionAddr> {
    let Value::Array(ranges) = slots else {
        return None;
    };
    ranges.iter().find_map(|range| {
        let Value::Array(parts) = range else {
            return None;
        };
        let [Value::Int(from), Value::Int(to), Value::Array(master), ..] = parts.as_slice() else {
            return None;
        };
        match (*from..=*to).contains(&i64::from(slot)) {
            true => address_in(master, asked),
            false => None,
        }
    })
}

/// `<host> <port> …`; a server that does not know its own address, or is not to tell it, is where it was asked.
fn address_in(node: &[Value], asked: &ConnectionAddr) -> Option<ConnectionAddr> {
    let [host, Value::Int(port), ..] = node else {
        return None;
    };
    let told = match host {
        Value::BulkString(bytes) => Some(String::from_utf8(bytes.clone()).ok()?),
        Value::Nil => None,
        _ => return None,
    };
    let told = told.filter(|it| !it.is_empty() && it != "?");
    let new_port = u16::try_from(*port).ok()?;
    match asked {
        ConnectionAddr::Tcp(host, _) => Some(ConnectionAddr::Tcp(
            told.unwrap_or_else(|| host.clone()),
            new_port,
        )),
        ConnectionAddr::TcpTls {
            host,
            insecure,
            tls_params,
            ..
        } => Some(ConnectionAddr::TcpTls {
            host: told.unwrap_or_else(|| host.clone()),
            port: new_port,
            insecure: *insecure,
            tls_params: tls_params.clone(),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn range(from: i64, to: i64, host: Value, port: i64) -> Value {
        let node = |host, port| Value::Array(vec![host, Value::Int(port), bulk("id")]);
        Value::Array(vec![
            Value::Int(from),
            Value::Int(to),
            node(host, port),
            node(bulk("replica"), 1),
        ])
    }

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(slot_of(b"123456789"), 0x31C3);
        assert_eq!(slot_of(b"foo"), 12182);
        assert_eq!(slot_of(b""), 0);
    }

    #[test]
    fn the_first_of_the_range_is_the_master() {
        let seed = ConnectionAddr::Tcp("seed".into(), 7);
        let slots = Value::Array(vec![
            range(0, 99, bulk("a"), 1),
            range(100, 200, Value::Nil, 2),
            range(201, 300, bulk(""), 3),
            range(301, 400, bulk("b"), 70_000),
        ]);
        let found = |slot| master_of(slot, &slots, &seed);
        assert_eq!(found(99), Some(ConnectionAddr::Tcp("a".into(), 1)));
        assert_eq!(found(100), Some(ConnectionAddr::Tcp("seed".into(), 2)));
        assert_eq!(found(300), Some(ConnectionAddr::Tcp("seed".into(), 3)));
        assert_eq!((found(301), found(401)), (None, None));
        assert_eq!(master_of(1, &Value::Okay, &seed), None);
    }

    #[test]
    fn who_is_asked_by_tls_names_others_that_are() {
        let at = |host: &str, port| ConnectionAddr::TcpTls {
            host: host.into(),
            port,
            insecure: false,
            tls_params: None,
        };
        let slots = Value::Array(vec![range(0, 16383, bulk("a"), 1)]);
        assert_eq!(master_of(5, &slots, &at("seed", 7)), Some(at("a", 1)));
    }
}
