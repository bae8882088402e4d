//! What leaves a tree for a process that is no more: made beforehand, by that process.

use std::time::Duration;

use redis::Connection;

use crate::wire::{self, Reply};

/// A word to the engine that nobody has said yet.
pub struct Farewell {
    connection: Connection,
    packed: Vec<u8>,
}

impl Farewell {
    pub(crate) fn new(
        connection: Connection,
        prefix: &str,
        member: u64,
        time: Duration,
    ) -> Option<Self> {
        connection.set_read_timeout(Some(time)).ok()?;
        connection.set_write_timeout(Some(time)).ok()?;
        let mut packed = Vec::new();
        let head = [member.to_string(), "1".into()];
        wire::call::<&str>(&mut packed, "leave", prefix, &[&head[0], &head[1]], &[]);
        Some(Self { connection, packed })
    }

    /// Says it. Where the engine is away, whoever vouches for the process will have it buried.
    pub fn send(mut self) {
        loop {
            if self.connection.send_packed_command(&self.packed).is_err() {
                return;
            }
            let Ok(value) = self.connection.recv_response() else {
                return;
            };
            match wire::reply_of(value) {
                Reply::Done(answer) if answer.get(1).is_some_and(|it| it == b"more") => {}
                _ => return,
            }
        }
    }
}
