//! What an answer has outlived before it counts: nothing, the end of the engine's machine, or so many of its replicas.

use std::time::Duration;

use redis::{Connection, Value};

use crate::error::{Error, Kind, Result};
use crate::link::Trouble;
use crate::server;
use crate::wire;

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    Memory,
    Disk,
    Replicas(u32),
}

/// How long the server waits before it says how many there are, at most: less than the time for an answer.
pub const LONGEST: Duration = Duration::from_secs(2);

/// How that is had of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// An answer counts as it comes.
    #[default]
    AtOnce,
    /// `WAITAOF 1 0`
    Disk,
    /// `WAIT n`
    Replicas(u32),
}

impl Durability {
    /// `memory`, `disk` or `replicas:<n>`
    ///
    /// # Errors
    /// [`Kind::Refused`]
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "memory" => Ok(Self::Memory),
            "disk" => Ok(Self::Disk),
            _ => text
                .strip_prefix("replicas:")
                .and_then(|it| it.parse().ok())
                .map(Self::Replicas)
                .ok_or_else(|| {
                    Error::new(
                        Kind::Refused,
                        format!("Cannot open the session: there is no durability \"{text}\""),
                    )
                }),
        }
    }

    /// How it is had of the server that this `INFO` is of.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] where it cannot be had.
    pub fn way(self, info: &str, connection: &mut Connection, shown: &str) -> Result<Way> {
        let refused = |why: &str| {
            Err(Error::new(
                Kind::Unsupported,
                format!("Cannot keep steps on the disk of the engine \"{shown}\": {why}"),
            ))
        };
        match self {
            Self::Memory => Ok(Way::AtOnce),
            Self::Replicas(count) => Ok(Way::Replicas(count)),
            Self::Disk if server::field(info, "aof_enabled") != Some("1") => {
                refused("it keeps no append-only file, wanted \"appendonly yes\"")
            }
            Self::Disk if server::waits_for_disk(info) => Ok(Way::Disk),
            Self::Disk => match setting(connection, "appendfsync").as_deref() {
                // Such a server answers nothing before it is on the disk.
                Some("always") => Ok(Way::AtOnce),
                Some(other) => refused(&format!(
                    "its \"appendfsync\" is \"{other}\", wanted \"always\", or Redis 7.2 or later"
                )),
                None => refused(
                    "its \"appendfsync\" cannot be read, wanted a user who may CONFIG GET, or Redis 7.2 or later",
                ),
            },
        }
    }
}

/// What `CONFIG GET` says, to whom may ask.
fn setting(connection: &mut Connection, name: &str) -> Option<String> {
    let value = server::ask(connection, &[b"CONFIG", b"GET", name.as_bytes()]).ok()?;
    let pairs: Vec<String> = redis::from_redis_value(value).ok()?;
    pairs.into_iter().nth(1)
}

impl Way {
    /// Whether something is asked behind steps.
    pub fn asks(self) -> bool {
        self != Self::AtOnce
    }

    /// Asks how many have what this connection has written, of a server that is waited for so long.
    pub fn pack(self, packed: &mut Vec<u8>, patience: Duration) {
        // 0 would be for ever.
        let time = patience
            .clamp(Duration::from_millis(100), LONGEST)
            .as_millis()
            .to_string();
        match self {
            Self::AtOnce => {}
            Self::Disk => wire::command(packed, &["WAITAOF", "1", "0", &time]),
            Self::Replicas(count) => wire::command(packed, &["WAIT", &count.to_string(), &time]),
        }
    }

    /// Reads what that has answered.
    ///
    /// # Errors
    /// [`Trouble::Broken`] where there are too few: it is all to be asked again.
    pub fn hear(self, value: Value) -> std::result::Result<(), Trouble> {
        let value = value.extract_error()?;
        let count = match value {
            Value::Int(count) => count,
            Value::Array(counts) => match counts.first() {
                Some(&Value::Int(count)) => count,
                _ => 0,
            },
            _ => 0,
        };
        match self {
            Self::Disk if count < 1 => Err(Trouble::Broken(
                "it has not written to its disk what it was given".into(),
            )),
            Self::Replicas(wanted) if count < i64::from(wanted) => Err(Trouble::Broken(format!(
                "{count} of {wanted} replicas have what it was given"
            ))),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_do_not_count() {
        assert!(Way::Replicas(2).hear(Value::Int(1)).is_err());
        assert!(Way::Replicas(2).hear(Value::Int(3)).is_ok());
        let disk = |local| Value::Array(vec![Value::Int(local), Value::Int(5)]);
        assert!(Way::Disk.hear(disk(0)).is_err());
        assert!(Way::Disk.hear(disk(1)).is_ok());
    }

    #[test]
    fn what_is_none_is_refused() {
        assert_eq!(
            Durability::parse("replicas:2").unwrap(),
            Durability::Replicas(2)
        );
        assert!(Durability::parse("replicas:").is_err());
        assert!(Durability::parse("disc").is_err());
    }
}
