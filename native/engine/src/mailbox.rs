//! The reader of what is answered later. A lane's mailbox is a stream in the engine: reading is repeatable, so a
//! connection that breaks loses nothing.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use redis::Value;

use crate::link::{Link, Trouble};
use crate::promises::Promises;
use crate::session::Shared;
use crate::wire::{self, Answer};

/// An answer that is overdue by so much comes over no living connection.
const OVERDUE: Duration = Duration::from_secs(2);
/// So many entries are read before they are trimmed.
const TRIM: usize = 64;
const AT_ONCE: &str = "256";

/// What came.
pub enum Entry {
    Outcome(u64, Answer),
    /// The name of the event, and its parts.
    Event(Answer),
}

/// The mailbox of a lane.
pub struct Mailbox {
    shared: Arc<Shared>,
    key: String,
    last: String,
    since_trim: usize,
}

impl Mailbox {
    pub fn new(shared: Arc<Shared>, lane: u32) -> Self {
        let key = format!("{}mb:{}/{lane}", shared.prefix, shared.member());
        Self {
            shared,
            key,
            last: "0-0".into(),
            since_trim: 0,
        }
    }

    /// So long it is read before the engine is asked whether this process is still a member.
    pub fn longest(&self) -> Duration {
        self.shared.settings.lease / 4
    }

    /// Greets, and waits for entries.
    ///
    /// # Errors
    /// [`Trouble`]
    pub fn read(&mut self, link: &mut Link, time: Duration) -> Result<Vec<Entry>, Trouble> {
        link.raise()?;
        let mut packed = Vec::new();
        let trims = self.since_trim >= TRIM;
        if trims {
            wire::command(&mut packed, &["XTRIM", &self.key, "MINID", &self.last]);
        }
        let done = link.pack_greeting(&mut packed);
        let time = time.min(self.longest()).max(Duration::from_millis(1));
        let milliseconds = time.as_millis().to_string();
        let parts = [
            "XREAD",
            "COUNT",
            AT_ONCE,
            "BLOCK",
            &milliseconds,
            "STREAMS",
            &self.key,
            &self.last,
        ];
        wire::command(&mut packed, &parts);
        link.send(&packed)?;
        let timeout = self.longest() + OVERDUE;
        if trims {
            link.receive(timeout)?;
            self.since_trim = 0;
        }
        let greeted = link.receive(timeout)?;
        link.hear_greeting(greeted, done)?;
        link.worked();
        let entries = match link.receive(timeout)? {
            Value::ServerError(error) => return Err(Trouble::Broken(error.code().into())),
            value => entries_of(value),
        };
        self.since_trim += entries.len();
        if let Some((id, _)) = entries.last() {
            self.last.clone_from(id);
        }
        Ok(entries
            .into_iter()
            .filter_map(|(_, fields)| entry_of(fields))
            .collect())
    }
}

/// The ids and fields in what `XREAD` of one stream answers.
fn entries_of(value: Value) -> Vec<(String, Answer)> {
    let Value::Array(streams) = value else {
        return Vec::new();
    };
    let Some(Value::Array(stream)) = streams.into_iter().next() else {
        return Vec::new();
    };
    let Some(Value::Array(entries)) = stream.into_iter().nth(1) else {
        return Vec::new();
    };
    let both = |entry| {
        let Value::Array(both) = entry else {
            return None;
        };
        let mut both = both.into_iter();
        let id = wire::parts_of(both.next()?).pop()?;
        Some((String::from_utf8(id).ok()?, wire::parts_of(both.next()?)))
    };
    entries.into_iter().filter_map(both).collect()
}

/// `n <number> r <part> r <part> …` or `e <event> r <part> …`
fn entry_of(fields: Answer) -> Option<Entry> {
    let mut fields = fields.into_iter();
    let kind = fields.next()?;
    let head = fields.next()?;
    let parts = fields.skip(1).step_by(2);
    match kind.as_slice() {
        b"n" => {
            let number = std::str::from_utf8(&head).ok()?.parse().ok()?;
            Some(Entry::Outcome(number, parts.collect()))
        }
        b"e" => Some(Entry::Event(std::iter::once(head).chain(parts).collect())),
        _ => None,
    }
}

/// The thread that reads the mailbox of lane 0.
pub fn run(promises: &Promises) {
    let shared = &promises.shared;
    let mut link = promises.link();
    let mut mailbox = Mailbox::new(Arc::clone(shared), 0);
    let mut gave_up = false;
    while shared.ended().is_none() && !shared.is_closing.load(SeqCst) {
        match mailbox.read(&mut link, mailbox.longest()) {
            Ok(entries) => {
                for entry in entries {
                    match entry {
                        Entry::Outcome(number, answer) => promises.outcome(number, answer),
                        Entry::Event(parts) => shared.tell(parts),
                    }
                }
                if std::mem::take(&mut gave_up) {
                    promises.recall();
                }
            }
            Err(Trouble::Ended(error)) => shared.end(error),
            Err(Trouble::Broken(why)) => {
                link.broke(why);
                let limit = link.away().map(|away| away + shared.settings.patience);
                if limit.is_some_and(|it| it <= Instant::now()) {
                    gave_up = true;
                    promises.give_up(&link.unavailable());
                    link.rest(None);
                } else {
                    link.rest(limit);
                }
            }
        }
    }
}
