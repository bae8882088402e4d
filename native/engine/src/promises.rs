//! Lane 0: the steps of all promises of a process, in the order of the calls, by a thread of its own.
//!
//! A step is numbered and packed by its caller. The thread sends what there is in one write and reads the answers; what
//! is submitted meanwhile goes with the next write. Steps that have no answer when the connection breaks are sent again
//! over the next one, in their order, and the ledger of the engine does each once.
//!
//! A step that may wait is a [`Wait`] until its outcome is here: from its answer, or from the mailbox.

mod thread;

use std::collections::HashMap;
use std::mem::take;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Result};
use crate::link::Link;
use crate::session::{Shared, lock};
use crate::wire::{self, Answer};
use crate::witness::LaneWitness;

/// For so long a thread that blocks may do its next step before it is told for it that the last has brought it something.
const LANDING: Duration = Duration::from_millis(2);

/// Whether a step is undone, or done, by whoever buries its process: as handles are given up, waits ended, and what was
/// acquired or taken goes back. A step that asks for values may say besides which of the last are dealt with, and one that
/// gives a lock back, who died with it: no burial knows of either.
fn is_done_by_burial<A: AsRef<[u8]>>(name: &str, args: &[A]) -> bool {
    let has = |index: usize| args.get(index).is_some_and(|it| !it.as_ref().is_empty());
    match name {
        "get" => !has(4),                      // queue, mode, most, bytes
        "gets" => !has(3),                     // queue, count, bytes
        "pipe_recv" => !has(1),                // end
        "lock_giveback" => !has(2) && !has(3), // lock, thread, pid, name
        _ => matches!(
            name,
            "close"
                | "cancel"
                | "event_wait"
                | "join"
                | "joinTasks"
                | "lock_acquire"
                | "lock_try"
                | "pipe_poll"
                | "pipe_unget"
                | "semaphore_acquire"
                | "semaphore_try"
                | "unget"
        ),
    }
}

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
    /// The last that a burial neither does nor undoes.
    lasting: u64,
    /// Whether a look, which has no number, came after the last numbered step.
    ends_with_look: bool,
    steps: Vec<Step>,
    /// When waits are to be stopped.
    stops: Vec<(Instant, u64)>,
    /// When the mailboxes of other lanes are to be woken: the time of a blocking wait is up then. The engine itself looks
    /// at the time of a `XREAD` ten times a second only.
    nudges: HashMap<u32, Instant>,
    /// What other lanes were given last, by their numbers: when that is to be told to have arrived.
    given: HashMap<u32, Given>,
    is_asleep: bool,
    /// Until when, at most.
    wakes: Option<Instant>,
}

/// What a queue has given to the lane of a thread that blocks.
struct Given {
    at: Instant,
    queue: Vec<u8>,
    take: Vec<u8>,
    /// The number of the step that got it, and the last one of the lane.
    number: u64,
    last: Arc<AtomicU64>,
}

/// Lane 0.
pub struct Promises {
    pub shared: Arc<Shared>,
    inbox: Mutex<Inbox>,
    bell: Condvar,
    waits: Mutex<HashMap<u64, Wait>>,
    /// The lowest number that has no answer.
    low: AtomicU64,
    witness: Arc<LaneWitness>,
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
            witness: shared.witness.lane(0),
            shared,
            inbox: Mutex::default(),
            bell: Condvar::new(),
            waits: Mutex::default(),
            low: AtomicU64::new(1),
            settled: Mutex::new(0),
            settling: Condvar::new(),
        }
    }

    /// A connection of this lane.
    pub fn link(&self) -> Link {
        Link::new(Arc::clone(&self.shared), true)
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
        wire::call(
            &mut packed,
            name,
            &self.shared.target.prefix_of(tree),
            &[],
            args,
        );
        let then = match tree == self.shared.settings.tree {
            true => Then::Tell(deliver),
            false => Then::TellOfOther(deliver),
        };
        let mut inbox = lock(&self.inbox);
        if let Some(error) = self.shared.ended() {
            return Err(error);
        }
        Self::push_look(&mut inbox, packed, then);
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

    /// Has a queue told that what it has given to another lane has arrived, unless the lane has done a step until then, which
    /// says so as well. `last` is the number of its last step, which got it.
    pub fn given(&self, lane: u32, queue: &[u8], take: &[u8], last: &Arc<AtomicU64>) {
        let mut inbox = lock(&self.inbox);
        let at = Instant::now() + LANDING;
        let given = Given {
            at,
            queue: queue.to_vec(),
            take: take.to_vec(),
            number: last.load(SeqCst),
            last: Arc::clone(last),
        };
        inbox.given.insert(lane, given);
        if inbox.wakes.is_none_or(|it| it > at) {
            self.ring(inbox);
        }
    }

    /// Lets the thread see that something has changed.
    pub fn wake(&self) {
        self.ring(lock(&self.inbox));
    }

    /// Whether a step is unanswered that a burial neither does nor undoes.
    pub fn has_more_to_say(&self) -> bool {
        let lasting = lock(&self.inbox).lasting;
        *lock(&self.settled) < lasting
    }

    /// Waits until all steps and looks that have been submitted are answered, at most so long; whether they are.
    pub fn flush(&self, time: Duration) -> bool {
        let mut inbox = lock(&self.inbox);
        self.land(&mut inbox, None);
        if inbox.ends_with_look {
            // Looks have no number to wait for. This step has one, does nothing, and is answered after them.
            self.push::<&str>(&mut inbox, "close", &[], Then::Nothing);
        }
        self.ring(inbox);
        let last = lock(&self.inbox).last;
        self.settle_to(last, time)
    }

    /// Waits until the steps up to a number are answered, for as long as the engine may be away; whether they are, or
    /// nothing is any more.
    pub fn flush_to(&self, number: u64, until: Option<Instant>) -> bool {
        let patience = self.shared.settings.patience;
        let time = until.map_or(patience, |it| {
            patience.min(it.saturating_duration_since(Instant::now()))
        });
        self.settle_to(number, time)
    }

    fn settle_to(&self, number: u64, time: Duration) -> bool {
        let settled = lock(&self.settled);
        let waited = self.settling.wait_timeout_while(settled, time, |settled| {
            *settled < number && self.shared.ended().is_none()
        });
        waited.is_ok_and(|(_, result)| !result.timed_out())
    }

    fn push<A: AsRef<[u8]>>(&self, inbox: &mut Inbox, name: &str, args: &[A], then: Then) -> u64 {
        inbox.last += 1;
        let number = inbox.last;
        inbox.ends_with_look = false;
        if !is_done_by_burial(name, args) {
            inbox.lasting = number;
        }
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

    fn push_look(inbox: &mut Inbox, packed: Vec<u8>, then: Then) {
        inbox.ends_with_look = true;
        inbox.steps.push(Step {
            number: 0,
            packed,
            at: Instant::now(),
            then,
        });
    }

    /// Tells of what was given to other lanes and is to be told by now; `None`: of all.
    fn land(&self, inbox: &mut Inbox, now: Option<Instant>) {
        if inbox.given.is_empty() {
            return;
        }
        let due: Vec<Given> = inbox
            .given
            .extract_if(|_, it| now.is_none_or(|now| it.at <= now))
            .map(|(_, it)| it)
            .collect();
        let member = self.shared.member().to_string();
        for it in due.iter().filter(|it| it.last.load(SeqCst) == it.number) {
            let mut packed = Vec::new();
            let args = [&it.queue, &it.take];
            wire::call(
                &mut packed,
                "landed",
                &self.shared.prefix,
                &[&member],
                &args,
            );
            Self::push_look(inbox, packed, Then::Nothing);
        }
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

    /// What is known of this lane.
    pub fn witness(&self) -> Arc<LaneWitness> {
        Arc::clone(&self.witness)
    }

    /// Whether nobody wants to hear of anything any more.
    pub fn is_closed(&self) -> bool {
        self.shared
            .ended()
            .is_some_and(|it| it.kind == Kind::Closed)
    }
}

#[cfg(test)]
mod tests {
    use super::is_done_by_burial;

    #[test]
    fn a_burial_knows_nothing_of_what_a_step_says_besides() {
        let is_done = |step: &str| {
            let words: Vec<&str> = step.split(' ').collect();
            is_done_by_burial(words[0], &words[1..])
        };
        for said in ["get 1 0 8 1024", "gets 1 8 1024", "pipe_recv 1"] {
            assert!(is_done(said), "{said}");
            let taken = format!("{said} 7 8");
            assert!(!is_done(&taken), "{taken}");
        }
        // Empty words: nobody died with the lock.
        assert!(is_done("lock_giveback 1 1    "));
        assert!(!is_done("lock_giveback 1 1 12 Process-1 host 0"));
        assert!(!is_done("lock_giveback 1 1  Process-1 host 0"));
        assert!(!is_done("put 1 0 value"));
        assert!(is_done("unget 1 7"));
    }
}
