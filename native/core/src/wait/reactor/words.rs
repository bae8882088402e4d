//! The thread in which the promises of this process wait for words of the arena.
//!
//! It sleeps with `futex_waitv(2)` on the buckets of the words (see [`crate::wait`]) and on a
//! control word of its own; where that call is missing, with `futex(2)` on one word for all. When it wakes it asks the operations of the buckets that changed to
//! take one step; those that are over are told so and forgotten. Every [`SLICE`] all of them take
//! a step, to notice owners that died.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::WaitId;
use super::telling::{Telling, Told};
use crate::error::Result;
use crate::memory::arena::{BUCKET_COUNT, Offset};
use crate::sync::{Attempt, Step, Token};
use crate::sys::clock::Deadline;
use crate::sys::futex;
use crate::tree::member::Member;
use crate::wait::notes::Goal;
use crate::wait::{SLICE, anywhere, bucket, bucket_of};

/// Something that waits for a word to change.
pub trait Operation: Send {
    /// The word.
    fn word(&self) -> Offset;

    /// Takes one step; `Ready` carries the number that the sink gets. An error, of an object that
    /// turned out to be unusable, ends the wait with [`FAILED`].
    fn step(
        &mut self,
        member: &Member,
        attempt: Attempt,
        has_died: &dyn Fn(Token) -> bool,
    ) -> Result<Step<i32>>;

    /// The deadline has passed. `None`: it is over. An operation that cannot stop now (a
    /// condition that must have its lock back) returns the word it waits for from here on.
    fn expire(&mut self) -> Option<Offset> {
        None
    }

    /// The wait is forgotten before it was over: takes back what would keep others waiting.
    fn abandon(&mut self, _member: &Member) {}
}

/// The number of an operation that got what it waited for, and has nothing else to say of it.
pub const READY: i32 = 0;
/// The number of an operation whose object turned out to be unusable.
pub const FAILED: i32 = -1;

/// How an operation ended, as the sink is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitOutcome {
    Ready(i32),
    TimedOut,
}

/// Called in the reactor's thread, once, unless the wait is cancelled.
pub type Sink = Box<dyn FnOnce(WaitOutcome) + Send>;

/// Looks whether somebody has heard what was told, and tells it again if not. `false`: it has been
/// heard.
pub type Reminder = Box<dyn Fn() -> bool + Send>;

/// After this time a reminder looks for the first time; each time it tells again, it doubles.
const FIRST_REMINDER: Duration = Duration::from_millis(10);
const LAST_REMINDER: Duration = Duration::from_secs(60);

struct Pending {
    operation: Box<dyn Operation>,
    deadline: Deadline,
    sink: Sink,
    bucket: u64,
    slept: bool,
    told: Told,
}

struct State {
    pending: HashMap<WaitId, Pending>,
    buckets: HashMap<u64, Vec<WaitId>>,
    deadlines: BTreeSet<(Instant, WaitId)>,
    /// Added since the thread last looked.
    fresh: Vec<WaitId>,
    next_id: WaitId,
    running: bool,
    reminders: Vec<Reminding>,
    telling: Telling,
}

/// A wait of which others are told.
pub struct Telltale {
    words: Arc<Words>,
    told: Told,
}

impl Drop for Telltale {
    fn drop(&mut self) {
        self.words.state().telling.is_over(&mut self.told);
    }
}

struct Reminding {
    at: Instant,
    pause: Duration,
    reminder: Reminder,
}

pub struct Words {
    member: Arc<Member>,
    state: Mutex<State>,
    /// Changes to wake the thread.
    control: AtomicU32,
}

impl Words {
    pub fn new(member: Arc<Member>) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State::new(Arc::clone(&member))),
            member,
            control: AtomicU32::new(0),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic inside an operation poisons nothing that is not whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many operations wait.
    pub fn len(&self) -> usize {
        self.state().pending.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lets `operation` wait until it is ready or `deadline` passes; then `sink` is told.
    pub fn submit(
        self: &Arc<Self>,
        operation: Box<dyn Operation>,
        deadline: Deadline,
        sink: Sink,
    ) -> std::io::Result<WaitId> {
        let mut state = self.state();
        self.start(&mut state)?;
        state.next_id += 1;
        let id = state.next_id;
        let bucket = bucket_of(operation.word());
        state.buckets.entry(bucket).or_default().push(id);
        state.deadlines.extend(deadline.map(|at| (at, id)));
        state.fresh.push(id);
        state.pending.insert(
            id,
            Pending {
                operation,
                deadline,
                sink,
                bucket,
                slept: false,
                told: Told::new(&self.member),
            },
        );
        drop(state);
        self.nudge();
        Ok(id)
    }

    fn start(self: &Arc<Self>, state: &mut State) -> std::io::Result<()> {
        if !state.running {
            let reactor = Arc::clone(self);
            std::thread::Builder::new()
                .name("mp-words".into())
                .stack_size(256 * 1024)
                .spawn(move || reactor.run())?;
            state.running = true;
        }
        Ok(())
    }

    /// Asks `reminder` after a while, and again and again until it says `false`.
    pub fn remind(self: &Arc<Self>, reminder: Reminder) {
        let mut state = self.state();
        if self.start(&mut state).is_err() {
            return; // without a thread there is nobody who could
        }
        let pause = FIRST_REMINDER;
        state.reminders.push(Reminding {
            at: Instant::now() + pause,
            pause,
            reminder,
        });
        drop(state);
        self.nudge();
    }

    /// Tells others, until the answer is dropped, of a wait of the calling thread that goes on elsewhere.
    pub fn tell(self: &Arc<Self>, goal: Goal) -> Telltale {
        let mut told = Told::new(&self.member);
        self.state().telling.sleeps(&mut told, goal);
        let words = Arc::clone(self);
        Telltale { words, told }
    }

    /// Forgets a wait; `false` if it is over already and its sink has been or is being told.
    pub fn cancel(&self, id: WaitId) -> bool {
        let cancelled = self.state().remove(id);
        let was_pending = cancelled.is_some();
        if let Some(mut pending) = cancelled {
            pending.operation.abandon(&self.member);
        }
        was_pending
    }

    /// Ends the time of a wait now, for one that must not just be forgotten: its sink is told when
    /// the operation is over. `false` if it is over already.
    pub fn hasten(&self, id: WaitId) -> bool {
        let mut state = self.state();
        let now = Instant::now();
        let Some(pending) = state.pending.get_mut(&id) else {
            return false;
        };
        if let Some(planned) = pending.deadline.replace(now) {
            state.deadlines.remove(&(planned, id));
        }
        state.deadlines.insert((now, id));
        drop(state);
        self.nudge();
        true
    }

    fn nudge(&self) {
        self.control.fetch_add(1, SeqCst);
        futex::wake(&self.control, 1);
        if !futex::can_wait_for_many() {
            let sequence = anywhere(self.member.arena()).sequence;
            sequence.fetch_add(1, SeqCst);
            futex::wake(sequence, u32::MAX);
        }
    }

    fn run(self: Arc<Self>) {
        let arena = self.member.arena();
        let mut seen = [0u32; BUCKET_COUNT as usize];
        let mut next_slice = Instant::now() + SLICE;
        let anywhere = anywhere(arena);
        let sleeps_anywhere = !futex::can_wait_for_many();
        if sleeps_anywhere {
            anywhere.wanted.store(1, SeqCst);
        }
        loop {
            // First: what is told while this looks at the rest ends the sleep.
            let told_anywhere = anywhere.sequence.load(SeqCst);
            let control = self.control.load(SeqCst);
            let mut watched = vec![(&self.control, control)];
            let mut due: Vec<(WaitId, bool)> = Vec::new();
            let mut state = self.state();
            due.extend(state.fresh.drain(..).map(|id| (id, false)));
            for (&index, ids) in &state.buckets {
                let bucket = bucket(arena, index);
                // The sequence first: a waker that disarms after this also changes it.
                let sequence = bucket.sequence.load(SeqCst);
                let was_armed = bucket.armed.swap(1, SeqCst) != 0; // ARMED
                if !was_armed || seen[index as usize] != sequence {
                    due.extend(ids.iter().map(|&id| (id, false)));
                }
                seen[index as usize] = sequence;
                watched.push((bucket.sequence, sequence));
            }
            let now = Instant::now();
            if now >= next_slice {
                due.extend(state.pending.keys().map(|&id| (id, true)));
                next_slice = now + SLICE;
            }
            let told = self.take_steps(&mut state, &due, now);
            state.ask_reminders(now);
            let timeout = state.next_wake(next_slice, now);
            drop(state);
            let nothing_told = told.is_empty();
            for (sink, outcome) in told {
                sink(outcome);
            }
            if !nothing_told {
                continue;
            }
            if sleeps_anywhere {
                futex::wait_maybe(anywhere.sequence, told_anywhere, timeout);
            } else {
                futex::wait_many(&watched, timeout);
            }
        }
    }

    /// Asks the operations that are due; returns the sinks to tell once the state is unlocked.
    fn take_steps(
        &self,
        state: &mut State,
        due: &[(WaitId, bool)],
        now: Instant,
    ) -> Vec<(Sink, WaitOutcome)> {
        let mut told = Vec::new();
        // A thousand locks of one owner are one question.
        let verdicts = RefCell::new(HashMap::new());
        let has_died = |token: Token| {
            *verdicts
                .borrow_mut()
                .entry(token)
                .or_insert_with(|| self.member.has_died(token))
        };
        // Waits of one word end in the order in which they began: behind one that goes on
        // sleeping there is nothing to do, and a thousand waits of one lock cost one step a wake.
        let mut asleep = HashSet::new();
        for &(id, suspicious) in due {
            let Some(pending) = state.pending.get_mut(&id) else {
                continue;
            };
            let word = pending.operation.word();
            if !suspicious && asleep.contains(&word) {
                continue;
            }
            let attempt = Attempt {
                announce: true,
                slept: pending.slept,
                suspicious,
            };
            pending.slept = true;
            let step = pending.operation.step(&self.member, attempt, &has_died);
            match step.unwrap_or(Step::Ready(FAILED)) {
                Step::Ready(number) => {
                    told.extend(
                        state
                            .remove(id)
                            .map(|over| (over.sink, WaitOutcome::Ready(number))),
                    );
                }
                Step::Sleep(_) => {
                    let now = pending.operation.word();
                    state.telling.sleeps(&mut pending.told, Goal::Word(now));
                    match now == word {
                        true => drop(asleep.insert(word)),
                        false => state.move_to_bucket(id),
                    }
                }
            }
        }
        while let Some(&(at, id)) = state.deadlines.first()
            && at <= now
        {
            state.deadlines.pop_first();
            let Some(pending) = state.pending.get_mut(&id) else {
                continue;
            };
            pending.deadline = None;
            if pending.operation.expire().is_some() {
                state.move_to_bucket(id);
                state.fresh.push(id);
            } else {
                told.extend(
                    state
                        .remove(id)
                        .map(|over| (over.sink, WaitOutcome::TimedOut)),
                );
            }
        }
        told
    }
}

impl State {
    fn new(member: Arc<Member>) -> Self {
        Self {
            pending: HashMap::new(),
            buckets: HashMap::new(),
            deadlines: BTreeSet::new(),
            fresh: Vec::new(),
            next_id: 0,
            running: false,
            reminders: Vec::new(),
            telling: Telling::new(member),
        }
    }

    fn remove(&mut self, id: WaitId) -> Option<Pending> {
        let mut pending = self.pending.remove(&id)?;
        self.telling.is_over(&mut pending.told);
        self.leave_bucket(pending.bucket, id);
        if let Some(at) = pending.deadline {
            self.deadlines.remove(&(at, id));
        }
        Some(pending)
    }

    fn leave_bucket(&mut self, bucket: u64, id: WaitId) {
        if let Some(ids) = self.buckets.get_mut(&bucket) {
            ids.retain(|&other| other != id);
            if ids.is_empty() {
                self.buckets.remove(&bucket);
            }
        }
    }

    /// Follows an operation that has gone on to another word.
    fn move_to_bucket(&mut self, id: WaitId) {
        let Some(pending) = self.pending.get_mut(&id) else {
            return;
        };
        let (old, new) = (pending.bucket, bucket_of(pending.operation.word()));
        if old != new {
            pending.bucket = new;
            self.leave_bucket(old, id);
            self.buckets.entry(new).or_default().push(id);
            // Its new bucket may not be armed yet: look again before sleeping.
            self.fresh.push(id);
        }
    }

    fn ask_reminders(&mut self, now: Instant) {
        self.reminders.retain_mut(|reminding| {
            if reminding.at > now {
                return true;
            }
            reminding.pause = (2 * reminding.pause).min(LAST_REMINDER);
            reminding.at = now + reminding.pause;
            (reminding.reminder)()
        });
    }

    /// How long to sleep at most; `None` when nobody waits.
    fn next_wake(&self, next_slice: Instant, now: Instant) -> Option<Duration> {
        if !self.fresh.is_empty() {
            return Some(Duration::ZERO);
        }
        let deadline = self.deadlines.first().map(|&(at, _)| at);
        let slice = (!self.pending.is_empty()).then_some(next_slice);
        let reminder = self.reminders.iter().map(|reminding| reminding.at).min();
        let at = [deadline, slice, reminder].into_iter().flatten().min()?;
        Some(at.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests;
