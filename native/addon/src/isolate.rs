//! What one isolate, the JavaScript of a thread, has of this process, and how all of it is given back
//! when the isolate ends, however it does: a Worker that is terminated, a module of `deno test`, a
//! program that `--watch` restarts. And whether it has ended, for what its thread still waits for.
//!
//! | what an isolate has         | how it goes                                               |
//! | --------------------------- | --------------------------------------------------------- |
//! | promises that wait          | abandoned: what they have got is given back (port.rs)     |
//! | connections, listeners, outputs of children | closed; each is in a table of its thread  |
//! | children                    | daemons are sent SIGTERM; the others go on (children.rs)  |
//! | handles of blocks           | released, as often as it has them                         |
//! | locks                       | its thread's token becomes that of a dead one             |
//!
//! JavaScript knows nothing but numbers, which mean nothing any more afterwards: an object that is
//! called after the end finds nothing, instead of memory that is freed.
//!
//! Deno 2.9.6 ends a Worker only when its thread comes back to the event loop, and a thread that blocks
//! in here does not come back. So the caller of `terminate()` says so first
//! (src/addon/terminated.ts), with the number that Deno has given the Worker, which its thread has
//! in its name. From then on the thread takes nothing: its wait ends with an error, which brings it
//! back.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};

use multiprocessing_core::memory::heap::BlockId;
use multiprocessing_core::queue::roster;
use multiprocessing_core::sys::{caller, own};
use napi::Env;
use napi_derive::napi;

use crate::abi::errors::{Result, state};
use crate::tree::tree;
use crate::{children, connections, output, port, queues, sockets};

/// What Deno calls the thread of a Worker, before its number.
const WORKER: &str = "worker-";

/// The Workers of this process of which something is known.
#[derive(Default)]
struct Workers {
    /// Those whose numbers their makers know.
    known: HashSet<u32>,
    /// Those that are terminated, and have not ended yet.
    terminated: HashSet<u32>,
}

static WORKERS: Mutex<Option<Workers>> = Mutex::new(None);
static LAST_ISOLATE: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The number of the Worker whose thread this is; 0: of none.
    static NUMBER: Cell<u32> = const { Cell::new(0) };
    static ISOLATE: Cell<u64> = const { Cell::new(0) };
    /// Whether a wait of this thread has ended because its Worker was terminated.
    static IS_GONE: Cell<bool> = const { Cell::new(false) };
    /// The Workers that this isolate has made.
    static MADE: RefCell<Vec<u32>> = RefCell::default();
    /// How many handles of each block JavaScript has.
    static HANDLES: RefCell<HashMap<BlockId, u32>> = RefCell::default();
}

/// What `work` gives, of what is known of the Workers.
fn with_workers<T>(work: impl FnOnce(&mut Workers) -> T) -> T {
    let mut workers: MutexGuard<Option<Workers>> =
        WORKERS.lock().unwrap_or_else(PoisonError::into_inner);
    work(workers.get_or_insert_default())
}

/// An isolate begins to use the addon in this thread.
pub fn begin(env: Env) -> napi::Result<()> {
    let number = number_in(&own::thread_name());
    NUMBER.set(number);
    IS_GONE.set(false);
    ISOLATE.set(LAST_ISOLATE.fetch_add(1, SeqCst) + 1);
    caller::watch((number != 0).then_some(goes_on));
    env.add_env_cleanup_hook((), |()| end())?;
    Ok(())
}

/// The isolate of this thread ends: nothing of JavaScript may be touched any more.
fn end() {
    caller::watch(None);
    with_workers(|workers| {
        workers.terminated.remove(&NUMBER.get());
        // Deno terminates with it those that it has made.
        for number in MADE.take() {
            if workers.known.remove(&number) {
                workers.terminated.insert(number);
            }
        }
    });
    port::close();
    queues::close();
    connections::close_all();
    sockets::close_all();
    output::close_all();
    children::leave(current());
    let handles = HANDLES.take();
    if let Ok(tree) = tree() {
        for (block, count) in handles {
            for _ in 0..count {
                let _ = roster::release(&tree.member, block);
            }
        }
        tree.member.end_thread();
    }
}

/// Tells the isolates of this process apart.
pub fn current() -> u64 {
    ISOLATE.get()
}

/// JavaScript has one more handle of the block.
pub fn gain(block: BlockId) -> BlockId {
    HANDLES.with_borrow_mut(|handles| *handles.entry(block).or_default() += 1);
    block
}

/// It has one less.
pub fn lose(block: BlockId) {
    HANDLES.with_borrow_mut(|handles| {
        if let Some(count) = handles.get_mut(&block) {
            *count -= 1;
            if *count == 0 {
                handles.remove(&block);
            }
        }
    });
}

fn number_in(name: &str) -> u32 {
    let number = name.trim_end().strip_prefix(WORKER).map(str::parse);
    number.and_then(std::result::Result::ok).unwrap_or(0)
}

/// The numbers of the Workers that this process has now.
#[napi]
pub fn workers() -> Vec<u32> {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else {
        return Vec::new();
    };
    let name = |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("comm")).ok();
    let numbers = threads.flatten().filter_map(name).map(|it| number_in(&it));
    numbers.filter(|&number| number != 0).collect()
}

/// This isolate has made the Worker of that number.
#[napi]
pub fn worker_made(number: u32) {
    MADE.with_borrow_mut(|made| made.push(number));
    with_workers(|workers| workers.known.insert(number));
}

/// The Worker of that number is about to be terminated. 0: its number is not known, so it is the only
/// one whose number nobody knows, if there is only one.
#[napi]
pub fn worker_ends(number: u32) {
    let all = if number == 0 { workers() } else { vec![number] };
    with_workers(|workers| {
        let is_meant = |it: &u32| *it == number || !workers.known.contains(it);
        let mut meant: Vec<u32> = all.into_iter().filter(is_meant).collect();
        meant.retain(|it| !workers.terminated.contains(it));
        if let [number] = meant[..] {
            workers.known.remove(&number);
            workers.terminated.insert(number);
        }
    });
    MADE.with_borrow_mut(|made| made.retain(|&it| it != number));
}

/// The number of this thread's Worker; 0: it is of none.
pub fn number() -> u32 {
    NUMBER.get()
}

/// Whether the Worker of that number was terminated.
pub fn is_terminated(number: u32) -> bool {
    number != 0 && with_workers(|workers| workers.terminated.contains(&number))
}

fn goes_on() -> bool {
    let is_gone = is_terminated(NUMBER.get());
    IS_GONE.set(is_gone);
    !is_gone
}

/// What a call has come to; an error if it was a wait that ended because the Worker was terminated.
pub fn unless_gone<T>(outcome: Result<T>) -> Result<T> {
    match IS_GONE.get() {
        true => Err(state("Cannot wait: this Worker has been terminated")),
        false => outcome,
    }
}
