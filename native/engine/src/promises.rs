//! Lane 0: the steps of all promises of a process, in the order of the calls, by a thread of its own.
//!
//! A step is numbered and packed by its caller. The thread sends what there is in one write and reads the answers; what
//! is submitted meanwhile goes with the next write. Steps that have no answer when the connection breaks are sent again
//! over the next one, in their order, and the ledger of the engine does each once.
//!
//! A step that may wait is a [`Wait`] until its outcome is here: from its answer, or from the mailbox.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::mem::take;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Result};
use crate::link::{ANSWER_TIMEOUT, Link, Trouble};
use crate::session::{Shared, lock};
use crate::wire::{self, Answer, Reply};

/// So many bytes are sent before their answers are read.
const PORTION: usize = 256 * 1024;

/// What a step of a promise has come to.
pub enum Outcome {
    Answer(Answer),
    /// It was answered nothing in time, and is no longer waited for.
    TimedOut,
    Failed(Error),
}

/// Told the outcome. Of a wait that failed because the engine was away too long, the true one comes afterwards.
pub type Deliver = Box<dyn FnMut(Outcome) + Send>;

/// What is to follow from the answer to a step.
enum Then {
    Tell(Deliver),
    /// It is among the waits.
    Wait,
    /// It stops the wait of that number.
    Cancel(u64),
    Nothing,
    /// As `Tell`, for a look at another tree, whose end is not that of this session.
    TellOfOther(Deliver),
}

struct Step {
    /// 0: a look.
    number: u64,
    packed: Vec<u8>,
    at: Instant,
    then: Then,
}

struct Wait {
    object: Vec<u8>,
    deliver: Deliver,
    is_stopped: bool,
    /// It was told that the engine is away.
    is_given_up: bool,
}

#[derive(Default)]
struct Inbox {
    last: u64,
    steps: Vec<Step>,
    /// When waits are to be stopped.
    stops: Vec<(Instant, u64)>,
    /// When the mailboxes of other lanes are to be woken: the time of a blocking wait is up then. The engine itself looks
    /// at the time of a `XREAD` ten times a second only.
    nudges: HashMap<u32, Instant>,
    is_asleep: bool,
}

/// Lane 0.
pub struct Promises {
    pub shared: Arc<Shared>,
    inbox: Mutex<Inbox>,
    bell: Condvar,
    waits: Mutex<HashMap<u64, Wait>>,
    /// The lowest number that has no answer.
    low: AtomicU64,
    done: Arc<AtomicU64>,
    /// The highest number of which, and of all below, the outcome or "later" has been heard.
    settled: Mutex<u64>,
    settling: Condvar,
}

/// The time of a wait.
#[derive(Clone, Copy)]
pub enum Patience {
    /// It is a step that never waits.
    Never,
    For(Duration),
    Forever,
}

impl Promises {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            inbox: Mutex::default(),
            bell: Condvar::new(),
            waits: Mutex::default(),
            low: AtomicU64::new(1),
            done: Arc::default(),
            settled: Mutex::new(0),
            settling: Condvar::new(),
        }
    }

    /// A connection of this lane.
    pub fn link(&self) -> Link {
        Link::new(Arc::clone(&self.shared), Some(0), Arc::clone(&self.done))
    }

    /// Submits a step; its number. Of one that may wait, the first argument is the object.
    ///
    /// # Errors
    /// Where the session has ended.
    pub fn submit<A: AsRef<[u8]>>(
        &self,
        name: &str,
        args: &[A],
        patience: Patience,
        deliver: Deliver,
    ) -> Result<u64> {
        let mut inbox = lock(&self.inbox);
        // Behind the lock: whoever ends the session takes what there is afterwards.
        if let Some(error) = self.shared.ended() {
            return Err(error);
        }
        let now = Instant::now();
        let then = match patience {
            Patience::Never => Then::Tell(deliver),
            _ => {
                let object = args
                    .first()
                    .map_or_else(Vec::new, |it| it.as_ref().to_vec());
                let wait = Wait {
                    object,
                    deliver,
                    is_stopped: false,
                    is_given_up: false,
                };
                lock(&self.waits).insert(inbox.last + 1, wait);
                Then::Wait
            }
        };
        let number = self.push(&mut inbox, name, args, then);
        if let Patience::For(time) = patience
            && let Some(at) = now.checked_add(time)
        {
            inbox.stops.push((at, number));
        }
        self.ring(inbox);
        Ok(number)
    }

    /// Submits a look at a tree.
    ///
    /// # Errors
    /// Where the session has ended.
    pub fn look<A: AsRef<[u8]>>(
        &self,
        tree: &str,
        name: &str,
        args: &[A],
        deliver: Deliver,
    ) -> Result<()> {
        let mut packed = Vec::new();
        wire::call(&mut packed, name, &wire::prefix_of(tree), &[], args);
        let then = match tree == self.shared.settings.tree {
            true => Then::Tell(deliver),
            false => Then::TellOfOther(deliver),
        };
        let mut inbox = lock(&self.inbox);
        if let Some(error) = self.shared.ended() {
            return Err(error);
        }
        inbox.steps.push(Step {
            number: 0,
            packed,
            at: Instant::now(),
            then,
        });
        self.ring(inbox);
        Ok(())
    }

    /// Ends the time of a wait now.
    pub fn stop(&self, number: u64) {
        let mut inbox = lock(&self.inbox);
        inbox.stops.push((Instant::now(), number));
        self.ring(inbox);
    }

    /// Has the mailbox of another lane woken at a time; `None`: no more.
    pub fn nudge_at(&self, lane: u32, at: Option<Instant>) {
        let mut inbox = lock(&self.inbox);
        match at {
            Some(at) => {
                inbox.nudges.insert(lane, at);
                self.ring(inbox);
            }
            None => drop(inbox.nudges.remove(&lane)),
        }
    }

    /// Lets the thread see that something has changed.
    pub fn wake(&self) {
        self.ring(lock(&self.inbox));
    }

    /// Waits until all steps that have been submitted are answered, at most so long.
    pub fn flush(&self, time: Duration) {
        let last = lock(&self.inbox).last;
        self.settle_to(last, time);
    }

    /// Waits until the steps up to a number are answered, for as long as the engine may be away.
    pub fn flush_to(&self, number: u64) {
        self.settle_to(number, self.shared.settings.patience);
    }

    fn settle_to(&self, number: u64, time: Duration) {
        let settled = lock(&self.settled);
        let _unused = self.settling.wait_timeout_while(settled, time, |settled| {
            *settled < number && self.shared.ended().is_none()
        });
    }

    fn push<A: AsRef<[u8]>>(&self, inbox: &mut Inbox, name: &str, args: &[A], then: Then) -> u64 {
        inbox.last += 1;
        let number = inbox.last;
        let (member, low) = (
            self.shared.member().to_string(),
            self.low.load(SeqCst).to_string(),
        );
        let mut packed = Vec::new();
        let head = [member.as_str(), "0", &number.to_string(), &low];
        wire::call(&mut packed, name, &self.shared.prefix, &head, args);
        inbox.steps.push(Step {
            number,
            packed,
            at: Instant::now(),
            then,
        });
        number
    }

    fn ring(&self, mut inbox: MutexGuard<'_, Inbox>) {
        if take(&mut inbox.is_asleep) {
            drop(inbox);
            self.bell.notify_one();
        }
    }

    /// An outcome from the mailbox.
    pub fn outcome(&self, number: u64, answer: Answer) {
        self.finish(number, Outcome::Answer(answer));
    }

    fn finish(&self, number: u64, outcome: Outcome) {
        let wait = lock(&self.waits).remove(&number);
        if let Some(mut wait) = wait {
            (wait.deliver)(outcome);
        }
    }

    /// Tells all who wait that the engine is away.
    pub fn give_up(&self, error: &Error) {
        for wait in lock(&self.waits).values_mut().filter(|it| !it.is_given_up) {
            wait.is_given_up = true;
            (wait.deliver)(Outcome::Failed(error.clone()));
        }
    }

    /// Stops what was told so, once the engine is back: what it gives all the same is then given back.
    pub fn recall(&self) {
        let waits = lock(&self.waits);
        let given_up: Vec<u64> = waits
            .iter()
            .filter(|(_, it)| it.is_given_up)
            .map(|(&number, _)| number)
            .collect();
        drop(waits);
        for number in given_up {
            self.stop(number);
        }
    }

    /// The thread.
    pub fn run(&self, mut link: Link) {
        let mut lane = Lane {
            steps: VecDeque::new(),
            sent: 0,
            stops: BinaryHeap::new(),
        };
        loop {
            self.collect(&mut lane);
            if let Some(error) = self.shared.ended() {
                self.end(lane, &error);
                return;
            }
            match self.exchange(&mut link, &mut lane) {
                Ok(()) => {}
                Err(Trouble::Ended(error)) => self.shared.end(error),
                Err(Trouble::Broken(why)) => {
                    link.broke(why);
                    lane.sent = 0;
                    let limit = self.expire(&link, &mut lane);
                    link.rest(limit);
                }
            }
        }
    }

    /// Takes what was submitted; sleeps where there is nothing to do.
    fn collect(&self, lane: &mut Lane) {
        let mut inbox = lock(&self.inbox);
        loop {
            lane.stops.extend(inbox.stops.drain(..).map(Reverse));
            let now = Instant::now();
            while let Some(&Reverse((at, number))) = lane.stops.peek()
                && at <= now
            {
                lane.stops.pop();
                let object = match lock(&self.waits).get_mut(&number) {
                    Some(wait) if !wait.is_stopped => {
                        wait.is_stopped = true;
                        wait.object.clone()
                    }
                    _ => continue,
                };
                let args = [object, number.to_string().into_bytes()];
                self.push(&mut inbox, "cancel", &args, Then::Cancel(number));
            }
            let due: Vec<u32> = inbox
                .nudges
                .extract_if(|_, at| *at <= now)
                .map(|(lane, _)| lane)
                .collect();
            for lane in due {
                let (member, lane) = (self.shared.member().to_string(), lane.to_string());
                let mut packed = Vec::new();
                wire::call::<&str>(
                    &mut packed,
                    "nudge",
                    &self.shared.prefix,
                    &[&member, &lane],
                    &[],
                );
                inbox.steps.push(Step {
                    number: 0,
                    packed,
                    at: now,
                    then: Then::Nothing,
                });
            }
            lane.steps.extend(inbox.steps.drain(..));
            if !lane.steps.is_empty() || self.shared.ended().is_some() {
                return;
            }
            inbox.is_asleep = true;
            let next = lane.stops.peek().map(|&Reverse((at, _))| at);
            inbox = match next.into_iter().chain(inbox.nudges.values().copied()).min() {
                Some(at) => {
                    let time = at.saturating_duration_since(now);
                    self.bell
                        .wait_timeout(inbox, time)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
                None => self
                    .bell
                    .wait(inbox)
                    .unwrap_or_else(PoisonError::into_inner),
            };
            inbox.is_asleep = false;
        }
    }

    /// Sends a portion of what was not sent, and reads the answers to all that was.
    fn exchange(&self, link: &mut Link, lane: &mut Lane) -> std::result::Result<(), Trouble> {
        if !link.is_up() {
            lane.sent = 0;
        }
        link.raise()?;
        let mut portion = Vec::new();
        while lane.sent < lane.steps.len() && portion.len() < PORTION {
            portion.extend_from_slice(&lane.steps[lane.sent].packed);
            lane.sent += 1;
        }
        if !portion.is_empty() {
            link.send(&portion)?;
        }
        let time = ANSWER_TIMEOUT + Duration::from_micros(portion.len() as u64);
        while lane.sent > 0 {
            let reply = wire::reply_of(link.receive(time)?);
            if let Reply::Away(why) = reply {
                return Err(Trouble::Broken(why));
            }
            link.worked();
            let Some(step) = lane.steps.pop_front() else {
                break;
            };
            lane.sent -= 1;
            self.answered(step, reply)?;
        }
        Ok(())
    }

    fn answered(&self, mut step: Step, reply: Reply) -> std::result::Result<(), Trouble> {
        if step.number > 0 {
            self.low.store(step.number + 1, SeqCst);
            if matches!(reply, Reply::Done(_) | Reply::Later) {
                self.done.store(step.number, SeqCst);
            }
        }
        let outcome = match reply {
            Reply::Done(answer) => Outcome::Answer(answer),
            Reply::Later if matches!(step.then, Then::Wait) => {
                self.settle(step.number);
                return Ok(());
            }
            Reply::Later => Outcome::Answer(vec![b"later".to_vec()]),
            Reply::Ended(error) => match &mut step.then {
                Then::TellOfOther(_) => Outcome::Failed(error),
                _ => {
                    self.shared.end(error.clone());
                    let error = self.shared.ended().unwrap_or(error);
                    self.give(&mut step, Outcome::Failed(error.clone()));
                    return Err(Trouble::Ended(error));
                }
            },
            Reply::Failed(error) => Outcome::Failed(error),
            Reply::Away(why) => return Err(Trouble::Broken(why)),
        };
        self.give(&mut step, outcome);
        self.settle(step.number);
        Ok(())
    }

    fn give(&self, step: &mut Step, outcome: Outcome) {
        match &mut step.then {
            Then::Tell(deliver) | Then::TellOfOther(deliver) => deliver(outcome),
            Then::Nothing => {}
            Then::Wait => self.finish(step.number, outcome),
            Then::Cancel(number) => {
                let is_cancelled = matches!(&outcome, Outcome::Answer(it) if it.get(1).is_some_and(|it| it == b"cancelled"));
                if is_cancelled {
                    self.finish(*number, Outcome::TimedOut);
                }
            }
        }
    }

    fn settle(&self, number: u64) {
        if number > 0 {
            let mut settled = lock(&self.settled);
            *settled = number.max(*settled);
            self.settling.notify_all();
        }
    }

    /// Gives up what has waited for the engine for too long; when the next will have.
    fn expire(&self, link: &Link, lane: &mut Lane) -> Option<Instant> {
        let away = link.away()?;
        let now = Instant::now();
        let mut kept = VecDeque::new();
        let mut limit = None;
        for mut step in take(&mut lane.steps) {
            let until = away.max(step.at) + self.shared.settings.patience;
            if until > now {
                limit = limit.or(Some(until));
                kept.push_back(step);
                continue;
            }
            match &mut step.then {
                Then::Tell(deliver) | Then::TellOfOther(deliver) => {
                    deliver(Outcome::Failed(link.unavailable()));
                    // Nothing more comes of it that a thread which blocks could wait for.
                    self.settle(step.number);
                }
                // What it gets is to be given back, so it is still to be done.
                Then::Wait => {
                    if let Some(wait) = lock(&self.waits).get_mut(&step.number)
                        && !wait.is_given_up
                    {
                        wait.is_given_up = true;
                        (wait.deliver)(Outcome::Failed(link.unavailable()));
                    }
                    kept.push_back(step);
                }
                Then::Nothing => {}
                Then::Cancel(_) => kept.push_back(step),
            }
        }
        lane.steps = kept;
        limit
    }

    fn end(&self, lane: Lane, error: &Error) {
        let left = lane
            .steps
            .into_iter()
            .chain(take(&mut lock(&self.inbox).steps));
        for step in left {
            if let Then::Tell(mut deliver) | Then::TellOfOther(mut deliver) = step.then {
                deliver(Outcome::Failed(error.clone()));
            }
        }
        let waits = take(&mut *lock(&self.waits));
        for mut wait in waits.into_values().filter(|it| !it.is_given_up) {
            (wait.deliver)(Outcome::Failed(error.clone()));
        }
        // Whoever looks at the end and then sleeps does so with this lock.
        drop(lock(&self.settled));
        self.settling.notify_all();
    }

    /// The highest number that was done, which a greeting compares.
    pub fn done(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.done)
    }

    /// Whether nobody wants to hear of anything any more.
    pub fn is_closed(&self) -> bool {
        self.shared
            .ended()
            .is_some_and(|it| it.kind == Kind::Closed)
    }
}

/// What the thread has in hand.
struct Lane {
    /// Without an answer, in their order; the first `sent` of them were sent over this connection.
    steps: VecDeque<Step>,
    sent: usize,
    stops: BinaryHeap<Reverse<(Instant, u64)>>,
}
