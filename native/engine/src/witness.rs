//! What this process knows that the engine has done. Over each new connection it shows the engine that: one that knows less
//! has forgotten what it had acknowledged. See `lapse.lua` for what follows.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use crate::session::lock;

/// What is known of a lane.
#[derive(Default)]
pub struct LaneWitness {
    lane: u32,
    /// The highest number of a step that was done and answered.
    pub done: AtomicU64,
    /// The id of the last outcome or event in its mailbox that was read.
    heard: Mutex<String>,
}

impl LaneWitness {
    pub fn lane(&self) -> u32 {
        self.lane
    }

    /// This was read; the reader keeps it in the mailbox until it has read another.
    pub fn has_heard(&self, id: &str) {
        id.clone_into(&mut lock(&self.heard));
    }

    /// The last that was read is trimmed: nothing shows it any more.
    pub fn forget(&self) {
        lock(&self.heard).clear();
    }

    pub fn heard(&self) -> String {
        lock(&self.heard).clone()
    }
}

/// What is known of all lanes of a session; those of threads that have ended, too.
#[derive(Default)]
pub struct Witness {
    lanes: Mutex<Vec<Arc<LaneWitness>>>,
    /// How many are telling the engine just now.
    telling: AtomicU32,
    /// How many have begun to.
    told: AtomicU64,
}

impl Witness {
    /// The lane of that number, which is a new one.
    pub fn lane(&self, lane: u32) -> Arc<LaneWitness> {
        let made = Arc::new(LaneWitness {
            lane,
            ..LaneWitness::default()
        });
        lock(&self.lanes).push(Arc::clone(&made));
        made
    }

    /// What is told to the engine. What is heard until this is dropped stays in the mailboxes.
    pub fn tell(&self) -> Telling<'_> {
        self.telling.fetch_add(1, SeqCst);
        let number = self.told.fetch_add(1, SeqCst) + 1;
        let lanes = lock(&self.lanes);
        let words = lanes.iter().flat_map(|it| {
            let done = it.done.load(SeqCst);
            [it.lane.to_string(), done.to_string(), it.heard()]
        });
        Telling {
            number,
            words: words.collect(),
            witness: self,
        }
    }

    /// Whether a mailbox may be trimmed up to what was heard last: then the number up to which all tellings are over. What
    /// was sent by one that was given up may still arrive: by this number the engine knows it.
    pub fn all_over(&self) -> Option<u64> {
        let told = self.told.load(SeqCst); // before the other
        (self.telling.load(SeqCst) == 0).then_some(told)
    }
}

/// Of each lane: its number, the highest step that was done, the last that was heard.
pub struct Telling<'a> {
    pub number: u64,
    pub words: Vec<String>,
    witness: &'a Witness,
}

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        self.witness.telling.fetch_sub(1, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greetings_are_over_when_none_is_under_way() {
        let witness = Witness::default();
        assert_eq!(witness.all_over(), Some(0));
        let first = witness.tell();
        let second = witness.tell();
        assert_eq!([first.number, second.number], [1, 2]);
        drop(second);
        assert_eq!(witness.all_over(), None);
        drop(first);
        assert_eq!(witness.all_over(), Some(2));
    }
}
