//! The lane of a thread that blocks: its own connection, its own numbers, its own mailbox. No other thread is involved.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::link::{ANSWER_TIMEOUT, Link, Trouble};
use crate::mailbox::{Entry, Mailbox};
use crate::session::Shared;
use crate::wire::{self, Answer, Reply};

/// A lane.
pub struct BlockingLane {
    shared: Arc<Shared>,
    lane: u32,
    link: Link,
    mailbox: Mailbox,
    last: u64,
    done: Arc<AtomicU64>,
    patience: Duration,
}

impl BlockingLane {
    pub fn new(shared: Arc<Shared>, lane: u32) -> Self {
        let done: Arc<AtomicU64> = Arc::default();
        Self {
            link: Link::new(Arc::clone(&shared), Some(lane), Arc::clone(&done)),
            mailbox: Mailbox::new(Arc::clone(&shared), lane),
            patience: shared.settings.patience,
            shared,
            lane,
            last: 0,
            done,
        }
    }

    /// For looks only, which wait so long for the engine.
    pub fn for_looks(shared: Arc<Shared>, patience: Duration) -> Self {
        let mut lane = Self::new(Arc::clone(&shared), 0);
        lane.link = Link::new(shared, None, Arc::default());
        lane.patience = patience.min(lane.patience);
        lane
    }

    /// Does a step; its answer, which may be "later".
    ///
    /// # Errors
    /// Where it was not done, or the session ended.
    pub fn step<A: AsRef<[u8]>>(&mut self, name: &str, args: &[A]) -> Result<Answer> {
        match self.take_step(name, args)? {
            Reply::Done(answer) => Ok(answer),
            _ => Ok(vec![b"later".to_vec()]),
        }
    }

    /// Does a step that may wait; `None` if it did so for longer than `time`, and does no more.
    ///
    /// # Errors
    /// Where it was not done, or the session ended.
    pub fn wait<A: AsRef<[u8]>>(
        &mut self,
        name: &str,
        args: &[A],
        time: Option<Duration>,
    ) -> Result<Option<Answer>> {
        let until = time.and_then(|time| Instant::now().checked_add(time));
        if let Reply::Done(answer) = self.take_step(name, args)? {
            return Ok(Some(answer));
        }
        let number = self.last;
        if let Some(answer) = self.outcome(number, until)? {
            return Ok(Some(answer));
        }
        let object = args.first().map_or(&[][..], AsRef::as_ref);
        match self.take_step("cancel", &[object, number.to_string().as_bytes()])? {
            Reply::Done(answer) if answer.get(1).is_some_and(|it| it == b"cancelled") => Ok(None),
            _ => self.outcome(number, None),
        }
    }

    /// Does a look at a tree.
    ///
    /// # Errors
    /// Where it was not done, or the session ended.
    pub fn look<A: AsRef<[u8]>>(&mut self, tree: &str, name: &str, args: &[A]) -> Result<Answer> {
        let mut packed = Vec::new();
        wire::call(&mut packed, name, &wire::prefix_of(tree), &[], args);
        match self.exchange(&packed)? {
            Reply::Done(answer) => Ok(answer),
            Reply::Ended(error) => Err(match tree == self.shared.settings.tree {
                true => self.end(error),
                false => error,
            }),
            Reply::Failed(error) => Err(error),
            Reply::Later | Reply::Away(_) => Ok(vec![b"later".to_vec()]),
        }
    }

    /// Gives [`Reply::Done`] or [`Reply::Later`].
    fn take_step<A: AsRef<[u8]>>(&mut self, name: &str, args: &[A]) -> Result<Reply> {
        self.last += 1;
        let (member, lane) = (self.shared.member().to_string(), self.lane.to_string());
        let number = self.last.to_string();
        let mut packed = Vec::new();
        // The number is its own lowest: everything before was answered, or is wanted by nobody any more.
        wire::call(
            &mut packed,
            name,
            &self.shared.prefix,
            &[&member, &lane, &number, &number],
            args,
        );
        match self.exchange(&packed)? {
            Reply::Ended(error) => Err(self.end(error)),
            Reply::Failed(error) => Err(error),
            reply => {
                self.done.store(self.last, SeqCst);
                Ok(reply)
            }
        }
    }

    fn end(&self, error: Error) -> Error {
        self.shared.end(error.clone());
        error
    }

    fn exchange(&mut self, packed: &[u8]) -> Result<Reply> {
        let began = Instant::now();
        loop {
            match self.attempt(packed) {
                Ok(reply) => return Ok(reply),
                Err(trouble) => self.bear(trouble, began)?,
            }
        }
    }

    fn attempt(&mut self, packed: &[u8]) -> std::result::Result<Reply, Trouble> {
        self.link.raise()?;
        self.link.send(packed)?;
        let time = ANSWER_TIMEOUT + Duration::from_micros(packed.len() as u64);
        match wire::reply_of(self.link.receive(time)?) {
            Reply::Away(why) => Err(Trouble::Broken(why)),
            reply => Ok(reply),
        }
    }

    /// Waits a while if it is to be tried again.
    fn bear(&mut self, trouble: Trouble, began: Instant) -> Result<()> {
        match trouble {
            Trouble::Ended(error) => Err(self.end(error)),
            Trouble::Broken(why) => {
                self.link.broke(why);
                let away = self.link.away().unwrap_or(began);
                let limit = away.max(began) + self.patience;
                if limit <= Instant::now() {
                    return Err(self.link.unavailable());
                }
                self.link.rest(Some(limit));
                Ok(())
            }
        }
    }

    /// The outcome of a step from the mailbox; `None` if it did not come in time.
    fn outcome(&mut self, number: u64, until: Option<Instant>) -> Result<Option<Answer>> {
        let began = Instant::now();
        loop {
            let time = match until {
                Some(until) => until.saturating_duration_since(Instant::now()),
                None => self.mailbox.longest(),
            };
            if time.is_zero() {
                return Ok(None);
            }
            match self.mailbox.read(&mut self.link, time) {
                // What is answered to steps that were given up is wanted by nobody.
                Ok(entries) => {
                    for entry in entries {
                        if let Entry::Outcome(of, answer) = entry
                            && of == number
                        {
                            return Ok(Some(answer));
                        }
                    }
                }
                Err(trouble) => self.bear(trouble, began)?,
            }
        }
    }
}
