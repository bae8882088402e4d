//! What the objects of a tree tell of themselves, and who waits for them.

use std::collections::HashMap;

use super::blocks::{Blocks, block_of, id_of};
use super::image::{Source, bytes};
use super::plain::plain;
use super::tables::{Tables, Waiter};
use crate::memory::arena::Offset;
use crate::memory::heap::{Block, BlockId, Kind, LOCK};
use crate::primitives::{barrier, condition, event, lock, semaphore};
use crate::queue::seen::{self, CopiedQueue, Point};
use crate::sync::semaphore::MAX_VALUE;
use crate::sync::{self, Token};
use crate::sys::clock::shared_milliseconds;
use crate::sys::words::{u32_at, u64_at};
use crate::wait::notes::Goal;

/// Objects of one kind that are told of at most.
const MOST_OF_A_KIND: usize = 1000;

plain! {
    /// The thread that has a lock.
    pub struct Holder {
        pid "pid": u32,
        tid "tid": u32,
        process_name "processName": String,
        lives_on "livesOn": bool,
    }

    pub struct Lock {
        id "id": String,
        name "name": String,
        kind "kind": &'static str,
        holder "holder": Option<Holder>,
        held_for "heldForAtLeastMs": Option<u64>,
        depth "depth": u32,
        waiters "waiters": usize,
    }

    pub struct Semaphore {
        id "id": String,
        name "name": String,
        value "value": u32,
        bound "bound": Option<u32>,
        waiters "waiters": usize,
    }

    pub struct Event {
        id "id": String,
        name "name": String,
        is_set "isSet": bool,
        waiters "waiters": usize,
    }

    pub struct Condition {
        id "id": String,
        name "name": String,
        lock "lock": Option<String>,
        waiters "waiters": usize,
    }

    pub struct Barrier {
        id "id": String,
        name "name": String,
        parties "parties": u32,
        arrived "arrived": u32,
        is_broken "isBroken": bool,
        waiters "waiters": usize,
    }

    /// Who sleeps at a queue.
    pub struct Sleeper {
        pid "pid": u32,
        tid "tid": u32,
        is_promise "isPromise": bool,
        since "sinceMs": u64,
    }

    pub struct Queue {
        id "id": String,
        name "name": String,
        length "length": u32,
        capacity "capacity": u32,
        bytes "bytes": u64,
        put "put": u32,
        taken "taken": u32,
        unfinished "unfinished": Option<u32>,
        is_shut_down "isShutDown": bool,
        users "users": Option<Vec<u32>>,
        putters "putters": Vec<Sleeper>,
        takers "takers": Vec<Sleeper>,
        joiners "joiners": Vec<Sleeper>,
    }

    pub struct Pool {
        id "id": String,
        name "name": String,
        pid "pid": u32,
        lives_on "livesOn": bool,
        processes "processes": u32,
        busy "busy": u32,
        queued "queued": u32,
        done "done": u32,
        failed "failed": u32,
    }
}

/// The words of a [`Kind::Pool`] block, which the host writes.
pub mod pool {
    use super::Offset;

    pub const PID: Offset = 0;
    /// How many workers there are to be, at most.
    pub const PROCESSES: Offset = 4;
    /// How many there are.
    pub const PRESENT: Offset = 8;
    /// How many tasks each runs at a time.
    pub const CONCURRENCY: Offset = 12;
    /// How many tasks are with the workers, or may be taken by them.
    pub const GIVEN: Offset = 16;
    /// How many more there are.
    pub const BACKLOG: Offset = 20;
    pub const DONE: Offset = 24;
    pub const FAILED: Offset = 28;
    pub const SIZE: u64 = 32;
}

/// What a place is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    Object(&'a Block, &'static str),
    /// The lock of the heap.
    Memory,
    Unknown,
}

/// What a sleeper on the word at `offset` waits for.
pub fn place_of(blocks: &Blocks, offset: Offset) -> Place<'_> {
    if offset == LOCK {
        return Place::Memory;
    }
    let Some((block, within)) = blocks.at(offset) else {
        return Place::Unknown;
    };
    let kind = match block.kind {
        Kind::Lock | Kind::RLock | Kind::Value if within == lock::LOCK_WORD => "lock",
        Kind::Semaphore => "semaphore",
        Kind::Event => "event",
        Kind::Condition => "condition",
        Kind::Barrier => "barrier",
        Kind::Queue => match seen::point_at(within) {
            Some(Point::Message) => "queue-get",
            Some(Point::Room) => "queue-put",
            Some(Point::Done) => "queue-join",
            Some(Point::Lock) => "queue-lock",
            None => return Place::Unknown,
        },
        _ => return Place::Unknown,
    };
    Place::Object(block, kind)
}

/// Who waits for which object, and for what of it.
type Waiters<'a> = HashMap<BlockId, Vec<(&'static str, Waiter<'a>)>>;

/// All objects of a tree that are told of.
#[derive(Default)]
pub struct Objects {
    pub locks: Vec<Lock>,
    pub semaphores: Vec<Semaphore>,
    pub events: Vec<Event>,
    pub conditions: Vec<Condition>,
    pub barriers: Vec<Barrier>,
    pub queues: Vec<Queue>,
    pub pools: Vec<Pool>,
    /// Some were left out.
    pub has_more: bool,
}

/// Reads the objects, one by one.
struct Reader<'a> {
    source: &'a dyn Source,
    tables: &'a Tables,
    blocks: &'a Blocks,
    waiters: Waiters<'a>,
    now: u64,
}

impl Objects {
    pub fn read(source: &dyn Source, tables: &Tables, blocks: &Blocks) -> Self {
        let mut waiters = Waiters::new();
        for waiter in tables.waiters() {
            if let Goal::Word(offset) = waiter.note.goal
                && let Place::Object(block, kind) = place_of(blocks, offset)
            {
                waiters.entry(block.id).or_default().push((kind, waiter));
            }
        }
        let reader = Reader {
            source,
            tables,
            blocks,
            waiters,
            now: shared_milliseconds(),
        };
        let mut objects = Self::default();
        for kinds in KINDS {
            let (chosen, has_more) = reader.chosen(kinds);
            objects.has_more |= has_more;
            for block in chosen {
                objects.add(&reader, block);
            }
        }
        objects
    }

    fn add(&mut self, reader: &Reader, block: &Block) {
        match block.kind {
            Kind::Lock | Kind::RLock | Kind::Value => self.locks.push(reader.lock(block)),
            Kind::Semaphore => self.semaphores.push(reader.semaphore(block)),
            Kind::Event => self.events.push(reader.event(block)),
            Kind::Condition => self.conditions.push(reader.condition(block)),
            Kind::Barrier => self.barriers.push(reader.barrier(block)),
            Kind::Queue => self.queues.push(reader.queue(block)),
            Kind::Pool => self.pools.push(reader.pool(block)),
            _ => {}
        }
    }
}

/// The kinds that are listed together.
const KINDS: [&[Kind]; 7] = [
    &[Kind::Lock, Kind::RLock, Kind::Value],
    &[Kind::Semaphore],
    &[Kind::Event],
    &[Kind::Condition],
    &[Kind::Barrier],
    &[Kind::Queue],
    &[Kind::Pool],
];

impl Reader<'_> {
    /// The objects of these kinds that are told of, and whether there are others: what is waited for comes
    /// first, then what has a name.
    fn chosen(&self, kinds: &[Kind]) -> (Vec<&Block>, bool) {
        let all = self.blocks.objects.iter();
        let mut chosen: Vec<&Block> = all.filter(|it| kinds.contains(&it.kind)).collect();
        let has_more = chosen.len() > MOST_OF_A_KIND;
        if has_more {
            chosen.sort_by_cached_key(|it| {
                let is_waited_for = self.waiters.contains_key(&it.id);
                (!is_waited_for, self.blocks.name(it).is_empty())
            });
            chosen.truncate(MOST_OF_A_KIND);
            chosen.sort_by_key(|it| it.id);
        }
        (chosen, has_more)
    }

    fn bytes(&self, block: &Block, length: u64) -> Vec<u8> {
        bytes(self.source, block.offset, length)
    }

    fn waiters(&self, block: &Block) -> usize {
        self.waiters.get(&block.id).map_or(0, Vec::len)
    }

    fn lock(&self, block: &Block) -> Lock {
        let words = self.bytes(block, lock::HELD_WORD + 8);
        let word = u32_at(&words, lock::LOCK_WORD);
        let is_recursive = block.kind != Kind::Lock;
        let depth = u32_at(&words, lock::DEPTH_WORD);
        let held = u64_at(&words, lock::HELD_WORD);
        // Only who waits has looked at the clock.
        let is_noted = word & sync::lock::WAITERS != 0 && held as u32 == word & Token::MASK;
        let held_for = (self.now as u32).wrapping_sub((held >> 32) as u32);
        let token = Token::from_word(word);
        Lock {
            id: id_of(block),
            name: self.blocks.name(block),
            kind: match block.kind {
                Kind::Lock => "lock",
                Kind::RLock => "rlock",
                _ => "value",
            },
            holder: token.map(|token| self.tables.holder(token)),
            held_for: (token.is_some() && is_noted && held_for <= i32::MAX as u32)
                .then_some(u64::from(held_for)),
            depth: if is_recursive { depth } else { 0 },
            waiters: self.waiters(block),
        }
    }

    fn semaphore(&self, block: &Block) -> Semaphore {
        let words = self.bytes(block, semaphore::MAX_WORD + 4);
        let bound = u32_at(&words, semaphore::MAX_WORD);
        Semaphore {
            id: id_of(block),
            name: self.blocks.name(block),
            value: u32_at(&words, semaphore::VALUE_WORD) & MAX_VALUE,
            bound: (bound < MAX_VALUE).then_some(bound),
            waiters: self.waiters(block),
        }
    }

    fn event(&self, block: &Block) -> Event {
        let word = u32_at(&self.bytes(block, event::EVENT_WORD + 4), event::EVENT_WORD);
        Event {
            id: id_of(block),
            name: self.blocks.name(block),
            is_set: word & sync::event::SET != 0,
            waiters: self.waiters(block),
        }
    }

    fn condition(&self, block: &Block) -> Condition {
        let words = self.bytes(block, condition::LOCK_ID + 4);
        let lock = u32_at(&words, condition::LOCK_ID);
        let kinds = [Kind::Lock, Kind::RLock, Kind::Value].into_iter();
        let lock = kinds
            .filter_map(|kind| block_of(self.source, lock, kind))
            .next();
        Condition {
            id: id_of(block),
            name: self.blocks.name(block),
            lock: lock.as_ref().map(id_of),
            waiters: self.waiters(block),
        }
    }

    fn barrier(&self, block: &Block) -> Barrier {
        let words = self.bytes(block, barrier::PARTIES + 4);
        let (arrived, is_broken) = sync::barrier::told_by_state(u64_at(&words, 0));
        Barrier {
            id: id_of(block),
            name: self.blocks.name(block),
            parties: u32_at(&words, barrier::PARTIES),
            arrived,
            is_broken,
            waiters: self.waiters(block),
        }
    }

    fn queue(&self, block: &Block) -> Queue {
        let queue = CopiedQueue::of(&self.bytes(block, seen::SIZE));
        let sleepers = |kind: &str| {
            let all = self.waiters.get(&block.id).into_iter().flatten();
            let all = all.filter(|&&(of, _)| of == kind);
            all.map(|(_, waiter)| self.sleeper(waiter)).collect()
        };
        Queue {
            id: id_of(block),
            name: self.blocks.name(block),
            length: queue.length,
            capacity: queue.capacity,
            bytes: queue.bytes,
            put: queue.put,
            taken: queue.taken,
            unfinished: queue.unfinished,
            is_shut_down: queue.is_shut_down,
            users: queue.roster.and_then(|id| self.users(id)),
            putters: sleepers("queue-put"),
            takers: sleepers("queue-get"),
            joiners: sleepers("queue-join"),
        }
    }

    fn sleeper(&self, waiter: &Waiter) -> Sleeper {
        Sleeper {
            pid: waiter.pid,
            tid: waiter.tid,
            is_promise: waiter.is_promise,
            since: self.now.saturating_sub(waiter.note.since),
        }
    }

    fn users(&self, roster: BlockId) -> Option<Vec<u32>> {
        let roster = block_of(self.source, roster, Kind::Roster)?;
        let words = self.bytes(&roster, seen::ROSTER_SIZE);
        let living = self.tables.processes.iter().filter(|it| it.is_running);
        let users = living.filter(|it| seen::has_queue(&words, it.slot, it.entry.generation));
        Some(users.map(|it| it.entry.pid).collect())
    }

    fn pool(&self, block: &Block) -> Pool {
        let words = self.bytes(block, pool::SIZE);
        let word = |at| u32_at(&words, at);
        let (pid, present, given) = (word(pool::PID), word(pool::PRESENT), word(pool::GIVEN));
        // Workers take what is given as soon as they can, those that have nothing first.
        let running = present.saturating_mul(word(pool::CONCURRENCY));
        let waiting = given.saturating_sub(running);
        let mut processes = self.tables.processes.iter();
        Pool {
            id: id_of(block),
            name: self.blocks.name(block),
            pid,
            lives_on: processes.any(|it| it.is_running && it.entry.pid == pid),
            processes: word(pool::PROCESSES),
            busy: given.min(present),
            queued: word(pool::BACKLOG).saturating_add(waiting),
            done: word(pool::DONE),
            failed: word(pool::FAILED),
        }
    }
}
