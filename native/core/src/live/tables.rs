//! The tables of a tree: its processes and threads, and what each of them waits for, as they tell.

use std::collections::HashMap;

use super::image::{Source, bytes};
use super::objects::Holder;
use crate::memory::arena::{
    BOARD_SIZE, BOARDS, GRAVE_SIZE, GRAVES, PROCESS_COUNT, PROCESS_SIZE, PROCESSES, THREAD_COUNT,
    THREAD_SIZE, THREADS,
};
use crate::sync::Token;
use crate::tree::graves;
use crate::tree::processes::{CopiedProcess, Slot, State, TreePlace};
use crate::tree::threads::CopiedThread;
use crate::wait::notes::{CopiedBoard, CopiedNote};

/// A process of the tree.
pub struct Process {
    pub slot: Slot,
    pub(super) entry: CopiedProcess,
    pub is_running: bool,
    pub(super) threads: Vec<CopiedThread>,
    /// What its promises wait for, and the numbers of their threads; the longest wait first.
    pub promises: Vec<(CopiedNote, u32)>,
    pub more_promises: u32,
}

/// The tables, as they were copied.
pub struct Tables {
    pub processes: Vec<Process>,
    by_slot: HashMap<Slot, usize>,
    threads: Vec<u8>,
    graves: Vec<u8>,
}

/// A thread or promise that waits.
pub struct Waiter<'a> {
    pub pid: u32,
    pub tid: u32,
    pub is_promise: bool,
    pub note: &'a CopiedNote,
}

impl Tables {
    /// Copies the tables. `is_member` tells of a process whether it has the memory of the tree; of one that
    /// has not, nothing is believed.
    pub fn copy(source: &dyn Source, is_member: &dyn Fn(u32) -> bool) -> Self {
        let entries = bytes(source, PROCESSES, PROCESS_COUNT * PROCESS_SIZE);
        let threads = bytes(source, THREADS, THREAD_COUNT * THREAD_SIZE);
        let mut tables = Self {
            processes: Vec::new(),
            by_slot: HashMap::new(),
            graves: copied_graves(source),
            threads,
        };
        for (slot, bytes) in (0..).zip(entries.chunks_exact(PROCESS_SIZE as usize)) {
            let entry = CopiedProcess::of(bytes);
            // One that nobody has started yet has no number.
            if entry.state == State::Free || entry.pid == 0 {
                continue;
            }
            let is_running = match entry.state {
                State::Live => entry.is_running(),
                _ => true,
            };
            if is_running && !is_member(entry.pid) {
                continue;
            }
            tables.by_slot.insert(slot, tables.processes.len());
            tables.processes.push(Process {
                slot,
                entry,
                is_running,
                threads: Vec::new(),
                promises: Vec::new(),
                more_promises: 0,
            });
        }
        tables.add_threads();
        tables.add_promises(source);
        tables
    }

    fn add_threads(&mut self) {
        let entries = self.threads.chunks_exact(THREAD_SIZE as usize);
        for thread in entries.map(CopiedThread::of).filter(|it| it.is_used) {
            if let Some(&index) = self.by_slot.get(&thread.place.slot)
                && let process = &mut self.processes[index]
                && process.is_running
                && process.entry.generation == thread.place.generation
                && process.entry.pid == thread.pid
                && thread.is_running()
            {
                process.threads.push(thread);
            }
        }
    }

    fn add_promises(&mut self, source: &dyn Source) {
        for process in self.processes.iter_mut().filter(|it| it.is_running) {
            let at = BOARDS + u64::from(process.slot) * BOARD_SIZE;
            let board = CopiedBoard::of(&bytes(source, at, BOARD_SIZE));
            if board.generation != process.entry.generation {
                continue; // an earlier process's
            }
            let tid = |token: Option<Token>| {
                let thread = CopiedThread::behind(&self.threads, token?)?;
                (thread.place.slot == process.slot).then_some(thread.tid)
            };
            let waits = board.waits.into_iter();
            let mut waits: Vec<_> = waits
                .map(|(note, token)| (note, tid(token).unwrap_or(0)))
                .collect();
            waits.sort_by_key(|(note, _)| note.since);
            process.more_promises = board.count.saturating_sub(waits.len() as u32);
            process.promises = waits;
        }
    }

    pub fn process(&self, slot: Slot) -> Option<&Process> {
        self.by_slot.get(&slot).map(|&index| &self.processes[index])
    }

    /// All who wait.
    pub fn waiters(&self) -> impl Iterator<Item = Waiter<'_>> {
        self.processes.iter().flat_map(|process| {
            let pid = process.entry.pid;
            let threads = process.threads.iter().filter_map(move |thread| {
                Some(Waiter {
                    pid,
                    tid: thread.tid,
                    is_promise: false,
                    note: thread.note.as_ref()?,
                })
            });
            threads.chain(process.promises.iter().map(move |(note, tid)| Waiter {
                pid,
                tid: *tid,
                is_promise: true,
                note,
            }))
        })
    }

    /// The thread behind a token.
    pub fn holder(&self, token: Token) -> Holder {
        let Some(thread) = CopiedThread::behind(&self.threads, token) else {
            return Holder {
                pid: 0,
                tid: 0,
                process_name: String::new(),
                lives_on: false,
            };
        };
        let process = self.process(thread.place.slot);
        let process = process.filter(|it| it.entry.generation == thread.place.generation);
        let known = process.map(|it| it.entry.name.clone());
        Holder {
            pid: thread.pid,
            tid: thread.tid,
            lives_on: process.is_some_and(|it| it.is_running),
            process_name: known
                .or_else(|| graves::name_in_copy(&self.graves, thread.place))
                .unwrap_or_default(),
        }
    }

    /// The process of a place, if it is there.
    pub fn at(&self, place: TreePlace) -> Option<&Process> {
        let process = self.process(place.slot)?;
        (process.entry.generation == place.generation).then_some(process)
    }
}

/// The graves that were ever filled.
fn copied_graves(source: &dyn Source) -> Vec<u8> {
    let first = bytes(source, GRAVES, GRAVE_SIZE);
    bytes(source, GRAVES, graves::filled_bytes(&first))
}
