//! The lane of a thread that blocks: its own connection, its own numbers, its own mailbox. No other thread is involved.

use std::mem::replace;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::link::{Link, Trouble};
use crate::mailbox::{Entry, Mailbox};
use crate::promises::Promises;
use crate::session::Shared;
use crate::wire::{self, Answer, Reply};
use crate::witness::LaneWitness;

mod waits;

use waits::Begun;

/// An answer that is overdue by so much is not waited for by a call with a time limit, once that is reached.
pub const GRACE: Duration = Duration::from_secs(2);
/// An answer has so much time at least.
const LEAST: Duration = Duration::from_millis(250);

/// A lane.
pub struct BlockingLane {
    shared: Arc<Shared>,
    promises: Option<Arc<Promises>>,
    lane: u32,
    link: Link,
    mailbox: Mailbox,
    /// The number of its last step, which lane 0 looks at.
    last: Arc<AtomicU64>,
    witness: Arc<LaneWitness>,
    patience: Duration,
    /// When the call that is under way is to end, though the engine may be away.
    until: Option<Instant>,
    /// A wait that was given up since the engine was away for too long.
    owed: Option<Begun>,
    /// Whether a wait is under way of which nobody wants the outcome.
    is_recovering: bool,
    /// The wait whose outcome is not known: what the engine has answered from there on it is to keep.
    unsure: Option<u64>,
}

impl BlockingLane {
    pub fn new(promises: Arc<Promises>, lane: u32) -> Self {
        let witness = promises.shared.witness.lane(lane);
        let mut made = Self::over(Arc::clone(&promises.shared), lane, witness);
        made.promises = Some(promises);
        made
    }

    fn over(shared: Arc<Shared>, lane: u32, witness: Arc<LaneWitness>) -> Self {
        Self {
            promises: None,
            owed: None,
            is_recovering: false,
            until: None,
            unsure: None,
            link: Link::new(Arc::clone(&shared), true),
            mailbox: Mailbox::new(Arc::clone(&shared), Arc::clone(&witness)),
            patience: shared.settings.patience,
            shared,
            lane,
            last: Arc::default(),
            witness,
        }
    }

    /// For looks only, which wait so long for the engine.
    pub fn for_looks(shared: Arc<Shared>, patience: Duration) -> Self {
        let mut lane = Self::over(Arc::clone(&shared), 0, Arc::default());
        lane.link = Link::new(shared, false);
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

    /// Until when what is done next may last, though the engine may be away; `None`: as long as it is waited for.
    pub fn limit_to(&mut self, until: Option<Instant>) {
        self.until = until;
        if until.is_none() {
            self.link.limit_to(None);
        }
    }

    /// When an answer is given up that was to come from `due` on: at the limit of the call, once the engine has not been
    /// heard of for a while; one that is back has the time to answer.
    fn limit(&self, due: Instant) -> Option<Instant> {
        let silent = self.link.away().unwrap_or(due);
        self.until
            .map(|until| until.max(silent + GRACE).max(due + LEAST))
    }

    /// Does a look at a tree.
    ///
    /// # Errors
    /// Where it was not done, or the session ended.
    pub fn look<A: AsRef<[u8]>>(&mut self, tree: &str, name: &str, args: &[A]) -> Result<Answer> {
        let mut packed = Vec::new();
        wire::call(
            &mut packed,
            name,
            &self.shared.target.prefix_of(tree),
            &[],
            args,
        );
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
        let packed = self.pack(name, args);
        self.do_step(self.last.load(SeqCst), &packed)
    }

    fn pack<A: AsRef<[u8]>>(&mut self, name: &str, args: &[A]) -> Vec<u8> {
        let (member, lane) = (self.shared.member().to_string(), self.lane.to_string());
        let number = (self.last.fetch_add(1, SeqCst) + 1).to_string();
        // Everything before was answered, or is wanted by nobody any more.
        let low = self
            .unsure
            .map_or_else(|| number.clone(), |unsure| unsure.to_string());
        let mut packed = Vec::new();
        wire::call(
            &mut packed,
            name,
            &self.shared.prefix,
            &[&member, &lane, &number, &low],
            args,
        );
        packed
    }

    fn do_step(&mut self, number: u64, packed: &[u8]) -> Result<Reply> {
        match self.exchange(packed)? {
            Reply::Ended(error) => Err(self.end(error)),
            Reply::Failed(error) => Err(error),
            reply => {
                self.witness.done.fetch_max(number, SeqCst);
                Ok(reply)
            }
        }
    }

    fn end(&self, error: Error) -> Error {
        self.shared.end(error.clone());
        self.shared.ended().unwrap_or(error)
    }

    fn exchange(&mut self, packed: &[u8]) -> Result<Reply> {
        let began = Instant::now();
        loop {
            self.link.limit_to(self.limit(began));
            match self.attempt(packed) {
                Ok(reply) => return Ok(reply),
                Err(trouble) => self.bear(trouble, began, began)?,
            }
        }
    }

    fn attempt(&mut self, packed: &[u8]) -> std::result::Result<Reply, Trouble> {
        self.link.raise()?;
        self.link.send(packed)?;
        let mut confirming = Vec::new();
        let confirms = self.link.pack_confirm(&mut confirming);
        if confirms {
            self.link.send(&confirming)?;
        }
        let time = self.link.answer_timeout() + Duration::from_micros(packed.len() as u64);
        match wire::reply_of(self.link.receive(time)?) {
            Reply::Away(why) => Err(Trouble::Broken(why)),
            reply => {
                if confirms {
                    self.link.confirm(time)?;
                }
                self.link.worked();
                Ok(reply)
            }
        }
    }

    /// Waits a while if it is to be tried again; the engine was to answer from `due` on.
    fn bear(&mut self, trouble: Trouble, began: Instant, due: Instant) -> Result<()> {
        match trouble {
            Trouble::Ended(error) => Err(self.end(error)),
            Trouble::Broken(why) => {
                let own = self.limit(due);
                self.link.broke(why);
                let away = self.link.away().unwrap_or(began);
                let now = Instant::now();
                let limit = away.max(began) + self.patience;
                if limit <= now {
                    return Err(self.link.unavailable());
                }
                if own.is_some_and(|it| it <= now) {
                    return Err(self.link.overdue());
                }
                self.link.rest(own.into_iter().chain([limit]).min());
                Ok(())
            }
        }
    }

    /// The outcome of a step from the mailbox; `None` if it did not come in time.
    fn outcome(&mut self, number: u64, until: Option<Instant>) -> Result<Option<Answer>> {
        let began = Instant::now();
        let mut greets = false;
        loop {
            let time = match until {
                Some(until) => until.saturating_duration_since(Instant::now()),
                // That there is nothing yet is to be said before silence counts as absence.
                None if self.until.is_some() => self.mailbox.longest().min(GRACE / 2),
                None => self.mailbox.longest(),
            };
            if time.is_zero() {
                return Ok(None);
            }
            // It answers when the time is up.
            let due = until.unwrap_or_else(Instant::now);
            let limit = self.limit(due);
            self.link.limit_to(limit);
            match self
                .mailbox
                .read(&mut self.link, time, replace(&mut greets, true))
            {
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
                Err(trouble) => self.bear(trouble, began, due)?,
            }
        }
    }
}
