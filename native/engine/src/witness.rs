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
        let lanes = lock(&self.lanes);
        let words = lanes.iter().flat_map(|it| {
            let done = it.done.load(SeqCst);
            [it.lane.to_string(), done.to_string(), it.heard()]
        });
        Telling {
            words: words.collect(),
            witness: self,
        }
    }

    /// Whether a mailbox may be trimmed up to what was heard last.
    pub fn may_trim(&self) -> bool {
        self.telling.load(SeqCst) == 0
    }
}

/// Of each lane: its number, the highest step that was done, the last that was heard.
pub struct Telling<'a> {
    pub words: Vec<String>,
    witness: &'a Witness,
}

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        self.witness.telling.fetch_sub(1, SeqCst);
    }
}
