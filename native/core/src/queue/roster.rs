//! Which processes have the queue: whether one is left that could put, take or acknowledge.
//!
//! A hold says that a process could use the queue at once. Holds do not decide here: when the host
//! collects the last handle, the hold goes, though the process may be given another handle. The end
//! of a wait would depend on another program's garbage. So a process *has* a queue from when it
//! gets a handle until it has closed the last one, or ended.
//!
//! The *roster*, a block beside the queue made when it is first sent, has one word for each slot:
//!
//! | bits | meaning                                                                          |
//! | ---- | -------------------------------------------------------------------------------- |
//! | 0    | HAS: the process has the queue                                                   |
//! | 1    | WAITS: every thread of it that has the queue waits for another to use it         |
//! | 2    | SLEEPS: and none of them does anything else meanwhile                            |
//! | 3–5  | what they wait for: a message, room, the last acknowledgement                    |
//! | 6–31 | generation of the slot: what an earlier process has left there is nobody's       |
//!
//! A process writes its own word alone. It has the queue as well, without a word, while something
//! holds the queue for it: its preparation, while it boots; a message that it may take.
//!
//! `changes` counts every change of a word. A look reads it first and last: if it has changed, the
//! roster was not seen at one moment, and some process is taken to be awake.
//!
//! A process that is noted as asleep counts as awake once the state that it waits for has come. A
//! process takes its note back before it takes the message that woke it. So if all processes that
//! have the queue sleep for a state that has not come, and `changes` has not moved, then nothing is
//! on its way, and none of them will wake.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{AcqRel, Acquire, SeqCst};
use std::time::{Duration, Instant};

use super::{CHANGES, Phase, Queue, ROSTER, SHARED};
use crate::Result;
use crate::memory::arena::PROCESS_COUNT;
use crate::memory::heap::{BlockId, Kind};
use crate::tree::member::Member;
use crate::tree::member::shares::{Attitude, Goals, Standing, ThreadKey, this_thread};
use crate::tree::processes::{self, ProcessEntry, Slot, State};

pub(super) const ROSTER_SIZE: u64 = 4 * PROCESS_COUNT;

const HAS: u32 = 1;
const WAITS: u32 = 2;
const SLEEPS: u32 = 4;
const GOALS_SHIFT: u32 = 3;
const GENERATION_SHIFT: u32 = 6;
const FLAGS: u32 = (1 << GENERATION_SHIFT) - 1;

/// What is waited for, as [`Goals`].
pub const FOR_MESSAGE: Goals = 1;
pub const FOR_ROOM: Goals = 2;
pub const FOR_DONE: Goals = 4;

/// How long a process that was seen alive is taken to be alive: a thousand waits ask once a slice.
const TRUSTED_FOR: Duration = Duration::from_millis(50);

/// Whether a word of the roster says that the process of that generation has the queue.
pub(super) fn tells_having(word: u32, generation: u32) -> bool {
    word & HAS != 0 && word >> GENERATION_SHIFT == generation & (u32::MAX >> GENERATION_SHIFT)
}

thread_local! {
    /// By slot and generation, whether the process was alive, and when that was seen.
    static SEEN: RefCell<HashMap<(Slot, u32), (bool, Instant)>> = RefCell::default();
}

impl<'a> Queue<'a> {
    /// Says that the queue has been sent to another process or thread, and that this one has it.
    pub fn mark_shared(self) -> Result<()> {
        if self.word(ROSTER).load(Acquire) == 0 {
            let (roster, own) = self
                .member
                .create_within(Kind::Roster, ROSTER_SIZE, self.id)?;
            let first = self
                .word(ROSTER)
                .compare_exchange(0, roster.id, AcqRel, Acquire);
            if first.is_err() {
                self.member.unpin(&[own])?; // another was quicker
            }
        }
        self.word(SHARED).store(1, SeqCst);
        self.note_has(true);
        Ok(())
    }

    /// Notes that this process has got a handle (`has`), or has closed its last one.
    pub fn note_has(self, has: bool) {
        self.write_own(has.then_some(Attitude::AWAKE));
    }

    /// Notes that `thread` waits from now on for what another does, or no longer.
    pub fn note_wait(self, thread: ThreadKey, wait: Attitude, begins: bool) {
        self.member.note_wait(thread, self.id, wait, begins, |all| {
            self.write_own(Some(all));
        });
    }

    fn write_own(self, attitude: Option<Attitude>) {
        let slot = self.member.slot();
        if let Some(word) = self.roster_word(slot) {
            let generation = ProcessEntry::at(self.arena(), slot).generation();
            let flags = attitude.map_or(0, |it| {
                let standing = match it.standing {
                    Standing::Awake => HAS,
                    Standing::Waiting => HAS | WAITS,
                    Standing::Asleep => HAS | WAITS | SLEEPS,
                };
                (standing | it.goals << GOALS_SHIFT) & FLAGS
            });
            let now = generation << GENERATION_SHIFT | flags;
            if word.swap(now, SeqCst) == now {
                return;
            }
        }
        self.word(CHANGES).fetch_add(1, SeqCst);
    }

    fn roster_word(self, slot: Slot) -> Option<&'a AtomicU32> {
        let id = self.word(ROSTER).load(Acquire);
        let block = self.member.part(id, Kind::Roster).ok()?;
        let at = block.offset + 4 * (u64::from(slot) % PROCESS_COUNT);
        (block.size >= ROSTER_SIZE).then(|| self.arena().word32(at))
    }

    /// What can be expected of everybody who has the queue but `thread`; asks the system. In doubt
    /// somebody is awake.
    pub fn company(self, thread: ThreadKey) -> Standing {
        let changes = self.word(CHANGES).load(SeqCst);
        let mut most = self.others_of_process(self.id, thread);
        if most < Standing::Awake {
            most = most.max(self.others_in_roster());
        }
        if most < Standing::Awake {
            most = most.max(self.others_holding(thread));
        }
        if self.word(CHANGES).load(SeqCst) == changes {
            most
        } else {
            Standing::Awake
        }
    }

    /// Of the threads of this process but `thread` that have a handle of `block`.
    fn others_of_process(self, block: BlockId, thread: ThreadKey) -> Standing {
        let others = self
            .member
            .attitudes_of_others(block, self.id, thread)
            .into_iter();
        let standings = others.map(|it| self.judge(it));
        standings.max().unwrap_or(Standing::Asleep)
    }

    /// How somebody really stands: what he waits for may have come.
    fn judge(self, attitude: Attitude) -> Standing {
        let has_come = |goal| match goal {
            FOR_MESSAGE => !self.is_empty(),
            FOR_ROOM => !self.is_full(),
            _ => self.unfinished() == 0,
        };
        let is_over = self.phase() != Phase::Open
            || [FOR_MESSAGE, FOR_ROOM, FOR_DONE]
                .into_iter()
                .any(|goal| attitude.goals & goal != 0 && has_come(goal));
        match attitude.standing {
            Standing::Asleep | Standing::Waiting if is_over => Standing::Awake,
            standing => standing,
        }
    }

    /// Of the processes that the roster names, but this one.
    fn others_in_roster(self) -> Standing {
        if self.word(SHARED).load(SeqCst) == 0 {
            return Standing::Asleep;
        }
        let mut most = Standing::Asleep;
        for slot in processes::slots().filter(|&slot| slot != self.member.slot()) {
            let standing = self.standing_in_roster(slot);
            if let Some(standing) = standing.filter(|&it| it > most)
                && self.is_alive(slot)
            {
                most = standing;
            }
            if most == Standing::Awake {
                break;
            }
        }
        most
    }

    /// What the roster says of the process that has the slot now; `None` if it does not name it.
    fn standing_in_roster(self, slot: Slot) -> Option<Standing> {
        let word = self.roster_word(slot)?.load(SeqCst);
        let generation = ProcessEntry::at(self.arena(), slot).generation();
        if word & HAS == 0 || word & !FLAGS != generation << GENERATION_SHIFT {
            return None;
        }
        let standing = match (word & SLEEPS, word & WAITS) {
            (0, 0) => Standing::Awake,
            (0, _) => Standing::Waiting,
            _ => Standing::Asleep,
        };
        let goals = (word & FLAGS) >> GOALS_SHIFT;
        Some(self.judge(Attitude { standing, goals }))
    }

    /// Of those that hold the queue in some way, or could take it out of something that they hold.
    fn others_holding(self, thread: ThreadKey) -> Standing {
        // One hold is this process's own.
        if self.member.holders(self.id) <= 1 {
            return Standing::Asleep;
        }
        let Ok(holding) = self.member.holders_through(self.id) else {
            return Standing::Awake;
        };
        let mut own = 0;
        let mut most = Standing::Asleep;
        for (block, slot) in holding {
            let standing = if slot != self.member.slot() {
                let standing = self.standing_in_roster(slot).unwrap_or(Standing::Awake);
                if standing <= most || !self.is_alive(slot) {
                    continue;
                }
                standing
            } else if block == self.id {
                // One more than that for the handles: a message that a thread is just taking.
                own += 1;
                if own > 1 { Standing::Awake } else { continue }
            } else {
                self.others_of_process(block, thread)
            };
            most = most.max(standing);
        }
        most
    }

    /// Whether the process that has the slot now lives. Of one that has ended unnoticed, what it had
    /// is let go: its parent may have died before it.
    fn is_alive(self, slot: Slot) -> bool {
        let entry = ProcessEntry::at(self.arena(), slot);
        let key = (slot, entry.generation());
        let known = SEEN.with_borrow(|seen| seen.get(&key).copied());
        if let Some((alive, at)) = known
            && (!alive || at.elapsed() < TRUSTED_FOR)
        {
            return alive;
        }
        let mut alive = entry.is_alive(key.1);
        if !alive && entry.state() != State::Free {
            // A child whose parent is gone may still be about to enter: from now on it cannot.
            let _ = self.member.retire_orphans();
            alive = entry.is_alive(key.1);
        }
        SEEN.with_borrow_mut(|seen| {
            if seen.len() as u64 > 2 * PROCESS_COUNT {
                seen.clear();
            }
            seen.insert(key, (alive, Instant::now()))
        });
        alive
    }
}

/// One handle less in this process. With its last one, a process gives up a queue.
pub fn release(member: &Member, id: BlockId) -> Result<()> {
    member.release_after(id, || {
        if let Ok(block) = member.part(id, Kind::Queue) {
            Queue::at(member, block).note_has(false);
        }
    })
}

/// One more handle in this process, of what may be a queue.
pub fn adopt(member: &Member, id: BlockId, generation: u32) -> Result<()> {
    let block = member.adopt(id, generation)?;
    if block.kind == Kind::Queue {
        Queue::at(member, block).note_has(true);
    }
    Ok(())
}

/// A wait of the calling thread that others can see once it has lasted; until it is dropped.
pub(super) struct Rest<'a> {
    queue: Queue<'a>,
    thread: ThreadKey,
    wait: Attitude,
    is_noted: bool,
}

impl<'a> Rest<'a> {
    pub(super) fn new(queue: Queue<'a>, goals: Goals) -> Self {
        Self {
            queue,
            thread: this_thread(),
            wait: Attitude {
                standing: Standing::Asleep,
                goals,
            },
            is_noted: false,
        }
    }

    /// Whether nobody but the thread, which sleeps, can do anything with the queue.
    pub(super) fn is_for_ever(&mut self) -> bool {
        if !self.is_noted {
            self.is_noted = true;
            self.queue.note_wait(self.thread, self.wait, true);
        }
        self.queue.company(self.thread) == Standing::Asleep
    }
}

impl Drop for Rest<'_> {
    fn drop(&mut self) {
        if self.is_noted {
            self.queue.note_wait(self.thread, self.wait, false);
        }
    }
}
