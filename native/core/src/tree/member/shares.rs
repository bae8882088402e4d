//! Notes which threads of this process have handles of a block, and which of them wait for other
//! processes at it. A thread that sleeps until somebody puts will not put itself.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Names a thread of this process. It is never given out again.
pub type ThreadKey = u32;

/// The name of the calling thread.
#[inline]
pub fn this_thread() -> ThreadKey {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    thread_local! {
        static KEY: ThreadKey = NEXT.fetch_add(1, Relaxed);
    }
    // While the thread ends, it is nobody any more.
    KEY.try_with(|key| *key).unwrap_or(0)
}

/// What can be expected of a process that has a block; the most comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Nothing: it sleeps, and does nothing else, until another does something with the block. Who
    /// is not there stands so, too.
    Asleep,
    /// It waits for that, and may do something else meanwhile.
    Waiting,
    /// Anything.
    Awake,
}

/// What it waits for, one bit for each goal that the kind of block has.
pub type Goals = u32;

/// How one or several stand, and what they wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attitude {
    pub standing: Standing,
    pub goals: Goals,
}

impl Attitude {
    pub const AWAKE: Self = Self {
        standing: Standing::Awake,
        goals: 0,
    };

    /// Of both together.
    fn with(self, other: Self) -> Self {
        Self {
            standing: self.standing.max(other.standing),
            goals: self.goals | other.goals,
        }
    }
}

/// The possession of one thread.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    thread: ThreadKey,
    handles: u32,
    waits: u32,
    asleep: u32,
    /// Of all its waits.
    goals: Goals,
}

/// The possessions of all threads. Nearly always that is one.
#[derive(Debug, Default)]
pub(super) struct Shares {
    first: Share,
    others: Vec<Share>,
}

impl Shares {
    pub(super) fn one(thread: ThreadKey) -> Self {
        Self {
            first: Share {
                thread,
                handles: 1,
                ..Share::default()
            },
            others: Vec::new(),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Share> {
        [&self.first].into_iter().chain(&self.others)
    }

    fn of(&mut self, thread: ThreadKey) -> &mut Share {
        if self.first.thread == thread {
            return &mut self.first;
        }
        if let Some(index) = self.others.iter().position(|it| it.thread == thread) {
            return &mut self.others[index];
        }
        let fresh = Share {
            thread,
            ..Share::default()
        };
        if self.first.is_void() {
            self.first = fresh;
            return &mut self.first;
        }
        self.others.push(fresh);
        self.others.last_mut().unwrap_or(&mut self.first)
    }

    pub(super) fn add(&mut self, thread: ThreadKey) {
        self.of(thread).handles += 1;
    }

    /// One handle less: the thread's own if it has one.
    pub(super) fn remove(&mut self, thread: ThreadKey) {
        let has_own = |it: &Share| it.thread == thread && it.handles > 0;
        let is_own = self.all().any(has_own);
        let counts = |it: &&mut Share| it.handles > 0 && (!is_own || it.thread == thread);
        let found = [&mut self.first]
            .into_iter()
            .chain(&mut self.others)
            .find(counts);
        if let Some(share) = found {
            share.handles -= 1;
        }
        self.others.retain(|it| !it.is_void());
    }

    /// How many handles there are of all threads.
    pub(super) fn handles(&self) -> u32 {
        self.all().map(|it| it.handles).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.handles() == 0
    }

    pub(super) fn threads(&self) -> impl Iterator<Item = ThreadKey> {
        self.all().filter(|it| it.handles > 0).map(|it| it.thread)
    }

    pub(super) fn note_wait(&mut self, thread: ThreadKey, wait: Attitude, begins: bool) {
        let share = self.of(thread);
        let change = |count: u32| match begins {
            true => count + 1,
            false => count.saturating_sub(1),
        };
        share.waits = change(share.waits);
        if wait.standing == Standing::Asleep {
            share.asleep = change(share.asleep);
        }
        share.goals = match share.waits {
            0 => 0,
            _ => share.goals | wait.goals,
        };
        self.others.retain(|it| !it.is_void());
    }

    pub(super) fn attitude_of(&self, thread: ThreadKey) -> Attitude {
        let share = self.all().find(|it| it.thread == thread);
        share.map_or(Attitude::AWAKE, Share::attitude)
    }

    /// Of all threads that have handles; `None` if there are none.
    pub(super) fn attitude(&self) -> Option<Attitude> {
        let having = self.all().filter(|it| it.handles > 0);
        having.map(Share::attitude).reduce(Attitude::with)
    }
}

impl Share {
    fn is_void(&self) -> bool {
        self.handles == 0 && self.waits == 0
    }

    fn attitude(&self) -> Attitude {
        let standing = match (self.asleep, self.waits) {
            (0, 0) => Standing::Awake,
            (0, _) => Standing::Waiting,
            _ => Standing::Asleep,
        };
        Attitude {
            standing,
            goals: self.goals,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(standing: Standing, goals: Goals) -> Attitude {
        Attitude { standing, goals }
    }

    #[test]
    fn the_most_that_can_be_expected_counts() {
        let mut shares = Shares::one(1);
        assert_eq!(shares.attitude(), Some(Attitude::AWAKE));
        let sleeps = wait(Standing::Asleep, 1);
        shares.note_wait(1, sleeps, true);
        assert_eq!(shares.attitude(), Some(sleeps));
        shares.add(2);
        assert_eq!(
            shares.attitude().map(|it| it.standing),
            Some(Standing::Awake)
        );
        shares.note_wait(2, wait(Standing::Waiting, 2), true);
        assert_eq!(shares.attitude(), Some(wait(Standing::Waiting, 3)));
        shares.note_wait(1, sleeps, false);
        assert_eq!(shares.attitude_of(1), Attitude::AWAKE);
        assert_eq!(shares.threads().collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn a_handle_is_taken_from_the_thread_that_gives_it_up() {
        let mut shares = Shares::one(1);
        shares.add(2);
        shares.remove(2);
        assert_eq!(shares.threads().collect::<Vec<_>>(), [1]);
        // Somebody else's, if it has none itself.
        shares.remove(3);
        assert!(shares.is_empty());
        shares.remove(1);
        assert!(shares.is_empty() && shares.attitude().is_none());
        shares.add(4);
        assert_eq!(shares.threads().collect::<Vec<_>>(), [4]);
    }
}
