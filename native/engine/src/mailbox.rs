//! The reader of what is answered later. A lane's mailbox is a stream in the engine: reading is repeatable, so a
//! connection that breaks loses nothing.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use redis::Value;

use crate::error::Kind;
use crate::link::{Link, Trouble, hear_greeting};
use crate::promises::Promises;
use crate::session::Shared;
use crate::wire::{self, Answer};
use crate::witness::LaneWitness;

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
    /// How many entries there were behind the last outcome or event: those that only wake.
    since_heard: usize,
    witness: Arc<LaneWitness>,
}

impl Mailbox {
    pub fn new(shared: Arc<Shared>, witness: Arc<LaneWitness>) -> Self {
        let key = format!("{}mb:{}/{}", shared.prefix, shared.member(), witness.lane());
        Self {
            shared,
            key,
            last: "0-0".into(),
            since_trim: 0,
            since_heard: 0,
            witness,
        }
    }

    /// So long it is read before the engine is asked whether this process is still a member.
    pub fn longest(&self) -> Duration {
        self.shared.settings.lease / 4
    }

    /// What is behind what may be trimmed: the last that was heard stays, for it shows what the engine has told; and which
    /// greetings are over.
    fn oldest_to_keep(&mut self) -> Option<(String, u64)> {
        if self.since_trim < TRIM {
            return None;
        }
        if self.since_heard >= TRIM {
            self.witness.forget();
            self.since_heard = 0;
        }
        let heard = self.witness.heard();
        let oldest = if heard.is_empty() {
            self.last.clone()
        } else {
            heard
        };
        Some((oldest, self.shared.witness.all_over()?))
    }

    /// Waits for entries, and greets before, unless a step was answered just now.
    ///
    /// # Errors
    /// [`Trouble`]
    pub fn read(
        &mut self,
        link: &mut Link,
        time: Duration,
        greets: bool,
    ) -> Result<Vec<Entry>, Trouble> {
        link.raise()?;
        let mut packed = Vec::new();
        let oldest = self.oldest_to_keep();
        if let Some((oldest, over)) = &oldest {
            let head = [self.shared.member(), u64::from(self.witness.lane()), *over];
            let [member, lane, over] = head.map(|it| it.to_string());
            let head = [&*member, &*lane, &**oldest, &*over];
            wire::call::<&str>(&mut packed, "trim", &self.shared.prefix, &head, &[]);
        }
        if greets {
            link.pack_greeting(&mut packed);
        }
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
        if oldest.is_some() {
            link.receive(timeout)?;
            self.since_trim = 0;
        }
        if greets {
            hear_greeting(link.receive(timeout)?)?;
        }
        let entries = match link.receive(timeout)? {
            Value::ServerError(error) => return Err(Trouble::Broken(error.code().into())),
            value => entries_of(value),
        };
        let mut confirming = Vec::new();
        if !entries.is_empty() && link.pack_confirm(&mut confirming) {
            link.send(&confirming)?;
            let time = link.answer_timeout();
            link.confirm(time)?;
        }
        link.worked();
        self.since_trim += entries.len();
        if let Some((id, _)) = entries.last() {
            self.last.clone_from(id);
        }
        let mut told = Vec::new();
        for (id, fields) in entries {
            self.since_heard += 1;
            if let Some(entry) = entry_of(fields) {
                self.witness.has_heard(&id);
                self.since_heard = 0;
                told.push(entry);
            }
        }
        Ok(told)
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
    let mut mailbox = Mailbox::new(Arc::clone(shared), promises.witness());
    let mut gave_up = false;
    while shared.ended().is_none() && !shared.is_closing.load(SeqCst) {
        match mailbox.read(&mut link, mailbox.longest(), true) {
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
    if shared.ended().is_some_and(|it| it.kind == Kind::Lost) {
        shared.clear();
    }
}
