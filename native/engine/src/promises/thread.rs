//! The thread of lane 0: it sends what was submitted, and reads the answers.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::mem::take;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use super::{Outcome, Promises, Step, Then};
use crate::error::Error;
use crate::link::{Link, Trouble};
use crate::session::lock;
use crate::wire::{self, Reply};

/// So many bytes are sent before their answers are read.
const PORTION: usize = 256 * 1024;

/// What the thread has in hand.
struct Lane {
    /// Without an answer, in their order; the first `sent` of them were sent over this connection.
    steps: VecDeque<Step>,
    sent: usize,
    stops: BinaryHeap<Reverse<(Instant, u64)>>,
}

impl Promises {
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
            self.land(&mut inbox, Some(now));
            lane.steps.extend(inbox.steps.drain(..));
            if !lane.steps.is_empty() || self.shared.ended().is_some() {
                return;
            }
            inbox.is_asleep = true;
            let next = lane.stops.peek().map(|&Reverse((at, _))| at);
            let next = next
                .into_iter()
                .chain(inbox.nudges.values().copied())
                .chain(inbox.given.values().map(|it| it.at))
                .min();
            inbox.wakes = next;
            inbox = match next {
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
            inbox.wakes = None;
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
        if portion.is_empty() {
            return Ok(());
        }
        let time = link.answer_timeout() + Duration::from_micros(portion.len() as u64);
        if link.pack_confirm(&mut portion) {
            link.send(&portion)?;
            return self.hear_confirmed(link, lane, time);
        }
        link.send(&portion)?;
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

    /// Reads the answers to all that was sent, of which none counts before all are confirmed.
    fn hear_confirmed(
        &self,
        link: &mut Link,
        lane: &mut Lane,
        time: Duration,
    ) -> std::result::Result<(), Trouble> {
        let mut replies = Vec::new();
        for _ in 0..lane.sent {
            match wire::reply_of(link.receive(time)?) {
                Reply::Away(why) => return Err(Trouble::Broken(why)),
                reply => replies.push(reply),
            }
        }
        link.confirm(time)?;
        link.worked();
        for reply in replies {
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
                self.witness.done.store(step.number, SeqCst);
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
}
