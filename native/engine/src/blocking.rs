//! The lane of a thread that blocks: its own connection, its own numbers, its own mailbox. No other thread is involved.

use std::mem::replace;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Result};
use crate::link::{Link, Trouble};
use crate::mailbox::{Entry, Mailbox};
use crate::promises::Promises;
use crate::session::Shared;
use crate::wire::{self, Answer, Reply};
use crate::witness::LaneWitness;

/// An answer that is overdue by so much is not waited for by a call with a time limit, once that is reached.
pub const GRACE: Duration = Duration::from_secs(2);
/// An answer has so much time at least.
const LEAST: Duration = Duration::from_millis(250);

/// What is in the mailbox is read in that time.
const AT_HAND: Duration = Duration::from_millis(1);

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

/// A wait, and the step that ends it, once there is one: each is sent again as it was.
struct Begun {
    number: u64,
    object: Vec<u8>,
    packed: Vec<u8>,
    cancel: Option<Cancel>,
}

struct Cancel {
    number: u64,
    packed: Vec<u8>,
    /// Whether it says that nobody wants the outcome.
    is_final: bool,
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

    /// Does a step that may wait; `None` if it did so for longer than `time`, and does no more.
    ///
    /// # Errors
    /// Where it was not done, or the session ended. Where the engine was away for too long, or did not answer in time,
    /// [`Self::recover`] says afterwards what it gave all the same.
    pub fn wait<A: AsRef<[u8]>>(
        &mut self,
        name: &str,
        args: &[A],
        time: Option<Duration>,
    ) -> Result<Option<Answer>> {
        let until = time.and_then(|time| Instant::now().checked_add(time));
        let packed = self.pack(name, args);
        let object = args
            .first()
            .map_or_else(Vec::new, |it| it.as_ref().to_vec());
        let begun = Begun {
            number: self.last.load(SeqCst),
            object,
            packed,
            cancel: None,
        };
        let outcome = self.carry_out(begun, until);
        if let Ok(Some(answer)) = &outcome
            && name == "get"
        {
            self.given(args, answer);
        }
        outcome
    }

    /// Where the engine has noted in this lane's ledger what it has given, it is told of its arrival if no other step does so.
    fn given<A: AsRef<[u8]>>(&self, args: &[A], answer: &Answer) {
        if let (Some(promises), Some(queue), Some(take)) =
            (&self.promises, args.first(), answer.get(1))
            && take.contains(&b'#')
        {
            promises.given(self.lane, queue.as_ref(), take, &self.last);
        }
    }

    /// Ends a wait that was given up; what it gave.
    ///
    /// # Errors
    /// As [`Self::wait`]
    pub fn recover(&mut self) -> Result<Option<Answer>> {
        match self.owed.take() {
            Some(begun) => {
                self.is_recovering = true;
                let outcome = self.carry_out(begun, Some(Instant::now()));
                self.is_recovering = false;
                outcome
            }
            None => Ok(None),
        }
    }

    fn carry_out(&mut self, mut begun: Begun, until: Option<Instant>) -> Result<Option<Answer>> {
        self.unsure = Some(begun.number);
        let outcome = self.finish(&mut begun, until);
        match &outcome {
            Err(error) if matches!(error.kind, Kind::Unavailable | Kind::Overdue) => {
                self.owed = Some(begun);
            }
            _ => self.unsure = None,
        }
        outcome
    }

    fn finish(&mut self, begun: &mut Begun, until: Option<Instant>) -> Result<Option<Answer>> {
        let number = begun.number;
        if begun.cancel.is_none() {
            if let Reply::Done(answer) = self.do_step(number, &begun.packed)? {
                return Ok(Some(answer));
            }
            if let Some(answer) = self.outcome_nudged(number, until)? {
                return Ok(Some(answer));
            }
        }
        let is_final = self.is_recovering;
        if begun.cancel.is_none() {
            begun.cancel = Some(self.cancel_of(begun, is_final));
        }
        if self.is_cancelled(begun)? {
            return Ok(None);
        }
        // One that was to wait for its outcome, as for a lock: nobody wants that any more.
        if is_final && begun.cancel.as_ref().is_some_and(|it| !it.is_final) {
            begun.cancel = Some(self.cancel_of(begun, true));
            if self.is_cancelled(begun)? {
                return Ok(None);
            }
        }
        // What is owed is asked for again and again: nobody stands here until, say, others let go of a lock.
        let ends = self
            .until
            .filter(|_| is_final)
            .map(|it| it.max(Instant::now() + AT_HAND));
        let outcome = self.outcome(number, ends)?;
        outcome.map_or_else(|| Err(self.link.overdue()), |it| Ok(Some(it)))
    }

    /// Sends the step that ends a wait; whether that gets nothing more.
    fn is_cancelled(&mut self, begun: &Begun) -> Result<bool> {
        let Some(cancel) = &begun.cancel else {
            return Ok(false);
        };
        let reply = self.do_step(cancel.number, &cancel.packed)?;
        Ok(
            matches!(reply, Reply::Done(answer) if answer.get(1).is_some_and(|it| it == b"cancelled")),
        )
    }

    fn cancel_of(&mut self, begun: &Begun, is_final: bool) -> Cancel {
        let of = begun.number.to_string();
        let args: [&[u8]; 3] = [&begun.object, of.as_bytes(), b"final"];
        let packed = self.pack("cancel", &args[..2 + usize::from(is_final)]);
        Cancel {
            number: self.last.load(SeqCst),
            packed,
            is_final,
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

    /// The outcome of a step; the mailbox is woken when the time is up.
    fn outcome_nudged(&mut self, number: u64, until: Option<Instant>) -> Result<Option<Answer>> {
        let nudged = until.filter(|_| self.promises.is_some());
        if let (Some(at), Some(promises)) = (nudged, &self.promises) {
            promises.nudge_at(self.lane, Some(at));
        }
        let outcome = self.outcome(number, until);
        if let (Some(_), Some(promises)) = (nudged, &self.promises) {
            promises.nudge_at(self.lane, None);
        }
        outcome
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
