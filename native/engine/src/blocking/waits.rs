//! Steps of a thread that blocks which may wait, and how a wait ends that is wanted no more.

use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use super::BlockingLane;
use crate::error::{Kind, Result};
use crate::wire::{Answer, Reply};

/// What is in the mailbox is read in that time.
const AT_HAND: Duration = Duration::from_millis(1);

/// A wait, and the step that ends it, once there is one: each is sent again as it was.
pub(super) struct Begun {
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
}
