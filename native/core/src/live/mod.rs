//! Trees as an outside process of the same user sees them: which there are, their processes and what each
//! waits for, their objects.
//!
//! A viewer is no member: it has no place in the tables, takes no lock and writes nothing. It copies parts
//! of a tree's memory ([`image`]) instead of mapping it, so that whatever a tree's processes do, or have
//! done, costs it a bounded amount of work and no harm. What it tells was never true at one moment.
//!
//! - [`tables`]: processes, threads, and what they wait for.
//! - [`blocks`]: which blocks are objects, and their names.
//! - [`objects`]: what each object tells of itself.
//! - [`plain`]: all that as JSON.

mod blocks;
pub mod image;
pub mod objects;
mod plain;
mod tables;

use crate::error::{Error, Result};
use crate::memory::arena::{self, Arena};
use crate::sys::clock::shared_milliseconds;
use crate::sys::outside::{self, FileId};
use crate::tree::processes::{NO_SLOT, Slot, State};
use crate::wait::notes::{CopiedNote, Goal};
use blocks::Blocks;
use image::Source;
use objects::{Barrier, Condition, Event, Lock, Objects, Place, Pool, Queue, Semaphore, place_of};
use plain::{Plain, plain};
use tables::{Process, Tables};

/// Trees that are looked at, at most.
const MOST_TREES: usize = 64;
/// The root has this place.
const ROOT: Slot = 0;

plain! {
    /// All trees of the user.
    pub struct Look {
        trees "trees": Vec<Tree>,
        troubles "troubles": Vec<String>,
    }

    pub struct Tree {
        id "id": String,
        root_pid "rootPid": u32,
        shared_bytes "sharedBytes": u64,
        processes "processes": Vec<SeenProcess>,
        locks "locks": Vec<Lock>,
        semaphores "semaphores": Vec<Semaphore>,
        events "events": Vec<Event>,
        conditions "conditions": Vec<Condition>,
        barriers "barriers": Vec<Barrier>,
        queues "queues": Vec<Queue>,
        pools "pools": Vec<Pool>,
        troubles "troubles": Vec<String>,
    }

    pub struct SeenProcess {
        pid "pid": u32,
        parent_pid "parentPid": Option<u32>,
        name "name": String,
        state "state": &'static str,
        is_caged "isCaged": bool,
        threads "threads": Vec<SeenThread>,
        promises "promises": Vec<SeenPromise>,
        more_promises "morePromises": u32,
    }

    pub struct SeenThread {
        tid "tid": u32,
        waits_for "waitsFor": Option<Wait>,
    }

    pub struct Wait {
        kind "kind": &'static str,
        object "object": Option<String>,
        pid "pid": Option<u32>,
        since "sinceMs": u64,
    }

    pub struct SeenPromise {
        kind "kind": &'static str,
        object "object": Option<String>,
        pid "pid": Option<u32>,
        since "sinceMs": u64,
        tid "tid": u32,
    }
}

/// Looks at the trees of this user that this process is not alone in, as JSON.
pub fn look() -> Result<String> {
    let search = outside::search(arena::NAME, MOST_TREES).map_err(|error| {
        Error::Unsupported(format!("Cannot look for processes in /proc: {error}"))
    })?;
    let mut look = Look {
        trees: Vec::new(),
        troubles: troubles_of(&search),
    };
    for found in &search.found {
        let id = found.file.id;
        let is_member = |pid: u32| found.pids.contains(&pid) || has_memory(pid, id);
        match Tree::read(&found.file, &is_member) {
            Ok(mut tree) => {
                tree.id = format!("{:x}-{:x}", id.0, id.1);
                tree.shared_bytes = found.file.resident;
                look.trees.push(tree);
            }
            Err(why) => look.troubles.push(format!(
                "Cannot look at the tree of process {}: {why}",
                found.pids.first().copied().unwrap_or(0)
            )),
        }
    }
    look.trees.sort_by_key(|tree| tree.root_pid);
    let mut json = String::new();
    look.write(&mut json);
    Ok(json)
}

/// It was started after the search, or is this process itself.
fn has_memory(pid: u32, id: FileId) -> bool {
    outside::has_open(pid, arena::NAME, id)
}

fn troubles_of(search: &outside::Search) -> Vec<String> {
    let mut troubles = Vec::new();
    if search.has_more {
        troubles.push(format!(
            "Only {MOST_TREES} trees were looked at: there are more"
        ));
    }
    if let [first, others @ ..] = &search.closed[..] {
        let count = 1 + others.len();
        troubles.push(format!(
            "The system does not let this process look into {count} others of this user, such as process {first}"
        ));
    }
    troubles
}

impl Tree {
    /// Reads a tree; why it cannot be read.
    pub fn read(
        source: &dyn Source,
        is_member: &dyn Fn(u32) -> bool,
    ) -> std::result::Result<Self, &'static str> {
        Arena::require_readable(source.size(), &|offset| {
            let mut word = [0; 8];
            source
                .copy(offset, &mut word)
                .then(|| u64::from_ne_bytes(word))
        })?;
        let tables = Tables::copy(source, is_member);
        let blocks = Blocks::copy(source);
        let objects = Objects::read(source, &tables, &blocks);
        let now = shared_milliseconds();
        let seen = |process| SeenProcess::new(process, &tables, &blocks, now);
        let root = tables.process(ROOT).filter(|it| it.is_running);
        let mut troubles = Vec::new();
        if blocks.has_more || objects.has_more {
            troubles.push("Some objects were left out: there are too many".into());
        }
        Ok(Self {
            id: String::new(),
            root_pid: root.map_or(0, |it| it.entry.pid),
            shared_bytes: 0,
            processes: tables.processes.iter().map(seen).collect(),
            locks: objects.locks,
            semaphores: objects.semaphores,
            events: objects.events,
            conditions: objects.conditions,
            barriers: objects.barriers,
            queues: objects.queues,
            pools: objects.pools,
            troubles,
        })
    }
}

impl SeenProcess {
    fn new(process: &Process, tables: &Tables, blocks: &Blocks, now: u64) -> Self {
        let entry = &process.entry;
        let wait = |note: &CopiedNote| Wait::new(note, blocks, now);
        let parent = tables
            .process(entry.parent)
            .filter(|_| entry.parent != NO_SLOT);
        let threads = process.threads.iter().map(|thread| SeenThread {
            tid: thread.tid,
            waits_for: thread.note.as_ref().map(wait),
        });
        let promises = process.promises.iter().map(|(note, tid)| {
            let Wait {
                kind,
                object,
                pid,
                since,
            } = wait(note);
            SeenPromise {
                kind,
                object,
                pid,
                since,
                tid: *tid,
            }
        });
        Self {
            pid: entry.pid,
            parent_pid: parent.map(|it| it.entry.pid),
            name: entry.name.clone(),
            state: match entry.state {
                _ if !process.is_running => "ended",
                State::Live if entry.has_begun || process.slot == ROOT => "running",
                State::Live => "warm",
                _ => "starting",
            },
            is_caged: entry.is_caged,
            threads: threads.collect(),
            promises: promises.collect(),
            more_promises: process.more_promises,
        }
    }
}

impl Wait {
    fn new(note: &CopiedNote, blocks: &Blocks, now: u64) -> Self {
        let (kind, object, pid) = match note.goal {
            Goal::Process(pid) => ("process", None, Some(pid)),
            Goal::Connection => ("connection", None, None),
            Goal::Word(offset) => match place_of(blocks, offset) {
                Place::Object(block, kind) => (kind, Some(blocks::id_of(block)), None),
                Place::Memory => ("memory", None, None),
                Place::Unknown => ("other", None, None),
            },
        };
        Self {
            kind,
            object,
            pid,
            since: now.saturating_sub(note.since),
        }
    }
}

#[cfg(test)]
mod tests;
